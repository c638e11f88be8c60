//! A lock for each run that is under way: the system lets go of it when a process ends, however it
//! ends, so that the runs of dead processes can be told from those of others.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The locks that this process holds.
pub(super) struct Locks {
    folder: PathBuf,
    held: HashMap<String, File>,
}

impl Locks {
    /// Of the database with this path.
    pub(super) fn beside(database: &Path) -> Self {
        let mut name = database.file_name().unwrap_or_default().to_owned();
        name.push("-running");
        Self {
            folder: database.with_file_name(name),
            held: HashMap::new(),
        }
    }

    /// Takes the lock of a run.
    pub(super) fn take(&mut self, run: &str) -> io::Result<()> {
        if self.held.contains_key(run) {
            return Ok(());
        }
        let mut made = self.make(run);
        // Another process may take the folder away in between, since no run of its own is left.
        for _ in 0..100 {
            match &made {
                Err(error) if error.kind() == io::ErrorKind::NotFound => made = self.make(run),
                _ => break,
            }
        }
        self.held.insert(run.to_owned(), made?);
        Ok(())
    }

    fn make(&self, run: &str) -> io::Result<File> {
        fs::create_dir_all(&self.folder)?;
        // Under another name until it is locked: nobody must see it free before.
        let unborn = self.folder.join(format!("{run}.new"));
        let file = File::create(&unborn)?;
        file.try_lock().map_err(io::Error::from)?;
        fs::rename(&unborn, self.folder.join(run))?;
        Ok(file)
    }

    /// Gives the lock of a run back, if it is held here.
    pub(super) fn give_back(&mut self, run: &str) {
        if let Some(file) = self.held.remove(run) {
            // The name goes first: a lock that is free is that of a dead run. What cannot be removed
            // is no harm, since the run is marked as ended.
            let _ = fs::remove_file(self.folder.join(run));
            drop(file);
            // Only where no other run is under way.
            let _ = fs::remove_dir(&self.folder);
        }
    }

    /// The runs whose process is gone, each with its lock, which is held until it is dropped.
    pub(super) fn dead(&self) -> io::Result<Vec<(String, DeadLock)>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut dead = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_run = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            // One without a name is in the making, or its maker died before the run began.
            if !is_run || self.held.contains_key(name.as_ref()) {
                continue;
            }
            let file = match File::open(&path) {
                // Its run ended just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            match file.try_lock() {
                Ok(()) => dead.push((name.into_owned(), DeadLock { path, _file: file })),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(dead)
    }
}

/// The lock of a dead run.
pub(super) struct DeadLock {
    path: PathBuf,
    _file: File,
}

impl DeadLock {
    /// Takes the lock away, once the run is marked.
    pub(super) fn clear(self) {
        let _ = fs::remove_file(&self.path);
        if let Some(folder) = self.path.parent() {
            let _ = fs::remove_dir(folder);
        }
    }
}
