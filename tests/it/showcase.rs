//! The example `youtube_score`, stage by stage, against the recorded runs and on bad input.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;
use serde_json::Value;

use crate::support::say;

// The example is one crate and this binary another: its modules are compiled into both.
#[path = "../../examples/youtube_score/app/mod.rs"]
mod app;
mod bad_input;
mod collected;
mod schedule;
mod tracked;

const SAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/youtube_score/sample.csv"
);

/// Runs the command line in a folder's files and gives what it printed.
fn youtube_score<const N: usize>(args: [&str; N]) -> Result<String, String> {
    // Nothing may be left in the folder that the tests run in.
    let is_run = args
        .first()
        .is_none_or(|first| *first == "run" || first.starts_with('-'));
    let tracks = is_run && !args.contains(&"--tracking");
    let words = ["youtube_score"].into_iter().chain(args);
    let words = words.chain(tracks.then_some("--no-tracking"));
    // What a collection brings is tested apart; the rest of a run, on the sample.
    let given = ["--input", "--data", "--query"];
    let sampled = is_run && !args.iter().any(|arg| given.contains(arg));
    let sample = ["--input", SAMPLE].into_iter().filter(|_| sampled);
    let words = words.chain(sample);
    let cli = app::Cli::try_parse_from(words).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    app::run(&cli, &app::Progress::hidden(), &mut out).map_err(|e| app::told(e.as_ref()))?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

fn json<const N: usize>(args: [&str; N]) -> Value {
    let text = youtube_score(args).expect("the stage runs");
    serde_json::from_str(&text).expect("JSON")
}

struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    fn path(&self, name: &str) -> String {
        let path = self.0.path().join(name);
        path.to_str().expect("UTF-8").to_owned()
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.0.path().join(name), content).expect("a file");
        self.path(name)
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("a directory");
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }
}

/// The recorded runs, or none where the shared data is not at hand.
fn recorded() -> Vec<(PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/youtube_likes");
    let Ok(text) = fs::read_to_string(folder.join("expected.json")) else {
        say(format_args!("left out: {} is not there", folder.display()));
        return vec![];
    };
    let runs: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert!(!runs.is_empty());
    let folder_of = |run: &Value| folder.join(run["run"].as_str().expect("a name"));
    runs.into_iter().map(|run| (folder_of(&run), run)).collect()
}

fn close(found: &Value, expected: &Value, what: &str) {
    let (found, expected) = (found.as_f64().expect(what), expected.as_f64().expect(what));
    let apart = (found - expected).abs();
    assert!(
        apart <= 1e-12 * expected.abs(),
        "{what}: {found} is not {expected}"
    );
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn processed_data_has_the_recorded_bytes() {
    for (folder, run) in recorded() {
        let raw = fs::read_to_string(folder.join("data.csv")).expect("a file");
        // The last like sums came after the recorded file was made.
        let rows = run["n_processed"].as_u64().expect("a count");
        let rows = usize::try_from(rows).expect("few rows");
        let lines = raw
            .lines()
            .filter(|line| !line.trim().is_empty())
            .take(rows);
        let sums = lines.fold("\n".to_owned(), |text, line| text + line + "\n");
        let room = Room::new();
        let (input, output) = (room.file("data.csv", sums), room.path("out.csv"));
        youtube_score(["process-data", "--input", &input, "--output", &output]).expect("it runs");
        let recorded = fs::read_to_string(folder.join("data_processed.csv")).expect("a file");
        // One of the recorded files has a space after the comma.
        let recorded = recorded.replace(", ", ",");
        let written = fs::read_to_string(&output).expect("a file");
        assert_eq!(written.trim(), recorded.trim(), "{}", folder.display());
    }
}

#[test]
fn the_recorded_line_and_its_score_come_back() {
    for (folder, run) in recorded() {
        let room = Room::new();
        let (train, test) = (folder.join("data_train.csv"), folder.join("data_test.csv"));
        let model = room.path("model.json");
        let line = json([
            "train-model",
            "--json",
            "--train",
            text(&train),
            "--model",
            &model,
        ]);
        let name = folder.display().to_string();
        if let Some(slope) = run.get("sklearn_LinearRegression_coef") {
            close(&line["coefficients"]["index"], slope, &name);
            close(
                &line["intercept"],
                &run["sklearn_LinearRegression_intercept"],
                &name,
            );
        }
        let scored = json([
            "test-model",
            "--json",
            "--test",
            text(&test),
            "--model",
            &model,
        ]);
        assert_eq!(scored["rows"], run["n_test"], "{name}");
        if let Some(r2) = run.get("r2_recomputed_from_recorded_split") {
            close(&scored["r2"], r2, &name);
        } else {
            assert_eq!(scored["r2"], Value::Null, "{name}");
            let reason = "it needs at least two scored rows";
            assert_eq!(scored["undefined"]["r2"], reason, "{name}");
        }
    }
}

#[test]
fn the_shipped_sample_is_what_the_generator_makes() {
    let room = Room::new();
    let output = room.path("sample.csv");
    youtube_score(["make-sample", "--output", &output]).expect("it runs");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/youtube_score/sample.csv");
    let made = fs::read_to_string(output).expect("a file");
    assert_eq!(made, fs::read_to_string(shipped).expect("a file"));
}

#[test]
fn the_whole_run_and_its_stages_give_one_line() {
    let room = Room::new();
    let folder = room.path("");
    let run = json(["--out", &folder, "--json"]);
    let (train, model) = (room.path("data_train.csv"), room.path("model.json"));
    let line = json([
        "train-model",
        "--json",
        "--train",
        &train,
        "--model",
        &model,
    ]);
    // The stages factor the scaled rows, the whole run the rows and scales the factor: the same line,
    // rounded elsewhere.
    let model_of_run = &run["model"];
    close(
        &line["coefficients"]["index"],
        &model_of_run["coefficients"]["index"],
        "coefficient",
    );
    close(&line["intercept"], &model_of_run["intercept"], "intercept");
    let test = room.path("data_test.csv");
    let scored = json(["test-model", "--json", "--test", &test, "--model", &model]);
    close(&scored["rmse"], &run["scaled"]["line"]["rmse"], "rmse");
    assert_eq!(run["scans"].as_array().map(Vec::len), Some(3));
    assert_eq!(run["tags"], serde_json::json!([]));
}

#[test]
fn the_originals_order_is_tagged_and_equals_its_stages() {
    let room = Room::new();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/youtube_score/sample.csv");
    let [data, train, test, model] = ["data", "train", "test", "model"].map(|name| room.path(name));
    youtube_score(["process-data", "--input", text(&sample), "--output", &data]).expect("it runs");
    youtube_score([
        "train-test-split",
        "--input",
        &data,
        "--train",
        &train,
        "--test",
        &test,
    ])
    .expect("it runs");
    let line = json([
        "train-model",
        "--json",
        "--train",
        &train,
        "--model",
        &model,
    ]);
    let scored = json(["test-model", "--json", "--test", &test, "--model", &model]);
    let run = json(["run", "--like-the-original", "--json"]);
    assert_eq!(line["coefficients"], run["model"]["coefficients"]);
    assert_eq!(scored["r2"], run["scaled"]["line"]["r2"]);
    let tag = run["tags"][0].as_str().expect("a tag");
    assert!(tag.starts_with("leakage"), "{tag}");
}

#[test]
fn a_stage_may_write_over_its_input() {
    let room = Room::new();
    let data = room.file("data.csv", "10\n30\n20\n100010\n");
    youtube_score(["process-data", "--input", &data, "--output", &data]).expect("it runs");
    let written = fs::read_to_string(&data).expect("a file");
    assert_eq!(written, "0,0.0\n1,0.0002\n2,0.0001\n3,1.0\n");
    assert_eq!(room.files(), ["data.csv"]);
}

#[test]
fn tiny_floats_are_written_as_python_writes_them() {
    let room = Room::new();
    let data = room.file("data.csv", "0\n1\n12\n100000\n1000000\n");
    youtube_score(["process-data", "--input", &data, "--output", &data]).expect("it runs");
    let written = fs::read_to_string(&data).expect("a file");
    assert_eq!(written, "0,0.0\n1,1e-06\n2,1.2e-05\n3,0.1\n4,1.0\n");
}

#[test]
fn a_constant_truth_is_told_and_null() {
    let room = Room::new();
    let train = room.file("train.csv", "0,0.5\n1,0.7\n2,0.8\n");
    let test = room.file("test.csv", "3,0.5\n4,0.5\n");
    let model = room.path("model.json");
    youtube_score(["train-model", "--train", &train, "--model", &model]).expect("it runs");
    let table = youtube_score(["test-model", "--test", &test, "--model", &model]).expect("it runs");
    assert!(
        table.contains("r2 is undefined: the truth is constant"),
        "{table}"
    );
    let scored = json(["test-model", "--json", "--test", &test, "--model", &model]);
    assert_eq!(scored["r2"], Value::Null);
}

/// The built example, which `cargo test` leaves beside the test binary.
fn binary() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    let path = test.parent()?.parent()?.join("examples/youtube_score");
    if path.is_file() {
        return Some(path);
    }
    say(format_args!("left out: {} is not built", path.display()));
    None
}

#[test]
fn the_process_ends_with_the_right_code_and_stream() {
    let Some(binary) = binary() else { return };
    // What it tracks by default goes into the folder that it runs in.
    let room = Room::new();
    let check = |args: &[&str], code: i32, told: &str| {
        let done = Command::new(&binary)
            .current_dir(room.0.path())
            .env_remove("YOUTUBE_API_KEY")
            .args(args)
            .output()
            .expect("it runs");
        let errors = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{args:?}: {errors}");
        assert!(errors.starts_with(told), "{args:?}: {errors}");
        assert_eq!(errors.is_empty(), told.is_empty(), "{args:?}: {errors}");
        assert_eq!(done.stdout.is_empty(), code != 0, "{args:?}");
    };
    check(&["--hours", "10"], 0, "");
    assert_eq!(room.files(), ["mlartifacts", "mlflow.db", "youtube_data"]);
    check(&["--input", "/not/there.csv"], 1, "error: cannot read");
    check(&["train-model"], 2, "error: ");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let Some(binary) = binary() else { return };
    let room = Room::new();
    let mut run = Command::new(binary)
        .current_dir(room.0.path())
        .args(["--input", SAMPLE])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    // The reader is gone before anything is printed.
    drop(run.stdout.take());
    let done = run.wait_with_output().expect("it ends");
    assert!(done.status.success());
    assert!(done.stderr.is_empty());
}
