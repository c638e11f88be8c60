use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

/// What a person says of a run: its name, its experiment, parameters and tags of one's own.
///
/// A flow takes it by [`Flow::track_as`](crate::Flow::track_as), a run of one's own by
/// [`RunLog::start`](super::RunLog::start).
///
/// # Examples
///
/// ```
/// use floe::tracker::RunInfo;
///
/// let info = RunInfo::named("baseline")
///     .experiment("likes")
///     .tag("team", "films")
///     .parameter("query", "trailer")
///     .note("before the new films");
/// assert_eq!(info, info.clone());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RunInfo {
    pub(crate) name: Option<String>,
    pub(crate) experiment: Option<String>,
    pub(crate) parent: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) parameters: Map<String, Value>,
}

impl RunInfo {
    /// Says nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls the run by a name. Without one it is called after its estimator.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            ..Self::default()
        }
    }

    /// Puts the run into an experiment, which is made if it is not there. Without one it goes into
    /// that of the tracker.
    pub fn experiment(mut self, name: impl Into<String>) -> Self {
        self.experiment = Some(name.into());
        self
    }

    /// Nests the run in another one, by its [`id`](crate::Run::id).
    pub fn nested_in(mut self, run: impl Into<String>) -> Self {
        self.parent = Some(run.into());
        self
    }

    /// A few sentences about the run, as Markdown.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// What its model is called; `model` without one.
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.model = Some(name.into());
        self
    }

    /// A tag of one's own.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// A parameter of one's own. What cannot be written as JSON is kept as null.
    pub fn parameter(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.parameters.insert(key.into(), value);
        self
    }
}
