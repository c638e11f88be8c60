//! The place of a category: its order, its policies, what is saved.

use floe::ErrorKind;
use floe::learn::{Category, FitOn};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::testing::Laws;
use floe::transform::encode::OrdinalEncoding;

use crate::support::collect;

fn fit(step: &OrdinalEncoder, rows: &DataFrame) -> floe::Result<OrdinalEncoding> {
    step.fit_on(&floe::train_on(InMemory::new(rows.clone()))?)
}

fn codes(fitted: &OrdinalEncoding, rows: &DataFrame) -> floe::Result<Vec<Option<i64>>> {
    let encoded = collect(fitted.apply(rows.clone().lazy())?)?;
    Ok(encoded.column("x")?.i64()?.iter().collect())
}

#[test]
fn places_are_in_ascending_order() {
    let texts = df!["x" => [Some("b"), Some(""), None, Some("a"), Some("b")]].unwrap();
    let fitted = fit(&OrdinalEncoder::new(["x"]), &texts).unwrap();
    assert_eq!(
        fitted.categories("x").unwrap(),
        ["", "a", "b"].map(Category::from)
    );
    assert_eq!(
        codes(&fitted, &texts).unwrap(),
        [Some(2), Some(0), None, Some(1), Some(2)]
    );
    let numbers = df!["x" => [7_i16, -3, 0, 7]].unwrap();
    let fitted = fit(&OrdinalEncoder::new(["x"]), &numbers).unwrap();
    assert_eq!(codes(&fitted, &numbers).unwrap(), [2, 0, 1, 2].map(Some));
    let wide = df!["x" => [u64::MAX, 1, u64::MAX - 1]].unwrap();
    let fitted = fit(&OrdinalEncoder::new(["x"]), &wide).unwrap();
    assert_eq!(codes(&fitted, &wide).unwrap(), [2, 0, 1].map(Some));
    let truth = df!["x" => [true, false]].unwrap();
    let fitted = fit(&OrdinalEncoder::new(["x"]), &truth).unwrap();
    assert_eq!(codes(&fitted, &truth).unwrap(), [1, 0].map(Some));
}

#[test]
fn a_given_order_learns_nothing() {
    let rows = df!["x" => ["low", "high", "low"]].unwrap();
    let step = OrdinalEncoder::new(["x"]).categories(["low", "mid", "high"]);
    let train = floe::train_on(InMemory::new(rows.clone())).unwrap();
    assert!(step.levels(train.schema()).unwrap().is_empty());
    assert_eq!(
        codes(&fit(&step, &rows).unwrap(), &rows).unwrap(),
        [0, 2, 0].map(Some)
    );
    let wrong = |step: OrdinalEncoder, kind| {
        let error = fit(&step, &rows).unwrap_err();
        assert_eq!((error.kind(), error.column()), (kind, Some("x")), "{error}");
    };
    let x = || OrdinalEncoder::new(["x"]);
    wrong(x().categories([1, 2]), ErrorKind::Config);
    wrong(x().categories(["a", "b", "a"]), ErrorKind::Config);
    wrong(x().categories(Vec::<Category>::new()), ErrorKind::Config);
    wrong(x().unknown(UnknownCode::Code(1)), ErrorKind::Fit);
    wrong(
        x().categories(["low"]).nulls(NullCode::Code(0)),
        ErrorKind::Config,
    );
    wrong(x().most(1), ErrorKind::Fit);
}

#[test]
fn unknown_categories_and_nulls_follow_the_policy() {
    let rows = df!["x" => [3, 1, 3]].unwrap();
    let new = df!["x" => [Some(1), Some(2), None]].unwrap();
    let of = |step: OrdinalEncoder| codes(&fit(&step, &rows).unwrap(), &new);
    let x = || OrdinalEncoder::new(["x"]);
    let error = of(x()).unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Apply, Some("x"))
    );
    assert_eq!(
        of(x().unknown(UnknownCode::Null)).unwrap(),
        [Some(0), None, None]
    );
    let coded = x().unknown(UnknownCode::Code(-1)).nulls(NullCode::Code(-2));
    assert_eq!(of(coded).unwrap(), [Some(0), Some(-1), Some(-2)]);
    let refused = x().unknown(UnknownCode::Code(9)).nulls(NullCode::Error);
    assert_eq!(of(refused).unwrap_err().kind(), ErrorKind::Apply);
    let error = fit(&x().nulls(NullCode::Error), &new).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Fit, Some("x")));
}

#[test]
fn encoders_keep_the_laws() {
    let rows = df![
        "x" => (0..23).map(|i| ["a", "b", ""].get(i * i % 5).copied()).collect::<Vec<_>>(),
        "n" => (0..23).map(|i| i * i % 6).collect::<Vec<u64>>(),
        "z" => (0..23).map(f64::from).collect::<Vec<_>>(),
    ]
    .unwrap();
    let exact = Laws::new().tolerance(0.0);
    let step = || OrdinalEncoder::new(["x", "n"]);
    exact.step(&step(), &rows).expect("a lawful step");
    exact
        .step(&step().nulls(NullCode::Code(-1)), &rows)
        .expect("a lawful step");
    let given = OrdinalEncoder::new(["x"])
        .categories(["", "b", "a"])
        .unknown(UnknownCode::Null);
    exact.step(&given, &rows).expect("a lawful step");
}
