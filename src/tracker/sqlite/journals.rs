//! The numbers of all runs on their way to the database, and the thread that brings them there.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Inner;
use super::journal::{self, Journal};
use crate::error::{Error, ErrorKind, Result};
use crate::locked::Locked;
use crate::tracker::Event;
use crate::tracker::entities::{Entry, Number};

/// How long numbers wait for others to go with them.
const GATHERING: Duration = Duration::from_millis(200);
/// The longest pause after an attempt that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What the threads that record share with the one that writes the database. Who locks `Inner` too
/// locks it first.
#[derive(Default)]
pub(super) struct Journals {
    state: Mutex<State>,
    /// Wakes the thread.
    work: Condvar,
}

#[derive(Default)]
struct State {
    /// By run: those that began here and did not end.
    runs: HashMap<String, Journal>,
    /// What became of numbers that were acknowledged and then refused, to be told by the next flush.
    lost: Vec<String>,
    thread: Option<JoinHandle<()>>,
    /// Whether a thread was asked for.
    has_begun: bool,
    stop: bool,
}

impl Journals {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes events down that are all numbers of one run that is under way here. Nothing when they
    /// are not, or when they must go to the database at once.
    pub(super) fn append(
        self: &Arc<Self>,
        events: &[Event],
        inner: &Arc<Mutex<Inner>>,
    ) -> Option<Result<()>> {
        let run = &events.first()?.run;
        let is_number = |event: &Event| event.run == *run && Number::of(event).is_some();
        if !events.iter().all(is_number) {
            return None;
        }
        let mut state = self.lock();
        let journal = state.runs.get_mut(run)?;
        let was_waiting = journal.is_waiting();
        let mut refused = None;
        // One key is mostly that of the number before it.
        let mut good = None;
        let numbers = events.iter().filter_map(Number::of);
        let numbers = numbers.filter(|number| {
            if good == Some(number.key) {
                return true;
            }
            match number.check() {
                Ok(()) => {
                    good = Some(number.key);
                    true
                }
                Err(error) => {
                    refused.get_or_insert(error);
                    false
                }
            }
        });
        journal.append(numbers).ok()?;
        // Numbers that were left may wait before there is a thread.
        if !was_waiting || !state.has_begun {
            state.has_begun = true;
            self.work.notify_one();
            self.start(&mut state, inner);
        }
        Some(refused.map_or(Ok(()), Err))
    }

    /// Starts the thread, if it is not at work.
    fn start(self: &Arc<Self>, state: &mut State, inner: &Arc<Mutex<Inner>>) {
        if state.thread.is_some() {
            return;
        }
        let (journals, inner) = (Arc::clone(self), Arc::clone(inner));
        let spawned = thread::Builder::new()
            .name("floe-sqlite".to_owned())
            .spawn(move || journals.work(&inner));
        match spawned {
            Ok(thread) => state.thread = Some(thread),
            // The numbers stand in their file; a flush or another event takes them along.
            Err(error) => tracing::warn!(%error, "no thread brings numbers to the database"),
        }
    }

    fn work(&self, inner: &Mutex<Inner>) {
        let mut pause = GATHERING;
        while self.wait(pause) {
            let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
            // Those who record wait for this thread, and nobody is told that it waited in vain.
            let so_far = inner.store.hurry();
            let brought = inner.bring_all();
            if matches!(brought, Ok(true)) {
                inner.store.heed(None);
            } else {
                inner.store.wait(so_far);
            }
            pause = match brought {
                Ok(_) => GATHERING,
                Err(error) => {
                    tracing::debug!(%error, "numbers wait for the database");
                    pause.saturating_mul(2).min(LONGEST_PAUSE)
                }
            };
        }
    }

    /// Waits until numbers wait, and a little longer. False when no more will come.
    fn wait(&self, pause: Duration) -> bool {
        let idle = |state: &mut State| !state.stop && !state.runs.values().any(Journal::is_waiting);
        let state = self.work.wait_while(self.lock(), idle);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let state = self
            .work
            .wait_timeout_while(state, pause, |state| !state.stop);
        !state.unwrap_or_else(PoisonError::into_inner).0.stop
    }

    /// Ends the thread.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stop = true;
        let thread = state.thread.take();
        drop(state);
        self.work.notify_all();
        if let Some(thread) = thread {
            // It ends by a panic at worst, and that was told.
            let _ = thread.join();
        }
    }

    /// Takes the numbers of a run that began, into the file of its lock; those that were left there
    /// wait already.
    pub(super) fn begin(&self, run: &str, file: Arc<Locked>) {
        let mut state = self.lock();
        if !state.runs.contains_key(run) {
            let journal = Journal::new(file);
            if journal.is_waiting() {
                self.work.notify_one();
            }
            state.runs.insert(run.to_owned(), journal);
        }
    }

    /// Takes no more numbers of a run: those that wait are the last ones before its end.
    pub(super) fn close(&self, run: &str) {
        if let Some(journal) = self.lock().runs.get_mut(run) {
            journal.close();
        }
    }

    /// Forgets a run.
    pub(super) fn end(&self, run: &str) {
        self.lock().runs.remove(run);
    }

    /// The runs with numbers that wait.
    fn waiting(&self) -> Vec<String> {
        let state = self.lock();
        let waiting = state.runs.iter().filter(|(_, of)| of.is_waiting());
        waiting.map(|(run, _)| run.clone()).collect()
    }

    /// How many bytes of numbers of a run wait.
    fn waiting_of(&self, run: &str) -> usize {
        self.lock().runs.get(run).map_or(0, Journal::waiting)
    }

    /// The first numbers of a run that wait.
    fn first(&self, run: &str) -> Option<Vec<u8>> {
        let state = self.lock();
        let journal = state.runs.get(run).filter(|of| of.is_waiting())?;
        Some(journal.first().to_vec())
    }

    fn brought(&self, run: &str, bytes: usize) {
        if let Some(journal) = self.lock().runs.get_mut(run) {
            journal.brought(bytes);
        }
    }

    /// Says of numbers of a run that the database refuses them. The next ones are written at once, so
    /// that who records them hears it.
    fn lose(&self, run: &str, numbers: usize, why: &Error) {
        let why = why.help().map_or_else(
            || why.message().to_owned(),
            |help| format!("{} ({help})", why.message()),
        );
        let lost = format!("{numbers} numbers of the run `{run}` were not kept: {why}");
        tracing::warn!(lost, "a tracker lost numbers");
        self.lock().lost.push(lost);
    }

    /// What was lost since this was asked last.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when something was.
    pub(super) fn take_lost(&self) -> Result<()> {
        let lost = std::mem::take(&mut self.lock().lost);
        if lost.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Track, lost.join("; ")))
    }
}

impl Inner {
    /// Brings the numbers of a run that wait to the database; those that come meanwhile wait on.
    ///
    /// # Errors
    ///
    /// When the database cannot be written now. Then they go on waiting.
    pub(super) fn bring(&mut self, run: &str) -> Result<()> {
        let mut lost: Option<(usize, Error)> = None;
        let mut brought = Ok(());
        let mut left = self.journals.waiting_of(run);
        while left > 0
            && let Some(frames) = self.journals.first(run)
        {
            left = left.saturating_sub(frames.len());
            let numbers = journal::numbers(&frames);
            let count = numbers.len();
            let written = self.write("", &[(run, &[Entry::Metrics(numbers)])]);
            match written {
                Ok(None) => {}
                Ok(Some(why)) => {
                    self.journals.close(run);
                    lost.get_or_insert((0, why)).0 += count;
                }
                Err(error) => {
                    brought = Err(error);
                    break;
                }
            }
            self.journals.brought(run, frames.len());
        }
        if let Some((count, why)) = lost {
            self.journals.lose(run, count, &why);
        }
        brought
    }

    /// Brings the numbers of all runs to the database that can be; tells whether there were any.
    ///
    /// # Errors
    ///
    /// As [`bring`](Self::bring), the first one.
    pub(super) fn bring_all(&mut self) -> Result<bool> {
        let waiting = self.journals.waiting();
        let mut brought = Ok(!waiting.is_empty());
        for run in waiting {
            let done = self.bring(&run);
            // Others hold the database, or it has no room: nor would those of the next run go there.
            let is_over = done.as_ref().is_err_and(Error::is_transient);
            brought = brought.and_then(|any| done.map(|()| any));
            if is_over {
                break;
            }
        }
        brought
    }
}
