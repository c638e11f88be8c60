use crate::error::Result;
use crate::tracker::{Event, Tracker, What};

/// Sends events to the tracker and remembers what was lost.
pub(super) struct Recorder<'a, K> {
    run: &'a str,
    tracker: &'a K,
    lost: Vec<String>,
}

impl<'a, K: Tracker> Recorder<'a, K> {
    pub(super) fn new(run: &'a str, tracker: &'a K) -> Self {
        Self {
            run,
            tracker,
            lost: Vec::new(),
        }
    }

    /// Makes what was recorded durable.
    pub(super) fn flush(&mut self) -> Result<()> {
        let flushed = self.tracker.flush();
        self.judge(flushed)
    }

    /// What the tracker lost, for the warnings of the run.
    pub(super) fn lost(self) -> Vec<String> {
        self.lost
    }

    pub(super) fn record(&mut self, what: What) -> Result<()> {
        let recorded = self.tracker.record(&Event::now(self.run, what));
        self.judge(recorded)
    }

    fn judge(&mut self, recorded: Result<()>) -> Result<()> {
        match recorded {
            Err(error) if self.tracker.is_strict() => Err(error.at(self.tracker)),
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
