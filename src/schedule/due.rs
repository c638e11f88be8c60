//! Which intervals are due: a pure function of the clock and of what was decided before.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Interval, Timetable};

/// What becomes of intervals that ended while nobody was there to run them: the machine was
/// asleep, the program was stopped, or the schedule was paused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CatchUp {
    /// Each of them is run, in order.
    All,
    /// The newest one is run, and those before it are written down as missed.
    #[default]
    Latest,
    /// None is run: the next run is that of the first interval whose end is seen in time, which
    /// is within half of its length and within a minute.
    Skip,
}

/// What decides which intervals there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) catch_up: CatchUp,
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
}

/// What is due now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// Intervals to run, in order.
    pub(crate) intervals: Vec<Interval>,
    /// What is left out, from the first boundary to the last.
    pub(crate) missed: Option<Interval>,
    /// Up to where all is decided; nothing new while no interval was decided on.
    pub(crate) cursor: Option<Timestamp>,
    /// Where the next interval begins.
    pub(crate) next: Timestamp,
}

/// Decides on what ended since the cursor; at most so many intervals at once, and the cursor goes
/// no further than they do.
///
/// A clock that was set back is before the cursor: then nothing is due until it has come past it
/// again, so no interval is run twice. None when there is no boundary to start from.
pub(crate) fn due(
    table: &Timetable,
    rules: Rules,
    cursor: Option<Timestamp>,
    now: Timestamp,
    most: usize,
) -> Option<Due> {
    let from = match cursor {
        Some(cursor) => goes_on(table, rules.start, cursor)?,
        None => first(table, rules, now)?,
    };
    // A stretch between two timings belongs to no interval: it is missed as soon as the new timing
    // decides on its first one, and not before, so that a timing tried for a minute loses nothing.
    let decided = match cursor {
        Some(cursor) if rules.start.is_none_or(|start| start <= cursor) => cursor,
        _ => from,
    };
    let left_out = |until: Timestamp| (decided < until).then(|| Interval::between(decided, until));
    let until = rules.end.map_or(now, |end| end.min(now));
    let nothing = Due {
        intervals: Vec::new(),
        missed: None,
        // The first look says where a schedule begins, unless that is still to come.
        cursor: (cursor.is_none() && from <= now).then_some(from),
        next: from,
    };
    // The newest boundary that has come; nothing has ended before the second one.
    let Some(last) = table.last(until).filter(|last| *last > from) else {
        return Some(nothing);
    };
    if rules.catch_up == CatchUp::All {
        let intervals: Vec<_> = table.intervals(from, last).take(most).collect();
        let Some(end) = intervals.last().map(Interval::end) else {
            return Some(nothing);
        };
        return Some(Due {
            intervals,
            missed: left_out(from),
            cursor: Some(end),
            next: end,
        });
    }
    if most == 0 {
        return Some(nothing);
    }
    let newest = newest(table, from, last);
    let in_time = rules.catch_up == CatchUp::Latest || seen_in_time(newest, now);
    let begin = if in_time { newest.start() } else { last };
    Some(Due {
        intervals: in_time.then_some(newest).into_iter().collect(),
        missed: left_out(begin),
        cursor: Some(last),
        next: last,
    })
}

/// Where a schedule goes on that has decided on all up to a cursor. A new timing may have no
/// boundary there, and begins at its own next one.
pub(crate) fn goes_on(
    table: &Timetable,
    start: Option<Timestamp>,
    cursor: Timestamp,
) -> Option<Timestamp> {
    table.first(start.map_or(cursor, |start| start.max(cursor)))
}

/// Where a schedule begins that has decided nothing yet: at its start, or with the interval that
/// is open now.
fn first(table: &Timetable, rules: Rules, now: Timestamp) -> Option<Timestamp> {
    match rules.start {
        Some(start) => table.first(start),
        None => table.last(now).or_else(|| table.next(now)),
    }
}

/// The interval that ends at a boundary.
fn newest(table: &Timetable, from: Timestamp, last: Timestamp) -> Interval {
    let just_before = last - SignedDuration::from_millis(1);
    let start = table.last(just_before).unwrap_or(from);
    Interval::between(start.max(from), last)
}

fn seen_in_time(interval: Interval, now: Timestamp) -> bool {
    let tolerated = (interval.length() / 2).min(SignedDuration::from_mins(1));
    now.duration_since(interval.end()) <= tolerated
}
