//! The tracker of MLflow's server, against a server that fails as it is told. What the real one
//! keeps is seen in `mlflow_server`.

use std::path::Path;
use std::time::{Duration, Instant};

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::tracker::{Artifact, Dataset, LoggedModel, MlflowTracker, RunInfo, RunLog, Status};
use tempfile::TempDir;

use super::fake_mlflow::{Fake, Fault};

pub(crate) fn tracker(url: &str, folder: &Path) -> MlflowTracker {
    MlflowTracker::new(url)
        .spool(folder)
        .buffering(Duration::from_millis(20))
        .first_pause(Duration::from_millis(20))
        .deadline(Duration::from_secs(20))
        .timeout(Duration::from_secs(20))
}

fn spools(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|e| e == "spool")
        })
        .count()
}

fn flow_run(tracker: MlflowTracker) -> floe::Result<Vec<String>> {
    let rows = df!["x" => [0.0, 1.0, 2.0, 3.0], "y" => [1.0, 3.0, 5.0, 7.0]].unwrap();
    let run = floe::from(InMemory::new(rows))
        .split(TrainTestSplit::new(0.5))
        .then(StandardScaler::new(["x"]))
        .learn(LinearRegression::new(["x"], "y"))
        .track(tracker)
        .run()?;
    assert!(run.metrics().get("r2").is_some());
    Ok(run
        .warnings()
        .iter()
        .filter(|text| text.starts_with("tracking"))
        .cloned()
        .collect())
}

#[test]
fn a_run_is_on_the_server_and_the_spool_is_gone() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let lost = flow_run(tracker(&fake.url, folder.path())).unwrap();
    assert_eq!(lost, Vec::<String>::new());
    let kept = fake.kept();
    assert_eq!(kept.runs.len(), 1);
    let run = &kept.runs[0];
    assert_eq!(run.status, "FINISHED");
    assert!(run.end_time.unwrap() >= run.created["start_time"].as_i64().unwrap());
    assert_eq!(run.tags["mlflow.source.type"], "LOCAL");
    assert!(run.params.contains_key("estimator"), "{:?}", run.params);
    assert!(run.metrics.iter().any(|metric| metric["key"] == "r2"));
    drop(kept);
    assert_eq!(spools(folder.path()), 0);
}

/// A run of one's own with one of each thing, whose values the caller compares.
pub(crate) fn some_of_all(tracker: &MlflowTracker, files: &Path) -> floe::Result<String> {
    let info = RunInfo::named("försök")
        .experiment("exp å")
        .tag("team", "film å");
    let log = RunLog::start(tracker, &info)?;
    log.parameter("alpha", 0.5)?;
    log.parameter("empty", "")?;
    for step in 0..5_i64 {
        log.metric("loss", 1.0 / (step as f64 + 1.0), step)?;
    }
    log.metric("odd", f64::NAN, -3)?;
    log.dataset(
        Dataset::new("likes.csv", "d1", "training")
            .column("x", "float64", false)
            .rows(7),
    )?;
    log.text("notes/läs mig.md", "# hej å")?;
    std::fs::create_dir_all(files.join("below")).unwrap();
    std::fs::write(files.join("a.bin"), [0, 255, 1]).unwrap();
    std::fs::write(files.join("below/b.txt"), "").unwrap();
    log.copy("made", files)?;
    log.artifact(Artifact::bytes("figure.png", [137, 80]))?;
    tracker.record(&floe::tracker::Event::now(
        log.run(),
        floe::tracker::What::Model(Box::new(LoggedModel::new("line", "{}"))),
    ))?;
    let run = log.run().to_owned();
    log.finish(Status::Finished)?;
    Ok(run)
}

#[test]
fn everything_is_told_once_whatever_breaks() {
    // Every route breaks the connection the first time after, and the second time before.
    for breaks in [
        [Fault::BreaksAfter, Fault::Breaks],
        [Fault::Breaks, Fault::BreaksAfter],
    ] {
        let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
        fake.fail(move |_, before| breaks.get(before).cloned());
        let ours = tracker(&fake.url, &folder.path().join("spool"));
        some_of_all(&ours, &folder.path().join("files")).unwrap();
        drop(ours);
        let kept = fake.kept();
        assert_eq!((kept.runs.len(), kept.models.len()), (1, 1));
        let run = &kept.runs[0];
        assert_eq!(run.status, "FINISHED");
        assert_eq!(run.tags["team"], "film å");
        assert_eq!(run.params["alpha"], "0.5");
        assert_eq!(run.params["empty"], "");
        assert_eq!(run.metrics.len(), 6);
        assert!(
            run.metrics
                .iter()
                .any(|metric| metric["value"] == "NaN" && metric["step"] == -3)
        );
        assert_eq!(run.outputs.len(), 1);
        assert_eq!(run.datasets[0]["dataset"]["name"], "likes.csv");
        let paths: Vec<&str> = kept
            .artifacts
            .keys()
            .filter_map(|path| path.split_once("/artifacts/"))
            .map(|(_, path)| path)
            .collect();
        for path in [
            "notes/l%C3%A4s%20mig.md",
            "made/a.bin",
            "made/below/b.txt",
            "figure.png",
            "MLmodel",
            "model.json",
            "code/floe_pyfunc.py",
        ] {
            assert!(paths.contains(&path), "{path} in {paths:?}");
        }
        assert_eq!(
            kept.artifacts
                .values()
                .filter(|bytes| bytes.as_slice() == [0, 255, 1])
                .count(),
            1
        );
        drop(kept);
        assert_eq!(spools(&folder.path().join("spool")), 0);
    }
}

#[test]
fn a_server_that_is_away_costs_the_run_nothing_and_sync_brings_all() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    fake.go_away();
    let before = Instant::now();
    let lost = flow_run(tracker(&fake.url, folder.path())).unwrap();
    assert!(before.elapsed() < Duration::from_secs(15));
    assert!(
        lost[0].contains("does not have all of it") && lost[0].contains("sync"),
        "{lost:?}"
    );
    assert_eq!(spools(folder.path()), 1);
    let ours = || tracker(&fake.url, folder.path()).retries(1);
    when_free(folder.path());
    let error = ours().sync().unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("nothing was lost"),
        "{error}"
    );
    when_free(folder.path());
    fake.come_back();
    let report = ours().sync().unwrap();
    assert_eq!(
        (report.sent.len(), report.killed.len()),
        (1, 0),
        "{report:?}"
    );
    assert!(report.events > 5);
    assert_eq!(spools(folder.path()), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let kept = fake.kept();
    assert_eq!(
        (kept.runs.len(), kept.runs[0].status.as_str()),
        (1, "FINISHED")
    );
    drop(kept);
    assert_eq!(ours().sync().unwrap(), floe::tracker::SyncReport::default());
}

#[test]
fn a_server_that_goes_in_the_middle_is_told_the_rest_when_it_is_back() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let ours = tracker(&fake.url, folder.path());
    let log = RunLog::start(&ours, &RunInfo::named("through")).unwrap();
    log.metric("m", 0.0, 0).unwrap();
    ours.flush().unwrap();
    assert_eq!(fake.kept().runs[0].metrics.len(), 1);
    fake.go_away();
    for step in 1..50 {
        log.metric("m", 0.5, step).unwrap();
    }
    assert!(ours.flush().unwrap_err().is_transient());
    fake.come_back();
    log.metric("m", 0.5, 50).unwrap();
    log.finish(Status::Finished).unwrap();
    let kept = fake.kept();
    assert_eq!((kept.runs.len(), kept.runs[0].metrics.len()), (1, 51));
    assert_eq!(kept.runs[0].status, "FINISHED");
    drop(kept);
    drop(ours);
    assert_eq!(spools(folder.path()), 0);
}

/// Waits until nobody has the spools of a folder: on a busy machine the sender of a tracker that was
/// dropped may still be at its last request.
pub(crate) fn when_free(folder: &Path) {
    let began = Instant::now();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "spool") {
            continue;
        }
        let file = std::fs::File::open(path).unwrap();
        while file.try_lock().is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "a spool is held");
            std::thread::sleep(Duration::from_millis(20));
        }
        file.unlock().unwrap();
    }
}

/// What a person reads when a server, or what stands before it, says no.
fn refusal(status: u16, headers: &'static str, body: &str) -> String {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let body = body.to_owned();
    fake.fail(move |_, _| Some(Fault::Says(status, headers, body.clone())));
    let ours = tracker(&fake.url, folder.path()).deadline(Duration::from_millis(700));
    let lost = flow_run(ours).unwrap();
    assert_eq!(lost.len(), 1, "{lost:?}");
    // All of it waits, and comes when the server takes it.
    when_free(folder.path());
    fake.fail(|_, _| None);
    let report = tracker(&fake.url, folder.path()).sync().unwrap();
    assert_eq!(fake.kept().runs.len(), 1, "{report:?}");
    assert_eq!(spools(folder.path()), 0, "{report:?}");
    lost.into_iter().next().unwrap()
}

#[test]
fn every_refusal_is_told_in_words_and_loses_nothing() {
    let page = "<!DOCTYPE html><html><title>Sign in to the corporate proxy</title></html>";
    let host = "Invalid Host header - possible DNS rebinding attack detected";
    let busy = r#"{"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow down"}"#;
    let broken = r#"{"error_code": "INTERNAL_ERROR", "message": "the database is locked"}"#;
    for (status, headers, body, says) in [
        (403, "", host, "--allowed-hosts"),
        (403, "", "Permission denied", "ask for the permission"),
        (
            401,
            "www-authenticate: Basic realm=\"mlflow\"\r\n",
            "You are not authenticated.",
            "MLFLOW_TRACKING_USERNAME",
        ),
        (401, "content-type: text/html\r\n", page, "an HTML page"),
        (429, "retry-after: 30\r\n", busy, "slow down"),
        (500, "", broken, "the database is locked"),
        (502, "content-type: text/html\r\n", page, "502"),
        (200, "content-type: text/html\r\n", page, "no JSON"),
        (404, "content-type: text/html\r\n", page, "is this the URL"),
        (
            302,
            "location: http://elsewhere.invalid/\r\n",
            "",
            "has moved",
        ),
    ] {
        let told = refusal(status, headers, body);
        assert!(told.contains(says), "{status}: {told}");
    }
}

#[test]
fn retry_after_is_waited_for() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    fake.fail(|route, before| {
        let now = route == "runs/create" && before == 0;
        now.then(|| Fault::Says(429, "retry-after: 1\r\n", String::new()))
    });
    let ours = tracker(&fake.url, folder.path());
    let before = Instant::now();
    let log = RunLog::start(&ours, &RunInfo::named("later")).unwrap();
    log.finish(Status::Finished).unwrap();
    assert!(
        before.elapsed() >= Duration::from_millis(900),
        "{:?}",
        before.elapsed()
    );
    assert_eq!(fake.kept().runs.len(), 1);
}

#[test]
fn one_value_that_is_refused_takes_no_other_along() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let ours = tracker(&fake.url, folder.path());
    let log = RunLog::start(&ours, &RunInfo::named("one")).unwrap();
    let metrics = (0..300).map(|step| (if step == 77 { "refused" } else { "m" }, 1.0, step));
    log.metrics(metrics).unwrap();
    log.parameter("p", 1).unwrap();
    log.tag("refused.tag", "x").unwrap();
    let error = log.finish(Status::Finished).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Track);
    let text = error.to_string();
    assert!(
        text.contains("`refused`") && text.contains("`refused.tag`"),
        "{text}"
    );
    let kept = fake.kept();
    assert_eq!(
        (kept.runs[0].metrics.len(), kept.runs[0].params.len()),
        (299, 1)
    );
    assert_eq!(kept.runs[0].status, "FINISHED");
}

#[test]
fn a_deleted_experiment_is_an_error_or_restored() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    fake.kept().experiments.push(("old".to_owned(), "deleted"));
    let ours = || tracker(&fake.url, folder.path()).experiment("old");
    let lost = flow_run(ours()).unwrap();
    assert!(
        lost[0].contains("`old` was deleted") && lost[0].contains("restore"),
        "{lost:?}"
    );
    when_free(folder.path());
    let report = ours().restore_deleted_experiment().sync().unwrap();
    assert_eq!(report.sent.len(), 1);
    let kept = fake.kept();
    assert_eq!(kept.experiments[1].1, "active");
    assert_eq!(kept.runs[0].created["experiment_id"], "1");
}

#[test]
fn nested_runs_hang_under_the_run_that_the_server_made() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let ours = tracker(&fake.url, folder.path());
    let parent = RunLog::start(&ours, &RunInfo::named("parent")).unwrap();
    let info = RunInfo::named("child").nested_in(parent.run());
    let child = RunLog::start(&ours, &info).unwrap();
    child.finish(Status::Failed).unwrap();
    parent.finish(Status::Finished).unwrap();
    let kept = fake.kept();
    assert_eq!(kept.runs[1].tags["mlflow.parentRunId"], kept.runs[0].id);
    assert_eq!(kept.runs[1].status, "FAILED");
}

#[test]
fn a_spool_that_cannot_be_made_is_an_error_and_the_run_goes_on() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    // A file stands where the folder is to be made.
    let path = folder.path().join("spool");
    std::fs::write(&path, "").unwrap();
    let lost = flow_run(tracker(&fake.url, &path)).unwrap();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost[0].contains("free space"), "{lost:?}");
    let strict = Strict::new(tracker(&fake.url, &path));
    let log = RunLog::start(&strict, &RunInfo::named("no"));
    assert_eq!(log.unwrap_err().kind(), ErrorKind::Track);
}

/// Set in a process of its own, which tracks as it is told.
const CHILD: &str = "FLOE_FAKE_CHILD";

/// Runs this binary anew for one test, through a shell that may set limits first.
fn child(task: &str, limits: &str, url: &str, folder: &Path) -> Vec<String> {
    let binary = std::env::current_exe().unwrap();
    let script = format!("{limits} exec \"$0\" --exact mlflow::in_a_child --nocapture");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script.as_str()]).arg(binary);
    command.env(CHILD, task).env("FLOE_MLFLOW_SPOOL", folder);
    command.env("MLFLOW_TRACKING_URI", url);
    command.env("MLFLOW_EXPERIMENT_NAME", "of the environment");
    command.env("MLFLOW_RUN_ID", "00000000000000000000000000000001");
    command.env("MLFLOW_TRACKING_USERNAME", "anna");
    command.env("MLFLOW_TRACKING_PASSWORD", "word");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{text} {}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.lines().map(str::to_owned).collect()
}

#[test]
fn in_a_child() {
    let Ok(task) = std::env::var(CHILD) else {
        return;
    };
    let ours = MlflowTracker::from_env().unwrap();
    if task == "environment" {
        let log = RunLog::start(&ours, &RunInfo::named("of the environment")).unwrap();
        log.metric("m", 1.0, 0).unwrap();
        let child = RunInfo::named("below").nested_in(log.run());
        RunLog::start(&ours, &child)
            .unwrap()
            .finish(Status::Finished)
            .unwrap();
        log.finish(Status::Finished).unwrap();
        return;
    }
    let ours = ours
        .buffering(Duration::from_hours(1))
        .deadline(Duration::ZERO);
    let log = RunLog::start(&ours, &RunInfo::named("full")).unwrap();
    println!("run {}", log.run());
    let mut refused = 0;
    for step in 0.. {
        match log.metric("m", 1.0, step) {
            Ok(()) => println!("acknowledged {step}"),
            Err(error) => {
                println!("error {error}");
                refused += 1;
            }
        }
        if refused > 3 {
            break;
        }
    }
}

#[test]
fn a_full_disk_loses_only_what_was_not_acknowledged() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let away = Fake::start();
    away.go_away();
    // A file may not grow beyond this, and the signal that says so is ignored: a full disk to the
    // one who writes.
    let said = child(
        "full",
        "trap '' XFSZ; ulimit -f 16;",
        &away.url,
        folder.path(),
    );
    let of = |word: &str| said.iter().filter(|line| line.contains(word)).count();
    let (acknowledged, refused) = (of("acknowledged"), of("error"));
    assert!(
        acknowledged > 10 && refused == 4,
        "{acknowledged} {refused} {said:?}"
    );
    assert!(
        said.iter().any(|line| line.contains("free space")),
        "{said:?}"
    );
    drop(fake);
    when_free(folder.path());
    away.come_back();
    let report = tracker(&away.url, folder.path()).sync().unwrap();
    assert_eq!(
        (report.sent.len(), report.killed.len()),
        (1, 1),
        "{report:?}"
    );
    // The environment named a run that is not there; the spool remembers that it did.
    assert!(report.faults[0].contains("MLFLOW_RUN_ID"), "{report:?}");
    let kept = away.kept();
    let steps: Vec<_> = kept.runs[0]
        .metrics
        .iter()
        .map(|of| of["step"].as_i64().unwrap())
        .collect();
    assert!(
        steps.iter().copied().eq(0..acknowledged as i64),
        "{steps:?}"
    );
    assert_eq!(kept.runs[0].status, "KILLED");
}

#[test]
fn the_environment_names_server_experiment_run_and_user() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    // The run that the environment names is there already.
    let log_to = tracker(&fake.url, folder.path());
    RunLog::start(&log_to, &RunInfo::named("before"))
        .unwrap()
        .finish(Status::Finished)
        .unwrap();
    drop(log_to);
    let before = fake.kept().runs[0].tags["floe.run"].clone();
    // The connection breaks when the run that was found is told more.
    let breaks = std::sync::atomic::AtomicBool::new(true);
    fake.fail(move |route, _| {
        let batch = route == "runs/log-batch";
        let now = batch && breaks.swap(false, std::sync::atomic::Ordering::SeqCst);
        now.then_some(Fault::Breaks)
    });
    child("environment", "", &fake.url, folder.path());
    let kept = fake.kept();
    assert_eq!(kept.runs.len(), 2, "the named run took the first one");
    assert_eq!(kept.runs[0].metrics.len(), 1);
    assert_eq!(kept.runs[0].status, "FINISHED");
    assert_ne!(kept.runs[0].tags["floe.run"], before);
    assert_eq!(kept.runs[1].tags["mlflow.parentRunId"], kept.runs[0].id);
    assert_eq!(kept.experiments[1].0, "of the environment");
    assert_eq!(kept.runs[1].created["experiment_id"], "1");
    assert_eq!(kept.authorization, "authorization: Basic YW5uYTp3b3Jk");
}

#[test]
fn users_and_tokens_are_sent() {
    for (ours, says) in [
        (
            |url: &str| MlflowTracker::new(url).basic("anna", "word"),
            "Basic YW5uYTp3b3Jk",
        ),
        (
            |url: &str| MlflowTracker::new(url.replace("//", "//anna:word@")),
            "Basic YW5uYTp3b3Jk",
        ),
        (
            |url: &str| MlflowTracker::new(url).token("abc"),
            "Bearer abc",
        ),
        (
            |url: &str| MlflowTracker::new(url).token("abc").basic("anna", "word"),
            "Basic YW5uYTp3b3Jk",
        ),
    ] as [(fn(&str) -> MlflowTracker, &str); 4]
    {
        let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
        let ours = ours(&fake.url).spool(folder.path());
        RunLog::start(&ours, &RunInfo::named("who"))
            .unwrap()
            .finish(Status::Finished)
            .unwrap();
        assert_eq!(fake.kept().authorization, format!("authorization: {says}"));
    }
}

#[test]
fn no_file_and_no_text_holds_the_password() {
    let folder = TempDir::new().unwrap();
    let url = "http://anna:hemligt@127.0.0.1:9";
    let ours = tracker(url, folder.path()).token("token-hemligt");
    assert!(!format!("{ours:?}").contains("hemligt"));
    let log = RunLog::start(&ours, &RunInfo::named("quiet")).unwrap();
    let error = log.finish(Status::Finished).unwrap_err();
    assert!(!format!("{error:?}").contains("hemligt"), "{error:?}");
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("hemligt"));
    }
}

#[test]
fn settings_that_cannot_work_are_told() {
    for (ours, says) in [
        (MlflowTracker::new("no url"), "base URL"),
        (MlflowTracker::new("file:///tmp/mlruns"), "http"),
        (MlflowTracker::new("http://h").alias("best"), ".register("),
        (
            MlflowTracker::new("http://h").server_certificate("/no/such.pem"),
            "/no/such.pem",
        ),
    ] {
        let error = ours.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(says), "{error}");
    }
    MlflowTracker::new("https://h/mlflow").check().unwrap();
}
