//! Events on disk, until a server has them.
//!
//! A tracker writes a file of its own, `<milliseconds>-<8 hex digits>.spool`, and holds it locked:
//! a lock goes with its process, so that a file without one belongs to nobody. Whoever replays a
//! file writes how far it came beside it, in `….sent`. Both are appended to only, and each of
//! their lines carries a checksum. Files that events speak of are copied into `….files/`.

mod cursor;
mod entry;
mod line;
mod reader;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(super) use cursor::{Cursor, Known, Progress};
pub(super) use reader::{Chunk, Reader};
pub(super) use writer::Writer;

use super::settings::{Experiment, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::tracker::{Artifact, Content, Event, What};

/// What a spool is written as.
const VERSION: u32 = 2;
/// The version in which numbers are JSON too, which is read as well.
const FIRST: u32 = 1;

/// The first line of a spool: for which server and experiment it is. It holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Header {
    spool: u32,
    /// The version of floe, for people.
    floe: String,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub(super) created: i64,
    /// The server.
    pub(super) server: String,
    /// The experiment of runs that name none; absent where it is given by id.
    #[serde(default)]
    experiment: Option<String>,
    #[serde(default)]
    experiment_id: Option<String>,
    /// What else of the settings decides what is made of the events.
    #[serde(default)]
    register: Option<String>,
    #[serde(default)]
    alias: Option<String>,
    #[serde(default)]
    run_id: Option<String>,
    #[serde(default)]
    workspace: Option<String>,
    truncate: bool,
}

impl Header {
    pub(super) fn new(settings: &Settings, created: i64) -> Self {
        let (experiment, experiment_id) = match &settings.experiment {
            Experiment::Name(name) => (Some(name.clone()), None),
            Experiment::Id(id) => (None, Some(id.clone())),
        };
        Self {
            spool: VERSION,
            floe: env!("CARGO_PKG_VERSION").to_owned(),
            created,
            server: settings.server(),
            experiment,
            experiment_id,
            register: settings.register.clone(),
            alias: settings.alias.clone(),
            run_id: settings.run_id.clone(),
            workspace: settings.workspace.clone(),
            truncate: settings.truncate,
        }
    }

    /// The settings of who replays, with those of who recorded.
    pub(super) fn applied_to(&self, settings: &Settings) -> Settings {
        let experiment = match (&self.experiment_id, &self.experiment) {
            (Some(id), _) => Experiment::Id(id.clone()),
            (None, Some(name)) => Experiment::Name(name.clone()),
            (None, None) => settings.experiment.clone(),
        };
        Settings {
            experiment,
            register: self.register.clone(),
            alias: self.alias.clone(),
            run_id: self.run_id.clone(),
            workspace: self.workspace.clone(),
            truncate: self.truncate,
            ..settings.clone()
        }
    }

    fn refuse_other_version(&self, path: &Path) -> Result<()> {
        if (FIRST..=VERSION).contains(&self.spool) {
            return Ok(());
        }
        let message = format!(
            "`{}` is a spool of version {}; this floe reads the versions {FIRST} to {VERSION}",
            path.display(),
            self.spool
        );
        Err(Error::new(ErrorKind::Track, message)
            .with_help("replay it with the floe that wrote it"))
    }
}

/// A folder by its whole path, which holds when the process goes to another folder.
pub(super) fn whole(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}

/// The spools of a folder, oldest first; none where there is no folder.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(|error| fail(folder, &error))?,
    };
    for entry in entries {
        let path = entry.map_err(|error| fail(folder, &error))?.path();
        if path.extension().is_some_and(|ending| ending == "spool") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The artifact that an event keeps a copy of, and the path of it.
pub(super) fn file_of(event: &Event) -> Option<(&Artifact, &PathBuf)> {
    let What::Artifact(artifact) = &event.what else {
        return None;
    };
    match &artifact.content {
        Content::Path(path) => Some((artifact, path)),
        _ => None,
    }
}

/// The folder of the files that a spool's events speak of.
pub(super) fn files(spool: &Path) -> PathBuf {
    spool.with_extension("files")
}

/// Removes a spool that the server has all of; what it stands on goes last.
pub(super) fn remove(spool: &Path) -> Result<()> {
    let gone = |removed: std::io::Result<()>| match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|error| fail(spool, &error)),
    };
    gone(fs::remove_dir_all(files(spool)))?;
    gone(fs::remove_file(spool))?;
    gone(fs::remove_file(Cursor::path(spool)))
}

fn fail(path: &Path, error: &std::io::Error) -> Error {
    let message = format!("`{}`: {error}", path.display());
    Error::new(ErrorKind::Track, message)
        .with_help("check the folder of the spool, its permissions and the free space")
}
