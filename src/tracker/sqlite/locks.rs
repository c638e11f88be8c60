//! A lock for each run that is under way: the system lets go of it when a process ends, however it
//! ends, so that the runs of dead processes can be told from those of others. The file that is locked
//! holds numbers of the run; see [`journal`].

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::journal;
use crate::locked::Locked;
use crate::open_databases;
use crate::tracker::entities::MetricEntry;

/// How the name of a lock ends until it is locked.
const UNBORN: &str = ".new";

/// The locks that this process holds.
pub(super) struct Locks {
    folder: PathBuf,
    held: HashMap<String, Arc<Locked>>,
    /// The runs that began here while somebody else had their locks.
    wanted: HashSet<String>,
}

impl Locks {
    /// Of the database with this path, whatever links lead to it.
    pub(super) fn beside(database: &Path) -> Self {
        let real = fs::canonicalize(database);
        let database = real.as_deref().unwrap_or(database);
        let mut name = database.file_name().unwrap_or_default().to_owned();
        name.push("-running");
        Self {
            folder: database.with_file_name(name),
            held: HashMap::new(),
            wanted: HashSet::new(),
        }
    }

    /// Takes the lock of a run, unless somebody has it: who began the run before keeps it. One that
    /// nobody has any more is taken with the numbers in it.
    pub(super) fn take(&mut self, run: &str) -> io::Result<()> {
        if self.held.contains_key(run) {
            return Ok(());
        }
        let left = OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.folder.join(run));
        match left {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // That of another user: whether its process lives cannot be asked.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
            left => {
                let Ok(left) = Locked::new(left?) else {
                    self.wanted.insert(run.to_owned());
                    return Ok(());
                };
                // Who had it may have taken its name away just now.
                if is_at(&left, &self.folder.join(run)) {
                    self.held.insert(run.to_owned(), Arc::new(left));
                    return Ok(());
                }
            }
        }
        let mut made = self.make(run);
        // Another process may take the folder away in between, since no run of its own is left, or
        // take the file for one that was left over.
        for _ in 0..100 {
            match made.as_ref().map_err(io::Error::kind) {
                Err(io::ErrorKind::NotFound) => {}
                Err(io::ErrorKind::WouldBlock) => thread::sleep(Duration::from_millis(1)),
                _ => break,
            }
            made = self.make(run);
        }
        self.held.insert(run.to_owned(), Arc::new(made?));
        Ok(())
    }

    /// Whether a run began here while somebody else had its lock, which was not taken since.
    pub(super) fn is_wanted(&self, run: &str) -> bool {
        self.wanted.contains(run)
    }

    /// Takes the lock of a run that began here while somebody had it, once nobody has it any more:
    /// then the run may have been marked meanwhile as one whose process is gone. Tells whether it is
    /// held so until [`settle`](Self::settle).
    pub(super) fn take_late(&mut self, run: &str) -> bool {
        if let Err(error) = self.take(run) {
            tracing::debug!(run, %error, "a run goes on without its lock");
        }
        self.held.contains_key(run)
    }

    /// Takes note that the database knows of the run that it goes on.
    pub(super) fn settle(&mut self, run: &str) {
        self.wanted.remove(run);
    }

    fn make(&self, run: &str) -> io::Result<Locked> {
        fs::create_dir_all(&self.folder)?;
        // Under another name until it is locked: nobody must see it free before.
        let unborn = self.folder.join(format!("{run}{UNBORN}"));
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(true);
        let file = options.open(&unborn)?;
        let file = Locked::new(file).map_err(io::Error::from)?;
        fs::rename(&unborn, self.folder.join(run))?;
        Ok(file)
    }

    /// Whether a run has a lock that is not held here.
    pub(super) fn is_elsewhere(&self, run: &str) -> bool {
        !self.held.contains_key(run) && self.folder.join(run).exists()
    }

    /// The lock of a run, if it is held here.
    pub(super) fn held(&self, run: &str) -> Option<Arc<Locked>> {
        self.held.get(run).cloned()
    }

    /// Gives the lock of a run back, if it is held here.
    pub(super) fn give_back(&mut self, run: &str) {
        self.wanted.remove(run);
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
            if name.strip_suffix(UNBORN).is_some_and(is_run) {
                self.clear_unborn(&path);
            }
            if !is_run(&name) || self.held.contains_key(name.as_ref()) {
                continue;
            }
            let file = match File::open(&path) {
                // Its run ended just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            match Locked::new(file) {
                // Who had it may have given it back just now, and begun the run again.
                Ok(file) if !is_at(&file, &path) => {}
                Ok(file) => dead.push((name.into_owned(), DeadLock { path, file })),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(dead)
    }

    /// Takes a file away whose maker died before its run began; one that is in the making is locked.
    /// What cannot be removed is no harm.
    fn clear_unborn(&self, path: &Path) {
        if let Ok(file) = File::open(path)
            && let Ok(_lock) = Locked::new(file)
        {
            let _ = fs::remove_file(path);
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    let there = open_databases::id(fs::metadata(path));
    there.is_some() && there == open_databases::id(file.metadata())
}

/// Elsewhere a file keeps its name until all who have it open are gone.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn is_run(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The lock of a dead run.
pub(super) struct DeadLock {
    path: PathBuf,
    file: Locked,
}

impl DeadLock {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The numbers that were recorded and may not be in the database.
    pub(super) fn numbers(&self) -> io::Result<Vec<MetricEntry>> {
        journal::read(&self.file)
    }

    /// Takes the lock away, once the run is marked.
    pub(super) fn clear(self) {
        let _ = fs::remove_file(&self.path);
        if let Some(folder) = self.path.parent() {
            let _ = fs::remove_dir(folder);
        }
    }
}
