//! One stage for one interval. What it makes lies in a folder of that interval and replaces what
//! was there before.

use std::fmt;
use std::hash::Hasher;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use floe::jiff::Timestamp;
use floe::output::write_whole;
use floe::schedule::Interval;
use floe::tracker::{
    Artifact, Event, RunInfo, SqliteTracker, Started, Status, Surroundings, Tracker, What,
};
use floe::{Error, ErrorKind};
use serde_json::Value;
use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128, SipHasher13 as WideHasher};

use super::super::asked::{Asks, Service};
use super::super::{self as app, Cli, Outcome, Progress};
use super::collect;
use super::points::{Point, Points, Score};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which stage
    #[arg(value_parser = super::job::STAGES)]
    name: String,
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    #[arg(long, value_name = "FOLDER")]
    tracking: PathBuf,
    #[arg(long)]
    query: String,
    #[command(flatten)]
    service: Service,
    #[arg(long, value_name = "TIME")]
    interval_start: Timestamp,
    #[arg(long, value_name = "TIME")]
    interval_end: Timestamp,
    /// The same for all tries of a run, and another time once the run is repeated
    #[arg(long, value_name = "TIME", default_value = "")]
    run_started: String,
}

/// Why a stage has nothing to do: its exit code says so, and the stages behind it are skipped.
#[derive(Debug)]
pub(crate) struct NothingToDo(String);

impl fmt::Display for NothingToDo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing to do: {}", self.0)
    }
}

impl std::error::Error for NothingToDo {}

/// The emulator is asked for so many intervals before the first, to have something to learn from.
const HISTORY: i32 = 12;
/// Fewer points than this make no line worth its score.
const FEWEST: usize = 8;
const EXPERIMENT: &str = "youtube_score";

pub(crate) fn run(args: &Args, progress: &Progress, out: &mut impl Write) -> Outcome {
    let interval = Interval::new(args.interval_start, args.interval_end)?;
    let folder = folder_of(&args.folder, &args.query, interval);
    std::fs::create_dir_all(&folder).map_err(|error| {
        let message = format!("the folder `{}` was not made: {error}", folder.display());
        Error::new(ErrorKind::Output, message)
    })?;
    let path = |name: &str| folder.join(name).display().to_string();
    match args.name.as_str() {
        "get-data" => get_data(args, interval, &folder, out),
        "process-data" => {
            write_series(args, interval, &folder.join("data.csv"))?;
            let (input, output) = (path("data.csv"), path("data_processed.csv"));
            step(
                ["process-data", "--input", &input, "--output", &output],
                progress,
                out,
            )
        }
        "train-test-split" => {
            let input = path("data_processed.csv");
            let (train, test) = (path("data_train.csv"), path("data_test.csv"));
            let words = [
                "train-test-split",
                "--input",
                &input,
                "--train",
                &train,
                "--test",
                &test,
            ];
            step(words, progress, out)
        }
        "train-model" => {
            let (train, model) = (path("data_train.csv"), path("likes_model.json"));
            step(
                ["train-model", "--train", &train, "--model", &model],
                progress,
                out,
            )
        }
        _ => test_model(args, interval, &folder, progress, out),
    }
}

/// Runs a stage of the command line.
fn step<const N: usize>(words: [&str; N], progress: &Progress, out: &mut impl Write) -> Outcome {
    let cli = Cli::try_parse_from(["youtube_score"].into_iter().chain(words))?;
    app::run(&cli, progress, out)
}

/// Where the files of an interval lie.
pub(super) fn folder_of(folder: &Path, query: &str, interval: Interval) -> PathBuf {
    let word = |c: char| if c.is_alphanumeric() { c } else { '_' };
    // For people, and cut for the file system; the hash tells apart what reads the same then.
    let words: String = query.chars().map(word).take(40).collect();
    let mut hasher = SipHasher13::new();
    hasher.write(query.as_bytes());
    let query = format!("{words}-{:016x}", hasher.finish());
    let time = |at: Timestamp| at.to_string().replace(':', "-");
    let interval = format!("{}_{}", time(interval.start()), time(interval.end()));
    folder.join("intervals").join(query).join(interval)
}

fn get_data(args: &Args, interval: Interval, folder: &Path, out: &mut impl Write) -> Outcome {
    let mut points = Points::open(&args.folder)?;
    let (service, query) = (&args.service, &args.query);
    // The quota is one for all intervals and queries.
    let ledger = args.folder.join("youtube_quota.json");
    let likes =
        |interval, name| collect::likes(service, query, interval, &folder.join(name), &ledger);
    let point = likes(interval, "collected")?;
    let mut all = Vec::new();
    let earlier = points.until(&args.query, interval)?;
    if earlier.iter().all(|earlier| earlier.interval == interval)
        && matches!(service.of_whom()?, Asks::Emulator)
    {
        // YouTube tells of no earlier moment; the emulator does.
        for before in collect::before(interval, HISTORY)? {
            let of = likes(before, "history")?;
            all.push(Point {
                is_history: true,
                ..of
            });
        }
        std::fs::remove_dir_all(folder.join("history")).ok();
    }
    all.push(point);
    points.put(&args.query, &all)?;
    let Point {
        likes, comments, ..
    } = point;
    writeln!(
        out,
        "{likes} likes of {comments} comments of {:?}",
        args.query
    )?;
    if all.len() > 1 {
        writeln!(out, "and {} intervals of history", all.len() - 1)?;
    }
    Ok(())
}

/// The series that the interval learns from: all points up to its own.
fn write_series(args: &Args, interval: Interval, path: &Path) -> Outcome {
    let points = Points::open(&args.folder)?.until(&args.query, interval)?;
    if points.last().is_none_or(|last| last.interval != interval) {
        let message = format!("{interval} has no point");
        return Err(Error::new(ErrorKind::Source, message)
            .with_help("run get-data for it")
            .into());
    }
    if points.len() < FEWEST {
        let message = format!("{} points so far, and {FEWEST} make a line", points.len());
        return Err(NothingToDo(message).into());
    }
    if points.iter().all(|point| point.likes == points[0].likes) {
        return Err(NothingToDo("the likes have not changed yet".to_owned()).into());
    }
    write_whole(path, |file| {
        points
            .iter()
            .try_for_each(|point| writeln!(file, "{}", point.likes))
    })?;
    Ok(())
}

fn test_model(
    args: &Args,
    interval: Interval,
    folder: &Path,
    progress: &Progress,
    out: &mut impl Write,
) -> Outcome {
    let (test, model) = (
        folder.join("data_test.csv"),
        folder.join("likes_model.json"),
    );
    let (test, model) = (test.display().to_string(), model.display().to_string());
    let mut printed = Vec::new();
    let words = ["test-model", "--json", "--test", &test, "--model", &model];
    step(words, progress, &mut printed)?;
    out.write_all(&printed)?;
    let metrics: Value = serde_json::from_slice(&printed)?;
    let number = |name: &str| metrics[name].as_f64();
    let points = Points::open(&args.folder)?;
    let own = points.until(&args.query, interval)?;
    let score = Score {
        start: interval.start(),
        end: interval.end(),
        r2: number("r2"),
        rmse: number("rmse"),
        run: run_of(args, interval),
    };
    // A count of likes is far below 2^53.
    let mut numbers = vec![("likes", own.last().map_or(0, |point| point.likes) as f64)];
    let of_model = ["r2", "rmse", "mae", "max_error"];
    numbers.extend(
        of_model
            .into_iter()
            .filter_map(|name| Some((name, number(name)?))),
    );
    track(args, interval, folder, &score.run, &numbers)?;
    points.put_score(&args.query, &score)?;
    Ok(())
}

/// The name of the tracked run: that of all tries of a run of the schedule, so that one which was
/// cut short leaves no second run behind. A run that is repeated is a new one in the store.
fn run_of(args: &Args, interval: Interval) -> String {
    let mut hasher = WideHasher::new();
    for part in [&args.query, &interval.to_string(), &args.run_started] {
        hasher.write(part.as_bytes());
        hasher.write(&[0]);
    }
    format!("{:032x}", hasher.finish128().as_u128())
}

/// Tracks a run in one write: whole or not at all. Done again, it changes nothing.
fn track(
    args: &Args,
    interval: Interval,
    folder: &Path,
    run: &str,
    numbers: &[(&str, f64)],
) -> floe::Result<()> {
    // What the line was learned from; there may be more points by now.
    let learned = std::fs::read_to_string(folder.join("data.csv")).map_err(|error| {
        let message = format!("the series of {interval} was not read: {error}");
        Error::new(ErrorKind::Source, message).with_help("run process-data for it")
    })?;
    let info = RunInfo::named(format!("{} {}", args.query, interval.start()))
        .tag("interval", interval.to_string())
        .parameter("query", args.query.as_str())
        .parameter("interval_start", interval.start().to_string())
        .parameter("interval_end", interval.end().to_string())
        .parameter("points", learned.lines().count());
    let mut started = Started::new(&info);
    started.surroundings = Some(Surroundings::here());
    let number = |(name, value): &(&str, f64)| What::Metric {
        name: (*name).to_owned(),
        value: Some(*value),
        reason: None,
        step: 0,
    };
    // Numbers are of the interval, and not of the try: the same number of a time is one.
    let at = interval.end().as_millisecond();
    let numbers = numbers.iter().map(|of| Event::at(run, at, number(of)));
    let model = Artifact::copy("model/likes_model.json", folder.join("likes_model.json"));
    let (status, error) = (Status::Finished, None);
    let mut events = vec![Event::now(run, What::Started(Box::new(started)))];
    events.extend(numbers);
    events.push(Event::now(run, What::Artifact(Box::new(model))));
    events.push(Event::now(run, What::Finished { status, error }));
    let tracker = SqliteTracker::open(args.tracking.join("mlflow.db"))?.experiment(EXPERIMENT);
    tracker.record_all(&events)?;
    tracker.flush()
}
