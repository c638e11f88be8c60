//! Both scalers on every numeric dtype, against exact arithmetic, there and back.

use floe::polars::prelude::*;
use floe::prelude::*;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;

use crate::support::{bits, canonical, collect, frame, integer_dtypes, physical};

pub(crate) fn train(rows: &Series) -> floe::Frame<floe::Train> {
    floe::train_on(InMemory::new(frame(rows.clone()))).expect("a frame")
}

pub(crate) fn apply(step: &impl Apply, rows: &Series) -> DataFrame {
    let scaled = step.apply(frame(rows.clone()).lazy());
    scaled.and_then(collect).expect("scaled rows")
}

pub(crate) fn undo(step: &impl Invert, rows: DataFrame) -> Series {
    let undone = step.inverse(rows.lazy()).and_then(collect);
    let undone = undone.expect("restored rows");
    undone
        .column("x")
        .expect("x")
        .as_materialized_series()
        .clone()
}

/// What the scaler promises: the exact distances, each rounded once, and one true division.
fn scaled(value: i128, min: i128, max: i128) -> f64 {
    let distance = value.abs_diff(min) as f64;
    let distance = if value < min { -distance } else { distance };
    let range = max.abs_diff(min) as f64;
    distance / if max == min { 1.0 } else { range }
}

/// Fits on `fit`, scales `rows` to the last bit and gives the column that comes back.
fn there_and_back(dtype: &DataType, fit: &[i128], rows: &[i128]) -> Series {
    let some = |values: &[i128]| {
        let mut values: Vec<_> = values.iter().copied().map(Some).collect();
        values.insert(1, None);
        physical(dtype, &values)
    };
    let fitted = MinMaxScaler::new(["x"]).fit_on(&train(&some(fit)));
    let fitted = fitted.expect("a fit");
    let (min, max) = (
        fit.iter().min().expect("rows"),
        fit.iter().max().expect("rows"),
    );
    let found = apply(&fitted, &some(rows));
    let mut expected: Vec<_> = rows
        .iter()
        .map(|value| Some(canonical(scaled(*value, *min, *max))))
        .collect();
    expected.insert(1, None);
    assert_eq!(bits(&found), expected, "{dtype} {fit:?} {rows:?} {found}");
    let back = undo(&fitted, found);
    assert_eq!(back.dtype(), dtype);
    if max.abs_diff(*min) < 1 << 53 {
        assert!(back.equals_missing(&some(rows)), "{dtype} {fit:?} {back}");
    }
    back
}

fn check_min_max(dtype: &DataType, fit: &[i128], rows: &[i128]) {
    drop(there_and_back(dtype, fit, rows));
}

#[test]
fn every_integer_dtype_is_scaled_to_the_last_bit_and_comes_back() {
    for (dtype, low, high) in integer_dtypes() {
        let middle = low / 3 * 2 + high / 3;
        // Over the whole dtype; a third of it as new values outside what was learned.
        let whole = [low, middle, high];
        let back = there_and_back(&dtype, &whole, &whole);
        let ends = physical(&dtype, &[Some(low), None, Some(high)]);
        let [first, null, last] = [0, 1, 3].map(|row| back.get(row).expect("a value"));
        assert_eq!(
            (first, null, last),
            (
                ends.get(0).expect("low"),
                AnyValue::Null,
                ends.get(2).expect("high")
            ),
            "{dtype}"
        );
        if dtype == DataType::Boolean {
            check_min_max(&dtype, &[0, 0], &[0, 1]);
            continue;
        }
        check_min_max(&dtype, &[middle, high - 1], &[low + 1, high, middle]);
        for from in [low, middle, high - 4] {
            check_min_max(
                &dtype,
                &[from, from + 4],
                &[from + 1, from + 2, from + 3, from],
            );
            check_min_max(&dtype, &[from + 1, from + 3], &[from + 4, from, from + 2]);
        }
    }
}

#[test]
fn floats_are_scaled_to_the_last_bit_in_their_own_dtype() {
    let fit = Series::new("x".into(), [Some(-3.0_f32), None, Some(0.1), Some(7.5)]);
    let fitted = MinMaxScaler::new(["x"])
        .fit_on(&train(&fit))
        .expect("a fit");
    let found = apply(&fitted, &fit);
    // In f64, and rounded once to f32.
    let middle = ((f64::from(0.1_f32) + 3.0) / 10.5) as f32;
    let expected = [Some(0.0), None, Some(middle), Some(1.0)];
    assert!(
        found.equals_missing(&frame(Series::new("x".into(), expected))),
        "{found}"
    );
    // The quotient has 24 bits: the range by that is what may be off.
    let back = undo(&fitted, found);
    let [low, middle, high] = [0, 2, 3].map(|row| back.f32().expect("floats").get(row));
    assert_eq!((low, high), (Some(-3.0), Some(7.5)));
    let off = (middle.expect("a value") - 0.1).abs();
    assert!(off <= 10.5 * f32::EPSILON, "{off}");

    let extremes = Series::new("x".into(), [f32::MIN, 0.0, f32::MAX, f32::MIN_POSITIVE]);
    let fitted = MinMaxScaler::new(["x"])
        .fit_on(&train(&extremes))
        .expect("a fit");
    let found = apply(&fitted, &extremes);
    let expected = [0.0_f32, 0.5, 1.0, 0.5];
    assert!(
        found.equals(&frame(Series::new("x".into(), expected))),
        "{found}"
    );

    let tiny = Series::new("x".into(), [0.0_f32, f32::from_bits(1), f32::from_bits(2)]);
    let fitted = MinMaxScaler::new(["x"])
        .fit_on(&train(&tiny))
        .expect("a fit");
    let found = apply(&fitted, &tiny);
    assert!(
        found.equals(&frame(Series::new("x".into(), [0.0_f32, 0.5, 1.0]))),
        "{found}"
    );
    assert!(undo(&fitted, found).equals(&tiny));
}

#[test]
fn negative_zero_is_below_zero_and_never_written() {
    for zeros in [[-0.0, 0.0], [0.0, -0.0]] {
        let fit = Series::new("x".into(), zeros);
        let fitted = MinMaxScaler::new(["x"])
            .fit_on(&train(&fit))
            .expect("a fit");
        let rows = Series::new("x".into(), [0.0, -0.0]);
        assert_eq!(bits(&apply(&fitted, &rows)), [Some(0), Some(0)]);
    }
    let fit = Series::new("x".into(), [-0.0, 2.0]);
    let fitted = MinMaxScaler::new(["x"])
        .fit_on(&train(&fit))
        .expect("a fit");
    let rows = Series::new("x".into(), [0.0, -0.0, 2.0]);
    assert_eq!(
        bits(&apply(&fitted, &rows)),
        [Some(0), Some(0), Some(1.0_f64.to_bits())]
    );
}

/// Mean and deviation without a rounding until the last step.
fn exact(values: &[i128]) -> (BigRational, f64) {
    let rational = |value: &i128| BigRational::from_integer(BigInt::from(*value));
    let n = BigRational::from_integer(BigInt::from(values.len()));
    let mean = values.iter().map(rational).sum::<BigRational>() / &n;
    let square = |value| (rational(value) - &mean).pow(2);
    let variance = values.iter().map(square).sum::<BigRational>() / n;
    let std = variance.to_f64().expect("a float").sqrt();
    (mean, std)
}

/// Standard scores against exact arithmetic: within 4 roundings of the distance's size.
fn check_standard(dtype: &DataType, fit: &[i128], rows: &[i128]) {
    let some = |values: &[i128]| {
        let values: Vec<_> = values.iter().copied().map(Some).collect();
        physical(dtype, &values)
    };
    let fitted = StandardScaler::new(["x"]).fit_on(&train(&some(fit)));
    let fitted = fitted.expect("a fit");
    let (mean, std) = exact(fit);
    let found_std = fitted.std("x").expect("a deviation");
    assert!(
        (found_std / std - 1.0).abs() <= 4e-16,
        "{dtype} {fit:?} {found_std} {std}"
    );
    let mean_f64 = mean.to_f64().expect("a float");
    let found_mean = fitted.mean("x").expect("a mean");
    let off = (found_mean - mean_f64).abs();
    assert!(
        off <= 2.3e-16 * mean_f64.abs().max(f64::MIN_POSITIVE),
        "{dtype} {fit:?} {found_mean} {mean_f64}"
    );
    let scaled = apply(&fitted, &some(rows));
    let column = scaled.column("x").expect("x").f64().expect("floats");
    for (value, found) in rows.iter().zip(column.iter()) {
        let distance = BigRational::from_integer(BigInt::from(*value)) - &mean;
        let expected = distance.to_f64().expect("a float") / std;
        let found = found.expect("a value");
        // The mean's own rounding is half a unit of its offset, which is below one deviation.
        let off = (found - expected).abs();
        assert!(
            off <= 1e-15 * expected.abs().max(1.0),
            "{dtype} {fit:?} {value}: {found} {expected}"
        );
    }
    let back = undo(&fitted, scaled);
    assert_eq!(back.dtype(), dtype);
    let (min, max) = (
        rows.iter().min().expect("rows"),
        rows.iter().max().expect("rows"),
    );
    if max.abs_diff(*min) < 1 << 50 {
        assert!(back.equals(&some(rows)), "{dtype} {fit:?} {back}");
    }
}

#[test]
fn standard_scores_of_every_integer_dtype_are_exact_but_for_the_last_bits() {
    for (dtype, low, high) in integer_dtypes() {
        if dtype == DataType::Boolean {
            check_standard(&dtype, &[0, 1, 1], &[0, 1]);
            continue;
        }
        let middle = low / 3 * 2 + high / 3;
        check_standard(&dtype, &[low, middle, high], &[low, middle, high]);
        check_standard(&dtype, &[middle, middle + 1, high], &[low, high]);
        // A deviation of 1 on the largest offset: a sum of squares has no digit left here.
        for from in [low, middle, high - 9] {
            check_standard(
                &dtype,
                &[from, from + 1, from + 2, from + 7],
                &[from + 9, from + 2, from],
            );
        }
    }
}

#[test]
fn standard_scores_of_floats_are_exact_but_for_the_last_bits() {
    let offset = 1e9;
    let rows = Series::new(
        "x".into(),
        [offset + 4.0, offset + 7.0, offset + 13.0, offset + 16.0],
    );
    let fitted = StandardScaler::new(["x"])
        .fit_on(&train(&rows))
        .expect("a fit");
    assert_eq!(fitted.mean("x"), Some(offset + 10.0));
    assert_eq!(fitted.std("x"), Some(22.5_f64.sqrt()));
    let rows = Series::new("x".into(), [1.0_f32, 2.0, 3.0]);
    let fitted = StandardScaler::new(["x"])
        .fit_on(&train(&rows))
        .expect("a fit");
    let found = apply(&fitted, &rows);
    let one = 1.5_f64.sqrt() as f32;
    assert!(
        found.equals(&frame(Series::new("x".into(), [-one, 0.0, one]))),
        "{found}"
    );
}
