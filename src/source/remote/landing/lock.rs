use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::time::Duration;

use super::files::{Files, failed};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// How often another writer is looked after.
const LOOK: Duration = Duration::from_millis(50);

/// The right to write, until it is dropped or the process ends, however it does.
#[derive(Debug)]
pub(super) struct Lock(#[allow(dead_code, reason = "the lock is held by being open")] File);

impl Lock {
    pub(super) fn take(files: &Files, clock: &dyn Clock, wait: Duration) -> Result<Self> {
        let path = files.lock();
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false);
        let mut file = opened
            .open(&path)
            .map_err(|error| failed(&path, "locked", error))?;
        let mut left = wait;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if !left.is_zero() => {
                    let look = left.min(LOOK);
                    clock.pause(look);
                    left -= look;
                }
                Err(TryLockError::WouldBlock) => return Err(taken(&mut file, files)),
                Err(TryLockError::Error(error)) => return Err(failed(&path, "locked", error)),
            }
        }
        // For the message of who comes second; the lock itself is the operating system's.
        let told = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        told.map_err(|error| failed(&path, "locked", error))?;
        Ok(Self(file))
    }
}

fn taken(file: &mut File, files: &Files) -> Error {
    let mut who = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut who));
    let who = match read.ok().and_then(|_| who.trim().parse::<u32>().ok()) {
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
