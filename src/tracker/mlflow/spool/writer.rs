use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Header, entry, fail, file_of, files, line};
use crate::error::Result;
use crate::locked::Locked;
use crate::output::sync_readable_names;
use crate::tracker::Event;

/// Writes the events of one tracker to a file of its own, which it holds locked.
///
/// An event is a line, and a call one write of whole lines: once it returned, they survive a kill
/// of the process.
#[derive(Debug)]
pub(in crate::tracker::mlflow) struct Writer {
    path: PathBuf,
    file: Locked,
    end: u64,
    /// Set when a failed write may have left part of a line.
    torn: bool,
    lines: Vec<u8>,
    /// Files that events speak of and that are not on the disk yet.
    unsynced: Vec<PathBuf>,
    /// Whether the name of the spool is on the disk.
    is_named: bool,
}

impl Writer {
    /// Makes a new file in a folder, and the folder.
    pub(in crate::tracker::mlflow) fn create(folder: &Path, header: &Header) -> Result<Self> {
        // Names sort by time, so that a parent comes before a child of another process.
        let name = format!("{:015}-{:08x}.spool", header.created, rand::random::<u32>());
        let path = folder.join(name);
        // Whoever replays a folder sees it whole and locked only.
        let begun = path.with_extension("new");
        let open = || {
            fs::create_dir_all(folder)?;
            let mut options = OpenOptions::new();
            let file = options
                .read(true)
                .append(true)
                .create_new(true)
                .open(&begun)?;
            Ok(Locked::new(file)?)
        };
        // The name of the file is a new one each time; what is wrong is with the folder.
        let file = open().map_err(|error| fail(folder, &error))?;
        let mut writer = Self {
            path,
            file,
            end: 0,
            torn: false,
            lines: Vec::new(),
            unsynced: Vec::new(),
            is_named: false,
        };
        let written =
            writer.append(|lines| line::write(lines, |out| serde_json::to_writer(out, header)));
        let written = written
            .and_then(|()| fs::rename(&begun, &writer.path).map_err(|error| fail(folder, &error)));
        if written.is_err() {
            // Best effort: an empty file says nothing to anybody.
            let _ = fs::remove_file(&begun);
        }
        written.map(|()| writer)
    }

    /// Writes events, all in one write. The files that they speak of are beside the spool already.
    pub(in crate::tracker::mlflow) fn events(&mut self, events: &[Event]) -> Result<()> {
        self.append(|lines| {
            events
                .iter()
                .try_for_each(|event| line::write(lines, |out| entry::write(event, out)))
        })?;
        let files = events.iter().filter_map(file_of);
        self.unsynced.extend(files.map(|(_, path)| path.clone()));
        Ok(())
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>) -> Result<()> {
        self.lines.clear();
        let written = write(&mut self.lines).map_err(std::io::Error::from);
        let written = written.and_then(|()| self.put());
        // A large event, such as one with a figure, need not be kept room for.
        self.lines.shrink_to(1 << 18);
        written.map_err(|error| fail(&self.path, &error))
    }

    fn put(&mut self) -> std::io::Result<()> {
        if self.torn {
            // Part of a line would make the next one unreadable.
            self.file.set_len(self.end)?;
            (&*self.file).seek(SeekFrom::Start(self.end))?;
            self.torn = false;
        }
        if let Err(error) = (&*self.file).write_all(&self.lines) {
            self.torn = self.file.set_len(self.end).is_err();
            return Err(error);
        }
        self.end += self.lines.len() as u64;
        Ok(())
    }

    /// Up to where the file is whole.
    pub(in crate::tracker::mlflow) fn end(&self) -> u64 {
        self.end
    }

    pub(in crate::tracker::mlflow) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes what was written survive a power loss: the events, the files that they speak of, and the
    /// names of both.
    pub(in crate::tracker::mlflow) fn sync(&mut self) -> Result<()> {
        let files = files(&self.path);
        let mut all = || {
            self.file.sync_data()?;
            if !self.unsynced.is_empty() {
                let mut paths = self.unsynced.iter();
                paths.try_for_each(|name| sync_tree(&files.join(name)))?;
                sync_readable_names(&files)?;
                self.unsynced.clear();
                // The folder of the files may be new, too.
                self.is_named = false;
            }
            if !self.is_named {
                self.path.parent().map_or(Ok(()), sync_readable_names)?;
                self.is_named = true;
            }
            Ok(())
        };
        all().map_err(|error: std::io::Error| fail(&self.path, &error))
    }
}

/// Brings a file to the disk, or a folder with all below it. Of what is gone, whoever tells it to the
/// server says so.
fn sync_tree(path: &Path) -> std::io::Result<()> {
    if !path.is_dir() {
        return match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            file => file?.sync_all(),
        };
    }
    for entry in fs::read_dir(path)? {
        sync_tree(&entry?.path())?;
    }
    sync_readable_names(path)
}
