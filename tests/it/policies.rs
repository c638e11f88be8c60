//! Each policy of the scalers, at the fit and at apply, and what their errors say.

use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{Error, ErrorKind};

use crate::normalization::series;
use crate::support::{bits, canonical, collect, frame};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Fits on some rows and applies to others.
fn run<T: Transform>(step: &T, fit: Series, rows: Series) -> Result<Vec<Option<u64>>, Error> {
    let train = floe::train_on(InMemory::new(frame(fit)))?;
    let fitted = step.fit_on(&train)?;
    let scaled = collect(fitted.apply(frame(rows).lazy())?)?;
    Ok(bits(&scaled))
}

pub(crate) fn gives<T: Transform>(step: &T, fit: Series, rows: Series, expected: &[Option<f64>]) {
    let found = run(step, fit, rows).expect("scaled rows");
    let expected: Vec<_> = expected.iter().map(|value| value.map(canonical)).collect();
    assert_eq!(found, expected, "{step:?}");
}

/// The error's kind, that it names the column and the step, and what it says.
pub(crate) fn refuses<T: Transform>(
    step: &T,
    fit: Series,
    rows: Series,
    kind: ErrorKind,
    parts: &[&str],
) {
    let error = run(step, fit, rows).expect_err("an error");
    assert_eq!((error.kind(), error.column()), (kind, Some("x")), "{error}");
    assert!(error.help().is_some(), "{error}");
    let stage = error.stage().expect("a stage");
    assert!(stage.contains("Scal"), "{stage}");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

fn min_max() -> MinMaxScaler {
    MinMaxScaler::new(["x"])
}

fn standard() -> StandardScaler {
    StandardScaler::new(["x"])
}

#[test]
fn nulls_are_kept_or_refused_with_their_count() {
    let gaps = || series([None, Some(1_u8), Some(3), None]);
    let whole = || series([Some(1_u8), Some(3)]);
    let expected = [None, Some(0.0), Some(1.0), None];
    gives(&min_max().nulls(Nulls::Keep), gaps(), gaps(), &expected);
    let standard_expected = [None, Some(-1.0), Some(1.0), None];
    gives(
        &standard().nulls(Nulls::Keep),
        gaps(),
        gaps(),
        &standard_expected,
    );
    let fit = ["2 of the train rows are null"];
    refuses(
        &min_max().nulls(Nulls::Error),
        gaps(),
        gaps(),
        ErrorKind::Fit,
        &fit,
    );
    refuses(
        &standard().nulls(Nulls::Error),
        gaps(),
        gaps(),
        ErrorKind::Fit,
        &fit,
    );
    let apply = ["2 values are null"];
    refuses(
        &min_max().nulls(Nulls::Error),
        whole(),
        gaps(),
        ErrorKind::Apply,
        &apply,
    );
    refuses(
        &standard().nulls(Nulls::Error),
        whole(),
        gaps(),
        ErrorKind::Apply,
        &apply,
    );
}

#[test]
fn nans_are_kept_or_nulled_or_refused_with_their_count() {
    let with = || series([1.0, NAN, 3.0, NAN]);
    let without = || series([1.0, 3.0]);
    let (zero, one) = (Some(0.0), Some(1.0));
    gives(
        &min_max().nans(Nans::Keep),
        with(),
        with(),
        &[zero, Some(NAN), one, Some(NAN)],
    );
    gives(
        &min_max().nans(Nans::Null),
        with(),
        with(),
        &[zero, None, one, None],
    );
    gives(
        &standard().nans(Nans::Keep),
        with(),
        with(),
        &[Some(-1.0), Some(NAN), one, Some(NAN)],
    );
    gives(
        &standard().nans(Nans::Null),
        with(),
        with(),
        &[Some(-1.0), None, one, None],
    );
    let fit = ["2 of the train rows are NaN"];
    refuses(
        &min_max().nans(Nans::Error),
        with(),
        with(),
        ErrorKind::Fit,
        &fit,
    );
    refuses(
        &standard().nans(Nans::Error),
        with(),
        with(),
        ErrorKind::Fit,
        &fit,
    );
    let apply = ["NaN: 2, the first one NaN"];
    refuses(
        &min_max().nans(Nans::Error),
        without(),
        with(),
        ErrorKind::Apply,
        &apply,
    );
    refuses(
        &standard().nans(Nans::Error),
        without(),
        with(),
        ErrorKind::Apply,
        &apply,
    );
}

#[test]
fn infinities_are_refused_or_kept_or_nulled_and_never_learned_from() {
    let with = || series([1.0, INF, 3.0, -INF]);
    let without = || series([1.0, 3.0]);
    let (zero, one) = (Some(0.0), Some(1.0));
    let keep = min_max().infinities(Infinities::Keep);
    gives(&keep, with(), with(), &[zero, Some(INF), one, Some(-INF)]);
    gives(
        &min_max().infinities(Infinities::Null),
        with(),
        with(),
        &[zero, None, one, None],
    );
    let keep = standard().infinities(Infinities::Keep);
    gives(
        &keep,
        with(),
        with(),
        &[Some(-1.0), Some(INF), one, Some(-INF)],
    );
    gives(
        &standard().infinities(Infinities::Null),
        with(),
        with(),
        &[Some(-1.0), None, one, None],
    );
    let fit = ["2 of the train rows", "source row 1"];
    refuses(&min_max(), with(), with(), ErrorKind::Fit, &fit);
    refuses(&standard(), with(), with(), ErrorKind::Fit, &fit);
    let apply = [": 2, the first one inf"];
    refuses(&min_max(), without(), with(), ErrorKind::Apply, &apply);
    refuses(&standard(), without(), with(), ErrorKind::Apply, &apply);
    // In f32 a value can be scaled beyond the dtype: as good as an infinity.
    let tiny = || series([0.0_f32, f32::from_bits(1)]);
    let large = || series([1.0_f32]);
    let apply = ["scaled beyond", ": 1, the first one 1.0"];
    refuses(&min_max(), tiny(), large(), ErrorKind::Apply, &apply);
    let null = min_max().infinities(Infinities::Null);
    gives(&null, tiny(), large(), &[None]);
}

#[test]
fn a_constant_is_zero_or_null_or_refused() {
    let constant = || series([5_i32, 5]);
    let other = || series([5_i32, 7]);
    gives(
        &min_max().constant(Constant::Zero),
        constant(),
        other(),
        &[Some(0.0), Some(2.0)],
    );
    gives(
        &min_max().constant(Constant::Null),
        constant(),
        other(),
        &[None, None],
    );
    gives(
        &standard().constant(Constant::Zero),
        constant(),
        other(),
        &[Some(0.0), Some(2.0)],
    );
    gives(
        &standard().constant(Constant::Null),
        constant(),
        other(),
        &[None, None],
    );
    let fit = ["every train row holds the same value", "i32"];
    refuses(
        &min_max().constant(Constant::Error),
        constant(),
        other(),
        ErrorKind::Fit,
        &fit,
    );
    refuses(
        &standard().constant(Constant::Error),
        constant(),
        other(),
        ErrorKind::Fit,
        &fit,
    );
    // With an output range the constant is its low end.
    let placed = min_max().range(-1.0, 1.0);
    gives(&placed, constant(), constant(), &[Some(-1.0), Some(-1.0)]);
    // Constants whose mean is not a float: nothing may be made of the rounding.
    let third = || series([0.1; 7]);
    gives(&standard(), third(), series([0.1]), &[Some(0.0)]);
    let fit = ["every train row holds the same value"];
    refuses(
        &standard().constant(Constant::Error),
        third(),
        third(),
        ErrorKind::Fit,
        &fit,
    );
}

#[test]
fn values_outside_are_kept_or_clipped_or_nulled_or_refused() {
    let fit = || series([10_u32, 250]);
    let rows = || series([5_u32, 10, 130, 251]);
    let (zero, half) = (Some(0.0), Some(0.5));
    let kept = [Some(-5.0 / 240.0), zero, half, Some(241.0 / 240.0)];
    gives(&min_max().outside(Outside::Keep), fit(), rows(), &kept);
    gives(
        &min_max().outside(Outside::Clip),
        fit(),
        rows(),
        &[zero, zero, half, Some(1.0)],
    );
    gives(
        &min_max().outside(Outside::Null),
        fit(),
        rows(),
        &[None, zero, half, None],
    );
    let error = min_max().outside(Outside::Error);
    let parts = ["outside the learned range: 2, the first one 5"];
    refuses(&error, fit(), rows(), ErrorKind::Apply, &parts);
    gives(&error, fit(), fit(), &[zero, Some(1.0)]);
    // Clipping takes infinities only when they are kept.
    let clip = min_max().outside(Outside::Clip);
    let floats = || series([1.0, 3.0]);
    refuses(
        &clip,
        floats(),
        series([INF]),
        ErrorKind::Apply,
        &["the first one inf"],
    );
    let clip = clip.infinities(Infinities::Keep);
    gives(
        &clip,
        floats(),
        series([INF, -INF, NAN]),
        &[Some(1.0), zero, Some(NAN)],
    );
}

#[test]
fn the_output_range_has_exact_ends_and_must_rise() {
    let fit = || series([-7_i64, 0, 3]);
    for (low, high) in [(-1.0, 1.0), (0.1, 0.7), (-1e300, 1e300), (5.0, 6.0)] {
        let found = run(&min_max().range(low, high), fit(), fit()).expect("scaled rows");
        assert_eq!(
            (found[0], found[2]),
            (Some(canonical(low)), Some(canonical(high)))
        );
        let clip = min_max().range(low, high).outside(Outside::Clip);
        gives(&clip, fit(), series([-8_i64, 4]), &[Some(low), Some(high)]);
    }
    gives(
        &min_max().range(-1.0, 1.0),
        fit(),
        fit(),
        &[Some(-1.0), Some(0.7 * 2.0 - 1.0), Some(1.0)],
    );
    for (low, high) in [(1.0, 1.0), (1.0, 0.0), (NAN, 1.0), (0.0, INF)] {
        let error = run(&min_max().range(low, high), fit(), fit()).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

/// Rows with one infinity, at `at`.
fn one_infinity(rows: usize, at: usize) -> InMemory {
    let mut values: Vec<f64> = (0..rows).map(|row| row as f64).collect();
    values[at] = -INF;
    let numbers: Vec<i64> = (0..rows as i64).collect();
    InMemory::new(df!["x" => values, "n" => numbers].expect("a frame"))
}

#[test]
fn the_row_of_an_infinity_is_counted_in_the_source_before_filters_and_splits() {
    let at = 1_717;
    let error = floe::from(one_infinity(2_000, at))
        .keep(col("n").gt(lit(1_000)))
        .then(WithColumns::new([col("n").alias("copy")]))
        // A share that is nearly all rows, so that the row is a train row whatever the seed.
        .split(TrainTestSplit::new(0.001).seed(7))
        .then(MinMaxScaler::new(["n"]))
        .then(StandardScaler::new(["x"]))
        .fit()
        .expect_err("an error");
    assert_eq!((error.kind(), error.column()), (ErrorKind::Fit, Some("x")));
    let text = error.to_string();
    assert!(text.contains("1 of the train rows"), "{text}");
    assert!(text.contains(&format!("source row {at}")), "{text}");
    // Sorting it out first is enough.
    let kept = floe::from(one_infinity(2_000, at)).keep(col("x").gt(lit(f64::MIN)));
    let split = kept.split(TrainTestSplit::new(0.3).seed(7));
    split.then(min_max()).fit().expect("a fit");
}

#[test]
fn a_column_that_cannot_be_scaled_is_refused_before_any_row_is_read() {
    let rows = df!["x" => ["1.0"], "y" => [1.0]].expect("a frame");
    let flow = floe::from_parts(InMemory::new(rows.clone()), InMemory::new(rows));
    let error = flow.clone().then(min_max()).check().expect_err("an error");
    assert_eq!(
        (error.kind(), error.column(), error.dtype()),
        (ErrorKind::Schema, Some("x"), Some("str"))
    );
    let error = flow
        .then(MinMaxScaler::new(["z"]))
        .check()
        .expect_err("an error");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("z"))
    );
}
