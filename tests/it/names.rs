//! Names of columns are names, whatever Polars or floe would read into them.

use floe::ErrorKind;
use floe::learn::FitOn;
use floe::polars::prelude::*;
use floe::prelude::*;

#[test]
fn a_name_in_the_form_of_a_pattern_is_one_column() {
    let rows = df![
        "^y$" => (0..20).map(|i| f64::from(i * 7919 % 13)).collect::<Vec<_>>(),
        "*" => (0..20).map(|i| f64::from(i * i)).collect::<Vec<_>>(),
        "" => (0..20).map(|i| f64::from(i % 5)).collect::<Vec<_>>(),
        "y" => (0..20).map(f64::from).collect::<Vec<_>>(),
    ]
    .unwrap();
    let plain = {
        let mut plain = rows.clone();
        for (from, to) in [("^y$", "a"), ("*", "b"), ("", "c")] {
            plain.rename(from, to.into()).unwrap();
        }
        plain
    };
    let run = |rows: DataFrame, names: [&str; 3]| {
        let run = floe::from(InMemory::new(rows))
            .split(TrainTestSplit::new(0.3).seed(1).by_key(names[1]))
            .then(MinMaxScaler::new(names))
            .learn(LinearRegression::new(names, "y"))
            .run()
            .unwrap();
        let predictions = run.predictions().unwrap().collect().unwrap();
        let column = predictions.column("prediction").unwrap().clone();
        (run.metrics().clone(), column)
    };
    assert_eq!(
        run(rows.clone(), ["^y$", "*", ""]),
        run(plain, ["a", "b", "c"])
    );

    let train = floe::train_on(InMemory::new(rows)).unwrap();
    let scaling = MinMaxScaler::new(["^y$"]).fit_on(&train).unwrap();
    let (_, max) = scaling.range("^y$").unwrap();
    assert_eq!(max.to_f64(), 12.0);
}

#[test]
fn a_target_named_as_the_prediction_is_scored_against_the_truth() {
    let run = |target: &str| {
        let mut rows = df![
            "x" => (0..20).map(f64::from).collect::<Vec<_>>(),
            "y" => (0..20).map(|i| f64::from(3 * i + i % 3)).collect::<Vec<_>>(),
        ]
        .unwrap();
        rows.rename("y", target.into()).unwrap();
        let flow = floe::from(InMemory::new(rows))
            .split(TrainTestSplit::new(0.3).seed(1))
            .on_target(MinMaxScaler::new([target]))
            .learn(LinearRegression::new(["x"], target));
        let run = flow.run().unwrap();
        (run.metrics().clone(), run.scaled_metrics().clone())
    };
    assert_eq!(run("prediction"), run("y"));
}

#[test]
fn a_source_with_a_reserved_name_is_refused_before_a_row_is_read() {
    for name in ["__floe_row", "__floe_x"] {
        let rows = df![name => [1i64, 2, 3], "y" => [1.0, 2.0, 3.0]].unwrap();
        let flow = floe::from(InMemory::new(rows))
            .split(TrainTestSplit::new(0.3))
            .learn(MeanRegressor::new("y"));
        let error = flow.check().unwrap_err();
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Schema, Some(name))
        );
    }
}

#[test]
fn test_rows_with_columns_of_their_own_can_be_learned_from_too() {
    let train = df!["x" => [0.0, 1.0, 2.0], "y" => [1.0, 3.0, 5.0]].unwrap();
    let test = df!["z" => [1i64, 2], "y" => [7.0, 9.0], "x" => [3.0, 4.0]].unwrap();
    let flow = floe::from_parts(InMemory::new(train), InMemory::new(test))
        .learn(LinearRegression::new(["x"], "y"));
    let model = flow.refit_on_all().unwrap();
    assert_eq!(model.predictor().fit_report().rows, 5);
    assert!((model.predictor().intercept() - 1.0).abs() < 1e-12);
}
