//! Trackers: where the events of a run are recorded.

mod json_lines;
mod memory;
mod strict;
mod tuple;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use json_lines::JsonLinesTracker;
pub use memory::MemoryTracker;
pub use strict::Strict;

use crate::error::Result;

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

    /// The trackers behind this one, so that the failure of each is judged by its own strictness;
    /// none when it stands for itself.
    #[doc(hidden)]
    fn members(&self) -> Vec<&dyn Tracker> {
        Vec::new()
    }
}

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// The run: 32 hexadecimal digits.
    pub run: String,
    /// When it happened, in milliseconds since 1970-01-01 UTC.
    pub time: i64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// The run began.
    Started {
        /// The version of floe.
        floe: String,
        /// The source, as its `Debug` text.
        source: String,
        /// The split and its seed.
        split: Value,
        /// The steps in order, as their `Debug` text.
        steps: Vec<String>,
        /// The steps on the target.
        target_steps: Vec<String>,
        /// The estimator, as its `Debug` text.
        estimator: String,
        /// Declared leaks and the like.
        tags: Vec<String>,
        /// The run that this one is nested in, where it is one candidate of a sweep.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        parent: Option<String>,
        /// The parameters of that candidate by name.
        #[serde(skip_serializing_if = "Map::is_empty", default)]
        parameters: Map<String, Value>,
    },
    /// A step was fitted that has something to tell.
    StepFitted {
        /// The step, as its `Debug` text.
        step: String,
        /// Whether it stands on the target.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        on_target: bool,
        /// The fold whose model it is part of, if of one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        fold: Option<usize>,
        /// What it found, by column: its fences, or what it fills gaps with.
        report: Value,
    },
    /// The model was fitted.
    Fitted {
        /// Facts about the fit, such as coefficients by name.
        report: Value,
    },
    /// A metric of the test rows.
    Metric {
        /// Its name, such as `r2`.
        name: String,
        /// Its value; absent where it is undefined.
        value: Option<f64>,
        /// Why it is undefined.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
        /// The step of a series; 0 for a single value.
        step: i64,
    },
    /// Something that a person should know.
    Warning {
        /// What it is.
        message: String,
    },
    /// Rows were read.
    Scanned {
        /// Why.
        purpose: String,
        /// Rows that came out of the query.
        rows: u64,
        /// Wall time in milliseconds.
        milliseconds: f64,
    },
    /// The run ended.
    Finished {
        /// How.
        status: Status,
        /// The error, where there was one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        error: Option<String>,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// With a model and its score.
    Finished,
    /// With an error.
    Failed,
    /// By its cancel token.
    Cancelled,
}

impl Event {
    pub(crate) fn now(run: &str, what: What) -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            run: run.to_owned(),
            time: since.map_or(0, |since| {
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            }),
            what,
        }
    }
}

impl Tracker for () {
    fn record(&self, _: &Event) -> Result<()> {
        Ok(())
    }
}
