use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::{Header, entry, fail, line};
use crate::error::{Error, ErrorKind, Result};
use crate::locked::Locked;
use crate::tracker::Event;

/// How much is read at once; a line may be longer.
const CHUNK: u64 = 1 << 20;

/// Reads a spool from any place on.
#[derive(Debug)]
pub(in crate::tracker::mlflow) struct Reader {
    path: PathBuf,
    file: File,
    /// Absent where the writer was killed before it was whole.
    header: Option<Header>,
    /// Where the first event begins.
    start: u64,
}

/// Some events in order.
#[derive(Debug, Default)]
pub(in crate::tracker::mlflow) struct Chunk {
    pub(in crate::tracker::mlflow) events: Vec<Event>,
    /// Where the next event begins.
    pub(in crate::tracker::mlflow) end: u64,
    /// Lines that were damaged.
    pub(in crate::tracker::mlflow) damaged: usize,
}

impl Reader {
    /// Opens a spool; nothing when it is gone.
    pub(in crate::tracker::mlflow) fn open(path: &Path) -> Result<Option<Self>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|error| fail(path, &error))?,
        };
        let mut reader = Self {
            path: path.to_owned(),
            file,
            header: None,
            start: 0,
        };
        let (bytes, whole) = reader.bytes(0, u64::MAX)?;
        if whole == 0 {
            return Ok(Some(reader));
        }
        let first = bytes
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let header = line::read(first).and_then(|json| serde_json::from_slice(json).ok());
        let Some(header) = header else {
            let message = format!("`{}` is no spool of floe", path.display());
            return Err(Error::new(ErrorKind::Track, message)
                .with_help("move it elsewhere, or restore it from a copy"));
        };
        let header: Header = header;
        header.refuse_other_version(path)?;
        (reader.header, reader.start) = (Some(header), first.len() as u64 + 1);
        Ok(Some(reader))
    }

    pub(in crate::tracker::mlflow) fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Where the first event begins.
    pub(in crate::tracker::mlflow) fn start(&self) -> u64 {
        self.start
    }

    /// Locks the file, as whoever replays it alone does.
    pub(in crate::tracker::mlflow) fn lock(&self) -> std::result::Result<Locked, TryLockError> {
        Locked::new(self.file.try_clone().map_err(TryLockError::Error)?)
    }

    /// The events from `from` on, up to `to` at most. None are left when the end stays the same:
    /// half a line at the end of the file, which a killed writer left, was never acknowledged.
    pub(in crate::tracker::mlflow) fn read(&mut self, from: u64, to: u64) -> Result<Chunk> {
        let from = from.max(self.start);
        let (bytes, whole) = self.bytes(from, to)?;
        let mut chunk = Chunk {
            end: from + whole as u64,
            ..Chunk::default()
        };
        for found in bytes[..whole].split_inclusive(|byte| *byte == b'\n') {
            let found = found.strip_suffix(b"\n").unwrap_or(found);
            match line::read(found).and_then(entry::read) {
                Some(event) => chunk.events.push(event),
                None => chunk.damaged += 1,
            }
        }
        Ok(chunk)
    }

    /// Bytes from a place on, and how many of them are whole lines.
    fn bytes(&mut self, from: u64, to: u64) -> Result<(Vec<u8>, usize)> {
        let mut size = CHUNK;
        loop {
            let most = size.min(to.saturating_sub(from));
            let mut bytes = Vec::new();
            let read = self
                .file
                .seek(SeekFrom::Start(from))
                .and_then(|_| (&mut self.file).take(most).read_to_end(&mut bytes));
            let read = read.map_err(|error| fail(&self.path, &error))?;
            let whole = bytes.iter().rposition(|byte| *byte == b'\n');
            let all = (read as u64) < size;
            match whole {
                Some(last) => return Ok((bytes, last + 1)),
                None if all => return Ok((bytes, 0)),
                // The line is longer than what was read.
                None => size *= 2,
            }
        }
    }
}
