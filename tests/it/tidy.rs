//! The rules of the house that a machine can check: they read files and link nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms a room may use, as in `docs/architecture.md`.
const ROOMS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("clock", &[]),
    ("simd", &[]),
    ("threads", &[]),
    ("schema", &["error"]),
    ("output", &["error"]),
    ("http", &["error", "clock"]),
    ("frame", &["error", "schema"]),
    (
        "learn",
        &["error", "schema", "simd", "threads", "frame", "transform"],
    ),
    ("transform", &["error", "schema", "simd", "frame", "learn"]),
    (
        "source",
        &[
            "error",
            "clock",
            "schema",
            "output",
            "http",
            "frame",
            "learn",
            "transform",
        ],
    ),
    ("splitter", &["error", "schema", "frame", "learn", "source"]),
    (
        "estimator",
        &[
            "error",
            "schema",
            "simd",
            "threads",
            "frame",
            "learn",
            "transform",
        ],
    ),
    (
        "metric",
        &["error", "schema", "frame", "learn", "transform"],
    ),
    ("tracker", &["error", "clock", "output", "http"]),
    ("runs", &["error", "metric", "tracker", "http"]),
    ("schedule", &["error", "clock", "output", "learn"]),
    (
        "model",
        &[
            "error",
            "schema",
            "frame",
            "output",
            "learn",
            "transform",
            "source",
            "estimator",
            "metric",
        ],
    ),
    (
        "flow",
        &[
            "error",
            "threads",
            "schema",
            "frame",
            "learn",
            "transform",
            "source",
            "splitter",
            "estimator",
            "metric",
            "tracker",
            "model",
        ],
    ),
    (
        "testing",
        &[
            "error",
            "clock",
            "http",
            "schema",
            "frame",
            "learn",
            "transform",
            "source",
            "splitter",
            "estimator",
            "model",
            "flow",
        ],
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The code of a file without its comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn rooms_use_only_the_rooms_below_them() {
    for (room, allowed) in ROOMS {
        let folder = root().join("src").join(room);
        let paths = if folder.is_dir() {
            files(&folder, "rs")
        } else {
            vec![folder.with_extension("rs")]
        };
        for path in paths {
            let code = code(&path);
            for (known, _) in ROOMS {
                let used = code.contains(&format!("crate::{known}::"));
                let may = known == room || allowed.contains(known);
                assert!(!used || may, "{} uses `{known}`", path.display());
            }
        }
    }
}

#[test]
fn files_stay_small_and_finished() {
    for folder in ["src", "examples", "tests", "benches"] {
        for path in files(&root().join(folder), "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().count();
            // A list of cases may be longer than code that must be understood as a whole.
            let cases = folder == "tests" || path.to_str().unwrap().ends_with("_tests.rs");
            let most = if cases { 650 } else { 400 };
            assert!(lines <= most, "{} has {lines} lines", path.display());
            let code = code(&path);
            for unfinished in [
                concat!("to", "do!("),
                concat!("unimplemen", "ted!("),
                concat!("#[ig", "nore"),
            ] {
                assert!(
                    !code.contains(unfinished),
                    "{}: {unfinished}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn every_guide_is_part_of_the_documentation() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for path in files(&root().join("docs"), "md") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(
            lib.contains(&format!("docs/{name}")),
            "{name} is not in src/lib.rs"
        );
    }
}
