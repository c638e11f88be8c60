use std::fmt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::engine::wait_for_group;
use super::{Interval, Parameters, Stop};
use crate::error::{Error, ErrorKind, Result};

/// What a hook is called about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Occasion {
    /// A run has succeeded.
    Success,
    /// A run has failed.
    Failure,
    /// A stage has failed and will be tried again.
    Retry,
    /// A run has not ended in time.
    Deadline,
}

impl Occasion {
    fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Retry => "retry",
            Self::Deadline => "deadline",
        }
    }
}

/// What happened, as a hook is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notice {
    /// What it is about.
    pub occasion: Occasion,
    /// The name of the schedule.
    pub schedule: String,
    /// The interval of the run.
    pub interval: Interval,
    /// Its parameters.
    pub parameters: Parameters,
    /// The stage, where it is about one.
    pub stage: Option<String>,
    /// What went wrong, where something did.
    pub message: Option<String>,
}

type Call = dyn Fn(&Notice) -> Result<()> + Send + Sync;

/// A command or a call that is told what happened, once and at most once: after it was written
/// down, so that a kill in between loses the notice and not the run.
///
/// Hooks run one after the other beside the schedule. One that fails is warned about and fails
/// nothing; a command has half a minute, and is then ended with all that it started. A thousand
/// notices wait at most. Once the schedule was told to stop, hooks have its stop grace; what waits
/// after that is dropped with a warning.
#[derive(Clone)]
#[must_use]
pub struct Hook(Kind);

#[derive(Clone)]
enum Kind {
    Command(PathBuf, Vec<String>),
    Call(Arc<Call>),
}

impl Hook {
    /// A program, whose environment says what happened: `FLOE_OCCASION` (`success`, `failure`,
    /// `retry`, `deadline`), `FLOE_SCHEDULE`, `FLOE_INTERVAL_START`, `FLOE_INTERVAL_END`,
    /// `FLOE_PARAMETERS`, `FLOE_STAGE` and `FLOE_MESSAGE`.
    pub fn command<A: Into<String>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self(Kind::Command(program.into(), arguments))
    }

    /// A call within this process.
    pub fn call(call: impl Fn(&Notice) -> Result<()> + Send + Sync + 'static) -> Self {
        Self(Kind::Call(Arc::new(call)))
    }

    fn fire(&self, notice: &Notice, given_up: &AtomicBool) -> Result<()> {
        match &self.0 {
            Kind::Command(program, arguments) => command(program, arguments, notice, given_up),
            Kind::Call(call) => call(notice),
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Command(program, _) => write!(f, "Command({})", program.display()),
            Kind::Call(_) => f.write_str("Call"),
        }
    }
}

const TIME_OF_A_COMMAND: Duration = Duration::from_secs(30);

fn command(
    program: &PathBuf,
    arguments: &[String],
    notice: &Notice,
    given_up: &AtomicBool,
) -> Result<()> {
    let fail = |what: String| Error::new(ErrorKind::Schedule, what);
    // No variable of the environment can hold a zero, which a program may well have printed.
    let message = notice
        .message
        .as_deref()
        .unwrap_or_default()
        .replace('\0', " ");
    let mut child = Command::new(program)
        .args(arguments)
        .env("FLOE_OCCASION", notice.occasion.name())
        .env("FLOE_SCHEDULE", &notice.schedule)
        .env("FLOE_INTERVAL_START", notice.interval.start().to_string())
        .env("FLOE_INTERVAL_END", notice.interval.end().to_string())
        .env("FLOE_PARAMETERS", notice.parameters.to_string())
        .env("FLOE_STAGE", notice.stage.as_deref().unwrap_or_default())
        .env("FLOE_MESSAGE", message)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| fail(format!("`{}` did not start: {error}", program.display())))?;
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(fail(format!("the hook ended with {status}"))),
            Err(error) => return Err(fail(format!("the hook was lost: {error}"))),
            Ok(None)
                if started.elapsed() > TIME_OF_A_COMMAND || given_up.load(Ordering::SeqCst) =>
            {
                // It is ours and has not been waited for, so its number is still its own, and its
                // group's.
                let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
                let _ = group.map(|group| kill_process_group(group, Signal::KILL));
                let _ = child.wait();
                // What it started may take a moment longer to be gone.
                if let Some(group) = group {
                    wait_for_group(group, GONE / 2);
                }
                return Err(fail("the hook ran out of time and was ended".to_owned()));
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// So many notices wait at most: hooks that are slower than what they are told of lose the rest.
const MOST: usize = 1000;
/// How long a command that was ended takes to be gone.
const GONE: Duration = Duration::from_secs(1);

/// Fires hooks one after the other on a thread of their own. Dropped, it waits for the last; once
/// the schedule was told to stop, only for a grace, and told twice, not at all.
#[derive(Debug)]
pub(crate) struct Hooks {
    sender: Option<SyncSender<(Hook, Notice)>>,
    thread: Option<JoinHandle<()>>,
    given_up: Arc<AtomicBool>,
    stop: Stop,
    grace: Duration,
}

impl Hooks {
    pub(crate) fn new(stop: Stop, grace: Duration) -> Self {
        Self {
            sender: None,
            thread: None,
            given_up: Arc::default(),
            stop,
            grace: grace.max(GONE),
        }
    }

    pub(crate) fn fire(&mut self, hook: &Hook, notice: Notice) {
        if self.sender.is_none() {
            let (sender, receiver) = sync_channel(MOST);
            let given_up = self.given_up.clone();
            match Builder::new().spawn(move || work(&receiver, &given_up)) {
                Ok(thread) => (self.sender, self.thread) = (Some(sender), Some(thread)),
                Err(error) => tracing::warn!(%error, "no thread for hooks can be started"),
            }
        }
        let Some(sender) = &self.sender else {
            tracing::warn!(?hook, "a notice was dropped: nobody fires hooks");
            return;
        };
        // The thread lives as long as the sender does, so it can only be full.
        if sender.try_send((hook.clone(), notice)).is_err() {
            tracing::warn!(?hook, "a notice was dropped: too many wait for hooks");
        }
    }
}

fn work(receiver: &Receiver<(Hook, Notice)>, given_up: &AtomicBool) {
    while let Ok((hook, notice)) = receiver.recv() {
        if given_up.load(Ordering::SeqCst) {
            tracing::warn!(?hook, "a notice was dropped: the schedule has stopped");
            continue;
        }
        let fire = std::panic::AssertUnwindSafe(|| hook.fire(&notice, given_up));
        match std::panic::catch_unwind(fire) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(?hook, %error, "a hook failed"),
            Err(_) => tracing::warn!(?hook, "a hook panicked"),
        }
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        self.sender = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        let mut told = None;
        while !thread.is_finished() {
            if self.stop.told() > 0 {
                let told = *told.get_or_insert_with(Instant::now);
                if self.stop.told() > 1 || told.elapsed() >= self.grace {
                    self.given_up.store(true, Ordering::SeqCst);
                }
                if told.elapsed() >= self.grace.saturating_add(GONE) {
                    // A call cannot be ended; it ends with the process.
                    tracing::warn!("a hook was left behind: it did not end in time");
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // A panic in it was caught and told already.
        let _ = thread.join();
    }
}
