use std::fmt;

use polars::prelude::{Column, DataType, Expr, LazyFrame, NULL, PlSmallStr, lit, when};

use super::weighted::{WeightedMeans, WeightedSums};
use super::{Metric, Metrics};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Learned, Need, Statistic, Tally};
use crate::schema::{Field, Schema, column};

/// Which regression metrics a run computes. All of them come from one scan of the test rows,
/// through the same accumulators as a fit, so that a score has the same bits every time.
///
/// `r2`, `rmse`, `mse`, `mae`, `max_error`, `mean_error` (ŷ − y), `explained_variance` and `mape`
/// (a share, not a percentage; undefined where a truth is zero). The median absolute error buffers
/// 8 bytes a row and is off unless asked for.
///
/// Rows count by the column of [`Role::Weight`](crate::Role::Weight) where there is one, as by
/// scikit-learn's `sample_weight`: in all but `max_error`, which is of any row, and the median, which
/// is then undefined. A weight that is null, NaN, negative or infinite is an error of kind
/// [`Score`](ErrorKind::Score).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct RegressionMetrics {
    median: bool,
}

impl fmt::Debug for RegressionMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.median {
            "RegressionMetrics(with median absolute error)"
        } else {
            "RegressionMetrics"
        })
    }
}

impl RegressionMetrics {
    /// All metrics that need no buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// The median absolute error too.
    pub fn with_median_absolute_error(mut self) -> Self {
        self.median = true;
        self
    }

    /// What is held in memory, in words.
    pub(crate) fn held(self) -> Option<String> {
        let held = "8 bytes a row for the median absolute error";
        self.median.then(|| held.to_owned())
    }
}

const TRUTH: &str = "truth";
const ERROR: &str = "error";
const ABSOLUTE: &str = "absolute";
const SQUARED: &str = "squared";
const RELATIVE: &str = "relative";
const SIZE: &str = "size";

impl RegressionMetrics {
    /// Scores pairs of (truth, prediction) batch by batch.
    pub(crate) fn scorer(self, pairs: usize, weighted: bool) -> Result<Scorer> {
        let mut fields = Vec::new();
        let mut needs = Vec::new();
        for at in 0..pairs {
            let mut ask = |name: &str, statistic| {
                needs.push(Need::column(format!("{name}{at}"), statistic));
            };
            ask(TRUTH, Statistic::Std);
            ask(ERROR, Statistic::Std);
            ask(ABSOLUTE, Statistic::Mean);
            ask(SQUARED, Statistic::Mean);
            ask(RELATIVE, Statistic::Mean);
            ask(SIZE, Statistic::Min);
            if self.median {
                ask(ABSOLUTE, Statistic::Quantile(0.5));
            }
            let names = [TRUTH, ERROR, ABSOLUTE, SQUARED, RELATIVE, SIZE];
            fields.extend(names.map(|name| Field::new(format!("{name}{at}"), DataType::Float64)));
        }
        let tally = Tally::new(Schema::new(fields)?, needs)?;
        Ok(Scorer {
            metrics: self,
            pairs,
            counted: tally.exprs().len(),
            tally,
            sums: weighted.then(|| vec![WeightedSums::default(); pairs]),
        })
    }
}

/// Metrics on their way: takes batches in row order.
pub(crate) struct Scorer {
    metrics: RegressionMetrics,
    pairs: usize,
    /// Columns that the tally takes.
    counted: usize,
    tally: Tally,
    /// Of each pair, where rows weigh.
    sums: Option<Vec<WeightedSums>>,
}

impl Scorer {
    /// What [`update`](Self::update) takes of a frame, and other columns of it behind that. The
    /// weight is that of a scorer of rows that weigh.
    pub(crate) fn query(
        &self,
        frame: LazyFrame,
        pairs: &[(Expr, Expr)],
        weight: Option<Expr>,
        beside: &[Expr],
    ) -> LazyFrame {
        let derived = pairs
            .iter()
            .enumerate()
            .flat_map(|(at, (truth, prediction))| {
                derived(truth, prediction).map(|(name, expr)| expr.alias(format!("{name}{at}")))
            });
        let kept = weight.iter().chain(beside).cloned().enumerate();
        let kept: Vec<_> = kept
            .map(|(at, expr)| (expr, PlSmallStr::from(format!("__floe_beside{at}"))))
            .collect();
        let names: Vec<_> = kept.iter().map(|(_, name)| name.clone()).collect();
        let first = derived.chain(kept.into_iter().map(|(expr, name)| expr.alias(name)));
        let first: Vec<_> = first.collect();
        let mut second = self.tally.exprs();
        if self.sums.is_some() {
            let weighed = (0..pairs.len()).flat_map(|at| [TRUTH, ERROR].map(|of| (of, at)));
            second.extend(weighed.map(|(of, at)| {
                column(format!("{of}{at}")).alias(format!("__floe_weighed_{of}{at}"))
            }));
        }
        second.extend(names.into_iter().map(column));
        frame.select(first).select(second)
    }

    pub(crate) fn update(&mut self, columns: &[Column]) -> Result<()> {
        self.add(columns).map_err(|e| e.at(&self.metrics))
    }

    fn add(&mut self, columns: &[Column]) -> Result<()> {
        self.tally.update(columns)?;
        let Some(sums) = &mut self.sums else {
            return Ok(());
        };
        let weighed = columns.get(self.counted..).unwrap_or_default();
        let weights = weighed.get(2 * self.pairs).ok_or_else(unweighed)?;
        for (sums, of) in sums.iter_mut().zip(weighed.chunks_exact(2)) {
            sums.add(&of[0], &of[1], weights)?;
        }
        Ok(())
    }

    /// The metrics of each pair.
    pub(crate) fn finish(self) -> Result<Vec<Metrics>> {
        let learned = self.tally.finish()?;
        let pairs = (0..self.pairs).map(|at| {
            let sums = self.sums.as_ref().and_then(|sums| sums.get(at));
            metrics(at, self.metrics, &learned, sums.copied())
        });
        let pairs: Result<_> = pairs.collect();
        pairs.map_err(|error| error.at(&self.metrics))
    }
}

fn unweighed() -> Error {
    let message = "the weights are not in the scan (a bug in floe)";
    Error::new(ErrorKind::Score, message)
}

/// The columns behind the metrics; each is null where the truth or the prediction is missing.
fn derived(truth: &Expr, prediction: &Expr) -> [(&'static str, Expr); 6] {
    let truth = truth.clone().cast(DataType::Float64);
    let error = prediction.clone().cast(DataType::Float64) - truth.clone();
    let missing = error.clone().is_null().or(error.clone().is_nan());
    let there = |expr: Expr| {
        when(missing.clone())
            .then(lit(NULL).cast(DataType::Float64))
            .otherwise(expr)
    };
    let absolute = magnitude(error.clone());
    let size = magnitude(truth.clone());
    [
        (TRUTH, there(truth)),
        (ERROR, there(error.clone())),
        (ABSOLUTE, there(absolute.clone())),
        (SQUARED, there(error.clone() * error)),
        // A zero truth makes the metric undefined, which the smallest size tells.
        (
            RELATIVE,
            there(
                absolute
                    / when(size.clone().gt(lit(0.0)))
                        .then(size.clone())
                        .otherwise(lit(1.0)),
            ),
        ),
        (SIZE, there(size)),
    ]
}

fn magnitude(expr: Expr) -> Expr {
    when(expr.clone().lt(lit(0.0)))
        .then(lit(0.0) - expr.clone())
        .otherwise(expr)
}

fn metrics(
    at: usize,
    which: RegressionMetrics,
    learned: &Learned,
    sums: Option<WeightedSums>,
) -> Result<Metrics> {
    let name = |name: &str| format!("{name}{at}");
    let error = name(ERROR);
    let skipped = learned.nulls(&error)?;
    let rows = learned.rows(&error)? - skipped;
    let infinite = learned.infinities(&error)?;
    if infinite > 0 {
        return Err(Error::new(
            ErrorKind::Score,
            format!("{infinite} of the errors are infinite"),
        )
        .with_help(
            "the truth or the prediction holds an infinity, or they lie further apart than the largest number",
        ));
    }
    let none = if sums.is_some() && rows > 0 {
        "no scored row has a weight above 0"
    } else {
        "no row has both a truth and a prediction"
    };
    let means = sums.map(WeightedSums::means);
    let mean = |column: &str, of: fn(&WeightedMeans) -> f64| -> Result<Option<f64>> {
        match &means {
            Some(means) => Ok(means.as_ref().map(of)),
            None => Ok(learned.mean(&name(column))?.map(|mean| mean.to_f64())),
        }
    };
    let variance = |column: &str, of: fn(&WeightedMeans) -> f64| -> Result<Option<f64>> {
        match &means {
            Some(means) => Ok(means.as_ref().map(of)),
            None => Ok(learned.std(&name(column))?.map(|std| std * std)),
        }
    };
    // An accumulator leaves infinities out, and a mean of the rest would be no mean.
    let overflows = |column: &str| learned.infinities(&name(column)).map(|count| count > 0);
    let mse = if overflows(SQUARED)? {
        Err("a squared error is beyond the largest number")
    } else {
        mean(SQUARED, |of| of.squared)?.ok_or(none)
    };
    let spread = variance(TRUTH, |of| of.truth_variance)?;
    let constant = if rows < 2 {
        "it needs at least two scored rows"
    } else {
        "the truth is constant"
    };
    let share = |of: Option<f64>| match (of, spread) {
        (Some(_), Some(spread)) if !spread.is_finite() => Err("the truth varies too widely"),
        (Some(of), Some(spread)) if spread > 0.0 => Ok(1.0 - of / spread),
        _ => Err(constant),
    };
    let r2 = match mse {
        Err(reason) if rows > 0 => Err(reason),
        mse => share(mse.ok()),
    };
    let zero = learned
        .min(&name(SIZE))?
        .is_some_and(|min| min.to_f64() == 0.0);
    let mut metrics = vec![
        metric("r2", r2),
        metric("rmse", mse.map(f64::sqrt)),
        metric("mse", mse),
        metric("mae", mean(ABSOLUTE, |of| of.absolute)?.ok_or(none)),
        metric(
            "max_error",
            learned
                .max(&name(ABSOLUTE))?
                .map(|max| max.to_f64())
                .ok_or(none),
        ),
        metric("mean_error", mean(ERROR, |of| of.error)?.ok_or(none)),
        metric(
            "explained_variance",
            share(variance(ERROR, |of| of.error_variance)?),
        ),
        metric(
            "mape",
            if zero {
                Err("a truth is zero")
            } else if overflows(RELATIVE)? {
                Err("a relative error is beyond the largest number")
            } else {
                mean(RELATIVE, |of| of.relative)?.ok_or(none)
            },
        ),
    ];
    if which.median {
        let median = learned.quantile(&name(ABSOLUTE), 0.5)?;
        let median = match means {
            Some(_) => Err("the rows weigh, and it counts each row once"),
            None => median.map(|median| median.to_f64()).ok_or(none),
        };
        metrics.push(metric("median_absolute_error", median));
    }
    Ok(Metrics {
        rows,
        skipped,
        metrics,
        confusion: None,
        weight: None,
    })
}

fn metric(name: &str, value: Result<f64, &str>) -> Metric {
    let value = match value {
        Ok(value) if !value.is_finite() => Err("it is beyond the largest number"),
        value => value,
    };
    Metric {
        name: name.to_owned(),
        value: value.ok(),
        reason: value.err().map(ToOwned::to_owned),
    }
}
