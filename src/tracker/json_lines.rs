use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{Event, Tracker};
use crate::error::{Error, ErrorKind, Result};

/// Appends one line of JSON an event to a file.
///
/// Each event is one write of a whole line, so that several processes may share a file and a
/// killed one leaves at most one incomplete line, which the next writer closes off.
pub struct JsonLinesTracker {
    path: PathBuf,
    file: Mutex<File>,
}

impl JsonLinesTracker {
    /// Appends to this file, and makes it if it is not there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when it cannot be opened for writing.
    pub fn append(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let file = open(&path).map_err(|error| fail(&path, error))?;
        Ok(Self {
            path,
            file: Mutex::new(file),
        })
    }

    /// The file that is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn with_file(&self, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut file).map_err(|error| fail(&self.path, error))
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .open(path)?;
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            // A killed writer left half a line; closing it keeps the next one whole.
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

fn fail(path: &Path, error: std::io::Error) -> Error {
    let message = format!("`{}`: {error}", path.display());
    Error::new(ErrorKind::Track, message)
}

impl fmt::Debug for JsonLinesTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonLinesTracker({:?})", self.path)
    }
}

impl Tracker for JsonLinesTracker {
    fn record(&self, event: &Event) -> Result<()> {
        let mut line = Vec::new();
        let written = event.write_json(&mut line);
        written.map_err(|error| fail(&self.path, error.into()))?;
        line.push(b'\n');
        self.with_file(|file| file.write_all(&line))
    }

    fn record_all(&self, events: &[Event]) -> Result<()> {
        let mut lines = Vec::new();
        for event in events {
            let written = event.write_json(&mut lines);
            written.map_err(|error| fail(&self.path, error.into()))?;
            lines.push(b'\n');
        }
        self.with_file(|file| file.write_all(&lines))
    }

    fn flush(&self) -> Result<()> {
        self.with_file(|file| file.sync_all())
    }
}
