//! Runs of a store as a frame: chosen, ordered, the best of them.

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::runs::{self, SqliteStore};
use floe::tracker::{RunInfo, RunLog, SqliteTracker, Status};

struct Room(tempfile::TempDir);

impl Room {
    /// Three runs of `likes` and one of `other`; of the three one failed, and one is nested.
    fn new() -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        let tracker = SqliteTracker::open(room.path())
            .unwrap()
            .experiment("likes");
        let mut parent = None;
        let outcomes = [
            ("a", 0.5, Some(2.0), Status::Finished),
            ("b", 1e-3, Some(f64::NAN), Status::Failed),
            ("c", 2.0, Some(1.0), Status::Finished),
        ];
        for (name, alpha, rmse, status) in outcomes {
            let mut info = RunInfo::named(name).parameter("alpha", alpha);
            info = info
                .parameter("scaled", name == "a")
                .parameter("query", "films å");
            if let Some(parent) = parent.take() {
                info = info.nested_in(parent);
            }
            let log = RunLog::start(&tracker, &info).unwrap();
            if name == "a" {
                parent = Some(log.run().to_owned());
            } else {
                log.parameter("depth", 3).unwrap();
            }
            for (step, rmse) in (0..).zip(rmse) {
                log.metric("rmse", 9.0, step).unwrap();
                log.metric("rmse", rmse, step + 1).unwrap();
                log.metric("r2", -rmse, 0).unwrap();
            }
            log.tag("team", name).unwrap();
            log.finish(status).unwrap();
            // The order by time is tested too.
            std::thread::sleep(std::time::Duration::from_millis(3));
        }
        let other = RunInfo::named("d")
            .experiment("other")
            .parameter("alpha", "none");
        RunLog::start(&tracker, &other)
            .unwrap()
            .finish(Status::Cancelled)
            .unwrap();
        room
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("mlflow.db")
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(self.path()).unwrap()
    }
}

fn names(frame: &DataFrame) -> Vec<String> {
    let names = frame.column("name").unwrap().str().unwrap().iter();
    names.flatten().map(ToOwned::to_owned).collect()
}

#[test]
fn parameters_metrics_and_tags_are_columns() {
    let room = Room::new();
    let store = room.store();
    let frame = runs::of(&store).experiment("likes").frame().unwrap();
    assert_eq!(names(&frame), ["c", "b", "a"]);
    for (column, dtype) in [
        ("params.alpha", DataType::Float64),
        ("params.depth", DataType::Int64),
        ("params.scaled", DataType::Boolean),
        ("params.query", DataType::String),
        ("metrics.rmse", DataType::Float64),
        ("tags.team", DataType::String),
        ("seconds", DataType::Float64),
    ] {
        assert_eq!(*frame.column(column).unwrap().dtype(), dtype, "{column}");
    }
    let floats = |column: &str| frame.column(column).unwrap().f64().unwrap().to_vec();
    assert_eq!(floats("params.alpha"), [Some(2.0), Some(1e-3), Some(0.5)]);
    // The last of a series.
    assert_eq!(floats("metrics.r2")[0], Some(-1.0));
    assert!(floats("metrics.rmse")[1].unwrap().is_nan());
    let depth = frame
        .column("params.depth")
        .unwrap()
        .i64()
        .unwrap()
        .to_vec();
    assert_eq!(depth, [Some(3), Some(3), None]);
    // With a run whose alpha is a word all of them are words.
    let all = runs::of(&store).frame().unwrap();
    assert_eq!(all.height(), 4);
    assert_eq!(
        *all.column("params.alpha").unwrap().dtype(),
        DataType::String
    );
}

#[test]
fn runs_are_chosen_and_ordered() {
    let room = Room::new();
    let store = room.store();
    let likes = || runs::of(&store).experiment("likes");
    let taken = |runs: runs::Runs<'_>| names(&runs.frame().unwrap());
    assert_eq!(taken(likes().finished()), ["c", "a"]);
    assert_eq!(taken(likes().status("FAILED")), ["b"]);
    assert_eq!(taken(likes().order_by("params.alpha")), ["b", "a", "c"]);
    assert_eq!(
        taken(likes().order_by_descending("params.alpha").first(1)),
        ["c"]
    );
    let bounds = likes()
        .filter(col("params.alpha").gt(lit(0.01)))
        .filter(col("params.depth").is_null());
    assert_eq!(taken(bounds), ["a"]);
    let parent = likes()
        .filter(col("name").eq(lit("a")))
        .list()
        .unwrap()
        .remove(0);
    assert_eq!(taken(likes().nested_in(&parent.id)), ["b"]);
    assert_eq!(taken(likes().top_level()), ["c", "a"]);
    let best = likes().best_by("rmse").unwrap();
    assert_eq!((best.name.as_str(), best.metrics["rmse"]), ("c", 1.0));
    assert_eq!(likes().best_by("r2").unwrap().name, "c");
    assert_eq!(likes().highest("rmse").unwrap().name, "a");
    assert_eq!(best.params["query"], "films å");
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let room = Room::new();
    let store = room.store();
    let error = runs::of(&store).experiment("none").frame().unwrap_err();
    assert!(error.to_string().contains("`likes`"), "{error}");
    let error = runs::of(&store).best_by("loss").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Track);
    assert!(error.to_string().contains("`rmse`"), "{error}");
    let error = runs::of(&store)
        .order_by("metrics.none")
        .frame()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("metrics.none"), "{error}");
    let error = SqliteStore::open(room.0.path().join("none.db")).unwrap_err();
    assert!(error.to_string().contains("is not there"), "{error}");
    let text = room.0.path().join("text.db");
    std::fs::write(&text, "x".repeat(200)).unwrap();
    let error = SqliteStore::open(&text).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    // An empty store is a frame without rows, not an error.
    let empty = room.0.path().join("empty.db");
    drop(SqliteTracker::open(&empty).unwrap());
    assert_eq!(
        runs::of(&SqliteStore::open(&empty).unwrap())
            .frame()
            .unwrap()
            .height(),
        0
    );
}
