//! Classifiers against scikit-learn 1.9.1 on the same files; `../shared/data/expected/README.md`
//! tells how its answers were made.

use floe::estimator::LogisticModel;
use floe::polars::prelude::*;
use floe::prelude::*;
use serde_json::Value;

use crate::expected::{counted, expected, names, numbers, sides, titanic};
use crate::support::{collect, data};

/// What the recorded values deserve: their search by L-BFGS stopped as soon as the objective hardly
/// changed, whatever tolerance it was given, and its gradient there is not zero. They are up to 5e-6
/// from what scikit-learn's own Newton search finds, with which
/// `coefficients_are_those_of_scikit_learn_where_its_gradient_vanishes` compares.
const SEARCHED: f64 = 5e-6;

const CLOSED: f64 = 1e-9;

/// Differences of numbers far smaller than their neighbours are judged by the size of these.
fn close(found: f64, expected: f64, size: f64, within: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(size);
    assert!(error <= within, "{what}: {found} {expected}");
}

/// Fits one classifier of a block through the whole flow, and compares what it predicts and scores.
fn check<E: Estimator>(
    rows: &DataFrame,
    features: &[String],
    estimator: E,
    theirs: &Value,
    within: f64,
) -> E::Model {
    let [train, test] = sides(rows).map(InMemory::new);
    let run = floe::from_parts(train, test)
        .then(StandardScaler::new(features.to_vec()))
        .learn(estimator)
        .run()
        .expect("a run");
    let number = |name: &str| theirs[name].as_f64().expect("a number");
    let accuracy = run.metrics().accuracy().expect("an accuracy");
    close(accuracy, number("accuracy"), 0.0, CLOSED, "accuracy");
    if theirs.get("log_loss").is_some() {
        let (loss, auc) = (run.metrics().log_loss(), run.metrics().roc_auc());
        close(
            loss.expect("a loss"),
            number("log_loss"),
            0.0,
            within,
            "log loss",
        );
        close(
            auc.expect("an area"),
            number("roc_auc"),
            0.0,
            within,
            "area",
        );
    }
    let predicted = run.predictions().and_then(collect).expect("rows");
    for (row, expected) in theirs["proba_first3"]
        .as_array()
        .expect("rows")
        .iter()
        .enumerate()
    {
        for (class, expected) in numbers(expected).into_iter().enumerate() {
            let name = format!("probability_{class}");
            let column = predicted
                .column(&name)
                .expect("a column")
                .f64()
                .expect("floats");
            close(
                column.get(row).expect("a probability"),
                expected,
                0.0,
                within,
                &name,
            );
        }
    }
    run.model().predictor().clone()
}

fn check_block(rows: &DataFrame, target: &str, block: &Value) {
    let features = names(block);
    let theirs = &block["LogisticRegression_C1_standardised"];
    let within = SEARCHED;
    let estimator = LogisticRegression::new(features.clone(), target);
    let model: LogisticModel = check(rows, &features, estimator, theirs, within);
    let expected = theirs["coef"].as_array().expect("rows");
    assert_eq!(model.coefficients().len(), expected.len());
    for (found, expected) in model.coefficients().iter().zip(expected) {
        for (found, expected) in found.iter().zip(numbers(expected)) {
            close(*found, expected, 1e-2, within, "coefficient");
        }
    }
    for (found, expected) in model.intercepts().iter().zip(numbers(&theirs["intercept"])) {
        close(*found, expected, 0.0, within, "intercept");
    }
    let theirs = &block["GaussianNB_standardised"];
    let estimator = GaussianNB::new(features.clone(), target);
    check(rows, &features, estimator, theirs, CLOSED);
}

#[test]
fn classifiers_of_wine_iris_and_titanic_agree_with_scikit_learn() {
    let Some(expected) = expected() else { return };
    if let Some(rows) = counted("tabular/wine_data.csv", 13) {
        check_block(&rows, "class", &expected["wine"]);
    }
    if let Some(rows) = counted("tabular/iris.csv", 4) {
        check_block(&rows, "class", &expected["iris"]);
    }
    if let Some(rows) = titanic() {
        check_block(
            &rows,
            "Survived",
            &expected["titanic"]["classifiers_median_age"],
        );
    }
}

/// The values of `tests/golden/logistic.py`, which lets scikit-learn go on by Newton's method until
/// the mean gradient is under 1e-14. Differences of coefficients that are nearly zero are judged by
/// the size of their neighbours.
#[test]
fn coefficients_are_those_of_scikit_learn_where_its_gradient_vanishes() {
    let golden = include_str!("../golden/logistic.json");
    let golden: Value = serde_json::from_str(golden).expect("JSON");
    let check = |rows: &DataFrame, features: Vec<String>, target: &str, block: &str| {
        let [train, _] = sides(rows).map(InMemory::new);
        let flow = floe::from_train(train)
            .then(StandardScaler::new(features.clone()))
            .learn(LogisticRegression::new(features, target));
        let model = flow.fit().expect("a model").predictor().clone();
        let expected = golden[block]["coef"].as_array().expect("rows");
        assert_eq!(model.coefficients().len(), expected.len());
        for (found, expected) in model.coefficients().iter().zip(expected) {
            assert_eq!(found.len(), numbers(expected).len());
            for (found, expected) in found.iter().zip(numbers(expected)) {
                close(*found, expected, 1e-2, CLOSED, block);
            }
        }
        let expected = numbers(&golden[block]["intercept"]);
        assert_eq!(model.intercepts().len(), expected.len());
        for (found, expected) in model.intercepts().iter().zip(expected) {
            close(*found, expected, 0.0, CLOSED, block);
        }
    };
    let counted_features = |count| (0..count).map(|at| format!("x{at}")).collect();
    if let Some(rows) = counted("tabular/wine_data.csv", 13) {
        check(&rows, counted_features(13), "class", "wine");
    }
    if let Some(rows) = counted("tabular/iris.csv", 4) {
        check(&rows, counted_features(4), "class", "iris");
    }
    if let (Some(rows), Some(expected)) = (titanic(), expected()) {
        let features = names(&expected["titanic"]["classifiers_median_age"]);
        check(&rows, features, "Survived", "titanic");
    }
}

/// scikit-learn was given features in the deviations of all rows there.
#[test]
fn unshuffled_stratified_folds_score_as_in_scikit_learn() {
    let Some(expected) = expected() else { return };
    let Some(rows) = titanic() else { return };
    let block = &expected["titanic"];
    let features = names(&block["classifiers_median_age"]);
    let flow = floe::from(InMemory::new(rows))
        .split(StratifiedKFold::new(5, "Survived").in_order())
        .then(StandardScaler::new(features.clone()))
        .learn(LogisticRegression::new(features, "Survived"));
    let run = flow.run().expect("a run");
    let theirs = numbers(&block["stratified_kfold5_unshuffled_acc_LogReg_standardised"]);
    for (fold, theirs) in run.metrics().iter().zip(theirs) {
        close(
            fold.accuracy().expect("an accuracy"),
            theirs,
            0.0,
            CLOSED,
            "accuracy",
        );
    }
}

/// Where smartcore's model stops early without a word, of `../shared/facts/estimators.md`.
#[test]
fn features_of_unlike_sizes_do_not_stop_the_search() {
    if data("tabular/breast_cancer.csv").is_none() {
        return;
    }
    let rows = counted("tabular/breast_cancer.csv", 30).expect("rows");
    let features: Vec<String> = (0..30).map(|at| format!("x{at}")).collect();
    let learn = |c: f64| {
        let estimator = LogisticRegression::new(features.clone(), "class").c(c);
        let flow = floe::from_train(InMemory::new(rows.clone())).learn(estimator);
        flow.fit().expect("a model").predictor().clone()
    };
    let model = learn(1.0);
    let report = model.fit_report();
    assert!(report.gradient < 1e-12, "{report:?}");
    assert!(
        (report.objective - 53.794_611_230).abs() < 1e-8,
        "{report:?}"
    );
    // At a minimum the objective changes with 1 / C as half the squared coefficients do.
    let squares: f64 = model.coefficients()[0].iter().map(|w| w * w).sum();
    let slope = (learn(1.0 / 1.001).fit_report().objective
        - learn(1.0 / 0.999).fit_report().objective)
        / 0.002;
    assert!(
        (slope - squares / 2.0).abs() < 1e-4 * squares,
        "{slope} {squares}"
    );
}
