//! The same stages under a real Airflow: a DAG file that runs the same programs.
//!
//! The file is for Airflow 3. It has one `BashOperator` a stage, which execs the stage's program
//! with the arguments and the environment that a [`Scheduler`](super::Scheduler) would give it. A
//! run is keyed by the same data interval, so that each stage does the same work.

mod python;
mod text;

use std::path::{Path, PathBuf};

use super::Schedule;
use crate::error::{Error, ErrorKind, Result};
use crate::output::write_whole;

/// A schedule as a DAG file.
///
/// # Examples
///
/// ```
/// use floe::schedule::airflow::Export;
/// use floe::schedule::{Job, Schedule, Stage};
///
/// let stage = Stage::command("collect", "/opt/likes/collect").arg("--from={interval_start}");
/// let schedule = Schedule::cron("0 * * * *").name("likes").job(Job::new([stage]));
/// let dag = Export::new(&schedule).text()?;
/// assert!(dag.contains("CronDataIntervalTimetable(\"0 * * * *\", timezone=\"UTC\")"));
/// assert!(dag.contains("skip_on_exit_code=99"));
/// # Ok::<(), floe::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Export<'a> {
    schedule: &'a Schedule,
    program: Option<PathBuf>,
}

impl<'a> Export<'a> {
    /// Exports this schedule. Its name becomes the name of the DAG.
    pub fn new(schedule: &'a Schedule) -> Self {
        Self {
            schedule,
            program: None,
        }
    }

    /// Where the program that runs now is found by Airflow's workers, for stages that are
    /// [this program](super::Stage::this_program); where it is here unless said.
    pub fn program(self, path: impl Into<PathBuf>) -> Self {
        Self {
            program: Some(path.into()),
            ..self
        }
    }

    /// The text of the DAG file.
    ///
    /// What Airflow does in another way is said in comments in the file. The values of variables
    /// that stages set in their environment are left out, for they may be secrets: their names are
    /// said.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a schedule that cannot work; [`ErrorKind::Schedule`] for what
    /// cannot be exported: a stage that is a call, a cron expression with seconds, a period that
    /// is not of whole seconds, all intervals to be caught up without a first one, and a name that
    /// is none in Airflow.
    pub fn text(&self) -> Result<String> {
        self.schedule.check()?;
        self.check_name()?;
        text::dag(self.schedule, self.program.as_deref())
    }

    /// Writes the DAG file, whole or not at all.
    ///
    /// # Errors
    ///
    /// Those of [`text`](Self::text), and [`ErrorKind::Output`] when it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let text = self.text()?;
        write_whole(path, |file| file.write_all(text.as_bytes()))
    }

    fn check_name(&self) -> Result<()> {
        let name = &self.schedule.name;
        let may = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.chars().all(may) && name.len() <= 250 {
            return Ok(());
        }
        let message = format!("`{name}` is no name of a DAG");
        Err(Error::new(ErrorKind::Schedule, message)
            .with_help("name the schedule with letters, digits, `-`, `_` and `.`"))
    }
}
