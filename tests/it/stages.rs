//! Stages that share files and nothing else: a split, a fit and a score, each on its own.

use floe::polars::prelude::*;
use floe::prelude::*;

fn rows(n: i64) -> Result<DataFrame, PolarsError> {
    let noise = |i: i64| (i * 7) % 5;
    df![
        "id" => (0..n).collect::<Vec<_>>(),
        "likes" => (0..n).map(|i| 3 * i + noise(i)).collect::<Vec<_>>(),
    ]
}

fn split() -> TrainTestSplit {
    TrainTestSplit::new(0.3).seed(42)
}

#[test]
fn a_split_alone_gives_the_sides_of_a_run() -> Result<(), Box<dyn std::error::Error>> {
    let flow = floe::from(InMemory::new(rows(50)?)).split(split());
    let (train, test) = flow.frames()?;
    let run = flow.learn(MeanRegressor::new("likes")).run()?;
    assert!(train.collect()?.equals(&run.train().collect()?));
    assert!(test.collect()?.equals(&run.test().collect()?));
    Ok(())
}

#[test]
fn a_fit_on_train_rows_alone_is_the_model_of_a_run() -> Result<(), Box<dyn std::error::Error>> {
    let whole = floe::from(InMemory::new(rows(50)?))
        .split(split())
        .on_target(MinMaxScaler::new(["likes"]))
        .learn(LinearRegression::new(["id"], "likes"));
    let run = whole.run()?;
    assert_eq!(whole.fit()?.predictor(), run.model().predictor());

    let alone = floe::from_train(InMemory::new(run.train().collect()?))
        .on_target(MinMaxScaler::new(["likes"]))
        .learn(LinearRegression::new(["id"], "likes"));
    let model = alone.fit()?;
    assert_eq!(model.predictor(), run.model().predictor());
    assert_eq!(model.metrics(), None);

    let dir = tempfile::tempdir()?;
    let path = dir.path().join("model.json");
    model.save(&path)?;
    let metrics = alone
        .load(&path)?
        .evaluate(InMemory::new(run.test().collect()?))?;
    assert_eq!(&metrics, run.metrics());
    Ok(())
}

#[test]
fn a_fit_on_train_rows_alone_costs_no_score() -> Result<(), Box<dyn std::error::Error>> {
    let flow =
        floe::from_train(InMemory::new(rows(9)?)).learn(LinearRegression::new(["id"], "likes"));
    let explain = flow.explain()?;
    assert_eq!((explain.scans(), explain.score_scans), (1, 0));
    Ok(())
}
