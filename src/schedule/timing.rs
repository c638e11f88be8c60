//! When runs are due: boundaries of intervals, by a cron expression in a time zone or by a period.

use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Interval;
use crate::error::{Error, ErrorKind, Result};

/// How a schedule divides time into intervals, as it was written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Timing {
    /// Boundaries are the times of a cron expression in a time zone.
    Cron {
        /// Five fields: minute, hour, day of the month, month, day of the week. A sixth, before
        /// them, is the second.
        expression: String,
        /// The zone's name in the IANA database, such as `Europe/Stockholm`.
        time_zone: String,
    },
    /// Boundaries lie one period apart, counted from 1970-01-01 UTC.
    Period {
        /// The period in milliseconds.
        milliseconds: u64,
    },
}

impl Timing {
    /// By a fixed period; what is less than a millisecond makes the timing unusable.
    pub(crate) fn every(period: Duration) -> Self {
        let whole = period.subsec_nanos().is_multiple_of(1_000_000);
        let milliseconds = u64::try_from(period.as_millis()).unwrap_or(0);
        Self::Period {
            // Zero is refused by name later on: setters never fail.
            milliseconds: if whole { milliseconds } else { 0 },
        }
    }

    /// The timetable that it stands for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for an expression or a zone that cannot be read, and for a period
    /// that is not a positive number of milliseconds.
    pub fn timetable(&self) -> Result<Timetable> {
        let kind = match self {
            Self::Cron {
                expression,
                time_zone,
            } => Kind::Cron(Box::new(cron(expression)?), zone(time_zone)?),
            Self::Period { milliseconds } => {
                let Ok(milliseconds @ 1..=MOST_PERIOD) = i64::try_from(*milliseconds) else {
                    let message =
                        "a period is a whole number of milliseconds, from 1 ms to 1000 years";
                    return Err(Error::new(ErrorKind::Config, message));
                };
                Kind::Period(milliseconds)
            }
        };
        Ok(Timetable(kind))
    }
}

const MOST_PERIOD: i64 = 1000 * 366 * 86_400_000;

fn cron(expression: &str) -> Result<Cron> {
    let parser = CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .build();
    parser.parse(expression).map_err(|error| {
        let message = format!("`{expression}` is not a cron expression: {error}");
        Error::new(ErrorKind::Config, message).with_help(
            "write minute, hour, day of the month, month and day of the week, such as `0 * * * *`",
        )
    })
}

fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|error| {
        let message = format!("`{name}` is not a time zone: {error}");
        Error::new(ErrorKind::Config, message)
            .with_help("write a name of the IANA database, such as `UTC` or `Europe/Stockholm`")
    })
}

/// The boundaries of all intervals: a pure function of the timing, the same on every machine.
///
/// # Examples
///
/// ```
/// use floe::schedule::Schedule;
///
/// let nights = Schedule::cron("30 2 * * *").time_zone("Europe/Stockholm");
/// let nights = nights.timetable()?;
/// let before = "2026-03-28T12:00:00Z".parse()?;
/// // In the night to the 29th, 02:30 does not exist: the boundary is where the gap ends, at 03:00.
/// assert_eq!(nights.next(before).unwrap().to_string(), "2026-03-29T01:00:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Timetable(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Cron(Box<Cron>, TimeZone),
    Period(i64),
}

impl Timetable {
    /// The first boundary after a moment, or none before the end of the calendar.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Kind::Cron(cron, zone) => {
                let after = after.to_zoned(zone.clone());
                let next = cron.find_next_occurrence(&after, false).ok()?;
                Some(next.timestamp())
            }
            Kind::Period(period) => {
                let at = super::interval::whole(after).as_millisecond();
                let next = at
                    .div_euclid(*period)
                    .checked_add(1)?
                    .checked_mul(*period)?;
                Timestamp::from_millisecond(next).ok()
            }
        }
    }

    /// The last boundary at a moment or before it.
    pub fn last(&self, until: Timestamp) -> Option<Timestamp> {
        if let Kind::Period(period) = &self.0 {
            let at = super::interval::whole(until).as_millisecond();
            return Timestamp::from_millisecond(at.div_euclid(*period) * period).ok();
        }
        // Found by going forward from further and further back, so that it agrees with `next` also
        // where clocks are changed.
        let mut back = SignedDuration::from_secs(60);
        loop {
            let from = until.checked_sub(back).unwrap_or(Timestamp::MIN);
            let mut found = None;
            let mut at = from;
            while let Some(next) = self.next(at).filter(|next| *next <= until) {
                found = Some(next);
                at = next;
            }
            if found.is_some() || from == Timestamp::MIN || back > FURTHEST {
                return found;
            }
            back *= 4;
        }
    }

    /// The first boundary at a moment or after it.
    pub fn first(&self, from: Timestamp) -> Option<Timestamp> {
        match self.last(from) {
            Some(at) if at == from => Some(at),
            _ => self.next(from),
        }
    }

    /// The intervals that lie wholly within a range, in order.
    pub fn intervals(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Interval> + '_ {
        let mut start = self.first(from);
        std::iter::from_fn(move || {
            let begin = start?;
            start = self.next(begin);
            let end = start.filter(|end| *end <= to)?;
            Some(Interval::between(begin, end))
        })
    }
}

/// A leap day of a century is at most eight years from the one before it.
const FURTHEST: SignedDuration = SignedDuration::from_hours(24 * 366 * 9);
