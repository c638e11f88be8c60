//! All of the job as one typed flow.

use std::io::Write;
use std::path::{Path, PathBuf};

use floe::estimator::{LinearModel, PREDICTION};
use floe::flow::{Divided, Holdout};
use floe::learn::Plan;
use floe::prelude::*;
use floe::tracker::{RunLog, SqliteTracker};
use floe::{Error, ErrorKind, Flow, Run};

use super::files::{INDEX, LIKES, likes, refuse_one_file, stage_values};
use super::progress::Progress;
use super::report::Report;
use super::stages::scaler;
use super::tracking::{self, Tracking};
use super::{Outcome, sample};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Like sums, one a line [default: the sample]
    #[arg(long, value_name = "FILE")]
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
    let source = likes(args.input.as_deref().unwrap_or(Path::new(sample::PATH)))?;
    let split = TrainTestSplit::new(args.test_share).seed(args.seed);
    if args.like_the_original {
        let flow = floe::from(source).fit_before_split(scaler()).split(split);
        learn(flow, args, progress, out)
    } else {
        let flow = floe::from(source).split(split).on_target(scaler());
        learn(flow, args, progress, out)
    }
}

fn learn<S, P, T>(
    flow: Flow<Divided<Holdout<S, TrainTestSplit>, P, T>>,
    args: &Args,
    progress: &Progress,
    out: &mut impl Write,
) -> Outcome
where
    S: Source + Clone,
    P: Plan + Clone,
    T: Plan + Clone,
    T::Fitted: Invert,
{
    let lines = args.track.as_ref().map(JsonLinesTracker::append);
    let store = args.tracking.tracker()?;
    let linear = flow
        .clone()
        .learn(LinearRegression::new([INDEX], LIKES))
        .track_as(tracking::info(format!("line, seed {}", args.seed)))
        .track((lines.transpose()?, store.clone()));
    let explain = linear.explain()?;
    progress.say("fitting and scoring the line");
    let run = linear.run()?;
    let mut warnings = run.warnings().to_vec();
    progress.say("scoring the baseline");
    let baseline = flow
        .learn(MeanRegressor::new(LIKES))
        .track_as(tracking::info("always the mean").nested_in(run.id()))
        .track(store.clone())
        .run()?;
    if let Some(folder) = &args.out {
        progress.say("writing");
        write::<P, T>(&run, folder)?;
        let kept = store.map_or(Ok(()), |store| keep(&store, run.id(), folder));
        warnings.extend(kept.err().map(|error| format!("tracking: {error}")));
    }
    let result = Report::<'_, P, T> {
        args,
        run: &run,
        baseline: baseline.metrics(),
        scaled_baseline: baseline.scaled_metrics(),
        explain: &explain,
        warnings: &warnings,
    };
    if args.json {
        result.json(out)
    } else {
        result.table(out)
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
