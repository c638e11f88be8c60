//! Models that learn from rows in memory, several of them at a time.

use std::panic::resume_unwind;

use crate::error::Result;
use crate::learn::ScanLog;
use crate::threads;

/// Does each piece of work, as many at a time as there are threads, and gives what came of them
/// in their order; of several errors the first one.
///
/// Each has a log of its own, and they are joined in the order of the work: how many were done at a
/// time shows nowhere.
pub(super) fn side_by_side<W: Send, R: Send>(
    work: Vec<W>,
    log: &mut ScanLog,
    each: impl Fn(W, &mut ScanLog) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let mut done = Vec::with_capacity(work.len());
    let mut work = work.into_iter();
    while work.len() > 0 {
        let group = work.by_ref().take(threads::all());
        let group: Vec<_> = group.map(|of| (of, ScanLog::new(&log.cancel))).collect();
        let ended = threads::one_each(group, |(work, mut log)| {
            let done = each(work, &mut log);
            (done, log.scans)
        });
        for ended in ended {
            let (result, scans) = ended.unwrap_or_else(|panic| resume_unwind(panic));
            log.scans.extend(scans);
            done.push(result?);
        }
    }
    Ok(done)
}
