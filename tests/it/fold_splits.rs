//! Folds by class, by group, by time and by a column: exact, frozen, and fitted as `KFold` is.

use std::collections::{BTreeMap, BTreeSet};

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::splitter::{FoldSplitter, OneFold};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};
use serde_json::Value;

use crate::support;

/// The rows that each fold learns from, and those that it tests.
type Dealt = Vec<(Vec<i64>, Vec<i64>)>;

/// A column next to the row's number and a target.
fn with(column: Column) -> DataFrame {
    let n = column.len();
    let rows: Vec<i64> = (0..n as i64).collect();
    let y: Vec<f64> = (0..n).map(|row| (row as f64 * 0.7).sin()).collect();
    let mut frame = df!["row" => rows, "y" => y].expect("columns");
    frame.with_column(column).expect("a column");
    frame
}

fn texts(name: &str, values: impl IntoIterator<Item = impl AsRef<str>>) -> DataFrame {
    let values: Vec<String> = values
        .into_iter()
        .map(|value| value.as_ref().to_owned())
        .collect();
    with(Column::new(name.into(), values))
}

fn numbers(frame: &DataFrame) -> Vec<i64> {
    let rows = frame.column("row").expect("rows").i64().expect("integers");
    rows.into_no_null_iter().collect()
}

macro_rules! sides {
    ($run:expr) => {{
        let of = |fold| {
            let train = $run.train(fold).collect().expect("rows");
            let test = $run.test(fold).collect().expect("rows");
            (numbers(&train), numbers(&test))
        };
        (0..$run.models().len()).map(of).collect::<Dealt>()
    }};
}

/// Runs a flow over the folds, and holds what must hold of any splitter: scans are as explained, no
/// row is on both sides or tested twice, and a row has a prediction when it was tested.
fn dealt<S: FoldSplitter + Clone>(frame: &DataFrame, split: S) -> Dealt {
    let flow = floe::from(InMemory::new(frame.clone())).split(split.clone());
    let flow = flow.learn(MeanRegressor::new("y"));
    let explain = flow.explain().expect("a plan");
    let run = flow.run().expect("a run");
    assert_eq!(run.scans().len(), explain.scans(), "{explain}");
    assert_eq!(run.models().len(), split.folds());
    assert_eq!(run.metrics().len(), split.folds());
    let sides = sides!(run);
    let mut tested = BTreeSet::new();
    for (train, test) in &sides {
        assert!(!train.is_empty() && !test.is_empty());
        assert!(train.is_sorted() && test.is_sorted());
        assert!(train.iter().all(|row| !test.contains(row)));
        assert!(test.iter().all(|row| tested.insert(*row)), "tested twice");
    }
    let predicted = run.predictions().expect("a query").collect().expect("rows");
    assert!(numbers(&predicted).into_iter().eq(0..frame.height() as i64));
    let values = predicted
        .column("prediction")
        .expect("predictions")
        .f64()
        .expect("floats");
    for (row, value) in (0..).zip(values.iter()) {
        assert_eq!(value.is_some(), tested.contains(&row), "row {row}");
    }
    sides
}

fn tests(dealt: &Dealt) -> Vec<Vec<i64>> {
    dealt.iter().map(|(_, test)| test.clone()).collect()
}

/// The rows of each fold from a list of the fold of each row.
fn by_fold(fold_of: &Value, k: usize) -> Vec<Vec<i64>> {
    let mut folds = vec![Vec::new(); k];
    for (row, fold) in (0..).zip(fold_of.as_array().expect("a list")) {
        folds[usize_of(fold)].push(row);
    }
    folds
}

fn usize_of(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a number")).expect("small")
}

fn rows_of(value: &Value) -> Vec<i64> {
    let rows = value.as_array().expect("a list").iter();
    rows.map(|row| row.as_i64().expect("a row")).collect()
}

fn seed_of(value: &Value) -> u64 {
    value["seed"]
        .as_str()
        .expect("text")
        .parse()
        .expect("a seed")
}

fn golden(part: &str) -> Vec<Value> {
    let golden: Value =
        serde_json::from_str(include_str!("../golden/splitting.json")).expect("JSON");
    let cases = golden[part].as_array().expect("a list").clone();
    assert!(!cases.is_empty());
    cases
}

fn letters(value: &Value) -> Vec<String> {
    let letters = value.as_str().expect("text").chars();
    letters.map(String::from).collect()
}

#[test]
fn stratified_folds_agree_with_the_golden_vectors() {
    for case in golden("stratified") {
        let frame = texts("class", letters(&case["classes"]));
        let k = usize_of(&case["k"]);
        let seeded = StratifiedKFold::new(k, "class").seed(seed_of(&case));
        assert_eq!(tests(&dealt(&frame, seeded)), by_fold(&case["fold"], k));
        let in_order = StratifiedKFold::new(k, "class").in_order();
        assert_eq!(
            tests(&dealt(&frame, in_order)),
            by_fold(&case["in_order"], k)
        );
    }
    for case in golden("stratified_splits") {
        let frame = texts("class", letters(&case["classes"]));
        let share = case["share"]
            .as_str()
            .expect("text")
            .parse()
            .expect("a share");
        let split = TrainTestSplit::new(share)
            .seed(seed_of(&case))
            .stratify_by("class");
        let flow = floe::from(InMemory::new(frame)).split(split);
        let explain = flow.explain().expect("a plan");
        assert_eq!(explain.count_scans, 1);
        assert_eq!(explain.count_held.as_deref(), Some("4 bytes a row"));
        let (train, test) = flow.frames().expect("sides");
        let test = numbers(&test.collect().expect("rows"));
        assert_eq!(test, rows_of(&case["test"]));
        let train = numbers(&train.collect().expect("rows"));
        assert!(train.iter().all(|row| !test.contains(row)));
    }
}

#[test]
fn groups_and_windows_agree_with_the_golden_vectors() {
    for case in golden("grouped") {
        let groups = case["groups"].as_array().expect("a list").iter();
        let frame = texts("group", groups.map(|group| group.as_str().expect("text")));
        let k = usize_of(&case["k"]);
        let split = GroupKFold::new(k, "group").seed(seed_of(&case));
        assert_eq!(tests(&dealt(&frame, split)), by_fold(&case["fold"], k));
    }
    for case in golden("time_series") {
        let times = rows_of(&case["times"]);
        let mut split = TimeSeriesSplit::new(usize_of(&case["k"]));
        split = split.gap(case["gap"].as_u64().expect("rows"));
        if let Some(rows) = case["max_train_size"].as_u64() {
            split = split.max_train_size(rows);
        }
        if let Some(rows) = case["test_size"].as_u64() {
            split = split.test_size(rows);
        }
        let windows = case["windows"].as_array().expect("a list").iter();
        let expected: Dealt = windows
            .map(|window| (rows_of(&window["train"]), rows_of(&window["test"])))
            .collect();
        if times.iter().copied().eq(0..times.len() as i64) {
            let frame = with(Column::new("day".into(), times.clone()));
            assert_eq!(dealt(&frame, split.clone()), expected);
        }
        let days: Vec<i32> = times
            .iter()
            .map(|day| i32::try_from(*day).expect("small"))
            .collect();
        let floats: Vec<f64> = times.iter().map(|day| *day as f64 / 4.0 - 2.0).collect();
        let date = Column::new("day".into(), days)
            .cast(&DataType::Date)
            .expect("dates");
        for column in [
            Column::new("day".into(), times),
            date,
            Column::new("day".into(), floats),
        ] {
            assert_eq!(dealt(&with(column), split.clone().by_time("day")), expected);
        }
    }
}

#[test]
fn stratified_folds_in_order_are_those_of_scikit_learn() {
    let Some(table) = support::data("titanic/train.csv") else {
        return;
    };
    let Some(expected) = support::text("expected/scikit_learn.json") else {
        return;
    };
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    let expected = rows_of(&expected["titanic"]["stratified_kfold5_first_fold_test_idx"]);
    let flow = floe::from(Csv::new(table).row_index("row"));
    let flow = flow.split(StratifiedKFold::new(5, "Survived").in_order().fold(0));
    let (train, test) = flow.frames().expect("sides");
    let rows = |frame: DataFrame| -> Vec<i64> {
        let rows = frame
            .column("row")
            .expect("rows")
            .cast(&DataType::Int64)
            .expect("integers");
        rows.i64().expect("integers").into_no_null_iter().collect()
    };
    assert_eq!(rows(test.collect().expect("rows")), expected);
    assert_eq!(
        train.collect().expect("rows").height(),
        891 - expected.len()
    );
}

#[test]
fn the_fold_of_a_row_can_be_said() {
    let said = [2_i8, 0, -1, 1, 0, -1, 1, 2, 2];
    let expected: Dealt = (0..3)
        .map(|fold| {
            let rows = |is_test: bool| {
                let rows = (0..).zip(said).filter(|(_, of)| (*of == fold) == is_test);
                rows.map(|(row, _)| row).collect::<Vec<i64>>()
            };
            (rows(false), rows(true))
        })
        .collect();
    let frame = with(Column::new("fold".into(), said));
    assert_eq!(dealt(&frame, PredefinedSplit::new(3, "fold")), expected);
    let all = said.map(|fold| u64::try_from(fold).unwrap_or(0));
    let frame = with(Column::new("fold".into(), all));
    let dealt = dealt(&frame, PredefinedSplit::new(3, "fold"));
    assert_eq!(tests(&dealt)[0], [1, 2, 4, 5]);
    // One fold will do where other rows teach its model.
    let one = with(Column::new("fold".into(), [0_i64, -1, -1, 0]));
    assert_eq!(
        self::dealt(&one, PredefinedSplit::new(1, "fold")),
        [(vec![1, 2], vec![0, 3])]
    );
}

/// What a model file holds, but for what is said of the split.
macro_rules! saved {
    ($model:expr) => {{
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.json");
        $model.save(&path).expect("a model file");
        let text = std::fs::read_to_string(path).expect("a file");
        let mut file: Value = serde_json::from_str(&text).expect("JSON");
        let mut contents = file["contents"].take();
        contents["split"] = Value::Null;
        contents
    }};
}

/// Two levels, so that models learn apart too.
macro_rules! flow {
    ($frame:expr, $split:expr) => {
        floe::from(InMemory::new($frame))
            .split($split)
            .then(StandardScaler::new(["x"]))
            .then(RobustScaler::new(["z"]))
            .then(WithColumns::new([(col("x") * col("z")).alias("both")]))
            .then(MinMaxScaler::new(["both"]))
            .on_target(StandardScaler::new(["y"]))
            .learn(LinearRegression::new(["x", "both"], "y"))
    };
}

fn agrees_with_each_alone<S: FoldSplitter + Clone>(frame: &DataFrame, split: S) {
    let flow = flow!(frame.clone(), split.clone());
    let explain = flow.explain().expect("a plan");
    assert!(explain.levels.len() >= 2, "{explain}");
    let run = flow.run().expect("a run");
    assert_eq!(run.scans().len(), explain.scans(), "{explain}");
    for (fold, model) in run.models().iter().enumerate() {
        let alone = flow!(frame.clone(), OneFold::new(split.clone(), fold));
        let explain = alone.explain().expect("a plan");
        let alone = alone.run().expect("a run");
        assert_eq!(alone.scans().len(), explain.scans(), "{explain}");
        assert_eq!(
            saved!(model),
            saved!(alone.model()),
            "fold {fold} of {split:?}"
        );
        assert_eq!(alone.metrics(), &run.metrics()[fold]);
    }
    if explain.models > split.folds() {
        let model = run.model().expect("a model of all rows");
        let apart = flow!(frame.clone(), split).refit_on_all().expect("a model");
        let close = |model: &Value| model["predictor"]["state"]["intercept"].as_f64();
        let (found, expected) = (close(&saved!(model)), close(&saved!(apart)));
        if let (Some(found), Some(expected)) = (found, expected) {
            assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0));
        }
    }
}

#[test]
fn the_models_of_a_run_have_the_bits_of_each_alone() {
    let n = 5000_usize;
    let wave = |row: usize, by: f64| (row as f64 * by).sin() * 100.0;
    let of = |by: f64| (0..n).map(|row| wave(row, by) + 1e6).collect::<Vec<_>>();
    let fold: Vec<i64> = (0..n).map(|row| (row * row % 13) as i64 % 4 - 1).collect();
    let group: Vec<i64> = (0..n).map(|row| (row * row % 101) as i64).collect();
    let frame =
        df!["x" => of(0.37), "z" => of(0.11), "y" => of(0.73), "fold" => fold, "group" => group];
    let frame = frame.expect("columns");
    agrees_with_each_alone(&frame, StratifiedKFold::new(3, "group").seed(4));
    agrees_with_each_alone(&frame, StratifiedKFold::new(3, "group").in_order().refit());
    agrees_with_each_alone(&frame, GroupKFold::new(4, "group").refit());
    agrees_with_each_alone(&frame, PredefinedSplit::new(3, "fold"));
    let windows = TimeSeriesSplit::new(3).gap(10).max_train_size(1500);
    agrees_with_each_alone(&frame, windows.refit());
    agrees_with_each_alone(&frame, TimeSeriesSplit::new(3).by_time("group"));
}

#[test]
fn filtered_rows_are_dealt_among_themselves() {
    let classes = (0..60).map(|row| if row % 4 == 0 { "a" } else { "b" });
    let frame = texts("class", classes);
    let odd = || floe::from(InMemory::new(frame.clone())).keep((col("row") % lit(3)).neq(lit(1)));
    let run = odd().split(StratifiedKFold::new(4, "class").seed(1));
    let run = run.learn(MeanRegressor::new("y")).run().expect("a run");
    let of = sides!(run);
    assert_eq!(
        of.iter().map(|(_, test)| test.len()).collect::<Vec<_>>(),
        [10; 4]
    );
    for (_, test) in &of {
        let rare = test.iter().filter(|row| *row % 4 == 0).count();
        assert!((2..=3).contains(&rare), "{rare}");
    }
    let flow = odd()
        .split(TimeSeriesSplit::new(3))
        .learn(MeanRegressor::new("y"));
    assert_eq!(flow.explain().expect("a plan").count_scans, 1);
    let run = flow.run().expect("a run");
    let of = sides!(run);
    let kept: Vec<i64> = (0..60).filter(|row| row % 3 != 1).collect();
    assert_eq!(of[1], (kept[..20].to_vec(), kept[20..30].to_vec()));
}

#[test]
fn a_null_is_a_class_and_any_key_will_do() {
    let class: Vec<Option<bool>> = (0..24)
        .map(|row| [Some(true), Some(false), None][row % 3])
        .collect();
    let frame = with(Column::new("class".into(), class));
    for (_, test) in dealt(&frame, StratifiedKFold::new(4, "class")) {
        let mut of = [0; 3];
        test.iter()
            .for_each(|row| of[usize::try_from(row % 3).expect("small")] += 1);
        assert_eq!(of, [2, 2, 2]);
    }
    let whole = Column::new(
        "class".into(),
        (0..24_i64).map(|row| row % 2).collect::<Vec<_>>(),
    );
    for dtype in [
        DataType::UInt8,
        DataType::Float32,
        DataType::String,
        DataType::Date,
    ] {
        let as_days = whole
            .cast(&DataType::Int32)
            .expect("integers")
            .cast(&dtype)
            .expect("a column");
        for (_, test) in dealt(&with(as_days), StratifiedKFold::new(3, "class").seed(2)) {
            assert_eq!(
                test.iter().filter(|row| *row % 2 == 0).count(),
                4,
                "{dtype}"
            );
        }
    }
}

fn refused<S: Splitter>(frame: &DataFrame, split: S) -> floe::Error {
    let flow = floe::from(InMemory::new(frame.clone())).split(split);
    let flow = flow.learn(MeanRegressor::new("y"));
    // Some of it only the rows can say.
    let early = flow.check().err();
    let late = || flow.split_report::<&str>([]).err();
    early.or_else(late).expect("a split that cannot be")
}

#[test]
fn splits_that_cannot_be_are_refused() {
    let class = ["a", "b", "c", "a", "b", "c"];
    let mut frame = texts("class", class);
    for column in [
        Column::new(
            "gaps".into(),
            [Some(0_i64), Some(1), None, Some(0), Some(1), Some(0)],
        ),
        Column::new("nan".into(), [0.0, 1.0, f64::NAN, 3.0, 4.0, 5.0]),
        Column::new("far".into(), [0_i64, 1, 2, 3, 7, 1]),
        Column::new("below".into(), [0_i64, 1, -2, 1, 0, 1]),
        Column::new("hole".into(), [0_i64, 2, 2, 0, 0, 2]),
        Column::new("same".into(), [0_i64, 0, 0, 0, 0, 0]),
    ] {
        frame.with_column(column).expect("a column");
    }
    let frame = &frame;
    let windows = TimeSeriesSplit::new;
    let errors = [
        (refused(frame, StratifiedKFold::new(1, "class")), None),
        (refused(frame, StratifiedKFold::new(7, "class")), None),
        (
            refused(frame, StratifiedKFold::new(3, "class")),
            Some("class"),
        ),
        (
            refused(frame, StratifiedKFold::new(2, "class").seed(1).in_order()),
            None,
        ),
        (
            refused(
                frame,
                TrainTestSplit::new(0.5).stratify_by("class").stable(),
            ),
            Some("class"),
        ),
        (
            refused(
                frame,
                TrainTestSplit::new(0.5).stratify_by("class").by_key("gaps"),
            ),
            Some("class"),
        ),
        (
            refused(frame, TrainTestSplit::new(0.01).stratify_by("class")),
            None,
        ),
        (refused(frame, GroupKFold::new(0, "class")), None),
        (refused(frame, GroupKFold::new(4, "class")), Some("class")),
        (refused(frame, GroupKFold::new(2, "gaps")), Some("gaps")),
        (refused(frame, PredefinedSplit::new(0, "far")), None),
        (
            refused(frame, PredefinedSplit::new(3, "class")),
            Some("class"),
        ),
        (refused(frame, PredefinedSplit::new(3, "nan")), Some("nan")),
        (
            refused(frame, PredefinedSplit::new(3, "gaps")),
            Some("gaps"),
        ),
        (refused(frame, PredefinedSplit::new(3, "far")), Some("far")),
        (
            refused(frame, PredefinedSplit::new(2, "below")),
            Some("below"),
        ),
        (
            refused(frame, PredefinedSplit::new(3, "hole")),
            Some("hole"),
        ),
        (
            refused(frame, PredefinedSplit::new(1, "same")),
            Some("same"),
        ),
        (refused(frame, windows(0)), None),
        (refused(frame, windows(6)), None),
        (refused(frame, windows(3).gap(3)), None),
        (refused(frame, windows(3).test_size(2)), None),
        (refused(frame, windows(3).test_size(0)), None),
        (refused(frame, windows(3).max_train_size(0)), None),
        (refused(frame, windows(usize::MAX)), None),
        (refused(frame, windows(3).test_size(u64::MAX)), None),
        (refused(frame, windows(2).by_time("class")), Some("class")),
        (refused(frame, windows(2).by_time("gaps")), Some("gaps")),
        (refused(frame, windows(2).by_time("nan")), Some("nan")),
        (refused(frame, windows(2).by_time("same")), Some("same")),
        (refused(frame, GroupKFold::new(2, "class").fold(2)), None),
    ];
    for (at, (error, column)) in errors.iter().enumerate() {
        let found = (error.kind(), error.column());
        assert_eq!(found, (ErrorKind::Split, *column), "{at}: {error}");
        assert!(error.help().is_some(), "{at}: {error}");
    }
    let missing = refused(frame, StratifiedKFold::new(2, "nothing"));
    assert_eq!(
        (missing.kind(), missing.column()),
        (ErrorKind::Schema, Some("nothing"))
    );
}

/// How many rows of each class are among these.
fn counted<'a>(rows: &[i64], classes: &'a [String]) -> BTreeMap<&'a str, usize> {
    let mut counts: BTreeMap<&str, usize> =
        classes.iter().map(|class| (class.as_str(), 0)).collect();
    for row in rows {
        let class = &classes[usize::try_from(*row).expect("a row")];
        *counts.entry(class).or_default() += 1;
    }
    counts
}

fn classes() -> impl prop::strategy::Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-d]", 10..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn folds_share_each_class_within_one_row(
        classes in classes(), k in 2_usize..6, seed: u64, in_order: bool,
    ) {
        let all: Vec<i64> = (0..classes.len() as i64).collect();
        let most = counted(&all, &classes).into_values().max().expect("a class");
        if most >= k {
            let split = StratifiedKFold::new(k, "class");
            let split = if in_order { split.in_order() } else { split.seed(seed) };
            let dealt = dealt(&texts("class", &classes), split);
            let sizes: Vec<_> = dealt.iter().map(|(_, test)| test.len()).collect();
            let n = classes.len();
            let exact: Vec<_> = (0..k).map(|fold| n / k + usize::from(fold < n % k)).collect();
            prop_assert_eq!(sizes, exact);
            for (train, test) in &dealt {
                prop_assert_eq!(train.len() + test.len(), n);
                for (class, count) in counted(test, &classes) {
                    let of_all = counted(&all, &classes)[class];
                    prop_assert!(count >= of_all / k && count <= of_all.div_ceil(k));
                }
            }
        }
    }

    #[test]
    fn sides_share_each_class_within_one_row(classes in classes(), seed: u64, share in 0.1..0.9) {
        let all: Vec<i64> = (0..classes.len() as i64).collect();
        let split = |split: TrainTestSplit| {
            let flow = floe::from(InMemory::new(texts("class", &classes))).split(split.seed(seed));
            let (train, test) = flow.frames().expect("sides");
            let rows = [train.collect().expect("rows"), test.collect().expect("rows")];
            rows.map(|side| numbers(&side))
        };
        let [train, test] = split(TrainTestSplit::new(share).stratify_by("class"));
        let [_, as_plain] = split(TrainTestSplit::new(share));
        prop_assert_eq!(test.len(), as_plain.len());
        let mut both: Vec<i64> = train.into_iter().chain(test.iter().copied()).collect();
        both.sort_unstable();
        prop_assert_eq!(&both, &all);
        for (class, count) in counted(&test, &classes) {
            let of_all = counted(&all, &classes)[class];
            let ideal = (of_all * test.len()) as f64 / all.len() as f64;
            prop_assert!((count as f64 - ideal).abs() < 1.0, "{} of {}", count, ideal);
        }
    }

    #[test]
    fn groups_stay_whole_whatever_the_order(
        groups in prop::collection::vec(0_i64..12, 20..80), k in 2_usize..5, seed: u64,
    ) {
        let distinct: BTreeSet<_> = groups.iter().collect();
        if distinct.len() >= k {
            let split = GroupKFold::new(k, "group").seed(seed);
            let frame = with(Column::new("group".into(), groups.clone()));
            let dealt = dealt(&frame, split.clone());
            let mut fold_of = BTreeMap::new();
            for (fold, (_, test)) in dealt.iter().enumerate() {
                for row in test {
                    let group = groups[usize::try_from(*row).expect("a row")];
                    prop_assert_eq!(*fold_of.entry(group).or_insert(fold), fold);
                }
            }
            prop_assert_eq!(dealt.iter().map(|(_, test)| test.len()).sum::<usize>(), groups.len());
            // No fold is ahead of the lightest by more than one group.
            let sizes = dealt.iter().map(|(_, test)| test.len());
            let largest = distinct.iter().map(|of| groups.iter().filter(|group| group == of).count());
            let (most, least) = (sizes.clone().max(), sizes.min());
            prop_assert!(most.expect("a fold") <= least.expect("a fold") + largest.max().expect("a group"));
            let backwards: Vec<i64> = groups.iter().rev().copied().collect();
            let again = self::dealt(&with(Column::new("group".into(), backwards.clone())), split);
            for (fold, (_, test)) in again.iter().enumerate() {
                for row in test {
                    let group = backwards[usize::try_from(*row).expect("a row")];
                    prop_assert_eq!(fold_of[&group], fold);
                }
            }
        }
    }

    #[test]
    fn windows_come_after_what_they_were_learned_from(
        times in prop::collection::vec(any::<i8>(), 30..90), k in 1_usize..5,
        gap in 0_u64..4, most in prop::option::of(1_u64..12),
    ) {
        let split = TimeSeriesSplit::new(k).by_time("time").gap(gap);
        let split = match most { Some(most) => split.max_train_size(most), None => split };
        let frame = with(Column::new("time".into(), times.clone()));
        let flow = floe::from(InMemory::new(frame.clone())).split(split.clone());
        // Equal times may leave a side empty, which is an error and nothing else.
        if let Err(error) = flow.split_report::<&str>([]) {
            prop_assert!(error.to_string().contains("equal times"), "{}", error);
        } else {
            let at = |row: &i64| times[usize::try_from(*row).expect("a row")];
            for (train, test) in dealt(&frame, split) {
                let last = train.iter().map(at).max().expect("rows");
                let first = test.iter().map(at).min().expect("rows");
                prop_assert!(last < first);
                let between = times.iter().filter(|time| **time > last && **time < first).count();
                prop_assert!(between as u64 >= gap);
                prop_assert!(most.is_none_or(|most| train.len() as u64 <= most));
            }
        }
    }
}
