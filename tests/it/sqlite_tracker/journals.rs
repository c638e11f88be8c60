//! Numbers on their way to the database.

use std::fs;
use std::time::Duration;

use floe::prelude::Tracker;
use floe::tracker::{Event, RunInfo, RunLog, Started, Status, What};

use super::Room;

/// What a killed process would leave of a room at this moment. Nobody may write meanwhile.
fn left_of(room: &Room) -> Room {
    let copy = Room::new();
    fs::create_dir(copy.folder().join("mlflow.db-running")).unwrap();
    let running = room.folder().join("mlflow.db-running");
    for folder in [room.folder(), &running] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let below = path.strip_prefix(room.folder()).unwrap();
            if path.is_file() {
                fs::copy(&path, copy.folder().join(below)).unwrap();
            }
        }
    }
    copy
}

/// The steps that are kept of a killed run whose file was changed.
fn kept(room: &Room, run: &str, change: impl FnOnce(&mut Vec<u8>)) -> Vec<String> {
    let copy = left_of(room);
    let journal = copy.journal(run);
    let mut bytes = fs::read(&journal).unwrap();
    change(&mut bytes);
    fs::write(&journal, bytes).unwrap();
    assert!(copy.ask("SELECT step FROM metrics").is_empty());
    drop(copy.open());
    assert_eq!(copy.ask("SELECT status FROM runs"), ["KILLED"]);
    assert!(!copy.folder().join("mlflow.db-running").exists());
    let of_end = "SELECT max(timestamp) = end_time FROM metrics JOIN runs USING (run_uuid)";
    let steps = copy.ask("SELECT step FROM metrics ORDER BY step");
    if !steps.is_empty() {
        assert_eq!(copy.ask(of_end), ["1"]);
        assert_eq!(
            copy.ask("SELECT step FROM latest_metrics"),
            [steps.last().unwrap().as_str()]
        );
    }
    steps
}

#[test]
fn a_number_that_was_half_written_takes_no_other_along() {
    let room = Room::new();
    let tracker = room.open().wait_at_most(Duration::from_millis(50));
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    // Numbers are taken while another process holds the database.
    let other = room.held();
    for step in 0..3 {
        log.metric("loss", 0.5, step).unwrap();
    }
    assert!(tracker.flush().unwrap_err().is_transient());
    let run = log.run().to_owned();
    let last = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).unwrap();
    assert_eq!(kept(&room, &run, |_| {}), ["0", "1", "2"]);
    // A kill within a write leaves a part of it, before zeros or at the end.
    let torn = |bytes: &mut Vec<u8>| bytes.truncate(last(bytes));
    assert_eq!(kept(&room, &run, torn), ["0", "1"]);
    let damaged = |bytes: &mut Vec<u8>| {
        let at = last(bytes);
        bytes[at] = 0;
    };
    assert_eq!(kept(&room, &run, damaged), ["0", "1"]);
    assert!(kept(&room, &run, Vec::clear).is_empty());
    other.execute_batch("COMMIT").unwrap();
    tracker.flush().unwrap();
    assert_eq!(room.ask("SELECT count(*) FROM metrics"), ["3"]);
    log.finish(Status::Finished).unwrap();
    assert!(!room.folder().join("mlflow.db-running").exists());
}

#[test]
fn numbers_of_a_newer_floe_are_left_to_it() {
    let room = Room::new();
    drop(room.open());
    let run = "0123456789abcdef0123456789abcdef";
    fs::create_dir(room.folder().join("mlflow.db-running")).unwrap();
    fs::write(room.journal(run), "floenum\u{2} and more").unwrap();
    let error = floe::tracker::SqliteTracker::open(room.database()).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    assert!(error.help().unwrap().contains(run), "{error}");
    assert!(room.journal(run).exists());
}

#[test]
fn readers_see_numbers_while_the_run_goes_on() {
    let room = Room::new();
    let tracker = room.open();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    for step in 0..3 {
        log.metric("loss", 0.5, step).unwrap();
        let began = std::time::Instant::now();
        let count = (step + 1).to_string();
        while room.ask("SELECT count(*) FROM metrics") != [count.as_str()] {
            assert!(began.elapsed() < Duration::from_mins(1));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    // Whatever else is told of the run finds the numbers before it.
    log.metric("loss", 0.5, 3).unwrap();
    log.tag("team", "a").unwrap();
    assert_eq!(room.ask("SELECT count(*) FROM metrics"), ["4"]);
    log.finish(Status::Finished).unwrap();
}

#[test]
fn numbers_that_arrive_while_the_run_ends_are_kept() {
    let room = Room::new();
    let tracker = room.open();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    let run = log.run().to_owned();
    std::thread::scope(|scope| {
        for at in 0..4 {
            let log = RunLog::of(&tracker, run.as_str());
            scope.spawn(move || {
                for step in 0..500 {
                    log.metric(format!("of_{at}"), 0.5, step).unwrap();
                }
            });
        }
        log.finish(Status::Finished).unwrap();
    });
    tracker.flush().unwrap();
    assert_eq!(room.ask("SELECT count(*) FROM metrics"), ["2000"]);
    assert_eq!(room.ask("SELECT status FROM runs"), ["FINISHED"]);
    assert!(!room.folder().join("mlflow.db-running").exists());
}

#[test]
fn who_tells_of_the_run_of_another_tracker_leaves_it_its_file() {
    let room = Room::new();
    let run = "0123456789abcdef0123456789abcdef";
    let started = What::Started(Box::new(Started::new(&RunInfo::named("one"))));
    let started = Event::now(run, started);
    let (owner, other) = (room.open(), room.open());
    owner.record(&started).unwrap();
    RunLog::of(&owner, run).metric("a", 1.0, 0).unwrap();
    other.record(&started).unwrap();
    RunLog::of(&other, run).metric("b", 1.0, 0).unwrap();
    // Those of the other one are in the database already.
    assert_eq!(room.ask("SELECT key FROM metrics WHERE key = 'b'"), ["b"]);
    assert!(!fs::read(room.journal(run)).unwrap().is_empty());
    drop(other);
    drop(room.open());
    assert_eq!(room.ask("SELECT status FROM runs"), ["RUNNING"]);
    RunLog::of(&owner, run).finish(Status::Finished).unwrap();
    assert_eq!(room.ask("SELECT key FROM metrics ORDER BY 1"), ["a", "b"]);
}

#[test]
fn a_lock_whose_maker_was_killed_is_cleared_away() {
    let room = Room::new();
    drop(room.open());
    let unborn = room.journal("0123456789abcdef0123456789abcdef.new");
    fs::create_dir(unborn.parent().unwrap()).unwrap();
    let file = fs::File::create(&unborn).unwrap();
    file.try_lock().unwrap();
    drop(room.open());
    // Its maker is at work.
    assert!(unborn.exists());
    // A child of another test may have it open too.
    file.unlock().unwrap();
    drop(room.open());
    assert!(!room.folder().join("mlflow.db-running").exists());
}
