use std::fmt;

use polars::prelude::PlSmallStr;

use super::elastic_net::ElasticNet;
use super::linear_model::LinearModel;
use super::{Estimator, Training};
use crate::error::Result;
use crate::learn::Need;
use crate::schema::{Columns, Schema};
use crate::transform::Saved;

/// Least squares with a penalty on the sizes of coefficients, which makes some of them exactly zero,
/// learned in one scan: of `n` rows the `w` and `b` for which
/// `‖y − Xw − b‖² / 2n + alpha · ‖w‖₁` is smallest.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `features` | – | names or a selector; numeric, without nulls, NaN or infinities |
/// | `target` | – | the column to predict |
/// | `alpha` | 1 | the weight of the penalty, in units of the target times those of the features; `0` is [`LinearRegression`](super::LinearRegression) |
/// | `intercept` | `true` | a constant term, which is not penalised |
/// | `tol` | `1e-12` | the largest duality gap, as a share of the mean square of the target (around its mean, if there is an intercept) |
/// | `max_iter` | `10000` | the most passes over the coefficients |
///
/// It is [`ElasticNet`] with `l1_ratio` 1, learned in the same way, and the objective is that of
/// scikit-learn's `Lasso` (Tibshirani, Journal of the Royal Statistical Society B 58, 1996). Among
/// features that resemble each other it keeps few: where several choices are as good, one of them.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) when `alpha` or `tol` is negative or not finite,
/// or `max_iter` is 0. [`ErrorKind::Fit`](crate::ErrorKind::Fit) when `max_iter` passes are not
/// enough; and, with `alpha` 0, when features depend on each other.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df![
///     "x" => [-1.0, 0.0, 0.0, 1.0],
///     "noise" => [0.0, 1.0, -1.0, 0.0],
///     "y" => [1.0, 6.1, 5.9, 11.0],
/// ]?;
/// let run = floe::from_parts(InMemory::new(rows.clone()), InMemory::new(rows))
///     .learn(Lasso::new(["x", "noise"], "y").alpha(0.5))
///     .run()?;
/// let model = run.model().predictor();
/// // (10 − 4 · 0.5) / 2
/// assert!((model.coefficients()[0] - 4.0).abs() < 1e-12);
/// assert_eq!(model.zeros().collect::<Vec<_>>(), ["noise"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct Lasso(ElasticNet);

impl Lasso {
    /// Learns to predict `target` from `features`.
    pub fn new(features: impl Into<Columns>, target: impl Into<PlSmallStr>) -> Self {
        Self(ElasticNet::new(features, target).l1_ratio(1.0))
    }

    /// The weight of the penalty: finite and at least 0.
    pub fn alpha(self, alpha: f64) -> Self {
        Self(self.0.alpha(alpha))
    }

    /// Leaves the constant term out.
    pub fn without_intercept(self) -> Self {
        Self(self.0.without_intercept())
    }

    /// The largest duality gap to end at, as a share of the mean square of the target: finite and at
    /// least 0.
    pub fn tol(self, tol: f64) -> Self {
        Self(self.0.tol(tol))
    }

    /// The most passes over the coefficients: at least 1.
    pub fn max_iter(self, max_iter: u64) -> Self {
        Self(self.0.max_iter(max_iter))
    }
}

impl fmt::Debug for Lasso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.label(f, "Lasso", false)
    }
}

impl Estimator for Lasso {
    type Model = LinearModel;

    fn target(&self) -> &str {
        self.0.target()
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.0.features(input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        self.0.needs(input)
    }

    fn restore(&self, saved: &Saved) -> Result<LinearModel> {
        self.0.restored(saved, self)
    }

    fn fit(&self, training: &Training<'_>) -> Result<LinearModel> {
        self.0.fit(training)
    }
}
