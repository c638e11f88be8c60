//! Where collected rows land: what comes back, what is refused, what outlives an interruption.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use floe::clock::ManualClock;
use floe::polars::prelude::*;
use floe::source::Source;
use floe::source::remote::landing::{LandingRun, Manifest};
use floe::source::remote::{Landing, Outcome, Table};
use floe::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::support::collect;

pub(crate) fn comments() -> Table {
    Table::new("comments", ["comment_id"])
        .column("comment_id", DataType::String)
        .column("likes", DataType::UInt64)
}

pub(crate) fn partial(why: &str) -> Outcome {
    Outcome::Partial {
        why: why.to_owned(),
        resume_at: None,
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(
        "2026-11-25T10:00:00.123456789Z".parse().unwrap(),
    ))
}

fn open(root: &Path) -> Landing {
    Landing::open(root, "youtube", [comments()]).unwrap()
}

fn row(id: impl std::fmt::Display, likes: u64) -> Value {
    json!({"comment_id": id.to_string(), "likes": likes})
}

/// The rows of a table as key and value.
pub(crate) fn rows(frame: LazyFrame) -> Vec<(String, Option<u64>)> {
    let frame = collect(frame).unwrap();
    let ids = frame.column("comment_id").unwrap().str().unwrap().clone();
    let likes = frame.column("likes").unwrap().u64().unwrap().clone();
    let rows = ids.iter().zip(likes.iter());
    rows.map(|(id, likes)| (id.unwrap().to_owned(), likes))
        .collect()
}

fn pair(id: &str, likes: u64) -> (String, Option<u64>) {
    (id.to_owned(), Some(likes))
}

fn land(landing: &Landing, rows: &[(&str, u64)]) -> Manifest {
    let mut run = landing.begin(&json!({})).unwrap();
    for (id, likes) in rows {
        run.append("comments", &row(id, *likes)).unwrap();
    }
    run.commit(Value::Null).unwrap();
    run.finish(Outcome::Complete).unwrap()
}

#[test]
fn every_dtype_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let utc = |unit| DataType::Datetime(unit, Some(TimeZone::UTC));
    let columns = [
        ("id", DataType::String),
        ("i8", DataType::Int8),
        ("i16", DataType::Int16),
        ("i32", DataType::Int32),
        ("i64", DataType::Int64),
        ("u8", DataType::UInt8),
        ("u16", DataType::UInt16),
        ("u32", DataType::UInt32),
        ("u64", DataType::UInt64),
        ("f32", DataType::Float32),
        ("f64", DataType::Float64),
        ("bool", DataType::Boolean),
        ("date", DataType::Date),
        ("local", DataType::Datetime(TimeUnit::Milliseconds, None)),
        ("utc", utc(TimeUnit::Microseconds)),
        ("utc_ns", utc(TimeUnit::Nanoseconds)),
        ("took", DataType::Duration(TimeUnit::Milliseconds)),
    ];
    let table = Table::new("all", ["id"]).columns(columns.clone());
    let landing = Landing::open(folder.path(), "all", [table]).unwrap();
    let landing = landing.clock(clock());
    let mut run = landing.begin(&json!({"q": 1})).unwrap();
    let full = json!({
        "id": "line\nbreak \"quoted\" 🎬", "i8": -128, "i16": -32768, "i32": i32::MIN, "i64": i64::MIN,
        "u8": 255, "u16": 65535, "u32": u32::MAX, "u64": u64::MAX, "f32": 0.1_f32, "f64": 0.1,
        "bool": true, "date": "2026-02-28", "local": "2026-01-31T12:00:00.5",
        "utc": "2026-01-31T12:00:00.1234567+02:00", "utc_ns": "1969-12-31T23:59:59.999999999Z",
        "took": -5, "source": "elsewhere", "fetched_at": "2026-01-01T00:00:00Z",
    });
    run.append("all", &full).unwrap();
    run.append(
        "all",
        &json!({"id": "empty", "f64": null, "run_id": run.id()}),
    )
    .unwrap();
    let id = run.id().to_owned();
    run.finish(Outcome::Complete).unwrap();
    let frame = collect(landing.scan("all").unwrap()).unwrap();
    let mut expected: Vec<(&str, DataType)> = columns.to_vec();
    expected.push(("fetched_at", utc(TimeUnit::Microseconds)));
    expected.extend([("source", DataType::String), ("run_id", DataType::String)]);
    let found = frame
        .schema()
        .iter()
        .map(|(name, dtype)| (name.as_str(), dtype.clone()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert_eq!(
        landing.table("all").unwrap().schema().unwrap().to_polars(),
        **frame.schema()
    );
    let shown = |at: usize| -> Vec<String> {
        let values = frame.columns().iter();
        values
            .map(|column| column.get(at).unwrap().to_string())
            .collect()
    };
    let (first, second) = (shown(0), shown(1));
    assert_eq!(
        frame.column("id").unwrap().str().unwrap().get(0),
        full["id"].as_str()
    );
    assert_eq!(
        first[1..9].join(" "),
        "-128 -32768 -2147483648 -9223372036854775808 255 65535 4294967295 18446744073709551615"
    );
    assert_eq!(
        frame.column("f32").unwrap().f32().unwrap().get(0),
        Some(0.1_f32)
    );
    assert_eq!(
        frame.column("f64").unwrap().f64().unwrap().get(0),
        Some(0.1)
    );
    assert_eq!(
        first[11..14].join(" "),
        "true 2026-02-28 2026-01-31 12:00:00.500"
    );
    assert_eq!(first[14], "2026-01-31 10:00:00.123456 UTC");
    assert_eq!(first[15], "1969-12-31 23:59:59.999999999 UTC");
    assert_eq!(first[16..18].join(" "), "-5ms 2026-01-01 00:00:00 UTC");
    assert_eq!(first[18..], ["\"elsewhere\"".to_owned(), format!("{id:?}")]);
    assert!(
        second[1..17].iter().all(|value| value == "null"),
        "{second:?}"
    );
    assert_eq!(second[17], "2026-11-25 10:00:00.123456 UTC");
    assert_eq!(second[18..], ["\"all\"".to_owned(), format!("{id:?}")]);
}

#[test]
fn a_row_that_does_not_fit_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let table = comments()
        .column("day", DataType::Date)
        .column("small", DataType::Int8)
        .column("share", DataType::Float32)
        .column(
            "at",
            DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        );
    let landing = Landing::open(folder.path(), "youtube", [table]).unwrap();
    let mut run = landing.begin(&json!({})).unwrap();
    for (column, value) in [
        ("likes", json!(-1)),
        ("likes", json!("7")),
        ("likes", json!(1.5)),
        ("day", json!("2026-02-29")),
        ("day", json!(7)),
        ("small", json!(128)),
        ("share", json!(1e300)),
        ("at", json!("2026-01-01T00:00:00")),
        ("comment_id", json!(7)),
        ("comment_id", Value::Null),
        ("run_id", json!("another")),
        ("fetched_at", json!("yesterday")),
        ("unknown", json!(1)),
    ] {
        let mut row = row("a", 1);
        row[column] = value;
        let error = run.append("comments", &row).unwrap_err();
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Schema, Some(column)),
            "{error}"
        );
    }
    assert_eq!(
        run.append("comments", &[1]).unwrap_err().kind(),
        ErrorKind::Schema
    );
    assert_eq!(
        run.append("videos", &row("a", 1)).unwrap_err().kind(),
        ErrorKind::Config
    );
    run.append("comments", &row("a", 1)).unwrap();
    run.finish(Outcome::Complete).unwrap();
    assert_eq!(rows(landing.scan("comments").unwrap()), [pair("a", 1)]);
}

#[test]
fn names_and_tables_that_cannot_work_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, table: Table| {
        let error = Landing::open(folder.path(), name, [table]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    };
    for name in ["", "a/b", "..", "A", "1a", "_skips"] {
        refused(name, comments());
        refused("a", Table::new(name, ["k"]).column("k", DataType::String));
    }
    refused(
        "a",
        Table::new("t", Vec::<String>::new()).column("k", DataType::String),
    );
    refused("a", Table::new("t", ["k"]).column("x", DataType::String));
    refused("a", comments().column("likes", DataType::Int8));
    refused("a", comments().column("run_id", DataType::String));
    refused(
        "a",
        comments().column("list", DataType::List(Box::new(DataType::Int8))),
    );
    refused("a", comments().column("wide", DataType::Int128));
    assert!(Landing::open(folder.path(), "a", [comments(), comments()]).is_err());
    assert!(Landing::open(folder.path(), "a", []).is_err());
}

#[test]
fn no_rows_are_a_frame_of_the_columns() {
    let folder = tempfile::tempdir().unwrap();
    let landing = open(folder.path());
    let shape = |frame: LazyFrame| collect(frame).unwrap().shape();
    assert_eq!(shape(landing.scan("comments").unwrap()), (0, 5));
    assert_eq!(shape(landing.latest("comments").unwrap()), (0, 5));
    let manifest = land(&landing, &[]);
    assert_eq!(manifest.rows("comments"), 0);
    assert_eq!(shape(landing.scan("comments").unwrap()), (0, 5));
    let table = landing.table("comments").unwrap();
    assert_eq!(table.outline().unwrap().rows, Some(0));
    assert_eq!(landing.runs().unwrap(), [manifest]);
}

#[test]
fn what_was_not_committed_is_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let landing = open(folder.path());
    let params = json!({"query": "Mission Impossible"});
    let mut run = landing.begin(&params).unwrap();
    assert!(!run.is_resumed() && run.cursor().is_null());
    run.append("comments", &row("a", 1)).unwrap();
    run.skip("video 1", "comments are off").unwrap();
    run.set_state("video 2", json!(7)).unwrap();
    run.note("quota", json!({"search": 1}));
    run.commit(json!({"page": 1})).unwrap();
    run.append("comments", &row("b", 2)).unwrap();
    run.skip("video 3", "gone").unwrap();
    run.set_state("video 2", json!(8)).unwrap();
    run.note("quota", json!({"search": 2}));
    let id = run.id().to_owned();
    drop(run);
    assert!(rows(landing.scan("comments").unwrap()).is_empty());
    assert!(landing.state().unwrap().is_empty());

    let mut run = landing.begin(&params).unwrap();
    assert!(run.is_resumed() && run.id() == id);
    assert_eq!(*run.cursor(), json!({"page": 1}));
    assert_eq!((run.rows("comments"), run.skips()), (1, 1));
    assert_eq!(run.state("video 2"), Some(&json!(7)));
    assert_eq!(run.notes()["quota"], json!({"search": 1}));
    run.append("comments", &row("b", 3)).unwrap();
    let manifest = run.finish(partial("the quota of the day")).unwrap();
    assert_eq!(
        rows(landing.scan("comments").unwrap()),
        [pair("a", 1), pair("b", 3)]
    );
    assert_eq!((manifest.resumed, manifest.rows("comments")), (1, 2));
    assert_eq!(manifest.skipped.len(), 1);
    assert_eq!(manifest.outcome, partial("the quota of the day"));
    assert_eq!(landing.runs().unwrap(), [manifest]);
    assert_eq!(landing.state().unwrap()["video 2"], json!(7));
    // The lines are gone, and one run is all there is.
    let mut names: Vec<_> = fs::read_dir(landing.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn a_run_with_other_parameters_ends_the_one_that_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let landing = open(folder.path());
    let mut run = landing.begin(&json!(1)).unwrap();
    run.append("comments", &row("a", 1)).unwrap();
    run.commit(json!("one")).unwrap();
    run.append("comments", &row("b", 2)).unwrap();
    drop(run);
    let run = landing.begin(&json!(2)).unwrap();
    assert!(!run.is_resumed());
    assert_eq!(rows(landing.scan("comments").unwrap()), [pair("a", 1)]);
    drop(run);
    // Other tables, too: a run is finished with those that it was begun with.
    let wider = comments().column("text", DataType::String).version(2);
    let landing = Landing::open(folder.path(), "youtube", [wider]).unwrap();
    let run = landing.begin(&json!(2)).unwrap();
    assert!(!run.is_resumed());
    let runs = landing.runs().unwrap();
    assert_eq!(runs.len(), 2);
    for run in runs {
        assert!(matches!(run.outcome, Outcome::Partial { .. }), "{run:?}");
    }
}

#[test]
fn one_writes_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let landing = open(folder.path());
    let run = landing.begin(&json!({})).unwrap();
    let begun = |landing: &Landing| landing.begin(&json!({})).map(|run| run.id().to_owned());
    let error = begun(&landing).unwrap_err();
    assert!(error.is_transient() && error.kind() == ErrorKind::Output);
    assert!(
        error
            .to_string()
            .contains(&format!("process {}", std::process::id())),
        "{error}"
    );
    assert!(landing.purge(Duration::ZERO).unwrap_err().is_transient());
    // Readers need no lock.
    assert!(rows(landing.scan("comments").unwrap()).is_empty());
    // Waiting is by the clock, so this one is at its end at once.
    let patient = landing
        .clone()
        .clock(clock())
        .wait_for_writer(Duration::from_hours(1));
    assert!(begun(&patient).unwrap_err().is_transient());
    let waiting = landing.clone().wait_for_writer(Duration::from_secs(30));
    std::thread::scope(|scope| {
        let second = scope.spawn(|| begun(&waiting));
        std::thread::sleep(Duration::from_millis(150));
        let id = run.id().to_owned();
        drop(run);
        assert_eq!(second.join().unwrap().unwrap(), id);
    });
}

#[test]
fn the_latest_row_of_a_key_counts() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let landing = open(folder.path()).clock(Arc::clone(&clock));
    land(&landing, &[("a", 1), ("b", 2), ("c", 3)]);
    clock.set("2026-11-26T10:00:00Z".parse().unwrap());
    land(&landing, &[("b", 20), ("d", 4), ("d", 5)]);
    // Rows of an earlier time lose, also when they land later.
    clock.set("2026-11-24T10:00:00Z".parse().unwrap());
    land(&landing, &[("c", 30), ("e", 6)]);
    let latest = rows(landing.latest("comments").unwrap());
    assert_eq!(
        latest,
        [
            pair("a", 1),
            pair("c", 3),
            pair("b", 20),
            pair("d", 5),
            pair("e", 6)
        ]
    );
    assert_eq!(rows(landing.scan("comments").unwrap()).len(), 8);
    // What a query asks of it does not change which row is the latest.
    let few = landing
        .latest("comments")
        .unwrap()
        .filter(col("likes").lt(lit(10)));
    assert_eq!(
        rows(few),
        [pair("a", 1), pair("c", 3), pair("d", 5), pair("e", 6)]
    );
    let sum = landing
        .latest("comments")
        .unwrap()
        .select([col("likes").sum()]);
    assert_eq!(
        collect(sum)
            .unwrap()
            .column("likes")
            .unwrap()
            .u64()
            .unwrap()
            .get(0),
        Some(35)
    );
    let outline = landing.table("comments").unwrap().outline().unwrap();
    assert_eq!(outline.rows, Some(8));
}

#[test]
fn a_key_of_several_columns_keeps_its_parts_apart() {
    let folder = tempfile::tempdir().unwrap();
    let table =
        Table::new("polls", ["a", "b"]).columns([("a", DataType::String), ("b", DataType::String)]);
    let landing = Landing::open(folder.path(), "polls", [table]).unwrap();
    let mut run = landing.begin(&json!({})).unwrap();
    for (a, b) in [("x", "yz"), ("xy", "z"), ("", "xyz"), ("x", "yz")] {
        run.append("polls", &json!({"a": a, "b": b})).unwrap();
    }
    run.finish(Outcome::Complete).unwrap();
    assert_eq!(
        collect(landing.latest("polls").unwrap()).unwrap().height(),
        3
    );
}

#[test]
fn files_of_all_versions_are_read_together() {
    let folder = tempfile::tempdir().unwrap();
    land(&open(folder.path()), &[("a", 1)]);
    let second = Table::new("comments", ["comment_id"])
        .column("comment_id", DataType::String)
        .column("text", DataType::String)
        .column("likes", DataType::Int32)
        .version(2);
    let landing = Landing::open(folder.path(), "youtube", [second.clone()]).unwrap();
    land(&landing, &[("b", 2)]);
    let frame = collect(landing.scan("comments").unwrap()).unwrap();
    let text = frame.column("text").unwrap();
    assert_eq!((frame.height(), text.null_count()), (2, 2));
    assert_eq!(frame.column("likes").unwrap().dtype(), &DataType::Int32);
    let likes = frame.column("likes").unwrap().i32().unwrap().clone();
    assert_eq!(likes.iter().collect::<Vec<_>>(), [Some(1), Some(2)]);
    // A column that is declared no more is passed over; one that does not fit is an error.
    let third = Table::new("comments", ["comment_id"]).column("comment_id", DataType::String);
    let landing = Landing::open(folder.path(), "youtube", [third.version(3)]).unwrap();
    assert_eq!(
        collect(landing.scan("comments").unwrap()).unwrap().shape(),
        (2, 4)
    );
    land(&open(folder.path()), &[("c", u64::MAX)]);
    let landing = Landing::open(folder.path(), "youtube", [second]).unwrap();
    assert!(landing.scan("comments").unwrap().collect().is_err());
}

#[test]
fn old_rows_are_purged() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let day = Duration::from_hours(24);
    let landing = open(folder.path()).clock(Arc::clone(&clock));
    land(&landing, &[("old", 1)]);
    // One run over two days.
    let mut run = landing.begin(&json!({})).unwrap();
    run.set_state("mark", json!(1)).unwrap();
    run.append("comments", &row("older", 2)).unwrap();
    clock.set("2026-12-05T10:00:00Z".parse().unwrap());
    run.append("comments", &row("young", 3)).unwrap();
    run.finish(Outcome::Complete).unwrap();
    land(&landing, &[("younger", 4)]);
    let none = landing.purge(day * 30).unwrap();
    assert_eq!((none.rows, none.runs, none.unfinished), (0, 0, 0));
    let purged = landing.purge(day * 5).unwrap();
    assert_eq!((purged.rows, purged.runs), (2, 1));
    assert_eq!(
        rows(landing.scan("comments").unwrap()),
        [pair("young", 3), pair("younger", 4)]
    );
    let runs = landing.runs().unwrap();
    assert_eq!(
        runs.iter()
            .map(|run| run.rows("comments"))
            .collect::<Vec<_>>(),
        [1, 1]
    );
    // An open run is given up when it is old, and the state stays when its run is gone.
    let mut run = landing.begin(&json!({"open": true})).unwrap();
    run.append("comments", &row("open", 5)).unwrap();
    run.commit(Value::Null).unwrap();
    drop(run);
    clock.set("2027-01-05T10:00:00Z".parse().unwrap());
    let purged = landing.purge(day * 5).unwrap();
    assert_eq!((purged.rows, purged.runs, purged.unfinished), (2, 2, 1));
    assert!(landing.runs().unwrap().is_empty());
    assert_eq!(landing.state().unwrap()["mark"], json!(1));
    let mut left: Vec<_> = files(landing.path());
    left.sort();
    assert_eq!(left.len(), 3, "{left:?}");
    // With a retention, a run purges before it begins.
    land(&landing, &[("late", 6)]);
    clock.set("2027-03-05T10:00:00Z".parse().unwrap());
    let keeping = landing.clone().retention(Some(day * 30));
    land(&keeping, &[("new", 7)]);
    assert_eq!(rows(landing.scan("comments").unwrap()), [pair("new", 7)]);
}

/// A folder in memory where the machine has one: a test that commits a thousand times need not wait
/// for a disk each time.
pub(crate) fn quick_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir_in("/dev/shm");
    folder.or_else(|_| tempfile::tempdir()).unwrap()
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn damage_is_told_and_not_repaired_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let landing = open(folder.path());
    let begin = || -> Result<LandingRun, Error> { landing.begin(&json!({})) };
    let mut run = begin().unwrap();
    run.append("comments", &row("a", 1)).unwrap();
    run.commit(Value::Null).unwrap();
    let lines = landing
        .path()
        .join(format!("run={}/rows/comments.jsonl", run.id()));
    drop(run);
    let whole = fs::read(&lines).unwrap();
    fs::write(&lines, &whole[..whole.len() - 1]).unwrap();
    let error = begin().unwrap_err();
    assert!(
        error.kind() == ErrorKind::Source && error.to_string().contains("committed"),
        "{error}"
    );
    let changed = String::from_utf8(whole.clone())
        .unwrap()
        .replace("likes", "liked");
    fs::write(&lines, changed).unwrap();
    let error = begin().unwrap().finish(Outcome::Complete).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source, "{error}");
    fs::write(&lines, &whole).unwrap();
    begin().unwrap().finish(Outcome::Complete).unwrap();
    assert_eq!(rows(landing.scan("comments").unwrap()), [pair("a", 1)]);
    fs::write(landing.path().join("index.json"), "{").unwrap();
    assert_eq!(
        landing.scan("comments").err().unwrap().kind(),
        ErrorKind::Source
    );
    fs::write(
        landing.path().join("index.json"),
        r#"{"format":9,"runs":[],"state":null}"#,
    )
    .unwrap();
    assert!(
        landing
            .runs()
            .unwrap_err()
            .to_string()
            .contains("format is 9")
    );
}
