use std::fmt;

use polars::prelude::{
    BooleanChunked, ChunkApply, Column, DataType, Expr, Field as PolarsField, Float64Chunked,
    IntoColumn, IntoSeries, LazyFrame, PlSmallStr, Series,
};
use serde::{Deserialize, Serialize};

use super::policy::OutOfDomain;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::Learned;
use crate::schema::{self, Columns, Dtype, Field, Kind, Nullable, Schema};
use crate::transform::{Apply, Artifact, Invert, RowWise, Saved, Stateless, Transform, names};

/// Applies `ln(1 + x)` to columns, which draws in long tails of counts and amounts; learns nothing.
///
/// It is exact near zero, where `ln(1 + x)` computed in two steps is not. Takes integers, floats,
/// Booleans and Decimal; dates and times are refused, since they have no natural unit. Output:
/// Float64. Rows are kept; nulls and NaN stay, and positive infinity stays one. It may stand before
/// the split, and on the target, where predictions come back by `exp(y) − 1`.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | [`out_of_domain`](Self::out_of_domain) | `OutOfDomain::Error` | values of −1 and below, which have no logarithm, or an infinite one |
///
/// [`Invert::inverse`] restores the dtype of a fitted step, integers by rounding to the nearest: exact
/// up to about 10^12, beyond which a Float64 does not tell neighbouring integers apart by their
/// logarithms. A step that was not fitted knows no dtypes, and gives Float64.
///
/// The functions are `NumPy`'s `log1p` and `expm1`, those of the platform: their last bit is the
/// platform's own.
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent or of no such dtype; [`ErrorKind::Apply`] for
/// values of −1 and below, and for inverses beyond the dtype.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let step = Log1p::new(["likes"]);
/// let frame = step.apply(df!["likes" => [0u32, 9, 99_999]]?.lazy())?.collect()?;
/// let logs = frame.column("likes")?.f64()?;
/// assert_eq!(logs.get(0), Some(0.0));
/// assert!((logs.get(2).unwrap() - 100_000f64.ln()).abs() < 1e-12);
///
/// let error = step.apply(df!["likes" => [3, -5]]?.lazy())?.collect().unwrap_err();
/// assert!(floe::Error::from(error).to_string().contains("-5"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a step does nothing until it is part of a flow, or applied"]
pub struct Log1p {
    #[serde(with = "names")]
    columns: Columns,
    /// The dtypes at the fit, in the order of the columns; none before it.
    dtypes: Vec<Dtype>,
    out_of_domain: OutOfDomain,
}

impl Log1p {
    /// Takes the logarithm of these columns.
    pub fn new(columns: impl Into<Columns>) -> Self {
        Self {
            columns: columns.into(),
            dtypes: Vec::new(),
            out_of_domain: OutOfDomain::default(),
        }
    }

    /// What to do with values of −1 and below.
    pub fn out_of_domain(mut self, out_of_domain: OutOfDomain) -> Self {
        self.out_of_domain = out_of_domain;
        self
    }

    fn resolve(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let names = self.columns.resolve(input)?;
        for name in &names {
            check_dtype(name, input.field(name)?.dtype())?;
        }
        Ok(names)
    }

    fn logarithm(&self, column: &Column) -> Result<Column> {
        let values = column.as_materialized_series();
        let floats = values.cast(&DataType::Float64)?;
        let floats = floats.f64()?;
        let outside = |value: Option<f64>| value.is_some_and(|value| value <= -1.0);
        let count = floats.iter().filter(|value| outside(*value)).count();
        if count == 0 {
            // Adding 0 turns -0.0 into +0.0.
            let logarithms = floats.apply_values(|value| value.ln_1p() + 0.0);
            return Ok(logarithms.into_series().into_column());
        }
        if self.out_of_domain == OutOfDomain::Null {
            let logarithms: Float64Chunked = floats
                .iter()
                .map(|value| value.filter(|value| value.is_nan() || *value > -1.0))
                .map(|value| value.map(|value| value.ln_1p() + 0.0))
                .collect();
            let logarithms = logarithms.with_name(column.name().clone());
            return Ok(logarithms.into_series().into_column());
        }
        let first = floats.iter().position(outside).unwrap_or(0);
        let message = format!(
            "values in one batch of rows are -1 or below, so that 1 + x has no logarithm: {count}, the first one {}",
            values.get(first)?
        );
        Err(Error::new(ErrorKind::Apply, message)
            .on_column(column.name().as_str())
            .with_dtype(values.dtype())
            .with_help("clean them first, or choose `.out_of_domain(OutOfDomain::Null)`"))
    }
}

/// `exp(y) − 1` of a column, as floats.
fn exponential(column: &Column) -> Result<Series> {
    let values = column.as_materialized_series().cast(&DataType::Float64)?;
    let values = values.f64()?.apply_values(|value| value.exp_m1() + 0.0);
    Ok(values.into_series())
}

/// What was undone, in its dtype.
fn restored(column: &Column, dtype: &DataType) -> Result<Column> {
    let values = exponential(column)?;
    let values = match dtype {
        DataType::Float32 | DataType::Float64 => values.cast(dtype),
        DataType::Boolean => {
            let nearest = values
                .f64()?
                .iter()
                .map(|value| value.map(|value| value > 0.5));
            let nearest: BooleanChunked = nearest.collect();
            Ok(nearest.with_name(column.name().clone()).into_series())
        }
        DataType::Decimal(..) => values.strict_cast(dtype),
        _ => {
            let nearest = values.f64()?.apply_values(f64::round_ties_even);
            nearest.into_series().strict_cast(dtype)
        }
    };
    let values = values.map_err(|cause| {
        let message = "values do not fit into the column's dtype when undone";
        Error::new(ErrorKind::Apply, message)
            .on_column(column.name().as_str())
            .with_dtype(dtype)
            .with_help("undo only what the step made")
            .caused_by(cause)
    })?;
    Ok(values.into_column())
}

fn check_dtype(column: &str, dtype: &DataType) -> Result<()> {
    Kind::of(column, dtype)?;
    if dtype.is_temporal() {
        return Err(
            Error::new(ErrorKind::Schema, "a date or time has no logarithm")
                .on_column(column)
                .with_dtype(dtype)
                .with_help("turn it into a number of the unit that you mean, or leave it out"),
        );
    }
    Ok(())
}

// The label of the stage in messages: the columns, and what is not the default.
impl fmt::Debug for Log1p {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log1p({:?}", self.columns)?;
        if self.out_of_domain != OutOfDomain::default() {
            write!(f, ", out of domain: {:?}", self.out_of_domain)?;
        }
        f.write_str(")")
    }
}

impl Apply for Log1p {
    fn apply(&self, mut frame: LazyFrame) -> Result<LazyFrame> {
        let known = Schema::from_polars(&*frame.collect_schema()?);
        let names = self.resolve(&known)?;
        let exprs = names.iter().map(|name| {
            let (step, stage) = (self.clone(), self.clone());
            schema::mapped(
                schema::column(name.clone()),
                move |column| {
                    let logarithm = step.logarithm(&column);
                    logarithm.map_err(|error| error.at(&step).into_polars())
                },
                move |_, field| {
                    let checked = check_dtype(field.name(), field.dtype());
                    checked.map_err(|error| error.at(&stage).into_polars())?;
                    Ok(PolarsField::new(field.name().clone(), DataType::Float64))
                },
            )
        });
        Ok(frame.with_columns(exprs.collect::<Vec<_>>()))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        for name in self.resolve(input)? {
            let nullable = match self.out_of_domain {
                OutOfDomain::Error => input.field(&name)?.is_nullable(),
                OutOfDomain::Null => Nullable::Maybe,
            };
            output.set(Field::new(name, DataType::Float64).nullable(nullable));
        }
        Ok(output)
    }
}

impl RowWise for Log1p {}

impl Stateless for Log1p {
    fn check_row_wise(&self, _: &Schema) -> Result<()> {
        Ok(())
    }
}

impl Transform for Log1p {
    type Fitted = Self;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    // A selector becomes the names that it chose among the features of the fit.
    fn fit(&self, input: &Schema, _: &Learned) -> Result<Self> {
        let names = self.resolve(input)?;
        let dtypes = names.iter().map(|name| {
            let field = input.field(name)?;
            Ok(Dtype(field.dtype().clone()))
        });
        Ok(Self {
            dtypes: dtypes.collect::<Result<_>>()?,
            columns: Columns::chosen(names),
            ..self.clone()
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Apply::output(self, input)
    }

    fn restore(&self, saved: &Saved) -> Result<Self> {
        let fitted: Self = saved.read()?;
        let same = names::may_be(&self.columns, &fitted.columns)
            && fitted.out_of_domain == self.out_of_domain;
        names::restored(self, fitted, same)
    }
}

impl Invert for Log1p {
    fn inverse(&self, mut frame: LazyFrame) -> Result<LazyFrame> {
        let known = Schema::from_polars(&*frame.collect_schema()?);
        let names = self.columns.resolve(&known)?;
        let exprs = names.into_iter().enumerate().map(|(at, name)| {
            let step = self.clone();
            let dtype = self.dtypes.get(at).map(|dtype| dtype.0.clone());
            let dtype = dtype.unwrap_or(DataType::Float64);
            let to = dtype.clone();
            schema::mapped(
                schema::column(name),
                move |column| {
                    let undone = restored(&column, &dtype);
                    undone.map_err(|error| error.at(&step).into_polars())
                },
                move |_, field| Ok(PolarsField::new(field.name().clone(), to.clone())),
            )
        });
        Ok(frame.with_columns(exprs.collect::<Vec<_>>()))
    }

    fn inverse_value(&self, column: &str, value: Expr) -> Result<Expr> {
        let mut names = self.columns.names().unwrap_or_default().iter();
        if !names.any(|name| name == column) {
            return Ok(value);
        }
        let step = self.clone();
        Ok(schema::mapped(
            value,
            move |column| {
                let undone = exponential(&column);
                let undone = undone.map_err(|error| error.at(&step).into_polars())?;
                Ok(undone.into_column())
            },
            |_, field| Ok(PolarsField::new(field.name().clone(), DataType::Float64)),
        ))
    }
}

impl Artifact for Log1p {
    const KIND: &'static str = "log1p";
}
