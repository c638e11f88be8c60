//! What is written within one transaction.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::words::{RunKind, RunState, StageState, TryState};
use super::{from_ms, to_ms};
use crate::error::{Error, ErrorKind, Result};
use crate::schedule::{Definition, Interval, Job, Parameters};

pub(crate) type RunId = i64;

/// The open transaction.
pub(crate) struct Ledger<'a>(pub(crate) &'a Connection);

/// What stands for the schedule as a whole.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) cursor: Option<Timestamp>,
    pub(crate) paused: bool,
    pub(crate) failed_in_a_row: u32,
}

/// A stage of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task {
    pub(crate) state: StageState,
    pub(crate) failures: u32,
    pub(crate) tries: u32,
    pub(crate) not_before: Option<Timestamp>,
}

impl Task {
    pub(crate) const NEW: Self = Self {
        state: StageState::Waiting,
        failures: 0,
        tries: 0,
        not_before: None,
    };
}

/// A try that was running when its scheduler died.
#[derive(Debug)]
pub(crate) struct Orphan {
    pub(crate) run: RunId,
    pub(crate) interval: Interval,
    pub(crate) stage: String,
    pub(crate) number: u32,
    pub(crate) started: Timestamp,
}

/// How a try ended.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) state: TryState,
    pub(crate) exit_code: Option<i32>,
    pub(crate) message: Option<&'a str>,
}

impl Ledger<'_> {
    /// Rows that were written since the connection was opened.
    pub(crate) fn changes(&self) -> u64 {
        self.0.total_changes()
    }

    pub(super) fn run(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize> {
        Ok(self.0.prepare(sql)?.execute(params)?)
    }

    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.0.prepare(sql)?;
        Ok(statement.query_row(params, read).optional()?)
    }

    pub(super) fn many<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.0.prepare(sql)?;
        let rows = statement.query_map(params, read)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Writes down whose state this is; that of another schedule is refused.
    pub(crate) fn adopt(&self, name: &str, definition: &Definition) -> Result<()> {
        let sql = "SELECT name FROM schedule";
        let kept: Option<String> = self.one(sql, [], |row| row.get(0))?;
        if let Some(kept) = kept.filter(|kept| kept != name) {
            let message = format!("the state belongs to the schedule `{kept}`, not to `{name}`");
            return Err(Error::new(ErrorKind::Schedule, message)
                .with_help("give each schedule a folder of its own"));
        }
        let text = serde_json::to_string(definition).map_err(|error| {
            Error::new(
                ErrorKind::Schedule,
                format!("the schedule cannot be written: {error}"),
            )
        })?;
        let sql = "INSERT INTO schedule (one, name, definition) VALUES (1, ?1, ?2)
            ON CONFLICT (one) DO UPDATE SET definition = ?2 WHERE definition <> ?2";
        self.run(sql, params![name, text])?;
        Ok(())
    }

    pub(crate) fn settings(&self) -> Result<Settings> {
        let sql = "SELECT cursor, paused, failed_in_a_row FROM schedule";
        let read = |row: &Row<'_>| {
            Ok(Settings {
                cursor: row.get::<_, Option<i64>>(0)?.map(from_ms),
                paused: row.get(1)?,
                failed_in_a_row: row.get(2)?,
            })
        };
        self.one(sql, [], read)?
            .ok_or_else(|| Error::new(ErrorKind::Schedule, "no schedule has been kept here yet"))
    }

    pub(crate) fn set_cursor(&self, cursor: Timestamp) -> Result<()> {
        let sql = "UPDATE schedule SET cursor = ?1 WHERE cursor IS NOT ?1";
        self.run(sql, [to_ms(cursor)])?;
        Ok(())
    }

    pub(crate) fn set_paused(&self, because: Option<&str>) -> Result<()> {
        let sql = "UPDATE schedule SET paused = ?1, paused_because = ?2,
            failed_in_a_row = CASE WHEN ?1 THEN failed_in_a_row ELSE 0 END";
        self.run(sql, params![because.is_some(), because])?;
        Ok(())
    }

    pub(crate) fn set_failed_in_a_row(&self, failed: u32) -> Result<()> {
        let sql = "UPDATE schedule SET failed_in_a_row = ?1 WHERE failed_in_a_row <> ?1";
        self.run(sql, [failed])?;
        Ok(())
    }

    pub(crate) fn miss(&self, missed: Interval, seen: Timestamp) -> Result<()> {
        let sql = "INSERT INTO missed (start, \"end\", seen) VALUES (?1, ?2, ?3)";
        let (start, end) = (to_ms(missed.start()), to_ms(missed.end()));
        self.run(sql, params![start, end, to_ms(seen)])?;
        Ok(())
    }

    /// The stages of a run in the order of the job; those that it does not know are new.
    pub(crate) fn tasks(&self, run: RunId, job: &Job) -> Result<Vec<Task>> {
        let sql = "SELECT name, state, failures, tries, not_before FROM stage WHERE run = ?1";
        let mut tasks = vec![Task::NEW; job.stages.len()];
        let read = |row: &Row<'_>| {
            let task = Task {
                state: row.get(1)?,
                failures: row.get(2)?,
                tries: row.get(3)?,
                not_before: row.get::<_, Option<i64>>(4)?.map(from_ms),
            };
            Ok((row.get::<_, String>(0)?, task))
        };
        for (name, task) in self.many(sql, [run], read)? {
            if let Some(at) = job.position(&name) {
                tasks[at] = task;
            }
        }
        Ok(tasks)
    }

    pub(crate) fn set_task(&self, run: RunId, stage: &str, task: Task) -> Result<()> {
        let sql = "INSERT INTO stage (run, name, state, failures, tries, not_before)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (run, name) DO UPDATE
            SET state = ?3, failures = ?4, tries = ?5, not_before = ?6";
        let not_before = task.not_before.map(to_ms);
        self.run(
            sql,
            params![
                run,
                stage,
                task.state,
                task.failures,
                task.tries,
                not_before
            ],
        )?;
        Ok(())
    }

    pub(crate) fn set_run(
        &self,
        run: RunId,
        state: RunState,
        started: Option<Timestamp>,
        ended: Option<Timestamp>,
        message: Option<&str>,
    ) -> Result<()> {
        let sql = "UPDATE run SET state = ?2, started = ?3, ended = ?4, message = ?5 WHERE id = ?1";
        let (started, ended) = (started.map(to_ms), ended.map(to_ms));
        self.run(sql, params![run, state, started, ended, message])?;
        Ok(())
    }

    pub(crate) fn start_try(
        &self,
        run: RunId,
        stage: &str,
        number: u32,
        now: Timestamp,
    ) -> Result<()> {
        let sql = "INSERT INTO try (run, stage, number, state, started)
            VALUES (?1, ?2, ?3, 'running', ?4)";
        self.run(sql, params![run, stage, number, to_ms(now)])?;
        Ok(())
    }

    pub(crate) fn end_try(
        &self,
        run: RunId,
        stage: &str,
        number: u32,
        now: Timestamp,
        end: &Ended<'_>,
    ) -> Result<()> {
        let sql = "UPDATE try SET state = ?4, ended = ?5, exit_code = ?6, message = ?7
            WHERE run = ?1 AND stage = ?2 AND number = ?3";
        let at = to_ms(now);
        self.run(
            sql,
            params![
                run,
                stage,
                number,
                end.state,
                at,
                end.exit_code,
                end.message
            ],
        )?;
        Ok(())
    }

    /// Runs that are open so long after the end of their interval, and of which nobody was told yet.
    ///
    /// One that was queued later than that could never keep its deadline. Of an order nobody is told
    /// then, and of intervals that are caught up only of the newest: these wait for the call that
    /// has `caught_up`.
    pub(crate) fn late(
        &self,
        deadline: SignedDuration,
        now: Timestamp,
        caught_up: bool,
    ) -> Result<Vec<(Interval, Parameters)>> {
        let deadline = i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX);
        let before = to_ms(now).saturating_sub(deadline);
        let sql = "SELECT start, \"end\", parameters, kind, created - \"end\" FROM run
            WHERE state IN ('queued', 'running') AND \"end\" <= ?1 AND late = 0
                AND (?3 OR created - \"end\" < ?2) ORDER BY start, id";
        let which = params![before, deadline, caught_up];
        let read = |row: &Row<'_>| {
            let (kind, queued_after) = (row.get::<_, RunKind>(3)?, row.get::<_, i64>(4)?);
            Ok((
                interval(row, 0)?,
                row.get::<_, String>(2)?,
                kind,
                queued_after >= deadline,
            ))
        };
        let mut late = self.many(sql, which, read)?;
        if late.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "UPDATE run SET late = 1
            WHERE state IN ('queued', 'running') AND \"end\" <= ?1 AND late = 0
                AND (?3 OR created - \"end\" < ?2)";
        self.run(sql, which)?;
        let caught_up = |(interval, _, kind, from_the_start): &(_, _, RunKind, bool)| {
            (*from_the_start && *kind == RunKind::Scheduled).then_some(*interval)
        };
        let newest = late.iter().filter_map(caught_up).next_back();
        late.retain(|run| !run.3 || newest.is_some() && caught_up(run) == newest);
        let read =
            |(interval, key, ..): (_, String, _, _)| Ok((interval, Parameters::from_key(&key)?));
        late.into_iter().map(read).collect()
    }

    /// What was running when the scheduler before this one died.
    pub(crate) fn orphans(&self) -> Result<Vec<Orphan>> {
        let sql = "SELECT try.run, run.start, run.\"end\", try.stage, try.number, try.started
            FROM try JOIN run ON run.id = try.run WHERE try.state = 'running'";
        self.many(sql, [], |row| {
            Ok(Orphan {
                run: row.get(0)?,
                interval: interval(row, 1)?,
                stage: row.get(3)?,
                number: row.get(4)?,
                started: from_ms(row.get(5)?),
            })
        })
    }

    /// Puts what was running back into the queue.
    pub(crate) fn requeue(&self, now: Timestamp) -> Result<()> {
        self.run(
            "UPDATE stage SET state = 'waiting' WHERE state = 'running'
                AND run IN (SELECT run FROM try WHERE state = 'running')",
            [],
        )?;
        self.run(
            "UPDATE try SET state = 'orphaned', ended = ?1 WHERE state = 'running'",
            [to_ms(now)],
        )?;
        self.run(
            "UPDATE run SET state = 'queued' WHERE state = 'running'",
            [],
        )?;
        Ok(())
    }
}

/// An interval in two columns.
pub(super) fn interval(row: &Row<'_>, at: usize) -> rusqlite::Result<Interval> {
    let (start, end) = (row.get(at)?, row.get(at + 1)?);
    Ok(Interval::between(from_ms(start), from_ms(end)))
}
