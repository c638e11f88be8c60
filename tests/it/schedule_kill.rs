//! Kills at random moments, and a second instance: this binary runs itself as the scheduler.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use floe::schedule::{
    AnotherInstance, CatchUp, Job, RunState, Schedule, Scheduler, Stage, StageState, State,
    TryState, exit_code,
};

use crate::support::{one_test, say};

const FOLDER: &str = "FLOE_TEST_SCHEDULE_FOLDER";
const SCRIPT: &str = "FLOE_TEST_SCHEDULE_SCRIPT";

/// A schedule of one second, whose first stage replaces the point of its interval: a file that is
/// written beside its place and put there. Its second stage leaves a grandchild behind.
fn schedule(folder: &Path) -> Schedule {
    let points = folder.join("points");
    // Twice in the log means that the stage of one interval ran twice at once.
    let collect = format!(
        "cd {0}; trap '' TERM; mkdir $FLOE_INTERVAL_START.lock || exit 65
        trap 'rmdir $FLOE_INTERVAL_START.lock' EXIT; trap 'exit 75' TERM
        echo $FLOE_INTERVAL_START > $FLOE_INTERVAL_START.$$.new
        sleep 0.1 & wait $!
        mv $FLOE_INTERVAL_START.$$.new $FLOE_INTERVAL_START.point",
        points.display()
    );
    let score = shell("score", "sleep 0.05; sleep 30 & exit 0");
    Schedule::every(Duration::from_secs(1))
        .name("seconds")
        .catch_up(CatchUp::All)
        .grace(Duration::from_millis(500))
        .job(Job::chain([shell("collect", &collect), score]))
}

/// A schedule of one stage, whose next interval is far away.
fn one_stage(script: &str) -> Schedule {
    Schedule::every(Duration::from_secs(1))
        .name("seconds")
        .grace(Duration::from_secs(5))
        .job(Job::new([shell("only", script)]))
}

fn shell(name: &str, script: &str) -> Stage {
    Stage::command(name, "/bin/sh").args(["-c", script])
}

/// The scheduler, when this binary is started as one; nothing in an ordinary run of the tests.
#[test]
fn as_a_scheduler() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let state = State::open(folder.join("state")).unwrap();
    let schedule = match std::env::var(SCRIPT) {
        Ok(script) => one_stage(&script),
        Err(_) => schedule(folder),
    };
    if let Err(error) = Scheduler::new(&schedule, &state).run() {
        eprintln!("error: {error}");
        let source = std::error::Error::source(&error);
        let other = source.is_some_and(|source| source.is::<AnotherInstance>());
        std::process::exit(if other {
            exit_code::ANOTHER_INSTANCE.into()
        } else {
            1
        });
    }
}

fn start(folder: &Path) -> Child {
    scheduler(folder).spawn().unwrap()
}

fn scheduler(folder: &Path) -> Command {
    let mut command = one_test("schedule_kill::as_a_scheduler");
    command
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("points")).unwrap();
    folder
}

#[test]
fn no_kill_leaves_a_gap_or_a_double() {
    const KILLS: u32 = 40;
    let folder = folder();
    let begun = Instant::now();
    for kill in 0..KILLS {
        let mut child = start(folder.path());
        // Random moments: of the start, of the recovery, of stages, of commits.
        let after = 100 + rand::random::<u64>() % 1500;
        std::thread::sleep(Duration::from_millis(after));
        // It is our own child and was not waited for.
        child.kill().unwrap();
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        let ended = child.wait().unwrap();
        assert!(!said.contains("error:"), "kill {kill}: {ended}: {said}");
        std::thread::sleep(Duration::from_millis(rand::random::<u64>() % 500));
    }
    // What is left to do is done, as after a start that nobody kills.
    let state = State::open(folder.path().join("state")).unwrap();
    let schedule = schedule(folder.path());
    let last = Scheduler::new(&schedule, &state)
        .only_orders()
        .run()
        .unwrap();
    let runs = state.overview(10_000).unwrap().runs;
    let mut orphans = 0;
    for (newer, older) in runs.iter().zip(runs.iter().skip(1)) {
        assert_eq!(
            older.interval.end(),
            newer.interval.start(),
            "no gap, none twice"
        );
    }
    for run in &runs {
        assert_eq!(run.state, RunState::Success, "{run:?}");
        for stage in &run.stages {
            assert_eq!(stage.state, StageState::Success);
            let count = |state| stage.tries.iter().filter(|one| one.state == state).count();
            assert_eq!(count(TryState::Success), 1, "{run:?}");
            orphans += count(TryState::Orphaned);
            // Nothing but kills ended a try: above all not a twin that ran at the same time.
            assert_eq!(count(TryState::Orphaned) + 1, stage.tries.len(), "{run:?}");
        }
    }
    let mut points: BTreeMap<String, u32> = BTreeMap::new();
    for entry in fs::read_dir(folder.path().join("points")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if let Some(start) = name.strip_suffix(".point") {
            // Written once, and by a stage of this interval.
            let written = fs::read_to_string(entry.path()).unwrap();
            assert_eq!(written, format!("{start}\n"));
            *points.entry(start.to_owned()).or_default() += 1;
        }
    }
    assert_eq!(points.len(), runs.len(), "every interval has its point");
    for run in &runs {
        assert_eq!(points.get(&run.interval.start().to_string()), Some(&1));
    }
    say(format_args!(
        "{KILLS} kills in {:?}: {} intervals, {orphans} tries cut short, {} run at the end",
        begun.elapsed(),
        runs.len(),
        last.succeeded
    ));
    // By far most kills hit a process that had begun to work.
    assert!(runs.len() > 20 && orphans > 3, "{} {orphans}", runs.len());
}

/// Kills a scheduler while its first stage runs, and runs the stage again: it refuses to run
/// beside its twin. What the next start finds is changed in between.
fn no_twin_after(script: &str, between: impl FnOnce(&Path)) {
    let folder = folder();
    let points = folder.path().join("points");
    // A zombie has no command line.
    let script = format!(
        "cd {}; if test -e first; then
            test -n \"$(tr -d '\\000' 2>/dev/null </proc/$(cat first)/cmdline)\" && exit 65; exit 0
        fi
        {script} sh -c 'echo $$ > pid; mv pid first; exec sleep 300'",
        points.display()
    );
    let mut first = scheduler(folder.path());
    let mut first = first.env(SCRIPT, &script).spawn().unwrap();
    let begun = Instant::now();
    while !points.join("first").exists() {
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "the stage does not start"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    between(&folder.path().join("state/logs"));
    let state = State::open(folder.path().join("state")).unwrap();
    let schedule = one_stage(&script);
    let scheduler = Scheduler::new(&schedule, &state).only_orders();
    let done = scheduler.run().unwrap();
    let runs = state.overview(9).unwrap().runs;
    assert_eq!((done.recovered, done.succeeded), (1, 1), "{runs:?}");
}

#[test]
fn a_kill_before_the_note_of_a_process_leaves_no_twin() {
    no_twin_after("exec", |logs| {
        let mut notes = 0;
        for interval in fs::read_dir(logs).unwrap() {
            for file in fs::read_dir(interval.unwrap().path()).unwrap() {
                let file = file.unwrap().path();
                if file.extension().is_some_and(|end| end == "pid") {
                    fs::remove_file(file).unwrap();
                    notes += 1;
                }
            }
        }
        assert_eq!(notes, 1);
    });
}

#[test]
fn a_stage_that_prints_elsewhere_or_leaves_its_group_has_no_twin_after_a_kill() {
    no_twin_after("exec >/dev/null 2>&1; exec", |_| ());
    no_twin_after("exec setsid --wait", |_| ());
    // Without its environment it is found by the note.
    no_twin_after("exec >/dev/null 2>&1; exec env -i PATH=\"$PATH\"", |_| ());
}

#[test]
fn a_second_instance_leaves_with_a_clear_message() {
    let folder = folder();
    let mut first = start(folder.path());
    let begun = Instant::now();
    let kept = || {
        let state = State::existing(folder.path().join("state"));
        state.is_ok_and(|state| state.is_kept().unwrap())
    };
    while !kept() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the first one does not start"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = start(folder.path()).wait_with_output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(
        second.status.code(),
        Some(exit_code::ANOTHER_INSTANCE.into()),
        "{said}"
    );
    let expected = format!("kept by another process, {}; end it first", first.id());
    assert!(said.contains(&expected), "{said}");
    first.kill().unwrap();
    first.wait().unwrap();
    // The lock died with it, and what its stages left is ended by the next one.
    let state = State::open(folder.path().join("state")).unwrap();
    let schedule = schedule(folder.path());
    Scheduler::new(&schedule, &state)
        .only_orders()
        .run()
        .unwrap();
}
