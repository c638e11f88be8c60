use std::sync::Arc;

use polars::prelude::DataFrame;

use super::accumulate::{Double, Factor};
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
    /// What the mean lost in rounding: what a scaling moves to the origin shows it.
    pub(crate) residue: f64,
    pub(crate) std: Option<f64>,
}

/// The finished factor, and the exact shifts of its integer columns.
#[derive(Clone, Debug)]
pub(crate) struct FactorAnswer {
    pub(crate) factor: Factor,
    pub(crate) origins: Vec<i128>,
}

impl FactorAnswer {
    /// Combines the rows of two problems, each shifted by integers of its own.
    pub(crate) fn merge(self, other: Self) -> Self {
        let beyond: Vec<_> = self
            .origins
            .iter()
            .zip(&other.origins)
            .map(|(to, from)| Double::difference(*from, *to))
            .collect();
        // The shifts of rows that were all left out say nothing.
        let origins = if self.factor.rows() == 0 {
            other.origins
        } else {
            self.origins
        };
        Self {
            factor: self.factor.merge(&other.factor, &beyond),
            origins,
        }
    }
}
