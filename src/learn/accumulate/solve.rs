//! From the triangular factor of the rows to the coefficients.

use super::double::Double;
use super::elastic_net::Descended;
use super::factor::Factor;
use super::float_count;
use super::householder::{Pivoted, absorb, dot, expand, norm, pivoted};

/// What to do when the features do not determine the coefficients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RankPolicy {
    /// Name the features and refuse.
    Error,
    /// Of all best fits take the one with the smallest coefficients, as LAPACK's `gelsd` does.
    MinimumNorm,
}

/// Why there are no coefficients.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unsolved {
    /// The features named by `dependent` follow from the others, or are constant, or there are too few rows.
    Deficient {
        dependent: Vec<usize>,
        rank: usize,
        rows: u64,
    },
    /// The columns span more than floats can hold.
    Overflow,
    /// The passes ended at a duality gap, a share of the target's squared length, above the tolerance.
    Unconverged { iterations: u64, gap: f64 },
}

/// A fit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Solution {
    pub(crate) coefficients: Vec<f64>,
    /// Zero when none was asked for.
    pub(crate) intercept: f64,
    /// The number of independent features.
    pub(crate) rank: usize,
    pub(crate) residual_sum_of_squares: f64,
    /// Around the mean of the target, with and without an intercept.
    pub(crate) total_sum_of_squares: f64,
    pub(crate) rows: u64,
    /// An estimate for the centred features scaled to one length: digits are lost with its logarithm.
    pub(crate) condition: f64,
    /// None where there is a closed form.
    pub(crate) descended: Option<Descended>,
}

impl Solution {
    /// The share of the variance explained; none if the target does not vary.
    #[cfg(test)]
    pub(crate) fn r_squared(&self) -> Option<f64> {
        (self.total_sum_of_squares > 0.0)
            .then(|| 1.0 - self.residual_sum_of_squares / self.total_sum_of_squares)
    }
}

impl Factor {
    /// The coefficients of the best fit.
    ///
    /// The rank is judged on features scaled to one length, so that it does not depend on their units.
    ///
    /// # Errors
    ///
    /// If the features do not determine the coefficients and `policy` refuses that, or if floats cannot hold them.
    pub(crate) fn solve(&self, policy: RankPolicy) -> Result<Solution, Unsolved> {
        if !self.is_finite() {
            return Err(Unsolved::Overflow);
        }
        let lead = self.lead();
        let target = self.column(lead + self.features);
        let right = target[lead..lead + self.features].to_vec();
        let lengths = self.lengths();
        let columns = self.corner(self.features);
        let factored = self.factored(&columns, &lengths, right.clone());
        let rank = factored.rank.min(self.equations());
        let deficient = rank < self.features;
        if deficient && policy == RankPolicy::Error {
            return Err(self.deficient(&factored, rank));
        }
        let coefficients = if deficient {
            let rows: Vec<Vec<f64>> = (0..rank)
                .map(|row| {
                    let mut unscaled = vec![0.0; self.features];
                    for (column, index) in factored.upper.iter().zip(&factored.order).skip(row) {
                        unscaled[*index] = column[row] * lengths[*index];
                    }
                    unscaled
                })
                .collect();
            minimum_norm(&rows, self.features, &factored.rotated[..rank])
        } else {
            back_substitute(|index| columns[index], right)
        };
        if coefficients.iter().any(|value| !value.is_finite()) {
            return Err(Unsolved::Overflow);
        }
        let remainder = target[lead + self.features];
        let unexplained = &factored.rotated[rank..];
        Ok(Solution {
            intercept: self.intercept_of(&coefficients),
            coefficients,
            rank,
            residual_sum_of_squares: remainder * remainder + dot(unexplained, unexplained),
            total_sum_of_squares: self.total_sum_of_squares(),
            rows: self.rows,
            condition: condition(&factored.upper[..rank]),
            descended: None,
        })
    }

    /// Whether the columns span no more than floats can hold.
    pub(super) fn is_finite(&self) -> bool {
        self.triangle.iter().all(|value| value.is_finite())
    }

    /// The features beyond the rank.
    pub(super) fn deficient(&self, factored: &Pivoted, rank: usize) -> Unsolved {
        let mut dependent = factored.order[rank..].to_vec();
        dependent.sort_unstable();
        Unsolved::Deficient {
            dependent,
            rank,
            rows: self.rows,
        }
    }

    /// The row and the column at which the features begin.
    pub(super) fn lead(&self) -> usize {
        usize::from(self.intercept)
    }

    /// The first `count` columns from the features on, and as many rows: centred, if there is an intercept.
    pub(super) fn corner(&self, count: usize) -> Vec<&[f64]> {
        let lead = self.lead();
        let column = |index| &self.column(lead + index)[lead..lead + count];
        (0..count).map(column).collect()
    }

    /// How many coefficients the rows can determine.
    pub(super) fn equations(&self) -> usize {
        let rows = usize::try_from(self.rows).unwrap_or(usize::MAX);
        rows.saturating_sub(self.lead())
    }

    /// The columns of the features scaled to one length, as far as they are independent.
    pub(super) fn factored(&self, columns: &[&[f64]], lengths: &[f64], right: Vec<f64>) -> Pivoted {
        let scaled = |(column, length): (&&[f64], &f64)| {
            let divide = |value: &f64| if *length > 0.0 { value / length } else { 0.0 };
            column.iter().map(divide).collect()
        };
        let scaled = columns.iter().zip(lengths).map(scaled).collect();
        pivoted(scaled, right, self.tolerance())
    }

    fn column(&self, index: usize) -> &[f64] {
        let size = self.size();
        &self.triangle[index * size..(index + 1) * size]
    }

    /// The length of each feature, centred if there is an intercept. What is left of a constant one is rounding, and
    /// counts as nothing.
    pub(super) fn lengths(&self) -> Vec<f64> {
        let lead = self.lead();
        let length = |index| {
            let column = self.column(lead + index);
            let centred = norm(&column[lead..]);
            if centred <= self.tolerance() * norm(column) {
                0.0
            } else {
                centred
            }
        };
        (0..self.features).map(length).collect()
    }

    /// What rounding can leave of a dependent column of length one: it grows with the columns, and as a random walk
    /// with the blocks.
    pub(super) fn tolerance(&self) -> f64 {
        let size = float_count(super::count_of(self.size()));
        4.0 * f64::EPSILON * size * float_count(self.steps + 1).sqrt()
    }

    /// The intercept for columns from which nothing was taken, in double-double because its terms may cancel; zero when
    /// none was asked for.
    pub(super) fn intercept_of(&self, coefficients: &[f64]) -> f64 {
        if !self.intercept {
            return 0.0;
        }
        let first = |index: usize| self.column(index)[0];
        let Some(target_origin) = self.origin.last() else {
            return 0.0;
        };
        let mut level = Double {
            hi: first(self.features + 1),
            lo: 0.0,
        };
        for (index, coefficient) in coefficients.iter().enumerate() {
            level = level - Double::product(first(index + 1), *coefficient);
        }
        let mut intercept = Double {
            hi: *target_origin,
            lo: 0.0,
        };
        if first(0) != 0.0 {
            intercept = intercept + level / first(0);
        }
        for (origin, coefficient) in self.origin.iter().zip(coefficients) {
            intercept = intercept - Double::product(*origin, *coefficient);
        }
        intercept.value()
    }

    /// With an intercept this is the length of the target below the constant; without one, the target's column is
    /// taken apart from the constant's.
    pub(super) fn total_sum_of_squares(&self) -> f64 {
        if self.intercept {
            let target = &self.column(self.features + 1)[1..];
            return dot(target, target);
        }
        let (target, constant) = (self.column(self.features), self.column(self.features + 1));
        let length = dot(constant, constant);
        let mean = if length > 0.0 {
            dot(target, constant) / length
        } else {
            0.0
        };
        let centred: Vec<f64> = target
            .iter()
            .zip(constant)
            .map(|(target, one)| target - mean * one)
            .collect();
        dot(&centred, &centred)
    }
}

/// The condition of an upper triangle of columns of length one, by inverse iteration from a fixed start.
pub(super) fn condition(upper: &[Vec<f64>]) -> f64 {
    let rank = upper.len();
    let mut vector = vec![1.0; rank];
    let mut smallest = 1.0;
    for _ in 0..4 {
        let length = norm(&vector);
        for value in &mut vector {
            *value /= length;
        }
        for index in 0..rank {
            vector[index] = (vector[index] - dot(&vector[..index], &upper[index][..index]))
                / upper[index][index];
        }
        smallest = 1.0 / norm(&vector);
        vector = back_substitute(|index| &upper[index][..rank], vector);
    }
    if rank < 2 {
        1.0
    } else {
        float_count(super::count_of(rank)).sqrt() / smallest
    }
}

/// Solves an upper triangular system given by columns, from the last unknown to the first.
pub(super) fn back_substitute<'a>(
    column: impl Fn(usize) -> &'a [f64],
    mut right: Vec<f64>,
) -> Vec<f64> {
    for index in (0..right.len()).rev() {
        let entries = column(index);
        let value = right[index] / entries[index];
        right[index] = value;
        for (right, entry) in right[..index].iter_mut().zip(entries) {
            *right -= value * entry;
        }
    }
    right
}

/// The smallest solution of the independent equations `rows · x = right`: with `rowsᵀ = Q R`, it is `Q R⁻ᵀ right`.
fn minimum_norm(rows: &[Vec<f64>], features: usize, right: &[f64]) -> Vec<f64> {
    let rank = rows.len();
    let mut block = rows.concat();
    let mut triangle = vec![0.0; rank * rank];
    let weights = absorb(&mut triangle, rank, &mut block, features.max(1), features);
    let mut solved = right.to_vec();
    for index in 0..rank {
        let column = &triangle[index * rank..(index + 1) * rank];
        let known: f64 = dot(&solved[..index], &column[..index]);
        solved[index] = (right[index] - known) / column[index];
    }
    expand(&block, features, &weights, solved)
}
