//! Naive Bayes through whole flows; what scikit-learn says is in `expected_classifiers.rs`.

use floe::estimator::GaussianNBModel;
use floe::learn::Category;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::Laws;
use floe::{Error, ErrorKind, Registry};

use crate::support::collect;

fn rows(n: usize) -> DataFrame {
    let class = |at: usize| at * 31 % 7 / 3;
    let value = |at: usize| ((at * 7919) % 101) as f64 / 9.0 + class(at) as f64;
    df![
        "a" => (0..n).map(value).collect::<Vec<_>>(),
        "b" => (0..n).map(|at| (at * 13 % 17 + 2 * class(at)) as i64).collect::<Vec<_>>(),
        "w" => (0..n).map(|at| (at % 4) as i64).collect::<Vec<_>>(),
        "y" => (0..n).map(|at| ["x", "y", "z"][class(at)]).collect::<Vec<_>>(),
    ]
    .unwrap()
}

fn learn(rows: DataFrame, estimator: GaussianNB) -> Result<GaussianNBModel, Error> {
    let model = floe::from_train(InMemory::new(rows))
        .learn(estimator)
        .fit()?;
    Ok(model.predictor().clone())
}

fn plain() -> GaussianNB {
    GaussianNB::new(["a", "b"], "y")
}

fn moments(model: &GaussianNBModel) -> Vec<f64> {
    let mut found = model.priors().to_vec();
    for class in ["x", "y", "z"].map(Category::from) {
        for feature in ["a", "b"] {
            found.push(model.mean(&class, feature).unwrap());
            found.push(model.variance(&class, feature).unwrap());
        }
    }
    found
}

#[test]
fn a_row_of_weight_two_is_two_rows() {
    let weighed = rows(140);
    let repeated: Vec<u32> = (0..140_u32)
        .flat_map(|at| vec![at; (at % 4) as usize])
        .collect();
    let repeated = weighed.take(&IdxCa::from_vec("".into(), repeated)).unwrap();
    // Smoothing goes by the variance of the rows, whatever they weigh.
    let plain = || plain().var_smoothing(0.0);
    let one = moments(&learn(weighed, plain().weights("w")).unwrap());
    let two = moments(&learn(repeated, plain()).unwrap());
    for (one, two) in one.iter().zip(two) {
        assert!((one - two).abs() < 1e-12 * two, "{one} {two}");
    }
}

#[test]
fn far_integers_keep_their_digits_and_priors_are_taken() {
    const FAR: i64 = 1 << 60;
    let far = rows(70)
        .lazy()
        .with_columns([col("b") + lit(FAR)])
        .collect()
        .unwrap();
    let estimator = plain().priors([("z", 0.25), ("x", 0.5), ("y", 0.25)]);
    let near = learn(rows(70), estimator.clone()).unwrap();
    assert_eq!(near.priors(), [0.5, 0.25, 0.25]);
    let of = |model: &GaussianNBModel, rows: DataFrame| {
        let found = model.predict(rows.lazy()).and_then(collect).unwrap();
        let floats = found
            .column("probability_x")
            .unwrap()
            .f64()
            .unwrap()
            .clone();
        floats.iter().flatten().collect::<Vec<f64>>()
    };
    let there = of(&learn(far.clone(), estimator).unwrap(), far);
    for (near, far) in of(&near, rows(70)).iter().zip(there) {
        assert!((near - far).abs() < 1e-13, "{near} {far}");
    }
}

#[test]
fn one_scan_teaches_all_and_the_laws_hold() {
    let both = InMemory::new(rows(90));
    let run = floe::from_parts(both.clone(), both)
        .learn(plain())
        .run()
        .unwrap();
    assert_eq!(
        run.scans()
            .iter()
            .filter(|scan| scan.purpose == "estimator")
            .count(),
        0
    );
    assert_eq!(
        run.scans()
            .iter()
            .filter(|scan| scan.purpose == "level")
            .count(),
        1
    );
    let laws = Laws::new().tolerance(1e-12);
    laws.estimator(&plain(), &rows(60))
        .expect("a lawful estimator");
    laws.estimator(&plain().weights("w"), &rows(60))
        .expect("a lawful estimator");
}

#[test]
fn a_saved_model_is_read_back_and_an_edited_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let flow = floe::from_train(InMemory::new(rows(50))).learn(plain());
    let model = flow.fit().unwrap();
    model.save(&path).unwrap();
    assert_eq!(flow.load(&path).unwrap().predictor(), model.predictor());
    assert_eq!(
        Registry::new().load(&path).unwrap().report(),
        model.report()
    );
    let mut edited = serde_json::to_value(model.predictor()).unwrap();
    edited["variances"][0][0] = serde_json::json!(0.0);
    assert!(serde_json::from_value::<GaussianNBModel>(edited).is_err());
}

#[test]
fn what_cannot_be_learned_from_is_said() {
    let flat = rows(40)
        .lazy()
        .with_columns([lit(2.0).alias("a"), lit(3_i64).alias("b")]);
    let gap = when(col("b").eq(lit(0)))
        .then(lit(NULL))
        .otherwise(col("a"));
    let gap = rows(40)
        .lazy()
        .with_columns([gap.alias("a")])
        .collect()
        .unwrap();
    for (rows, estimator, kind, told) in [
        (
            rows(40),
            plain().var_smoothing(-1.0),
            ErrorKind::Config,
            "var_smoothing",
        ),
        (
            rows(40),
            plain().priors([("x", 0.5), ("y", 0.4)]),
            ErrorKind::Config,
            "sum to 1",
        ),
        (
            rows(40),
            plain().priors([("x", 0.5), ("y", 0.5)]),
            ErrorKind::Fit,
            "priors of the classes",
        ),
        (
            flat.collect().unwrap(),
            plain(),
            ErrorKind::Fit,
            "the variance",
        ),
        (gap, plain(), ErrorKind::Fit, "null"),
        (
            rows(40),
            GaussianNB::new(["a"], "a"),
            ErrorKind::Schema,
            "target",
        ),
    ] {
        let error = learn(rows, estimator).expect_err(told);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
}
