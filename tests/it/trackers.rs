//! Trackers record what happens, and a failure to record is no failure of the run.

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::tracker::{Event, RunInfo, What};

/// Fails from the given event on.
#[derive(Debug)]
struct Failing(std::sync::atomic::AtomicUsize);

impl Tracker for Failing {
    fn record(&self, _: &Event) -> floe::Result<()> {
        use std::sync::atomic::Ordering::Relaxed;
        if self.0.load(Relaxed) == 0 {
            return Err(floe::Error::new(ErrorKind::Track, "the store is away"));
        }
        self.0.fetch_sub(1, Relaxed);
        Ok(())
    }
}

macro_rules! flow {
    () => {
        floe::from(InMemory::new(
            df!["x" => [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "y" => [2.0, 4.0, 6.0, 8.0, 10.0, 13.0]].unwrap(),
        ))
        .split(TrainTestSplit::new(0.4).seed(1))
        .learn(LinearRegression::new(["x"], "y"))
    };
}

#[test]
fn a_failing_tracker_does_not_fail_the_run_and_says_once_what_was_lost() {
    for good in [0, 1, 4] {
        let run = flow!().track(Failing(good.into())).run().unwrap();
        assert_eq!(run.warnings().len(), 1, "{:?}", run.warnings());
        assert!(run.warnings()[0].contains("the store is away"));
    }
}

#[test]
fn a_strict_tracker_fails_the_run_and_its_neighbours_still_record() {
    let memory = MemoryTracker::new();
    let tracker = (Strict::new(Failing(2.into())), memory.clone());
    let error = flow!().track(tracker).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Track);
    let last = memory.events().pop().unwrap();
    let What::Finished { error, .. } = last.what else {
        panic!("{last:?}");
    };
    assert!(error.unwrap().contains("the store is away"));
}

/// Counts how often it is waited for, in vain or not.
#[derive(Clone, Debug)]
struct Waited {
    flushes: Arc<std::sync::atomic::AtomicUsize>,
    in_vain: bool,
}

impl Tracker for Waited {
    fn record(&self, _: &Event) -> floe::Result<()> {
        Ok(())
    }

    fn flush(&self) -> floe::Result<()> {
        self.flushes
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if self.in_vain {
            return Err(floe::Error::new(ErrorKind::Track, "the store is away").transient());
        }
        Ok(())
    }
}

#[test]
fn a_sweep_does_not_wait_in_vain_once_a_candidate() {
    let waited = |in_vain| Waited {
        flushes: Arc::default(),
        in_vain,
    };
    let (good, bad) = (waited(false), waited(true));
    let rows = df!["x" => (0..40).map(f64::from).collect::<Vec<_>>(),
                   "y" => (0..40).map(|x| f64::from(x * x % 7)).collect::<Vec<_>>()];
    let study = floe::from(InMemory::new(rows.unwrap()))
        .split(TrainTestSplit::new(0.25).seed(1))
        .sweep(
            KFold::new(2),
            floe::flow::Candidates::axis("alpha", [0.1, 1.0, 2.0, 3.0, 4.0]),
            |flow, alpha| flow.learn(Ridge::new(["x"], "y").alpha(*alpha)),
        )
        .track((bad.clone(), good.clone()))
        .workers(1)
        .run()
        .unwrap();
    let count = |waited: &Waited| waited.flushes.load(std::sync::atomic::Ordering::Relaxed);
    // Once for the first candidate and once for all at the end; the good one for each.
    assert_eq!((count(&bad), count(&good)), (2, 6));
    let said = |warning: &&String| warning.contains("the store is away");
    assert!(study.warnings().iter().any(|warning| said(&warning)));
}

#[test]
fn a_run_that_a_strict_tracker_stops_at_once_has_ended_for_the_others() {
    let memory = MemoryTracker::new();
    let tracker = (memory.clone(), Strict::new(Failing(0.into())));
    flow!().track(tracker).run().unwrap_err();
    let events = memory.events();
    let [first, last] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert!(matches!(first.what, What::Started(_)));
    assert!(matches!(&last.what, What::Finished { error: Some(_), .. }));
}

#[test]
fn json_lines_are_whole_lines_and_runs_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.jsonl");
    // A writer was killed in the middle of a line.
    std::fs::write(&path, "{\"run\":\"cut").unwrap();
    for _ in 0..2 {
        flow!()
            .track(JsonLinesTracker::append(&path).unwrap())
            .run()
            .unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let events: Vec<Event> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert_eq!(events.len() + 1, text.lines().count());
    let runs: std::collections::BTreeSet<&str> =
        events.iter().map(|event| event.run.as_str()).collect();
    assert_eq!(runs.len(), 2);
    let scores = events.iter().filter(
        |event| matches!(&event.what, What::Metric { name, value: Some(_), .. } if name == "r2"),
    );
    assert_eq!(scores.count(), 2);
    let error = JsonLinesTracker::append(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Track);
}

#[test]
fn a_cancelled_run_stops_with_its_own_kind_of_error() {
    let token = CancelToken::new();
    let memory = MemoryTracker::new();
    let flow = flow!().cancel_with(token.clone()).track(memory.clone());
    flow.run().unwrap();
    token.cancel();
    let error = flow.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let last = serde_json::to_value(memory.events().pop().unwrap()).unwrap();
    assert_eq!(
        (last["event"].as_str(), last["status"].as_str()),
        (Some("finished"), Some("cancelled"))
    );
}

#[test]
fn a_shared_tracker_and_one_that_may_be_missing_are_trackers() {
    let memory = MemoryTracker::new();
    let shared: Arc<dyn Tracker> = Arc::new(memory.clone());
    let none: Option<MemoryTracker> = None;
    let tracker = (Some(shared), none);
    let run = flow!().track(tracker).run().unwrap();
    let events = memory.events();
    assert!(events.iter().all(|event| event.run == run.id()));
    let of = |is: fn(&What) -> bool| events.iter().filter(|event| is(&event.what)).count();
    assert_eq!(of(|what| matches!(what, What::Started(_))), 1);
    // Events of a batch arrive as well: each metric, each scan.
    assert_eq!(
        of(|what| matches!(what, What::Metric { .. })),
        run.metrics().iter().count()
    );
    assert_eq!(
        of(|what| matches!(what, What::Scanned { .. })),
        run.scans().len()
    );
    assert_eq!(of(|what| matches!(what, What::Dataset(_))), 2);
    assert_eq!(of(|what| matches!(what, What::Model(_))), 1);
}

#[test]
fn a_run_tells_what_was_said_of_it_and_where_it_is() {
    let memory = MemoryTracker::new();
    let info = RunInfo::named("first")
        .experiment("likes")
        .tag("team", "a")
        .parameter("b", 1);
    flow!().track_as(info).track(memory.clone()).run().unwrap();
    let events = memory.events();
    let What::Started(started) = &events[0].what else {
        panic!("{:?}", events[0]);
    };
    assert_eq!(started.name.as_deref(), Some("first"));
    assert_eq!(started.experiment.as_deref(), Some("likes"));
    assert_eq!(
        (started.labels["team"].as_str(), &started.parameters["b"]),
        ("a", &1.into())
    );
    assert_eq!(started.seed, Some(1));
    let here = started.surroundings.as_ref().unwrap();
    assert_eq!(
        (here.os.as_str(), here.arch.as_str()),
        (std::env::consts::OS, std::env::consts::ARCH)
    );
    // Git itself says at which commit; where there is none, or no clone, nothing is said.
    let asked = std::process::Command::new("git")
        .args(["rev-parse", "HEAD"])
        .output();
    let commit = asked.ok().filter(|output| output.status.success());
    let commit = commit.map(|output| String::from_utf8(output.stdout).unwrap().trim().to_owned());
    assert_eq!(here.git.as_ref().map(|git| git.commit.clone()), commit);
}

#[test]
fn the_same_rows_are_the_same_dataset() {
    let digests = |seed: u64, last: f64| -> Vec<String> {
        let memory = MemoryTracker::new();
        let rows = df!["x" => [1.0, 2.0, 3.0, last], "y" => [2.0, 4.0, 6.0, 8.0]].unwrap();
        floe::from(InMemory::new(rows))
            .split(TrainTestSplit::new(0.5).seed(seed))
            .learn(LinearRegression::new(["x"], "y"))
            .track(memory.clone())
            .run()
            .unwrap();
        let events = memory.events().into_iter();
        let datasets = events.filter_map(|event| match event.what {
            What::Dataset(dataset) => Some(dataset.digest),
            _ => None,
        });
        datasets.collect()
    };
    let first = digests(1, 4.0);
    assert_eq!(first.len(), 2);
    assert_ne!(first[0], first[1]);
    assert_eq!(digests(1, 4.0), first);
    for other in [digests(2, 4.0), digests(1, 5.0)] {
        assert!(other.iter().all(|digest| !first.contains(digest)));
    }
}
