use std::fmt;

use polars::prelude::{
    Column, DataType, Expr, Field as PolarsField, Float64Chunked, IntoColumn, LazyFrame,
    PlSmallStr, PolarsResult, by_name, lit, map_multiple,
};
use serde::{Deserialize, Serialize};

use super::norm::{Norm, largest, length};
use super::policy::{self, Infinities, Nans, Nulls};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::Learned;
use crate::schema::{Columns, Field, Kind, Nullable, Schema, column};
use crate::transform::{Apply, Artifact, RowWise, Stateless, Transform, names};

/// Scales each row, over several columns, to length 1; learns nothing, so it may stand before the
/// split. What it does cannot be undone, as the length of the row is gone.
///
/// A row is divided by its largest magnitude first, so that squares neither overflow nor underflow,
/// and then by its length in that unit. A row of zeros stays zeros. Values differ from exact
/// arithmetic by a few roundings (2^-53 each), and one for every two columns.
///
/// Columns: Boolean, integers, Decimal, Float32 and Float64; each value is rounded to Float64 first.
/// Dates, times and durations are refused, as their numbers depend on a unit. Output: Float64. Rows
/// are kept.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `norm` | `Norm::L2` | which length becomes 1 |
/// | `nulls` | `Nulls::Keep` | a row with a null has no length: all its values become null |
/// | `nans` | `Nans::Keep` | a row with a NaN, and without a null: all its values become NaN, or null |
/// | `infinities` | `Infinities::Error` | a row with an infinity, and without a null or NaN: kept, all its values become NaN, as it has no direction; or null |
///
/// The definition is scikit-learn's `Normalizer`.
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent or cannot be normalised;
/// [`ErrorKind::Apply`] for what a policy refuses.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// // The squares of these are beyond Float64.
/// let rows = df!["x" => [3e200, 0.0], "y" => [-4e200, 0.0]]?;
/// let scaled = Normalizer::new(["x", "y"]).apply(rows.lazy())?.collect()?;
/// assert_eq!(scaled.column("x")?.f64()?.get(1), Some(0.0));
/// let [x, y] = ["x", "y"].map(|name| scaled[name].f64().unwrap().get(0).unwrap());
/// assert!((x - 0.6).abs() < 1e-15 && (y + 0.8).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a step does nothing until it is part of a flow, or applied"]
pub struct Normalizer {
    #[serde(with = "names")]
    columns: Columns,
    norm: Norm,
    nulls: Nulls,
    nans: Nans,
    infinities: Infinities,
}

impl Normalizer {
    /// Makes the rows of these columns as long as 1.
    pub fn new(columns: impl Into<Columns>) -> Self {
        Self {
            columns: columns.into(),
            norm: Norm::default(),
            nulls: Nulls::default(),
            nans: Nans::default(),
            infinities: Infinities::default(),
        }
    }

    /// Which length becomes 1.
    pub fn norm(mut self, norm: Norm) -> Self {
        self.norm = norm;
        self
    }

    /// What to do with rows that hold a null.
    pub fn nulls(mut self, nulls: Nulls) -> Self {
        self.nulls = nulls;
        self
    }

    /// What to do with rows that hold a NaN.
    pub fn nans(mut self, nans: Nans) -> Self {
        self.nans = nans;
        self
    }

    /// What to do with rows that hold an infinity.
    pub fn infinities(mut self, infinities: Infinities) -> Self {
        self.infinities = infinities;
        self
    }

    fn resolve(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let names = self.columns.resolve(input)?;
        for name in &names {
            check_dtype(name, input.field(name)?.dtype())?;
        }
        Ok(names)
    }

    /// The unit of each row by the policies: its largest magnitude, 1 for a row of zeros, NaN or
    /// null for a row that has no length.
    fn units(&self, columns: &[Column]) -> Result<Float64Chunked> {
        let name = PlSmallStr::from_static(UNIT);
        for column in columns {
            let count = column.null_count();
            if self.nulls == Nulls::Error && count > 0 {
                return Err(refused(column, count, "null", ".nulls(Nulls::Keep)"));
            }
        }
        let columns_f64 = floats(columns)?;
        let largest = largest(name.clone(), &columns_f64);
        let mut faults = [0_usize; 2];
        let units = largest.iter().map(|unit| {
            let unit = unit?;
            if unit.is_nan() {
                faults[0] += usize::from(self.nans == Nans::Error);
                return (self.nans != Nans::Null).then_some(unit);
            }
            if unit.is_infinite() {
                faults[1] += usize::from(self.infinities == Infinities::Error);
                return (self.infinities != Infinities::Null).then_some(f64::NAN);
            }
            Some(if unit > 0.0 { unit } else { 1.0 })
        });
        let units: Float64Chunked = units.collect();
        let texts = [
            ("NaN", ".nans(Nans::Keep)` or `Nans::Null"),
            (
                "infinite",
                ".infinities(Infinities::Keep)` or `Infinities::Null",
            ),
        ];
        for (at, (count, (what, choose))) in faults.into_iter().zip(texts).enumerate() {
            if count > 0 {
                let holds = |column: &Float64Chunked| {
                    let mut values = column.iter().flatten();
                    values.any(|value| [value.is_nan(), value.is_infinite()][at])
                };
                let first = columns_f64.iter().position(holds).unwrap_or(0);
                return Err(refused(&columns[first], count, what, choose));
            }
        }
        Ok(units.with_name(name))
    }
}

fn refused(column: &Column, count: usize, what: &str, choose: &str) -> Error {
    let message = format!("{count} rows of one batch hold values that are {what}");
    Error::new(ErrorKind::Apply, message)
        .on_column(column.name().as_str())
        .with_help(format!("clean them first, or choose `{choose}`"))
}

fn check_dtype(column: &str, dtype: &DataType) -> Result<()> {
    Kind::of(column, dtype)?;
    if dtype.is_temporal() {
        return Err(
            Error::new(ErrorKind::Schema, "a date or time has no length")
                .on_column(column)
                .with_dtype(dtype)
                .with_help("turn it into a number of the unit that you mean, or leave it out"),
        );
    }
    Ok(())
}

fn floats(columns: &[Column]) -> Result<Vec<Float64Chunked>> {
    let float = |column: &Column| {
        let column = column.cast(&DataType::Float64)?;
        Ok(column.f64()?.clone())
    };
    columns.iter().map(float).collect()
}

// Columns of the library's own, for the length of the query.
const UNIT: &str = "__floe_unit";
const LENGTH: &str = "__floe_length";

// The label of the stage in messages: the columns, and what is not the default.
impl fmt::Debug for Normalizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Normalizer({:?}", self.columns)?;
        if self.norm != Norm::default() {
            write!(f, ", norm: {:?}", self.norm)?;
        }
        policy::label(f, self.nulls, self.nans, self.infinities)?;
        f.write_str(")")
    }
}

impl Apply for Normalizer {
    fn apply(&self, mut frame: LazyFrame) -> Result<LazyFrame> {
        let known = frame.collect_schema()?;
        let names = self.resolve(&Schema::from_polars(&known))?;
        if names.is_empty() {
            return Ok(frame);
        }
        let columns: Vec<Expr> = names.iter().map(|name| column(name.clone())).collect();
        let float = |name, fields: &[PolarsField]| -> PolarsResult<PolarsField> {
            let mut fields = fields.iter();
            fields
                .try_for_each(|field| check_dtype(field.name(), field.dtype()))
                .map_err(Error::into_polars)?;
            Ok(PolarsField::new(
                PlSmallStr::from_static(name),
                DataType::Float64,
            ))
        };
        let (step, norm) = (self.clone(), self.norm);
        let unit = map_multiple(
            move |columns| {
                let units = step.units(columns);
                let units = units.map_err(|error| error.at(&step).into_polars());
                Ok(units?.into_column())
            },
            columns.clone(),
            move |_, fields| float(UNIT, fields),
        );
        let mut with_unit = vec![column(UNIT)];
        with_unit.extend(columns);
        let length = map_multiple(
            move |columns| {
                let columns = floats(columns).map_err(Error::into_polars)?;
                let name = PlSmallStr::from_static(LENGTH);
                Ok(length(name, norm, &columns[0], &columns[1..]).into_column())
            },
            with_unit,
            move |_, fields| float(LENGTH, fields),
        );
        let scaled = names.iter().map(|name| {
            let value = column(name.clone()).cast(DataType::Float64);
            // Adding 0 turns -0.0 into +0.0.
            (value / column(UNIT) / column(LENGTH) + lit(0.0)).alias(name.clone())
        });
        Ok(frame
            .with_columns([unit.alias(UNIT)])
            .with_columns([length.alias(LENGTH)])
            .with_columns(scaled.collect::<Vec<_>>())
            .drop(by_name([UNIT, LENGTH], true, false)))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let names = self.resolve(input)?;
        let mut nullable = Nullable::Never;
        for name in &names {
            if input.field(name)?.is_nullable() == Nullable::Maybe {
                nullable = Nullable::Maybe;
            }
        }
        if self.nans == Nans::Null || self.infinities == Infinities::Null {
            nullable = Nullable::Maybe;
        }
        let mut output = input.clone();
        for name in names {
            output.set(Field::new(name, DataType::Float64).nullable(nullable));
        }
        Ok(output)
    }
}

impl RowWise for Normalizer {}

impl Stateless for Normalizer {
    fn check_row_wise(&self, _: &Schema) -> Result<()> {
        Ok(())
    }
}

impl Transform for Normalizer {
    type Fitted = Self;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    // A selector becomes the names that it chose among the features of the fit.
    fn fit(&self, input: &Schema, _: &Learned) -> Result<Self> {
        let columns = Columns::chosen(self.resolve(input)?);
        Ok(Self {
            columns,
            ..self.clone()
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Apply::output(self, input)
    }
}

impl Artifact for Normalizer {
    const KIND: &'static str = "normalizer";
}
