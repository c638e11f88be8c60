//! What cannot be written is told, and the run itself is unharmed.

use std::time::Duration;

use floe::polars::prelude::*;
use floe::prelude::*;
use floe::tracker::{RunInfo, RunLog, SqliteTracker};
use floe::{Error, ErrorKind};
use rusqlite::Connection;

use super::Room;

fn refused(room: &Room) -> Error {
    let error = SqliteTracker::open(room.database()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Track);
    assert!(error.help().is_some(), "{error}");
    error
}

/// The warnings of a run that this tracker cannot record.
fn run(tracker: SqliteTracker) -> Vec<String> {
    let rows = df!["x" => [0.0, 1.0, 2.0, 3.0], "y" => [1.0, 3.0, 5.0, 7.0]].unwrap();
    let run = floe::from(InMemory::new(rows))
        .split(TrainTestSplit::new(0.5))
        .learn(LinearRegression::new(["x"], "y"))
        .track(tracker)
        .run()
        .unwrap();
    // Whatever became of the tracker: the scores are those of a run that nobody tracks.
    let rows = df!["x" => [0.0, 1.0, 2.0, 3.0], "y" => [1.0, 3.0, 5.0, 7.0]].unwrap();
    let untracked = floe::from(InMemory::new(rows))
        .split(TrainTestSplit::new(0.5))
        .learn(LinearRegression::new(["x"], "y"))
        .run()
        .unwrap();
    assert_eq!(run.metrics().to_string(), untracked.metrics().to_string());
    run.warnings().to_vec()
}

#[test]
fn what_is_not_the_database_of_mlflow_is_refused_and_left_alone() {
    let room = Room::new();
    std::fs::write(
        room.database(),
        "not a database, but text that is long enough for a header, \
        which SQLite reads a hundred bytes of before it says so",
    )
    .unwrap();
    assert!(refused(&room).to_string().contains("no SQLite database"));

    let room = Room::new();
    let other = Connection::open(room.database()).unwrap();
    other
        .execute_batch("CREATE TABLE users (name TEXT)")
        .unwrap();
    let error = refused(&room).to_string();
    assert!(error.contains("a database of something else"), "{error}");
    assert_eq!(
        super::ask(&other, "SELECT name FROM sqlite_master"),
        ["users"]
    );
    assert_eq!(super::ask(&other, "PRAGMA journal_mode"), ["delete"]);

    let room = Room::new();
    drop(room.open());
    let change = |sql: &str| {
        let connection = Connection::open(room.database()).unwrap();
        connection
            .pragma_update(None, "foreign_keys", false)
            .unwrap();
        connection.execute_batch(sql).unwrap();
    };
    // A column with a default is no hindrance: newer releases of MLflow add such ones.
    change("ALTER TABLE experiments ADD COLUMN workspace VARCHAR(63) NOT NULL DEFAULT 'default'");
    change("ALTER TABLE runs ADD COLUMN colour TEXT");
    assert!(run(room.open().experiment("new")).is_empty());
    change(
        "DROP TABLE input_tags; CREATE TABLE input_tags (input_uuid TEXT, name TEXT, value TEXT, \
            colour TEXT NOT NULL)",
    );
    let error = refused(&room).to_string();
    assert!(
        error.contains("a newer MLflow") && error.contains("colour"),
        "{error}"
    );
    change("DROP TABLE input_tags; CREATE TABLE input_tags (input_uuid TEXT, name TEXT)");
    let error = refused(&room).to_string();
    assert!(error.contains("without the column `value`"), "{error}");
    change("DROP TABLE logged_models");
    let error = refused(&room).to_string();
    assert!(
        error.contains("an older MLflow") && error.contains("mlflow db upgrade"),
        "{error}"
    );
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let room = Room::new();
    let error = SqliteTracker::open(room.folder().join("none/mlflow.db")).unwrap_err();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
    let error = SqliteTracker::open(room.folder()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Track);
    // Nobody may make files there, not even the superuser.
    if cfg!(target_os = "linux") {
        assert!(SqliteTracker::open("/proc/mlflow.db").is_err());
        let warnings = run(room.open().artifacts("/proc/none"));
        assert!(!warnings.is_empty());
        assert!(
            warnings
                .iter()
                .all(|warning| warning.contains("was not written")),
            "{warnings:?}"
        );
        // What needs no file is there.
        assert_eq!(room.ask("SELECT status FROM runs"), ["FINISHED"]);
        assert_eq!(
            room.ask("SELECT count(*) FROM latest_metrics WHERE key = 'r2'"),
            ["1"]
        );
    }
}

#[test]
fn a_database_that_others_hold_is_waited_for_and_then_told() {
    let room = Room::new();
    let tracker = room.open().wait_at_most(Duration::from_millis(50));
    let other = room.held();
    let began = std::time::Instant::now();
    let warnings = run(tracker.clone());
    // Who was waited for in vain is not waited for at each of some twenty events.
    assert!(began.elapsed() < Duration::from_secs(15));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].contains("another process holds it"),
        "{warnings:?}"
    );
    let error = RunLog::start(&tracker, &RunInfo::new()).unwrap_err();
    assert!(error.is_transient());
    let strict = Strict::new(tracker.clone());
    assert!(RunLog::start(&strict, &RunInfo::new()).is_err());
    other.execute_batch("COMMIT").unwrap();
    assert!(run(tracker).is_empty());
    assert_eq!(room.ask("SELECT status FROM runs"), ["FINISHED"]);
}

#[test]
fn what_mlflow_would_refuse_is_refused_and_the_rest_is_kept() {
    let room = Room::new();
    let tracker = room.open();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    let error = log
        .metrics([("good", 1.0, 0), ("bad!", 2.0, 0), ("fine", 3.0, 0)])
        .unwrap_err();
    assert!(error.to_string().contains("bad!"), "{error}");
    tracker.flush().unwrap();
    assert_eq!(
        room.ask("SELECT key FROM metrics ORDER BY key"),
        ["fine", "good"]
    );
    assert!(log.text("../../outside.txt", "x").is_err());
    assert!(log.tag("a//b", "x").is_err());
    let error = RunLog::of(&tracker, "f".repeat(32))
        .metric("m", 1.0, 0)
        .unwrap_err();
    assert!(error.to_string().contains("has no run"), "{error}");
    let delete = |sql: &str| {
        Connection::open(room.database())
            .unwrap()
            .execute_batch(sql)
            .unwrap();
    };
    delete("UPDATE runs SET lifecycle_stage = 'deleted'");
    // What was acknowledged and then refused is told once, and what follows at once.
    log.metric("m", 1.0, 0).unwrap();
    log.metrics([("m", 1.0, 1), ("m", 1.0, 2)]).unwrap();
    let error = tracker.flush().unwrap_err().to_string();
    assert!(error.contains("3 numbers of the run"), "{error}");
    assert!(error.contains("deleted the run"), "{error}");
    tracker.flush().unwrap();
    let error = log.metric("m", 1.0, 0).unwrap_err();
    assert!(error.to_string().contains("deleted the run"), "{error}");
    delete("INSERT INTO experiments (name, lifecycle_stage) VALUES ('gone', 'deleted')");
    let error = RunLog::start(&tracker, &RunInfo::new().experiment("gone")).unwrap_err();
    assert!(error.to_string().contains("`gone` is deleted"), "{error}");
    // Such a run leaves no lock behind that would be taken for that of a dead one.
    assert_eq!(room.ask("SELECT count(*) FROM runs"), ["1"]);
}
