//! Runs out of time, missed deadlines, and waits that something must interrupt.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use floe::clock::{Clock, ManualClock};
use floe::schedule::{
    CatchUp, Hook, Job, Outcome, Parameters, Reprocess, Retry, RunState, Schedule, Scheduler,
    Stage, StageState, State, Stop, Summary,
};
use floe::{Error, ErrorKind};
use jiff::Timestamp;

use crate::schedule_times::at;

fn away() -> Error {
    Error::new(ErrorKind::Remote, "the service is away").transient()
}

/// Keeps a schedule in memory by the machine's clock, for its first interval; it must end soon.
fn keep_in_memory(schedule: Schedule, stop: &Stop) -> (Summary, Vec<RunState>) {
    let (sender, receiver) = mpsc::channel();
    let stop = stop.clone();
    // A wait that nothing interrupts must not hold up the tests.
    std::thread::spawn(move || {
        let state = State::in_memory().unwrap();
        let scheduler = Scheduler::new(&schedule, &state).stop_by(&stop);
        let done = scheduler.intervals(1).run().unwrap();
        let runs = state.overview(9).unwrap().runs;
        let states = runs.iter().map(|run| run.state).collect();
        sender.send((done, states)).unwrap();
    });
    receiver
        .recv_timeout(Duration::from_secs(30))
        .expect("it waits on")
}

#[test]
fn a_run_that_waits_for_a_retry_runs_out_of_time_when_it_should() {
    let retry = Retry::times(3).delay(Duration::from_hours(1));
    let schedule = Schedule::every(Duration::from_secs(1))
        .retry(retry)
        .run_timeout(Duration::from_millis(300))
        .job(Job::call("collect", |_| Err(away())));
    let (done, states) = keep_in_memory(schedule, &Stop::new());
    assert_eq!((done.succeeded, done.failed), (0, 1));
    assert_eq!(states, [RunState::Failed]);
}

#[test]
fn a_stop_interrupts_the_wait_for_a_far_interval_in_memory() {
    let stop = Stop::new();
    let schedule = Schedule::cron("0 0 29 2 *").job(Job::call("leap", |_| Ok(Outcome::Done)));
    let tells = stop.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        tells.tell();
    });
    let (done, states) = keep_in_memory(schedule, &stop);
    assert_eq!((done.succeeded, states.len()), (0, 0));
}

/// A run whose first try fails, and whose scheduler is stopped then; at its restart so much time
/// has passed of the ten minutes that it has. Gives its tries and what it ended in.
fn restarted_after(folder: &Path, passed: Duration) -> (usize, RunState, Option<String>) {
    let clock = Arc::new(ManualClock::at(at("2026-02-01T06:59:59Z")));
    let (stop, calls) = (Stop::new(), Arc::new(AtomicUsize::new(0)));
    let (tells, counted) = (stop.clone(), calls.clone());
    let job = Job::call("collect", move |_| {
        tells.tell();
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Err(away()),
            _ => Ok(Outcome::Done),
        }
    });
    let retry = Retry::times(3).delay(Duration::from_hours(1));
    let schedule = Schedule::cron("0 * * * *")
        .retry(retry.without_jitter())
        .run_timeout(Duration::from_mins(10))
        .job(job);
    let state = State::open(folder).unwrap();
    let keep = |stop: &Stop| {
        let scheduler = Scheduler::new(&schedule, &state).clock(clock.clone());
        scheduler.stop_by(stop).intervals(1).run().unwrap()
    };
    keep(&stop);
    let run = state.overview(1).unwrap().runs.remove(0);
    assert_eq!(run.stages[0].state, StageState::UpForRetry);
    assert_eq!(run.state, RunState::Queued);
    clock.set(run.started.unwrap() + passed);
    keep(&Stop::new());
    let run = state.overview(1).unwrap().runs.remove(0);
    assert_eq!(calls.load(Ordering::SeqCst), run.stages[0].tries.len());
    (run.stages[0].tries.len(), run.state, run.message)
}

#[test]
fn the_time_of_a_run_goes_on_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (tries, state, message) = restarted_after(folder.path(), Duration::from_mins(20));
    assert_eq!((tries, state), (1, RunState::Failed));
    assert_eq!(message.as_deref(), Some("the run ran out of time"));

    // What is left of it is enough on a clock that jumps to the retry.
    let folder = tempfile::tempdir().unwrap();
    let (tries, state, _) = restarted_after(folder.path(), Duration::from_mins(5));
    assert_eq!((tries, state), (2, RunState::Success));
}

/// A hook that keeps the starts of the intervals that it is told of.
fn keeping() -> (Hook, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tells = told.clone();
    let hook = Hook::call(move |notice| {
        let start = notice.interval.start().to_string();
        tells.lock().unwrap().push(start);
        Ok(())
    });
    (hook, told)
}

/// A schedule since the first of February that runs all that it missed, and tells this hook of
/// deadlines.
fn caught_up(cron: &str, deadline: Duration, hook: Hook) -> Schedule {
    Schedule::cron(cron)
        .start(at("2026-02-01T00:00:00Z"))
        .catch_up(CatchUp::All)
        .deadline(deadline)
        .on_deadline(hook)
}

#[test]
fn a_long_catch_up_is_told_of_its_newest_interval_once() {
    // More than goes into the queue in one transaction.
    let clock = Arc::new(ManualClock::at(at("2026-02-03T00:00:30Z")));
    let (hook, told) = keeping();
    let schedule = caught_up("* * * * *", Duration::from_secs(20), hook)
        .job(Job::call("score", |_| Ok(Outcome::Done)));
    let state = State::in_memory().unwrap();
    let scheduler = || Scheduler::new(&schedule, &state).clock(clock.clone());
    assert_eq!(scheduler().intervals(2880).run().unwrap().succeeded, 2880);
    assert_eq!(*told.lock().unwrap(), ["2026-02-02T23:59:00Z"]);
}

#[test]
fn a_run_that_is_truly_late_is_told_of_while_others_are_still_caught_up() {
    let clock = Arc::new(ManualClock::at(at("2026-02-01T00:01:00Z")));
    let (hook, told) = keeping();
    let (stop, calls) = (Stop::new(), Arc::new(AtomicUsize::new(0)));
    let (tells, counted) = (stop.clone(), calls.clone());
    let job = Job::call("score", move |_| {
        if counted.fetch_add(1, Ordering::SeqCst) > 0 {
            return Ok(Outcome::Done);
        }
        tells.tell();
        Err(away())
    });
    let schedule = caught_up("* * * * *", Duration::from_secs(20), hook)
        .retry(Retry::times(3).delay(Duration::from_secs(1)))
        .job(job);
    let state = State::in_memory().unwrap();
    let scheduler = || Scheduler::new(&schedule, &state).clock(clock.clone());
    // The first run begins in time; its scheduler is stopped, and the machine sleeps for three days.
    scheduler().stop_by(&stop).intervals(1).run().unwrap();
    clock.set(at("2026-02-04T00:00:30Z"));
    assert_eq!(scheduler().intervals(4320).run().unwrap().succeeded, 4320);
    let told = told.lock().unwrap();
    assert_eq!(*told, ["2026-02-01T00:00:00Z", "2026-02-03T23:59:00Z"]);
}

#[test]
fn a_catch_up_that_is_stopped_between_its_looks_is_told_once() {
    let clock = Arc::new(ManualClock::at(at("2026-02-04T00:00:30Z")));
    let (hook, told) = keeping();
    let (stop, tells) = (Stop::new(), Stop::new());
    let first = stop.clone();
    let schedule =
        caught_up("* * * * *", Duration::from_secs(20), hook).job(Job::call("score", move |_| {
            first.tell();
            Ok(Outcome::Done)
        }));
    let state = State::in_memory().unwrap();
    let scheduler = |stop: &Stop| Scheduler::new(&schedule, &state).stop_by(stop);
    let done = scheduler(&stop).clock(clock.clone()).run().unwrap();
    assert!(done.succeeded < 4320, "{done:?}");
    assert!(told.lock().unwrap().is_empty());
    let left = 4320 - usize::try_from(done.succeeded).unwrap();
    scheduler(&tells)
        .clock(clock.clone())
        .intervals(left)
        .run()
        .unwrap();
    assert_eq!(*told.lock().unwrap(), ["2026-02-03T23:59:00Z"]);
}

/// A clock of tests that keeps the moments until which somebody waited.
#[derive(Debug)]
struct Waited(ManualClock, Mutex<Vec<String>>);

impl Clock for Waited {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn pause(&self, time: Duration) {
        self.0.pause(time);
        self.1.lock().unwrap().push(self.0.now().to_string());
    }
}

#[test]
fn a_deadline_that_passes_while_a_retry_waits_is_told_then() {
    let start = ManualClock::at(at("2026-02-01T01:00:00Z"));
    let clock = Arc::new(Waited(start, Mutex::default()));
    let (hook, told) = keeping();
    let calls = AtomicUsize::new(0);
    let job = Job::call("score", move |_| {
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Err(away()),
            _ => Ok(Outcome::Done),
        }
    });
    let retry = Retry::times(3).delay(Duration::from_hours(1));
    let schedule = Schedule::cron("0 0 * * *")
        .start(at("2026-01-31T00:00:00Z"))
        .retry(retry.without_jitter())
        .deadline(Duration::from_mins(70))
        .on_deadline(hook)
        .job(job);
    let state = State::in_memory().unwrap();
    let scheduler = Scheduler::new(&schedule, &state).clock(clock.clone());
    assert_eq!(scheduler.intervals(1).run().unwrap().succeeded, 1);
    assert_eq!(told.lock().unwrap().len(), 1);
    // It looks at the deadline, and not only at the retry.
    let waited = clock.1.lock().unwrap();
    assert!(
        waited.contains(&"2026-02-01T01:10:00Z".to_owned()),
        "{waited:?}"
    );
}

#[test]
fn a_catch_up_of_many_sets_is_told_of_the_newest_interval_only() {
    let clock = Arc::new(ManualClock::at(at("2026-02-01T03:40:00Z")));
    let (hook, told) = keeping();
    let sets = (0..1100).map(|n| Parameters::new().with("n", n.to_string()));
    let schedule = caught_up("0 * * * *", Duration::from_mins(30), hook).job(
        Job::call("score", |_| Ok(Outcome::Done))
            .map(sets)
            .at_once(1100),
    );
    let state = State::in_memory().unwrap();
    let scheduler = Scheduler::new(&schedule, &state).clock(clock);
    assert_eq!(scheduler.intervals(3).run().unwrap().succeeded, 3300);
    // A hook that is told too much at once loses some of it.
    let told = told.lock().unwrap();
    assert!(!told.is_empty());
    assert!(told.iter().all(|start| start == "2026-02-01T02:00:00Z"));
}

#[test]
fn an_order_for_a_later_interval_hides_no_deadline_that_was_missed() {
    let clock = Arc::new(ManualClock::at(at("2026-02-01T00:30:00Z")));
    let (hook, told) = keeping();
    let schedule = caught_up("0 * * * *", Duration::from_mins(30), hook)
        .job(Job::call("score", |_| Ok(Outcome::Done)));
    let state = State::in_memory().unwrap();
    let scheduler = || Scheduler::new(&schedule, &state).clock(clock.clone());
    assert_eq!(scheduler().intervals(0).run().unwrap().succeeded, 0);
    // The run of the hour from 02:00 is ordered before the schedule comes to it.
    clock.set(at("2026-02-01T03:40:00Z"));
    let (from, to) = (at("2026-02-01T02:00:00Z"), at("2026-02-01T03:00:00Z"));
    let queued = schedule.backfill(&state, from, to, Reprocess::Completed);
    assert_eq!(queued.unwrap().new, 1);
    assert_eq!(scheduler().intervals(3).run().unwrap().succeeded, 3);
    assert_eq!(*told.lock().unwrap(), ["2026-02-01T01:00:00Z"]);
}

#[test]
fn deadlines_that_no_run_could_keep_are_told_of_the_newest_interval_only() {
    let clock = Arc::new(ManualClock::at(at("2026-02-01T12:20:00Z")));
    let (hook, told) = keeping();
    let slow = Arc::new(AtomicUsize::new(0));
    let (is_slow, ahead) = (slow.clone(), clock.clone());
    let first = Stage::call("collect", move |run| {
        if is_slow.load(Ordering::SeqCst) > 0 {
            ahead.set(run.interval.end() + Duration::from_mins(45));
        }
        Ok(Outcome::Done)
    });
    let second = Stage::call("score", |_| Ok(Outcome::Done));
    let schedule =
        caught_up("0 * * * *", Duration::from_mins(30), hook).job(Job::chain([first, second]));
    let state = State::in_memory().unwrap();
    let scheduler = || Scheduler::new(&schedule, &state).clock(clock.clone());
    let told = || std::mem::take(&mut *told.lock().unwrap());

    // Twelve hours were missed; only of the newest somebody may still want to know.
    clock.set(at("2026-02-01T12:40:00Z"));
    assert_eq!(scheduler().intervals(12).run().unwrap().succeeded, 12);
    assert_eq!(told(), ["2026-02-01T11:00:00Z"]);

    // What is asked for is about the past, and nobody waits for it by then.
    let (from, to) = (at("2026-01-31T00:00:00Z"), at("2026-02-01T02:00:00Z"));
    let queued = schedule.backfill(&state, from, to, Reprocess::Completed);
    assert_eq!(queued.unwrap().new, 24);
    let run = state.overview(1).unwrap().runs.remove(0).interval;
    schedule
        .rerun(&state, run, &Parameters::new(), None)
        .unwrap();
    assert_eq!(scheduler().only_orders().run().unwrap().succeeded, 27);
    assert_eq!(told(), [""; 0]);

    // A run that began in time and is late is told of, as ever.
    slow.store(1, Ordering::SeqCst);
    assert_eq!(scheduler().intervals(1).run().unwrap().succeeded, 1);
    assert_eq!(told(), ["2026-02-01T12:00:00Z"]);
}
