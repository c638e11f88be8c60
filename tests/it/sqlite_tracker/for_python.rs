//! A store with everything in it, and beside it, as JSON, what MLflow's own client must read.
//! `tests/mlflow/embedded.sh` reads it so, before and after MLflow upgraded the tables.

use std::path::{Path, PathBuf};

use floe::polars::prelude::*;
use floe::prelude::*;
use floe::runs::{self, SqliteStore};
use floe::tracker::{Dataset, Event, RunInfo, RunLog, SqliteTracker, Status, What};
use serde_json::{Value, json};

/// Where the store stays for a reader of another language.
const KEEP: &str = "FLOE_MLFLOW_STORE";

fn metric(run: &str, time: i64, name: &str, value: f64, step: i64) -> Event {
    let name = name.to_owned();
    let value = Some(value);
    Event::at(
        run,
        time,
        What::Metric {
            name,
            value,
            reason: None,
            step,
        },
    )
}

/// A value as the client shows it: MLflow keeps an infinity as the largest number.
fn shown(value: f64) -> Value {
    if value.is_nan() {
        return json!("NaN");
    }
    json!(value.clamp(f64::MIN, f64::MAX))
}

/// Writes two runs and adds what is expected of them.
fn write(folder: &Path) -> Vec<Value> {
    let tracker = SqliteTracker::open(folder.join("mlflow.db")).unwrap();
    let info = RunInfo::named("by hand å 🎬")
        .experiment("Åre – experiments")
        .tag("team", "films å 日本")
        .parameter("alpha", 0.1)
        .parameter("query", "«trailer» ü")
        .note("# A note");
    let log = RunLog::start(&tracker, &info).unwrap();
    let run = log.run().to_owned();
    let time = 1_795_421_000_000;
    let mut events = Vec::new();
    for (at, value) in [
        0.5,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        5e-324,
    ]
    .iter()
    .enumerate()
    {
        events.push(metric(&run, time + at as i64, "odd", *value, at as i64 - 2));
    }
    for step in 0..1500_i64 {
        events.push(metric(
            &run,
            time + step,
            "loss/å",
            1.0 / (step + 1) as f64,
            step,
        ));
    }
    tracker.record_all(&events).unwrap();
    let history = |name: &str| -> Vec<Value> {
        let of = events.iter().filter_map(|event| match &event.what {
            What::Metric {
                name: found,
                value: Some(value),
                step,
                ..
            } if found == name => Some(json!([step, event.time, shown(*value)])),
            _ => None,
        });
        of.collect()
    };
    let histories = json!({ "odd": history("odd"), "loss/å": history("loss/å") });
    let dataset = Dataset::new("likes å.csv", "0123456789abcdef", "training")
        .column("x å", "int64", false)
        .rows(7);
    log.dataset(dataset).unwrap();
    log.text("notes/läs.md", "# å").unwrap();
    log.text("top.txt", "top").unwrap();
    log.finish(Status::Finished).unwrap();
    let by_hand = json!({
        "run": run, "name": "by hand å 🎬", "experiment": "Åre – experiments",
        "status": "FINISHED",
        "params": { "alpha": "0.1", "query": "«trailer» ü" },
        "tags": { "team": "films å 日本", "mlflow.note.content": "# A note" },
        "histories": histories,
        "artifacts": { "notes/läs.md": "# å", "top.txt": "top" },
        "datasets": { "likes å.csv": "training" },
    });

    let x: Vec<f64> = (0..20).map(f64::from).collect();
    let y: Vec<f64> = x.iter().map(|x| 3.0 * x + 1.0 + (x * 7.0) % 3.0).collect();
    let flow = floe::from(InMemory::new(df!["x å" => x, "y" => y].unwrap()))
        .split(TrainTestSplit::new(0.25).seed(3))
        .then(StandardScaler::new(["x å"]))
        .on_target(MinMaxScaler::new(["y"]))
        .learn(LinearRegression::new(["x å"], "y"))
        .track_as(RunInfo::named("flow").experiment("Åre – experiments"))
        .track(tracker);
    let run = flow.run().unwrap();
    assert_eq!(run.warnings(), [""; 0]);
    let saved = folder.join(format!("{}.json", run.id()));
    run.model().save(&saved).unwrap();
    let model = std::fs::read_to_string(&saved).unwrap();
    let flow = json!({
        "run": run.id(), "name": "flow", "experiment": "Åre – experiments", "status": "FINISHED",
        "params": { "seed": "3", "split.splitter": "train_test", "split.test_share": "0.25" },
        "tags": { "floe.run": run.id() },
        "metrics": { "r2": run.metrics().r2(), "rmse": run.metrics().rmse() },
        "histories": {},
        "artifacts": {},
        "datasets": {
            "rows in memory (training)": "training", "rows in memory (testing)": "testing",
        },
        "model": { "name": "model", "type": "linear_model", "file": model },
    });
    vec![by_hand, flow]
}

#[test]
fn a_store_with_everything_in_it_reads_back() {
    let temporary = tempfile::tempdir().unwrap();
    let kept = std::env::var_os(KEEP).map(PathBuf::from);
    let folder = kept.unwrap_or_else(|| temporary.path().to_owned());
    let path = folder.join("expected.json");
    // It may be there from a call before, when the tables were those that floe makes.
    let before = std::fs::read(&path).ok();
    let before = before.map(|bytes| serde_json::from_slice(&bytes).unwrap());
    let mut expected: Vec<Value> = before.unwrap_or_default();
    expected.extend(write(&folder));
    std::fs::write(&path, serde_json::to_string_pretty(&expected).unwrap()).unwrap();

    let store = SqliteStore::open(folder.join("mlflow.db")).unwrap();
    let found = runs::of(&store).list().unwrap();
    assert_eq!(found.len(), expected.len());
    for run in &expected {
        let found = found
            .iter()
            .find(|found| run["run"] == found.id.as_str())
            .unwrap();
        assert_eq!(run["name"], found.name.as_str());
        assert_eq!(run["experiment"], found.experiment.as_str());
        assert_eq!(run["status"], found.status.as_str());
        for (key, value) in run["params"].as_object().unwrap() {
            assert_eq!(
                found.params.get(key).map(String::as_str),
                value.as_str(),
                "{key}"
            );
        }
        for (key, value) in run["tags"].as_object().unwrap() {
            assert_eq!(
                found.tags.get(key).map(String::as_str),
                value.as_str(),
                "{key}"
            );
        }
        for (key, history) in run["histories"].as_object().unwrap() {
            let last = history.as_array().unwrap().last().unwrap();
            assert_eq!(found.metrics.get(key).copied(), last[2].as_f64(), "{key}");
        }
    }
}
