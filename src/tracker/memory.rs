use std::sync::{Arc, Mutex, PoisonError};

use super::{Event, Tracker};
use crate::error::Result;

/// Keeps the events in memory; clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryTracker(Arc<Mutex<Vec<Event>>>);

impl MemoryTracker {
    /// A tracker without events.
    pub fn new() -> Self {
        Self::default()
    }

    /// The events so far.
    pub fn events(&self) -> Vec<Event> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Tracker for MemoryTracker {
    fn record(&self, event: &Event) -> Result<()> {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event.clone());
        Ok(())
    }

    fn record_all(&self, events: &[Event]) -> Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(events);
        Ok(())
    }
}
