use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::error::{Error, ErrorKind, Result};

/// A stretch of time `[start, end)`: the key of a run, and what its stages are about.
///
/// A stage collects, computes or replaces what belongs to its interval, so that a run that is tried
/// again replaces its own result and nothing else. Both ends are whole milliseconds.
///
/// # Examples
///
/// ```
/// use floe::schedule::Interval;
///
/// let hour: Interval = "2026-02-01T05:00:00Z/2026-02-01T06:00:00Z".parse()?;
/// assert_eq!(hour.length().as_secs(), 3600);
/// assert!(hour.contains("2026-02-01T05:59:59Z".parse()?));
/// assert!(!hour.contains(hour.end()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval {
    start: Timestamp,
    end: Timestamp,
}

impl Interval {
    /// From its first moment to the first one after it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] when it ends where it starts or before, or when an end is not a
    /// whole millisecond.
    pub fn new(start: Timestamp, end: Timestamp) -> Result<Self> {
        if start >= end {
            let message = format!("the interval ends at {end}, not after its start {start}");
            return Err(Error::new(ErrorKind::Schedule, message));
        }
        for at in [start, end] {
            if whole(at) != at {
                let message = format!("{at} is not a whole millisecond");
                return Err(Error::new(ErrorKind::Schedule, message));
            }
        }
        Ok(Self { start, end })
    }

    /// From boundaries of a timetable, which are whole and rise.
    pub(crate) fn between(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    /// Its first moment.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The first moment after it: when its run is due.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// How long it is.
    pub fn length(&self) -> SignedDuration {
        self.end.duration_since(self.start)
    }

    /// Whether a moment lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

/// A moment cut to the millisecond, as the state stores it.
pub(crate) fn whole(at: Timestamp) -> Timestamp {
    // A timestamp's own milliseconds are in range.
    let since = at.as_nanosecond().div_euclid(1_000_000);
    Timestamp::from_millisecond(i64::try_from(since).unwrap_or(0)).unwrap_or(at)
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.start, self.end)
    }
}

impl std::str::FromStr for Interval {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let part = |text: &str| {
            text.parse::<Timestamp>().map_err(|error| {
                Error::new(
                    ErrorKind::Schedule,
                    format!("`{text}` is not a time: {error}"),
                )
                .with_help("write it as 2026-02-01T05:00:00Z")
            })
        };
        let Some((start, end)) = text.split_once('/') else {
            let message = format!("`{text}` is not an interval");
            return Err(Error::new(ErrorKind::Schedule, message)
                .with_help("write start and end with a slash between them"));
        };
        Self::new(part(start)?, part(end)?)
    }
}
