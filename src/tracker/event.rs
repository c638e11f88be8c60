//! What happens in a run, as data.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Artifact, Dataset, LoggedModel, Started, number};

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// The run: 32 hexadecimal digits.
    pub run: String,
    /// When it happened, in milliseconds since 1970-01-01 UTC. It is not when it was written: an
    /// event that is sent twice is one event.
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
    Started(Box<Started>),
    /// Parameters by name. A parameter is told once: its value does not change.
    Parameters {
        /// The values by name.
        parameters: Map<String, Value>,
    },
    /// Tags by name; the last one told under a name holds.
    Tags {
        /// The texts by name.
        tags: BTreeMap<String, String>,
    },
    /// Rows that the run read.
    Dataset(Box<Dataset>),
    /// A step was fitted that has something to tell.
    StepFitted {
        /// The step, as its `Debug` text.
        step: String,
        /// Its place among the steps on its side, from 0.
        #[serde(default)]
        index: usize,
        /// Whether it stands on the target.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        on_target: bool,
        /// The fold whose model it is part of, if of one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        fold: Option<usize>,
        /// What it found, by column: its fences, or what it fills gaps with.
        report: Value,
    },
    /// The estimator was fitted.
    Fitted {
        /// The fold whose model it is, if of one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        fold: Option<usize>,
        /// Facts about the fit, such as coefficients by name.
        report: Value,
    },
    /// A number that tells how well it goes, such as a metric of the test rows.
    Metric {
        /// Its name, such as `r2`.
        name: String,
        /// Its value; absent where it is undefined. NaN and the infinities are values.
        #[serde(with = "number", default)]
        value: Option<f64>,
        /// Why it is undefined.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
        /// The step of a series; 0 for a single value.
        step: i64,
    },
    /// A file, a folder or a text that belongs to the run.
    Artifact(Box<Artifact>),
    /// The model of the run, whole.
    Model(Box<LoggedModel>),
    /// Something that a person should know.
    Warning {
        /// What it is.
        message: String,
        /// Its place among the warnings, from 0.
        #[serde(default)]
        index: usize,
    },
    /// Rows were read.
    Scanned {
        /// Why.
        purpose: String,
        /// Rows that came out of the query.
        rows: u64,
        /// Wall time in milliseconds.
        milliseconds: f64,
        /// Its place among the scans, from 0.
        #[serde(default)]
        index: usize,
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
    /// With all that it was to give.
    Finished,
    /// With an error.
    Failed,
    /// By its cancel token.
    Cancelled,
}

/// A number as [`Event`] is written, without the detours that a flattened enum takes in serde.
#[derive(Serialize)]
struct Number<'a> {
    run: &'a str,
    time: i64,
    event: &'static str,
    name: &'a str,
    #[serde(serialize_with = "number::serialize")]
    value: &'a Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: &'a Option<String>,
    step: i64,
}

impl Event {
    /// Writes the event as JSON.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let Self { run, time, what } = self;
        let What::Metric {
            name,
            value,
            reason,
            step,
        } = what
        else {
            return serde_json::to_writer(out, self);
        };
        let number = Number {
            run,
            time: *time,
            event: "metric",
            name,
            value,
            reason,
            step: *step,
        };
        serde_json::to_writer(out, &number)
    }

    /// An event that happens now.
    pub fn now(run: impl Into<String>, what: What) -> Self {
        Self::at(run, now(), what)
    }

    /// An event that happened at a time, in milliseconds since 1970-01-01 UTC.
    pub fn at(run: impl Into<String>, time: i64, what: What) -> Self {
        Self {
            run: run.into(),
            time,
            what,
        }
    }
}

/// Milliseconds since 1970-01-01 UTC.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_all_events_are() {
        let reasons = [None, Some("no \"rows\" å".to_owned())];
        let values = [
            None,
            Some(0.1),
            Some(-0.0),
            Some(1e308),
            Some(f64::NAN),
            Some(f64::INFINITY),
        ];
        for (reason, value) in reasons
            .iter()
            .flat_map(|of| values.map(|value| (of, value)))
        {
            let metric = What::Metric {
                name: "loss/å \n".to_owned(),
                value,
                reason: reason.clone(),
                step: -7,
            };
            for event in [
                Event::at("0f", -1, metric),
                Event::at(
                    "0f",
                    2,
                    What::Tags {
                        tags: BTreeMap::new(),
                    },
                ),
            ] {
                let mut written = Vec::new();
                event.write_json(&mut written).unwrap();
                assert_eq!(written, serde_json::to_vec(&event).unwrap());
            }
        }
    }
}
