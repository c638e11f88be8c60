use std::collections::BTreeMap;
use std::sync::Arc;

use polars::prelude::{DataFrame, PlSmallStr};
use serde::{Deserialize, Serialize};

use super::batch::FactorAnswer;
use super::least_squares::LeastSquares;
use super::sheet::ColumnAnswer;
use crate::error::{Error, ErrorKind, Result};

/// A learned number in the column's own physical form: integers (also of dates and decimals) stay
/// integers, so that nothing is lost above 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Value {
    /// An integer, a Boolean (0 or 1), or the physical integer of a Date, Datetime, Duration, Time
    /// or Decimal.
    Int(#[serde(with = "as_text")] i128),
    /// A float.
    Float(f64),
}

impl Value {
    /// The value as a float, rounded to nearest.
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

/// A mean as an exact integer origin and a float offset from it; of a float column the origin is 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mean {
    /// An integer close to the mean.
    #[serde(with = "as_text")]
    pub origin: i128,
    /// What is to be added to the origin.
    pub offset: f64,
}

impl Mean {
    /// The mean as one float.
    pub fn to_f64(self) -> f64 {
        self.origin as f64 + self.offset
    }
}

/// An exact quantile: the two neighbouring order statistics and the weight of the upper one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Quantile {
    /// The largest value at or below the quantile's place.
    pub lower: Value,
    /// The smallest value at or above it.
    pub upper: Value,
    /// How far the place lies between the two, in [0, 1).
    pub fraction: f64,
}

impl Quantile {
    /// The linear interpolation, NumPy's default definition.
    pub fn to_f64(self) -> f64 {
        let (lower, upper) = (self.lower.to_f64(), self.upper.to_f64());
        if self.fraction == 0.0 || self.lower == self.upper {
            return lower;
        }
        let step = match (self.lower, self.upper) {
            (Value::Int(low), Value::Int(high)) => (high - low) as f64,
            _ => upper - lower,
        };
        if step.is_finite() {
            lower + step * self.fraction
        } else {
            lower * (1.0 - self.fraction) + upper * self.fraction
        }
    }
}

/// The answers to what one step asked.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    pub(crate) columns: BTreeMap<PlSmallStr, Arc<ColumnAnswer>>,
    pub(crate) factor: Option<(Arc<FactorAnswer>, Vec<PlSmallStr>)>,
    pub(crate) queries: BTreeMap<PlSmallStr, Arc<DataFrame>>,
}

impl Learned {
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

/// JSON numbers end at 64 bits in most readers, so wide integers are written as text.
mod as_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
