//! A tracker that may be missing is a tracker.

use super::{Event, Tracker};
use crate::error::Result;

#[diagnostic::do_not_recommend]
#[deny(clippy::missing_trait_methods)]
impl<T: Tracker> Tracker for Option<T> {
    fn record(&self, event: &Event) -> Result<()> {
        self.as_ref().map_or(Ok(()), |one| one.record(event))
    }

    fn record_all(&self, events: &[Event]) -> Result<()> {
        self.as_ref().map_or(Ok(()), |one| one.record_all(events))
    }

    fn flush(&self) -> Result<()> {
        self.as_ref().map_or(Ok(()), Tracker::flush)
    }

    fn is_strict(&self) -> bool {
        self.as_ref().is_some_and(Tracker::is_strict)
    }

    fn is_idle(&self) -> bool {
        self.as_ref().is_none_or(Tracker::is_idle)
    }

    fn members(&self) -> Vec<&dyn Tracker> {
        self.as_ref().map_or_else(Vec::new, Tracker::members)
    }
}
