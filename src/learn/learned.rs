use std::collections::BTreeMap;
use std::sync::Arc;

use polars::prelude::{DataFrame, PlSmallStr};

use super::algebra::carry_factor;
use super::answers::{Answers, Approximate, ColumnAnswer, FactorAnswer};
use super::beyond::Beyond;
use super::category::{Categories, Counted, MostFrequent, too_many};
use super::grouped::{GroupStatistic, Grouped};
use super::least_squares::LeastSquares;
use super::sheet::{Asked, AskedGroups};
use super::value::{Mean, Quantile, Value};
use crate::error::{Error, ErrorKind, Result};

/// The answers to what one step asked.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    pub(crate) columns: BTreeMap<PlSmallStr, Arc<ColumnAnswer>>,
    pub(crate) factor: Option<(Arc<FactorAnswer>, Vec<PlSmallStr>)>,
    groups: Vec<(AskedGroups, Option<Arc<Grouped>>)>,
    pub(crate) queries: BTreeMap<PlSmallStr, Arc<DataFrame>>,
}

impl Learned {
    /// What one step asked, out of all the answers of the level.
    pub(crate) fn of(answers: &Answers, asked: &Asked) -> Result<Self> {
        let mut learned = Self::default();
        for (column, (slot, trail)) in &asked.columns {
            let answer = answers.columns.get(*slot).cloned().flatten();
            let mut answer = answer.ok_or_else(unanswered)?;
            if let Some(trail) = trail {
                answer = Arc::new(trail.column(&answer)?);
            }
            learned.columns.insert(column.clone(), answer);
        }
        if let Some(asked) = &asked.factor {
            let factor = answers.factors.get(asked.slot).ok_or_else(unanswered)?;
            let factor = if asked.trails.iter().all(Option::is_none) {
                Arc::clone(factor)
            } else {
                Arc::new(carry_factor(factor, &asked.trails)?)
            };
            learned.factor = Some((factor, asked.names.clone()));
        }
        for ask in &asked.groups {
            let groups = answers.groups.get(ask.slot).ok_or_else(unanswered)?;
            learned.groups.push((ask.clone(), groups.clone()));
        }
        for (name, slot) in &asked.queries {
            let table = answers.queries.get(*slot).ok_or_else(unanswered)?;
            learned.queries.insert(name.clone(), Arc::clone(table));
        }
        Ok(learned)
    }

    fn answer(&self, column: &str) -> Result<&ColumnAnswer> {
        self.columns.get(column).map(AsRef::as_ref).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "the step reads a statistic that it did not ask for",
            )
            .on_column(column)
            .with_help("return it from `needs`")
        })
    }

    /// How many train rows there were.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when no statistic of the column was asked for; so for all below.
    pub fn rows(&self, column: &str) -> Result<u64> {
        Ok(self.answer(column)?.summary.rows)
    }

    /// How many of the rows are null.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    pub fn nulls(&self, column: &str) -> Result<u64> {
        Ok(self.answer(column)?.summary.nulls)
    }

    /// How many of the rows are NaN.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    pub fn nans(&self, column: &str) -> Result<u64> {
        Ok(self.answer(column)?.summary.nans)
    }

    /// How many of the rows are infinite.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    pub fn infinities(&self, column: &str) -> Result<u64> {
        Ok(self.answer(column)?.summary.infinities)
    }

    /// An error for infinities in the column, with their count and the first one's source row.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Fit`] when there are any.
    pub fn refuse_infinities(&self, column: &str) -> Result<()> {
        let answer = self.answer(column)?;
        let count = answer.summary.infinities;
        if count == 0 {
            return Ok(());
        }
        let place = match answer.infinite_row {
            Some(row) => format!(", the first in source row {row}"),
            None => String::new(),
        };
        Err(Error::new(
            ErrorKind::Fit,
            format!("{count} of the train rows hold an infinity{place}"),
        )
        .on_column(column)
        .with_help("clean them before the split, or choose `.infinities(Infinities::Keep)`, which does not learn from them"))
    }

    /// The smallest value, if there is any.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    pub fn min(&self, column: &str) -> Result<Option<Value>> {
        Ok(self.answer(column)?.summary.min)
    }

    /// The largest value, if there is any.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    pub fn max(&self, column: &str) -> Result<Option<Value>> {
        Ok(self.answer(column)?.summary.max)
    }

    /// The mean, if there is any value.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    pub fn mean(&self, column: &str) -> Result<Option<Mean>> {
        Ok(self.answer(column)?.summary.mean)
    }

    /// The standard deviation with `ddof` 0, if there is any value.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    pub fn std(&self, column: &str) -> Result<Option<f64>> {
        Ok(self.answer(column)?.summary.std)
    }

    /// A quantile that was asked for, if there is any value.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    pub fn quantile(&self, column: &str, q: f64) -> Result<Option<Quantile>> {
        let answer = self.answer(column)?;
        let found = answer.quantiles.iter().find(|(asked, _)| *asked == q);
        Ok(found.map(|(_, quantile)| *quantile))
    }

    /// An approximate quantile that was asked for with this error, if there is any value: a value
    /// of the column, whose rank lies within `error` times the count of values of the row nearest
    /// to the quantile's place.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows), and [`ErrorKind::Fit`] when there were so many rows (2^32 or more)
    /// that the error cannot be promised.
    pub fn approximate_quantile(&self, column: &str, q: f64, error: f64) -> Result<Option<Value>> {
        let mut found = self.answer(column)?.approximate.iter();
        let found = found.find(|found| found.q == q && found.error == error);
        found
            .map(Approximate::value)
            .transpose()
            .map_err(|error| error.on_column(column))
    }

    /// How many values lie below and above a fence that [`Statistic::Beyond`] asked for with these
    /// numbers; none without any value, and where the column is rewritten at the same level.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows).
    ///
    /// [`Statistic::Beyond`]: super::Statistic::Beyond
    pub fn beyond(
        &self,
        column: &str,
        low: f64,
        high: f64,
        reach: f64,
    ) -> Result<Option<(u64, u64)>> {
        let asked = Beyond { low, high, reach };
        let mut beyond = self.answer(column)?.beyond.iter();
        let found = beyond.find(|(fence, _)| *fence == asked);
        Ok(found.map(|(_, counts)| *counts))
    }

    /// The categories of a column, which were asked for with this limit.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows), and [`ErrorKind::Fit`] when there are more than `most`.
    pub fn categories(&self, column: &str, most: usize) -> Result<Categories> {
        let categories = self.counted(column)?.categories(most);
        categories.map_err(|error| error.on_column(column))
    }

    /// The value that most rows hold, which was asked for with this limit, if there is any value.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows), and [`ErrorKind::Fit`] when there are more than `most`.
    pub fn most_frequent(&self, column: &str, most: usize) -> Result<Option<MostFrequent>> {
        let found = self.counted(column)?.most_frequent(most);
        found.map_err(|error| error.on_column(column))
    }

    fn counted(&self, column: &str) -> Result<&Counted> {
        let counted = self.answer(column)?.counted.as_ref();
        counted.ok_or_else(|| {
            let message = "the step reads categories that it did not ask for";
            Error::new(ErrorKind::Config, message).on_column(column)
        })
    }

    /// What was asked of a column for each category of another one, by the statistic that was
    /// asked for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when it was not asked for; [`ErrorKind::Fit`] when there are more
    /// categories than were allowed.
    pub fn grouped(&self, column: &str, by: &str, statistic: GroupStatistic) -> Result<&Grouped> {
        let asked =
            |ask: &AskedGroups| ask.column == column && ask.by == by && ask.statistic == statistic;
        let found = self.groups.iter().find(|(ask, _)| asked(ask));
        let (ask, groups) = found.ok_or_else(|| {
            let message =
                format!("the step reads {statistic:?} by `{by}`, which it did not ask for");
            Error::new(ErrorKind::Config, message)
                .on_column(column)
                .with_help("return `Need::grouped` from `needs`")
        })?;
        groups
            .as_deref()
            .ok_or_else(|| too_many(ask.most).on_column(by))
    }

    /// The triangular factor of the least squares problem that was asked for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when none was asked for; [`ErrorKind::Fit`] when a feature or the
    /// target holds nulls, NaN or infinities.
    pub fn least_squares(&self) -> Result<LeastSquares> {
        let (factor, names) = self.factor.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "the step reads a factor that it did not ask for",
            )
            .with_help("return `Need::least_squares` from `needs`")
        })?;
        LeastSquares::new(Arc::clone(factor), names)
    }

    /// The table of a query of the step's own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when no such query was asked for.
    pub fn query(&self, name: &str) -> Result<&DataFrame> {
        self.queries.get(name).map(AsRef::as_ref).ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                format!("the step did not ask for the query `{name}`"),
            )
            .with_help("return it from `needs`")
        })
    }
}

fn unanswered() -> Error {
    Error::new(
        ErrorKind::Fit,
        "the planner did not answer a declared need (a bug in floe)",
    )
}
