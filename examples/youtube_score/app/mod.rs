//! The stages of the job and what they share. The tests of the crate take this folder in too.

mod asked;
mod collect;
mod files;
mod get_data;
mod print;
mod progress;
mod report;
mod run;
mod sample;
mod schedule;
mod series;
mod server;
mod stages;
mod tracking;

use std::error::Error;
use std::io::Write;

use clap::{Parser, Subcommand};
use floe::ErrorKind;

#[cfg(test)]
pub(crate) use collect::world;
pub(crate) use progress::Progress;

/// What a stage ends in: any error is printed with its causes.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "youtube_score",
    about = ABOUT,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = EXAMPLES,
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    run: run::Args,
}

// One text for `-h` and `--help`: with two, clap sets the long one with a blank line an option.
const ABOUT: &str = "\
Learns how the likes of a YouTube query change from hour to hour.

It collects the comments of the found videos and sums their likes, an hour each; scales the sums to \
0..1, keeps a share of the hours for the score, fits a line (hour -> likes) to the others, and tells \
how well it predicts the hours that it has not seen. Without a command all of it runs at once. With a \
key of the YouTube Data API it asks YouTube; without one, a built-in emulator.";

const EXAMPLES: &str = "\
Examples (put `cargo run --example` before, and `--` after `youtube_score`):
  youtube_score                                   all of it, on two days of the emulator
  youtube_score                                   once more: one more hour
  youtube_score --api-key-file key.txt            all of it, on YouTube; a snapshot an hour
  youtube_score --score trimmed                   a value that no single comment moves
  youtube_score --input data.csv --out results    on your own like sums, one a line
  youtube_score --like-the-original --json        scaled before the split, as JSON
  youtube_score runs --best-by r2                 what all runs came to, the best first

The same in stages; the files have no header:
  youtube_score get-data --query \"Mission Impossible\" --out data.csv
  youtube_score process-data --input data.csv --output data_processed.csv
  youtube_score train-test-split --input data_processed.csv --train train.csv --test test.csv
  youtube_score train-model --train train.csv --model model.json
  youtube_score test-model --test test.csv --model model.json

All of it every hour, or every two seconds to look at:
  youtube_score schedule --cron \"0 * * * *\" --time-zone Europe/Stockholm
  youtube_score schedule --every 2s --runs 5
  youtube_score status --html status.html
  youtube_score rerun 2026-11-25T22:00:00Z --from-stage train-model
  youtube_score export-airflow --output dags/youtube_score.py";

#[derive(Debug, Subcommand)]
enum Command {
    /// Does all of it at once (the default)
    Run(run::Args),
    /// Collects a snapshot of a query's comments and appends its like sum to a file
    GetData(get_data::Args),
    /// Scales like sums to 0..1: reads `likes`, writes `index,value`
    ProcessData(stages::ProcessArgs),
    /// Splits the lines of an `index,value` file into two files
    TrainTestSplit(stages::SplitArgs),
    /// Fits the line to an `index,value` file and saves it
    TrainModel(stages::TrainArgs),
    /// Scores a saved line on an `index,value` file
    TestModel(stages::TestArgs),
    /// Lists the runs that were tracked, with their parameters and scores
    Runs(tracking::RunsArgs),
    /// Tells an MLflow server what waits for it since it was away
    Sync(server::SyncArgs),
    /// Writes the sample anew, or another one like it
    MakeSample(sample::Args),
    #[command(flatten)]
    Scheduled(schedule::Command),
}

/// Runs what the command line asks for and prints its result to `out`.
pub(crate) fn run(cli: &Cli, progress: &Progress, out: &mut impl Write) -> Outcome {
    match &cli.command {
        None => run::run(&cli.run, progress, out),
        Some(Command::Run(args)) => run::run(args, progress, out),
        Some(Command::GetData(args)) => get_data::run(args, progress, out),
        Some(Command::ProcessData(args)) => stages::process_data(args, progress, out),
        Some(Command::TrainTestSplit(args)) => stages::split(args, progress, out),
        Some(Command::TrainModel(args)) => stages::train(args, progress, out),
        Some(Command::TestModel(args)) => stages::test(args, progress, out),
        Some(Command::Runs(args)) => tracking::runs(args, out),
        Some(Command::Sync(args)) => server::sync(args, out),
        Some(Command::MakeSample(args)) => sample::run(args, out),
        Some(Command::Scheduled(command)) => schedule::run(command, progress, out),
    }
}

/// The exit code of an error: stages of the schedule tell by it whether to try again.
pub(crate) fn code(cli: &Cli, error: &(dyn Error + 'static)) -> u8 {
    match &cli.command {
        Some(Command::Scheduled(command)) => schedule::code(command, error),
        _ => 1,
    }
}

/// What a person at the command line can do about an error.
fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Source | ErrorKind::Schema | ErrorKind::Config => {
            "; correct the file: comma-separated, without a header, numbers only"
        }
        ErrorKind::Fit | ErrorKind::Apply | ErrorKind::Predict | ErrorKind::Score => {
            "; take such rows out of the file, or bring more rows"
        }
        _ => "",
    }
}

/// An error with its causes, but for those that it tells already.
pub(crate) fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let ours = error.downcast_ref::<floe::Error>();
    if let Some(stage) = ours.and_then(floe::Error::stage) {
        // All settings of a stage are more than a person wants to read here.
        text = text.replace(stage, print::name(stage));
    }
    if let Some(ours) = ours
        && let Some(help) = ours.help()
        && help.contains("`.")
    {
        // The library says which call of Rust helps; here the file is what a person can change.
        text = text.replace(&format!("; {help}"), advice(ours.kind()));
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        let line = line.lines().next().unwrap_or_default();
        if !text.contains(line) {
            text.push_str("\n  caused by: ");
            text.push_str(line);
        }
        cause = error.source();
    }
    text
}
