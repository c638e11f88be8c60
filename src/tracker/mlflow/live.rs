//! The half of a tracker that works while a run does: it writes events down, and a thread of its
//! own tells them to the server.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::copies;
use super::sender;
use super::settings::{Experiment, Settings};
use super::spool::{self, Header, Writer};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::tracker::{Event, What};

/// So many events wait for the server that it is not worth to wait for more.
const MANY: u64 = 1000;
/// The pause between two attempts while somebody waits for the server.
const HURRIED: Duration = Duration::from_millis(200);
/// The most characters of an experiment's name that a server takes.
const LONGEST: usize = 500;
/// How long the end of the sender is waited for; a request that is under way may take longer.
const ENDING: Duration = Duration::from_secs(1);

/// What the thread of the run and the thread that sends share.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) settings: Settings,
    state: Mutex<State>,
    /// Wakes the sender.
    work: Condvar,
    /// Wakes who waits for the sender.
    news: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    writer: Option<Writer>,
    /// Which spool it is, counted from 1: one that is sent to its end is removed.
    pub(super) spools: u64,
    /// Up to where the spool is written.
    pub(super) recorded: u64,
    /// Up to where it is on the server.
    pub(super) sent: u64,
    /// Events that were written since the sender looked.
    fresh: u64,
    /// The runs that began and did not end.
    open: BTreeSet<String>,
    sender: Sender,
    /// How many wait for all to be sent.
    flushing: usize,
    pub(super) stop: bool,
    /// Why nothing more is sent, and whether that may pass by itself.
    pub(super) trouble: Option<(Error, bool)>,
    /// Whether something that does not pass by itself was met since a flush began.
    pub(super) is_barred: bool,
    /// Attempts that brought no connection, since a flush began.
    pub(super) unreachable: u32,
    /// What the server did not take.
    pub(super) faults: Vec<String>,
}

/// The thread that sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sender {
    #[default]
    Absent,
    /// It ended, since the settings let nothing be sent at all: only a flush tries that again.
    Hopeless,
    /// It waits for something to do.
    Idle,
    Working,
}

impl Sender {
    fn is_there(self) -> bool {
        matches!(self, Self::Idle | Self::Working)
    }
}

impl State {
    /// Whether there is something to send.
    pub(super) fn has_work(&self) -> bool {
        self.sent < self.recorded
    }

    pub(super) fn path(&self) -> Option<&std::path::Path> {
        self.writer.as_ref().map(Writer::path)
    }
}

impl Live {
    pub(super) fn new(mut settings: Settings) -> Self {
        // The process may go to another folder while it works.
        settings.spool = spool::whole(&settings.spool);
        Self {
            settings,
            state: Mutex::default(),
            work: Condvar::new(),
            news: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes events down, and wakes the sender.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when they cannot be written.
    pub(super) fn record(self: &Arc<Self>, events: &[Event]) -> Result<()> {
        self.refuse_experiments(events)?;
        let mut state = self.lock();
        if state.writer.is_none() {
            let writer = Writer::create(&self.settings.spool, &self.header(state.spools))?;
            state.recorded = writer.end();
            state.sent = writer.end();
            state.spools += 1;
            state.writer = Some(writer);
        }
        let Some(writer) = state.writer.as_mut() else {
            return Ok(());
        };
        // Files are copied first: an event that speaks of one must not stand without it.
        match copies::taken(events, writer.path())? {
            Some(events) => writer.events(&events)?,
            None => writer.events(events)?,
        }
        state.recorded = writer.end();
        let before = state.fresh;
        state.fresh += events.len() as u64;
        for event in events {
            match event.what {
                What::Started(_) => drop(state.open.insert(event.run.clone())),
                What::Finished { .. } => drop(state.open.remove(&event.run)),
                _ => {}
            }
        }
        // Each call into the system to wake it takes longer than all else that is done here.
        let many = before < MANY && state.fresh >= MANY;
        match state.sender {
            Sender::Absent => self.start(&mut state)?,
            Sender::Idle => self.work.notify_one(),
            Sender::Working if many => self.work.notify_one(),
            Sender::Working | Sender::Hopeless => {}
        }
        Ok(())
    }

    /// What no server takes is told at once, while somebody can put it right.
    fn refuse_experiments(&self, events: &[Event]) -> Result<()> {
        for event in events {
            let What::Started(started) = &event.what else {
                continue;
            };
            let name = match (&started.experiment, &self.settings.experiment) {
                (Some(name), _) | (None, Experiment::Name(name)) => name,
                (None, Experiment::Id(_)) => continue,
            };
            let length = name.chars().count();
            if length == 0 || length > LONGEST {
                let message = format!("the name of an experiment has {length} characters");
                return Err(Error::new(ErrorKind::Track, message)
                    .with_help(format!("give it 1 to {LONGEST}")));
            }
        }
        Ok(())
    }

    /// The first line of a spool. The run that the environment names is for the first one alone.
    fn header(&self, spools: u64) -> Header {
        let mut settings = self.settings.clone();
        settings.run_id = settings.run_id.filter(|_| spools == 0);
        Header::new(&settings, SystemClock.now().as_millisecond())
    }

    fn start(self: &Arc<Self>, state: &mut State) -> Result<()> {
        let live = Arc::clone(self);
        let spawned = thread::Builder::new()
            .name("floe-mlflow".to_owned())
            .spawn(move || sender::run(&live));
        spawned.map_err(|error| {
            Error::new(
                ErrorKind::Track,
                format!("no thread can be started: {error}"),
            )
            .with_help("the events are in the spool; call `sync` later")
        })?;
        state.sender = Sender::Working;
        Ok(())
    }

    /// Makes what was written survive a power loss, and waits for the server to have all of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] saying what the server does not have, or not as it was recorded.
    pub(super) fn flush(self: &Arc<Self>) -> Result<()> {
        let synced = self.lock().writer.as_mut().map_or(Ok(()), Writer::sync);
        let waited = self.wait();
        synced.and(waited)
    }

    fn wait(self: &Arc<Self>) -> Result<()> {
        // Some lengths of time are beyond what a clock shows: nobody waits longer than this.
        let most = Duration::from_hours(24 * 365);
        let deadline = Instant::now() + self.settings.deadline.min(most);
        let mut state = self.lock();
        let goal = (state.spools, state.recorded);
        // Only what is tried from now on counts: a person may have put right what was wrong.
        state.unreachable = 0;
        state.is_barred = false;
        if state.has_work() && !state.sender.is_there() {
            self.start(&mut state)?;
        }
        state.flushing += 1;
        self.work.notify_one();
        loop {
            let done = state.spools != goal.0 || state.sent >= goal.1;
            // One that ended, by whatever cause, sends nothing more.
            let done = done || !state.sender.is_there();
            let left = deadline.saturating_duration_since(Instant::now());
            if done || state.is_barred || state.unreachable >= 2 || left.is_zero() {
                break;
            }
            let woken = self.news.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.flushing -= 1;
        self.judged(&mut state)
    }

    /// What there is to say after a flush.
    fn judged(&self, state: &mut State) -> Result<()> {
        let faults = std::mem::take(&mut state.faults);
        if state.has_work() {
            let path = state.path().map(|path| path.display().to_string());
            let why = match &state.trouble {
                Some((error, _)) => error.message().to_owned(),
                None => format!("{} did not answer in time", self.settings.server()),
            };
            let mut message = format!(
                "the MLflow server does not have all of it yet; the rest is in `{}`: {why}",
                path.unwrap_or_default()
            );
            if !faults.is_empty() {
                message = format!("{message}; {}", faults.join("; "));
            }
            let help = state.trouble.as_ref().and_then(|(error, _)| error.help());
            let help = help.map_or_else(
                || "call `sync` once the server is there".to_owned(),
                |help| format!("{help}; then call `sync`"),
            );
            let error = Error::new(ErrorKind::Track, message).with_help(help);
            let passing = state.trouble.as_ref().is_none_or(|(_, passing)| *passing);
            return Err(if passing { error.transient() } else { error });
        }
        Self::remove_spool(state);
        if faults.is_empty() {
            return Ok(());
        }
        let message = format!(
            "not all is on the MLflow server as it was recorded: {}",
            faults.join("; ")
        );
        Err(Error::new(ErrorKind::Track, message))
    }

    /// A spool that the server has all of, and in which no run is under way, is done with.
    fn remove_spool(state: &mut State) {
        if !state.open.is_empty() || state.has_work() {
            return;
        }
        if let Some(writer) = state.writer.take() {
            if let Err(error) = spool::remove(writer.path()) {
                tracing::warn!(%error, "a spool that was sent is still there");
            }
            (state.recorded, state.sent) = (0, 0);
        }
    }

    /// Waits until there is something to do. False when nothing more will come.
    pub(super) fn wait_for_work(&self) -> bool {
        let mut state = self.lock();
        loop {
            if state.has_work() {
                if state.stop || state.flushing > 0 || state.fresh >= MANY {
                    break;
                }
                // A little patience makes one request of many events.
                let waited =
                    self.work
                        .wait_timeout_while(state, self.settings.buffering, |state| {
                            !(state.stop || state.flushing > 0 || state.fresh >= MANY)
                        });
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                break;
            }
            if state.stop {
                return false;
            }
            state.sender = Sender::Idle;
            let woken = self.work.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            state.sender = Sender::Working;
        }
        state.fresh = 0;
        true
    }

    /// Waits before the next attempt; less long when somebody waits for it, unless the server asked
    /// for the time. False when no attempt is to follow.
    pub(super) fn pause(&self, time: Duration, is_asked_for: bool) -> bool {
        let wait = |time: Duration, is_hurried: bool| {
            let waited = self.work.wait_timeout_while(self.lock(), time, |state| {
                !(state.stop || is_hurried && state.flushing > 0)
            });
            waited.unwrap_or_else(PoisonError::into_inner).0.stop
        };
        if is_asked_for {
            return !wait(time, false);
        }
        // Soon, and not at once.
        let soon = time.min(HURRIED);
        !(wait(soon, false) || wait(time.saturating_sub(soon), true))
    }

    /// Tells those who wait.
    pub(super) fn tell(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.news.notify_all();
    }

    /// Ends the sender, after a last attempt to send all.
    pub(super) fn close(self: &Arc<Self>) {
        if self.lock().writer.is_some()
            && let Err(error) = self.flush()
        {
            tracing::warn!(%error, "an MLflow tracker is closed");
        }
        let mut state = self.lock();
        state.stop = true;
        self.work.notify_all();
        let waited = self
            .news
            .wait_timeout_while(state, ENDING, |state| state.sender.is_there());
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if !state.sender.is_there() {
            // Its lock goes with it, so that `sync` may have the spool.
            state.writer = None;
        }
    }

    /// Says that the sender has ended.
    pub(super) fn ended(&self) {
        self.tell(|state| state.sender = Sender::Absent);
    }

    /// Says that it has ended since the settings let nothing be sent, all at once: who waits must not
    /// take it for one that is there.
    pub(super) fn hopeless(&self, error: Error) {
        self.tell(|state| {
            state.trouble = Some((error, false));
            state.is_barred = true;
            state.sender = Sender::Hopeless;
        });
    }

    /// What the server did not take, so far.
    pub(super) fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }
}
