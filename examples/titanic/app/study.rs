//! The comparison: explained, run, printed, saved.

use std::fmt::Display;
use std::fs::create_dir_all;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use floe::flow::Candidates;
use floe::output::write_whole;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::splitter::Assignment;

use super::passengers::{Params, TARGET, every_fifth, source};
use super::{Outcome, sample};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The passengers, as CSV with a header; without it, a made sample
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// Where the model and the table go
    #[arg(long, value_name = "FOLDER", default_value = "titanic_out")]
    out: PathBuf,
    /// Keep every fifth row for the end, in place of a stratified fifth drawn by the seed
    #[arg(long)]
    every_fifth: bool,
    /// Which split and which folds of all the possible ones
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many candidates are fitted at a time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    workers: u8,
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> Outcome {
    if args.every_fifth {
        return compare(args, every_fifth(), out);
    }
    let split = TrainTestSplit::new(0.2).seed(args.seed);
    compare(args, split.stratify_by(TARGET), out)
}

fn compare<D>(args: &Args, split: D, out: &mut impl Write) -> Outcome
where
    D: Splitter<Assignment = Assignment> + Clone,
{
    let shipped = PathBuf::from(sample::PATH);
    let path = args.train.as_ref().unwrap_or(&shipped);
    if args.train.is_none() {
        writeln!(out, "no --train: a made sample, {}\n", path.display())?;
    }
    let flow = source(path).split(split);
    writeln!(out, "{}", flow.split_report([TARGET])?)?;
    let sweep = flow
        .sweep(
            StratifiedKFold::new(5, TARGET).seed(args.seed),
            Candidates::list(Params::all()),
            |flow, params| flow.then(params.steps()).learn(params.estimator()),
        )
        .rank_by("accuracy")
        .workers(args.workers.into())
        .on_progress(|progress| {
            if std::io::stderr().is_terminal() {
                eprint!(
                    "\r{} of {}, about {} s left \u{1b}[K",
                    progress.done,
                    progress.of,
                    progress.remaining.as_secs()
                );
            }
        });
    writeln!(out, "{}", sweep.explain()?)?;
    let study = sweep.run()?;
    if std::io::stderr().is_terminal() {
        eprint!("\r\u{1b}[K");
    }
    titled(
        out,
        "The candidates, by their accuracy over the folds",
        &study,
    )?;
    let run = study.best_run()?;
    writeln!(out, "What the steps of the best one learned")?;
    let learned = run.model().step_reports();
    for (step, report) in learned.iter().filter(|(_, report)| !report.is_null()) {
        writeln!(out, "{step}: {}", shortened(&report.to_string()))?;
    }
    writeln!(out)?;
    titled(out, "On the rows that were kept", run.metrics())?;
    if let Some(confusion) = run.metrics().confusion() {
        titled(out, "\nConfusion", confusion)?;
    }
    for warning in study.warnings() {
        writeln!(out, "warning: {warning}")?;
    }
    create_dir_all(&args.out)?;
    let (model, table) = (args.out.join("model.json"), args.out.join("candidates.csv"));
    run.model().save(&model)?;
    let mut text = Vec::new();
    CsvWriter::new(&mut text).finish(&mut study.table()?)?;
    write_whole(&table, |file| file.write_all(&text))?;
    writeln!(out, "\nsaved {} and {}", model.display(), table.display())?;
    Ok(())
}

fn titled(out: &mut impl Write, title: &str, what: impl Display) -> std::io::Result<()> {
    writeln!(out, "{title}\n{what}")
}

/// A line of what was learned, cut where it gets long.
fn shortened(text: &str) -> String {
    const MOST: usize = 300;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
