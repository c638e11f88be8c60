//! Tests of least squares: certified sets where they are at hand, made sets, ranks, folds and bits.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "The numbers here are made for the tests, and small enough."
)]

use std::io::Write;
use std::path::Path;

use proptest::prelude::*;

use super::Validity;
use super::double::Double;
use super::exact::least_squares;
use super::factor::{Column, Factor, LeastSquares};
use super::solve::{RankPolicy, Solution, Unsolved};

fn learn(columns: &[Vec<f64>], intercept: bool, chunk: usize) -> Factor {
    let mut fit = LeastSquares::new(columns.len() - 1, intercept);
    let rows = columns[0].len();
    for start in (0..rows).step_by(chunk) {
        let end = rows.min(start + chunk);
        let part: Vec<_> = columns
            .iter()
            .map(|column| Column {
                values: &column[start..end],
                validity: None,
            })
            .collect();
        fit.push(&part);
    }
    fit.finish()
}

fn fit(columns: &[Vec<f64>]) -> Solution {
    learn(columns, true, usize::MAX / 2)
        .solve(RankPolicy::Error)
        .expect("full rank")
}

/// Decimal digits on which the two agree.
fn digits(found: f64, truth: f64) -> f64 {
    let error = ((found - truth) / truth).abs();
    if error == 0.0 { 16.0 } else { -error.log10() }
}

/// The numbers below the header of a certified set, or nothing where the sets are not at hand.
fn certified(name: &str) -> Option<(Vec<[f64; 2]>, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/nist");
    let path = Path::new(folder).join(format!("{name}.dat"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        // Past the harness, which swallows what a passing test prints.
        let _ = writeln!(
            std::io::stderr(),
            "left out: {} is not here",
            path.display()
        );
        return None;
    };
    let rows = text.lines().skip(60).filter_map(|line| {
        let fields: Result<Vec<f64>, _> = line.split_whitespace().map(str::parse).collect();
        fields
            .ok()
            .and_then(|fields| <[f64; 2]>::try_from(fields).ok())
    });
    Some((rows.collect(), text))
}

fn indicators(groups: &[usize], target: Vec<f64>) -> Vec<Vec<f64>> {
    let count = groups.iter().max().map_or(0, |last| last + 1);
    let indicator = |group| {
        groups
            .iter()
            .map(|found| f64::from(u8::from(*found == group)))
            .collect()
    };
    (1..count).map(indicator).chain([target]).collect()
}

#[test]
fn norris_agrees_to_twelve_digits() {
    let Some((rows, _)) = certified("Norris") else {
        return;
    };
    assert_eq!(rows.len(), 36);
    let (target, feature) = (
        rows.iter().map(|row| row[0]).collect(),
        rows.iter().map(|row| row[1]).collect(),
    );
    let found = fit(&[feature, target]);
    let truths = [
        ("intercept", found.intercept, -0.262_323_073_774_029),
        ("slope", found.coefficients[0], 1.002_116_818_020_45),
        (
            "residual",
            (found.residual_sum_of_squares / 34.0).sqrt(),
            0.884_796_396_144_373,
        ),
        (
            "R2",
            found.r_squared().expect("varies"),
            0.999_993_745_883_712,
        ),
    ];
    for (name, found, truth) in truths {
        println!("Norris {name}: {:.1} digits", digits(found, truth));
        assert!(
            digits(found, truth) >= 12.0,
            "{name}: {found} against {truth}"
        );
    }
}

#[test]
fn one_way_sets_agree_to_nine_digits() {
    for name in ["AtmWtAg", "SiRstv", "SmLs01", "SmLs04"] {
        let Some((rows, text)) = certified(name) else {
            continue;
        };
        let line = text
            .lines()
            .find(|line| line.contains("Certified R-Squared"))
            .expect("a certified value");
        let truth: f64 = line
            .split_whitespace()
            .last()
            .expect("a number")
            .parse()
            .expect("a number");
        let groups: Vec<usize> = rows.iter().map(|row| row[0] as usize - 1).collect();
        let found = fit(&indicators(
            &groups,
            rows.iter().map(|row| row[1]).collect(),
        ));
        let found = found.r_squared().expect("varies");
        println!(
            "{name}: {} rows, R2 {:.1} digits",
            rows.len(),
            digits(found, truth)
        );
        assert!(
            digits(found, truth) >= 9.0,
            "{name}: {found} against {truth}"
        );
    }
}

#[test]
fn groups_on_a_large_offset_keep_their_ratio() {
    let (mut groups, mut target) = (Vec::new(), Vec::new());
    for group in 0..9 {
        for replicate in 0..2001 {
            groups.push(group);
            let level = [4.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0, 3.0, 4.0][group];
            target.push(1e12 + level / 8.0 + if replicate % 2 == 0 { 0.125 } else { -0.125 });
        }
    }
    let small: Vec<f64> = target.iter().map(|value| value - 1e12).collect();
    let found = fit(&indicators(&groups, target))
        .r_squared()
        .expect("varies");
    let truth = fit(&indicators(&groups, small))
        .r_squared()
        .expect("varies");
    println!("SmLs09-like: {:.1} digits", digits(found, truth));
    assert!(digits(found, truth) >= 12.0);
}

fn powers(at: &[f64], degree: i32) -> Vec<Vec<f64>> {
    let mut columns: Vec<Vec<f64>> = (1..=degree)
        .map(|power| at.iter().map(|x| x.powi(power)).collect())
        .collect();
    columns.push(
        at.iter()
            .map(|x| (0..=degree).map(|power| x.powi(power)).sum())
            .collect(),
    );
    columns
}

#[test]
fn wampler_polynomials_give_their_coefficients() {
    let at: Vec<f64> = (0..=20).map(f64::from).collect();
    let found = fit(&powers(&at, 5));
    let worst = found
        .coefficients
        .iter()
        .chain([&found.intercept])
        .map(|value| digits(*value, 1.0));
    let worst = worst.fold(16.0, f64::min);
    println!(
        "Wampler degree 5: {worst:.1} digits, condition {:.1e}",
        found.condition
    );
    assert!(worst >= 8.0);
}

#[test]
fn a_polynomial_of_degree_ten_is_not_deficient() {
    let at: Vec<f64> = (0..82)
        .map(|row| -8.78 + 5.63 * f64::from(row) / 81.0)
        .collect();
    let mut columns = powers(&at, 10);
    columns[10] = at
        .iter()
        .map(|x| (0..=10).map(|power| (x / 4.0).powi(power)).sum::<f64>() + x.sin() / 1e3)
        .collect();
    let truth = least_squares(&columns[..10], &columns[10]);
    let found = fit(&columns);
    let pairs = found.coefficients.iter().zip(&truth[1..]);
    let worst = pairs
        .map(|(found, truth)| digits(*found, *truth))
        .fold(16.0, f64::min);
    println!(
        "Filip-like degree 10: {worst:.1} digits, condition {:.1e}",
        found.condition
    );
    assert!(found.rank == 10 && worst >= 4.0);
}

#[test]
fn collinear_series_agree_with_the_exact_solution() {
    let year: Vec<f64> = (1947..1963).map(f64::from).collect();
    let wave = |scale: f64, slope: f64, phase: f64| -> Vec<f64> {
        year.iter()
            .map(|year| {
                (scale + slope * (year - 1947.0) + scale * 0.01 * (year * phase).sin()).round()
            })
            .collect()
    };
    let columns = [
        wave(830.0, 21.0, 1.3),
        wave(234_000.0, 21_000.0, 2.1),
        wave(1870.0, 9.0, 0.7),
        wave(107_000.0, 1500.0, 0.3),
        year.clone(),
    ];
    let target = wave(60_000.0, 700.0, 1.9);
    let truth = least_squares(&columns, &target);
    let found = fit(&[columns.as_slice(), &[target]].concat());
    let pairs = found
        .coefficients
        .iter()
        .zip(&truth[1..])
        .chain([(&found.intercept, &truth[0])]);
    let worst = pairs
        .map(|(found, truth)| digits(*found, *truth))
        .fold(16.0, f64::min);
    println!(
        "Longley-like: {worst:.1} digits, condition {:.1e}",
        found.condition
    );
    assert!(worst >= 10.0);
}

fn noise(rows: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    (0..rows).map(|_| next()).collect()
}

#[test]
fn dependent_features_are_named() {
    let (a, b, target) = (noise(100_000, 1), noise(100_000, 2), noise(100_000, 3));
    let sum: Vec<f64> = a
        .iter()
        .zip(&b)
        .map(|(a, b)| 1e-9 * (a + 2.0 * b))
        .collect();
    let columns = [
        a.clone(),
        vec![1e9; 100_000],
        b.clone(),
        sum,
        a.iter().map(|a| a * 1e30).collect(),
        target.clone(),
    ];
    let factor = learn(&columns, true, 999);
    let refused = factor.solve(RankPolicy::Error);
    assert_eq!(
        refused,
        Err(Unsolved::Deficient {
            dependent: vec![1, 3, 4],
            rank: 2,
            rows: 100_000
        })
    );
    let smallest = factor
        .solve(RankPolicy::MinimumNorm)
        .expect("always solvable");
    let plain = fit(&[a, b, target]);
    assert_eq!((smallest.rank, smallest.coefficients[1]), (2, 0.0));
    assert!(
        digits(
            smallest.residual_sum_of_squares,
            plain.residual_sum_of_squares
        ) > 13.0
    );
}

#[test]
fn the_smallest_of_all_fits_shares_the_weight_of_twins() {
    let (a, b) = (noise(500, 1), noise(500, 2));
    let target: Vec<f64> = a.iter().zip(&b).map(|(a, b)| 6.0 * a + b + 2.0).collect();
    let double = a.iter().map(|a| 2.0 * a).collect();
    let found = learn(&[a, b, double, target], true, 100)
        .solve(RankPolicy::MinimumNorm)
        .expect("always solvable");
    for (found, truth) in found
        .coefficients
        .iter()
        .chain([&found.intercept])
        .zip([1.2, 1.0, 2.4, 2.0])
    {
        assert!(digits(*found, truth) > 12.0, "{found} against {truth}");
    }
}

#[test]
fn too_few_rows_are_deficient() {
    let columns = [vec![1.0, 2.0], vec![3.0, 5.0], vec![1.0, 2.0]];
    let refused = learn(&columns, true, 10).solve(RankPolicy::Error);
    assert_eq!(
        refused,
        Err(Unsolved::Deficient {
            dependent: vec![1],
            rank: 1,
            rows: 2
        })
    );
    let found = learn(&columns, true, 10)
        .solve(RankPolicy::MinimumNorm)
        .expect("always solvable");
    assert!(
        (found.coefficients[0] - 0.2).abs() < 1e-14 && (found.coefficients[1] - 0.4).abs() < 1e-14
    );
    let nothing = learn(&[vec![], vec![]], true, 10);
    assert_eq!(
        nothing.solve(RankPolicy::Error),
        Err(Unsolved::Deficient {
            dependent: vec![0],
            rank: 0,
            rows: 0
        })
    );
    assert_eq!(
        nothing
            .solve(RankPolicy::MinimumNorm)
            .expect("always solvable")
            .coefficients,
        [0.0]
    );
}

#[test]
fn without_an_intercept_the_line_goes_through_the_origin() {
    let found = learn(&[vec![1.0, 2.0, 3.0], vec![2.0, 3.0, 7.0]], false, 2)
        .solve(RankPolicy::Error)
        .expect("full rank");
    assert!(digits(found.coefficients[0], 29.0 / 14.0) > 15.0);
    assert!(digits(found.total_sum_of_squares, 14.0) > 14.0);
    assert!(digits(found.residual_sum_of_squares, 62.0 - 29.0 * 29.0 / 14.0) > 13.0);
    assert_eq!(found.intercept.to_bits(), 0);
}

#[test]
fn a_distant_first_row_hides_nothing() {
    let mut feature = noise(2000, 4);
    let mut target: Vec<f64> = feature.iter().map(|x| 3.0 * x + 1.0).collect();
    feature[0] = 1e12;
    target[0] = 3e12 + 1.0;
    let found = fit(&[feature, target]);
    assert!(
        digits(found.coefficients[0], 3.0) > 12.0 && found.rank == 1,
        "{found:?}"
    );
}

#[test]
fn rows_without_a_number_are_counted_and_left_out() {
    let mut fit = LeastSquares::new(1, true);
    let valid: &[bool] = &[false, true, true, true, true];
    let feature = Column {
        values: &[f64::NAN, f64::NAN, 1.0, 2.0, 3.0],
        validity: Some(&valid),
    };
    fit.push(&[
        feature,
        Column {
            values: &[1.0, 1.0, 3.0, f64::INFINITY, 7.0],
            validity: None,
        },
    ]);
    let factor = fit.finish();
    let excluded = factor.excluded();
    assert_eq!(
        (
            excluded[0].nulls,
            excluded[0].nans,
            excluded[1].infinities,
            factor.rows()
        ),
        (1, 1, 1, 2)
    );
    assert!(
        digits(
            factor
                .solve(RankPolicy::Error)
                .expect("full rank")
                .coefficients[0],
            2.0
        ) > 14.0
    );
}

#[test]
fn a_span_beyond_the_floats_is_an_error() {
    let factor = learn(
        &[vec![-1.7e308, 1.7e308, 1.0], vec![1.0, 2.0, 3.0]],
        true,
        9,
    );
    assert_eq!(factor.solve(RankPolicy::Error), Err(Unsolved::Overflow));
}

fn close(found: &Solution, truth: &Solution, least: f64) -> bool {
    let coefficients = found.coefficients.iter().zip(&truth.coefficients);
    coefficients
        .chain([(&found.intercept, &truth.intercept)])
        .all(|(found, truth)| digits(*found, *truth) > least)
}

#[test]
fn folds_merge_to_the_whole() {
    let (a, b, c) = (noise(5000, 1), noise(5000, 2), noise(5000, 3));
    let columns = [a.iter().map(|a| a + 1e6).collect::<Vec<f64>>(), b, c];
    for intercept in [true, false] {
        let folds = (0..5).map(|fold| {
            let part = columns
                .iter()
                .map(|column| column[fold * 1000..(fold + 1) * 1000].to_vec());
            learn(&part.collect::<Vec<_>>(), intercept, 300)
        });
        let merged = folds
            .reduce(|merged, fold| merged.merge(&fold, &[Double::ZERO; 3]))
            .expect("folds");
        let once = learn(&columns, intercept, 5000)
            .solve(RankPolicy::Error)
            .expect("full rank");
        let merged = merged.solve(RankPolicy::Error).expect("full rank");
        assert!(
            merged.rows == 5000 && (!intercept || close(&merged, &once, 11.0)),
            "{merged:?} against {once:?}"
        );
        assert!(digits(merged.coefficients[1], once.coefficients[1]) > 11.0);
        assert!(digits(merged.total_sum_of_squares, once.total_sum_of_squares) > 12.0);
    }
    let factor = learn(&columns, true, 77);
    let text = serde_json::to_string(&factor).expect("json");
    assert_eq!(
        serde_json::from_str::<Factor>(&text).expect("json").rows(),
        5000
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_chunking_has_the_same_bits(rows in 1..3000_usize, chunk in 1..1500_usize, seed in any::<u64>(), intercept: bool) {
        let mut columns = [noise(rows, seed), noise(rows, seed ^ 5), noise(rows, seed ^ 9)];
        for index in (0..rows).step_by(17) {
            columns[index % 3][index] = [f64::NAN, 1e16, f64::INFINITY][index % 5 % 3];
        }
        let valid: Vec<bool> = (0..rows).map(|row| row % 13 > 0).collect();
        let with = |chunk: usize, valid: &[bool]| {
            let mut fit = LeastSquares::new(2, intercept);
            for start in (0..rows).step_by(chunk) {
                let end = rows.min(start + chunk);
                let part_valid = &valid[start..end];
                let part = |column: usize, validity| Column { values: &columns[column][start..end], validity };
                fit.push(&[part(0, None), part(1, Some(&part_valid as &dyn Validity)), part(2, None)]);
            }
            let factor = fit.finish();
            (factor.triangle.iter().map(|value| value.to_bits()).collect::<Vec<_>>(), factor.excluded().to_vec())
        };
        prop_assert_eq!(with(chunk, &valid), with(rows, &valid));
    }

    #[test]
    fn random_systems_agree_with_the_exact_solution(rows in 8..30_usize, seed in any::<u64>()) {
        let columns = [noise(rows, seed), noise(rows, seed ^ 0x4D), noise(rows, seed ^ 0x63)];
        let truth = least_squares(&columns[..2], &columns[2]);
        let found = fit(&columns);
        for (found, truth) in found.coefficients.iter().chain([&found.intercept]).zip([truth[1], truth[2], truth[0]]) {
            prop_assert!((found - truth).abs() < 1e-13 * (1.0 + found.abs()), "{} against {}", found, truth);
        }
    }
}
