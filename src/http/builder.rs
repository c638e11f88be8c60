use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};

use super::client::Inner;
use super::limits::Limits;
use super::secrets::Secrets;
use super::{Client, Method, Retries};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};

/// What is known before an attempt is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The method of the request.
    pub method: Method,
    /// Its label; see [`Request::endpoint`](super::Request::endpoint).
    pub endpoint: String,
    /// Which attempt of the call, counted from 1.
    pub number: u32,
}

pub(super) type Hook = Arc<dyn Fn(&Attempt) -> Result<()> + Send + Sync>;

/// The settings of a client; see [`Client::at`].
///
/// | setting | default |
/// |---|---|
/// | `user_agent` | `floe/<version> (gzip)`; ` (gzip)` is appended where it is missing, for Google packs replies only then |
/// | `connect_timeout` | 10 s |
/// | `read_timeout` | 30 s without a byte |
/// | `timeout` | 60 s an attempt |
/// | `body_cap` | 32 MiB, unpacked |
/// | `retries` | [`Retries::default`] |
/// | `rate`, `in_flight` | no limit |
/// | `clock` | that of the machine |
#[derive(Clone)]
#[must_use = "a client is made by `build()`"]
pub struct ClientBuilder {
    base: String,
    user_agent: String,
    headers: Vec<(String, String)>,
    secret_headers: Vec<(String, SecretString)>,
    secret_query: Vec<(String, SecretString)>,
    basic: Option<(String, SecretString)>,
    connect_timeout: Duration,
    read_timeout: Duration,
    timeout: Duration,
    body_cap: u64,
    retries: Retries,
    rate: Option<(u32, Duration)>,
    in_flight: Option<usize>,
    clock: Arc<dyn Clock>,
    hook: Option<Hook>,
    root_certificate: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    insecure: bool,
}

impl ClientBuilder {
    pub(super) fn new(base: String) -> Self {
        Self {
            base,
            user_agent: concat!("floe/", env!("CARGO_PKG_VERSION")).to_owned(),
            headers: Vec::new(),
            secret_headers: Vec::new(),
            secret_query: Vec::new(),
            basic: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            timeout: Duration::from_mins(1),
            body_cap: 32 << 20,
            retries: Retries::default(),
            rate: None,
            in_flight: None,
            clock: Arc::new(SystemClock),
            hook: None,
            root_certificate: None,
            client_certificate: None,
            insecure: false,
        }
    }

    /// Who asks, such as `my-study/1.2 (mail@example.org)`.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// A header of every request.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A header of every request that no text shows, such as a key.
    pub fn secret_header(
        mut self,
        name: impl Into<String>,
        value: impl Into<SecretString>,
    ) -> Self {
        self.secret_headers.push((name.into(), value.into()));
        self
    }

    /// A parameter of every query that no text of ours shows. Proxies and servers log queries:
    /// choose a header where the service takes one.
    pub fn secret_query(mut self, name: impl Into<String>, value: impl Into<SecretString>) -> Self {
        self.secret_query.push((name.into(), value.into()));
        self
    }

    /// Authorises by a token: `Authorization: Bearer …`.
    pub fn bearer(self, token: impl Into<SecretString>) -> Self {
        let token: SecretString = token.into();
        let value = format!("Bearer {}", token.expose_secret());
        self.secret_header("authorization", value)
    }

    /// Authorises by user and password: `Authorization: Basic …`.
    pub fn basic(mut self, user: impl Into<String>, password: impl Into<SecretString>) -> Self {
        self.basic = Some((user.into(), password.into()));
        self
    }

    /// How long a connection may take to be made.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// How long the service may say nothing.
    pub fn read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = time;
        self
    }

    /// How long one attempt may take, to the last byte of the body.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// How many bytes a body may have, unpacked; more are not read, and are an error.
    pub fn body_cap(mut self, bytes: u64) -> Self {
        self.body_cap = bytes;
        self
    }

    /// How often and for how long a call is tried.
    pub fn retries(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    /// At most so many requests in any stretch of time of this length; every attempt counts.
    pub fn rate(mut self, requests: u32, per: Duration) -> Self {
        self.rate = Some((requests, per));
        self
    }

    /// At most so many requests at once.
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = Some(requests);
        self
    }

    /// Where the time comes from.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Calls this right before every attempt, the first and all others. An error ends the call with
    /// nothing sent. It may block, such as for the lock of a ledger.
    pub fn before_each(
        mut self,
        hook: impl Fn(&Attempt) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Trusts the authorities in this PEM file besides those of the machine.
    pub fn root_certificate(mut self, pem: impl Into<PathBuf>) -> Self {
        self.root_certificate = Some(pem.into());
        self
    }

    /// Shows this certificate: a PEM file with the certificate and its private key.
    pub fn client_certificate(mut self, pem: impl Into<PathBuf>) -> Self {
        self.client_certificate = Some(pem.into());
        self
    }

    /// Trusts every certificate, so anyone on the way can read and change everything, secrets too.
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.insecure = insecure;
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a base URL that is none, a name or value that a header cannot hold,
    /// a secret that is empty, and certificates that cannot be read.
    pub fn build(mut self) -> Result<Client> {
        let mut base = self.base_url()?;
        self.take_user(&mut base);
        let mut secrets = self.secrets()?;
        let mut agent = self.user_agent.clone();
        if !agent.contains("gzip") {
            agent.push_str(" (gzip)");
        }
        let mut builder = reqwest::Client::builder()
            .use_rustls_tls()
            .user_agent(header_value("user-agent", &agent)?)
            .default_headers(self.all_headers()?)
            .redirect(Policy::none())
            .gzip(true)
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.read_timeout)
            .danger_accept_invalid_certs(self.insecure);
        // A proxy of the machine's cannot reach the machine itself.
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        if let Some(path) = &self.root_certificate {
            let certificates = reqwest::Certificate::from_pem_bundle(&read(path)?);
            for certificate in certificates.map_err(|_| no_certificate(path))? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        if let Some(path) = &self.client_certificate {
            let identity = reqwest::Identity::from_pem(&read(path)?);
            builder = builder.identity(identity.map_err(|_| no_certificate(path))?);
        }
        let client = builder.build().map_err(|error| {
            let message = format!("no client can be made: {}", error.without_url());
            Error::new(ErrorKind::Config, message)
        })?;
        if let Some((user, password)) = &self.basic {
            // The form in which user and password are sent, and may be echoed.
            let request = client.get(base.clone());
            let request = request.basic_auth(user, Some(password.expose_secret()));
            let sent = request.build().ok();
            let sent = sent.as_ref().and_then(|of| of.headers().get(AUTHORIZATION));
            let sent = sent.and_then(|value| value.to_str().ok());
            if let Some(encoded) = sent.and_then(|value| value.strip_prefix("Basic ")) {
                secrets.add(&encoded.to_owned().into());
            }
        }
        Ok(Client::of(Inner {
            client,
            base,
            secrets: Arc::new(secrets),
            secret_query: self.secret_query,
            basic: self.basic,
            timeout: self.timeout,
            body_cap: self.body_cap,
            retries: self.retries,
            limits: Limits::new(self.in_flight, self.rate),
            clock: self.clock,
            hook: self.hook,
        }))
    }

    fn base_url(&self) -> Result<Url> {
        let wrong = |what: &str| {
            // Not the text itself: it may hold a password.
            Error::new(ErrorKind::Config, format!("the base URL {what}"))
                .with_help("give one such as `https://host/path`")
        };
        let url = Url::parse(&self.base).map_err(|error| wrong(&format!("is none: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong("is neither `http` nor `https`"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has a query or a fragment"));
        }
        Ok(url)
    }

    /// User and password in the URL are taken for basic authorisation, and out of all texts.
    fn take_user(&mut self, base: &mut Url) {
        if base.username().is_empty() && base.password().is_none() {
            return;
        }
        let unescape = |text: &str| {
            // As a form would be, where `+` is a space; in a user it is itself.
            let pair = format!("http://h/?k={}", text.replace('+', "%2B"));
            let url = Url::parse(&pair).ok();
            let value = url.and_then(|url| url.query_pairs().next().map(|(_, v)| v.into_owned()));
            value.unwrap_or_else(|| text.to_owned())
        };
        if self.basic.is_none() {
            let user = unescape(base.username());
            let password = unescape(base.password().unwrap_or_default());
            self.basic = Some((user, password.into()));
        }
        // Neither fails for a URL that has a host.
        let _ = base.set_username("");
        let _ = base.set_password(None);
    }

    fn secrets(&self) -> Result<Secrets> {
        let mut secrets = Secrets::default();
        for (name, secret) in self.secret_headers.iter().chain(&self.secret_query) {
            let text = secret.expose_secret();
            let bare = text.strip_prefix("Bearer ").unwrap_or(text);
            if bare.trim().is_empty() {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("the secret `{name}` is empty"),
                ));
            }
            secrets.add(&bare.to_owned().into());
        }
        if let Some((_, password)) = &self.basic {
            secrets.add(password);
        }
        Ok(secrets)
    }

    fn all_headers(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(header_name(name)?, header_value(name, value)?);
        }
        for (name, secret) in &self.secret_headers {
            let mut value = header_value(name, secret.expose_secret())?;
            value.set_sensitive(true);
            headers.insert(header_name(name)?, value);
        }
        Ok(headers)
    }
}

pub(super) fn header_name(name: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        let message = format!("`{name}` cannot be the name of a header");
        Error::new(ErrorKind::Config, message)
    })
}

/// The value itself may be secret, so a message does not show it.
pub(super) fn header_value(name: &str, value: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(value).map_err(|_| {
        let message =
            format!("the value of the header `{name}` has a character that it cannot have");
        Error::new(ErrorKind::Config, message)
            .with_help("a line break at the end of a key file is a usual cause")
    })
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    let ip = ip.parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn read(path: &PathBuf) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        let message = format!("`{}` cannot be read: {error}", path.display());
        Error::new(ErrorKind::Config, message).caused_by(error)
    })
}

fn no_certificate(path: &std::path::Path) -> Error {
    let message = format!("`{}` holds no certificate in PEM form", path.display());
    Error::new(ErrorKind::Config, message)
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").finish_non_exhaustive()
    }
}
