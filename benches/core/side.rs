//! What is compared: sides that do the same work, of which the first one is ours.

use std::error::Error;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// One comparison.
pub(crate) struct Case {
    pub(crate) name: String,
    /// Values that a side works on, or steps, or rows.
    pub(crate) elements: u64,
    pub(crate) sides: Vec<Side>,
    /// The files that the sides read.
    held: Option<TempDir>,
}

/// One way to do the work.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    work: Box<dyn FnMut() -> Outcome<Option<Duration>>>,
}

impl Case {
    pub(crate) fn new(name: impl Into<String>, elements: usize, sides: Vec<Side>) -> Self {
        Self {
            name: name.into(),
            elements: elements as u64,
            sides,
            held: None,
        }
    }

    /// Keeps the files of a folder until the case is done.
    pub(crate) fn holding(mut self, folder: TempDir) -> Self {
        self.held = Some(folder);
        self
    }
}

impl Side {
    /// Work of which all the time counts.
    pub(crate) fn new<T>(
        name: &'static str,
        mut work: impl FnMut() -> Outcome<T> + 'static,
    ) -> Self {
        Self {
            name,
            work: Box::new(move || {
                std::hint::black_box(work()?);
                Ok(None)
            }),
        }
    }

    /// Work that says itself which part of its time counts.
    pub(crate) fn timed(
        name: &'static str,
        mut work: impl FnMut() -> Outcome<Duration> + 'static,
    ) -> Self {
        Self {
            name,
            work: Box::new(move || work().map(Some)),
        }
    }

    /// Does the work, and gives the time of it.
    pub(crate) fn once(&mut self) -> Outcome<Duration> {
        let began = Instant::now();
        let counted = (self.work)()?;
        Ok(counted.unwrap_or_else(|| began.elapsed()))
    }

    /// The time of work that was seen to succeed.
    pub(crate) fn time(&mut self) -> Duration {
        self.once().unwrap_or(Duration::MAX)
    }
}
