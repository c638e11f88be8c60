use std::fmt;

use polars::prelude::PlSmallStr;

use super::super::{Estimator, Training};
use super::forest_model::ForestModel;
use super::grow::{Grower, importances, in_parallel};
use super::settings::{MaxFeatures, Settings, tree_setters};
use super::table::Wanted;
use super::target::Target;
use super::{config, numeric, owned, refuse_other, refuse_setting};
use crate::error::Result;
use crate::learn::Need;
use crate::schema::{Columns, Kind, Schema};
use crate::transform::Saved;

/// A random forest: regression trees, each on train rows that were drawn with replacement, whose mean
/// is the prediction.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `features` | – | names or a selector; numeric, without nulls, NaN or infinities |
/// | `target` | – | the column to predict; numeric, without nulls, NaN or infinities |
/// | `n_estimators` | `100` | how many trees |
/// | `max_features` | `MaxFeatures::All` | how many features, drawn anew, a split chooses among |
/// | `max_depth` | none | the most splits on the way to a leaf, as scikit-learn counts them |
/// | `min_samples_leaf` | `1` | the fewest drawn rows of a leaf |
/// | `min_samples_split` | `2` | the fewest drawn rows that are split further |
/// | `weights` | the column of role `Weight`, if any | how often a row is drawn, in proportion: 0 or more |
/// | `seed` | `0` | what the drawn rows and features follow from |
///
/// Features and target are read as Float64: dates, times and durations as the numbers behind them,
/// integers beyond 2^53 rounded. Scaling changes nothing.
///
/// The fit makes one scan of its own and holds the train rows: 8 bytes a value, and twice that for
/// each thread while trees grow; there are as many threads as processors, or as the environment's
/// `POLARS_MAX_THREADS` says. Trees are grown by smartcore
/// 0.7 (Breiman, Random Forests, Machine Learning 45, 2001) on distances from the first target, then
/// copied into the model, and splits whose sides say the same are dropped.
///
/// The bits depend on the seed and the rows in their order, not on threads, batches or the process.
/// The random numbers are those of smartcore's small generator, which may change with the versions of
/// smartcore and rand, and with smartcore's feature `std_rand`: keep the lock file, or the saved model.
///
/// It differs from scikit-learn's `RandomForestRegressor` in that the random choices are others,
/// weights count in the draw and not in the means, and a split is given up when no drawn feature can
/// make it, where scikit-learn goes on to draw.
///
/// # Errors
///
/// | error | when |
/// |---|---|
/// | [`Config`](crate::ErrorKind::Config) | a setting cannot work |
/// | [`Schema`](crate::ErrorKind::Schema) | a column is absent or not numeric |
/// | [`Fit`](crate::ErrorKind::Fit) | there is no train row; a column holds nulls, NaN or infinities; a weight is negative, or all are 0 |
/// | [`Cancelled`](crate::ErrorKind::Cancelled) | the run's token was used; it is asked between trees |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let x: Vec<_> = (0..100).map(f64::from).collect();
/// let noise: Vec<_> = (0..100).map(|row| f64::from(row * 37 % 100)).collect();
/// let y: Vec<_> = x.iter().map(|x| (x / 20.0).sin()).collect();
/// let forest = RandomForestRegressor::new(["x", "noise"], "y").n_estimators(20).seed(1);
/// let model = floe::from_train(InMemory::new(df!["x" => x, "noise" => noise, "y" => y]?))
///     .learn(forest)
///     .fit()?;
/// let importances = model.predictor().feature_importances();
/// assert!(importances[0] > 0.9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct RandomForestRegressor {
    features: Columns,
    target: PlSmallStr,
    n_estimators: usize,
    max_features: MaxFeatures,
    settings: Settings,
}

impl RandomForestRegressor {
    /// Learns to predict `target` from `features`.
    pub fn new(features: impl Into<Columns>, target: impl Into<PlSmallStr>) -> Self {
        Self {
            features: features.into(),
            target: target.into(),
            n_estimators: 100,
            max_features: MaxFeatures::All,
            settings: Settings::default(),
        }
    }

    /// How many trees: 1 or more.
    pub fn n_estimators(mut self, trees: usize) -> Self {
        self.n_estimators = trees;
        self
    }

    /// How many features a split chooses among.
    pub fn max_features(mut self, features: MaxFeatures) -> Self {
        self.max_features = features;
        self
    }

    tree_setters!();
}

/// Refuses a forest without a tree.
pub(super) fn refuse_empty(trees: usize) -> Result<()> {
    if trees > 0 {
        return Ok(());
    }
    let help = "choose 1 or more, such as 100";
    Err(config("`n_estimators` is 0".to_owned(), help))
}

impl fmt::Debug for RandomForestRegressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (features, target) = (&self.features, self.target.as_str());
        write!(f, "RandomForestRegressor({features:?} -> {target:?}")?;
        write!(f, ", n_estimators: {}", self.n_estimators)?;
        if self.max_features != MaxFeatures::All {
            write!(f, ", max_features: {:?}", self.max_features)?;
        }
        self.settings.label(f)?;
        f.write_str(")")
    }
}

impl Estimator for RandomForestRegressor {
    type Model = ForestModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.settings.check()?;
        refuse_empty(self.n_estimators)?;
        numeric(&self.features, input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let features = self.features(input)?;
        self.max_features.of(features.len())?;
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
        refuse_setting("n_estimators", &model.trees().len(), &self.n_estimators)?;
        Ok(model)
    }

    fn fit(&self, training: &Training<'_>) -> Result<ForestModel> {
        let names = self.features(training.schema())?;
        let max_features = self.max_features.of(names.len())?;
        let settings = &self.settings;
        let weights = settings.weights(&names, &self.target, training.schema())?;
        let wanted = Wanted {
            features: &names,
            target: &self.target,
            weights: weights.as_ref(),
        };
        let (table, values) = wanted.numbers(training)?;
        let grower = Grower::new(table, names.len(), settings)?;
        let target = Target::new(&values);
        let grown = in_parallel(
            self.n_estimators,
            || training.refuse_cancelled(),
            |number| grower.tree_of_forest(&target, max_features, number as u64),
        )?;
        let importances = importances(grown.iter(), names.len());
        let trees = grown.into_iter().map(|grown| grown.tree).collect();
        Ok(ForestModel::new(
            owned(names),
            trees,
            importances,
            grower.rows(),
        ))
    }
}
