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
    let path = path.as_ref();
    let fail = |error: std::io::Error| {
        Error::new(
            ErrorKind::Output,
            format!("`{}` was not written: {error}", path.display()),
        )
        .with_help(
            "nothing was left half-written; check the folder, its permissions and the free space",
        )
        .caused_by(error)
    };
    // A rename would put the file in the place of the link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = fs::metadata(path).ok();
    if path.is_dir() {
        return Err(fail(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    // And in the place of a device: a superuser could lose `/dev/null` so.
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        let what = "it is a pipe or a device, which cannot be replaced by a file";
        return Err(fail(std::io::Error::other(what)));
    }
    let neighbour = neighbour(&target);
    let written = write_and_sync(&neighbour, write)
        .and_then(|()| match before {
            Some(before) => fs::set_permissions(&neighbour, before.permissions()),
            None => Ok(()),
        })
        .and_then(|()| fs::rename(&neighbour, &target));
    written.map_err(|error| {
        // Best effort: the neighbour may not exist at all.
        let _ = fs::remove_file(&neighbour);
        fail(error)
    })
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

/// A name beside the file that no other writer has.
fn neighbour(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.partial", rand::random::<u64>()));
    path.with_file_name(name)
}
