//! The factor of a positive definite matrix, for the steps of Newton's method.

/// The lower factor of a symmetric matrix, row by row.
#[derive(Debug)]
pub(super) struct Cholesky {
    rows: Vec<f64>,
    size: usize,
}

impl Cholesky {
    /// Factors a symmetric matrix of which the lower triangle is given, row by row.
    ///
    /// # Errors
    ///
    /// The first row that follows from the ones before it, as far as rounding can tell.
    pub(super) fn new(mut rows: Vec<f64>, size: usize) -> Result<Self, usize> {
        let tolerance = 4.0 * f64::EPSILON * size as f64;
        for at in 0..size {
            let (above, row) = rows.split_at_mut(at * size);
            let row = &mut row[..=at];
            for other in 0..at {
                let factor = &above[other * size..=other * size + other];
                let known = dot(&row[..other], &factor[..other]);
                row[other] = (row[other] - known) / factor[other];
            }
            let whole = row[at];
            let left = whole - dot(&row[..at], &row[..at]);
            // A NaN is no pivot either.
            if left.is_nan() || left <= tolerance * whole {
                return Err(at);
            }
            row[at] = left.sqrt();
        }
        Ok(Self { rows, size })
    }

    /// Solves the system of the matrix.
    pub(super) fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut solved = right.to_vec();
        for at in 0..self.size {
            let row = &self.rows[at * self.size..];
            let known = dot(&solved[..at], &row[..at]);
            solved[at] = (solved[at] - known) / row[at];
        }
        for at in (0..self.size).rev() {
            let row = &self.rows[at * self.size..];
            let value = solved[at] / row[at];
            solved[at] = value;
            for (solved, entry) in solved[..at].iter_mut().zip(row) {
                *solved -= value * entry;
            }
        }
        solved
    }
}

/// In four lanes, which are summed in a fixed order.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (left, right) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest = left.remainder().iter().zip(right.remainder());
    let rest: f64 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in left.zip(right) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved_and_a_dependent_row_is_named() {
        let size = 7;
        let cell = |row: usize, column: usize| {
            let close = 1.0 / (1.0 + row as f64 + column as f64);
            close + if row == column { 0.5 } else { 0.0 }
        };
        let cells = (0..size * size).map(|at| cell(at / size, at % size));
        let truth: Vec<f64> = (0..size).map(|at| at as f64 - 2.5).collect();
        let right = (0..size).map(|row| (0..size).map(|at| cell(row, at) * truth[at]).sum());
        let right: Vec<f64> = right.collect();
        let factor = Cholesky::new(cells.collect(), size).expect("definite");
        for (found, truth) in factor.solve(&right).iter().zip(&truth) {
            assert!((found - truth).abs() < 1e-13, "{found} {truth}");
        }
        let twins = vec![2.0, 0.0, 0.0, 1.0, 3.0, 0.0, 1.0, 3.0, 3.0];
        assert_eq!(Cholesky::new(twins, 3).err(), Some(2));
    }
}
