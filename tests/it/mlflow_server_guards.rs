//! Servers that do not let everybody in, as MLflow has them.

use std::path::Path;
use std::time::Duration;

use floe::http::{Client, Request, Retries};
use floe::tracker::{MlflowTracker, RunInfo, RunLog, Status};
use serde_json::json;
use tempfile::TempDir;

use super::mlflow::{tracker, when_free};
use super::mlflow_process::{Server, free_port};
use super::mlflow_server::server;

/// What is said of a run that cannot be told, whose own end is not harmed.
fn refused(ours: &MlflowTracker) -> String {
    let log = RunLog::start(ours, &RunInfo::named("guarded")).unwrap();
    log.metric("m", 0.5, 0).unwrap();
    let error = log.finish(Status::Finished).unwrap_err();
    format!("{error} {}", error.help().unwrap_or_default())
}

/// Tells what was left in the spool, once.
fn sent(ours: &MlflowTracker, spool: &Path) -> usize {
    when_free(spool);
    ours.sync().unwrap().sent.len()
}

#[test]
fn a_server_that_checks_hosts_says_which_option_names_them() {
    if server().is_none() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let (port, spool) = (free_port(), folder.path().join("spool"));
    let strict = Server::with::<&str>(
        folder.path(),
        port,
        &["--allowed-hosts", "elsewhere.example"],
        &[],
    );
    let told = refused(&tracker(&strict.url, &spool).deadline(Duration::from_mins(1)));
    assert!(
        told.contains("Invalid Host header") && told.contains("--allowed-hosts"),
        "{told}"
    );
    drop(strict);
    let open = Server::start(folder.path(), port);
    assert_eq!(sent(&tracker(&open.url, &spool), &spool), 1);
}

#[test]
fn a_server_with_users_says_what_is_missing() {
    if server().is_none() {
        return;
    }
    // Made here, and known to nobody else.
    let password = format!("{:032x}", rand::random::<u128>());
    let folder = TempDir::new().unwrap();
    let spool = folder.path().join("spool");
    let config = folder.path().join("auth.ini");
    let text = format!(
        "[mlflow]\ndefault_permission = NO_PERMISSIONS\ndatabase_uri = sqlite:///{}\n\
         admin_username = admin\nadmin_password = {password}\n\
         authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n",
        folder.path().join("users.db").display()
    );
    std::fs::write(&config, text).unwrap();
    let guarded = Server::with(
        folder.path(),
        free_port(),
        &["--app-name", "basic-auth"],
        &[
            ("MLFLOW_AUTH_CONFIG_PATH", config.to_str().unwrap()),
            ("MLFLOW_AUTH_ADMIN_PASSWORD", &password),
            ("MLFLOW_FLASK_SERVER_SECRET_KEY", &password),
        ],
    );
    let admin = Client::at(guarded.url.as_str())
        .basic("admin", password.as_str())
        .retries(Retries::none());
    let user = json!({"username": "guest", "password": password});
    let made = Request::post("api/2.0/mlflow/users/create").json(&user);
    admin.build().unwrap().send_blocking(made).unwrap();
    let ours = |spool: &Path| tracker(&guarded.url, spool).deadline(Duration::from_mins(1));
    for (ours, says) in [
        (ours(&spool), "MLFLOW_TRACKING_USERNAME"),
        (
            ours(&spool).basic("admin", "no"),
            "MLFLOW_TRACKING_USERNAME",
        ),
        (
            ours(&spool).token(password.as_str()),
            "MLFLOW_TRACKING_USERNAME",
        ),
        (
            ours(&spool).basic("guest", password.as_str()),
            "ask for the permission",
        ),
    ] {
        let told = refused(&ours);
        assert!(told.contains(says), "{told}");
        assert!(!told.contains(&password), "the password is told");
    }
    // All four runs wait, and go with the right name.
    let admin = ours(&spool).basic("admin", password.as_str());
    assert_eq!(sent(&admin, &spool), 4);
    let log = RunLog::start(&admin, &RunInfo::named("let in")).unwrap();
    log.text("a.txt", "let in").unwrap();
    log.finish(Status::Finished).unwrap();
}
