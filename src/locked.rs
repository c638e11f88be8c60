//! Files that are locked.

use std::fs::{File, TryLockError};
use std::ops::Deref;

/// A file that is locked until this is dropped, or its process ends.
///
/// To close a file lets go of its lock only when nobody else has it open, and a child process has all
/// files of its parent open from its birth until it begins its own program: a process that starts
/// others would find its own locks taken for a moment. This lets go of the lock itself, for all who
/// have this opening of the file.
#[derive(Debug)]
pub(crate) struct Locked(File);

impl Locked {
    /// Locks a file for this one alone, without waiting for it.
    pub(crate) fn new(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(Self(file))
    }

    /// Writes down which process has it, for the message of who comes second.
    #[cfg(any(feature = "remote", all(feature = "schedule", unix)))]
    pub(crate) fn sign(&self) -> std::io::Result<()> {
        use std::io::Write as _;

        self.0.set_len(0)?;
        writeln!(&self.0, "{}", std::process::id())
    }

    /// Locks a file against those who want it for themselves, without waiting for it.
    #[cfg(all(feature = "schedule", unix))]
    pub(crate) fn shared(file: File) -> Result<Self, TryLockError> {
        file.try_lock_shared()?;
        Ok(Self(file))
    }

    /// Locks a file for this one alone, as soon as nobody else has it.
    #[cfg(feature = "remote")]
    pub(crate) fn after_others(file: File) -> std::io::Result<Self> {
        file.lock()?;
        Ok(Self(file))
    }
}

/// The process that signed a lock, as far as it is known.
#[cfg(any(feature = "remote", all(feature = "schedule", unix)))]
pub(crate) fn signer(path: &std::path::Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing the file, which follows, does so as well where it can.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_goes_although_a_child_has_the_file_open() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lock = Locked::new(file.reopen().unwrap()).unwrap();
        // As a child has it: the same opening of the file under another number.
        let of_child = lock.try_clone().unwrap();
        assert!(Locked::new(file.reopen().unwrap()).is_err());
        drop(lock);
        Locked::new(file.reopen().unwrap()).unwrap();
        drop(of_child);
    }
}
