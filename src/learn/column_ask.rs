use polars::prelude::{DataType, PlSmallStr};

use super::need::Statistic;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Field, Kind};

/// A column at a version, with the physical numbers behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnAsk {
    pub(crate) column: PlSmallStr,
    pub(crate) version: u32,
    /// None of a column of texts.
    pub(crate) kind: Option<Kind>,
    pub(crate) dtype: DataType,
}

impl ColumnAsk {
    pub(crate) fn new(field: &Field, version: u32) -> Result<Self> {
        let kind = match field.dtype() {
            DataType::String => None,
            dtype @ (DataType::Categorical(..) | DataType::Enum(..)) => {
                let message = "a column of Polars' own categories cannot be learned from";
                return Err(Error::new(ErrorKind::Schema, message)
                    .on_column(field.name().as_str())
                    .with_dtype(dtype)
                    .with_help("cast it to a String first: that is read as a category"));
            }
            dtype => Some(Kind::of(field.name(), dtype)?),
        };
        Ok(Self {
            column: field.name().clone(),
            version,
            kind,
            dtype: field.dtype().clone(),
        })
    }

    pub(crate) fn refuse_texts(&self) -> Result<()> {
        Kind::of(&self.column, &self.dtype).map(drop)
    }

    /// Equal floats are an accident: they tell no rows apart.
    pub(crate) fn refuse_floats(&self) -> Result<()> {
        if !self.dtype.is_float() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Schema, "floats are no categories")
            .on_column(self.column.as_str())
            .with_dtype(&self.dtype)
            .with_help("cast the column to an integer, a Boolean or a String first"))
    }

    pub(crate) fn refuse_statistic(&self, statistic: Statistic) -> Result<()> {
        if let Statistic::Categories { .. } = statistic {
            self.refuse_floats()?;
        }
        if statistic.is_of_texts() {
            return Ok(());
        }
        self.refuse_texts()
    }
}
