use super::{Event, Tracker};
use crate::error::Result;

/// A tracker whose failure fails the run.
#[derive(Clone, Debug)]
pub struct Strict<T>(T);

impl<T: Tracker> Strict<T> {
    /// Makes a failure of this tracker a failure of the run.
    pub fn new(tracker: T) -> Self {
        Self(tracker)
    }
}

#[deny(clippy::missing_trait_methods)]
impl<T: Tracker> Tracker for Strict<T> {
    fn record(&self, event: &Event) -> Result<()> {
        self.0.record(event)
    }

    fn record_all(&self, events: &[Event]) -> Result<()> {
        self.0.record_all(events)
    }

    fn flush(&self) -> Result<()> {
        self.0.flush()
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn is_idle(&self) -> bool {
        self.0.is_idle()
    }

    // What it holds fails as one.
    fn members(&self) -> Vec<&dyn Tracker> {
        Vec::new()
    }
}
