//! What is between a try that was written down and the news of its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::process::{self, Group};
use crate::learn::CancelToken;
use crate::schedule::job::work::{Log, Work};
use crate::schedule::state::RunId;
use crate::schedule::{Context, Interval, Outcome, Parameters, Stage};
use crate::threads;

/// Which try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Try {
    pub(super) run: RunId,
    pub(super) stage: usize,
    pub(super) number: u32,
}

/// A try has ended.
#[derive(Debug)]
pub(super) struct News {
    pub(super) of: Try,
    pub(super) end: End,
}

/// How a try ended, as far as the stage itself goes.
#[derive(Debug)]
pub(super) enum End {
    Done,
    Skipped,
    Failed {
        exit_code: Option<i32>,
        message: String,
        may_retry: bool,
    },
}

/// A try that is written down and may start.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) of: Try,
    pub(super) interval: Interval,
    pub(super) parameters: Parameters,
    pub(super) run_started: Timestamp,
    pub(super) log: Option<PathBuf>,
    /// What all that it starts has in its environment.
    pub(super) mark: Option<String>,
}

/// How to reach what runs.
#[derive(Debug)]
pub(super) enum Handle {
    Process(Group),
    Call(CancelToken),
}

impl Launch {
    /// Starts it; the news comes over the channel, also that it did not start.
    pub(super) fn start(self, stage: &Stage, grace: Duration, news: &Sender<News>) -> Handle {
        match &stage.work {
            Work::Command { .. } => process::start(self, stage, grace, news),
            Work::Call(call) => {
                let cancel = CancelToken::new();
                let context = Context {
                    interval: self.interval,
                    parameters: self.parameters,
                    stage: stage.name.clone(),
                    attempt: self.of.number,
                    run_started: self.run_started,
                    cancel: cancel.clone(),
                    log: Arc::new(Mutex::new(Log { path: self.log })),
                };
                let (call, unstarted, news, of) = (call.clone(), news, news.clone(), self.of);
                let work = move || {
                    let end = match catch_unwind(AssertUnwindSafe(|| call(&context))) {
                        Ok(Ok(Outcome::Done)) => End::Done,
                        Ok(Ok(Outcome::Skipped)) => End::Skipped,
                        Ok(Err(error)) => {
                            context.log(format_args!("{error:?}"));
                            End::Failed {
                                exit_code: None,
                                message: error.to_string(),
                                may_retry: error.is_transient(),
                            }
                        }
                        Err(panic) => End::Failed {
                            exit_code: None,
                            message: format!("it panicked: {}", said(&*panic)),
                            may_retry: false,
                        },
                    };
                    // Nobody listens any more once the scheduler has given up on it.
                    let _ = news.send(News { of, end });
                };
                let builder = std::thread::Builder::new().stack_size(threads::stack());
                if let Err(error) = builder.spawn(work) {
                    let end = End::Failed {
                        exit_code: None,
                        message: format!("no thread can be started: {error}"),
                        may_retry: true,
                    };
                    // As above.
                    let _ = unstarted.send(News { of, end });
                }
                Handle::Call(cancel)
            }
        }
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let owned = || panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(owned).unwrap_or("it did not say why")
}
