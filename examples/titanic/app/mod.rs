//! The example, apart from its `main`: the tests of the crate take this folder in too.

pub(crate) mod passengers;
pub(crate) mod sample;
mod study;

use std::error::Error;
use std::io::Write;

use clap::{Parser, Subcommand};

/// Any error is printed with its causes.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "titanic", about = ABOUT, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    study: study::Args,
}

const ABOUT: &str = "\
Learns who survives, from a table of passengers with gaps, texts and outliers.

A part of the rows is kept for the end. Several models, with several ways to fill the missing ages, \
are compared by 5-fold cross-validation on the other rows; the best one is fitted again and scored \
once on the rows that were kept. Without --train, the table is a made sample.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes the sample anew, or another one like it
    MakeSample(sample::Args),
}

pub(crate) fn run(cli: &Cli, out: &mut impl Write) -> Outcome {
    match &cli.command {
        Some(Command::MakeSample(args)) => sample::run(args, out),
        None => study::run(&cli.study, out),
    }
}

/// An error with its causes, as one line each.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str("\n  caused by: ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
