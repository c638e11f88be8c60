//! Processes that are killed, and several that write at once.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use floe::tracker::{RunInfo, RunLog, SqliteTracker, Status};

use super::Room;
use crate::support::one_test;

/// Set for a process that is to write and not to test: where, how many rounds, and whether it ends
/// its run.
const WRITER: &str = "FLOE_SQLITE_WRITER";

fn writer(database: &Path, rounds: u32) -> Child {
    one_test("sqlite_tracker::crash::killed_runs_keep_what_was_acknowledged")
        .env(WRITER, format!("{rounds} {}", database.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// One number at a time, some in batches, and now and then a text; each is told on the standard
/// output once it is recorded.
fn write(task: &str) {
    let (rounds, path) = task.split_once(' ').unwrap();
    let tracker = SqliteTracker::open(path).unwrap();
    let log = RunLog::start(&tracker, &RunInfo::named("writer")).unwrap();
    let mut out = std::io::stdout();
    let mut tell = |what: String| {
        writeln!(out, "{what}").unwrap();
        out.flush().unwrap();
    };
    tell(format!("run {}", log.run()));
    for step in 0..rounds.parse::<i64>().unwrap() {
        log.metric("one", step as f64, step).unwrap();
        tell(format!("one {step}"));
        let batch = (0..10).map(|at| ("many", at as f64, step * 10 + at));
        log.metrics(batch).unwrap();
        tell(format!("many {step}"));
        if step % 10 == 0 {
            log.text(format!("texts/{step}.txt"), step.to_string())
                .unwrap();
            tell(format!("text {step}"));
        }
    }
    log.finish(Status::Finished).unwrap();
    tell("done".to_owned());
}

#[test]
fn killed_runs_keep_what_was_acknowledged() {
    if let Ok(task) = std::env::var(WRITER) {
        write(&task);
        return;
    }
    let room = Room::new();
    // A database is made first: 20 processes are killed while they write, not while they wait.
    drop(room.open());
    let mut brought_over = 0;
    for round in 0..20 {
        let mut child = writer(&room.database(), 1_000_000);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Another place each time, and between two answers too.
        let most = 2 + rand::random::<u64>() % 300;
        let mut told: Vec<String> = Vec::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            if line.contains("run ") || !told.is_empty() {
                told.push(line);
            }
            if told.len() as u64 >= most {
                break;
            }
        }
        std::thread::sleep(Duration::from_micros(rand::random::<u64>() % 3000));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts too.
        told.extend(lines.map_while(Result::ok));
        let run = told[0].split_once("run ").unwrap().1.to_owned();
        let said = |what: &str| -> BTreeSet<i64> {
            let steps = told.iter().filter_map(|line| line.strip_prefix(what));
            steps.filter_map(|step| step.trim().parse().ok()).collect()
        };
        let of_run = |sql: &str| room.ask(&format!("{sql} WHERE run_uuid = '{run}'"));
        assert_eq!(
            of_run("SELECT status FROM runs"),
            ["RUNNING"],
            "round {round}"
        );
        let journal = room.journal(&run);
        let bytes = std::fs::read(&journal).unwrap();
        let before = of_run("SELECT count(*) FROM metrics");
        drop(room.open());
        assert_eq!(
            of_run("SELECT status FROM runs"),
            ["KILLED"],
            "round {round}"
        );
        let after = of_run("SELECT count(*) FROM metrics");
        brought_over += usize::from(after != before);
        // Who brought the numbers over may be killed before the file is gone.
        assert!(!journal.exists());
        std::fs::create_dir_all(journal.parent().unwrap()).unwrap();
        std::fs::write(&journal, bytes).unwrap();
        drop(room.open());
        assert_eq!(of_run("SELECT count(*) FROM metrics"), after);
        assert_eq!(of_run("SELECT end_time >= start_time FROM runs"), ["1"]);
        let steps = |key: &str| -> Vec<i64> {
            let steps = of_run_key(&room, &run, key);
            steps.iter().map(|step| step.parse().unwrap()).collect()
        };
        let (one, many) = (steps("one"), steps("many"));
        let kept: BTreeSet<i64> = one.iter().copied().collect();
        assert_eq!(kept.len(), one.len(), "a number is there twice");
        assert!(said("one ").is_subset(&kept), "round {round}: {one:?}");
        let batches: BTreeSet<i64> = many.iter().map(|step| step / 10).collect();
        // A batch is there whole or not at all.
        assert_eq!(batches.len() * 10, many.len());
        assert!(said("many ").is_subset(&batches));
        for step in said("text ") {
            let path = format!("mlartifacts/0/{run}/artifacts/texts/{step}.txt");
            let text = std::fs::read_to_string(room.folder().join(path)).unwrap();
            assert_eq!(text, step.to_string());
        }
        let latest = of_run_key_latest(&room, &run);
        assert_eq!(
            latest.first().map(|step| step.parse().unwrap()),
            one.last().copied()
        );
    }
    // Else there was nothing to bring over, and nothing of it was tested.
    assert!(brought_over > 0);
    let connection = rusqlite::Connection::open(room.database()).unwrap();
    assert_eq!(super::ask(&connection, "PRAGMA integrity_check"), ["ok"]);
    assert!(!room.folder().join("mlflow.db-running").exists());
}

fn of_run_key(room: &Room, run: &str, key: &str) -> Vec<String> {
    room.ask(&format!(
        "SELECT step FROM metrics WHERE run_uuid = '{run}' AND key = '{key}' ORDER BY step"
    ))
}

fn of_run_key_latest(room: &Room, run: &str) -> Vec<String> {
    room.ask(&format!(
        "SELECT step FROM latest_metrics WHERE run_uuid = '{run}' AND key = 'one'"
    ))
}

#[test]
fn several_processes_write_at_once() {
    let room = Room::new();
    // None of them finds a database: one makes it, the others wait.
    let writers: Vec<Child> = (0..4).map(|_| writer(&room.database(), 60)).collect();
    for child in writers {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("done"), "{text}");
    }
    assert_eq!(
        room.ask("SELECT status, count(*) FROM runs GROUP BY status"),
        ["FINISHED|4"]
    );
    assert_eq!(
        room.ask("SELECT key, count(*) FROM metrics GROUP BY key ORDER BY key"),
        ["many|2400", "one|240"]
    );
}

#[test]
fn a_run_that_is_under_way_is_not_taken_for_dead() {
    let room = Room::new();
    let tracker = room.open();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    log.metric("before", 1.0, 0).unwrap();
    let journal = room.journal(log.run());
    let written = std::fs::read(&journal).unwrap();
    // Neither by another tracker of this process, nor by another process.
    drop(room.open());
    assert_eq!(room.ask("SELECT status FROM runs"), ["RUNNING"]);
    assert!(
        writer(&room.database(), 1)
            .wait_with_output()
            .unwrap()
            .status
            .success()
    );
    assert_eq!(
        room.ask("SELECT status FROM runs ORDER BY status"),
        ["FINISHED", "RUNNING"]
    );
    assert_eq!(std::fs::read(&journal).unwrap(), written);
    log.metric("still", 1.0, 0).unwrap();
    drop(tracker);
    assert_eq!(
        room.ask("SELECT key FROM metrics WHERE key IN ('before', 'still') ORDER BY 1"),
        ["before", "still"]
    );
    // A run log that is forgotten leaves its run to the next opening.
    drop(room.open());
    assert_eq!(
        room.ask("SELECT status FROM runs ORDER BY status"),
        ["FINISHED", "KILLED"]
    );
    assert_eq!(
        room.ask("SELECT value FROM tags WHERE key = 'floe.error'"),
        ["its process ended without ending the run"]
    );
}
