//! What keeps a schedule: waits, decides, starts, and writes down.

mod launch;
mod news;
mod orphan;
mod process;
mod step;
mod stop;
mod work;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::error::Result;

use super::state::State;
use super::{Hook, Notice, Schedule};
use work::Engine;

pub(super) use process::wait_for_group;
pub use stop::Stop;

/// Keeps a schedule: starts what is due, and writes down what became of it.
///
/// One process keeps a state at a time; a second one is refused with
/// [`AnotherInstance`](super::AnotherInstance). What was running when a process died is ended, if
/// anything of it is left, and runs again.
///
/// # Examples
///
/// A day of hours, by a clock that stands still until it is told to move:
///
/// ```
/// use std::sync::Arc;
///
/// use floe::clock::ManualClock;
/// use floe::schedule::{CatchUp, Job, Outcome, Schedule, Scheduler, State};
///
/// let clock = ManualClock::at("2026-02-01T00:00:00Z".parse()?);
/// let schedule = Schedule::cron("0 * * * *")
///     .end("2026-02-02T00:00:00Z".parse()?)
///     .catch_up(CatchUp::All)
///     .job(Job::call("count", |_| Ok(Outcome::Done)));
/// let state = State::in_memory()?;
/// let done = Scheduler::new(&schedule, &state).clock(Arc::new(clock)).run()?;
/// assert_eq!((done.succeeded, done.failed), (24, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "it keeps nothing until `run` is called"]
pub struct Scheduler<'a> {
    schedule: &'a Schedule,
    state: &'a State,
    clock: Arc<dyn Clock>,
    stop: Stop,
    stop_grace: Duration,
    intervals: Option<usize>,
    only_orders: bool,
}

/// What a scheduler has done until it stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Runs that succeeded.
    pub succeeded: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Tries that were running when the process before this one died, and were put back.
    pub recovered: u64,
    /// Tries that were cut short because it was told to stop, and were put back.
    pub interrupted: u64,
    /// Transactions that wrote something.
    pub commits: u64,
}

impl<'a> Scheduler<'a> {
    /// Keeps this schedule in this state.
    pub fn new(schedule: &'a Schedule, state: &'a State) -> Self {
        Self {
            schedule,
            state,
            clock: Arc::new(SystemClock),
            stop: Stop::new(),
            stop_grace: Duration::from_secs(30),
            intervals: None,
            only_orders: false,
        }
    }

    /// Asks this clock for the time. How long stages may take is measured apart from it, by the
    /// monotonic clock of the machine.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// What tells it to stop.
    pub fn stop_by(self, stop: &Stop) -> Self {
        let stop = stop.clone();
        Self { stop, ..self }
    }

    /// How long it lets stages end by themselves once it is told to stop; 30 seconds unless said.
    pub fn stop_grace(self, stop_grace: Duration) -> Self {
        Self { stop_grace, ..self }
    }

    /// Ends after so many intervals, those included that an earlier process left unfinished.
    pub fn intervals(self, intervals: usize) -> Self {
        Self {
            intervals: Some(intervals),
            ..self
        }
    }

    /// Carries out what is in the queue, and ends: for orders that are given while nobody keeps the
    /// schedule. Nothing comes due meanwhile, and of a paused schedule only what was asked for runs.
    pub fn only_orders(self) -> Self {
        Self {
            only_orders: true,
            ..self
        }
    }

    /// Keeps the schedule until it is told to stop, or nothing can come any more. It blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a schedule that cannot work;
    /// [`ErrorKind::Schedule`](crate::ErrorKind::Schedule) when another process keeps the state,
    /// when it belongs to another schedule, and when it cannot be written: then what runs is
    /// ended first, and nothing is lost but its work.
    pub fn run(self) -> Result<Summary> {
        self.schedule.check()?;
        let _lock = self.state.lock()?;
        Engine::new(&self)?.run()
    }
}

/// Which hooks are told of something.
fn hooks<'a>(schedule: &'a Schedule, notice: &Notice) -> &'a [Hook] {
    match notice.occasion {
        super::Occasion::Success => &schedule.on_success,
        super::Occasion::Failure => &schedule.on_failure,
        super::Occasion::Retry => &schedule.on_retry,
        super::Occasion::Deadline => &schedule.on_deadline,
    }
}
