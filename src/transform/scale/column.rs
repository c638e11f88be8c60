//! What the fitted scalers share: the schema after them, and the expressions around a kernel.

use std::fmt;

use polars::prelude::{DataType, Expr, Field as PolarsField, LazyFrame};
use serde::{Deserialize, Serialize};

use super::cells::{Kernel, forward, inverse, inverse_values};
use super::policy::{Constant, Infinities, Nans, Nulls, Outside, Policies};
use super::room::Room;
use crate::error::{Error, ErrorKind, Result, listed};
use crate::schema::{self, Dtype, Field, Nullable, Schema};

/// A column that was learned from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scaled<L> {
    pub(crate) column: String,
    pub(crate) dtype: Dtype,
    /// Absent where no train row held a value.
    pub(crate) learned: Option<L>,
}

/// A fitted scaler, as the shared code sees it.
pub(crate) trait Scaling: fmt::Debug + Clone + Send + Sync + 'static {
    type Learned: Clone + Send + Sync + 'static;
    type Kernel: Kernel + 'static;

    fn columns(&self) -> &[Scaled<Self::Learned>];
    fn nulls(&self) -> Nulls;
    fn kernel(&self, learned: &Self::Learned) -> Self::Kernel;
}

/// What was learned of a column, if it is one of these and held a value.
pub(crate) fn learned<L: Copy>(columns: &[Scaled<L>], column: &str) -> Option<L> {
    let scaled = columns.iter().find(|scaled| scaled.column == column)?;
    scaled.learned
}

/// What to say of a fitted scaler in a model file that is not one of this scaler.
pub(crate) fn another_step(step: &dyn fmt::Debug, fitted: &impl Scaling) -> Error {
    let columns = fitted.columns().iter().map(|scaled| &scaled.column);
    let message = format!(
        "it was fitted on {} or with other settings than `{step:?}`",
        listed(columns)
    );
    Error::new(ErrorKind::Model, message).with_help("load it with the flow that it was saved from")
}

/// The dtype of a scaled column.
pub(crate) fn scaled_dtype(dtype: &DataType) -> DataType {
    match dtype {
        DataType::Float32 => DataType::Float32,
        _ => DataType::Float64,
    }
}

/// The schema after a scaler.
pub(crate) fn output<'a>(
    input: &Schema,
    columns: impl IntoIterator<Item = &'a str>,
    policies: &Policies,
) -> Result<Schema> {
    let makes_nulls = policies.nans == Nans::Null
        || policies.infinities == Infinities::Null
        || policies.constant == Constant::Null
        || policies.outside == Outside::Null;
    let mut output = input.clone();
    for name in columns {
        let field = input.field(name)?;
        let scaled = Field::new(name, scaled_dtype(field.dtype()));
        let nullable = if makes_nulls {
            Nullable::Maybe
        } else {
            field.is_nullable()
        };
        output.set(scaled.nullable(nullable));
    }
    Ok(output)
}

/// The fitted scaler as expressions.
pub(crate) fn apply<S: Scaling>(scaling: &S, frame: LazyFrame) -> LazyFrame {
    let exprs = scaling.columns().iter().map(|scaled| {
        let (step, of) = (scaling.clone(), scaled.clone());
        let (step_of_dtype, expected) = (scaling.clone(), scaled.clone());
        let room = Room::default();
        schema::mapped(
            schema::column(scaled.column.as_str()),
            move |column| {
                let scaled = match &of.learned {
                    Some(learned) => refuse_nulls(&column, step.nulls())
                        .and_then(|()| forward(&column, &of.dtype, &step.kernel(learned), &room)),
                    None => forward_unlearned(&column),
                };
                scaled.map_err(|error| error.at(&step).into_polars())
            },
            move |_, field| {
                let checked = same_dtype(field, &expected.dtype);
                checked.map_err(|error| error.at(&step_of_dtype).into_polars())
            },
        )
    });
    frame.with_columns(exprs.collect::<Vec<_>>())
}

/// The field after a scaler, or an error before any row is read: what was learned of one dtype
/// means nothing for another.
fn same_dtype(field: &PolarsField, expected: &Dtype) -> Result<PolarsField> {
    if *field.dtype() != expected.0 {
        let message = format!("the step was fitted on {}", expected.0);
        return Err(Error::new(ErrorKind::Schema, message)
            .on_column(field.name().as_str())
            .with_dtype(field.dtype())
            .with_help("cast the column back first"));
    }
    Ok(PolarsField::new(
        field.name().clone(),
        scaled_dtype(field.dtype()),
    ))
}

fn refuse_nulls(column: &polars::prelude::Column, nulls: Nulls) -> Result<()> {
    let count = column.null_count();
    if nulls == Nulls::Error && count > 0 {
        return Err(
            Error::new(ErrorKind::Apply, format!("{count} values are null"))
                .on_column(column.name().as_str())
                .with_help("fill them first, or choose `.nulls(Nulls::Keep)`"),
        );
    }
    Ok(())
}

/// Nothing was learned: nulls and NaN stay what they are, and a value cannot be scaled.
fn forward_unlearned(column: &polars::prelude::Column) -> Result<polars::prelude::Column> {
    let scaled = column.cast(&scaled_dtype(column.dtype()))?;
    let values = scaled.is_not_nan()?.sum().unwrap_or(0);
    if values > 0 {
        return Err(Error::new(
            ErrorKind::Apply,
            format!("{values} values cannot be scaled: no train row held a value"),
        )
        .on_column(column.name().as_str())
        .with_help("fill the column before this step, or leave it out"));
    }
    Ok(scaled)
}

/// Undoes a fitted scaler.
pub(crate) fn undo<S: Scaling>(scaling: &S, frame: LazyFrame) -> LazyFrame {
    let exprs = scaling.columns().iter().map(|scaled| {
        let (step, of) = (scaling.clone(), scaled.clone());
        let dtype = scaled.dtype.0.clone();
        schema::mapped(
            schema::column(scaled.column.as_str()),
            move |column| {
                let undone = match &of.learned {
                    Some(learned) => inverse(&column, &of.dtype, &step.kernel(learned)),
                    None => column.cast(&of.dtype.0).map_err(Error::from),
                };
                undone.map_err(|error| error.at(&step).into_polars())
            },
            move |_, field| Ok(PolarsField::new(field.name().clone(), dtype.clone())),
        )
    });
    frame.with_columns(exprs.collect::<Vec<_>>())
}

/// Undoes a fitted scaler on one float.
pub(crate) fn undo_value<S: Scaling>(scaling: &S, column: &str, value: Expr) -> Expr {
    let Some(scaled) = scaling
        .columns()
        .iter()
        .find(|scaled| scaled.column == column)
    else {
        return value;
    };
    let (step, of) = (scaling.clone(), scaled.clone());
    schema::mapped(
        value,
        move |column| match &of.learned {
            Some(learned) => inverse_values(&column, &of.dtype, &step.kernel(learned))
                .map_err(|error| error.at(&step).into_polars()),
            None => column.cast(&DataType::Float64),
        },
        |_, field| Ok(PolarsField::new(field.name().clone(), DataType::Float64)),
    )
}

/// What was learned of each column, as data; null of one without any value.
pub(crate) fn report<L>(
    columns: &[Scaled<L>],
    told: impl Fn(&L) -> serde_json::Value,
) -> serde_json::Value {
    let columns = columns.iter().map(|scaled| {
        let learned = scaled.learned.as_ref().map(&told);
        (scaled.column.clone(), learned.unwrap_or_default())
    });
    serde_json::Value::Object(columns.collect())
}

/// What to tell of columns without any value.
pub(crate) fn warn<S: Scaling>(scaling: &S, warnings: &mut Vec<String>) {
    for scaled in scaling
        .columns()
        .iter()
        .filter(|scaled| scaled.learned.is_none())
    {
        warnings.push(format!(
            "column `{}` holds no value in the train rows, so nothing was learned of it",
            scaled.column
        ));
    }
}
