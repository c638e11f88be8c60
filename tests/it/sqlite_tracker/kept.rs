//! What is kept although a part of it cannot be.

use std::time::Duration;

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::tracker::{Dataset, Event, RunInfo, RunLog, Started, Status, What};
use rusqlite::Connection;

use super::Room;

#[test]
fn a_bad_key_does_not_lose_the_run() {
    let room = Room::new();
    let rows = df!["x" => [0.0, 1.0, 2.0, 3.0], "y" => [1.0, 3.0, 5.0, 7.0]].unwrap();
    let run = floe::from(InMemory::new(rows))
        .split(TrainTestSplit::new(0.5))
        .learn(LinearRegression::new(["x"], "y"))
        .track_as(RunInfo::new().tag("team@x", "a").tag("team", "b"))
        .track(room.open())
        .run()
        .unwrap();
    let [warning] = run.warnings() else {
        panic!("{:?}", run.warnings())
    };
    assert!(
        warning.contains("left out") && warning.contains("team@x"),
        "{warning}"
    );
    assert_eq!(room.ask("SELECT status FROM runs"), ["FINISHED"]);
    assert_eq!(room.ask("SELECT value FROM tags WHERE key = 'team'"), ["b"]);
    let said = room.ask("SELECT value FROM tags WHERE key = 'floe.left_out'");
    assert!(said[0].contains("`team@x`"), "{said:?}");
    assert_eq!(
        room.ask("SELECT count(*) FROM latest_metrics WHERE key = 'r2'"),
        ["1"]
    );
    // Who starts a run by hand gets the error in place of a log, and no run that never ends.
    let room = Room::new();
    let tracker = room.open();
    let error = RunLog::start(&tracker, &RunInfo::new().parameter("a!", 1)).unwrap_err();
    assert!(error.to_string().contains("`a!`"), "{error}");
    assert_eq!(room.ask("SELECT status FROM runs"), ["FAILED"]);
    assert!(!room.folder().join("mlflow.db-running").exists());
}

#[test]
fn names_that_are_no_ids_make_no_files() {
    let room = Room::new();
    let tracker = room.open();
    let started = || What::Started(Box::new(Started::new(&RunInfo::new())));
    for run in ["my-run", "../outside"] {
        let error = tracker.record(&Event::now(run, started())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Track);
    }
    assert_eq!(room.ask("SELECT count(*) FROM runs"), ["0"]);
    assert!(!room.folder().join("outside").exists());
    assert!(!room.folder().join("mlflow.db-running").exists());
}

#[test]
fn a_run_whose_beginning_was_not_written_begins_with_its_next_event() {
    let room = Room::new();
    let tracker = room.open().wait_at_most(Duration::from_millis(50));
    let other = Connection::open(room.database()).unwrap();
    let run = "0123456789abcdef0123456789abcdef";
    let started = Started::new(&RunInfo::named("late").tag("team", "a"));
    let started = Event::now(run, What::Started(Box::new(started)));
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(tracker.record(&started).unwrap_err().is_transient());
    let log = RunLog::of(&tracker, run);
    assert!(log.metric("lost", 1.0, 0).unwrap_err().is_transient());
    other.execute_batch("COMMIT").unwrap();
    log.metric("kept", 1.0, 0).unwrap();
    assert_eq!(room.ask("SELECT name, status FROM runs"), ["late|RUNNING"]);
    assert_eq!(room.ask("SELECT value FROM tags WHERE key = 'team'"), ["a"]);
    // Once it is there it is not begun again.
    log.tag("team", "b").unwrap();
    log.finish(Status::Finished).unwrap();
    assert_eq!(room.ask("SELECT value FROM tags WHERE key = 'team'"), ["b"]);
    assert_eq!(room.ask("SELECT key FROM metrics"), ["kept"]);
    assert_eq!(room.ask("SELECT status FROM runs"), ["FINISHED"]);
}

#[test]
fn a_text_that_cannot_be_kept_whole_does_not_lose_the_run() {
    let room = Room::new();
    // A file stands where the folder would be.
    std::fs::write(room.folder().join("mlartifacts"), "").unwrap();
    let tracker = room.open();
    let run = "0123456789abcdef0123456789abcdef";
    let long = RunInfo::named("long").parameter("query", "x".repeat(7000));
    let started = What::Started(Box::new(Started::new(&long)));
    let error = tracker.record(&Event::now(run, started)).unwrap_err();
    assert!(error.to_string().contains("was not written"), "{error}");
    let log = RunLog::of(&tracker, run);
    log.metric("m", 1.0, 0).unwrap();
    assert_eq!(
        room.ask("SELECT length(value) FROM params WHERE key = 'query'"),
        ["6000"]
    );
    log.finish(Status::Finished).unwrap();
    assert_eq!(room.ask("SELECT status FROM runs"), ["FINISHED"]);
}

#[test]
fn a_folder_is_copied_as_far_as_it_can_be() {
    let room = Room::new();
    let tracker = room.open();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    // The folder of the artifacts is inside, and not made yet.
    let error = log.copy("all", room.folder()).unwrap_err();
    assert!(error.to_string().contains("inside it"), "{error}");
    assert!(!room.folder().join("mlartifacts").exists());
    let report = room.folder().join("report.csv");
    std::fs::write(&report, "1\n").unwrap();
    let error = log.copy("", &report).unwrap_err();
    assert!(error.to_string().contains("needs a name"), "{error}");
    let folder = room.folder().join("tables");
    std::fs::create_dir(&folder).unwrap();
    for name in ["a.csv", "z.csv"] {
        std::fs::write(folder.join(name), "1\n").unwrap();
    }
    let kept = room
        .folder()
        .join(format!("mlartifacts/0/{}/artifacts", log.run()));
    if cfg!(target_os = "linux") {
        use std::os::unix::ffi::OsStrExt;

        let name = std::ffi::OsStr::from_bytes(b"m\xff.csv");
        std::fs::write(folder.join(name), "1\n").unwrap();
        let error = log.copy("", &folder).unwrap_err();
        assert!(error.to_string().contains("no UTF-8"), "{error}");
        assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 2);
    } else {
        log.copy("", &folder).unwrap();
    }
    for name in ["a.csv", "z.csv"] {
        assert_eq!(std::fs::read_to_string(kept.join(name)).unwrap(), "1\n");
    }
    log.text("notes.txt", "n").unwrap();
    log.text(format!("{}.txt", "n".repeat(251)), "n").unwrap();
    let error = log.text("n".repeat(256), "n").unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
    log.finish(Status::Finished).unwrap();
}

#[test]
fn a_dataset_in_two_roles_has_both() {
    let room = Room::new();
    let tracker = room.open();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    for role in ["training", "testing", "training", "testing"] {
        log.dataset(Dataset::new("d", "1", role)).unwrap();
    }
    assert_eq!(
        room.ask(
            "SELECT digest, input_tags.value FROM datasets JOIN inputs ON source_id = dataset_uuid \
             JOIN input_tags USING (input_uuid) ORDER BY 1"
        ),
        ["1|training", "1-testing|testing"]
    );
    log.finish(Status::Finished).unwrap();
}
