//! The mean of the target of each category: what new rows get, and what train rows may know.

use std::collections::BTreeMap;

use floe::ErrorKind;
use floe::learn::{Category, FitOn};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::Laws;
use floe::transform::BoxTransform;
use floe::transform::encode::TargetEncoding;

use crate::support::collect;

/// Numbers without a pattern (SplitMix64).
fn noise(seed: u64, at: u64) -> u64 {
    let mixed = (at + 1).wrapping_mul(0x9e3779b97f4a7c15) ^ seed.wrapping_mul(0xd6e8feb86659fd93);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
    (mixed ^ (mixed >> 27)).wrapping_mul(0x94d049bb133111eb) >> 11
}

fn unit(seed: u64, at: u64) -> f64 {
    noise(seed, at) as f64 / (1_u64 << 53) as f64
}

/// A target that has nothing to do with a column of many categories.
fn rows(n: u64, categories: u64) -> DataFrame {
    let town = |at| (at % 97 != 5).then(|| format!("t{}", noise(1, at) % categories));
    df![
        "town" => (0..n).map(town).collect::<Vec<_>>(),
        "n" => (0..n).map(|at| (noise(2, at) % 7) as i32).collect::<Vec<_>>(),
        "y" => (0..n).map(|at| unit(3, at) * 10.0).collect::<Vec<_>>(),
        "alive" => (0..n).map(|at| unit(4, at) < 0.4).collect::<Vec<_>>(),
        "count" => (0..n).map(|at| (noise(5, at) % 50) as i64 - 20).collect::<Vec<_>>(),
    ]
    .unwrap()
}

fn fit(step: &TargetEncoder, rows: &DataFrame) -> floe::Result<TargetEncoding> {
    step.fit_on(&floe::train_on(InMemory::new(rows.clone()))?)
}

fn floats(frame: &DataFrame, name: &str) -> Vec<Option<f64>> {
    let column = frame
        .column(name)
        .unwrap()
        .cast(&DataType::Float64)
        .unwrap();
    column.f64().unwrap().iter().collect()
}

fn correlation(a: &[Option<f64>], b: &[Option<f64>]) -> f64 {
    let mean = |x: &[Option<f64>]| x.iter().flatten().sum::<f64>() / x.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| f(a.unwrap() - ma, b.unwrap() - mb))
            .sum()
    };
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

/// What a category gets by the formulas of the documentation.
fn naive(own: &[f64], all: &[f64], smooth: Option<f64>) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let variance = |x: &[f64]| {
        let mean = mean(x);
        x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64
    };
    let (n, prior) = (own.len() as f64, mean(all));
    if let Some(m) = smooth {
        return (own.iter().sum::<f64>() + m * prior) / (n + m);
    }
    let share = n * variance(all) / (n * variance(all) + variance(own));
    share * mean(own) + (1.0 - share) * prior
}

#[test]
fn new_rows_get_the_smoothed_mean_of_all_train_rows() {
    let rows = rows(3000, 40);
    for target in ["y", "alive", "count"] {
        let all: Vec<f64> = floats(&rows, target).into_iter().flatten().collect();
        for smooth in [None, Some(0.0), Some(12.5)] {
            let mut step = TargetEncoder::new(["town", "n"], target).nulls(NullMean::Category);
            if let Some(smooth) = smooth {
                step = step.smooth(smooth);
            }
            let fitted = fit(&step, &rows).unwrap();
            for column in ["town", "n"] {
                let keys = rows
                    .column(column)
                    .unwrap()
                    .cast(&DataType::String)
                    .unwrap();
                let mut groups: BTreeMap<Option<&str>, Vec<f64>> = BTreeMap::new();
                for (key, value) in keys.str().unwrap().iter().zip(&all) {
                    groups.entry(key).or_default().push(*value);
                }
                for (key, own) in groups {
                    let category = key.map(|key| match column {
                        "n" => Category::from(key.parse::<i64>().unwrap()),
                        _ => Category::from(key),
                    });
                    let found = fitted.mean(column, category.as_ref()).unwrap();
                    let expected = naive(&own, &all, smooth);
                    assert!(
                        (found - expected).abs() < 1e-11,
                        "{key:?} {found} {expected}"
                    );
                }
                let prior = all.iter().sum::<f64>() / all.len() as f64;
                assert!((fitted.prior(column).unwrap() - prior).abs() < 1e-11);
            }
        }
    }
}

#[test]
fn the_estimate_of_empirical_bayes_keeps_its_digits_far_from_zero() {
    let near = df!["g" => ["a", "a", "b", "b", "b", "a"], "y" => [1.0, 2.0, 3.0, 5.0, 4.0, 1.5]];
    let near = near.unwrap();
    let far = near
        .clone()
        .lazy()
        .with_columns([col("y") + lit(1e9)])
        .collect()
        .unwrap();
    let [near, far] = [near, far].map(|rows| fit(&TargetEncoder::new("g", "y"), &rows).unwrap());
    for category in ["a", "b"].map(Category::from) {
        let of = |fitted: &TargetEncoding| fitted.mean("g", Some(&category)).unwrap();
        assert!((of(&far) - 1e9 - of(&near)).abs() < 1e-6);
    }
}

#[test]
fn train_rows_do_not_see_their_own_target() {
    let rows = rows(4000, 1500);
    let train = floe::train_on(InMemory::new(rows.clone())).unwrap();
    let step = TargetEncoder::new(["town"], "y").smooth(0.0);
    let fitted = step.fit_on(&train).unwrap();
    let target = floats(&rows, "y");
    let leaked = collect(fitted.apply(rows.clone().lazy()).unwrap()).unwrap();
    assert!(correlation(&floats(&leaked, "town"), &target) > 0.5);
    let crossed = collect(fitted.encode_train(&train).unwrap()).unwrap();
    let found = correlation(&floats(&crossed, "town"), &target);
    assert!(found.abs() < 0.1, "{found}");
    assert_eq!(crossed.width(), rows.width());

    // Another target of one row moves what others get, and its own by no bit.
    for at in [0_usize, 7, 1234] {
        for (smooth, moved) in [(Some(3.0), 1e6), (None, -1e5)] {
            let mut step = TargetEncoder::new(["town", "n"], "y").seed(9);
            if let Some(smooth) = smooth {
                step = step.smooth(smooth);
            }
            let encoded = |y: Vec<f64>| {
                let rows = rows
                    .clone()
                    .lazy()
                    .drop(by_name(["y"], true, false))
                    .collect();
                let rows = rows.unwrap().hstack(&[Column::new("y".into(), y)]).unwrap();
                let train = floe::train_on(InMemory::new(rows)).unwrap();
                let fitted = step.fit_on(&train).unwrap();
                collect(fitted.encode_train(&train).unwrap()).unwrap()
            };
            let y: Vec<f64> = target.iter().flatten().copied().collect();
            let mut other = y.clone();
            other[at] += moved;
            let (before, after) = (encoded(y), encoded(other));
            for column in ["town", "n"] {
                let [before, after] = [&before, &after].map(|frame| floats(frame, column));
                let bits = |x: &[Option<f64>]| x[at].unwrap().to_bits();
                assert_eq!(bits(&before), bits(&after));
                assert_ne!(before, after);
            }
        }
    }
}

#[test]
fn a_flow_learns_from_the_crossed_rows_and_predicts_by_all() {
    let rows = rows(2000, 300);
    let flow = || {
        let flow = floe::from_train(InMemory::new(rows.clone()));
        let flow = flow.then(TargetEncoder::new(["town"], "y").smooth(1.0));
        flow.learn(LinearRegression::new(["town"], "y"))
    };
    let explain = flow().explain().unwrap();
    assert_eq!((explain.levels.len(), explain.levels[0].scans), (2, 1));
    let model = flow().fit().unwrap();
    // By its own mean a town would explain the target with a slope near one.
    assert!(model.predictor().coefficients()[0].abs() < 0.4);
    let new = rows.clone().lazy().drop(by_name(["y"], true, false));
    let predicted = collect(model.predict(new).unwrap()).unwrap();
    let encoded = collect(model.pipeline().apply(rows.clone().lazy()).unwrap()).unwrap();
    let line = model.predictor();
    for (found, town) in floats(&predicted, "prediction")
        .iter()
        .zip(floats(&encoded, "town"))
    {
        let expected = line.intercept() + line.coefficients()[0] * town.unwrap();
        assert!((found.unwrap() - expected).abs() < 1e-9);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    model.save(&path).unwrap();
    let loaded = flow().load(&path).unwrap();
    let again = floe::Registry::new().load(&path).unwrap();
    for frame in [
        loaded.predict(rows.clone().lazy()),
        again.predict(rows.clone().lazy()),
    ] {
        let found = collect(frame.unwrap()).unwrap();
        assert_eq!(
            floats(&found, "prediction"),
            floats(&predicted, "prediction")
        );
    }
    let erased = vec![BoxTransform::new(
        TargetEncoder::new(["town"], "y").smooth(1.0),
    )];
    let erased = floe::from_train(InMemory::new(rows.clone())).then(erased);
    let erased = erased
        .learn(LinearRegression::new(["town"], "y"))
        .fit()
        .unwrap();
    assert_eq!(erased.predictor(), model.predictor());
}

#[test]
fn each_fold_learns_what_it_would_alone() {
    let rows = rows(3000, 200);
    let folds = KFold::new(4).seed(1);
    let flow = |folds: KFold| {
        let flow = floe::from(InMemory::new(rows.clone())).split(folds);
        flow.then(TargetEncoder::new(["town", "n"], "y"))
            .learn(LinearRegression::new(["town", "n"], "y"))
    };
    let together = flow(folds.clone()).run().unwrap();
    for (fold, model) in together.models().iter().enumerate() {
        let alone = floe::from(InMemory::new(rows.clone())).split(folds.clone().fold(fold));
        let alone = alone.then(TargetEncoder::new(["town", "n"], "y"));
        let alone = alone
            .learn(LinearRegression::new(["town", "n"], "y"))
            .run()
            .unwrap();
        assert_eq!(alone.model().predictor(), model.predictor());
        let [one, two] = [alone.model(), model].map(|model| model.pipeline().steps().clone());
        assert!(one == two);
    }
}

#[test]
fn unknown_categories_and_nulls_follow_the_policy() {
    let rows = df![
        "x" => [Some("a"), Some("b"), None, Some("a"), None, Some("b"), Some("a"), Some("b")],
        "y" => [1, 2, 3, 1, 5, 2, 1, 2],
    ];
    let rows = rows.unwrap();
    let new = df!["x" => [Some("a"), Some("z"), None]].unwrap();
    let x = || TargetEncoder::new(["x"], "y").smooth(0.0).parts(2);
    let of = |step: TargetEncoder| {
        let encoded = collect(fit(&step, &rows)?.apply(new.clone().lazy())?)?;
        Ok::<_, floe::Error>(floats(&encoded, "x"))
    };
    let prior = Some(17.0 / 8.0);
    assert_eq!(of(x()).unwrap(), [Some(1.0), prior, prior]);
    let category = x().nulls(NullMean::Category).unknown(UnknownMean::Null);
    assert_eq!(of(category).unwrap(), [Some(1.0), None, Some(4.0)]);
    assert_eq!(
        of(x().nulls(NullMean::Null)).unwrap(),
        [Some(1.0), prior, None]
    );
    let refused = |step: TargetEncoder, kind, column: Option<&str>| {
        let error = of(step).unwrap_err();
        assert_eq!((error.kind(), error.column()), (kind, column), "{error}");
    };
    refused(x().unknown(UnknownMean::Error), ErrorKind::Apply, Some("x"));
    refused(x().nulls(NullMean::Error), ErrorKind::Fit, Some("x"));
    refused(x().smooth(-1.0), ErrorKind::Config, None);
    refused(x().smooth(f64::NAN), ErrorKind::Config, None);
    refused(x().parts(1), ErrorKind::Config, None);
    refused(x().most(1), ErrorKind::Fit, Some("x"));
    refused(TargetEncoder::new(["y"], "y"), ErrorKind::Config, Some("y"));
    refused(TargetEncoder::new(["y"], "x"), ErrorKind::Schema, Some("x"));
    refused(TargetEncoder::new(["x"], "z"), ErrorKind::Schema, Some("z"));
    let few = fit(&x(), &rows.slice(0, 1)).unwrap_err();
    assert_eq!((few.kind(), few.column()), (ErrorKind::Fit, Some("x")));
    for y in [
        Column::new("y".into(), [Some(1.0), None]),
        Column::new("y".into(), [1.0, f64::INFINITY]),
    ] {
        let rows = df!["x" => ["a", "b"]].unwrap().hstack(&[y]).unwrap();
        let error = fit(&x(), &rows).unwrap_err();
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Fit, Some("y")),
            "{error}"
        );
    }
    // Two equal targets leave no variance to weigh by.
    let same = df!["x" => ["a", "b", "a", "b"], "y" => [2, 2, 2, 2]].unwrap();
    let same = fit(&TargetEncoder::new(["x"], "y").parts(2).seed(1), &same).unwrap();
    assert_eq!(same.mean("x", Some(&Category::from("a"))), Some(2.0));
}

#[test]
fn decimals_are_in_their_own_units() {
    let rows = df!["x" => ["a", "b", "a", "b", "a", "b"], "y" => [100, 250, 300, 350, 200, 300]];
    let rows = rows.unwrap().lazy();
    let rows = rows.with_columns([
        (col("y").cast(DataType::Decimal(10, 2)) / lit(100)).cast(DataType::Decimal(10, 2))
    ]);
    let rows = rows.collect().unwrap();
    let fitted = fit(&TargetEncoder::new(["x"], "y").smooth(0.0).parts(2), &rows).unwrap();
    assert_eq!(fitted.mean("x", Some(&Category::from("b"))), Some(3.0));
}

#[test]
fn encoders_keep_the_laws() {
    let rows = rows(60, 5);
    let step = || TargetEncoder::new(["town", "n"], "y");
    for step in [
        step(),
        step().smooth(2.0).nulls(NullMean::Category),
        step().nulls(NullMean::Null),
    ] {
        Laws::new().step(&step, &rows).expect("a lawful step");
    }
    let exact = Laws::new().tolerance(0.0);
    exact
        .step(&TargetEncoder::new(["town"], "count").smooth(1.0), &rows)
        .expect("a lawful step");
}
