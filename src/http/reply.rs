use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;

use super::Method;
use super::retry_after::retry_after;
use super::secrets::Secrets;
use crate::error::{Error, ErrorKind, Result};

/// The characters of a body that an error shows.
const EXCERPT: usize = 200;

/// What a service answered, read to its end.
#[derive(Clone)]
pub struct Reply {
    pub(super) method: Method,
    pub(super) endpoint: String,
    /// Without the query.
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) attempt: u32,
    pub(super) received: Timestamp,
    pub(super) secrets: Arc<Secrets>,
}

impl Reply {
    /// A reply that was recorded, for the tests of a classifier.
    pub fn recorded(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: Method::Get,
            endpoint: "recorded".to_owned(),
            url: "http://recorded.invalid/".to_owned(),
            status,
            headers: HeaderMap::new(),
            body: body.into(),
            attempt: 1,
            received: Timestamp::UNIX_EPOCH,
            secrets: Arc::default(),
        }
    }

    /// The recorded reply with a header; one that HTTP does not know is left out.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            self.headers.append(name, value);
        }
        self
    }

    /// The recorded reply as that of an endpoint.
    pub fn with_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// The recorded reply as that of an attempt, counted from 1.
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// The method of the request.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The label of the request, or its path; see [`Request::endpoint`](super::Request::endpoint).
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The status, such as 200.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Which attempt of the call this is, counted from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the reply was read to its end, by the clock of the client.
    pub fn received(&self) -> Timestamp {
        self.received
    }

    /// The first value of a header that is text; names are the same in upper and lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the service asks to wait, in its header `Retry-After`.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(self.header("retry-after")?, self.received)
    }

    /// The body, unpacked.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text; what is not UTF-8 becomes `�`.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The body as JSON.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Remote`] when it is not of this form; transient, since a proxy or a cut reply is
    /// the usual cause.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let what = format!(
                "the body is not the expected JSON ({error}): {}",
                self.excerpt()
            );
            self.error(what).transient()
        })
    }

    /// An error of the kind [`Remote`](ErrorKind::Remote) that names the method, the URL without its
    /// query, the status and what happened. Secrets of the client are blotted out.
    pub fn error(&self, what: impl fmt::Display) -> Error {
        let what = self.secrets.scrub(&what.to_string());
        Error::new(ErrorKind::Remote, format!("{}: {what}", self.summary()))
    }

    /// What the body is, in a few words, for a message.
    pub fn excerpt(&self) -> String {
        let text = self.text();
        let text = text.trim();
        let html = text.get(..9).is_some_and(|head| {
            head.eq_ignore_ascii_case("<!doctype") || head.to_ascii_lowercase().starts_with("<html")
        });
        if text.is_empty() {
            return "an empty body".to_owned();
        }
        if html {
            return format!("an HTML page of {} bytes", self.body.len());
        }
        // Blotted out before it is cut: half a secret would not be found.
        let text = self.secrets.scrub(text);
        let mut short: String = text.chars().take(EXCERPT).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        short.replace(|c: char| c.is_control(), " ")
    }

    /// Method, URL and status.
    pub(super) fn summary(&self) -> String {
        let reason = StatusCode::from_u16(self.status).ok();
        let reason = reason.and_then(|status| status.canonical_reason());
        let reason = reason
            .map(|reason| format!(" {reason}"))
            .unwrap_or_default();
        format!(
            "{} {} answered {}{reason}",
            self.method, self.url, self.status
        )
    }
}

// Bodies are long and headers may hold secrets.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.summary(), self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Reply;

    #[test]
    fn bodies_are_shown_short() {
        for (body, shown) in [
            ("", "an empty body"),
            ("<!DOCTYPE html><p>x", "an HTML page of 19 bytes"),
            ("<html><p>x</p>", "an HTML page of 14 bytes"),
            ("no\nsuch\tvideo", "no such video"),
        ] {
            assert_eq!(Reply::recorded(404, body).excerpt(), shown);
        }
        let long = Reply::recorded(404, "é".repeat(300)).excerpt();
        assert_eq!(long.chars().count(), 201);
        let error = Reply::recorded(200, "{").json::<u8>().unwrap_err();
        assert!(error.is_transient() && error.to_string().contains("answered 200 OK"));
    }
}
