//! The laws of `floe::testing` on every step and estimator of this crate.

use floe::learn::FitOn;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::{Laws, check_estimator, check_inverse, check_plan, check_step};
use floe::transform::{BoxTransform, Identity};

use crate::support::{integer_dtypes, physical};

const ROWS: i128 = 23;

/// A sample of a numeric column `x` with nulls, a second one, and a column of no concern.
fn sample(x: Series) -> DataFrame {
    let height = x.len();
    let other = (0..height as i64).map(|row| (row * 5) % 11 - 4);
    let id = (0..height).map(|row| format!("row {row}"));
    DataFrame::new(
        height,
        vec![
            Column::new("id".into(), id.collect::<Vec<_>>()),
            x.with_name("x".into()).into_column(),
            Column::new("other".into(), other.collect::<Vec<_>>()),
        ],
    )
    .expect("a frame")
}

/// Near the middle of the dtype, so that a range is small and comes back exactly.
fn whole(dtype: &DataType, low: i128, high: i128) -> DataFrame {
    let from = low / 2 + high / 2;
    let value = |row: i128| (from + row * 7 % 19).clamp(low, high);
    let values = (0..ROWS).map(|row| (row % 6 != 2).then(|| value(row)));
    sample(physical(dtype, &values.collect::<Vec<_>>()))
}

fn floats() -> [DataFrame; 2] {
    let value = |row: i32| match row % 7 {
        2 => None,
        4 => Some(f64::NAN),
        _ => Some(f64::from(row * 13 % 17) / 3.0 - 2.0),
    };
    let values = (0..23).map(value);
    let wide = Series::new("x".into(), values.collect::<Vec<_>>());
    let narrow = wide.cast(&DataType::Float32).expect("floats");
    [sample(wide), sample(narrow)]
}

/// Every sample, with the share that a value may be off by after it was undone: Float32 has 24 bits.
fn samples() -> Vec<(DataFrame, f64)> {
    let whole = integer_dtypes()
        .into_iter()
        .map(|(dtype, low, high)| (whole(&dtype, low, high), 0.0));
    let [wide, narrow] = floats();
    whole.chain([(wide, 1e-15), (narrow, 1e-6)]).collect()
}

#[test]
fn scalers_of_order_statistics_keep_the_laws_on_every_dtype() {
    for (rows, off) in samples() {
        let exact = Laws::new().tolerance(0.0);
        let min_max = MinMaxScaler::new(["x"]);
        exact.step(&min_max, &rows).expect("a lawful step");
        check_inverse(&min_max, &rows, off).expect("it can be undone");
        let max_abs = MaxAbsScaler::new(["x"]);
        exact.step(&max_abs, &rows).expect("a lawful step");
        let robust = RobustScaler::new(["x"]).quantile_range(0.1, 0.9);
        exact.step(&robust, &rows).expect("a lawful step");
        check_inverse(&robust, &rows, off).expect("it can be undone");
    }
}

#[test]
fn scalers_of_moments_keep_the_laws_on_every_dtype() {
    for (rows, off) in samples() {
        let step = StandardScaler::new(["x"]);
        check_step(&step, &rows).expect("a lawful step");
        check_inverse(&step, &rows, off).expect("it can be undone");
    }
}

#[test]
fn policies_keep_the_laws() {
    let [rows, _] = floats();
    check_step(
        &MinMaxScaler::new(["x"]).nans(Nans::Null).range(-1.0, 1.0),
        &rows,
    )
    .expect("a lawful step");
    check_step(
        &StandardScaler::new(by_name(["x", "other"], false, false)),
        &rows,
    )
    .expect("a lawful step");
    let constant = rows.clone().lazy().with_columns([lit(3.5).alias("x")]);
    let constant = constant.collect().expect("rows");
    check_step(
        &MinMaxScaler::new(["x"]).constant(Constant::Null),
        &constant,
    )
    .expect("a lawful step");
    let empty = rows.slice(2, 1);
    check_step(&MinMaxScaler::new(["x"]), &empty).expect("a column without a value");
}

#[test]
fn imputers_keep_the_laws_on_every_dtype() {
    for (rows, _) in samples() {
        let exact = Laws::new().tolerance(0.0);
        for integers in [Integers::Round, Integers::Float] {
            let median = Imputer::median(["x"]).integers(integers);
            exact.step(&median, &rows).expect("a lawful step");
            let mean = Imputer::mean(["x"]).integers(integers);
            check_step(&mean, &rows).expect("a lawful step");
        }
        let marked = MissingIndicator::new(["x", "id"]);
        exact.step(&marked, &rows).expect("a lawful step");
        check_plan(&marked.then(Imputer::median(["x"])), &rows).expect("a lawful plan");
    }
    for rows in floats() {
        check_step(&Imputer::mean(["x"]).nans(NanAs::Missing), &rows).expect("a lawful step");
        check_step(&MissingIndicator::new(["x"]).nans(NanAs::Missing), &rows)
            .expect("a lawful step");
        let zero = Imputer::constant(["x", "other"], 0);
        check_step(&zero, &rows).expect("a lawful step");
    }
    let words = df!["x" => [Some("a"), None, Some(""), Some("b"), None], "n" => [1, 2, 3, 4, 5]];
    let words = words.expect("a frame");
    check_step(&Imputer::constant(["x"], "none"), &words).expect("a lawful step");
}

#[test]
fn steps_that_learn_nothing_keep_the_laws() {
    for (rows, _) in samples() {
        let twice = col("x").cast(DataType::Float64) * lit(2.0);
        check_step(&WithColumns::new([twice.alias("twice")]), &rows).expect("a lawful step");
        let temporal = rows.column("x").expect("x").dtype().is_temporal();
        if !temporal {
            for norm in [Norm::L1, Norm::L2, Norm::Max] {
                let step = Normalizer::new(["x", "other"]).norm(norm);
                check_step(&step, &rows).expect("a lawful step");
            }
        }
        check_plan(&Identity, &rows).expect("a lawful plan");
        check_inverse(&Identity, &rows, 0.0).expect("it can be undone");
    }
}

#[test]
fn steps_on_the_columns_themselves_keep_the_laws() {
    let exact = Laws::new().tolerance(0.0);
    for (rows, _) in samples() {
        let select = Select::new(["other", "x"]);
        exact.step(&select, &rows).expect("a lawful step");
        let drop = DropColumns::new(["id"]);
        exact.step(&drop, &rows).expect("a lawful step");
        let rename = Rename::new([("x", "y"), ("other", "x")]);
        exact.step(&rename, &rows).expect("a lawful step");
        let swap = Rename::new([("x", "id"), ("id", "x")]);
        exact.step(&swap, &rows).expect("a lawful step");
        let text = Cast::new(["other"], DataType::String);
        exact.step(&text, &rows).expect("a lawful step");
        let chain = rename
            .then(StandardScaler::new(["y"]))
            .then(DropColumns::new(["y"]));
        check_plan(&chain, &rows).expect("a lawful plan");
    }
    for rows in floats() {
        let narrow = Cast::new(["x"], DataType::Float32);
        exact.step(&narrow, &rows).expect("a lawful step");
    }
}

#[test]
fn chains_and_erased_steps_keep_the_laws() {
    let chain = || {
        WithColumns::new([(col("other") * lit(3_i64)).alias("other")])
            .then(StandardScaler::new(["x", "other"]))
            .then(MinMaxScaler::new(["x"]).outside(Outside::Clip))
    };
    for rows in floats() {
        check_plan(&chain(), &rows).expect("a lawful plan");
        let erased = vec![
            BoxTransform::new(StandardScaler::new(["x", "other"])),
            BoxTransform::new(RobustScaler::new(["x"])),
            BoxTransform::new(Normalizer::new(["x", "other"])),
        ];
        check_plan(&erased, &rows).expect("a lawful plan");
        check_plan(&erased[0], &rows).expect("a lawful plan");
        let scalers = StandardScaler::new(["x"]).then(MinMaxScaler::new(["x"]));
        check_inverse(&scalers, &rows, 1e-6).expect("it can be undone");
    }
}

#[test]
fn estimators_keep_the_laws() {
    let rows = df![
        "big" => (0..30_i64).map(|i| (1_i64 << 60) + i * i).collect::<Vec<_>>(),
        "a" => (0..30).map(|i| f64::from(i * 37 % 41) / 7.0).collect::<Vec<_>>(),
        "id" => (0..30).map(|i| format!("{i}")).collect::<Vec<_>>(),
        "y" => (0..30).map(|i| f64::from(3 * i + i % 4)).collect::<Vec<_>>(),
        "class" => (0..30).map(|i| ["no", "yes", "perhaps"][i * i % 3]).collect::<Vec<_>>(),
    ]
    .expect("a frame");
    let laws = Laws::new().tolerance(1e-11);
    let line = LinearRegression::new(["big", "a"], "y");
    laws.estimator(&line, &rows).expect("a lawful estimator");
    laws.estimator(
        &line.without_intercept().rank(RankPolicy::MinimumNorm),
        &rows,
    )
    .expect("a lawful estimator");
    check_estimator(&MeanRegressor::new("y"), &rows).expect("a lawful estimator");
    let exact = Laws::new().tolerance(0.0);
    exact
        .estimator(&MedianRegressor::new("y"), &rows)
        .expect("a lawful estimator");

    exact
        .estimator(&MostFrequentClassifier::new("class"), &rows)
        .expect("a lawful estimator");
}
