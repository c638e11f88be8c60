//! Runs that somebody goes on with, and ends that could not be written at first.

use std::fs;
use std::time::Duration;

use floe::prelude::Tracker;
use floe::tracker::{Event, RunInfo, RunLog, Started, Status, What};
use rusqlite::Connection;

use super::Room;
use super::others::started;

const RUN: &str = "0123456789abcdef0123456789abcdef";

fn finished() -> Event {
    let finished = What::Finished {
        status: Status::Finished,
        error: None,
    };
    Event::now(RUN, finished)
}

/// The state of the runs, and whether they ended.
fn states(room: &Room) -> Vec<String> {
    room.ask("SELECT status || iif(end_time IS NULL, '', ' ended') FROM runs")
}

/// What is said of why they failed.
fn errors(room: &Room) -> Vec<String> {
    room.ask("SELECT value FROM tags WHERE key = 'floe.error'")
}

fn keys(room: &Room) -> Vec<String> {
    room.ask("SELECT key FROM metrics ORDER BY key")
}

/// Leaves numbers of the run beside a database that does not have it.
fn leave_numbers(beside: &Room) {
    let room = Room::new();
    let tracker = room.open();
    tracker.record(&started(RUN)).unwrap();
    RunLog::of(&tracker, RUN).metric("before", 1.0, 0).unwrap();
    let numbers = fs::read(room.journal(RUN)).unwrap();
    fs::create_dir(beside.folder().join("mlflow.db-running")).unwrap();
    fs::write(beside.journal(RUN), numbers).unwrap();
}

#[test]
fn a_run_that_another_tracker_left_is_taken_up() {
    let room = Room::new();
    let run = RUN;
    let (first, second) = (room.open(), room.open());
    first.record(&started(run)).unwrap();
    RunLog::of(&first, run).metric("a", 1.0, 0).unwrap();
    drop(first);
    second.record(&started(run)).unwrap();
    RunLog::of(&second, run).metric("b", 1.0, 0).unwrap();
    // Whoever opens it meanwhile sees that somebody has the run.
    drop(room.open());
    assert_eq!(states(&room), ["RUNNING"]);
    RunLog::of(&second, run).finish(Status::Finished).unwrap();
    assert_eq!(states(&room), ["FINISHED ended"]);
    assert_eq!(keys(&room), ["a", "b"]);
    assert!(errors(&room).is_empty());
    assert!(!room.folder().join("mlflow.db-running").exists());
}

#[test]
fn a_run_that_ends_after_all_is_not_said_to_have_died() {
    // Ended by one who did not begin it, and by one who was at work when its other process died.
    for is_begun in [false, true] {
        let room = Room::new();
        let (first, second) = (room.open(), room.open());
        first.record(&started(RUN)).unwrap();
        if is_begun {
            second.record(&started(RUN)).unwrap();
        }
        drop(first);
        drop(room.open());
        assert_eq!(states(&room), ["KILLED ended"]);
        assert_eq!(errors(&room).len(), 1);
        RunLog::of(&second, RUN).finish(Status::Finished).unwrap();
        assert_eq!(states(&room), ["FINISHED ended"]);
        assert!(errors(&room).is_empty());
    }
}

#[test]
fn a_run_that_went_on_while_its_lock_was_anothers_takes_it_once_it_is_free() {
    // Its first tracker is at work, or is gone and somebody who opens the database marks the run.
    for is_marked in [false, true] {
        let room = Room::new();
        let first = room.open();
        first.record(&started(RUN)).unwrap();
        RunLog::of(&first, RUN).metric("a", 1.0, 0).unwrap();
        let second = room.open();
        if is_marked {
            drop(first);
            // Whoever marks runs has their locks while it waits for the database.
            let lock = fs::File::open(room.journal(RUN)).unwrap();
            lock.try_lock().unwrap();
            second.record(&started(RUN)).unwrap();
            // A child of another test may have the file open too.
            lock.unlock().unwrap();
        } else {
            second.record(&started(RUN)).unwrap();
            drop(first);
        }
        drop(room.open());
        assert_eq!(states(&room), ["KILLED ended"]);
        RunLog::of(&second, RUN).metric("b", 1.0, 0).unwrap();
        drop(room.open());
        assert_eq!(states(&room), ["RUNNING"], "{is_marked}");
        assert!(errors(&room).is_empty());
        RunLog::of(&second, RUN).metric("c", 1.0, 0).unwrap();
        // In the file of the run, as with any run that is under way.
        assert!(!fs::read(room.journal(RUN)).unwrap().is_empty());
        RunLog::of(&second, RUN).finish(Status::Finished).unwrap();
        assert_eq!(states(&room), ["FINISHED ended"]);
        assert_eq!(keys(&room), ["a", "b", "c"]);
        assert!(!room.folder().join("mlflow.db-running").exists());
    }
}

#[test]
fn a_run_is_taken_up_whatever_of_its_beginning_is_refused() {
    let room = Room::new();
    let with = |alpha: f64| {
        let mut started = Started::new(&RunInfo::new());
        started.parameters.insert("alpha".to_owned(), alpha.into());
        Event::now(RUN, What::Started(Box::new(started)))
    };
    let first = room.open();
    first.record(&with(1.0)).unwrap();
    drop(first);
    let second = room.open();
    let error = second.record(&with(2.0)).unwrap_err();
    assert!(error.to_string().contains("`alpha`"), "{error}");
    assert_eq!(states(&room), ["RUNNING"]);
    assert!(errors(&room).is_empty());
}

#[test]
fn numbers_that_were_left_go_with_the_run_once_it_begins() {
    let other = Room::new();
    leave_numbers(&other);
    // The database there never had the run.
    let late = other.open();
    late.record(&started(RUN)).unwrap();
    RunLog::of(&late, RUN).metric("after", 1.0, 0).unwrap();
    drop(other.open());
    assert_eq!(states(&other), ["RUNNING"]);
    RunLog::of(&late, RUN).finish(Status::Finished).unwrap();
    assert_eq!(keys(&other), ["after", "before"]);
    assert!(!other.folder().join("mlflow.db-running").exists());
}

#[test]
fn numbers_that_were_left_go_with_a_run_that_begins_and_ends_at_once() {
    let other = Room::new();
    let late = other.open();
    leave_numbers(&other);
    late.record_all(&[started(RUN), finished()]).unwrap();
    assert_eq!(states(&other), ["FINISHED ended"]);
    assert_eq!(keys(&other), ["before"]);
    assert!(!other.folder().join("mlflow.db-running").exists());
}

#[test]
fn numbers_that_were_left_do_not_wait_for_the_next_event() {
    let other = Room::new();
    let late = other.open();
    leave_numbers(&other);
    late.record(&started(RUN)).unwrap();
    RunLog::of(&late, RUN).metric("after", 1.0, 0).unwrap();
    let began = std::time::Instant::now();
    while keys(&other) != ["after", "before"] {
        assert!(began.elapsed() < Duration::from_mins(1));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_run_that_cannot_begin_again_stays_as_it_was_found() {
    let room = Room::new();
    let first = room.open().experiment("gone");
    first.record(&started(RUN)).unwrap();
    drop(first);
    let second = room.open().experiment("gone");
    let sql = "UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = 'gone'";
    let other = Connection::open(room.database()).unwrap();
    other.execute_batch(sql).unwrap();
    let error = second.record(&started(RUN)).unwrap_err();
    assert!(error.to_string().contains("is deleted"), "{error}");
    assert_eq!(states(&room), ["KILLED ended"]);
}

#[test]
fn an_end_that_was_refused_leaves_the_run_to_be_found() {
    let room = Room::new();
    let tracker = room.open();
    tracker.record(&started(RUN)).unwrap();
    let other = Connection::open(room.database()).unwrap();
    let stage = |stage: &str| {
        let sql = "UPDATE runs SET lifecycle_stage = ?1";
        other.execute(sql, [stage]).unwrap();
    };
    stage("deleted");
    let error = RunLog::of(&tracker, RUN).finish(Status::Finished);
    let error = error.unwrap_err();
    assert!(error.to_string().contains("deleted the run"), "{error}");
    stage("active");
    drop(tracker);
    drop(room.open());
    assert_eq!(states(&room), ["KILLED ended"]);
}

#[test]
fn an_end_that_found_the_database_held_can_be_told_again() {
    let room = Room::new();
    let tracker = room.open().wait_at_most(Duration::from_millis(50));
    let other = room.held();
    let end = finished();
    for event in [&started(RUN), &end] {
        assert!(tracker.record(event).unwrap_err().is_transient());
    }
    other.execute_batch("COMMIT").unwrap();
    tracker.record(&end).unwrap();
    assert_eq!(states(&room), ["FINISHED ended"]);
    assert!(!room.folder().join("mlflow.db-running").exists());
}
