//! The like-count job: hourly like sums, scaled to 0..1, and a line fitted over the hours.
//!
//! `cargo run --example youtube_score` runs all of it on a sample;
//! `cargo run --example youtube_score -- --help` tells the rest.

mod app;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = app::Cli::parse();
    // What is printed is short, and printed only once all of the work is done.
    let mut text = Vec::new();
    let progress = app::Progress::on_a_terminal();
    let done = app::run(&cli, &progress, &mut text);
    // The line of progress goes away before anything else is said.
    drop(progress);
    if let Err(error) = done {
        eprintln!("error: {}", app::told(error.as_ref()));
        return ExitCode::from(app::code(&cli, error.as_ref()));
    }
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(&text).and_then(|()| stdout.flush()) {
        // `| head -1` has seen enough, and that is no failure.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("error: the result was not printed: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
