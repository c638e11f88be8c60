use std::fmt;

use polars::prelude::{
    DataType, Int128Chunked, IntoSeries, NamedFrom, NewChunkedArray, PlSmallStr, Series,
};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Frequent, Mean, Value, as_text};

/// What a gap is filled with.
///
/// Into it turn: `bool`, the integers up to 64 bits and `i128`, `f32`, `f64`, `&str` and `String`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FillValue {
    /// Of a Boolean column.
    Bool(bool),
    /// An integer; of a Date, Datetime, Duration or Time its physical integer. Of a Decimal it is
    /// the number itself when given, and the unscaled integer once fitted.
    Int(#[serde(with = "as_text")] i128),
    /// Of a column of floats. Given for integers or Decimal, it must be one of their numbers.
    Float(f64),
    /// Of a String column.
    Text(String),
}

impl FillValue {
    /// The value as JSON.
    pub(super) fn told(&self) -> serde_json::Value {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => Value::Int(*value).told(),
            Self::Float(value) => Value::Float(*value).told(),
            Self::Text(value) => value.as_str().into(),
        }
    }

    /// A learned mean or median as a value of a dtype: rounded to nearest, a half to even, where the
    /// dtype has gaps between its numbers.
    pub(super) fn learned(middle: Mean, dtype: &DataType) -> Self {
        match dtype {
            DataType::Float64 => Self::Float(middle.to_f64()),
            #[expect(clippy::cast_possible_truncation, reason = "rounded to nearest")]
            DataType::Float32 => Self::Float(f64::from(middle.to_f64() as f32)),
            DataType::Boolean => Self::Bool(rounded(middle) > 0),
            _ => Self::Int(rounded(middle)),
        }
    }

    /// The most frequent value of a column as a value of its filled dtype.
    pub(super) fn frequent(value: Frequent, dtype: &DataType) -> Self {
        match (value, dtype) {
            (Frequent::Text(text), _) => Self::Text(text),
            (Frequent::Number(value), DataType::Float32 | DataType::Float64) => {
                Self::Float(value.to_f64())
            }
            (Frequent::Number(value), DataType::Boolean) => Self::Bool(value.to_f64() > 0.0),
            (Frequent::Number(Value::Int(value)), _) => Self::Int(value),
            (Frequent::Number(value), _) => Self::Float(value.to_f64()),
        }
    }

    /// This value as one of a dtype, exactly.
    pub(super) fn fitting(&self, column: &str, dtype: &DataType) -> Result<Self> {
        let fitting = self.exactly(dtype);
        fitting
            .filter(|value| value.one(dtype).is_ok())
            .ok_or_else(|| {
                let message = format!("{self} is no value of the column's dtype");
                Error::new(ErrorKind::Config, message)
                    .on_column(column)
                    .with_dtype(dtype)
                    .with_help(help(dtype))
            })
    }

    fn exactly(&self, dtype: &DataType) -> Option<Self> {
        match (self, dtype) {
            (Self::Bool(_), DataType::Boolean) | (Self::Text(_), DataType::String) => {
                Some(self.clone())
            }
            (Self::Int(value), DataType::Decimal(..)) => {
                unscaled(&value.to_string(), dtype).map(Self::Int)
            }
            // The digits that a float is written with: 0.1 is a tenth.
            (Self::Float(value), DataType::Decimal(..)) => {
                unscaled(&value.to_string(), dtype).map(Self::Int)
            }
            (Self::Int(value), DataType::Float32 | DataType::Float64) => {
                let float = *value as f64;
                // Beyond 2^126 the way back could saturate.
                let exact = value.unsigned_abs() < 1 << 126 && whole(float) == Some(*value);
                exact.then_some(Self::Float(float))?.exactly(dtype)
            }
            (Self::Float(value), DataType::Float64) => value.is_finite().then(|| self.clone()),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "what is lost is looked for"
            )]
            (Self::Float(value), DataType::Float32) => {
                let same = f64::from(*value as f32) == *value;
                (value.is_finite() && same).then(|| self.clone())
            }
            (Self::Int(_), dtype) if dtype.is_integer() || dtype.is_temporal() => {
                Some(self.clone())
            }
            (Self::Float(value), dtype) if dtype.is_integer() => whole(*value).map(Self::Int),
            _ => None,
        }
    }

    /// A column of one row that holds the value.
    pub(super) fn one(&self, dtype: &DataType) -> Result<Series> {
        let name = PlSmallStr::EMPTY;
        let number = match (self, dtype) {
            (Self::Bool(value), DataType::Boolean) => return Ok(Series::new(name, [*value])),
            (Self::Text(value), DataType::String) => {
                return Ok(Series::new(name, [value.as_str()]));
            }
            (Self::Int(value), DataType::Decimal(precision, scale)) => {
                let end = 10_i128.checked_pow(u32::try_from(*precision).unwrap_or(u32::MAX));
                if end.is_some_and(|end| value.unsigned_abs() >= end.unsigned_abs()) {
                    return Err(foreign(self, dtype));
                }
                let value = Int128Chunked::from_slice(name, &[*value]);
                return Ok(value.into_decimal(*precision, *scale)?.into_series());
            }
            (Self::Int(value), DataType::Time) if !(0..NANOSECONDS_OF_DAY).contains(value) => None,
            (Self::Int(value), DataType::UInt64) => {
                let value = u64::try_from(*value).ok();
                value.map(|value| Series::new(name, [value]))
            }
            (Self::Int(value), dtype) if dtype.is_integer() || dtype.is_temporal() => {
                let value = i64::try_from(*value).ok();
                value.map(|value| Series::new(name, [value]))
            }
            (Self::Float(value), DataType::Float32 | DataType::Float64) => {
                Some(Series::new(name, [*value]))
            }
            _ => None,
        };
        let number = number.ok_or_else(|| foreign(self, dtype))?;
        Ok(number.strict_cast(&dtype.to_physical())?.cast(dtype)?)
    }
}

const NANOSECONDS_OF_DAY: i128 = 86_400_000_000_000;

/// A file may hold a value that its dtype does not know.
fn foreign(value: &FillValue, dtype: &DataType) -> Error {
    Error::new(
        ErrorKind::Model,
        format!("{value} is no value of its dtype"),
    )
    .with_dtype(dtype)
}

fn help(dtype: &DataType) -> &'static str {
    match dtype {
        DataType::Boolean => "give `true` or `false`",
        DataType::String => "give a text",
        DataType::Float32 => "give a finite number that has no more than the 24 bits of an `f32`",
        DataType::Float64 => "give a finite number that is exact in 53 bits",
        DataType::Decimal(..) => "give a number of no more digits than the dtype has",
        dtype if dtype.is_temporal() => {
            "give its physical integer, such as days since 1970-01-01 for a Date"
        }
        dtype if dtype.is_integer() => "give an integer within the range of the dtype",
        _ => "such a column cannot be filled",
    }
}

/// The integer nearest to a mean, of two the even one.
fn rounded(mean: Mean) -> i128 {
    let below = mean.offset.floor();
    let rest = mean.offset - below;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the offset from an origin is small"
    )]
    let low = mean.origin.saturating_add(below as i128);
    match rest {
        rest if rest < 0.5 => low,
        rest if rest > 0.5 => low.saturating_add(1),
        _ => low.saturating_add(low & 1),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "what is lost is looked for"
)]
fn whole(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < 2_f64.powi(126)).then_some(value as i128)
}

/// A number as text in the unscaled integers of a decimal dtype, if it is one of its numbers.
fn unscaled(text: &str, dtype: &DataType) -> Option<i128> {
    let DataType::Decimal(_, scale) = dtype else {
        return None;
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let missing = scale.checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(missing))
        .parse()
        .ok()
}

impl fmt::Display for FillValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(value) => write!(f, "{value:?}"),
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl From<$type> for FillValue {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool,
    i8 => Int, i16 => Int, i32 => Int, i64 => Int, i128 => Int,
    u8 => Int, u16 => Int, u32 => Int, u64 => Int,
    f32 => Float, f64 => Float,
    &str => Text, String => Text,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_integer_however_large() {
        let at = |origin, offset| rounded(Mean { origin, offset });
        assert_eq!(
            [at(1, 0.5), at(2, 0.5), at(2, -0.5), at(3, -0.5)],
            [2, 2, 2, 2]
        );
        assert_eq!([at(-1, -0.5), at(-2, 0.5), at(0, -0.5)], [-2, -2, 0]);
        let large = i128::from(i64::MAX) - 1;
        assert_eq!([at(large, 0.25), at(large, 0.75)], [large, large + 1]);
    }

    #[test]
    fn a_decimal_takes_the_digits_that_it_has() {
        let dtype = DataType::Decimal(4, 2);
        let fits = |value: FillValue| value.fitting("x", &dtype).ok();
        assert_eq!(fits(0.1.into()), Some(FillValue::Int(10)));
        assert_eq!(fits((-7.25).into()), Some(FillValue::Int(-725)));
        assert_eq!(fits(99.into()), Some(FillValue::Int(9900)));
        assert_eq!(
            [fits(0.125.into()), fits(100.into()), fits(f64::NAN.into())],
            [None, None, None]
        );
    }
}
