//! What the environment says of a server, in the names of the Python client.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::settings::{Experiment, Settings};
use crate::error::{Error, ErrorKind, Result};

/// Reads the settings out of variables, by a function that tells the value of each.
///
/// # Errors
///
/// [`ErrorKind::Config`] when there is no URL, or one that is no server's.
pub(super) fn settings(variable: impl Fn(&str) -> Option<String>) -> Result<Settings> {
    // What is set to nothing is not set.
    let get = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let help = "set it to the URL of a server, such as http://127.0.0.1:5000";
    let Some(url) = get("MLFLOW_TRACKING_URI") else {
        let message = "`MLFLOW_TRACKING_URI` is not set";
        return Err(Error::new(ErrorKind::Config, message).with_help(help));
    };
    let mut settings = Settings::new(url.into());
    credentials(&mut settings, &get);
    options(&mut settings, &get);
    numbers(&mut settings, &get);
    Ok(settings)
}

type Get<'a> = &'a dyn Fn(&str) -> Option<String>;

/// User and password, which win over a token; those of a file stand in for what is not set.
fn credentials(settings: &mut Settings, get: Get<'_>) {
    let file = get("HOME").or_else(|| get("USERPROFILE")).map(|home| {
        let path = Path::new(&home).join(".mlflow").join("credentials");
        std::fs::read_to_string(path).unwrap_or_default()
    });
    let file = file.unwrap_or_default();
    let of_file = |key: &str| ini(&file, "mlflow", key);
    let user = get("MLFLOW_TRACKING_USERNAME").or_else(|| of_file("mlflow_tracking_username"));
    let password = get("MLFLOW_TRACKING_PASSWORD").or_else(|| of_file("mlflow_tracking_password"));
    if let (Some(user), Some(password)) = (user, password) {
        settings.basic = Some((user, password.into()));
    } else if let Some(token) = get("MLFLOW_TRACKING_TOKEN") {
        settings.token = Some(token.into());
    }
}

/// The value of a key in a section of an INI file.
fn ini(text: &str, section: &str, key: &str) -> Option<String> {
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            inside = name.trim_end_matches(']').trim() == section;
        } else if inside
            && let Some((found, value)) = line.split_once(['=', ':'])
            && found.trim().eq_ignore_ascii_case(key)
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

fn options(settings: &mut Settings, get: Get<'_>) {
    settings.workspace = get("MLFLOW_WORKSPACE");
    settings.server_certificate = get("MLFLOW_TRACKING_SERVER_CERT_PATH").map(PathBuf::from);
    settings.client_certificate = get("MLFLOW_TRACKING_CLIENT_CERT_PATH").map(PathBuf::from);
    settings.run_id = get("MLFLOW_RUN_ID");
    if let Some(name) = get("MLFLOW_EXPERIMENT_NAME") {
        settings.experiment = Experiment::Name(name);
    } else if let Some(id) = get("MLFLOW_EXPERIMENT_ID") {
        settings.experiment = Experiment::Id(id);
    }
    if let Some(folder) = get("FLOE_MLFLOW_SPOOL") {
        settings.spool = folder.into();
    }
    let mut flag = |name: &str, into: &mut bool| match get(name).map(|text| text.to_lowercase()) {
        None => {}
        Some(text) if matches!(text.as_str(), "true" | "1") => *into = true,
        Some(text) if matches!(text.as_str(), "false" | "0") => *into = false,
        Some(_) => settings
            .faults
            .push(format!("`{name}` is neither true nor false")),
    };
    flag("MLFLOW_TRACKING_INSECURE_TLS", &mut settings.insecure);
    let mut system = false;
    flag(
        "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER",
        &mut settings.heed_retry_after,
    );
    flag("MLFLOW_TRUNCATE_LONG_VALUES", &mut settings.truncate);
    flag("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", &mut system);
    if system {
        let fault = "`MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING` is set; floe records none of these";
        settings.faults.push(fault.to_owned());
    }
}

fn numbers(settings: &mut Settings, get: Get<'_>) {
    let mut faults = Vec::new();
    let mut number = |name: &str| {
        let text = get(name)?;
        let number = text.trim().parse::<f64>().ok();
        let number = number.filter(|number| (0.0..=1e6).contains(number));
        if number.is_none() {
            faults.push(format!("`{name}` is no number of 0 or more"));
        }
        number
    };
    if let Some(retries) = number("MLFLOW_HTTP_REQUEST_MAX_RETRIES") {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "judged above"
        )]
        let retries = retries as u32;
        settings.retries = retries;
    }
    for (name, into) in [
        ("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", &mut settings.backoff),
        ("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", &mut settings.jitter),
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", &mut settings.timeout),
        (
            "MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS",
            &mut settings.buffering,
        ),
    ] {
        if let Some(seconds) = number(name) {
            *into = Duration::from_secs_f64(seconds);
        }
    }
    settings.faults.append(&mut faults);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ExposeSecret;

    fn of(pairs: &[(&str, &str)]) -> Result<Settings> {
        settings(|name| {
            let pair = pairs.iter().find(|(key, _)| *key == name);
            pair.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn every_variable_of_the_python_client_is_read() {
        let read = of(&[
            ("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000"),
            ("MLFLOW_TRACKING_USERNAME", "anna"),
            ("MLFLOW_TRACKING_PASSWORD", "word"),
            ("MLFLOW_TRACKING_TOKEN", "token"),
            ("MLFLOW_TRACKING_INSECURE_TLS", "True"),
            ("MLFLOW_TRACKING_SERVER_CERT_PATH", "ca.pem"),
            ("MLFLOW_TRACKING_CLIENT_CERT_PATH", "me.pem"),
            ("MLFLOW_EXPERIMENT_NAME", "likes"),
            ("MLFLOW_EXPERIMENT_ID", "7"),
            ("MLFLOW_RUN_ID", "r"),
            ("MLFLOW_WORKSPACE", "w"),
            ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3"),
            ("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0.5"),
            ("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0"),
            ("MLFLOW_HTTP_REQUEST_TIMEOUT", "30"),
            ("MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER", "false"),
            ("MLFLOW_ASYNC_LOGGING_BUFFERING_SECONDS", "2"),
            ("MLFLOW_TRUNCATE_LONG_VALUES", "false"),
            ("FLOE_MLFLOW_SPOOL", "away"),
        ])
        .unwrap();
        let (user, password) = read.basic.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("anna", "word"));
        assert!(read.token.is_none() && read.insecure && !read.heed_retry_after && !read.truncate);
        assert_eq!(read.experiment, Experiment::Name("likes".to_owned()));
        assert_eq!(read.run_id.as_deref(), Some("r"));
        assert_eq!(read.workspace.as_deref(), Some("w"));
        assert_eq!(read.retries, 3);
        assert_eq!(read.backoff, Duration::from_millis(500));
        assert_eq!(read.jitter, Duration::ZERO);
        assert_eq!(read.timeout, Duration::from_secs(30));
        assert_eq!(read.buffering, Duration::from_secs(2));
        assert_eq!(read.spool, Path::new("away"));
        assert_eq!(
            read.server_certificate.as_deref(),
            Some(Path::new("ca.pem"))
        );
        assert_eq!(
            read.client_certificate.as_deref(),
            Some(Path::new("me.pem"))
        );
        assert!(read.faults.is_empty());
    }

    #[test]
    fn a_token_is_for_those_without_a_user_and_faults_are_told() {
        let read = of(&[
            ("MLFLOW_TRACKING_URI", "http://h"),
            ("MLFLOW_TRACKING_TOKEN", "token"),
            ("MLFLOW_EXPERIMENT_ID", "7"),
            ("MLFLOW_HTTP_REQUEST_TIMEOUT", "soon"),
            ("MLFLOW_TRACKING_INSECURE_TLS", "perhaps"),
        ])
        .unwrap();
        assert_eq!(read.token.unwrap().expose_secret(), "token");
        assert_eq!(read.experiment, Experiment::Id("7".to_owned()));
        assert_eq!(read.faults.len(), 2, "{:?}", read.faults);
        assert!(of(&[]).is_err());
    }

    #[test]
    fn a_file_stands_in_for_what_is_not_set() {
        let home = std::env::temp_dir().join(format!("floe-home-{}", std::process::id()));
        std::fs::create_dir_all(home.join(".mlflow")).unwrap();
        let text = "[other]\nmlflow_tracking_username = no\n[mlflow]\n\
                    mlflow_tracking_username = anna\nmlflow_tracking_password = a=b\n";
        std::fs::write(home.join(".mlflow/credentials"), text).unwrap();
        let home_text = home.to_str().unwrap();
        let read = of(&[("MLFLOW_TRACKING_URI", "http://h"), ("HOME", home_text)]).unwrap();
        let (user, password) = read.basic.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("anna", "a=b"));
        std::fs::remove_dir_all(home).unwrap();
    }
}
