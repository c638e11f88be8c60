use std::sync::Arc;

use polars::prelude::DataFrame;

use super::accumulate::{Double, Factor};
use super::beyond::Beyond;
use super::category::Counted;
use super::grouped::Grouped;
use super::value::{Mean, Quantile, Value};
use crate::error::{Error, ErrorKind, Result};

/// What the scan of a level found.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    pub(crate) columns: Vec<Option<Arc<ColumnAnswer>>>,
    pub(crate) factors: Vec<Arc<FactorAnswer>>,
    /// None where there were more categories than may be held.
    pub(crate) groups: Vec<Option<Arc<Grouped>>>,
    pub(crate) queries: Vec<Arc<DataFrame>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnAnswer {
    pub(crate) summary: Found,
    pub(crate) quantiles: Vec<(f64, Quantile)>,
    pub(crate) approximate: Vec<Approximate>,
    /// How many values lie below and above each fence.
    pub(crate) beyond: Vec<(Beyond, (u64, u64))>,
    pub(crate) counted: Option<Counted>,
    /// The source row of the first infinity, where there is one.
    pub(crate) infinite_row: Option<u64>,
}

/// A quantile by a sketch, and how far its rank can be off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Approximate {
    pub(crate) q: f64,
    pub(crate) error: f64,
    pub(crate) found: Value,
    /// Ranks, of so many values.
    pub(crate) bound: u64,
    pub(crate) count: u64,
}

impl Approximate {
    /// The value, unless its rank can be off by more than was stated.
    pub(crate) fn value(&self) -> Result<Value> {
        let Self {
            q,
            error,
            found,
            bound,
            count,
        } = *self;
        if bound as f64 <= error * count as f64 {
            return Ok(found);
        }
        let message = format!(
            "the approximate quantile {q} may be off by {bound} ranks of {count}, more than the stated error {error}"
        );
        Err(Error::new(ErrorKind::Fit, message)
            .with_help("state a larger error, or ask for exact quantiles"))
    }
}

/// The summary of a column, in types that do not depend on its dtype.
#[derive(Clone, Debug, Default)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_could_not_be_kept_is_told() {
        let of = |bound| Approximate {
            q: 0.5,
            error: 0.25,
            found: Value::Int(7),
            bound,
            count: 1_000,
        };
        assert_eq!(of(250).value().expect("kept"), Value::Int(7));
        let error = of(251).value().expect_err("not kept");
        assert_eq!(error.kind(), ErrorKind::Fit);
        assert!(error.to_string().contains("251 ranks of 1000"), "{error}");
    }
}
