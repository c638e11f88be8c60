//! Exact arithmetic on rationals, which the tests compare with.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{FromPrimitive, ToPrimitive, Zero};

pub(super) fn rational(value: f64) -> BigRational {
    BigRational::from_f64(value).expect("a finite float")
}

pub(super) fn integer(value: i128) -> BigRational {
    BigRational::from_integer(BigInt::from(value))
}

/// The exact mean and population variance.
pub(super) fn mean_and_variance(values: &[BigRational]) -> (BigRational, BigRational) {
    let count = integer(values.len() as i128);
    let mean = values.iter().sum::<BigRational>() / &count;
    let squares = values
        .iter()
        .map(|value| (value - &mean) * (value - &mean))
        .sum::<BigRational>();
    (mean, squares / count)
}

/// The distance of `found` from `truth` in units in the last place of `truth`.
pub(super) fn ulps(found: f64, truth: &BigRational) -> f64 {
    let nearest = truth.to_f64().expect("within the floats");
    let unit = f64::from_bits(nearest.abs().to_bits() + 1) - nearest.abs();
    ((rational(found) - truth) / rational(unit))
        .to_f64()
        .expect("a ratio")
        .abs()
}

/// The exact solution of the normal equations of the columns, with a leading constant.
pub(super) fn least_squares(columns: &[Vec<f64>], target: &[f64]) -> Vec<f64> {
    ridge(columns, target, 0.0, true)
}

/// As `least_squares` with a penalty on the coefficients; the constant, if there is one, is not penalised.
pub(super) fn ridge(
    columns: &[Vec<f64>],
    target: &[f64],
    penalty: f64,
    intercept: bool,
) -> Vec<f64> {
    let rows = target.len();
    let lead = usize::from(intercept);
    let mut basis = vec![vec![integer(1); rows]; lead];
    basis.extend(
        columns
            .iter()
            .map(|column| column.iter().map(|value| rational(*value)).collect()),
    );
    basis.push(target.iter().map(|value| rational(*value)).collect());
    let size = basis.len() - 1;
    let dot = |a: usize, b: usize| {
        basis[a]
            .iter()
            .zip(&basis[b])
            .map(|(x, y)| x * y)
            .sum::<BigRational>()
    };
    let mut system: Vec<Vec<BigRational>> = (0..size)
        .map(|i| (0..=size).map(|j| dot(i, j)).collect())
        .collect();
    for (index, row) in system.iter_mut().enumerate().skip(lead) {
        row[index] += rational(penalty);
    }
    for pivot in 0..size {
        let head = system[pivot].clone();
        for (index, row) in system.iter_mut().enumerate() {
            if index != pivot && !row[pivot].is_zero() {
                let factor = &row[pivot] / &head[pivot];
                for (value, head) in row.iter_mut().zip(&head) {
                    *value -= &factor * head;
                }
            }
        }
    }
    (0..size)
        .map(|i| {
            (&system[i][size] / &system[i][i])
                .to_f64()
                .expect("a float")
        })
        .collect()
}
