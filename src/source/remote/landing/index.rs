use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::files::{self, Files, damaged};
use crate::error::Result;

/// The form of the files that this version writes.
pub(super) const FORMAT: u32 = 1;

/// Which runs count: the one file whose replacement makes a run seen, with its state, at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Index {
    pub(super) format: u32,
    /// The finished runs, in the order in which they were finished.
    pub(super) runs: Vec<String>,
    /// The run that wrote the state in force.
    pub(super) state: Option<String>,
}

impl Index {
    pub(super) fn read(files: &Files) -> Result<Self> {
        let path = files.index();
        let index: Option<Self> = files::read(&path)?;
        let index = index.unwrap_or(Self {
            format: FORMAT,
            runs: Vec::new(),
            state: None,
        });
        if index.format != FORMAT {
            let what = format!(
                "its format is {}, and this version knows {FORMAT}",
                index.format
            );
            return Err(damaged(&path, &what));
        }
        Ok(index)
    }

    /// Reads what the index speaks of. A writer may have replaced it meanwhile and taken away what the
    /// old one names, so a failure counts only for an index that is still in force.
    pub(super) fn follow<T>(files: &Files, read: impl Fn(&Self) -> Result<T>) -> Result<T> {
        let mut index = Self::read(files)?;
        loop {
            let answer = read(&index);
            if answer.is_ok() {
                return answer;
            }
            let now = Self::read(files)?;
            if now == index {
                return answer;
            }
            index = now;
        }
    }

    pub(super) fn write(&self, files: &Files) -> Result<()> {
        files::write(&files.index(), self)
    }

    pub(super) fn state(&self, files: &Files) -> Result<BTreeMap<String, Value>> {
        let Some(run) = &self.state else {
            return Ok(BTreeMap::new());
        };
        let path = files.state(run);
        files::read(&path)?.ok_or_else(|| damaged(&path, "it is missing"))
    }
}
