//! The SQLite databases that this process has open.
//!
//! SQLite's locks of a file go with the first handle of it that is closed, whoever opened that ("How
//! To Corrupt An SQLite Database File", 2.2, sqlite.org/howtocorrupt.html). Others then take
//! themselves for the last ones and remove the log that is still written, so nobody here may copy one.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static OPEN: Mutex<Vec<Database>> = Mutex::new(Vec::new());

#[derive(Clone, Debug, PartialEq)]
struct Database {
    /// The path, whole, since the process may go to another folder.
    path: PathBuf,
    /// The file itself, which may be moved.
    file: Option<Id>,
}

/// What tells a file from all others, under whatever name.
#[cfg(unix)]
type Id = (u64, u64);
/// Elsewhere SQLite's locks are those of a handle, and nothing need be told apart.
#[cfg(not(unix))]
type Id = std::convert::Infallible;

#[cfg(unix)]
pub(crate) fn id(metadata: io::Result<Metadata>) -> Option<Id> {
    use std::os::unix::fs::MetadataExt;

    let metadata = metadata.ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
pub(crate) fn id(_: io::Result<Metadata>) -> Option<Id> {
    None
}

fn file(path: &Path) -> Option<Id> {
    id(std::fs::metadata(path))
}

/// Why such a file is not read.
const WHY: &str =
    "it is a database that this process has open: copy it by SQLite's `VACUUM INTO`, or later";

/// A database that is open as long as this lives.
#[derive(Debug)]
#[cfg(any(feature = "sqlite", all(feature = "schedule", unix)))]
pub(crate) struct OpenDatabase(Database);

#[cfg(any(feature = "sqlite", all(feature = "schedule", unix)))]
impl OpenDatabase {
    pub(crate) fn new(path: &Path) -> Self {
        let database = Database {
            path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            file: file(path),
        };
        all().push(database.clone());
        Self(database)
    }
}

#[cfg(any(feature = "sqlite", all(feature = "schedule", unix)))]
impl Drop for OpenDatabase {
    fn drop(&mut self) {
        let mut all = all();
        if let Some(at) = all.iter().position(|database| *database == self.0) {
            all.swap_remove(at);
        }
    }
}

fn all() -> std::sync::MutexGuard<'static, Vec<Database>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a file, unless it is one of a database that is open here, by whatever name.
///
/// # Errors
///
/// When it is, or cannot be opened.
pub(crate) fn read<T>(path: &Path, read: impl FnOnce(&mut File) -> T) -> io::Result<T> {
    if file(path).is_some_and(|of| is_among(of, &all())) {
        return Err(io::Error::other(WHY));
    }
    let mut file = File::open(path)?;
    let done = read(&mut file);
    let all = all();
    if id(file.metadata()).is_some_and(|of| is_among(of, &all)) {
        // It was opened meanwhile: its handle stays.
        std::mem::forget(file);
    } else {
        // Nobody registers a database before it is closed.
        drop(file);
    }
    Ok(done)
}

fn is_among(of: Id, all: &[Database]) -> bool {
    all.iter().any(|database| {
        // SQLite follows links before it names the other files.
        let path = std::fs::canonicalize(&database.path);
        let path = path.unwrap_or_else(|_| database.path.clone());
        let beside = |end| {
            let mut name = path.clone().into_os_string();
            name.push(end);
            file(Path::new(&name))
        };
        database.file == Some(of) || ["", "-wal", "-shm"].map(beside).contains(&Some(of))
    })
}
