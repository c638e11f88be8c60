use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::http::SecretString;

/// Which experiment runs go into that name none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Experiment {
    Name(String),
    Id(String),
}

/// How a server is reached, and what is done there. It is all that a [`Debug`] text may show.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, as in MLflow's environment"
)]
pub(super) struct Settings {
    /// The URL of the server, as it was given; it may hold a password.
    pub(super) url: SecretString,
    pub(super) basic: Option<(String, SecretString)>,
    pub(super) token: Option<SecretString>,
    pub(super) workspace: Option<String>,
    pub(super) insecure: bool,
    pub(super) server_certificate: Option<PathBuf>,
    pub(super) client_certificate: Option<PathBuf>,
    pub(super) experiment: Experiment,
    pub(super) restore: bool,
    /// A run of the server's that takes the first run.
    pub(super) run_id: Option<String>,
    pub(super) register: Option<String>,
    pub(super) alias: Option<String>,
    pub(super) spool: PathBuf,
    pub(super) retries: u32,
    pub(super) backoff: Duration,
    pub(super) jitter: Duration,
    pub(super) heed_retry_after: bool,
    pub(super) timeout: Duration,
    pub(super) buffering: Duration,
    pub(super) deadline: Duration,
    /// Whether texts beyond the limits are cut; else they are refused.
    pub(super) truncate: bool,
    /// What could not be read from the environment.
    pub(super) faults: Vec<String>,
}

impl Settings {
    pub(super) fn new(url: SecretString) -> Self {
        Self {
            url,
            basic: None,
            token: None,
            workspace: None,
            insecure: false,
            server_certificate: None,
            client_certificate: None,
            experiment: Experiment::Name("Default".to_owned()),
            restore: false,
            run_id: None,
            register: None,
            alias: None,
            spool: PathBuf::from("mlflow-spool"),
            retries: 7,
            backoff: Duration::from_secs(2),
            jitter: Duration::from_secs(1),
            heed_retry_after: true,
            timeout: Duration::from_mins(2),
            buffering: Duration::from_millis(500),
            deadline: Duration::from_secs(10),
            truncate: true,
            faults: Vec::new(),
        }
    }

    /// The server as files and messages may name it: without a user, a password or a query.
    pub(super) fn server(&self) -> String {
        use crate::http::ExposeSecret;
        let url = self.url.expose_secret();
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        // A password that is not escaped may hold what ends the name of a host.
        let rest = match rest.rfind('@') {
            Some(at) if rest[..at].contains(['?', '#']) => "(a URL that cannot be shown)",
            Some(at) => &rest[at + 1..],
            None => rest,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let host = &rest[..end];
        let path = rest[end..].split(['?', '#']).next().unwrap_or_default();
        let path = path.trim_end_matches('/');
        if scheme.is_empty() {
            return format!("{host}{path}");
        }
        format!("{scheme}://{host}{path}")
    }

    /// The pause after so many attempts that failed, of which the first is 1.
    pub(super) fn pause(&self, attempts: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1).min(16));
        let pause = self.backoff.saturating_mul(doubled) / 2;
        let most = Duration::from_mins(1);
        pause.min(most) + self.jitter.min(most).mul_f64(rand::random::<f64>())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {:?}", self.server(), self.experiment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_server_holds_no_secret() {
        for (url, server) in [
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("https://host/prefix/", "https://host/prefix"),
            ("https://user:pass@host/", "https://host"),
            ("https://user:p@ss@host:1/a?token=x#y", "https://host:1/a"),
            ("https://user:pa/ss@host/", "https://host"),
            (
                "https://user:pass#1@host/",
                "https://(a URL that cannot be shown)",
            ),
            (
                "https://host/?token=pass@x",
                "https://(a URL that cannot be shown)",
            ),
        ] {
            let settings = Settings::new(url.to_owned().into());
            assert_eq!(settings.server(), server);
            assert!(!format!("{settings:?}").contains("pass"));
        }
    }
}
