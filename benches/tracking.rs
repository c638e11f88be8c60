//! What a tracker costs the thread that is tracked, a thousand numbers at a time. The target of each
//! line is one millisecond. The last column is what comes later, on another thread or at the end of
//! the run: until a flush has brought all numbers of the line to where they are read. The MLflow server
//! is away: what is measured is how its tracker writes events down, and they stay in its spool.

use std::time::{Duration, Instant};

use floe::tracker::{
    JsonLinesTracker, MemoryTracker, MlflowTracker, RunInfo, RunLog, SqliteTracker, Tracker,
};

const NUMBERS: i64 = 1000;

/// The best and the middle time of several rounds, each of a thousand numbers.
fn measure(rounds: usize, mut round: impl FnMut(i64)) -> (Duration, Duration) {
    let mut times = Vec::with_capacity(rounds);
    for from in (0..).step_by(1000).take(rounds) {
        let began = Instant::now();
        round(from);
        times.push(began.elapsed());
    }
    times.sort();
    (times[0], times[rounds / 2])
}

/// How long a flush takes; nothing where nobody is there to bring the numbers to.
fn flushed(tracker: &dyn Tracker, is_there: bool) -> String {
    if !is_there {
        return "-".to_owned();
    }
    let began = Instant::now();
    tracker.flush().expect("flushed");
    format!("{:.3?}", began.elapsed())
}

fn series(from: i64) -> impl Iterator<Item = (&'static str, f64, i64)> {
    (from..from + NUMBERS).map(|step| ("loss", 1.0 / (step + 1) as f64, step))
}

#[allow(clippy::print_stdout, reason = "a bench prints its figures")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    // As a test each side is run once.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = if arguments.iter().any(|arg| arg == "--bench") {
        50
    } else {
        1
    };
    let folder = tempfile::tempdir()?;
    let sqlite = SqliteTracker::open(folder.path().join("mlflow.db"))?;
    let lines = JsonLinesTracker::append(folder.path().join("runs.jsonl"))?;
    let memory = MemoryTracker::new();
    // Port 9 of this machine, where nobody listens.
    let mlflow = MlflowTracker::new("http://127.0.0.1:9")
        .spool(folder.path().join("spool"))
        .deadline(Duration::ZERO);
    let trackers: [(&str, &dyn Tracker, bool); 4] = [
        ("memory", &memory, true),
        ("json lines", &lines, true),
        ("sqlite", &sqlite, true),
        ("mlflow", &mlflow, false),
    ];
    println!("1000 numbers, on the thread that tells them: best and middle of {rounds} rounds");
    println!("                                  best     middle   flush of all");
    let wanted = arguments.iter().find(|arg| !arg.starts_with('-'));
    if let Some(wanted) = wanted
        && !trackers.iter().any(|(name, ..)| name == wanted)
    {
        return Err(format!("no tracker is called `{wanted}`").into());
    }
    for (name, tracker, is_there) in trackers {
        if wanted.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let log = RunLog::start(tracker, &RunInfo::named(name))?;
        let (best, middle) = measure(rounds, |from| log.metrics(series(from)).expect("recorded"));
        let flush = flushed(tracker, is_there);
        println!("  {name:10}  in one batch   {best:>10.3?} {middle:>10.3?} {flush:>10}");
        let (best, middle) = measure(rounds, |from| {
            for (key, value, step) in series(from + 1_000_000) {
                log.metric(key, value, step).expect("recorded");
            }
        });
        let flush = flushed(tracker, is_there);
        println!("  {name:10}  one by one     {best:>10.3?} {middle:>10.3?} {flush:>10}");
    }
    Ok(())
}
