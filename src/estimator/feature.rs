//! A feature as floats that keep the digits of far integers, at the fit as at the prediction.

use std::fmt;

use polars::prelude::{
    Column, DataType, Expr, Field, Float64Chunked, IntoColumn, PlSmallStr, PolarsResult,
};

use crate::error::{Error, ErrorKind, Result, listed};
use crate::learn::Learned;
use crate::schema::{Columns, Kind, Schema, column, physical_unit};

/// Chosen features, which are numeric.
pub(super) fn numeric(features: &Columns, input: &Schema) -> Result<Vec<PlSmallStr>> {
    let features = features.resolve(input)?;
    for name in &features {
        Kind::of(name, input.field(name)?.dtype())?;
    }
    Ok(features)
}

/// Refuses a model from a file that is not one of this estimator.
pub(super) fn refuse_other(
    found: &[String],
    features: &Columns,
    estimator: &dyn fmt::Debug,
) -> Result<()> {
    if features.may_be(found.iter().map(String::as_str)) {
        return Ok(());
    }
    let message = format!(
        "its features are {} and not those of `{estimator:?}`",
        listed(found)
    );
    Err(Error::new(ErrorKind::Model, message)
        .with_help("load it with the flow that it was saved from"))
}

/// Refuses features with gaps.
pub(super) fn refuse_gaps(features: &[PlSmallStr], learned: &Learned) -> Result<()> {
    for name in features {
        let found = [
            (learned.nulls(name)?, "null"),
            (learned.nans(name)?, "NaN"),
            (learned.infinities(name)?, "infinite"),
        ];
        if let Some((count, what)) = found.into_iter().find(|(count, _)| *count > 0) {
            let message = format!("{count} of the train rows are {what}");
            return Err(Error::new(ErrorKind::Fit, message)
                .on_column(name.as_str())
                .with_help("fill them with an `Imputer`, or with `WithColumns` and `fill_null`, or drop those rows with `.keep(..)` before the split"));
        }
    }
    Ok(())
}

/// Where the values of a feature lie: around `origin + offset`, `std` far on average.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    /// Subtracted in integers, before a float would lose digits; 0 of all but wide integers.
    pub(super) origin: i128,
    pub(super) offset: f64,
    pub(super) std: f64,
}

impl Spread {
    /// Out of the mean and the deviation, in the numbers that a model computes with.
    pub(super) fn of(name: &str, learned: &Learned, schema: &Schema) -> Result<Self> {
        let dtype = schema.field(name)?.dtype();
        let (Some(mean), Some(std)) = (learned.mean(name)?, learned.std(name)?) else {
            let message = "there is no train row to learn from";
            return Err(Error::new(ErrorKind::Fit, message).on_column(name));
        };
        if is_wide(name, dtype)? {
            return Ok(Self {
                origin: mean.origin,
                offset: mean.offset,
                std,
            });
        }
        let unit = physical_unit(dtype);
        Ok(Self {
            origin: 0,
            offset: mean.to_f64() / unit,
            std: std / unit,
        })
    }
}

/// Whether the values are integers that a float cannot hold.
pub(super) fn is_wide(name: &str, dtype: &DataType) -> Result<bool> {
    Ok(matches!(Kind::of(name, dtype)?, Kind::I64 | Kind::U64))
}

/// A feature as a float, counted from its origin.
pub(super) fn distance(feature: &str, origin: i128) -> Expr {
    let feature = column(feature);
    if origin == 0 {
        return feature.cast(DataType::Float64);
    }
    feature.map(
        move |values| Ok(distances(&values, origin)?.into_column()),
        |_, field| Ok(Field::new(field.name().clone(), DataType::Float64)),
    )
}

/// The values of a feature as floats, counted from its origin.
pub(super) fn distances(values: &Column, origin: i128) -> PolarsResult<Float64Chunked> {
    if origin == 0 {
        let floats = values.as_materialized_series().cast(&DataType::Float64)?;
        return floats.f64().cloned();
    }
    let from = |value: i128| (value - origin) as f64;
    let name = values.name().clone();
    let physical = values.as_materialized_series().to_physical_repr();
    let distances: Float64Chunked = if physical.dtype() == &DataType::UInt64 {
        let values = physical.u64()?.iter();
        values
            .map(|value| value.map(|value| from(value.into())))
            .collect()
    } else {
        // What was a wide integer at the fit is one here: the dtypes of the inputs are compared.
        let values = physical.i64()?.iter();
        values
            .map(|value| value.map(|value| from(value.into())))
            .collect()
    };
    Ok(distances.with_name(name))
}
