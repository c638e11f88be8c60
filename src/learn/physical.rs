//! Values of a column in its physical numbers, to and from Polars.

use polars::prelude::{
    BooleanChunked, DataType, Int128Chunked, IntoSeries, NamedFrom, NewChunkedArray, PlSmallStr,
    Series, StringChunked,
};

use super::category::Distinct;
use super::value::Value;
use crate::error::Result;
use crate::schema::Kind;

/// A column of these physical numbers.
pub(super) fn series_of(
    name: PlSmallStr,
    dtype: &DataType,
    values: &[Option<Value>],
) -> Result<Series> {
    let integers = values.iter().map(|value| match value {
        Some(Value::Int(value)) => Some(*value),
        Some(Value::Float(_)) => Some(0),
        None => None,
    });
    let series = match dtype {
        DataType::Float32 | DataType::Float64 => {
            let floats = values.iter().map(|value| value.map(Value::to_f64));
            Series::new(name, floats.collect::<Vec<_>>())
        }
        DataType::Decimal(precision, scale) => {
            let unscaled = Int128Chunked::from_iter_options(name, integers);
            return Ok(unscaled.into_decimal(*precision, *scale)?.into_series());
        }
        DataType::UInt64 => {
            let integers = integers.map(|value| Some(u64::try_from(value?).unwrap_or_default()));
            Series::new(name, integers.collect::<Vec<_>>())
        }
        _ => {
            let integers = integers.map(|value| Some(i64::try_from(value?).unwrap_or_default()));
            let series = Series::new(name, integers.collect::<Vec<_>>());
            series.strict_cast(&dtype.to_physical())?
        }
    };
    Ok(series.cast(dtype)?)
}

/// The physical numbers of a column.
pub(crate) fn values_of(series: &Series) -> Result<Vec<Option<Value>>> {
    let dtype = series.dtype();
    Ok(match Kind::of(series.name(), dtype)? {
        Kind::F32 | Kind::F64 => {
            let floats = series.cast(&DataType::Float64)?;
            let values = floats.f64()?.iter();
            values.map(|value| value.map(Value::Float)).collect()
        }
        Kind::I128 => {
            let unscaled = series.decimal()?.physical();
            let values = unscaled.iter();
            values.map(|value| value.map(Value::Int)).collect()
        }
        Kind::U64 => {
            let values = series.u64()?.iter();
            values
                .map(|value| value.map(|value| Value::Int(value.into())))
                .collect()
        }
        _ => {
            let integers = series.to_physical_repr().cast(&DataType::Int64)?;
            let values = integers.i64()?.iter();
            values
                .map(|value| value.map(|value| Value::Int(value.into())))
                .collect()
        }
    })
}

/// A column of these values, which were counted.
pub(super) fn series_of_distinct(
    name: PlSmallStr,
    dtype: &DataType,
    values: &[Option<Distinct>],
) -> Result<Series> {
    match dtype {
        DataType::String => {
            let texts = values.iter().map(|value| match value {
                Some(Distinct::Text(text)) => Some(text.as_str()),
                _ => None,
            });
            Ok(StringChunked::from_iter_options(name, texts).into_series())
        }
        DataType::Boolean => {
            let flags = values.iter().map(|value| match value {
                Some(Distinct::Bool(flag)) => Some(*flag),
                _ => None,
            });
            Ok(BooleanChunked::from_iter_options(name, flags).into_series())
        }
        dtype => {
            let numbers = values.iter().map(|value| match value {
                Some(Distinct::Int(value)) => Some(Value::Int(*value)),
                Some(Distinct::Float(value)) => Some(Value::Float(*value)),
                _ => None,
            });
            series_of(name, dtype, &numbers.collect::<Vec<_>>())
        }
    }
}

/// The values of a column as they are counted: a float that is not finite is none.
pub(super) fn distinct_of(series: &Series) -> Result<Vec<Option<Distinct>>> {
    Ok(match series.dtype() {
        DataType::String => {
            let texts = series.str()?.iter();
            texts
                .map(|text| text.map(|text| Distinct::Text(text.to_owned())))
                .collect()
        }
        DataType::Boolean => {
            let flags = series.bool()?.iter();
            flags.map(|flag| flag.map(Distinct::Bool)).collect()
        }
        _ => {
            let values = values_of(series)?.into_iter();
            values
                .map(|value| match value? {
                    Value::Int(value) => Some(Distinct::Int(value)),
                    Value::Float(value) if value.is_finite() => Some(Distinct::Float(value + 0.0)),
                    Value::Float(_) => None,
                })
                .collect()
        }
    })
}
