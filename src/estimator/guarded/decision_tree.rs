use std::fmt;

use polars::prelude::PlSmallStr;

use super::super::{Estimator, Training};
use super::forest_model::ForestModel;
use super::grow::Grower;
use super::settings::{Settings, tree_setters};
use super::table::Wanted;
use super::target::Target;
use super::{numeric, owned, refuse_other, refuse_setting};
use crate::error::Result;
use crate::learn::Need;
use crate::schema::{Columns, Kind, Schema};
use crate::transform::Saved;

/// A regression tree: splits the train rows by one feature at a time, each time where it takes most
/// off the squared error, and predicts the mean of the target in a leaf.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `features` | – | names or a selector; numeric, without nulls, NaN or infinities |
/// | `target` | – | the column to predict; numeric, without nulls, NaN or infinities |
/// | `max_depth` | none | the most splits on the way to a leaf, as scikit-learn counts them |
/// | `min_samples_leaf` | `1` | the fewest train rows of a leaf |
/// | `min_samples_split` | `2` | the fewest train rows that are split further |
/// | `weights` | the column of role `Weight`, if any | how much a row counts in means and errors: 0 or more |
/// | `seed` | `0` | which of two equally good splits is taken |
///
/// Features and target are read as Float64: dates, times and durations as the numbers behind them,
/// integers beyond 2^53 rounded. Scaling changes nothing. A split is the middle between two values of
/// the train rows; a value of at most the threshold goes to the first side.
///
/// The fit makes one scan of its own and holds the train rows: 8 bytes a value, and twice that while
/// the tree grows. The tree is grown by smartcore 0.7 (Breiman, Friedman, Olshen and Stone,
/// Classification and Regression Trees, 1984) on distances from the first target, then copied into
/// the model, and splits whose sides say the same are dropped. It differs from scikit-learn's
/// `DecisionTreeRegressor` where splits tie, and by Float64 where scikit-learn rounds to Float32. The
/// bits do not depend on threads, batches or the process.
///
/// # Errors
///
/// | error | when |
/// |---|---|
/// | [`Config`](crate::ErrorKind::Config) | a setting cannot work |
/// | [`Schema`](crate::ErrorKind::Schema) | a column is absent or not numeric |
/// | [`Fit`](crate::ErrorKind::Fit) | there is no train row; a column holds nulls, NaN or infinities; a weight is negative, or all are 0 |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["x" => [1, 2, 3, 10, 11, 12], "y" => [5.0, 5.0, 5.0, 7.0, 8.0, 9.0]]?;
/// let model = floe::from_train(InMemory::new(rows))
///     .learn(DecisionTreeRegressor::new(["x"], "y").max_depth(1))
///     .fit()?;
/// let new = model.predict(df!["x" => [6, 7]]?.lazy())?.collect()?;
/// assert_eq!(new.column("prediction")?.f64()?.to_vec(), [Some(5.0), Some(8.0)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct DecisionTreeRegressor {
    features: Columns,
    target: PlSmallStr,
    settings: Settings,
}

impl DecisionTreeRegressor {
    /// Learns to predict `target` from `features`.
    pub fn new(features: impl Into<Columns>, target: impl Into<PlSmallStr>) -> Self {
        Self {
            features: features.into(),
            target: target.into(),
            settings: Settings::default(),
        }
    }

    tree_setters!();
}

impl fmt::Debug for DecisionTreeRegressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (features, target) = (&self.features, self.target.as_str());
        write!(f, "DecisionTreeRegressor({features:?} -> {target:?}")?;
        self.settings.label(f)?;
        f.write_str(")")
    }
}

impl Estimator for DecisionTreeRegressor {
    type Model = ForestModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.settings.check()?;
        numeric(&self.features, input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let features = self.features(input)?;
        Kind::of(&self.target, input.field(&self.target)?.dtype())?;
        self.settings.weights(&features, &self.target, input)?;
        Ok(Vec::new())
    }

    fn scans(&self) -> usize {
        1
    }

    fn restore(&self, saved: &Saved) -> Result<ForestModel> {
        let model: ForestModel = saved.read()?;
        refuse_other(model.features(), &self.features, self)?;
        refuse_setting("n_estimators", &model.trees().len(), &1)?;
        Ok(model)
    }

    fn fit(&self, training: &Training<'_>) -> Result<ForestModel> {
        let names = self.features(training.schema())?;
        let settings = &self.settings;
        let weights = settings.weights(&names, &self.target, training.schema())?;
        let wanted = Wanted {
            features: &names,
            target: &self.target,
            weights: weights.as_ref(),
        };
        let (table, values) = wanted.numbers(training)?;
        let grower = Grower::new(table, names.len(), settings)?;
        let grown = grower.tree(&Target::new(&values))?;
        Ok(ForestModel::new(
            owned(names),
            vec![grown.tree],
            grown.importances,
            grower.rows(),
        ))
    }
}
