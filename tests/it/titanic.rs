//! The second job, on the real table: what the example promises, and what a saved model does.

use std::path::{Path, PathBuf};

use clap::Parser;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{ErrorKind, Registry};

use crate::support::{data, one_test};

// The example is one crate and this binary another: its modules are compiled into both.
#[path = "../../examples/titanic/app/mod.rs"]
mod app;

use app::passengers::{Age, Kind, Params, TARGET, every_fifth, source};

fn titanic(words: &[&str]) -> Result<String, String> {
    let words = ["titanic"].iter().chain(words);
    let cli = app::Cli::try_parse_from(words).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    app::run(&cli, &mut out).map_err(|error| app::told(error.as_ref()))?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

fn table() -> Option<PathBuf> {
    data("titanic/train.csv")
}

const LOGISTIC: Params = Params::new(Kind::Logistic, Some(1.0), Age::Median);
const FOREST: Params = Params::new(Kind::Forest, Some(8.0), Age::Median);

#[test]
fn the_example_compares_scores_and_saves() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let sample = path("sample.csv");
    titanic(&[
        "make-sample",
        "--output",
        &sample,
        "--rows",
        "240",
        "--seed",
        "3",
    ])
    .unwrap();
    let told = titanic(&["--train", &sample, "--out", &path("out")]).unwrap();
    for expected in [
        "15 candidates, 5 folds, 76 fits",
        "rank  age",
        "What the steps of the best one learned",
        "one_hot_encoding",
        "accuracy",
        "Confusion",
        "saved",
    ] {
        assert!(told.contains(expected), "{expected} in {told}");
    }
    let table = std::fs::read_to_string(path("out/candidates.csv")).unwrap();
    assert_eq!(table.lines().count(), 16);
    assert!(table.starts_with("rank,age,model,setting,accuracy_mean"));
    Registry::new().load(path("out/model.json")).unwrap();
    let error = titanic(&["--train", &path("absent.csv")]).unwrap_err();
    assert!(error.contains("absent.csv"), "{error}");
}

#[test]
fn the_shipped_sample_is_the_one_that_is_made() {
    let shipped = std::fs::read_to_string(app::sample::PATH).unwrap();
    assert_eq!(shipped, app::sample::table(900, 12));
}

#[test]
fn the_logistic_regression_beats_the_baseline_on_its_own_split() {
    let Some(path) = table() else { return };
    let run = source(&path)
        .split(every_fifth())
        .then(LOGISTIC.steps())
        .learn(LOGISTIC.estimator())
        .run()
        .unwrap();
    assert_eq!(run.metrics().rows(), 178);
    let expected = crate::expected::expected().expect("it lies beside the table");
    let baseline =
        &expected["titanic"]["classifiers_median_age"]["LogisticRegression_C1_standardised"];
    assert!(run.metrics().accuracy() >= baseline["accuracy"].as_f64());
}

#[test]
fn the_forest_reaches_eight_of_ten_over_five_folds() {
    let Some(path) = table() else { return };
    let flow = source(&path)
        .split(StratifiedKFold::new(5, TARGET).in_order())
        .then(FOREST.steps())
        .learn(FOREST.estimator());
    let run = flow.run().unwrap();
    let accuracy = run.metric("accuracy").unwrap();
    assert!(accuracy.mean >= 0.8, "{accuracy:?}");
    // All steps of all folds learn in two scans of the rows, and the plan said so.
    let explain = flow.explain().unwrap();
    let levels = run.scans().iter().filter(|scan| scan.purpose == "level");
    let levels: Vec<_> = levels.collect();
    let steps = explain
        .levels
        .iter()
        .filter(|level| level.columns != [TARGET]);
    assert!(steps.count() <= 2, "{explain}");
    assert_eq!(levels.len(), explain.levels.len());
    assert!(levels.iter().all(|scan| scan.rows == 891));
}

/// The predictions of a saved model, as bits.
fn predicted(model: &Path, rows: DataFrame) -> Vec<u64> {
    let model = Registry::new().load(model).unwrap();
    let rows = model.predict(rows.lazy()).unwrap().collect().unwrap();
    let column = rows.column("probability_1").unwrap().f64().unwrap();
    column
        .iter()
        .map(|value| value.unwrap().to_bits())
        .collect()
}

fn passengers(path: &Path) -> DataFrame {
    let rows = Csv::new(path).scan().unwrap();
    rows.limit(60).collect().unwrap()
}

#[test]
fn a_saved_model_predicts_the_same_bits_elsewhere_and_keeps_to_its_policies() {
    const MODEL: &str = "FLOE_TITANIC_MODEL";
    let sample = PathBuf::from(app::sample::PATH);
    if let Some(model) = std::env::var_os(MODEL) {
        // The other process: what it prints is compared.
        println!(
            "bits {:?}",
            predicted(Path::new(&model), passengers(&sample))
        );
        return;
    }
    let flow = source(&sample)
        .split(TrainTestSplit::new(0.2).seed(1).stratify_by(TARGET))
        .then(LOGISTIC.steps())
        .learn(LOGISTIC.estimator());
    let model = flow.fit().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    model.save(&path).unwrap();
    let rows = passengers(&sample);
    let here = predicted(&path, rows.clone());
    let name = "titanic::a_saved_model_predicts_the_same_bits_elsewhere_and_keeps_to_its_policies";
    let elsewhere = one_test(name).env(MODEL, &path).output().unwrap();
    let told = String::from_utf8(elsewhere.stdout).unwrap();
    assert!(told.contains(&format!("bits {here:?}")), "{told}");

    let with = |expr: Expr| rows.clone().lazy().with_columns([expr]);
    let collect = |rows: LazyFrame| model.predict(rows).and_then(|rows| Ok(rows.collect()?));
    // An unseen port, and a title that no name had: the policy is the column of the others.
    let unseen = collect(with(lit("Z").alias("Embarked"))).unwrap();
    assert_eq!(unseen.column("probability_1").unwrap().null_count(), 0);
    // A column more changes nothing.
    let more = collect(with(lit(1).alias("more"))).unwrap();
    let column = more.column("probability_1").unwrap().f64().unwrap();
    let more: Vec<u64> = column
        .iter()
        .map(|value| value.unwrap().to_bits())
        .collect();
    assert_eq!(more, here);
    // A column less, and a float where an integer was, are errors that name it.
    let less = collect(rows.clone().lazy().drop(by_name(["Fare"], true, false))).unwrap_err();
    assert_eq!(
        (less.kind(), less.column()),
        (ErrorKind::Predict, Some("Fare"))
    );
    let float = collect(with(col("Pclass").cast(DataType::Float64))).unwrap_err();
    assert_eq!(
        (float.kind(), float.column()),
        (ErrorKind::Predict, Some("Pclass"))
    );
}
