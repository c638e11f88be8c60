//! Kills, against the real server: of a run, of who replays it, and of the server.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use floe::http::Request;
use floe::tracker::{LoggedModel, RunInfo, RunLog, Status, Tracker, What};
use serde_json::json;
use tempfile::TempDir;

use super::mlflow::tracker;
use super::mlflow_process::{Server, free_port};
use super::mlflow_server::{Reader, record, server};
use super::support::one_test;

/// Set in a process of its own, which records until it is killed.
const CHILD: &str = "FLOE_MLFLOW_CHILD";

/// What the child says of each event once it is acknowledged.
#[test]
fn child() {
    let Ok(task) = std::env::var(CHILD) else {
        return;
    };
    let (url, folder) = (
        server().unwrap(),
        std::env::var("FLOE_MLFLOW_FOLDER").unwrap(),
    );
    let ours = tracker(&url, Path::new(&folder)).experiment("killed");
    if task == "sync" {
        let report = ours.sync().unwrap();
        println!("synced {}", report.events);
        return;
    }
    let registered = task.strip_prefix("quiet ");
    let ours = match registered {
        Some(name) => ours
            .buffering(Duration::from_hours(1))
            .register(name)
            .alias("best"),
        None => ours,
    };
    let log = RunLog::start(&ours, &RunInfo::named("killed")).unwrap();
    println!("run {}", log.run());
    for step in 0..5000 {
        if registered.is_some() && step == 400 {
            log.parameter("p", 1).unwrap();
            log.text("a.txt", "text").unwrap();
            record(
                &ours,
                log.run(),
                What::Model(Box::new(LoggedModel::new("killed", "{}"))),
            );
            println!("done");
            std::thread::sleep(Duration::from_mins(1));
        }
        log.metric("m", step as f64, step).unwrap();
        println!("acknowledged {step}");
        std::thread::sleep(Duration::from_micros(300));
    }
}

fn spawn(task: &str, folder: &Path) -> Child {
    one_test("mlflow_server_kills::child")
        .env(CHILD, task)
        .env("FLOE_MLFLOW_FOLDER", folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills a child at a line that is wanted, and gives all that it said until it was gone.
fn listen(child: &mut Child, until: impl Fn(&str, Duration) -> bool) -> Vec<String> {
    let began = Instant::now();
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if until(&line, began.elapsed()) {
            let _ = child.kill();
        }
        lines.push(line);
    }
    let _ = child.wait();
    lines
}

/// The run of a child; the harness writes before it on the same line.
fn run_of(lines: &[String]) -> Option<String> {
    let mut names = lines.iter().filter_map(|line| line.split("run ").nth(1));
    names.find(|name| name.len() == 32).map(str::to_owned)
}

#[test]
fn a_killed_run_loses_nothing_that_was_acknowledged_and_doubles_nothing() {
    let Some(url) = server() else { return };
    let folder = TempDir::new().unwrap();
    let mut expected = BTreeMap::new();
    for point in 0..20_u32 {
        let mut child = spawn("record", folder.path());
        let after = Duration::from_millis(u64::from(rand::random_range(5..400_u32)));
        let lines = listen(&mut child, |line, elapsed| {
            line.starts_with("acknowledged") && elapsed > after
        });
        let run = run_of(&lines).unwrap_or_else(|| panic!("point {point}: {lines:?}"));
        let acknowledged = lines
            .iter()
            .filter(|line| line.starts_with("acknowledged"))
            .count();
        expected.insert(run, acknowledged);
    }
    // The one that replays is killed as well, at random moments.
    for _ in 0..5 {
        let mut child = spawn("sync", folder.path());
        std::thread::sleep(Duration::from_millis(u64::from(rand::random_range(
            30..700_u32,
        ))));
        let _ = child.kill();
        child.wait().unwrap();
    }
    let report = tracker(&url, folder.path()).sync().unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let reader = Reader::at(&url);
    for (name, acknowledged) in &expected {
        let run = reader.run(name);
        assert_eq!(run["info"]["status"], "KILLED");
        let history = reader.history(&run, "m");
        let steps: Vec<i64> = history
            .iter()
            .map(|of| of["step"].as_i64().unwrap_or(0))
            .collect();
        // One more may have been written when the kill came before it could say so.
        assert!(
            steps.len() == *acknowledged || steps.len() == acknowledged + 1,
            "{} of {acknowledged}",
            steps.len()
        );
        assert!(steps.iter().copied().eq(0..steps.len() as i64), "{name}");
    }
}

#[test]
fn telling_everything_twice_changes_nothing() {
    let Some(url) = server() else { return };
    let folder = TempDir::new().unwrap();
    let first = folder.path().join("first");
    let registered = format!("twice-{:08x}", rand::random::<u32>());
    let mut child = spawn(&format!("quiet {registered}"), &first);
    let lines = listen(&mut child, |line, _| line == "done");
    let name = run_of(&lines).unwrap();
    let second = folder.path().join("second");
    std::fs::create_dir(&second).unwrap();
    for entry in std::fs::read_dir(&first).unwrap() {
        let path = entry.unwrap().path();
        // Without what tells how far it was sent.
        if path.extension().is_some_and(|ending| ending == "spool") {
            std::fs::copy(&path, second.join(path.file_name().unwrap())).unwrap();
        }
    }
    let reader = Reader::at(&url);
    let mut seen = Vec::new();
    for spool in [&first, &second] {
        // The spool remembers what is to be registered.
        let report = tracker(&url, spool).sync().unwrap();
        assert_eq!(
            (report.sent.len(), report.killed.len()),
            (1, 1),
            "{report:?}"
        );
        assert_eq!(report.events, 404);
        let run = reader.run(&name);
        let body = json!({ "experiment_ids": [run["info"]["experiment_id"]], "max_results": 50,
            "filter": format!("source_run_id = '{}'", run["info"]["run_id"].as_str().unwrap()) });
        let mut models = reader.ask(Request::post("mlflow/logged-models/search").json(&body));
        // When it was last made ready.
        models["models"][0]["info"]["last_updated_timestamp_ms"].take();
        let versions = Request::get("mlflow/model-versions/search")
            .query("filter", format!("name = '{registered}'"));
        let versions = reader.ask(versions)["model_versions"].clone();
        assert_eq!(versions.as_array().map(Vec::len), Some(1), "{versions}");
        seen.push((run.clone(), reader.history(&run, "m"), models));
    }
    assert_eq!(seen[0].1.len(), 400);
    assert_eq!(seen[0].2["models"].as_array().unwrap().len(), 1);
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn a_server_that_is_killed_has_everything_once_after_sync() {
    if server().is_none() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let port = free_port();
    let mut server = Server::start(folder.path(), port);
    let spool = folder.path().join("spool");
    let ours = tracker(&server.url, &spool);
    let log = RunLog::start(&ours, &RunInfo::named("through")).unwrap();
    for step in 0..3000 {
        log.metric("m", step as f64, step).unwrap();
        if step == 1500 {
            ours.flush().unwrap();
        }
        if step == 2000 {
            server.kill();
        }
    }
    log.text("late.txt", "after the server").unwrap();
    let name = log.run().to_owned();
    assert!(log.finish(Status::Finished).unwrap_err().is_transient());
    drop(ours);
    let server = Server::start(folder.path(), port);
    let report = tracker(&server.url, &spool).sync().unwrap();
    assert_eq!(
        (report.sent.len(), report.killed.len()),
        (1, 0),
        "{report:?}"
    );
    let reader = Reader::at(&server.url);
    let run = reader.run(&name);
    assert_eq!(run["info"]["status"], "FINISHED");
    let history = reader.history(&run, "m");
    let steps: Vec<i64> = history
        .iter()
        .map(|of| of["step"].as_i64().unwrap_or(0))
        .collect();
    assert!(steps.iter().copied().eq(0..3000), "{} steps", steps.len());
    let uri = run["info"]["artifact_uri"].as_str().unwrap();
    assert_eq!(reader.artifact(uri, "late.txt"), b"after the server");
}
