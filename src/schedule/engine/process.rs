//! Stages that are processes: each leads a process group, and nothing of a group outlives it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid,
};

use super::launch::{End, Handle, Launch, News, Try};
use super::orphan;
use crate::schedule::exit_code::{PERMANENT, SKIPPED};
use crate::schedule::job::work::{Work, fill};
use crate::schedule::{Interval, Parameters, Stage};

/// A process group that may have ended: once its leader has been waited for, the number may be
/// another's.
#[derive(Clone, Debug)]
pub(super) struct Group(Arc<Mutex<Option<Pid>>>);

impl Group {
    /// Signals the group, and tells whether its leader has not ended yet.
    pub(super) fn signal(&self, signal: Signal) -> bool {
        let leader = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(leader) = *leader {
            // The leader is not waited for before this lock is free, so the group is there.
            let _ = kill_process_group(leader, signal);
        }
        leader.is_some()
    }
}

/// Starts the command of a stage.
pub(super) fn start(launch: Launch, stage: &Stage, grace: Duration, news: &Sender<News>) -> Handle {
    let group = Group(Arc::new(Mutex::new(None)));
    // The thread first: without one nobody would know of the process.
    let (give, given) = sync_channel(1);
    let waiter = {
        let (of, log, news) = (launch.of, launch.log.clone(), news.clone());
        let waited = group.clone();
        Builder::new().spawn(move || {
            if let Ok((child, leader)) = given.recv() {
                wait(child, leader, &waited, grace, log, of, &news);
            }
        })
    };
    match waiter.and_then(|_| spawn(&launch, stage)) {
        Ok((child, leader)) => {
            *group.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(leader);
            // There is room, and the thread waits for it.
            let _ = give.send((child, leader));
        }
        Err(error) => {
            // Too many processes, or no memory, may pass; a program that is not there does not.
            let may_retry = matches!(
                error.kind(),
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::OutOfMemory
            );
            let end = End::Failed {
                exit_code: None,
                message: format!("it did not start: {error}"),
                may_retry,
            };
            let _ = news.send(News { of: launch.of, end });
        }
    }
    Handle::Process(group)
}

fn spawn(launch: &Launch, stage: &Stage) -> std::io::Result<(Child, Pid)> {
    let Work::Command {
        program,
        arguments,
        environment,
        folder,
    } = &stage.work
    else {
        return Err(std::io::Error::other("it is no command"));
    };
    let facts = Facts {
        interval: launch.interval,
        parameters: &launch.parameters,
        stage: &stage.name,
        attempt: launch.of.number,
        run_started: launch.run_started,
    };
    let mut command = Command::new(program);
    command
        .args(arguments.iter().map(|argument| facts.fill(argument)))
        .envs(facts.environment())
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .process_group(0);
    if let Some(mark) = &launch.mark {
        command.env(orphan::MARK, mark);
    }
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    match &launch.log {
        Some(path) => {
            let log = locked(path)?;
            command.stdout(log.try_clone()?).stderr(log);
        }
        None => {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
    }
    let child = command.spawn()?;
    let leader = pid(&child)?;
    if let Some(path) = &launch.log
        && let Err(error) = orphan::note(path, leader)
    {
        // It helps to end the stage after a kill of this process, as its mark does too.
        tracing::warn!(path = %path.display(), %error, "the number of a process was not written");
    }
    Ok((child, leader))
}

fn pid(child: &Child) -> std::io::Result<Pid> {
    let number = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    number.ok_or_else(|| std::io::Error::other("the process has no number"))
}

/// The log of a try. The lock on it goes to the process with the open file: it is held as long as
/// anything of the stage lives, also when this process does not.
fn locked(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    file.try_lock()?;
    Ok(file)
}

struct Facts<'a> {
    interval: Interval,
    parameters: &'a Parameters,
    stage: &'a str,
    attempt: u32,
    run_started: Timestamp,
}

impl Facts<'_> {
    fn fill(&self, argument: &str) -> String {
        fill(argument, |place| match place {
            "interval_start" => Some(self.interval.start().to_string()),
            "interval_end" => Some(self.interval.end().to_string()),
            "stage" => Some(self.stage.to_owned()),
            "attempt" => Some(self.attempt.to_string()),
            "run_started" => Some(self.run_started.to_string()),
            _ => {
                let name = place.strip_prefix("parameter.")?;
                self.parameters.get(name).map(ToOwned::to_owned)
            }
        })
    }

    fn environment(&self) -> Vec<(String, String)> {
        let parameter = |(name, value): (&str, &str)| {
            let name = format!("FLOE_PARAMETER_{}", name.to_ascii_uppercase());
            (name, value.to_owned())
        };
        let mut all: Vec<_> = self.parameters.iter().map(parameter).collect();
        for (name, value) in [
            ("FLOE_INTERVAL_START", self.interval.start().to_string()),
            ("FLOE_INTERVAL_END", self.interval.end().to_string()),
            ("FLOE_STAGE", self.stage.to_owned()),
            ("FLOE_ATTEMPT", self.attempt.to_string()),
            ("FLOE_RUN_STARTED", self.run_started.to_string()),
        ] {
            all.push((name.to_owned(), value));
        }
        all
    }
}

fn wait(
    mut child: Child,
    leader: Pid,
    group: &Group,
    grace: Duration,
    log: Option<PathBuf>,
    of: Try,
    news: &Sender<News>,
) {
    // Seen, and left to be waited for, so that the number stays the group's until the lock is held.
    let seen = || {
        waitid(
            WaitId::Pid(leader),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        )
    };
    while matches!(seen(), Err(rustix::io::Errno::INTR)) {}
    let status = {
        let mut alive = group.0.lock().unwrap_or_else(PoisonError::into_inner);
        *alive = None;
        child.wait()
    };
    end_group(leader, grace);
    let end = end(status, log.as_deref());
    if let Some(log) = &log {
        // Nothing of the stage is left that it could lead to.
        let _ = std::fs::remove_file(orphan::note_of(log));
    }
    let _ = news.send(News { of, end });
}

/// Ends what is left of a group: asks, and after a grace kills.
pub(super) fn end_group(group: Pid, grace: Duration) {
    end_by_signals(group, grace, || is_gone(group));
}

/// Waits until nothing of a group is left.
pub(in crate::schedule) fn wait_for_group(group: Pid, time: Duration) {
    within(time, || is_gone(group));
}

fn is_gone(group: Pid) -> bool {
    test_kill_process_group(group).is_err() || only_zombies(group)
}

pub(super) fn end_by_signals(group: Pid, grace: Duration, gone: impl Fn() -> bool) {
    if gone() {
        return;
    }
    for (signal, time) in [
        (Signal::TERM, grace),
        (Signal::KILL, Duration::from_secs(5)),
    ] {
        // It may have ended in between, which is what is wanted.
        let _ = kill_process_group(group, signal);
        if within(time, &gone) {
            return;
        }
    }
}

/// Whether something is so before the time is over; looked at once at least.
pub(super) fn within(time: Duration, is: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    loop {
        if is() {
            return true;
        }
        if begin.elapsed() > time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a group has only members that have ended and that nobody waited for: in a container the
/// first process may never do so. Where there is no `/proc` nobody can tell.
fn only_zombies(group: Pid) -> bool {
    let group = group.as_raw_nonzero().get();
    let mut members = orphan::all().filter(|stat| stat.group == group).peekable();
    members.peek().is_some() && members.all(|stat| stat.has_ended)
}

fn end(status: std::io::Result<ExitStatus>, log: Option<&Path>) -> End {
    let status = match status {
        Ok(status) if status.success() => return End::Done,
        Ok(status) => status,
        Err(error) => {
            return End::Failed {
                exit_code: None,
                message: format!("its end was not seen: {error}"),
                may_retry: true,
            };
        }
    };
    let code = status.code();
    if code == Some(i32::from(SKIPPED)) {
        return End::Skipped;
    }
    let what = match (code, status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "it ended without a code".to_owned(),
    };
    let message = match log.and_then(last_line) {
        Some(line) => format!("{what}: {line}"),
        None => what,
    };
    End::Failed {
        exit_code: code,
        message,
        may_retry: code != Some(i32::from(PERMANENT)),
    }
}

/// The last line that was printed, which mostly says why.
fn last_line(log: &Path) -> Option<String> {
    const TAIL: u64 = 2000;
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))
        .ok()?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).ok()?;
    let tail = String::from_utf8_lossy(&tail);
    let line = tail.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(line.trim().chars().take(300).collect())
}
