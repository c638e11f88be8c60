//! Artifacts as files, in the folder that `mlflow ui` serves.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::tracker::{Artifact, Content};
use crate::{open_databases, output};

/// The scheme of locations that are relative to the folder of the server's artifacts.
const SCHEME: &str = "mlflow-artifacts:/";

/// Where artifacts go, and what was written since the last flush.
pub(super) struct Files {
    pub(super) folder: PathBuf,
    /// Whether a location names the folder of this machine.
    pub(super) absolute: bool,
    unsynced: Vec<PathBuf>,
    /// The folders that got new names.
    unsynced_folders: BTreeSet<PathBuf>,
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            absolute: false,
            unsynced: Vec::new(),
            unsynced_folders: BTreeSet::new(),
        }
    }

    /// The location of something below the folder, as the database keeps it.
    pub(super) fn uri(&self, below: &str) -> Result<String> {
        if !self.absolute {
            return Ok(format!("{SCHEME}{below}"));
        }
        let folder = std::path::absolute(&self.folder);
        let folder = folder.map_err(|error| fail(&self.folder, &error))?;
        Ok(folder.join(below).to_string_lossy().into_owned())
    }

    /// The folder of a location.
    pub(super) fn place(&self, uri: &str) -> Result<PathBuf> {
        if let Some(below) = uri.strip_prefix(SCHEME)
            && !below.starts_with('/')
        {
            return Ok(self.folder.join(below));
        }
        let path = uri.strip_prefix("file://").unwrap_or(uri);
        if Path::new(path).is_absolute() {
            return Ok(PathBuf::from(path));
        }
        let message = format!("the artifacts of the run are at `{uri}`, which is no folder here");
        Err(Error::new(ErrorKind::Track, message).with_help("log to it through its MLflow server"))
    }

    /// Writes an artifact below a folder.
    pub(super) fn keep(&mut self, into: &Path, artifact: &Artifact) -> Result<()> {
        let target = match artifact.path.as_str() {
            "" => into.to_owned(),
            path => into.join(path),
        };
        match &artifact.content {
            Content::Text(text) => self.put(&target, text.as_bytes()),
            Content::Bytes(bytes) => self.put(&target, bytes),
            Content::Path(from) => {
                self.refuse_inside(from, &target)?;
                self.copy(from, &target)
            }
        }
    }

    /// Writes a file whole or not at all.
    pub(super) fn put(&mut self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.write(path, |file| file.write_all(bytes))
    }

    fn write(
        &mut self,
        path: &Path,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<()> {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let new = folder.ancestors().take_while(|folder| !folder.exists());
        let new: Vec<&Path> = new.filter_map(Path::parent).collect();
        let put = || {
            fs::create_dir_all(folder)?;
            // A short name: that of the file may be as long as names can be.
            let partial = folder.join(format!(".{:016x}.partial", rand::random::<u64>()));
            let written = File::create_new(&partial)
                .and_then(|mut file| write(&mut file))
                .and_then(|()| fs::rename(&partial, path));
            if written.is_err() {
                // Best effort: the failure itself is what is told.
                let _ = fs::remove_file(&partial);
            }
            written
        };
        put().map_err(|error| fail(path, &error))?;
        self.unsynced.push(path.to_owned());
        let folders = new.into_iter().chain([folder]).map(Path::to_owned);
        self.unsynced_folders.extend(folders);
        Ok(())
    }

    /// A copy of a folder into itself has no end.
    fn refuse_inside(&self, from: &Path, target: &Path) -> Result<()> {
        let is_inside = || {
            let from = fs::canonicalize(from)?;
            Ok(resolved(&self.folder)?.starts_with(&from) || resolved(target)?.starts_with(&from))
        };
        match is_inside() {
            Ok(false) => Ok(()),
            Ok(true) => {
                let error = io::Error::other("the artifacts are kept inside it");
                Err(unreadable(from, &error))
            }
            Err(error) => Err(unreadable(from, &error)),
        }
    }

    /// Copies all that can be copied, and tells of the first thing that cannot.
    fn copy(&mut self, from: &Path, target: &Path) -> Result<()> {
        let unreadable = |error: io::Error| unreadable(from, &error);
        let metadata = fs::metadata(from).map_err(unreadable)?;
        if metadata.is_dir() {
            let mut refused = None;
            for entry in fs::read_dir(from).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                // A link to a folder may lead back to where it stands.
                let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
                if is_link && entry.path().is_dir() {
                    continue;
                }
                let name = entry.file_name();
                let copied = match name.to_str() {
                    Some(name) => self.copy(&entry.path(), &target.join(name)),
                    // No page and no client of MLflow could ask for it.
                    None => Err(self::unreadable(
                        &entry.path(),
                        &io::Error::other("its name is no UTF-8"),
                    )),
                };
                refused = refused.or(copied.err());
            }
            return refused.map_or(Ok(()), Err);
        }
        if !metadata.is_file() {
            return Err(unreadable(io::Error::other("it is a pipe or a device")));
        }
        let copied = open_databases::read(from, |source| {
            self.write(target, |file| io::copy(source, file).map(drop))
        });
        copied.map_err(unreadable)?
    }

    /// Makes what was written survive a power loss.
    pub(super) fn flush(&mut self) -> Result<()> {
        // What fails stays for the next flush, with all behind it.
        while let Some(path) = self.unsynced.last() {
            unless_gone(path, File::open(path).and_then(|file| file.sync_all()))?;
            self.unsynced.pop();
        }
        while let Some(folder) = self.unsynced_folders.last() {
            unless_gone(folder, output::sync_names(folder))?;
            self.unsynced_folders.pop_last();
        }
        Ok(())
    }
}

/// What somebody deleted since need not be brought to the disk.
fn unless_gone(path: &Path, synced: io::Result<()>) -> Result<()> {
    use io::ErrorKind::{NotADirectory, NotFound};

    match synced {
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(()),
        synced => synced.map_err(|error| fail(path, &error)),
    }
}

/// The path without links, also where its end is not there yet.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    for there in path.ancestors() {
        match fs::canonicalize(there) {
            Ok(found) => {
                let rest = path.strip_prefix(there).unwrap_or(Path::new(""));
                return Ok(found.join(rest));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(path)
}

fn unreadable(from: &Path, error: &io::Error) -> Error {
    let message = format!("`{}` cannot be kept: {error}", from.display());
    Error::new(ErrorKind::Track, message).with_help("name a file or a folder that is there")
}

fn fail(path: &Path, error: &io::Error) -> Error {
    let message = format!("the artifact `{}` was not written: {error}", path.display());
    Error::new(ErrorKind::Track, message)
        .with_help("check the folder of the artifacts, its permissions and the free space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_got_names_are_brought_to_the_disk_too() {
        let room = std::env::temp_dir().join(format!("floe-files-{:016x}", rand::random::<u64>()));
        fs::create_dir(&room).unwrap();
        let mut files = Files::new(room.join("mlartifacts"));
        let into = files.folder.join("1/run");
        let artifact = Artifact::text("plots/a.txt", "a");
        files.keep(&into, &artifact).unwrap();
        let all = ["", "mlartifacts", "mlartifacts/1", "mlartifacts/1/run"];
        let mut expected: Vec<PathBuf> = all.iter().map(|name| room.join(name)).collect();
        expected[0] = room.clone();
        expected.push(into.join("plots"));
        let found: Vec<PathBuf> = files.unsynced_folders.iter().cloned().collect();
        assert_eq!(found, expected);
        files.flush().unwrap();
        assert!(files.unsynced_folders.is_empty() && files.unsynced.is_empty());
        fs::remove_dir_all(room).unwrap();
    }
}
