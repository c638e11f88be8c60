use std::fmt;
use std::time::Duration;

use super::Request;
use super::secrets::Secrets;
use crate::error::{Error, ErrorKind};

/// Why an attempt is not the last word, and when the next one may be.
pub(super) struct Setback {
    pub(super) what: String,
    pub(super) after: Option<Duration>,
    pub(super) last: bool,
    pub(super) transient: bool,
    /// Nobody was there.
    pub(super) unreached: bool,
    pub(super) help: Option<&'static str>,
}

/// The cause of an error whose call brought no connection.
#[derive(Debug)]
pub(crate) struct Unreached;

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service was not reached")
    }
}

impl std::error::Error for Unreached {}

impl Setback {
    /// The time of the call is used up before an attempt.
    pub(super) fn late(request: &Request, shown: &str) -> Self {
        Self {
            what: format!(
                "{} {shown}: its turn to be sent would come past the deadline of the call",
                request.method
            ),
            after: None,
            last: true,
            transient: true,
            unreached: false,
            help: Some("send fewer at once, or allow a higher rate or a later deadline"),
        }
    }

    /// The error that a call ends with after so many attempts.
    pub(super) fn end(self, secrets: &Secrets, attempts: u32) -> Error {
        let mut message = secrets.scrub(&self.what);
        if attempts > 1 {
            message = format!("{message} ({attempts} attempts)");
        }
        let mut error = Error::new(ErrorKind::Remote, message);
        if let Some(help) = self.help {
            error = error.with_help(help);
        }
        if self.transient {
            error = error.transient();
        }
        if self.unreached {
            error = error.caused_by(Unreached);
        }
        error
    }
}
