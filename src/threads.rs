//! How many threads there are to work, and a piece of work for each.

use std::num::NonZero;
use std::thread;

/// As many as the machine has for this process.
pub(crate) fn all() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does each piece of work on a thread of its own, and gives what came of them in their order.
pub(crate) fn one_each<W: Send, R: Send>(
    work: impl IntoIterator<Item = W>,
    each: impl Fn(W) -> R + Sync,
) -> Vec<thread::Result<R>> {
    thread::scope(|scope| {
        let each = &each;
        let workers = work.into_iter().map(|of| scope.spawn(move || each(of)));
        let workers: Vec<_> = workers.collect();
        workers.into_iter().map(|worker| worker.join()).collect()
    })
}
