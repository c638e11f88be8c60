//! Splits are frozen, exact in size, and say no to what cannot work.

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

fn numbered(n: usize) -> DataFrame {
    let rows: Vec<i64> = (0..n as i64).collect();
    df!["row" => rows.clone(), "y" => rows].unwrap()
}

/// The test rows of a split, by their column `row`.
fn test_rows(source: impl Source + 'static, split: TrainTestSplit) -> Vec<i64> {
    let run = floe::from(source)
        .split(split)
        .learn(MeanRegressor::new("y"))
        .run()
        .unwrap();
    let rows = |frame: DataFrame| -> Vec<i64> {
        let column = frame.column("row").unwrap().i64().unwrap().clone();
        column.into_no_null_iter().collect()
    };
    let test = rows(run.test().collect().unwrap());
    let train = rows(run.train().collect().unwrap());
    assert!(train.iter().all(|row| !test.contains(row)));
    test
}

/// The vectors of `docs/splitting.md`, recomputed by `tests/golden/reference.py`.
#[test]
fn splits_agree_with_the_golden_vectors() {
    let golden = include_str!("../golden/splitting.json");
    let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
    let splits = golden["splits"].as_array().unwrap();
    assert!(!splits.is_empty());
    for split in splits {
        let n = usize::try_from(split["n"].as_u64().unwrap()).unwrap();
        let seed = split["seed"].as_str().unwrap().parse().unwrap();
        let share = split["share"].as_str().unwrap().parse().unwrap();
        let expected: Vec<i64> = split["test"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row.as_i64().unwrap())
            .collect();
        let split = TrainTestSplit::new(share).seed(seed);
        assert_eq!(test_rows(InMemory::new(numbered(n)), split), expected);
    }
}

#[test]
fn rows_are_numbered_before_they_are_filtered() {
    // What `keep` drops does not renumber the rest: of the rows that stay, those with the smallest
    // numbers are the test rows, and a stable split decides each of them as it did before.
    let all = test_rows(
        InMemory::new(numbered(1000)),
        TrainTestSplit::new(0.3).seed(5).stable(),
    );
    let run = floe::from(InMemory::new(numbered(1000)))
        .keep((col("row") % lit(3i64)).neq(lit(0i64)))
        .split(TrainTestSplit::new(0.3).seed(5).stable())
        .learn(MeanRegressor::new("y"))
        .run()
        .unwrap();
    let kept = run.test().collect().unwrap();
    let kept: Vec<i64> = kept
        .column("row")
        .unwrap()
        .i64()
        .unwrap()
        .into_no_null_iter()
        .collect();
    let expected: Vec<i64> = all.into_iter().filter(|row| row % 3 != 0).collect();
    assert_eq!(kept, expected);

    let run = floe::from(InMemory::new(numbered(1000)))
        .keep((col("row") % lit(3i64)).neq(lit(0i64)))
        .split(TrainTestSplit::new(0.3).seed(5))
        .learn(MeanRegressor::new("y"))
        .run()
        .unwrap();
    // 666 rows are left, and 0.3 of them is 199.8.
    assert_eq!(run.test().collect().unwrap().height(), 200);
    assert_eq!(run.train().collect().unwrap().height(), 466);
}

#[test]
fn a_stable_split_moves_nothing_when_rows_are_appended() {
    let split = TrainTestSplit::new(0.3).seed(11).stable();
    let before = test_rows(InMemory::new(numbered(1000)), split.clone());
    let after = test_rows(InMemory::new(numbered(1500)), split);
    let old: Vec<i64> = after.into_iter().filter(|row| *row < 1000).collect();
    assert_eq!(before, old);
}

#[test]
fn equal_keys_stay_together_and_order_does_not_matter() {
    let n = 600_i64;
    let keys: Vec<String> = (0..n).map(|i| format!("film {}", i % 97)).collect();
    let rows: Vec<i64> = (0..n).collect();
    let frame = df!["key" => keys, "row" => rows.clone(), "y" => rows].unwrap();
    for split in [
        TrainTestSplit::new(0.25).seed(3).by_key("key"),
        TrainTestSplit::new(0.25).seed(3).by_key("key").stable(),
    ] {
        let test = test_rows(InMemory::new(frame.clone()), split.clone());
        let keys = |rows: &[i64]| -> Vec<i64> {
            let mut keys: Vec<i64> = rows.iter().map(|row| row % 97).collect();
            keys.sort_unstable();
            keys.dedup();
            keys
        };
        let in_test = keys(&test);
        let expected: Vec<i64> = (0..n).filter(|row| in_test.contains(&(row % 97))).collect();
        assert_eq!(test, expected, "a key is on both sides");
        let mut again = test_rows(InMemory::new(frame.reverse()), split);
        again.sort_unstable();
        assert_eq!(again, test);
    }
}

#[test]
fn integer_keys_of_any_width_are_the_same_keys() {
    let rows: Vec<i64> = (0..300).collect();
    let of = |keys: Column| {
        let frame = df!["row" => rows.clone(), "y" => rows.clone()].unwrap();
        let frame = frame.hstack(&[keys.with_name("key".into())]).unwrap();
        test_rows(
            InMemory::new(frame),
            TrainTestSplit::new(0.5).seed(9).by_key("key"),
        )
    };
    let keys = Column::new(
        "key".into(),
        (0..300_i64).map(|i| i % 120).collect::<Vec<_>>(),
    );
    let expected = of(keys.clone());
    for dtype in [
        DataType::UInt8,
        DataType::Int16,
        DataType::UInt32,
        DataType::UInt64,
    ] {
        assert_eq!(of(keys.cast(&dtype).unwrap()), expected);
    }
}

fn split_error(frame: DataFrame, split: TrainTestSplit) -> floe::Error {
    let flow = floe::from(InMemory::new(frame))
        .split(split)
        .learn(MeanRegressor::new("y"));
    flow.run().unwrap_err()
}

#[test]
fn shares_that_cannot_work_are_refused_before_a_row_is_read() {
    for share in [0.0, 1.0, -0.1, 1.5, f64::NAN, f64::INFINITY] {
        let flow = floe::from(InMemory::new(numbered(10)))
            .split(TrainTestSplit::new(share))
            .learn(MeanRegressor::new("y"));
        let error = flow.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Split, "{error}");
        assert!(error.help().is_some());
    }
}

#[test]
fn a_side_without_rows_is_an_error() {
    for rows in [0, 1] {
        let error = split_error(numbered(rows), TrainTestSplit::new(0.5));
        assert_eq!(error.kind(), ErrorKind::Split, "{error}");
    }
    let error = split_error(numbered(3), TrainTestSplit::new(0.1));
    assert!(error.to_string().contains("no test row"), "{error}");
    let error = split_error(numbered(3), TrainTestSplit::new(0.9));
    assert!(error.to_string().contains("no train row"), "{error}");
}

#[test]
fn a_null_key_and_a_key_without_bytes_are_errors() {
    let frame = df!["key" => [Some("a"), None, Some("b")], "y" => [1i64, 2, 3]].unwrap();
    let error = split_error(frame, TrainTestSplit::new(0.4).by_key("key"));
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Split, Some("key"))
    );
    let error = split_error(numbered(9), TrainTestSplit::new(0.4).by_key("nokey"));
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("nokey"))
    );
    let one = df!["key" => ["a", "a", "a"], "y" => [1i64, 2, 3]].unwrap();
    let error = split_error(one, TrainTestSplit::new(0.4).by_key("key"));
    assert!(
        error.to_string().contains("equal keys leave no train row"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn sizes_are_exact_and_half_rounds_up(n in 2_usize..400, tenths in 1_u32..10, seed in any::<u64>()) {
        let share = f64::from(tenths) / 10.0;
        let expected = (n * tenths as usize * 2 + 10) / 20;
        if expected > 0 && expected < n {
            let test = test_rows(InMemory::new(numbered(n)), TrainTestSplit::new(share).seed(seed));
            prop_assert_eq!(test.len(), expected);
            prop_assert!(test.is_sorted());
        }
    }
}
