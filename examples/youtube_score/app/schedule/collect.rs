//! The like sum of an interval: of YouTube where there is a key, of the emulator where there is none.

use std::path::Path;
use std::sync::Arc;

use floe::clock::ManualClock;
use floe::jiff::{SignedDuration, Timestamp};
use floe::schedule::Interval;
use floe::source::remote::youtube;
use floe::testing::youtube::{Emulator, World};
use floe::{Error, ErrorKind, Result};

use super::super::asked::{self, Asks, Service};
use super::super::series;
use super::points::Point;

/// How old the emulated world may get, in hours: ten days. An older one grows so little that whole
/// series of intervals are alike, and there is nothing to learn of them.
const OLDEST: i64 = 240;

/// Collects the comments of a query, as they stand at the end of an interval, and sums their likes.
/// All that is collected lies in the folder, which is made anew: what a try that was cut short has
/// left there does not count twice.
pub(super) fn likes(
    service: &Service,
    query: &str,
    interval: Interval,
    folder: &Path,
    ledger: &Path,
) -> Result<Point> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| not_made(folder, &error))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| not_made(folder, &error))?;
    let landing = youtube::landing(folder)?;
    let collected = match service.of_whom()? {
        // A point is what stands there now: YouTube tells of no earlier moment.
        Asks::YouTube(key) => {
            let source = service.source(query, key, ledger.to_owned());
            source.collect_into(&landing)?
        }
        Asks::Emulator => {
            let clock = Arc::new(ManualClock::at(interval.end()));
            let emulator = emulator(query, interval)?;
            // Each interval asks an emulator of its own, which has its own quota.
            let ledger = folder.join("youtube_quota.json");
            let source = service.emulated(query, &emulator, &clock, ledger);
            source.collect_into(&landing)?
        }
    };
    if !collected.is_complete() {
        let message = format!("the comments of {interval} are not all there: {collected}");
        return Err(Error::new(ErrorKind::Remote, message).transient());
    }
    // One snapshot, whose comments a search without any videos leaves empty.
    let sums = series::of(&landing, asked::Score::Sum)?;
    let likes = sums.first().copied().unwrap_or(0.0);
    // A count of likes is whole and far below 2^53.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a sum of counts"
    )]
    let likes = likes as u64;
    Ok(Point {
        interval,
        likes,
        comments: series::distinct_comments(&landing)?,
        is_history: false,
    })
}

/// An emulator whose clock stands at the end of the interval, so that an interval has the same
/// point whenever it is asked for. Each interval finds the world an hour older than the one before,
/// also where intervals are seconds: else nothing would change between them.
fn emulator(query: &str, interval: Interval) -> Result<Emulator> {
    let length = interval.length().as_millis();
    let number = i128::from(interval.end().as_millisecond()).div_euclid(length.max(1));
    let age = i64::try_from(number.rem_euclid(i128::from(OLDEST))).unwrap_or(0);
    let epoch = interval.end() - SignedDuration::from_hours(age);
    // Each query has a world of its own.
    let seed = query.bytes().fold(20_u64, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    let world = World::new(seed)
        .topic(query)
        .epoch(epoch)
        .videos(6)
        .threads(40);
    Emulator::of(world)
        .clock(Arc::new(ManualClock::at(interval.end())))
        .start()
}

/// The intervals before one that are as long as it is, the nearest last.
pub(super) fn before(interval: Interval, count: i32) -> Result<Vec<Interval>> {
    let shifted = |back: i32| {
        let at = |edge: Timestamp| edge - interval.length() * back;
        Interval::new(at(interval.start()), at(interval.end()))
    };
    (1..=count).rev().map(shifted).collect()
}

fn not_made(folder: &Path, error: &std::io::Error) -> Error {
    let message = format!("the folder `{}` was not made: {error}", folder.display());
    Error::new(ErrorKind::Output, message)
}
