//! Collection: a snapshot of a query's comments, hour by hour.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use floe::clock::{Clock, ManualClock, SystemClock};
use floe::jiff::{SignedDuration, Timestamp};
use floe::prelude::*;
use floe::source::remote::landing::Skip;
use floe::source::remote::youtube::{self, COMMENTS, Collected, Units};
use floe::source::remote::{Landing, Outcome};
use floe::testing::youtube::{Emulator, World};
use floe::{Error, ErrorKind, Result};

use super::asked::{Asked, Asks};
use super::progress::Progress;
use super::series;

/// When the emulated history begins: always then, so that a later run goes on where one ended.
const BEGIN: i64 = 1_793_620_800;

/// How much to collect.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    /// One snapshot.
    One,
    /// Of a real service one when it is due; of the emulator so many hours in all, and one at least.
    Hours(u32),
}

/// What was collected, and where it is.
#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) asks: Asks,
    pub(crate) landing: Landing,
    /// The file of like sums.
    pub(crate) series: PathBuf,
    /// Whole snapshots of this call, and of all.
    pub(crate) new_hours: usize,
    pub(crate) hours: usize,
    /// Comments that were read, and those of them that had not been seen before.
    pub(crate) read: u64,
    pub(crate) new_comments: u64,
    pub(crate) videos: u64,
    pub(crate) spent: Units,
    /// The last snapshot, if there was one to make.
    pub(crate) last: Option<Collected>,
    /// When the next one is due, if it is not yet.
    pub(crate) due: Option<Timestamp>,
}

impl Collection {
    pub(crate) fn skipped(&self) -> &[Skip] {
        self.last.as_ref().map_or(&[], |last| &last.skipped)
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.last.as_ref().map(|last| &last.outcome)
    }
}

pub(crate) fn collect(
    asked: &Asked,
    want: Want,
    series: Option<PathBuf>,
    progress: &Progress,
) -> Result<Collection> {
    let asks = asked.service.of_whom()?;
    let folder = asked.folder(&asks);
    fs::create_dir_all(&folder).map_err(|error| {
        let message = format!("the folder `{}` was not made: {error}", folder.display());
        Error::new(ErrorKind::Output, message).with_help(format!(
            "name another with --data than `{}`",
            asked.data().display()
        ))
    })?;
    let landing = youtube::landing(&folder)?;
    let before = series::hours(&landing)?;
    let known = series::distinct_comments(&landing)?;
    let mut collection = Collection {
        series: series.unwrap_or_else(|| folder.join("data.csv")),
        landing,
        new_hours: 0,
        hours: before.len(),
        read: 0,
        new_comments: 0,
        videos: 0,
        spent: Units::default(),
        last: None,
        due: None,
        asks,
    };
    let last = before.last().copied();
    match collection.asks.clone() {
        Asks::YouTube(key) => {
            let due = last.map(|last| last + SignedDuration::from_hours(1));
            let early = due.filter(|due| *due > SystemClock.now());
            if let (Want::Hours(_), Some(due)) = (want, early) {
                collection.due = Some(due);
            } else {
                let ledger = asked.ledger(&collection.asks);
                let source = asked.service.source(&asked.query, key, ledger);
                collection.snapshot(source, 1, 1, progress)?;
            }
        }
        Asks::Emulator => emulated(asked, want, &mut collection, last, progress)?,
    }
    collection.new_comments = series::distinct_comments(&collection.landing)? - known;
    let sums = series::of(&collection.landing, super::asked::Score::Sum)?;
    series::append(&collection.series, &sums)?;
    Ok(collection)
}

/// A collection that brought nothing at all is a failure, so that a schedule tries it again.
fn nothing(outcome: &Outcome) -> Error {
    let why = match outcome {
        Outcome::Partial { why, .. } | Outcome::Aborted { why } => why.as_str(),
        _ => "no reason is known",
    };
    let message = format!("nothing was collected: {why}");
    Error::new(ErrorKind::Remote, message).transient()
}

fn begin() -> Timestamp {
    Timestamp::from_second(BEGIN).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What there is to find without YouTube: odd videos too, and two that are published meanwhile.
pub(crate) fn world(query: &str) -> World {
    World::new(20)
        .topic(query)
        .epoch(begin())
        .later_videos(2)
        .threads(40)
}

/// Moves the clock of the emulator from hour to hour, and collects at each.
fn emulated(
    asked: &Asked,
    want: Want,
    collection: &mut Collection,
    last: Option<Timestamp>,
    progress: &Progress,
) -> Result<()> {
    let begin = begin();
    let clock = Arc::new(ManualClock::at(begin));
    let emulator = Emulator::of(world(&asked.query))
        .clock(clock.clone())
        .start()?;
    let next = last.map_or(0, |last| (last.as_second() - BEGIN).div_euclid(3600) + 1);
    let more = match want {
        Want::One => 1,
        Want::Hours(hours) => i64::from(hours).saturating_sub(next).max(1),
    };
    for hour in 0..more {
        clock.set(begin + SignedDuration::from_hours(next + hour));
        let ledger = asked.ledger(&Asks::Emulator);
        let service = &asked.service;
        let source = service.emulated(&asked.query, &emulator, &clock, ledger);
        let whole = collection.snapshot(source, hour + 1, more, progress)?;
        // The hours after one that is not whole would leave a hole before them.
        if !whole {
            break;
        }
    }
    Ok(())
}

impl Collection {
    /// Collects once, and tells whether all of it was there.
    fn snapshot(
        &mut self,
        source: YouTube,
        hour: i64,
        of: i64,
        progress: &Progress,
    ) -> Result<bool> {
        let bar = progress.clone();
        let source = source.on_progress(move |now| bar.collecting(hour, of, now));
        progress.say("collecting");
        let collected = source.collect_into(&self.landing)?;
        let whole = collected.is_complete();
        if !whole && collected.polls == 0 && collected.comments == 0 {
            return Err(nothing(&collected.outcome));
        }
        self.new_hours += usize::from(whole);
        self.hours += usize::from(whole);
        self.read += collected.comments;
        self.videos = collected.polls;
        self.spent = Units::new(
            self.spent.search + collected.spent.search,
            self.spent.stats + collected.spent.stats,
            self.spent.common + collected.spent.common,
        );
        self.last = Some(collected);
        Ok(whole)
    }

    /// How many rows of comments there are.
    pub(crate) fn rows(&self) -> Result<u64> {
        Ok(self
            .landing
            .runs()?
            .iter()
            .map(|run| run.rows(COMMENTS))
            .sum())
    }
}
