//! Tracks to an MLflow server, and loses nothing when it is away.

mod api;
mod batch;
mod contents;
mod copies;
mod environment;
mod listing;
mod live;
mod places;
mod replay;
mod sender;
mod settings;
mod spool;
mod sync;
mod trouble;
mod wire;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use sync::SyncReport;

use super::{Event, Tracker};
use crate::error::{Error, ErrorKind, Result};
use crate::http::SecretString;
use live::Live;
use settings::{Experiment, Settings};

/// Records runs on an MLflow server.
///
/// An event is written to a file of this machine, the spool, before [`record`](Tracker::record)
/// returns; a thread of the tracker's own tells the spool to the server, in requests of up to 1000
/// values. A server that is away does not stop the run, and what it missed waits in the spool for
/// [`sync`](Self::sync). At the end of a run, and when the tracker is dropped, the server is waited
/// for, up to a deadline; a spool that it has all of is removed.
///
/// | setting | default |
/// |---|---|
/// | [`experiment`](Self::experiment) | `Default`; made where it is not there |
/// | [`spool`](Self::spool) | the folder `mlflow-spool` |
/// | [`deadline`](Self::deadline) | 10 s |
/// | [`timeout`](Self::timeout) | 2 min a request |
/// | [`retries`](Self::retries) | 7 |
///
/// What is sent is the same when it is sent twice: metrics keep the time at which they were
/// recorded, runs and models are looked for before they are made a second time, by the tags
/// `floe.run` and `floe.model`.
///
/// # Examples
///
/// ```no_run
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
/// use floe::tracker::MlflowTracker;
///
/// let rows = df!["x" => [0.0, 1.0, 2.0, 3.0], "y" => [1.0, 3.0, 5.0, 7.0]]?;
/// let run = floe::from(InMemory::new(rows))
///     .split(TrainTestSplit::new(0.5))
///     .learn(LinearRegression::new(["x"], "y"))
///     .track(MlflowTracker::new("http://127.0.0.1:5000").experiment("lines"))
///     .run()?;
/// // What the server did not take is among the warnings of the run.
/// assert!(run.warnings().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MlflowTracker {
    settings: Settings,
    live: OnceLock<Arc<Live>>,
}

impl MlflowTracker {
    /// A tracker for the server at this URL. A user and a password in it are sent as basic
    /// authorisation, and shown nowhere.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self::of(Settings::new(url.into()))
    }

    /// A tracker as the environment says, by the variables of MLflow's Python client:
    /// `MLFLOW_TRACKING_URI` with `_USERNAME`, `_PASSWORD`, `_TOKEN`, `_INSECURE_TLS`,
    /// `_SERVER_CERT_PATH` and `_CLIENT_CERT_PATH`; `MLFLOW_EXPERIMENT_NAME` and `_ID`,
    /// `MLFLOW_RUN_ID`, `MLFLOW_WORKSPACE`; `MLFLOW_HTTP_REQUEST_MAX_RETRIES`, `_BACKOFF_FACTOR`,
    /// `_BACKOFF_JITTER` and `_TIMEOUT`, `MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER`,
    /// `MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS`, `MLFLOW_TRUNCATE_LONG_VALUES`; and
    /// `FLOE_MLFLOW_SPOOL`, the folder of the spool. User and password may stand in
    /// `~/.mlflow/credentials`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when `MLFLOW_TRACKING_URI` is not set.
    pub fn from_env() -> Result<Self> {
        environment::settings(|name| std::env::var(name).ok()).map(Self::of)
    }

    fn of(settings: Settings) -> Self {
        Self {
            settings,
            live: OnceLock::new(),
        }
    }

    /// Authorises by user and password.
    pub fn basic(mut self, user: impl Into<String>, password: impl Into<SecretString>) -> Self {
        self.settings.basic = Some((user.into(), password.into()));
        self
    }

    /// Authorises by a token, unless there is a user with a password.
    pub fn token(mut self, token: impl Into<SecretString>) -> Self {
        self.settings.token = Some(token.into());
        self
    }

    /// Trusts the authorities in this PEM file besides those of the machine.
    pub fn server_certificate(mut self, pem: impl Into<PathBuf>) -> Self {
        self.settings.server_certificate = Some(pem.into());
        self
    }

    /// Shows this certificate: a PEM file with the certificate and its private key.
    pub fn client_certificate(mut self, pem: impl Into<PathBuf>) -> Self {
        self.settings.client_certificate = Some(pem.into());
        self
    }

    /// Trusts every certificate, so anyone on the way can read and change everything.
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.settings.insecure = insecure;
        self
    }

    /// The experiment of runs that name none.
    pub fn experiment(mut self, name: impl Into<String>) -> Self {
        self.settings.experiment = Experiment::Name(name.into());
        self
    }

    /// Restores the experiment when it was deleted; else that is an error.
    pub fn restore_deleted_experiment(mut self) -> Self {
        self.settings.restore = true;
        self
    }

    /// Makes every logged model a version of this registered model.
    pub fn register(mut self, name: impl Into<String>) -> Self {
        self.settings.register = Some(name.into());
        self
    }

    /// Lets an alias, such as `champion`, stand for the newest registered version.
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.settings.alias = Some(alias.into());
        self
    }

    /// The folder of the spool. It is made when the first event is recorded.
    pub fn spool(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.spool = folder.into();
        self
    }

    /// How long the end of a run waits for the server. What it does not have by then stays in the
    /// spool.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.settings.deadline = time;
        self
    }

    /// How long one request may take.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.settings.timeout = time;
        self
    }

    /// How often [`sync`](Self::sync) tries again what may pass by itself, and after which attempt
    /// pauses grow no longer.
    pub fn retries(mut self, retries: u32) -> Self {
        self.settings.retries = retries;
        self
    }

    /// The bound of the first pause, which doubles with every attempt up to a minute.
    pub fn first_pause(mut self, time: Duration) -> Self {
        self.settings.backoff = time.saturating_mul(2);
        self.settings.jitter = time / 2;
        self
    }

    /// How long events wait for others to go with them.
    pub fn buffering(mut self, time: Duration) -> Self {
        self.settings.buffering = time;
        self
    }

    /// Says what cannot work, without asking the server.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a URL that is none, certificates that cannot be read, and an alias
    /// without a registered model.
    pub fn check(&self) -> Result<()> {
        if self.settings.alias.is_some() && self.settings.register.is_none() {
            let message = "an alias stands for a version of a registered model";
            return Err(Error::new(ErrorKind::Config, message)
                .with_help("name the model by `.register(..)`, or leave out `.alias(..)`"));
        }
        if let Some(fault) = self.settings.faults.first() {
            return Err(Error::new(ErrorKind::Config, fault.clone()));
        }
        api::Api::new(&self.settings).map(drop)
    }

    /// Tells the server what trackers wrote to the spool and could not send, of this process or of
    /// one that is gone. Each event arrives once, with the time at which it happened; what was cut
    /// off by a kill in the middle of its writing was never acknowledged, and is left out.
    ///
    /// Spools that are in use and spools for other servers are left as they are, and one that cannot
    /// go holds up no other one. Experiment, workspace, registered model and alias are those of the
    /// tracker that recorded. Several processes may call it at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when the server does not take some of them; what was not sent stays in the
    /// spool, and the next call goes on with it. [`ErrorKind::Config`] as [`check`](Self::check).
    pub fn sync(&self) -> Result<SyncReport> {
        sync::sync(&self.settings)
    }

    /// What the server did not take since the last flush, or not as it was recorded.
    pub fn faults(&self) -> Vec<String> {
        self.live
            .get()
            .map(|live| live.faults())
            .unwrap_or_default()
    }

    /// The runs on the server.
    pub(crate) fn listed(&self, experiment: Option<&str>) -> Result<Vec<listing::ListedRun>> {
        listing::runs(&self.settings, experiment)
    }

    fn live(&self) -> &Arc<Live> {
        self.live
            .get_or_init(|| Arc::new(Live::new(self.settings.clone())))
    }
}

impl Tracker for MlflowTracker {
    fn record(&self, event: &Event) -> Result<()> {
        self.record_all(std::slice::from_ref(event))
    }

    fn record_all(&self, events: &[Event]) -> Result<()> {
        self.live().record(events)?;
        // What the server would refuse is said to who records it; the rest of the run is sent.
        events.iter().try_for_each(super::entities::check)
    }

    fn flush(&self) -> Result<()> {
        self.live.get().map_or(Ok(()), |live| live.flush())
    }
}

impl Drop for MlflowTracker {
    fn drop(&mut self) {
        if let Some(live) = self.live.get() {
            live.close();
        }
    }
}

impl fmt::Debug for MlflowTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlflowTracker({:?})", self.settings)
    }
}
