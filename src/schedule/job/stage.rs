use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::work::Work;
use super::{Context, Outcome, TriggerRule};
use crate::error::Result;
use crate::schedule::Retry;

/// One named piece of a [`Job`](super::Job): a command that runs in a process of its own, or a call.
///
/// A command is told about its run in two ways. In its arguments `{interval_start}`,
/// `{interval_end}`, `{stage}`, `{attempt}`, `{run_started}` and `{parameter.NAME}` are filled in;
/// and its environment has `FLOE_INTERVAL_START`, `FLOE_INTERVAL_END`, `FLOE_STAGE`,
/// `FLOE_ATTEMPT`, `FLOE_RUN_STARTED` and `FLOE_PARAMETER_NAME`; `FLOE_TRY` there is the mark by
/// which what is left of it is found after a kill of the schedule. When the run was started is the
/// same for all tries of a run, and another time once it is [repeated](crate::schedule::Schedule::rerun):
/// see [`Context::run_started`]. What it prints is its log. What its exit code says is in
/// [`exit_code`](crate::schedule::exit_code).
///
/// A command runs in a process group of its own. When it ends, or runs out of time, all that is
/// left in the group is ended too: by `SIGTERM`, and after a grace by `SIGKILL`. A call cannot be
/// ended from outside: its [`Context::cancel`] is set, and after the grace it counts as timed out,
/// whatever it does later.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use floe::schedule::{Job, Retry, Stage};
///
/// let collect = Stage::command("collect", "/usr/local/bin/collect")
///     .arg("--from={interval_start}")
///     .arg("--to={interval_end}")
///     .retry(Retry::times(3).delay(Duration::from_secs(60)))
///     .timeout(Duration::from_secs(600))
///     .pool("youtube");
/// let score = Stage::command("score", "/usr/local/bin/score").after("collect");
/// let job = Job::new([collect, score]);
/// # let _ = job;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Stage {
    pub(crate) name: String,
    pub(crate) work: Work,
    pub(crate) after: Vec<String>,
    pub(crate) rule: TriggerRule,
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) pool: Option<String>,
}

impl Stage {
    /// A program that is started for each run.
    pub fn command(name: impl Into<String>, program: impl Into<PathBuf>) -> Self {
        let work = Work::Command {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: None,
        };
        Self::new(name, work)
    }

    /// The program that runs now, started anew for each run with other arguments.
    pub fn this_program(name: impl Into<String>) -> Self {
        // A program that cannot be found is told of by `check`, which refuses the empty path.
        Self::command(name, std::env::current_exe().unwrap_or_default())
    }

    /// A call within this process.
    pub fn call(
        name: impl Into<String>,
        call: impl Fn(&Context) -> Result<Outcome> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Work::Call(Arc::new(call)))
    }

    fn new(name: impl Into<String>, work: Work) -> Self {
        Self {
            name: name.into(),
            work,
            after: Vec::new(),
            rule: TriggerRule::default(),
            retry: None,
            timeout: None,
            pool: None,
        }
    }

    /// One more argument of the command.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        if let Work::Command { arguments, .. } = &mut self.work {
            arguments.push(argument.into());
        }
        self
    }

    /// More arguments of the command.
    pub fn args<A: Into<String>>(self, arguments: impl IntoIterator<Item = A>) -> Self {
        arguments.into_iter().fold(self, Self::arg)
    }

    /// A variable of the command's environment, which otherwise is that of this process.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let Work::Command { environment, .. } = &mut self.work {
            environment.push((name.into(), value.into()));
        }
        self
    }

    /// The folder in which the command works, in place of that of this process.
    pub fn in_folder(mut self, path: impl Into<PathBuf>) -> Self {
        if let Work::Command { folder, .. } = &mut self.work {
            *folder = Some(path.into());
        }
        self
    }

    /// A stage that must end before this one starts; say it again for more of them.
    pub fn after(mut self, stage: impl Into<String>) -> Self {
        self.after.push(stage.into());
        self
    }

    /// How the stages before it must have ended.
    pub fn trigger_rule(self, rule: TriggerRule) -> Self {
        Self { rule, ..self }
    }

    /// How it is tried again, in place of what the schedule says for all stages.
    pub fn retry(self, retry: Retry) -> Self {
        Self {
            retry: Some(retry),
            ..self
        }
    }

    /// The longest time of one try.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..self
        }
    }

    /// The pool whose places it shares with others.
    pub fn pool(self, pool: impl Into<String>) -> Self {
        Self {
            pool: Some(pool.into()),
            ..self
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
