//! One call of the API, with every attempt charged and every reply judged by its body.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::endpoint::Endpoint;
use super::quota::{Meter, Refusal};
use super::ruling::{Ruling, brief, rule};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Client, Reply, Request, Verdict};

/// The client of a run.
#[derive(Clone, Debug)]
pub(super) struct Api {
    client: Client,
    meter: Meter,
}

/// What came of a call. An error beside it is of this machine, not of the service.
#[derive(Debug)]
pub(super) enum Answer<T> {
    /// What was asked for, and when it came.
    Got(T, Timestamp),
    /// No quota is left.
    Spent(Refusal),
    /// This item cannot be had.
    Skip(String),
    /// This item could not be read; a later run may.
    Broken(String),
    /// The token of the page is no longer known.
    BadToken,
    /// The method is not open to this project.
    Unavailable,
    /// The service failed at every try, or answered something that cannot be read.
    Failed(Error),
    /// Nothing that follows can succeed.
    Abort(Error),
}

impl<T> Answer<T> {
    fn of(ruling: Ruling, meter: &Meter) -> Result<Self> {
        Ok(match ruling {
            Ruling::Exhausted(bucket) => Self::Spent(meter.exhaust(bucket)?),
            Ruling::Skip(reason) => Self::Skip(reason),
            Ruling::AgainTwice(reason) => Self::Broken(reason),
            Ruling::BadToken => Self::BadToken,
            Ruling::Unavailable => Self::Unavailable,
            Ruling::Abort(error) => Self::Abort(error),
            // The classifier keeps what it has read, and asks again: neither comes here.
            Ruling::Answered | Ruling::Again => Self::Failed(unreadable()),
        })
    }
}

/// What the classifier found in the last reply.
enum Found<T> {
    Page(T, Timestamp),
    Unreadable(Error),
    Ruling(Ruling),
}

impl Api {
    pub(super) fn new(client: Client, meter: Meter) -> Self {
        Self { client, meter }
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// A text as it may be written down.
    pub(super) fn told(&self, text: &str) -> String {
        brief(&self.client.scrub(text))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.client.clock().now()
    }

    /// Asks until there is an answer. `fits` says what is wrong with a reply that can be read but
    /// belongs to another question, as a confused cache gives it: it is asked for again.
    pub(super) async fn ask<T: DeserializeOwned + Send + 'static>(
        &self,
        endpoint: Endpoint,
        request: Request,
        fits: impl Fn(&T) -> std::result::Result<(), String> + Send + Sync + 'static,
    ) -> Result<Answer<T>> {
        let request = request
            .query("prettyPrint", "false")
            .endpoint(endpoint.name());
        let found = Arc::new(Mutex::new(None));
        let put = Arc::clone(&found);
        let client = self.client.clone();
        let classify = move |reply: &Reply| {
            let (verdict, what) = judge(endpoint, reply, &fits, &client);
            *put.lock().unwrap_or_else(PoisonError::into_inner) = what;
            verdict
        };
        let sent = self.client.send_with(request, classify).await;
        if let Some(refusal) = self.meter.refusal() {
            return Ok(Answer::Spent(refusal));
        }
        let found = found.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (sent, found) {
            (Ok(_), Some(Found::Page(page, at))) => Ok(Answer::Got(page, at)),
            (Ok(_), Some(Found::Ruling(ruling))) => Answer::of(ruling, &self.meter),
            // The service is there, and what it says of other items may be read.
            (_, Some(Found::Unreadable(error))) => Ok(Answer::Broken(brief(&error.to_string()))),
            (Ok(_), None) => Ok(Answer::Failed(unreadable())),
            (Err(error), _) if error.is_transient() => Ok(Answer::Failed(error)),
            (Err(error), _) => Err(error),
        }
    }
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Remote, "the reply cannot be read").transient()
}

fn judge<T: DeserializeOwned>(
    endpoint: Endpoint,
    reply: &Reply,
    fits: &impl Fn(&T) -> std::result::Result<(), String>,
    client: &Client,
) -> (Verdict, Option<Found<T>>) {
    let ruling = match rule(endpoint, reply, &|text| client.scrub(text)) {
        Ruling::Answered => return read(reply, fits, client),
        Ruling::Again => return (Verdict::retry(), None),
        Ruling::AgainTwice(_) if reply.attempt() <= 2 => return (Verdict::retry(), None),
        ruling => ruling,
    };
    (Verdict::Done, Some(Found::Ruling(ruling)))
}

/// Reads a reply of status 200, which may still be half of one, or a page of a portal.
fn read<T: DeserializeOwned>(
    reply: &Reply,
    fits: &impl Fn(&T) -> std::result::Result<(), String>,
    client: &Client,
) -> (Verdict, Option<Found<T>>) {
    match serde_json::from_slice::<T>(reply.body()) {
        Ok(page) => match fits(&page) {
            Ok(()) => (Verdict::Done, Some(Found::Page(page, reply.received()))),
            Err(what) => {
                let what = brief(&client.scrub(&what));
                tracing::debug!(endpoint = reply.endpoint(), "asking again: {what}");
                (Verdict::retry(), None)
            }
        },
        // JSON of another form than the documented one: the next reply will not be better.
        Err(error) if error.classify() == Category::Data => {
            let error = reply
                .error(format!(
                    "the reply has not the documented form: {}",
                    brief(&client.scrub(&error.to_string()))
                ))
                .with_help("this version of the library may be older than the API");
            (
                Verdict::GiveUp(error.clone()),
                Some(Found::Unreadable(error)),
            )
        }
        Err(_) => (Verdict::retry(), None),
    }
}
