//! The SQLite databases that this process has open.
//!
//! SQLite's locks of a file go with the first handle of it that is closed, whoever opened that ("How
//! To Corrupt An SQLite Database File", 2.2, sqlite.org/howtocorrupt.html). Others then take
//! themselves for the last ones and remove the log that is still written, so nobody here may copy one.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

static OPEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Why such a file is not copied.
pub(crate) const WHY: &str =
    "it is a database that this process has open: copy it by SQLite's `VACUUM INTO`, or later";

/// A database that is open as long as this lives.
#[derive(Debug)]
#[cfg(any(feature = "sqlite", all(feature = "schedule", unix)))]
pub(crate) struct OpenDatabase(PathBuf);

#[cfg(any(feature = "sqlite", all(feature = "schedule", unix)))]
impl OpenDatabase {
    pub(crate) fn new(path: &Path) -> Self {
        all().push(path.to_owned());
        Self(path.to_owned())
    }
}

#[cfg(any(feature = "sqlite", all(feature = "schedule", unix)))]
impl Drop for OpenDatabase {
    fn drop(&mut self) {
        let mut all = all();
        if let Some(at) = all.iter().position(|path| *path == self.0) {
            all.swap_remove(at);
        }
    }
}

fn all() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a file is one of a database that is open here, by whatever name.
#[cfg(unix)]
pub(crate) fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let which = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    let Some(of) = which(path) else {
        return false;
    };
    let is_of = |database: &PathBuf| {
        // SQLite follows links before it names the other files.
        let database = std::fs::canonicalize(database).unwrap_or_else(|_| database.clone());
        ["", "-wal", "-shm"].iter().any(|end| {
            let mut name = database.clone().into_os_string();
            name.push(end);
            which(Path::new(&name)) == Some(of)
        })
    };
    all().iter().any(is_of)
}

/// Elsewhere the locks are those of a handle.
#[cfg(not(unix))]
pub(crate) fn is_open(path: &Path) -> bool {
    let _ = (path, all());
    false
}
