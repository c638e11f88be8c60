//! The tracker that writes MLflow's database: what is in the tables and in the folder of artifacts.

use std::path::Path;

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::tracker::{Artifact, Dataset, Event, RunInfo, RunLog, SqliteTracker, Status, What};
use rusqlite::Connection;

mod crash;
mod for_python;
mod journals;
mod kept;
mod others;
mod refusals;
mod taken_up;

/// A database in a folder of its own.
pub(super) struct Room(tempfile::TempDir);

impl Room {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn database(&self) -> std::path::PathBuf {
        self.folder().join("mlflow.db")
    }

    pub(super) fn open(&self) -> SqliteTracker {
        SqliteTracker::open(self.database()).unwrap()
    }

    /// The file of a run that is under way: its lock, and its numbers.
    pub(super) fn journal(&self, run: &str) -> std::path::PathBuf {
        self.folder().join("mlflow.db-running").join(run)
    }

    /// Another process that holds the database, until it commits.
    pub(super) fn held(&self) -> Connection {
        let other = Connection::open(self.database()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        other
    }

    /// Rows of a query as texts, cells with `|` between.
    pub(super) fn ask(&self, sql: &str) -> Vec<String> {
        ask(&Connection::open(self.database()).unwrap(), sql)
    }
}

pub(super) fn ask(connection: &Connection, sql: &str) -> Vec<String> {
    use rusqlite::types::ValueRef;

    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cell = |at| match row.get_ref(at).unwrap() {
            ValueRef::Null => "null".to_owned(),
            ValueRef::Integer(value) => value.to_string(),
            ValueRef::Real(value) => format!("{value:?}"),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ValueRef::Blob(_) => "blob".to_owned(),
        };
        Ok((0..columns).map(cell).collect::<Vec<_>>().join("|"))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

macro_rules! flow {
    () => {
        floe::from(InMemory::new(
            df!["x å" => [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "y" => [2.0, 4.0, 6.0, 8.0, 10.0, 13.0]]
                .unwrap(),
        ))
        .split(TrainTestSplit::new(0.4).seed(1))
        .then(StandardScaler::new(["x å"]))
        .on_target(MinMaxScaler::new(["y"]))
        .learn(LinearRegression::new(["x å"], "y"))
    };
}

#[test]
fn a_run_is_in_the_tables_of_mlflow() {
    let room = Room::new();
    let info = RunInfo::named("first")
        .experiment("likes")
        .tag("team", "films å");
    let run = flow!().track_as(info).track(room.open()).run().unwrap();
    assert_eq!(run.warnings(), [""; 0]);
    let id = run.id();
    assert_eq!(
        room.ask("SELECT version_num FROM alembic_version"),
        ["6953534de441"]
    );
    assert_eq!(
        room.ask("SELECT experiment_id, name, artifact_location FROM experiments"),
        [
            "0|Default|mlflow-artifacts:/0",
            "1|likes|mlflow-artifacts:/1"
        ]
    );
    let row = "SELECT run_uuid, name, status, source_type, lifecycle_stage, artifact_uri, \
               experiment_id, end_time >= start_time FROM runs";
    let expected =
        format!("{id}|first|FINISHED|LOCAL|active|mlflow-artifacts:/1/{id}/artifacts|1|1");
    assert_eq!(room.ask(row), [expected]);
    let param = |key: &str| {
        let found = room.ask(&format!("SELECT value FROM params WHERE key = '{key}'"));
        found.first().cloned().unwrap_or_default()
    };
    assert_eq!(param("seed"), "1");
    assert_eq!(param("split.test_share"), "0.4");
    assert!(
        param("step_0").starts_with("StandardScaler"),
        "{}",
        param("step_0")
    );
    assert!(param("target_step_0").starts_with("MinMaxScaler"));
    assert!(param("estimator").starts_with("LinearRegression"));
    assert!(!param("learned.estimator.intercept").is_empty());
    let tag = |key: &str| {
        let found = room.ask(&format!("SELECT value FROM tags WHERE key = '{key}'"));
        found.first().cloned().unwrap_or_default()
    };
    assert_eq!(
        (tag("team"), tag("mlflow.runName")),
        ("films å".into(), "first".into())
    );
    assert_eq!(tag("floe.run"), id);
    assert_eq!(tag("floe.polars"), polars::VERSION);
    let r2 = run.metrics().r2().unwrap();
    let latest = "SELECT value FROM latest_metrics WHERE key = 'r2'";
    assert_eq!(room.ask(latest), [format!("{r2:?}")]);
    assert_eq!(
        room.ask("SELECT value FROM metrics WHERE key = 'r2'"),
        [format!("{r2:?}")]
    );
    // Both sides of the split are datasets, told apart by their digests.
    assert_eq!(
        room.ask(
            "SELECT datasets.name, input_tags.value, json_extract(dataset_profile, '$.num_rows') \
             FROM datasets JOIN inputs ON source_id = dataset_uuid AND source_type = 'DATASET' \
             JOIN input_tags USING (input_uuid) ORDER BY 1"
        ),
        [
            "rows in memory (testing)|testing|2",
            "rows in memory (training)|training|4"
        ]
    );
    assert_eq!(
        room.ask("SELECT count(DISTINCT digest) FROM datasets"),
        ["2"]
    );
    // The model is there with its files and with what it scored.
    let models = room.ask(
        "SELECT model_id, name, status, model_type, artifact_location FROM logged_models \
         JOIN inputs ON destination_id = model_id AND source_type = 'RUN_OUTPUT'",
    );
    let [model] = models.as_slice() else {
        panic!("{models:?}")
    };
    let (model, rest) = model.split_once('|').unwrap();
    let place = format!("mlflow-artifacts:/1/models/{model}/artifacts");
    assert_eq!(rest, format!("model|2|linear_model|{place}"));
    let scored = room.ask("SELECT metric_value FROM logged_model_metrics WHERE metric_name = 'r2'");
    assert_eq!(scored, [format!("{r2:?}")]);
    let files = room
        .folder()
        .join(format!("mlartifacts/1/models/{model}/artifacts"));
    let saved = room.folder().join("saved.json");
    run.model().save(&saved).unwrap();
    assert_eq!(
        std::fs::read(files.join("model.json")).unwrap(),
        std::fs::read(saved).unwrap()
    );
    assert!(files.join("MLmodel").is_file());
    // What the steps learned is an artifact of the run.
    let learned = room
        .folder()
        .join(format!("mlartifacts/1/{id}/artifacts/learned"));
    assert!(learned.join("estimator.json").is_file());
    assert!(learned.join("target_step_0.json").is_file());
    // The lock of the run is gone.
    assert!(!room.folder().join("mlflow.db-running").exists());
    let check = Connection::open(room.database()).unwrap();
    assert_eq!(ask(&check, "PRAGMA integrity_check"), ["ok"]);
    assert!(ask(&check, "PRAGMA foreign_key_check").is_empty());
}

#[test]
fn numbers_are_kept_as_mlflow_keeps_them() {
    let room = Room::new();
    let tracker = room.open();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    log.metric("nan", f64::NAN, 0).unwrap();
    log.metric("up", f64::INFINITY, 0).unwrap();
    log.metric("down", f64::NEG_INFINITY, -7).unwrap();
    let series = (0..2500).map(|step| ("loss å", 1.0 / f64::from(step + 1), i64::from(step)));
    log.metrics(series).unwrap();
    // Later steps come first: the latest is that of the greatest step.
    log.metrics([("late", 3.0, 9), ("late", 1.0, 2)]).unwrap();
    log.metric("late", 2.0, 5).unwrap();
    tracker.flush().unwrap();
    assert_eq!(
        room.ask("SELECT key, value, is_nan, step FROM latest_metrics ORDER BY key"),
        [
            format!("down|{:?}|0|-7", f64::MIN),
            "late|3.0|0|9".to_owned(),
            "loss å|0.0004|0|2499".to_owned(),
            "nan|0.0|1|0".to_owned(),
            format!("up|{:?}|0|0", f64::MAX),
        ]
    );
    assert_eq!(
        room.ask("SELECT count(*) FROM metrics WHERE key = 'late'"),
        ["3"]
    );
    assert_eq!(
        room.ask("SELECT count(*) FROM metrics WHERE key = 'loss å'"),
        ["2500"]
    );
    // The same events again are nothing new.
    let event = Event::at(
        log.run(),
        5,
        What::Metric {
            name: "twice".to_owned(),
            value: Some(0.1),
            reason: None,
            step: 0,
        },
    );
    for _ in 0..2 {
        tracker.record_all(&[event.clone(), event.clone()]).unwrap();
    }
    log.finish(Status::Finished).unwrap();
    assert_eq!(
        room.ask("SELECT count(*) FROM metrics WHERE key = 'twice'"),
        ["1"]
    );
}

#[test]
fn a_run_of_ones_own_keeps_what_it_is_told() {
    let room = Room::new();
    let (file, folder) = (
        room.folder().join("plot å.svg"),
        room.folder().join("tables"),
    );
    std::fs::write(&file, "<svg/>").unwrap();
    std::fs::create_dir_all(folder.join("deep")).unwrap();
    std::fs::write(folder.join("deep/a.csv"), "1\n").unwrap();
    std::fs::write(folder.join("b.csv"), "").unwrap();
    let tracker = room.open().experiment("mine");
    let parent = RunLog::start(&tracker, &RunInfo::named("parent")).unwrap();
    let info = RunInfo::named("child").nested_in(parent.run());
    let log = RunLog::start(&tracker, &info).unwrap();
    log.parameter("alpha", 0.5).unwrap();
    log.parameter("alpha", 0.5).unwrap();
    let error = log.parameter("alpha", 0.6).unwrap_err();
    assert!(error.to_string().contains("`0.5` already"), "{error}");
    log.tag("stage", "first").unwrap();
    log.tag("stage", "second").unwrap();
    log.dataset(Dataset::new("d", "1", "training").column("a", "int64", false))
        .unwrap();
    log.text("notes/read me.md", "# å").unwrap();
    log.copy("plot å.svg", &file).unwrap();
    log.copy("tables", &folder).unwrap();
    log.artifact(Artifact::bytes("empty.png", [])).unwrap();
    let place = room
        .folder()
        .join(format!("mlartifacts/1/{}/artifacts", log.run()));
    for (path, content) in [
        ("notes/read me.md", "# å"),
        ("plot å.svg", "<svg/>"),
        ("tables/deep/a.csv", "1\n"),
        ("tables/b.csv", ""),
        ("empty.png", ""),
    ] {
        assert_eq!(
            std::fs::read_to_string(place.join(path)).unwrap(),
            content,
            "{path}"
        );
    }
    let error = log.copy("all", room.folder()).unwrap_err();
    assert!(error.to_string().contains("inside it"), "{error}");
    let error = log.copy("none", room.folder().join("none")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Track);
    let (child, parent_id) = (log.run().to_owned(), parent.run().to_owned());
    log.finish(Status::Failed).unwrap();
    parent.finish(Status::Cancelled).unwrap();
    assert_eq!(
        room.ask("SELECT name, status FROM runs ORDER BY name"),
        ["child|FAILED", "parent|KILLED"]
    );
    let tags = format!(
        "SELECT value FROM tags WHERE run_uuid = '{child}' AND key IN \
                        ('stage', 'mlflow.parentRunId') ORDER BY key"
    );
    assert_eq!(room.ask(&tags), [parent_id, "second".to_owned()]);
    // More may be told of a run that ended, by another process too.
    RunLog::of(&room.open(), child.as_str())
        .metric("late", 1.0, 0)
        .unwrap();
    assert_eq!(
        room.ask("SELECT status FROM runs WHERE name = 'child'"),
        ["FAILED"]
    );
}

#[test]
fn sweeps_and_folds_are_there_with_their_series() {
    let room = Room::new();
    let rows = df!["x" => (0..60).map(f64::from).collect::<Vec<_>>(),
                   "y" => (0..60).map(|x| f64::from(x * x % 7)).collect::<Vec<_>>()];
    let rows = InMemory::new(rows.unwrap());
    let run = floe::from(rows.clone())
        .split(KFold::new(3).refit())
        .learn(LinearRegression::new(["x"], "y"))
        .track(room.open())
        .run()
        .unwrap();
    assert_eq!(run.warnings(), [""; 0]);
    let steps = "SELECT step FROM metrics WHERE key = 'rmse' ORDER BY step";
    assert_eq!(room.ask(steps), ["0", "1", "2"]);
    assert_eq!(
        room.ask("SELECT count(*) FROM latest_metrics WHERE key = 'rmse_mean'"),
        ["1"]
    );
    assert_eq!(room.ask("SELECT count(*) FROM logged_models"), ["1"]);
    let study = floe::from(rows)
        .split(TrainTestSplit::new(0.25).seed(1))
        .sweep(
            KFold::new(3),
            floe::flow::Candidates::axis("alpha", [0.1, 1.0]),
            |flow, alpha| flow.learn(Ridge::new(["x"], "y").alpha(*alpha)),
        )
        .track(room.open().experiment("sweeps"))
        .workers(2)
        .run()
        .unwrap();
    assert_eq!(study.warnings(), [""; 0]);
    let nested = format!(
        "SELECT params.value FROM runs JOIN tags USING (run_uuid) JOIN params USING (run_uuid) \
         WHERE tags.key = 'mlflow.parentRunId' AND tags.value = '{}' AND params.key = 'alpha' \
         AND status = 'FINISHED' ORDER BY 1",
        study.id()
    );
    assert_eq!(room.ask(&nested), ["0.1", "1.0"]);
}

#[test]
fn places_may_be_absolute() {
    let room = Room::new();
    let tracker = room
        .open()
        .absolute_artifacts()
        .artifacts(room.folder().join("kept"));
    let log = RunLog::start(&tracker, &RunInfo::new().experiment("here")).unwrap();
    log.text("a.txt", "a").unwrap();
    let [uri] = room
        .ask("SELECT artifact_uri FROM runs")
        .try_into()
        .unwrap();
    assert!(Path::new(&uri).is_absolute(), "{uri}");
    assert_eq!(
        std::fs::read_to_string(Path::new(&uri).join("a.txt")).unwrap(),
        "a"
    );
    // Another tracker finds the place by the run, not by its own settings.
    let other = room.open();
    RunLog::of(&other, log.run()).text("b.txt", "b").unwrap();
    assert!(Path::new(&uri).join("b.txt").is_file());
    log.finish(Status::Finished).unwrap();
}
