use std::fmt;
use std::sync::Arc;

use polars::prelude::{Expr, LazyFrame, PlSmallStr};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{Estimator, Predict, Training};
use super::forest_model::numbers;
use super::inputs::Inputs;
use super::nearest::{NeighborWeights, Neighborhood, refuse_none};
use super::table::Wanted;
use super::{damaged, numeric, owned, refuse_other, refuse_setting, shared};
use crate::error::{Error, Result};
use crate::learn::Need;
use crate::schema::{Columns, Kind, Schema, column};
use crate::transform::{Artifact, Saved};

/// Predicts the mean target of the train rows that are nearest by Euclidean distance.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `features` | – | names or a selector; numeric, without nulls, NaN or infinities, up to 1e150 in size |
/// | `target` | – | the column to predict; numeric, without nulls, NaN or infinities |
/// | `n_neighbors` | `5` | how many train rows are asked |
/// | `weights` | `NeighborWeights::Uniform` | how much each of them counts |
///
/// Units matter: scale the features first. They are read as Float64: dates, times and durations as the
/// numbers behind them, integers beyond 2^53 rounded. Weights of rows are not used.
///
/// The fit makes one scan of its own. The model *is* the train rows, features and target: it holds
/// them, 8 bytes a value, and so does its file. A prediction compares a row with all of them, in
/// blocks, exactly, without a search tree (Cover and Hart, Nearest Neighbor Pattern Classification,
/// IEEE Transactions on Information Theory 13, 1967). Of train rows at the same distance the first
/// ones are taken, where scikit-learn's `KNeighborsRegressor` takes those that its search tree comes
/// to; otherwise it is the same. The bits do not depend on threads or batches.
///
/// # Errors
///
/// | error | when |
/// |---|---|
/// | [`Config`](crate::ErrorKind::Config) | `n_neighbors` is 0 |
/// | [`Schema`](crate::ErrorKind::Schema) | a column is absent or not numeric |
/// | [`Fit`](crate::ErrorKind::Fit) | there are fewer train rows than neighbours; a column holds nulls, NaN or infinities, or a feature beyond 1e150 |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["x" => [0.0, 1.0, 10.0], "y" => [1.0, 2.0, 6.0]]?;
/// let model = floe::from_train(InMemory::new(rows))
///     .learn(KNeighborsRegressor::new(["x"], "y").n_neighbors(2))
///     .fit()?;
/// let new = model.predict(df!["x" => [0.2, 9.0]]?.lazy())?.collect()?;
/// assert_eq!(new.column("prediction")?.f64()?.to_vec(), [Some(1.5), Some(4.0)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct KNeighborsRegressor {
    features: Columns,
    target: PlSmallStr,
    n_neighbors: usize,
    weights: NeighborWeights,
}

impl KNeighborsRegressor {
    /// Learns to predict `target` from `features`.
    pub fn new(features: impl Into<Columns>, target: impl Into<PlSmallStr>) -> Self {
        Self {
            features: features.into(),
            target: target.into(),
            n_neighbors: 5,
            weights: NeighborWeights::default(),
        }
    }

    /// How many train rows are asked: 1 or more.
    pub fn n_neighbors(mut self, neighbors: usize) -> Self {
        self.n_neighbors = neighbors;
        self
    }

    /// How much each of them counts.
    pub fn weights(mut self, weights: NeighborWeights) -> Self {
        self.weights = weights;
        self
    }
}

/// The part of a label behind the columns.
pub(super) fn label(
    f: &mut fmt::Formatter<'_>,
    n_neighbors: usize,
    weights: NeighborWeights,
) -> fmt::Result {
    write!(f, ", n_neighbors: {n_neighbors}")?;
    if weights != NeighborWeights::default() {
        write!(f, ", weights: {weights:?}")?;
    }
    f.write_str(")")
}

impl fmt::Debug for KNeighborsRegressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (features, target) = (&self.features, self.target.as_str());
        write!(f, "KNeighborsRegressor({features:?} -> {target:?}")?;
        label(f, self.n_neighbors, self.weights)
    }
}

impl Estimator for KNeighborsRegressor {
    type Model = NeighborsModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        refuse_none(self.n_neighbors)?;
        numeric(&self.features, input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        Kind::of(&self.target, input.field(&self.target)?.dtype())?;
        Ok(Vec::new())
    }

    fn scans(&self) -> usize {
        1
    }

    fn restore(&self, saved: &Saved) -> Result<NeighborsModel> {
        let model: NeighborsModel = saved.read()?;
        refuse_other(&model.features, &self.features, self)?;
        let rows = &model.known.rows;
        refuse_setting("n_neighbors", &rows.n_neighbors, &self.n_neighbors)?;
        refuse_setting("weights", &rows.weights, &self.weights)?;
        Ok(model)
    }

    fn fit(&self, training: &Training<'_>) -> Result<NeighborsModel> {
        let names = self.features(training.schema())?;
        let wanted = Wanted {
            features: &names,
            target: &self.target,
            weights: None,
        };
        let (table, target) = wanted.numbers(training)?;
        let (count, weights) = (self.n_neighbors, self.weights);
        let rows = Neighborhood::new(count, weights, &names, table.rows, table.matrix)?;
        Ok(NeighborsModel {
            features: owned(names),
            known: Arc::new(Known { rows, target }),
        })
    }
}

/// A fitted `KNeighborsRegressor`: the train rows themselves.
///
/// The prediction is Float64: null where a feature is null; NaN where one is NaN, infinite, or so far
/// from all train rows that no float holds the distance. It is an element-wise kernel.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Written")]
pub struct NeighborsModel {
    features: Vec<String>,
    #[serde(serialize_with = "shared")]
    known: Arc<Known>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    rows: Neighborhood,
    target: Vec<f64>,
}

/// A model as a file has it, which may say what no fit does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    features: Vec<String>,
    known: Known,
}

impl TryFrom<Written> for NeighborsModel {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let Written { features, known } = written;
        known.rows.check(features.len(), known.target.len())?;
        if !known.target.iter().all(|value| value.is_finite()) {
            return Err(damaged("a target in it is no number"));
        }
        Ok(Self {
            features,
            known: Arc::new(known),
        })
    }
}

impl NeighborsModel {
    /// The features in order.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// How many train rows it holds.
    pub fn rows(&self) -> usize {
        self.known.rows.rows()
    }
}

impl Known {
    fn predict(&self, inputs: &Inputs) -> Vec<f64> {
        let mut predicted = vec![f64::NAN; inputs.rows().len()];
        self.rows.of_each(inputs, |row, neighbors, all| {
            if !neighbors.is_empty() {
                let told = neighbors.iter();
                let told = told.map(|(weight, other)| weight * self.target[*other as usize]);
                predicted[row] = told.sum::<f64>() / all;
            }
        });
        predicted
    }
}

// A model stands in labels; its rows would fill pages.
impl fmt::Debug for NeighborsModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "NeighborsModel({:?}, rows: {}",
            self.features,
            self.rows()
        )?;
        label(f, self.known.rows.n_neighbors, self.known.rows.weights)
    }
}

impl Artifact for NeighborsModel {
    const KIND: &'static str = "neighbors_model";
}

impl Predict for NeighborsModel {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let features = self.features.iter();
        let read: Vec<Expr> = features.map(|name| column(name.as_str())).collect();
        let known = Arc::clone(&self.known);
        Ok(frame.with_columns([numbers(read, move |inputs| known.predict(inputs))]))
    }

    fn report(&self) -> Value {
        json!({
            "rows": self.rows(),
            "n_neighbors": self.known.rows.n_neighbors,
            "weights": self.known.rows.weights,
        })
    }
}
