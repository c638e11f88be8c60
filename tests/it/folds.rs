//! Folds: exact, frozen, fitted together in one reading a level, to the bits of each fitted alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use floe::learn::{Learned, Need, Statistic};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::source::Outline;
use floe::transform::Artifact;
use floe::{ErrorKind, Schema};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};
use serde::{Deserialize, Serialize};

use crate::support::bits;

/// Rows of several kinds of numbers, with gaps in a column that no model reads.
fn rows(n: usize) -> DataFrame {
    let wave = |at: usize, by: f64| (at as f64 * by).sin() * 100.0;
    let at = 0..n;
    df![
        "row" => at.clone().map(|at| at as i64).collect::<Vec<_>>(),
        "wide" => at.clone().map(|at| 9_007_199_254_740_993_i64 + (at * at % 1013) as i64).collect::<Vec<_>>(),
        "x" => at.clone().map(|at| wave(at, 0.37) + 1e6).collect::<Vec<_>>(),
        "gaps" => at.clone().map(|at| (at % 7 != 3).then(|| wave(at, 0.11))).collect::<Vec<_>>(),
        "y" => at.map(|at| wave(at, 0.37) * 3.0 + (at % 11) as f64).collect::<Vec<_>>(),
    ]
    .expect("columns of one length")
}

/// A source whose rows pass a counting map.
#[derive(Clone, Debug)]
struct Counted {
    rows: DataFrame,
    seen: Arc<AtomicUsize>,
}

impl Counted {
    fn new(rows: DataFrame) -> Self {
        let seen = Arc::default();
        Self { rows, seen }
    }

    fn seen(&self) -> usize {
        self.seen.swap(0, Ordering::Relaxed)
    }
}

impl Source for Counted {
    fn scan(&self) -> floe::Result<LazyFrame> {
        let seen = Arc::clone(&self.seen);
        let counting = col("y").map(
            move |column| {
                seen.fetch_add(column.len(), Ordering::Relaxed);
                Ok(column)
            },
            |_, field| Ok(field.clone()),
        );
        Ok(self.rows.clone().lazy().with_columns([counting]))
    }

    fn outline(&self) -> floe::Result<Outline> {
        Ok(Outline::of_rows(self.rows.height() as u64))
    }
}

/// Two levels: a quantile and moments first, then what is learned of a difference of the two.
macro_rules! flow {
    ($source:expr, $split:expr) => {
        floe::from($source)
            .split($split)
            .then(StandardScaler::new(["x", "wide"]))
            .then(RobustScaler::new(["gaps"]))
            .then(WithColumns::new([
                (col("x") - col("wide")).alias("difference")
            ]))
            .then(MinMaxScaler::new(["difference"]))
            .on_target(MinMaxScaler::new(["y"]))
            .learn(
                LinearRegression::new(["x", "wide", "difference"], "y")
                    .rank(RankPolicy::MinimumNorm),
            )
    };
}

/// What a model file holds.
macro_rules! saved {
    ($model:expr) => {{
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.json");
        $model.save(&path).expect("a model file");
        let text = std::fs::read_to_string(path).expect("a file");
        let mut file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        file["contents"].take()
    }};
}

/// How many rows each fold of a run holds.
macro_rules! sizes {
    ($run:expr) => {{
        let folds = 0..$run.models().len();
        let sizes = folds.map(|fold| $run.test(fold).collect().expect("rows").height());
        sizes.collect::<Vec<_>>()
    }};
}

#[test]
fn one_reading_a_level_fits_all_folds_to_the_bits_of_each_alone() {
    let n = 9_001;
    for k in [5, 10] {
        let source = Counted::new(rows(n));
        let folds = KFold::new(k).seed(3);
        let together = flow!(source.clone(), folds.clone());
        let explain = together.explain().expect("a plan");
        assert_eq!(source.seen(), 0, "explain read rows");
        let levels = explain.levels.len();
        assert!(levels >= 2, "{explain}");
        assert_eq!((explain.count_scans, explain.score_scans), (0, 1));
        let run = together.run().expect("a run");
        assert_eq!(source.seen(), (levels + 1) * n, "{k} folds");
        assert_eq!(run.scans().len(), explain.scans());
        for fold in 0..k {
            let alone = flow!(source.clone(), folds.clone().fold(fold));
            let alone = alone.run().expect("a run");
            let (found, expected) = (saved!(run.models()[fold]), saved!(alone.model()));
            for part in ["steps", "target_steps", "predictor", "metrics", "inputs"] {
                assert_eq!(found[part], expected[part], "fold {fold} of {k}: {part}");
            }
            assert_eq!(
                bits(&run.test(fold).collect().expect("rows")),
                bits(&alone.test().collect().expect("rows")),
            );
        }
    }
}

#[test]
fn predictions_are_out_of_fold_and_in_source_order() {
    let run = flow!(InMemory::new(rows(503)), KFold::new(4).seed(9))
        .run()
        .expect("a run");
    let predicted = run.predictions().expect("a query").collect().expect("rows");
    let numbers = predicted
        .column("row")
        .expect("a column")
        .i64()
        .expect("integers");
    assert!(numbers.into_no_null_iter().eq(0..503));
    let whole = predicted
        .column("prediction")
        .expect("a column")
        .f64()
        .expect("floats");
    let mut seen = 0;
    for (fold, model) in run.models().iter().enumerate() {
        let test = run.test(fold).lazy();
        let alone = model
            .predict(test)
            .expect("a query")
            .collect()
            .expect("rows");
        let rows = alone
            .column("row")
            .expect("a column")
            .i64()
            .expect("integers");
        let values = alone
            .column("prediction")
            .expect("a column")
            .f64()
            .expect("floats");
        for (row, value) in rows.into_no_null_iter().zip(values.iter()) {
            let found = whole.get(usize::try_from(row).expect("a row"));
            assert_eq!(found.map(f64::to_bits), value.map(f64::to_bits));
            seen += 1;
        }
        let scored = model.evaluate(InMemory::new(run.test(fold).collect().expect("rows")));
        assert_eq!(scored.expect("metrics"), run.metrics()[fold]);
    }
    assert_eq!(seen, 503);
    let spread = run.metric("rmse").expect("a metric");
    let of_folds: Vec<f64> = run
        .metrics()
        .iter()
        .filter_map(|fold| fold.rmse())
        .collect();
    let mean = of_folds.iter().sum::<f64>() / 4.0;
    assert_eq!((spread.folds, spread.mean), (4, mean));
    assert!(spread.std > 0.0 && run.summary().len() >= 7);
}

#[test]
fn a_model_of_all_rows_is_there_when_it_was_asked_for() {
    let source = Counted::new(rows(600));
    let without = flow!(source.clone(), KFold::new(3)).run().expect("a run");
    let error = without.model().expect_err("no model");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("refit()"), "{error}");
    source.seen();
    let run = flow!(source.clone(), KFold::new(3).refit())
        .run()
        .expect("a run");
    let scans = run.scans().len();
    assert_eq!(source.seen(), scans * 600, "the refit costs no scan");
    let model = run.model().expect("a model");
    let moments = |model: &serde_json::Value| model["steps"][0].clone();
    assert_ne!(moments(&saved!(model)), moments(&saved!(run.models()[0])));
    let all = floe::train_on(InMemory::new(rows(600))).expect("rows");
    let alone = StandardScaler::new(["x"]).fit_on(&all).expect("a fit");
    let (mean, std) = (alone.mean("x").expect("x"), alone.std("x").expect("x"));
    let of_run = model.pipeline().steps();
    let scaled = of_run
        .apply(rows(600).lazy())
        .expect("a query")
        .collect()
        .expect("rows");
    let first = scaled
        .column("x")
        .expect("x")
        .f64()
        .expect("floats")
        .get(0)
        .expect("a value");
    let x = rows(600)
        .column("x")
        .expect("x")
        .f64()
        .expect("floats")
        .get(0)
        .expect("a value");
    assert!((first - (x - mean) / std).abs() < 1e-12);
    assert!(model.tags().iter().any(|tag| tag.contains("all folds")));
}

#[test]
fn folds_are_exact_disjoint_and_cover() {
    for (n, k) in [(7, 3), (10, 10), (100, 7), (1000, 5)] {
        for split in [KFold::new(k).seed(1), KFold::new(k).in_order()] {
            let flow = floe::from(InMemory::new(rows(n))).split(split);
            let run = flow.learn(MeanRegressor::new("y")).run().expect("a run");
            let expected: Vec<_> = (0..k)
                .map(|fold| n / k + usize::from(fold < n % k))
                .collect();
            assert_eq!(sizes!(run), expected);
            let mut seen: Vec<i64> = Vec::new();
            for fold in 0..k {
                let rows = run.test(fold).collect().expect("rows");
                seen.extend(
                    rows.column("row")
                        .expect("row")
                        .i64()
                        .expect("rows")
                        .into_no_null_iter(),
                );
            }
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..n as i64));
        }
    }
}

#[test]
fn filtered_rows_are_dealt_by_their_number_in_the_source() {
    let kept = |split: KFold| {
        let flow = floe::from(InMemory::new(rows(100))).keep((col("row") % lit(3)).neq(lit(1)));
        let flow = flow.split(split).learn(MeanRegressor::new("y"));
        assert_eq!(flow.explain().expect("a plan").count_scans, 1);
        flow.run().expect("a run")
    };
    let run = kept(KFold::new(4).in_order());
    assert_eq!(sizes!(run), [17, 17, 17, 16]);
    let second = run.test(1).collect().expect("rows");
    assert_eq!(
        second
            .column("row")
            .expect("row")
            .i64()
            .expect("rows")
            .get(0),
        Some(26)
    );
    assert_eq!(sizes!(kept(KFold::new(4).seed(8))), [17, 17, 17, 16]);
}

#[test]
fn equal_keys_stay_together() {
    let n = 400;
    let key: Vec<String> = (0..n).map(|row| format!("k{}", row * row % 23)).collect();
    let mut frame = rows(n);
    frame
        .with_column(Column::new("key".into(), key))
        .expect("a column");
    for split in [
        KFold::new(3).by_key("key"),
        KFold::new(3).by_key("key").stable(),
    ] {
        let flow = floe::from(InMemory::new(frame.clone())).split(split);
        let run = flow.learn(MeanRegressor::new("y")).run().expect("a run");
        let mut owner = std::collections::HashMap::new();
        for fold in 0..3 {
            let rows = run.test(fold).collect().expect("rows");
            for key in rows
                .column("key")
                .expect("key")
                .str()
                .expect("text")
                .iter()
                .flatten()
            {
                assert_eq!(*owner.entry(key.to_owned()).or_insert(fold), fold);
            }
        }
        assert_eq!(sizes!(run).iter().sum::<usize>(), n);
    }
}

fn refusal(split: KFold) -> floe::Error {
    let flow = floe::from(InMemory::new(rows(4))).split(split);
    flow.learn(MeanRegressor::new("y"))
        .run()
        .expect_err("no folds")
}

#[test]
fn folds_that_cannot_be_are_refused() {
    for split in [
        KFold::new(0),
        KFold::new(1),
        KFold::new(5),
        KFold::new(2).in_order().seed(1),
        KFold::new(2).in_order().by_key("row"),
        KFold::new(2).in_order().stable(),
    ] {
        let constant = split.clone();
        let error = refusal(split);
        assert_eq!(error.kind(), ErrorKind::Split, "{constant:?}: {error}");
    }
    let all_one_key = df!["key" => ["a", "a", "a"], "y" => [1.0, 2.0, 3.0]].expect("columns");
    let flow = floe::from(InMemory::new(all_one_key)).split(KFold::new(2).by_key("key"));
    let error = flow
        .learn(MeanRegressor::new("y"))
        .run()
        .expect_err("one key");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Split, Some("key"))
    );
    let flow = floe::from(InMemory::new(rows(9))).split(KFold::new(3).fold(3));
    let error = flow
        .learn(MeanRegressor::new("y"))
        .check()
        .expect_err("no such fold");
    assert_eq!(error.kind(), ErrorKind::Split);
}

#[test]
fn an_error_says_for_which_fold() {
    // Without the rows of the second fold the column is constant.
    let values = (0..12).map(|at| if (4..8).contains(&at) { at } else { 1 });
    let values: Vec<i64> = values.collect();
    let y: Vec<f64> = (0..12).map(f64::from).collect();
    let frame = df!["x" => values, "y" => y].expect("columns");
    let flow = || floe::from(InMemory::new(frame.clone())).split(KFold::new(3).in_order());
    let of_step = flow().then(StandardScaler::new(["x"]).constant(Constant::Error));
    let of_step = of_step.learn(MeanRegressor::new("y")).run();
    let later = WithColumns::new([(col("x") * lit(2)).alias("twice")]);
    let later = flow().then(MinMaxScaler::new(["x"])).then(later);
    let later = later.then(MinMaxScaler::new(["twice"]).constant(Constant::Error));
    let later = later.learn(MeanRegressor::new("y")).run();
    let of_model = flow().learn(LinearRegression::new(["x"], "y")).run();
    for error in [of_step.err(), later.err(), of_model.err()] {
        let error = error.expect("a constant column");
        assert_eq!(error.kind(), ErrorKind::Fit);
        assert!(error.to_string().contains("for fold 1, "), "{error}");
    }
}

/// Adds a column only where the train rows hold a large value.
#[derive(Clone, Debug)]
struct Flag;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Flagged(bool);

impl Artifact for Flagged {
    const KIND: &'static str = "flagged";
}

impl Apply for Flagged {
    fn apply(&self, frame: LazyFrame) -> floe::Result<LazyFrame> {
        let flag = self.0.then(|| col("x").gt(lit(100)).alias("flag"));
        Ok(frame.with_columns(flag.into_iter().collect::<Vec<_>>()))
    }

    fn output(&self, input: &Schema) -> floe::Result<Schema> {
        let mut output = input.clone();
        if self.0 {
            output.set(floe::Field::new("flag", DataType::Boolean));
        }
        Ok(output)
    }
}

impl Transform for Flag {
    type Fitted = Flagged;

    fn reads(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(vec!["x".into()])
    }

    fn writes(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(vec!["flag".into()])
    }

    fn needs(&self, _: &Schema) -> floe::Result<Vec<Need>> {
        Ok(vec![Need::column("x", Statistic::Max)])
    }

    fn fit(&self, _: &Schema, learned: &Learned) -> floe::Result<Flagged> {
        let max = learned.max("x")?;
        Ok(Flagged(max.is_some_and(|max| max.to_f64() > 100.0)))
    }

    fn output(&self, input: &Schema) -> floe::Result<Schema> {
        Apply::output(&Flagged(true), input)
    }
}

#[test]
fn columns_may_differ_by_fold() {
    let x: Vec<i64> = (0..12).map(|at| if at == 5 { 1000 } else { at }).collect();
    let frame = df!["x" => x, "y" => (0..12).map(f64::from).collect::<Vec<_>>()];
    let frame = frame.expect("columns");
    let flow = || floe::from(InMemory::new(frame.clone())).split(KFold::new(3).in_order());
    let unread = flow().then(Flag).learn(LinearRegression::new(["x"], "y"));
    assert_eq!(unread.run().expect("a run").models().len(), 3);
    let read = flow().then(Flag).then(MinMaxScaler::new(["flag"]));
    let error = read.learn(MeanRegressor::new("y")).run();
    let error = error.expect_err("one fold lacks the column");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("flag"))
    );
    assert!(error.to_string().contains("for fold 1, "), "{error}");
}

#[test]
fn three_sides_are_scored_and_only_one_is_learned_from() {
    let n = 1000;
    let source = || InMemory::new(rows(n));
    let split = TrainValidationTest::new(0.15, 0.2).seed(42);
    let run = flow!(source(), split.clone()).run().expect("a run");
    let two = flow!(source(), TrainTestSplit::new(0.2).seed(42))
        .run()
        .expect("a run");
    let height = |frame: DataFrame| frame.height();
    assert_eq!(height(run.train().collect().expect("rows")), 650);
    let validation = run
        .validation()
        .expect("a third side")
        .collect()
        .expect("rows");
    assert_eq!(validation.height(), 150);
    assert_eq!(
        run.test().collect().expect("rows"),
        two.test().collect().expect("rows"),
        "the test rows are those of a split in two"
    );
    let scored = run
        .model()
        .evaluate(InMemory::new(validation))
        .expect("metrics");
    assert_eq!(Some(&scored), run.validation_metrics());
    assert_eq!(run.metrics().rows(), 200);
    assert_eq!(
        flow!(source(), split)
            .explain()
            .expect("a plan")
            .score_scans,
        2
    );
    for (validation, test) in [(0.5, 0.5), (0.6, 0.6), (0.0, 0.2), (f64::NAN, 0.2)] {
        let flow = flow!(source(), TrainValidationTest::new(validation, test));
        assert_eq!(
            flow.check().expect_err("no train rows").kind(),
            ErrorKind::Split
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn appended_rows_move_nothing_in_stable_folds(seed: u64, k in 2_usize..9, more in 1_usize..200) {
        let fold_of = |n: usize| {
            let flow = floe::from(InMemory::new(rows(n))).split(KFold::new(k).seed(seed).stable());
            let run = flow.learn(MeanRegressor::new("y")).run().expect("a run");
            let mut folds = vec![0; n];
            for fold in 0..k {
                let rows = run.test(fold).collect().expect("rows");
                for row in rows.column("row").expect("row").i64().expect("rows").into_no_null_iter() {
                    folds[usize::try_from(row).expect("a row")] = fold;
                }
            }
            folds
        };
        let before = fold_of(300);
        prop_assert_eq!(&fold_of(300 + more)[..300], &before[..]);
        prop_assert!((0..k).all(|fold| before.contains(&fold)) || k > 5);
    }
}

/// The vectors of `docs/splitting.md`, recomputed by `tests/golden/reference.py`.
#[test]
fn folds_and_sides_agree_with_the_golden_vectors() {
    let golden = include_str!("../golden/splitting.json");
    let golden: serde_json::Value = serde_json::from_str(golden).expect("JSON");
    let number = |value: &serde_json::Value| {
        let number = value.as_u64().expect("a number");
        usize::try_from(number).expect("a small number")
    };
    let seed = |case: &serde_json::Value| -> u64 {
        case["seed"]
            .as_str()
            .expect("text")
            .parse()
            .expect("a seed")
    };
    let numbers = |frame: DataFrame| -> Vec<usize> {
        let rows = frame
            .column("row")
            .expect("row")
            .i64()
            .expect("integers")
            .clone();
        rows.into_no_null_iter()
            .map(|row| usize::try_from(row).expect("a row"))
            .collect()
    };
    let cases = golden["folds"].as_array().expect("a list");
    assert!(!cases.is_empty());
    for case in cases {
        let (n, k) = (number(&case["n"]), number(&case["k"]));
        let splits = [
            ("fold", KFold::new(k).seed(seed(case))),
            ("stable", KFold::new(k).seed(seed(case)).stable()),
            ("in_order", KFold::new(k).in_order()),
        ];
        for (part, split) in splits {
            let expected: Vec<usize> = case[part]
                .as_array()
                .expect("a list")
                .iter()
                .map(number)
                .collect();
            // One fold at a time, since a stable fold of so few rows may be empty.
            for fold in 0..k {
                let rows = InMemory::new(rows(n));
                let sides = floe::from(rows).split(split.clone().fold(fold)).frames();
                let (train, test) = sides.expect("rows");
                let found = numbers(test.collect().expect("rows"));
                let expected = (0..n).filter(|row| expected[*row] == fold);
                assert_eq!(found, expected.collect::<Vec<_>>(), "{part} {fold} of {k}");
                assert_eq!(found.len() + train.collect().expect("rows").height(), n);
            }
        }
    }
    let cases = golden["three_sides"].as_array().expect("a list");
    assert!(!cases.is_empty());
    for case in cases {
        let share = |name: &str| -> f64 {
            let share = case[name].as_str().expect("text");
            share.parse().expect("a share")
        };
        let split = TrainValidationTest::new(share("validation_share"), share("test_share"));
        let flow =
            floe::from(InMemory::new(rows(number(&case["n"])))).split(split.seed(seed(case)));
        let run = flow.learn(MeanRegressor::new("y")).run().expect("a run");
        let expected = |side: &str| -> Vec<usize> {
            case[side]
                .as_array()
                .expect("a list")
                .iter()
                .map(number)
                .collect()
        };
        assert_eq!(
            numbers(run.test().collect().expect("rows")),
            expected("test")
        );
        let validation = run.validation().expect("a third side").collect();
        assert_eq!(numbers(validation.expect("rows")), expected("validation"));
    }
}

/// What a model learned must not depend on the rows that it is scored on.
#[test]
fn nothing_of_a_fold_reaches_its_own_model() {
    let k = 4;
    let split = KFold::new(k).seed(5);
    let before = flow!(InMemory::new(rows(400)), split.clone())
        .run()
        .expect("a run");
    for fold in 0..k {
        let own = before.test(fold).collect().expect("rows");
        let own = own.column("row").expect("row").i64().expect("integers");
        let own: Vec<i64> = own.into_no_null_iter().collect();
        let hit: Vec<bool> = (0..400).map(|row| own.contains(&row)).collect();
        let mut changed = rows(400);
        changed
            .with_column(Column::new("hit".into(), hit))
            .expect("a column");
        let other = |name: &str| {
            let changed = col(name) * lit(-3) + lit(7_000);
            when(col("hit"))
                .then(changed)
                .otherwise(col(name))
                .alias(name)
        };
        let changed = changed.lazy();
        let changed = changed.with_columns(["wide", "x", "gaps", "y"].map(other));
        let changed = changed
            .collect()
            .expect("rows")
            .drop("hit")
            .expect("a column");
        let after = flow!(InMemory::new(changed), split.clone())
            .run()
            .expect("a run");
        for part in ["steps", "target_steps", "predictor"] {
            let (old, new) = (saved!(before.models()[fold]), saved!(after.models()[fold]));
            assert_eq!(old[part], new[part], "fold {fold}: {part}");
        }
        let another = (fold + 1) % k;
        let (old, new) = (
            saved!(before.models()[another]),
            saved!(after.models()[another]),
        );
        assert_ne!(old["steps"], new["steps"], "the rows were changed");
    }
}
