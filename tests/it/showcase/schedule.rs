//! The schedule of the example: this binary plays its program, through a script.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use floe::testing::youtube::{Emulator, World};
use rusqlite::Connection;
use serde_json::Value;

use super::{Room, app};

const WORDS: &str = "YOUTUBE_SCORE_TEST_WORDS";
const END: &str = "\u{1f}";

/// The program of the example, when this binary is started as one; nothing in an ordinary run.
#[test]
fn as_the_program() {
    let Ok(words) = std::env::var(WORDS) else {
        return;
    };
    let words: Vec<&str> = words.split(END).collect();
    let cli = app::Cli::try_parse_from(words).unwrap_or_else(|error| error.exit());
    let mut out = Vec::new();
    if let Err(error) = app::run(&cli, &app::Progress::hidden(), &mut out) {
        eprintln!("error: {}", app::told(error.as_ref()));
        std::process::exit(app::code(&cli, error.as_ref()).into());
    }
    // A file where the harness puts no words around it; a stage prints to its log.
    match std::env::var("YOUTUBE_SCORE_TEST_OUT") {
        Ok(path) => fs::write(path, out).unwrap(),
        Err(_) => std::io::stdout().write_all(&out).unwrap(),
    }
}

/// A script that starts this binary as the program, with any words.
fn program(room: &Room) -> String {
    let binary = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\nwords=youtube_score\nfor word; do words=\"$words$(printf '\\037')$word\"; done\n\
         unset YOUTUBE_SCORE_TEST_OUT\n{WORDS}=\"$words\" exec '{}' --exact showcase::schedule::as_the_program --nocapture\n",
        binary.display()
    );
    let path = room.file("youtube_score", script);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

struct Job {
    room: Room,
    program: String,
}

impl Job {
    fn new() -> Self {
        let room = Room::new();
        fs::create_dir(room.path("tracking")).unwrap();
        let program = program(&room);
        Self { room, program }
    }

    fn command(&self, words: &[&str]) -> Command {
        let words = [&["youtube_score"], words].concat().join(END);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "showcase::schedule::as_the_program",
                "--nocapture",
            ])
            .env(WORDS, words)
            .env("YOUTUBE_SCORE_TEST_OUT", self.room.path("out"))
            .env_remove("YOUTUBE_API_KEY")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command, which must end well, and gives what it printed.
    fn run(&self, words: &[&str]) -> String {
        let done = self.command(words).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{words:?}: {said}");
        fs::read_to_string(self.room.path("out")).unwrap()
    }

    fn keep(&self, more: &[&str]) -> String {
        let (folder, tracking) = (self.room.path("job"), self.room.path("tracking"));
        let words = [
            "schedule",
            "--folder",
            &folder,
            "--tracking",
            &tracking,
            "--program",
        ];
        let words = [&words[..], &[self.program.as_str()], more].concat();
        self.run(&words)
    }

    fn status(&self) -> Value {
        let folder = self.room.path("job");
        let text = self.run(&["status", "--json", "--last", "1000", "--folder", &folder]);
        serde_json::from_str(&text).unwrap()
    }

    fn count(&self, file: &str, sql: &str) -> i64 {
        let database = Connection::open(self.room.path(file)).unwrap();
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn points(&self) -> i64 {
        self.count(
            "job/points.db",
            "SELECT count(*) FROM point WHERE history = 0",
        )
    }

    fn tracked(&self) -> i64 {
        let sql = "SELECT count(*) FROM runs WHERE status = 'FINISHED'";
        self.count("tracking/mlflow.db", sql)
    }
}

const HOUR: [&str; 2] = ["2026-02-01T06:00:00Z", "2026-02-01T07:00:00Z"];

/// The first stage of an interval.
fn get_data<'a>(
    folder: &'a str,
    tracking: &'a str,
    query: &'a str,
    [start, end]: [&'a str; 2],
) -> [&'a str; 12] {
    [
        "stage",
        "get-data",
        "--folder",
        folder,
        "--tracking",
        tracking,
        "--query",
        query,
        "--interval-start",
        start,
        "--interval-end",
        end,
    ]
}

#[test]
fn the_emulated_likes_change_within_every_series_that_is_learned_from() {
    // All ages of the world, thirteen at a time: so many has a first interval, with its history.
    let begin = 1_795_680_000_i64;
    assert_eq!(begin % (240 * 2), 0);
    for last in (13..=240).step_by(12) {
        let room = Room::new();
        let end = begin + 2 * last;
        let at = |second| jiff::Timestamp::from_second(second).unwrap().to_string();
        let (folder, out) = (room.path("job"), room.path("out"));
        let (start, end) = (at(end - 2), at(end));
        let stage = get_data(&folder, &out, "Mission Impossible", [&start, &end]);
        let words = [&["youtube_score"], &stage[..], &["--emulator"]].concat();
        let cli = app::Cli::try_parse_from(words).unwrap();
        app::run(&cli, &app::Progress::hidden(), &mut Vec::new()).unwrap();
        let points = Connection::open(room.path("job/points.db")).unwrap();
        let sql = "SELECT count(DISTINCT likes), count(*) FROM point";
        let (values, all): (i64, i64) = points
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        assert_eq!(all, 13);
        assert!(values > 1, "hour {last}");
    }
}

#[test]
fn five_intervals_give_five_points_and_five_tracked_runs() {
    let job = Job::new();
    let table = job.keep(&["--every", "2s", "--runs", "5"]);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains(" success "))
            .count(),
        5,
        "{table}"
    );
    assert!(
        table.contains("5 succeeded, 0 failed, 0 put back"),
        "{table}"
    );
    assert_eq!((job.points(), job.tracked()), (5, 5));

    // A rerun replaces its point and adds none.
    let status = job.status();
    let run = &status["runs"][2];
    let start = run["interval"]
        .as_str()
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let sum = "SELECT sum(likes) FROM point";
    let before = job.count("job/points.db", sum);
    let folder = job.room.path("job");
    let said = job.run(&["rerun", &start, "--folder", &folder]);
    assert!(said.contains("1 succeeded, 0 failed"), "{said}");
    assert_eq!((job.points(), job.tracked()), (5, 6));
    assert_eq!(
        job.count("job/points.db", sum),
        before,
        "the same interval, the same likes"
    );
    let said = job.run(&[
        "rerun",
        &start,
        "--from-stage",
        "test-model",
        "--folder",
        &folder,
    ]);
    assert!(said.contains("1 succeeded"), "{said}");
    let tries = |run: &Value| -> Vec<usize> {
        let stages = run["stages"].as_array().unwrap();
        stages
            .iter()
            .map(|stage| stage["tries"].as_array().unwrap().len())
            .collect()
    };
    assert_eq!(tries(&job.status()["runs"][2]), [2, 2, 2, 2, 3]);
    let log = job.run(&["logs", &start, "get-data", "--folder", &folder]);
    assert!(log.contains("likes of"), "{log}");
    earlier_ranges_pauses_pages_and_dags(&job);
}

/// What is asked of a schedule that has run five intervals.
fn earlier_ranges_pauses_pages_and_dags(job: &Job) {
    let folder = job.room.path("job");
    // An earlier range, whose points come before the others.
    let next = job.status()["next"].clone();
    let first = job.status()["runs"][4]["interval"]
        .as_str()
        .unwrap()
        .to_owned();
    let end = crate::schedule_times::at(first.split('/').next().unwrap());
    let (from, to) = ((end - Duration::from_secs(4)).to_string(), end.to_string());
    let said = job.run(&[
        "backfill", "--from", &from, "--to", &to, "--folder", &folder,
    ]);
    assert!(said.contains("2 new runs, 0 repeated, 0 left"), "{said}");
    assert_eq!(job.status()["next"], next);
    assert_eq!(job.status()["runs"].as_array().unwrap().len(), 7);

    job.run(&[
        "pause",
        "--because",
        "the quota is used up",
        "--folder",
        &folder,
    ]);
    assert_eq!(job.status()["paused"], "the quota is used up");
    job.run(&["resume", "--folder", &folder]);
    assert_eq!(job.status()["paused"], Value::Null);

    let (page, dag) = (job.room.path("status.html"), job.room.path("dag.py"));
    job.run(&["status", "--html", &page, "--folder", &folder]);
    let page = fs::read_to_string(page).unwrap();
    assert!(
        page.contains("R² on hours not seen") && page.contains("<svg"),
        "{page}"
    );
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"));
    let tracking = job.room.path("tracking");
    let kept = fs::read_to_string(job.room.path("job/job.json")).unwrap();
    job.run(&[
        "export-airflow",
        "--output",
        &dag,
        "--query",
        "heat",
        "--query",
        "alien",
        "--folder",
        &folder,
        "--tracking",
        &tracking,
    ]);
    let dag = fs::read_to_string(dag).unwrap();
    assert!(dag.contains("{\"parameter_query\": \"heat\"}"), "{dag}");
    let after = fs::read_to_string(job.room.path("job/job.json")).unwrap();
    assert_eq!(after, kept, "an export changes nothing");
}

/// A try of the last stage that is killed after its work is a run in the store once: the try after
/// it takes the same one, and only a repeated run is another.
#[test]
fn a_try_that_is_cut_short_leaves_no_second_tracked_run() {
    let mut job = Job::new();
    let (program, flag) = (job.program.clone(), job.room.path("killed"));
    let script = format!(
        "#!/bin/sh\n'{program}' \"$@\"; code=$?\n\
         if test \"$2\" = test-model && mkdir '{flag}' 2>/dev/null; then kill -9 $$; fi\nexit $code\n"
    );
    job.program = job.room.file("killed_once", script);
    fs::set_permissions(&job.program, fs::Permissions::from_mode(0o755)).unwrap();
    job.keep(&["--every", "1s", "--runs", "1"]);
    let run = job.status()["runs"][0].clone();
    let tries = run["stages"][4]["tries"].as_array().unwrap().len();
    assert_eq!((run["state"].as_str(), tries), (Some("success"), 2));
    let runs = |job: &Job| job.count("tracking/mlflow.db", "SELECT count(*) FROM runs");
    let numbers = "SELECT count(*) FROM metrics";
    let once = job.count("tracking/mlflow.db", numbers);
    assert_eq!((job.tracked(), runs(&job), once), (1, 1, 5));

    let start = run["interval"]
        .as_str()
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let folder = job.room.path("job");
    job.run(&["rerun", &start, "--folder", &folder]);
    assert_eq!((job.tracked(), runs(&job)), (2, 2));
    let scored = Connection::open(job.room.path("job/points.db")).unwrap();
    let scored: String = scored
        .query_row("SELECT run FROM score", [], |row| row.get(0))
        .unwrap();
    let sql = format!("SELECT count(*) FROM runs WHERE run_uuid = '{scored}'");
    assert_eq!(job.count("tracking/mlflow.db", &sql), 1);
}

#[test]
fn points_that_cannot_be_read_are_no_reason_to_try_again() {
    let job = Job::new();
    let (folder, tracking) = (job.room.path("job"), job.room.path("tracking"));
    fs::create_dir(&folder).unwrap();
    fs::write(
        job.room.path("job/points.db"),
        "no database, but a text that is long enough to be read",
    )
    .unwrap();
    let words = get_data(&folder, &tracking, "heat", HOUR);
    let done = job.command(&words).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(65), "{said}");
    assert!(said.contains("see to `points.db`"), "{said}");
}

/// Kills of the whole job, at moments of all its stages: an interval has one point, one score and
/// one tracked run all the same.
#[test]
fn no_kill_of_the_job_leaves_two_points_or_two_tracked_runs() {
    let job = Job::new();
    let (folder, tracking) = (job.room.path("job"), job.room.path("tracking"));
    let words = [
        "schedule",
        "--every",
        "1s",
        "--folder",
        &folder,
        "--tracking",
        &tracking,
        "--program",
        &job.program,
    ];
    for _ in 0..8 {
        let mut child = job.command(&words).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(500 + rand::random::<u64>() % 2500));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    job.keep(&["--every", "1s", "--runs", "1"]);
    let status = job.status();
    let runs = status["runs"].as_array().unwrap();
    assert!(runs.iter().all(|run| run["state"] == "success"), "{runs:?}");
    let count = i64::try_from(runs.len()).unwrap();
    let scores = job.count("job/points.db", "SELECT count(*) FROM score");
    assert_eq!((job.points(), scores, job.tracked()), (count, count, count));
    let open = "SELECT count(*) FROM runs WHERE status = 'RUNNING'";
    assert_eq!(job.count("tracking/mlflow.db", open), 0);
    let two = "SELECT count(*) FROM (SELECT value FROM tags WHERE key = 'interval'
        GROUP BY value HAVING count(*) > 1)";
    assert_eq!(job.count("tracking/mlflow.db", two), 0);
    let orphans = runs
        .iter()
        .flat_map(|run| run["stages"].as_array().unwrap());
    let tries = orphans.flat_map(|stage| stage["tries"].as_array().unwrap());
    assert!(tries.filter(|one| one["state"] == "orphaned").count() > 0);
}

#[test]
fn queries_that_read_alike_have_folders_of_their_own() {
    let job = Job::new();
    let (folder, tracking) = (job.room.path("job"), job.room.path("tracking"));
    for query in ["heat!", "heat?"] {
        let words = get_data(&folder, &tracking, query, HOUR);
        job.run(&words);
    }
    let folders = fs::read_dir(job.room.path("job/intervals")).unwrap();
    assert_eq!(folders.count(), 2);
}

#[test]
fn an_interrupt_leaves_nothing_half_done() {
    let job = Job::new();
    let (folder, tracking) = (job.room.path("job"), job.room.path("tracking"));
    let words = [
        "schedule",
        "--every",
        "1s",
        "--folder",
        &folder,
        "--tracking",
        &tracking,
    ];
    let words = [&words[..], &["--grace", "120", "--program", &job.program]].concat();
    let child = job.command(&words).spawn().unwrap();
    let begun = Instant::now();
    let database = job.room.path("job/state/schedule.db");
    let running = || {
        let database = Connection::open(&database).ok()?;
        let sql = "SELECT count(*) FROM try WHERE state = 'running'";
        database.query_row(sql, [], |row| row.get::<_, i64>(0)).ok()
    };
    while running().is_none_or(|count| count == 0) {
        assert!(begun.elapsed() < Duration::from_mins(1), "no stage starts");
        std::thread::sleep(Duration::from_millis(30));
    }
    // To the process itself, by its number: its stages are in groups of their own.
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let done = child.wait_with_output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(running(), Some(0));
    let said = fs::read_to_string(job.room.path("out")).unwrap();
    // The running stage was let end.
    assert!(said.contains("0 cut short"), "{said}");
    // What was begun is finished by the next start.
    job.keep(&["--every", "1s", "--runs", "0"]);
    let open = job.count(
        "job/state/schedule.db",
        "SELECT count(*) FROM run WHERE state = 'running'",
    );
    assert_eq!(open, 0);
}

#[test]
fn a_schedule_asks_whom_its_options_say_and_refuses_other_scores() {
    let job = Job::new();
    let (folder, key) = (job.room.path("job"), job.room.path("key.txt"));
    let refused = |words: &[&str], why: &str| {
        let words = [&["schedule", "--folder", &folder], words].concat();
        let done = job.command(&words).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains(why), "{said}");
    };
    refused(
        &["--score", "trimmed"],
        "keeps the like sum of each interval",
    );
    refused(&["--api-key-file", &key], "key.txt");

    let emulator = Emulator::of(World::new(7).topic("heat").videos(3))
        .start()
        .unwrap();
    fs::write(&key, emulator.key()).unwrap();
    let (url, more) = (
        emulator.url().clone(),
        ["--every", "1s", "--runs", "2", "--query", "heat"],
    );
    job.keep(&[&more[..], &["--api-key-file", &key, "--api-url", &url]].concat());
    // Nobody tells of the past there: two points, and no line yet.
    assert_eq!(job.points(), 2);
    let history = "SELECT count(*) FROM point WHERE history = 1 OR comments = 0";
    assert_eq!(job.count("job/points.db", history), 0);
    assert_eq!(job.status()["runs"][0]["stages"][1]["state"], "skipped");
    // All intervals share one quota.
    assert!(fs::exists(job.room.path("job/youtube_quota.json")).unwrap());
}
