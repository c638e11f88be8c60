//! Results as short tables and as JSON.

use std::io::{Result, Write};

use floe::metric::{Metric, Metrics};
use serde_json::{Map, Value, json};

/// Prints a JSON value and ends the line.
pub(crate) fn json(out: &mut impl Write, value: &Value) -> Result<()> {
    writeln!(out, "{value:#}")
}

/// Prints rows of cells in aligned columns: the first to the left, the others to the right.
pub(crate) fn table(out: &mut impl Write, rows: &[Vec<String>]) -> Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate();
        let padded = cells.map(|(at, (cell, width))| match at {
            0 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        let line = padded.collect::<Vec<_>>().join("  ");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Prints names and texts in two columns, both to the left.
pub(crate) fn facts(out: &mut impl Write, facts: &[(&str, String)]) -> Result<()> {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, text) in facts {
        writeln!(out, "{name:width$}  {text}")?;
    }
    Ok(())
}

/// The name of a stage without its settings.
pub(crate) fn name(stage: &str) -> &str {
    stage.split([' ', '(', '{']).next().unwrap_or(stage)
}

/// Six digits that count, which is what a person reads; `--json` has them all.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.5e}");
    }
    let digits = (5.0 - size.log10().floor()).clamp(0.0, 9.0);
    // Between 0 and 9 after the clamp.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped"
    )]
    let digits = digits as usize;
    format!("{value:.digits$}")
}

/// A metric for a table.
pub(crate) fn metric(metrics: &Metrics, name: &str) -> String {
    metrics
        .get(name)
        .map_or_else(|| "undefined".to_owned(), number)
}

/// Why some of these metrics are undefined, a line each.
pub(crate) fn reasons(metrics: &Metrics, shown: &[&str]) -> Vec<String> {
    let shown = |metric: &&Metric| shown.contains(&metric.name.as_str());
    let undefined = metrics
        .iter()
        .filter(shown)
        .filter(|metric| metric.value.is_none());
    let reason = |metric: &Metric| {
        let reason = metric.reason.as_deref().unwrap_or("no reason is known");
        format!("{} is undefined: {reason}", metric.name)
    };
    undefined.map(reason).collect()
}

/// Metrics by name; those that are undefined are null, with their reasons apart.
pub(crate) fn metrics(metrics: &Metrics) -> Value {
    let mut object = Map::new();
    let mut undefined = Map::new();
    for metric in metrics.iter() {
        object.insert(metric.name.clone(), json!(metric.value));
        if metric.value.is_none() {
            undefined.insert(metric.name.clone(), json!(metric.reason));
        }
    }
    object.insert("rows".to_owned(), json!(metrics.rows()));
    if !undefined.is_empty() {
        object.insert("undefined".to_owned(), Value::Object(undefined));
    }
    Value::Object(object)
}
