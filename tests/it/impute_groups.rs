//! The most frequent value, and what the group of a row says: against a naive count, on Titanic, in
//! folds and in files.

use std::collections::BTreeMap;

use floe::learn::{Category, FitOn};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::{Laws, check_step};
use floe::transform::impute::{FillValue, Imputation};
use floe::transform::{Saved, Transform};
use floe::{ErrorKind, Registry};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, prop, prop_assert_eq, prop_oneof, proptest,
};

use crate::support::{collect, data, frame, integer_dtypes, physical};

fn fit(imputer: &Imputer, rows: &DataFrame) -> floe::Result<Imputation> {
    imputer.fit_on(&floe::train_on(InMemory::new(rows.clone()))?)
}

fn applied(imputer: &Imputer, rows: &DataFrame) -> floe::Result<DataFrame> {
    collect(fit(imputer, rows)?.apply(rows.clone().lazy())?)
}

fn text(value: &str) -> Category {
    Category::Text(value.to_owned())
}

#[test]
fn the_most_frequent_value_fills_every_dtype_and_ties_go_to_the_smallest() {
    for (dtype, low, high) in integer_dtypes() {
        let x = physical(
            &dtype,
            &[Some(high), None, Some(low), Some(high), Some(low), None],
        );
        let filled = applied(&Imputer::most_frequent(["x"]), &frame(x)).expect("a fit");
        let expected = physical(
            &dtype,
            &[
                Some(high),
                Some(low),
                Some(low),
                Some(high),
                Some(low),
                Some(low),
            ],
        );
        let found = filled.column("x").expect("x");
        assert_eq!(found.dtype(), &dtype);
        assert!(
            found.as_materialized_series().equals(&expected),
            "{dtype}: {found:?}"
        );
    }
    for (values, most) in [
        (
            vec![
                Some(2.5),
                Some(1.5),
                None,
                Some(2.5),
                Some(f64::NAN),
                Some(f64::NAN),
            ],
            2.5,
        ),
        (vec![Some(2.5), Some(-1.5), None], -1.5),
    ] {
        let rows = frame(Series::new("x".into(), values));
        let fitted = fit(&Imputer::most_frequent(["x"]), &rows).expect("a fit");
        assert_eq!(fitted.fill("x"), Some(&FillValue::Float(most)));
        let narrow = rows.lazy().with_columns([col("x").cast(DataType::Float32)]);
        let narrow = applied(
            &Imputer::most_frequent(["x"]),
            &narrow.collect().expect("rows"),
        );
        assert_eq!(
            narrow.expect("a fit").column("x").expect("x").null_count(),
            0
        );
    }
    let texts = frame(Series::new(
        "x".into(),
        [Some(""), None, Some("b"), Some(""), Some("a"), Some("b")],
    ));
    let fill = |imputer: Imputer| fit(&imputer, &texts).expect("a fit").fill("x").cloned();
    assert_eq!(fill(Imputer::most_frequent(["x"])), Some("".into()));
    let missing = Imputer::most_frequent(["x"]).empty(EmptyAs::Missing);
    assert_eq!(fill(missing.clone()), Some("b".into()));
    let filled = applied(&missing, &texts).expect("a fit");
    let filled: Vec<_> = filled
        .column("x")
        .expect("x")
        .str()
        .expect("texts")
        .iter()
        .flatten()
        .map(str::to_owned)
        .collect();
    assert_eq!(filled, ["b", "b", "b", "b", "a", "b"]);
    let whole = frame(Series::new("x".into(), [Some(3_i32), None, Some(3)]));
    let float = Imputer::most_frequent(["x"]).integers(Integers::Float);
    let filled = applied(&float, &whole).expect("a fit");
    assert!(filled.equals(&df!["x" => [3.0, 3.0, 3.0]].expect("a frame")));
}

#[test]
fn a_limit_of_distinct_values_and_of_groups_is_an_error() {
    let rows = df![
        "x" => ["a", "b", "c", ""],
        "n" => [1, 2, 3, 4],
        "g" => [1, 2, 3, 3],
    ]
    .expect("a frame");
    let most = |imputer: Imputer, most| fit(&imputer.max_distinct(most), &rows);
    let missing = || Imputer::most_frequent(["x"]).empty(EmptyAs::Missing);
    assert!(most(Imputer::most_frequent(["x"]), 4).is_ok() && most(missing(), 3).is_ok());
    assert!(most(Imputer::mean(["n"]).by("g"), 3).is_ok());
    for (imputer, limit, column) in [
        (Imputer::most_frequent(["x"]), 3, "x"),
        (missing(), 2, "x"),
        (Imputer::mean(["n"]).by("g"), 2, "g"),
    ] {
        let error = most(imputer, limit).expect_err("too many");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Fit, Some(column))
        );
        assert!(
            error.to_string().contains(&format!("more than {limit}")),
            "{error}"
        );
    }
}

fn grouped() -> DataFrame {
    df![
        "age" => [Some(10.0), None, Some(30.0), Some(50.0), None, None, Some(2.0)],
        "sex" => [Some("m"), Some("m"), Some("f"), Some("f"), Some("f"), Some("x"), None],
    ]
    .expect("a frame")
}

#[test]
fn a_row_without_a_group_that_taught_gets_what_the_whole_column_taught() {
    let imputer = Imputer::mean(["age"]).by("sex");
    let fitted = fit(&imputer, &grouped()).expect("a fit");
    assert_eq!(fitted.fill("age"), Some(&23.0.into()));
    assert_eq!(fitted.fill_of("age", &text("f")), Some(&40.0.into()));
    assert_eq!(
        fitted.fill_of("age", &text("x")),
        None,
        "all of its rows are gaps"
    );
    let new = df![
        "age" => [None, None, None, None, Some(7.0), None::<f64>],
        "sex" => [Some("f"), Some("m"), Some("x"), Some("never seen"), Some("m"), None],
    ]
    .expect("a frame");
    let filled = collect(fitted.apply(new.clone().lazy()).expect("a query")).expect("rows");
    let ages: Vec<_> = filled
        .column("age")
        .expect("age")
        .f64()
        .expect("floats")
        .iter()
        .flatten()
        .collect();
    assert_eq!(ages, [40.0, 10.0, 23.0, 23.0, 7.0, 23.0]);
    assert!(
        filled
            .column("sex")
            .expect("sex")
            .equals_missing(new.column("sex").expect("sex"))
    );

    let strict = fit(&imputer.unseen(UnseenGroup::Error), &grouped()).expect("a fit");
    for (key, says) in [(Some("never seen"), "never seen"), (None, "is null")] {
        let rows = df!["age" => [None::<f64>], "sex" => [key]].expect("a frame");
        let error = strict
            .apply(rows.lazy())
            .and_then(collect)
            .expect_err("refused");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Apply, Some("age")),
            "{error}"
        );
        assert!(error.to_string().contains(says), "{error}");
    }
    // Without a gap nobody asks for the group.
    let rows = df!["age" => [1.0], "sex" => [None::<&str>]].expect("a frame");
    assert!(strict.apply(rows.lazy()).and_then(collect).is_ok());
}

#[test]
fn groups_that_cannot_be_are_refused_before_a_row_is_read() {
    let rows =
        df!["age" => [1.0, 2.0], "half" => [0.5, 1.5], "sex" => ["m", "f"]].expect("a frame");
    let flow = |imputer: Imputer| {
        floe::from_train(InMemory::new(rows.clone()))
            .then(imputer)
            .explain()
    };
    for (imputer, kind, column) in [
        (Imputer::mean(["age"]).by("half"), ErrorKind::Schema, "half"),
        (
            Imputer::mean(["age"]).by("ghost"),
            ErrorKind::Schema,
            "ghost",
        ),
        (Imputer::mean(["age"]).by("age"), ErrorKind::Config, "age"),
        (
            Imputer::constant(["age"], 0.0).by("sex"),
            ErrorKind::Config,
            "sex",
        ),
        (Imputer::median(["sex"]).by("age"), ErrorKind::Schema, "age"),
    ] {
        let error = flow(imputer.clone()).expect_err("refused");
        assert_eq!(
            (error.kind(), error.column()),
            (kind, Some(column)),
            "{imputer:?}"
        );
    }
    let fitted = fit(&Imputer::mean(["age"]).by("sex"), &rows).expect("a fit");
    let other = df!["age" => [1.0], "sex" => [1]].expect("a frame");
    let error = fitted
        .apply(other.lazy())
        .and_then(collect)
        .expect_err("refused");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("sex"))
    );
}

#[test]
fn groups_are_data_in_a_model_file() {
    let rows = grouped();
    let imputer = Imputer::most_frequent(["age"])
        .by("sex")
        .empty(EmptyAs::Missing);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("steps.json");
    let flow = floe::from_train(InMemory::new(rows.clone())).then(imputer.clone());
    flow.fit().expect("a fit").save(&path).expect("a file");
    let text = std::fs::read_to_string(&path).expect("a file");
    let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        file["contents"]["steps"][0]["state"],
        serde_json::json!({
            "columns": [{
                "column": "age", "dtype": "float64", "value": {"float": 2.0},
                "groups": [
                    {"group": {"text": "f"}, "value": {"float": 30.0}},
                    {"group": {"text": "m"}, "value": {"float": 10.0}},
                ],
            }],
            "strategy": "most_frequent",
            "nans": "value",
            "empty": "missing",
            "integers": "round",
            "by": {"column": "sex", "dtype": "str", "unseen": "whole_column"},
        })
    );
    let read = Registry::new().load_pipeline(&path).expect("a pipeline");
    let again = read
        .apply(rows.clone().lazy())
        .and_then(collect)
        .expect("rows");
    assert!(again.equals_missing(&applied(&imputer, &rows).expect("rows")));
    let saved = Saved::of(&fit(&imputer, &rows).expect("a fit")).expect("saved");
    assert!(imputer.restore(&saved).is_ok());
    for other in [
        Imputer::most_frequent(["age"]).by("sex"),
        Imputer::most_frequent(["age"]).empty(EmptyAs::Missing),
        imputer.clone().by("age2"),
        imputer.clone().unseen(UnseenGroup::Error),
        Imputer::mean(["age"]).by("sex").empty(EmptyAs::Missing),
    ] {
        let error = other.restore(&saved).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Model, "{other:?}");
    }
    // A file that was written before there were groups and empty texts.
    let old = serde_json::json!({
        "columns": [{"column": "age", "dtype": "float64", "value": {"float": 0.3}}],
        "strategy": "median", "nans": "value", "integers": "round",
    });
    let old: Imputation = serde_json::from_value(old).expect("an old step");
    assert_eq!(old.fill("age"), Some(&0.3.into()));
}

#[test]
fn imputers_by_groups_keep_the_laws() {
    let keys = [
        Some("a"),
        None,
        Some("b"),
        Some("a"),
        Some("b"),
        Some("c"),
        Some(""),
    ];
    for (dtype, low, high) in integer_dtypes() {
        let values = [
            Some(low),
            Some(high),
            None,
            None,
            Some(high),
            None,
            Some(low),
        ];
        let mut rows = frame(physical(&dtype, &values));
        rows.with_column(Column::new("key".into(), keys))
            .expect("a column");
        let exact = Laws::new().tolerance(0.0);
        // The mean of numbers of 38 digits is rounded in the last one where they lie so far apart.
        if !matches!(dtype, DataType::Decimal(..)) {
            check_step(&Imputer::mean(["x"]).by("key"), &rows).expect("a lawful step");
        }
        for imputer in [Imputer::median(["x"]), Imputer::most_frequent(["x"])] {
            exact
                .step(&imputer.clone().by("key"), &rows)
                .expect("a lawful step");
            exact
                .step(&Imputer::most_frequent(["x"]), &rows)
                .expect("a lawful step");
            // The other way round, the integers are the groups.
            let texts = Imputer::most_frequent(["key"]);
            check_step(&texts.clone().by("x"), &rows).expect("a lawful step");
            check_step(&texts.empty(EmptyAs::Missing), &rows).expect("a lawful step");
        }
        let marked = MissingIndicator::new(["key"]).empty(EmptyAs::Missing);
        check_step(&marked, &rows).expect("a lawful step");
    }
}

#[test]
fn titanic_has_the_values_of_scikit_learn() {
    let Some(path) = data("titanic/train.csv") else {
        return;
    };
    let train = floe::train_on(Csv::new(&path)).expect("rows");
    let fill = |imputer: Imputer, column: &str| {
        imputer.fit_on(&train).expect("a fit").fill(column).cloned()
    };
    let float = |value: Option<FillValue>| match value {
        Some(FillValue::Float(value)) => value,
        other => panic!("{other:?}"),
    };
    let mean = float(fill(Imputer::mean(["Age"]), "Age"));
    assert!((mean - 29.699_117_647_058_82).abs() < 1e-14, "{mean}");
    assert_eq!(float(fill(Imputer::median(["Age"]), "Age")), 28.0);
    assert_eq!(float(fill(Imputer::most_frequent(["Age"]), "Age")), 24.0);
    assert_eq!(
        fill(Imputer::most_frequent(["Embarked"]), "Embarked"),
        Some("S".into())
    );
    // By sex and by class, against Polars' own groups.
    let rows = LazyCsvReader::new(PlRefPath::new(path.to_str().expect("a path")));
    let rows = rows.finish().expect("a file");
    for by in ["Sex", "Pclass"] {
        let fitted = Imputer::median(["Age"])
            .by(by)
            .fit_on(&train)
            .expect("a fit");
        let naive = rows.clone().group_by([col(by)]).agg([col("Age").median()]);
        let naive = naive.collect().expect("groups");
        let keys = naive
            .column(by)
            .expect("keys")
            .cast(&DataType::String)
            .expect("texts");
        let ages = naive
            .column("Age")
            .expect("ages")
            .f64()
            .expect("floats")
            .clone();
        for (key, age) in keys.str().expect("texts").iter().zip(ages.iter()) {
            let key = key.expect("a key");
            let key = key.parse().map_or_else(|_| text(key), Category::Int);
            let age = age.expect("a median");
            assert_eq!(fitted.fill_of("Age", &key), Some(&age.into()), "{key}");
        }
    }
}

#[test]
fn folds_have_the_groups_of_each_alone() {
    let rows = df![
        "age" => (0..500).map(|i| (i % 7 != 3).then(|| f64::from(i * 37 % 101).sqrt())).collect::<Vec<_>>(),
        "sex" => (0..500).map(|i| ["m", "f", "x"][i * i % 7 % 3]).collect::<Vec<_>>(),
        "y" => (0..500).map(f64::from).collect::<Vec<_>>(),
    ]
    .expect("a frame");
    let folds = KFold::new(4).seed(3);
    for imputer in [
        Imputer::mean(["age"]),
        Imputer::median(["age"]),
        Imputer::most_frequent(["age"]),
    ] {
        let imputer = imputer.by("sex");
        let flow = |folds| {
            floe::from(InMemory::new(rows.clone()))
                .split(folds)
                .then(imputer.clone())
                .learn(MeanRegressor::new("y"))
        };
        let together = flow(folds.clone()).run().expect("a run");
        for (fold, model) in together.models().iter().enumerate() {
            let alone = floe::from(InMemory::new(rows.clone()))
                .split(folds.clone().fold(fold))
                .then(imputer.clone())
                .learn(MeanRegressor::new("y"));
            let alone = alone.run().expect("a run");
            assert_eq!(model.pipeline().steps(), alone.model().pipeline().steps());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_null_is_left_and_each_gap_has_the_mode_of_its_group(
        rows in prop::collection::vec((
            prop_oneof![2 => (0..4_i32).prop_map(Some), 1 => Just(None)],
            prop_oneof![3 => (0..3_i64).prop_map(Some), 1 => Just(None)],
        ), 0..40),
    ) {
        let rows: Vec<_> = rows.into_iter().chain([(Some(9), Some(1))]).collect();
        let frame = df![
            "x" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "g" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
        ].expect("a frame");
        let filled = applied(&Imputer::most_frequent(["x"]).by("g"), &frame).expect("a fit");
        let mode = |of: &dyn Fn(Option<i64>) -> bool| {
            let mut counts = BTreeMap::new();
            for (x, _) in rows.iter().filter(|row| of(row.1)) {
                if let Some(x) = x {
                    *counts.entry(*x).or_insert(0) += 1;
                }
            }
            let most = counts.values().max().copied();
            counts.into_iter().find(|(_, count)| Some(*count) == most).map(|(x, _)| x)
        };
        for ((x, group), found) in rows.iter().zip(filled.column("x").expect("x").i32().expect("integers").iter()) {
            let of_group = group.and_then(|_| mode(&|other| other == *group));
            let expected = x.or(of_group).or_else(|| mode(&|_| true));
            prop_assert_eq!(found, expected);
        }
    }
}
