use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Interval, Parameters};
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
/// nothing; a command has half a minute.
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

    fn fire(&self, notice: &Notice) -> Result<()> {
        match &self.0 {
            Kind::Command(program, arguments) => command(program, arguments, notice),
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

fn command(program: &PathBuf, arguments: &[String], notice: &Notice) -> Result<()> {
    let fail = |what: String| Error::new(ErrorKind::Schedule, what);
    let mut child = Command::new(program)
        .args(arguments)
        .env("FLOE_OCCASION", notice.occasion.name())
        .env("FLOE_SCHEDULE", &notice.schedule)
        .env("FLOE_INTERVAL_START", notice.interval.start().to_string())
        .env("FLOE_INTERVAL_END", notice.interval.end().to_string())
        .env("FLOE_PARAMETERS", notice.parameters.to_string())
        .env("FLOE_STAGE", notice.stage.as_deref().unwrap_or_default())
        .env(
            "FLOE_MESSAGE",
            notice.message.as_deref().unwrap_or_default(),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| fail(format!("`{}` did not start: {error}", program.display())))?;
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(fail(format!("the hook ended with {status}"))),
            Err(error) => return Err(fail(format!("the hook was lost: {error}"))),
            Ok(None) if started.elapsed() > TIME_OF_A_COMMAND => {
                // It is ours and has not been waited for, so its number is still its own.
                let _ = child.kill();
                let _ = child.wait();
                return Err(fail("the hook ran out of time and was ended".to_owned()));
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Fires hooks one after the other on a thread of their own; dropped, it waits for the last.
#[derive(Debug)]
pub(crate) struct Hooks {
    sender: Option<Sender<(Hook, Notice)>>,
    thread: Option<JoinHandle<()>>,
}

impl Hooks {
    pub(crate) fn new() -> Self {
        Self {
            sender: None,
            thread: None,
        }
    }

    pub(crate) fn fire(&mut self, hook: &Hook, notice: Notice) {
        let sender = self.sender.get_or_insert_with(|| {
            let (sender, receiver) = channel();
            self.thread = Some(std::thread::spawn(move || work(&receiver)));
            sender
        });
        // The thread lives as long as the sender does.
        let _ = sender.send((hook.clone(), notice));
    }
}

fn work(receiver: &Receiver<(Hook, Notice)>) {
    while let Ok((hook, notice)) = receiver.recv() {
        let fire = std::panic::AssertUnwindSafe(|| hook.fire(&notice));
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
        if let Some(thread) = self.thread.take() {
            // A panic in it was caught and told already.
            let _ = thread.join();
        }
    }
}
