//! What a server that refuses says, in words for a person, and what can be done about it.

use std::error::Error as _;
use std::time::Duration;

use serde::Deserialize;

use crate::error::{Error, ErrorKind};
use crate::http::{Reply, Unreached};

/// Why a call was not answered as it should be.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) error: Error,
    pub(super) class: Class,
    /// What the server calls it, such as `RESOURCE_DOES_NOT_EXIST`.
    pub(super) code: String,
    /// The status of the reply, if there was one.
    pub(super) status: Option<u16>,
    /// How long the server asks to wait.
    pub(super) retry_after: Option<Duration>,
}

/// What may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Nobody is there.
    Unreachable,
    /// No reply came; it is not even known whether the request was carried out.
    Broken,
    /// The server is there, and cannot now.
    Busy,
    /// The server understood and refuses what it was given: other values may go.
    Refused,
    /// Nothing will go until a person does something.
    Barred,
}

pub(super) type Answer<T> = Result<T, Trouble>;

impl Trouble {
    /// Something that was noticed here, before or after a call.
    pub(super) fn here(class: Class, error: Error) -> Self {
        Self {
            error,
            class,
            code: String::new(),
            status: None,
            retry_after: None,
        }
    }

    /// A call that brought no reply.
    pub(super) fn unanswered(error: Error) -> Self {
        let class = if !error.is_transient() {
            Class::Barred
        } else if error.source().is_some_and(|cause| cause.is::<Unreached>()) {
            Class::Unreachable
        } else {
            Class::Broken
        };
        Self::here(class, retold(&error))
    }

    pub(super) fn is_passing(&self) -> bool {
        matches!(self.class, Class::Unreachable | Class::Broken | Class::Busy)
    }
}

/// An error of the client's as one of tracking.
fn retold(error: &Error) -> Error {
    let mut told = Error::new(ErrorKind::Track, error.message().to_owned());
    if let Some(help) = error.help() {
        told = told.with_help(help.to_owned());
    }
    if error.is_transient() {
        told = told.transient();
    }
    told
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    error_code: String,
    message: String,
}

/// Judges a reply; nothing when it is what was asked for. What the server says is scrubbed: a
/// gateway may repeat the token that it refuses.
pub(super) fn judge(reply: &Reply, scrub: impl Fn(&str) -> String) -> Option<Trouble> {
    let told: Told = serde_json::from_slice(reply.body()).unwrap_or_default();
    let is_json = !told.error_code.is_empty();
    if reply.is_success() {
        return page(reply).map(|error| Trouble::here(Class::Barred, error));
    }
    let what = if is_json {
        scrub(&format!("{}: {}", told.error_code, told.message))
    } else {
        reply.excerpt()
    };
    let what = excerpt(&what);
    let message = format!("{} answered {}: {what}", reply.endpoint(), reply.status());
    let error = Error::new(ErrorKind::Track, message);
    let (class, error) = match reply.status() {
        408 | 425 | 429 | 500.. => (Class::Busy, error.transient()),
        401 => (
            Class::Barred,
            error.with_help(
                "set `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, or \
                 `MLFLOW_TRACKING_TOKEN`, or give them by `.basic(..)` or `.token(..)`",
            ),
        ),
        403 if reply.text().contains("Invalid Host header") => (
            Class::Barred,
            error.with_help(
                "the server takes only some host names: start it with `--allowed-hosts`, or reach \
                 it by its address",
            ),
        ),
        403 => (
            Class::Barred,
            error.with_help("ask for the permission to write to this experiment"),
        ),
        300..400 => (
            Class::Barred,
            error.with_help("the server has moved, or a portal stands before it: check the URL"),
        ),
        413 => (
            Class::Refused,
            error.with_help(
                "the server, or a proxy before it, takes nothing of this size: raise its limit, \
                 such as `client_max_body_size` of nginx",
            ),
        ),
        400..500 if is_json => (Class::Refused, error),
        _ => (
            Class::Barred,
            error.with_help("is this the URL of an MLflow server? check it, and its path"),
        ),
    };
    Some(Trouble {
        error,
        class,
        code: told.error_code,
        status: Some(reply.status()),
        retry_after: reply.retry_after(),
    })
}

/// A page with a good status is what a proxy, a portal or another program says.
fn page(reply: &Reply) -> Option<Error> {
    let body = reply.body();
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if matches!(first, None | Some(b'{' | b'[')) {
        return None;
    }
    let message = format!(
        "{} answered {} with something that is no JSON: {}",
        reply.endpoint(),
        reply.status(),
        reply.excerpt()
    );
    Some(
        Error::new(ErrorKind::Track, message)
            .with_help("a proxy or another program may stand at this URL: check it"),
    )
}

/// Messages of the server can hold whole statements of SQL.
fn excerpt(message: &str) -> String {
    let line = message.replace(|c: char| c.is_control(), " ");
    let line = line.trim();
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Trouble {
        let reply = Reply::recorded(status, body).with_endpoint("runs/create");
        judge(&reply, str::to_owned).unwrap()
    }

    #[test]
    fn every_kind_of_refusal_is_told_apart() {
        let json = r#"{"error_code": "INVALID_PARAMETER_VALUE", "message": "bad\nvalue"}"#;
        let host = "Invalid Host header - possible DNS rebinding attack detected";
        let page = "<!DOCTYPE html><title>Sign in</title>";
        for (status, body, class, says) in [
            (
                400,
                json,
                Class::Refused,
                "INVALID_PARAMETER_VALUE: bad value",
            ),
            (403, host, Class::Barred, "--allowed-hosts"),
            (
                403,
                "Permission denied",
                Class::Barred,
                "ask for the permission",
            ),
            (
                401,
                "You are not authenticated",
                Class::Barred,
                "MLFLOW_TRACKING_USERNAME",
            ),
            (401, page, Class::Barred, "an HTML page"),
            (404, page, Class::Barred, "is this the URL"),
            (200, page, Class::Barred, "no JSON: an HTML page"),
            (302, "", Class::Barred, "has moved"),
            (429, "slow down", Class::Busy, "429"),
            (500, "", Class::Busy, "500"),
            (503, page, Class::Busy, "503"),
        ] {
            let trouble = of(status, body);
            assert_eq!(trouble.class, class, "{status} {body}");
            assert!(
                trouble.error.to_string().contains(says),
                "{}",
                trouble.error
            );
            assert_eq!(trouble.error.is_transient(), class == Class::Busy);
        }
        assert!(judge(&Reply::recorded(200, " {}"), str::to_owned).is_none());
        assert!(judge(&Reply::recorded(200, ""), str::to_owned).is_none());
        let soon = Reply::recorded(429, "").with_header("Retry-After", "3");
        assert_eq!(
            judge(&soon, str::to_owned).unwrap().retry_after,
            Some(Duration::from_secs(3))
        );
    }
}
