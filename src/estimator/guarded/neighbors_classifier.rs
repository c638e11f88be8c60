use std::fmt;
use std::sync::Arc;

use polars::prelude::{LazyFrame, PlSmallStr};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{Classes, Estimator, Predict, Training};
use super::inputs::Inputs;
use super::nearest::{NeighborWeights, Neighborhood, refuse_none};
use super::neighbors_regressor::label;
use super::probabilities::{Judge, predict};
use super::table::Wanted;
use super::{damaged, numeric, owned, refuse_other, refuse_setting, shared};
use crate::error::{Error, Result};
use crate::learn::Need;
use crate::schema::{Columns, Schema};
use crate::transform::{Artifact, Saved};

/// Predicts the class of most of the train rows that are nearest by Euclidean distance.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `features` | – | names or a selector; numeric, without nulls, NaN or infinities, up to 1e150 in size |
/// | `target` | – | the classes: texts, Booleans, integers, dates, times or decimals; no nulls, at most [`Classes::MOST`] |
/// | `n_neighbors` | `5` | how many train rows are asked |
/// | `weights` | `NeighborWeights::Uniform` | how much each of them counts |
///
/// The probability of a class is the share of the neighbours, or of their weights, that are of it; of
/// several most probable classes the first is predicted.
///
/// Units matter: scale the features first. They are read as Float64: dates, times and durations as the
/// numbers behind them, integers beyond 2^53 rounded. Weights of rows are not used.
///
/// The classes are found in the scan of the last level; the fit makes one more scan of its own. The
/// model *is* the train rows, features and class: it holds them, 8 bytes a value, and so does its
/// file. A prediction compares a row with all of them, in blocks, exactly, without a search tree
/// (Cover and Hart, Nearest Neighbor Pattern Classification, IEEE Transactions on Information Theory
/// 13, 1967). Of train rows at the same distance the first ones are taken, where scikit-learn's
/// `KNeighborsClassifier` takes those that its search tree comes to; otherwise it is the same. The
/// bits do not depend on threads or batches.
///
/// # Errors
///
/// | error | when |
/// |---|---|
/// | [`Config`](crate::ErrorKind::Config) | `n_neighbors` is 0, or a step stands on the target |
/// | [`Schema`](crate::ErrorKind::Schema) | a column is absent, a feature is not numeric, or the target has no classes, such as floats |
/// | [`Fit`](crate::ErrorKind::Fit) | there are fewer train rows than neighbours; a feature holds nulls, NaN or infinities, or lies beyond 1e150; the target has nulls, fewer than two classes, or more than [`Classes::MOST`] |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["x" => [0.0, 1.0, 2.0, 9.0], "y" => ["low", "low", "high", "high"]]?;
/// let model = floe::from_train(InMemory::new(rows))
///     .learn(KNeighborsClassifier::new(["x"], "y").n_neighbors(3))
///     .fit()?;
/// let new = model.predict(df!["x" => [0.0, 9.0]]?.lazy())?.collect()?;
/// assert_eq!(new.column("prediction")?.str()?.get(0), Some("low"));
/// assert_eq!(new.column("probability_high")?.f64()?.get(1), Some(2.0 / 3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct KNeighborsClassifier {
    features: Columns,
    target: PlSmallStr,
    n_neighbors: usize,
    weights: NeighborWeights,
}

impl KNeighborsClassifier {
    /// Learns to tell the classes of `target` apart by `features`.
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

impl fmt::Debug for KNeighborsClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (features, target) = (&self.features, self.target.as_str());
        write!(f, "KNeighborsClassifier({features:?} -> {target:?}")?;
        label(f, self.n_neighbors, self.weights)
    }
}

impl Estimator for KNeighborsClassifier {
    type Model = NeighborsClassifierModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        refuse_none(self.n_neighbors)?;
        numeric(&self.features, input)
    }

    fn needs(&self, _: &Schema) -> Result<Vec<Need>> {
        Ok(vec![Classes::need(&self.target)])
    }

    fn scans(&self) -> usize {
        1
    }

    fn is_classifier(&self) -> bool {
        true
    }

    fn restore(&self, saved: &Saved) -> Result<NeighborsClassifierModel> {
        let model: NeighborsClassifierModel = saved.read()?;
        refuse_other(&model.features, &self.features, self)?;
        let rows = &model.known.rows;
        refuse_setting("n_neighbors", &rows.n_neighbors, &self.n_neighbors)?;
        refuse_setting("weights", &rows.weights, &self.weights)?;
        Ok(model)
    }

    fn fit(&self, training: &Training<'_>) -> Result<NeighborsClassifierModel> {
        let names = self.features(training.schema())?;
        let found = training.learned.categories(&self.target, Classes::MOST)?;
        let dtype = training.schema().field(&self.target)?.dtype();
        let classes = Classes::learned(&self.target, dtype, &found)?;
        let wanted = Wanted {
            features: &names,
            target: &self.target,
            weights: None,
        };
        let (table, codes) = wanted.classes(training, &classes)?;
        let (count, weights) = (self.n_neighbors, self.weights);
        let rows = Neighborhood::new(count, weights, &names, table.rows, table.matrix)?;
        Ok(NeighborsClassifierModel {
            features: owned(names),
            known: Arc::new(Known {
                rows,
                codes,
                count: classes.len(),
            }),
            classes,
        })
    }
}

/// A fitted `KNeighborsClassifier`: the train rows themselves.
///
/// The prediction has the dtype of the target; probabilities are Float64 from 0 to 1 and sum to 1. A
/// null feature makes all of them null. Where one is NaN, infinite, or so far from all train rows that
/// no float holds the distance, the probabilities are NaN and the prediction is null.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Written")]
pub struct NeighborsClassifierModel {
    features: Vec<String>,
    classes: Classes,
    #[serde(serialize_with = "shared")]
    known: Arc<Known>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    rows: Neighborhood,
    /// The class of each row, by its place in the classes.
    codes: Vec<u32>,
    count: usize,
}

/// A model as a file has it, which may say what no fit does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    features: Vec<String>,
    classes: Classes,
    known: Known,
}

impl TryFrom<Written> for NeighborsClassifierModel {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let Written {
            features,
            classes,
            known,
        } = written;
        classes.refuse_disorder()?;
        known.rows.check(features.len(), known.codes.len())?;
        let mut codes = known.codes.iter();
        if known.count != classes.len() || !codes.all(|code| (*code as usize) < known.count) {
            return Err(damaged("a train row in it is of no class"));
        }
        Ok(Self {
            features,
            classes,
            known: Arc::new(known),
        })
    }
}

impl NeighborsClassifierModel {
    /// The features in order.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// How many train rows it holds.
    pub fn rows(&self) -> usize {
        self.known.rows.rows()
    }
}

impl Judge for Known {
    fn probabilities(&self, inputs: &Inputs) -> Vec<f64> {
        let mut probabilities = vec![0.0; inputs.rows().len() * self.count];
        self.rows.of_each(inputs, |row, neighbors, all| {
            let of_row = &mut probabilities[row * self.count..][..self.count];
            if neighbors.is_empty() {
                of_row.fill(f64::NAN);
                return;
            }
            for (weight, other) in neighbors {
                of_row[self.codes[*other as usize] as usize] += weight;
            }
            of_row.iter_mut().for_each(|weight| *weight /= all);
        });
        probabilities
    }
}

// A model stands in labels; its rows would fill pages.
impl fmt::Debug for NeighborsClassifierModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (features, rows) = (&self.features, self.rows());
        let classes = self.classes.len();
        write!(
            f,
            "NeighborsClassifierModel({features:?}, classes: {classes}, rows: {rows}"
        )?;
        label(f, self.known.rows.n_neighbors, self.known.rows.weights)
    }
}

impl Artifact for NeighborsClassifierModel {
    const KIND: &'static str = "neighbors_classifier_model";
}

impl Predict for NeighborsClassifierModel {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(predict(frame, &self.features, &self.classes, &self.known))
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn report(&self) -> Value {
        json!({
            "rows": self.rows(),
            "classes": self.classes.len(),
            "n_neighbors": self.known.rows.n_neighbors,
            "weights": self.known.rows.weights,
        })
    }
}
