//! Who survived: a dirty table, several models compared, the best one kept.
//!
//! `cargo run --example titanic` runs all of it on a made sample;
//! `cargo run --example titanic -- --help` tells the rest.

mod app;

use std::error::Error;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = app::Cli::parse();
    let mut out = std::io::stdout().lock();
    let done = app::run(&cli, &mut out).and_then(|()| Ok(out.flush()?));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // `titanic | head` is no failure.
        Err(error) if is_closed_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", app::told(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Whether nobody reads what is printed any more.
fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
