//! Ridge through a whole flow: settings, dtypes, and its model file. That its numbers are right is in
//! `expected.rs` and beside the solver.

use floe::estimator::LinearModel;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{Error, ErrorKind};

const FAR: i64 = 1 << 60;

fn rows() -> DataFrame {
    df![
        "x" => [1i64, 2, 4, 3, 6, 5],
        "far" => [FAR, FAR + 1, FAR + 5, FAR + 2, FAR + 3, FAR + 9],
        "near" => [0i64, 1, 5, 2, 3, 9],
        "flat" => [FAR; 6],
        "y" => [1.0, 5.0, 6.0, 8.0, 9.0, 13.0],
    ]
    .expect("a frame")
}

fn learn<E: Estimator<Model = LinearModel>>(estimator: E) -> Result<LinearModel, Error> {
    let same = InMemory::new(rows());
    let run = floe::from_parts(same.clone(), same)
        .learn(estimator)
        .run()?;
    Ok(run.model().predictor().clone())
}

#[test]
fn a_penalty_that_is_none_is_refused_before_a_row_is_read() {
    for alpha in [-1.0, f64::NAN, f64::INFINITY] {
        let same = InMemory::new(rows());
        let flow = floe::from_parts(same.clone(), same).learn(Ridge::new(["x"], "y").alpha(alpha));
        let error = flow.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains("alpha"), "{error}");
    }
}

#[test]
fn no_penalty_is_least_squares_and_as_strict() {
    for intercept in [true, false] {
        let (mut plain, mut ridge) = (
            LinearRegression::new(["x", "near"], "y"),
            Ridge::new(["x", "near"], "y").alpha(0.0),
        );
        if !intercept {
            (plain, ridge) = (plain.without_intercept(), ridge.without_intercept());
        }
        assert_eq!(learn(plain).unwrap(), learn(ridge).unwrap());
    }
    let error = learn(Ridge::new(["x", "flat"], "y").alpha(0.0)).unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Fit, Some("flat"))
    );
    assert!(error.help().is_some_and(|help| help.contains(".alpha(")));
}

#[test]
fn integers_that_no_float_tells_apart_are_learned_from() {
    let far = learn(Ridge::new(["x", "far", "flat"], "y")).unwrap();
    let near = learn(Ridge::new(["x", "near"], "y")).unwrap();
    assert_eq!(far.coefficients()[..2], *near.coefficients());
    assert_eq!(far.coefficients()[2].to_bits(), 0);
    assert_eq!((far.fit_report().rank, far.fit_report().rows), (2, 6));
}

#[test]
fn a_saved_ridge_is_loaded_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let same = InMemory::new(rows());
    let flow = floe::from_parts(same.clone(), same)
        .then(MinMaxScaler::new(["far"]))
        .learn(Ridge::new(["far", "x"], "y").alpha(0.5));
    let run = flow.run().unwrap();
    run.model().save(&path).unwrap();
    let loaded = flow.load(&path).unwrap();
    assert_eq!(loaded.predictor(), run.model().predictor());
}

#[test]
fn the_label_says_what_is_penalised() {
    let ridge = Ridge::new(["x"], "y").alpha(0.5).without_intercept();
    assert_eq!(
        format!("{ridge:?}"),
        r#"Ridge(["x"] -> "y", alpha: 0.5, without intercept)"#
    );
}
