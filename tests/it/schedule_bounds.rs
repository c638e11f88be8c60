//! What ten thousand runs and a hundred thousand past ones may cost.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use floe::clock::ManualClock;
use floe::jiff::Timestamp;
use floe::schedule::{Job, Outcome, Parameters, Reprocess, Schedule, Scheduler, State};

use crate::schedule_times::at;

fn trivial() -> Job {
    Job::call("trivial", |_| Ok(Outcome::Done))
}

/// The processor time of this thread, where the system tells it.
fn processor() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ')
        .next()?
        .parse()
        .ok()
        .map(Duration::from_nanos)
}

#[test]
fn ten_thousand_mapped_runs_stay_within_three_commits_and_a_millisecond_each() {
    const RUNS: u64 = 10_000;
    let state = State::in_memory().unwrap();
    let films = (0..RUNS).map(|film| Parameters::new().with("film", film.to_string()));
    let schedule = Schedule::cron("0 * * * *").job(trivial().map(films).at_once(8));
    let clock = Arc::new(ManualClock::at(at("2026-02-01T06:59:59Z")));
    let before = processor();
    let scheduler = Scheduler::new(&schedule, &state).clock(clock);
    let done = scheduler.intervals(1).run().unwrap();
    let after = processor();
    assert_eq!(done.succeeded, RUNS);
    assert!(done.commits <= 3 * RUNS, "{done:?}");
    if let (Some(before), Some(after)) = (before, after) {
        // Without optimisation; the bench has the figure with it.
        let each = after.saturating_sub(before) / u32::try_from(RUNS).unwrap();
        assert!(each < Duration::from_millis(3), "{each:?} a run");
        println!("{each:?} a run, {} commits", done.commits);
    }
}

#[test]
fn a_hundred_thousand_past_runs_do_not_slow_the_status() {
    const RUNS: i64 = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    let schedule = Schedule::cron("0 * * * *").job(trivial());
    let second = |at| Timestamp::from_second(at).unwrap();
    let (from, to) = (second(1_769_997_600 - 3600 * RUNS), second(1_769_997_600));
    let queued = schedule
        .backfill(&state, from, to, Reprocess::None)
        .unwrap();
    assert_eq!(queued.new as i64, RUNS);
    let database = rusqlite::Connection::open(folder.path().join("schedule.db")).unwrap();
    let sql = "UPDATE run SET state = 'success', started = \"end\", ended = \"end\"";
    database.execute(sql, []).unwrap();
    let fastest = (0..3).map(|_| {
        let began = Instant::now();
        let overview = State::existing(folder.path())
            .unwrap()
            .overview(20)
            .unwrap();
        assert_eq!(overview.counts[0].1, RUNS as u64);
        assert_eq!(overview.runs[0].interval.end(), to);
        assert_eq!(overview.runs.len(), 20);
        began.elapsed()
    });
    let fastest = fastest.min().unwrap();
    println!("status: {fastest:?}");
    // The machine may be busy: ten times what the bench holds it to.
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
}
