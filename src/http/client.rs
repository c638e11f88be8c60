use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use secrecy::{ExposeSecret, SecretString};

use super::builder::{Hook, header_name, header_value};
use super::limits::Limits;
use super::request::Body;
use super::runtime::{aside, blocking, pause, spawned};
use super::secrets::Secrets;
use super::setback::Setback;
use super::transport::Failure;
use super::{Attempt, ClientBuilder, Reply, Request, Retries, Verdict, by_status};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

type Classify = Arc<dyn Fn(&Reply) -> Verdict + Send + Sync>;

/// Sends requests to one service; clones share connections and limits.
///
/// Every error is of the kind [`Remote`](ErrorKind::Remote) and names the method and the URL without
/// its query; it is transient where the same call may succeed later. A wrong request is of the kind
/// [`Config`](ErrorKind::Config).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use floe::http::{Client, Request, Retries};
///
/// // Port 9 of this machine, where nobody listens.
/// let client = Client::at("http://127.0.0.1:9/api")
///     .secret_header("X-Api-Key", "the key")
///     .retries(Retries::none())
///     .timeout(Duration::from_secs(2))
///     .build()?;
/// let error = client.send_blocking(Request::get("/videos").query("id", "a")).unwrap_err();
/// assert!(error.is_transient());
/// assert!(error.to_string().contains("GET http://127.0.0.1:9/api/videos"));
/// # Ok::<(), floe::Error>(())
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

pub(super) struct Inner {
    pub(super) client: reqwest::Client,
    pub(super) base: Url,
    pub(super) secrets: Arc<Secrets>,
    pub(super) secret_query: Vec<(String, SecretString)>,
    pub(super) basic: Option<(String, SecretString)>,
    pub(super) timeout: Duration,
    pub(super) body_cap: u64,
    pub(super) retries: Retries,
    pub(super) limits: Limits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) hook: Option<Hook>,
}

impl Client {
    /// The settings of a client for the service at this base URL.
    pub fn at(base_url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(base_url.into())
    }

    pub(super) fn of(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Sends a request and judges the reply by its status; see [`by_status`].
    ///
    /// # Errors
    ///
    /// Those of [`send_with`](Self::send_with).
    pub async fn send(&self, request: Request) -> Result<Reply> {
        self.send_with(request, by_status).await
    }

    /// Sends a request until the classifier says that it is done, or is to end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Remote`] when no attempt brought a reply, when tries or time are used up, and for
    /// a body over the cap; [`ErrorKind::Config`] for a request that cannot be sent; what the
    /// classifier and the hook return.
    pub async fn send_with(
        &self,
        request: Request,
        classify: impl Fn(&Reply) -> Verdict + Send + Sync + 'static,
    ) -> Result<Reply> {
        let inner = Arc::clone(&self.0);
        spawned(inner.call(request, Arc::new(classify))).await
    }

    /// As [`send`](Self::send), and blocks the thread.
    ///
    /// # Errors
    ///
    /// Those of [`send_with`](Self::send_with).
    pub fn send_blocking(&self, request: Request) -> Result<Reply> {
        blocking(self.send(request))
    }

    /// As [`send_with`](Self::send_with), and blocks the thread.
    ///
    /// # Errors
    ///
    /// Those of [`send_with`](Self::send_with).
    pub fn send_blocking_with(
        &self,
        request: Request,
        classify: impl Fn(&Reply) -> Verdict + Send + Sync + 'static,
    ) -> Result<Reply> {
        blocking(self.send_with(request, classify))
    }

    /// The clock of the client.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The text with every secret of the client blotted out.
    pub fn scrub(&self, text: &str) -> String {
        self.0.secrets.scrub(text)
    }

    /// Whether a text has a secret of the client in it.
    pub(crate) fn has_secret(&self, text: &str) -> bool {
        self.0.secrets.is_in(text)
    }

    /// A link without the parameters that the client adds to every query.
    pub(crate) fn without_secret_query(&self, link: &str) -> String {
        let Some((path, query)) = link.split_once('?') else {
            return link.to_owned();
        };
        let is_secret = |pair: &&str| {
            let name = pair.split('=').next();
            self.0
                .secret_query
                .iter()
                .any(|(of, _)| Some(&**of) == name)
        };
        let kept: Vec<&str> = query.split('&').filter(|pair| !is_secret(pair)).collect();
        format!("{path}?{}", kept.join("&"))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.0.secrets.scrub(self.0.base.as_str()))
    }
}

impl Inner {
    async fn call(self: Arc<Self>, request: Request, classify: Classify) -> Result<Reply> {
        let url = request.url(&self.base, &self.secrets)?;
        let shown = self.shown(&url);
        let url = self.with_secrets(url);
        let started = self.clock.now();
        for attempt in 1.. {
            // Before the hook, which may charge a quota for an attempt that could not be made.
            let turn = self
                .limits
                .enter(&self.clock, || self.left(started))
                .await?;
            let Some(turn) = turn else {
                let late = Setback::late(&request, &shown);
                return Err(late.end(&self.secrets, attempt));
            };
            self.before(&request, attempt).await?;
            let left = self.left(started);
            let reply = self.attempt(&request, &url, &shown, attempt, left).await?;
            drop(turn);
            let setback = match reply {
                Ok(reply) => match classify(&reply) {
                    Verdict::Done => return Ok(reply),
                    Verdict::GiveUp(error) => return Err(error),
                    Verdict::Retry { after } => Setback {
                        what: format!("{}: {}", reply.summary(), reply.excerpt()),
                        after: after.or_else(|| reply.retry_after()),
                        last: false,
                        transient: true,
                        unreached: false,
                        help: None,
                    },
                },
                Err(failure) => {
                    let unsure = !failure.unsent && !request.is_repeatable();
                    Setback {
                        what: format!("{} {shown}: {}", request.method, failure.what),
                        after: None,
                        last: unsure || !failure.passing,
                        transient: failure.passing,
                        unreached: failure.unsent,
                        help: match failure.help {
                            None if unsure => {
                                Some("it is not known whether the request was carried out")
                            }
                            help => help,
                        },
                    }
                }
            };
            if setback.last || attempt >= self.retries.tries {
                return Err(setback.end(&self.secrets, attempt));
            }
            let wait = setback.after.unwrap_or_else(|| self.retries.pause(attempt));
            if wait >= self.left(started) {
                let mut setback = setback;
                let seconds = wait.as_secs_f64();
                setback.what = format!(
                    "{}; the next attempt would come {seconds:.1} s later, past the deadline of the call",
                    setback.what
                );
                return Err(setback.end(&self.secrets, attempt));
            }
            let (what, endpoint) = (self.secrets.scrub(&setback.what), self.label(&request));
            tracing::debug!(endpoint, attempt, ?wait, "trying again: {what}");
            pause(Arc::clone(&self.clock), wait).await?;
        }
        Err(Error::new(ErrorKind::Remote, "no attempt is left"))
    }

    /// What is left of the deadline.
    fn left(&self, started: Timestamp) -> Duration {
        let spent = self.clock.now().duration_since(started);
        // A clock that was set back has spent nothing.
        let spent = Duration::try_from(spent).unwrap_or_default();
        self.retries.deadline.saturating_sub(spent)
    }

    /// The hook may wait for a file's lock, so it runs aside.
    async fn before(&self, request: &Request, number: u32) -> Result<()> {
        let Some(hook) = self.hook.clone() else {
            return Ok(());
        };
        let attempt = Attempt {
            method: request.method,
            endpoint: self.label(request),
            number,
        };
        aside(move || hook(&attempt)).await
    }

    /// One attempt: the outer error is of the request, the inner failure of the way.
    async fn attempt(
        &self,
        request: &Request,
        url: &Url,
        shown: &str,
        attempt: u32,
        left: Duration,
    ) -> Result<Result<Reply, Failure>> {
        // The deadline bounds the attempt too; a zero would fail before it is tried.
        let timeout = self.timeout.min(left).max(Duration::from_millis(1));
        let built = self.build(request, url, timeout).await?;
        let sent = std::time::Instant::now();
        let answer = match built.send().await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(self.failed(request, attempt, error))),
        };
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let body = match self.body(answer).await {
            Ok(Some(body)) => body,
            Ok(None) => {
                let message = format!(
                    "{} {shown} answered {status} with a body of more than {} bytes",
                    request.method, self.body_cap
                );
                return Err(Error::new(ErrorKind::Remote, message)
                    .with_help("ask for smaller pages, or allow more with `.body_cap(..)`"));
            }
            Err(error) => return Ok(Err(self.failed(request, attempt, error))),
        };
        let endpoint = self.label(request);
        tracing::debug!(method = %request.method, endpoint, attempt, status, bytes = body.len(),
            ms = sent.elapsed().as_millis(), "answered");
        Ok(Ok(Reply {
            method: request.method,
            endpoint,
            url: shown.to_owned(),
            status,
            headers,
            body,
            attempt,
            received: self.clock.now(),
            secrets: Arc::clone(&self.secrets),
        }))
    }

    fn failed(&self, request: &Request, attempt: u32, error: reqwest::Error) -> Failure {
        let mut failure = Failure::of(error);
        failure.what = self.secrets.scrub(&failure.what);
        let endpoint = self.label(request);
        tracing::debug!(method = %request.method, endpoint, attempt, "failed: {}", failure.what);
        failure
    }

    async fn build(
        &self,
        request: &Request,
        url: &Url,
        timeout: Duration,
    ) -> Result<reqwest::RequestBuilder> {
        let method = request.method.of_reqwest();
        let mut built = self.client.request(method, url.clone()).timeout(timeout);
        if let Some((user, password)) = &self.basic {
            built = built.basic_auth(user, Some(password.expose_secret()));
        }
        for (name, value) in &request.headers {
            built = built.header(header_name(name)?, header_value(name, value)?);
        }
        Ok(match &request.body {
            Body::Empty => built,
            Body::Bytes {
                content_type,
                bytes,
            } => built
                .header(CONTENT_TYPE, header_value("content-type", content_type)?)
                .body(bytes.clone()),
            Body::File { content_type, path } => {
                let unread = |error: std::io::Error| {
                    let message = format!("`{}` cannot be sent: {error}", path.display());
                    Error::new(ErrorKind::Source, message).caused_by(error)
                };
                let file = tokio::fs::File::open(path).await.map_err(unread)?;
                let length = file.metadata().await.map_err(unread)?.len();
                built
                    .header(CONTENT_TYPE, header_value("content-type", content_type)?)
                    .header(CONTENT_LENGTH, length)
                    .body(file)
            }
            Body::Unwritable(error) => {
                let message = format!("the body is nothing that JSON can write: {error}");
                return Err(Error::new(ErrorKind::Config, self.secrets.scrub(&message)));
            }
        })
    }

    /// The body, unless it is longer than the cap: then no more of it is read.
    async fn body(&self, mut answer: reqwest::Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() as u64 + chunk.len() as u64 > self.body_cap {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    /// The URL as messages show it.
    fn shown(&self, url: &Url) -> String {
        let mut url = url.clone();
        url.set_query(None);
        url.set_fragment(None);
        self.secrets.scrub(url.as_str())
    }

    /// The label of a request; a path may hold a secret, as that of a bot's does.
    fn label(&self, request: &Request) -> String {
        self.secrets.scrub(request.label())
    }

    /// A link to a next page may have the key already, and is not asked for another one.
    fn with_secrets(&self, mut url: Url) -> Url {
        let is_secret = |name: &str| self.secret_query.iter().any(|(of, _)| of == name);
        if url.query_pairs().any(|(name, _)| is_secret(&name)) {
            let pairs = url.query_pairs().filter(|(name, _)| !is_secret(name));
            let pairs: Vec<_> = pairs
                .map(|(a, b)| (a.into_owned(), b.into_owned()))
                .collect();
            url.query_pairs_mut().clear().extend_pairs(pairs);
        }
        for (name, secret) in &self.secret_query {
            url.query_pairs_mut()
                .append_pair(name, secret.expose_secret());
        }
        url
    }
}
