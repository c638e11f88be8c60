//! How the schedule stands: as a table, as JSON, and as a page.

use std::io::Write;
use std::path::PathBuf;

use floe::jiff::Timestamp;
use floe::schedule::page::{Page, Series};
use floe::schedule::{Overview, RunView, Schedule, State, TryState};
use serde_json::{Value, json};

use super::super::{Outcome, print};
use super::points::{Point, Points, Score};
use super::{Folder, orders};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    folder: Folder,
    /// How many of the newest runs
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    last: usize,
    /// Write a page for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LogArgs {
    #[command(flatten)]
    folder: Folder,
    /// The first moment of the interval
    #[arg(value_name = "TIME")]
    start: Timestamp,
    /// The stage
    #[arg(value_name = "STAGE", value_parser = super::job::STAGES)]
    stage: String,
    /// Which try [default: the last]
    #[arg(long, value_name = "NUMBER", id = "number")]
    attempt: Option<u32>,
    /// The query, where the schedule has several
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
}

pub(super) fn status(args: &Args, out: &mut impl Write) -> Outcome {
    let state = State::existing(args.folder.state())?;
    let overview = state.overview(args.last)?;
    if let Some(path) = &args.html {
        // The grid of a page has room for more.
        let wide = state.overview(args.last.max(48))?;
        page(&args.folder, &wide, path)?;
    }
    if args.json {
        let runs: Vec<_> = overview.runs.iter().map(run_json).collect();
        let result = json!({
            "paused": overview.paused,
            "kept": overview.kept,
            "next": overview.next.map(|next| next.to_string()),
            "missed": overview.missed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "runs": runs,
        });
        print::json(out, &result)?;
        return Ok(());
    }
    let next = match overview.next {
        Some(next) => format!("{} (for {next})", next.end()),
        None => "no interval is to come".to_owned(),
    };
    let kept = match (&overview.paused, overview.kept) {
        (Some(because), _) => format!("paused: {because}"),
        (None, true) => "running".to_owned(),
        (None, false) => "not running".to_owned(),
    };
    let counts = overview
        .counts
        .iter()
        .map(|(state, count)| format!("{count} {state}"));
    let mut facts = vec![("schedule", kept), ("next due", next)];
    facts.push(("runs", counts.collect::<Vec<_>>().join(", ")));
    if let Some(missed) = overview.missed.first() {
        facts.push(("missed", missed.to_string()));
    }
    if let Some(path) = &args.html {
        facts.push(("page", path.display().to_string()));
    }
    print::facts(out, &facts)?;
    if !overview.runs.is_empty() {
        writeln!(out)?;
        rows(&args.folder, &overview, out)?;
    }
    Ok(())
}

/// The newest runs with their points and scores.
pub(super) fn table(folder: &Folder, last: usize, out: &mut impl Write) -> Outcome {
    let overview = State::existing(folder.state())?.overview(last)?;
    rows(folder, &overview, out)
}

fn rows(folder: &Folder, overview: &Overview, out: &mut impl Write) -> Outcome {
    let points = Points::open(&folder.folder)?;
    let mut known = Vec::new();
    for query in points.queries()? {
        let (of, scores) = (points.all(&query)?, points.scores(&query)?);
        known.push((query, of, scores));
    }
    let several = known.len() > 1;
    let mut table = vec![vec!["interval".to_owned()]];
    if several {
        table[0].push("query".to_owned());
    }
    table[0].extend(["state", "tries", "took", "likes", "r2"].map(ToOwned::to_owned));
    table[0].push("stages".to_owned());
    for run in overview.runs.iter().rev() {
        let query = run.parameters.get("query").unwrap_or_default();
        let of = known.iter().find(|(known, ..)| known == query);
        let point = of.and_then(|(_, points, _)| point_of(points, run));
        let score = of.and_then(|(.., scores)| score_of(scores, run));
        let took = match (run.started, run.ended) {
            (Some(started), Some(ended)) => {
                format!("{:.1} s", ended.duration_since(started).as_secs_f64())
            }
            _ => String::new(),
        };
        let tries: usize = run.stages.iter().map(|stage| stage.tries.len()).sum();
        let mut row = vec![run.interval.to_string()];
        if several {
            row.push(query.to_owned());
        }
        row.push(run.state.to_string());
        row.push(tries.to_string());
        row.push(took);
        row.push(point.map_or_else(String::new, |point| point.likes.to_string()));
        row.push(
            score
                .and_then(|score| score.r2)
                .map_or_else(String::new, print::number),
        );
        row.push(stages(run));
        table.push(row);
    }
    print::table(out, &table)?;
    Ok(())
}

/// What is not simply done.
fn stages(run: &RunView) -> String {
    let open = run.stages.iter().filter_map(|stage| {
        let failed = stage.tries.iter().filter(|one| {
            !matches!(
                one.state,
                TryState::Success | TryState::Skipped | TryState::Running
            )
        });
        let failed = failed.count();
        match (stage.state.name(), failed) {
            ("success", 0) => None,
            ("success", failed) => Some(format!("{} at try {}", stage.name, failed + 1)),
            (state, _) => Some(format!("{} {state}", stage.name)),
        }
    });
    let open: Vec<_> = open.collect();
    if open.is_empty() {
        "all done".to_owned()
    } else {
        open.join(", ")
    }
}

fn point_of<'a>(points: &'a [Point], run: &RunView) -> Option<&'a Point> {
    points.iter().find(|point| point.interval == run.interval)
}

fn score_of<'a>(scores: &'a [Score], run: &RunView) -> Option<&'a Score> {
    let (start, end) = (run.interval.start(), run.interval.end());
    scores
        .iter()
        .find(|score| (score.start, score.end) == (start, end))
}

fn run_json(run: &RunView) -> Value {
    let stages = run.stages.iter().map(|stage| {
        let tries = stage.tries.iter().map(|one| {
            json!({
                "number": one.number,
                "state": one.state.name(),
                "started": one.started.to_string(),
                "ended": one.ended.map(|at| at.to_string()),
                "exit_code": one.exit_code,
                "message": one.message,
            })
        });
        json!({
            "name": stage.name,
            "state": stage.state.name(),
            "not_before": stage.not_before.map(|at| at.to_string()),
            "tries": tries.collect::<Vec<_>>(),
        })
    });
    json!({
        "interval": run.interval.to_string(),
        "query": run.parameters.get("query"),
        "kind": run.kind.name(),
        "state": run.state.name(),
        "stages": stages.collect::<Vec<_>>(),
    })
}

fn page(folder: &Folder, overview: &Overview, path: &std::path::Path) -> Outcome {
    let points = Points::open(&folder.folder)?;
    let queries = points.queries()?;
    let mut page = Page::new(overview);
    for query in &queries {
        let of = |name: &str| match queries.len() {
            1 => name.to_owned(),
            _ => format!("{name}: {query}"),
        };
        let likes = points.all(query)?;
        // Counts of likes are far below 2^53.
        let likes = likes
            .iter()
            .map(|point| (point.interval.end(), point.likes as f64));
        let scores = points.scores(query)?;
        let scores = scores
            .iter()
            .map(|score| (score.end, score.r2.unwrap_or(f64::NAN)));
        page = page
            .series(Series::new(of("Likes"), likes))
            .series(Series::new(of("R² on hours not seen"), scores));
    }
    page.write(path)?;
    Ok(())
}

pub(super) fn logs(args: &LogArgs, out: &mut impl Write) -> Outcome {
    let state = State::existing(args.folder.state())?;
    let (_, run) = orders::find(&args.folder, &state, args.start, args.query.as_deref())?;
    let stage = run.stages.iter().find(|stage| stage.name == args.stage);
    let last = stage
        .and_then(|stage| stage.tries.last())
        .map_or(0, |one| one.number);
    let number = args.attempt.unwrap_or(last);
    let path = state.log(&run, &args.stage, number);
    match path.map(std::fs::read) {
        Some(Ok(text)) => out.write_all(&text)?,
        _ => writeln!(out, "try {number} of `{}` has printed nothing", args.stage)?,
    }
    Ok(())
}

/// What must be made in Airflow first.
pub(super) fn pools(schedule: &Schedule, out: &mut impl Write) -> Outcome {
    for (name, places) in schedule.pools() {
        writeln!(
            out,
            "make the pool first: airflow pools set '{name}' {places} floe"
        )?;
    }
    Ok(())
}
