use std::fs::{OpenOptions, TryLockError};
use std::time::Duration;

use super::files::{Files, failed};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::locked::{Locked, signer};

/// How often another writer is looked after.
const LOOK: Duration = Duration::from_millis(50);

/// The right to write, until it is dropped or the process ends, however it does.
#[derive(Debug)]
pub(super) struct Lock(#[allow(dead_code, reason = "it is held by being there")] Locked);

impl Lock {
    pub(super) fn take(files: &Files, clock: &dyn Clock, wait: Duration) -> Result<Self> {
        let path = files.lock();
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let not_locked = |error| failed(&path, "locked", error);
        let mut left = wait;
        let lock = loop {
            match Locked::new(options.open(&path).map_err(not_locked)?) {
                Ok(lock) => break lock,
                Err(TryLockError::WouldBlock) if !left.is_zero() => {
                    let look = left.min(LOOK);
                    clock.pause(look);
                    left -= look;
                }
                Err(TryLockError::WouldBlock) => return Err(taken(files)),
                Err(TryLockError::Error(error)) => return Err(not_locked(error)),
            }
        };
        lock.sign().map_err(not_locked)?;
        Ok(Self(lock))
    }
}

fn taken(files: &Files) -> Error {
    let who = match signer(&files.lock()) {
        Some(id) => format!("process {id}"),
        None => "another process".to_owned(),
    };
    let message = format!(
        "{who} is writing the landing `{}`",
        files.folder().display()
    );
    Error::new(ErrorKind::Output, message)
        .with_help(
            "one run writes at a time: let it end, or wait for it with `.wait_for_writer(..)`",
        )
        .transient()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn a_landing_is_free_at_once_although_a_child_has_its_lock_open() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::make(folder.path().to_owned()).unwrap();
        let take = || Lock::take(&files, &SystemClock, Duration::ZERO);
        let lock = take().unwrap();
        // As a process that is just being started has it.
        let of_child = lock.0.try_clone().unwrap();
        let error = take().unwrap_err();
        let who = format!("process {} is writing", std::process::id());
        assert!(error.to_string().contains(&who), "{error}");
        drop(lock);
        take().unwrap();
        drop(of_child);
    }
}
