//! Stages that hang, fail, fail for good, leave something behind, or are cut short.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use floe::clock::{Clock, ManualClock, SystemClock};
use floe::jiff::Timestamp;
use floe::schedule::{
    Hook, Interval, Job, Outcome, Parameters, Retry, RunState, RunView, Schedule, Scheduler, Stage,
    StageState, State, Stop, Summary, TryState, exit_code,
};
use floe::{Error, ErrorKind};

use crate::schedule_times::at;

/// Runs a job once, for the interval from 06:00, and gives its run.
fn once(folder: &Path, job: Job, change: impl FnOnce(Schedule) -> Schedule) -> (RunView, Summary) {
    let state = State::open(folder).unwrap();
    let clock = Arc::new(ManualClock::at(at("2026-02-01T06:59:59Z")));
    let schedule = Schedule::cron("0 * * * *")
        .grace(Duration::from_millis(300))
        .job(job);
    let schedule = change(schedule);
    let scheduler = Scheduler::new(&schedule, &state).clock(clock);
    let done = scheduler.intervals(1).run().unwrap();
    (state.overview(1).unwrap().runs.remove(0), done)
}

fn shell(name: &str, script: &str) -> Stage {
    Stage::command(name, "/bin/sh").args(["-c", script])
}

fn tries(run: &RunView, stage: usize) -> Vec<TryState> {
    run.stages[stage]
        .tries
        .iter()
        .map(|one| one.state)
        .collect()
}

fn lives(pid: &str) -> bool {
    let pid: u32 = pid.trim().parse().unwrap();
    // A zombie has a folder too, but its command line is empty.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

#[test]
fn a_stage_that_hangs_is_ended_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    // Neither the shell nor what it starts listens to SIGTERM.
    let script = format!(
        "trap '' TERM; sleep 300 & echo $$ $! > {}; wait; sleep 300",
        file.display()
    );
    let begun = Instant::now();
    let job = Job::new([shell("hang", &script).timeout(Duration::from_millis(1500))]);
    let (run, _) = once(folder.path(), job, |schedule| schedule);
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(tries(&run, 0), [TryState::TimedOut]);
    assert_eq!(
        run.stages[0].tries[0].message.as_deref(),
        Some("it ran out of time")
    );
    for pid in fs::read_to_string(file).unwrap().split_whitespace() {
        assert!(!lives(pid), "{pid} was left behind");
    }
}

#[test]
fn a_grandchild_does_not_outlive_its_stage() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("sleep 300 & echo $! > {}; echo done", file.display());
    let (run, _) = once(
        folder.path(),
        Job::new([shell("leave", &script)]),
        |schedule| schedule,
    );
    assert_eq!(tries(&run, 0), [TryState::Success]);
    let pid = fs::read_to_string(file).unwrap();
    assert!(!lives(&pid), "{pid} was left behind");
}

#[test]
fn a_stage_that_ended_in_time_is_not_timed_out_by_what_it_left() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; sleep 300 & exit 0";
    let job = Job::new([shell("leaves", script).timeout(Duration::from_millis(600))]);
    let (run, _) = once(folder.path(), job, |schedule| {
        schedule.grace(Duration::from_millis(1500))
    });
    assert_eq!(tries(&run, 0), [TryState::Success]);
}

#[test]
fn times_beyond_all_clocks_are_no_limits() {
    let folder = tempfile::tempdir().unwrap();
    let job = Job::chain([
        shell("command", "exit 0").timeout(Duration::MAX),
        Stage::call("call", |_| Ok(Outcome::Done)).timeout(Duration::MAX),
    ]);
    let (run, _) = once(folder.path(), job, |schedule| {
        schedule.grace(Duration::MAX).run_timeout(Duration::MAX)
    });
    assert_eq!(run.state, RunState::Success);
}

#[test]
fn hooks_that_hang_do_not_hold_up_the_exit_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let line = format!("sleep 300 & echo $! > {}; wait", file.display());
    let (state, stop) = (State::in_memory().unwrap(), Stop::new());
    let tells = stop.clone();
    let job = Job::call("fails", move |_| {
        tells.tell();
        Err::<Outcome, _>(Error::new(ErrorKind::Schema, "no\0column"))
    });
    let schedule = Schedule::cron("0 * * * *")
        .on_failure(Hook::command("/bin/sh", ["-c".to_owned(), line]))
        .on_failure(Hook::command("/bin/sleep", ["300"]))
        .job(job);
    let clock = Arc::new(ManualClock::at(at("2026-02-01T06:59:59Z")));
    let scheduler = Scheduler::new(&schedule, &state)
        .clock(clock)
        .stop_by(&stop)
        .stop_grace(Duration::from_secs(2));
    let begun = Instant::now();
    assert_eq!(scheduler.run().unwrap().failed, 1);
    assert!(begun.elapsed() < Duration::from_secs(15), "{begun:?}");
    let pid = fs::read_to_string(file).unwrap();
    assert!(!lives(&pid), "{pid} was left behind");
}

#[test]
fn a_state_that_another_writes_to_for_a_while_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("schedule.db");
    let (begun, waits) = std::sync::mpsc::channel();
    let job = Job::call("slow", move |_| {
        begun.send(()).unwrap();
        std::thread::sleep(Duration::from_millis(500));
        Ok(Outcome::Done)
    });
    let writer = std::thread::spawn(move || {
        waits.recv().unwrap();
        let database = rusqlite::Connection::open(database).unwrap();
        database.busy_timeout(Duration::from_secs(5)).unwrap();
        database.execute_batch("BEGIN IMMEDIATE").unwrap();
        std::thread::sleep(Duration::from_millis(2500));
        database.execute_batch("COMMIT").unwrap();
    });
    let (run, _) = once(folder.path(), job, |schedule| schedule);
    writer.join().unwrap();
    assert_eq!(tries(&run, 0), [TryState::Success]);
}

/// The clock of the machine, which counts how often it is asked.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        self.0.fetch_add(1, Ordering::SeqCst);
        SystemClock.now()
    }

    fn pause(&self, time: Duration) {
        SystemClock.pause(time);
    }
}

#[test]
fn a_retry_that_waits_for_a_place_costs_nothing_meanwhile() {
    let state = State::in_memory().unwrap();
    let script = "test $FLOE_PARAMETER_QUERY = slow && exec sleep 2; test $FLOE_ATTEMPT -gt 1";
    let retry = Retry::times(1).delay(Duration::from_millis(10));
    let queries = ["flaky", "slow"].map(|query| Parameters::new().with("query", query));
    let job = Job::new([shell("get", script).pool("service").retry(retry)]).map(queries);
    let schedule = Schedule::every(Duration::from_hours(1))
        .pool("service", 1)
        .job(job.at_once(2));
    let (from, to) = (at("2026-02-01T06:00:00Z"), at("2026-02-01T07:00:00Z"));
    let hour = Interval::new(from, to).unwrap();
    for query in ["flaky", "slow"] {
        let parameters = Parameters::new().with("query", query);
        schedule.trigger(&state, hour, &parameters).unwrap();
    }
    let clock = Arc::new(Counting::default());
    let scheduler = Scheduler::new(&schedule, &state).clock(clock.clone());
    let done = scheduler.only_orders().run().unwrap();
    assert_eq!((done.succeeded, done.failed), (2, 0));
    let asked = clock.0.load(Ordering::SeqCst);
    assert!(asked < 100, "{asked} times in two seconds");
}

#[test]
fn what_fails_twice_succeeds_at_the_third_try() {
    use TryState::{Failed, Success};

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tries");
    let script = format!(
        "echo x >> {0}; echo try $FLOE_ATTEMPT; test $(wc -l < {0}) -ge 3",
        file.display()
    );
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let hook = Hook::call(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    });
    let stage = shell("flaky", &script).retry(Retry::times(3).delay(Duration::from_mins(1)));
    let (run, done) = once(folder.path(), Job::new([stage]), |schedule| {
        schedule.on_retry(hook)
    });
    assert_eq!(done.succeeded, 1);
    assert_eq!(tries(&run, 0), [Failed, Failed, Success]);
    assert_eq!(told.load(Ordering::SeqCst), 2);
    let tries = &run.stages[0].tries;
    assert_eq!(tries[0].exit_code, Some(1));
    assert_eq!(tries[1].message.as_deref(), Some("exit code 1: try 2"));
    // By the clock that was put in: a minute to two, then two to four.
    let waits: Vec<_> = tries
        .windows(2)
        .map(|two| {
            two[1]
                .started
                .duration_since(two[0].ended.unwrap())
                .as_secs()
        })
        .collect();
    assert!(
        (60..=121).contains(&waits[0]) && (120..=241).contains(&waits[1]),
        "{waits:?}"
    );
    let state = State::open(folder.path()).unwrap();
    let log = |number| fs::read_to_string(state.log(&run, "flaky", number).unwrap()).unwrap();
    assert_eq!([log(1), log(2), log(3)], ["try 1\n", "try 2\n", "try 3\n"]);
}

#[test]
fn what_is_not_worth_trying_again_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let retry = Retry::times(5).delay(Duration::from_secs(1));
    let call = |error: Error| Stage::call("call", move |_| Err(error.clone()));
    let wrong = Error::new(ErrorKind::Schema, "there is no column `likes`");
    let down = Error::new(ErrorKind::Remote, "the service is down").transient();
    for (stage, expected) in [
        (shell("permanent", "exit 65"), 1),
        (shell("transient", "exit 75"), 6),
        (shell("unknown", "exit 3"), 6),
        (shell("killed", "kill -9 $$"), 6),
        (Stage::command("absent", "/no/such/program"), 1),
        (call(wrong), 1),
        (call(down), 6),
        (Stage::call("panic", |_| panic!("out of range")), 1),
    ] {
        let name = stage.name().to_owned();
        let inner = folder.path().join(&name).join(expected.to_string());
        let (run, _) = once(&inner, Job::new([stage.retry(retry.clone())]), |schedule| {
            schedule
        });
        assert_eq!(run.state, RunState::Failed, "{name}");
        assert_eq!(run.stages[0].tries.len(), expected, "{name}");
    }
    assert_eq!(exit_code::PERMANENT, 65);
    assert_eq!(exit_code::TRANSIENT, 75);
}

#[test]
fn a_stage_with_nothing_to_do_is_skipped_with_those_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let job = Job::chain([shell("collect", "exit 99"), shell("score", "exit 0")]);
    let (run, done) = once(folder.path(), job, |schedule| schedule);
    let states: Vec<_> = run.stages.iter().map(|stage| stage.state).collect();
    assert_eq!(states, [StageState::Skipped, StageState::Skipped]);
    assert_eq!(done.succeeded, 1);
}

#[test]
fn a_command_is_told_about_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let script = "echo $0 $1; echo $FLOE_INTERVAL_START $FLOE_INTERVAL_END $FLOE_STAGE $FLOE_ATTEMPT $FLOE_PARAMETER_QUERY $OWN; pwd; echo $2 $FLOE_RUN_STARTED";
    let stage = shell("say", script)
        .args([
            "{interval_start}/{interval_end}",
            "{stage}.{attempt} {parameter.query} {\"a\": {}}",
            "{run_started}",
        ])
        .env("OWN", "own")
        .in_folder("/");
    let job = Job::new([stage]).map([Parameters::new().with("query", "the matrix")]);
    let (run, _) = once(folder.path(), job, |schedule| schedule);
    let state = State::open(folder.path()).unwrap();
    let log = fs::read_to_string(state.log(&run, "say", 1).unwrap()).unwrap();
    let started = run.started.unwrap();
    assert_eq!(
        log,
        format!(
            "2026-02-01T06:00:00Z/2026-02-01T07:00:00Z say.1 the matrix {{\"a\": {{}}}}\n\
         2026-02-01T06:00:00Z 2026-02-01T07:00:00Z say 1 the matrix own\n/\n{started} {started}\n"
        )
    );
}

#[test]
fn a_call_that_runs_out_of_time_is_told_and_then_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let listens = Stage::call("listens", |run| {
        while !run.cancel.is_cancelled() {
            std::thread::sleep(Duration::from_millis(5));
        }
        run.log("told to end");
        Ok(Outcome::Done)
    });
    let deaf = Stage::call("deaf", |_| {
        std::thread::sleep(Duration::from_secs(5));
        Ok(Outcome::Done)
    });
    let job = Job::new([
        listens.timeout(Duration::from_millis(50)),
        deaf.timeout(Duration::from_millis(50)),
    ]);
    let begun = Instant::now();
    let (run, _) = once(folder.path(), job, |schedule| schedule);
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(tries(&run, 0), [TryState::TimedOut]);
    assert_eq!(tries(&run, 1), [TryState::TimedOut]);
    let state = State::open(folder.path()).unwrap();
    let log = fs::read_to_string(state.log(&run, "listens", 1).unwrap()).unwrap();
    assert_eq!(log, "told to end\n");
}

#[test]
fn a_run_that_runs_out_of_time_fails_whole() {
    use StageState::{Failed, Success, UpstreamFailed};

    let folder = tempfile::tempdir().unwrap();
    let job = Job::chain([
        shell("first", "exit 0"),
        shell("slow", "sleep 60"),
        shell("last", "exit 0"),
    ]);
    let retry = Retry::times(3);
    let (run, _) = once(folder.path(), job, |schedule| {
        schedule.retry(retry).run_timeout(Duration::from_secs(3))
    });
    let states: Vec<_> = run.stages.iter().map(|stage| stage.state).collect();
    assert_eq!(states, [Success, Failed, UpstreamFailed]);
    assert_eq!(run.message.as_deref(), Some("the run ran out of time"));
}

#[test]
fn a_scheduler_that_is_told_to_stop_lets_stages_end_and_then_does_not() {
    for (grace, ended) in [
        (Duration::from_secs(20), true),
        (Duration::from_millis(50), false),
    ] {
        let script = if ended {
            "sleep 2; echo ended"
        } else {
            "test $FLOE_ATTEMPT = 1 && sleep 300; echo ended"
        };
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let job = Job::new([shell("slow", script)]);
        let schedule = Schedule::every(Duration::from_millis(500)).job(job);
        let stop = Stop::new();
        let done = std::thread::scope(|scope| {
            scope.spawn(|| {
                let others = State::open(folder.path()).unwrap();
                let begun = Instant::now();
                // Told as soon as the first stage runs.
                while begun.elapsed() < Duration::from_secs(20) {
                    let runs = others.overview(1).map_or(Vec::new(), |found| found.runs);
                    if runs
                        .first()
                        .is_some_and(|run| run.stages[0].state == StageState::Running)
                    {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                stop.tell();
            });
            let scheduler = Scheduler::new(&schedule, &state).stop_by(&stop);
            scheduler.stop_grace(grace).run().unwrap()
        });
        assert_eq!(
            (done.succeeded, done.interrupted),
            if ended { (1, 0) } else { (0, 1) }
        );
        let run = state.overview(9).unwrap().runs.pop().unwrap();
        let expected = if ended {
            RunState::Success
        } else {
            RunState::Queued
        };
        assert_eq!(run.state, expected);
        if !ended {
            // It runs again at the next start, as its second try and with all of its retries.
            let done = Scheduler::new(&schedule, &state)
                .only_orders()
                .run()
                .unwrap();
            assert_eq!(done.succeeded, 1);
            let run = state.overview(9).unwrap().runs.pop().unwrap();
            assert_eq!(tries(&run, 0), [TryState::Interrupted, TryState::Success]);
        }
    }
}

#[test]
fn retries_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(at("2026-02-01T06:59:59Z")));
    let retry = Retry::times(1)
        .delay(Duration::from_mins(10))
        .without_jitter();
    let job = Job::new([shell("flaky", "test $FLOE_ATTEMPT -ge 2").retry(retry)]);
    let schedule = Schedule::cron("0 * * * *").job(job);
    let stop = Stop::new();
    let keep = |stop: &Stop| {
        let state = State::open(folder.path()).unwrap();
        let scheduler = Scheduler::new(&schedule, &state)
            .clock(clock.clone())
            .stop_by(stop);
        let done = scheduler.intervals(1).run().unwrap();
        (done, state.overview(1).unwrap().runs.remove(0))
    };
    let told = stop.clone();
    let telling = schedule.clone().on_retry(Hook::call(move |_| {
        told.tell();
        Ok(())
    }));
    let state = State::open(folder.path()).unwrap();
    Scheduler::new(&telling, &state)
        .clock(clock.clone())
        .stop_by(&stop)
        .intervals(1)
        .run()
        .unwrap();
    let run = state.overview(1).unwrap().runs.remove(0);
    assert_eq!(run.stages[0].state, StageState::UpForRetry);
    assert_eq!(run.stages[0].not_before, Some(at("2026-02-01T07:10:00Z")));
    drop(state);
    let (_, run) = keep(&Stop::new());
    assert_eq!(run.state, RunState::Success);
    assert_eq!(run.stages[0].tries[1].started, at("2026-02-01T07:10:00Z"));
}

#[test]
fn this_program_can_be_a_stage() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::this_program("list").args(["--list", "--exact", "no_such_test"]);
    let (run, _) = once(folder.path(), Job::new([stage]), |schedule| schedule);
    assert_eq!(run.state, RunState::Success);
    assert!(
        Command::new("/bin/sh")
            .arg("-c")
            .arg("exit 0")
            .status()
            .unwrap()
            .success()
    );
}
