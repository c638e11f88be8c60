//! What went wrong on the way, in words that hold neither a query nor a secret.

use std::error::Error as _;

/// An attempt that brought no reply.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) what: String,
    /// Whether the service cannot have seen the request.
    pub(super) unsent: bool,
    /// Whether the next attempt may go better.
    pub(super) passing: bool,
    pub(super) help: Option<&'static str>,
}

impl Failure {
    /// What reqwest says, without the URL: its texts have all of it in them, keys too.
    pub(super) fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut texts = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            texts.push(error.to_string());
            cause = error.source();
        }
        let deepest = texts.last().cloned().unwrap_or_default();
        let certificate = texts.iter().any(|text| text.contains("certificate"));
        if certificate {
            return Self {
                what: format!("the certificate of the service is not trusted: {deepest}"),
                unsent: true,
                passing: false,
                help: Some("name the certificate of its authority with `.root_certificate(..)`"),
            };
        }
        let unsent = error.is_connect();
        let what = if error.is_timeout() && unsent {
            "no connection in time".to_owned()
        } else if error.is_timeout() {
            "no answer in time".to_owned()
        } else if unsent {
            format!("no connection: {deepest}")
        } else if error.is_body() || error.is_decode() {
            format!("the reply broke off or cannot be unpacked: {deepest}")
        } else {
            format!("the connection broke: {deepest}")
        };
        Self {
            what,
            unsent,
            passing: !error.is_builder(),
            help: None,
        }
    }
}
