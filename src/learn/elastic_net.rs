use serde::{Deserialize, Serialize};

use super::accumulate::{Penalty, Stop};
use super::least_squares::{LeastSquares, LeastSquaresSolution, refuse_penalty};
use crate::error::{Error, ErrorKind, Result};

/// How a coordinate descent ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Descent {
    /// Passes over the coefficients.
    pub iterations: u64,
    /// How far the objective is above its smallest value at most, in its own unit: half a squared
    /// target.
    pub dual_gap: f64,
}

impl LeastSquares {
    /// The coefficients `w` and the intercept `b` for which
    /// `‖y − Xw − b‖² / 2n + alpha · l1_ratio · ‖w‖₁ + alpha · (1 − l1_ratio) / 2 · ‖w‖²` is
    /// smallest, by coordinate descent; the intercept is not penalised.
    ///
    /// | argument | in | meaning |
    /// |---|---|---|
    /// | `alpha` | [0, ∞) | the weight of the penalty |
    /// | `l1_ratio` | [0, 1] | the share of it that is on sizes and not on squares |
    /// | `tol` | [0, ∞) | the largest duality gap, as a share of the target's mean square |
    /// | `max_iter` | from 1 | the most passes over the coefficients |
    ///
    /// Where nothing is on sizes it is [`solve_ridge`](Self::solve_ridge) with `n · alpha`. The rank
    /// and the sums of squares are those of the rows alone, without the penalty.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for an argument outside its range. [`ErrorKind::Fit`] when `max_iter`
    /// passes do not reach `tol`, when the coefficients do not fit into floats, and, where nothing is
    /// on sizes, as `solve_ridge`.
    pub fn solve_elastic_net(
        &self,
        alpha: f64,
        l1_ratio: f64,
        tol: f64,
        max_iter: u64,
    ) -> Result<LeastSquaresSolution> {
        refuse_settings(alpha, l1_ratio, tol, max_iter)?;
        let (penalty, stop) = (Penalty { alpha, l1_ratio }, Stop { tol, max_iter });
        let help = "leave such features out, or choose a larger `alpha`";
        self.placed(|factor| factor.solve_elastic_net(penalty, stop), help)
    }
}

/// Refuses settings that no descent can have.
pub(crate) fn refuse_settings(alpha: f64, l1_ratio: f64, tol: f64, max_iter: u64) -> Result<()> {
    refuse_penalty(alpha)?;
    let refused = |message: String, help: &'static str| {
        Err(Error::new(ErrorKind::Config, message).with_help(help))
    };
    if !(0.0..=1.0).contains(&l1_ratio) {
        let help = "give a number from 0, squares alone, to 1, sizes alone";
        return refused(format!("l1_ratio is {l1_ratio}"), help);
    }
    if !tol.is_finite() || tol < 0.0 {
        let help = "give a finite number that is at least 0, such as 1e-12";
        return refused(format!("tol is {tol}"), help);
    }
    if max_iter == 0 {
        return refused("max_iter is 0".to_owned(), "give at least 1");
    }
    Ok(())
}

pub(super) fn unconverged(iterations: u64, gap: f64) -> Error {
    let message = format!(
        "the coordinate descent has not converged after {iterations} passes: its duality gap is {gap:.1e} of the target's sum of squares, more than `tol`"
    );
    Error::new(ErrorKind::Fit, message).with_help(
        "choose a larger `alpha`, scale the features first, leave out features that follow from others, or raise `.max_iter(..)` or `.tol(..)`",
    )
}
