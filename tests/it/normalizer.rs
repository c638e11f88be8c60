//! `Normalizer` against exact arithmetic, its policies, and where it may stand.

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use num_rational::BigRational;
use num_traits::{FromPrimitive, Signed, ToPrimitive, Zero};
use proptest::prelude::*;

use crate::laws::{chunked, runner};
use crate::support::{canonical, collect};

const NORMS: [Norm; 3] = [Norm::L1, Norm::L2, Norm::Max];

fn rows(columns: &[Vec<Option<f64>>]) -> DataFrame {
    let columns = columns.iter().enumerate();
    let columns = columns.map(|(at, values)| Column::new(format!("c{at}").into(), values));
    DataFrame::new_infer_height(columns.collect()).expect("a frame")
}

fn step(columns: usize) -> Normalizer {
    Normalizer::new((0..columns).map(|at| format!("c{at}")).collect::<Vec<_>>())
}

fn run(step: &Normalizer, rows: &DataFrame) -> floe::Result<Vec<Vec<Option<f64>>>> {
    let scaled = step.apply(rows.clone().lazy()).and_then(collect)?;
    assert_eq!(scaled.get_column_names(), rows.get_column_names());
    let column = |column: &Column| column.f64().expect("floats").iter().collect();
    Ok(scaled.columns().iter().map(column).collect())
}

/// One row in and out.
fn row(step: &Normalizer, values: &[Option<f64>]) -> Vec<Option<u64>> {
    let columns: Vec<_> = values.iter().map(|value| vec![*value]).collect();
    let found = run(step, &rows(&columns)).expect("scaled rows");
    found
        .iter()
        .map(|column| column[0].map(canonical))
        .collect()
}

fn expect(values: &[Option<u64>], expected: &[Option<f64>]) {
    let expected: Vec<_> = expected.iter().map(|value| value.map(canonical)).collect();
    assert_eq!(values, expected);
}

/// The row by exact arithmetic. Of l2 the exact squares x² / Σx², whose root is taken last.
fn exact(norm: Norm, values: &[f64]) -> Vec<f64> {
    let values: Vec<_> = values
        .iter()
        .map(|value| BigRational::from_f64(*value).expect("finite"))
        .collect();
    let length: BigRational = match norm {
        Norm::L1 => values.iter().map(Signed::abs).sum(),
        Norm::L2 => values.iter().map(|value| value * value).sum(),
        _ => values.iter().map(Signed::abs).max().expect("a value"),
    };
    let float = |value: BigRational| value.to_f64().expect("a float");
    let scaled = |value: &BigRational| match norm {
        _ if length.is_zero() => 0.0,
        Norm::L2 => {
            // Shifted so that a tiny square is no zero as a float.
            let square = value * value / &length;
            let shift = BigRational::from_f64(2.0_f64.powi(700))
                .expect("a number")
                .pow(2);
            let root = if float(square.clone()) < 1e-290 {
                float(square * shift).sqrt() * 2.0_f64.powi(-700)
            } else {
                float(square).sqrt()
            };
            if value.is_negative() { -root } else { root }
        }
        _ => float(value / &length),
    };
    values.iter().map(scaled).collect()
}

fn check(values: &[f64]) {
    let columns: Vec<_> = values.iter().map(|value| vec![Some(*value)]).collect();
    for norm in NORMS {
        let found = run(&step(values.len()).norm(norm), &rows(&columns)).expect("scaled rows");
        for (found, expected) in found.iter().zip(exact(norm, values)) {
            let found = found[0].expect("a value");
            let off = (found - expected).abs();
            // Below the smallest normal float a unit is absolute.
            assert!(
                off <= 1.5e-15 * expected.abs() + 1e-320,
                "{norm:?} {values:?}: {found} {expected}"
            );
        }
    }
}

#[test]
fn rows_agree_with_exact_arithmetic_however_large_or_small() {
    check(&[3.0, 4.0]);
    check(&[1e200, -2e200, 3e200]);
    check(&[1e-200, -2e-200, 3e-200]);
    check(&[1e200, 1e-200]);
    check(&[f64::MAX, -f64::MAX, f64::MAX]);
    check(&[5e-324, -5e-324, 1e-323]);
    check(&[0.0, -0.0, 7.0]);
    check(&[0.0, 0.0]);
    check(&[-42.0]);
    check(&(1..=100).map(|at| f64::from(at).sin()).collect::<Vec<_>>());
    let value = || {
        prop_oneof![
            -1e3..1e3,
            proptest::num::f64::NORMAL,
            proptest::num::f64::SUBNORMAL,
            Just(0.0),
        ]
    };
    runner()
        .run(&prop::collection::vec(value(), 1..8), |values| {
            check(&values);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn zeros_stay_positive_zeros_and_the_largest_is_one() {
    expect(
        &row(&step(2), &[Some(-0.0), Some(0.0)]),
        &[Some(0.0), Some(0.0)],
    );
    expect(
        &row(&step(2), &[Some(-0.0), Some(-9.0)]),
        &[Some(0.0), Some(-1.0)],
    );
    let max = step(3).norm(Norm::Max);
    expect(
        &row(&max, &[Some(-0.1), Some(0.05), Some(0.1)]),
        &[Some(-1.0), Some(0.5), Some(1.0)],
    );
}

#[test]
fn a_row_with_a_null_or_nan_or_infinity_follows_the_policies() {
    let (nan, inf) = (Some(f64::NAN), Some(f64::INFINITY));
    let null = row(&step(3), &[None, nan, inf]);
    expect(&null, &[None, None, None]);
    expect(&row(&step(2), &[nan, Some(1.0)]), &[nan, nan]);
    expect(
        &row(&step(2).infinities(Infinities::Keep), &[nan, inf]),
        &[nan, nan],
    );
    expect(
        &row(&step(2).nans(Nans::Null), &[Some(1.0), nan]),
        &[None, None],
    );
    expect(
        &row(&step(2).infinities(Infinities::Null), &[Some(1.0), inf]),
        &[None, None],
    );
    for norm in NORMS {
        let keep = step(2).norm(norm).infinities(Infinities::Keep);
        expect(&row(&keep, &[Some(1.0), inf]), &[nan, nan]);
    }
    let fault = |step: &Normalizer, second: Option<f64>, says: &str| {
        let rows = rows(&[vec![Some(1.0), Some(2.0)], vec![Some(1.0), second]]);
        let error = run(step, &rows).expect_err("an error");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Apply, Some("c1")),
            "{error}"
        );
        assert!(
            error
                .stage()
                .is_some_and(|stage| stage.contains("Normalizer")),
            "{error}"
        );
        assert!(
            error.to_string().contains(says) && error.help().is_some(),
            "{error}"
        );
    };
    fault(
        &step(2),
        inf,
        "1 rows of one batch hold values that are infinite",
    );
    fault(&step(2).nans(Nans::Error), nan, "NaN");
    fault(&step(2).nulls(Nulls::Error), None, "null");
}

#[test]
fn numbers_of_all_kinds_become_float64_and_times_are_refused() {
    let decimal = Series::new("d".into(), [300_i64]).cast(&DataType::Int128);
    let decimal = decimal.expect("wide").i128().expect("wide").clone();
    let decimal = decimal.into_decimal(10, 2).expect("decimals").into_series();
    let rows =
        df!["i" => [i64::MIN], "f" => [0.0_f32], "b" => [true], "t" => [1_i64]].expect("a frame");
    let mut rows = rows.hstack(&[decimal.into_column()]).expect("a frame");
    let scaled = Normalizer::new(["b", "f", "d"])
        .norm(Norm::L1)
        .apply(rows.clone().lazy());
    let scaled = scaled.and_then(collect).expect("scaled rows");
    let cell = |name: &str| {
        scaled
            .column(name)
            .expect("a column")
            .f64()
            .expect("floats")
            .get(0)
    };
    assert_eq!(
        (cell("b"), cell("f"), cell("d")),
        (Some(0.25), Some(0.0), Some(0.75))
    );
    let alone = Normalizer::new(["i"])
        .apply(rows.clone().lazy())
        .and_then(collect)
        .expect("a row");
    assert_eq!(
        alone
            .column("i")
            .expect("a column")
            .f64()
            .expect("floats")
            .get(0),
        Some(-1.0)
    );
    let time = rows
        .column("t")
        .expect("t")
        .cast(&DataType::Duration(TimeUnit::Milliseconds));
    rows.with_column(time.expect("a duration"))
        .expect("a frame");
    for columns in [["t", "i"], ["absent", "i"]] {
        let step = Normalizer::new(columns);
        let Err(error) = step.apply(rows.clone().lazy()) else {
            panic!("it was taken");
        };
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Schema, Some(columns[0]))
        );
        let parts = floe::from_parts(InMemory::new(rows.clone()), InMemory::new(rows.clone()));
        let error = parts.then(step).check().expect_err("an error");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Schema, Some(columns[0]))
        );
    }
}

#[test]
fn chunks_do_not_show_and_a_selector_takes_features_only() {
    let values = |step: i64| {
        (0..50_i64)
            .map(|at| Some((at * step % 17 - 8) as f64))
            .collect()
    };
    let mut gaps: Vec<Option<f64>> = values(5);
    gaps[7] = None;
    let whole = rows(&[values(3), gaps, values(7)]);
    let expected = run(&step(3), &whole).expect("scaled rows");
    assert_eq!((expected[0][7], expected[2][7]), (None, None));
    let pieces = chunked(&whole, &[3, 8, 8, 31]);
    assert_eq!(run(&step(3), &pieces).expect("scaled rows"), expected);

    // Before the split and after it the same; a selector sees neither the target nor row numbers.
    let rows = df![
        "c0" => (0..40).map(f64::from).collect::<Vec<_>>(),
        "c1" => vec![3.0; 40],
        "y" => (0..40).map(f64::from).collect::<Vec<_>>(),
    ]
    .expect("a frame");
    let learn = || LinearRegression::new(["c0", "c1"], "y");
    let split = || TrainTestSplit::new(0.25).seed(5);
    let before = floe::from(InMemory::new(rows.clone()))
        .then(step(2))
        .split(split())
        .learn(learn());
    let after = floe::from(InMemory::new(rows.clone()))
        .split(split())
        .then(Normalizer::new(all()))
        .learn(learn());
    let (before, after) = (before.run().expect("a run"), after.run().expect("a run"));
    let bits = |model: &floe::estimator::LinearModel| -> Vec<u64> {
        model
            .coefficients()
            .iter()
            .map(|value| value.to_bits())
            .collect()
    };
    assert_eq!(
        bits(before.model().predictor()),
        bits(after.model().predictor())
    );
    let selected = floe::from(InMemory::new(rows.clone()))
        .then(Normalizer::new(all()))
        .split(split());
    selected
        .then(MaxAbsScaler::new(["y"]))
        .fit()
        .expect("a fit");
    let text = format!("{:?}", step(1).norm(Norm::Max).nulls(Nulls::Error));
    assert_eq!(text, r#"Normalizer(["c0"], norm: Max, nulls: Error)"#);
}
