//! Estimators: what learns to predict a target, and the models that they become.
//!
//! The linear ones share what they learn, one triangular factor of the train rows in one scan, and
//! what they become, a [`LinearModel`]; they differ in the penalty. Their sources:
//! [`LinearRegression`] Golub and Van Loan (Matrix Computations, 4th ed., chapter 5), [`Ridge`] Hoerl
//! and Kennard (1970), [`Lasso`] Tibshirani (1996), [`ElasticNet`] Zou and Hastie (2005), and the
//! coordinate descent of the last two Friedman, Hastie and Tibshirani (2010).
//!
//! | estimator | smallest | penalty counts |
//! |---|---|---|
//! | [`LinearRegression`] | `‖y − Xw − b‖²` | – |
//! | [`Ridge`] | `‖y − Xw − b‖² + alpha · ‖w‖²` | once for all rows |
//! | [`Lasso`] | `‖y − Xw − b‖² / 2n + alpha · ‖w‖₁` | once a row |
//! | [`ElasticNet`] | as `Lasso`, `l1_ratio` of it on `‖w‖₁`, the rest on `‖w‖² / 2` | once a row |
//!
//! [`DecisionTreeRegressor`], [`RandomForestRegressor`], [`RandomForestClassifier`],
//! [`KNeighborsRegressor`] and [`KNeighborsClassifier`] hold the train rows while they learn, 8 bytes
//! a value, and refuse nulls, NaN and infinities in them. The trees are grown by smartcore and copied
//! into a form of our own, a [`Tree`]; neighbours are searched by our own code.

mod baseline;
mod boxed;
mod class_weight;
mod classes;
mod elastic_net;
mod feature;
mod guarded;
mod lasso;
mod linear;
mod linear_model;
mod logistic;
mod most_frequent;
mod naive_bayes;
mod ridge;
mod row_weights;
mod softmax;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use polars::prelude::{DataFrame, LazyFrame, PlSmallStr};

pub use baseline::{ConstantModel, MeanRegressor, MedianRegressor};
pub use boxed::{BoxEstimator, BoxPredict};
pub use class_weight::ClassWeight;
pub use classes::Classes;
pub use elastic_net::ElasticNet;
pub use guarded::{
    DecisionTreeRegressor, ForestClassifierModel, ForestModel, KNeighborsClassifier,
    KNeighborsRegressor, MaxFeatures, NeighborWeights, NeighborsClassifierModel, NeighborsModel,
    RandomForestClassifier, RandomForestRegressor, Tree,
};
pub use lasso::Lasso;
pub use linear::LinearRegression;
pub use linear_model::{FitReport, LinearModel};
pub use logistic::{LogisticModel, LogisticRegression, LogisticReport};
pub use most_frequent::{MostFrequentClassifier, MostFrequentModel};
pub use naive_bayes::{GaussianNB, GaussianNBModel};
pub use ridge::Ridge;

use crate::error::Result;
use crate::frame::{Frame, Train};
pub use crate::learn::{Descent, RankPolicy};
use crate::learn::{Learned, Need, Purpose, ScanLog};
use crate::schema::{Schema, column};
use crate::transform::{Artifact, Saved};

/// The column that a model adds.
pub const PREDICTION: &str = "prediction";

/// Learns from the train rows to predict one column from others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an estimator",
    label = "expected something that learns to predict a target",
    note = "an estimator goes into `.learn(..)`; a step that maps columns to columns goes into `.then(..)`"
)]
pub trait Estimator: fmt::Debug + Send + Sync {
    /// What the estimator becomes once it has learned.
    type Model: Predict + Artifact + Clone + 'static;

    /// The column to predict.
    fn target(&self) -> &str;

    /// The columns that are learned from, out of those that the steps leave.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`](crate::ErrorKind::Schema) when a chosen column is absent or the target;
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a setting that cannot work.
    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;

    /// Columns that are learned from beside the features and the target, such as the weights of the
    /// rows; they need not be there where the model predicts. Default: none.
    ///
    /// # Errors
    ///
    /// As [`features`](Self::features).
    fn learns_from(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(Vec::new())
    }

    /// What must be known of the train rows. Answered in the scan of the last level.
    ///
    /// # Errors
    ///
    /// As [`features`](Self::features), and for a dtype that cannot be learned from.
    fn needs(&self, input: &Schema) -> Result<Vec<Need>>;

    /// How many scans of its own the estimator makes at most beyond the declared needs. Default: none.
    fn scans(&self) -> usize {
        0
    }

    /// The bytes of rows that may be held in memory while several models are fitted, such as those of
    /// folds: each of them then makes its scans of the held rows, which the source brings once.
    /// As many models as there are threads (those of the machine, or `POLARS_MAX_THREADS`) then learn
    /// side by side, or as many as a sweep has workers: each with what its fit takes in memory, and on
    /// a thread that lasts as long as its fit, with a stack of 8 MiB and nothing that the caller keeps
    /// by thread. With more rows each model reads the source, one after the other. Default: 256 MiB.
    fn may_hold(&self) -> usize {
        256 << 20
    }

    /// Whether the model predicts classes: then it has [`Predict::classes`], and no step can stand
    /// on the target. Default: it predicts numbers.
    fn is_classifier(&self) -> bool {
        false
    }

    /// Reads the model back from a model file. Default: from its serialised form.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`](crate::ErrorKind::Model) when the file holds something else.
    fn restore(&self, saved: &Saved) -> Result<Self::Model> {
        saved.read()
    }

    /// Builds the model from what was learned.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Fit`](crate::ErrorKind::Fit) when the train rows cannot be learned from.
    fn fit(&self, training: &Training<'_>) -> Result<Self::Model>;

    /// A trap with our message: an unfitted estimator has no `predict`, and rustc would only say
    /// so. It takes `&mut self` so that [`Predict::predict`] is found first.
    #[doc(hidden)]
    fn predict(&mut self, frame: LazyFrame) -> Result<LazyFrame>
    where
        Self: Predict + Sized,
    {
        Predict::predict(self, frame)
    }
}

/// What an estimator learns from: the answers to its needs, and the train rows themselves for one
/// that makes scans of its own.
#[derive(Debug)]
#[non_exhaustive]
pub struct Training<'a> {
    /// The train rows with every step applied.
    pub frame: &'a Frame<Train>,
    /// The answers to the declared needs.
    pub learned: &'a Learned,
    log: Mutex<&'a mut ScanLog>,
    purpose: Purpose,
}

impl<'a> Training<'a> {
    pub(crate) fn new(frame: &'a Frame<Train>, learned: &'a Learned, log: &'a mut ScanLog) -> Self {
        Self {
            frame,
            learned,
            log: Mutex::new(log),
            purpose: Purpose::Estimator,
        }
    }

    /// Says that the train rows are held in memory.
    pub(crate) fn of_held(self) -> Self {
        Self {
            purpose: Purpose::Held,
            ..self
        }
    }

    /// Reads columns of the train rows, batch by batch in row order: one scan of the estimator's
    /// own, which a run lists and a cancel token stops.
    ///
    /// How the rows are cut into batches is no promise: what is computed must not depend on it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Query`](crate::ErrorKind::Query) when the rows cannot be read, and whatever
    /// `each` returns.
    pub fn scan(
        &self,
        columns: &[PlSmallStr],
        each: impl FnMut(&DataFrame) -> Result<()>,
    ) -> Result<()> {
        let columns: Vec<_> = columns.iter().cloned().map(column).collect();
        let query = self.frame.rows().frame.clone().select(columns);
        let log = self.log.lock();
        let mut log = log.unwrap_or_else(PoisonError::into_inner);
        log.stream(query, self.purpose, each)
    }

    /// An error when the run was told to stop, for a fit that works long after its scans.
    pub(crate) fn refuse_cancelled(&self) -> Result<()> {
        let log = self.log.lock();
        log.unwrap_or_else(PoisonError::into_inner).cancel.check()
    }

    /// The columns of the train rows.
    pub fn schema(&self) -> &Schema {
        self.frame.schema()
    }
}

/// A fitted model: adds the column [`PREDICTION`] to a lazy frame.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a fitted model, so it cannot predict",
    label = "not a fitted model",
    note = "a flow with `.learn(..)` gives one: `flow.run()?.model()`"
)]
pub trait Predict: fmt::Debug + Send + Sync {
    /// Adds the prediction to the query; reads no row itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Predict`](crate::ErrorKind::Predict) when the frame lacks a feature.
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame>;

    /// The classes that the model tells apart; none of a model that predicts numbers.
    ///
    /// A model with classes adds the column [`PREDICTION`] in the target's own dtype and, for each
    /// class, the column of [`Classes::probability_names`] as Float64.
    fn classes(&self) -> Option<&Classes> {
        None
    }

    /// Facts about the fit as data: coefficients by name, rows, rank.
    fn report(&self) -> serde_json::Value;
}
