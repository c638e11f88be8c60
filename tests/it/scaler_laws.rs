//! What holds of `MaxAbsScaler` and `RobustScaler` whatever the rows; model files; recorded counts.

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::scale::{MaxAbsScaling, RobustScaling};
use num_traits::ToPrimitive;

use crate::dtypes::{apply, train, undo};
use crate::laws::{cells, chunked, integers, order, permuted, runner, shuffles};
use crate::normalization::series;
use crate::scalers::{exact, max_abs, robust};
use crate::support::{bits, collect, data, frame, integer_dtypes, physical};

/// What holds of a scaler whatever the rows: order, nulls, chunks, the order of the rows.
fn check_laws<T>(
    step: &T,
    rows: &DataFrame,
    values: &[Option<i128>],
    keys: &[u32],
    cuts: &[usize],
) -> (T::Fitted, DataFrame)
where
    T: Transform,
    T::Fitted: PartialEq + Invert,
{
    let fit = |rows: &DataFrame| {
        let train = floe::train_on(InMemory::new(rows.clone())).expect("rows");
        step.fit_on(&train).expect("a fit")
    };
    let apply = |fitted: &T::Fitted, rows: &DataFrame| {
        let scaled = fitted.apply(rows.clone().lazy()).expect("a lazy frame");
        scaled.collect().expect("scaled rows")
    };
    let fitted = fit(rows);
    let scaled = apply(&fitted, rows);
    let found = cells(&scaled);
    let mut pairs = Vec::new();
    for (value, found) in values.iter().zip(found) {
        assert_eq!(value.is_none(), found.is_none());
        pairs.extend(value.zip(found));
    }
    pairs.sort_by_key(|(value, _)| *value);
    assert!(
        pairs.windows(2).all(|pair| pair[0].1 <= pair[1].1),
        "the order is lost"
    );
    let order = order(keys, rows.height());
    let mixed = permuted(rows, &order);
    assert!(fit(&mixed) == fitted);
    assert_eq!(
        bits(&apply(&fitted, &mixed)),
        bits(&permuted(&scaled, &order))
    );
    let pieces = chunked(rows, cuts);
    assert!(fit(&pieces) == fitted);
    let of_pieces = fitted.apply(pieces.lazy()).and_then(collect);
    assert_eq!(bits(&of_pieces.expect("scaled rows")), bits(&scaled));
    let back = fitted.inverse(scaled.clone().lazy()).expect("a lazy frame");
    let back = back.collect().expect("restored rows");
    assert_eq!(
        back.column("x").expect("x").dtype(),
        rows.column("x").expect("x").dtype()
    );
    let some = || values.iter().flatten();
    let size = some().map(|value| value.unsigned_abs()).max().unwrap_or(0);
    let range = some()
        .max()
        .zip(some().min())
        .map_or(0, |(max, min)| max.abs_diff(*min));
    // Of the robust one the quantiles can be far closer than the values.
    if size < 1 << 53 && range < 1 << 50 {
        assert!(back.equals_missing(rows), "{rows} {back}");
    }
    (fitted, scaled)
}

#[test]
fn laws_hold_whatever_the_rows() {
    let wanted = [
        DataType::Int8,
        DataType::Int64,
        DataType::UInt64,
        DataType::Decimal(38, 4),
        DataType::Date,
    ];
    for (dtype, low, high) in integer_dtypes() {
        if !wanted.contains(&dtype) {
            continue;
        }
        let (keys, cuts) = shuffles();
        let law = |(values, keys, cuts): (Vec<Option<i128>>, Vec<u32>, Vec<usize>)| {
            let rows = frame(physical(&dtype, &values));
            let (_, scaled) = check_laws(&max_abs(), &rows, &values, &keys, &cuts);
            let sizes: Vec<f64> = cells(&scaled).into_iter().flatten().map(f64::abs).collect();
            let zero = values.iter().flatten().all(|value| *value == 0);
            assert!(zero || sizes.iter().copied().fold(0.0, f64::max) == 1.0);
            let (fitted, scaled) = check_laws(&robust(), &rows, &values, &keys, &cuts);
            let below = cells(&scaled)
                .into_iter()
                .flatten()
                .filter(|value| *value < 0.0)
                .count();
            assert!(below * 2 <= sizes.len());
            let some: Vec<i128> = values.iter().flatten().copied().collect();
            if !some.is_empty() {
                let (center, range) = exact(&some);
                assert_eq!(fitted.center("x"), center.to_f64());
                let (found, range) = (
                    fitted.scale("x").expect("a range"),
                    range.to_f64().expect("a float"),
                );
                assert!((found - range).abs() <= 4e-16 * range, "{found} {range}");
            }
            Ok(())
        };
        runner()
            .run(&(integers(low, high), keys, cuts), law)
            .unwrap_or_else(|error| panic!("{dtype}: {error}"));
    }
}

#[test]
fn a_fitted_step_reads_back_from_its_text_and_other_values_are_refused() {
    let rows = series([Some(i64::MAX - 1), Some(i64::MAX), None, Some(i64::MIN)]);
    let fitted = robust().fit_on(&train(&rows)).expect("a fit");
    let text = serde_json::to_string(&fitted).expect("JSON");
    assert!(text.contains("\"9223372036854775806\""), "{text}");
    let back: RobustScaling = serde_json::from_str(&text).expect("the step");
    assert_eq!(back, fitted);
    serde_json::from_str::<MaxAbsScaling>(&text).expect_err("another step");
    let fitted = max_abs().fit_on(&train(&rows)).expect("a fit");
    let text = serde_json::to_string(&fitted).expect("JSON");
    assert!(text.contains("\"9223372036854775808\""), "{text}");
    let back: MaxAbsScaling = serde_json::from_str(&text).expect("the step");
    assert_eq!(back, fitted);
    let negative: MaxAbsScaling =
        serde_json::from_str(&text.replace("\"92", "\"-92")).expect("the step");
    let scaled = negative.apply(frame(rows).lazy()).and_then(collect);
    assert_eq!(
        scaled.expect_err("not a magnitude").kind(),
        ErrorKind::Model
    );
}

macro_rules! flow {
    ($rows:expr) => {
        floe::from(InMemory::new($rows))
            .then(Normalizer::new(["a", "b"]).norm(Norm::L1))
            .split(TrainTestSplit::new(0.25).seed(3))
            .then(RobustScaler::new(["big"]).quantile_range(0.1, 0.9))
            .then(MaxAbsScaler::new(["a"]))
            .then(Normalizer::new(["a", "b"]))
            .on_target(RobustScaler::new(["likes"]))
            .learn(LinearRegression::new(["big", "a"], "likes"))
    };
}

#[test]
fn a_model_of_all_of_them_predicts_the_same_bits_from_its_file() {
    let rows = df![
        "big" => (0..40_i64).map(|i| (1_i64 << 60) + i * i).collect::<Vec<_>>(),
        "a" => (0..40_i64).map(|i| (i * 37 % 41) as f64 / 7.0).collect::<Vec<_>>(),
        "b" => (0..40_i64).map(|i| i * 11 % 13 - 6).collect::<Vec<_>>(),
        "likes" => (0..40_i64).map(|i| 1900 + 13 * i + i % 5).collect::<Vec<_>>(),
    ]
    .expect("a frame");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.json");
    let run = flow!(rows.clone()).run().expect("a run");
    run.model().save(&path).expect("a file");
    let loaded = flow!(rows.clone()).load(&path).expect("a model");
    // What stands before the split belongs to the source.
    let rows = Normalizer::new(["a", "b"])
        .norm(Norm::L1)
        .apply(rows.lazy());
    let rows = rows.and_then(collect).expect("rows");
    let predicted = |model: &dyn Fn(LazyFrame) -> floe::Result<LazyFrame>| {
        let rows = model(rows.clone().lazy()).and_then(collect).expect("rows");
        let column = rows
            .column("prediction")
            .expect("a column")
            .f64()
            .expect("floats")
            .clone();
        column
            .into_no_null_iter()
            .map(f64::to_bits)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        predicted(&|rows| loaded.predict(rows)),
        predicted(&|rows| run.model().predict(rows))
    );
    let text = std::fs::read_to_string(&path).expect("text");
    for kind in ["max_abs_scaling", "robust_scaling", "normalizer"] {
        assert!(text.contains(&format!("\"{kind}\"")), "{kind}");
    }
}

fn there_and_back<T: Transform>(step: &T, rows: &Series)
where
    T::Fitted: Invert,
{
    let fitted = step.fit_on(&train(rows)).expect("a fit");
    let back = undo(&fitted, apply(&fitted, rows));
    assert!(back.equals(rows), "{step:?}");
}

#[test]
fn recorded_like_counts_go_through_every_scaler_and_come_back() {
    for run in 1..=10 {
        let Some(path) = data(&format!("youtube_likes/run{run:02}/data.csv")) else {
            return;
        };
        let csv = Csv::new(path).no_header().columns(["x"]);
        let rows = csv.scan().and_then(collect).expect("rows");
        let rows = rows
            .column("x")
            .expect("x")
            .as_materialized_series()
            .clone();
        there_and_back(&MinMaxScaler::new(["x"]), &rows);
        there_and_back(&StandardScaler::new(["x"]), &rows);
        there_and_back(&max_abs(), &rows);
        there_and_back(&robust(), &rows);
    }
}
