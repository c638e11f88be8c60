use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::locked::{Locked, signer};

/// Why a scheduler does not start: another process keeps the same state. It is the
/// [`source`](std::error::Error::source) of the error.
///
/// ```
/// use std::error::Error;
///
/// fn is_kept_by_another(error: &floe::Error) -> bool {
///     error.source().is_some_and(|cause| cause.is::<floe::schedule::AnotherInstance>())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnotherInstance {
    /// Its process, as far as it is known.
    pub process: Option<u32>,
}

impl fmt::Display for AnotherInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the schedule is kept by another process")?;
        match self.process {
            Some(process) => write!(f, ", {process}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for AnotherInstance {}

/// Held by the one process that keeps a schedule; the system lets go of it when the process dies,
/// however it does.
#[derive(Debug)]
pub(crate) struct Lock(#[allow(dead_code, reason = "it is held by being there")] Locked);

impl Lock {
    pub(crate) fn take(folder: &Path) -> Result<Self> {
        let lock = match patiently(folder)? {
            Ok(lock) => lock,
            Err(TryLockError::WouldBlock) => {
                let process = signer(&path(folder));
                let other = AnotherInstance { process };
                return Err(Error::new(ErrorKind::Schedule, other.to_string())
                    .with_help("end it first, or give this schedule a folder of its own")
                    .caused_by(other));
            }
            Err(TryLockError::Error(error)) => return Err(fail(folder, &error)),
        };
        lock.sign().map_err(|error| fail(folder, &error))?;
        Ok(Self(lock))
    }

    pub(crate) fn is_held(folder: &Path) -> Result<bool> {
        // Shared, so that two who ask at once do not take each other for the one that keeps it.
        match Locked::shared(open(folder)?) {
            Ok(_) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(fail(folder, &error)),
        }
    }
}

/// Who only asks holds the lock for a moment, and so does a process that a killed scheduler was just
/// starting: that is no reason to give up.
fn patiently(folder: &Path) -> Result<std::result::Result<Locked, TryLockError>> {
    for _ in 0..50 {
        match Locked::new(open(folder)?) {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
            other => return Ok(other),
        }
    }
    Ok(Locked::new(open(folder)?))
}

fn path(folder: &Path) -> PathBuf {
    folder.join("schedule.lock")
}

fn open(folder: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    let options = options.create(true).read(true).write(true).truncate(false);
    let opened = options.open(path(folder));
    opened.map_err(|error| fail(folder, &error))
}

fn fail(folder: &Path, error: &std::io::Error) -> Error {
    let message = format!("the lock in `{}` failed: {error}", folder.display());
    Error::new(ErrorKind::Schedule, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_not_taken_for_who_keeps() {
        let folder = tempfile::tempdir().unwrap();
        let asks = Locked::shared(open(folder.path()).unwrap()).unwrap();
        assert!(!Lock::is_held(folder.path()).unwrap());
        drop(asks);
        let lock = Lock::take(folder.path()).unwrap();
        assert!(Lock::is_held(folder.path()).unwrap());
        drop(lock);
        assert!(!Lock::is_held(folder.path()).unwrap());
    }
}
