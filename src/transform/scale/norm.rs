//! The length of each row over several columns.

use polars::prelude::{ChunkedArray, Float64Chunked, Float64Type, PlSmallStr};
use polars_arrow::array::PrimitiveArray;
use polars_arrow::bitmap::Bitmap;
use serde::{Deserialize, Serialize};

/// Which length of a row becomes 1.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// The sum of the magnitudes.
    L1,
    /// The root of the sum of the squares.
    #[default]
    L2,
    /// The largest magnitude.
    Max,
}

/// The largest magnitude of each row: null where a value is null, NaN where one is NaN.
pub(crate) fn largest(name: PlSmallStr, columns: &[Float64Chunked]) -> Float64Chunked {
    let mut largest = vec![0.0; columns.first().map_or(0, ChunkedArray::len)];
    for column in columns {
        for (largest, value) in largest.iter_mut().zip(values(column)) {
            let size = value.abs();
            // A NaN, once there, stays.
            if size > *largest || size.is_nan() {
                *largest = size;
            }
        }
    }
    let validity = columns
        .iter()
        .filter_map(validity)
        .reduce(|left, right| &left & &right);
    chunk(name, largest, validity)
}

/// The length of each row in units of its largest magnitude, so that no square overflows and none
/// that counts underflows; at least 1.
pub(crate) fn length(
    name: PlSmallStr,
    norm: Norm,
    largest: &Float64Chunked,
    columns: &[Float64Chunked],
) -> Float64Chunked {
    let units: Vec<f64> = values(largest).collect();
    if norm == Norm::Max {
        return chunk(name, vec![1.0; units.len()], None);
    }
    let mut lengths = vec![0.0; units.len()];
    for column in columns {
        for ((length, unit), value) in lengths.iter_mut().zip(&units).zip(values(column)) {
            let part = value.abs() / unit;
            *length += if norm == Norm::L1 { part } else { part * part };
        }
    }
    for length in &mut lengths {
        let whole = if norm == Norm::L1 {
            *length
        } else {
            length.sqrt()
        };
        *length = if whole > 0.0 { whole } else { 1.0 };
    }
    chunk(name, lengths, None)
}

fn values(column: &Float64Chunked) -> impl Iterator<Item = f64> {
    column
        .downcast_iter()
        .flat_map(|chunk| chunk.values().iter().copied())
}

fn validity(column: &Float64Chunked) -> Option<Bitmap> {
    if column.null_count() == 0 {
        return None;
    }
    Some(column.iter().map(|value| value.is_some()).collect())
}

fn chunk(name: PlSmallStr, values: Vec<f64>, validity: Option<Bitmap>) -> Float64Chunked {
    let array = PrimitiveArray::from_vec(values).with_validity(validity);
    ChunkedArray::<Float64Type>::with_chunk(name, array)
}
