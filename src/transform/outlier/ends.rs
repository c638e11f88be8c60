//! The first and the last number within a fence, and the kernels that go by them.

use polars::prelude::{
    BooleanChunked, ChunkApply, ChunkedArray, DataType, Int128Chunked, IntoSeries,
    PolarsNumericType, Series,
};
use serde::{Deserialize, Serialize};

use super::fence::Fence;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Value, is_less};
use crate::schema::{Dtype, Kind};
use crate::transform::scale::{Physical, by_kind};

/// The first and the last number within a fence, in physical numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ends {
    pub(super) low: Value,
    pub(super) high: Value,
}

impl Ends {
    /// Two given numbers as physical ones.
    pub(super) fn fixed(low: f64, high: f64, dtype: &DataType) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounded, and what is beyond all integers is the last of them"
        )]
        let whole = |value: f64| Value::Int(value as i128);
        match dtype {
            DataType::Float32 | DataType::Float64 => Self {
                low: Value::Float(low),
                high: Value::Float(high),
            },
            DataType::Decimal(_, scale) => Self {
                low: Value::Int(decimal_floor(-low, *scale).saturating_neg()),
                high: Value::Int(decimal_floor(high, *scale)),
            },
            _ => Self {
                low: whole(low.ceil()),
                high: whole(high.floor()),
            },
        }
    }

    /// The ends as numbers of the dtype, if there is one between them.
    pub(super) fn within(self, column: &str, dtype: &DataType, fence: Fence) -> Result<Self> {
        let kind = Kind::of(column, dtype)?;
        let ends = match (self.low, self.high) {
            (Value::Int(low), Value::Int(high)) => {
                let (first, last) = integers(kind, dtype);
                Self {
                    low: Value::Int(low.max(first)),
                    high: Value::Int(high.min(last)),
                }
            }
            (low, high) if kind == Kind::F32 => Self {
                low: Value::Float(-narrow_floor(-low.to_f64())),
                high: Value::Float(narrow_floor(high.to_f64())),
            },
            // -0.0 would part the two zeros, and JSON has no infinity.
            (low, high) => {
                let finite =
                    |end: Value| Value::Float(end.to_f64().clamp(f64::MIN, f64::MAX) + 0.0);
                Self {
                    low: finite(low),
                    high: finite(high),
                }
            }
        };
        if is_less(ends.high, ends.low) {
            let message = format!("no number of the dtype lies within the fence ({fence:?})");
            return Err(Error::new(ErrorKind::Fit, message)
                .on_column(column)
                .with_dtype(dtype)
                .with_help("cast the column to Float64 first, or choose a wider fence"));
        }
        Ok(ends)
    }

    /// The column with what lies beyond the ends moved to them.
    pub(super) fn clip(self, series: &Series, dtype: &Dtype) -> Result<Series> {
        let kind = Kind::of(series.name(), &dtype.0)?;
        let physical = physical(series, kind)?;
        macro_rules! run {
            ($dtype:ty) => {
                self.clipped::<$dtype>(physical.as_ref().as_ref())?
                    .into_series()
            };
        }
        let clipped: Series = match (kind, &dtype.0) {
            (Kind::I128, DataType::Decimal(precision, scale)) => {
                let unscaled: &Int128Chunked = physical.as_ref().as_ref();
                let unscaled = self.clipped(unscaled)?;
                return Ok(unscaled.into_decimal(*precision, *scale)?.into_series());
            }
            // A zero comes out as +0.0, as from every step.
            (Kind::F32, _) => {
                let clipped = self.clipped(physical.f32()?)?;
                clipped.apply_values(|value| value + 0.0).into_series()
            }
            (Kind::F64, _) => {
                let clipped = self.clipped(physical.f64()?)?;
                clipped.apply_values(|value| value + 0.0).into_series()
            }
            _ => by_kind!(kind, run),
        };
        Ok(clipped.cast(&dtype.0)?)
    }

    fn clipped<P: PolarsNumericType>(self, values: &ChunkedArray<P>) -> Result<ChunkedArray<P>>
    where
        P::Native: Physical,
    {
        let (low, high) = self.typed::<P>()?;
        Ok(values.apply_values(|value| {
            if value < low {
                low
            } else if value > high {
                high
            } else {
                value
            }
        }))
    }

    /// Which rows lie within the ends; nulls and NaN do.
    pub(super) fn holds(self, series: &Series, dtype: &Dtype) -> Result<BooleanChunked> {
        let kind = Kind::of(series.name(), &dtype.0)?;
        let physical = physical(series, kind)?;
        macro_rules! run {
            ($dtype:ty) => {
                self.held::<$dtype>(physical.as_ref().as_ref())
            };
        }
        Ok(by_kind!(kind, run)?.with_name(series.name().clone()))
    }

    fn held<P: PolarsNumericType>(self, values: &ChunkedArray<P>) -> Result<BooleanChunked>
    where
        P::Native: Physical,
    {
        let (low, high) = self.typed::<P>()?;
        let held = values.iter();
        Ok(held
            .map(|value| value.is_none_or(|value| !(value < low || value > high)))
            .collect())
    }

    fn typed<P: PolarsNumericType>(self) -> Result<(P::Native, P::Native)>
    where
        P::Native: Physical,
    {
        let ends = P::Native::from_learned(self.low).zip(P::Native::from_learned(self.high));
        ends.ok_or_else(|| {
            let message = "the learned fence does not fit the dtype of its column";
            Error::new(ErrorKind::Model, message).with_help("save the model again")
        })
    }
}

fn physical(series: &Series, kind: Kind) -> Result<Series> {
    Ok(match kind {
        Kind::Bool => series.cast(&DataType::UInt8)?,
        Kind::I128 => series.decimal()?.physical().clone().into_series(),
        _ => series.to_physical_repr().into_owned(),
    })
}

/// The first and the last physical integer of a dtype.
fn integers(kind: Kind, dtype: &DataType) -> (i128, i128) {
    match kind {
        Kind::Bool => (0, 1),
        Kind::I8 => (i8::MIN.into(), i8::MAX.into()),
        Kind::I16 => (i16::MIN.into(), i16::MAX.into()),
        Kind::I32 => (i32::MIN.into(), i32::MAX.into()),
        Kind::I64 => (i64::MIN.into(), i64::MAX.into()),
        Kind::U8 => (0, u8::MAX.into()),
        Kind::U16 => (0, u16::MAX.into()),
        Kind::U32 => (0, u32::MAX.into()),
        Kind::U64 => (0, u64::MAX.into()),
        Kind::I128 | Kind::F32 | Kind::F64 => {
            let digits = match dtype {
                DataType::Decimal(precision, _) => u32::try_from(*precision).unwrap_or(38).min(38),
                _ => 38,
            };
            let last = 10_i128.pow(digits) - 1;
            (-last, last)
        }
    }
}

/// The largest f32 that is not larger, and no -0.0; infinite only where there is none.
fn narrow_floor(value: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "rounded, and then mended")]
    let near = value as f32;
    let floor = if f64::from(near) > value {
        near.next_down()
    } else {
        near
    };
    f64::from(floor.min(f32::MAX)) + 0.0
}

/// The last unscaled integer of a scale that is not larger than the digits a float is written with.
fn decimal_floor(value: f64, scale: usize) -> i128 {
    if !value.is_finite() {
        return if value > 0.0 { i128::MAX } else { -i128::MAX };
    }
    let text = value.abs().to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let (kept, lost) = part.split_at(part.len().min(scale));
    let digits = format!("{whole}{kept:0<scale$}");
    // Only digits stand here: what is not read is too long.
    let size = digits.parse::<i128>().unwrap_or(i128::MAX);
    if value >= 0.0 {
        size
    } else {
        let between = lost.bytes().any(|digit| digit != b'0');
        (-size).saturating_sub(i128::from(between))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_read_by_its_digits() {
        for (value, scale, floor) in [
            (1.1, 2, 110),
            (1.1, 0, 1),
            (-1.1, 0, -2),
            (-1.1, 1, -11),
            (-1.0, 3, -1000),
            (0.07, 2, 7),
            (1e20, 1, 10_i128.pow(21)),
            (1e-9, 2, 0),
            (-1e-9, 2, -1),
            (1e300, 4, i128::MAX),
            (f64::INFINITY, 4, i128::MAX),
        ] {
            assert_eq!(decimal_floor(value, scale), floor, "{value} {scale}");
        }
    }

    #[test]
    fn a_narrow_end_is_within() {
        for value in [0.1, -0.1, 1e-50, -1e-50, 1e300, 16_777_217.0] {
            let narrow = narrow_floor(value);
            assert!(narrow <= value && narrow.is_finite(), "{value}");
        }
        assert!(narrow_floor(-1e300) < f64::MIN);
        assert_eq!(narrow_floor(-0.0).to_bits(), 0);
    }
}
