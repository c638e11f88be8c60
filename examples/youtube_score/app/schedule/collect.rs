//! The like sum of an interval: of YouTube where there is a key, of the emulator where there is none.

use std::path::Path;
use std::sync::Arc;

use floe::clock::ManualClock;
use floe::jiff::{SignedDuration, Timestamp};
use floe::prelude::*;
use floe::schedule::Interval;
use floe::source::remote::youtube::{self, ApiKey, COMMENTS, LikeScore, Search, like_score};
use floe::testing::youtube::{Emulator, World};
use floe::{Error, ErrorKind, Result};

use super::points::Point;

const KEY: &str = "YOUTUBE_API_KEY";
/// How old the emulated world may get, in hours: forty days.
const OLDEST: i64 = 960;

/// Whether there is a key to ask YouTube with.
pub(super) fn has_key() -> bool {
    std::env::var_os(KEY).is_some_and(|key| !key.is_empty())
}

/// Collects the comments of a query, as they stand at the end of an interval, and sums their likes.
/// All that is collected lies in the folder, which is made anew: what a try that was cut short has
/// left there does not count twice.
pub(super) fn likes(query: &str, interval: Interval, folder: &Path) -> Result<Point> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| not_made(folder, &error))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| not_made(folder, &error))?;
    let landing = youtube::landing(folder)?;
    let search = Search::new(query).max_videos(12);
    let source = |key| {
        YouTube::new(key)
            .search(search)
            .max_videos(12)
            .full_sweep(true)
    };
    let collected = if has_key() {
        // A point is what stands there now: YouTube tells of no earlier moment. The quota is one
        // for all intervals.
        let ledger = folder.with_file_name("youtube_quota.json");
        source(ApiKey::from_env(KEY)?)
            .ledger(ledger)
            .collect_into(&landing)?
    } else {
        let emulator = emulator(query, interval)?;
        source(ApiKey::new(emulator.key()))
            .base_url(emulator.url())
            .clock(ManualClock::at(interval.end()))
            .collect_into(&landing)?
    };
    if !collected.is_complete() {
        let message = format!("the comments of {interval} are not all there: {collected}");
        return Err(Error::new(ErrorKind::Remote, message).transient());
    }
    let sums = like_score(landing.latest(COMMENTS)?, LikeScore::Sum, &[]).collect()?;
    let likes = sums.column("likes")?.f64()?.get(0);
    let comments = sums.column("comments")?.u64()?.get(0);
    // A count of likes is whole and far below 2^53.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a sum of counts"
    )]
    let likes = likes.unwrap_or(0.0) as u64;
    Ok(Point {
        interval,
        likes,
        comments: comments.unwrap_or(0),
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
