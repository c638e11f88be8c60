//! Rows that weigh: what a weight may be, and weighted sums of errors.

use polars::prelude::Column;

use crate::error::{Error, ErrorKind, Result};
use crate::learn::Double;

/// The weight of a row that is scored.
pub(super) fn weighed(weight: Option<f64>) -> Result<f64> {
    let weight = weight.ok_or_else(|| unweighed("a scored row has no weight".to_owned()))?;
    if weight.is_finite() && weight >= 0.0 {
        return Ok(weight);
    }
    Err(unweighed(format!("a scored row has the weight {weight}")))
}

fn unweighed(message: String) -> Error {
    Error::new(ErrorKind::Score, message).with_help("a weight is a number from 0 on")
}

/// Sums over rows in their order, in about 106 bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WeightedSums {
    /// The first truth: others are counted from it, so that their squares keep their digits.
    origin: Option<f64>,
    weight: Double,
    truth: Double,
    truth_squared: Double,
    error: Double,
    squared: Double,
    absolute: Double,
    relative: Double,
}

/// What the sums come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightedMeans {
    pub(super) error: f64,
    pub(super) squared: f64,
    pub(super) absolute: f64,
    /// Means nothing where a truth is zero.
    pub(super) relative: f64,
    pub(super) truth_variance: f64,
    pub(super) error_variance: f64,
}

impl WeightedSums {
    /// Adds rows: a truth and an error are both null where one is missing.
    pub(super) fn add(&mut self, truths: &Column, errors: &Column, weights: &Column) -> Result<()> {
        let rows = truths.f64()?.iter().zip(errors.f64()?.iter());
        for ((truth, error), weight) in rows.zip(weights.f64()?.iter()) {
            if let (Some(truth), Some(error)) = (truth, error) {
                self.row(truth, error, weighed(weight)?);
            }
        }
        Ok(())
    }

    fn row(&mut self, truth: f64, error: f64, weight: f64) {
        let far = truth - *self.origin.get_or_insert(truth);
        let add = |sum: &mut Double, value: Double| *sum = *sum + value * weight;
        let single = |value: f64| Double::sum(value, 0.0);
        add(&mut self.weight, single(1.0));
        add(&mut self.truth, single(far));
        add(&mut self.truth_squared, Double::product(far, far));
        add(&mut self.error, single(error));
        add(&mut self.squared, Double::product(error, error));
        add(&mut self.absolute, single(error.abs()));
        if truth != 0.0 {
            add(&mut self.relative, single(error.abs() / truth.abs()));
        }
    }

    /// None where no row has a weight above 0.
    pub(super) fn means(self) -> Option<WeightedMeans> {
        let weight = self.weight.value();
        if weight == 0.0 {
            return None;
        }
        let mean = |sum: Double| sum / weight;
        let variance = |sum: Double, squares: Double| {
            let variance = (mean(squares) - mean(sum).square()).value();
            // A NaN, of squares beyond the largest number, stays one.
            if variance < 0.0 { 0.0 } else { variance }
        };
        Some(WeightedMeans {
            error: mean(self.error).value(),
            squared: mean(self.squared).value(),
            absolute: mean(self.absolute).value(),
            relative: mean(self.relative).value(),
            truth_variance: variance(self.truth, self.truth_squared),
            error_variance: variance(self.error, self.squared),
        })
    }
}
