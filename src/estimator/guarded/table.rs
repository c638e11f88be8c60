use polars::prelude::{Column, DataFrame, DataType, PlSmallStr};

use super::super::{Classes, Training};
use crate::error::{Error, ErrorKind, Result};

/// The train rows as estimators take them that need all of them at once: one column-major matrix of
/// the features, 8 bytes a value, with no null, NaN or infinity in it.
pub(super) struct Table {
    pub(super) matrix: Vec<f64>,
    pub(super) rows: usize,
    /// At least 0 each, and not all 0.
    pub(super) weights: Option<Vec<f64>>,
}

/// Which columns of the train rows are read.
pub(super) struct Wanted<'a> {
    pub(super) features: &'a [PlSmallStr],
    pub(super) target: &'a PlSmallStr,
    pub(super) weights: Option<&'a PlSmallStr>,
}

impl Wanted<'_> {
    /// The rows with a target of numbers: one scan.
    pub(super) fn numbers(&self, training: &Training<'_>) -> Result<(Table, Vec<f64>)> {
        let mut target = Values::default();
        let table = self.read(training, |column| target.push(column))?;
        target.refuse_gaps(self.target, ROWS_HELP)?;
        Ok((table, target.values))
    }

    /// The rows with the codes of a target of classes: one scan.
    pub(super) fn classes(
        &self,
        training: &Training<'_>,
        classes: &Classes,
    ) -> Result<(Table, Vec<u32>)> {
        let mut codes = Vec::new();
        let table = self.read(training, |column| {
            let known = classes.codes(column)?.into_iter().map(|code| {
                let known = code.filter(|code| (*code as usize) < classes.len());
                // The classes were learned from the same rows.
                known.ok_or_else(|| {
                    let message = "the target changed while the rows were read";
                    Error::new(ErrorKind::Fit, message).on_column(self.target.as_str())
                })
            });
            codes.extend(known.collect::<Result<Vec<_>>>()?);
            Ok(())
        })?;
        Ok((table, codes))
    }

    fn read(
        &self,
        training: &Training<'_>,
        mut target: impl FnMut(&Column) -> Result<()>,
    ) -> Result<Table> {
        let names = self.features.iter().chain([self.target]);
        let names: Vec<_> = names.chain(self.weights).cloned().collect();
        let mut features: Vec<Values> = Vec::new();
        features.resize_with(self.features.len(), Values::default);
        let mut weights = self.weights.map(|_| Values::default());
        let mut rows = 0;
        training.scan(&names, |batch: &DataFrame| {
            rows += batch.height();
            let (of_features, others) = batch.columns().split_at(features.len());
            for (values, column) in features.iter_mut().zip(of_features) {
                values.push(column)?;
            }
            let mut others = others.iter();
            others.next().map_or(Ok(()), &mut target)?;
            match (&mut weights, others.next()) {
                (Some(weights), Some(column)) => weights.push(column),
                _ => Ok(()),
            }
        })?;
        if rows == 0 {
            let message = "there is no train row to learn from";
            return Err(Error::new(ErrorKind::Fit, message));
        }
        for (values, name) in features.iter().zip(self.features) {
            values.refuse_gaps(name, FEATURE_HELP)?;
        }
        let weights = match (weights, self.weights) {
            (Some(weights), Some(name)) => Some(weights.into_weights(name)?),
            _ => None,
        };
        let mut matrix = Vec::new();
        matrix.reserve_exact(features.len() * rows);
        // Each column is let go as soon as it was copied.
        for values in features {
            matrix.extend_from_slice(&values.values);
        }
        Ok(Table {
            matrix,
            rows,
            weights,
        })
    }
}

const FEATURE_HELP: &str = "fill them with an `Imputer`, or with `WithColumns` and `fill_null`, or drop those rows with `.keep(..)` before the split";
const ROWS_HELP: &str = "drop those rows with `.keep(..)` before the split";

/// One column of the train rows as floats, and what of it is none.
#[derive(Default)]
struct Values {
    values: Vec<f64>,
    nulls: usize,
    nans: usize,
    infinities: usize,
}

impl Values {
    fn push(&mut self, column: &Column) -> Result<()> {
        let floats = column.cast(&DataType::Float64)?;
        let floats = floats.f64()?;
        self.nulls += floats.null_count();
        for chunk in floats.downcast_iter() {
            let values = chunk.values().as_slice();
            self.values.extend_from_slice(values);
            if chunk.validity().is_none() && values.iter().all(|value| value.is_finite()) {
                continue;
            }
            for value in chunk.iter().flatten() {
                self.nans += usize::from(value.is_nan());
                self.infinities += usize::from(value.is_infinite());
            }
        }
        Ok(())
    }

    fn refuse_gaps(&self, name: &str, help: &'static str) -> Result<()> {
        let found = [
            (self.nulls, "null"),
            (self.nans, "NaN"),
            (self.infinities, "infinite"),
        ];
        let Some((count, what)) = found.into_iter().find(|(count, _)| *count > 0) else {
            return Ok(());
        };
        let message = format!("{count} of the train rows are {what}");
        Err(Error::new(ErrorKind::Fit, message)
            .on_column(name)
            .with_help(help))
    }

    fn into_weights(self, name: &str) -> Result<Vec<f64>> {
        self.refuse_gaps(name, ROWS_HELP)?;
        let negative = self.values.iter().filter(|weight| **weight < 0.0).count();
        if negative > 0 {
            let message = format!("{negative} of the train rows have a negative weight");
            return Err(Error::new(ErrorKind::Fit, message)
                .on_column(name)
                .with_help("a weight is 0 or more"));
        }
        let largest = self.values.iter().copied().fold(0.0, f64::max);
        if largest == 0.0 {
            return Err(
                Error::new(ErrorKind::Fit, "every train row has the weight 0")
                    .on_column(name)
                    .with_help(
                        "weights say how much a row counts; leave them out to count all alike",
                    ),
            );
        }
        // Only their ratios count, and sums of these do not overflow.
        Ok(self.values.iter().map(|weight| weight / largest).collect())
    }
}
