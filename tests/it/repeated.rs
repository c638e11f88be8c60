//! Folds that are dealt several times: each repeat by a seed of its own, in scans of its own.

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::splitter::Repeatable;

fn rows(n: usize) -> DataFrame {
    let of = |by: f64| {
        (0..n)
            .map(|row| (row as f64 * by).sin() * 9.0)
            .collect::<Vec<_>>()
    };
    df![
        "row" => (0..n as i64).collect::<Vec<_>>(),
        "class" => (0..n).map(|row| row % 3 == 0).collect::<Vec<_>>(),
        "x" => of(0.3),
        "y" => of(0.7),
    ]
    .expect("columns")
}

/// Two levels and a step on the target.
macro_rules! flow {
    ($frame:expr, $split:expr) => {
        floe::from(InMemory::new($frame))
            .split($split)
            .then(StandardScaler::new(["x"]))
            .then(WithColumns::new([(col("x") * col("x")).alias("square")]))
            .then(MinMaxScaler::new(["square"]))
            .on_target(StandardScaler::new(["y"]))
            .learn(LinearRegression::new(["x", "square"], "y"))
    };
}

macro_rules! test_rows {
    ($run:expr, $fold:expr) => {{
        let rows = $run.test($fold).collect().expect("rows");
        let rows = rows
            .column("row")
            .expect("rows")
            .i64()
            .expect("integers")
            .clone();
        rows.into_no_null_iter().collect::<Vec<i64>>()
    }};
}

/// The seeds of the specification: the hash of the number of the repeat. That of seed 42 and repeat
/// 7 is the key `int 7` of the golden vectors.
fn hash_of_seven() -> u64 {
    let golden = include_str!("../golden/splitting.json");
    let golden: serde_json::Value = serde_json::from_str(golden).expect("JSON");
    let keys = golden["keys"].as_array().expect("a list");
    let seven = keys
        .iter()
        .find(|key| key["key"] == "int 7")
        .expect("a key");
    let hash = seven["hashes"]["42"].as_str().expect("text");
    u64::from_str_radix(hash, 16).expect("a number")
}

/// Each repeat gives what the splitter alone gives with the seed of the repeat.
fn holds<S: Repeatable + Clone>(folds: S, reseeded: impl Fn(u64) -> S) {
    let frame = rows(61);
    let repeated = flow!(frame.clone(), Repeated::new(folds.clone(), 8));
    let explain = repeated.explain().expect("a plan");
    let run = repeated.run().expect("a run");
    assert_eq!(run.scans().len(), explain.scans(), "{explain}");
    let (k, refit) = (folds.folds(), folds.models() - folds.folds());
    assert_eq!(explain.models, 8 * k + refit);
    assert_eq!((run.models().len(), run.metrics().len()), (8 * k, 8 * k));
    assert_eq!(run.metric("rmse").expect("a metric").folds, 8 * k);
    for (repeat, alone) in [(0, folds.clone()), (7, reseeded(hash_of_seven()))] {
        let alone = flow!(frame.clone(), alone).run().expect("a run");
        for fold in 0..k {
            let at = repeat * k + fold;
            assert_eq!(test_rows!(run, at), test_rows!(alone, fold));
            assert_eq!(run.metrics()[at], alone.metrics()[fold]);
            let train = run.train(at).collect().expect("rows").height();
            assert_eq!(train, alone.train(fold).collect().expect("rows").height());
        }
        if repeat == 0 {
            let of = |frame: LazyFrame| frame.collect().expect("rows");
            let found = of(run.predictions().expect("a query"));
            assert!(found.equals_missing(&of(alone.predictions().expect("a query"))));
            assert_eq!(run.model().is_ok(), alone.model().is_ok());
        }
    }
    assert_ne!(test_rows!(run, 0), test_rows!(run, k));
    assert_eq!(run.test(8 * k).collect().expect("no rows").height(), 0);
    assert_eq!(run.train(8 * k).collect().expect("no rows").height(), 0);
}

#[test]
fn a_repeat_is_the_splitter_by_another_seed() {
    holds(KFold::new(3).seed(42), |seed| KFold::new(3).seed(seed));
    holds(KFold::new(3).seed(42).refit(), |seed| {
        KFold::new(3).seed(seed)
    });
    let classes = StratifiedKFold::new(4, "class");
    holds(classes.clone().seed(42), |seed| classes.clone().seed(seed));
}

#[test]
fn explain_says_what_a_repeat_costs() {
    let flow = flow!(rows(30), Repeated::new(StratifiedKFold::new(5, "class"), 3));
    let explain = flow.explain().expect("a plan");
    assert_eq!((explain.models, explain.repeats), (15, 3));
    assert_eq!((explain.count_scans, explain.score_scans), (3, 3));
    assert!(explain.levels.iter().all(|level| level.scans == 3));
    let text = explain.to_string();
    assert!(text.contains("15 models are fitted in 3 repeats"), "{text}");
}

#[test]
fn an_error_says_in_which_repeat() {
    // A constant column is an error, and 11 rows in 2 folds are constant in some repeat.
    let x: Vec<i64> = (0..12).map(|row| i64::from(row == 3 || row == 8)).collect();
    let y: Vec<f64> = (0..12).map(f64::from).collect();
    let frame = df!["x" => x, "y" => y].expect("columns");
    let flow = floe::from(InMemory::new(frame)).split(Repeated::new(KFold::new(2).seed(1), 30));
    let flow = flow.then(StandardScaler::new(["x"]).constant(Constant::Error));
    let error = flow
        .learn(MeanRegressor::new("y"))
        .run()
        .expect_err("a constant column");
    assert_eq!(error.kind(), ErrorKind::Fit);
    assert!(error.to_string().contains("in repeat "), "{error}");
}

#[test]
fn repeats_that_cannot_be_are_refused() {
    let refused = |split: Repeated<KFold>| {
        let flow = floe::from(InMemory::new(rows(9))).split(split);
        flow.learn(MeanRegressor::new("y"))
            .check()
            .expect_err("refused")
    };
    for split in [
        Repeated::new(KFold::new(3), 0),
        Repeated::new(KFold::new(3).in_order(), 2),
        Repeated::new(KFold::new(10), 2),
    ] {
        let error = refused(split);
        assert_eq!(error.kind(), ErrorKind::Split, "{error}");
        assert!(error.help().is_some(), "{error}");
    }
}
