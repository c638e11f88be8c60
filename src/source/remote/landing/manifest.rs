use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::files::{self, Files, damaged};
use super::table::TableColumn;
use crate::error::Result;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// All that was asked for is there, but for what was skipped item by item.
    Complete,
    /// A part is there; the rest was out of reach, such as beyond a quota.
    Partial {
        /// Why it is not all.
        why: String,
        /// When the rest can be had.
        #[serde(with = "some_time", default, skip_serializing_if = "Option::is_none")]
        resume_at: Option<Timestamp>,
    },
    /// The run could not go on, such as with a key that was refused.
    Aborted {
        /// Why not.
        why: String,
    },
}

/// An item that a run passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Skip {
    /// Which.
    pub item: String,
    /// Why.
    pub reason: String,
}

/// What a finished run did, as it stands in its `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The version of this form.
    pub format: u32,
    /// The name of the landing.
    pub landing: String,
    /// The run.
    pub run: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What it was begun with.
    pub params: Value,
    /// When it began.
    #[serde(with = "time")]
    pub started: Timestamp,
    /// When it was finished.
    #[serde(with = "time")]
    pub ended: Timestamp,
    /// How often it was taken up again after a kill.
    pub resumed: u32,
    /// The last cursor.
    pub cursor: Value,
    /// What the collector noted, such as the quota that it spent.
    pub notes: Map<String, Value>,
    /// The items that it passed over.
    pub skipped: Vec<Skip>,
    /// What it landed, by table; tables without rows are left out.
    pub tables: BTreeMap<String, LandedTable>,
}

/// What a run landed in one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LandedTable {
    /// The version of the table.
    pub version: u32,
    /// The columns of the files, with their dtypes.
    pub(super) columns: Vec<TableColumn>,
    /// The files, in the order of their rows.
    pub files: Vec<LandedFile>,
}

impl LandedTable {
    /// The rows of all files.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }
}

/// A file of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LandedFile {
    /// Its name in the folder of the run.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// When the first of them was fetched.
    #[serde(with = "time")]
    pub first_fetched: Timestamp,
    /// When the last of them was fetched.
    #[serde(with = "time")]
    pub last_fetched: Timestamp,
}

impl Manifest {
    /// The rows that the run landed in a table.
    pub fn rows(&self, table: &str) -> u64 {
        self.tables.get(table).map_or(0, LandedTable::rows)
    }

    pub(super) fn read(files: &Files, run: &str) -> Result<Self> {
        let path = files.manifest(run);
        let manifest: Option<Self> = files::read(&path)?;
        manifest.ok_or_else(|| damaged(&path, "it is missing"))
    }

    pub(super) fn write(&self, files: &Files) -> Result<()> {
        files::write(&files.manifest(&self.run), self)
    }
}

/// A time as text, which people read too.
pub(super) mod time {
    use jiff::Timestamp;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

mod some_time {
    use jiff::Timestamp;
    use serde::{Deserializer, Serializer};

    #[allow(clippy::ref_option, reason = "serde hands the field over so")]
    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.collect_str(time),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        super::time::deserialize(deserializer).map(Some)
    }
}
