//! Features that depend on each other, too few rows, no intercept.
//!
//! Expected minimum-norm answers: NumPy 2.4.6, `numpy.linalg.lstsq(X - X.mean(0), y - y.mean())`,
//! intercept `y.mean() - X.mean(0) @ coef`, as scikit-learn does it; without an intercept
//! `numpy.linalg.lstsq(X, y)`.

use floe::estimator::LinearModel;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::{Error, ErrorKind};

use crate::support::{integer_dtypes, physical};

/// `c` is a + 2b, `d` a constant.
fn rows() -> DataFrame {
    df![
        "a" => [1i64, 2, 3, 4, 5, 7],
        "b" => [2.0, 1.0, 4.0, 3.0, 6.0, 5.0],
        "c" => [5i32, 4, 11, 10, 17, 17],
        "d" => [3.0f32; 6],
        "y" => [1u8, 2, 2, 5, 4, 8],
    ]
    .expect("a frame")
}

fn learn(rows: DataFrame, estimator: LinearRegression) -> Result<LinearModel, Error> {
    let same = InMemory::new(rows);
    let run = floe::from_parts(same.clone(), same)
        .learn(estimator)
        .run()?;
    Ok(run.model().predictor().clone())
}

fn of(features: &[&str]) -> LinearRegression {
    LinearRegression::new(features.to_vec(), "y")
}

fn check(
    rows: DataFrame,
    estimator: LinearRegression,
    coefficients: &[f64],
    intercept: f64,
    rank: usize,
) {
    let model = learn(rows, estimator.clone()).expect("a model");
    let close = |found: f64, expected: f64| (found - expected).abs() < 1e-13;
    let pairs = model.coefficients().iter().zip(coefficients);
    assert_eq!(model.coefficients().len(), coefficients.len());
    for (found, expected) in pairs {
        assert!(close(*found, *expected), "{estimator:?} {model:?}");
    }
    assert!(
        close(model.intercept(), intercept),
        "{estimator:?} {model:?}"
    );
    assert_eq!(model.fit_report().rank, rank, "{estimator:?}");
}

/// The features that the error names.
fn refused(rows: DataFrame, features: &[&str], column: Option<&str>, named: &[&str]) {
    let error = learn(rows, of(features)).expect_err("an error");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Fit, column),
        "{error}"
    );
    let text = error.to_string();
    for name in features {
        let is_named = text.contains(&format!("`{name}`"));
        // The step's own label lists every feature in quotes, the message in backticks.
        assert_eq!(is_named, named.contains(name), "{name}: {text}");
    }
    assert!(text.contains("RankPolicy::MinimumNorm"), "{text}");
}

#[test]
fn dependent_features_are_refused_by_name() {
    // Any one of the three follows from the other two; exactly one is named.
    let error = learn(rows(), of(&["a", "b", "c"])).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Fit);
    assert!(
        ["a", "b", "c"].contains(&error.column().expect("one column")),
        "{error}"
    );
    assert!(
        error
            .help()
            .is_some_and(|help| help.contains("RankPolicy::MinimumNorm"))
    );
    refused(rows(), &["a", "b", "d"], Some("d"), &["d"]);
    // A copy, far away and in other units, is still a copy.
    let copy = rows()
        .lazy()
        .with_columns([(col("b") * lit(1e-9) + lit(1e6)).alias("e")]);
    let copy = copy.collect().expect("rows");
    refused(copy.clone(), &["a", "d"], Some("d"), &["d"]);
    // The sum is rounded to 1e-10, a tenth of what `b` moves it by: it is a feature of its own now.
    learn(copy, of(&["a", "b", "e"])).expect("rounding made it independent");
    // Fewer rows than unknowns: two rows determine a slope and the intercept.
    let few = rows().head(Some(2));
    let error = learn(few.clone(), of(&["a", "b"])).expect_err("an error");
    assert!(error.to_string().contains("2 train rows"), "{error}");
    learn(few, of(&["a"])).expect("a line through two points");
    let error = learn(rows().head(Some(0)), of(&["a"])).expect_err("an error");
    assert!(error.to_string().contains("no train row"), "{error}");
}

#[test]
fn the_minimum_norm_answer_is_numpys() {
    let minimum = |features: &[&str]| of(features).rank(RankPolicy::MinimumNorm);
    let three = [
        1.502735229759301,
        -0.725_382_932_166_301_7,
        0.051_969_365_426_695_835,
    ];
    let intercept = 0.141_137_855_579_863_03;
    check(rows(), minimum(&["a", "b", "c"]), &three, intercept, 2);
    let four = [three[0], three[1], three[2], 0.0];
    check(rows(), minimum(&["a", "b", "c", "d"]), &four, intercept, 2);
    // Without an intercept the constant is a feature like any other.
    let through_origin = [
        1.501_840_490_797_546_2,
        -0.720_245_398_773_006_1,
        0.061_349_693_251_533_39,
    ];
    check(
        rows(),
        minimum(&["a", "b", "c"]).without_intercept(),
        &through_origin,
        0.0,
        2,
    );
    let with_constant = [three[0], three[1], three[2], 0.047_045_951_859_956_47];
    check(
        rows(),
        minimum(&["a", "b", "c", "d"]).without_intercept(),
        &with_constant,
        0.0,
        3,
    );
    // More features than rows.
    let wide = df![
        "a" => [1.0, 2.0, 3.0], "b" => [2.0, 1.0, 4.0], "c" => [1.0, 0.0, 2.0], "d" => [5.0, 1.0, 1.0],
        "y" => [1.0, 2.0, 2.0],
    ];
    let expected = [0.072, -0.008, -0.024, -0.224];
    check(
        wide.expect("a frame"),
        minimum(&["a", "b", "c", "d"]),
        &expected,
        2.088,
        2,
    );
    // Where nothing is dependent the policy changes nothing.
    let plain = learn(rows(), of(&["a", "b"])).expect("a model");
    assert_eq!(plain, learn(rows(), minimum(&["a", "b"])).expect("a model"));
}

#[test]
fn without_an_intercept_the_line_goes_through_the_origin() {
    let expected = [1.563_190_184_049_079_6, -0.597_546_012_269_938_1];
    check(
        rows(),
        of(&["a", "b"]).without_intercept(),
        &expected,
        0.0,
        2,
    );
    let model = learn(rows(), of(&["d"]).without_intercept()).expect("a model");
    // A constant alone says the mean: 22/6 in units of 3.
    assert!((model.coefficients()[0] - 22.0 / 18.0).abs() < 1e-15);
}

#[test]
fn gaps_in_features_or_target_are_refused_with_their_count() {
    let with = |name: &str, value: Expr| {
        let gap = when(col("a").lt(lit(3)))
            .then(value)
            .otherwise(col(name).cast(DataType::Float64));
        let rows = rows().lazy().with_columns([gap.alias(name)]);
        rows.collect().expect("rows")
    };
    for (value, what) in [
        (lit(NULL), "2 of the train rows are null"),
        (lit(f64::NAN), "2 of the train rows are NaN"),
        (lit(f64::INFINITY), "2 of the train rows are infinite"),
    ] {
        for name in ["b", "y"] {
            let error = learn(with(name, value.clone()), of(&["a", "b"])).expect_err("an error");
            assert_eq!(
                (error.kind(), error.column()),
                (ErrorKind::Fit, Some(name)),
                "{error}"
            );
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}

#[test]
fn every_numeric_dtype_is_a_feature_and_a_target() {
    for (dtype, low, _) in integer_dtypes() {
        let from = low.max(-50);
        let steps = if dtype == DataType::Boolean { 2 } else { 6 };
        let x: Vec<_> = (0..steps).map(|step| Some(from + step)).collect();
        let y: Vec<f64> = (0..steps).map(|step| 2.0 * step as f64 + 1.0).collect();
        let x = physical(&dtype, &x);
        let floats = x.cast(&DataType::Float64).expect("floats");
        let unit = floats.f64().expect("floats").get(1).expect("a value")
            - floats.f64().expect("floats").get(0).expect("a value");
        let rows = df!["x" => x, "y" => y].expect("a frame");
        let close = |found: f64, expected: f64| (found - expected).abs() <= 1e-9 * expected.abs();
        for (feature, target, slope) in [("x", "y", 2.0 / unit), ("y", "x", unit / 2.0)] {
            let same = InMemory::new(rows.clone());
            let run = floe::from_parts(same.clone(), same)
                .learn(LinearRegression::new([feature], target))
                .run()
                .unwrap_or_else(|error| panic!("{dtype}: {error}"));
            let found = run.model().predictor().coefficients()[0];
            assert!(close(found, slope), "{dtype} {found} {slope}");
            let r2 = run.metrics().r2().expect("r2");
            assert!(close(r2, 1.0), "{dtype} {r2}");
        }
    }
}

#[test]
fn a_sum_of_squares_beyond_the_largest_number_comes_back_from_a_file() {
    let x: Vec<f64> = (0..20).map(f64::from).collect();
    let y: Vec<f64> = (0..20).map(|i| 1e200 * f64::from(i * 7 % 5)).collect();
    let flow = floe::from_train(InMemory::new(df!["x" => x, "y" => y].expect("a frame")))
        .learn(LinearRegression::new(["x"], "y"));
    let model = flow.fit().expect("a model");
    let fit = model.predictor().fit_report();
    assert_eq!(fit.residual_sum_of_squares, f64::INFINITY);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.json");
    model.save(&path).expect("saved");
    let again = flow.load(&path).expect("loaded");
    assert_eq!(again.predictor(), model.predictor());
}

/// A line through integers that lie close together and far from zero: the exact fit must predict
/// exactly too, though the intercept alone cannot say it.
#[test]
fn wide_integers_are_predicted_as_exactly_as_they_are_fitted() {
    let far: [Column; 2] = [
        Column::new(
            "x".into(),
            (0..40_u64).map(|i| (1 << 63) + 10 * i).collect::<Vec<_>>(),
        ),
        Column::new(
            "x".into(),
            (0..40_i64)
                .map(|i| 1_700_000_000_000_000_000 + 1000 * i)
                .collect::<Vec<_>>(),
        ),
    ];
    for x in far {
        let y = Column::new(
            "y".into(),
            (0..40)
                .map(|i| f64::from(i) * 0.5 + 3.0)
                .collect::<Vec<f64>>(),
        );
        let rows = InMemory::new(DataFrame::new(40, vec![x, y]).unwrap());
        let flow = floe::from(rows)
            .split(TrainTestSplit::new(0.25))
            .learn(LinearRegression::new(["x"], "y"));
        let run = flow.run().unwrap();
        assert!(
            run.metrics().get("max_error").unwrap() < 1e-12,
            "{}",
            run.metrics()
        );
    }
}
