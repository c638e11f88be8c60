//! Files are written whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// Writes a file through `write`: to a neighbour first, which takes the file's place only when all
/// of it is on the disk. A failure leaves what was there before. A process that is killed can leave
/// the neighbour, `<name>.<16 hex digits>.partial`, which may be deleted.
///
/// A link is followed. A file that is replaced hands on its permissions.
///
/// # Errors
///
/// [`ErrorKind::Output`] with the path, for a folder that is missing or read-only, a full disk, or
/// a path that is a folder, a pipe or a device; and whatever `write` returns.
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// let path = std::env::temp_dir().join(format!("floe-doc-{}.txt", std::process::id()));
/// floe::output::write_whole(&path, |file| Ok(writeln!(file, "all of it")?))?;
/// assert_eq!(std::fs::read_to_string(&path)?, "all of it\n");
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_whole(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<()> {
    Staged::write(path, write)?.put()
}

/// A file that is written, but not yet in its place: files that belong together are all written
/// before the first of them is [`put`](Self::put).
///
/// Dropped without that, it goes away and what was there before stays.
#[derive(Debug)]
#[must_use = "the file is not in its place until `put` is called"]
pub struct Staged {
    path: PathBuf,
    target: PathBuf,
    neighbour: PathBuf,
}

impl Staged {
    /// Writes the neighbour of a file, as [`write_whole`] does.
    ///
    /// # Errors
    ///
    /// Those of [`write_whole`].
    pub fn write(
        path: impl AsRef<Path>,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<Self> {
        let path = path.as_ref();
        let before = fs::metadata(path).ok();
        if before.as_ref().is_some_and(fs::Metadata::is_dir) {
            let error = std::io::Error::from(std::io::ErrorKind::IsADirectory);
            return Err(fail(path, error));
        }
        // A rename would take the place of a device: a superuser could lose `/dev/null` so.
        if before.as_ref().is_some_and(|before| !before.is_file()) {
            let what = "it is a pipe or a device, which cannot be replaced by a file";
            return Err(fail(path, std::io::Error::other(what)));
        }
        // And the place of a link, instead of the file that it leads to.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        // Made first, so that a failure on the way drops the neighbour.
        let staged = Self {
            path: path.to_owned(),
            neighbour: neighbour(&target),
            target,
        };
        write_and_sync(&staged.neighbour, write)
            .and_then(|()| match before {
                Some(before) => fs::set_permissions(&staged.neighbour, before.permissions()),
                None => Ok(()),
            })
            .map_err(|error| fail(path, error))?;
        Ok(staged)
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] when the place cannot be taken.
    pub fn put(self) -> Result<()> {
        fs::rename(&self.neighbour, &self.target).map_err(|error| fail(&self.path, error))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Best effort: after `put`, or a failure to create it, the neighbour does not exist.
        let _ = fs::remove_file(&self.neighbour);
    }
}

fn fail(path: &Path, error: std::io::Error) -> Error {
    let message = format!("`{}` was not written: {error}", path.display());
    Error::new(ErrorKind::Output, message).with_help(
        "nothing was left half-written; check the folder, its permissions and the free space",
    )
}

fn write_and_sync(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create_new(path)?);
    write(&mut file)?;
    file.flush()?;
    file.get_ref().sync_all()
}

/// Brings the names in a folder to the disk.
#[cfg(any(feature = "remote", feature = "sqlite"))]
pub(crate) fn sync_names(folder: &Path) -> std::io::Result<()> {
    // Not every system can do that for a folder; where it cannot, a rename is all there is.
    if !cfg!(unix) {
        return Ok(());
    }
    File::open(folder)?.sync_all()
}

/// As [`sync_names`]; as SQLite does, where the folder may not be read, they are left to the system.
#[cfg(any(feature = "mlflow", feature = "sqlite"))]
pub(crate) fn sync_readable_names(folder: &Path) -> std::io::Result<()> {
    match File::open(folder) {
        Ok(folder) if cfg!(unix) => folder.sync_all(),
        _ => Ok(()),
    }
}

/// A name beside the file that no other writer has.
fn neighbour(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.partial", rand::random::<u64>()));
    path.with_file_name(name)
}
