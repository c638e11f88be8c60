use std::fmt;

use polars::prelude::PlSmallStr;

use super::linear_model::{LinearModel, numeric};
use super::{Estimator, Training};
use crate::error::Result;
use crate::learn::{Need, refuse_settings};
use crate::schema::{Columns, Schema};
use crate::transform::Saved;

/// The duality gap at which a descent ends.
const TOL: f64 = 1e-12;
/// The most passes of a descent.
const MAX_ITER: u64 = 10_000;

/// Least squares with a penalty on both the sizes and the squares of coefficients, learned in one
/// scan: of `n` rows the `w` and `b` for which
/// `‖y − Xw − b‖² / 2n + alpha · l1_ratio · ‖w‖₁ + alpha · (1 − l1_ratio) / 2 · ‖w‖²` is smallest.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `features` | – | names or a selector; numeric, without nulls, NaN or infinities |
/// | `target` | – | the column to predict |
/// | `alpha` | 1 | the weight of the penalty; `0` is [`LinearRegression`](super::LinearRegression) |
/// | `l1_ratio` | `0.5` | the share on sizes; `1` is [`Lasso`](super::Lasso), `0` is [`Ridge`](super::Ridge) with `n · alpha` |
/// | `intercept` | `true` | a constant term, which is not penalised |
/// | `tol` | `1e-12` | the largest duality gap, as a share of the mean square of the target (around its mean, if there is an intercept) |
/// | `max_iter` | `10000` | the most passes over the coefficients |
///
/// The part on sizes makes coefficients exactly zero, which [`LinearModel::zeros`] lists; the part
/// on squares lets features that resemble each other share their weight. One penalty for all
/// features means that their units matter: scale them first. A constant feature gets the
/// coefficient 0.
///
/// It learns the triangular factor that [`LinearRegression`](super::LinearRegression) learns, and
/// the passes of the descent go over that triangle, not over the rows. The objective (Zou and
/// Hastie, Journal of the Royal Statistical Society B 67, 2005), the cyclic descent (Friedman,
/// Hastie and Tibshirani, Journal of Statistical Software 33(1), 2010) and the duality gap are those
/// of scikit-learn's `ElasticNet`, whose defaults are looser: `tol` 1e-4, `max_iter` 1000. Once the same coefficients stay zero, the others are solved for exactly, and the descent
/// ends if rounding lets no better ones be seen, even where it keeps the gap above `tol`.
///
/// The number of passes and the gap are in the model's [`FitReport`](super::FitReport), unless
/// there is a closed form: with `alpha` or `l1_ratio` 0.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) when `alpha` or `tol` is negative or not finite,
/// `l1_ratio` is outside [0, 1], or `max_iter` is 0.
/// [`ErrorKind::Fit`](crate::ErrorKind::Fit) when `max_iter` passes are not enough; and, with
/// `alpha` or `l1_ratio` 0, as `LinearRegression` and `Ridge`.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df![
///     "x" => [-1.0, 0.0, 1.0],
///     "twin" => [-1.0, 0.0, 1.0],
///     "y" => [1.0, 6.0, 11.0],
/// ]?;
/// let run = floe::from_parts(InMemory::new(rows.clone()), InMemory::new(rows))
///     .learn(ElasticNet::new(["x", "twin"], "y").alpha(1.0))
///     .run()?;
/// let model = run.model().predictor();
/// // Twins share: each is (10 − 3/2) / (4 + 3/2).
/// assert!((model.coefficients()[0] - 17.0 / 11.0).abs() < 1e-12);
/// assert!((model.coefficients()[1] - 17.0 / 11.0).abs() < 1e-12);
/// assert!((model.intercept() - 6.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct ElasticNet {
    features: Columns,
    target: PlSmallStr,
    alpha: f64,
    l1_ratio: f64,
    intercept: bool,
    tol: f64,
    max_iter: u64,
}

impl ElasticNet {
    /// Learns to predict `target` from `features`.
    pub fn new(features: impl Into<Columns>, target: impl Into<PlSmallStr>) -> Self {
        Self {
            features: features.into(),
            target: target.into(),
            alpha: 1.0,
            l1_ratio: 0.5,
            intercept: true,
            tol: TOL,
            max_iter: MAX_ITER,
        }
    }

    /// The weight of the penalty: finite and at least 0.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// The share of the penalty that is on sizes and not on squares: in [0, 1].
    pub fn l1_ratio(mut self, l1_ratio: f64) -> Self {
        self.l1_ratio = l1_ratio;
        self
    }

    /// Leaves the constant term out.
    pub fn without_intercept(mut self) -> Self {
        self.intercept = false;
        self
    }

    /// The largest duality gap to end at, as a share of the mean square of the target: finite and at
    /// least 0.
    pub fn tol(mut self, tol: f64) -> Self {
        self.tol = tol;
        self
    }

    /// The most passes over the coefficients: at least 1.
    pub fn max_iter(mut self, max_iter: u64) -> Self {
        self.max_iter = max_iter;
        self
    }

    /// The settings that are not the default's, for the label.
    pub(super) fn label(&self, f: &mut fmt::Formatter<'_>, name: &str, ratio: bool) -> fmt::Result {
        let Self {
            features,
            target,
            alpha,
            l1_ratio,
            intercept,
            tol,
            max_iter,
        } = self;
        let target = target.as_str();
        write!(f, "{name}({features:?} -> {target:?}, alpha: {alpha}")?;
        if ratio {
            write!(f, ", l1_ratio: {l1_ratio}")?;
        }
        if !intercept {
            f.write_str(", without intercept")?;
        }
        if *tol != TOL {
            write!(f, ", tol: {tol:e}")?;
        }
        if *max_iter != MAX_ITER {
            write!(f, ", max_iter: {max_iter}")?;
        }
        f.write_str(")")
    }

    /// The model from a file, for the estimator that `of` shows.
    pub(super) fn restored(&self, saved: &Saved, of: &dyn fmt::Debug) -> Result<LinearModel> {
        LinearModel::restore(saved, &self.features, of)
    }
}

impl fmt::Debug for ElasticNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.label(f, "ElasticNet", true)
    }
}

impl Estimator for ElasticNet {
    type Model = LinearModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        refuse_settings(self.alpha, self.l1_ratio, self.tol, self.max_iter)?;
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
        self.restored(saved, self)
    }

    fn fit(&self, training: &Training<'_>) -> Result<LinearModel> {
        let names = self.features(training.schema())?;
        let problem = training.learned.least_squares()?;
        let Self {
            alpha,
            l1_ratio,
            tol,
            max_iter,
            ..
        } = *self;
        let solution = problem.solve_elastic_net(alpha, l1_ratio, tol, max_iter)?;
        Ok(LinearModel::new(names, solution))
    }
}
