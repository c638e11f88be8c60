//! What the example leaves for `mlflow ui`, and what it tells of its runs.

use super::{Room, json, youtube_score};

#[test]
fn runs_are_kept_and_compared() {
    let room = Room::new();
    let folder = room.path("");
    let first = json(["--tracking", &folder, "--out", &folder, "--json"]);
    let table = youtube_score(["--tracking", &folder, "--seed", "7"]).expect("it runs");
    assert!(
        table.contains("look at it with `mlflow ui` there"),
        "{table}"
    );
    let runs = json(["runs", "--tracking", &folder, "--json"]);
    let runs = runs.as_array().expect("a list");
    // Two runs, each with its baseline nested in it.
    assert_eq!(runs.len(), 4);
    let id = first["run"].as_str().expect("a name");
    let run = runs
        .iter()
        .find(|run| run["run"] == id)
        .expect("the first run");
    assert_eq!(run["status"], "FINISHED");
    assert_eq!(run["params.seed"], 42);
    assert_eq!(run["metrics.r2"], first["likes"]["line"]["r2"]);
    let nested = runs.iter().filter(|run| !run["parent"].is_null());
    assert_eq!(nested.count(), 2);
    let best = youtube_score(["runs", "--tracking", &folder, "--best-by", "r2"]).expect("it runs");
    let values: Vec<f64> = best
        .lines()
        .skip(1)
        .map(|line| {
            line.split_whitespace()
                .rev()
                .nth(3)
                .expect("r2")
                .parse()
                .expect("a number")
        })
        .collect();
    assert_eq!(values.len(), 4);
    assert!(values.is_sorted_by(|a, b| a >= b), "{best}");
    let place = format!("mlartifacts/1/{id}/artifacts/data/predictions.csv");
    assert_eq!(
        std::fs::read(room.path(&place)).expect("kept"),
        std::fs::read(room.path("predictions.csv")).expect("written")
    );
}

#[test]
fn a_store_that_is_not_there_is_told() {
    let room = Room::new();
    let error = youtube_score(["runs", "--tracking", &room.path("")]).expect_err("no runs");
    assert!(error.contains("is not there"), "{error}");
    // The score does not depend on it.
    let away = room.path("away");
    let told = youtube_score(["--tracking", &away]).expect("it runs");
    let of = |part: &str| told.contains(part);
    assert!(of("Warning: tracking:") && of("cannot be opened"), "{told}");
    assert!(of("r2") && !of("Tracked in"), "{told}");
    let (untracked, tracked) = (json(["--json"]), json(["--tracking", &away, "--json"]));
    assert_eq!(tracked["likes"], untracked["likes"]);
    assert!(room.files().is_empty());
}
