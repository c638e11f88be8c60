//! The job as a schedule: five stages, each this program anew.

use std::path::{Path, PathBuf};
use std::time::Duration;

use floe::output::write_whole;
use floe::schedule::{self, Parameters, Retry, Schedule, Stage, State, Timing};
use floe::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::super::asked::Service;
use super::Folder;

/// The stages in their order, as the original named them.
pub(super) const STAGES: [&str; 5] = [
    "get-data",
    "process-data",
    "train-test-split",
    "train-model",
    "test-model",
];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long an interval is: 2s, 5min, 1h
    #[arg(long, value_name = "PERIOD", value_parser = period, conflicts_with = "cron")]
    every: Option<Duration>,
    /// When intervals end, as minute, hour, day, month and weekday [default: `0 * * * *`]
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<String>,
    /// The zone of the cron expression
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    time_zone: String,
    /// What to search YouTube for; several are mapped, a run for each in every interval
    #[arg(
        long = "query",
        value_name = "TEXT",
        default_value = "Mission Impossible"
    )]
    queries: Vec<String>,
    #[command(flatten)]
    service: Service,
    /// A schedule keeps the like sum of each interval, and no other score
    #[arg(long, value_name = "SCORE", hide = true, value_parser = only_the_sum)]
    score: Option<()>,
    /// Folder for mlflow.db and mlartifacts/
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    tracking: PathBuf,
    /// The program whose stages are run [default: this one]
    #[arg(long, value_name = "FILE", hide = true)]
    program: Option<PathBuf>,
}

fn only_the_sum(text: &str) -> std::result::Result<(), String> {
    match text {
        "sum" => Ok(()),
        _ => {
            Err("a schedule keeps the like sum of each interval; `run` knows the others".to_owned())
        }
    }
}

fn period(text: &str) -> std::result::Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "min" | "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("write a number and `s`, `min`, `h` or `d`, such as 2s".to_owned()),
    };
    let count: u64 = count
        .parse()
        .map_err(|_| "begin with a number, such as 2s".to_owned())?;
    let seconds = count.checked_mul(seconds).filter(|seconds| *seconds > 0);
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "that is no period".to_owned())
}

impl Args {
    pub(super) fn timing(&self) -> Timing {
        let schedule = match (&self.every, &self.cron) {
            (Some(period), _) => Schedule::every(*period),
            (None, cron) => Schedule::cron(cron.as_deref().unwrap_or("0 * * * *")),
        };
        schedule.time_zone(&self.time_zone).timing().clone()
    }
}

/// What the stages are told, kept beside the state so that later orders say the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Job {
    queries: Vec<String>,
    tracking: PathBuf,
    pub(super) folder: PathBuf,
    program: Option<PathBuf>,
    /// How much `get-data` collects and of whom, as options of its command line.
    #[serde(default)]
    service: Vec<String>,
}

const FILE: &str = "job.json";

impl Job {
    pub(super) fn new(folder: &Folder, args: &Args) -> Result<Self> {
        // Stages may work in another folder, as under Airflow.
        let whole = |path: &Path| {
            std::path::absolute(path).map_err(|error| {
                let message = format!("`{}` is no path: {error}", path.display());
                Error::new(ErrorKind::Config, message)
            })
        };
        let job = Self {
            queries: args.queries.clone(),
            tracking: whole(&args.tracking)?,
            folder: whole(&folder.folder)?,
            program: args.program.as_deref().map(whole).transpose()?,
            service: args.service.words()?,
        };
        // A key that cannot be read is told of now, and not at the end of the first interval.
        args.service.of_whom()?;
        for path in [&job.tracking, &job.folder] {
            std::fs::create_dir_all(path).map_err(|error| {
                let message = format!("the folder `{}` was not made: {error}", path.display());
                Error::new(ErrorKind::Output, message)
            })?;
        }
        Ok(job)
    }

    /// The job that was kept last in a folder.
    pub(super) fn kept(folder: &Folder) -> Result<Self> {
        let path = folder.folder.join(FILE);
        let unreadable = |error: String| {
            Error::new(ErrorKind::Config, format!("`{}`: {error}", path.display()))
                .with_help("start `schedule` there first")
        };
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))
    }

    pub(super) fn remember(&self, folder: &Folder) -> Result<()> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        write_whole(folder.folder.join(FILE), |file| writeln!(file, "{text}"))
    }

    /// All that the job is, at these times.
    pub(super) fn schedule(&self, timing: Timing) -> Result<Schedule> {
        let stage = |name: &str| {
            let stage = match &self.program {
                Some(program) => Stage::command(name, program),
                None => Stage::this_program(name),
            };
            let (folder, tracking) = (text(&self.folder)?, text(&self.tracking)?);
            let stage = stage.args([
                "stage",
                name,
                "--folder",
                folder,
                "--tracking",
                tracking,
                "--query",
                "{parameter.query}",
                "--interval-start",
                "{interval_start}",
                "--interval-end",
                "{interval_end}",
                "--run-started",
                "{run_started}",
            ]);
            Ok(if name == STAGES[0] {
                let stage = stage.args(self.service.iter().cloned());
                // The service may be away for a while, and its quota is shared by all queries.
                let retry = Retry::times(4).delay(Duration::from_secs(2));
                stage
                    .retry(retry)
                    .timeout(Duration::from_mins(10))
                    .pool("youtube")
            } else {
                stage.timeout(Duration::from_mins(2))
            })
        };
        let stages = STAGES.map(stage).into_iter().collect::<Result<Vec<_>>>()?;
        let queries = self
            .queries
            .iter()
            .map(|query| Parameters::new().with("query", query));
        let job = schedule::Job::chain(stages).map(queries).at_once(2);
        Ok(Schedule::new(timing)
            .name("youtube_score")
            .retry(Retry::times(1).delay(Duration::from_secs(1)))
            .pool("youtube", 1)
            .grace(Duration::from_secs(5))
            .job(job))
    }

    /// The schedule that was kept last in a folder, and its state.
    pub(super) fn kept_schedule(folder: &Folder) -> Result<(Schedule, State)> {
        let state = State::existing(folder.state())?;
        let definition = state.definition()?;
        let schedule = Self::kept(folder)?.schedule(definition.timing)?;
        Ok((schedule.catch_up(definition.catch_up), state))
    }

    /// The parameters of the run of a query; of the only one where none is said.
    pub(super) fn parameters(&self, query: Option<&str>) -> Result<Parameters> {
        let query = match (query, self.queries.as_slice()) {
            (Some(query), _) => query,
            (None, [only]) => only,
            (None, _) => {
                let message = "the schedule has several queries";
                return Err(
                    Error::new(ErrorKind::Config, message).with_help("name one with --query")
                );
            }
        };
        Ok(Parameters::new().with("query", query))
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            format!("`{}` is no text", path.display()),
        )
    })
}
