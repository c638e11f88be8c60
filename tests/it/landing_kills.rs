//! Real processes that are killed, kept out, or out of space; and how much memory one needs.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use floe::polars::prelude::*;
use floe::source::remote::{Landing, Outcome, Table};
use floe::{Error, ErrorKind};
use serde_json::{Value, json};

use crate::landing::rows;
use crate::support::one_test;

/// Tells a test that it is the process to be killed, and where it lands.
const CHILD: &str = "FLOE_TEST_LANDING_CHILD";
const PAGES: u64 = 40;
const PAGE: u64 = 25;

fn open(root: &Path) -> Landing {
    let table = Table::new("comments", ["comment_id"])
        .column("comment_id", DataType::String)
        .column("likes", DataType::UInt64)
        .column("text", DataType::String);
    Landing::open(root, "kills", [table]).unwrap()
}

fn row(page: u64, at: u64, text: &str) -> Value {
    json!({"comment_id": format!("{page}-{at}"), "likes": page * PAGE + at, "text": text})
}

fn collect(landing: &Landing, pages: u64, text: &str) -> Result<(), Error> {
    let mut run = landing.begin(&json!({"pages": pages}))?;
    for page in run.cursor().as_u64().unwrap_or(0)..pages {
        for at in 0..PAGE {
            run.append("comments", &row(page, at, text))?;
        }
        if page % 7 == 0 {
            run.skip(format!("page {page}"), "a seventh")?;
        }
        run.set_state(format!("mark {}", page % 5), page.into())?;
        run.note("pages", (page + 1).into());
        run.commit((page + 1).into())?;
    }
    run.finish(Outcome::Complete).map(|_| ())
}

/// This test again, as a process of its own.
fn child(test: &str, root: &Path) -> Command {
    let mut command = one_test(&format!("landing_kills::{test}"));
    command
        .env(CHILD, root)
        .env("POLARS_MAX_THREADS", "2")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn as_child() -> Option<Landing> {
    env::var_os(CHILD).map(|root| open(Path::new(&root)))
}

#[test]
fn a_killed_process_loses_and_doubles_nothing() {
    if let Some(landing) = as_child() {
        collect(&landing, PAGES, "a text").unwrap();
        return;
    }
    let test = "a_killed_process_loses_and_doubles_nothing";
    let mut expected: Vec<(String, Option<u64>)> = Vec::new();
    for page in 0..PAGES {
        let row = |at| (format!("{page}-{at}"), Some(page * PAGE + at));
        expected.extend((0..PAGE).map(row));
    }
    let mut state = BTreeMap::new();
    for page in 0..PAGES {
        state.insert(format!("mark {}", page % 5), Value::from(page));
    }
    // One run undisturbed says how long there is to kill it.
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    assert!(child(test, folder.path()).status().unwrap().success());
    let (whole, mut kills, mut landings) = (began.elapsed(), 0, 0);
    while kills < 50 {
        let folder = tempfile::tempdir().unwrap();
        let landing = open(folder.path());
        let mut killed = 0;
        loop {
            let mut process = child(test, folder.path()).spawn().unwrap();
            // Towards the end of its time at first, anywhere afterwards.
            let least = if killed == 0 { 0.5 } else { 0.1 };
            let share = least + (1.05 - least) * fraction(kills + killed + landings);
            let wait = whole.mul_f64(share);
            std::thread::sleep(wait);
            process.kill().unwrap();
            process.wait().unwrap();
            // A process that came to its end, even when it was killed right after, is not begun anew.
            if !landing.runs().unwrap().is_empty() {
                break;
            }
            killed += 1;
            if killed >= 12 {
                assert!(child(test, folder.path()).status().unwrap().success());
                break;
            }
        }
        let found = rows(landing.scan("comments").unwrap());
        assert!(
            found == expected,
            "{} rows after {killed} kills",
            found.len()
        );
        let runs = landing.runs().unwrap();
        assert_eq!((runs.len(), landing.state().unwrap()), (1, state.clone()));
        assert_eq!(runs[0].skipped.len(), 6);
        assert_eq!(runs[0].notes["pages"], json!(PAGES));
        kills += killed;
        landings += 1;
    }
    crate::support::say(format_args!(
        "{kills} kills over {landings} landings, {whole:.1?} each"
    ));
}

/// Evenly spread over 0 to 1, the same in every run of the test.
fn fraction(number: u64) -> f64 {
    (number as f64 * 0.618_033_988_749_895).fract()
}

#[test]
fn a_second_process_is_told_who_writes() {
    if let Some(landing) = as_child() {
        let error = landing.begin(&json!({})).unwrap_err();
        let writer = env::var("FLOE_TEST_WRITER").unwrap();
        assert!(
            error.to_string().contains(&format!("process {writer}")),
            "{error}"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = open(folder.path()).begin(&json!({})).unwrap();
    let mut second = child("a_second_process_is_told_who_writes", folder.path());
    second.env("FLOE_TEST_WRITER", std::process::id().to_string());
    assert!(second.status().unwrap().success());
    run.finish(Outcome::Complete).unwrap();
}

#[test]
fn a_full_disk_is_told_and_what_was_committed_stays() {
    if let Some(landing) = as_child() {
        let error = collect(&landing, PAGES, &"a long text ".repeat(20)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Output, "{error}");
        assert!(error.help().unwrap().contains("free space"), "{error}");
        return;
    }
    let test = "a_full_disk_is_told_and_what_was_committed_stays";
    let folder = tempfile::tempdir().unwrap();
    let text = "a long text ".repeat(20);
    // No file may grow over so many blocks of 512 bytes: to write more fails as on a full disk.
    for blocks in [1, 100, 300, 500] {
        let binary = env::current_exe().unwrap();
        let limited = Command::new("sh")
            .arg("-c")
            .arg(format!(
                "trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""
            ))
            .arg(binary)
            .args(["--exact", &format!("landing_kills::{test}"), "--nocapture"])
            .env(CHILD, folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&limited.stderr).into_owned();
        assert!(limited.status.success(), "{blocks} blocks: {said}");
    }
    let landing = open(folder.path());
    assert!(rows(landing.scan("comments").unwrap()).is_empty());
    let run = landing.begin(&json!({"pages": PAGES})).unwrap();
    assert!(
        run.is_resumed() && run.cursor().as_u64().unwrap() > 10,
        "{:?}",
        run.cursor()
    );
    drop(run);
    collect(&landing, PAGES, &text).unwrap();
    assert_eq!(
        rows(landing.scan("comments").unwrap()).len() as u64,
        PAGES * PAGE
    );
}

#[test]
fn a_device_that_is_full_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let landing = open(folder.path());
    let run = landing.begin(&json!({"pages": 1})).unwrap();
    let lines = landing
        .path()
        .join(format!("run={}/rows/comments.jsonl", run.id()));
    drop(run);
    std::os::unix::fs::symlink("/dev/full", &lines).unwrap();
    let error = collect(&landing, 1, "a text").unwrap_err();
    assert!(error.kind() == ErrorKind::Output && error.to_string().contains("comments.jsonl"));
    let mut run = landing.begin(&json!({"pages": 1})).unwrap();
    run.append("comments", &row(0, 0, "a text")).unwrap();
    run.commit(Value::Null).unwrap_err();
    // After that nothing is taken that could not be brought to the disk.
    assert_eq!(
        run.append("comments", &row(0, 1, "")).unwrap_err().kind(),
        ErrorKind::Output
    );
    assert_eq!(
        run.finish(Outcome::Complete).unwrap_err().kind(),
        ErrorKind::Output
    );
    fs::remove_file(&lines).unwrap();
    collect(&landing, 1, "a text").unwrap();
    assert_eq!(rows(landing.scan("comments").unwrap()).len() as u64, PAGE);
}

#[test]
fn memory_does_not_grow_with_the_rows() {
    const ROWS: u64 = 150_000;
    if let Some(landing) = as_child() {
        let text = "Mission Impossible ".repeat(20);
        let mut run = landing.begin(&json!({})).unwrap();
        for row in 0..ROWS {
            let row =
                json!({"comment_id": format!("Ugx-{row}"), "likes": row % 1957, "text": text});
            run.append("comments", &row).unwrap();
        }
        run.finish(Outcome::Complete).unwrap();
        let latest = landing
            .latest("comments")
            .unwrap()
            .select([col("likes").sum()]);
        let sum = latest
            .collect_with_engine(Engine::Streaming)
            .unwrap()
            .unwrap_single();
        let expected = (0..ROWS).map(|row| row % 1957).sum::<u64>();
        assert_eq!(
            sum.column("likes").unwrap().u64().unwrap().get(0),
            Some(expected)
        );
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak: u64 = peak
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        fs::write(env::var("FLOE_TEST_PEAK").unwrap(), peak.to_string()).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let peak = folder.path().join("peak");
    let began = Instant::now();
    let mut process = child("memory_does_not_grow_with_the_rows", folder.path());
    assert!(
        process
            .env("FLOE_TEST_PEAK", &peak)
            .status()
            .unwrap()
            .success()
    );
    let peak: u64 = fs::read_to_string(&peak).unwrap().parse().unwrap();
    let took = began.elapsed();
    crate::support::say(format_args!("{ROWS} rows: {} MiB, {took:.1?}", peak >> 10));
    assert!(peak < 300 << 10, "{} MiB", peak >> 10);
    assert!(took < Duration::from_mins(2));
}
