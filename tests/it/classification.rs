//! Classes through a whole flow: predicted in their own dtype, scored, weighed, in folds, saved.

use floe::estimator::{Classes, MostFrequentModel, Training};
use floe::learn::Need;
use floe::metric::{ClassificationMetrics, Confusion, Metrics, Scoring};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::{Law, check_estimator};
use floe::transform::Artifact;
use floe::{Error, ErrorKind, Registry, Schema};
use serde::{Deserialize, Serialize};

use crate::support::collect;

fn wave(at: usize) -> usize {
    (at * 7919) % 101
}

/// Rows of three classes of unlike sizes, in columns of several dtypes.
fn rows(n: usize) -> DataFrame {
    let class = |at: usize| match wave(at) {
        0..20 => 0,
        20..45 => 1,
        _ => 2,
    };
    let at = 0..n;
    df![
        "text" => at.clone().map(|at| ["", "yes", "a \"b\""][class(at)]).collect::<Vec<_>>(),
        "flag" => at.clone().map(|at| class(at) == 2).collect::<Vec<_>>(),
        "byte" => at.clone().map(|at| [-3_i8, 7, 100][class(at)]).collect::<Vec<_>>(),
        "wide" => at.clone().map(|at| [1_u64, 2, u64::MAX][class(at)]).collect::<Vec<_>>(),
        "day" => at.clone().map(|at| [-5_i32, 0, 9000][class(at)]).collect::<Vec<_>>(),
        "w" => at.map(|at| (at % 4) as f64 / 2.0).collect::<Vec<_>>(),
    ]
    .expect("columns of one length")
    .lazy()
    .with_columns([col("day").cast(DataType::Date)])
    .collect()
    .expect("dates")
}

/// The values of a column as text.
fn texts(frame: &DataFrame, name: &str) -> Vec<Option<String>> {
    let column = frame.column(name).expect("a column");
    let physical = column.to_physical_repr().cast(&DataType::String);
    let physical = physical.expect("texts");
    let values = physical.str().expect("texts").iter();
    values.map(|text| text.map(ToOwned::to_owned)).collect()
}

fn floats(frame: &DataFrame, name: &str) -> Vec<Option<f64>> {
    let column = frame.column(name).expect("a column");
    column.f64().expect("floats").iter().collect()
}

fn reason<'a>(metrics: &'a Metrics, name: &str) -> &'a str {
    let metric = metrics.iter().find(|metric| metric.name == name);
    let reason = metric.and_then(|metric| metric.reason.as_deref());
    reason.expect("a reason")
}

fn bits(metrics: &Metrics) -> Vec<(String, Option<u64>)> {
    let bits = metrics.iter().map(|metric| {
        let value = metric.value.map(f64::to_bits);
        (metric.name.clone(), value)
    });
    bits.collect()
}

#[test]
fn a_target_of_every_dtype_is_predicted_in_it_and_scored() {
    for (target, classes) in [
        ("text", 3),
        ("flag", 2),
        ("byte", 3),
        ("wide", 3),
        ("day", 3),
    ] {
        let flow = floe::from(InMemory::new(rows(500)))
            .split(TrainTestSplit::new(0.3).seed(5))
            .learn(MostFrequentClassifier::new(target));
        let run = flow.run().expect(target);
        let model = run.model().predictor();
        assert_eq!(model.rows().len(), classes);
        assert_eq!(model.rows().iter().sum::<u64>(), 350);
        let predicted = run.predictions().and_then(collect).expect("rows");
        let dtype = |name: &str| predicted.column(name).expect("a column").dtype().clone();
        assert_eq!(dtype("prediction"), dtype(target));
        // Against a naive count.
        let truths = texts(&predicted, target);
        let guesses = texts(&predicted, "prediction");
        let hits = truths.iter().zip(&guesses).filter(|(a, b)| a == b).count();
        assert_eq!(run.metrics().accuracy(), Some(hits as f64 / 150.0));
        assert_eq!(run.metrics(), run.scaled_metrics());
        let share = 1.0 / classes as f64;
        assert_eq!(run.metrics().get("recall_macro"), Some(share));
        assert_eq!(run.metrics().roc_auc(), Some(0.5));
        let never = reason(run.metrics(), "precision_macro");
        assert!(never.ends_with("was never predicted"), "{never}");
        let train = run.train().collect().expect("rows");
        let trained = texts(&train, target);
        let labels = run.metrics().confusion().map(Confusion::labels);
        let labels = labels.expect("classes").to_vec();
        let mut loss = 0.0;
        for (label, share) in labels.iter().zip(model.shares()) {
            let of = |all: &[Option<String>]| {
                all.iter()
                    .filter(|text| text.as_ref() == Some(label))
                    .count()
            };
            assert_eq!(share, of(&trained) as f64 / 350.0, "{target} {label}");
            let column = floats(&predicted, &format!("probability_{label}"));
            assert!(column.iter().all(|found| *found == Some(share)));
            loss -= of(&truths) as f64 * share.ln() / 150.0;
        }
        let found = run.metrics().log_loss().expect("a loss");
        assert!((found - loss).abs() < 1e-12, "{found} {loss}");
        assert!(run.warnings().is_empty(), "{:?}", run.warnings());
        // The same bits again, by the model itself, and by the file.
        assert_eq!(
            bits(flow.run().expect(target).metrics()),
            bits(run.metrics())
        );
        let test = || InMemory::new(run.test().collect().expect("rows"));
        assert_eq!(
            &run.model().evaluate(test()).expect("metrics"),
            run.metrics()
        );
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.json");
        run.model().save(&path).expect("a file");
        let loaded = flow.load(&path).expect("a model");
        assert_eq!(loaded.metrics(), Some(run.metrics()));
        assert_eq!(loaded.predictor(), model);
        let erased = Registry::new().load(&path).expect("a model");
        assert_eq!(&erased.evaluate(test()).expect("metrics"), run.metrics());
        let again = erased.predict(run.test().lazy()).and_then(collect);
        assert!(again.expect("rows").equals_missing(&predicted));
        let other = folder.path().join("again.json");
        erased.save(&other).expect("a file");
        let read = |path| std::fs::read(path).expect("a file");
        assert_eq!(read(path), read(other));
    }
}

/// A model of the frequencies `n` of `no` and `y` of `yes`, scored on other rows.
fn fed(n: usize, y: usize, test: DataFrame) -> Result<Metrics, Error> {
    let train = [vec!["no"; n], vec!["yes"; y]].concat();
    let train = InMemory::new(df!["fed" => train].expect("a frame"));
    let flow = floe::from_train(train).learn(MostFrequentClassifier::new("fed"));
    flow.fit()?.evaluate(InMemory::new(test))
}

#[test]
fn a_class_that_was_not_learned_counts_as_an_error_and_is_told() {
    let train = df!["fed" => ["no", "yes", "yes"]].expect("a frame");
    let test = df!["fed" => [Some("yes"), Some("later"), None, Some("no"), Some("late")]];
    let test = test.expect("a frame");
    let run = floe::from_parts(InMemory::new(train), InMemory::new(test.clone()))
        .learn(MostFrequentClassifier::new("fed"))
        .run()
        .expect("a run");
    let metrics = run.metrics();
    assert_eq!((metrics.rows(), metrics.skipped()), (4, 1));
    assert_eq!(metrics.accuracy(), Some(0.25));
    assert_eq!(
        reason(metrics, "log_loss"),
        "2 of the truths are no class of the model"
    );
    let confusion = metrics.confusion().expect("classes");
    assert_eq!(
        (confusion.unseen(), confusion.rows("no", "yes")),
        (2, Some(1))
    );
    let told = run.warnings();
    assert!(
        told.iter()
            .any(|told| told.starts_with("2 of the test rows are of a class"))
    );
    // Of a tie the first class is predicted.
    let metrics = fed(2, 2, test).expect("metrics");
    assert_eq!(
        metrics.confusion().and_then(|of| of.rows("no", "no")),
        Some(1)
    );
}

#[test]
fn a_truth_of_another_dtype_or_none_at_all_is_an_error() {
    let error = fed(1, 2, df!["fed" => [0, 1]].expect("a frame")).expect_err("an error");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("fed"))
    );
    let error = fed(1, 2, df!["x" => [0, 1]].expect("a frame")).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Schema);
    let error = fed(0, 2, rows(3)).expect_err("one class");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Fit, Some("fed"))
    );
    let gaps = df!["fed" => [Some("no"), None, Some("yes")]].expect("a frame");
    let flow = floe::from_train(InMemory::new(gaps)).learn(MostFrequentClassifier::new("fed"));
    assert_eq!(flow.fit().expect_err("a null").kind(), ErrorKind::Fit);
    let flow = floe::from_train(InMemory::new(rows(9))).learn(MostFrequentClassifier::new("w"));
    let error = flow.check().expect_err("a float has no classes");
    assert_eq!(error.column(), Some("w"));
}

#[test]
fn what_cannot_be_scored_is_refused_before_a_row_is_read() {
    let split = || floe::from(InMemory::new(rows(50))).split(TrainTestSplit::new(0.3));
    let classes = MostFrequentClassifier::new("byte");
    let error = split()
        .on_target(MinMaxScaler::new(["byte"]))
        .learn(classes.clone())
        .check()
        .expect_err("a step on classes");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Config, Some("byte"))
    );
    assert!(error.to_string().contains("on_target"), "{error}");
    let flow = split().learn(classes.clone());
    let error = flow.score_with(RegressionMetrics::new()).check();
    let error = error.expect_err("metrics of numbers");
    assert!(
        error.to_string().contains("ClassificationMetrics"),
        "{error}"
    );
    let flow = split().learn(MeanRegressor::new("w"));
    let error = flow
        .clone()
        .score_with(ClassificationMetrics::new())
        .check();
    let error = error.expect_err("metrics of classes");
    assert_eq!(error.kind(), ErrorKind::Config);
    let model = flow.fit().expect("a model");
    let with = model.evaluate_with(InMemory::new(rows(9)), ClassificationMetrics::new());
    assert_eq!(
        with.expect_err("metrics of classes").kind(),
        ErrorKind::Config
    );
    let flow = split().learn(classes.clone());
    let error = flow
        .score_with(ClassificationMetrics::new().positive(8))
        .run();
    let error = error.expect_err("a class that is not there");
    assert!(error.to_string().contains("`-3`, `7`, `100`"), "{error}");
    // Weights.
    let flow = split().role("text", Role::Weight).learn(classes.clone());
    let error = flow.check().expect_err("a text is no weight");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("text"))
    );
    let flow = split().role("day", Role::Weight).learn(classes.clone());
    let error = flow.check().expect_err("a date is no weight");
    assert_eq!(error.column(), Some("day"));
    let flow = split().role("w", Role::Weight).role("wide", Role::Weight);
    let error = flow.learn(classes).check().expect_err("two weights");
    assert!(error.to_string().contains("`wide`, `w`"), "{error}");
}

#[test]
fn a_source_may_have_columns_of_the_names_that_are_added() {
    let rows = df![
        "prediction" => ["no", "yes", "yes", "no", "yes"],
        "probability_yes" => [1, 2, 3, 4, 5],
        "x" => [1, 2, 3, 4, 5],
    ];
    let rows = rows.expect("a frame");
    let model = floe::from_train(InMemory::new(rows.clone()))
        .learn(MostFrequentClassifier::new("prediction"))
        .fit()
        .expect("a model");
    let metrics = model.evaluate(InMemory::new(rows.clone()));
    assert_eq!(metrics.expect("metrics").accuracy(), Some(0.6));
    let found = model.predict(rows.lazy()).and_then(collect).expect("rows");
    let names = found.get_column_names();
    assert_eq!(
        names,
        ["x", "prediction", "probability_no", "probability_yes"]
    );
    assert_eq!(floats(&found, "probability_yes"), vec![Some(0.6); 5]);
}

#[test]
fn rows_weigh_by_the_column_of_that_role() {
    let flow = floe::from(InMemory::new(rows(400)))
        .split(TrainTestSplit::new(0.5).seed(1))
        .role("w", Role::Weight)
        .learn(MostFrequentClassifier::new("flag"));
    let run = flow.run().expect("a run");
    let predicted = run.predictions().and_then(collect).expect("rows");
    let (truths, guesses) = (texts(&predicted, "flag"), texts(&predicted, "prediction"));
    let (mut hits, mut all) = (0.0, 0.0);
    let weights = floats(&predicted, "w");
    for ((truth, guess), weight) in truths.iter().zip(&guesses).zip(&weights) {
        let weight = weight.expect("a weight");
        hits += if truth == guess { weight } else { 0.0 };
        all += weight;
    }
    let found = run.metrics().accuracy().expect("a share");
    assert!((found - hits / all).abs() < 1e-12, "{found}");
    let rows_alike = truths.iter().zip(&guesses).filter(|(a, b)| a == b).count();
    assert!((found - rows_alike as f64 / 200.0).abs() > 1e-6);
    let confusion = run.metrics().confusion().expect("classes");
    let hit = confusion
        .weight("true", "true")
        .zip(confusion.weight("false", "false"));
    assert_eq!(hit.map(|(a, b)| a + b), Some(hits));
    // The model knows, in a file too.
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.json");
    run.model().save(&path).expect("a file");
    let test = run.test().collect().expect("rows");
    let loaded = Registry::new().load(&path).expect("a model");
    let again = loaded
        .evaluate(InMemory::new(test.clone()))
        .expect("metrics");
    assert_eq!(&again, run.metrics());
    let error = loaded.evaluate(InMemory::new(test.drop("w").expect("a column")));
    assert_eq!(error.expect_err("no weights").kind(), ErrorKind::Schema);
    let negative = test.lazy().with_columns([col("w") - lit(1.0)]);
    let error = loaded.evaluate(InMemory::new(negative.collect().expect("rows")));
    let error = error.expect_err("a negative weight");
    assert_eq!(error.kind(), ErrorKind::Score);
    assert!(error.to_string().contains("-1"), "{error}");
}

#[test]
fn folds_predict_and_score_classes() {
    for weighted in [false, true] {
        let flow = floe::from(InMemory::new(rows(200)));
        let flow = flow.split(KFold::new(4).seed(3));
        let flow = if weighted {
            flow.role("w", Role::Weight)
        } else {
            flow
        };
        let flow = flow.learn(MostFrequentClassifier::new("text"));
        let run = flow.run().expect("a run");
        for (fold, (model, metrics)) in run.models().iter().zip(run.metrics()).enumerate() {
            let test = run.test(fold).collect().expect("rows");
            let alone = model.evaluate(InMemory::new(test)).expect("metrics");
            assert_eq!(&alone, metrics);
        }
        let predicted = run.predictions().and_then(collect).expect("rows");
        assert_eq!(predicted.height(), 200);
        let plain = rows(200);
        assert!(
            predicted
                .select(plain.get_column_names_owned())
                .expect("rows")
                .equals(&plain)
        );
        let truths = texts(&predicted, "text");
        let guesses = texts(&predicted, "prediction");
        let hits = truths.iter().zip(&guesses).filter(|(a, b)| a == b).count();
        if !weighted {
            let of =
                |metrics: &Metrics| metrics.accuracy().expect("a share") * metrics.rows() as f64;
            let told: f64 = run.metrics().iter().map(of).sum();
            assert!((told - hits as f64).abs() < 1e-9);
        }
        let names = ["probability_", "probability_a \"b\"", "probability_yes"];
        let columns = names.map(|name| floats(&predicted, name));
        for row in 0..200 {
            let sum: f64 = columns.iter().filter_map(|column| column[row]).sum();
            assert!((sum - 1.0).abs() < 1e-15);
        }
        let spread = run.metric("accuracy").expect("a spread");
        assert_eq!(spread.folds, 4);
    }
}

#[test]
fn a_class_that_a_fold_did_not_learn_has_probability_zero_there() {
    // The third class is in the first fold only.
    let class: Vec<_> = (0..40)
        .map(|at| if at == 3 { 9 } else { at % 3 % 2 })
        .collect();
    let rows = df!["y" => class].expect("a frame");
    let run = floe::from(InMemory::new(rows))
        .split(KFold::new(4).in_order())
        .learn(MostFrequentClassifier::new("y"))
        .run()
        .expect("a run");
    assert_eq!(run.metrics()[0].confusion().map(Confusion::unseen), Some(1));
    assert_eq!(
        run.metrics()[1].confusion().map(|of| of.labels().len()),
        Some(3)
    );
    let predicted = run.predictions().and_then(collect).expect("rows");
    let rare = floats(&predicted, "probability_9");
    assert!(rare[..10].iter().all(|found| *found == Some(0.0)));
    assert!(rare[10..].iter().all(|found| *found == Some(1.0 / 30.0)));
    assert_eq!(
        predicted.column("prediction").expect("a column").dtype(),
        &DataType::Int32
    );
    let told = run.warnings();
    assert!(
        told.iter()
            .any(|told| told.starts_with("fold 0: 1 of the test rows")),
        "{told:?}"
    );
}

#[test]
fn rows_that_no_model_is_scored_on_have_no_prediction() {
    let run = floe::from(InMemory::new(rows(40)))
        .split(TimeSeriesSplit::new(3))
        .learn(MostFrequentClassifier::new("text"))
        .run()
        .expect("a run");
    let predicted = run.predictions().and_then(collect).expect("rows");
    let gaps = |name: &str| predicted.column(name).expect("a column").is_null();
    let expected: Vec<_> = (0..40).map(|row| Some(row < 10)).collect();
    for name in ["prediction", "probability_yes"] {
        assert_eq!(gaps(name).iter().collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn explain_says_what_a_score_holds() {
    let flow = floe::from(InMemory::new(rows(50)))
        .split(TrainTestSplit::new(0.3))
        .learn(MostFrequentClassifier::new("text"));
    let told = flow.explain().expect("a plan").to_string();
    assert!(
        told.contains("holds in memory: 12 bytes a row of two classes"),
        "{told}"
    );
    let flow = flow.score_with(ClassificationMetrics::new().without_ranking());
    let told = flow.explain().expect("a plan").to_string();
    assert!(!told.contains("holds in memory"), "{told}");
    let run = flow.run().expect("a run");
    assert_eq!(run.metrics().roc_auc(), None);
    assert!(run.metrics().log_loss().is_some());
    assert_eq!(Scoring::default(), Scoring::Fitting);
}

/// A baseline that says something else of itself, or whose model does.
#[derive(Clone, Debug)]
struct Liar {
    honest: MostFrequentClassifier,
    classifies: bool,
}

/// A model that leaves its probabilities out.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Terse(MostFrequentModel);

impl Artifact for Terse {
    const KIND: &'static str = "terse";
}

impl Predict for Terse {
    fn predict(&self, frame: LazyFrame) -> floe::Result<LazyFrame> {
        let names = self.0.classes().map(Classes::probability_names);
        let whole = self.0.predict(frame)?;
        Ok(whole.drop(by_name(names.unwrap_or_default(), true, false)))
    }

    fn classes(&self) -> Option<&Classes> {
        self.0.classes()
    }

    fn report(&self) -> serde_json::Value {
        self.0.report()
    }
}

impl Estimator for Liar {
    type Model = Terse;

    fn target(&self) -> &str {
        self.honest.target()
    }

    fn features(&self, input: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        self.honest.features(input)
    }

    fn needs(&self, input: &Schema) -> floe::Result<Vec<Need>> {
        self.honest.needs(input)
    }

    fn is_classifier(&self) -> bool {
        self.classifies
    }

    fn fit(&self, training: &Training<'_>) -> floe::Result<Terse> {
        self.honest.fit(training).map(Terse)
    }
}

#[test]
fn an_estimator_that_is_not_what_it_says_is_found_out() {
    let liar = |classifies| Liar {
        honest: MostFrequentClassifier::new("text"),
        classifies,
    };
    let flow = floe::from_train(InMemory::new(rows(30))).learn(liar(false));
    let error = flow.fit().expect_err("classes of a model of numbers");
    assert_eq!(error.kind(), ErrorKind::Fit);
    assert!(error.to_string().contains("is_classifier"), "{error}");
    let broken = check_estimator(&liar(true), &rows(30)).expect_err("no probabilities");
    assert_eq!(broken.law(), Law::Schema);
    let told = broken.to_string();
    assert!(told.contains("adds no column `probability_`"), "{told}");
}

#[test]
fn a_changed_file_of_a_baseline_is_refused() {
    let flow = floe::from_train(InMemory::new(rows(30)));
    let model = flow.learn(MostFrequentClassifier::new("byte")).fit();
    let model = model.expect("a model");
    let state = serde_json::to_value(model.predictor()).expect("JSON");
    let read = |state: &serde_json::Value| MostFrequentModel::deserialize(state);
    assert_eq!(&read(&state).expect("a model"), model.predictor());
    for rows in ["[1, 2]", "[1, 2, 0]", "[1, 2, 18446744073709551615]"] {
        let mut wrong = state.clone();
        wrong["rows"] = serde_json::from_str(rows).expect("JSON");
        assert!(read(&wrong).is_err(), "{rows}");
    }
    let mut wrong = state;
    wrong["classes"]["labels"]
        .as_array_mut()
        .expect("labels")
        .reverse();
    assert!(read(&wrong).is_err());
}
