//! Tells a server what trackers wrote down while it was away.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::replay::Replay;
use super::settings::Settings;
use super::spool::{self, Known, Reader};
use super::trouble::{Answer, Class, Trouble};
use crate::error::{Error, ErrorKind, Result};

/// The longest that a call waits because the server asks for it.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

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
    let mut settings = settings.clone();
    // A later call may be made from another folder; a report is good there too.
    settings.spool = spool::whole(&settings.spool);
    let mut failed: Option<(Error, usize)> = None;
    for path in spool::list(&settings.spool)? {
        let Err(Stop {
            error,
            class,
            status,
        }) = one(&settings, &path, &mut report)
        else {
            continue;
        };
        tracing::warn!(%error, "`{}` is not sent", path.display());
        failed = Some(failed.map_or((error.clone(), 0), |(first, more)| (first, more + 1)));
        if class == Class::Unreachable || status == Some(401) {
            // The next one would be told the same.
            break;
        }
        if matches!(class, Class::Busy | Class::Broken) {
            // What is wrong may be with this spool alone; the others are not waited for as long.
            settings.retries = 0;
        }
    }
    match failed {
        None => Ok(report),
        Some((first, 0)) if report.sent.is_empty() => Err(first),
        Some((first, more)) => {
            let (sent, left) = (report.sent.len(), more + 1);
            let message = format!(
                "{} (spools sent: {sent}, not sent: {left})",
                first.message()
            );
            let mut error = Error::new(first.kind(), message);
            if let Some(help) = first.help() {
                error = error.with_help(help.to_owned());
            }
            Err(if first.is_transient() {
                error.transient()
            } else {
                error
            })
        }
    }
}

/// Why a spool is not sent.
struct Stop {
    error: Error,
    class: Class,
    status: Option<u16>,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self {
            error,
            class: Class::Barred,
            status: None,
        }
    }
}

type Told<T> = std::result::Result<T, Stop>;

fn one(settings: &Settings, path: &Path, report: &mut SyncReport) -> Told<()> {
    let Some(mut reader) = Reader::open(path)? else {
        return Ok(());
    };
    // Held to the end.
    let _lock = match reader.lock() {
        Ok(lock) => lock,
        Err(TryLockError::WouldBlock) => {
            report.in_use.push(path.to_owned());
            return Ok(());
        }
        Err(TryLockError::Error(error)) => {
            let message = format!("`{}` cannot be locked: {error}", path.display());
            return Err(Error::new(ErrorKind::Track, message).into());
        }
    };
    // It may have been sent and removed since it was listed.
    if !path.exists() {
        return Ok(());
    }
    let Some(header) = reader.header().cloned() else {
        // Its writer was killed before the first event: it says nothing.
        return Ok(spool::remove(path)?);
    };
    if header.server != settings.server() {
        report.elsewhere.push(path.to_owned());
        return Ok(());
    }
    // What was asked for then holds, not what is asked for now.
    let mut replay = Replay::new(&header.applied_to(settings))?;
    replay.resume(path)?;
    replay_all(settings, &mut reader, &mut replay, report)?;
    end_killed(settings, &mut replay, report)?;
    report.faults.extend(replay.take_faults());
    report.sent.push(path.to_owned());
    Ok(spool::remove(path)?)
}

fn replay_all(
    settings: &Settings,
    reader: &mut Reader,
    replay: &mut Replay,
    report: &mut SyncReport,
) -> Told<()> {
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

/// A run that began in a spool that nobody writes, and has no end there, was killed.
fn end_killed(settings: &Settings, replay: &mut Replay, report: &mut SyncReport) -> Told<()> {
    let runs = replay.progress.runs.clone();
    let killed = |run: &Known| run.began_here && !run.ended;
    for (name, run) in runs.into_iter().filter(|(_, run)| killed(run)) {
        patiently(settings, || {
            let ended = replay.api.end_run(&run.run_id, "KILLED", Some(run.last));
            replay.or_fault(ended, "the end of a killed run")
        })?;
        report.killed.push(name);
    }
    Ok(())
}

/// Tries again what may pass, as often as the settings say.
fn patiently(settings: &Settings, mut call: impl FnMut() -> Answer<()>) -> Told<()> {
    for attempt in 1.. {
        let Err(trouble) = call() else {
            return Ok(());
        };
        if !trouble.is_passing() || attempt > settings.retries {
            return Err(left(trouble));
        }
        let asked = trouble.retry_after.filter(|_| settings.heed_retry_after);
        if let Some(time) = asked.filter(|time| *time > LONGEST_WAIT) {
            let mut stop = left(trouble);
            let help = format!(
                "the server asks to wait for {} s; nothing was lost: call it again then",
                time.as_secs()
            );
            stop.error = stop.error.with_help(help);
            return Err(stop);
        }
        std::thread::sleep(asked.unwrap_or_else(|| settings.pause(attempt)));
    }
    Ok(())
}

fn left(trouble: Trouble) -> Stop {
    let help = match (trouble.class, trouble.error.help()) {
        (Class::Barred, Some(help)) => format!("{help}; nothing was lost"),
        _ => "nothing was lost: call it again once the server is there".to_owned(),
    };
    Stop {
        error: trouble.error.with_help(help),
        class: trouble.class,
        status: trouble.status,
    }
}
