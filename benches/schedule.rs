//! The scheduler's own cost: processor time and commits of mapped runs of a trivial stage, the
//! memory that they take, and how long it takes to look at many past runs.
//!
//! `cargo bench --bench schedule`; `cargo test --benches` does it once with few runs. Times of the
//! processor are read from `/proc/thread-self/schedstat`: there is a figure on Linux only. The stages
//! run on threads of their own, and their time is not the scheduler's.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use floe::clock::ManualClock;
use floe::jiff::Timestamp;
use floe::schedule::{Job, Outcome, Parameters, Reprocess, Schedule, Scheduler, State};

fn main() -> Result<(), Box<dyn Error>> {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (runs, past) = if measured {
        (10_000, 100_000)
    } else {
        (100, 1000)
    };
    mapped(runs)?;
    looked_at(past)
}

fn trivial() -> Job {
    Job::call("trivial", |_| Ok(Outcome::Done))
}

fn mapped(runs: u32) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let state = State::open(folder.path())?;
    let films = (0..runs).map(|film| Parameters::new().with("film", film.to_string()));
    let schedule = Schedule::cron("0 * * * *").job(trivial().map(films).at_once(8));
    let clock = Arc::new(ManualClock::at("2026-02-01T06:59:59Z".parse()?));
    let before = (processor(), memory("VmHWM:"));
    let began = Instant::now();
    let scheduler = Scheduler::new(&schedule, &state).clock(clock);
    let done = scheduler.intervals(1).run()?;
    let wall = began.elapsed();
    let after = (processor(), memory("VmHWM:"));
    let out = &mut std::io::stdout();
    writeln!(
        out,
        "{} mapped runs in {:.2} s: {:.2} commits a run",
        done.succeeded,
        wall.as_secs_f64(),
        done.commits as f64 / f64::from(runs)
    )?;
    if let (Some(before), Some(after)) = (before.0, after.0) {
        let each = (after - before) as f64 / f64::from(runs) / 1e6;
        writeln!(
            out,
            "{each:.3} ms of the scheduler's own processor time a run"
        )?;
    }
    if let (Some(before), Some(after)) = (before.1, after.1) {
        let more = after.saturating_sub(before);
        writeln!(out, "{more} KiB more memory at the peak than before")?;
    }
    Ok(())
}

fn looked_at(runs: i64) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let state = State::open(folder.path())?;
    let schedule = Schedule::cron("0 * * * *").job(trivial());
    let to = Timestamp::from_second(1_770_000_000)?;
    let from = Timestamp::from_second(1_770_000_000 - 3600 * (runs + 1))?;
    schedule.backfill(&state, from, to, Reprocess::None)?;
    // They are said to have run: what counts here is how many there are.
    let database = rusqlite::Connection::open(folder.path().join("schedule.db"))?;
    database.execute_batch(
        "BEGIN;
        UPDATE run SET state = 'success', started = \"end\", ended = \"end\" + 1000;
        INSERT INTO stage SELECT id, 'trivial', 'success', 0, 1, NULL FROM run;
        INSERT INTO try SELECT id, 'trivial', 1, 'success', started, ended, NULL, NULL FROM run;
        COMMIT;",
    )?;
    let mut times = Vec::new();
    let mut seen = 0;
    for _ in 0..5 {
        let began = Instant::now();
        // With the opening, as a command that asks for the status does.
        let overview = State::existing(folder.path())?.overview(20)?;
        times.push(began.elapsed());
        seen = overview.counts.iter().map(|(_, count)| count).sum();
    }
    times.sort();
    let median = times[2].as_secs_f64() * 1e3;
    let out = &mut std::io::stdout();
    writeln!(out, "status with {seen} past runs: {median:.1} ms")?;
    Ok(())
}

/// The processor time of this thread in nanoseconds.
fn processor() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

fn memory(line: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|found| found.strip_prefix(line))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
