//! What people ask of a schedule. Orders are written down; the scheduler carries them out.

use jiff::Timestamp;

use super::State;
use super::ledger::Ledger;
use super::words::{RunKind, RunState};
use crate::error::{Error, ErrorKind, Result};
use crate::schedule::{Interval, Parameters, Schedule};

/// At most about so many runs are queued in one transaction, so that others can write in between.
const BATCH: usize = 1000;

/// What a backfill does with runs that there are already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reprocess {
    /// It leaves them.
    #[default]
    None,
    /// It repeats those that failed.
    Failed,
    /// It repeats all that have ended.
    Completed,
}

/// What an order has put into the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queued {
    /// Runs that there were not.
    pub new: usize,
    /// Runs that are repeated.
    pub repeated: usize,
    /// Runs that were left as they are.
    pub left: usize,
}

impl State {
    /// Stops starting anything, until [`resume`](Self::resume), also after a restart. What runs
    /// is let end. The reason is shown to whoever looks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] when the state cannot be written, or no schedule was kept here yet.
    pub fn pause(&self, because: &str) -> Result<()> {
        self.write(|ledger| {
            ledger.settings()?;
            ledger.set_paused(Some(because))
        })
    }

    /// Goes on. Intervals that ended meanwhile are caught up as the schedule says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] as [`pause`](Self::pause).
    pub fn resume(&self) -> Result<()> {
        self.write(|ledger| {
            ledger.settings()?;
            ledger.set_paused(None)
        })
    }
}

impl Schedule {
    /// Queues a run for each interval that lies wholly within a range. The cursor of the schedule
    /// stays where it is, and these runs take none of its places.
    ///
    /// An interval that comes due later, and has been run so, is not run again.
    ///
    /// A long range is written in parts of about a thousand runs, so that a running schedule goes on
    /// meanwhile; after a failure the same call queues the rest.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] when the state cannot be written or belongs to another schedule,
    /// and for a range that ends before it starts or has intervals that have not ended yet;
    /// [`ErrorKind::Config`] for a schedule that
    /// cannot work.
    pub fn backfill(
        &self,
        state: &State,
        from: Timestamp,
        to: Timestamp,
        reprocess: Reprocess,
    ) -> Result<Queued> {
        self.check()?;
        if from >= to {
            let message = format!("the range ends at {to}, not after its start {from}");
            return Err(Error::new(ErrorKind::Schedule, message));
        }
        let table = self.timetable()?;
        let keys: Vec<String> = self.job.mapped().iter().map(Parameters::key).collect();
        let all: Vec<&str> = self.job.stages().collect();
        let now = Timestamp::now();
        let again = |state: RunState| match reprocess {
            Reprocess::None => false,
            Reprocess::Failed => state == RunState::Failed,
            Reprocess::Completed => state.is_over(),
        };
        let last = table.last(to).filter(|last| *last > from);
        let mut queued = Queued::default();
        let mut intervals = table.intervals(from, to);
        loop {
            let batch: Vec<_> = intervals
                .by_ref()
                .take(BATCH.div_ceil(keys.len()))
                .collect();
            state.write(|ledger| {
                ledger.adopt(&self.name, &self.definition())?;
                if let Some(last) = last {
                    refuse_to_come(ledger, last, now)?;
                }
                for (interval, key) in batch
                    .iter()
                    .flat_map(|at| keys.iter().map(move |key| (*at, key)))
                {
                    if ledger.queue(interval, key, RunKind::Backfill, now)? {
                        queued.new += 1;
                        continue;
                    }
                    match ledger.find(interval, key)? {
                        Some((run, state)) if again(state) => {
                            ledger.renew(run, &all, now)?;
                            ledger.set_kind(run, RunKind::Backfill)?;
                            queued.repeated += 1;
                        }
                        _ => queued.left += 1,
                    }
                }
                Ok(())
            })?;
            if batch.is_empty() {
                return Ok(queued);
            }
        }
    }

    /// Queues a run again, from a stage on with all that wait for it, or whole. It keeps its key,
    /// so that it replaces what it made before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] when there is no such run or stage, or the run has not ended.
    pub fn rerun(
        &self,
        state: &State,
        interval: Interval,
        parameters: &Parameters,
        from_stage: Option<&str>,
    ) -> Result<()> {
        let stages = match from_stage {
            Some(stage) => self.job.stage_and_after(stage)?,
            None => self.job.stages().collect(),
        };
        state.write(|ledger| {
            ledger.adopt(&self.name, &self.definition())?;
            let Some((run, state)) = ledger.find(interval, &parameters.key())? else {
                let of = if parameters.is_empty() {
                    String::new()
                } else {
                    format!(" with {parameters}")
                };
                let message = format!("there is no run of {interval}{of}");
                return Err(Error::new(ErrorKind::Schedule, message));
            };
            again(ledger, run, state, &stages)
        })
    }

    /// Queues a run by hand: of an interval, with parameters in place of those of the job or
    /// beside them. One of the same key that has ended is repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] when such a run has not ended, or the interval has not;
    /// [`ErrorKind::Config`] for a schedule that cannot work, and for names of parameters that are
    /// none.
    pub fn trigger(
        &self,
        state: &State,
        interval: Interval,
        parameters: &Parameters,
    ) -> Result<()> {
        self.check()?;
        let all: Vec<&str> = self.job.stages().collect();
        // Of a job that is mapped over many, the run by hand is its own.
        let own = match self.job.mapped().as_slice() {
            [one] => one.clone().over(parameters),
            _ => parameters.clone(),
        };
        own.check_names()?;
        let now = Timestamp::now();
        state.write(|ledger| {
            ledger.adopt(&self.name, &self.definition())?;
            refuse_to_come(ledger, interval.end(), now)?;
            if ledger.queue(interval, &own.key(), RunKind::Manual, now)? {
                return Ok(());
            }
            match ledger.find(interval, &own.key())? {
                Some((run, state)) => again(ledger, run, state, &all),
                None => Ok(()),
            }
        })
    }
}

/// A run is about an interval that has ended; one that ran before would stand for it for good.
fn refuse_to_come(ledger: &Ledger<'_>, end: Timestamp, now: Timestamp) -> Result<()> {
    // What the scheduler has decided on had ended by its clock, which may be another one.
    let known = ledger
        .settings()?
        .cursor
        .map_or(now, |cursor| cursor.max(now));
    if end <= known {
        return Ok(());
    }
    let message = format!("there is an interval that ends at {end}, which is still to come");
    Err(Error::new(ErrorKind::Schedule, message)
        .with_help("order intervals that have ended; the others run when they are due"))
}

fn again(ledger: &Ledger<'_>, run: super::RunId, state: RunState, stages: &[&str]) -> Result<()> {
    if !state.is_over() {
        let message = format!("the run has not ended: it is {state}");
        return Err(Error::new(ErrorKind::Schedule, message).with_help("wait until it has ended"));
    }
    ledger.renew(run, stages, Timestamp::now())?;
    // From now on it is an order, which is carried out also while nothing that is due is.
    ledger.set_ordered(run)
}
