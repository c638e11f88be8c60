use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{damaged, failed};
use crate::error::Result;

/// How much of a file counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Extent {
    pub(super) bytes: u64,
    pub(super) rows: u64,
}

/// A file that lines are appended to.
#[derive(Debug)]
pub(super) struct RowFile {
    path: PathBuf,
    file: BufWriter<File>,
    extent: Extent,
    /// Whether something was appended after the last sync.
    unsynced: bool,
}

impl RowFile {
    /// Opens a file at what was committed of it: what follows is cut off.
    pub(super) fn open(path: &Path, committed: Extent) -> Result<Self> {
        let mut options = OpenOptions::new();
        let opened = options.create(true).append(true).open(path);
        let file = opened.map_err(|error| failed(path, "opened", error))?;
        let length = file
            .metadata()
            .map_err(|error| failed(path, "opened", error))?
            .len();
        if length < committed.bytes {
            let what = format!(
                "{} bytes were committed and {length} are there",
                committed.bytes
            );
            return Err(damaged(path, &what));
        }
        if length > committed.bytes {
            let cut = file.set_len(committed.bytes);
            cut.map_err(|error| failed(path, "cut", error))?;
        }
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::with_capacity(1 << 16, file),
            extent: committed,
            unsynced: false,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    /// Appends one line, which brings its own end.
    pub(super) fn push(&mut self, line: &[u8]) -> Result<()> {
        self.unsynced = true;
        let written = self.file.write_all(line);
        written.map_err(|error| failed(&self.path, "written", error))?;
        self.extent.bytes += line.len() as u64;
        self.extent.rows += 1;
        Ok(())
    }

    /// Brings all lines to the disk.
    pub(super) fn sync(&mut self) -> Result<()> {
        if self.unsynced {
            let flushed = self.file.flush();
            let synced = flushed.and_then(|()| self.file.get_ref().sync_data());
            synced.map_err(|error| failed(&self.path, "written", error))?;
            self.unsynced = false;
        }
        Ok(())
    }
}
