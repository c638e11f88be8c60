//! The DAG file, line by line.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::python::{delta, of_parameter, quoted, rendered, string, variables, word};
use crate::error::{Error, ErrorKind, Result};
use crate::schedule::job::work::Work;
use crate::schedule::{CatchUp, Parameters, Retry, Schedule, Stage, Timing, exit_code};

/// Where a schedule without a first interval begins in Airflow, which must have one.
const LONG_AGO: &str = "2020-01-01T00:00:00Z";

pub(super) fn dag(schedule: &Schedule, program: Option<&Path>) -> Result<String> {
    let timetable = timetable(&schedule.timing)?;
    // The parameters of a single run need no mapping.
    let mapped = schedule
        .job
        .parameters
        .as_deref()
        .filter(|runs| runs.len() > 1);
    let mut out = String::new();
    // Writing to a `String` does not fail.
    let _ = heading(&mut out, schedule);
    let kind = timetable.split('(').next().unwrap_or_default();
    let group = if mapped.is_some() { ", task_group" } else { "" };
    out.push_str("from datetime import datetime, timedelta, timezone\n\n");
    out.push_str("from airflow.providers.standard.operators.bash import BashOperator\n");
    let _ = write!(out, "from airflow.sdk import DAG, {kind}{group}\n\n");
    out.push_str("UTC_SECONDS = \"in_timezone('UTC').strftime('%Y-%m-%dT%H:%M:%SZ')\"\n");
    out.push_str("INTERVAL = {\n");
    for (name, edge) in [("START", "start"), ("END", "end")] {
        let _ = writeln!(
            out,
            "    \"FLOE_INTERVAL_{name}\": \"{{{{ data_interval_{edge}.\" + UTC_SECONDS + \" }}}}\","
        );
    }
    out.push_str("    \"FLOE_ATTEMPT\": \"{{ ti.try_number }}\",\n");
    // The same for all tries, and another one when the run is cleared.
    out.push_str("    \"FLOE_RUN_STARTED\": \"{{ dag_run.start_date | ts }}\",\n}\n\n");
    out.push_str("with DAG(\n");
    for (name, value) in settings(schedule, &timetable)? {
        let _ = writeln!(out, "    {name}={value},");
    }
    out.push_str("):\n");
    match mapped {
        None => {
            let runs = schedule.job.mapped();
            let own = runs.first().map(|run| own_values(run)).unwrap_or_default();
            stages(&mut out, schedule, program, "    ", &own)?;
        }
        Some(runs) => {
            let names: Vec<_> = runs
                .first()
                .map(|run| run.iter().map(|(name, _)| name).collect())
                .unwrap_or_default();
            same_names(runs, &names)?;
            let arguments: Vec<_> = names
                .iter()
                .map(|name| format!("parameter_{name}"))
                .collect();
            out.push_str("\n    @task_group(group_id=\"runs\")\n");
            let _ = writeln!(out, "    def runs({}):", arguments.join(", "));
            let given: Vec<_> = names
                .iter()
                .map(|name| (*name, format!("parameter_{name}")))
                .collect();
            stages(&mut out, schedule, program, "        ", &given)?;
            out.push_str("\n    runs.expand_kwargs(\n        [\n");
            for run in runs {
                let pairs = run.iter().map(|(name, value)| {
                    format!(
                        "{}: {}",
                        string(&format!("parameter_{name}")),
                        string(value)
                    )
                });
                let pairs: Vec<_> = pairs.collect();
                let _ = writeln!(out, "            {{{}}},", pairs.join(", "));
            }
            out.push_str("        ]\n    )\n");
        }
    }
    Ok(out)
}

/// What a reader of the file should know.
fn heading(out: &mut String, schedule: &Schedule) -> std::fmt::Result {
    let version = env!("CARGO_PKG_VERSION");
    writeln!(
        out,
        "# Written by floe {version}. It is overwritten when the schedule is exported anew."
    )?;
    writeln!(out, "# For Airflow 3, with the standard provider.")?;
    let mut notes = Vec::new();
    if schedule.catch_up == CatchUp::Skip {
        notes.push(
            "Airflow runs the newest missed interval; the schedule would skip that one too."
                .to_owned(),
        );
    }
    for (pool, places) in &schedule.pools {
        let pool = quoted(pool);
        notes.push(format!(
            "Make the pool first: airflow pools set {pool} {places} floe"
        ));
    }
    for stage in &schedule.job.stages {
        if let Work::Command { environment, .. } = &stage.work
            && !environment.is_empty()
        {
            let names: Vec<_> = environment.iter().map(|(name, _)| name.as_str()).collect();
            notes.push(format!(
                "`{}` needs in the workers' environment: {}",
                stage.name,
                names.join(", ")
            ));
        }
    }
    let hooks = [
        &schedule.on_success,
        &schedule.on_failure,
        &schedule.on_retry,
        &schedule.on_deadline,
    ];
    if hooks.iter().any(|hooks| !hooks.is_empty()) {
        notes.push("The hooks of the schedule are not part of this file.".to_owned());
    }
    if schedule
        .job
        .stages
        .iter()
        .enumerate()
        .any(|(at, _)| schedule.retry_of(at).times > 0)
    {
        notes.push(format!(
            "Airflow also retries what ends with exit code {}, which the schedule does not.",
            exit_code::PERMANENT
        ));
    }
    if !notes.is_empty() {
        writeln!(out, "#")?;
    }
    for note in notes {
        writeln!(out, "# {}", note.replace(['\n', '\r'], " "))?;
    }
    Ok(())
}

fn timetable(timing: &Timing) -> Result<String> {
    let refuse = |message: &str| Err(Error::new(ErrorKind::Schedule, message.to_owned()));
    match timing {
        Timing::Cron { expression, .. } if expression.split_whitespace().count() > 5 => {
            refuse("a cron expression with seconds has no equal in Airflow")
        }
        Timing::Cron {
            expression,
            time_zone,
        } => Ok(format!(
            "CronDataIntervalTimetable({}, timezone={})",
            string(expression),
            string(time_zone)
        )),
        Timing::Period { milliseconds } if milliseconds % 1000 != 0 => {
            refuse("a period that is not of whole seconds has no equal in Airflow")
        }
        Timing::Period { milliseconds } => {
            let period = delta(Duration::from_millis(*milliseconds));
            Ok(format!("DeltaDataIntervalTimetable({period})"))
        }
    }
}

fn settings(schedule: &Schedule, timetable: &str) -> Result<Vec<(&'static str, String)>> {
    let table = schedule.timetable()?;
    let start = match schedule.start {
        Some(start) => start,
        None if schedule.catch_up == CatchUp::All => {
            let message = "all intervals are to be caught up, and Airflow must know the first";
            return Err(
                Error::new(ErrorKind::Schedule, message).with_help("say the start of the schedule")
            );
        }
        None => LONG_AGO.parse().unwrap_or(Timestamp::UNIX_EPOCH),
    };
    let start = table.first(start).unwrap_or(start);
    let mut settings = vec![
        ("dag_id", string(&schedule.name)),
        ("schedule", timetable.to_owned()),
        ("start_date", moment(start)),
    ];
    // Airflow asks where an interval begins: at the last boundary of all none does.
    let last = schedule.end.and_then(|end| table.last(end));
    if let Some(last) = last {
        let before = last - jiff::SignedDuration::from_secs(1);
        settings.push(("end_date", moment(before)));
    }
    let catch_up = schedule.catch_up == CatchUp::All;
    settings.push(("catchup", python_bool(catch_up).to_owned()));
    settings.push(("max_active_runs", schedule.max_active.to_string()));
    if let Some(timeout) = schedule.run_timeout {
        settings.push(("dagrun_timeout", delta(timeout)));
    }
    if let Some(failed) = schedule.pause_after {
        settings.push(("max_consecutive_failed_dag_runs", failed.to_string()));
    }
    if schedule.depends_on_past {
        settings.push(("default_args", "{\"depends_on_past\": True}".to_owned()));
    }
    settings.push(("tags", "[\"floe\"]".to_owned()));
    Ok(settings)
}

fn python_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

fn moment(at: Timestamp) -> String {
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let (date, time) = (at.date(), at.time());
    format!(
        "datetime({}, {}, {}, {}, {}, {}, tzinfo=timezone.utc)",
        date.year(),
        date.month(),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

fn same_names(runs: &[Parameters], names: &[&str]) -> Result<()> {
    let same = |run: &Parameters| run.iter().map(|(name, _)| name).eq(names.iter().copied());
    if runs.iter().all(same) && !names.is_empty() {
        return Ok(());
    }
    let message = "mapped runs must all have the same parameters, and at least one";
    Err(Error::new(ErrorKind::Schedule, message))
}

/// The parameters of a single run, as Python writes them and Jinja leaves them.
fn own_values(run: &Parameters) -> Vec<(&str, String)> {
    run.iter()
        .map(|(name, value)| (name, string(&rendered(value))))
        .collect()
}

fn stages(
    out: &mut String,
    schedule: &Schedule,
    program: Option<&Path>,
    indent: &str,
    parameters: &[(&str, String)],
) -> Result<()> {
    let variables = variables(schedule.job.stages());
    for (at, stage) in schedule.job.stages.iter().enumerate() {
        let variable = &variables[stage.name.as_str()];
        let _ = writeln!(out, "{indent}{variable} = BashOperator(");
        let retry = schedule.retry_of(at);
        let mut settings = operator(stage, retry, program, parameters)?;
        if schedule.job.mapped().len() > 1 {
            settings.push((
                "max_active_tis_per_dagrun",
                schedule.job.at_once.to_string(),
            ));
        }
        for (name, value) in settings {
            let _ = writeln!(out, "{indent}    {name}={value},");
        }
        let _ = writeln!(out, "{indent})");
    }
    for stage in &schedule.job.stages {
        for before in &stage.after {
            let after = &variables[stage.name.as_str()];
            // A stage waits only for others of its job, which was checked.
            let Some(before) = variables.get(before.as_str()) else {
                continue;
            };
            let _ = writeln!(out, "{indent}{before} >> {after}");
        }
    }
    Ok(())
}

/// A path as it is found from anywhere: Airflow's workers are in folders of their own.
fn whole(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| {
        let message = format!("`{}` is no path: {error}", path.display());
        Error::new(ErrorKind::Schedule, message)
    })
}

/// A program as workers find it: one of a name alone is looked for by them, and one that is said
/// from the folder of its stage is found there.
fn found(program: &Path, folder: Option<&PathBuf>) -> Result<PathBuf> {
    let is_name = program.parent() == Some(Path::new(""));
    if is_name || folder.is_some() {
        return Ok(program.to_owned());
    }
    whole(program)
}

fn operator(
    stage: &Stage,
    retry: &Retry,
    own: Option<&Path>,
    parameters: &[(&str, String)],
) -> Result<Vec<(&'static str, String)>> {
    let Work::Command {
        program,
        arguments,
        folder,
        ..
    } = &stage.work
    else {
        let message = format!(
            "`{}` is a call, which only this process can make",
            stage.name
        );
        return Err(Error::new(ErrorKind::Schedule, message)
            .with_help("make it a command: `Stage::this_program` starts this program anew"));
    };
    let is_own = std::env::current_exe().is_ok_and(|this| this == *program);
    let program = own.filter(|_| is_own).unwrap_or(program);
    let program = found(program, folder.as_ref())?;
    let Some(program) = program.to_str() else {
        let message = format!("the program of `{}` has a name that is no text", stage.name);
        return Err(Error::new(ErrorKind::Schedule, message));
    };
    let mut command = format!("exec {}", word(program));
    for argument in arguments {
        command.push(' ');
        command.push_str(&word(argument));
    }
    let mut environment = format!("{{**INTERVAL, \"FLOE_STAGE\": {}", string(&stage.name));
    for (name, value) in parameters {
        let _ = write!(environment, ", {}: {value}", string(&of_parameter(name)));
    }
    environment.push('}');
    let mut settings = vec![
        ("task_id", string(&stage.name)),
        ("bash_command", string(&command)),
        ("env", environment),
        ("append_env", "True".to_owned()),
        ("skip_on_exit_code", exit_code::SKIPPED.to_string()),
        ("trigger_rule", string(stage.rule.name())),
        ("retries", retry.times.to_string()),
    ];
    if let Some(folder) = folder {
        let folder = whole(folder)?;
        settings.push(("cwd", string(&rendered(&folder.to_string_lossy()))));
    }
    if retry.times > 0 {
        settings.push(("retry_delay", delta(retry.delay)));
        if retry.multiplier > 1.0 {
            settings.push((
                "retry_exponential_backoff",
                format!("{:?}", retry.multiplier),
            ));
        }
        settings.push(("max_retry_delay", delta(retry.max_delay)));
    }
    if let Some(timeout) = stage.timeout {
        settings.push(("execution_timeout", delta(timeout)));
    }
    if let Some(pool) = &stage.pool {
        settings.push(("pool", string(pool)));
    }
    Ok(settings)
}
