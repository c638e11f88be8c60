//! All of the job as one typed flow.

use std::io::Write;
use std::path::{Path, PathBuf};

use floe::estimator::{LinearModel, PREDICTION};
use floe::flow::{Divided, Holdout};
use floe::learn::Plan;
use floe::prelude::*;
use floe::tracker::{RunLog, SqliteTracker};
use floe::{Error, ErrorKind, Flow, Run};

use serde_json::json;

use super::asked::{Asked, Score};
use super::collect::{Collection, Want, collect};
use super::files::{INDEX, LIKES, likes, refuse_one_file, stage_values};
use super::progress::Progress;
use super::report::Report;
use super::server::Server;
use super::stages::scaler;
use super::tracking::{self, Tracking};
use super::{Outcome, get_data, print, series};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) asked: Asked,
    /// How many hours the emulator is asked for in all; one more at least
    #[arg(long, value_name = "N", default_value_t = 48)]
    hours: u32,
    /// How the likes of an hour's comments become its value; `trimmed` is moved by no single comment
    #[arg(long, value_enum, default_value_t = Score::Sum)]
    pub(crate) score: Score,
    /// Like sums of your own, one a line, in place of a collection
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "query", "videos", "pages", "since", "data", "api_key_file", "api_url", "emulator",
            "hours", "score",
        ]
    )]
    pub(crate) input: Option<PathBuf>,
    /// Share of the hours kept for the score, between 0 and 1
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.3,
        allow_negative_numbers = true
    )]
    test_share: f64,
    /// Which split of all the possible ones
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Learn the scale from all hours before the split, test hours included
    #[arg(long)]
    pub(crate) like_the_original: bool,
    /// Folder for the model, both sides of the split and the predictions
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Append the events of the run to a file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    track: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) tracking: Tracking,
    #[command(flatten)]
    server: Server,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args, progress: &Progress, out: &mut impl Write) -> Outcome {
    if let Some(folder) = &args.out {
        check_folder(folder)?;
    }
    let read = args.input.as_deref().map(|path| ("--input", path));
    let written = args.track.as_deref().map(|path| ("--track", path));
    refuse_one_file(&read.into_iter().chain(written).collect::<Vec<_>>())?;
    let mut job = Job {
        args,
        store: None,
        untracked: None,
        collection: None,
        progress,
    };
    // A store that cannot be opened is no reason to do without the score.
    match args.tracking.tracker() {
        Ok(store) => job.store = store,
        Err(error) => job.untracked = Some(format!("tracking: {error}")),
    }
    if let Some(input) = &args.input {
        return job.split(likes(input)?, out);
    }
    let collection = collect(&args.asked, Want::Hours(args.hours), None, progress)?;
    let values = series::of(&collection.landing, args.score)?;
    if values.len() < HOURS {
        return too_few(args, &collection, HOURS - values.len(), out);
    }
    job.collection = Some(&collection);
    job.split(InMemory::new(series::frame(&values)?), out)
}

/// A line, and a score of it, say nothing about fewer hours.
const HOURS: usize = 10;

/// Says what was collected and what is still missing, which is no failure.
fn too_few(args: &Args, collection: &Collection, missing: usize, out: &mut impl Write) -> Outcome {
    if args.json {
        let collected = get_data::as_json(collection, &args.asked)?;
        print::json(
            out,
            &json!({ "collected": collected, "missing_hours": missing }),
        )?;
    } else {
        get_data::table(collection, &args.asked, out)?;
        writeln!(
            out,
            "\nA score needs {HOURS} hours: {missing} more hourly snapshots. Run this again every hour."
        )?;
    }
    Ok(())
}

/// What the parts of the job share.
struct Job<'a> {
    args: &'a Args,
    store: Option<SqliteTracker>,
    /// Why there is none although one was asked for.
    untracked: Option<String>,
    collection: Option<&'a Collection>,
    progress: &'a Progress,
}

impl Job<'_> {
    fn split<S: Source + Clone>(&self, source: S, out: &mut impl Write) -> Outcome {
        let split = TrainTestSplit::new(self.args.test_share).seed(self.args.seed);
        if self.args.like_the_original {
            self.learn(
                floe::from(source).fit_before_split(scaler()).split(split),
                out,
            )
        } else {
            self.learn(floe::from(source).split(split).on_target(scaler()), out)
        }
    }

    fn learn<S, P, T>(
        &self,
        flow: Flow<Divided<Holdout<S, TrainTestSplit>, P, T>>,
        out: &mut impl Write,
    ) -> Outcome
    where
        S: Source + Clone,
        P: Plan + Clone,
        T: Plan + Clone,
        T::Fitted: Invert,
    {
        let (args, store) = (self.args, &self.store);
        let lines = args.track.as_ref().map(JsonLinesTracker::append);
        let server = args.server.tracker()?;
        let linear = flow
            .clone()
            .learn(LinearRegression::new([INDEX], LIKES))
            .track_as(tracking::info(format!("line, seed {}", args.seed)))
            .track((lines.transpose()?, store.clone(), server.clone()));
        let explain = linear.explain()?;
        self.progress.say("fitting and scoring the line");
        let run = linear.run()?;
        let mut warnings = run.warnings().to_vec();
        warnings.extend(self.untracked.clone());
        self.progress.say("scoring the baseline");
        let baseline = flow
            .learn(MeanRegressor::new(LIKES))
            .track_as(tracking::info("always the mean").nested_in(run.id()))
            .track((store.clone(), server))
            .run()?;
        if let Some(folder) = &args.out {
            self.progress.say("writing");
            write::<P, T>(&run, folder)?;
            let kept = store.as_ref();
            let kept = kept.map_or(Ok(()), |store| keep(store, run.id(), folder));
            warnings.extend(kept.err().map(|error| format!("tracking: {error}")));
        }
        let result = Report::<'_, P, T> {
            args,
            collection: self.collection,
            run: &run,
            baseline: baseline.metrics(),
            scaled_baseline: baseline.scaled_metrics(),
            explain: &explain,
            warnings: &warnings,
            is_tracked: store.is_some(),
        };
        if args.json {
            result.json(out)
        } else {
            result.table(out)
        }
    }
}

/// Keeps the files of a run beside what it told by itself.
fn keep(store: &SqliteTracker, run: &str, folder: &Path) -> floe::Result<()> {
    let log = RunLog::of(store, run);
    // The model is there already.
    for name in &FILES[1..] {
        log.copy(format!("data/{name}"), folder.join(name))?;
    }
    store.flush()
}

pub(crate) const FILES: [&str; 4] = [
    "likes_model.json",
    "data_train.csv",
    "data_test.csv",
    "predictions.csv",
];

/// A folder that is not there is told of before the work, not after it.
fn check_folder(folder: &Path) -> floe::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let what = if folder.exists() {
        "is not a folder"
    } else {
        "does not exist"
    };
    let message = format!("`{}` {what}", folder.display());
    Err(Error::new(ErrorKind::Output, message).with_help("make the folder first"))
}

fn write<P, T>(run: &Run<P::Fitted, T::Fitted, LinearModel>, folder: &Path) -> floe::Result<()>
where
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
{
    let [model, train, test, predictions] = FILES.map(|name| folder.join(name));
    let scaled = run.model().pipeline().target_steps();
    // Files of two runs do not mix: all are written before one is put.
    let files = [
        stage_values(&train, &scaled.apply(run.train().lazy())?.collect()?, LIKES)?,
        stage_values(&test, &scaled.apply(run.test().lazy())?.collect()?, LIKES)?,
        stage_values(&predictions, &run.predictions()?.collect()?, PREDICTION)?,
    ];
    run.model().save(model)?;
    files.into_iter().try_for_each(|file| file.put())
}
