use std::sync::Arc;

use polars::prelude::DataFrame;

use super::accumulate::Factor;
use super::value::{Mean, Quantile, Value};

/// What the scan of a level found.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    pub(crate) columns: Vec<Option<Arc<ColumnAnswer>>>,
    pub(crate) factors: Vec<Arc<FactorAnswer>>,
    pub(crate) queries: Vec<Arc<DataFrame>>,
}

#[derive(Clone, Debug)]
pub(crate) struct ColumnAnswer {
    pub(crate) summary: Found,
    pub(crate) quantiles: Vec<(f64, Quantile)>,
    /// The source row of the first infinity, where there is one.
    pub(crate) infinite_row: Option<u64>,
}

/// The summary of a column, in types that do not depend on its dtype.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) rows: u64,
    pub(crate) nulls: u64,
    pub(crate) nans: u64,
    pub(crate) infinities: u64,
    pub(crate) min: Option<Value>,
    pub(crate) max: Option<Value>,
    pub(crate) mean: Option<Mean>,
    pub(crate) std: Option<f64>,
}

/// The finished factor, and the exact shifts of its integer columns.
#[derive(Clone, Debug)]
pub(crate) struct FactorAnswer {
    pub(crate) factor: Factor,
    pub(crate) origins: Vec<i128>,
}
