//! One look at the clock, the news and the queue, in one transaction.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::launch::{Launch, News, Try};
use super::work::{Active, Engine};
use crate::error::Result;
use crate::schedule::decide::{may_start, outcome, settle};
use crate::schedule::due::due;
use crate::schedule::interval::whole;
use crate::schedule::state::{Ledger, PATIENCE, Queue, RunId, Settings};
use crate::schedule::{Occasion, Parameters, RunKind, RunState, StageState};

/// At most so many runs are queued in one transaction.
const BATCH: usize = 1000;
/// So long a look waits for others that write: what runs is watched in between.
const SOON: Duration = Duration::from_secs(1);

/// How much of what is due is in the queue, as far as anything may be put there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    All,
    /// The next look goes on at once, or the next start, or once it is resumed.
    Some,
}

impl Engine<'_> {
    /// Writes down what ended, what is due and what starts; gives what was written to start.
    ///
    /// While another process writes for long, nothing is done and the news stays where it is.
    pub(super) fn step(&mut self, news: &mut Vec<News>) -> Result<Vec<Launch>> {
        let (state, now) = (self.state, self.scheduler.clock.now());
        self.looked = now;
        let stopping = self.is_stopping();
        let patience = if stopping { PATIENCE } else { SOON };
        let mut begun = false;
        let done = state.write_within(patience, |ledger| {
            begun = true;
            let before = ledger.changes();
            for news in news.drain(..) {
                self.take(ledger, news, now)?;
            }
            let mut settings = ledger.settings()?;
            self.tell_of_pause(settings.paused);
            // Which interval of a catch-up is the newest shows when all of it is queued.
            let opened = self.open(ledger, &settings, now)?;
            self.tell_of_late(ledger, now, opened == Opened::All)?;
            let mut launches = Vec::new();
            loop {
                if !self.is_stopping() && (!settings.paused || self.scheduler.only_orders) {
                    self.admit(ledger, settings.paused, now)?;
                    self.start(ledger, now, &mut launches)?;
                }
                if !self.finish(ledger, &mut settings, now)? {
                    break;
                }
            }
            self.paused = settings.paused;
            Ok((launches, ledger.changes() > before))
        });
        let (launches, wrote) = match done {
            Err(error) if !begun && !stopping && error.is_transient() => {
                tracing::warn!(%error, "another process writes to the state; trying again");
                return Ok(Vec::new());
            }
            done => done?,
        };
        self.summary.commits += u64::from(wrote);
        Ok(launches)
    }

    /// Says that somebody has paused or resumed the schedule.
    fn tell_of_pause(&mut self, paused: bool) {
        match (self.paused, paused) {
            (false, true) => tracing::warn!("paused: nothing is started until it is resumed"),
            (true, false) => tracing::info!("resumed"),
            _ => {}
        }
        self.paused = paused;
    }

    /// What is due goes into the queue, and the cursor moves.
    fn open(&mut self, ledger: &Ledger<'_>, settings: &Settings, now: Timestamp) -> Result<Opened> {
        let may = self.may_open();
        let came = self.next_due.is_some_and(|next| next <= now);
        if may == 0 || !came {
            return Ok(Opened::All);
        }
        if settings.paused || self.is_stopping() {
            return Ok(Opened::Some);
        }
        let mapped: Vec<_> = self
            .schedule
            .job
            .mapped()
            .iter()
            .map(Parameters::key)
            .collect();
        let most = may.min(BATCH.div_ceil(mapped.len()));
        let Some(due) = due(
            &self.table,
            self.schedule.rules(),
            settings.cursor,
            now,
            most,
        ) else {
            self.next_due = None;
            return Ok(Opened::All);
        };
        for interval in &due.intervals {
            for key in &mapped {
                ledger.queue(*interval, key, RunKind::Scheduled, now)?;
            }
        }
        if let Some(missed) = due.missed {
            tracing::warn!(%missed, "intervals were missed");
            ledger.miss(missed, now)?;
        }
        if let Some(cursor) = due.cursor {
            ledger.set_cursor(cursor)?;
        }
        self.opened += due.intervals.len();
        let next = self.table.next(due.next);
        if let (Some(cursor), true) = (settings.cursor, due.intervals.is_empty())
            && self.table.next(now).is_some_and(|next| next < cursor)
        {
            tracing::warn!(%cursor, "the clock is before what was decided: nothing is due until then");
        }
        self.next_due = next.filter(|next| self.schedule.end.is_none_or(|end| *next <= end));
        Ok(match self.next_due {
            Some(next) if next <= now && self.may_open() > 0 => Opened::Some,
            _ => Opened::All,
        })
    }

    /// Takes runs from the queue into work, older intervals first; while the schedule is paused
    /// only those that somebody ordered.
    fn admit(&mut self, ledger: &Ledger<'_>, paused: bool, now: Timestamp) -> Result<()> {
        let schedule = self.schedule;
        let due = if paused { Queue::Ordered } else { Queue::Due };
        let limits = [
            (due, schedule.max_active),
            (Queue::Backfill, schedule.backfill_active),
        ];
        for (queue, most) in limits {
            let backfill = queue == Queue::Backfill;
            let mut places: BTreeMap<Timestamp, usize> = BTreeMap::new();
            for run in self.active.values() {
                if (run.kind == RunKind::Backfill) == backfill {
                    *places.entry(run.interval.start()).or_default() += 1;
                }
            }
            let mut from = None;
            while let Some(start) = ledger.next_queued(queue, from, schedule.depends_on_past)? {
                from = Some(start);
                let taken = places.get(&start).copied();
                let free = match taken {
                    Some(taken) => schedule.job.at_once.saturating_sub(taken),
                    None if places.len() < most => schedule.job.at_once,
                    // The rest of the queue is of later intervals; some of them may have places.
                    None if places.keys().all(|at| *at < start) => break,
                    None => 0,
                };
                let runs = match free {
                    0 => Vec::new(),
                    _ => ledger.queued_at(queue, start, schedule.depends_on_past, free)?,
                };
                for run in runs {
                    *places.entry(start).or_default() += 1;
                    // As the state keeps it, so that it is the same after a restart.
                    let started = run.started.unwrap_or(whole(now));
                    ledger.set_run(run.id, RunState::Running, Some(started), None, None)?;
                    let deadline = self.deadline(started, now);
                    let active = Active {
                        interval: run.interval,
                        parameters: run.parameters,
                        kind: run.kind,
                        tasks: ledger.tasks(run.id, &schedule.job)?,
                        started,
                        deadline,
                        out_of_time: deadline.is_some_and(|at| at <= Instant::now()),
                    };
                    self.active.insert((start, run.id), active);
                }
            }
        }
        Ok(())
    }

    /// When a run that started at a moment runs out of time. What it took before this process was
    /// started counts too.
    fn deadline(&self, started: Timestamp, now: Timestamp) -> Option<Instant> {
        let most = self.schedule.run_timeout?;
        // Nothing is known of a clock that was set back since.
        let taken = Duration::try_from(now.duration_since(started)).unwrap_or(Duration::ZERO);
        Instant::now().checked_add(most.saturating_sub(taken))
    }

    /// Starts the stages that may, as far as their pools have places.
    fn start(
        &mut self,
        ledger: &Ledger<'_>,
        now: Timestamp,
        launches: &mut Vec<Launch>,
    ) -> Result<()> {
        let job = &self.schedule.job;
        let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
        let in_pools = self.running.iter().map(|running| running.of.stage);
        let in_pools = in_pools.chain(launches.iter().map(|launch| launch.of.stage));
        for pool in in_pools.filter_map(|at| job.stages[at].pool.as_deref()) {
            *taken.entry(pool).or_default() += 1;
        }
        for ((_, id), run) in &mut self.active {
            if run.out_of_time {
                continue;
            }
            let states = run.states();
            for (at, stage) in job.stages.iter().enumerate() {
                if !may_start(job, at, &states)
                    || !is_time(run, at, self.schedule.retry_of(at).max_delay, now)
                {
                    continue;
                }
                if let Some(pool) = stage.pool.as_deref() {
                    let taken = taken.entry(pool).or_default();
                    if *taken >= self.schedule.pools.get(pool).copied().unwrap_or(0) {
                        continue;
                    }
                    *taken += 1;
                }
                let task = &mut run.tasks[at];
                task.state = StageState::Running;
                task.tries += 1;
                task.not_before = None;
                ledger.set_task(*id, &stage.name, *task)?;
                ledger.start_try(*id, &stage.name, task.tries, now)?;
                let number = task.tries;
                launches.push(Launch {
                    of: Try {
                        run: *id,
                        stage: at,
                        number,
                    },
                    interval: run.interval,
                    parameters: run.parameters.clone(),
                    run_started: run.started,
                    log: self.state.log_path(*id, run.interval, &stage.name, number),
                    mark: self.state.mark(*id, &stage.name, number, now),
                });
            }
        }
        Ok(())
    }

    /// Carries on what stages that ended mean, and ends the runs that are over; tells whether any.
    fn finish(
        &mut self,
        ledger: &Ledger<'_>,
        settings: &mut Settings,
        now: Timestamp,
    ) -> Result<bool> {
        let job = &self.schedule.job;
        let mut over: Vec<((Timestamp, RunId), RunState)> = Vec::new();
        for (key, run) in &mut self.active {
            let mut states = run.states();
            settle(job, &mut states);
            if run.out_of_time {
                states.iter_mut().for_each(give_up);
            }
            for (at, state) in states.iter().enumerate() {
                if run.tasks[at].state != *state {
                    run.tasks[at].state = *state;
                    ledger.set_task(key.1, &job.stages[at].name, run.tasks[at])?;
                }
            }
            if let Some(state) = outcome(&states) {
                over.push((*key, state));
            }
        }
        for (key, state) in &over {
            let Some(run) = self.active.remove(key) else {
                continue;
            };
            let message = run.out_of_time.then_some("the run ran out of time");
            ledger.set_run(key.1, *state, Some(run.started), Some(now), message)?;
            self.count(ledger, settings, &run, *state)?;
            tracing::info!(interval = %run.interval, parameters = %run.parameters, %state, "run ended");
            let occasion = match state {
                RunState::Failed => Occasion::Failure,
                _ => Occasion::Success,
            };
            self.notify(occasion, &run, None, message.map(ToOwned::to_owned));
        }
        Ok(!over.is_empty())
    }

    /// Counts runs that ended, and pauses after too many that failed in a row.
    fn count(
        &mut self,
        ledger: &Ledger<'_>,
        settings: &mut Settings,
        run: &Active,
        state: RunState,
    ) -> Result<()> {
        if state == RunState::Failed {
            self.summary.failed += 1;
        } else {
            self.summary.succeeded += 1;
        }
        if run.kind != RunKind::Scheduled {
            return Ok(());
        }
        settings.failed_in_a_row = match state {
            RunState::Failed => settings.failed_in_a_row.saturating_add(1),
            _ => 0,
        };
        let failed = settings.failed_in_a_row;
        ledger.set_failed_in_a_row(failed)?;
        if self.schedule.pause_after.is_some_and(|most| failed >= most) && !settings.paused {
            settings.paused = true;
            let because = format!("{failed} runs failed in a row");
            tracing::warn!(because, "paused");
            ledger.set_paused(Some(&because))?;
        }
        Ok(())
    }

    /// Puts runs that were begun back into the queue, for the next start.
    pub(super) fn put_back(&mut self) -> Result<()> {
        let state = self.state;
        state.write(|ledger| {
            for ((_, id), run) in &self.active {
                ledger.set_run(*id, RunState::Queued, Some(run.started), None, None)?;
            }
            Ok(())
        })?;
        self.active.clear();
        Ok(())
    }
}

/// Whether a stage that failed has waited long enough. A clock that was set back does not make it
/// wait longer than it ever may.
fn is_time(run: &Active, at: usize, longest: Duration, now: Timestamp) -> bool {
    let Some(not_before) = run.tasks[at].not_before else {
        return true;
    };
    let longest = SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX);
    not_before <= now || not_before.duration_since(now) > longest
}

/// What a stage is in whose run has no time left.
fn give_up(state: &mut StageState) {
    match *state {
        StageState::Waiting => *state = StageState::UpstreamFailed,
        StageState::UpForRetry => *state = StageState::Failed,
        _ => {}
    }
}
