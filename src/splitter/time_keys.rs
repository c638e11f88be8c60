//! The values of a column of time as numbers that stand in the same order.

use polars::prelude::{Column, DataType};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::Field;

const SIGN: u64 = 1 << 63;

/// Refuses a dtype that rows cannot be put in order by.
pub(super) fn check_time_dtype(field: &Field) -> Result<()> {
    let help = match field.dtype() {
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float32
        | DataType::Float64
        | DataType::Date
        | DataType::Datetime(..)
        | DataType::Duration(_)
        | DataType::Time => return Ok(()),
        DataType::String => "make it a date or a datetime first: text stands in another order",
        _ => "choose a date, a datetime, an integer or a float",
    };
    let message = "rows cannot be put in order of time by this column";
    Err(Error::new(ErrorKind::Split, message)
        .on_column(field.name().as_str())
        .with_dtype(field.dtype())
        .with_help(help))
}

/// A number for every value of a column, in row order; smaller values have smaller numbers, and
/// equal values equal ones.
pub(super) fn ordered(times: &Column) -> Result<Vec<u64>> {
    if times.null_count() > 0 {
        return Err(no_time(times, times.null_count(), "null"));
    }
    let physical = times.to_physical_repr();
    let numbers = match physical.dtype() {
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            let values = physical.cast(&DataType::UInt64)?;
            values.u64()?.into_no_null_iter().collect()
        }
        DataType::Float32 | DataType::Float64 => {
            let values = physical.cast(&DataType::Float64)?;
            let values = values.f64()?;
            let nans = values.into_no_null_iter().filter(|value| value.is_nan());
            match nans.count() {
                0 => values.into_no_null_iter().map(of_float).collect(),
                count => return Err(no_time(times, count, "NaN")),
            }
        }
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            let values = physical.cast(&DataType::Int64)?;
            let values = values.i64()?.into_no_null_iter();
            values.map(|value| value.cast_unsigned() ^ SIGN).collect()
        }
        _ => {
            let field = Field::new(times.name().clone(), times.dtype().clone());
            check_time_dtype(&field)?;
            Vec::new()
        }
    };
    Ok(numbers)
}

/// The bits of a float, turned so that they count upwards; both zeros are one number.
fn of_float(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn no_time(times: &Column, count: usize, what: &str) -> Error {
    let message = format!("{count} of the times are {what}");
    Error::new(ErrorKind::Split, message)
        .on_column(times.name().as_str())
        .with_dtype(times.dtype())
        .with_help("drop those rows with `.keep(..)` or fill the time first")
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::{IntoColumn, NamedFrom, Series};

    fn numbers(values: Series) -> Vec<u64> {
        ordered(&values.into_column()).expect("numbers")
    }

    #[test]
    fn numbers_stand_in_the_order_of_the_values() {
        let floats = [
            f64::NEG_INFINITY,
            -1.5,
            -1e-300,
            0.0,
            5e-324,
            2.0,
            f64::INFINITY,
        ];
        let found = [
            numbers(Series::new("x".into(), floats)),
            numbers(Series::new("x".into(), [-2.5_f32, -0.5, 0.0, 1e-40, 7.0])),
            numbers(Series::new("x".into(), [i64::MIN, -1, 0, 1, i64::MAX])),
            numbers(Series::new("x".into(), [0, 1, u64::MAX])),
        ];
        for numbers in found {
            let rises = numbers.windows(2).all(|pair| pair[0] < pair[1]);
            assert!(rises, "{numbers:?}");
        }
        let zeros = numbers(Series::new("x".into(), [0.0, -0.0]));
        assert_eq!(zeros[0], zeros[1]);
    }

    #[test]
    fn rows_without_a_time_are_refused() {
        for (values, what) in [
            (Series::new("t".into(), [Some(1), None]), "null"),
            (Series::new("t".into(), [1.0, f64::NAN]), "NaN"),
        ] {
            let error = ordered(&values.into_column()).expect_err(what);
            assert_eq!(
                (error.kind(), error.column()),
                (ErrorKind::Split, Some("t"))
            );
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
