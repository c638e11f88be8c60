//! One column a category: names, policies, limits, dtypes, what is saved.

use std::collections::HashSet;

use floe::learn::{Category, FitOn};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::{Laws, check_plan};
use floe::transform::encode::OneHotEncoding;
use floe::{ErrorKind, Nullable};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::{Just, Strategy};

use crate::support::{collect, data, text};

fn fit(step: &OneHotEncoder, rows: &DataFrame) -> floe::Result<OneHotEncoding> {
    step.fit_on(&floe::train_on(InMemory::new(rows.clone()))?)
}

fn applied(step: &OneHotEncoder, rows: &DataFrame) -> floe::Result<DataFrame> {
    collect(fit(step, rows)?.apply(rows.clone().lazy())?)
}

fn names(frame: &DataFrame) -> Vec<&str> {
    let columns = frame.columns().iter();
    columns.map(|column| column.name().as_str()).collect()
}

/// A column of UInt8 as numbers; null is none.
fn ones(frame: &DataFrame, name: &str) -> Vec<Option<u8>> {
    frame.column(name).unwrap().u8().unwrap().iter().collect()
}

#[test]
fn titanic_has_the_categories_of_scikit_learn() {
    let (Some(path), Some(expected)) = (
        data("titanic/train.csv"),
        text("expected/scikit_learn.json"),
    ) else {
        return;
    };
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let rows = Csv::new(path).scan().unwrap().collect().unwrap();
    let columns = ["Sex", "Embarked"];
    let fitted = fit(&OneHotEncoder::new(columns), &rows).unwrap();
    for (column, categories) in columns
        .iter()
        .zip(expected["titanic"]["onehot_categories"].as_array().unwrap())
    {
        let found = fitted.categories(column).unwrap();
        let found = found
            .iter()
            .map(|(category, _)| category.map(ToString::to_string));
        let found: Vec<_> = found.collect();
        let categories = categories.as_array().unwrap().iter();
        let categories = categories.map(|text| text.as_str().map(ToOwned::to_owned));
        assert_eq!(found, categories.collect::<Vec<_>>());
    }
    assert_eq!(
        fitted.names("Embarked").unwrap(),
        ["Embarked_C", "Embarked_Q", "Embarked_S", "Embarked_None"]
    );
    let counts: Vec<_> = fitted
        .categories("Embarked")
        .unwrap()
        .iter()
        .map(|(_, rows)| *rows)
        .collect();
    let encoded = collect(fitted.apply(rows.lazy()).unwrap()).unwrap();
    for (name, count) in fitted.names("Embarked").unwrap().iter().zip(counts) {
        let sum: u64 = ones(&encoded, name)
            .iter()
            .map(|one| u64::from(one.unwrap()))
            .sum();
        assert_eq!(sum, count, "{name}");
    }
}

#[test]
fn every_dtype_that_has_categories_is_encoded_after_the_other_columns() {
    let rows = df![
        "t" => [Some("b"), Some(""), None, Some("b")],
        "n" => [3_i64, -1, 3, 3],
        "u" => [u64::MAX, 0, 1, u64::MAX],
        "b" => [Some(true), Some(true), Some(false), None],
        "x" => [0.5, 1.5, 2.5, 3.5],
    ]
    .unwrap();
    let encoded = applied(&OneHotEncoder::new(["t", "n", "u", "b"]), &rows).unwrap();
    assert_eq!(
        names(&encoded),
        [
            "x",
            "t_",
            "t_b",
            "t_None",
            "n_-1",
            "n_3",
            "u_0",
            "u_1",
            "u_18446744073709551615",
            "b_false",
            "b_true",
            "b_None"
        ]
    );
    assert_eq!(ones(&encoded, "t_"), [0, 1, 0, 0].map(Some));
    assert_eq!(ones(&encoded, "t_None"), [0, 0, 1, 0].map(Some));
    assert_eq!(ones(&encoded, "n_-1"), [0, 1, 0, 0].map(Some));
    assert_eq!(
        ones(&encoded, "u_18446744073709551615"),
        [1, 0, 0, 1].map(Some)
    );
    assert_eq!(ones(&encoded, "b_true"), [1, 1, 0, 0].map(Some));
    for dtype in [
        DataType::Int64,
        DataType::Float32,
        DataType::Float64,
        DataType::Boolean,
    ] {
        let step = OneHotEncoder::new(["t"]).dtype(dtype.clone());
        let other = applied(&step, &rows).unwrap();
        assert_eq!(other.column("t_b").unwrap().dtype(), &dtype);
        let back = other.column("t_b").unwrap().cast(&DataType::UInt8).unwrap();
        assert_eq!(
            back.u8().unwrap().iter().collect::<Vec<_>>(),
            ones(&encoded, "t_b")
        );
    }
    let numbers = || (i8::MIN..=i8::MAX).map(i64::from).collect::<Vec<_>>();
    for dtype in [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
    ] {
        let rows = df!["n" => numbers()].unwrap();
        let rows = rows
            .lazy()
            .select([col("n").cast(dtype)])
            .collect()
            .unwrap();
        let encoded = applied(&OneHotEncoder::new(["n"]), &rows).unwrap();
        assert_eq!((encoded.width(), names(&encoded)[0]), (256, "n_-128"));
        for (row, name) in names(&encoded).into_iter().enumerate() {
            assert_eq!(
                ones(&encoded, name).iter().position(|one| *one == Some(1)),
                Some(row)
            );
        }
    }
}

#[test]
fn names_that_are_taken_are_numbered() {
    let rows = df![
        "a" => ["b_c", "x", "x"],
        "a_b" => [Some("c"), None, Some("None")],
        "a_x" => [1.0, 2.0, 3.0],
        "a_x_2" => [1.0, 2.0, 3.0],
        "a_b_c_2" => [true, false, true],
    ]
    .unwrap();
    let both = fit(&OneHotEncoder::new(["a", "a_b"]), &rows).unwrap();
    assert_eq!(both.names("a").unwrap(), ["a_b_c", "a_x_3"]);
    assert_eq!(
        both.names("a_b").unwrap(),
        ["a_b_None", "a_b_c_3", "a_b_None_2"]
    );
    let encoded = collect(both.apply(rows.clone().lazy()).unwrap()).unwrap();
    assert_eq!(
        encoded.column("a_x").unwrap().f64().unwrap().get(2),
        Some(3.0)
    );
    assert_eq!(ones(&encoded, "a_b_None"), [0, 0, 1].map(Some));
    assert_eq!(ones(&encoded, "a_b_None_2"), [0, 1, 0].map(Some));

    // Two encoders that learn in one scan know nothing of each other until both are fitted.
    let train = floe::train_on(InMemory::new(rows.clone())).unwrap();
    let chain = OneHotEncoder::new(["a_b"]).then(OneHotEncoder::new(["a"]));
    assert_eq!(chain.levels(train.schema()).unwrap().len(), 1);
    let chain = chain.fit_on(&train).unwrap();
    assert_eq!(chain.first().names("a_b").unwrap()[1], "a_b_c");
    assert_eq!(chain.next().names("a").unwrap(), ["a_b_c_3", "a_x_3"]);
    let encoded = collect(chain.apply(rows.clone().lazy()).unwrap()).unwrap();
    assert_eq!(ones(&encoded, "a_b_c"), [1, 0, 0].map(Some));
    assert_eq!(ones(&encoded, "a_b_c_3"), [1, 0, 0].map(Some));

    // A category that is named as the column of another one, and columns that new rows bring.
    let rows = df!["a" => ["b", "c"], "a_b" => ["x", "y"]].unwrap();
    let fitted = fit(&OneHotEncoder::new(["a", "a_b"]), &rows).unwrap();
    assert_eq!(fitted.names("a").unwrap(), ["a_b_2", "a_c"]);
    let more = df!["a_c" => [7], "a" => ["c"], "a_b" => ["x"]].unwrap();
    let encoded = collect(fitted.apply(more.lazy()).unwrap()).unwrap();
    assert_eq!(names(&encoded), ["a_b_2", "a_c", "a_b_x", "a_b_y"]);
    assert_eq!(ones(&encoded, "a_c"), [Some(1)]);
}

#[test]
fn rare_categories_share_a_column() {
    let texts = ["a", "a", "a", "b", "b", "c", "c", "d"].map(Some);
    let rows = df!["x" => [&texts[..], &[None]].concat()].unwrap();
    let names = |step: OneHotEncoder| {
        let fitted = fit(&step, &rows).unwrap();
        let encoded = collect(fitted.apply(rows.clone().lazy()).unwrap()).unwrap();
        for row in 0..encoded.height() {
            let sum = |name: &String| u64::from(ones(&encoded, name)[row].unwrap());
            let names = fitted.names("x").unwrap();
            assert!(names.iter().map(sum).sum::<u64>() <= 1);
        }
        fitted.names("x").unwrap().join(" ")
    };
    let x = || OneHotEncoder::new(["x"]);
    assert_eq!(names(x()), "x_a x_b x_c x_d x_None");
    assert_eq!(names(x().min_frequency(2)), "x_a x_b x_c x_other");
    assert_eq!(names(x().min_frequency(3)), "x_a x_other");
    // Of b and c, which are as frequent, the first is the rarer one, as in scikit-learn.
    assert_eq!(names(x().max_categories(3)), "x_a x_c x_other");
    assert_eq!(names(x().max_categories(5)), "x_a x_b x_c x_d x_None");
    assert_eq!(names(x().max_categories(1)), "x_other");
    assert_eq!(names(x().max_categories(3).min_frequency(3)), "x_a x_other");
    assert_eq!(names(x().drop_first()), "x_b x_c x_d x_None");
    assert_eq!(names(x().min_frequency(3).drop_if_binary()), "x_other");
    assert_eq!(
        names(x().min_frequency(2).drop_if_binary()),
        "x_a x_b x_c x_other"
    );
    let fitted = fit(&x().max_categories(3), &rows).unwrap();
    let shared = fitted.infrequent_categories("x").unwrap();
    let text = |text: &str| Category::from(text);
    assert_eq!(shared, [Some(&text("b")), Some(&text("d")), None]);
    let encoded = collect(fitted.apply(rows.clone().lazy()).unwrap()).unwrap();
    assert_eq!(
        ones(&encoded, "x_other"),
        [0, 0, 0, 1, 1, 0, 0, 1, 1].map(Some)
    );
    // An unknown category is none of the infrequent ones.
    let new = df!["x" => ["e"]].unwrap().lazy();
    assert_eq!(
        collect(fitted.apply(new).unwrap()).unwrap_err().kind(),
        ErrorKind::Apply
    );
}

#[test]
fn unknown_categories_and_nulls_follow_the_policy() {
    let rows = df!["x" => ["a", "b", "a"], "n" => [1, 2, 2]].unwrap();
    let new = df!["x" => [Some("b"), Some("z"), None], "n" => [1, 2, 1]].unwrap();
    let of = |unknown| {
        let fitted = fit(&OneHotEncoder::new(["x"]).unknown(unknown), &rows).unwrap();
        let schema = floe::train_on(InMemory::new(rows.clone())).unwrap();
        let output = fitted.output(schema.schema()).unwrap();
        let nullable = output.field("x_a").unwrap().is_nullable();
        assert_eq!(nullable == Nullable::Maybe, unknown == Unknown::Null);
        collect(fitted.apply(new.clone().lazy()).unwrap())
    };
    let error = of(Unknown::Error).unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Apply, Some("x"))
    );
    assert!(error.to_string().contains("the category `z`"), "{error}");
    let zero = of(Unknown::Zero).unwrap();
    assert_eq!(ones(&zero, "x_b"), [1, 0, 0].map(Some));
    let null = of(Unknown::Null).unwrap();
    assert_eq!(ones(&null, "x_a"), [Some(0), None, None]);
    let other = of(Unknown::Other).unwrap();
    assert_eq!(names(&other), ["n", "x_a", "x_b", "x_other"]);
    assert_eq!(ones(&other, "x_other"), [0, 1, 1].map(Some));

    let rows = df!["x" => [Some("a"), None, Some("b")]].unwrap();
    let step = OneHotEncoder::new(["x"]).nulls(NullCategory::Zero);
    let zero = applied(&step, &rows).unwrap();
    assert_eq!(names(&zero), ["x_a", "x_b"]);
    assert_eq!(ones(&zero, "x_a"), [1, 0, 0].map(Some));
    let refused = OneHotEncoder::new(["x"]).nulls(NullCategory::Error);
    let error = fit(&refused, &rows).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Fit, Some("x")));
    let fitted = fit(&refused, &rows.slice(0, 1)).unwrap();
    let error = collect(fitted.apply(rows.slice(0, 2).lazy()).unwrap()).unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Apply, Some("x"))
    );
}

#[test]
fn what_cannot_be_encoded_is_said() {
    let rows =
        df!["x" => ["a", "b", "c"], "f" => [0.5, 1.0, 2.0], "one" => ["k", "k", "k"]].unwrap();
    let refused = |step: OneHotEncoder, kind, column: Option<&str>| {
        let error = fit(&step, &rows).unwrap_err();
        assert_eq!((error.kind(), error.column()), (kind, column), "{error}");
    };
    refused(OneHotEncoder::new(["f"]), ErrorKind::Schema, Some("f"));
    refused(OneHotEncoder::new(["y"]), ErrorKind::Schema, Some("y"));
    refused(OneHotEncoder::new(["x"]).most(2), ErrorKind::Fit, Some("x"));
    refused(
        OneHotEncoder::new(["one"]).drop_first(),
        ErrorKind::Fit,
        Some("one"),
    );
    refused(
        OneHotEncoder::new(["x"]).dtype(DataType::String),
        ErrorKind::Config,
        None,
    );
    refused(
        OneHotEncoder::new(["x"]).max_categories(0),
        ErrorKind::Config,
        None,
    );
    fit(&OneHotEncoder::new(["x"]).most(3), &rows).unwrap();
    let fitted = fit(&OneHotEncoder::new(["x"]), &rows).unwrap();
    let other = df!["x" => [1, 2]].unwrap();
    let error = collect(fitted.apply(other.lazy()).unwrap()).unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("x"))
    );
    let step = OneHotEncoder::new(["x"])
        .unknown(Unknown::Other)
        .max_categories(2)
        .drop_first();
    let label = r#"OneHotEncoder(["x"], unknown: Other, max categories: 2, drop first)"#;
    assert_eq!(format!("{step:?}"), label);
    assert_eq!(
        format!("{fitted:?}"),
        r#"OneHotEncoding(["x"] -> 3 columns)"#
    );
}

#[test]
fn encoders_keep_the_laws() {
    let rows = df![
        "id" => (0..23).collect::<Vec<i64>>(),
        "x" => (0..23).map(|i| ["a", "b", "", "None"].get(i * i % 7).copied()).collect::<Vec<_>>(),
        "n" => (0..23).map(|i| i % 4).collect::<Vec<i32>>(),
        "b" => (0..23).map(|i| i % 3 == 0).collect::<Vec<_>>(),
    ]
    .unwrap();
    let exact = Laws::new().tolerance(0.0);
    let x = || OneHotEncoder::new(["x", "n", "b"]);
    for step in [
        x(),
        x().drop_first(),
        x().min_frequency(5),
        x().nulls(NullCategory::Zero),
    ] {
        exact.step(&step, &rows).expect("a lawful step");
    }
    for unknown in [Unknown::Zero, Unknown::Null, Unknown::Other] {
        exact
            .step(&x().unknown(unknown), &rows)
            .expect("a lawful step");
    }
    let by_selector = OneHotEncoder::new(dtype_col(&DataType::String).as_selector());
    exact.step(&by_selector, &rows).expect("a lawful step");
    check_plan(&x().then(StandardScaler::new(["x", "n"])), &rows).expect("a lawful plan");
}

/// Texts that are likely to collide, and any others.
fn texts() -> impl Strategy<Value = Option<String>> {
    let likely = [
        "", "None", "other", "a", "a_2", "b_a", "None_2", "2", "ä", "_", "a_b",
    ];
    option::of(prop_oneof![
        proptest::sample::select(likely.to_vec()).prop_map(str::to_owned),
        any::<String>(),
        Just("long".repeat(500)),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn names_are_unique_and_each_row_holds_one(
        a in vec(texts(), 1..30),
        b in vec(texts(), 30),
        min in 1_u64..4,
        max in option::of(1_usize..5),
    ) {
        let b = &b[..a.len()];
        let rows = df!["a" => a.clone(), "a_b" => b, "a_a" => vec![1; a.len()]].unwrap();
        let mut step = OneHotEncoder::new(["a", "a_b"]).min_frequency(min).unknown(Unknown::Other);
        if let Some(max) = max {
            step = step.max_categories(max);
        }
        let encoded = applied(&step, &rows).unwrap();
        let distinct: HashSet<_> = names(&encoded).into_iter().collect();
        prop_assert_eq!(distinct.len(), encoded.width());
        let fitted = fit(&step, &rows).unwrap();
        for column in ["a", "a_b"] {
            let made = fitted.names(column).unwrap();
            prop_assert!(max.is_none_or(|max| made.len() <= max));
            let begins = format!("{column}_");
            prop_assert!(made.iter().all(|name| name.starts_with(&begins)));
            for row in 0..rows.height() {
                let sum: u8 = made.iter().map(|name| ones(&encoded, name)[row].unwrap()).sum();
                prop_assert_eq!(sum, 1);
            }
        }
        // The order of the rows, and fitting again, change no name.
        let turned = fit(&step, &rows.reverse()).unwrap();
        prop_assert_eq!(&fitted, &turned);
    }
}

#[test]
fn ten_thousand_long_categories_have_names() {
    let long = |i: usize| format!("{}{}", "x".repeat(300), i % 10_000);
    let rows = df!["x" => (0..20_000).map(long).collect::<Vec<_>>()].unwrap();
    let fitted = fit(&OneHotEncoder::new(["x"]), &rows).unwrap();
    let names = fitted.names("x").unwrap();
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 10_000);
    let more = df!["x" => (0..10_001).map(|i| format!("{i}")).collect::<Vec<_>>()].unwrap();
    let error = fit(&OneHotEncoder::new(["x"]), &more).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Fit, Some("x")));
}
