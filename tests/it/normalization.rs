//! The truth table of min-max scaling: every row, on the rows of the fit and on other rows, under
//! both engines. Other tools are wrong, silent or crash on most of these.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::scale::MinMaxScaling;

use crate::support::{bits, canonical, collect, frame};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

pub(crate) fn series<T, S: ?Sized>(values: T) -> Series
where
    Series: NamedFrom<T, S>,
{
    Series::new("x".into(), values)
}

pub(crate) fn fitted(rows: &Series) -> MinMaxScaling {
    let train = floe::train_on(InMemory::new(frame(rows.clone()))).expect("a frame");
    MinMaxScaler::new(["x"]).fit_on(&train).expect("a fit")
}

pub(crate) fn applied(scaler: &MinMaxScaling, rows: &Series) -> DataFrame {
    let scaled = scaler
        .apply(frame(rows.clone()).lazy())
        .expect("a lazy frame");
    collect(scaled).expect("scaled rows")
}

fn expect(scaler: &MinMaxScaling, rows: &Series, expected: &[Option<f64>]) {
    let scaled = applied(scaler, rows);
    let wanted: Vec<_> = expected.iter().map(|value| value.map(canonical)).collect();
    assert_eq!(bits(&scaled), wanted, "{rows} {scaled}");
    // The promised dtype is the one that comes out.
    let dtype = if rows.dtype() == &DataType::Float32 {
        DataType::Float32
    } else {
        DataType::Float64
    };
    assert_eq!(scaled.column("x").expect("x").dtype(), &dtype);
}

/// One row of the table: a fit with its own rows, then with others, to the last bit.
fn check<const N: usize, const M: usize>(
    fit: Series,
    same: [f64; N],
    other: Series,
    then: [f64; M],
) {
    let scaler = fitted(&fit);
    expect(&scaler, &fit, &same.map(Some));
    expect(&scaler, &other, &then.map(Some));
    // The scaler as it lies in a model file is the same scaler.
    let json = serde_json::to_string(&scaler).expect("JSON");
    let back: MinMaxScaling = serde_json::from_str(&json).expect("the scaler");
    expect(&back, &other, &then.map(Some));
}

#[test]
fn a_new_unsigned_value_below_the_range_does_not_wrap() {
    check(
        series([10_u32, 130, 250]),
        [0.0, 0.5, 1.0],
        series([5_u32, 0, u32::MAX]),
        [-5.0 / 240.0, -10.0 / 240.0, 4_294_967_285.0 / 240.0],
    );
    check(
        series([10_u8, 255]),
        [0.0, 1.0],
        series([5_u8, 11]),
        [-5.0 / 245.0, 1.0 / 245.0],
    );
}

#[test]
fn integers_at_the_ends_of_their_dtype_do_not_overflow() {
    check(
        series([-128_i8, 0, 127]),
        [0.0, 128.0 / 255.0, 1.0],
        series([127_i8, -127, -1]),
        [1.0, 1.0 / 255.0, 127.0 / 255.0],
    );
    check(
        series([i64::MIN, 0, i64::MAX]),
        [0.0, 0.5, 1.0],
        series([i64::MAX, i64::MIN / 2]),
        [1.0, 0.25],
    );
}

#[test]
fn integers_above_2_to_the_53_keep_their_differences() {
    let base = 1_i64 << 53;
    check(
        series([base, base + 1, base + 2]),
        [0.0, 0.5, 1.0],
        series([base + 3, base - 1]),
        [1.5, -0.5],
    );
    check(
        series([u64::MAX - 2, u64::MAX - 1, u64::MAX]),
        [0.0, 0.5, 1.0],
        series([u64::MAX - 3, 0]),
        [-0.5, -9_223_372_036_854_775_808.0],
    );
}

#[test]
fn a_range_beyond_the_largest_float_is_halved_first() {
    check(
        series([-1.7e308, 0.0, 1.7e308]),
        [0.0, 0.5, 1.0],
        series([1.7e308, f64::MAX, -f64::MAX]),
        [
            1.0,
            (f64::MAX / 2.0 + 0.85e308) / 1.7e308,
            (0.85e308 - f64::MAX / 2.0) / 1.7e308,
        ],
    );
}

#[test]
fn no_absolute_epsilon_decides_what_is_constant() {
    check(
        series([0.0, 5e-324]),
        [0.0, 1.0],
        series([1e-323, -5e-324]),
        [2.0, -1.0],
    );
    check(
        series([0.0, 3e-7, 6e-7]),
        [0.0, 0.5, 1.0],
        series([9e-7, -3e-7]),
        [9e-7 / 6e-7, -0.5],
    );
}

#[test]
fn a_constant_column_becomes_zero_and_new_values_keep_their_distance() {
    check(
        series([5_i64, 5]),
        [0.0, 0.0],
        series([6_i64, 5, 3]),
        [1.0, 0.0, -2.0],
    );
    check(
        series([5.0, 5.0]),
        [0.0, 0.0],
        series([5.25, 5.0]),
        [0.25, 0.0],
    );
    check(series([-0.0, 0.0]), [0.0, 0.0], series([-0.0]), [0.0]);
}

#[test]
fn a_nan_stays_where_it_is_and_is_not_learned_from() {
    check(
        series([1.0, NAN, 3.0]),
        [0.0, NAN, 1.0],
        series([NAN, 2.0]),
        [NAN, 0.5],
    );
    check(
        series([1.0_f32, f32::NAN, 3.0]),
        [0.0, NAN, 1.0],
        series([f32::NAN, 2.0]),
        [NAN, 0.5],
    );
}

#[test]
fn an_infinity_is_an_error_that_names_column_and_row_or_value_and_count() {
    let train = floe::train_on(InMemory::new(frame(series([1.0, INF, 3.0, -INF])))).expect("rows");
    let error = MinMaxScaler::new(["x"])
        .fit_on(&train)
        .expect_err("an error");
    assert_eq!((error.kind(), error.column()), (ErrorKind::Fit, Some("x")));
    let text = error.to_string();
    assert!(text.contains("2 of the train rows"), "{text}");
    assert!(text.contains("source row 1"), "{text}");

    let scaler = fitted(&series([1.0, 3.0]));
    let rows = frame(series([2.0, -INF, INF])).lazy();
    let error = collect(scaler.apply(rows).expect("a lazy frame")).expect_err("an error");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Apply, Some("x"))
    );
    let text = error.to_string();
    assert!(text.contains(": 2, the first one -inf"), "{text}");
}

#[test]
fn a_null_stays_where_it_is_and_is_not_learned_from() {
    let fit = series([Some(1_i64), None, Some(3)]);
    let scaler = fitted(&fit);
    expect(&scaler, &fit, &[Some(0.0), None, Some(1.0)]);
    let other = series([None, Some(2_i64), None]);
    expect(&scaler, &other, &[None, Some(0.5), None]);
    let fit = series([Some(1.0), None, Some(3.0)]);
    expect(&fitted(&fit), &fit, &[Some(0.0), None, Some(1.0)]);
}

#[test]
fn all_null_stays_all_null_and_the_run_warns() {
    let rows = df!["x" => [None::<i64>; 4], "y" => [1.0, 2.0, 4.0, 3.0]].expect("a frame");
    let run = floe::from_parts(InMemory::new(rows.clone()), InMemory::new(rows))
        .then(MinMaxScaler::new(["x"]))
        .learn(MeanRegressor::new("y"))
        .run()
        .expect("a run");
    let warned = run
        .warnings()
        .iter()
        .any(|warning| warning.contains("`x` holds no value in the train rows"));
    assert!(warned, "{:?}", run.warnings());

    let fit = series([None::<i64>, None]);
    let scaler = fitted(&fit);
    expect(&scaler, &fit, &[None, None]);
    assert_eq!(scaler.range("x"), None);
    let mut warnings = Vec::new();
    scaler.warnings(&mut warnings);
    assert_eq!(warnings.len(), 1);
    // A value that shows up later has no scale: an error, not a guess.
    let rows = frame(series([Some(7_i64), None])).lazy();
    let error = collect(scaler.apply(rows).expect("a lazy frame")).expect_err("an error");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Apply, Some("x"))
    );
    assert!(
        error.to_string().contains("no train row held a value"),
        "{error}"
    );
}

#[test]
fn an_empty_column_stays_empty() {
    let scaler = fitted(&series(Vec::<i64>::new()));
    expect(&scaler, &series(Vec::<i64>::new()), &[]);
    expect(&scaler, &series([None::<i64>]), &[None]);
    let rows = frame(series([7_i64])).lazy();
    collect(scaler.apply(rows).expect("a lazy frame")).expect_err("nothing was learned");
    // Fitted on rows, an empty frame is no special case.
    expect(
        &fitted(&series([1_i64, 3])),
        &series(Vec::<i64>::new()),
        &[],
    );
}

#[test]
fn booleans_are_scaled() {
    let scaler = fitted(&series([false, true]));
    expect(&scaler, &series([false, true]), &[Some(0.0), Some(1.0)]);
    let other = series([Some(true), None, Some(false)]);
    expect(&scaler, &other, &[Some(1.0), None, Some(0.0)]);
    // A constant one too: what is learned is the value, not the dtype.
    let scaler = fitted(&series([true, true]));
    expect(&scaler, &series([false, true]), &[Some(-1.0), Some(0.0)]);
}

/// Rows of another dtype, behind a step that counts whether it was ever asked for a row.
fn watched(rows: DataFrame) -> (LazyFrame, Arc<AtomicUsize>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&reads);
    let watched = rows.lazy().with_columns([col("x").map(
        move |column| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok(column)
        },
        |_, field| Ok(field.clone()),
    )]);
    (watched, reads)
}

/// Another dtype at apply is refused before a row is read, by the step and by the pipeline.
fn refused_unread(fit: Series, other: Series, found: &str, expected: &str) {
    let (rows, reads) = watched(frame(other));
    let scaled = fitted(&fit).apply(rows.clone());
    let error = scaled
        .and_then(collect)
        .expect_err("the dtype is another one");
    assert_eq!(
        (error.kind(), error.column(), error.dtype()),
        (ErrorKind::Schema, Some("x"), Some(found))
    );
    assert!(error.to_string().contains(expected), "{error}");

    let train = InMemory::new(frame(fit));
    let flow = floe::from_parts(train.clone(), train).then(MinMaxScaler::new(["x"]));
    let pipeline = flow.fit().expect("a fit");
    let Err(error) = pipeline.apply(rows.clone()) else {
        panic!("the pipeline took another dtype");
    };
    assert_eq!(
        (error.kind(), error.column(), error.dtype()),
        (ErrorKind::Apply, Some("x"), Some(found))
    );
    assert!(error.to_string().contains(expected), "{error}");
    assert_eq!(reads.load(Ordering::Relaxed), 0, "a row was read");
    // The watch does see a reader.
    rows.collect().expect("rows");
    assert_eq!(reads.load(Ordering::Relaxed), 1);
}

#[test]
fn another_dtype_at_apply_is_an_error_before_any_row_is_read() {
    refused_unread(series([1.0, 3.0]), series(["1.0"]), "str", "f64");
    refused_unread(series([1_u32, 3]), series([1.0]), "f64", "u32");
    refused_unread(series([1_i64, 3]), series([1_i32]), "i32", "i64");
    refused_unread(series([1.0, 3.0]), series([1.0_f32]), "f32", "f64");
    // A declared cast is all it takes.
    let rows = frame(series([2.0])).lazy();
    let rows = rows.with_columns([col("x").cast(DataType::UInt32)]);
    let scaled = fitted(&series([1_u32, 3])).apply(rows);
    let scaled = scaled.and_then(collect).expect("scaled rows");
    assert_eq!(bits(&scaled), [Some(0.5_f64.to_bits())]);
}
