//! Copies of the files that events speak of: a spool must hold all of what was recorded.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::spool;
use crate::error::{Error, ErrorKind, Result};
use crate::open_databases;
use crate::tracker::{Artifact, Event, What};

/// The events, with every file and folder copied into the folder beside a spool; nothing when none
/// speaks of one.
pub(super) fn taken(events: &[Event], spool: &Path) -> Result<Option<Vec<Event>>> {
    if !events.iter().any(|event| spool::file_of(event).is_some()) {
        return Ok(None);
    }
    let folder = &spool::files(spool);
    let copied = events.iter().map(|event| {
        let Some((artifact, path)) = spool::file_of(event) else {
            return Ok(event.clone());
        };
        let name = format!("{:016x}", rand::random::<u64>());
        let to = folder.join(&name);
        let copied = refuse_itself(path, folder).and_then(|()| copy(path, &to));
        copied.map_err(|(path, error)| {
            // Best effort: half a copy is of use to nobody.
            let _ = fs::remove_dir_all(&to).or_else(|_| fs::remove_file(&to));
            let message = format!("the artifact `{}` was not kept: {error}", path.display());
            Error::new(ErrorKind::Track, message)
                .with_help("check that it is there, and the free space of the spool's folder")
        })?;
        // The spool may be sent from another folder, or be moved with its files.
        let mut event = event.clone();
        event.what = What::Artifact(Box::new(Artifact::copy(artifact.path.as_str(), name)));
        Ok(event)
    });
    copied.collect::<Result<Vec<_>>>().map(Some)
}

type Failed = (PathBuf, io::Error);

/// A copy of a folder into itself has no end.
fn refuse_itself(from: &Path, files: &Path) -> std::result::Result<(), Failed> {
    let spool = files.parent().unwrap_or(files);
    if let (Ok(whole), Ok(spool)) = (fs::canonicalize(from), fs::canonicalize(spool))
        && spool.starts_with(&whole)
    {
        let error = io::Error::other("the spool is kept inside it");
        return Err((from.to_owned(), error));
    }
    Ok(())
}

/// Copies a file, or a folder with all below it; a link to a folder is left out, as it may lead back.
fn copy(from: &Path, to: &Path) -> std::result::Result<(), Failed> {
    let failed = |error| (from.to_owned(), error);
    let metadata = fs::metadata(from).map_err(failed)?;
    if metadata.is_dir() {
        fs::create_dir_all(to).map_err(failed)?;
        for entry in fs::read_dir(from).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (path, is_link) = (entry.path(), entry.path().is_symlink());
            if !(is_link && path.is_dir()) {
                copy(&path, &to.join(entry.file_name()))?;
            }
        }
        return Ok(());
    }
    if !metadata.is_file() {
        let error = io::Error::other("it is a pipe or a device");
        return Err(failed(error));
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let copied = open_databases::read(from, |source| {
        let mut file = File::create(to)?;
        // Nobody may read the copy who may not read the file.
        file.set_permissions(metadata.permissions())?;
        io::copy(source, &mut file).map(drop)
    });
    copied.flatten().map_err(failed)
}
