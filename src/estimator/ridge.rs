use std::fmt;

use polars::prelude::PlSmallStr;

use super::linear_model::{LinearModel, numeric};
use super::{Estimator, Training};
use crate::error::Result;
use crate::learn::{Need, refuse_penalty};
use crate::schema::{Columns, Schema};
use crate::transform::Saved;

/// Least squares with a penalty on large coefficients, learned in one scan: the `w` and `b` for which
/// `‖y − Xw − b‖² + alpha · ‖w‖²` is smallest.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `features` | – | names or a selector; numeric, without nulls, NaN or infinities |
/// | `target` | – | the column to predict |
/// | `alpha` | `1.0` | the weight of the penalty, in squared units of the features; `0` is [`LinearRegression`](super::LinearRegression) |
/// | `intercept` | `true` | a constant term, which is not penalised |
///
/// One penalty for all features means that their units matter: scale them first. A constant feature
/// gets the coefficient 0, and features that depend on each other share their weight. The rank that
/// the model reports is that of the features without the penalty, and its sums of squares are those
/// of the residuals and the target alone.
///
/// It learns the triangular factor that [`LinearRegression`](super::LinearRegression) learns, and the
/// penalty is added as further rows of it, so that the condition is not squared as in the normal
/// equations (Hoerl and Kennard, Technometrics 12, 1970; Golub and Van Loan, Matrix Computations,
/// 4th ed., section 6.1). The objective is that of scikit-learn's `Ridge`.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) when `alpha` is negative or not finite.
/// [`ErrorKind::Fit`](crate::ErrorKind::Fit) when features depend on each other and `alpha` is 0, or
/// so small beside them that rounding hides it.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// // Twins would be an error of `LinearRegression`.
/// let rows = df![
///     "x" => [-1.0, 0.0, 1.0],
///     "twin" => [-1.0, 0.0, 1.0],
///     "y" => [1.0, 6.0, 11.0],
/// ]?;
/// let run = floe::from_parts(InMemory::new(rows.clone()), InMemory::new(rows))
///     .learn(Ridge::new(["x", "twin"], "y").alpha(1.0))
///     .run()?;
/// let model = run.model().predictor();
/// assert!((model.coefficients()[0] - 2.0).abs() < 1e-12);
/// assert!((model.coefficients()[1] - 2.0).abs() < 1e-12);
/// assert!((model.intercept() - 6.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct Ridge {
    features: Columns,
    target: PlSmallStr,
    alpha: f64,
    intercept: bool,
}

impl Ridge {
    /// Learns to predict `target` from `features`.
    pub fn new(features: impl Into<Columns>, target: impl Into<PlSmallStr>) -> Self {
        Self {
            features: features.into(),
            target: target.into(),
            alpha: 1.0,
            intercept: true,
        }
    }

    /// The weight of the penalty: finite and at least 0.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// Leaves the constant term out.
    pub fn without_intercept(mut self) -> Self {
        self.intercept = false;
        self
    }
}

impl fmt::Debug for Ridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            features,
            target,
            alpha,
            intercept,
        } = self;
        write!(
            f,
            "Ridge({features:?} -> {:?}, alpha: {alpha}",
            target.as_str()
        )?;
        if !intercept {
            f.write_str(", without intercept")?;
        }
        f.write_str(")")
    }
}

impl Estimator for Ridge {
    type Model = LinearModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        refuse_penalty(self.alpha)?;
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
        let solution = problem.solve_ridge(self.alpha)?;
        Ok(LinearModel::new(names, solution))
    }
}
