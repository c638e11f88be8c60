use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::{Error, ErrorKind, Result};

/// Tells a scheduler to stop: first gently, then at once. Clones tell the same scheduler.
///
/// Told once, it starts nothing more and lets what runs end, within its
/// [`stop_grace`](super::Scheduler::stop_grace). Told twice, it ends what runs. Either way what was
/// cut short is written down as interrupted and runs again at the next start, unless its run is out
/// of time by then ([`run_timeout`](super::Schedule::run_timeout)).
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicU8>);

impl Stop {
    /// One that nobody has told anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that `SIGINT` (Ctrl-C), `SIGTERM` and `SIGHUP` (the terminal is closed) tell, once each
    /// time they come. A program that was started to ignore `SIGHUP`, as by `nohup`, goes on to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] when the signals cannot be listened to.
    pub fn on_signals() -> Result<Self> {
        let stop = Self::new();
        let told = stop.clone();
        let mut which = vec![SIGINT, SIGTERM];
        which.extend((!ignores_hangups()).then_some(SIGHUP));
        let listening = Signals::new(which).and_then(|mut signals| {
            let listen = move || signals.forever().for_each(|_| told.tell());
            std::thread::Builder::new().spawn(listen)
        });
        listening.map_err(|error| {
            let message = format!("signals cannot be listened to: {error}");
            Error::new(ErrorKind::Schedule, message)
        })?;
        Ok(stop)
    }

    /// Tells it once more.
    pub fn tell(&self) {
        let more = |told: u8| Some(told.saturating_add(1));
        // It always has a successor.
        let _ = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
    }

    /// How often it was told.
    pub fn told(&self) -> u8 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Whether this process was started to ignore `SIGHUP`; where the system does not tell, it is left
/// alone too.
fn ignores_hangups() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return true;
    };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_none_or(|mask| mask >> (SIGHUP - 1) & 1 == 1)
}
