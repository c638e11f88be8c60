//! Runs from left to right, stages from top to bottom, and the newest runs as a table.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::super::{Overview, RunKind, RunState, RunView, StageState, StageView, TryState};
use super::text::{Clock, escape, span};

/// The side of a square and what is between two of them.
const SIDE: usize = 18;
const STEP: usize = 22;
/// The highest bar of the durations.
const BAR: f64 = 64.0;
/// Where the names of the stages end.
const LEFT: usize = 150;
const TOP: usize = 26;

/// Writes the grid of the runs.
pub(super) fn write(out: &mut String, overview: &Overview, clock: &Clock, now: Timestamp) {
    out.push_str("<section class=\"card\">\n<h2>Runs</h2>\n");
    if overview.runs.is_empty() {
        out.push_str("<p class=\"empty\">Nothing has run yet.</p>\n</section>\n");
        return;
    }
    let runs: Vec<&RunView> = overview.runs.iter().rev().collect();
    let stages = stage_names(overview);
    // The name column is its own picture, which stays while the runs are scrolled.
    let (first, rows) = (TOP + 70, stages.len() + 1);
    let height = first + rows * STEP + 34;
    let width = runs.len() * STEP + 40;
    out.push_str("<div class=\"grid\">\n");
    let _ = writeln!(
        out,
        "<svg class=\"names\" width=\"{LEFT}\" height=\"{height}\" role=\"presentation\">"
    );
    let longest = runs
        .iter()
        .filter_map(|run| took(run, now))
        .fold(0.0, f64::max);
    let label = |out: &mut String, y: f64, class: &str, text: &str| {
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 12,
            escape(text)
        );
    };
    if longest > 0.0 {
        label(out, TOP as f64 + 4.0, "tick", &span(longest));
        label(out, TOP as f64 + BAR + 4.0, "tick", "0");
    }
    for (row, name) in std::iter::once("run")
        .chain(stages.iter().copied())
        .enumerate()
    {
        let y = (first + row * STEP) as f64 + 13.5;
        label(
            out,
            y,
            if row == 0 { "name first" } else { "name" },
            &shortened(name),
        );
    }
    out.push_str("</svg>\n<div class=\"scroll\">\n");
    let _ = writeln!(
        out,
        "<svg width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"Runs and their stages, the newest last\">"
    );
    for y in [TOP as f64, TOP as f64 + BAR] {
        let _ = writeln!(
            out,
            "<line class=\"rule\" x1=\"0\" x2=\"{width}\" y1=\"{y}\" y2=\"{y}\"/>"
        );
    }
    let mut day = String::new();
    for (column, run) in runs.iter().enumerate() {
        let x = column * STEP + 4;
        bar(out, x, run, longest, now);
        square(out, x, first, run.state.name(), &about_run(run, clock, now));
        for (row, name) in stages.iter().enumerate() {
            if let Some(stage) = run.stages.iter().find(|stage| stage.name == *name) {
                let y = first + (row + 1) * STEP;
                square(out, x, y, stage.state.name(), &about_stage(stage, now));
            }
        }
        // A label needs the place of four squares.
        if column % 4 == 0 {
            let at = run.interval.start();
            let y = first + rows * STEP + 12;
            let _ = writeln!(
                out,
                "<text class=\"tick\" x=\"{x}\" y=\"{y}\">{}</text>",
                clock.time(at)
            );
            let today = clock.day(at);
            if today != day {
                let y = y + 14;
                let _ = writeln!(
                    out,
                    "<text class=\"tick day\" x=\"{x}\" y=\"{y}\">{today}</text>"
                );
                day = today;
            }
        }
    }
    out.push_str("</svg>\n</div>\n</div>\n");
    legend(out);
    out.push_str("</section>\n");
}

fn stage_names(overview: &Overview) -> Vec<&str> {
    let mut names: Vec<&str> = overview
        .definition
        .stages
        .iter()
        .map(String::as_str)
        .collect();
    for stage in overview.runs.iter().flat_map(|run| &run.stages) {
        if !names.contains(&stage.name.as_str()) {
            names.push(&stage.name);
        }
    }
    names
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(20) {
        Some((cut, _)) => format!("{}…", &name[..cut]),
        None => name.to_owned(),
    }
}

fn bar(out: &mut String, x: usize, run: &RunView, longest: f64, now: Timestamp) {
    let Some(took) = took(run, now).filter(|_| longest > 0.0) else {
        return;
    };
    let height = (took / longest * BAR).max(2.0);
    let y = TOP as f64 + BAR - height;
    let state = run.state.name();
    let _ = writeln!(
        out,
        "<rect class=\"bar {state}\" x=\"{}\" y=\"{y:.1}\" width=\"12\" height=\"{height:.1}\" rx=\"2\"><title>{}</title></rect>",
        x + 3,
        span(took)
    );
}

/// A square of a state, whose mark tells what its colour tells.
fn square(out: &mut String, x: usize, y: usize, state: &str, about: &str) {
    let _ = writeln!(
        out,
        "<g class=\"{state}\"><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{SIDE}\" height=\"{SIDE}\" rx=\"4\"/>{}</g>",
        escape(about),
        mark(state, x, y)
    );
}

fn mark(state: &str, x: usize, y: usize) -> String {
    let path = match state {
        "success" => "m5 9.5 3 3 5.5-6.5",
        "failed" => "m5.5 5.5 7 7m0-7-7 7",
        "skipped" => "m5 5 4 4-4 4m4-8 4 4-4 4",
        "upstream_failed" => "m9 13.5v-9m-4 4 4-4 4 4",
        "up_for_retry" => "m13 9a4 4 0 1 1-1.5-3.1m.5-2v2.6h-2.6",
        "running" => "m7 5 6 4-6 4z",
        _ => return String::new(),
    };
    format!("<path d=\"{path}\" transform=\"translate({x} {y})\"/>")
}

fn legend(out: &mut String) {
    out.push_str("<p class=\"legend\">");
    let states = [
        (StageState::Success, "success"),
        (StageState::Running, "running"),
        (StageState::UpForRetry, "up for retry"),
        (StageState::Failed, "failed"),
        (StageState::UpstreamFailed, "upstream failed"),
        (StageState::Skipped, "skipped"),
        (StageState::Waiting, "waiting"),
    ];
    for (state, name) in states {
        let mut picture = String::new();
        square(&mut picture, 0, 0, state.name(), name);
        let _ = write!(
            out,
            "<span><svg width=\"{SIDE}\" height=\"{SIDE}\" aria-hidden=\"true\">{picture}</svg>{name}</span>"
        );
    }
    out.push_str("</p>\n");
}

fn took(run: &RunView, now: Timestamp) -> Option<f64> {
    let started = run.started?;
    let until = match run.state {
        RunState::Queued => return None,
        _ => run.ended.unwrap_or(now),
    };
    Some(until.duration_since(started).as_secs_f64().max(0.0))
}

fn about_run(run: &RunView, clock: &Clock, now: Timestamp) -> String {
    let (start, end) = (
        clock.full(run.interval.start()),
        clock.full(run.interval.end()),
    );
    let mut text = format!("{start} to {end}\n{}, {}", run.kind, run.state);
    if !run.parameters.is_empty() {
        let _ = write!(text, "\n{}", run.parameters);
    }
    if let Some(took) = took(run, now) {
        let _ = write!(text, "\n{}", span(took));
    }
    if let Some(message) = &run.message {
        let _ = write!(text, "\n{message}");
    }
    text
}

fn about_stage(stage: &StageView, now: Timestamp) -> String {
    let mut text = format!("{}: {}", stage.name, stage.state);
    for one in &stage.tries {
        let took = one.ended.unwrap_or(now).duration_since(one.started);
        let took = span(took.as_secs_f64().max(0.0));
        let _ = write!(text, "\ntry {}: {}, {took}", one.number, one.state);
        if let Some(message) = &one.message {
            let _ = write!(text, ", {message}");
        }
    }
    text
}

/// Writes the newest runs, the newest first.
pub(super) fn table(out: &mut String, overview: &Overview, clock: &Clock, now: Timestamp) {
    const SHOWN: usize = 20;
    if overview.runs.is_empty() {
        return;
    }
    // What all runs share says nothing in each line.
    let first = &overview.runs[0].parameters;
    let mapped = overview.runs.iter().any(|run| run.parameters != *first);
    let parameters = if mapped { "<th>Parameters</th>" } else { "" };
    let _ = write!(
        out,
        "<section class=\"card\">\n<h2>Newest runs</h2>\n<div class=\"scroll\">\n<table>\n\
         <thead><tr><th>Interval</th>{parameters}<th>State</th><th class=\"n\">Took</th>\
         <th class=\"n\">Tries</th><th>Stages</th></tr></thead>\n<tbody>\n"
    );
    for run in overview.runs.iter().take(SHOWN) {
        let start = clock.full(run.interval.start());
        let end = clock.time(run.interval.end());
        let parameters = if mapped {
            format!("<td>{}</td>", escape(&run.parameters.to_string()))
        } else {
            String::new()
        };
        let kind = match run.kind {
            RunKind::Scheduled => String::new(),
            kind => format!(" <small>{kind}</small>"),
        };
        let took = took(run, now).map_or_else(|| "–".to_owned(), span);
        let tries: usize = run.stages.iter().map(|stage| stage.tries.len()).sum();
        let _ = writeln!(
            out,
            "<tr><td class=\"t\">{start} – {end}{kind}</td>{parameters}\
             <td><span class=\"state {state}\">{state}</span></td>\
             <td class=\"n\">{took}</td><td class=\"n\">{tries}</td><td>{}</td></tr>",
            stages_of(run, now),
            state = run.state
        );
    }
    out.push_str("</tbody>\n</table>\n</div>\n</section>\n");
}

/// How long each stage took, and what went wrong last.
fn stages_of(run: &RunView, now: Timestamp) -> String {
    let mut parts = Vec::new();
    let mut wrong = run.message.clone();
    for stage in &run.stages {
        if let Some(last) = stage.tries.last() {
            let took = last.ended.unwrap_or(now).duration_since(last.started);
            let took = span(took.as_secs_f64().max(0.0));
            parts.push(format!("{} {took}", escape(&stage.name)));
            let is_wrong = !matches!(last.state, TryState::Success | TryState::Skipped);
            if let Some(message) = last.message.as_ref().filter(|_| is_wrong) {
                wrong = Some(format!("{}: {message}", stage.name));
            }
        }
    }
    let mut text = format!("<small>{}</small>", parts.join(" · "));
    if let Some(wrong) = wrong {
        let _ = write!(text, "<div class=\"wrong\">{}</div>", escape(&wrong));
    }
    text
}
