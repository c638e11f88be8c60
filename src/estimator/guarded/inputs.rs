use polars::prelude::{Column, DataType, Float64Chunked, PolarsResult};

/// The features of the rows to predict, as floats.
pub(super) struct Inputs {
    columns: Vec<Float64Chunked>,
    rows: Vec<Row>,
}

/// What can be said of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    Whole,
    /// A feature is NaN, and none null.
    Nan,
    /// A feature is null.
    Null,
}

impl Inputs {
    pub(super) fn read(columns: &[Column]) -> PolarsResult<Self> {
        let mut rows = vec![Row::Whole; columns.first().map_or(0, Column::len)];
        let floats = columns.iter().map(|column| {
            let floats = column.cast(&DataType::Float64)?;
            let floats = floats.f64()?.rechunk().into_owned();
            let array = floats.downcast_as_array();
            let validity = array.validity();
            for (at, (row, value)) in rows.iter_mut().zip(array.values().iter()).enumerate() {
                if validity.is_some_and(|bits| !bits.get(at).unwrap_or(false)) {
                    *row = Row::Null;
                } else if value.is_nan() && *row == Row::Whole {
                    *row = Row::Nan;
                }
            }
            Ok(floats)
        });
        Ok(Self {
            columns: floats.collect::<PolarsResult<_>>()?,
            rows,
        })
    }

    /// One slice a feature; what stands in rows that are not whole means nothing.
    pub(super) fn columns(&self) -> Vec<&[f64]> {
        let columns = self.columns.iter();
        columns
            .map(|column| column.downcast_as_array().values().as_slice())
            .collect()
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }
}
