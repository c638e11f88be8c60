//! The thread that tells a spool to the server while it is written.

use super::live::Live;
use super::replay::Replay;
use super::spool::{Chunk, Reader};
use super::trouble::{Class, Trouble};
use crate::error::Error;

/// Works until the tracker is dropped.
pub(super) fn run(live: &Live) {
    /// Says so also when the work ends in a panic: nobody then waits for it in vain.
    struct Ended<'a>(&'a Live);
    impl Drop for Ended<'_> {
        fn drop(&mut self) {
            self.0.ended();
        }
    }
    match Replay::new(&live.settings) {
        Ok(replay) => {
            let ended = Ended(live);
            work(live, replay);
            drop(ended);
        }
        Err(error) => live.hopeless(error),
    }
}

fn work(live: &Live, mut replay: Replay) {
    for fault in &live.settings.faults {
        replay.fault(fault);
    }
    let mut spool: Option<(u64, Reader)> = None;
    let mut attempts = 0;
    while live.wait_for_work() {
        match step(live, &mut replay, &mut spool) {
            Ok(end) => {
                attempts = 0;
                let faults = replay.take_faults();
                live.tell(|state| {
                    state.sent = state.sent.max(end);
                    state.trouble = None;
                    state.faults.extend(faults);
                });
            }
            Err(trouble) => {
                attempts += 1;
                if !failed(live, &trouble, attempts) {
                    return;
                }
            }
        }
    }
}

/// Sends what was written since; returns up to where.
fn step(
    live: &Live,
    replay: &mut Replay,
    spool: &mut Option<(u64, Reader)>,
) -> Result<u64, Trouble> {
    let (number, path, from, to) = {
        let state = live.lock();
        let path = state.path().map(std::path::Path::to_owned);
        (state.spools, path, state.sent, state.recorded)
    };
    let here = |error: Error| Trouble::here(Class::Barred, error);
    let Some(path) = path else {
        return Ok(from);
    };
    let opened = match spool {
        Some((known, reader)) if *known == number => reader,
        _ => {
            let Some(reader) = Reader::open(&path).map_err(here)? else {
                // Somebody removed it: what it held cannot be sent any more.
                replay.fault(format!(
                    "`{}` is gone, and all that was in it",
                    path.display()
                ));
                return Ok(to);
            };
            replay.begin(&path).map_err(here)?;
            &mut spool.insert((number, reader)).1
        }
    };
    let Chunk {
        events,
        end,
        damaged,
    } = opened.read(from, to).map_err(here)?;
    if damaged > 0 {
        replay.fault(format!(
            "{damaged} lines of `{}` are damaged",
            path.display()
        ));
    }
    replay.tell(&events, end)?;
    Ok(end)
}

/// Says what went wrong, and waits. False when the sender is to end.
fn failed(live: &Live, trouble: &Trouble, attempts: u32) -> bool {
    tracing::debug!(error = %trouble.error, attempts, "the MLflow server did not take the events");
    let settings = &live.settings;
    let passing = trouble.is_passing();
    live.tell(|state| {
        state.trouble = Some((trouble.error.clone(), passing));
        state.is_barred |= !passing;
        state.unreachable += u32::from(trouble.class == Class::Unreachable);
    });
    let asked = trouble.retry_after.filter(|_| settings.heed_retry_after);
    // What does not pass by itself is tried again too, but seldom: a person may have put it right.
    let tried = if passing { attempts } else { attempts + 4 };
    let pause = asked.unwrap_or_else(|| settings.pause(tried.min(settings.retries.max(1))));
    live.pause(pause, asked.is_some())
}
