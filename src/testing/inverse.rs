//! The law of steps that can be undone.

use polars::prelude::{DataFrame, DataType, IntoLazy, lit};

use super::law::{Verdict, because};
use super::rows::{columns, compare, floats, in_memory};
use crate::schema::{Kind, column};
use crate::transform::Invert;

/// A name that no frame has.
const ABSENT: &str = "__floe_absent";

pub(super) fn inverse<A: Invert>(fitted: &A, rows: &DataFrame, tolerance: f64) -> Verdict {
    let applied = fitted.apply(rows.clone().lazy()).and_then(in_memory);
    let applied = applied.map_err(because("applying it"))?;
    let back = fitted.inverse(applied.clone().lazy()).and_then(in_memory);
    let back = back.map_err(because("undoing it"))?;
    compare(rows, &back, tolerance)?;
    for before in rows.columns() {
        let name = before.name();
        let changed = applied.column(name).is_ok_and(|after| {
            after.dtype() != before.dtype() || columns(before, after, 0.0).is_err()
        });
        if !changed || Kind::of(name, before.dtype()).is_err() {
            continue;
        }
        let value = column(name.clone()).cast(DataType::Float64);
        let value = fitted.inverse_value(name, value);
        let value = value.map_err(because("undoing one value"))?;
        let values = in_memory(applied.clone().lazy().select([value.alias(name.clone())]));
        let values = values.map_err(because("undoing one value"))?;
        let found = values.column(name).map_err(|error| error.to_string())?;
        if found.dtype() != &DataType::Float64 {
            let dtype = found.dtype();
            return Err(format!(
                "`inverse_value` of `{name}` is {dtype} and not Float64"
            ));
        }
        let expected = floats(before)?;
        columns(&expected, found, tolerance.max(f64::EPSILON))
            .map_err(|seen| format!("by `inverse_value`, {seen}"))?;
    }
    let other = fitted.inverse_value(ABSENT, lit(1.5));
    let other = other.map_err(because("undoing a value of another column"))?;
    let other = in_memory(rows.clone().lazy().select([other.alias(ABSENT)]));
    let other = other.map_err(because("undoing a value of another column"))?;
    let value = other
        .column(ABSENT)
        .and_then(|column| Ok(column.f64()?.first()));
    match value {
        Ok(Some(1.5)) => Ok(()),
        _ => Err("`inverse_value` changes a value of a column that it does not know".to_owned()),
    }
}
