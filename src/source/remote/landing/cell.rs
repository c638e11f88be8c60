//! The values of rows: how they stand in the lines that are appended, and how lines become columns.

use jiff::Timestamp;
use polars::prelude::*;
use serde_json::Value;

use crate::source::nd_json::values::read;
use crate::source::text::{Target, parse};

/// Whether a landing has columns of this dtype.
pub(super) fn is_landed(dtype: &DataType) -> bool {
    match dtype {
        DataType::Datetime(_, zone) => zone.as_ref().is_none_or(|zone| *zone == TimeZone::UTC),
        DataType::List(inner) => **inner == DataType::String,
        DataType::Int128 | DataType::UInt128 => false,
        other => {
            matches!(other, DataType::String | DataType::Boolean)
                || matches!(other, DataType::Date | DataType::Duration(_))
                || matches!(other, DataType::Float32 | DataType::Float64)
                || other.is_integer()
        }
    }
}

/// The value as a line has it; nothing when it is not of the dtype.
pub(super) fn written(value: Value, dtype: &DataType) -> Option<Value> {
    let fits = match dtype {
        DataType::String => value.is_string(),
        DataType::Boolean => value.is_boolean(),
        DataType::Float64 => value.is_number(),
        #[allow(clippy::cast_possible_truncation, reason = "what overflows is refused")]
        DataType::Float32 => value
            .as_f64()
            .is_some_and(|value| (value as f32).is_finite()),
        DataType::Date => parse::date(value.as_str()?).is_some(),
        DataType::Datetime(unit, None) => return ticks(parse::datetime(value.as_str()?)?, *unit),
        DataType::Datetime(unit, Some(_)) => {
            let time: Timestamp = value.as_str()?.parse().ok()?;
            return ticks(time.as_nanosecond(), *unit);
        }
        DataType::Duration(_) => value.as_i64().is_some(),
        DataType::List(_) => value
            .as_array()
            .is_some_and(|texts| texts.iter().all(Value::is_string)),
        _ => {
            let signed = value.as_i64().map(i128::from);
            let whole = signed.or_else(|| value.as_u64().map(i128::from));
            whole.is_some_and(|whole| bounds(dtype).contains(&whole))
        }
    };
    fits.then_some(value)
}

/// Times are cut to the unit, towards the past.
fn ticks(nanos: i128, unit: TimeUnit) -> Option<Value> {
    let step = match unit {
        TimeUnit::Nanoseconds => 1,
        TimeUnit::Microseconds => 1_000,
        TimeUnit::Milliseconds => 1_000_000,
    };
    let ticks = i64::try_from(nanos.div_euclid(step)).ok()?;
    Some(ticks.into())
}

fn bounds(dtype: &DataType) -> std::ops::RangeInclusive<i128> {
    match dtype {
        DataType::Int8 => i8::MIN.into()..=i8::MAX.into(),
        DataType::Int16 => i16::MIN.into()..=i16::MAX.into(),
        DataType::Int32 => i32::MIN.into()..=i32::MAX.into(),
        DataType::Int64 => i64::MIN.into()..=i64::MAX.into(),
        DataType::UInt8 => 0..=u8::MAX.into(),
        DataType::UInt16 => 0..=u16::MAX.into(),
        DataType::UInt32 => 0..=u32::MAX.into(),
        _ => 0..=u64::MAX.into(),
    }
}

/// The column of a batch of lines; each cell is the text of a JSON value.
pub(super) fn column(name: &str, dtype: &DataType, cells: &[Option<&str>]) -> Option<Series> {
    if matches!(dtype, DataType::List(_)) {
        return lists(name, cells);
    }
    let physical = match dtype {
        DataType::Datetime(..) | DataType::Duration(_) => DataType::Int64,
        other => other.clone(),
    };
    let target = Target {
        dtype: physical,
        declared: true,
    };
    let series = read(name.into(), cells, &target)?;
    match dtype {
        DataType::Datetime(unit, zone) => {
            let ticks = series.i64().ok()?.clone();
            Some(ticks.into_datetime(*unit, zone.clone()).into_series())
        }
        DataType::Duration(unit) => {
            let ticks = series.i64().ok()?.clone();
            Some(ticks.into_duration(*unit).into_series())
        }
        _ => Some(series),
    }
}

/// A column of lists of texts.
fn lists(name: &str, cells: &[Option<&str>]) -> Option<Series> {
    let mut lists = ListStringChunkedBuilder::new(name.into(), cells.len(), cells.len());
    for cell in cells {
        let texts: Option<Vec<String>> = match cell {
            Some(cell) => serde_json::from_str(cell).ok()?,
            None => None,
        };
        match texts {
            Some(texts) => lists.append_values_iter(texts.iter().map(String::as_str)),
            None => lists.append_null(),
        }
    }
    Some(lists.finish().into_series())
}
