//! Least squares with a penalty on the sizes of coefficients, from the same triangular factor.

use super::descent::{Scaled, Stop};
use super::factor::Factor;
use super::float_count;
use super::householder::norm;
use super::ridge::residual;
use super::solve::{Solution, Unsolved, condition};

/// What is added to the mean of the squared residuals, halved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Penalty {
    pub(crate) alpha: f64,
    pub(crate) l1_ratio: f64,
}

/// How the descent ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Descended {
    pub(crate) iterations: u64,
    pub(crate) dual_gap: f64,
}

impl Factor {
    /// The coefficients `w` and the intercept `b` for which
    /// `‖y − Xw − b‖² / 2n + alpha · l1_ratio · ‖w‖₁ + alpha · (1 − l1_ratio) / 2 · ‖w‖²` is smallest.
    ///
    /// The triangle of the centred features stands for the rows, so that a pass over the coefficients costs no pass over
    /// the rows. Where nothing but squares is penalised there is a closed form, which is taken. The rank is that of the
    /// features alone.
    ///
    /// # Errors
    ///
    /// If the passes end too early, if floats cannot hold the coefficients, and as in `solve_ridge`.
    pub(crate) fn solve_elastic_net(
        &self,
        penalty: Penalty,
        stop: Stop,
    ) -> Result<Solution, Unsolved> {
        let Penalty { alpha, l1_ratio } = penalty;
        let rows = float_count(self.rows);
        let weight = |part: f64| (alpha * part * rows).min(f64::MAX);
        let (l1, l2) = (weight(l1_ratio), weight(1.0 - l1_ratio));
        if l1 <= 0.0 {
            return self.solve_ridge(l2);
        }
        if !self.is_finite() {
            return Err(Unsolved::Overflow);
        }
        let lengths = self.lengths();
        let corner = self.corner(self.features + 1);
        let Some((target, features)) = corner.split_last() else {
            return Err(Unsolved::Overflow);
        };
        let height = match norm(target) {
            height if height > 0.0 => height,
            // Nothing is to be explained.
            _ => 1.0,
        };
        // Of a constant feature nothing is left but rounding.
        let kept: Vec<usize> = (0..self.features).filter(|at| lengths[*at] > 0.0).collect();
        // The penalties move into the new units, so that the units change nothing.
        let scaled = Scaled {
            columns: kept
                .iter()
                .map(|at| divided(&features[*at][..=*at], lengths[*at]))
                .collect(),
            target: divided(target, height),
            l1: kept
                .iter()
                .map(|at| (l1 / lengths[*at] / height).min(f64::MAX))
                .collect(),
            l2: kept
                .iter()
                .map(|at| (l2 / lengths[*at] / lengths[*at]).min(f64::MAX))
                .collect(),
            rounding: self.tolerance(),
        };
        let found = scaled.descend(stop)?;
        let mut coefficients = vec![0.0; self.features];
        for (at, value) in kept.iter().zip(&found.values) {
            if *value != 0.0 {
                coefficients[*at] = value * height / lengths[*at];
            }
        }
        if coefficients.iter().any(|value| !value.is_finite()) {
            return Err(Unsolved::Overflow);
        }
        let alone: Vec<&[f64]> = features.iter().map(|c| &c[..self.features]).collect();
        let factored = self.factored(&alone, &lengths, vec![0.0; self.features]);
        let columns: Vec<Vec<f64>> = corner.iter().map(|column| column.to_vec()).collect();
        Ok(Solution {
            intercept: self.intercept_of(&coefficients),
            residual_sum_of_squares: residual(&columns, &coefficients),
            coefficients,
            rank: factored.rank.min(self.equations()),
            total_sum_of_squares: self.total_sum_of_squares(),
            rows: self.rows,
            condition: condition(&factored.upper[..factored.rank]),
            descended: Some(Descended {
                iterations: found.iterations,
                dual_gap: (found.gap * height * height / rows).min(f64::MAX),
            }),
        })
    }
}

fn divided(values: &[f64], by: f64) -> Vec<f64> {
    values.iter().map(|value| value / by).collect()
}
