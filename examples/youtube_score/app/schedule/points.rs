//! A point and a score for every interval of a query, each replaced by its interval.

use std::path::Path;
use std::time::Duration;

use floe::jiff::Timestamp;
use floe::schedule::Interval;
use floe::{Error, ErrorKind, Result};
use rusqlite::{Connection, params};

/// The file of the points, which any SQLite opens; times are milliseconds since 1970.
pub(super) struct Points(Connection);

/// The like sum of an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) interval: Interval,
    pub(super) likes: u64,
    pub(super) comments: u64,
    /// Whether it was asked for to have something to learn from, and is no run's own.
    pub(super) is_history: bool,
}

/// How well the line of an interval predicts hours that it has not seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Score {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) r2: Option<f64>,
    pub(super) rmse: Option<f64>,
    /// The run in the tracker's store.
    pub(super) run: String,
}

impl Points {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let open = || {
            let points = Connection::open(folder.join("points.db"))?;
            points.busy_timeout(Duration::from_secs(30))?;
            points.execute_batch(
                "CREATE TABLE IF NOT EXISTS point (
                    query TEXT NOT NULL, start INTEGER NOT NULL, \"end\" INTEGER NOT NULL,
                    likes INTEGER NOT NULL, comments INTEGER NOT NULL, history INTEGER NOT NULL,
                    PRIMARY KEY (query, start, \"end\")) STRICT;
                CREATE TABLE IF NOT EXISTS score (
                    query TEXT NOT NULL, start INTEGER NOT NULL, \"end\" INTEGER NOT NULL,
                    r2 REAL, rmse REAL, run TEXT NOT NULL,
                    PRIMARY KEY (query, start, \"end\")) STRICT;",
            )?;
            Ok(points)
        };
        open().map(Self).map_err(failed)
    }

    /// Puts points in the place of those of their intervals, all of them or none. What a run
    /// collected is not replaced by history.
    pub(super) fn put(&mut self, query: &str, points: &[Point]) -> Result<()> {
        let mut put = || {
            let transaction = self.0.transaction()?;
            for point in points {
                let sql = "INSERT INTO point VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                    ON CONFLICT DO UPDATE SET likes = ?4, comments = ?5, history = ?6
                    WHERE history >= ?6";
                let (start, end) = ends(point.interval);
                let likes = i64::try_from(point.likes).unwrap_or(i64::MAX);
                let comments = i64::try_from(point.comments).unwrap_or(i64::MAX);
                let row = params![query, start, end, likes, comments, point.is_history];
                transaction.execute(sql, row)?;
            }
            transaction.commit()
        };
        put().map_err(failed)
    }

    /// The points of a query up to an interval, in order.
    pub(super) fn until(&self, query: &str, interval: Interval) -> Result<Vec<Point>> {
        self.points(query, interval.end().as_millisecond())
    }

    pub(super) fn all(&self, query: &str) -> Result<Vec<Point>> {
        self.points(query, i64::MAX)
    }

    fn points(&self, query: &str, until: i64) -> Result<Vec<Point>> {
        let read = || {
            let sql = "SELECT start, \"end\", likes, comments, history FROM point
                WHERE query = ?1 AND \"end\" <= ?2 ORDER BY start, \"end\"";
            let mut statement = self.0.prepare(sql)?;
            let rows = statement.query_map(params![query, until], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })?;
            rows.collect::<rusqlite::Result<Vec<(i64, i64, i64, i64, bool)>>>()
        };
        let point = |(start, end, likes, comments, is_history): (_, _, i64, i64, _)| {
            Ok(Point {
                interval: Interval::new(moment(start)?, moment(end)?)?,
                likes: u64::try_from(likes).unwrap_or(0),
                comments: u64::try_from(comments).unwrap_or(0),
                is_history,
            })
        };
        read().map_err(failed)?.into_iter().map(point).collect()
    }

    pub(super) fn put_score(&self, query: &str, score: &Score) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO score VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (start, end) = (score.start.as_millisecond(), score.end.as_millisecond());
        let row = params![query, start, end, score.r2, score.rmse, score.run];
        self.0.execute(sql, row).map(drop).map_err(failed)
    }

    pub(super) fn scores(&self, query: &str) -> Result<Vec<Score>> {
        let read = || {
            let sql = "SELECT start, \"end\", r2, rmse, run FROM score WHERE query = ?1
                ORDER BY start, \"end\"";
            let mut statement = self.0.prepare(sql)?;
            let rows = statement.query_map([query], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })?;
            rows.collect::<rusqlite::Result<Vec<(i64, i64, Option<f64>, Option<f64>, String)>>>()
        };
        let score = |(start, end, r2, rmse, run)| {
            Ok(Score {
                start: moment(start)?,
                end: moment(end)?,
                r2,
                rmse,
                run,
            })
        };
        read().map_err(failed)?.into_iter().map(score).collect()
    }

    pub(super) fn queries(&self) -> Result<Vec<String>> {
        let read = || {
            let sql = "SELECT DISTINCT query FROM point ORDER BY query";
            let mut statement = self.0.prepare(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()
        };
        read().map_err(failed)
    }
}

fn ends(interval: Interval) -> (i64, i64) {
    (
        interval.start().as_millisecond(),
        interval.end().as_millisecond(),
    )
}

fn moment(ms: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(ms)
        .map_err(|error| Error::new(ErrorKind::Source, format!("a point has no time: {error}")))
}

fn failed(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};

    let ours = Error::new(ErrorKind::Output, format!("the points failed: {error}"));
    match error.sqlite_error_code() {
        // Another stage may hold the file for a while, and a disk may be cleared.
        Some(DatabaseBusy | DatabaseLocked | DiskFull) => ours.transient(),
        _ => ours.with_help("see to `points.db` in the folder of the schedule"),
    }
}
