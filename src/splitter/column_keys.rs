//! The typed values of a key column, as the frozen hash of `by_key` takes them.

use polars::prelude::{Column, DataType, TimeUnit};

use super::key::{Key, KeyHasher};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Field;

/// Refuses a dtype that has no canonical bytes.
pub(crate) fn check_key_dtype(field: &Field) -> Result<()> {
    match field.dtype() {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float32
        | DataType::Float64
        | DataType::String
        | DataType::Binary
        | DataType::Date
        | DataType::Datetime(..)
        | DataType::Duration(_)
        | DataType::Time
        | DataType::Decimal(..) => Ok(()),
        other => Err(
            Error::new(ErrorKind::Split, "rows cannot be split by this column")
                .on_column(field.name().as_str())
                .with_dtype(other)
                .with_help("cast it to a string or a number first"),
        ),
    }
}

/// The hash of every key of a column, in row order.
pub(crate) fn hash_keys(keys: &Column, hasher: &KeyHasher) -> Result<Vec<u64>> {
    if keys.null_count() > 0 {
        let message = format!("{} of the keys are null", keys.null_count());
        return Err(Error::new(ErrorKind::Split, message)
            .on_column(keys.name().as_str())
            .with_dtype(keys.dtype())
            .with_help("drop those rows with `.keep(..)` or fill the key first"));
    }
    hash_classes(keys, hasher)
}

/// The hash of every key of a column, in row order; null is a key like any other.
pub(crate) fn hash_classes(keys: &Column, hasher: &KeyHasher) -> Result<Vec<u64>> {
    let mut hashes = Vec::with_capacity(keys.len());
    let null = hasher.hash(&Key::Null);
    macro_rules! hash {
        ($values:expr, $key:expr) => {{
            let hash = |value| hasher.hash(&$key(value));
            let values = $values.iter();
            hashes.extend(values.map(|value| value.map_or(null, hash)));
        }};
    }
    match keys.dtype() {
        DataType::Boolean => hash!(keys.bool()?, Key::Bool),
        DataType::Int8 => hash!(keys.i8()?, int),
        DataType::Int16 => hash!(keys.i16()?, int),
        DataType::Int32 => hash!(keys.i32()?, int),
        DataType::Int64 => hash!(keys.i64()?, int),
        DataType::UInt8 => hash!(keys.u8()?, int),
        DataType::UInt16 => hash!(keys.u16()?, int),
        DataType::UInt32 => hash!(keys.u32()?, int),
        DataType::UInt64 => hash!(keys.u64()?, int),
        DataType::Float32 => hash!(keys.f32()?, |value| Key::Float(f64::from(value))),
        DataType::Float64 => hash!(keys.f64()?, Key::Float),
        DataType::String => hash!(keys.str()?, Key::Text),
        DataType::Binary => hash!(keys.binary()?, Key::Binary),
        DataType::Date => hash!(keys.date()?.physical(), Key::Date),
        DataType::Datetime(unit, _) => {
            let unit = nanoseconds(*unit);
            hash!(keys.datetime()?.physical(), |value| Key::Datetime(
                i128::from(value) * unit
            ));
        }
        DataType::Duration(unit) => {
            let unit = nanoseconds(*unit);
            hash!(keys.duration()?.physical(), |value| Key::Duration(
                i128::from(value) * unit
            ));
        }
        DataType::Time => {
            let physical = keys.to_physical_repr();
            hash!(physical.i64()?, Key::Time);
        }
        DataType::Decimal(_, scale) => {
            let scale = u32::try_from(*scale).unwrap_or(u32::MAX);
            let values = keys.decimal()?.physical();
            hash!(values, |unscaled| Key::Decimal { unscaled, scale });
        }
        _ => {
            let field = Field::new(keys.name().clone(), keys.dtype().clone());
            check_key_dtype(&field)?;
        }
    }
    Ok(hashes)
}

fn int<'a>(value: impl Into<i128>) -> Key<'a> {
    Key::Int(value.into())
}

fn nanoseconds(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Nanoseconds => 1,
        TimeUnit::Microseconds => 1_000,
        TimeUnit::Milliseconds => 1_000_000,
    }
}
