//! Tells a server what trackers wrote down while it was away.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};

use super::replay::Replay;
use super::settings::{Experiment, Settings};
use super::spool::{self, Reader};
use super::trouble::{Answer, Class, Trouble};
use crate::error::{Error, ErrorKind, Result};

/// What a [`sync`](super::MlflowTracker::sync) did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncReport {
    /// The spools that the server has all of; they are removed.
    pub sent: Vec<PathBuf>,
    /// How many events these held that the server did not have yet.
    pub events: u64,
    /// The runs that ended without saying so: their process was killed. They are marked `KILLED`,
    /// at the time of their last event.
    pub killed: Vec<String>,
    /// The spools of trackers that are at work, in this process or another one.
    pub in_use: Vec<PathBuf>,
    /// The spools for other servers.
    pub elsewhere: Vec<PathBuf>,
    /// What the server did not take, or not as it was recorded.
    pub faults: Vec<String>,
}

/// Replays every spool of the settings' folder that is for their server and that nobody holds.
pub(super) fn sync(settings: &Settings) -> Result<SyncReport> {
    let mut report = SyncReport::default();
    for path in spool::list(&settings.spool)? {
        one(settings, &path, &mut report)?;
    }
    Ok(report)
}

fn one(settings: &Settings, path: &Path, report: &mut SyncReport) -> Result<()> {
    let Some(mut reader) = Reader::open(path)? else {
        return Ok(());
    };
    match reader.file().try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            report.in_use.push(path.to_owned());
            return Ok(());
        }
        Err(TryLockError::Error(error)) => {
            let message = format!("`{}` cannot be locked: {error}", path.display());
            return Err(Error::new(ErrorKind::Track, message));
        }
    }
    // It may have been sent and removed since it was listed.
    if !path.exists() {
        return Ok(());
    }
    let Some(header) = reader.header().cloned() else {
        // Its writer was killed before the first event: it says nothing.
        return spool::remove(path);
    };
    if header.server != settings.server() {
        report.elsewhere.push(path.to_owned());
        return Ok(());
    }
    let mut replay = Replay::new(settings)?;
    let experiment = match header.experiment.strip_prefix('#') {
        Some(id) => Experiment::Id(id.to_owned()),
        None => Experiment::Name(header.experiment),
    };
    replay.resume(path, experiment)?;
    replay_all(settings, &mut reader, &mut replay, report)?;
    end_killed(settings, &mut replay, report)?;
    report.faults.extend(replay.take_faults());
    report.sent.push(path.to_owned());
    spool::remove(path)
}

fn replay_all(
    settings: &Settings,
    reader: &mut Reader,
    replay: &mut Replay,
    report: &mut SyncReport,
) -> Result<()> {
    loop {
        let from = replay.progress.sent;
        let chunk = reader.read(from, u64::MAX)?;
        if chunk.end <= from.max(reader.start()) && chunk.events.is_empty() {
            return Ok(());
        }
        if chunk.damaged > 0 {
            replay.fault(format!("{} lines of a spool are damaged", chunk.damaged));
        }
        patiently(settings, || replay.tell(&chunk.events, chunk.end))?;
        report.events += chunk.events.len() as u64;
    }
}

/// A run without an end in a spool that nobody writes was killed.
fn end_killed(settings: &Settings, replay: &mut Replay, report: &mut SyncReport) -> Result<()> {
    let runs = replay.progress.runs.clone();
    for (name, run) in runs.into_iter().filter(|(_, run)| !run.ended) {
        patiently(settings, || {
            let ended = replay.api.end_run(&run.run_id, "KILLED", Some(run.last));
            replay.or_fault(ended, "the end of a killed run")
        })?;
        report.killed.push(name);
    }
    Ok(())
}

/// Tries again what may pass, as often as the settings say.
fn patiently(settings: &Settings, mut call: impl FnMut() -> Answer<()>) -> Result<()> {
    for attempt in 1.. {
        let Err(trouble) = call() else {
            return Ok(());
        };
        if !trouble.is_passing() || attempt > settings.retries {
            return Err(left(trouble));
        }
        let asked = trouble.retry_after.filter(|_| settings.heed_retry_after);
        std::thread::sleep(asked.unwrap_or_else(|| settings.pause(attempt)));
    }
    Ok(())
}

fn left(trouble: Trouble) -> Error {
    let help = match (trouble.class, trouble.error.help()) {
        (Class::Barred, Some(help)) => format!("{help}; nothing was lost"),
        _ => "nothing was lost: call it again once the server is there".to_owned(),
    };
    trouble.error.with_help(help)
}
