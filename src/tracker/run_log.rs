use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Map;

use super::{Artifact, Dataset, Event, RunInfo, Started, Status, Surroundings, Tracker, What};
use crate::error::{Error, ErrorKind, Result};

/// Records what only you know: parameters, metrics, tags and artifacts of your own, to a run of
/// your own or to one that a flow made.
///
/// Where a tracker that fails must not stop the work, the caller decides by what it does with the
/// `Err`; a flow does so by itself.
///
/// # Examples
///
/// A run of your own:
///
/// ```
/// use floe::tracker::{MemoryTracker, RunInfo, RunLog, Status};
///
/// let tracker = MemoryTracker::new();
/// let log = RunLog::start(&tracker, &RunInfo::named("by hand").experiment("likes"))?;
/// log.parameter("alpha", 0.5)?;
/// for (step, loss) in (0..).zip([1.0, 0.5, 0.25]) {
///     log.metric("loss", loss, step)?;
/// }
/// log.text("notes.md", "# It converged")?;
/// log.finish(Status::Finished)?;
/// assert_eq!(tracker.events().len(), 7);
/// # Ok::<(), floe::Error>(())
/// ```
///
/// More about a run that a flow made:
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
/// use floe::tracker::RunLog;
///
/// let tracker = MemoryTracker::new();
/// let rows = df!["x" => [0.0, 1.0, 2.0, 3.0], "y" => [1.0, 3.0, 5.0, 7.0]]?;
/// let run = floe::from(InMemory::new(rows))
///     .split(TrainTestSplit::new(0.5))
///     .learn(LinearRegression::new(["x"], "y"))
///     .track(tracker.clone())
///     .run()?;
/// RunLog::of(&tracker, run.id()).metric("profit", 12.5, 0)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a run log records what it is told"]
pub struct RunLog<'a> {
    run: String,
    tracker: &'a dyn Tracker,
}

impl<'a> RunLog<'a> {
    /// Starts a run.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when the tracker cannot record all of it. What it could record of the run
    /// is then marked as failed.
    pub fn start(tracker: &'a dyn Tracker, info: &RunInfo) -> Result<Self> {
        let log = Self::of(tracker, super::new_id());
        let mut started = Started::new(info);
        started.surroundings = Some(Surroundings::here());
        let Err(error) = log.record(What::Started(Box::new(started))) else {
            return Ok(log);
        };
        // All but a part of it may be there, and the caller gets no log to end it with. What fails
        // here is told by the first error.
        let (status, said) = (Status::Failed, Some(error.to_string()));
        let _ = log.record(What::Finished {
            status,
            error: said,
        });
        Err(error)
    }

    /// Adds to a run that was started before, by its name.
    pub fn of(tracker: &'a dyn Tracker, run: impl Into<String>) -> Self {
        Self {
            run: run.into(),
            tracker,
        }
    }

    /// The name of the run: 32 hexadecimal digits.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Records a parameter. A parameter is told once: its value does not change.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when it cannot be recorded, or has another value already.
    pub fn parameter(&self, key: impl Into<String>, value: impl Serialize) -> Result<()> {
        let value = serde_json::to_value(value).map_err(|error| {
            Error::new(ErrorKind::Track, "the parameter cannot be written as JSON").caused_by(error)
        })?;
        let parameters = Map::from_iter([(key.into(), value)]);
        self.record(What::Parameters { parameters })
    }

    /// Records a number now, at a step of its series.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when it cannot be recorded.
    pub fn metric(&self, name: impl Into<String>, value: f64, step: i64) -> Result<()> {
        self.record(metric(name.into(), value, step))
    }

    /// Records many numbers at once, each by its name, value and step: for some trackers much
    /// faster than one by one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when they cannot be recorded.
    pub fn metrics<N: Into<String>>(
        &self,
        metrics: impl IntoIterator<Item = (N, f64, i64)>,
    ) -> Result<()> {
        let now = super::event::now();
        let metrics = metrics.into_iter().map(|(name, value, step)| {
            Event::at(self.run.as_str(), now, metric(name.into(), value, step))
        });
        self.tracker.record_all(&metrics.collect::<Vec<_>>())
    }

    /// Sets a tag.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when it cannot be recorded.
    pub fn tag(&self, key: impl Into<String>, value: impl Into<String>) -> Result<()> {
        let tags = BTreeMap::from([(key.into(), value.into())]);
        self.record(What::Tags { tags })
    }

    /// Records rows that the run reads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when they cannot be recorded.
    pub fn dataset(&self, dataset: Dataset) -> Result<()> {
        self.record(What::Dataset(Box::new(dataset)))
    }

    /// Keeps a text, such as a report or a figure as SVG.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when it cannot be recorded.
    pub fn text(&self, path: impl Into<String>, text: impl Into<String>) -> Result<()> {
        self.artifact(Artifact::text(path, text))
    }

    /// Keeps a copy of a file, or of a folder with all below it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when it cannot be read or recorded.
    pub fn copy(&self, path: impl Into<String>, from: impl Into<PathBuf>) -> Result<()> {
        self.artifact(Artifact::copy(path, from))
    }

    /// Keeps an artifact.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when it cannot be recorded.
    pub fn artifact(&self, artifact: Artifact) -> Result<()> {
        self.record(What::Artifact(Box::new(artifact)))
    }

    /// Ends the run. A run that is dropped without it stays running, until its tracker finds that
    /// its process is gone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when that cannot be recorded.
    pub fn finish(self, status: Status) -> Result<()> {
        self.record(What::Finished {
            status,
            error: None,
        })?;
        self.tracker.flush()
    }

    fn record(&self, what: What) -> Result<()> {
        self.tracker.record(&Event::now(self.run.as_str(), what))
    }
}

fn metric(name: String, value: f64, step: i64) -> What {
    What::Metric {
        name,
        value: Some(value),
        reason: None,
        step,
    }
}
