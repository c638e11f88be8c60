//! Lasso and ElasticNet through a whole flow: settings, dtypes, folds, the report and the model file.
//! That their numbers are right is in `expected.rs` and beside the solver.

use floe::estimator::LinearModel;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{Error, ErrorKind};
use proptest::prelude::*;

use crate::support::collect;

const FAR: i64 = 1 << 60;

fn rows() -> DataFrame {
    df![
        "x" => [1i64, 2, 4, 3, 6, 5],
        "far" => [FAR, FAR + 1, FAR + 5, FAR + 2, FAR + 3, FAR + 9],
        "near" => [0i64, 1, 5, 2, 3, 9],
        "flat" => [FAR; 6],
        "gap" => [Some(1.0), None, Some(2.0), Some(5.0), Some(4.0), Some(3.0)],
        "y" => [1.0, 5.0, 6.0, 8.0, 9.0, 13.0],
    ]
    .expect("a frame")
}

fn learn<E: Estimator<Model = LinearModel>>(estimator: E) -> Result<LinearModel, Error> {
    learn_from(rows(), estimator)
}

fn learn_from<E: Estimator<Model = LinearModel>>(
    rows: DataFrame,
    estimator: E,
) -> Result<LinearModel, Error> {
    let model = floe::from_train(InMemory::new(rows))
        .learn(estimator)
        .fit()?;
    Ok(model.predictor().clone())
}

fn refused<E: Estimator<Model = LinearModel>>(estimator: E, setting: &str) {
    let same = InMemory::new(rows());
    let flow = floe::from_parts(same.clone(), same).learn(estimator);
    let error = flow.check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains(setting), "{error}");
    assert!(error.help().is_some());
}

#[test]
fn settings_that_cannot_work_are_refused_before_a_row_is_read() {
    let lasso = |alpha| Lasso::new(["x"], "y").alpha(alpha);
    let net = ElasticNet::new(["x"], "y").alpha(1.0);
    for none in [-1.0, f64::NAN, f64::INFINITY] {
        refused(lasso(none), "alpha");
        refused(ElasticNet::new(["x"], "y").alpha(none), "alpha");
        refused(net.clone().l1_ratio(none), "l1_ratio");
        refused(lasso(1.0).tol(none), "tol");
        refused(net.clone().tol(none), "tol");
    }
    refused(net.clone().l1_ratio(1.0 + f64::EPSILON), "l1_ratio");
    refused(lasso(1.0).max_iter(0), "max_iter");
    refused(net.max_iter(0), "max_iter");
}

#[test]
fn what_is_no_number_is_refused() {
    let error = learn(Lasso::new(["x", "gap"], "y").alpha(0.1)).unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Fit, Some("gap"))
    );
    let error = learn(Lasso::new(["x", "y"], "y").alpha(0.1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
}

#[test]
fn without_sizes_it_is_the_other_estimators() {
    for intercept in [true, false] {
        let features = ["x", "near"];
        let (mut plain, mut ridge, mut lasso, mut net, mut squares) = (
            LinearRegression::new(features, "y"),
            Ridge::new(features, "y").alpha(6.0 * 0.25),
            Lasso::new(features, "y").alpha(0.0),
            ElasticNet::new(features, "y").alpha(0.0),
            ElasticNet::new(features, "y").alpha(0.25).l1_ratio(0.0),
        );
        if !intercept {
            plain = plain.without_intercept();
            ridge = ridge.without_intercept();
            lasso = lasso.without_intercept();
            net = net.without_intercept();
            squares = squares.without_intercept();
        }
        let plain = learn(plain).unwrap();
        assert_eq!(learn(lasso).unwrap(), plain);
        assert_eq!(learn(net).unwrap(), plain);
        // Six rows: Ridge's alpha is not per row.
        assert_eq!(learn(squares).unwrap(), learn(ridge).unwrap());
    }
    let error = learn(Lasso::new(["x", "flat"], "y").alpha(0.0)).unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Fit, Some("flat"))
    );
    assert!(error.help().is_some_and(|help| help.contains("alpha")));
}

#[test]
fn a_large_penalty_leaves_the_mean() {
    let model = learn(Lasso::new(["x", "near"], "y").alpha(1e6)).unwrap();
    assert_eq!(model.zeros().collect::<Vec<_>>(), ["x", "near"]);
    assert!((model.intercept() - 7.0).abs() < 1e-14, "{model:?}");
    let fit = model.fit_report();
    let descent = fit.descent.as_ref().expect("a descent");
    assert_eq!((descent.iterations, descent.dual_gap), (1, 0.0));
    let scored = model.report();
    assert_eq!(
        scored["zero_coefficients"],
        serde_json::json!(["x", "near"])
    );
    assert_eq!(scored["iterations"], 1);
    assert_eq!(scored["dual_gap"], 0.0);
}

#[test]
fn integers_that_no_float_tells_apart_are_learned_from() {
    let far = learn(Lasso::new(["x", "far", "flat"], "y").alpha(0.25)).unwrap();
    let near = learn(Lasso::new(["x", "near"], "y").alpha(0.25)).unwrap();
    assert_eq!(far.coefficients()[..2], *near.coefficients());
    assert_eq!(far.coefficients()[2].to_bits(), 0);
    assert_eq!((far.fit_report().rank, far.fit_report().rows), (2, 6));
    let predicted = far.predict(rows().lazy()).and_then(collect).unwrap();
    let alike = near.predict(rows().lazy()).and_then(collect).unwrap();
    let column = |frame: &DataFrame| frame.column("prediction").unwrap().clone();
    assert_eq!(column(&predicted), column(&alike));
}

#[test]
fn too_few_passes_say_what_to_do() {
    let estimator = Lasso::new(["x", "near"], "y").alpha(1e-3).max_iter(1);
    let error = learn(estimator.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fit);
    assert!(error.to_string().contains("after 1 passes"), "{error}");
    assert!(error.help().is_some_and(|help| help.contains("max_iter")));
    learn(estimator.max_iter(1000)).unwrap();
}

#[test]
fn folds_learn_what_their_rows_say() {
    let height = 60;
    let x: Vec<f64> = (0..height).map(|row| f64::from(row * 7919 % 101)).collect();
    let z: Vec<f64> = (0..height)
        .map(|row| f64::from(row * 104_729 % 97))
        .collect();
    let y: Vec<f64> = x
        .iter()
        .zip(&z)
        .map(|(x, z)| 2.0 * x - z + (x * z).sin())
        .collect();
    let rows = df!["x" => x, "z" => z, "y" => y].unwrap();
    let estimator = ElasticNet::new(["x", "z"], "y").alpha(3.0).l1_ratio(0.7);
    let run = floe::from(InMemory::new(rows.clone()))
        .split(KFold::new(3).in_order())
        .learn(estimator.clone())
        .run()
        .unwrap();
    let models = run.models();
    assert_eq!(models.len(), 3);
    for (fold, model) in models.iter().enumerate() {
        let others: BooleanChunked = (0..60).map(|row| Some(row / 20 != fold)).collect();
        let alone = learn_from(rows.filter(&others).unwrap(), estimator.clone()).unwrap();
        let found = model.predictor();
        for (found, alone) in found.coefficients().iter().zip(alone.coefficients()) {
            assert!((found / alone - 1.0).abs() < 1e-12, "{found} {alone}");
        }
        assert!((found.intercept() - alone.intercept()).abs() < 1e-10);
        assert_eq!(found.fit_report().rows, 40);
    }
}

#[test]
fn a_saved_model_is_loaded_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let same = InMemory::new(rows());
    let flow = floe::from_parts(same.clone(), same.clone())
        .then(MinMaxScaler::new(["far"]))
        .learn(Lasso::new(["far", "x"], "y").alpha(0.1));
    let run = flow.run().unwrap();
    run.model().save(&path).unwrap();
    let loaded = flow.load(&path).unwrap();
    assert_eq!(loaded.predictor(), run.model().predictor());
    assert!(loaded.predictor().fit_report().descent.is_some());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"descent\""), "{text}");
    // What has a closed form writes what it wrote before there was a descent.
    let plain = floe::from_parts(same.clone(), same).learn(Ridge::new(["x"], "y"));
    plain.fit().unwrap().save(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("descent"), "{text}");
}

#[test]
fn the_label_says_what_is_penalised() {
    let lasso = Lasso::new(["x"], "y").alpha(0.5).without_intercept();
    assert_eq!(
        format!("{lasso:?}"),
        r#"Lasso(["x"] -> "y", alpha: 0.5, without intercept)"#
    );
    let net = ElasticNet::new(["x"], "y")
        .alpha(0.5)
        .tol(1e-4)
        .max_iter(1000);
    assert_eq!(
        format!("{net:?}"),
        r#"ElasticNet(["x"] -> "y", alpha: 0.5, l1_ratio: 0.5, tol: 1e-4, max_iter: 1000)"#
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any one coefficient moved by itself, up or down, makes the objective larger.
    #[test]
    fn no_neighbour_is_better(
        rows in prop::collection::vec([-9..10_i32, -9..10, -9..10, -9..10], 2..30),
        alpha in 0.01..3.0_f64,
        l1_ratio in 0.05..=1.0_f64,
    ) {
        let column = |at: usize| -> Vec<f64> { rows.iter().map(|row| f64::from(row[at])).collect() };
        let frame = df!["a" => column(0), "b" => column(1), "c" => column(2), "y" => column(3)].unwrap();
        let net = ElasticNet::new(["a", "b", "c"], "y").alpha(alpha).l1_ratio(l1_ratio);
        let model = learn_from(frame, net).unwrap();
        let count = f64::from(u32::try_from(rows.len()).unwrap());
        let objective = |w: &[f64], intercept: f64| {
            let squares: f64 = rows
                .iter()
                .map(|row| {
                    let terms = row.iter().zip(w).map(|(x, w)| f64::from(*x) * w);
                    (f64::from(row[3]) - intercept - terms.sum::<f64>()).powi(2)
                })
                .sum();
            let sizes: f64 = w.iter().map(|w| w.abs()).sum();
            let lengths: f64 = w.iter().map(|w| w * w).sum();
            squares / (2.0 * count) + alpha * (l1_ratio * sizes + (1.0 - l1_ratio) / 2.0 * lengths)
        };
        let best = objective(model.coefficients(), model.intercept());
        for by in [-1e-3, 1e-3, -0.1, 0.1] {
            for at in 0..3 {
                let mut other = model.coefficients().to_vec();
                other[at] += by;
                prop_assert!(objective(&other, model.intercept()) >= best * (1.0 - 1e-12));
            }
            prop_assert!(objective(model.coefficients(), model.intercept() + by) > best);
        }
    }
}
