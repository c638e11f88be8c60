//! Models that learn from rows in memory, several of them at a time.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

use tracing::{Span, dispatcher};

use crate::error::Result;
use crate::learn::ScanLog;

/// Does each piece of work, as many at a time as the machine has threads, and gives what came of them
/// in their order; of several errors the first one.
///
/// Each has a log of its own, and they are joined in the order of the work: how many were done at a
/// time shows nowhere. What they tell goes into the span and to the subscriber of the caller.
pub(super) fn side_by_side<W: Send, R: Send>(
    work: Vec<W>,
    log: &mut ScanLog,
    each: impl Fn(W, &mut ScanLog) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let most = thread::available_parallelism().map_or(1, NonZero::get);
    let mut done = Vec::with_capacity(work.len());
    let mut work = work.into_iter();
    let (span, subscriber) = (Span::current(), dispatcher::get_default(Clone::clone));
    loop {
        let some: Vec<W> = work.by_ref().take(most).collect();
        if some.is_empty() {
            return Ok(done);
        }
        let ended = thread::scope(|scope| {
            let workers = some.into_iter().map(|work| {
                let mut log = ScanLog::new(&log.cancel);
                let (each, span, subscriber) = (&each, &span, &subscriber);
                scope.spawn(move || {
                    let done = dispatcher::with_default(subscriber, || {
                        span.in_scope(|| each(work, &mut log))
                    });
                    (done, log.scans)
                })
            });
            let workers: Vec<_> = workers.collect();
            let ended = workers.into_iter().map(|worker| worker.join());
            ended.collect::<Vec<_>>()
        });
        for ended in ended {
            let (result, scans) = ended.unwrap_or_else(|panic| resume_unwind(panic));
            log.scans.extend(scans);
            done.push(result?);
        }
    }
}
