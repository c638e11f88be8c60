use std::fmt;

use polars::prelude::PlSmallStr;

use super::linear_model::{LinearModel, numeric};
use super::{Estimator, Training};
use crate::error::Result;
use crate::learn::{Need, RankPolicy};
use crate::schema::{Columns, Schema};
use crate::transform::Saved;

/// Ordinary least squares, learned in one scan by a streaming QR factorisation.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `features` | – | names or a selector; numeric, without nulls, NaN or infinities |
/// | `target` | – | the column to predict |
/// | `intercept` | `true` | a constant term; without one the line goes through the origin |
/// | `rank` | `RankPolicy::Error` | what to do when features depend on each other |
///
/// Rows are shifted by the first train row, cut into fixed blocks, and only the small triangle of
/// a block is kept, so that memory does not grow with the rows and the bits do not depend on
/// threads or chunks. As accurate as an in-memory QR, and far better than normal equations, which
/// square the condition (Golub and Van Loan, Matrix Computations, 4th ed., sections 5.2 and 5.3).
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["x" => [0.0, 1.0, 2.0, 3.0, 4.0], "y" => [1.0, 3.0, 5.0, 7.0, 9.0]]?;
/// let run = floe::from(InMemory::new(rows))
///     .split(TrainTestSplit::new(0.4).seed(1))
///     .learn(LinearRegression::new(["x"], "y"))
///     .run()?;
/// let model = run.model().predictor();
/// assert!((model.coefficients()[0] - 2.0).abs() < 1e-12);
/// assert!((model.intercept() - 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct LinearRegression {
    features: Columns,
    target: PlSmallStr,
    intercept: bool,
    rank: RankPolicy,
}

impl LinearRegression {
    /// Learns to predict `target` from `features`.
    pub fn new(features: impl Into<Columns>, target: impl Into<PlSmallStr>) -> Self {
        Self {
            features: features.into(),
            target: target.into(),
            intercept: true,
            rank: RankPolicy::default(),
        }
    }

    /// Leaves the constant term out.
    pub fn without_intercept(mut self) -> Self {
        self.intercept = false;
        self
    }

    /// What to do when features depend on each other.
    pub fn rank(mut self, rank: RankPolicy) -> Self {
        self.rank = rank;
        self
    }
}

impl fmt::Debug for LinearRegression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "LinearRegression({:?} -> {:?}",
            self.features,
            self.target.as_str()
        )?;
        if !self.intercept {
            f.write_str(", without intercept")?;
        }
        if self.rank != RankPolicy::default() {
            write!(f, ", rank: {:?}", self.rank)?;
        }
        f.write_str(")")
    }
}

impl Estimator for LinearRegression {
    type Model = LinearModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        numeric(&self.features, &self.target, input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        Ok(vec![Need::least_squares(
            self.features(input)?,
            self.target.clone(),
            self.intercept,
        )])
    }

    fn restore(&self, saved: &Saved) -> Result<LinearModel> {
        LinearModel::restore(saved, &self.features, self)
    }

    fn fit(&self, training: &Training<'_>) -> Result<LinearModel> {
        let names = self.features(training.schema())?;
        let problem = training.learned.least_squares()?;
        let solution = problem.solve(self.rank)?;
        Ok(LinearModel::new(names, solution))
    }
}
