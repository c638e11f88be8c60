use std::fmt;
use std::sync::Arc;

use polars::prelude::{DataFrame, LazyFrame, PlSmallStr};

use crate::error::Result;

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
            Ask::Query { name, .. } => write!(f, "Query({name})"),
        }
    }
}
