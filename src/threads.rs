//! How many threads there are to work, and work for each.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::{self, Builder};

use tracing::{Span, dispatcher};

/// As many as the machine has for this process, or as Polars is bound to.
pub(crate) fn all() -> usize {
    static ALL: LazyLock<usize> = LazyLock::new(|| {
        let bound = number("POLARS_MAX_THREADS").filter(|bound| *bound > 0);
        bound.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get))
    });
    *ALL
}

/// The stack of a thread in bytes: what the first thread of a program mostly has, since models of
/// other crates learn here too. Memory is taken for what of it is used.
pub(crate) fn stack() -> usize {
    static STACK: LazyLock<usize> =
        LazyLock::new(|| number("RUST_MIN_STACK").unwrap_or(0).max(8 << 20));
    *STACK
}

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Does each piece of work on a thread of its own, and gives what came of them in their order.
///
/// Where the system has no more threads, those that there are do the rest. What is told goes into
/// the span and to the subscriber of the caller.
pub(crate) fn one_each<W: Send, R: Send>(
    work: impl IntoIterator<Item = W>,
    each: impl Fn(W) -> R + Sync,
) -> Vec<thread::Result<R>> {
    at_most(usize::MAX, work, each)
}

/// As [`one_each`], on so many threads at most: each goes on with the next piece.
pub(crate) fn at_most<W: Send, R: Send>(
    threads: usize,
    work: impl IntoIterator<Item = W>,
    each: impl Fn(W) -> R + Sync,
) -> Vec<thread::Result<R>> {
    let work: Vec<W> = work.into_iter().collect();
    let threads = threads.min(work.len());
    done(work, threads, false, each)
}

/// As [`one_each`], with this thread among those that work: for work that is soon done.
pub(crate) fn shared<W: Send, R: Send>(
    work: impl IntoIterator<Item = W>,
    each: impl Fn(W) -> R + Sync,
) -> Vec<thread::Result<R>> {
    let work: Vec<W> = work.into_iter().collect();
    let threads = work.len().saturating_sub(1);
    done(work, threads, true, each)
}

fn done<W: Send, R: Send>(
    work: Vec<W>,
    threads: usize,
    works_here: bool,
    each: impl Fn(W) -> R + Sync,
) -> Vec<thread::Result<R>> {
    let count = work.len();
    let work = Mutex::new(work.into_iter().enumerate());
    let next = || work.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work_off = || {
        let done = std::iter::from_fn(next);
        let done = done.map(|(at, of)| (at, catch_unwind(AssertUnwindSafe(|| each(of)))));
        done.collect::<Vec<_>>()
    };
    let (span, subscriber) = (Span::current(), dispatcher::get_default(Clone::clone));
    let there = || dispatcher::with_default(&subscriber, || span.in_scope(work_off));
    let mut done = thread::scope(|scope| {
        let there = &there;
        let spawn = |_| {
            let builder = Builder::new().stack_size(stack());
            builder.spawn_scoped(scope, there).ok()
        };
        let workers: Vec<_> = (0..threads).map_while(spawn).collect();
        let mut done = Vec::with_capacity(count);
        if works_here || workers.len() < threads {
            done.extend(work_off());
        }
        for worker in workers {
            done.extend(worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, done)| done).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses so many bytes of the stack, and more.
    fn deep(bytes: usize) -> usize {
        let mut room = [1_u8; 4096];
        std::hint::black_box(&mut room);
        let below = bytes.checked_sub(room.len()).map_or(0, deep);
        below + usize::from(room[bytes % 4096])
    }

    #[test]
    fn each_piece_has_room_to_go_deep() {
        let done = one_each([4 << 20, 1 << 20], deep);
        let done: Vec<_> = done.into_iter().map(|done| done.unwrap()).collect();
        assert_eq!(done, [1025, 257]);
    }

    #[test]
    fn a_panic_is_that_of_its_piece_alone() {
        let each = |at: usize| {
            assert_ne!(at, 7, "by chance");
            at * 2
        };
        for done in [one_each(0..40, each), shared(0..40, each)] {
            for (at, done) in done.iter().enumerate() {
                assert_eq!(done.as_ref().ok(), (at != 7).then_some(at * 2).as_ref());
            }
        }
    }

    #[test]
    fn who_works_alone_works_here() {
        let here = thread::current().id();
        let done = shared([()], |()| thread::current().id());
        assert_eq!(done[0].as_ref().ok(), Some(&here));
        assert!(shared([(); 0], |()| ()).is_empty());
    }
}
