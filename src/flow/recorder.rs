use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::tracker::{Event, Tracker, What};

/// The trackers that were waited for in vain, by their place. Runs that are nested in one share it, so
/// that a sweep does not wait for a store that is away once a candidate; the run they are nested in
/// waits again at its end, for all of them.
#[derive(Default)]
pub(super) struct Patience(Mutex<BTreeSet<usize>>);

impl Patience {
    fn has(&self, place: usize) -> bool {
        let spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !spent.contains(&place)
    }

    fn lose(&self, place: usize) {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spent.insert(place);
    }
}

/// Sends events to the tracker and remembers what was lost.
pub(super) struct Recorder<'a, K> {
    run: &'a str,
    tracker: &'a K,
    patience: &'a Patience,
    lost: Vec<String>,
}

impl<'a, K: Tracker> Recorder<'a, K> {
    pub(super) fn new(run: &'a str, tracker: &'a K, patience: &'a Patience) -> Self {
        Self {
            run,
            tracker,
            patience,
            lost: Vec::new(),
        }
    }

    /// Whether nobody listens, so that nothing need be prepared.
    pub(super) fn is_idle(&self) -> bool {
        self.tracker.is_idle()
    }

    /// Makes what was recorded durable.
    pub(super) fn flush(&mut self) -> Result<()> {
        let mut place = 0;
        let patience = self.patience;
        self.each(self.tracker, &mut |tracker| {
            place += 1;
            if !patience.has(place) {
                return Ok(());
            }
            let flushed = tracker.flush();
            if flushed.is_err() {
                patience.lose(place);
            }
            flushed
        })
    }

    /// What the tracker lost, for the warnings of the run.
    pub(super) fn lost(self) -> Vec<String> {
        self.lost
    }

    pub(super) fn record(&mut self, what: What) -> Result<()> {
        let event = Event::now(self.run, what);
        self.each(self.tracker, &mut |tracker| tracker.record(&event))
    }

    /// Records several events in one go.
    pub(super) fn record_all(&mut self, what: impl Iterator<Item = What>) -> Result<()> {
        let events: Vec<Event> = what.map(|what| Event::now(self.run, what)).collect();
        if events.is_empty() {
            return Ok(());
        }
        self.each(self.tracker, &mut |tracker| tracker.record_all(&events))
    }

    /// Calls every tracker, also when one before it failed, and judges each by itself.
    fn each(
        &mut self,
        tracker: &dyn Tracker,
        call: &mut dyn FnMut(&dyn Tracker) -> Result<()>,
    ) -> Result<()> {
        let members = tracker.members();
        if members.is_empty() {
            return self.judge(tracker, call(tracker));
        }
        let called = members.into_iter().map(|member| self.each(member, call));
        called.fold(Ok(()), Result::and)
    }

    fn judge(&mut self, tracker: &dyn Tracker, recorded: Result<()>) -> Result<()> {
        match recorded {
            Err(error) if tracker.is_strict() => Err(error.at(&tracker)),
            Err(error) => {
                tracing::warn!(%error, "a tracker lost an event");
                // One cause fails every event: it is said once.
                let lost = format!("tracking: {error}");
                if !self.lost.contains(&lost) {
                    self.lost.push(lost);
                }
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
