//! The job every hour: its schedule, the orders to it, and how it stands.

mod collect;
mod job;
mod orders;
mod points;
mod show;
mod stages;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use floe::schedule::{AnotherInstance, CatchUp, Hook, Scheduler, State, Stop, exit_code};

pub(crate) use stages::NothingToDo;

use super::Outcome;
use super::progress::Progress;
use job::Job;

/// Where all of it lives.
#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// Folder for the state of the schedule, the points and what stages make
    #[arg(long, value_name = "FOLDER", default_value = "youtube_schedule")]
    folder: PathBuf,
}

impl Folder {
    fn state(&self) -> PathBuf {
        self.folder.join("state")
    }
}

#[derive(Debug, Args)]
pub(crate) struct ScheduleArgs {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    job: job::Args,
    /// End after so many intervals, with those that an earlier start left [default: never]
    #[arg(long, value_name = "COUNT")]
    runs: Option<usize>,
    /// What becomes of intervals that ended while nobody was there
    #[arg(long, value_enum, default_value_t = Missed::Latest)]
    catch_up: Missed,
    /// How long the running stage may go on after Ctrl-C, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    grace: u64,
}

/// The words of the command line for a catch-up.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Missed {
    /// Each of them is run
    All,
    /// The newest is run
    Latest,
    /// None is run
    Skip,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the whole job for every interval until it is told to stop
    Schedule(ScheduleArgs),
    /// Shows the runs, their stages and tries, and what comes next
    Status(show::Args),
    /// Runs the job for the intervals of a range
    Backfill(orders::BackfillArgs),
    /// Runs an interval again; its point is replaced
    Rerun(orders::RerunArgs),
    /// Stops starting anything, until `resume`
    Pause(orders::PauseArgs),
    /// Goes on after a pause
    Resume(Folder),
    /// Prints what a stage printed
    Logs(show::LogArgs),
    /// Writes the schedule as a DAG file for Airflow 3
    ExportAirflow(orders::ExportArgs),
    /// One stage for one interval, as the schedule and Airflow call it
    #[command(hide = true)]
    Stage(stages::Args),
}

pub(crate) fn run(command: &Command, progress: &Progress, out: &mut impl Write) -> Outcome {
    match command {
        Command::Schedule(args) => keep(args, progress, out),
        Command::Status(args) => show::status(args, out),
        Command::Backfill(args) => orders::backfill(args, out),
        Command::Rerun(args) => orders::rerun(args, out),
        Command::Pause(args) => orders::pause(args, out),
        Command::Resume(folder) => orders::resume(folder, out),
        Command::Logs(args) => show::logs(args, out),
        Command::ExportAirflow(args) => orders::export(args, out),
        Command::Stage(args) => stages::run(args, progress, out),
    }
}

fn keep(args: &ScheduleArgs, progress: &Progress, out: &mut impl Write) -> Outcome {
    let job = Job::new(&args.folder, &args.job)?;
    let catch_up = match args.catch_up {
        Missed::All => CatchUp::All,
        Missed::Latest => CatchUp::Latest,
        Missed::Skip => CatchUp::Skip,
    };
    let said = |word: &'static str| {
        Hook::call(move |notice| {
            let message = notice.message.as_deref().unwrap_or_default();
            eprintln!("{} {word} {message}", notice.interval);
            Ok(())
        })
    };
    let schedule = job.schedule(args.job.timing())?.catch_up(catch_up);
    let schedule = schedule
        .on_success(said("succeeded"))
        .on_failure(said("failed"))
        .on_retry(said("is tried again:"));
    let state = State::open(args.folder.state())?;
    if !state.is_kept()? {
        // Of a schedule that another process keeps, orders go on as that one says.
        job.remember(&args.folder)?;
    }
    let stop = Stop::on_signals()?;
    progress.say("waiting for the next interval; Ctrl-C ends it");
    let mut scheduler = Scheduler::new(&schedule, &state)
        .stop_by(&stop)
        .stop_grace(Duration::from_secs(args.grace));
    if let Some(runs) = args.runs {
        scheduler = scheduler.intervals(runs);
    }
    let done = scheduler.run()?;
    job.remember(&args.folder)?;
    show::table(&args.folder, args.runs.unwrap_or(10), out)?;
    writeln!(
        out,
        "\n{} succeeded, {} failed, {} put back after a kill, {} cut short",
        done.succeeded, done.failed, done.recovered, done.interrupted
    )?;
    Ok(())
}

/// The exit code of an error: that of stages says whether to try again.
pub(crate) fn code(command: &Command, error: &(dyn std::error::Error + 'static)) -> u8 {
    if error.is::<NothingToDo>() {
        return exit_code::SKIPPED;
    }
    let Some(ours) = error.downcast_ref::<floe::Error>() else {
        return 1;
    };
    let source = std::error::Error::source(ours);
    if source.is_some_and(|source| source.is::<AnotherInstance>()) {
        return exit_code::ANOTHER_INSTANCE;
    }
    match command {
        Command::Stage(_) => exit_code::of(ours),
        _ => 1,
    }
}
