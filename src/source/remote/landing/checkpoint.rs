use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Table;
use super::manifest::time;
use super::row_file::Extent;

/// What an open run was begun with; it never changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) format: u32,
    pub(super) run: String,
    pub(super) params: Value,
    #[serde(with = "time")]
    pub(super) started: Timestamp,
    pub(super) tables: BTreeMap<String, Table>,
}

/// How far an open run is, replaced by rename at every commit: what the files hold beyond it does
/// not count.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// What counts of each file, by its name without the ending.
    pub(super) files: BTreeMap<String, Extent>,
    pub(super) cursor: Value,
    pub(super) notes: Map<String, Value>,
    /// How often the run was taken up again.
    pub(super) resumed: u32,
}
