//! `MaxAbsScaler` and `RobustScaler`: exact cases at the ends of every dtype, and policies.

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::ToPrimitive;

use crate::dtypes::{apply, train, undo};
use crate::laws::cells;
use crate::normalization::series;
use crate::policies::{gives, refuses};
use crate::support::{bits, canonical, frame, integer_dtypes, physical};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

pub(crate) fn max_abs() -> MaxAbsScaler {
    MaxAbsScaler::new(["x"])
}

pub(crate) fn robust() -> RobustScaler {
    RobustScaler::new(["x"])
}

fn of(dtype: &DataType, values: &[i128]) -> Series {
    let some: Vec<_> = values.iter().copied().map(Some).collect();
    physical(dtype, &some)
}

fn rational(value: i128) -> BigRational {
    BigRational::from_integer(BigInt::from(value))
}

#[test]
fn the_largest_magnitude_of_every_integer_dtype_is_exactly_one() {
    for (dtype, low, high) in integer_dtypes() {
        for values in [[low, 0, high], [low, 0, low], [high, high, 0]] {
            let values = values.map(|value| {
                if dtype == DataType::Boolean {
                    value.clamp(0, 1)
                } else {
                    value
                }
            });
            let max = values
                .iter()
                .map(|value| value.unsigned_abs())
                .max()
                .expect("rows");
            let rows = of(&dtype, &values);
            let fitted = max_abs().fit_on(&train(&rows)).expect("a fit");
            let scaled = apply(&fitted, &rows);
            let divisor = if max == 0 { 1.0 } else { max as f64 };
            let expected = values.map(|value| Some(canonical(value as f64 / divisor + 0.0)));
            assert_eq!(bits(&scaled), expected, "{dtype} {values:?}");
            let back = undo(&fitted, scaled);
            assert!(back.dtype() == &dtype);
            // Twice the rounding of a number of more than 53 bits, and none below.
            let within = if max < 1 << 53 { 0 } else { max >> 52 };
            let dtype = dtype.to_physical();
            let found =
                if dtype == DataType::Int128 || matches!(back.dtype(), DataType::Decimal(..)) {
                    back.decimal()
                        .expect("decimals")
                        .physical()
                        .clone()
                        .into_series()
                } else {
                    back.to_physical_repr().into_owned()
                };
            for (at, value) in values.iter().enumerate() {
                let found: i128 = match found.get(at).expect("a value") {
                    AnyValue::Boolean(found) => found.into(),
                    other => other.try_extract().expect("an integer"),
                };
                assert!(found.abs_diff(*value) <= within, "{dtype} {found} {value}");
            }
        }
    }
    let fitted = max_abs()
        .fit_on(&train(&series([i64::MIN, 5])))
        .expect("a fit");
    let learned = fitted.max_abs("x").expect("a column");
    assert_eq!(learned, floe::learn::Value::Int(1 << 63));
    assert_eq!(fitted.max_abs("y"), None);
}

#[test]
fn magnitudes_of_floats_keep_their_dtype_and_their_extremes() {
    gives(
        &max_abs(),
        series([-f64::MAX, 5e-324]),
        series([-f64::MAX, f64::MAX, -0.0]),
        &[Some(-1.0), Some(1.0), Some(0.0)],
    );
    gives(
        &max_abs(),
        series([5e-324, -5e-324]),
        series([5e-324, -5e-324, 0.0]),
        &[Some(1.0), Some(-1.0), Some(0.0)],
    );
    let rows = series([Some(-3.0_f32), None, Some(0.1)]);
    let fitted = max_abs().fit_on(&train(&rows)).expect("a fit");
    let scaled = apply(&fitted, &rows);
    let third = (f64::from(0.1_f32) / 3.0) as f32;
    let expected = frame(series([Some(-1.0_f32), None, Some(third)]));
    assert!(scaled.equals_missing(&expected), "{scaled}");
    // The quotient has 24 bits.
    let back = undo(&fitted, scaled);
    let cell = |row| back.f32().expect("floats").get(row);
    assert_eq!((cell(0), cell(1)), (Some(-3.0), None));
    assert!((cell(2).expect("a value") - 0.1).abs() <= 3.0 * f32::EPSILON);
}

/// Median and quartile distance without any rounding: places are rational too.
pub(crate) fn exact(values: &[i128]) -> (BigRational, BigRational) {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let quantile = |quarters: usize| {
        let place = (sorted.len() - 1) * quarters;
        let (index, rest) = (place / 4, place % 4);
        let lower = rational(sorted[index]);
        let upper = rational(sorted[(index + 1).min(sorted.len() - 1)]);
        let share = BigRational::new(BigInt::from(rest), BigInt::from(4));
        &lower + (upper - &lower) * share
    };
    (quantile(2), quantile(3) - quantile(1))
}

fn check_robust(dtype: &DataType, values: &[i128]) {
    let rows = of(dtype, values);
    let fitted = robust().fit_on(&train(&rows)).expect("a fit");
    let (center, range) = exact(values);
    assert_eq!(fitted.center("x"), center.to_f64(), "{dtype} {values:?}");
    let range = range.to_f64().expect("a float");
    let found = fitted.scale("x").expect("a range");
    assert!(
        (found - range).abs() <= 4e-16 * range,
        "{dtype} {values:?} {found} {range}"
    );
    let divisor = if range == 0.0 { 1.0 } else { range };
    let scaled = apply(&fitted, &rows);
    for (value, found) in values.iter().zip(cells(&scaled)) {
        let expected = (rational(*value) - &center).to_f64().expect("a float") / divisor;
        let found = found.expect("a value");
        assert!(
            (found - expected).abs() <= 1e-15 * expected.abs(),
            "{dtype} {values:?} {value}: {found} {expected}"
        );
    }
    let back = undo(&fitted, scaled);
    let (min, max) = (
        values.iter().min().expect("rows"),
        values.iter().max().expect("rows"),
    );
    assert_eq!(back.dtype(), dtype);
    if max.abs_diff(*min) < 1 << 50 {
        assert!(back.equals(&rows), "{dtype} {back}");
    }
}

#[test]
fn medians_of_every_integer_dtype_are_exact_at_its_ends() {
    for (dtype, low, high) in integer_dtypes() {
        if dtype == DataType::Boolean {
            check_robust(&dtype, &[0, 1, 1, 0]);
            continue;
        }
        let middle = low / 3 * 2 + high / 3;
        check_robust(&dtype, &[low, high]);
        check_robust(&dtype, &[low, middle, high]);
        for from in [low, middle, high - 9] {
            // Halfway between two numbers that no float tells apart.
            check_robust(&dtype, &[from, from + 1]);
            check_robust(&dtype, &[from, from + 1, from + 2, from + 9]);
            check_robust(&dtype, &[from + 3, from + 3, from + 3, from + 4]);
        }
    }
}

#[test]
fn quantiles_of_floats_do_not_overflow() {
    let fit = series([-1.7e308, 1.7e308]);
    gives(
        &robust(),
        fit.clone(),
        series([0.0, 1.7e308, -1.7e308]),
        &[Some(0.0), Some(1.0), Some(-1.0)],
    );
    let wide = robust().quantile_range(0.0, 1.0);
    refuses(
        &wide,
        fit.clone(),
        fit,
        ErrorKind::Fit,
        &["beyond the largest Float64"],
    );
    gives(
        &robust(),
        series([5e-324, 0.0, 1e-323]),
        series([1e-323, -0.0]),
        &[Some(1.0), Some(-1.0)],
    );
    gives(
        &robust(),
        series([1.0_f32, 2.0, 3.0, 4.0]),
        series([2.5_f32, 4.0, 1.0]),
        &[Some(0.0), Some(1.0), Some(-1.0)],
    );
}

#[test]
fn quantile_ranges_are_checked_before_a_row_is_read() {
    for (low, high) in [
        (0.75, 0.25),
        (0.5, 0.5),
        (-0.1, 0.5),
        (0.5, 1.1),
        (NAN, 1.0),
        (0.0, NAN),
        (-INF, INF),
    ] {
        let rows = InMemory::new(frame(series([1, 2])));
        let flow = floe::from_parts(rows.clone(), rows).then(robust().quantile_range(low, high));
        let error = flow.check().expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains("quantile range"), "{error}");
        let error = flow.fit().expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
    let rows = || series([0, 1, 2, 3, 100]);
    gives(
        &robust().quantile_range(0.0, 1.0),
        rows(),
        series([2, 102]),
        &[Some(0.0), Some(1.0)],
    );
    gives(
        &robust().quantile_range(0.5, 1.0),
        rows(),
        series([2, 100]),
        &[Some(0.0), Some(1.0)],
    );
    let label = format!(
        "{:?}",
        robust().quantile_range(0.1, 0.9).nulls(Nulls::Error)
    );
    assert_eq!(
        label,
        r#"RobustScaler(["x"], nulls: Error, quantile range: 0.1..0.9)"#
    );
    assert_eq!(format!("{:?}", robust()), r#"RobustScaler(["x"])"#);
}

#[test]
fn explain_tells_what_is_held_in_memory_and_what_shares_a_scan() {
    let rows = InMemory::new(df!["x" => [1, 2], "y" => [3, 4]].expect("a frame"));
    let flow = floe::from_parts(rows.clone(), rows);
    let explain = flow
        .clone()
        .then(robust())
        .then(MaxAbsScaler::new(["y"]))
        .explain();
    let explain = explain.expect("a plan");
    assert_eq!(explain.levels.len(), 1);
    assert_eq!(
        (explain.levels[0].scans, &explain.levels[0].buffered),
        (1, &vec!["x".to_owned()])
    );
    assert!(
        explain.to_string().contains("holds in memory: x"),
        "{explain}"
    );
    let explain = flow.then(max_abs()).explain().expect("a plan");
    assert!(explain.levels[0].buffered.is_empty());
}

#[test]
fn nulls_are_kept_or_refused_by_both() {
    let gaps = || series([None, Some(-4_i32), Some(4), Some(0), None]);
    gives(
        &max_abs(),
        gaps(),
        gaps(),
        &[None, Some(-1.0), Some(1.0), Some(0.0), None],
    );
    gives(
        &robust(),
        gaps(),
        gaps(),
        &[None, Some(-1.0), Some(1.0), Some(0.0), None],
    );
    let fit = ["2 of the train rows are null"];
    refuses(
        &max_abs().nulls(Nulls::Error),
        gaps(),
        gaps(),
        ErrorKind::Fit,
        &fit,
    );
    refuses(
        &robust().nulls(Nulls::Error),
        gaps(),
        gaps(),
        ErrorKind::Fit,
        &fit,
    );
    let whole = || series([-4_i32, 0, 4]);
    refuses(
        &max_abs().nulls(Nulls::Error),
        whole(),
        gaps(),
        ErrorKind::Apply,
        &["2 values are null"],
    );
    refuses(
        &robust().nulls(Nulls::Error),
        whole(),
        gaps(),
        ErrorKind::Apply,
        &["2 values are null"],
    );
}

#[test]
fn what_is_not_finite_is_not_learned_from_by_quantiles_neither() {
    let odd = || series([-4.0, INF, 0.0, NAN, 4.0, INF, INF, INF]);
    let kept = [
        Some(-1.0),
        Some(INF),
        Some(0.0),
        Some(NAN),
        Some(1.0),
        Some(INF),
        Some(INF),
        Some(INF),
    ];
    let nulled = [
        Some(-1.0),
        None,
        Some(0.0),
        None,
        Some(1.0),
        None,
        None,
        None,
    ];
    gives(&max_abs().infinities(Infinities::Keep), odd(), odd(), &kept);
    gives(&robust().infinities(Infinities::Keep), odd(), odd(), &kept);
    gives(
        &max_abs().infinities(Infinities::Null).nans(Nans::Null),
        odd(),
        odd(),
        &nulled,
    );
    gives(
        &robust().infinities(Infinities::Null).nans(Nans::Null),
        odd(),
        odd(),
        &nulled,
    );
    let fit = ["4 of the train rows", "source row 1"];
    refuses(&max_abs(), odd(), odd(), ErrorKind::Fit, &fit);
    refuses(&robust(), odd(), odd(), ErrorKind::Fit, &fit);
    let finite = || series([-4.0, 0.0, 4.0]);
    refuses(
        &max_abs(),
        finite(),
        odd(),
        ErrorKind::Apply,
        &[": 4, the first one inf"],
    );
    let nans = robust().nans(Nans::Error).infinities(Infinities::Keep);
    refuses(
        &nans,
        odd(),
        odd(),
        ErrorKind::Fit,
        &["1 of the train rows are NaN"],
    );
    refuses(&nans, finite(), odd(), ErrorKind::Apply, &["NaN: 1"]);
}

#[test]
fn what_there_is_nothing_to_scale_by_follows_the_policy() {
    let zeros = || series([0_u8, 0]);
    gives(
        &max_abs(),
        zeros(),
        series([0_u8, 3]),
        &[Some(0.0), Some(3.0)],
    );
    gives(
        &max_abs().constant(Constant::Null),
        zeros(),
        series([0_u8, 3]),
        &[None, None],
    );
    refuses(
        &max_abs().constant(Constant::Error),
        zeros(),
        zeros(),
        ErrorKind::Fit,
        &["every train row holds 0", "u8"],
    );
    // A constant that is not 0 has a magnitude to scale by.
    gives(
        &max_abs().constant(Constant::Error),
        series([-5, -5]),
        series([-5]),
        &[Some(-1.0)],
    );
    let mostly = || series([7_i64, 7, 7, 7, 9]);
    gives(
        &robust(),
        mostly(),
        mostly(),
        &[Some(0.0), Some(0.0), Some(0.0), Some(0.0), Some(2.0)],
    );
    gives(
        &robust().constant(Constant::Null),
        mostly(),
        series([7_i64]),
        &[None],
    );
    refuses(
        &robust().constant(Constant::Error),
        mostly(),
        mostly(),
        ErrorKind::Fit,
        &["the two quantiles are equal", "i64"],
    );

    let nothing = || series([None::<i64>, None]);
    gives(&max_abs(), nothing(), nothing(), &[None, None]);
    gives(&robust(), nothing(), nothing(), &[None, None]);
    refuses(
        &robust(),
        nothing(),
        series([1_i64]),
        ErrorKind::Apply,
        &["no train row held a value"],
    );
    refuses(
        &max_abs(),
        series(["a"]),
        series(["a"]),
        ErrorKind::Schema,
        &["numeric"],
    );
    refuses(
        &robust(),
        series([1_i64]),
        series([1_i32]),
        ErrorKind::Schema,
        &["fitted on i64"],
    );
}
