//! Logistic regression: blocks of rows, Newton's steps, and the model.

mod cholesky;
mod chunk;
mod exp;
mod fit;
mod kernel;
#[cfg(test)]
mod kernel_tests;
mod model;
mod newton;
mod problem;
mod rows;
mod sums;
mod tiles;
mod workers;

use std::fmt;

use polars::prelude::PlSmallStr;

pub use model::{LogisticModel, LogisticReport};

use super::feature::numeric;
use super::{ClassWeight, Classes, Estimator, Training, row_weights};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Need, Statistic};
use crate::schema::{Columns, Schema};
use crate::transform::Saved;

/// The passes over the rows at most, unless said otherwise.
const PASSES: usize = 50;

/// The bytes of rows that are held in memory, unless said otherwise.
const MEMORY: usize = 256 << 20;

/// Predicts classes by scores that are linear in the features: the coefficients `w` and intercepts
/// for which `‖w‖² / (2 C)` plus the sum over the rows of minus the logarithm of the probability of
/// their class is smallest. The objective is that of scikit-learn's `LogisticRegression`, divided by
/// `C`.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `features` | – | names or a selector; numeric, without nulls, NaN or infinities |
/// | `target` | – | the classes: texts, Booleans, integers, dates, times or decimals; at most [`Classes::MOST`] |
/// | `c` | `1.0` | how little large coefficients cost, in squared units of the features; infinite for no penalty |
/// | `intercept` | `true` | a constant term of each score, which is not penalised |
/// | `class_weight` | every row weighs one | the weight of the rows of each class |
/// | `weights` | the column with the role [`Weight`](crate::Role::Weight), if there is one | a column of weights, 0 or more; a row of weight 2 counts as two rows |
/// | `tolerance` | `1e-12` | where to stop: see below |
/// | `max_iter` | `50` | passes over the train rows at most |
/// | `memory_limit` | 256 MiB | train rows that take no more bytes are held in memory, else each pass reads them anew; so are the rows that the models of several folds share |
/// | `threads` | all of the machine | how many work on rows in memory |
///
/// With two classes there is one score, of which 0 is even odds; with more there is one a class, and
/// a class is as likely as `e` to the power of its score (the softmax). One penalty for all features
/// means that their units matter: scale them first. A constant feature gets the coefficient 0, and
/// features that depend on each other share their weight.
///
/// It is fitted by Newton's method with a line search, also known as iteratively reweighted least
/// squares (McCullagh and Nelder, Generalized Linear Models, 2nd ed., section 4.4; Bishop, Pattern
/// Recognition and Machine Learning, section 4.3). The search works on features in their deviations
/// from the mean, which changes the way and not the minimum, and starts at the minimum of the first
/// 16,384 train rows where there are more. It ends when no entry of the mean gradient is larger than
/// `tolerance` and the next step would move no coefficient by more than `tolerance` times the largest
/// one, both of the features in their deviations, or when the gradient is nothing but rounding. What
/// does not end so is an error, never a model.
///
/// Each pass adds up fixed blocks of rows in the order of the rows: neither threads nor batches, nor
/// whether the rows were held in memory, show in a bit. A row in memory takes 8 bytes a feature,
/// rounded up to four features, and 4 to 12 more. The second derivatives take 8 bytes for each pair
/// of coefficients, of which there may be 4096.
///
/// # Errors
///
/// | error | when |
/// |---|---|
/// | [`Config`](ErrorKind::Config) | `c`, `tolerance`, `max_iter`, `threads` or a weight is not above 0; several columns are weights, or the weights are a feature |
/// | [`Schema`](ErrorKind::Schema) | a column is absent, a feature is not numeric, or the target is of floats |
/// | [`Fit`](ErrorKind::Fit) | gaps in a feature, in the target or in the weights; fewer than two classes; a class that weighs nothing; no convergence; features that depend on each other, without a penalty; more than 4096 coefficients |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df![
///     "hours" => [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0],
///     "passed" => ["no", "no", "no", "yes", "no", "yes", "yes", "yes"],
/// ]?;
/// let model = floe::from_train(InMemory::new(rows))
///     .then(StandardScaler::new(["hours"]))
///     .learn(LogisticRegression::new(["hours"], "passed"))
///     .fit()?;
/// let new = model.predict(df!["hours" => [0.0, 5.0]]?.lazy())?.collect()?;
/// let found: Vec<_> = new.column("prediction")?.str()?.iter().flatten().collect();
/// assert_eq!(found, ["no", "yes"]);
/// assert!(model.predictor().coefficients()[0][0] > 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct LogisticRegression {
    features: Columns,
    target: PlSmallStr,
    c: f64,
    intercept: bool,
    class_weight: Option<ClassWeight>,
    weights: Option<PlSmallStr>,
    tolerance: f64,
    max_iter: usize,
    memory_limit: usize,
    threads: Option<usize>,
}

impl LogisticRegression {
    /// Learns to tell the classes of `target` apart by `features`.
    pub fn new(features: impl Into<Columns>, target: impl Into<PlSmallStr>) -> Self {
        Self {
            features: features.into(),
            target: target.into(),
            c: 1.0,
            intercept: true,
            class_weight: None,
            weights: None,
            tolerance: 1e-12,
            max_iter: PASSES,
            memory_limit: MEMORY,
            threads: None,
        }
    }

    /// How little large coefficients cost: above 0, and infinite for no penalty.
    pub fn c(mut self, c: f64) -> Self {
        self.c = c;
        self
    }

    /// Leaves the constant terms out.
    pub fn without_intercept(mut self) -> Self {
        self.intercept = false;
        self
    }

    /// The weight of the rows of each class.
    pub fn class_weight(mut self, weight: ClassWeight) -> Self {
        self.class_weight = Some(weight);
        self
    }

    /// The column of the weights of the rows.
    pub fn weights(mut self, column: impl Into<PlSmallStr>) -> Self {
        self.weights = Some(column.into());
        self
    }

    /// How small the mean gradient and the next step must be.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// How many passes over the train rows there may be.
    pub fn max_iter(mut self, max_iter: usize) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// The bytes of train rows that are held in memory; with 0 each pass reads them anew.
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// How many threads work on rows in memory. It changes no bit of the model.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Refuses settings that cannot work.
    fn check(&self) -> Result<()> {
        let fail = |message: String, help: &'static str| {
            Err(Error::new(ErrorKind::Config, message).with_help(help))
        };
        if self.c.is_nan() || self.c <= 0.0 {
            let help = "give a number above 0, such as 1.0; infinity is no penalty";
            return fail(format!("c is {}", self.c), help);
        }
        if !self.tolerance.is_finite() || self.tolerance <= 0.0 {
            let help = "give a small number above 0, such as 1e-12";
            return fail(format!("tolerance is {}", self.tolerance), help);
        }
        if self.max_iter == 0 {
            return fail("max_iter is 0".to_owned(), "allow one pass or more");
        }
        if self.threads == Some(0) {
            return fail("threads is 0".to_owned(), "let one thread work or more");
        }
        self.class_weight
            .as_ref()
            .map_or(Ok(()), ClassWeight::check)
    }

    fn weights_column(&self, input: &Schema) -> Result<Option<PlSmallStr>> {
        let features = self.features(input)?;
        row_weights::column_of(self.weights.as_ref(), &features, &self.target, input)
    }
}

impl fmt::Debug for LogisticRegression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (features, target) = (&self.features, self.target.as_str());
        write!(
            f,
            "LogisticRegression({features:?} -> {target:?}, c: {}",
            self.c
        )?;
        if !self.intercept {
            f.write_str(", without intercept")?;
        }
        match &self.class_weight {
            None => {}
            Some(ClassWeight::Balanced) => f.write_str(", balanced")?,
            Some(ClassWeight::Given(weights)) => {
                let of = weights
                    .iter()
                    .map(|(class, weight)| format!("{class}: {weight}"));
                write!(
                    f,
                    ", class weights: {{{}}}",
                    of.collect::<Vec<_>>().join(", ")
                )?;
            }
        }
        if let Some(weights) = &self.weights {
            write!(f, ", weights: {:?}", weights.as_str())?;
        }
        f.write_str(")")
    }
}

impl Estimator for LogisticRegression {
    type Model = LogisticModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.check()?;
        numeric(&self.features, input)
    }

    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(self.weights_column(input)?.into_iter().collect())
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let mut needs = vec![Classes::need(&self.target)];
        for name in self.features(input)? {
            needs.push(Need::column(name.clone(), Statistic::Mean));
            needs.push(Need::column(name, Statistic::Std));
        }
        if let Some(weights) = self.weights_column(input)? {
            needs.extend(row_weights::needs(&weights, &self.target));
        }
        Ok(needs)
    }

    fn is_classifier(&self) -> bool {
        true
    }

    fn scans(&self) -> usize {
        self.max_iter
    }

    fn may_hold(&self) -> usize {
        self.memory_limit
    }

    fn restore(&self, saved: &Saved) -> Result<LogisticModel> {
        LogisticModel::restore(saved, &self.features, self)
    }

    fn fit(&self, training: &Training<'_>) -> Result<LogisticModel> {
        self.fitted(training)
    }
}
