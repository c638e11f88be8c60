//! What a review of models, sweeps and folds found, so that it stays found.

use floe::ErrorKind;
use floe::estimator::BoxEstimator;
use floe::flow::Candidates;
use floe::learn::Category;
use floe::polars::prelude::*;
use floe::prelude::*;

/// Rows that weigh nothing are rows that are not there, however far they lie.
#[test]
fn weights_of_zero_leave_rows_out_of_naive_bayes_however_far_they_lie() {
    let near = df![
        "x" => [1e8, 1e8 + 1.0, 1e8 + 2.0, 1e8 + 5.0, 1e8 + 6.0, 1e8 + 9.0],
        "y" => ["a", "a", "a", "b", "b", "b"],
        "w" => [0.1, 0.3, 0.7, 0.1, 0.3, 0.7],
    ]
    .unwrap();
    let far = df![
        "x" => [-3e8, -1e8, -2e8, 0.0, 0.0, 1.0],
        "y" => ["a", "a", "a", "b", "b", "b"],
        "w" => [0.0; 6],
    ]
    .unwrap();
    let learn = |rows: DataFrame| {
        let model = floe::from_train(InMemory::new(rows))
            .learn(GaussianNB::new(["x"], "y").var_smoothing(0.0).weights("w"))
            .fit()
            .unwrap();
        let model = model.predictor().clone();
        ["a", "b"].map(|class| {
            let class = Category::from(class);
            (
                model.mean(&class, "x").unwrap(),
                model.variance(&class, "x").unwrap(),
            )
        })
    };
    let alone = learn(near.clone());
    let among = learn(near.vstack(&far).unwrap());
    for ((mean, variance), (of_all, variance_of_all)) in alone.into_iter().zip(among) {
        assert!((mean - of_all).abs() <= 1e-7, "{mean} {of_all}");
        assert!(
            (variance - variance_of_all).abs() <= 1e-9 * variance,
            "{variance} {variance_of_all}"
        );
    }
}

/// The bias that is best is none: neither the most negative nor the most positive one.
#[test]
fn candidates_are_ranked_by_how_small_the_bias_is() {
    let rows = df![
        "y" => (0..40).map(|at| f64::from(at % 5)).collect::<Vec<_>>(),
    ]
    .unwrap();
    let study = floe::from(InMemory::new(rows))
        .split(TrainTestSplit::new(0.25).seed(1))
        .sweep(
            KFold::new(3).seed(1),
            Candidates::axis("median", [true, false]),
            |flow, median| {
                let mean = BoxEstimator::new(MeanRegressor::new("y"));
                let other = BoxEstimator::new(MedianRegressor::new("y"));
                flow.learn(if *median { other } else { mean })
            },
        )
        .rank_by("mean_error")
        .run()
        .unwrap();
    let biases: Vec<f64> = study
        .tried()
        .iter()
        .map(|tried| tried.metric("mean_error").unwrap().mean)
        .collect();
    assert!(biases[0].abs() <= biases[1].abs(), "{biases:?}");
}

macro_rules! linear {
    () => {
        floe::from(InMemory::new(
            df![
                "a" => (0..20).map(|at| f64::from(at * 7 % 13)).collect::<Vec<_>>(),
                "b" => (0..20).map(|at| f64::from(at * 5 % 11)).collect::<Vec<_>>(),
                "y" => (0..20).map(f64::from).collect::<Vec<_>>(),
            ]
            .unwrap(),
        ))
        .split(TrainTestSplit::new(0.25).seed(3))
        .learn(Lasso::new(["a", "b"], "y").alpha(0.01))
    };
}

/// A coefficient too few is not a coefficient of zero.
#[test]
fn a_linear_model_without_a_coefficient_for_each_feature_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    linear!().run().unwrap().model().save(&path).unwrap();
    linear!().load(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
    for part in ["coefficients", "origins", "features"] {
        let mut changed = whole.clone();
        let list = find(&mut changed, part).expect("a list of the model");
        list.pop();
        std::fs::write(&path, changed.to_string()).unwrap();
        let error = linear!().load(&path).expect_err(part);
        assert_eq!(error.kind(), ErrorKind::Model, "{part}: {error}");
    }
}

/// The list by this name beside the coefficients, wherever the file holds it.
fn find<'a>(
    value: &'a mut serde_json::Value,
    name: &str,
) -> Option<&'a mut Vec<serde_json::Value>> {
    if value.get("coefficients").is_some() {
        return value.get_mut(name)?.as_array_mut();
    }
    match value {
        serde_json::Value::Object(fields) => {
            fields.values_mut().find_map(|value| find(value, name))
        }
        serde_json::Value::Array(values) => values.iter_mut().find_map(|value| find(value, name)),
        _ => None,
    }
}

/// Parameters stand in the table as they were given.
#[test]
fn large_parameters_stand_in_the_table_as_they_are() {
    let rows = df![
        "x" => (0..60).map(|at| f64::from(at * 7 % 13)).collect::<Vec<_>>(),
        "y" => (0..60).map(|at| at * 11 % 3 == 0).collect::<Vec<_>>(),
    ]
    .unwrap();
    let study = floe::from(InMemory::new(rows))
        .split(TrainTestSplit::new(0.25).seed(1))
        .sweep(
            StratifiedKFold::new(3, "y").seed(1),
            Candidates::axis("c", [1.0, 0.5]).cross("seed", [u64::MAX, 1]),
            |flow, (c, _)| flow.learn(LogisticRegression::new(["x"], "y").c(*c)),
        )
        .run()
        .unwrap();
    let table = study.table().unwrap();
    let seeds = table.column("seed").unwrap();
    assert_eq!(seeds.dtype(), &DataType::UInt64);
    assert_eq!(seeds.u64().unwrap().max(), Some(u64::MAX));
}

/// Beside such weights any gradient looked like rounding, and the model was all zeros.
#[test]
fn weights_beyond_what_can_be_squared_are_refused_by_logistic_regression() {
    let learn = |scale: f64| {
        let rows = df![
            "x" => (0..40).map(|at| f64::from(at * 7 % 13)).collect::<Vec<_>>(),
            "y" => (0..40).map(|at| at * 7 % 13 + at % 5 > 8).collect::<Vec<_>>(),
            "w" => (0..40).map(|at| scale * f64::from(1 + at % 3)).collect::<Vec<_>>(),
        ]
        .unwrap();
        let model = floe::from_train(InMemory::new(rows))
            .learn(LogisticRegression::new(["x"], "y").weights("w"))
            .fit()?;
        Ok::<f64, floe::Error>(model.predictor().coefficients()[0][0])
    };
    let error = learn(1e306).expect_err("too heavy");
    assert_eq!(error.kind(), ErrorKind::Fit);
    assert!(error.to_string().contains("weigh"), "{error}");
    // What may be: the penalty no longer counts, and more weight changes nothing.
    let (heavy, heavier) = (learn(1e100).unwrap(), learn(1e140).unwrap());
    assert!(
        heavy > 0.1 && (heavy - heavier).abs() < 1e-9 * heavy,
        "{heavy} {heavier}"
    );
}

/// A target of categories is not told to be numeric.
#[test]
fn a_categorical_target_is_told_to_be_cast_to_text() {
    let rows = df!["x" => [1.0, 2.0, 3.0, 4.0], "y" => ["a", "b", "a", "b"]].unwrap();
    let categories = DataType::from_categories(Categories::global());
    let rows = rows.lazy().with_columns([col("y").cast(categories)]);
    let error = floe::from_train(InMemory::new(rows.collect().unwrap()))
        .learn(GaussianNB::new(["x"], "y"))
        .fit()
        .expect_err("no numbers");
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("String"), "{error}");
}
