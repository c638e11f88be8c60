//! Tests of the coordinate descent: the conditions of a smallest objective on the rows themselves, a slow descent that
//! shares no code, and what is hard: features that depend on each other, far origins, extreme scales.

use proptest::prelude::*;

use super::descent::Stop;
use super::elastic_net::Penalty;
use super::factor::{Column, Factor, LeastSquares};
use super::solve::{RankPolicy, Solution, Unsolved};

const STOP: Stop = Stop {
    tol: 1e-12,
    max_iter: 10_000,
};

fn learn(columns: &[Vec<f64>], intercept: bool) -> Factor {
    let mut fit = LeastSquares::new(columns.len() - 1, intercept);
    let column = |values| Column {
        values,
        validity: None,
    };
    let columns: Vec<_> = columns.iter().map(|values| column(values)).collect();
    fit.push(&columns);
    fit.finish()
}

fn solve(columns: &[Vec<f64>], alpha: f64, l1_ratio: f64, intercept: bool) -> Solution {
    let penalty = Penalty { alpha, l1_ratio };
    let solved = learn(columns, intercept).solve_elastic_net(penalty, STOP);
    solved.expect("converged")
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn count(values: &[f64]) -> f64 {
    values.iter().map(|_| 1.0).sum()
}

fn centred(values: &[f64], intercept: bool) -> Vec<f64> {
    let mean = if intercept {
        values.iter().sum::<f64>() / count(values)
    } else {
        0.0
    };
    values.iter().map(|value| value - mean).collect()
}

/// By how much the worst coefficient misses its condition, beside the lengths of its column and of the target.
fn miss(columns: &[Vec<f64>], found: &Solution, alpha: f64, l1_ratio: f64, intercept: bool) -> f64 {
    let columns: Vec<_> = columns
        .iter()
        .map(|column| centred(column, intercept))
        .collect();
    let (target, features) = columns.split_last().expect("a target");
    let mut residual = target.clone();
    for (column, coefficient) in features.iter().zip(&found.coefficients) {
        for (residual, value) in residual.iter_mut().zip(column) {
            *residual -= coefficient * value;
        }
    }
    let rows = count(target);
    let (l1, l2) = (rows * alpha * l1_ratio, rows * alpha * (1.0 - l1_ratio));
    let pairs = features.iter().zip(&found.coefficients);
    pairs.fold(0.0, |worst: f64, (column, coefficient)| {
        let pull = dot(column, &residual) - l2 * coefficient;
        let off = if *coefficient == 0.0 {
            (pull.abs() - l1).max(0.0)
        } else {
            (pull - l1.copysign(*coefficient)).abs()
        };
        let size = (dot(column, column) * dot(target, target)).sqrt();
        worst.max(if off > 0.0 { off / size } else { 0.0 })
    })
}

fn objective(columns: &[Vec<f64>], w: &[f64], alpha: f64, l1_ratio: f64, intercept: bool) -> f64 {
    let columns: Vec<_> = columns
        .iter()
        .map(|column| centred(column, intercept))
        .collect();
    let (target, features) = columns.split_last().expect("a target");
    let left: Vec<f64> = (0..target.len())
        .map(|row| target[row] - features.iter().zip(w).map(|(c, w)| c[row] * w).sum::<f64>())
        .collect();
    let sizes: f64 = w.iter().map(|w| w.abs()).sum();
    dot(&left, &left) / (2.0 * count(target))
        + alpha * l1_ratio * sizes
        + alpha * (1.0 - l1_ratio) / 2.0 * dot(w, w)
}

/// Another method: proximal gradient steps of a fixed length on the rows.
fn proximal(columns: &[Vec<f64>], alpha: f64, l1_ratio: f64, intercept: bool) -> Vec<f64> {
    let columns: Vec<_> = columns
        .iter()
        .map(|column| centred(column, intercept))
        .collect();
    let (target, features) = columns.split_last().expect("a target");
    let rows = count(target);
    let steepness =
        features.iter().map(|c| dot(c, c)).sum::<f64>() / rows + alpha * (1.0 - l1_ratio) + 1e-300;
    let mut w = vec![0.0; features.len()];
    for _ in 0..20_000 {
        let left: Vec<f64> = (0..target.len())
            .map(|row| {
                target[row]
                    - features
                        .iter()
                        .zip(&w)
                        .map(|(c, w)| c[row] * w)
                        .sum::<f64>()
            })
            .collect();
        for (w, column) in w.iter_mut().zip(features) {
            let to = *w + (dot(column, &left) / rows - alpha * (1.0 - l1_ratio) * *w) / steepness;
            *w = (to.abs() - alpha * l1_ratio / steepness)
                .max(0.0)
                .copysign(to);
        }
    }
    w
}

fn dual_gap(found: &Solution) -> f64 {
    found.descended.expect("a descent").dual_gap
}

#[test]
fn one_feature_has_a_closed_form() {
    let columns = [vec![-1.0, 0.0, 1.0, 4.0], vec![1.0, 6.0, 11.0, 22.0]];
    // Centred, the products are 14 and 58, of four rows.
    for (alpha, l1_ratio) in [(0.5, 1.0), (1.0, 0.5), (3.0, 0.25), (14.4, 1.0)] {
        let found = solve(&columns, alpha, l1_ratio, true);
        let truth = (58.0 - 4.0 * alpha * l1_ratio) / (14.0 + 4.0 * alpha * (1.0 - l1_ratio));
        assert!(
            (found.coefficients[0] - truth).abs() < 1e-14 * truth.max(1.0),
            "{found:?} {truth}"
        );
        assert!((found.intercept - (10.0 - truth)).abs() < 1e-13);
    }
    for alpha in [15.0, 20.0, 1e300, f64::MAX] {
        let found = solve(&columns, alpha, 1.0, true);
        assert_eq!(found.coefficients[0].to_bits(), 0, "{alpha} {found:?}");
        assert_eq!((found.intercept, dual_gap(&found)), (10.0, 0.0));
        assert!((found.residual_sum_of_squares - found.total_sum_of_squares).abs() < 1e-12);
    }
    // Around the origin the products are 18 and 98.
    let found = solve(&columns, 2.0, 0.5, false);
    assert!(
        (found.coefficients[0] - 94.0 / 22.0).abs() < 1e-14,
        "{found:?}"
    );
    assert_eq!(found.intercept.to_bits(), 0);
}

#[test]
fn without_sizes_it_is_ridge_and_least_squares_to_the_bit() {
    let columns = [
        vec![1.0, 2.0, 4.0, 3.0],
        vec![0.5, 0.25, 1.0, 2.0],
        vec![1.0, 5.0, 6.0, 8.0],
    ];
    for intercept in [true, false] {
        let factor = learn(&columns, intercept);
        let with = |alpha, l1_ratio| factor.solve_elastic_net(Penalty { alpha, l1_ratio }, STOP);
        assert_eq!(with(0.5, 0.0), factor.solve_ridge(2.0));
        assert_eq!(with(0.0, 0.5), factor.solve(RankPolicy::Error));
        assert_eq!(with(0.0, 1.0), factor.solve(RankPolicy::Error));
        // Close by, the descent says nearly the same.
        let near = with(1e-13, 1.0).expect("converged");
        let plain = factor.solve(RankPolicy::Error).expect("determined");
        for (near, plain) in near.coefficients.iter().zip(&plain.coefficients) {
            assert!((near - plain).abs() < 1e-11, "{near} {plain}");
        }
    }
}

#[test]
fn constant_features_and_targets_get_nothing() {
    let columns = [
        vec![7.0; 4],
        vec![1.0, 2.0, 4.0, 3.0],
        vec![1e16; 4],
        vec![1.0, 5.0, 6.0, 8.0],
    ];
    let found = solve(&columns, 0.5, 1.0, true);
    assert_eq!(found.coefficients[0].to_bits(), 0);
    assert_eq!(found.coefficients[2].to_bits(), 0);
    // Centred the products are 5 and 9.
    assert!((found.coefficients[1] - 1.4).abs() < 1e-14, "{found:?}");
    assert_eq!((found.rank, found.rows), (1, 4));
    let flat = [columns[1].clone(), vec![3.0; 4]];
    let found = solve(&flat, 0.5, 1.0, true);
    assert_eq!((found.coefficients[0].to_bits(), found.intercept), (0, 3.0));
    let zero = [columns[1].clone(), vec![0.0; 4]];
    let found = solve(&zero, 0.5, 0.5, false);
    assert_eq!(
        (found.coefficients[0].to_bits(), dual_gap(&found)),
        (0, 0.0)
    );
    // No row varies around its own mean.
    let one = solve(&[vec![3.0], vec![5.0]], 0.5, 1.0, true);
    assert_eq!(
        (one.coefficients[0], one.intercept, one.rank),
        (0.0, 5.0, 0)
    );
}

/// Noise without a generator.
fn noise(rows: u32, by: u32) -> Vec<f64> {
    (1..=rows)
        .map(|row| f64::from(row.wrapping_mul(by).wrapping_mul(2_654_435_761) >> 8) / 16_777_216.0)
        .collect()
}

fn sum(parts: &[(f64, &[f64])]) -> Vec<f64> {
    let (_, first) = parts[0];
    (0..first.len())
        .map(|row| parts.iter().map(|(by, part)| by * part[row]).sum())
        .collect()
}

#[test]
fn features_that_depend_on_each_other_are_no_obstacle() {
    let (a, b, c) = (noise(80, 3), noise(80, 7), noise(80, 11));
    let twice = sum(&[(2.0, &a)]);
    let both = sum(&[(1.0, &a), (1.0, &b)]);
    let rest = sum(&[(1.0, &a), (1.0, &b), (-1.0, &c)]);
    let target = sum(&[(3.0, &a), (1.0, &b), (0.5, &c), (0.1, &noise(80, 13))]);
    let columns = [a, twice, b, both, c, rest, target];
    for alpha in [1e-8, 1e-6, 1e-4, 1e-2] {
        for l1_ratio in [1.0, 0.999_999, 0.5] {
            let found = solve(&columns, alpha, l1_ratio, true);
            let missed = miss(&columns, &found, alpha, l1_ratio, true);
            let passes = found.descended.expect("a descent").iterations;
            println!("{alpha} {l1_ratio}: {passes} passes, {missed:.1e}, {found:?}");
            assert!(missed < 1e-6, "{alpha} {l1_ratio} {missed} {found:?}");
            assert!(dual_gap(&found) >= 0.0 && found.rank == 3);
            if l1_ratio == 1.0 {
                // Half the coefficient does the same, so that the larger twin has it all.
                assert_eq!(found.coefficients[0].to_bits(), 0, "{found:?}");
            }
        }
    }
    let plain = learn(&columns, true).solve_elastic_net(
        Penalty {
            alpha: 0.0,
            l1_ratio: 1.0,
        },
        STOP,
    );
    assert!(matches!(plain, Err(Unsolved::Deficient { .. })));
}

#[test]
fn an_ill_conditioned_polynomial_converges() {
    let at: Vec<f64> = (0..60).map(|row| 1.0 + f64::from(row) / 60.0).collect();
    let mut columns: Vec<Vec<f64>> = (1..=6)
        .map(|power| at.iter().map(|x| x.powi(power)).collect())
        .collect();
    columns.push(at.iter().map(|x| (3.0 * x).sin()).collect());
    for alpha in [1e-7, 1e-5, 1e-3] {
        for intercept in [true, false] {
            let found = solve(&columns, alpha, 1.0, intercept);
            let missed = miss(&columns, &found, alpha, 1.0, intercept);
            let passes = found.descended.expect("a descent").iterations;
            println!("{alpha} {intercept}: {passes} passes, {missed:.1e}, {found:?}");
            assert!(missed < 1e-10, "{alpha} {missed} {found:?}");
        }
    }
}

#[test]
fn more_features_than_rows_converge() {
    // Neighbouring columns resemble each other: each is a running mean of noise.
    let raw: Vec<Vec<f64>> = (0..64).map(|at| noise(30, 3 + 2 * at)).collect();
    let mut columns: Vec<Vec<f64>> = raw
        .windows(4)
        .map(|near| {
            let parts: Vec<(f64, &[f64])> = near.iter().map(|part| (0.25, &part[..])).collect();
            sum(&parts)
        })
        .collect();
    columns.push(sum(&[
        (3.0, &columns[5]),
        (-2.0, &columns[40]),
        (0.3, &noise(30, 999)),
    ]));
    for alpha in [1e-6, 1e-5, 1e-4, 1e-3, 1e-2] {
        for l1_ratio in [1.0, 0.9] {
            let found = solve(&columns, alpha, l1_ratio, true);
            let missed = miss(&columns, &found, alpha, l1_ratio, true);
            let passes = found.descended.expect("a descent").iterations;
            let zeros = found.coefficients.iter().filter(|w| **w == 0.0).count();
            println!("{alpha} {l1_ratio}: {passes} passes, {zeros} zeros, {missed:.1e}");
            assert!(missed < 1e-12 && passes < 1000, "{alpha} {missed} {passes}");
            assert!(zeros >= 61 - 29 || l1_ratio < 1.0, "{alpha} {zeros}");
        }
    }
}

#[test]
fn units_change_nothing() {
    let (a, b) = (noise(50, 3), noise(50, 7));
    let target = sum(&[(3.0, &a), (-2.0, &b), (0.5, &noise(50, 13))]);
    let columns = [a, b, target];
    let near = solve(&columns, 0.01, 1.0, true);
    for unit in [1e-150, 1e-9, 1e9, 1e150] {
        // One unit for all features: the penalty has the unit of the features times that of the target.
        let far: Vec<Vec<f64>> = columns
            .iter()
            .map(|column| sum(&[(unit, column)]))
            .collect();
        let found = solve(&far, 0.01 * unit * unit, 1.0, true);
        for (found, near) in found.coefficients.iter().zip(&near.coefficients) {
            assert!((found / near - 1.0).abs() < 1e-12, "{unit} {found} {near}");
        }
    }
}

#[test]
fn a_small_deviation_at_a_far_origin_is_learned_from() {
    let (a, b) = (noise(500, 3), noise(500, 7));
    let far: Vec<f64> = a.iter().map(|value| 1e8 + value).collect();
    // What the floats hold of it.
    let held: Vec<f64> = far.iter().map(|value| value - 1e8).collect();
    let target = sum(&[(3.0, &a), (-2.0, &b), (0.5, &noise(500, 13))]);
    let found = solve(&[far, b.clone(), target.clone()], 0.01, 1.0, true);
    let near = solve(&[held, b, target], 0.01, 1.0, true);
    for (found, near) in found.coefficients.iter().zip(&near.coefficients) {
        assert!((found / near - 1.0).abs() < 1e-11, "{found} {near}");
    }
    assert!((found.intercept + 1e8 * near.coefficients[0] - near.intercept).abs() < 1e-5);
}

#[test]
fn too_few_passes_are_an_error() {
    let (a, b) = (noise(50, 3), noise(50, 7));
    let near = sum(&[(1.0, &a), (0.01, &b)]);
    let target = sum(&[(3.0, &a), (2.0, &b)]);
    let factor = learn(&[a, near, target], true);
    let penalty = Penalty {
        alpha: 1e-4,
        l1_ratio: 0.9,
    };
    let stop = Stop {
        max_iter: 1,
        ..STOP
    };
    let Err(Unsolved::Unconverged { iterations, gap }) = factor.solve_elastic_net(penalty, stop)
    else {
        panic!("converged");
    };
    assert!(iterations == 1 && gap > 1e-12, "{gap}");
    let loose = Stop { tol: 1.0, ..stop };
    let loose = factor.solve_elastic_net(penalty, loose).expect("converged");
    assert_eq!(loose.descended.expect("a descent").iterations, 1);
}

#[test]
fn a_span_beyond_the_floats_is_an_error() {
    let factor = learn(&[vec![-1.7e308, 1.7e308, 1.0], vec![1.0, 2.0, 3.0]], true);
    let penalty = Penalty {
        alpha: 1.0,
        l1_ratio: 1.0,
    };
    assert_eq!(
        factor.solve_elastic_net(penalty, STOP),
        Err(Unsolved::Overflow)
    );
}

fn problem() -> impl Strategy<Value = Vec<Vec<f64>>> {
    let row = prop::collection::vec(-9..10_i32, 6);
    (prop::collection::vec(row, 1..25), 1..6_usize).prop_map(|(rows, features)| {
        (0..=features)
            .map(|at| rows.iter().map(|row| f64::from(row[at])).collect())
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_coefficient_is_pulled_away(
        columns in problem(),
        alpha in prop::sample::select(vec![1e-6, 1e-3, 0.1, 0.5, 2.0, 10.0]),
        l1_ratio in prop::sample::select(vec![0.1, 0.5, 0.9, 1.0]),
        intercept: bool,
    ) {
        let found = solve(&columns, alpha, l1_ratio, intercept);
        let missed = miss(&columns, &found, alpha, l1_ratio, intercept);
        prop_assert!(missed < 1e-6, "{} {:?}", missed, found);
        let gap = dual_gap(&found);
        let mean_square = dot(&centred(&columns[columns.len() - 1], intercept), &columns[columns.len() - 1]) / count(&columns[0]);
        prop_assert!(gap <= 1e-12 * mean_square + 1e-300 || missed < 1e-13, "{}", gap);
        prop_assert!(found.coefficients.iter().all(|w| *w != 0.0 || w.is_sign_positive()));
    }

    #[test]
    fn the_objective_is_no_larger_than_another_methods(
        columns in problem(),
        alpha in prop::sample::select(vec![0.1, 0.5, 2.0]),
        l1_ratio in prop::sample::select(vec![0.2, 0.7, 1.0]),
        intercept: bool,
    ) {
        let found = solve(&columns, alpha, l1_ratio, intercept);
        let other = proximal(&columns, alpha, l1_ratio, intercept);
        let ours = objective(&columns, &found.coefficients, alpha, l1_ratio, intercept);
        let theirs = objective(&columns, &other, alpha, l1_ratio, intercept);
        prop_assert!(ours <= theirs * (1.0 + 1e-12) + 1e-12, "{} {}", ours, theirs);
        // The gap bounds how far it is from the smallest one.
        prop_assert!(ours - theirs <= dual_gap(&found) + 1e-12 * (1.0 + theirs));
    }

    #[test]
    fn merged_rows_say_the_same(columns in problem(), intercept: bool) {
        use super::double::Double;
        let half = columns[0].len() / 2;
        let part = |range: std::ops::Range<usize>| {
            let part: Vec<_> = columns.iter().map(|column| column[range.clone()].to_vec()).collect();
            learn(&part, intercept)
        };
        let shift = vec![Double::ZERO; columns.len()];
        let merged = part(0..half).merge(&part(half..columns[0].len()), &shift);
        let penalty = Penalty { alpha: 0.3, l1_ratio: 0.6 };
        let merged = merged.solve_elastic_net(penalty, STOP).expect("converged");
        let whole = solve(&columns, 0.3, 0.6, intercept);
        for (merged, whole) in merged.coefficients.iter().zip(&whole.coefficients) {
            prop_assert!((merged - whole).abs() < 1e-9, "{} {}", merged, whole);
        }
    }
}
