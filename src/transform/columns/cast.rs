use std::fmt;

use polars::prelude::{
    BooleanChunked, ChunkCompareEq, Column, DataType, Field as PolarsField, IntoColumn, LazyFrame,
    NamedFrom, PlSmallStr, Series, TimeUnit,
};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::learn::Learned;
use crate::schema::{self, Columns, Dtype, Field, Schema};
use crate::transform::{Apply, Artifact, RowWise, Saved, Stateless, Transform, names};

/// Turns columns into another dtype, strictly; learns nothing, so it may stand before the split.
///
/// A null stays null. A value that does not fit is an error: none becomes null or another number in
/// silence. Rows are kept.
///
/// | into | what fits |
/// |---|---|
/// | integers | whole numbers within the range; texts of such |
/// | Boolean | 0 and 1 |
/// | Float32, Float64 | every number, rounded to nearest, unless it would become infinite; texts of numbers |
/// | Decimal | what has room for its integer digits; digits beyond the scale are rounded |
/// | dates and times | what Polars can cast; a coarser unit cuts off |
/// | String | everything, as Polars writes it; of dates those within some 260,000 years of 1970 |
///
/// It has no settings beside the columns, names or a selector, and the dtype: one of those in the
/// table.
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent or no feature, and for a dtype that cannot
/// become this one; [`ErrorKind::Config`] for a dtype that is not in the table;
/// [`ErrorKind::Apply`], with the first such value, for values that do not fit.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["age" => [Some("22"), None, Some("38")]]?;
/// let step = Cast::new(["age"], DataType::Int64);
/// let ages = step.apply(rows.lazy())?.collect()?;
/// assert_eq!(ages.column("age")?.i64()?.get(2), Some(38));
///
/// let dirty = step.apply(df!["age" => ["22", "", "abt. 30"]]?.lazy())?;
/// assert!(dirty.collect().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a step does nothing until it is part of a flow, or applied"]
pub struct Cast {
    #[serde(with = "names")]
    columns: Columns,
    dtype: Dtype,
}

impl Cast {
    /// Turns these columns into this dtype.
    pub fn new(columns: impl Into<Columns>, dtype: DataType) -> Self {
        Self {
            columns: columns.into(),
            dtype: Dtype(dtype),
        }
    }

    /// The columns, none of which is of a dtype that cannot become this one.
    fn resolve(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let names = self.columns.resolve(input)?;
        if !self.dtype.is_written() {
            return Err(
                Error::new(ErrorKind::Config, "nothing can be cast to this dtype here")
                    .with_dtype(&self.dtype.0)
                    .with_help("choose a dtype of numbers, dates, times or text"),
            );
        }
        for name in &names {
            let field = input.field(name)?;
            if let Err(error) = zero(name, field.dtype()).cast(&self.dtype.0) {
                let message = format!("the dtype cannot be cast to {}", self.dtype.0);
                return Err(Error::new(ErrorKind::Schema, message)
                    .on_column(name.as_str())
                    .with_dtype(field.dtype())
                    .caused_by(error));
            }
        }
        Ok(names)
    }

    fn cast(&self, column: &Column) -> Result<Column> {
        let before = column.as_materialized_series();
        if self.dtype.0 == DataType::String {
            self.refuse(before, &unprintable(before)?)?;
        }
        let after = before.cast(&self.dtype.0)?;
        let mut lost = after.is_null() & before.is_not_null();
        if let Some(changed) = changed(before, &after)? {
            lost = lost | changed;
        }
        self.refuse(before, &lost)?;
        Ok(after.into_column())
    }

    /// Refuses values that do not fit.
    fn refuse(&self, before: &Series, lost: &BooleanChunked) -> Result<()> {
        let Some(first) = lost.iter().position(|lost| lost == Some(true)) else {
            return Ok(());
        };
        // Polars cannot print every date that it holds, but its physical number.
        let shown = match before.dtype() {
            dtype if dtype.is_temporal() => before.to_physical_repr().into_owned(),
            _ => before.clone(),
        };
        // A streamed query ends at the first batch with a fault, so there is no count of all.
        let message = format!(
            "values in one batch of rows do not fit into {}: {}, the first one {}",
            self.dtype.0,
            lost.sum().unwrap_or_default(),
            shown.get(first)?,
        );
        Err(Error::new(ErrorKind::Apply, message)
            .on_column(before.name().as_str())
            .with_dtype(before.dtype())
            .with_help("clean them first, or choose a dtype that holds them"))
    }
}

/// Which dates lie further than some 260,000 years from 1970: Polars panics at their text.
fn unprintable(before: &Series) -> Result<BooleanChunked> {
    const DAYS: i64 = 95_000_000;
    let a_day = match before.dtype() {
        DataType::Date => 1,
        DataType::Datetime(TimeUnit::Milliseconds, _) => 86_400_000,
        DataType::Datetime(TimeUnit::Microseconds, _) => 86_400_000_000,
        // All that 64 bits of nanoseconds hold can be printed, and so can the rest.
        _ => return Ok(BooleanChunked::default()),
    };
    let physical = before.to_physical_repr().cast(&DataType::Int64)?;
    let most = (DAYS * a_day).unsigned_abs();
    let beyond = |value: Option<i64>| value.is_some_and(|value| value.unsigned_abs() > most);
    Ok(physical.i64()?.iter().map(beyond).collect())
}

/// A zero of a dtype: of a column without a value Polars says that it can cast anything.
fn zero(name: &PlSmallStr, dtype: &DataType) -> Series {
    let zero = Series::new(name.clone(), [0_i64]);
    let zero = if dtype.is_decimal() {
        zero.cast(dtype)
    } else {
        zero.cast(&dtype.to_physical())
            .and_then(|zero| zero.cast(dtype))
    };
    zero.unwrap_or_else(|_| Series::new_empty(name.clone(), dtype))
}

/// Which values became others, by more than a rounding of floats and decimals; none where no value
/// can.
fn changed(before: &Series, after: &Series) -> Result<Option<BooleanChunked>> {
    let (from, into) = (before.dtype(), after.dtype());
    let number = from.is_primitive_numeric();
    if into.is_float() && number {
        let before = before.cast(&DataType::Float64)?;
        return Ok(Some(before.is_finite()? & after.is_infinite()?));
    }
    if into.is_float() && *from == DataType::String {
        // A text of too many digits becomes an infinity, as does one that says so.
        let infinite = after.is_infinite()?;
        let pairs = before.str()?.iter().zip(infinite.iter());
        let changed = |(text, infinite): (Option<&str>, Option<bool>)| {
            let says_so = text.is_some_and(|text| text.to_lowercase().contains("inf"));
            infinite == Some(true) && !says_so
        };
        return Ok(Some(pairs.map(changed).collect()));
    }
    if (into.is_integer() || *into == DataType::Boolean) && (number || from.is_decimal()) {
        // From Boolean there is no way straight back to Decimal.
        let back = match into {
            DataType::Boolean => after.cast(&DataType::UInt8)?.cast(from)?,
            _ => after.cast(from)?,
        };
        return Ok(Some(back.not_equal_missing(before)?));
    }
    Ok(None)
}

// The label of the stage in messages.
impl fmt::Debug for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cast({:?}, {})", self.columns, self.dtype.0)
    }
}

impl Apply for Cast {
    fn apply(&self, mut frame: LazyFrame) -> Result<LazyFrame> {
        let known = Schema::from_polars(&*frame.collect_schema()?);
        let exprs = self.resolve(&known)?.into_iter().map(|name| {
            let (step, dtype) = (self.clone(), self.dtype.0.clone());
            schema::mapped(
                schema::column(name),
                move |column| {
                    let cast = step.cast(&column);
                    cast.map_err(|error| error.at(&step).into_polars())
                },
                move |_, field| Ok(PolarsField::new(field.name().clone(), dtype.clone())),
            )
        });
        let exprs: Vec<_> = exprs.collect();
        Ok(frame.with_columns(exprs))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        for name in self.resolve(input)? {
            let nullable = input.field(&name)?.is_nullable();
            output.set(Field::new(name, self.dtype.0.clone()).nullable(nullable));
        }
        Ok(output)
    }
}

impl RowWise for Cast {}

impl Stateless for Cast {
    fn check_row_wise(&self, input: &Schema) -> Result<()> {
        self.resolve(input).map(drop)
    }
}

impl Transform for Cast {
    type Fitted = Self;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.columns.resolve(input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.columns.resolve(input)
    }

    // A selector becomes the names that it chose among the features of the fit.
    fn fit(&self, input: &Schema, _: &Learned) -> Result<Self> {
        Ok(Self {
            columns: Columns::chosen(self.resolve(input)?),
            dtype: self.dtype.clone(),
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Apply::output(self, input)
    }

    fn restore(&self, saved: &Saved) -> Result<Self> {
        let fitted: Self = saved.read()?;
        let same = names::may_be(&self.columns, &fitted.columns) && fitted.dtype == self.dtype;
        names::restored(self, fitted, same)
    }
}

impl Artifact for Cast {
    const KIND: &'static str = "cast";
}
