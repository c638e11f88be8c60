//! A tracker that several hold is a tracker.

use std::sync::Arc;

use super::{Event, Tracker};
use crate::error::Result;

#[diagnostic::do_not_recommend]
#[deny(clippy::missing_trait_methods)]
impl<T: Tracker + ?Sized> Tracker for Arc<T> {
    fn record(&self, event: &Event) -> Result<()> {
        (**self).record(event)
    }

    fn record_all(&self, events: &[Event]) -> Result<()> {
        (**self).record_all(events)
    }

    fn flush(&self) -> Result<()> {
        (**self).flush()
    }

    fn is_strict(&self) -> bool {
        (**self).is_strict()
    }

    fn is_idle(&self) -> bool {
        (**self).is_idle()
    }

    fn members(&self) -> Vec<&dyn Tracker> {
        (**self).members()
    }
}
