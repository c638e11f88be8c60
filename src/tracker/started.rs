use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{RunInfo, Surroundings};

/// The first event of a run: what it is called, what it does, and where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Started {
    /// The version of floe.
    pub floe: String,
    /// What the run is called; a tracker makes a name up where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The experiment that it belongs to; that of the tracker where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The run that this one is nested in, such as that of a sweep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What a person wrote about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The tags that a person gave it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The source, as its `Debug` text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The split with its settings.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub split: Value,
    /// The seed of the split, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The steps in order, as their `Debug` text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// The steps on the target.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target_steps: Vec<String>,
    /// The estimator, as its `Debug` text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub estimator: String,
    /// Declared leaks and the like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Parameters by name: those of a candidate of a sweep, and those that a person gave.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// Who runs it, where, and at which state of the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surroundings: Option<Surroundings>,
}

impl Started {
    /// The first event of a run of one's own.
    pub fn new(info: &RunInfo) -> Self {
        let mut started = Self {
            floe: env!("CARGO_PKG_VERSION").to_owned(),
            ..Self::default()
        };
        started.tell(info);
        started
    }

    /// Adds what a person says of the run.
    pub(crate) fn tell(&mut self, info: &RunInfo) {
        self.name.clone_from(&info.name);
        self.experiment.clone_from(&info.experiment);
        self.parent.clone_from(&info.parent);
        self.note.clone_from(&info.note);
        self.labels.clone_from(&info.tags);
        self.parameters.extend(info.parameters.clone());
    }
}
