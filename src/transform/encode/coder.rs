//! From the values of a column to the places of its categories: one look-up a row.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use foldhash::fast::FixedState;
use polars::prelude::{Column, DataType, Expr, Field as PolarsField, PolarsResult, Series};

use crate::error::{Error, ErrorKind, Result};
use crate::learn::Category;
use crate::schema::{self, Schema};

/// Refuses a column whose values are no categories.
pub(super) fn refuse_dtype(column: &str, dtype: &DataType) -> Result<()> {
    if is_encoded(dtype) {
        return Ok(());
    }
    let help = if dtype.is_float() {
        "equal floats are an accident: cast the column to an integer or a String first"
    } else {
        "cast the column to a String first"
    };
    let message = "a column of texts, Booleans or integers is needed";
    Err(Error::new(ErrorKind::Schema, message)
        .on_column(column)
        .with_dtype(dtype)
        .with_help(help))
}

fn is_encoded(dtype: &DataType) -> bool {
    use DataType::{Boolean, Int8, Int16, Int32, Int64, String, UInt8, UInt16, UInt32, UInt64};
    matches!(
        dtype,
        String | Boolean | Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64
    )
}

/// Refuses a column that is not of the dtype of the fit: what was learned means nothing for it.
pub(super) fn refuse_other_dtype(column: &str, found: &DataType, fitted: &DataType) -> Result<()> {
    if found == fitted {
        return Ok(());
    }
    let message = format!("the step was fitted on {fitted}");
    Err(Error::new(ErrorKind::Schema, message)
        .on_column(column)
        .with_dtype(found)
        .with_help("cast the column back first"))
}

/// The dtype of a column before a fitted step, which is that of the fit.
pub(super) fn check_input(input: &Schema, column: &str, fitted: &DataType) -> Result<()> {
    refuse_other_dtype(column, input.field(column)?.dtype(), fitted)
}

/// The name of a step in messages, without what it learned.
#[derive(Clone)]
pub(super) struct Stage(Arc<str>);

impl Stage {
    pub(super) fn of(step: &dyn fmt::Debug) -> Self {
        Self(format!("{step:?}").into())
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a value of no category of the fit becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A place that the step gives a meaning.
    At(u32),
    /// An error.
    Refused,
}

/// Finds the place of the category of each row.
pub(super) struct Coder {
    column: String,
    dtype: DataType,
    places: Places,
    unknown: Place,
    null: Place,
}

enum Places {
    /// Of `false` and of `true`.
    Bools([Option<u32>; 2]),
    /// By the bits of 64, signed or not.
    Numbers(HashMap<i64, u32, FixedState>),
    Texts(HashMap<Box<str>, u32, FixedState>),
}

impl Coder {
    /// A coder of categories, each with its place.
    pub(super) fn new<'a>(
        column: &str,
        dtype: &DataType,
        categories: impl Iterator<Item = (&'a Category, u32)>,
        unknown: Place,
        null: Place,
    ) -> Self {
        let places = match dtype {
            DataType::Boolean => {
                let mut places = [None; 2];
                for (category, at) in categories {
                    if let Category::Bool(value) = category {
                        places[usize::from(*value)] = Some(at);
                    }
                }
                Places::Bools(places)
            }
            DataType::String => Places::Texts(
                categories
                    .filter_map(|(category, at)| match category {
                        Category::Text(text) => Some((text.as_str().into(), at)),
                        _ => None,
                    })
                    .collect(),
            ),
            _ => Places::Numbers(
                categories
                    .filter_map(|(category, at)| match category {
                        Category::Int(value) => Some((bits(*value)?, at)),
                        _ => None,
                    })
                    .collect(),
            ),
        };
        Self {
            column: column.to_owned(),
            dtype: dtype.clone(),
            places,
            unknown,
            null,
        }
    }

    /// The place of each row's category.
    pub(super) fn places(&self, column: &Column) -> Result<Vec<u32>> {
        let series = column.as_materialized_series();
        refuse_other_dtype(&self.column, series.dtype(), &self.dtype)?;
        let mut out = Vec::with_capacity(series.len());
        let found = match &self.places {
            Places::Bools(places) => {
                let values = series.bool()?.iter();
                let values = values.map(|value| value.map(|value| places[usize::from(value)]));
                self.fill(values, &mut out)
            }
            Places::Texts(places) => {
                let values = series.str()?.iter();
                let values = values.map(|value| value.map(|value| places.get(value).copied()));
                self.fill(values, &mut out)
            }
            Places::Numbers(places) => {
                let get = |value: Option<i64>| value.map(|value| places.get(&value).copied());
                if *series.dtype() == DataType::UInt64 {
                    let values = series.u64()?.iter();
                    let values = values.map(|value| get(value.map(u64::cast_signed)));
                    self.fill(values, &mut out)
                } else {
                    let wide = series.cast(&DataType::Int64)?;
                    self.fill(wide.i64()?.iter().map(get), &mut out)
                }
            }
        };
        match found {
            None => Ok(out),
            Some(row) => Err(self.refused(series, row)?),
        }
    }

    /// The places of rows: of a null row none, of a row of no category none within. Gives the first
    /// row that is refused.
    fn fill(
        &self,
        rows: impl Iterator<Item = Option<Option<u32>>>,
        out: &mut Vec<u32>,
    ) -> Option<usize> {
        for (row, value) in rows.enumerate() {
            let otherwise = match value {
                Some(Some(at)) => Place::At(at),
                Some(None) => self.unknown,
                None => self.null,
            };
            match otherwise {
                Place::At(at) => out.push(at),
                Place::Refused => return Some(row),
            }
        }
        None
    }

    fn refused(&self, series: &Series, row: usize) -> Result<Error> {
        let value = series.get(row)?;
        let (message, help) = if value.is_null() {
            (
                "there is a null".to_owned(),
                "fill it by an `Imputer` first, or choose another policy for nulls",
            )
        } else {
            let text: String = value.str_value().chars().take(60).collect();
            (
                format!("no train row held the category `{text}`"),
                "choose another policy for unknown categories, or fit on rows that hold it",
            )
        };
        Ok(Error::new(ErrorKind::Apply, message)
            .on_column(self.column.as_str())
            .with_dtype(series.dtype())
            .with_help(help))
    }

    /// The expression that makes something of the places of the column, in a dtype.
    pub(super) fn expr(
        self,
        stage: &Stage,
        dtype: DataType,
        make: impl Fn(Vec<u32>) -> Series + Send + Sync + 'static,
    ) -> Expr {
        let coder = Arc::new(self);
        let (at_apply, at_plan) = (stage.clone(), stage.clone());
        let of_plan = Arc::clone(&coder);
        schema::mapped(
            schema::column(coder.column.as_str()),
            move |column| {
                let places = coder.places(&column);
                let places = places.map_err(|error| error.at(&at_apply).into_polars())?;
                let made = make(places).with_name(column.name().clone());
                Ok(made.into())
            },
            move |_, field| of_plan.field(field, &at_plan, &dtype),
        )
    }

    /// The field after the step, or an error before any row is read.
    pub(super) fn field(
        &self,
        field: &PolarsField,
        stage: &Stage,
        dtype: &DataType,
    ) -> PolarsResult<PolarsField> {
        refuse_other_dtype(&self.column, field.dtype(), &self.dtype)
            .map_err(|error| error.at(stage).into_polars())?;
        Ok(PolarsField::new(field.name().clone(), dtype.clone()))
    }
}

/// The 64 bits of an integer that fits into them, signed or not.
fn bits(value: i128) -> Option<i64> {
    let signed = i64::try_from(value).ok();
    signed.or_else(|| u64::try_from(value).ok().map(u64::cast_signed))
}
