//! Tests of the penalty: against exact rationals, against the normal equations, and at its ends.

use proptest::prelude::*;

use super::double::Double;
use super::exact::ridge;
use super::factor::{Column, Factor, LeastSquares};
use super::solve::{RankPolicy, Solution, Unsolved};

fn learn(columns: &[Vec<f64>], intercept: bool) -> Factor {
    let mut fit = LeastSquares::new(columns.len() - 1, intercept);
    let column = |values| Column {
        values,
        validity: None,
    };
    fit.push(
        &columns
            .iter()
            .map(|values| column(values))
            .collect::<Vec<_>>(),
    );
    fit.finish()
}

fn solve(columns: &[Vec<f64>], penalty: f64, intercept: bool) -> Solution {
    let solved = learn(columns, intercept).solve_ridge(penalty);
    solved.expect("determined by the penalty")
}

/// Of the coefficients and the intercept, the largest error beside the largest of the truths.
fn error(found: &Solution, truth: &[f64], intercept: bool) -> f64 {
    let (constant, coefficients) = truth.split_at(usize::from(intercept));
    let size = coefficients
        .iter()
        .fold(0.0, |size: f64, truth| size.max(truth.abs()));
    let pairs = found.coefficients.iter().zip(coefficients);
    let of_coefficients = pairs.fold(0.0, |error: f64, (found, truth)| {
        error.max((found - truth).abs() / size.max(f64::MIN_POSITIVE))
    });
    let of_constant = constant.first().map_or(found.intercept.abs(), |truth| {
        (found.intercept - truth).abs() / truth.abs().max(1.0)
    });
    of_coefficients.max(of_constant)
}

fn polynomial(degree: i32) -> [Vec<Vec<f64>>; 2] {
    let at: Vec<f64> = (0..40).map(|row| 1.0 + f64::from(row) / 40.0).collect();
    let columns = (1..=degree).map(|power| at.iter().map(|x| x.powi(power)).collect());
    let target = at.iter().map(|x| (3.0 * x).sin()).collect();
    [columns.collect(), vec![target]]
}

/// The normal equations of the centred columns by elimination, in floats.
fn normal_equations(columns: &[Vec<f64>], target: &[f64], penalty: f64) -> Vec<f64> {
    let centred = |values: &[f64]| -> Vec<f64> {
        let count: f64 = values.iter().map(|_| 1.0).sum();
        let mean = values.iter().sum::<f64>() / count;
        values.iter().map(|value| value - mean).collect()
    };
    let columns: Vec<_> = columns.iter().map(|column| centred(column)).collect();
    let target = centred(target);
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let size = columns.len();
    let mut system: Vec<Vec<f64>> = (0..size)
        .map(|i| {
            let row = columns.iter().map(|other| dot(&columns[i], other));
            let mut row: Vec<f64> = row.chain([dot(&columns[i], &target)]).collect();
            row[i] += penalty;
            row
        })
        .collect();
    for pivot in 0..size {
        let head = system[pivot].clone();
        for (_, row) in system.iter_mut().enumerate().filter(|(at, _)| *at != pivot) {
            let factor = row[pivot] / head[pivot];
            for (value, head) in row.iter_mut().zip(&head) {
                *value -= factor * head;
            }
        }
    }
    (0..size).map(|i| system[i][size] / system[i][i]).collect()
}

#[test]
fn ill_conditioned_polynomials_keep_more_digits_than_the_normal_equations() {
    for degree in [6, 8, 10] {
        let [columns, target] = polynomial(degree);
        let penalty = 1e-10;
        let truth = ridge(&columns, &target[0], penalty, true);
        let found = solve(&[columns.clone(), target.clone()].concat(), penalty, true);
        let ours = error(&found, &truth, true);
        let normal = Solution {
            coefficients: normal_equations(&columns, &target[0], penalty),
            intercept: truth[0],
            ..found
        };
        let theirs = error(&normal, &truth, true);
        println!("degree {degree}: {ours:.1e}, normal equations {theirs:.1e}");
        assert!(ours < 1e-8 && ours * 30.0 < theirs, "{ours} {theirs}");
    }
}

#[test]
fn a_constant_feature_gets_nothing() {
    let columns = [
        vec![7.0; 4],
        vec![1.0, 2.0, 4.0, 3.0],
        vec![1e16; 4],
        vec![1.0, 5.0, 6.0, 8.0],
    ];
    let found = solve(&columns, 0.5, true);
    assert_eq!(
        (
            found.coefficients[0].to_bits(),
            found.coefficients[2].to_bits()
        ),
        (0, 0)
    );
    // Centred they are -1.5, -0.5, 1.5, 0.5 and -4, 0, 1, 3.
    assert!(
        (found.coefficients[1] - 9.0 / 5.5).abs() < 1e-14,
        "{found:?}"
    );
    assert_eq!((found.rank, found.rows), (1, 4));
    let residual: f64 = [(-1.5, -4.0), (-0.5, 0.0), (1.5, 1.0), (0.5, 3.0)]
        .iter()
        .map(|(x, y)| (y - x * 9.0 / 5.5) * (y - x * 9.0 / 5.5))
        .sum();
    assert!(
        (found.residual_sum_of_squares - residual).abs() < 1e-12,
        "{found:?}"
    );
    assert!(
        (found.total_sum_of_squares - 26.0).abs() < 1e-12,
        "{found:?}"
    );
}

#[test]
fn without_an_intercept_the_origin_and_constants_count() {
    let columns = [vec![1.0, 2.0, 3.0], vec![5.0; 3], vec![2.0, 3.0, 7.0]];
    let found = solve(&columns, 2.0, false);
    let truth = ridge(&columns[..2], &columns[2], 2.0, false);
    assert!(error(&found, &truth, false) < 1e-14, "{found:?} {truth:?}");
    assert!(found.coefficients[1] > 0.1 && found.rank == 2);
}

#[test]
fn fewer_rows_than_features_are_enough() {
    let columns = [
        vec![1.0, 2.0],
        vec![3.0, 5.0],
        vec![4.0, 4.5],
        vec![1.0, 2.0],
    ];
    for intercept in [true, false] {
        let found = solve(&columns, 0.25, intercept);
        let truth = ridge(&columns[..3], &columns[3], 0.25, intercept);
        assert!(
            error(&found, &truth, intercept) < 1e-14,
            "{found:?} {truth:?}"
        );
        assert_eq!(found.rank, if intercept { 1 } else { 2 });
    }
    // One row says nothing around its own mean.
    let one = solve(&[vec![3.0], vec![5.0]], 1.0, true);
    assert_eq!(
        (one.coefficients[0], one.intercept, one.rank),
        (0.0, 5.0, 0)
    );
}

#[test]
fn a_penalty_that_rounding_hides_is_refused_where_it_must_decide() {
    let x: Vec<f64> = (0..50_u32).map(|row| f64::from(row * 7919 % 101)).collect();
    let target = x.iter().map(|x| x * x).collect();
    let columns = [x.clone(), x.iter().map(|x| 3.0 * x).collect(), target];
    let factor = learn(&columns, true);
    let deficient =
        |solved| matches!(solved, Err(Unsolved::Deficient { dependent, .. }) if dependent == [1]);
    assert!(deficient(factor.solve_ridge(0.0)));
    assert!(deficient(factor.solve_ridge(1e-40)));
    let shared = factor.solve_ridge(1e-3).expect("a penalty that shows");
    assert!(
        (shared.coefficients[1] - 3.0 * shared.coefficients[0]).abs() < 1e-6,
        "{shared:?}"
    );
    // Where the features determine the fit, the smallest penalty changes nothing that shows.
    let single = learn(&columns[1..], true);
    let plain = single.solve(RankPolicy::Error).expect("full rank");
    let tiny = single.solve_ridge(f64::MIN_POSITIVE).expect("full rank");
    assert!((plain.coefficients[0] - tiny.coefficients[0]).abs() < 1e-12);
    let huge = single.solve_ridge(f64::MAX).expect("full rank");
    assert!(huge.coefficients[0].abs() < 1e-290, "{huge:?}");
    assert!((huge.residual_sum_of_squares / plain.total_sum_of_squares - 1.0).abs() < 1e-12);
}

#[test]
fn without_a_penalty_it_is_the_best_fit_to_the_bit() {
    let [columns, target] = polynomial(4);
    let factor = learn(&[columns, target].concat(), true);
    assert_eq!(factor.solve_ridge(0.0), factor.solve(RankPolicy::Error));
}

#[test]
fn a_span_beyond_the_floats_is_an_error() {
    let factor = learn(&[vec![-1.7e308, 1.7e308, 1.0], vec![1.0, 2.0, 3.0]], true);
    assert_eq!(factor.solve_ridge(1.0), Err(Unsolved::Overflow));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn small_integers_agree_with_the_exact_solution(
        rows in prop::collection::vec([-9..10_i32, -9..10, -9..10, -9..10], 1..25),
        penalty in 1..40_i32,
        intercept: bool,
    ) {
        let columns: Vec<Vec<f64>> = (0..4)
            .map(|at| rows.iter().map(|row| f64::from(row[at])).collect())
            .collect();
        let penalty = f64::from(penalty) / 8.0;
        let found = solve(&columns, penalty, intercept);
        let truth = ridge(&columns[..3], &columns[3], penalty, intercept);
        prop_assert!(error(&found, &truth, intercept) < 1e-11, "{:?} {:?}", found, truth);
    }

    #[test]
    fn far_origins_and_folds_change_nothing_that_shows(
        rows in prop::collection::vec([-99..100_i32, -99..100, -99..100], 12..60),
        origin in -1e9..1e9_f64,
    ) {
        let origin = origin.round();
        let near: Vec<Vec<f64>> = (0..3)
            .map(|at| rows.iter().map(|row| f64::from(row[at])).collect())
            .collect();
        let far: Vec<Vec<f64>> = near
            .iter()
            .map(|column| column.iter().map(|value| value + origin).collect())
            .collect();
        let truth = ridge(&near[..2], &near[2], 3.0, true);
        let close = |found: &Solution| {
            let pairs = found.coefficients.iter().zip(&truth[1..]);
            pairs.map(|(found, truth)| (found - truth).abs()).fold(0.0, f64::max) < 1e-12
        };
        prop_assert!(close(&solve(&far, 3.0, true)));
        let half = rows.len() / 2;
        let part = |range: std::ops::Range<usize>| {
            let part: Vec<_> = far.iter().map(|column| column[range.clone()].to_vec()).collect();
            learn(&part, true)
        };
        let merged = part(0..half).merge(&part(half..rows.len()), &[Double::ZERO; 3]);
        prop_assert!(close(&merged.solve_ridge(3.0).expect("determined")));
    }

    #[test]
    fn a_larger_penalty_never_lengthens_the_coefficients(
        rows in prop::collection::vec([-9..10_i32, -9..10, -9..10], 3..25),
    ) {
        let columns: Vec<Vec<f64>> = (0..3)
            .map(|at| rows.iter().map(|row| f64::from(row[at])).collect())
            .collect();
        let factor = learn(&columns, true);
        let mut before = (f64::INFINITY, 0.0);
        for penalty in [0.01, 0.1, 1.0, 10.0, 100.0] {
            let found = factor.solve_ridge(penalty).expect("determined");
            let length: f64 = found.coefficients.iter().map(|value| value * value).sum();
            let residual = found.residual_sum_of_squares;
            prop_assert!(length <= before.0 * (1.0 + 1e-9) && residual >= before.1 * (1.0 - 1e-9) - 1e-9);
            before = (length, residual);
        }
    }
}
