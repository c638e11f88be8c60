//! Trackers: where the events of a run are recorded.

mod artifact;
#[cfg(any(feature = "sqlite", feature = "mlflow"))]
mod checksum;
mod dataset;
#[cfg(any(feature = "sqlite", feature = "mlflow"))]
#[cfg_attr(
    not(all(feature = "sqlite", feature = "mlflow")),
    allow(
        dead_code,
        unused_imports,
        reason = "each of the two stores needs its own part of it"
    )
)]
pub(crate) mod entities;
mod event;
mod json_lines;
mod logged_model;
mod memory;
#[cfg(feature = "mlflow")]
mod mlflow;
mod model_files;
mod number;
mod optional;
mod run_info;
mod run_log;
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;
mod started;
mod strict;
mod surroundings;
mod tuple;

use std::fmt;

pub use artifact::{Artifact, Content};
pub use dataset::{Dataset, DatasetColumn};
pub use event::{Event, Status, What};
pub use json_lines::JsonLinesTracker;
pub use logged_model::{LoggedModel, Signature, SignatureColumn};
pub use memory::MemoryTracker;
#[cfg(feature = "mlflow")]
pub use mlflow::{MlflowTracker, SyncReport};
pub(crate) use number::to_json;
pub use run_info::RunInfo;
pub use run_log::RunLog;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteTracker;
pub use started::Started;
pub use strict::Strict;
pub use surroundings::{Git, Surroundings};

use crate::error::Result;

/// A name for a run: 32 hexadecimal digits.
pub(crate) fn new_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Records the events of runs. `()` records nothing, a tuple records to each of its members.
///
/// A tracker that fails never fails the run, unless it is [`Strict`]: what was lost is said in
/// [`Run::warnings`](crate::Run::warnings).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tracker",
    label = "not a tracker",
    note = "track with `.track(JsonLinesTracker::append(\"runs.jsonl\")?)`, or with `MemoryTracker::new()`"
)]
pub trait Tracker: fmt::Debug + Send + Sync {
    /// Records one event. What was recorded when this returns survives a kill of the process.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`](crate::ErrorKind::Track) when the event was not recorded.
    fn record(&self, event: &Event) -> Result<()>;

    /// Records several events, all of one run and in their order; a tracker that can, in one write.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record). Events before the one that failed may be recorded.
    fn record_all(&self, events: &[Event]) -> Result<()> {
        events.iter().try_for_each(|event| self.record(event))
    }

    /// Makes what was recorded survive a power loss too. Called at the end of a run.
    ///
    /// # Errors
    ///
    /// As [`record`](Self::record).
    fn flush(&self) -> Result<()> {
        Ok(())
    }

    /// Whether a failure to record must fail the run.
    fn is_strict(&self) -> bool {
        false
    }

    /// Whether it records nothing, so that nothing need be prepared for it.
    #[doc(hidden)]
    fn is_idle(&self) -> bool {
        false
    }

    /// The trackers behind this one, so that the failure of each is judged by its own strictness;
    /// none when it stands for itself.
    #[doc(hidden)]
    fn members(&self) -> Vec<&dyn Tracker> {
        Vec::new()
    }
}

impl Tracker for () {
    fn record(&self, _: &Event) -> Result<()> {
        Ok(())
    }

    fn is_idle(&self) -> bool {
        true
    }
}
