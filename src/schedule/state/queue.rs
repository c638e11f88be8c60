//! The two queues of runs: those that are due or asked for, and those of backfills.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::ledger::{Ledger, RunId, interval};
use super::words::{RunKind, RunState};
use super::{from_ms, to_ms};
use crate::error::Result;
use crate::schedule::{Interval, Parameters};

/// A run as it stands in the queue.
#[derive(Debug)]
pub(crate) struct QueuedRun {
    pub(crate) id: RunId,
    pub(crate) interval: Interval,
    pub(crate) parameters: Parameters,
    pub(crate) kind: RunKind,
    pub(crate) started: Option<Timestamp>,
}

/// The run of the same parameters before this one, if there is one, has succeeded.
const PAST: &str = " AND coalesce((SELECT past.state FROM run AS past
    WHERE past.parameters = run.parameters AND past.start < run.start
    ORDER BY past.start DESC LIMIT 1), 'success') = 'success'";

/// Which runs that wait are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// Those that are due or were asked for.
    Due,
    /// Of these only those that were asked for.
    Ordered,
    /// Those of backfills.
    Backfill,
}

/// The condition for runs that wait in one of the two queues, each of which has its index.
fn in_queue(queue: Queue, with_past: bool) -> String {
    let queue = match queue {
        Queue::Due => "state = 'queued' AND kind <> 'backfill'",
        Queue::Ordered => "state = 'queued' AND kind <> 'backfill' AND kind <> 'scheduled'",
        Queue::Backfill => "state = 'queued' AND kind = 'backfill'",
    };
    let past = if with_past { PAST } else { "" };
    format!("{queue}{past}")
}

impl Ledger<'_> {
    /// Queues a run unless there is one of this key already; tells whether it did.
    pub(crate) fn queue(
        &self,
        interval: Interval,
        parameters: &str,
        kind: RunKind,
        now: Timestamp,
    ) -> Result<bool> {
        let sql = "INSERT INTO run (start, \"end\", parameters, kind, state, created)
            VALUES (?1, ?2, ?3, ?4, 'queued', ?5)
            ON CONFLICT (start, \"end\", parameters) DO NOTHING";
        let (start, end) = (to_ms(interval.start()), to_ms(interval.end()));
        let rows = self.run(sql, params![start, end, parameters, kind, to_ms(now)])?;
        Ok(rows == 1)
    }

    /// A run by its key, with its state and its kind.
    pub(crate) fn find(
        &self,
        interval: Interval,
        parameters: &str,
    ) -> Result<Option<(RunId, RunState)>> {
        let sql = "SELECT id, state FROM run WHERE start = ?1 AND \"end\" = ?2 AND parameters = ?3";
        let (start, end) = (to_ms(interval.start()), to_ms(interval.end()));
        self.one(sql, params![start, end, parameters], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }

    /// The first interval of the queue, or the first one after a moment; backfills apart. With the
    /// past, only runs count whose run before has succeeded.
    pub(crate) fn next_queued(
        &self,
        queue: Queue,
        after: Option<Timestamp>,
        with_past: bool,
    ) -> Result<Option<Timestamp>> {
        let sql = format!(
            "SELECT start FROM run WHERE {} AND start > ?1 ORDER BY start LIMIT 1",
            in_queue(queue, with_past)
        );
        let after = after.map_or(i64::MIN, to_ms);
        self.one(&sql, [after], |row| Ok(from_ms(row.get(0)?)))
    }

    /// The first runs in the queue of an interval.
    pub(crate) fn queued_at(
        &self,
        queue: Queue,
        start: Timestamp,
        with_past: bool,
        most: usize,
    ) -> Result<Vec<QueuedRun>> {
        let sql = format!(
            "SELECT id, start, \"end\", parameters, kind, started FROM run
            WHERE {} AND start = ?1 ORDER BY id LIMIT ?2",
            in_queue(queue, with_past)
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let read = |row: &Row<'_>| {
            let parameters: String = row.get(3)?;
            let interval = interval(row, 1)?;
            let started: Option<i64> = row.get(5)?;
            Ok((row.get(0)?, interval, parameters, row.get(4)?, started))
        };
        let rows = self.many(&sql, params![to_ms(start), most], read)?;
        let run = |(id, interval, parameters, kind, started): (_, _, String, _, Option<i64>)| {
            Ok(QueuedRun {
                id,
                interval,
                parameters: Parameters::from_key(&parameters)?,
                kind,
                started: started.map(from_ms),
            })
        };
        rows.into_iter().map(run).collect()
    }

    /// How many scheduled runs have not ended.
    pub(crate) fn open_intervals(&self) -> Result<usize> {
        let sql = "SELECT count(DISTINCT start) FROM run
            WHERE state IN ('queued', 'running') AND kind = 'scheduled'";
        let count: Option<i64> = self.one(sql, [], |row| row.get(0))?;
        Ok(count
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(0))
    }

    /// Makes stages of a run new, so that they run again.
    pub(crate) fn renew(&self, run: RunId, stages: &[&str], now: Timestamp) -> Result<()> {
        for stage in stages {
            let sql = "UPDATE stage SET state = 'waiting', failures = 0, not_before = NULL
                WHERE run = ?1 AND name = ?2";
            self.run(sql, params![run, stage])?;
        }
        let sql = "UPDATE run SET state = 'queued', created = ?2, started = NULL, ended = NULL,
            message = NULL, late = 0 WHERE id = ?1";
        self.run(sql, params![run, to_ms(now)])?;
        Ok(())
    }

    /// A run that was due becomes one that was asked for.
    pub(crate) fn set_ordered(&self, run: RunId) -> Result<()> {
        let sql = "UPDATE run SET kind = 'manual' WHERE id = ?1 AND kind = 'scheduled'";
        self.run(sql, [run])?;
        Ok(())
    }

    pub(crate) fn set_kind(&self, run: RunId, kind: RunKind) -> Result<()> {
        self.run("UPDATE run SET kind = ?2 WHERE id = ?1", params![run, kind])?;
        Ok(())
    }
}
