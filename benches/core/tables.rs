//! The tables that the sides work on: the values do not matter, only that they are the same.

use floe::polars::prelude::*;

/// A fixed xorshift.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// In 0..1000.
    pub(crate) fn float(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / 9_007_199_254_740_992.0 * 1000.0
    }
}

/// The names of so many columns.
pub(crate) fn names(columns: usize) -> Vec<String> {
    (0..columns).map(|at| format!("x{at}")).collect()
}

/// Columns of numbers of one dtype.
pub(crate) fn numbers(rows: usize, columns: usize, dtype: &DataType) -> PolarsResult<DataFrame> {
    let mut random = Random::new();
    let columns = names(columns).into_iter().map(|name| {
        let values: Vec<f64> = (0..rows).map(|_| random.float()).collect();
        Column::new(name.as_str().into(), values).cast(dtype)
    });
    DataFrame::new(rows, columns.collect::<PolarsResult<_>>()?)
}

/// A Parquet file in row groups of 262,144 rows.
pub(crate) fn write(frame: &mut DataFrame, file: std::fs::File) -> PolarsResult<u64> {
    ParquetWriter::new(file)
        .with_row_group_size(Some(262_144))
        .finish(frame)
}
