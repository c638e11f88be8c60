use std::fmt;

use polars::prelude::{
    ChunkFillNullValue, Column, DataType, Field as PolarsField, IntoColumn, LazyFrame,
};
use serde::{Deserialize, Serialize};

use super::fill_value::FillValue;
use super::policy::{Integers, NanAs};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{self, Dtype, Field, Nullable, Schema};
use crate::transform::{Apply, Artifact, RowWise};

/// A fitted [`Imputer`](super::Imputer): what each column is filled with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imputation {
    pub(super) columns: Vec<Filled>,
    pub(super) strategy: Strategy,
    pub(super) nans: NanAs,
    pub(super) integers: Integers,
}

/// A column, its dtype at the fit, and what fills it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filled {
    pub(super) column: String,
    pub(super) dtype: Dtype,
    pub(super) value: FillValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Strategy {
    Mean,
    Median,
    Constant,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Constant => "constant",
        })
    }
}

impl Imputation {
    /// What the gaps of a column are filled with, in its physical numbers.
    pub fn fill(&self, column: &str) -> Option<&FillValue> {
        let mut columns = self.columns.iter();
        let filled = columns.find(|filled| filled.column == column)?;
        Some(&filled.value)
    }

    fn filled(&self, filled: &Filled, column: &Column) -> Result<Column> {
        let dtype = filled_dtype(&filled.dtype.0, self.integers);
        let series = column.as_materialized_series();
        let mut gaps = series.is_null();
        if self.nans == NanAs::Missing && series.dtype().is_float() {
            gaps = gaps | series.is_nan()?.fill_null_with_values(true)?;
        }
        let values = series.cast(&dtype)?;
        if !gaps.any() {
            return Ok(values.into_column());
        }
        let fill = filled.value.one(&dtype);
        let fill = fill.map_err(|error| error.on_column(filled.column.as_str()))?;
        let fill = fill.with_name(series.name().clone());
        Ok(fill.zip_with(&gaps, &values)?.into_column())
    }
}

/// The dtype of a filled column.
pub(super) fn filled_dtype(dtype: &DataType, integers: Integers) -> DataType {
    let whole = dtype.is_integer() || *dtype == DataType::Boolean;
    if whole && integers == Integers::Float {
        DataType::Float64
    } else {
        dtype.clone()
    }
}

/// The schema after an imputer: no null is left.
pub(super) fn output<'a>(
    input: &Schema,
    columns: impl IntoIterator<Item = &'a str>,
    integers: Integers,
) -> Result<Schema> {
    let mut output = input.clone();
    for name in columns {
        let dtype = filled_dtype(input.field(name)?.dtype(), integers);
        output.set(Field::new(name, dtype).nullable(Nullable::Never));
    }
    Ok(output)
}

impl Apply for Imputation {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let exprs = self.columns.iter().map(|filled| {
            let (step, of) = (self.clone(), filled.clone());
            let (expected, integers) = (filled.clone(), self.integers);
            schema::column(filled.column.as_str()).map(
                move |column| {
                    let filled = step.filled(&of, &column);
                    filled.map_err(|error| error.at(&step).into_polars())
                },
                move |_, field| same_dtype(field, &expected, integers).map_err(Error::into_polars),
            )
        });
        Ok(frame.with_columns(exprs.collect::<Vec<_>>()))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let columns = self.columns.iter().map(|filled| filled.column.as_str());
        output(input, columns, self.integers)
    }

    fn report(&self) -> serde_json::Value {
        let columns = self.columns.iter().map(|filled| {
            let fill = serde_json::json!({ "fill": filled.value.told() });
            (filled.column.clone(), fill)
        });
        serde_json::Value::Object(columns.collect())
    }
}

/// The field after the step, or an error before any row is read: what was learned of one dtype
/// means nothing for another.
fn same_dtype(field: &PolarsField, expected: &Filled, integers: Integers) -> Result<PolarsField> {
    if *field.dtype() != expected.dtype.0 {
        let message = format!("the step was fitted on {}", expected.dtype.0);
        return Err(Error::new(ErrorKind::Schema, message)
            .on_column(field.name().as_str())
            .with_dtype(field.dtype())
            .with_help("cast the column back first"));
    }
    let dtype = filled_dtype(field.dtype(), integers);
    Ok(PolarsField::new(field.name().clone(), dtype))
}

impl RowWise for Imputation {}

impl Artifact for Imputation {
    const KIND: &'static str = "imputation";
}
