//! Runs as columns.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, Float64Chunked, Int64Chunked, IntoColumn,
    StringChunked, TimeUnit, TimeZone,
};

use super::StoredRun;
use crate::error::Result;

pub(super) fn of(runs: &[StoredRun]) -> Result<DataFrame> {
    let text =
        |of: fn(&StoredRun) -> Option<&str>| -> StringChunked { runs.iter().map(of).collect() };
    let started: Int64Chunked = runs.iter().map(|run| run.started).collect();
    let time = DataType::Datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC));
    let seconds = runs.iter().map(|run| {
        let took = run.ended?.checked_sub(run.started?)?;
        Some(took as f64 / 1e3)
    });
    let mut columns = vec![
        named("run", text(|run| Some(&run.id))),
        named("name", text(|run| Some(&run.name))),
        named("experiment", text(|run| Some(&run.experiment))),
        named("status", text(|run| Some(&run.status))),
        named("started", started).cast(&time)?,
        named("seconds", seconds.collect::<Float64Chunked>()),
        named("parent", text(StoredRun::parent)),
    ];
    for key in keys(runs, |run| &run.params) {
        let values: Vec<_> = runs.iter().map(|run| run.params.get(key)).collect();
        columns.push(parameter(&format!("params.{key}"), &values));
    }
    for key in keys(runs, |run| &run.metrics) {
        let values = runs.iter().map(|run| run.metrics.get(key).copied());
        columns.push(named(
            &format!("metrics.{key}"),
            values.collect::<Float64Chunked>(),
        ));
    }
    for key in keys(runs, |run| &run.tags) {
        let values = runs.iter().map(|run| run.tags.get(key).map(String::as_str));
        columns.push(named(
            &format!("tags.{key}"),
            values.collect::<StringChunked>(),
        ));
    }
    Ok(DataFrame::new(runs.len(), columns)?)
}

fn named(name: &str, values: impl IntoColumn) -> Column {
    values.into_column().with_name(name.into())
}

/// All keys of the runs, in order.
fn keys<'a, V: 'a>(
    runs: &'a [StoredRun],
    of: fn(&StoredRun) -> &BTreeMap<String, V>,
) -> BTreeSet<&'a String> {
    runs.iter().flat_map(|run| of(run).keys()).collect()
}

/// A column in the narrowest dtype that all values were written from.
fn parameter(name: &str, values: &[Option<&String>]) -> Column {
    let all = |is: fn(&str) -> bool| values.iter().flatten().all(|value| is(value));
    if all(|value| value.parse::<bool>().is_ok()) {
        let values = values
            .iter()
            .map(|value| value.and_then(|value| value.parse().ok()));
        return named(name, values.collect::<BooleanChunked>());
    }
    if all(|value| value.parse::<i64>().is_ok()) {
        let values = values
            .iter()
            .map(|value| value.and_then(|value| value.parse().ok()));
        return named(name, values.collect::<Int64Chunked>());
    }
    if all(is_float) {
        let values = values
            .iter()
            .map(|value| value.and_then(|value| value.parse().ok()));
        return named(name, values.collect::<Float64Chunked>());
    }
    let values = values.iter().map(|value| value.map(String::as_str));
    named(name, values.collect::<StringChunked>())
}

/// Rust reads `inf` and `nan` in any case, which may be words.
fn is_float(value: &str) -> bool {
    let is_word = value
        .trim_start_matches(['+', '-'])
        .starts_with(char::is_alphabetic);
    let is_number = !is_word || matches!(value, "NaN" | "Infinity" | "-Infinity");
    is_number && value.parse::<f64>().is_ok()
}
