//! The tracker of MLflow's server, against the real one: `tests/mlflow/run.sh` starts it. Without it
//! these tests say what they leave out.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use floe::http::{Client, Request, Retries};
use floe::tracker::{LoggedModel, MlflowTracker, RunInfo, RunLog, Status, Tracker, What};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::mlflow::{some_of_all, tracker};
use super::support::say;

/// The URL of the server, where there is one.
pub(crate) fn server() -> Option<String> {
    let url = std::env::var("FLOE_MLFLOW_URI").ok();
    if url.is_none() {
        say(format_args!(
            "left out: no MLflow server is named; run tests/mlflow/run.sh"
        ));
    }
    url
}

pub(crate) fn python() -> PathBuf {
    std::env::var_os("FLOE_MLFLOW_PYTHON")
        .expect("run.sh names it")
        .into()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/mlflow")
        .join(name)
}

/// What the server says, read by another way than the tracker's.
pub(crate) struct Reader(Client);

impl Reader {
    pub(crate) fn at(url: &str) -> Self {
        let client = Client::at(format!("{url}/api/2.0")).retries(Retries::none());
        Self(client.build().unwrap())
    }

    pub(crate) fn ask(&self, request: Request) -> Value {
        let reply = self.0.send_blocking(request).unwrap();
        serde_json::from_slice(reply.body()).unwrap()
    }

    fn experiments(&self) -> Vec<String> {
        let body = json!({ "max_results": 1000 });
        let found = self.ask(Request::post("mlflow/experiments/search").json(&body));
        let found = found["experiments"].as_array().unwrap();
        found
            .iter()
            .map(|of| of["experiment_id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Every run with this name in floe.
    fn runs(&self, run: &str) -> Vec<Value> {
        let body = json!({
            "experiment_ids": self.experiments(),
            "filter": format!("tags.`floe.run` = '{run}'"),
            "max_results": 100,
        });
        let found = self.ask(Request::post("mlflow/runs/search").json(&body));
        found["runs"].as_array().cloned().unwrap_or_default()
    }

    /// The one run with this name, with its inputs and outputs.
    pub(crate) fn run(&self, run: &str) -> Value {
        let runs = self.runs(run);
        assert_eq!(runs.len(), 1, "{runs:?}");
        let id = runs[0]["info"]["run_id"].as_str().unwrap();
        self.ask(Request::get("mlflow/runs/get").query("run_id", id))["run"].clone()
    }

    pub(crate) fn history(&self, run: &Value, key: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let mut page = None::<String>;
        loop {
            let request = Request::get("mlflow/metrics/get-history")
                .query("run_id", run["info"]["run_id"].as_str().unwrap())
                .query("metric_key", key)
                .query("max_results", 25_000)
                .query_if("page_token", page);
            let answer = self.ask(request);
            found.extend(answer["metrics"].as_array().cloned().unwrap_or_default());
            page = answer["next_page_token"]
                .as_str()
                .filter(|token| !token.is_empty())
                .map(str::to_owned);
            if page.is_none() {
                return found;
            }
        }
    }

    pub(crate) fn artifact(&self, uri: &str, path: &str) -> Vec<u8> {
        let root = uri.strip_prefix("mlflow-artifacts:/").unwrap();
        let parts = root.split('/').chain(path.split('/'));
        let request = parts.fold(Request::get("mlflow-artifacts/artifacts"), Request::segment);
        self.0.send_blocking(request).unwrap().body().to_vec()
    }
}

fn pairs(run: &Value, of: &str) -> BTreeMap<String, String> {
    let pairs = run["data"][of].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    pairs
        .iter()
        .map(|pair| (text(&pair["key"]), text(&pair["value"])))
        .collect()
}

#[test]
fn what_is_recorded_is_read_back_equal() {
    let Some(url) = server() else { return };
    let folder = TempDir::new().unwrap();
    let ours = tracker(&url, &folder.path().join("spool"));
    let name = some_of_all(&ours, &folder.path().join("files")).unwrap();
    let reader = Reader::at(&url);
    let run = reader.run(&name);
    assert_eq!(run["info"]["status"], "FINISHED");
    assert_eq!(run["info"]["run_name"], "försök");
    let tags = pairs(&run, "tags");
    for (key, value) in [
        ("team", "film å"),
        ("mlflow.source.type", "LOCAL"),
        ("mlflow.runName", "försök"),
    ] {
        assert_eq!(tags[key], value);
    }
    let params = pairs(&run, "params");
    assert_eq!(
        (params["alpha"].as_str(), params["empty"].as_str()),
        ("0.5", "")
    );
    let loss = reader.history(&run, "loss");
    let found: Vec<_> = loss
        .iter()
        .map(|of| {
            (
                of["step"].as_i64().unwrap_or(0),
                of["value"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        found,
        (0..5)
            .map(|step| (step, 1.0 / (step as f64 + 1.0)))
            .collect::<Vec<_>>()
    );
    let start = run["info"]["start_time"].as_i64().unwrap();
    let end = run["info"]["end_time"].as_i64().unwrap();
    for metric in &loss {
        assert!((start..=end).contains(&metric["timestamp"].as_i64().unwrap()));
    }
    let odd = reader.history(&run, "odd");
    assert_eq!(
        (odd[0]["value"].as_str(), odd[0]["step"].as_i64()),
        (Some("NaN"), Some(-3))
    );
    let input = &run["inputs"]["dataset_inputs"][0];
    assert_eq!(input["dataset"]["name"], "likes.csv");
    assert_eq!(input["dataset"]["digest"], "d1");
    assert_eq!(input["tags"][0]["value"], "training");
    let schema: Value = serde_json::from_str(input["dataset"]["schema"].as_str().unwrap()).unwrap();
    assert_eq!(schema["mlflow_colspec"][0]["name"], "x");
    let profile: Value =
        serde_json::from_str(input["dataset"]["profile"].as_str().unwrap()).unwrap();
    assert_eq!(profile["num_rows"], 7);
    let uri = run["info"]["artifact_uri"].as_str().unwrap();
    for (path, bytes) in [
        ("notes/läs mig.md", "# hej å".as_bytes()),
        ("made/a.bin", &[0, 255, 1]),
        ("made/below/b.txt", &[]),
        ("figure.png", &[137, 80]),
    ] {
        assert_eq!(reader.artifact(uri, path), bytes, "{path}");
    }
    let id = run["outputs"]["model_outputs"][0]["model_id"]
        .as_str()
        .unwrap();
    let model = reader.ask(Request::get("mlflow/logged-models").segment(id))["model"].clone();
    assert_eq!(model["info"]["status"], "LOGGED_MODEL_READY");
    let uri = model["info"]["artifact_uri"].as_str().unwrap();
    let described = String::from_utf8(reader.artifact(uri, "MLmodel")).unwrap();
    assert!(
        described.contains(&format!("model_id: \"{id}\"")),
        "{described}"
    );
    // The spool is done with.
    assert_eq!(
        std::fs::read_dir(folder.path().join("spool"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn limits_are_kept_and_long_or_infinite_values_are_told() {
    let Some(url) = server() else { return };
    let folder = TempDir::new().unwrap();
    let ours = tracker(&url, folder.path());
    let log = RunLog::start(&ours, &RunInfo::named("many")).unwrap();
    log.metrics((0..2500).map(|step| ("m", step as f64 / 3.0, step)))
        .unwrap();
    let parameters = (0..250).map(|at| (format!("p{at}"), json!(at))).collect();
    record(&ours, log.run(), What::Parameters { parameters });
    let tags = (0..250)
        .map(|at| (format!("t{at}"), "å".repeat(4000)))
        .collect();
    record(&ours, log.run(), What::Tags { tags });
    let long = "ö".repeat(6001);
    log.parameter("long", &long).unwrap();
    log.metrics([("up", f64::INFINITY, 0), ("down", f64::NEG_INFINITY, 0)])
        .unwrap();
    let name = log.run().to_owned();
    let told = log.finish(Status::Finished).unwrap_err().to_string();
    assert!(
        told.contains("`up` is infinite") && told.contains("`down`"),
        "{told}"
    );
    let reader = Reader::at(&url);
    let run = reader.run(&name);
    let history = reader.history(&run, "m");
    let steps: HashSet<i64> = history
        .iter()
        .map(|of| of["step"].as_i64().unwrap_or(0))
        .collect();
    assert_eq!((history.len(), steps.len()), (2500, 2500));
    for of in &history {
        let step = of["step"].as_i64().unwrap_or(0) as f64;
        assert_eq!(
            of["value"].as_f64().unwrap().to_bits(),
            (step / 3.0).to_bits()
        );
    }
    let (params, tags) = (pairs(&run, "params"), pairs(&run, "tags"));
    assert_eq!(
        params.keys().filter(|key| key.starts_with('p')).count(),
        250
    );
    assert!((0..250).all(|at| tags[&format!("t{at}")].chars().count() == 4000));
    assert_eq!(params["long"].chars().count(), 6000);
    let uri = run["info"]["artifact_uri"].as_str().unwrap();
    assert_eq!(reader.artifact(uri, "params/long.txt"), long.as_bytes());
    assert_eq!(
        reader.history(&run, "up")[0]["value"].as_f64(),
        Some(f64::MAX)
    );
}

pub(crate) fn record(tracker: &MlflowTracker, run: &str, what: What) {
    tracker
        .record(&floe::tracker::Event::now(run, what))
        .unwrap();
}

#[test]
fn a_hundred_thousand_metrics_take_no_longer_than_they_must() {
    let Some(url) = server() else { return };
    let folder = TempDir::new().unwrap();
    let ours = tracker(&url, folder.path()).deadline(Duration::from_mins(2));
    let began = Instant::now();
    let log = RunLog::start(&ours, &RunInfo::named("100,000")).unwrap();
    let mut recording = Duration::ZERO;
    for block in 0..100_i64 {
        let values = (0..1000).map(|at| ("m", at as f64, block * 1000 + at));
        let before = Instant::now();
        log.metrics(values).unwrap();
        recording += before.elapsed();
    }
    let name = log.run().to_owned();
    log.finish(Status::Finished).unwrap();
    let ours = began.elapsed();
    let reader = Reader::at(&url);
    let run = reader.run(&name);
    assert_eq!(reader.history(&run, "m").len(), 100_000);
    let output = Command::new(python())
        .arg(script("peer.py"))
        .arg(&url)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let seconds = text
        .trim()
        .lines()
        .last()
        .and_then(|line| line.parse::<f64>().ok());
    let theirs =
        seconds.unwrap_or_else(|| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)));
    say(format_args!(
        "100,000 metrics: floe {:.1} s (of these {:.0} ms on the thread of the run), the Python client {theirs:.1} s",
        ours.as_secs_f64(),
        recording.as_secs_f64() * 1e3,
    ));
    assert!(ours < Duration::from_mins(1), "{ours:?}");
    assert!(
        ours.as_secs_f64() < 3.0 * theirs,
        "{ours:?} against {theirs} s"
    );
}

#[test]
fn models_predict_in_python_what_they_predict_here() {
    let Some(url) = server() else { return };
    let folder = TempDir::new().unwrap();
    let cases = folder.path().join("cases");
    super::pyfunc::write_cases(&cases);
    // One of them by the way of the server: logged, registered, and loaded by its alias.
    let ours = tracker(&url, &folder.path().join("spool"))
        .register("likes")
        .alias("champion");
    let log = RunLog::start(&ours, &RunInfo::named("likes")).unwrap();
    let saved = std::fs::read_to_string(cases.join("likes/model.json")).unwrap();
    record(
        &ours,
        log.run(),
        What::Model(Box::new(LoggedModel::new("likes", saved))),
    );
    log.finish(Status::Finished).unwrap();
    let output = Command::new(python())
        .arg(script("parity.py"))
        .args([cases.to_str().unwrap(), "models:/likes@champion"])
        .env("MLFLOW_TRACKING_URI", &url)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    say(format_args!("{text}"));
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_deleted_run_and_a_deleted_experiment_are_told() {
    let Some(url) = server() else { return };
    let folder = TempDir::new().unwrap();
    let reader = Reader::at(&url);
    let ours = tracker(&url, folder.path()).experiment("deleted");
    let log = RunLog::start(&ours, &RunInfo::named("deleted")).unwrap();
    log.metric("m", 1.0, 0).unwrap();
    ours.flush().unwrap();
    let run = reader.run(log.run());
    let id = run["info"]["run_id"].as_str().unwrap();
    reader.ask(Request::post("mlflow/runs/delete").json(&json!({ "run_id": id })));
    log.metric("m", 2.0, 1).unwrap();
    let told = ours.flush().unwrap_err().to_string();
    assert!(told.contains("was deleted on the server"), "{told}");
    reader.ask(Request::post("mlflow/runs/restore").json(&json!({ "run_id": id })));
    log.finish(Status::Finished).unwrap();
    assert_eq!(reader.history(&run, "m").len(), 2);
    let experiment = &run["info"]["experiment_id"];
    reader.ask(
        Request::post("mlflow/experiments/delete").json(&json!({ "experiment_id": experiment })),
    );
    let again = tracker(&url, folder.path()).experiment("deleted");
    let log = RunLog::start(&again, &RunInfo::named("after")).unwrap();
    let name = log.run().to_owned();
    let told = log.finish(Status::Finished).unwrap_err().to_string();
    assert!(told.contains("`deleted` was deleted"), "{told}");
    drop(again);
    let report = tracker(&url, folder.path())
        .restore_deleted_experiment()
        .sync()
        .unwrap();
    assert_eq!(report.sent.len(), 1, "{report:?}");
    assert_eq!(reader.run(&name)["info"]["status"], "FINISHED");
}

#[test]
fn the_runs_of_a_server_are_a_frame() {
    let Some(url) = server() else { return };
    let folder = TempDir::new().unwrap();
    // An experiment of its own each time, also where the server lives on.
    let name = format!("compared {:08x}", rand::random::<u32>());
    let ours = tracker(&url, folder.path()).experiment(&name);
    for (alpha, rmse) in [(0.1, 3.0), (1.0, 2.0), (10.0, f64::NAN)] {
        let info = RunInfo::new().parameter("alpha", alpha).tag("team", "å");
        let log = RunLog::start(&ours, &info).unwrap();
        log.metrics([("rmse", 9.0, 0), ("rmse", rmse, 1)]).unwrap();
        log.finish(Status::Finished).unwrap();
    }
    let runs = floe::runs::of(&ours).experiment(&name);
    let frame = runs.frame().unwrap();
    assert_eq!(frame.height(), 3);
    let alphas = frame.column("params.alpha").unwrap().f64().unwrap().clone();
    assert_eq!(alphas.into_no_null_iter().sum::<f64>(), 11.1);
    let rmse = frame.column("metrics.rmse").unwrap().f64().unwrap().clone();
    assert!(rmse.iter().flatten().any(f64::is_nan));
    assert_eq!(runs.best_by("rmse").unwrap().params["alpha"], "1.0");
    let error = floe::runs::of(&ours)
        .experiment("none")
        .frame()
        .unwrap_err();
    assert!(error.to_string().contains("the experiments are"), "{error}");
}
