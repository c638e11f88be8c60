//! What a report says of a split is what the sides hold.

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::splitter::{SplitReport, SplitSide};

fn rows(n: usize) -> InMemory {
    let class: Vec<Option<&str>> = (0..n)
        .map(|row| [Some("a"), Some("b"), None, Some("b")][row % 4])
        .collect();
    let row: Vec<i64> = (0..n as i64).collect();
    let y: Vec<f64> = (0..n).map(|row| row as f64).collect();
    InMemory::new(df!["row" => row, "class" => class, "y" => y].expect("columns"))
}

/// How often a value of the class is in a frame.
fn count(frame: &DataFrame, value: Option<&str>) -> u64 {
    let column = frame.column("class").expect("a column");
    let values = column.str().expect("text").iter();
    values.filter(|found| *found == value).count() as u64
}

fn same(side: &SplitSide, frame: &DataFrame) {
    assert_eq!(side.rows, frame.height() as u64);
    assert_eq!(side.values.len(), 3);
    for of in &side.values {
        assert_eq!(of.column, "class");
        assert_eq!(of.rows, count(frame, of.value.as_deref()), "{of:?}");
    }
}

fn side<'a>(report: &'a SplitReport, fold: Option<usize>, side: &str) -> &'a SplitSide {
    let mut sides = report.sides.iter();
    let found = sides.find(|found| found.fold == fold && found.side == side);
    found.expect("a side")
}

#[test]
fn a_report_counts_the_sides() {
    let flow = floe::from(rows(50)).split(TrainTestSplit::new(0.3).stratify_by("class"));
    let report = flow.split_report(["class"]).expect("a report");
    let (train, test) = flow.frames().expect("sides");
    same(
        side(&report, None, "train"),
        &train.collect().expect("rows"),
    );
    same(side(&report, None, "test"), &test.collect().expect("rows"));
    assert_eq!(
        (report.rows, report.overlap, report.untested),
        (50, Some(0), 0)
    );

    let flow = floe::from(rows(50)).split(TrainValidationTest::new(0.2, 0.3).seed(1));
    let flow = flow.learn(MeanRegressor::new("y"));
    let report = flow.split_report(["class"]).expect("a report");
    let run = flow.run().expect("a run");
    let kept = run.validation().expect("a side").collect().expect("rows");
    same(side(&report, None, "validation"), &kept);
    assert_eq!(report.rows, 50);
}

#[test]
fn a_report_counts_the_folds() {
    let flow = floe::from(rows(50)).split(TimeSeriesSplit::new(3).gap(2));
    let flow = flow.learn(MeanRegressor::new("y"));
    let report = flow.split_report(["class"]).expect("a report");
    let run = flow.run().expect("a run");
    for fold in 0..3 {
        let train = run.train(fold).collect().expect("rows");
        same(side(&report, Some(fold), "train"), &train);
        let test = run.test(fold).collect().expect("rows");
        same(side(&report, Some(fold), "test"), &test);
    }
    // The windows have 12 rows each.
    assert_eq!(
        (report.rows, report.overlap, report.untested),
        (50, Some(0), 14)
    );

    let flow = floe::from(rows(50)).split(Repeated::new(KFold::new(2), 3));
    let report = flow.split_report::<&str>([]).expect("a report");
    assert_eq!((report.sides.len(), report.rows), (12, 50));
    assert_eq!(side(&report, Some(5), "test").rows, 25);
}

#[test]
fn rows_of_two_sources_are_not_told_apart() {
    let flow = floe::from_parts(rows(8), rows(4));
    let report = flow.split_report(["class"]).expect("a report");
    assert_eq!((report.rows, report.overlap), (12, None));
}

#[test]
fn a_report_is_a_table_and_a_text() {
    let flow = floe::from(rows(8)).split(KFold::new(2).in_order());
    let report = flow.split_report(["class"]).expect("a report");
    let table = report.frame().expect("a table");
    assert_eq!(table.shape(), (4 * 4, 6));
    let shares = table
        .column("share")
        .expect("shares")
        .f64()
        .expect("floats");
    assert_eq!(shares.sum(), Some(8.0));
    let expected = "8 rows, 0 on both sides, 0 never tested\n\
        fold 0, train: 4 rows\n  class: b 2 (50.0 %), a 1 (25.0 %), null 1 (25.0 %)\n\
        fold 0, test: 4 rows\n  class: b 2 (50.0 %), a 1 (25.0 %), null 1 (25.0 %)\n\
        fold 1, train: 4 rows\n  class: b 2 (50.0 %), a 1 (25.0 %), null 1 (25.0 %)\n\
        fold 1, test: 4 rows\n  class: b 2 (50.0 %), a 1 (25.0 %), null 1 (25.0 %)\n";
    assert_eq!(report.to_string(), expected);
}

#[test]
fn a_column_of_too_many_values_is_refused() {
    let flow = floe::from(rows(10_001)).split(KFold::new(2));
    let error = flow.split_report(["row"]).expect_err("too many values");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Split, Some("row"))
    );
    let error = flow.split_report(["nothing"]).expect_err("no such column");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("nothing"))
    );
}

/// Enough rows for several batches, and for classes that are selected from and not sorted.
#[test]
fn many_rows_in_any_chunks_are_split_alike() {
    let n = 200_003_i64;
    let frame = df![
        "row" => (0..n).collect::<Vec<_>>(),
        "class" => (0..n).map(|row| row * row % 7 < 3).collect::<Vec<_>>(),
        "group" => (0..n).map(|row| row * row % 1009).collect::<Vec<_>>(),
    ]
    .expect("columns");
    let mut chunked = frame.slice(0, 77);
    for start in [77, 1_000, 66_000, 131_073] {
        let end = [77, 1_000, 66_000, 131_073, n]
            .into_iter()
            .find(|end| *end > start);
        let length = usize::try_from(end.expect("an end") - start).expect("rows");
        chunked
            .vstack_mut(&frame.slice(start, length))
            .expect("columns");
    }
    macro_rules! same {
        ($split:expr) => {{
            let report = |frame: &DataFrame| {
                let flow = floe::from(InMemory::new(frame.clone())).split($split);
                let columns = ["class"];
                let report = flow.split_report(columns).expect("a report");
                let flow = floe::from(InMemory::new(frame.clone())).split($split.fold(1));
                let (_, test) = flow.frames().expect("sides");
                (report, test.collect().expect("rows"))
            };
            let (whole, rows) = report(&frame);
            let (pieces, same_rows) = report(&chunked);
            assert_eq!(whole, pieces);
            assert!(rows.equals(&same_rows));
            whole
        }};
    }
    let report = same!(StratifiedKFold::new(3, "class").seed(9));
    let sizes: Vec<u64> = report.sides.iter().map(|side| side.rows).collect();
    assert_eq!(sizes, [133_335, 66_668, 133_335, 66_668, 133_336, 66_667]);
    let of_class = |fold| side(&report, Some(fold), "test").values[0].rows;
    assert!((0..3).all(|fold| of_class(fold).abs_diff(of_class(0)) <= 1));
    same!(StratifiedKFold::new(3, "class").in_order());
    same!(GroupKFold::new(3, "group"));
    same!(TimeSeriesSplit::new(3).gap(5));
    same!(TimeSeriesSplit::new(3).by_time("group"));
}

#[test]
fn a_negative_zero_is_the_value_zero() {
    let rows = df!["x" => [0.0, -0.0, 1.0, -0.0], "y" => [0.0_f32, -0.0, 0.0, 0.0]];
    let flow = floe::from(InMemory::new(rows.expect("columns"))).split(TrainTestSplit::new(0.5));
    let report = flow.split_report(["x", "y"]).expect("a report");
    let values = &report.sides[0].values;
    let values: Vec<_> = values.iter().map(|of| of.value.as_deref()).collect();
    assert_eq!(values, [Some("0.0"), Some("1.0"), Some("0.0")]);
}
