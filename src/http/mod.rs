//! The client of every remote source and tracker: JSON over HTTP, on reqwest and tokio.
//!
//! * **Verdicts.** Whether a reply is done, is tried again or ends the call is said by a classifier
//!   of the caller's, which sees the body: many services tell in it what the status hides. See
//!   [`Verdict`]; [`by_status`] is for services that go by the status.
//! * **Patience has an end.** Timeouts for connecting, for silence and for an attempt; a number of
//!   tries with growing pauses, `Retry-After`, and one deadline for the whole call ([`Retries`]).
//! * **Politeness.** A rate of requests, a number in flight, and a hook before each attempt, which
//!   may charge a quota or refuse ([`ClientBuilder::before_each`]).
//! * **Secrets** go into headers (or, where a service knows nothing better, into the query), and
//!   never into an error, an event of `tracing` or a `Debug` text. Redirects are not followed: the
//!   headers would go along to another host.
//! * **No runtime is asked for.** All I/O happens on a runtime of the library's own. Futures may be
//!   awaited in any executor, and the `_blocking` twins called anywhere, also inside tokio: see
//!   [`blocking`].
//!
//! Time comes from a [`Clock`](crate::clock::Clock), so that tests wait for nothing.

mod backoff;
mod builder;
mod client;
mod limits;
mod reply;
mod request;
mod retry_after;
mod runtime;
mod secrets;
mod setback;
mod transport;
mod verdict;

pub use backoff::Retries;
pub use builder::{Attempt, ClientBuilder};
pub use client::Client;
pub use reply::Reply;
pub use request::{Method, Request};
pub(crate) use runtime::aside;
pub use runtime::{blocking, pause, spawned};
pub use secrecy::{ExposeSecret, SecretString};
#[cfg(feature = "mlflow")]
pub(crate) use setback::Unreached;
pub use verdict::{Verdict, by_status};
