use std::fmt;

use polars::prelude::{
    BooleanChunked, ChunkCompareEq, ChunkFillNullValue, Column, DataType, Field as PolarsField,
    IntoColumn, LazyFrame, Series,
};
use serde::{Deserialize, Serialize};

use super::fill_value::FillValue;
use super::groups::{By, GroupFill, Lookup};
use super::policy::{EmptyAs, Integers, NanAs, is_default};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::Category;
use crate::schema::{self, Dtype, Field, Nullable, Schema};
use crate::transform::{Apply, Artifact, RowWise};

/// A fitted [`Imputer`](super::Imputer): what each column is filled with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imputation {
    pub(super) columns: Vec<Filled>,
    pub(super) strategy: Strategy,
    pub(super) nans: NanAs,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) empty: EmptyAs,
    pub(super) integers: Integers,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<By>,
}

/// A column, its dtype at the fit, and what fills it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filled {
    pub(super) column: String,
    pub(super) dtype: Dtype,
    /// What the whole column taught, or the constant.
    pub(super) value: FillValue,
    /// What each group taught that holds a value, in ascending order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<GroupFill>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Strategy {
    Mean,
    Median,
    MostFrequent,
    Constant,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::MostFrequent => "most frequent value",
            Self::Constant => "constant",
        })
    }
}

impl Imputation {
    /// What the gaps of a column are filled with, in its physical numbers: of a step by groups, where
    /// the group taught nothing.
    pub fn fill(&self, column: &str) -> Option<&FillValue> {
        Some(&self.of(column)?.value)
    }

    /// What the gaps of a column are filled with in the rows of a group, if that group taught a value.
    pub fn fill_of(&self, column: &str, group: &Category) -> Option<&FillValue> {
        let mut groups = self.of(column)?.groups.iter();
        let found = groups.find(|fill| fill.group == *group)?;
        Some(&found.value)
    }

    fn of(&self, column: &str) -> Option<&Filled> {
        let mut columns = self.columns.iter();
        columns.find(|filled| filled.column == column)
    }

    fn gaps(&self, series: &Series) -> Result<BooleanChunked> {
        let gaps = series.is_null();
        if self.nans == NanAs::Missing && series.dtype().is_float() {
            return Ok(gaps | series.is_nan()?.fill_null_with_values(true)?);
        }
        if self.empty == EmptyAs::Missing && *series.dtype() == DataType::String {
            return Ok(gaps | series.str()?.equal("").fill_null_with_values(true)?);
        }
        Ok(gaps)
    }
}

/// What fills one column, made ready for any number of rows.
struct Filler {
    step: Imputation,
    dtype: DataType,
    /// The values of the groups, then that of the whole column.
    values: Series,
    groups: Option<(By, Lookup)>,
}

impl Filler {
    fn new(step: &Imputation, filled: &Filled) -> Result<Self> {
        let dtype = filled_dtype(&filled.dtype.0, step.integers);
        let of_groups = filled.groups.iter().map(|fill| &fill.value);
        let mut values = Series::new_empty(filled.column.as_str().into(), &dtype);
        for value in of_groups.chain([&filled.value]) {
            let one = value.one(&dtype);
            values.append_owned(one.map_err(|error| error.on_column(filled.column.as_str()))?)?;
        }
        let groups = step.by.clone().map(|by| {
            let lookup = Lookup::new(&by.dtype.0, &filled.groups);
            (by, lookup)
        });
        Ok(Self {
            step: step.clone(),
            dtype,
            values,
            groups,
        })
    }

    /// The column filled, out of the column and that of the groups where there is one.
    fn fill(&self, columns: &[Column]) -> Result<Column> {
        let series = columns[0].as_materialized_series();
        let gaps = self.step.gaps(series)?;
        let values = series.cast(&self.dtype)?;
        if !gaps.any() {
            return Ok(values.into_column());
        }
        let fill = match (&self.groups, columns.get(1)) {
            (Some((by, lookup)), Some(keys)) => {
                let numbers = lookup.numbers(keys.as_materialized_series(), &gaps, by);
                self.values
                    .take(&numbers.map_err(|error| error.on_column(series.name().as_str()))?)?
            }
            _ => self.values.clone(),
        };
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
        let key = self.by.iter().map(|by| schema::column(by.column.as_str()));
        let key: Vec<_> = key.collect();
        let exprs = self.columns.iter().map(|filled| {
            let filler = Filler::new(self, filled)?;
            let (expected, integers, by) = (filled.clone(), self.integers, self.by.clone());
            Ok(schema::column(filled.column.as_str()).map_many(
                move |columns| {
                    let filled = filler.fill(columns);
                    filled.map_err(|error| error.at(&filler.step).into_polars())
                },
                &key,
                move |_, fields| {
                    let field = same_dtype(&fields[0], &expected, integers);
                    let key = by.as_ref().zip(fields.get(1));
                    let key = key.map_or(Ok(()), |(by, key)| refuse_other(key, &by.dtype));
                    key.and(field).map_err(Error::into_polars)
                },
            ))
        });
        Ok(frame.with_columns(exprs.collect::<Result<Vec<_>>>()?))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let columns = self.columns.iter().map(|filled| filled.column.as_str());
        output(input, columns, self.integers)
    }

    fn report(&self) -> serde_json::Value {
        let columns = self.columns.iter().map(|filled| {
            let mut fill = serde_json::json!({ "fill": filled.value.told() });
            if let (false, Some(told)) = (filled.groups.is_empty(), fill.as_object_mut()) {
                let groups = filled.groups.iter();
                let groups = groups.map(|fill| (fill.group.to_string(), fill.value.told()));
                told.insert("groups".to_owned(), groups.collect());
            }
            (filled.column.clone(), fill)
        });
        serde_json::Value::Object(columns.collect())
    }
}

/// The field after the step, or an error before any row is read.
fn same_dtype(field: &PolarsField, expected: &Filled, integers: Integers) -> Result<PolarsField> {
    refuse_other(field, &expected.dtype)?;
    let dtype = filled_dtype(field.dtype(), integers);
    Ok(PolarsField::new(field.name().clone(), dtype))
}

/// What was learned of one dtype means nothing for another.
fn refuse_other(field: &PolarsField, expected: &Dtype) -> Result<()> {
    if *field.dtype() == expected.0 {
        return Ok(());
    }
    let message = format!("the step was fitted on {}", expected.0);
    Err(Error::new(ErrorKind::Schema, message)
        .on_column(field.name().as_str())
        .with_dtype(field.dtype())
        .with_help("cast the column back first"))
}

impl RowWise for Imputation {}

impl Artifact for Imputation {
    const KIND: &'static str = "imputation";
}
