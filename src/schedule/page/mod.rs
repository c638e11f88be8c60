//! The status of a schedule as one page that needs nothing else: no network, no script.

mod grid;
mod plot;
mod text;

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{CatchUp, Overview, RunState, Timing};
use crate::error::Result;
use crate::output::write_whole;
use text::{Clock, escape, span};

/// A page that shows an [`Overview`]: the runs and their stages as a grid, durations, what comes
/// next, and numbers over time. It is light or dark as the reader's system is.
///
/// # Examples
///
/// ```
/// use floe::schedule::page::Page;
/// use floe::schedule::{Job, Outcome, Schedule, Scheduler, State};
///
/// let schedule = Schedule::cron("0 * * * *").job(Job::call("count", |_| Ok(Outcome::Done)));
/// let state = State::in_memory()?;
/// Scheduler::new(&schedule, &state).only_orders().run()?;
/// let overview = state.overview(50)?;
/// let page = Page::new(&overview).html();
/// assert!(page.starts_with("<!doctype html>"));
/// # Ok::<(), floe::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Page<'a> {
    overview: &'a Overview,
    at: Timestamp,
    series: Vec<Series>,
}

/// Numbers over time, for a plot.
#[derive(Clone, Debug)]
#[must_use]
pub struct Series {
    name: String,
    points: Vec<(Timestamp, f64)>,
}

impl Series {
    /// A series by its name and its points in order of time; what is not finite leaves a gap.
    pub fn new(
        name: impl Into<String>,
        points: impl IntoIterator<Item = (Timestamp, f64)>,
    ) -> Self {
        Self {
            name: name.into(),
            points: points.into_iter().collect(),
        }
    }
}

impl<'a> Page<'a> {
    /// A page of what was seen, at the time of the machine.
    pub fn new(overview: &'a Overview) -> Self {
        Self {
            overview,
            at: Timestamp::now(),
            series: Vec::new(),
        }
    }

    /// The moment at which it was seen.
    pub fn at(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    /// Plots a series too.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Writes the page, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`](crate::ErrorKind::Output) when the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let html = self.html();
        write_whole(path, |file| file.write_all(html.as_bytes()))
    }

    /// The page as text.
    pub fn html(&self) -> String {
        let clock = self.clock();
        let name = escape(&self.overview.name);
        let mut out = String::new();
        // Writing to a `String` does not fail.
        let _ = write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{name}</title>\n\
             <style>\n{}</style>\n</head>\n<body>\n<main>\n",
            include_str!("style.css")
        );
        self.heading(&mut out, &clock);
        self.facts(&mut out, &clock);
        grid::write(&mut out, self.overview, &clock, self.at);
        if !self.series.is_empty() {
            out.push_str("<section class=\"plots\">\n");
            for series in &self.series {
                plot::write(&mut out, &series.name, &series.points, &clock);
            }
            out.push_str("</section>\n");
        }
        grid::table(&mut out, self.overview, &clock, self.at);
        let _ = write!(
            out,
            "<footer>Seen {} ({})</footer>\n</main>\n</body>\n</html>\n",
            clock.full(self.at),
            escape(&clock.zone_name())
        );
        out
    }

    /// Times are shown as the schedule counts them.
    fn clock(&self) -> Clock {
        let zone = match &self.overview.definition.timing {
            Timing::Cron { time_zone, .. } => TimeZone::get(time_zone).ok(),
            Timing::Period { .. } => None,
        };
        let runs = &self.overview.runs;
        let fine = runs.iter().any(|run| run.interval.length().as_secs() < 60);
        Clock::new(zone.unwrap_or(TimeZone::UTC), fine)
    }

    fn heading(&self, out: &mut String, clock: &Clock) {
        let overview = self.overview;
        let (class, word) = match (&overview.paused, overview.kept) {
            (Some(_), _) => ("paused", "paused"),
            (None, true) => ("kept", "running"),
            (None, false) => ("stopped", "not running"),
        };
        let timing = match &overview.definition.timing {
            Timing::Cron {
                expression,
                time_zone,
            } => format!(
                "<code>{}</code> in {}",
                escape(expression),
                escape(time_zone)
            ),
            Timing::Period { milliseconds } => {
                let period = std::time::Duration::from_millis(*milliseconds);
                format!("every {}", span(period.as_secs_f64()))
            }
        };
        let catch_up = match overview.definition.catch_up {
            CatchUp::All => "all missed intervals are caught up",
            CatchUp::Latest => "the latest missed interval is caught up",
            CatchUp::Skip => "missed intervals are skipped",
        };
        let name = escape(&overview.name);
        let _ = write!(
            out,
            "<header>\n<div><h1>{name}</h1><p>{timing} · {catch_up}</p></div>\n\
             <span class=\"chip {class}\">{word}</span>\n</header>\n"
        );
        if let Some(because) = &overview.paused {
            let because = escape(because);
            let _ = writeln!(out, "<p class=\"note\">Paused: {because}</p>");
        }
        if let Some(missed) = overview.missed.first() {
            let (start, end) = (clock.full(missed.start()), clock.full(missed.end()));
            let more = match overview.missed.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} earlier stretches"),
            };
            let _ = writeln!(out, "<p class=\"note\">Missed: {start} to {end}{more}</p>");
        }
    }

    fn facts(&self, out: &mut String, clock: &Clock) {
        let overview = self.overview;
        let count = |state| {
            let found = overview.counts.iter().find(|(found, _)| *found == state);
            found.map_or(0, |(_, count)| *count)
        };
        let next = match overview.next {
            Some(next) if overview.paused.is_none() => {
                let wait = next.end().duration_since(self.at).as_secs_f64();
                let wait = if wait > 0.0 {
                    format!("in {}", span(wait))
                } else {
                    "due".to_owned()
                };
                (wait, format!("at {}", clock.full(next.end())))
            }
            Some(_) => ("paused".to_owned(), "resume to go on".to_owned()),
            None => ("none".to_owned(), "no interval is to come".to_owned()),
        };
        let last = overview.runs.iter().find_map(|run| {
            let took = run.ended?.duration_since(run.started?).as_secs_f64();
            Some((span(took), clock.full(run.ended?)))
        });
        let last = last.unwrap_or_else(|| ("–".to_owned(), "nothing has ended yet".to_owned()));
        let open = count(RunState::Queued) + count(RunState::Running);
        let number = text::number;
        let facts = [
            ("Next run", next.0, next.1, ""),
            ("Last run took", last.0, format!("ended {}", last.1), ""),
            (
                "Succeeded",
                number(count(RunState::Success) as f64),
                "runs in all".to_owned(),
                "good",
            ),
            (
                "Failed",
                number(count(RunState::Failed) as f64),
                "runs in all".to_owned(),
                "bad",
            ),
            (
                "Open",
                number(open as f64),
                "queued or running".to_owned(),
                "",
            ),
        ];
        out.push_str("<section class=\"facts\">\n");
        for (name, value, more, class) in facts {
            let class = if value == "0" { "" } else { class };
            let _ = writeln!(
                out,
                "<div class=\"card\"><span>{name}</span><strong class=\"{class}\">{value}</strong><small>{more}</small></div>"
            );
        }
        out.push_str("</section>\n");
    }
}
