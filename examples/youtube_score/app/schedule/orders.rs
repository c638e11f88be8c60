//! Orders to the schedule: carried out by the process that keeps it, or here if there is none.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use floe::jiff::Timestamp;
use floe::schedule::airflow::Export;
use floe::schedule::{CatchUp, Interval, Reprocess, RunView, Schedule, Scheduler, State, Stop};
use floe::{Error, ErrorKind};

use super::super::Outcome;
use super::job::{self, Job};
use super::{Folder, show};

#[derive(Debug, clap::Args)]
pub(crate) struct BackfillArgs {
    #[command(flatten)]
    folder: Folder,
    /// The first moment of the range, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Timestamp,
    /// The first moment after the range
    #[arg(long, value_name = "TIME")]
    to: Timestamp,
    /// Which of the runs that there are already to repeat
    #[arg(long, value_enum, default_value_t = Again::None)]
    again: Again,
}

/// The words of the command line for what is repeated.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Again {
    /// None of them
    None,
    /// Those that failed
    Failed,
    /// All that have ended
    Completed,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RerunArgs {
    #[command(flatten)]
    folder: Folder,
    /// The first moment of the interval
    #[arg(value_name = "TIME")]
    pub(super) start: Timestamp,
    /// The stage to begin with [default: the first]
    #[arg(long, value_name = "STAGE")]
    from_stage: Option<String>,
    /// The query, where the schedule has several
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    folder: Folder,
    /// Why, for whoever looks
    #[arg(long, value_name = "TEXT", default_value = "by hand")]
    because: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    job: job::Args,
    /// Where the DAG file goes
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The first interval begins then or after, and all since are caught up
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
}

pub(super) fn backfill(args: &BackfillArgs, out: &mut impl Write) -> Outcome {
    let (schedule, state) = Job::kept_schedule(&args.folder)?;
    let reprocess = match args.again {
        Again::None => Reprocess::None,
        Again::Failed => Reprocess::Failed,
        Again::Completed => Reprocess::Completed,
    };
    let queued = schedule.backfill(&state, args.from, args.to, reprocess)?;
    writeln!(
        out,
        "{} new runs, {} repeated, {} left as they are",
        queued.new, queued.repeated, queued.left
    )?;
    carry_out(&schedule, &state, out)
}

pub(super) fn rerun(args: &RerunArgs, out: &mut impl Write) -> Outcome {
    let (schedule, state) = Job::kept_schedule(&args.folder)?;
    let (interval, run) = find(&args.folder, &state, args.start, args.query.as_deref())?;
    schedule.rerun(
        &state,
        interval,
        &run.parameters,
        args.from_stage.as_deref(),
    )?;
    writeln!(out, "{interval} is repeated")?;
    carry_out(&schedule, &state, out)
}

/// The run of the interval that begins at a moment.
pub(super) fn find(
    folder: &Folder,
    state: &State,
    start: Timestamp,
    query: Option<&str>,
) -> floe::Result<(Interval, RunView)> {
    let parameters = Job::kept(folder)?.parameters(query)?;
    let run = state.run_from(start, &parameters)?.ok_or_else(|| {
        let message = format!("no interval with a run begins at {start}");
        Error::new(ErrorKind::Schedule, message).with_help("`status` lists them")
    })?;
    Ok((run.interval, run))
}

/// Leaves the order to the process that keeps the schedule, or carries it out.
fn carry_out(schedule: &Schedule, state: &State, out: &mut impl Write) -> Outcome {
    if state.is_kept()? {
        writeln!(out, "the running schedule carries it out")?;
        return Ok(());
    }
    let stop = Stop::on_signals()?;
    let done = Scheduler::new(schedule, state)
        .stop_by(&stop)
        .only_orders()
        .run()?;
    writeln!(out, "{} succeeded, {} failed", done.succeeded, done.failed)?;
    Ok(())
}

pub(super) fn pause(args: &PauseArgs, out: &mut impl Write) -> Outcome {
    State::existing(args.folder.state())?.pause(&args.because)?;
    writeln!(out, "paused: nothing more is started until `resume`")?;
    Ok(())
}

pub(super) fn resume(folder: &Folder, out: &mut impl Write) -> Outcome {
    let state = State::existing(folder.state())?;
    state.resume()?;
    match state.overview(0)?.next {
        Some(next) => writeln!(out, "goes on; the next run is due at {}", next.end())?,
        None => writeln!(out, "goes on")?,
    }
    if !state.is_kept()? {
        writeln!(out, "no process keeps the schedule now: start `schedule`")?;
    }
    Ok(())
}

pub(super) fn export(args: &ExportArgs, out: &mut impl Write) -> Outcome {
    let job = Job::new(&args.folder, &args.job)?;
    let mut schedule = job.schedule(args.job.timing())?;
    if let Some(start) = args.start {
        schedule = schedule.start(start).catch_up(CatchUp::All);
    }
    Export::new(&schedule).write(&args.output)?;
    writeln!(out, "written to {}", args.output.display())?;
    show::pools(&schedule, out)?;
    Ok(())
}
