use std::time::Duration;

use super::Reply;
use crate::error::Error;

/// What a classifier says of a reply.
///
/// # Examples
///
/// A service that says in the body of a 429 that the day is used up, which no pause will help:
///
/// ```
/// use floe::http::{Reply, Verdict, by_status};
///
/// fn classify(reply: &Reply) -> Verdict {
///     if reply.status() == 429 && reply.text().contains("per day") {
///         return Verdict::GiveUp(reply.error("the quota of the day is used up"));
///     }
///     by_status(reply)
/// }
///
/// let day = Reply::recorded(429, "limit 'Search Queries per day'");
/// assert!(matches!(classify(&day), Verdict::GiveUp(_)));
/// let minute = Reply::recorded(429, "slow down").with_header("Retry-After", "3");
/// assert!(matches!(classify(&minute), Verdict::Retry { .. }));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The reply is what was asked for; also a refusal that the caller wants to see.
    Done,
    /// The same request may succeed later.
    Retry {
        /// How long to wait; by `Retry-After` or else a growing pause when nothing is said.
        after: Option<Duration>,
    },
    /// The call ends with this error.
    GiveUp(Error),
}

impl Verdict {
    /// To be tried again, after what `Retry-After` says or a growing pause.
    pub fn retry() -> Self {
        Self::Retry { after: None }
    }
}

/// The classifier of services that go by the status: 2xx and 304 are done; 408, 425, 429, 500, 502,
/// 503 and 504 are tried again; everything else is an error.
pub fn by_status(reply: &Reply) -> Verdict {
    match reply.status() {
        200..=299 | 304 => Verdict::Done,
        408 | 425 | 429 | 500 | 502 | 503 | 504 => Verdict::retry(),
        300..=399 => {
            Verdict::GiveUp(reply.error("redirects are not followed").with_help(
                "check the base URL: the service has moved, or a portal stands before it",
            ))
        }
        401 | 403 => Verdict::GiveUp(
            reply
                .error(reply.excerpt())
                .with_help("check the key or the user, and what they may do"),
        ),
        _ => Verdict::GiveUp(reply.error(reply.excerpt())),
    }
}
