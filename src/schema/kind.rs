use polars::prelude::DataType;

use crate::error::{Error, ErrorKind, Result};

/// The physical numbers behind a dtype that can be scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    I128,
    F32,
    F64,
}

impl Kind {
    /// The bytes that a value takes in memory.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
            Self::I128 => 16,
        }
    }

    /// The physical kind of a numeric dtype, or why it has none.
    pub(crate) fn of(column: &str, dtype: &DataType) -> Result<Self> {
        let kind = match dtype {
            DataType::Boolean => Self::Bool,
            DataType::Int8 => Self::I8,
            DataType::Int16 => Self::I16,
            DataType::Int32 | DataType::Date => Self::I32,
            DataType::Int64 | DataType::Datetime(..) | DataType::Duration(_) | DataType::Time => {
                Self::I64
            }
            DataType::UInt8 => Self::U8,
            DataType::UInt16 => Self::U16,
            DataType::UInt32 => Self::U32,
            DataType::UInt64 => Self::U64,
            DataType::Decimal(..) => Self::I128,
            DataType::Float32 => Self::F32,
            DataType::Float64 => Self::F64,
            other => {
                let wide = matches!(
                    other,
                    DataType::Int128 | DataType::UInt128 | DataType::Float16
                );
                let help = if wide {
                    "cast it to a dtype that floe computes exactly: Int64, UInt64, Decimal, Float32 or Float64"
                } else if other == &DataType::String {
                    "cast it to a number first, or encode it as a category"
                } else if matches!(other, DataType::Categorical(..) | DataType::Enum(..)) {
                    "cast it to a String first: that is read as a category"
                } else {
                    "choose numeric columns only"
                };
                return Err(Error::new(ErrorKind::Schema, "a numeric column is needed")
                    .on_column(column)
                    .with_dtype(other)
                    .with_help(help));
            }
        };
        Ok(kind)
    }
}

/// How many of the physical integers make one of the dtype's own numbers: a decimal is learned from
/// in its unscaled integers, and they differ by a power of ten.
pub(crate) fn physical_unit(dtype: &DataType) -> f64 {
    match dtype {
        DataType::Decimal(_, scale) => 10_f64.powi(i32::try_from(*scale).unwrap_or(0)),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_dtypes_are_refused_by_name() {
        for dtype in [DataType::Int128, DataType::UInt128, DataType::Float16] {
            let error = Kind::of("x", &dtype).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::Schema);
            assert_eq!(error.column(), Some("x"));
            assert_eq!(error.dtype(), Some(dtype.to_string().as_str()));
        }
    }
}
