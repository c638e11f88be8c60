use std::fmt;
use std::sync::Arc;

use polars::prelude::{DataFrame, LazyFrame, PlSmallStr};

use super::grouped::GroupStatistic;
use crate::error::{Error, ErrorKind, Result};

/// Something that can be learned of one column.
///
/// Nulls and NaN are counted and never learned from; so are infinities.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Statistic {
    /// How many rows there are, how many of them null, NaN and infinite. Any statistic brings it.
    Count,
    /// As `Count`, and in which source row the first infinity is, if there is one: then, and only
    /// then, one more scan looks for it.
    Infinities,
    /// The smallest value, in the column's own physical numbers.
    Min,
    /// The largest value, in the column's own physical numbers.
    Max,
    /// The mean.
    Mean,
    /// The standard deviation with `ddof` 0.
    Std,
    /// An exact quantile with linear interpolation (NumPy's default). Buffers the column.
    Quantile(f64),
    /// A quantile by a sketch: a value of the column whose rank lies within `error` times the count
    /// of values of the wanted one. Holds a bounded part of the column.
    ///
    /// Nothing about it is random: the same rows in the same order give the same bits.
    ApproximateQuantile {
        /// The quantile, in [0, 1].
        q: f64,
        /// The error as a share of the values, in (0, 0.5].
        error: f64,
    },
    /// How many values lie beyond the fence of two exact quantiles: below `Q(low) − reach · d` and
    /// above `Q(high) + reach · d`, where `d` is `Q(high) − Q(low)`. Brings the two quantiles, and
    /// buffers the column as they do.
    ///
    /// It is not known where the answer follows from the column before another step of the level
    /// rewrote it.
    Beyond {
        /// The lower quantile, in [0, 1].
        low: f64,
        /// The upper quantile, in [0, 1].
        high: f64,
        /// How far the fence stands beyond them; not negative.
        reach: f64,
    },
    /// The categories of a column of texts, Booleans or integers, with their counts. Holds each
    /// category once.
    Categories {
        /// With more categories than this the fit ends in an error.
        most: usize,
    },
    /// The value that most rows hold, of any column. Holds each value once.
    MostFrequent {
        /// With more distinct values than this the fit ends in an error.
        most: usize,
    },
}

impl Statistic {
    /// Whether it can be asked of a column of texts.
    pub(crate) fn is_of_texts(self) -> bool {
        matches!(
            self,
            Self::Count | Self::Categories { .. } | Self::MostFrequent { .. }
        )
    }

    /// Refuses a quantile or an error that cannot be.
    pub(crate) fn refuse_outside(self) -> Result<()> {
        if let Self::Beyond { low, high, reach } = self {
            if !(reach >= 0.0 && reach.is_finite()) {
                let message = format!("a fence cannot reach {reach} beyond its quantiles");
                return Err(Error::new(ErrorKind::Config, message));
            }
            Self::Quantile(low).refuse_outside()?;
            return Self::Quantile(high).refuse_outside();
        }
        let (q, error) = match self {
            Self::Quantile(q) => (q, None),
            Self::ApproximateQuantile { q, error } => (q, Some(error)),
            _ => return Ok(()),
        };
        if !(0.0..=1.0).contains(&q) {
            let message = format!("the quantile {q} does not lie in [0, 1]");
            return Err(Error::new(ErrorKind::Config, message));
        }
        error.map_or(Ok(()), refuse_error)
    }
}

/// Refuses a stated error of approximate quantiles that is no share in (0, 0.5].
pub(crate) fn refuse_error(error: f64) -> Result<()> {
    if error > 0.0 && error <= 0.5 {
        return Ok(());
    }
    let message = format!("the error {error} of approximate quantiles does not lie in (0, 0.5]");
    Err(Error::new(ErrorKind::Config, message)
        .with_help("state it as a share of the rows, such as 0.01, or ask for exact quantiles"))
}

type Query = dyn Fn(LazyFrame) -> Result<DataFrame> + Send + Sync;

/// What a step asks of the train rows, as they stand at the step's own place.
#[derive(Clone)]
pub struct Need(pub(crate) Ask);

#[derive(Clone)]
pub(crate) enum Ask {
    Column {
        column: PlSmallStr,
        statistic: Statistic,
    },
    LeastSquares {
        features: Vec<PlSmallStr>,
        target: PlSmallStr,
        intercept: bool,
    },
    Grouped {
        column: PlSmallStr,
        by: PlSmallStr,
        statistic: GroupStatistic,
        most: usize,
    },
    Query {
        name: PlSmallStr,
        columns: Vec<PlSmallStr>,
        run: Arc<Query>,
    },
}

impl Need {
    /// A statistic of one column.
    pub fn column(column: impl Into<PlSmallStr>, statistic: Statistic) -> Self {
        Self(Ask::Column {
            column: column.into(),
            statistic,
        })
    }

    /// A statistic of one column for each category of another, which is of texts, Booleans or
    /// integers. With more than `most` categories the fit ends in an error.
    pub fn grouped(
        column: impl Into<PlSmallStr>,
        by: impl Into<PlSmallStr>,
        statistic: GroupStatistic,
        most: usize,
    ) -> Self {
        Self(Ask::Grouped {
            column: column.into(),
            by: by.into(),
            statistic,
            most,
        })
    }

    /// The triangular factor of `features` and `target`, for least squares.
    pub fn least_squares<N: Into<PlSmallStr>>(
        features: impl IntoIterator<Item = N>,
        target: impl Into<PlSmallStr>,
        intercept: bool,
    ) -> Self {
        Self(Ask::LeastSquares {
            features: features.into_iter().map(Into::into).collect(),
            target: target.into(),
            intercept,
        })
    }

    /// A query of one's own over `columns`, for what no statistic fits.
    ///
    /// It costs a scan of its own, which `explain()` shows, and its answer is as reproducible as
    /// the query: Polars' own float sums depend on threads and chunks.
    pub fn query<N: Into<PlSmallStr>>(
        name: impl Into<PlSmallStr>,
        columns: impl IntoIterator<Item = N>,
        run: impl Fn(LazyFrame) -> Result<DataFrame> + Send + Sync + 'static,
    ) -> Self {
        Self(Ask::Query {
            name: name.into(),
            columns: columns.into_iter().map(Into::into).collect(),
            run: Arc::new(run),
        })
    }

    /// The columns that the need reads.
    pub fn columns(&self) -> Vec<PlSmallStr> {
        match &self.0 {
            Ask::Column { column, .. } => vec![column.clone()],
            Ask::LeastSquares {
                features, target, ..
            } => features.iter().chain([target]).cloned().collect(),
            Ask::Grouped { column, by, .. } => vec![column.clone(), by.clone()],
            Ask::Query { columns, .. } => columns.clone(),
        }
    }
}

impl fmt::Debug for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ask::Column { column, statistic } => write!(f, "{statistic:?}({column})"),
            Ask::LeastSquares {
                features, target, ..
            } => write!(f, "LeastSquares({} features -> {target})", features.len()),
            Ask::Grouped {
                column,
                by,
                statistic,
                ..
            } => write!(f, "{statistic:?}({column} by {by})"),
            Ask::Query { name, .. } => write!(f, "Query({name})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_errors_that_cannot_be_are_refused() {
        let approximate = |q, error| Statistic::ApproximateQuantile { q, error };
        assert!(approximate(1.0, 0.5).refuse_outside().is_ok());
        for (statistic, told) in [
            (Statistic::Quantile(-0.1), "[0, 1]"),
            (approximate(1.1, 0.1), "[0, 1]"),
            (approximate(f64::NAN, 0.1), "[0, 1]"),
            (approximate(0.5, 0.0), "(0, 0.5]"),
            (approximate(0.5, 0.51), "(0, 0.5]"),
            (approximate(0.5, f64::NAN), "(0, 0.5]"),
        ] {
            let error = statistic.refuse_outside().expect_err("an error");
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
