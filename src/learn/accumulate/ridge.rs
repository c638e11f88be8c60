//! Least squares with a penalty on long coefficients, from the same triangular factor.

use super::factor::Factor;
use super::householder::{absorb, dot, norm};
use super::solve::{RankPolicy, Solution, Unsolved, back_substitute, condition};

impl Factor {
    /// The coefficients `w` and the intercept `b` for which `‖y − Xw − b‖² + penalty · ‖w‖²` is smallest; the best fit
    /// if the penalty is zero.
    ///
    /// The penalty is one row for each feature, its root there and zeros elsewhere, below the triangle of the centred
    /// features. The two are factored once more, so that the condition is never squared. The rank is that of the
    /// features alone.
    ///
    /// # Errors
    ///
    /// If features depend on each other and the penalty is lost in their rounding, or if floats cannot hold the
    /// coefficients.
    pub(crate) fn solve_ridge(&self, penalty: f64) -> Result<Solution, Unsolved> {
        if penalty <= 0.0 {
            return self.solve(RankPolicy::Error);
        }
        if !self.is_finite() {
            return Err(Unsolved::Overflow);
        }
        let features = self.features;
        let lengths = self.lengths();
        // The target is the last column. Of a constant feature nothing is left but rounding.
        let mut rows: Vec<Vec<f64>> = self
            .corner(features + 1)
            .iter()
            .map(|c| c.to_vec())
            .collect();
        for (column, length) in rows.iter_mut().zip(&lengths) {
            if *length == 0.0 {
                column.fill(0.0);
            }
        }
        let columns: Vec<&[f64]> = rows[..features].iter().map(Vec::as_slice).collect();
        let rank = self
            .factored(&columns, &lengths, vec![0.0; features + 1])
            .rank;

        let stacked = stack(&rows, penalty.sqrt());
        let columns: Vec<&[f64]> = stacked
            .chunks(features + 1)
            .map(|c| &c[..features])
            .collect();
        let (right, columns) = columns
            .split_last()
            .map_or((Vec::new(), columns.as_slice()), |(last, columns)| {
                (last.to_vec(), columns)
            });
        let lengths: Vec<f64> = columns.iter().map(|column| norm(column)).collect();
        let factored = self.factored(columns, &lengths, right.clone());
        if factored.rank < features {
            return Err(self.deficient(&factored, factored.rank));
        }
        let mut coefficients = back_substitute(|index| columns[index], right);
        for coefficient in &mut coefficients {
            // A zero of a constant feature may have got a sign.
            *coefficient += 0.0;
        }
        if coefficients.iter().any(|value| !value.is_finite()) {
            return Err(Unsolved::Overflow);
        }
        Ok(Solution {
            intercept: self.intercept_of(&coefficients),
            residual_sum_of_squares: residual(&rows, &coefficients),
            coefficients,
            rank: rank.min(self.equations()),
            total_sum_of_squares: self.total_sum_of_squares(),
            rows: self.rows,
            condition: condition(&factored.upper),
            descended: None,
        })
    }
}

/// The triangle of the columns, the last of which is the target, on top of `root` in the row of each feature.
fn stack(columns: &[Vec<f64>], root: f64) -> Vec<f64> {
    let size = columns.len();
    let features = size - 1;
    let mut triangle = columns.concat();
    let stride = features.max(1);
    let mut block = vec![0.0; stride * size];
    for feature in 0..features {
        block[feature * stride + feature] = root;
    }
    absorb(&mut triangle, size, &mut block, stride, features);
    triangle
}

/// The squared length of the target, which is the last column, less the features: the penalty is no residual.
pub(super) fn residual(columns: &[Vec<f64>], coefficients: &[f64]) -> f64 {
    let Some((target, features)) = columns.split_last() else {
        return 0.0;
    };
    let mut left = target.clone();
    for (column, coefficient) in features.iter().zip(coefficients) {
        for (left, value) in left.iter_mut().zip(column) {
            *left -= coefficient * value;
        }
    }
    dot(&left, &left)
}
