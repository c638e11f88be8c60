//! Orders and policies: backfill, rerun, by hand, pause, the past, mapping, hooks and pools.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use floe::clock::ManualClock;
use floe::jiff::Timestamp;
use floe::schedule::{
    CatchUp, Hook, Interval, Job, Outcome, Parameters, Reprocess, RunKind, RunState, Schedule,
    Scheduler, Stage, StageState, State, Summary, TriggerRule,
};
use floe::{Error, ErrorKind};

use crate::schedule_times::at;

type Seen = Arc<Mutex<Vec<String>>>;

/// A call that remembers stage, interval and parameters, and fails while it is told to.
fn remembering(name: &str, seen: &Seen, fails: &Arc<AtomicBool>) -> Stage {
    let (seen, fails) = (seen.clone(), fails.clone());
    Stage::call(name, move |run| {
        let start = run.interval.start();
        let parameters = &run.parameters;
        let line = format!("{} {start} {parameters}", run.stage);
        seen.lock().unwrap().push(line.trim().to_owned());
        if fails.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Schema, "there is no column `likes`"));
        }
        Ok(Outcome::Done)
    })
}

fn drain(seen: &Seen) -> Vec<String> {
    seen.lock().unwrap().drain(..).collect()
}

struct Room {
    state: State,
    clock: Arc<ManualClock>,
    seen: Seen,
    fails: Arc<AtomicBool>,
}

impl Room {
    fn new() -> Self {
        Self {
            state: State::in_memory().unwrap(),
            clock: Arc::new(ManualClock::at(at("2024-02-01T06:20:00Z"))),
            seen: Seen::default(),
            fails: Arc::default(),
        }
    }

    fn stage(&self, name: &str) -> Stage {
        remembering(name, &self.seen, &self.fails)
    }

    fn hourly(&self) -> Schedule {
        let stages = [self.stage("collect"), self.stage("score")];
        Schedule::cron("0 * * * *")
            .catch_up(CatchUp::All)
            .job(Job::chain(stages))
    }

    fn keep(&self, schedule: &Schedule, intervals: usize) -> Summary {
        let scheduler = Scheduler::new(schedule, &self.state).clock(self.clock.clone());
        scheduler.intervals(intervals).run().unwrap()
    }

    fn orders(&self, schedule: &Schedule) -> Summary {
        let scheduler = Scheduler::new(schedule, &self.state).clock(self.clock.clone());
        scheduler.only_orders().run().unwrap()
    }

    fn states(&self) -> Vec<(String, RunState)> {
        let runs = self.state.overview(100).unwrap().runs;
        let of = |run: &floe::schedule::RunView| (hour(run.interval.start()), run.state);
        runs.iter().rev().map(of).collect()
    }
}

fn hour(at: Timestamp) -> String {
    at.to_string()[8..13].to_owned()
}

fn interval(start: &str) -> Interval {
    let start = at(start);
    Interval::new(start, start + Duration::from_hours(1)).unwrap()
}

#[test]
fn a_backfill_fills_a_range_and_leaves_the_cursor() {
    use RunKind::{Backfill, Scheduled};

    let room = Room::new();
    let schedule = room.hourly();
    room.keep(&schedule, 2);
    let next = room.state.overview(0).unwrap().next;
    drain(&room.seen);
    let (from, to) = (at("2024-02-01T04:00:00Z"), at("2024-02-01T08:30:00Z"));
    let queued = schedule
        .backfill(&room.state, from, to, Reprocess::None)
        .unwrap();
    // Four whole hours lie in the range; of 06 and 07 there are runs.
    assert_eq!((queued.new, queued.repeated, queued.left), (2, 0, 2));
    assert_eq!(room.orders(&schedule).succeeded, 2);
    let expected = [
        "collect 2024-02-01T04",
        "score 2024-02-01T04",
        "collect 2024-02-01T05",
        "score 2024-02-01T05",
    ];
    let seen = drain(&room.seen);
    assert_eq!(seen, expected.map(|line| format!("{line}:00:00Z")));
    assert_eq!(room.state.overview(0).unwrap().next, next);
    let kinds: Vec<_> = room
        .state
        .overview(9)
        .unwrap()
        .runs
        .iter()
        .map(|run| run.kind)
        .collect();
    assert_eq!(kinds, [Scheduled, Scheduled, Backfill, Backfill]);

    let queued = schedule
        .backfill(&room.state, from, to, Reprocess::Completed)
        .unwrap();
    assert_eq!((queued.new, queued.repeated, queued.left), (0, 4, 0));
    assert_eq!(room.orders(&schedule).succeeded, 4);
    let queued = schedule
        .backfill(&room.state, from, to, Reprocess::Failed)
        .unwrap();
    assert_eq!((queued.new, queued.repeated, queued.left), (0, 0, 4));
    let error = schedule
        .backfill(&room.state, to, from, Reprocess::None)
        .unwrap_err();
    assert!(error.to_string().contains("not after its start"), "{error}");
}

#[test]
fn what_was_backfilled_ahead_does_not_run_again_when_it_is_due() {
    let room = Room::new();
    let schedule = room.hourly();
    room.keep(&schedule, 1);
    let (from, to) = (at("2024-02-01T07:00:00Z"), at("2024-02-01T09:00:00Z"));
    schedule
        .backfill(&room.state, from, to, Reprocess::None)
        .unwrap();
    room.orders(&schedule);
    drain(&room.seen);
    room.keep(&schedule, 3);
    assert_eq!(
        drain(&room.seen),
        ["collect 2024-02-01T09:00:00Z", "score 2024-02-01T09:00:00Z"]
    );
}

#[test]
fn a_long_range_is_queued_in_parts_and_whole() {
    let room = Room::new();
    let films = ["heat", "alien"].map(|film| Parameters::new().with("film", film));
    let schedule = Schedule::cron("0 * * * *").job(Job::new([room.stage("likes")]).map(films));
    let (from, to) = (at("2025-02-01T00:00:00Z"), at("2025-06-01T00:00:00Z"));
    let order = || schedule.backfill(&room.state, from, to, Reprocess::None);
    let queued = order().unwrap();
    assert_eq!((queued.new, queued.left), (2 * 24 * 120, 0));
    let queued = order().unwrap();
    assert_eq!((queued.new, queued.left), (0, 2 * 24 * 120));
}

#[test]
fn a_rerun_begins_at_its_stage_and_keeps_its_key() {
    let room = Room::new();
    let schedule = room.hourly();
    room.keep(&schedule, 1);
    drain(&room.seen);
    let (run, none) = (interval("2024-02-01T06:00:00Z"), Parameters::new());
    schedule
        .rerun(&room.state, run, &none, Some("score"))
        .unwrap();
    room.orders(&schedule);
    assert_eq!(drain(&room.seen), ["score 2024-02-01T06:00:00Z"]);
    let view = room.state.run(run, &none).unwrap().unwrap();
    let tries: Vec<_> = view.stages.iter().map(|stage| stage.tries.len()).collect();
    assert_eq!(tries, [1, 2]);
    assert_eq!(room.states(), [("01T06".to_owned(), RunState::Success)]);
    schedule.rerun(&room.state, run, &none, None).unwrap();
    let error = schedule.rerun(&room.state, run, &none, None).unwrap_err();
    assert!(
        error.to_string().contains("has not ended: it is queued"),
        "{error}"
    );
    room.orders(&schedule);
    assert_eq!(drain(&room.seen).len(), 2);
    let error = schedule
        .rerun(&room.state, run, &none, Some("scroe"))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the stages are `collect`, `score`"),
        "{error}"
    );
    let error = schedule.rerun(&room.state, interval("2024-02-01T03:00:00Z"), &none, None);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("there is no run of")
    );
}

#[test]
fn a_run_by_hand_has_its_parameters() {
    let room = Room::new();
    let schedule = room.hourly();
    let query = Parameters::new().with("query", "matrix");
    let run = interval("2024-02-01T05:00:00Z");
    schedule.trigger(&room.state, run, &query).unwrap();
    room.orders(&schedule);
    assert_eq!(
        drain(&room.seen)[0],
        "collect 2024-02-01T05:00:00Z query=matrix"
    );
    let view = room.state.run(run, &query).unwrap().unwrap();
    assert_eq!(
        (view.kind, view.state),
        (RunKind::Manual, RunState::Success)
    );
    let alike = query.clone().with("Query", "alien");
    let error = schedule.trigger(&room.state, run, &alike).unwrap_err();
    assert!(error.to_string().contains("by capitals only"), "{error}");
    // The same key again is the same run, repeated.
    schedule.trigger(&room.state, run, &query).unwrap();
    room.orders(&schedule);
    assert_eq!(room.states().len(), 1);
}

#[test]
fn what_is_still_to_come_is_not_run_ahead() {
    let room = Room::new();
    let schedule = room.hourly();
    let tomorrow = Timestamp::now() + Duration::from_hours(24);
    let (from, to) = (tomorrow - Duration::from_hours(72), tomorrow);
    let error = schedule
        .backfill(&room.state, from, to, Reprocess::None)
        .unwrap_err();
    assert!(error.to_string().contains("still to come"), "{error}");
    let hour = schedule.timetable().unwrap().last(tomorrow).unwrap();
    let hour = Interval::new(hour, hour + Duration::from_hours(1)).unwrap();
    let error = schedule.trigger(&room.state, hour, &Parameters::new());
    let error = error.unwrap_err();
    assert!(error.to_string().contains("still to come"), "{error}");
    assert_eq!(room.orders(&schedule).succeeded, 0);
    // A range that goes on until now has the hours that have ended.
    let queued = schedule
        .backfill(&room.state, from, Timestamp::now(), Reprocess::None)
        .unwrap();
    assert!((47..=48).contains(&queued.new), "{queued:?}");
}

#[test]
fn a_run_is_found_by_its_beginning() {
    let room = Room::new();
    let schedule = room.hourly();
    room.keep(&schedule, 2);
    let (start, none) = (at("2024-02-01T07:00:00Z"), Parameters::new());
    let run = room.state.run_from(start, &none).unwrap().unwrap();
    assert_eq!(run.interval, interval("2024-02-01T07:00:00Z"));
    assert_eq!(run.stages.len(), 2);
    let other = Parameters::new().with("film", "heat");
    assert!(room.state.run_from(start, &other).unwrap().is_none());
    // After a change of the timing two intervals may begin at one moment.
    let longer = Interval::new(start, start + Duration::from_hours(3)).unwrap();
    schedule.trigger(&room.state, longer, &none).unwrap();
    let run = room.state.run_from(start, &none).unwrap().unwrap();
    assert_eq!(run.interval, longer);
}

#[test]
fn a_pause_holds_over_a_restart_and_what_was_missed_is_caught_up() {
    let folder = tempfile::tempdir().unwrap();
    let room = Room::new();
    let schedule = room.hourly();
    let stop = floe::schedule::Stop::new();
    let keep = |intervals| {
        let state = State::open(folder.path()).unwrap();
        let scheduler = Scheduler::new(&schedule, &state).clock(room.clock.clone());
        scheduler.stop_by(&stop).intervals(intervals).run().unwrap()
    };
    assert_eq!(keep(1).succeeded, 1);
    State::existing(folder.path())
        .unwrap()
        .pause("the service is down")
        .unwrap();
    room.clock.set(at("2024-02-01T09:30:00Z"));
    std::thread::scope(|scope| {
        let paused = scope.spawn(|| keep(3));
        // It looks five times a second, on a clock that jumps as often.
        std::thread::sleep(Duration::from_millis(300));
        let state = State::existing(folder.path()).unwrap();
        let overview = state.overview(10).unwrap();
        assert_eq!(overview.paused.as_deref(), Some("the service is down"));
        assert!(overview.kept);
        assert_eq!(overview.runs.len(), 1);
        room.clock.set(at("2024-02-01T09:30:00Z"));
        state.resume().unwrap();
        assert_eq!(paused.join().unwrap().succeeded, 3);
    });
    let starts = drain(&room.seen);
    assert_eq!(starts[2], "collect 2024-02-01T07:00:00Z");
    assert_eq!(starts.len(), 8);
}

#[test]
fn failed_runs_in_a_row_pause_the_schedule() {
    let room = Room::new();
    room.fails.store(true, Ordering::SeqCst);
    let schedule = room.hourly().pause_after(3);
    let done = room.keep(&schedule, 10);
    assert_eq!((done.succeeded, done.failed), (0, 3));
    let overview = room.state.overview(10).unwrap();
    assert_eq!(overview.paused.as_deref(), Some("3 runs failed in a row"));
    let score = &overview.runs[0].stages[1];
    assert_eq!(
        (score.state, score.tries.len()),
        (StageState::UpstreamFailed, 0)
    );
    room.fails.store(false, Ordering::SeqCst);
    room.state.resume().unwrap();
    assert_eq!(room.keep(&schedule, 4).succeeded, 4);
}

#[test]
fn a_rerun_while_paused_runs_what_was_asked_for_and_counts_from_its_own_start() {
    let room = Room::new();
    let schedule = room.hourly().pause_after(1).max_active_runs(1);
    room.keep(&schedule, 1);
    room.fails.store(true, Ordering::SeqCst);
    room.clock.set(at("2024-02-01T10:30:00Z"));
    assert_eq!(room.keep(&schedule, 3).failed, 1);
    room.fails.store(false, Ordering::SeqCst);
    assert!(room.state.overview(0).unwrap().paused.is_some());
    drain(&room.seen);

    room.clock.set(at("2024-02-03T00:00:00Z"));
    let (run, none) = (interval("2024-02-01T07:00:00Z"), Parameters::new());
    schedule.rerun(&room.state, run, &none, None).unwrap();
    let done = room.orders(&schedule);
    assert_eq!((done.succeeded, done.failed), (1, 0));
    assert_eq!(drain(&room.seen).len(), 2);
    let states: Vec<_> = room.states().into_iter().map(|(_, state)| state).collect();
    assert_eq!(
        states,
        [
            RunState::Success,
            RunState::Success,
            RunState::Queued,
            RunState::Queued
        ]
    );
    let view = room.state.run(run, &none).unwrap().unwrap();
    assert!(
        view.started.unwrap() >= at("2024-02-03T00:00:00Z"),
        "{view:?}"
    );
}

#[test]
fn a_run_that_waits_for_its_past_takes_no_place_from_the_older_one() {
    use RunState::{Failed, Queued, Success};

    let room = Room::new();
    let schedule = room.hourly().depends_on_past();
    room.fails.store(true, Ordering::SeqCst);
    let done = room.keep(&schedule, 1);
    assert_eq!(done.failed, 1);
    room.fails.store(false, Ordering::SeqCst);
    // The next two wait, and the scheduler ends for nothing may start.
    let done = room.keep(&schedule, 2);
    assert_eq!((done.succeeded, done.failed), (0, 0));
    let states = |room: &Room| {
        room.states()
            .into_iter()
            .map(|(_, state)| state)
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&room)[0], Failed);
    assert!(states(&room)[1..].iter().all(|state| *state == Queued));
    // The older run is repeated, although newer ones wait and only one may be active.
    let run = interval("2024-02-01T06:00:00Z");
    schedule
        .rerun(&room.state, run, &Parameters::new(), None)
        .unwrap();
    room.orders(&schedule);
    assert!(states(&room).iter().all(|state| *state == Success));
}

#[test]
fn trigger_rules_and_skips_travel_down_the_graph() {
    use StageState::{Failed, Skipped, Success, UpstreamFailed};

    let room = Room::new();
    let skip = |name: &str| Stage::call(name, |_| Ok(Outcome::Skipped));
    let fail = |name: &str| Stage::call(name, |_| Err(Error::new(ErrorKind::Fit, "too few rows")));
    let job = Job::new([
        room.stage("collect"),
        skip("nothing-new").after("collect"),
        fail("broken").after("collect"),
        room.stage("behind-a-skip").after("nothing-new"),
        room.stage("behind-a-failure").after("broken"),
        room.stage("none-failed")
            .after("nothing-new")
            .after("collect")
            .trigger_rule(TriggerRule::NoneFailed),
        room.stage("not-none-failed")
            .after("broken")
            .trigger_rule(TriggerRule::NoneFailed),
        room.stage("clean-up")
            .after("broken")
            .after("nothing-new")
            .trigger_rule(TriggerRule::AllDone),
    ]);
    let schedule = Schedule::cron("0 * * * *").job(job);
    assert_eq!(room.keep(&schedule, 1).failed, 1);
    let stages = room.state.overview(1).unwrap().runs.remove(0).stages;
    let states: Vec<_> = stages
        .iter()
        .map(|stage| (stage.name.as_str(), stage.state))
        .collect();
    assert_eq!(
        states,
        [
            ("collect", Success),
            ("nothing-new", Skipped),
            ("broken", Failed),
            ("behind-a-skip", Skipped),
            ("behind-a-failure", UpstreamFailed),
            ("none-failed", Success),
            ("not-none-failed", UpstreamFailed),
            ("clean-up", Success),
        ]
    );
}

#[test]
fn jobs_that_cannot_work_are_refused_by_name() {
    let call = |name: &str| Stage::call(name, |_| Ok(Outcome::Done));
    let command = |argument: &str| Job::new([Stage::command("collect", "collect").arg(argument)]);
    let refused = [
        (
            Job::new([call("a").after("b"), call("b").after("a")]),
            "in a circle: `a`, `b`",
        ),
        (
            Job::new([call("a"), call("a")]),
            "two stages are called `a`",
        ),
        (
            Job::new([call("a").after("z")]),
            "`a` waits for `z`, which is no stage",
        ),
        (
            Job::new([call("get data")]),
            "`get data` is no name of a stage",
        ),
        (
            Job::new([call("a").timeout(Duration::ZERO)]),
            "no time at all",
        ),
        (
            Job::new([call("collect"), call("Collect")]),
            "but for its capitals",
        ),
        (
            Job::new([call("a")]).map([Parameters::new().with("film", "x").with("Film", "y")]),
            "`Film` and `film` differ by capitals only",
        ),
        (
            command("--query={parameter.query}"),
            "the parameter `query`",
        ),
        (Job::new([call("a")]).map([]), "no parameters at all"),
        (
            Job::new([call("a")]).map([Parameters::new(), Parameters::new()]),
            "stand twice",
        ),
    ];
    for (job, what) in refused {
        let error = job.check().unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
    // Braces that are no places are the argument's own.
    command(r#"--filter={"likes": {"min": 3}} {interval_start}"#)
        .check()
        .unwrap();
    let pool = Schedule::cron("0 * * * *").job(Job::new([call("a").pool("youtube")]));
    assert!(
        pool.check()
            .unwrap_err()
            .to_string()
            .contains("which there is not")
    );
}

#[test]
fn mapped_runs_are_bounded_and_pools_bound_their_stages() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for (at_once, places, expected) in [(3, 9, 3), (6, 2, 2)] {
        most.store(0, Ordering::SeqCst);
        let (inside, seen) = (now.clone(), most.clone());
        let call = Stage::call("collect", move |_| {
            let count = inside.fetch_add(1, Ordering::SeqCst) + 1;
            seen.fetch_max(count, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(100));
            inside.fetch_sub(1, Ordering::SeqCst);
            Ok(Outcome::Done)
        });
        let films = (0..12).map(|film| Parameters::new().with("film", film.to_string()));
        let job = Job::new([call.pool("youtube")]).map(films).at_once(at_once);
        let room = Room::new();
        let schedule = Schedule::cron("0 * * * *").pool("youtube", places).job(job);
        assert_eq!(room.keep(&schedule, 1).succeeded, 12);
        assert_eq!(most.load(Ordering::SeqCst), expected);
    }
}

#[test]
fn several_intervals_run_at_once_only_where_that_was_said() {
    for most in [1, 4] {
        let (now, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (inside, peak) = (now.clone(), seen.clone());
        let job = Job::call("slow", move |_| {
            let count = inside.fetch_add(1, Ordering::SeqCst) + 1;
            peak.fetch_max(count, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(150));
            inside.fetch_sub(1, Ordering::SeqCst);
            Ok(Outcome::Done)
        });
        let room = Room::new();
        let schedule = Schedule::cron("0 * * * *")
            .catch_up(CatchUp::All)
            .max_active_runs(most)
            .job(job);
        let schedule = schedule.start(at("2024-01-31T22:00:00Z"));
        assert_eq!(room.keep(&schedule, 8).succeeded, 8);
        assert_eq!(seen.load(Ordering::SeqCst), most);
    }
}

#[test]
fn hooks_are_told_once() {
    let room = Room::new();
    let told = Seen::default();
    let hook = || {
        let told = told.clone();
        Hook::call(move |notice| {
            let stage = notice.stage.clone().unwrap_or_default();
            let hour = hour(notice.interval.start());
            told.lock().unwrap().push(
                format!("{:?} {hour} {stage}", notice.occasion)
                    .trim()
                    .to_owned(),
            );
            Err(Error::new(
                ErrorKind::Schedule,
                "a hook that fails fails nothing",
            ))
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("told");
    let line = "echo $FLOE_OCCASION $FLOE_SCHEDULE $FLOE_INTERVAL_END >> ".to_owned()
        + file.to_str().unwrap();
    let mut schedule = room
        .hourly()
        .name("likes")
        .on_success(hook())
        .on_failure(hook());
    schedule = schedule.on_failure(Hook::command("/bin/sh", ["-c".to_owned(), line]));
    // At once after the end of the interval, for a clock that stands still takes no time.
    schedule = schedule.on_deadline(hook()).deadline(Duration::ZERO);
    room.keep(&schedule, 1);
    room.fails.store(true, Ordering::SeqCst);
    room.keep(&schedule, 1);
    let mut told = drain(&told);
    told.sort();
    assert_eq!(
        told,
        [
            "Deadline 01T06",
            "Deadline 01T07",
            "Failure 01T07",
            "Success 01T06"
        ]
    );
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(text, "failure likes 2024-02-01T08:00:00Z\n");
}

#[test]
fn the_state_of_another_schedule_or_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let room = Room::new();
    let schedule = room.hourly();
    let keep = |name: &str| {
        let state = State::open(folder.path()).unwrap();
        let schedule = schedule.clone().name(name);
        Scheduler::new(&schedule, &state).only_orders().run()
    };
    keep("likes").unwrap();
    let error = keep("views").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("belongs to the schedule `likes`, not to `views`"),
        "{error}"
    );

    let other = tempfile::tempdir().unwrap();
    let error = State::existing(other.path()).unwrap_err();
    assert!(
        error.to_string().contains("no schedule has been kept"),
        "{error}"
    );
    let path = other.path().join("schedule.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    database.execute_batch("CREATE TABLE theirs (a)").unwrap();
    let error = State::open(other.path()).unwrap_err();
    assert!(
        error.to_string().contains("made by another program"),
        "{error}"
    );
    std::fs::write(
        &path,
        "this is no database, but a text that is long enough to be read",
    )
    .unwrap();
    let error = State::open(other.path()).unwrap_err();
    assert!(error.to_string().contains("not a database"), "{error}");
    assert!(State::open("/proc/no/such").is_err());
}
