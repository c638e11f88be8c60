//! The example from collection to score: on the built-in emulator, and on another as if it were
//! YouTube.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use floe::clock::SystemClock;
use floe::jiff::{SignedDuration, Timestamp};
use floe::testing::youtube::{Bucket, Emulator, Fault, Trouble, World};
use serde_json::Value;

use super::{Room, app, binary, json, youtube_score};

fn sums(path: &Path) -> Vec<f64> {
    let text = fs::read_to_string(path).expect("a file");
    text.lines()
        .map(|line| line.parse().expect("a number"))
        .collect()
}

/// The file of like sums of the one query of a folder.
fn series(folder: &str) -> PathBuf {
    let queries = fs::read_dir(folder).expect("a folder");
    let queries = queries.map(|entry| entry.expect("an entry").path());
    let mut queries = queries.filter(|path| path.is_dir());
    queries.next().expect("a query").join("data.csv")
}

#[test]
fn two_days_of_the_emulator_become_a_score_and_a_second_run_adds_an_hour() {
    let room = Room::new();
    let data = room.path("data");
    let run = |hours: &str| json(["--emulator", "--json", "--data", &data, "--hours", hours]);
    let first = run("12");
    let collected = &first["collected"];
    assert_eq!(collected["from"], "emulator");
    assert_eq!(
        collected["hours"],
        serde_json::json!({ "new": 12, "all": 12 })
    );
    assert_eq!(collected["outcome"]["state"], "complete");
    assert_eq!(collected["quota"]["spent"]["search"], 12);
    assert_eq!(first["rows"], serde_json::json!({ "train": 8, "test": 4 }));
    assert!(first["likes"]["line"]["r2"].as_f64() > Some(0.5), "{first}");
    let mut reasons: Vec<_> = collected["skipped"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|skip| skip["reason"].as_str().expect("a reason"))
        .collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["commentsDisabled", "forbidden", "unavailable"]);

    // Each sum is that of the truth at its hour.
    let world = app::world("Mission Impossible");
    let truth = Emulator::of(world).start().expect("it starts");
    let begin = truth.clock().now();
    let sum_at = |hour: usize| {
        let at = begin + SignedDuration::from_hours(i64::try_from(hour).expect("few"));
        let truth = truth.truth_at(at);
        let tops = truth
            .found_comments()
            .filter(|comment| comment.parent_id.is_none());
        tops.fold((0.0, 0), |(sum, count), top| {
            (sum + f64::from(top.likes), count + 1)
        })
    };
    let expected: Vec<_> = (0..12).map(|hour| sum_at(hour).0).collect();
    let file = series(&room.path("data/emulator"));
    assert_eq!(sums(&file), expected);
    let new = collected["comments"]["new"].as_u64().expect("a count");
    assert_eq!(new, sum_at(11).1);

    let second = run("12");
    let collected = &second["collected"];
    assert_eq!(
        collected["hours"],
        serde_json::json!({ "new": 1, "all": 13 })
    );
    assert_eq!(collected["comments"]["read"], sum_at(12).1);
    assert_eq!(collected["comments"]["new"], sum_at(12).1 - sum_at(11).1);
    assert_eq!(collected["quota"]["spent"]["search"], 1);
    assert_eq!(sums(&file)[..12], expected);
    assert_eq!(sums(&file)[12..], [sum_at(12).0]);

    // The stages read what was collected, and other values than the sum are as good an input.
    let out = room.path("processed.csv");
    let file = file.to_str().expect("UTF-8");
    youtube_score(["process-data", "--input", file, "--output", &out]).expect("it runs");
    for score in ["per-video", "like-weighted", "trimmed"] {
        let run = json(["--emulator", "--json", "--data", &data, "--score", score]);
        assert_ne!(run["model"], second["model"], "{score}");
    }
}

#[test]
fn a_snapshot_at_a_time_is_appended_to_the_file_that_is_named() {
    let room = Room::new();
    let (data, file) = (room.path("data"), room.file("sums.csv", "7\n8\n"));
    let get = || {
        let args = [
            "get-data",
            "--emulator",
            "--data",
            &data,
            "--out",
            &file,
            "--query",
            "Solaris",
        ];
        youtube_score(args).expect("it runs")
    };
    let told = get();
    assert!(
        told.contains("1 more hourly snapshot of `Solaris`, 1 in all"),
        "{told}"
    );
    get();
    let lines = sums(Path::new(&file));
    assert_eq!((lines.len(), &lines[..2]), (4, &[7.0, 8.0][..]));
    assert!(lines[2] <= lines[3], "{lines:?}");
    // A run goes on from there, and needs ten hours.
    let run = json([
        "--emulator",
        "--json",
        "--data",
        &data,
        "--query",
        "Solaris",
        "--hours",
        "3",
    ]);
    assert_eq!(run["missing_hours"], 7);
    let run = youtube_score([
        "--emulator",
        "--data",
        &data,
        "--query",
        "Solaris",
        "--hours",
        "3",
    ]);
    assert!(
        run.expect("it runs")
            .contains("A score needs 10 hours: 6 more")
    );
}

/// An emulator that stands for YouTube, on the clock of the machine.
fn service() -> floe::testing::youtube::Builder {
    let now = Timestamp::now();
    let world = World::new(3).videos(6).threads(30).plain().epoch(now);
    Emulator::of(world)
        .clock(Arc::new(SystemClock))
        .key("a-key-for-this-test")
}

struct Asks {
    room: Room,
    binary: PathBuf,
    emulator: Emulator,
}

impl Asks {
    fn of(emulator: Emulator) -> Option<Self> {
        let room = Room::new();
        room.file("key.txt", "a-key-for-this-test\n");
        Some(Self {
            room,
            binary: binary()?,
            emulator,
        })
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(&self.binary);
        command
            .current_dir(self.room.0.path())
            .env_remove("YOUTUBE_API_KEY");
        command
            .args(args)
            .args(["--api-url", &self.emulator.url(), "--json"]);
        command.output().expect("it runs")
    }

    fn json(&self, args: &[&str]) -> Value {
        let done = self.run(args);
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{errors}");
        serde_json::from_slice(&done.stdout).expect("JSON")
    }
}

#[test]
fn with_a_key_a_run_takes_one_snapshot_an_hour_and_says_how_many_are_missing() {
    let Some(asks) = Asks::of(service().start().expect("it starts")) else {
        return;
    };
    let first = asks.json(&["--api-key-file", "key.txt"]);
    assert_eq!(first["missing_hours"], 9);
    assert_eq!(first["collected"]["from"], "youtube");
    assert_eq!(first["collected"]["hours"]["new"], 1);
    let calls = asks.emulator.ledger().calls.len();
    let second = asks.json(&["--api-key-file", "key.txt"]);
    assert_eq!(
        second["collected"]["hours"],
        serde_json::json!({ "new": 0, "all": 1 })
    );
    assert_eq!(second["collected"]["comments"]["new"], 0);
    assert!(second["collected"]["due"].is_string());
    assert_eq!(
        asks.emulator.ledger().calls.len(),
        calls,
        "nothing is asked before it is due"
    );
    let third = asks.json(&["get-data", "--api-key-file", "key.txt"]);
    assert_eq!(third["hours"], serde_json::json!({ "new": 1, "all": 2 }));
    assert!(
        asks.emulator
            .ledger()
            .calls
            .iter()
            .all(|call| call.key_in_header && !call.key_in_query)
    );
    // The key is in no file but its own.
    let mut folders = vec![asks.room.0.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_none_or(|name| name != "key.txt") {
                let bytes = fs::read(&path).expect("a file");
                let key = b"a-key-for-this-test";
                assert!(
                    !bytes.windows(key.len()).any(|part| part == key),
                    "{}",
                    path.display()
                );
                files += 1;
            }
        }
    }
    assert!(files > 5, "{files}");
}

#[test]
fn what_the_service_refuses_is_told() {
    let Some(asks) = Asks::of(
        service()
            .quota(Bucket::Search, 1)
            .start()
            .expect("it starts"),
    ) else {
        return;
    };
    asks.room.file("other.txt", "another-key");
    let done = asks.run(&["get-data", "--api-key-file", "other.txt"]);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{errors}");
    assert!(errors.starts_with("error: cannot collect"), "{errors}");
    assert!(!errors.contains("another-key"), "{errors}");
    assert_eq!(
        asks.emulator.ledger().calls.len(),
        1,
        "a key that is refused is not tried again"
    );
    let done = asks.run(&["get-data", "--api-key-file", "missing.txt"]);
    assert!(String::from_utf8_lossy(&done.stderr).contains("missing.txt"));

    asks.json(&["get-data", "--api-key-file", "key.txt"]);
    let spent = asks.json(&["get-data", "--api-key-file", "key.txt"]);
    assert_eq!(spent["outcome"]["state"], "partial");
    assert!(
        spent["outcome"]["why"]
            .as_str()
            .expect("a text")
            .contains("search"),
        "{spent}"
    );
    // A snapshot that is not whole is no point of the series, and its rows are there all the same.
    assert_eq!(spent["hours"], serde_json::json!({ "new": 0, "all": 1 }));
    assert_eq!(
        sums(&series(&asks.room.path("youtube_data/youtube"))).len(),
        1
    );
    asks.emulator
        .inject(Fault::new(Trouble::AccessNotConfigured));
    assert_eq!(
        asks.run(&["get-data", "--api-key-file", "key.txt"])
            .status
            .code(),
        Some(1)
    );
}

#[test]
fn a_service_that_is_down_is_a_failure() {
    let down = Fault::new(Trouble::Backend(503)).always();
    let emulator = service().fault(down).start().expect("it starts");
    let Some(asks) = Asks::of(emulator) else {
        return;
    };
    let done = asks.run(&["get-data", "--api-key-file", "key.txt"]);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{errors}");
    assert!(
        errors.starts_with("error: cannot collect: nothing was collected"),
        "{errors}"
    );
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    for args in [
        ["--input", "data.csv", "--query", "Solaris"],
        ["--input", "data.csv", "--data", "folder"],
        ["--emulator", "--api-key-file", "key.txt", "--json"],
    ] {
        let error = youtube_score(args).expect_err("two sources");
        assert!(error.contains("cannot be used with"), "{error}");
    }
    let error =
        youtube_score(["get-data", "--since", "yesterday", "--emulator"]).expect_err("no time");
    assert!(error.contains("neither a day"), "{error}");
    let error = youtube_score(["get-data", "--videos", "0", "--emulator"]).expect_err("no videos");
    assert!(error.contains("0 is not in"), "{error}");
}
