//! The time, as a value that tests put in: quotas, retries and schedules never ask the machine.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// Tells the time and lets it pass.
pub trait Clock: fmt::Debug + Send + Sync {
    /// What time it is.
    fn now(&self) -> Timestamp;

    /// Blocks the thread for a while; a clock of tests moves on instead.
    fn pause(&self, time: Duration);
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// A clock that stands still until it is told to move; who pauses on it moves it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use floe::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::at("2026-03-29T00:30:00Z".parse()?);
/// clock.pause(Duration::from_secs(3600));
/// assert_eq!(clock.now().to_string(), "2026-03-29T01:30:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that shows this time.
    pub fn at(time: Timestamp) -> Self {
        Self(Mutex::new(time))
    }

    /// Shows another time, also an earlier one.
    pub fn set(&self, time: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = time;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pause(&self, time: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Past the end of time the clock stands still.
        *now = now.checked_add(time).unwrap_or(Timestamp::MAX);
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn pause(&self, time: Duration) {
        (**self).pause(time);
    }
}
