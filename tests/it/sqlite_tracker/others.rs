//! What other writers, readers, processes and folders do to a tracker.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use floe::prelude::Tracker;
use floe::tracker::{
    Artifact, Event, MlflowTracker, RunInfo, RunLog, SqliteTracker, Started, Status, What,
};
use rusqlite::Connection;

use super::Room;
use crate::support::one_test;

/// Holds the database as a writer does, for so long.
fn hold(room: &Room, time: Duration) -> thread::JoinHandle<()> {
    let database = room.database();
    let (sender, receiver) = mpsc::channel();
    let held = thread::spawn(move || {
        let other = Connection::open(database).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        sender.send(()).unwrap();
        thread::sleep(time);
        other.execute_batch("COMMIT").unwrap();
    });
    receiver.recv().unwrap();
    held
}

pub(super) fn started(run: &str) -> Event {
    Event::now(run, What::Started(Box::new(Started::new(&RunInfo::new()))))
}

#[test]
fn what_was_lost_is_told_also_while_others_hold_the_database() {
    let room = Room::new();
    let tracker = room.open().wait_at_most(Duration::from_millis(50));
    let (one, two) = (
        RunLog::start(&tracker, &RunInfo::new()).unwrap(),
        RunLog::start(&tracker, &RunInfo::new()).unwrap(),
    );
    let other = Connection::open(room.database()).unwrap();
    let delete = "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?1";
    other.execute(delete, [one.run()]).unwrap();
    one.metric("m", 1.0, 0).unwrap();
    let began = Instant::now();
    // The thread brings it to the database, which refuses it; from then on that is told at once.
    while one.metric("m", 1.0, 1).is_ok() {
        assert!(began.elapsed() < Duration::from_mins(1));
        thread::sleep(Duration::from_millis(20));
    }
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    two.metric("m", 1.0, 0).unwrap();
    let error = tracker.flush().unwrap_err();
    for says in ["another process holds it", "numbers of the run", one.run()] {
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!(!error.is_transient());
    other.execute_batch("COMMIT").unwrap();
    tracker.flush().unwrap();
    assert_eq!(room.ask("SELECT count(*) FROM metrics"), ["1"]);
}

#[test]
fn a_reader_of_an_older_state_is_not_waited_for() {
    let room = Room::new();
    let tracker = room.open();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    let reader = Connection::open(room.database()).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let seen = super::ask(&reader, "SELECT count(*) FROM runs");
    log.tag("team", "a").unwrap();
    let began = Instant::now();
    tracker.flush().unwrap();
    // Its patience with writers is 20 s.
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(super::ask(&reader, "SELECT count(*) FROM runs"), seen);
    log.finish(Status::Finished).unwrap();
}

#[test]
fn many_runs_with_numbers_wait_for_a_writer_once() {
    let room = Room::new();
    let tracker = room.open().wait_at_most(Duration::from_millis(100));
    let start = |_| RunLog::start(&tracker, &RunInfo::new()).unwrap();
    let logs: Vec<_> = (0..100).map(start).collect();
    let other = room.held();
    for log in &logs {
        log.metric("m", 1.0, 0).unwrap();
    }
    let began = Instant::now();
    assert!(tracker.flush().unwrap_err().is_transient());
    // One after the other they would take ten.
    assert!(began.elapsed() < Duration::from_secs(5));
    other.execute_batch("COMMIT").unwrap();
    tracker.flush().unwrap();
    assert_eq!(room.ask("SELECT count(*) FROM metrics"), ["100"]);
}

#[test]
fn what_the_thread_waited_for_in_vain_shortens_nobodys_patience() {
    let room = Room::new();
    let tracker = room.open().wait_at_most(Duration::from_secs(3));
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    let held = hold(&room, Duration::from_secs(5));
    log.metric("m", 1.0, 0).unwrap();
    // By now the thread has given up at least once.
    thread::sleep(Duration::from_millis(3500));
    log.tag("team", "a").unwrap();
    held.join().unwrap();
    assert_eq!(room.ask("SELECT count(*) FROM metrics"), ["1"]);
    log.finish(Status::Finished).unwrap();
}

#[test]
fn numbers_of_a_run_that_the_database_does_not_have_stay() {
    let (room, other) = (Room::new(), Room::new());
    let tracker = room.open().wait_at_most(Duration::from_millis(50));
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    log.metric("m", 1.0, 0).unwrap();
    let numbers = fs::read(room.journal(log.run())).unwrap();
    // Somebody put a new database in the place of that one.
    drop(other.open());
    fs::create_dir(other.folder().join("mlflow.db-running")).unwrap();
    fs::write(other.journal(log.run()), &numbers).unwrap();
    drop(other.open());
    assert_eq!(fs::read(other.journal(log.run())).unwrap(), numbers);
    // A file without numbers tells nobody anything.
    fs::write(other.journal(log.run()), "").unwrap();
    drop(other.open());
    assert!(!other.folder().join("mlflow.db-running").exists());
    log.finish(Status::Finished).unwrap();
}

#[test]
fn a_run_that_ends_beside_something_refused_has_ended() {
    let room = Room::new();
    let tracker = room.open();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    let gone = room.folder().join("none.txt");
    let artifact = What::Artifact(Box::new(Artifact::copy("none.txt", gone)));
    let end = What::Finished {
        status: Status::Finished,
        error: None,
    };
    let events = [artifact, end].map(|what| Event::now(log.run(), what));
    assert!(tracker.record_all(&events).is_err());
    assert_eq!(room.ask("SELECT status FROM runs"), ["FINISHED"]);
    assert!(!room.folder().join("mlflow.db-running").exists());
}

#[cfg(unix)]
#[test]
fn links_to_a_database_lead_to_the_same_locks() {
    let (room, elsewhere) = (Room::new(), Room::new());
    drop(room.open());
    std::os::unix::fs::symlink(room.database(), elsewhere.database()).unwrap();
    let tracker = elsewhere.open();
    let run = "0123456789abcdef0123456789abcdef";
    tracker.record(&started(run)).unwrap();
    assert!(room.journal(run).exists());
    drop(room.open());
    assert_eq!(room.ask("SELECT status FROM runs"), ["RUNNING"]);
    drop(tracker);
    drop(room.open());
    assert_eq!(room.ask("SELECT status FROM runs"), ["KILLED"]);
}

/// Set for a process that goes to another folder while it works: the folder with both.
const WANDERER: &str = "FLOE_SQLITE_WANDERER";

fn wander(folder: &Path) {
    std::env::set_current_dir(folder.join("from")).unwrap();
    let tracker = SqliteTracker::open("mlflow.db").unwrap();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    std::env::set_current_dir(folder.join("to")).unwrap();
    log.metric("m", 1.0, 0).unwrap();
    log.text("a.txt", "a").unwrap();
    let _second = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    log.finish(Status::Finished).unwrap();
}

#[test]
fn a_process_that_goes_elsewhere_writes_where_it_began() {
    if let Some(folder) = std::env::var_os(WANDERER) {
        wander(Path::new(&folder));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["from", "to"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let name = "sqlite_tracker::others::a_process_that_goes_elsewhere_writes_where_it_began";
    let status = one_test(name)
        .env(WANDERER, folder.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let names = |of: &str| -> Vec<_> {
        let entries = fs::read_dir(folder.path().join(of)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert!(names("to").is_empty());
    // The second run did not end.
    assert_eq!(
        names("from"),
        ["mlartifacts", "mlflow.db", "mlflow.db-running"]
    );
    let database = folder.path().join("from/mlflow.db");
    drop(SqliteTracker::open(&database).unwrap());
    let states = "SELECT status FROM runs ORDER BY 1";
    let states = super::ask(&Connection::open(database).unwrap(), states);
    assert_eq!(states, ["FINISHED", "KILLED"]);
}

#[test]
fn a_database_that_is_open_here_is_no_artifact() {
    let (room, elsewhere) = (Room::new(), Room::new());
    let tracker = room.open().artifacts(elsewhere.folder().join("kept"));
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    fs::write(room.folder().join("beside.txt"), "a").unwrap();
    fs::hard_link(room.database(), room.folder().join("same.db")).unwrap();
    // SQLite's locks would go with the handle that copies it.
    for of in ["mlflow.db", "mlflow.db-shm", "same.db", ""] {
        let error = log.copy("copy", room.folder().join(of)).unwrap_err();
        assert!(error.to_string().contains("has open"), "{of}: {error}");
    }
    let kept = elsewhere.folder().join("kept/0").join(log.run());
    assert!(kept.join("artifacts/copy/beside.txt").exists());
    assert!(!kept.join("artifacts/copy/mlflow.db").exists());
    // Nor when it was moved: SQLite does not mind.
    let moved = elsewhere.folder().join("moved.db");
    fs::rename(room.database(), &moved).unwrap();
    let error = log.copy("copy", &moved).unwrap_err();
    assert!(error.to_string().contains("has open"), "{error}");
    fs::rename(&moved, room.database()).unwrap();
    let spool = elsewhere.folder().join("spool");
    let other = MlflowTracker::new("http://127.0.0.1:9")
        .spool(spool)
        .deadline(Duration::ZERO);
    let others = RunLog::start(&other, &RunInfo::new()).unwrap();
    let error = others.copy("copy", room.database()).unwrap_err();
    assert!(error.to_string().contains("has open"), "{error}");
    log.finish(Status::Finished).unwrap();
    drop(tracker);
    others.copy("copy", room.database()).unwrap();
}

#[test]
fn a_flush_that_writes_nothing_tells_nothing_of_others() {
    let room = Room::new();
    let tracker = room.open().wait_at_most(Duration::from_secs(3));
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    let other = room.held();
    log.tag("team", "a").unwrap_err();
    let began = Instant::now();
    for _ in 0..3 {
        tracker.flush().unwrap();
        log.tag("team", "a").unwrap_err();
    }
    // Each would take three seconds.
    assert!(began.elapsed() < Duration::from_secs(3));
    other.execute_batch("COMMIT").unwrap();
    log.finish(Status::Finished).unwrap();
}
