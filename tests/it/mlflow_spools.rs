//! What a spool keeps apart from what others do: other folders, other processes, other settings,
//! and what one event alone cannot bring to the server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use floe::prelude::*;
use floe::tracker::{Event, LoggedModel, MlflowTracker, RunInfo, RunLog, Status, What};
use tempfile::TempDir;

use super::fake_mlflow::{Fake, Fault};
use super::mlflow::{tracker, when_free};

/// A tracker that does not wait for a server that is away.
fn hasty(url: &str, folder: &Path) -> MlflowTracker {
    tracker(url, folder).deadline(Duration::ZERO)
}

fn finished(tracker: &MlflowTracker, name: &str) {
    let log = RunLog::start(tracker, &RunInfo::named(name)).unwrap();
    log.metric("m", 1.0, 0).unwrap();
    // A server that is away, or a fault, is told here; the spool has the run.
    let _ = log.finish(Status::Finished);
}

/// The artifacts by the last part of their paths.
fn artifacts(fake: &Fake) -> Vec<String> {
    let kept = fake.kept();
    let paths = kept.artifacts.keys();
    paths
        .filter_map(|path| path.rsplit('/').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_run_that_another_process_has_under_way_is_not_ended() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let parents = tracker(&fake.url, &folder.path().join("a"));
    let parent = RunLog::start(&parents, &RunInfo::named("parent")).unwrap();
    parents.flush().unwrap();
    fake.go_away();
    let children = hasty(&fake.url, &folder.path().join("b"));
    let info = RunInfo::named("child").nested_in(parent.run());
    let child = RunLog::start(&children, &info).unwrap();
    child.metric("m", 1.0, 0).unwrap();
    // The child's process is gone without a word, and the parent's works on.
    drop(child);
    drop(children);
    when_free(&folder.path().join("b"));
    fake.come_back();
    let report = tracker(&fake.url, &folder.path().join("b")).sync().unwrap();
    assert_eq!(report.killed.len(), 1, "{report:?}");
    let kept = fake.kept();
    assert_eq!(kept.runs[1].tags["mlflow.parentRunId"], kept.runs[0].id);
    let states: Vec<&str> = kept.runs.iter().map(|run| run.status.as_str()).collect();
    assert_eq!(states, ["RUNNING", "KILLED"]);
    drop(kept);
    parent.finish(Status::Finished).unwrap();
    assert_eq!(fake.kept().runs[0].status, "FINISHED");
}

#[test]
fn files_of_a_spool_that_was_moved_arrive() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    fake.go_away();
    std::fs::write(folder.path().join("report.csv"), "a,b").unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let ours = hasty(&fake.url, &old);
    let log = RunLog::start(&ours, &RunInfo::named("moved")).unwrap();
    log.copy("report.csv", folder.path().join("report.csv"))
        .unwrap();
    let _ = log.finish(Status::Finished);
    drop(ours);
    fake.come_back();
    std::fs::rename(&old, &new).unwrap();
    // Without its files the spool waits for them.
    let files: Vec<PathBuf> = std::fs::read_dir(&new)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "files"))
        .collect();
    let aside = folder.path().join("aside");
    std::fs::rename(&files[0], &aside).unwrap();
    when_free(&new);
    let error = tracker(&fake.url, &new).sync().unwrap_err();
    assert!(error.to_string().contains("put the folder back"), "{error}");
    std::fs::rename(&aside, &files[0]).unwrap();
    let report = tracker(&fake.url, &new).sync().unwrap();
    assert_eq!((report.sent.len(), report.faults.len()), (1, 0));
    assert_eq!(artifacts(&fake), ["report.csv"]);
    assert_eq!(fake.kept().runs.len(), 1);
}

#[test]
fn a_folder_that_holds_the_spool_is_not_copied_into_itself() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    std::fs::write(folder.path().join("a.txt"), "a").unwrap();
    let ours = tracker(&fake.url, &folder.path().join("below/spool"));
    let log = RunLog::start(&ours, &RunInfo::named("whole")).unwrap();
    let error = log.copy("all", folder.path()).unwrap_err();
    assert!(error.to_string().contains("kept inside it"), "{error}");
    let error = log.copy("no", folder.path().join("no")).unwrap_err();
    assert!(error.to_string().contains("was not kept"), "{error}");
    log.finish(Status::Finished).unwrap();
    assert_eq!(artifacts(&fake), Vec::<String>::new());
}

#[test]
fn a_spool_that_cannot_go_holds_up_no_other_one() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    fake.go_away();
    finished(
        &hasty(&fake.url, folder.path()).experiment("old"),
        "of a deleted experiment",
    );
    std::fs::write(folder.path().join("0-damaged.spool"), "no spool\n").unwrap();
    finished(&hasty(&fake.url, folder.path()), "second");
    fake.kept().experiments.push(("old".to_owned(), "deleted"));
    when_free(folder.path());
    fake.come_back();
    let error = tracker(&fake.url, folder.path()).sync().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("0-damaged.spool") && text.contains("sent: 1, not sent: 2"),
        "{text}"
    );
    let kept = fake.kept();
    assert_eq!(
        (kept.runs.len(), kept.runs[0].status.as_str()),
        (1, "FINISHED")
    );
}

#[test]
fn a_file_that_the_server_cannot_keep_holds_up_nothing() {
    let page = "<html><title>413 Request Entity Too Large</title></html>";
    let broken = r#"{"error_code": "INTERNAL_ERROR", "message": "not a directory"}"#;
    for (status, body, says) in [
        (413, page, "client_max_body_size"),
        (413, page, "`large.txt`"),
        (500, broken, "not a directory"),
        (400, "no", "`large.txt`"),
    ] {
        let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
        fake.fail(move |route, _| {
            let fails = route == "artifacts";
            fails.then(|| Fault::Says(status, "", body.to_owned()))
        });
        let ours = tracker(&fake.url, folder.path());
        let log = RunLog::start(&ours, &RunInfo::named("large")).unwrap();
        log.text("large.txt", "x").unwrap();
        log.metric("m", 1.0, 0).unwrap();
        let error = log.finish(Status::Finished).unwrap_err();
        assert!(error.to_string().contains(says), "{status}: {error}");
        let kept = fake.kept();
        assert_eq!(kept.runs[0].status, "FINISHED");
        assert_eq!(kept.runs[0].metrics.len(), 1);
    }
}

#[test]
fn a_run_that_the_server_refuses_takes_no_other_along() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let body = r#"{"error_code": "INVALID_PARAMETER_VALUE", "message": "not this one"}"#;
    // The second attempt asks for the experiment anew.
    fake.fail(move |route, before| {
        let fails = route == "runs/create" && before < 2;
        fails.then(|| Fault::Says(400, "", body.to_owned()))
    });
    let ours = tracker(&fake.url, folder.path());
    let log = RunLog::start(&ours, &RunInfo::named("refused")).unwrap();
    log.metric("m", 1.0, 0).unwrap();
    let error = log.finish(Status::Finished).unwrap_err().to_string();
    assert!(error.contains("`refused`, and all of it"), "{error}");
    assert_eq!(error.matches("not this one").count(), 1, "{error}");
    finished(&ours, "taken");
    let kept = fake.kept();
    assert_eq!(
        (kept.runs.len(), kept.runs[0].status.as_str()),
        (1, "FINISHED")
    );
    drop(kept);
    for name in [String::new(), "x".repeat(501)] {
        let info = RunInfo::named("nameless").experiment(name);
        let error = RunLog::start(&ours, &info).unwrap_err();
        assert!(error.to_string().contains("give it 1 to 500"), "{error}");
    }
}

#[test]
fn what_was_asked_for_then_holds_when_another_one_sends() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    // The fake keeps no registry: it is enough to see who asks for one.
    fake.fail(|route, _| {
        let asks = route.starts_with("registered-models") || route.starts_with("model-versions");
        asks.then(|| {
            Fault::Says(
                400,
                "",
                r#"{"error_code": "X", "message": "seen"}"#.to_owned(),
            )
        })
    });
    for (recorded, sent, faults) in [(Some("likes"), None, 1), (None, Some("other"), 0)] {
        let named = |tracker: MlflowTracker, name: Option<&str>| match name {
            Some(name) => tracker.register(name),
            None => tracker,
        };
        fake.go_away();
        let ours = named(hasty(&fake.url, folder.path()), recorded).experiment("#7");
        let log = RunLog::start(&ours, &RunInfo::named("model")).unwrap();
        let model = LoggedModel::new("line", "{}");
        ours.record(&Event::now(log.run(), What::Model(Box::new(model))))
            .unwrap();
        let _ = log.finish(Status::Finished);
        drop(ours);
        when_free(folder.path());
        fake.come_back();
        let report = named(tracker(&fake.url, folder.path()), sent)
            .sync()
            .unwrap();
        assert_eq!(report.sent.len(), 1, "{report:?}");
        assert_eq!(report.faults.len(), faults, "{report:?}");
    }
    // A name that looks like an id is a name.
    assert_eq!(fake.kept().experiments[1].0, "#7");
}

#[test]
fn a_token_that_a_gateway_repeats_is_blotted_out() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let body =
        r#"{"error_code": "UNAUTHENTICATED", "message": "the token hemligt-ord is no good"}"#;
    fake.fail(move |_, _| Some(Fault::Says(401, "", body.to_owned())));
    let ours = tracker(&fake.url, folder.path()).token("hemligt-ord");
    let log = RunLog::start(&ours, &RunInfo::named("who")).unwrap();
    let error = format!("{:?}", log.finish(Status::Finished).unwrap_err());
    assert!(error.contains("is no good"), "{error}");
    assert!(!error.contains("hemligt"), "{error}");
}

#[test]
fn lengths_of_time_that_no_clock_shows_are_taken() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    let ours = tracker(&fake.url, folder.path())
        .first_pause(Duration::MAX)
        .deadline(Duration::MAX);
    finished(&ours, "long");
    assert_eq!(fake.kept().runs[0].status, "FINISHED");
}

#[test]
fn a_file_that_is_refused_leaves_the_others_of_its_folder() {
    let broken = r#"{"error_code": "INTERNAL_ERROR", "message": "not a directory"}"#;
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    fake.fail(move |route, before| {
        // It fails for the first file each time, until that is given up and after it, and in between
        // once for the last one.
        let fails = route == "artifacts" && matches!(before, 0..=2 | 4 | 5);
        fails.then(|| Fault::Says(500, "", broken.to_owned()))
    });
    let tables = folder.path().join("tables");
    std::fs::create_dir(&tables).unwrap();
    for name in ["a.csv", "b.csv", "c.csv"] {
        std::fs::write(tables.join(name), name).unwrap();
    }
    let ours = tracker(&fake.url, &folder.path().join("spool"));
    let log = RunLog::start(&ours, &RunInfo::named("tables")).unwrap();
    log.copy("tables", &tables).unwrap();
    let error = log.finish(Status::Finished).unwrap_err().to_string();
    assert_eq!(
        error.matches("artifact `tables/a.csv`").count(),
        1,
        "{error}"
    );
    assert_eq!(artifacts(&fake), ["b.csv", "c.csv"]);
    assert_eq!(fake.kept().runs[0].status, "FINISHED");
}

#[test]
fn a_server_that_asks_for_hours_is_not_waited_for() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    fake.go_away();
    finished(&hasty(&fake.url, folder.path()), "later");
    fake.fail(|route, _| {
        let now = route == "runs/create";
        now.then(|| Fault::Says(429, "retry-after: 7200\r\n", String::new()))
    });
    when_free(folder.path());
    fake.come_back();
    let error = tracker(&fake.url, folder.path()).sync().unwrap_err();
    assert!(error.is_transient());
    assert!(error.help().unwrap().contains("7200 s"), "{error}");
}

#[test]
fn failures_of_a_file_that_arrived_count_no_more() {
    let (fake, folder) = (Fake::start(), TempDir::new().unwrap());
    // Each file fails twice, which a third time would be too often.
    fake.fail(|route, nth| {
        let fails = route == "artifacts" && nth % 3 != 2;
        let broken = r#"{"error_code": "INTERNAL_ERROR", "message": "no room now"}"#;
        fails.then(|| Fault::Says(500, "", broken.to_owned()))
    });
    let ours = tracker(&fake.url, folder.path()).deadline(Duration::from_mins(1));
    let log = RunLog::start(&ours, &RunInfo::named("again")).unwrap();
    for text in ["one", "two"] {
        log.text("same.txt", text).unwrap();
        ours.flush().unwrap();
    }
    log.finish(Status::Finished).unwrap();
    let kept = fake.kept();
    assert_eq!(kept.artifacts.values().next().unwrap(), b"two");
}

#[test]
fn a_url_that_is_none_is_told_at_once_each_time() {
    let folder = TempDir::new().unwrap();
    let began = std::time::Instant::now();
    for _ in 0..20 {
        let ours = MlflowTracker::new("no url").spool(folder.path());
        let log = RunLog::start(&ours, &RunInfo::new()).unwrap();
        log.metric("m", 1.0, 0).unwrap();
        ours.flush().unwrap_err();
        log.finish(Status::Finished).unwrap_err();
    }
    // Nobody waits for the ten seconds that an end may take.
    assert!(began.elapsed() < Duration::from_secs(9));
}
