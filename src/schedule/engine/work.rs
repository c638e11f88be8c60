//! The loop: what is in work, and for what it waits.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;

use super::launch::{End, Handle, News, Try};
use super::{Scheduler, Summary, orphan};
use crate::error::Result;
use crate::schedule::hook::Hooks;
use crate::schedule::state::{RunId, StageState, State, Task};
use crate::schedule::{Interval, Notice, Parameters, RunKind, Schedule, Timetable};

/// Orders of other processes, and signals, are seen within this time.
const LOOK: Duration = Duration::from_millis(200);
/// A file that is not there yet, or a disk that is slow, needs no finer clock than this.
const SHORTEST: Duration = Duration::from_millis(1);

pub(super) struct Engine<'a> {
    pub(super) scheduler: &'a Scheduler<'a>,
    pub(super) schedule: &'a Schedule,
    pub(super) state: &'a State,
    pub(super) table: Timetable,
    /// Runs in work, by interval.
    pub(super) active: BTreeMap<(Timestamp, RunId), Active>,
    pub(super) running: Vec<Running>,
    pub(super) sender: Sender<News>,
    receiver: Receiver<News>,
    /// Intervals that were queued here, or were unfinished at the start.
    pub(super) opened: usize,
    /// When the next interval is due; the past where it is not known yet.
    pub(super) next_due: Option<Timestamp>,
    /// The time of the last look, which has done all that could be done by then.
    pub(super) looked: Timestamp,
    pub(super) paused: bool,
    pub(super) notices: Vec<Notice>,
    pub(super) summary: Summary,
    hooks: Hooks,
    told: Option<Instant>,
}

/// A run in work.
pub(super) struct Active {
    pub(super) interval: Interval,
    pub(super) parameters: Parameters,
    pub(super) kind: RunKind,
    pub(super) tasks: Vec<Task>,
    pub(super) started: Timestamp,
    /// When it has run out of time, if it ever does.
    pub(super) deadline: Option<Instant>,
    pub(super) out_of_time: bool,
}

impl Active {
    pub(super) fn states(&self) -> Vec<StageState> {
        self.tasks.iter().map(|task| task.state).collect()
    }
}

/// A try that runs.
pub(super) struct Running {
    pub(super) of: Try,
    pub(super) start: Timestamp,
    handle: Handle,
    deadline: Option<Instant>,
    pub(super) ending: Option<Ending>,
}

/// A try that was told to end.
pub(super) struct Ending {
    pub(super) why: Why,
    /// None when that is further away than the clock goes.
    kill: Option<Instant>,
    killed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    OutOfTime,
    Stopped,
}

impl<'a> Engine<'a> {
    pub(super) fn new(scheduler: &'a Scheduler<'a>) -> Result<Self> {
        let (sender, receiver) = channel();
        Ok(Self {
            scheduler,
            schedule: scheduler.schedule,
            state: scheduler.state,
            table: scheduler.schedule.timetable()?,
            active: BTreeMap::new(),
            running: Vec::new(),
            sender,
            receiver,
            opened: 0,
            next_due: Some(Timestamp::MIN),
            looked: Timestamp::MIN,
            paused: false,
            notices: Vec::new(),
            summary: Summary::default(),
            hooks: Hooks::new(scheduler.stop.clone(), scheduler.stop_grace),
            told: None,
        })
    }

    pub(super) fn run(mut self) -> Result<Summary> {
        self.recover()?;
        let kept = self.keep();
        if kept.is_err() {
            // The state cannot be written: what runs would not be known to anybody.
            self.end_all();
        }
        kept.map(|()| self.summary)
    }

    fn keep(&mut self) -> Result<()> {
        let mut news: Vec<News> = Vec::new();
        loop {
            // First of all, so that nothing is told to end that has ended.
            news.extend(self.receiver.try_iter());
            self.watch_times(&news);
            self.watch_stop();
            let launches = self.step(&mut news)?;
            for launch in launches {
                let stage = &self.schedule.job.stages[launch.of.stage];
                let (of, start) = (launch.of, launch.interval.start());
                tracing::info!(stage = stage.name, interval = %launch.interval, attempt = of.number, "starting");
                let deadline = stage
                    .timeout
                    .and_then(|timeout| Instant::now().checked_add(timeout));
                let handle = launch.start(stage, self.schedule.grace, &self.sender);
                self.running.push(Running {
                    of,
                    start,
                    handle,
                    deadline,
                    ending: None,
                });
            }
            for notice in std::mem::take(&mut self.notices) {
                for hook in super::hooks(self.schedule, &notice) {
                    self.hooks.fire(hook, notice.clone());
                }
            }
            if self.is_over() {
                return self.put_back();
            }
            self.wait();
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.scheduler.stop.told() > 0
    }

    pub(super) fn may_open(&self) -> usize {
        match self.scheduler.intervals {
            _ if self.scheduler.only_orders => 0,
            Some(most) => most.saturating_sub(self.opened),
            None => usize::MAX,
        }
    }

    fn is_over(&self) -> bool {
        if !self.running.is_empty() {
            return false;
        }
        if self.is_stopping() {
            return true;
        }
        // Whoever could resume it, or give it an order, does so by a folder.
        let nobody_asks = self.state.folder().is_none();
        if self.paused && nobody_asks && !self.scheduler.only_orders {
            tracing::warn!("paused, and nobody can resume what is kept in memory: it ends");
            return true;
        }
        let nothing_comes = self.next_due.is_none() && !self.paused;
        self.active.is_empty() && (self.may_open() == 0 || nothing_comes)
    }

    /// Waits for news, for the clock, or for the time to look again.
    fn wait(&self) {
        let now = self.scheduler.clock.now();
        let by_clock = self.wake().map(|at| {
            let wait = at.duration_since(now);
            Duration::try_from(wait)
                .unwrap_or(Duration::ZERO)
                .max(SHORTEST)
        });
        let running = self.running.iter().filter_map(Running::next_moment);
        let runs = self.active.values().filter(|run| !run.out_of_time);
        let soon = running.chain(runs.filter_map(|run| run.deadline)).min();
        let soon = soon.map(|at| at.saturating_duration_since(Instant::now()).max(SHORTEST));
        let time = by_clock.into_iter().chain(soon).min().unwrap_or(LOOK);
        if !self.running.is_empty() {
            if let Ok(news) = self.receiver.recv_timeout(time.min(LOOK)) {
                // Back to where all news is taken from.
                let _ = self.sender.send(news);
            }
            return;
        }
        match self.state.folder() {
            Some(_) => self.scheduler.clock.pause(time.min(LOOK)),
            None => self.pause(time),
        }
    }

    /// Waits where nobody gives orders: only to be told to stop interrupts it.
    fn pause(&self, time: Duration) {
        let clock = &self.scheduler.clock;
        let mut left = time;
        while !left.is_zero() && !self.is_stopping() {
            let part = left.min(LOOK);
            let begun = Instant::now();
            clock.pause(part);
            left -= part;
            // A clock of tests moves on at once, and further at once too.
            if begun.elapsed() < part / 2 {
                clock.pause(left);
                return;
            }
        }
    }

    /// The next moment at which the clock alone changes something.
    fn wake(&self) -> Option<Timestamp> {
        if self.is_stopping() || (self.paused && !self.scheduler.only_orders) {
            return None;
        }
        let due = (!self.paused && self.may_open() > 0)
            .then_some(self.next_due)
            .flatten();
        let runs = self.active.values().filter(|run| !run.out_of_time);
        let tasks = runs.flat_map(|run| &run.tasks);
        let retries = tasks.filter(|task| task.state == StageState::UpForRetry);
        let retries = retries.filter_map(|task| task.not_before);
        // One that was due at the last look and did not start waits for a place, not for the clock.
        let retries = retries.filter(|at| *at > self.looked);
        let deadline = self.schedule.deadline;
        let deadline = deadline.and_then(|deadline| SignedDuration::try_from(deadline).ok());
        let ends = self.active.values().map(|run| run.interval.end());
        let late = ends.filter_map(|end| end.checked_add(deadline?).ok());
        let late = late.filter(|at| *at > self.looked);
        due.into_iter().chain(retries).chain(late).min()
    }

    /// Tells those that ran out of time to end, and ends those that were told and did not.
    fn watch_times(&mut self, news: &[News]) {
        let now = Instant::now();
        for run in self.active.values_mut() {
            run.out_of_time |= run.deadline.is_some_and(|deadline| now >= deadline);
        }
        let grace = self.schedule.grace;
        for running in &mut self.running {
            if news.iter().any(|news| news.of == running.of) {
                continue;
            }
            let run = self.active.get(&(running.start, running.of.run));
            let late = running.deadline.is_some_and(|deadline| now >= deadline);
            if late || run.is_some_and(|run| run.out_of_time) {
                running.end(Why::OutOfTime, grace);
            }
            running.kill_if_late(now, &self.sender);
        }
    }

    fn watch_stop(&mut self) {
        let told = self.scheduler.stop.told();
        if told == 0 {
            return;
        }
        let since = *self.told.get_or_insert_with(Instant::now);
        if told > 1 || since.elapsed() >= self.scheduler.stop_grace {
            for running in &mut self.running {
                running.end(Why::Stopped, self.schedule.grace);
            }
        }
    }

    /// Ends all that runs, and waits for it: the way out when nothing can be written any more.
    fn end_all(&mut self) {
        let grace = self.schedule.grace;
        for running in &mut self.running {
            running.end(Why::Stopped, grace);
        }
        let begin = Instant::now();
        let longest = grace.saturating_add(Duration::from_secs(5));
        while !self.running.is_empty() && begin.elapsed() < longest {
            if let Ok(news) = self.receiver.recv_timeout(LOOK) {
                self.running.retain(|running| running.of != news.of);
            }
            for running in &mut self.running {
                running.kill_if_late(Instant::now(), &self.sender);
            }
        }
    }

    /// Ends what an earlier process left running, and puts it back into the queue.
    fn recover(&mut self) -> Result<()> {
        let (schedule, state, now) = (self.schedule, self.state, self.scheduler.clock.now());
        let orphans = state.write(|ledger| {
            ledger.adopt(&schedule.name, &schedule.definition())?;
            ledger.orphans()
        })?;
        let left = orphans.iter().filter_map(|of| {
            let log = state.log_path(of.run, of.interval, &of.stage, of.number)?;
            let mark = state.mark(of.run, &of.stage, of.number, of.started);
            Some(orphan::Left { mark, log })
        });
        orphan::end(&left.collect::<Vec<_>>(), schedule.grace)?;
        for orphan in &orphans {
            tracing::warn!(stage = orphan.stage, interval = %orphan.interval, "put back after a kill");
        }
        self.summary.recovered = orphans.len() as u64;
        self.opened = state.write(|ledger| {
            ledger.requeue(now)?;
            ledger.open_intervals()
        })?;
        Ok(())
    }
}

impl Running {
    fn next_moment(&self) -> Option<Instant> {
        match &self.ending {
            Some(ending) => ending.kill.filter(|_| !ending.killed),
            None => self.deadline,
        }
    }

    /// Tells it to end.
    fn end(&mut self, why: Why, grace: Duration) {
        if self.ending.is_some() {
            return;
        }
        match &self.handle {
            // It has ended by itself, and what is left of its group is ended by who saw that.
            Handle::Process(group) if !group.signal(Signal::TERM) => return,
            Handle::Process(_) => {}
            Handle::Call(cancel) => cancel.cancel(),
        }
        self.ending = Some(Ending {
            why,
            kill: Instant::now().checked_add(grace),
            killed: false,
        });
    }

    fn kill_if_late(&mut self, now: Instant, news: &Sender<News>) {
        let Some(ending) = &mut self.ending else {
            return;
        };
        if ending.killed || ending.kill.is_none_or(|kill| now < kill) {
            return;
        }
        ending.killed = true;
        match &self.handle {
            Handle::Process(group) => {
                group.signal(Signal::KILL);
            }
            Handle::Call(_) => {
                // A thread cannot be ended; its later word on itself finds nobody.
                let end = End::Failed {
                    exit_code: None,
                    message: "it did not end when it was told to".to_owned(),
                    may_retry: true,
                };
                let _ = news.send(News { of: self.of, end });
            }
        }
    }
}

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        // Only after a panic or a failed state is there anything left: nothing may run unseen.
        for running in &self.running {
            match &running.handle {
                Handle::Process(group) => {
                    group.signal(Signal::KILL);
                }
                Handle::Call(cancel) => cancel.cancel(),
            }
        }
    }
}
