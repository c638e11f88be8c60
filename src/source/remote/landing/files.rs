//! The files of a landing, and how its small ones are read and written.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::output;

/// The folder of a landing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Files(PathBuf);

impl Files {
    pub(super) fn make(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, "made", error))?;
        Ok(Self(folder))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub(super) fn index(&self) -> PathBuf {
        self.0.join("index.json")
    }

    pub(super) fn state(&self, run: &str) -> PathBuf {
        self.0.join(format!("state={run}.json"))
    }

    pub(super) fn run(&self, run: &str) -> PathBuf {
        self.0.join(format!("run={run}"))
    }

    pub(super) fn manifest(&self, run: &str) -> PathBuf {
        self.run(run).join("manifest.json")
    }

    /// What an open run was begun with.
    pub(super) fn begun(&self, run: &str) -> PathBuf {
        self.run(run).join("begun.json")
    }

    pub(super) fn checkpoint(&self, run: &str) -> PathBuf {
        self.run(run).join("cursor.json")
    }

    /// The lines of an open run.
    pub(super) fn rows(&self, run: &str) -> PathBuf {
        self.run(run).join("rows")
    }

    /// The runs that have a folder, the oldest first: their names begin with their time.
    pub(super) fn runs(&self) -> Result<Vec<String>> {
        let mut runs = self.names("run=", "")?;
        runs.sort();
        Ok(runs)
    }

    /// Takes away what the folder of a run has beside some names.
    pub(super) fn sweep(&self, run: &str, keep: impl Fn(&str) -> bool) -> Result<()> {
        let folder = Self(self.run(run));
        for name in folder.names("", "")? {
            if !keep(&name) {
                remove(&folder.0.join(name))?;
            }
        }
        Ok(())
    }

    /// What stands between a prefix and an ending in the names of the landing's entries.
    pub(super) fn names(&self, prefix: &str, ending: &str) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.0).map_err(|error| failed(&self.0, "read", error))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| failed(&self.0, "read", error))?;
            let name = entry.file_name();
            let name = name.to_str().and_then(|name| name.strip_prefix(prefix));
            names.extend(
                name.and_then(|name| name.strip_suffix(ending))
                    .map(str::to_owned),
            );
        }
        Ok(names)
    }
}

/// A small file of JSON; nothing when it is not there.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(damaged(path, &error.to_string())),
    };
    let value = serde_json::from_slice(&bytes);
    value
        .map_err(|error| damaged(path, &error.to_string()))
        .map(Some)
}

/// Replaces a small file of JSON by rename.
pub(super) fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    output::write_whole(path, |file| {
        serde_json::to_writer(&mut *file, value)?;
        writeln!(file)
    })
}

/// Brings the names in a folder to the disk: a rename may outlive the power or not until then.
pub(super) fn sync_names(folder: &Path) -> Result<()> {
    let synced = output::sync_names(folder);
    synced.map_err(|error| failed(folder, "written", error))
}

/// Takes a file or a folder away, also one that is not there.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(failed(path, "removed", error))
        }
        _ => Ok(()),
    }
}

pub(super) fn failed(path: &Path, what: &str, error: std::io::Error) -> Error {
    let message = format!("`{}` was not {what}: {error}", path.display());
    Error::new(ErrorKind::Output, message)
        .caused_by(error)
        .with_help("check the folder, its permissions and the free space; what was committed stays")
}

pub(super) fn damaged(path: &Path, what: &str) -> Error {
    let message = format!("`{}` of the landing is damaged: {what}", path.display());
    Error::new(ErrorKind::Source, message)
        .with_help("only the library writes there; put the file back from a copy")
}
