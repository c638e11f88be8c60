use std::fmt;
use std::time::Duration;

use polars::prelude::{
    BooleanChunked, Column, DataFrame, Float64Chunked, Int64Chunked, IntoColumn, StringChunked,
    UInt32Chunked, UInt64Chunked,
};
use serde_json::Value;

use super::shown::not_finite;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::Scan;
use crate::metric::{MetricSpread, Metrics};

/// What a sweep gives: the candidates in order of their rank, and the best one, fitted on all train
/// rows and scored once on the test rows.
pub struct Study<C, R> {
    pub(super) id: String,
    /// By rank, the failed ones last.
    pub(super) tried: Vec<Tried<C>>,
    pub(super) metric: String,
    pub(super) best_run: Option<R>,
    pub(super) cancelled: bool,
    pub(super) scans: Vec<Scan>,
    pub(super) warnings: Vec<String>,
}

/// One candidate that was judged.
#[derive(Clone, Debug)]
pub struct Tried<C> {
    pub(super) params: C,
    pub(super) parameters: Vec<(String, Value)>,
    pub(super) run: String,
    pub(super) at: usize,
    pub(super) metrics: Vec<Metrics>,
    pub(super) error: Option<Error>,
    pub(super) elapsed: Duration,
}

impl<C> Tried<C> {
    /// The parameters.
    pub fn params(&self) -> &C {
        &self.params
    }

    /// The parameters by name, as JSON.
    pub fn parameters(&self) -> &[(String, Value)] {
        &self.parameters
    }

    /// The name of its tracked run: 32 hexadecimal digits.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The metrics of each fold, in the target's own units; none of a candidate that failed.
    pub fn metrics(&self) -> &[Metrics] {
        &self.metrics
    }

    /// One metric over the folds: mean and deviation; none where no fold defines it.
    pub fn metric(&self, name: &str) -> Option<MetricSpread> {
        MetricSpread::of(name, &self.metrics)
    }

    /// Why it could not be fitted, where it could not.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Wall time of its own fits and scores, without what the candidates learned together.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

impl<C, R> Study<C, R> {
    /// The name of the run that the candidates are nested in: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The candidates by rank, the best first; those that failed come last.
    pub fn tried(&self) -> &[Tried<C>] {
        &self.tried
    }

    /// The metric that they are ranked by.
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// The candidate that came first.
    pub fn best(&self) -> Option<&Tried<C>> {
        self.tried.first().filter(|tried| tried.error.is_none())
    }

    /// The run of the best candidate: fitted on all train rows, scored once on the test rows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cancelled`] when the sweep was stopped before.
    pub fn best_run(&self) -> Result<&R> {
        self.best_run.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Cancelled,
                "the sweep was stopped before its best candidate was fitted again",
            )
        })
    }

    /// Whether the sweep was stopped: what was judged until then is kept.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// The scans that were made, in order.
    pub fn scans(&self) -> &[Scan] {
        &self.scans
    }

    /// What a person should know.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The comparison, best first: `rank` (UInt32, null where a candidate failed), a column for each
    /// parameter, `<metric>_mean` and `<metric>_std` (over the folds, `ddof` 0) of every metric,
    /// `seconds`, `run` and `error`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Query`] when two columns have one name: a parameter that is named as a metric is.
    pub fn table(&self) -> Result<DataFrame> {
        let rows = self.tried.iter();
        let rank = rows.clone().zip(1_u32..);
        let rank = rank.map(|(tried, rank)| tried.error.is_none().then_some(rank));
        let mut columns = vec![named("rank", rank.collect::<UInt32Chunked>())];
        let names = self
            .tried
            .first()
            .map_or(&[][..], |tried| &tried.parameters);
        for (at, (name, _)) in names.iter().enumerate() {
            let values = rows.clone().map(|tried| &tried.parameters[at].1);
            columns.push(parameter(name, &values.collect::<Vec<_>>()));
        }
        // A candidate may define metrics that the best one does not.
        let mut metrics: Vec<String> = Vec::new();
        for spread in rows
            .clone()
            .flat_map(|tried| MetricSpread::all(&tried.metrics))
        {
            if !metrics.contains(&spread.name) {
                metrics.push(spread.name);
            }
        }
        for name in &metrics {
            let spreads = rows.clone().map(|tried| tried.metric(name));
            let spreads: Vec<_> = spreads.collect();
            let of = |pick: fn(&MetricSpread) -> f64| -> Float64Chunked {
                let values = spreads.iter().map(|spread| spread.as_ref().map(pick));
                values.collect()
            };
            columns.push(named(&format!("{name}_mean"), of(|spread| spread.mean)));
            columns.push(named(&format!("{name}_std"), of(|spread| spread.std)));
        }
        let seconds = rows.clone().map(|tried| Some(tried.elapsed.as_secs_f64()));
        columns.push(named("seconds", seconds.collect::<Float64Chunked>()));
        let runs = rows.clone().map(|tried| Some(tried.run.as_str()));
        columns.push(named("run", runs.collect::<StringChunked>()));
        let errors = rows.map(|tried| tried.error.as_ref().map(ToString::to_string));
        columns.push(named("error", errors.collect::<StringChunked>()));
        Ok(DataFrame::new(self.tried.len(), columns)?)
    }
}

fn named(name: &str, values: impl IntoColumn) -> Column {
    values.into_column().with_name(name.into())
}

/// Up to here a float holds every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A column of one parameter in the narrowest dtype that holds every value of it.
fn parameter(name: &str, values: &[&Value]) -> Column {
    let all = |is: fn(&Value) -> bool| values.iter().all(|value| value.is_null() || is(value));
    if all(Value::is_boolean) {
        let values = values.iter().map(|value| value.as_bool());
        return named(name, values.collect::<BooleanChunked>());
    }
    if all(Value::is_i64) {
        let values = values.iter().map(|value| value.as_i64());
        return named(name, values.collect::<Int64Chunked>());
    }
    if all(Value::is_u64) {
        let values = values.iter().map(|value| value.as_u64());
        return named(name, values.collect::<UInt64Chunked>());
    }
    // An integer that a float would round stays as it is written.
    let rounds =
        |value: &&Value| !value.is_f64() && value.as_f64().is_some_and(|float| float.abs() > EXACT);
    let is_float = |value: &Value| value.is_number() || not_finite(value).is_some();
    let some = values.iter().any(|value| value.is_number());
    if some && all(is_float) && !values.iter().any(rounds) {
        let values = values.iter();
        let values = values.map(|value| value.as_f64().or_else(|| not_finite(value)));
        return named(name, values.collect::<Float64Chunked>());
    }
    let values = values.iter().map(|value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    });
    named(name, values.collect::<StringChunked>())
}

impl<C: fmt::Debug, R> fmt::Debug for Study<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Study")
            .field("id", &self.id)
            .field("metric", &self.metric)
            .field("tried", &self.tried)
            .finish_non_exhaustive()
    }
}

/// The ranking as a person reads it.
impl<C, R> fmt::Display for Study<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self
            .tried
            .first()
            .map_or(&[][..], |tried| &tried.parameters);
        let mut lines = vec![Vec::from(["rank".to_owned()])];
        lines[0].extend(names.iter().map(|(name, _)| name.clone()));
        lines[0].extend([self.metric.clone(), "±".to_owned(), "seconds".to_owned()]);
        for (rank, tried) in (1..).zip(&self.tried) {
            let mut line = vec![format!("{rank}")];
            line.extend(tried.parameters.iter().map(|(_, value)| match value {
                Value::Null => "–".to_owned(),
                Value::String(text) => text.clone(),
                value => value.to_string(),
            }));
            match (tried.metric(&self.metric), &tried.error) {
                (Some(spread), _) => line.extend([
                    format!("{:.4}", spread.mean),
                    format!("{:.4}", spread.std),
                    format!("{:.2}", tried.elapsed.as_secs_f64()),
                ]),
                (None, Some(error)) => line.push(format!("failed: {error}")),
                (None, None) => line.push("undefined".to_owned()),
            }
            lines.push(line);
        }
        let columns = lines[0].len();
        let width = |at: usize| {
            let cells = lines.iter().filter_map(|line| line.get(at));
            // A message may be longer than its column.
            let cells = cells.filter(|cell| cell.len() < 40);
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for line in &lines {
            let cells = line.iter().zip(&widths);
            let cells: Vec<String> = cells
                .map(|(cell, width)| format!("{cell:<width$}"))
                .collect();
            writeln!(f, "{}", cells.join("  ").trim_end())?;
        }
        Ok(())
    }
}
