//! Artifacts as files, in the folder that `mlflow ui` serves.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::tracker::{Artifact, Content};

/// The scheme of locations that are relative to the folder of the server's artifacts.
const SCHEME: &str = "mlflow-artifacts:/";

/// Where artifacts go, and what was written since the last flush.
pub(super) struct Files {
    pub(super) folder: PathBuf,
    /// Whether a location names the folder of this machine.
    pub(super) absolute: bool,
    unsynced: Vec<PathBuf>,
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            absolute: false,
            unsynced: Vec::new(),
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
            Content::Path(from) => self.copy(from, &target),
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
        let put = || {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".{:016x}.partial", rand::random::<u64>()));
            let partial = path.with_file_name(name);
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
        Ok(())
    }

    fn copy(&mut self, from: &Path, target: &Path) -> Result<()> {
        let unreadable = |error: &io::Error| {
            let message = format!("`{}` cannot be kept: {error}", from.display());
            Error::new(ErrorKind::Track, message).with_help("name a file or a folder that is there")
        };
        let metadata = fs::metadata(from).map_err(|error| unreadable(&error))?;
        if metadata.is_dir() {
            let inside = |target: &Path| {
                let (from, folder) = (fs::canonicalize(from)?, fs::canonicalize(&self.folder)?);
                Ok::<_, io::Error>(folder.starts_with(&from) || target.starts_with(&from))
            };
            // A copy of a folder into itself has no end.
            if inside(target).unwrap_or(false) {
                let error = io::Error::other("the artifacts are kept inside it");
                return Err(unreadable(&error));
            }
            let entries = fs::read_dir(from).map_err(|error| unreadable(&error))?;
            for entry in entries {
                let entry = entry.map_err(|error| unreadable(&error))?;
                // A link to a folder may lead back to where it stands.
                let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
                if is_link && entry.path().is_dir() {
                    continue;
                }
                self.copy(&entry.path(), &target.join(entry.file_name()))?;
            }
            return Ok(());
        }
        if !metadata.is_file() {
            let error = io::Error::other("it is a pipe or a device");
            return Err(unreadable(&error));
        }
        let mut source = File::open(from).map_err(|error| unreadable(&error))?;
        self.write(target, |file| io::copy(&mut source, file).map(drop))
    }

    /// Makes what was written survive a power loss.
    pub(super) fn flush(&mut self) -> Result<()> {
        for path in std::mem::take(&mut self.unsynced) {
            match File::open(&path).and_then(|file| file.sync_all()) {
                // Somebody deleted it since.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done.map_err(|error| fail(&path, &error))?,
            }
        }
        Ok(())
    }
}

fn fail(path: &Path, error: &io::Error) -> Error {
    let message = format!("the artifact `{}` was not written: {error}", path.display());
    Error::new(ErrorKind::Track, message)
        .with_help("check the folder of the artifacts, its permissions and the free space")
}
