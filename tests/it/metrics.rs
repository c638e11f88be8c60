//! Metrics where plain arithmetic has no answer: a reason instead of a number, and never an error
//! for rows that are fine.

use floe::metric::Metrics;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{Error, ErrorKind};

/// Scores the mean of `train` against the truths in `test`.
fn score(train: &[f64], test: &[f64]) -> Result<Metrics, Error> {
    let rows = |values: &[f64]| InMemory::new(df!["y" => values].expect("a frame"));
    let flow = floe::from_parts(rows(train), rows(test)).learn(MeanRegressor::new("y"));
    let run = flow.run()?;
    // Another source has no row numbers, and the same metrics.
    let again = run.model().evaluate(rows(test))?;
    assert_eq!(&again, run.metrics());
    Ok(again)
}

fn reason<'a>(metrics: &'a Metrics, name: &str) -> Option<&'a str> {
    let metric = metrics.iter().find(|metric| metric.name == name)?;
    assert!(metric.value.is_none() || metric.reason.is_none());
    metric.reason.as_deref()
}

#[test]
fn a_zero_truth_leaves_only_mape_undefined() {
    let metrics = score(&[1.0, 3.0], &[0.0, 1.0, 3.0]).expect("metrics");
    assert_eq!(reason(&metrics, "mape"), Some("a truth is zero"));
    assert_eq!(metrics.get("mae"), Some(4.0 / 3.0));
    assert_eq!(metrics.get("mse"), Some(2.0));
    // 0 / 0 is as undefined as 2 / 0.
    let metrics = score(&[-1.0, 1.0], &[0.0, -0.0, 4.0]).expect("metrics");
    assert_eq!(reason(&metrics, "mape"), Some("a truth is zero"));
    let metrics = score(&[2.0], &[1.0, 4.0]).expect("metrics");
    assert_eq!(metrics.get("mape"), Some(0.75));
}

#[test]
fn what_overflows_is_undefined_and_not_left_out() {
    let metrics = score(&[0.0], &[1e200, 2.0]).expect("metrics");
    for name in ["mse", "rmse", "r2"] {
        let reason = reason(&metrics, name);
        assert_eq!(
            reason,
            Some("a squared error is beyond the largest number"),
            "{name}"
        );
    }
    assert_eq!(metrics.get("max_error"), Some(1e200));
    let reason_of_share = reason(&metrics, "explained_variance");
    assert_eq!(reason_of_share, Some("the truth varies too widely"));
    let metrics = score(&[1e10], &[1e-300, 1.0]).expect("metrics");
    let reason = reason(&metrics, "mape");
    assert_eq!(
        reason,
        Some("a relative error is beyond the largest number")
    );
}

#[test]
fn an_infinite_truth_is_an_error_with_its_count() {
    let error = score(&[1.0], &[1.0, f64::INFINITY]).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Score);
    let text = error.to_string();
    assert!(text.contains("1 of the errors are infinite"), "{text}");
}

#[test]
fn a_constant_truth_and_no_rows_leave_r2_undefined() {
    let metrics = score(&[1.0], &[2.0, 2.0]).expect("metrics");
    assert_eq!(reason(&metrics, "r2"), Some("the truth is constant"));
    assert_eq!(metrics.get("rmse"), Some(1.0));
    let metrics = score(&[1.0], &[]).expect("metrics");
    assert_eq!((metrics.rows(), metrics.get("mse")), (0, None));
    assert!(reason(&metrics, "mse").is_some() && reason(&metrics, "r2").is_some());
}

#[test]
fn a_truth_that_is_no_number_is_an_error() {
    let rows = InMemory::new(df!["y" => [1.0, 3.0]].expect("a frame"));
    let flow = floe::from_train(rows).learn(MeanRegressor::new("y"));
    let texts = InMemory::new(df!["y" => ["2", "many"]].expect("a frame"));
    let error = flow.fit().and_then(|model| model.evaluate(texts));
    let error = error.expect_err("an error");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("y"))
    );
}

#[test]
fn baselines_predict_a_decimal_in_its_own_numbers() {
    let cents = df!["y" => [100_i64, 300, 500]].expect("a frame").lazy();
    let decimal = col("y").cast(DataType::Decimal(10, 2));
    let rows = InMemory::new(cents.select([decimal]).collect().expect("decimals"));
    let flow = floe::from_train(rows);
    let mean = flow
        .clone()
        .learn(MeanRegressor::new("y"))
        .fit()
        .expect("a model");
    assert_eq!(mean.predictor().value(), 300.0);
    let median = flow
        .learn(MedianRegressor::new("y"))
        .fit()
        .expect("a model");
    assert_eq!(median.predictor().value(), 300.0);
}

#[test]
fn a_run_without_test_rows_warns() {
    let rows = InMemory::new(df!["y" => [1.0, 2.0, 3.0]].expect("a frame"));
    let split = TrainTestSplit::new(1e-300).stable();
    let flow = floe::from(rows).split(split).learn(MeanRegressor::new("y"));
    let run = flow.run().expect("a run");
    assert_eq!(run.metrics().rows(), 0);
    assert_eq!(
        run.warnings(),
        ["there are no test rows, so nothing was scored"]
    );
}

/// Scores a constant prediction of 1e6 + 3 against truths near it.
fn weighed(weights: &[Option<f64>]) -> Result<Metrics, Error> {
    let train = df!["y" => [1e6 + 3.0], "w" => [1.0]].expect("a frame");
    let truths = [1.0, 2.0, 4.0, -3.0, 7.0].map(|far| Some(1e6 + far));
    // A row without a truth is not scored, whatever its weight.
    let truths: Vec<_> = truths.into_iter().chain([None]).collect();
    let weights: Vec<_> = weights.iter().copied().chain([None]).collect();
    let test = df!["y" => truths, "w" => weights].expect("a frame");
    let metrics = RegressionMetrics::new().with_median_absolute_error();
    let run = floe::from_parts(InMemory::new(train), InMemory::new(test))
        .role("w", Role::Weight)
        .learn(MeanRegressor::new("y"))
        .score_with(metrics)
        .run()?;
    Ok(run.metrics().clone())
}

#[test]
fn errors_weigh_by_the_column_of_that_role() {
    let metrics = weighed(&[1.0, 0.0, 2.5, 0.5, 3.0].map(Some)).expect("metrics");
    assert_eq!((metrics.rows(), metrics.skipped()), (5, 1));
    assert_eq!(metrics.weight(), Some("w"));
    // What scikit-learn 1.9.1 says with these as `sample_weight`.
    for (name, expected) in [
        ("r2", -0.21629718394248054),
        ("mse", 10.357142857142858),
        ("mae", 2.7857142857142856),
        ("mean_error", -1.3571428571428572),
        ("explained_variance", 0.0),
        ("mape", 2.7857018572367137e-06),
        ("max_error", 6.0),
    ] {
        let found = metrics.get(name).expect(name);
        assert!((found - expected).abs() < 1e-12, "{name} {found}");
    }
    assert!(reason(&metrics, "median_absolute_error").is_some());
    // Rows of one weight weigh as rows without.
    let alike = weighed(&[Some(2.0); 5]).expect("metrics");
    let plain = score(
        &[1e6 + 3.0],
        &[1.0, 2.0, 4.0, -3.0, 7.0].map(|far| 1e6 + far),
    );
    for metric in plain.expect("metrics").iter() {
        let (found, expected) = (alike.get(&metric.name), metric.value);
        let off = (found.expect("a value") - expected.expect("a value")).abs();
        assert!(off < 1e-12, "{} {off}", metric.name);
    }
    let weightless = weighed(&[Some(0.0); 5]).expect("metrics");
    let told = Some("no scored row has a weight above 0");
    assert_eq!(reason(&weightless, "mae"), told);
    for wrong in [None, Some(-1.0), Some(f64::NAN), Some(f64::INFINITY)] {
        let error = weighed(&[Some(1.0), Some(1.0), wrong, Some(1.0), Some(1.0)]);
        assert_eq!(error.expect_err("no weight").kind(), ErrorKind::Score);
    }
    let heavy = weighed(&[Some(f64::MAX); 5]).expect("metrics");
    let told = Some("it is beyond the largest number");
    assert_eq!(reason(&heavy, "mae"), told);
}
