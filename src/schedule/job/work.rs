use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::error::Result;
use crate::learn::CancelToken;
use crate::schedule::{Interval, Parameters};

/// How the call of a stage ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It did its work.
    Done,
    /// There was nothing to do for this interval: the stages behind it are skipped too.
    Skipped,
}

/// What a call of a stage is about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context {
    /// The interval of the run.
    pub interval: Interval,
    /// The parameters of the run.
    pub parameters: Parameters,
    /// The name of the stage.
    pub stage: String,
    /// Which try it is, from 1.
    pub attempt: u32,
    /// When the run was started: the same for all of its tries, also after a kill, and another one
    /// when the run is repeated. With the interval and the parameters it is the key of what must
    /// be done once for each time that the run was asked for.
    pub run_started: Timestamp,
    /// Set when the stage ran out of time or the schedule must stop: give it to the flow with
    /// [`Flow::cancel_with`](crate::Flow::cancel_with), or ask it now and then.
    pub cancel: CancelToken,
    pub(crate) log: Arc<Mutex<Log>>,
}

impl Context {
    /// Writes a line to the log of this try.
    pub fn log(&self, line: impl fmt::Display) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.line(&line.to_string());
    }
}

/// The log of a call: a file that is made with its first line.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) path: Option<PathBuf>,
}

impl Log {
    fn line(&mut self, line: &str) {
        let Some(path) = &self.path else { return };
        let write = || {
            use std::io::Write;
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.create(true).append(true).open(path)?;
            file.write_all(format!("{line}\n").as_bytes())
        };
        if let Err(error) = write() {
            // A log that cannot be written is no reason to fail the stage.
            tracing::warn!(path = %path.display(), %error, "a line of a log was lost");
        }
    }
}

type Call = dyn Fn(&Context) -> Result<Outcome> + Send + Sync;

/// What a stage does.
#[derive(Clone)]
pub(crate) enum Work {
    Command {
        program: PathBuf,
        arguments: Vec<String>,
        environment: Vec<(String, String)>,
        folder: Option<PathBuf>,
    },
    Call(Arc<Call>),
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The environment may hold what is nobody's business.
            Self::Command {
                program, arguments, ..
            } => f
                .debug_struct("Command")
                .field("program", program)
                .field("arguments", arguments)
                .finish_non_exhaustive(),
            Self::Call(_) => f.write_str("Call"),
        }
    }
}

/// The places in arguments where the facts of a run go.
pub(crate) const PLACES: [&str; 5] = [
    "{interval_start}",
    "{interval_end}",
    "{stage}",
    "{attempt}",
    "{run_started}",
];

/// Fills the places of an argument; `fact` gives the text of a place, without its braces.
pub(crate) fn fill(argument: &str, fact: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::new();
    let mut rest = argument;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        rest = &rest[open..];
        let place = rest.find('}').map(|close| &rest[1..close]);
        // Braces around anything else belong to the argument, as in JSON.
        let found = place.and_then(|place| Some((place, fact(place)?)));
        let Some((place, found)) = found else {
            text.push('{');
            rest = &rest[1..];
            continue;
        };
        text.push_str(&found);
        rest = &rest[place.len() + 2..];
    }
    text + rest
}
