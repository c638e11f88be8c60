use std::fmt;

use polars::prelude::PlSmallStr;

use super::super::{Classes, Estimator, Training};
use super::forest_classifier_model::{ForestClassifierModel, Forests, forests_of};
use super::grow::{Grower, importances, in_parallel};
use super::random_forest::refuse_empty;
use super::settings::{MaxFeatures, Settings, tree_setters};
use super::table::Wanted;
use super::target::Target;
use super::{numeric, owned, refuse_other, refuse_setting};
use crate::error::Result;
use crate::learn::Need;
use crate::schema::{Columns, Schema};
use crate::transform::Saved;

/// A random forest of probabilities: regression trees on what is 1 for a row of a class and 0 for
/// others, whose mean is the probability of the class.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `features` | – | names or a selector; numeric, without nulls, NaN or infinities |
/// | `target` | – | the classes: texts, Booleans, integers, dates, times or decimals; no nulls, at most [`Classes::MOST`] |
/// | `n_estimators` | `100` | how many trees of each class; two classes share theirs |
/// | `max_features` | `MaxFeatures::Sqrt` | how many features, drawn anew, a split chooses among |
/// | `max_depth` | none | the most splits on the way to a leaf, as scikit-learn counts them |
/// | `min_samples_leaf` | `1` | the fewest drawn rows of a leaf |
/// | `min_samples_split` | `2` | the fewest drawn rows that are split further |
/// | `weights` | the column of role `Weight`, if any | how often a row is drawn, in proportion: 0 or more |
/// | `seed` | `0` | what the drawn rows and features follow from |
///
/// For two classes it is the forest of scikit-learn's `RandomForestClassifier`: the squared error of
/// an indicator is half the Gini impurity, so that the same splits are best. For more classes there is
/// one forest a class, all on the same drawn rows, and their probabilities are divided by their sum
/// (Malley, Kruppa, Dasgupta, Malley and Ziegler, Probability Machines, Methods of Information in
/// Medicine 51, 2012). The most probable class is predicted; of several, the first. Weights count in
/// the draw, and a split is given up when no drawn feature can make it, where scikit-learn goes on to
/// draw.
///
/// Features are read as Float64: dates, times and durations as the numbers behind them, integers
/// beyond 2^53 rounded. Scaling changes nothing.
///
/// The classes are found in the scan of the last level; the fit makes one more scan of its own and
/// holds the train rows: 8 bytes a value, and twice that for each thread while trees grow; there are
/// as many threads as processors, or as the environment's `POLARS_MAX_THREADS` says. Trees are grown by smartcore 0.7, whose own classifier votes and
/// misses splits, and copied into the model; splits whose sides say the same are dropped.
///
/// The bits depend on the seed and the rows in their order, not on threads, batches or the process.
/// The random numbers are those of smartcore's small generator, which may change with the versions of
/// smartcore and rand, and with smartcore's feature `std_rand`: keep the lock file, or the saved model.
///
/// # Errors
///
/// | error | when |
/// |---|---|
/// | [`Config`](crate::ErrorKind::Config) | a setting cannot work, or a step stands on the target |
/// | [`Schema`](crate::ErrorKind::Schema) | a column is absent, a feature is not numeric, or the target has no classes, such as floats |
/// | [`Fit`](crate::ErrorKind::Fit) | a feature holds nulls, NaN or infinities; the target has nulls, fewer than two classes, or more than [`Classes::MOST`]; a weight is negative, or all are 0 |
/// | [`Cancelled`](crate::ErrorKind::Cancelled) | the run's token was used; it is asked between trees |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let width: Vec<_> = (0..60).map(|row| f64::from(row % 20)).collect();
/// let kind: Vec<_> = width.iter().map(|width| if *width < 10.0 { "pike" } else { "carp" }).collect();
/// let model = floe::from_train(InMemory::new(df!["width" => width, "kind" => kind]?))
///     .learn(RandomForestClassifier::new(["width"], "kind").n_estimators(20))
///     .fit()?;
/// let new = model.predict(df!["width" => [3.0, 17.0]]?.lazy())?.collect()?;
/// assert_eq!(new.column("prediction")?.str()?.get(0), Some("pike"));
/// assert!(new.column("probability_carp")?.f64()?.get(1) > Some(0.9));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct RandomForestClassifier {
    features: Columns,
    target: PlSmallStr,
    n_estimators: usize,
    max_features: MaxFeatures,
    settings: Settings,
}

impl RandomForestClassifier {
    /// Learns to tell the classes of `target` apart by `features`.
    pub fn new(features: impl Into<Columns>, target: impl Into<PlSmallStr>) -> Self {
        Self {
            features: features.into(),
            target: target.into(),
            n_estimators: 100,
            max_features: MaxFeatures::Sqrt,
            settings: Settings::default(),
        }
    }

    /// How many trees each class has: 1 or more.
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

impl fmt::Debug for RandomForestClassifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (features, target) = (&self.features, self.target.as_str());
        write!(f, "RandomForestClassifier({features:?} -> {target:?}")?;
        write!(f, ", n_estimators: {}", self.n_estimators)?;
        if self.max_features != MaxFeatures::Sqrt {
            write!(f, ", max_features: {:?}", self.max_features)?;
        }
        self.settings.label(f)?;
        f.write_str(")")
    }
}

impl Estimator for RandomForestClassifier {
    type Model = ForestClassifierModel;

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
        self.settings.weights(&features, &self.target, input)?;
        Ok(vec![Classes::need(&self.target)])
    }

    fn scans(&self) -> usize {
        1
    }

    fn is_classifier(&self) -> bool {
        true
    }

    fn restore(&self, saved: &Saved) -> Result<ForestClassifierModel> {
        let model: ForestClassifierModel = saved.read()?;
        refuse_other(model.features(), &self.features, self)?;
        refuse_setting("n_estimators", &model.n_estimators(), &self.n_estimators)?;
        Ok(model)
    }

    fn fit(&self, training: &Training<'_>) -> Result<ForestClassifierModel> {
        let names = self.features(training.schema())?;
        let max_features = self.max_features.of(names.len())?;
        let settings = &self.settings;
        let weights = settings.weights(&names, &self.target, training.schema())?;
        let found = training.learned.categories(&self.target, Classes::MOST)?;
        let dtype = training.schema().field(&self.target)?.dtype();
        let classes = Classes::learned(&self.target, dtype, &found)?;
        let wanted = Wanted {
            features: &names,
            target: &self.target,
            weights: weights.as_ref(),
        };
        let (table, codes) = wanted.classes(training, &classes)?;
        let grower = Grower::new(table, names.len(), settings)?;
        let trees = self.n_estimators;
        let forests = forests_of(classes.len());
        // Of two classes the second one is grown.
        let first = classes.len() - forests;
        let mut grown = in_parallel(
            forests * trees,
            || training.refuse_cancelled(),
            |at| {
                let target = Target::indicator(&codes, first + at / trees);
                grower.tree_of_forest(&target, max_features, (at % trees) as u64)
            },
        )?;
        let importances = importances(grown.iter(), names.len());
        let mut by_class = Vec::with_capacity(forests);
        for _ in 0..forests {
            let of_class = grown.drain(..trees.min(grown.len()));
            by_class.push(of_class.map(|grown| grown.tree).collect());
        }
        let shares = found.counts.iter();
        let forests = Forests {
            trees: by_class,
            shares: shares
                .map(|(_, rows)| *rows as f64 / found.rows as f64)
                .collect(),
        };
        Ok(ForestClassifierModel::new(
            owned(names),
            classes,
            forests,
            importances,
            grower.rows(),
        ))
    }
}
