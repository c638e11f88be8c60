//! A number of a series, before anything is made of it: most events are one.

use super::keys::check_key;
use crate::error::Result;
use crate::tracker::{Event, What};

/// A number as an event tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: f64,
    pub(crate) timestamp: i64,
    pub(crate) step: i64,
}

impl<'a> Number<'a> {
    /// Nothing for an event that is something else, such as a metric that is undefined.
    pub(crate) fn of(event: &'a Event) -> Option<Self> {
        let What::Metric {
            name,
            value: Some(value),
            step,
            ..
        } = &event.what
        else {
            return None;
        };
        Some(Self {
            key: name,
            value: *value,
            timestamp: event.time,
            step: *step,
        })
    }

    /// Refuses a key that MLflow does not take.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`](crate::ErrorKind::Track) saying what is wrong with it.
    pub(crate) fn check(&self) -> Result<()> {
        check_key(self.key)
    }
}
