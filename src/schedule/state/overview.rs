//! The state for those who look at it.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::ledger::interval;
use super::words::{RunKind, RunState, StageState, TryState};
use super::{RunId, State, definition, from_ms, to_ms};
use crate::error::Result;
use crate::schedule::due::goes_on;
use crate::schedule::{Definition, Interval, Parameters};

/// What a schedule has done and what it does next.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Overview {
    /// Its name.
    pub name: String,
    /// What it is.
    pub definition: Definition,
    /// Whether a process keeps it now.
    pub kept: bool,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// The next interval that comes due, unless there is none.
    pub next: Option<Interval>,
    /// How many runs are in which state.
    pub counts: Vec<(RunState, u64)>,
    /// The newest runs, by interval; the newest first.
    pub runs: Vec<RunView>,
    /// The newest stretches that a catch-up left out; the newest first.
    pub missed: Vec<Interval>,
}

/// A run and its stages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunView {
    id: RunId,
    /// Its interval.
    pub interval: Interval,
    /// Its parameters.
    pub parameters: Parameters,
    /// Where it comes from.
    pub kind: RunKind,
    /// What it is in.
    pub state: RunState,
    /// When its first stage started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed, where that is no stage's fault.
    pub message: Option<String>,
    /// The stages, in the order of the job.
    pub stages: Vec<StageView>,
}

/// A stage of a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StageView {
    /// Its name.
    pub name: String,
    /// What it is in.
    pub state: StageState,
    /// When it may be tried again.
    pub not_before: Option<Timestamp>,
    /// All of its tries, in order.
    pub tries: Vec<TryView>,
}

/// A try of a stage.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TryView {
    /// From 1.
    pub number: u32,
    /// What it ended in.
    pub state: TryState,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The exit code of a command.
    pub exit_code: Option<i32>,
    /// What went wrong.
    pub message: Option<String>,
}

impl State {
    /// What has happened and what comes next, with the newest runs, at most so many.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`](crate::ErrorKind::Schedule) when the state cannot be read, or no
    /// schedule was kept here yet.
    pub fn overview(&self, most: usize) -> Result<Overview> {
        let kept = self.is_kept()?;
        let database = self.database();
        // One state of the database for all that follows.
        let reading = database.unchecked_transaction()?;
        let definition = definition(&reading)?;
        let table = definition.timing.timetable()?;
        let sql = "SELECT name, cursor, paused, paused_because FROM schedule";
        let (name, cursor, because) = reading.query_row(sql, [], |row| {
            let because: Option<String> = row.get(3)?;
            let paused: bool = row.get(2)?;
            let because = paused.then(|| because.unwrap_or_default());
            let cursor = row.get::<_, Option<i64>>(1)?.map(from_ms);
            Ok((row.get(0)?, cursor, because))
        })?;
        let start = match cursor {
            Some(cursor) => goes_on(&table, definition.start, cursor),
            None => definition.start.and_then(|start| table.first(start)),
        };
        let next = start.and_then(|start| Some(Interval::between(start, table.next(start)?)));
        let next = next.filter(|next| definition.end.is_none_or(|end| next.end() <= end));
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let newest = "ORDER BY start DESC, \"end\" DESC, id DESC LIMIT ?1";
        let mut runs = runs(&reading, newest, [most])?;
        for run in &mut runs {
            fill(&reading, run, &definition.stages)?;
        }
        Ok(Overview {
            name,
            kept,
            paused: because,
            next,
            counts: counts(&reading)?,
            runs,
            missed: missed(&reading, 100)?,
            definition,
        })
    }

    /// One run with its stages, or none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`](crate::ErrorKind::Schedule) when the state cannot be read.
    pub fn run(&self, interval: Interval, parameters: &Parameters) -> Result<Option<RunView>> {
        let (start, end) = (to_ms(interval.start()), to_ms(interval.end()));
        let this = "WHERE start = ?1 AND \"end\" = ?2 AND parameters = ?3";
        self.one_run(this, params![start, end, parameters.key()])
    }

    /// The run of the interval that begins at a moment, with its stages, or none. Where several
    /// begin there, as after a change of the timing, it is that of the longest.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`](crate::ErrorKind::Schedule) when the state cannot be read.
    pub fn run_from(&self, start: Timestamp, parameters: &Parameters) -> Result<Option<RunView>> {
        let these = "WHERE start = ?1 AND parameters = ?2 ORDER BY \"end\" DESC LIMIT 1";
        self.one_run(these, params![to_ms(start), parameters.key()])
    }

    fn one_run(&self, which: &str, params: impl rusqlite::Params) -> Result<Option<RunView>> {
        let database = self.database();
        let reading = database.unchecked_transaction()?;
        let Some(mut run) = runs(&reading, which, params)?.pop() else {
            return Ok(None);
        };
        fill(&reading, &mut run, &definition(&reading)?.stages)?;
        Ok(Some(run))
    }

    /// The log of a try of a stage; the file is there only if something was written to it.
    pub fn log(&self, run: &RunView, stage: &str, number: u32) -> Option<PathBuf> {
        self.log_path(run.id, run.interval, stage, number)
    }

    pub(crate) fn log_path(
        &self,
        run: RunId,
        interval: Interval,
        stage: &str,
        number: u32,
    ) -> Option<PathBuf> {
        // Colons are refused by some file systems.
        let folder = interval.start().to_string().replace(':', "-");
        let name = format!("{run}-{stage}.{number}.log");
        let logs = self.folder()?.join("logs");
        Some(logs.join(folder).join(name))
    }
}

fn counts(database: &Connection) -> Result<Vec<(RunState, u64)>> {
    let mut found = database.prepare("SELECT state, count(*) FROM run GROUP BY state")?;
    let rows = found.query_map([], |row| {
        let count: i64 = row.get(1)?;
        Ok((row.get(0)?, u64::try_from(count).unwrap_or(0)))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn missed(database: &Connection, most: u32) -> Result<Vec<Interval>> {
    let mut found =
        database.prepare("SELECT start, \"end\" FROM missed ORDER BY rowid DESC LIMIT ?1")?;
    let rows = found.query_map([most], |row| interval(row, 0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The runs that a condition means, without their stages.
fn runs(database: &Connection, which: &str, params: impl rusqlite::Params) -> Result<Vec<RunView>> {
    let sql = format!(
        "SELECT id, start, \"end\", parameters, kind, state, started, ended, message \
         FROM run {which}"
    );
    let mut found = database.prepare(&sql)?;
    let rows = found.query_map(params, run)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn fill(database: &Connection, run: &mut RunView, names: &[String]) -> Result<()> {
    let mut stages: Vec<StageView> = names.iter().map(|name| waiting(name)).collect();
    let sql = "SELECT name, state, not_before FROM stage WHERE run = ?1";
    let mut found = database.prepare(sql)?;
    let rows = found.query_map([run.id], |row| {
        let not_before = row.get::<_, Option<i64>>(2)?.map(from_ms);
        Ok((row.get::<_, String>(0)?, row.get(1)?, not_before))
    })?;
    for row in rows {
        let (name, state, not_before) = row?;
        let stage = at(&mut stages, &name);
        (stage.state, stage.not_before) = (state, not_before);
    }
    let sql = "SELECT stage, number, state, started, ended, exit_code, message
        FROM try WHERE run = ?1 ORDER BY number";
    let mut found = database.prepare(sql)?;
    let rows = found.query_map([run.id], |row| {
        let one = TryView {
            number: row.get(1)?,
            state: row.get(2)?,
            started: from_ms(row.get(3)?),
            ended: row.get::<_, Option<i64>>(4)?.map(from_ms),
            exit_code: row.get(5)?,
            message: row.get(6)?,
        };
        Ok((row.get::<_, String>(0)?, one))
    })?;
    for row in rows {
        let (name, one) = row?;
        at(&mut stages, &name).tries.push(one);
    }
    run.stages = stages;
    Ok(())
}

/// The stage of a name; one that the job no longer has comes last.
fn at<'a>(stages: &'a mut Vec<StageView>, name: &str) -> &'a mut StageView {
    let found = stages.iter().position(|stage| stage.name == name);
    let found = found.unwrap_or_else(|| {
        stages.push(waiting(name));
        stages.len() - 1
    });
    &mut stages[found]
}

fn waiting(name: &str) -> StageView {
    StageView {
        name: name.to_owned(),
        state: StageState::Waiting,
        not_before: None,
        tries: Vec::new(),
    }
}

fn run(row: &Row<'_>) -> rusqlite::Result<RunView> {
    let parameters: String = row.get(3)?;
    let unreadable = |error| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(error))
    };
    Ok(RunView {
        id: row.get(0)?,
        interval: interval(row, 1)?,
        parameters: Parameters::from_key(&parameters).map_err(unreadable)?,
        kind: row.get(4)?,
        state: row.get(5)?,
        started: row.get::<_, Option<i64>>(6)?.map(from_ms),
        ended: row.get::<_, Option<i64>>(7)?.map(from_ms),
        message: row.get(8)?,
        stages: Vec::new(),
    })
}
