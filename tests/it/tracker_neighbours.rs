//! Which failures of a tracker fail a run.

use floe::polars::prelude::*;
use floe::prelude::*;
use floe::tracker::Event;
use floe::{Error, ErrorKind, Result};

/// Loses every event.
#[derive(Debug)]
struct Broken;

impl Tracker for Broken {
    fn record(&self, _: &Event) -> Result<()> {
        Err(Error::new(ErrorKind::Track, "the disk is full"))
    }
}

fn run(tracker: impl Tracker) -> Result<Vec<String>> {
    let rows = df!["x" => [0.0, 1.0, 2.0, 3.0], "y" => [1.0, 3.0, 5.0, 7.0]]?;
    let flow = floe::from(InMemory::new(rows))
        .split(TrainTestSplit::new(0.5))
        .learn(MeanRegressor::new("y"))
        .track(tracker);
    Ok(flow.run()?.warnings().to_vec())
}

#[test]
fn only_the_failure_of_a_strict_tracker_fails_a_run() {
    let lost = ["tracking: cannot track: the disk is full"];
    assert_eq!(run(Broken).unwrap(), lost);
    let memory = MemoryTracker::new();
    let beside = (Broken, (Strict::new(memory.clone()), MemoryTracker::new()));
    assert_eq!(run(beside).unwrap(), lost);
    assert!(!memory.events().is_empty());
    let beside = (MemoryTracker::new(), Strict::new(Broken));
    assert_eq!(run(beside).unwrap_err().kind(), ErrorKind::Track);
    let whole = Strict::new((Broken, MemoryTracker::new()));
    assert_eq!(run(whole).unwrap_err().kind(), ErrorKind::Track);
}
