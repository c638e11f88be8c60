use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{fail, line};
use crate::error::Result;

/// How far a spool was replayed, and the names that the server gave. It is appended to a file
/// beside the spool: the last whole line counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::tracker::mlflow) struct Progress {
    /// Up to where the spool is on the server.
    pub(in crate::tracker::mlflow) sent: u64,
    /// The runs by their names in the spool.
    #[serde(default)]
    pub(in crate::tracker::mlflow) runs: BTreeMap<String, Known>,
}

/// A run as the server knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::tracker::mlflow) struct Known {
    pub(in crate::tracker::mlflow) run_id: String,
    pub(in crate::tracker::mlflow) experiment_id: String,
    pub(in crate::tracker::mlflow) artifact_uri: String,
    /// When something last happened in it.
    pub(in crate::tracker::mlflow) last: i64,
    /// Whether its end was sent.
    pub(in crate::tracker::mlflow) ended: bool,
}

/// The file of a [`Progress`].
#[derive(Debug)]
pub(in crate::tracker::mlflow) struct Cursor {
    path: PathBuf,
    file: File,
}

impl Cursor {
    /// Opens the cursor of a spool, and reads how far it came.
    pub(in crate::tracker::mlflow) fn open(spool: &Path) -> Result<(Self, Progress)> {
        let path = Self::path(spool);
        let open = || {
            let bytes = match fs::read(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
                read => read?,
            };
            let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
            if bytes.last().is_some_and(|last| *last != b'\n') {
                // A killed writer left half a line; closing it keeps the next one whole.
                file.write_all(b"\n")?;
            }
            Ok((bytes, file))
        };
        let (bytes, file) = open().map_err(|error| fail(&path, &error))?;
        let mut lines = bytes.split(|byte| *byte == b'\n').rev();
        let progress = lines.find_map(|found| serde_json::from_slice(line::read(found)?).ok());
        Ok((Self { path, file }, progress.unwrap_or_default()))
    }

    pub(in crate::tracker::mlflow) fn path(spool: &Path) -> PathBuf {
        spool.with_extension("sent")
    }

    pub(in crate::tracker::mlflow) fn save(&mut self, progress: &Progress) -> Result<()> {
        let mut bytes = Vec::new();
        line::write(&mut bytes, |out| serde_json::to_writer(out, progress))
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(&bytes))
            .map_err(|error| fail(&self.path, &error))
    }
}
