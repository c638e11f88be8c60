use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::due::Rules;
use super::{CatchUp, Hook, Job, Retry, Timetable, Timing};
use crate::error::{Error, ErrorKind, Result};

/// When a [`Job`] runs, and what happens when it does not go well.
///
/// A schedule is a value: setters never fail, [`check`](Self::check) tells what cannot work, and
/// nothing runs before a [`Scheduler`](super::Scheduler) keeps it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use floe::schedule::{CatchUp, Job, Outcome, Retry, Schedule};
///
/// let job = Job::call("count", |run| {
///     run.log(format_args!("counting {}", run.interval));
///     Ok(Outcome::Done)
/// });
/// let schedule = Schedule::cron("0 * * * *")
///     .name("likes")
///     .time_zone("Europe/Stockholm")
///     .catch_up(CatchUp::All)
///     .retry(Retry::times(3).delay(Duration::from_secs(30)))
///     .pause_after(5)
///     .job(job);
/// schedule.check()?;
/// # Ok::<(), floe::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Schedule {
    pub(crate) name: String,
    pub(crate) timing: Timing,
    pub(crate) job: Job,
    pub(crate) catch_up: CatchUp,
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
    pub(crate) max_active: usize,
    pub(crate) backfill_active: usize,
    pub(crate) depends_on_past: bool,
    pub(crate) retry: Retry,
    pub(crate) run_timeout: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) pause_after: Option<u32>,
    pub(crate) grace: Duration,
    pub(crate) pools: BTreeMap<String, usize>,
    pub(crate) on_success: Vec<Hook>,
    pub(crate) on_failure: Vec<Hook>,
    pub(crate) on_retry: Vec<Hook>,
    pub(crate) on_deadline: Vec<Hook>,
}

/// What the state keeps of a schedule, for those who only look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Definition {
    /// How time is divided.
    pub timing: Timing,
    /// What becomes of missed intervals.
    pub catch_up: CatchUp,
    /// No interval begins before.
    #[serde(with = "stamp")]
    pub start: Option<Timestamp>,
    /// No interval ends after.
    #[serde(with = "stamp")]
    pub end: Option<Timestamp>,
    /// The stages in their order.
    pub stages: Vec<String>,
}

impl Schedule {
    /// Boundaries at the times of a cron expression, in UTC unless
    /// [`time_zone`](Self::time_zone) says otherwise.
    pub fn cron(expression: impl Into<String>) -> Self {
        Self::new(Timing::Cron {
            expression: expression.into(),
            time_zone: "UTC".to_owned(),
        })
    }

    /// Boundaries one period apart, counted from 1970-01-01 UTC.
    pub fn every(period: Duration) -> Self {
        Self::new(Timing::every(period))
    }

    /// Boundaries by a timing that was stored, as in a [`Definition`].
    pub fn new(timing: Timing) -> Self {
        Self {
            name: "schedule".to_owned(),
            timing,
            job: Job::new([]),
            catch_up: CatchUp::default(),
            start: None,
            end: None,
            max_active: 1,
            backfill_active: 1,
            depends_on_past: false,
            retry: Retry::default(),
            run_timeout: None,
            deadline: None,
            pause_after: None,
            grace: Duration::from_secs(10),
            pools: BTreeMap::new(),
            on_success: Vec::new(),
            on_failure: Vec::new(),
            on_retry: Vec::new(),
            on_deadline: Vec::new(),
        }
    }

    /// Its name, which the state remembers: another schedule's state is refused.
    pub fn name(self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self
        }
    }

    /// The zone of a cron expression, by its name in the IANA database. A period has none.
    pub fn time_zone(mut self, zone: impl Into<String>) -> Self {
        if let Timing::Cron { time_zone, .. } = &mut self.timing {
            *time_zone = zone.into();
        }
        self
    }

    /// What runs.
    pub fn job(self, job: Job) -> Self {
        Self { job, ..self }
    }

    /// What becomes of missed intervals; [`CatchUp::Latest`] unless said.
    pub fn catch_up(self, catch_up: CatchUp) -> Self {
        Self { catch_up, ..self }
    }

    /// No interval begins before this. Without it the first is the one that is open when the
    /// schedule is first kept.
    pub fn start(self, start: Timestamp) -> Self {
        Self {
            start: Some(start),
            ..self
        }
    }

    /// No interval ends after this.
    pub fn end(self, end: Timestamp) -> Self {
        Self {
            end: Some(end),
            ..self
        }
    }

    /// How many intervals may be in work at once, without those of backfills; 1 unless said.
    pub fn max_active_runs(self, max_active: usize) -> Self {
        Self { max_active, ..self }
    }

    /// How many intervals of backfills may be in work at once, beside the others; 1 unless said.
    pub fn max_active_backfills(self, backfill_active: usize) -> Self {
        Self {
            backfill_active,
            ..self
        }
    }

    /// A run waits until the run of the interval before it, with the same parameters, has
    /// succeeded. While it waits it takes no place, so that the older run can always be repeated.
    pub fn depends_on_past(self) -> Self {
        Self {
            depends_on_past: true,
            ..self
        }
    }

    /// How stages are tried again that do not say it themselves; not at all unless said.
    pub fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// The longest time of a run, from its first stage on: then its stages are ended, and it fails.
    /// Time goes on while a run waits for a retry, and while nobody keeps the schedule. While the
    /// machine sleeps it stands still, unless the schedule is started anew after that.
    pub fn run_timeout(self, timeout: Duration) -> Self {
        Self {
            run_timeout: Some(timeout),
            ..self
        }
    }

    /// How long after the end of its interval a run is expected to have ended; see
    /// [`on_deadline`](Self::on_deadline).
    pub fn deadline(self, deadline: Duration) -> Self {
        Self {
            deadline: Some(deadline),
            ..self
        }
    }

    /// Pauses by itself after so many failed runs in a row.
    pub fn pause_after(self, failed: u32) -> Self {
        Self {
            pause_after: Some(failed),
            ..self
        }
    }

    /// How long a stage has to end by itself once it is told to; then it is killed. 10 seconds
    /// unless said.
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// A pool: at most so many of the stages that name it run at once.
    pub fn pool(mut self, name: impl Into<String>, places: usize) -> Self {
        self.pools.insert(name.into(), places);
        self
    }

    /// Called when a run has succeeded.
    pub fn on_success(mut self, hook: Hook) -> Self {
        self.on_success.push(hook);
        self
    }

    /// Called when a run has failed.
    pub fn on_failure(mut self, hook: Hook) -> Self {
        self.on_failure.push(hook);
        self
    }

    /// Called when a stage has failed and will be tried again.
    pub fn on_retry(mut self, hook: Hook) -> Self {
        self.on_retry.push(hook);
        self
    }

    /// Called when a run has not ended by its [`deadline`](Self::deadline). Of runs that were queued
    /// later than that nobody is told, but for the newest interval of a catch-up.
    pub fn on_deadline(mut self, hook: Hook) -> Self {
        self.on_deadline.push(hook);
        self
    }

    /// How it divides time.
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// Its pools, with their places.
    pub fn pools(&self) -> impl Iterator<Item = (&str, usize)> {
        self.pools
            .iter()
            .map(|(name, places)| (name.as_str(), *places))
    }

    /// Its boundaries.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] as [`Timing::timetable`] says.
    pub fn timetable(&self) -> Result<Timetable> {
        self.timing.timetable()
    }

    /// Tells what cannot work.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a timing that cannot be read or never comes, a job that
    /// [cannot work](Job::check), pools that there are not, and limits of zero.
    pub fn check(&self) -> Result<()> {
        let refuse = |message: String| Err(Error::new(ErrorKind::Config, message));
        if self.name.is_empty() {
            return refuse("a schedule has a name".to_owned());
        }
        let table = self.timetable()?;
        let from = self.start.unwrap_or(Timestamp::UNIX_EPOCH);
        if table.next(from).and_then(|next| table.next(next)).is_none() {
            return refuse("the schedule never comes".to_owned());
        }
        if let (Some(start), Some(end)) = (self.start, self.end)
            && start >= end
        {
            return refuse(format!("it ends at {end}, not after its start {start}"));
        }
        if self.max_active == 0 || self.backfill_active == 0 {
            return refuse("with no run at once nothing ever runs".to_owned());
        }
        if let Some(problem) = self.retry.problem() {
            return refuse(problem.to_owned());
        }
        self.job.check()?;
        for stage in &self.job.stages {
            let Some(pool) = &stage.pool else { continue };
            match self.pools.get(pool) {
                None => {
                    let message = format!(
                        "`{}` is in the pool `{pool}`, which there is not",
                        stage.name
                    );
                    return Err(Error::new(ErrorKind::Config, message)
                        .with_help("say its places with `.pool(name, places)`"));
                }
                Some(0) => return refuse(format!("the pool `{pool}` has no place at all")),
                Some(_) => {}
            }
        }
        Ok(())
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules {
            catch_up: self.catch_up,
            start: self.start,
            end: self.end,
        }
    }

    pub(crate) fn retry_of(&self, stage: usize) -> &Retry {
        self.job.stages[stage].retry.as_ref().unwrap_or(&self.retry)
    }

    pub(crate) fn definition(&self) -> Definition {
        Definition {
            timing: self.timing.clone(),
            catch_up: self.catch_up,
            start: self.start,
            end: self.end,
            stages: self.job.stages().map(ToOwned::to_owned).collect(),
        }
    }
}

/// Times as text.
mod stamp {
    use jiff::Timestamp;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    // The form that serde asks for.
    #[allow(clippy::ref_option, reason = "serde hands over the field by reference")]
    pub(super) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(|at| at.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let text: Option<String> = Option::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom))
            .transpose()
    }
}
