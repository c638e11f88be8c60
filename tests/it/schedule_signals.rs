//! Signals at every moment: this binary runs itself as a scheduler that listens to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use floe::jiff::Timestamp;
use floe::schedule::{
    CatchUp, Job, Reprocess, Retry, RunState, RunView, Schedule, Scheduler, Stage, StageState,
    State, Stop, TryState,
};

const FOLDER: &str = "FLOE_TEST_SIGNALS_FOLDER";
const SCRIPT: &str = "FLOE_TEST_SIGNALS_SCRIPT";
const EVERY: &str = "FLOE_TEST_SIGNALS_EVERY";
const GRACE: &str = "FLOE_TEST_SIGNALS_GRACE";

fn schedule(script: &str, every: Duration) -> Schedule {
    let retry = Retry::times(1).delay(Duration::from_secs(2));
    Schedule::every(every)
        .name("signals")
        .catch_up(CatchUp::Latest)
        .grace(Duration::from_millis(300))
        .retry(retry.without_jitter())
        .job(Job::new([
            Stage::command("only", "/bin/sh").args(["-c", script])
        ]))
}

/// The scheduler, when this binary is started as one; nothing in an ordinary run of the tests.
#[test]
fn as_a_scheduler() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let state = State::open(Path::new(&folder).join("state")).unwrap();
    let script = std::env::var(SCRIPT).unwrap();
    let schedule = schedule(&script, Duration::from_secs(number(EVERY)));
    let stop = Stop::on_signals().unwrap();
    fs::write(Path::new(&folder).join("listens"), "").unwrap();
    let scheduler = Scheduler::new(&schedule, &state)
        .stop_by(&stop)
        .stop_grace(Duration::from_millis(number(GRACE)));
    let done = scheduler.run().unwrap();
    assert!(stop.told() > 0, "{done:?}");
}

struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Starts a scheduler of one stage, and waits until it listens. What becomes of a hangup is
    /// said, for whoever runs the tests may have been started to ignore it.
    fn start(&self, hangup: &str, script: &str, every: u64, grace: u64) -> Child {
        let _ = fs::remove_file(self.path("listens"));
        let child = Command::new("env")
            .arg(format!("--{hangup}-signal=HUP"))
            .arg(std::env::current_exe().unwrap())
            .args(["schedule_signals::as_a_scheduler", "--exact", "--nocapture"])
            .env(FOLDER, self.0.path())
            .env(SCRIPT, script)
            .env(EVERY, every.to_string())
            .env(GRACE, grace.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.wait_for("listens");
        child
    }

    fn wait_for(&self, file: &str) {
        until(file, || self.path(file).exists());
    }

    fn state(&self) -> State {
        State::open(self.path("state")).unwrap()
    }

    fn runs(&self) -> Vec<RunView> {
        self.state().overview(100).unwrap().runs
    }
}

fn until(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_mins(1), "no {what} comes");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// To the process by its number: it is our own child and was not waited for.
fn tell(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    let kill = Command::new("kill").args([signal, &pid]).status().unwrap();
    assert!(kill.success());
}

fn ends_well(mut child: Child) {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return;
        }
        if begun.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it goes on");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn each_signal_ends_a_schedule_that_waits_and_lets_a_stage_end() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        // Nothing is due for a year, and nothing is hurt by a signal of the first moment.
        let room = Room::new();
        let child = room.start("default", "exit 0", 366 * 86_400, 20_000);
        tell(&child, signal);
        ends_well(child);
        assert_eq!(room.runs().len(), 0, "{signal}");

        let begun = room.path("begun");
        let script = format!("echo > {}; sleep 1; exit 0", begun.display());
        let child = room.start("default", &script, 1, 20_000);
        room.wait_for("begun");
        tell(&child, signal);
        ends_well(child);
        let runs = room.runs();
        // At another moment than in the stage, more intervals have come due and wait.
        let ended = runs.iter().filter(|run| run.state == RunState::Success);
        for run in ended.clone() {
            assert_eq!(run.stages[0].tries.len(), 1, "{run:?}");
            assert_eq!(run.stages[0].tries[0].state, TryState::Success, "{run:?}");
        }
        assert!(ended.count() > 0, "{runs:?}");
        assert!(runs.iter().all(|run| run.state != RunState::Running));
    }
}

#[test]
fn random_moments_of_signals_leave_nothing_half_done() {
    let room = Room::new();
    for _ in 0..12 {
        let child = room.start("default", "sleep 0.2", 1, 20_000);
        std::thread::sleep(Duration::from_millis(rand::random::<u64>() % 1500));
        tell(&child, "-TERM");
        ends_well(child);
    }
    let state = room.state();
    let schedule = schedule("sleep 0.2", Duration::from_secs(1));
    Scheduler::new(&schedule, &state)
        .only_orders()
        .run()
        .unwrap();
    let runs = room.runs();
    assert!(runs.len() > 3, "{runs:?}");
    for run in &runs {
        assert_eq!(run.state, RunState::Success, "{run:?}");
        assert_eq!(run.stages[0].tries.len(), 1, "none was cut short: {run:?}");
    }
}

/// Cuts the only stage of a run short, and runs it again at the next start.
fn cut_short(grace: u64, signals: usize) {
    let room = Room::new();
    let begun = room.path("begun");
    let script = format!(
        "test -e {0} && exit 0; echo > {0}; sleep 300",
        begun.display()
    );
    // A long interval, so that no other run comes; the first one is ordered.
    let hour = Duration::from_hours(1);
    let state = room.state();
    let now = Timestamp::now();
    let of_script = schedule(&script, hour);
    let queued = of_script.backfill(&state, now - 2 * hour, now, Reprocess::None);
    assert_eq!(queued.unwrap().new, 1);
    drop(state);
    let child = room.start("default", &script, 3600, grace);
    room.wait_for("begun");
    for _ in 0..signals {
        tell(&child, "-TERM");
        // Two signals of a moment may be one.
        std::thread::sleep(Duration::from_millis(300));
    }
    ends_well(child);
    let run = room.runs().remove(0);
    assert_eq!(run.state, RunState::Queued);
    assert_eq!(run.stages[0].state, StageState::Waiting);
    assert_eq!(run.stages[0].tries[0].state, TryState::Interrupted);
    let state = room.state();
    let done = Scheduler::new(&of_script, &state).only_orders().run();
    assert_eq!(done.unwrap().succeeded, 1);
    // It took none of the retries.
    let run = room.runs().remove(0);
    assert_eq!(run.stages[0].tries[1].state, TryState::Success);
}

#[test]
fn a_second_signal_ends_a_stage_at_once() {
    cut_short(600_000, 2);
}

#[test]
fn a_grace_that_has_run_out_ends_a_stage() {
    cut_short(500, 1);
}

#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let room = Room::new();
    let mut child = room.start("ignore", "exit 0", 366 * 86_400, 20_000);
    tell(&child, "-HUP");
    std::thread::sleep(Duration::from_millis(700));
    assert!(child.try_wait().unwrap().is_none(), "it ended");
    tell(&child, "-TERM");
    ends_well(child);
}

#[test]
fn a_kill_while_a_retry_waits_neither_loses_it_nor_hastens_it() {
    let room = Room::new();
    let tried = room.path("tried");
    let script = format!(
        "test -e {0} && exit 0; echo > {0}; exit 75",
        tried.display()
    );
    let mut child = room.start("default", &script, 1, 20_000);
    let waiting = || {
        let runs = room.runs();
        let stages = runs.iter().flat_map(|run| &run.stages);
        let mut waiting = stages.filter(|stage| stage.state == StageState::UpForRetry);
        waiting.next().and_then(|stage| stage.not_before)
    };
    room.wait_for("tried");
    until("retry", || waiting().is_some());
    child.kill().unwrap();
    child.wait().unwrap();
    let not_before = waiting().expect("the kill has lost the retry");
    let state = room.state();
    let schedule = schedule(&script, Duration::from_secs(1));
    let done = Scheduler::new(&schedule, &state).only_orders().run();
    assert_eq!(done.unwrap().recovered, 0);
    let runs = room.runs();
    let retried = runs.iter().find(|run| run.stages[0].tries.len() > 1);
    let tries = &retried.expect("it was tried again").stages[0].tries;
    let states: Vec<_> = tries.iter().map(|one| one.state).collect();
    assert_eq!(states, [TryState::Failed, TryState::Success]);
    assert!(tries[1].started >= not_before, "{tries:?} {not_before}");
}
