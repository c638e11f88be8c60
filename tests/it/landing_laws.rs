//! Whatever interrupts a run, and wherever: the landing ends as if nothing had.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use floe::polars::prelude::*;
use floe::source::remote::{Landing, Outcome, Table};
use floe::{Error, ErrorKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::landing::{files, partial, quick_folder, rows};

/// What a service has: rows by page, with what is skipped there.
#[derive(Clone, Debug)]
struct Story {
    pages: Vec<Vec<(String, u64)>>,
}

/// What a landing tells in the end.
#[derive(Debug, PartialEq)]
struct Told {
    comments: Vec<(String, Option<u64>)>,
    videos: Vec<(String, Option<u64>)>,
    skipped: Vec<String>,
    notes: Value,
    state: BTreeMap<String, Value>,
    outcomes: Vec<Outcome>,
}

fn table(name: &str) -> Table {
    Table::new(name, ["comment_id"])
        .column("comment_id", DataType::String)
        .column("likes", DataType::UInt64)
}

fn open(root: &Path) -> Landing {
    Landing::open(root, "story", [table("comments"), table("videos")]).unwrap()
}

/// Collects from where the landing stands; gone after a number of steps, as a killed process is.
fn collect(landing: &Landing, story: &Story, mut steps: usize) -> Result<bool, Error> {
    let mut step = || {
        steps = steps.saturating_sub(1);
        steps == 0
    };
    let mut run = landing.begin(&json!({"story": 1}))?;
    let first = run.cursor().as_u64().unwrap_or(0) as usize;
    for (page, found) in story.pages.iter().enumerate().skip(first) {
        for (at, (id, likes)) in found.iter().enumerate() {
            if step() {
                return Ok(false);
            }
            let table = if at % 3 == 2 { "videos" } else { "comments" };
            run.append(table, &json!({"comment_id": id, "likes": likes}))?;
        }
        if page % 2 == 1 {
            run.skip(format!("page {page}"), "odd")?;
            run.set_state(format!("mark {}", page % 4), page.into())?;
        }
        run.note("pages", (page + 1).into());
        if step() {
            return Ok(false);
        }
        run.commit((page + 1).into())?;
    }
    if step() {
        return Ok(false);
    }
    run.finish(partial("the story is short"))?;
    Ok(true)
}

fn told(landing: &Landing) -> Told {
    let runs = landing.runs().unwrap();
    let skipped = runs.iter().flat_map(|run| &run.skipped);
    Told {
        comments: rows(landing.scan("comments").unwrap()),
        videos: rows(landing.scan("videos").unwrap()),
        skipped: skipped.map(|skip| skip.item.clone()).collect(),
        notes: runs
            .last()
            .map_or(Value::Null, |run| Value::Object(run.notes.clone())),
        state: landing.state().unwrap(),
        outcomes: runs.into_iter().map(|run| run.outcome).collect(),
    }
}

fn undisturbed(story: &Story) -> Told {
    let folder = quick_folder();
    let landing = open(folder.path());
    assert!(collect(&landing, story, usize::MAX).unwrap());
    told(&landing)
}

/// The files of lines of the open run.
fn lines(landing: &Landing) -> Vec<PathBuf> {
    let mut lines = files(landing.path());
    lines.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    lines.sort();
    lines
}

/// How many bytes of a file were committed.
fn committed(path: &Path) -> u64 {
    let run = path.parent().unwrap().parent().unwrap();
    let Ok(cursor) = fs::read(run.join("cursor.json")) else {
        return 0;
    };
    let cursor: Value = serde_json::from_slice(&cursor).unwrap();
    let name = path.file_stem().unwrap().to_str().unwrap();
    cursor["files"][name]["bytes"].as_u64().unwrap_or(0)
}

fn story() -> Story {
    let row = |page: u64, at: u64| (format!("{page}/{at} \"ü\n\""), page * 10 + at);
    let pages = (0..4).map(|page| (0..(page * 2) % 5).map(|at| row(page, at)).collect());
    Story {
        pages: pages.collect(),
    }
}

#[test]
fn a_kill_after_any_step_and_any_byte_of_the_tail_changes_nothing() {
    let story = story();
    let expected = undisturbed(&story);
    let mut cuts = 0;
    for steps in 1.. {
        let folder = quick_folder();
        if collect(&open(folder.path()), &story, steps).unwrap() {
            assert!(steps > 10 && cuts > 50, "{steps} steps, {cuts} cuts");
            return;
        }
        // The buffer of a killed process may have reached the file up to any byte.
        let left = lines(&open(folder.path()));
        let tails = left.iter().flat_map(|path| {
            let length = fs::metadata(path).unwrap().len();
            (committed(path)..=length).map(move |cut| (path.clone(), cut))
        });
        for (path, cut) in tails.collect::<Vec<_>>() {
            let copy = quick_folder();
            copy_all(folder.path(), copy.path());
            let path = copy.path().join(path.strip_prefix(folder.path()).unwrap());
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(cut).unwrap();
            let landing = open(copy.path());
            assert!(collect(&landing, &story, usize::MAX).unwrap());
            assert_eq!(
                told(&landing),
                expected,
                "after {steps} steps, cut at {cut}"
            );
            cuts += 1;
        }
    }
}

#[test]
fn what_was_committed_and_is_gone_is_an_error() {
    let folder = quick_folder();
    let landing = open(folder.path());
    assert!(!collect(&landing, &story(), 12).unwrap());
    let path = lines(&landing)
        .into_iter()
        .find(|path| path.ends_with("comments.jsonl"));
    let path = path.unwrap();
    let whole = fs::read(&path).unwrap();
    let committed = committed(&path) as usize;
    assert!(committed > 20);
    for cut in 0..committed {
        fs::write(&path, &whole[..cut]).unwrap();
        let error = collect(&landing, &story(), usize::MAX).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Source, "cut at {cut}: {error}");
    }
    fs::write(&path, &whole).unwrap();
    assert!(collect(&landing, &story(), usize::MAX).unwrap());
    assert_eq!(told(&landing), undisturbed(&story()));
}

#[test]
fn an_end_that_fails_at_any_file_is_made_up_for() {
    let story = story();
    let expected = undisturbed(&story);
    let steps = (1..1000).find(|steps| {
        let folder = quick_folder();
        collect(&open(folder.path()), &story, *steps).unwrap()
    });
    for blocked in [
        "comments.parquet",
        "videos.parquet",
        "manifest.json",
        "cursor.json",
        "state",
        "index.json",
    ] {
        let folder = quick_folder();
        let landing = open(folder.path());
        // One step before the end, a folder is put where a file is to be written.
        assert!(!collect(&landing, &story, steps.unwrap() - 1).unwrap());
        let run = lines(&landing)[0]
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .to_owned();
        let id = run
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .replace("run=", "");
        let place = match blocked {
            "state" => landing.path().join(format!("state={id}.json")),
            "index.json" => landing.path().join(blocked),
            _ => run.join(blocked),
        };
        if blocked == "state" {
            // The landing clears a stray state away, so it is made when the run is open.
            let mut run = landing.begin(&json!({"story": 1})).unwrap();
            fs::create_dir(&place).unwrap();
            run.note("pages", 4.into());
            run.finish(Outcome::Complete).unwrap_err();
        } else {
            let before = fs::read(&place).ok();
            let _ = fs::remove_file(&place);
            fs::create_dir(&place).unwrap();
            let error = collect(&landing, &story, usize::MAX).unwrap_err();
            assert!(error.to_string().contains(blocked), "{error}");
            fs::remove_dir(&place).unwrap();
            if let Some(before) = before {
                fs::write(&place, before).unwrap();
            }
        }
        let unfinished = landing.scan("comments").unwrap();
        assert!(rows(unfinished).is_empty(), "{blocked}");
        assert!(collect(&landing, &story, usize::MAX).unwrap());
        assert_eq!(told(&landing), expected, "{blocked}");
    }
}

fn copy_all(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&path, target).unwrap();
    }
}

fn stories() -> impl Strategy<Value = Story> {
    let row = ("[a-z\\\\\n\"ü🎬]{0,6}", any::<u64>());
    let page = prop::collection::vec(row, 0..6);
    prop::collection::vec(page, 0..6).prop_map(|pages| Story { pages })
}

/// After how many steps a process is killed, how much of each tail stays, and what is there then.
fn kills() -> impl Strategy<Value = Vec<(usize, f64, Vec<u8>)>> {
    let kill = (
        1..12_usize,
        0.0..=1.0,
        prop::collection::vec(any::<u8>(), 0..9),
    );
    prop::collection::vec(kill, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_number_of_kills_changes_nothing(story in stories(), kills in kills()) {
        let folder = quick_folder();
        let landing = open(folder.path());
        let mut finished = false;
        for (steps, share, garbage) in kills {
            finished = collect(&landing, &story, steps).unwrap();
            if finished {
                break;
            }
            for path in lines(&landing) {
                let (from, whole) = (committed(&path), fs::read(&path).unwrap());
                let tail = (whole.len() as u64 - from) as f64 * share;
                let mut bytes = whole[..from as usize + tail as usize].to_vec();
                bytes.extend(&garbage);
                fs::write(&path, bytes).unwrap();
            }
        }
        if !finished {
            prop_assert!(collect(&landing, &story, usize::MAX).unwrap());
        }
        prop_assert_eq!(told(&landing), undisturbed(&story));
    }
}
