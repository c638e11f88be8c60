//! Parts of texts: what is taken, what is null, what is refused, and Titanic's titles and decks.

use std::collections::BTreeMap;

use floe::learn::FitOn;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::check_step;
use floe::{ErrorKind, Registry};

use crate::support::{collect, data};

fn texts(frame: &DataFrame, name: &str) -> Vec<Option<String>> {
    let column = frame.column(name).expect("a column").str().expect("texts");
    column.iter().map(|text| text.map(str::to_owned)).collect()
}

fn parts(step: &Extract) -> Vec<Option<String>> {
    let rows = df!["x" => [Some("ab-12"), Some("-7"), None, Some(""), Some("é-3 z-4")]];
    let rows = rows.expect("a frame").lazy();
    texts(&step.apply(rows).and_then(collect).expect("rows"), "part")
}

#[test]
fn a_part_is_null_where_there_is_none() {
    let some = |texts: [Option<&str>; 5]| texts.map(|text| text.map(str::to_owned)).to_vec();
    let of = |pattern: &str| Extract::new("x", "part", pattern);
    assert_eq!(
        parts(&of(r"-(\d)")),
        some([Some("1"), Some("7"), None, None, Some("3")])
    );
    assert_eq!(
        parts(&of(r"-\d")),
        some([Some("-1"), Some("-7"), None, None, Some("-3")])
    );
    assert_eq!(
        parts(&of(r"-(\d)").group(0)),
        some([Some("-1"), Some("-7"), None, None, Some("-3")])
    );
    assert_eq!(
        parts(&of(r"(\w+)?-(\d+)").group(2)),
        some([Some("12"), Some("7"), None, None, Some("3")])
    );
    // A group that is no part of the match is null, one that matched nothing is empty.
    assert_eq!(
        parts(&of(r"(\w+)?-")),
        some([Some("ab"), None, None, None, Some("é")])
    );
    assert_eq!(
        parts(&of(r"(\w*)-")),
        some([Some("ab"), Some(""), None, None, Some("é")])
    );
    assert_eq!(parts(&of("^$")), some([None, None, None, Some(""), None]));
}

#[test]
fn what_cannot_be_taken_is_refused_before_a_row_is_read() {
    let rows = df!["x" => ["a"], "n" => [1], "taken" => ["b"]].expect("a frame");
    let flow = |step: Extract| floe::from(InMemory::new(rows.clone())).then(step);
    for (step, kind, column, says) in [
        (
            Extract::new("ghost", "part", "a"),
            ErrorKind::Schema,
            "ghost",
            "no such column",
        ),
        (
            Extract::new("n", "part", "a"),
            ErrorKind::Schema,
            "n",
            "cast it to a String",
        ),
        (
            Extract::new("x", "taken", "a"),
            ErrorKind::Schema,
            "taken",
            "already",
        ),
        (
            Extract::new("x", "part", "(a"),
            ErrorKind::Config,
            "x",
            "cannot be read",
        ),
        (
            Extract::new("x", "part", "(?=a)"),
            ErrorKind::Config,
            "x",
            "cannot be read",
        ),
        (
            Extract::new("x", "part", "a").group(1),
            ErrorKind::Config,
            "x",
            "no group 1",
        ),
    ] {
        let flow = flow(step.clone()).split(TrainTestSplit::new(0.5));
        let error = flow
            .learn(MeanRegressor::new("n"))
            .check()
            .expect_err("refused");
        assert_eq!(
            (error.kind(), error.column()),
            (kind, Some(column)),
            "{step:?}: {error}"
        );
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn extracting_keeps_the_laws() {
    let rows = df![
        "x" => [Some("Mr. a"), None, Some(""), Some("Mrs. b"), Some("c"), Some("Mr. d")],
        "n" => [1, 2, 3, 4, 5, 6],
    ]
    .expect("a frame");
    check_step(&Extract::new("x", "title", r"^(\w+)\."), &rows).expect("a lawful step");
    check_step(&Extract::new("x", "x", r"^(\w+)\.").group(0), &rows).expect("a lawful step");
}

#[test]
fn titanic_has_titles_and_decks_that_are_saved_as_data() {
    let Some(path) = data("titanic/train.csv") else {
        return;
    };
    let flow = floe::from(Csv::new(&path))
        .split(TrainTestSplit::new(0.2).seed(1))
        .then(Extract::new("Name", "Title", r", *([^.]+)\."))
        .then(Extract::new("Cabin", "Deck", "^[A-Z]"))
        .then(WithColumns::new([(col("SibSp")
            + col("Parch")
            + lit(1_i64))
        .alias("Family")]))
        .then(Imputer::median(["Age"]).by("Title"))
        .then(Imputer::most_frequent(["Embarked", "Deck"]))
        .then(StandardScaler::new(["Family"]))
        .learn(LinearRegression::new(["Age", "Family"], "Survived"));
    assert!(flow.explain().expect("a plan").levels.len() <= 2);
    let model = flow.run().expect("a run");
    let rows = || LazyCsvReader::new(PlRefPath::new(path.to_str().expect("a path"))).finish();

    let step = Extract::new("Name", "Title", r", *([^.]+)\.");
    let step = Extract::new("Cabin", "Deck", "^[A-Z]")
        .apply(step.apply(rows().expect("a file")).expect("a query"));
    let found = step.and_then(collect).expect("rows");
    let count = |name: &str| {
        let mut counts = BTreeMap::new();
        for text in texts(&found, name).into_iter().flatten() {
            *counts.entry(text).or_insert(0) += 1;
        }
        counts
    };
    let titles = count("Title");
    let of = |title: &str| titles.get(title).copied().unwrap_or(0);
    assert_eq!(
        [
            of("Mr"),
            of("Miss"),
            of("Mrs"),
            of("Master"),
            of("the Countess")
        ],
        [517, 182, 125, 40, 1]
    );
    assert_eq!(titles.values().sum::<i32>(), 891);
    let decks: Vec<_> = count("Deck").into_iter().collect();
    let expected = [
        ("A", 15),
        ("B", 47),
        ("C", 59),
        ("D", 33),
        ("E", 32),
        ("F", 13),
        ("G", 4),
        ("T", 1),
    ];
    assert_eq!(
        decks,
        expected.map(|(deck, count)| (deck.to_owned(), count))
    );

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("model.json");
    model.model().save(&file).expect("a file");
    let again = flow.load(&file).expect("a model");
    let predicted = |model: floe::Result<LazyFrame>| model.and_then(collect).expect("rows");
    assert!(
        predicted(again.predict(rows().expect("a file")))
            .equals_missing(&predicted(model.model().predict(rows().expect("a file"))))
    );
    // Without the expression of the family, the registry reads all of it.
    let train = floe::train_on(Csv::new(&path)).expect("rows");
    let title = Extract::new("Name", "Title", r", *([^.]+)\.");
    let _ = title.fit_on(&train).expect("a fit");
    let flow = floe::from_train(Csv::new(&path)).then(title.clone());
    let steps = folder.path().join("steps.json");
    flow.fit().expect("a fit").save(&steps).expect("a file");
    let read = Registry::new().load_pipeline(&steps).expect("a pipeline");
    let found = read
        .apply(rows().expect("a file"))
        .and_then(collect)
        .expect("rows");
    assert!(
        texts(&found, "Title")
            .iter()
            .flatten()
            .any(|title| title == "Mr")
    );
    assert!(
        Extract::new("Name", "Title", "other")
            .restore(&floe::transform::Saved::of(&title).expect("saved"))
            .is_err()
    );
}
