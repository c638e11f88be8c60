//! How fast, and how many at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::runtime::pause;
use crate::clock::Clock;
use crate::error::Result;

#[derive(Debug)]
pub(super) struct Limits {
    in_flight: Option<Arc<Semaphore>>,
    rate: Option<Rate>,
}

/// The right to send one request.
pub(super) struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

/// At most so many requests in any stretch of time of this length.
#[derive(Debug)]
struct Rate {
    most: usize,
    per: Duration,
    /// When the last ones were sent, the oldest first.
    sent: Mutex<VecDeque<Timestamp>>,
}

impl Limits {
    pub(super) fn new(in_flight: Option<usize>, rate: Option<(u32, Duration)>) -> Self {
        Self {
            in_flight: in_flight.map(|most| {
                let most = most.clamp(1, Semaphore::MAX_PERMITS);
                Arc::new(Semaphore::new(most))
            }),
            rate: rate.map(|(most, per)| Rate {
                most: most.max(1) as usize,
                per,
                sent: Mutex::default(),
            }),
        }
    }

    /// Waits until one more may be sent; it counts as in flight until the answer is dropped. There
    /// is none when the turn would come with nothing left of the call's time: then it takes none.
    pub(super) async fn enter(
        &self,
        clock: &Arc<dyn Clock>,
        left: impl Fn() -> Duration,
    ) -> Result<Option<Turn>> {
        let permit = match &self.in_flight {
            // It is never closed, so there is always a permit in the end.
            Some(semaphore) => Arc::clone(semaphore).acquire_owned().await.ok(),
            None => None,
        };
        if let Some(rate) = &self.rate
            && !rate.wait(clock, &left).await?
        {
            return Ok(None);
        }
        Ok((!left().is_zero()).then_some(Turn { _permit: permit }))
    }
}

impl Rate {
    /// Waits for a turn and takes it, unless it would come too late.
    async fn wait(&self, clock: &Arc<dyn Clock>, left: impl Fn() -> Duration) -> Result<bool> {
        // Held through the pause: who comes later is sent later.
        let mut sent = self.sent.lock().await;
        if sent.len() >= self.most
            && let Some(oldest) = sent.front()
        {
            let since = clock.now().duration_since(*oldest);
            // A clock that was set back must not hold the requests up for longer than the stretch.
            let since = Duration::try_from(since).unwrap_or_default();
            let wait = self.per.saturating_sub(since);
            if wait >= left() {
                return Ok(false);
            }
            if !wait.is_zero() {
                pause(Arc::clone(clock), wait).await?;
            }
            // Only now: a call that is dropped in the pause leaves the oldest where it was.
            sent.pop_front();
        }
        sent.push_back(clock.now());
        Ok(true)
    }
}
