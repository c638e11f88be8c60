use std::fmt;

use polars::prelude::{DataType, Int64Chunked, IntoSeries, LazyFrame};
use serde::{Deserialize, Serialize};

use super::coder::{Coder, Place, Stage, check_input};
use super::policy::{NullCode, UnknownCode};
use crate::error::Result;
use crate::learn::Category;
use crate::schema::{Dtype, Field, Nullable, Schema};
use crate::transform::{Apply, Artifact, RowWise};

/// A fitted [`OrdinalEncoder`](super::OrdinalEncoder): the categories of each column in order.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdinalEncoding {
    pub(super) columns: Vec<Ordered>,
    pub(super) unknown: UnknownCode,
    pub(super) nulls: NullCode,
}

/// A column, its dtype at the fit, and its categories in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ordered {
    pub(super) column: String,
    pub(super) dtype: Dtype,
    pub(super) categories: Vec<Category>,
}

const UNKNOWN: u32 = u32::MAX;
const NULL: u32 = u32::MAX - 1;

/// The schema after the step.
pub(super) fn output<'a>(
    input: &Schema,
    columns: impl IntoIterator<Item = &'a str>,
    unknown: UnknownCode,
    nulls: NullCode,
) -> Schema {
    let makes_nulls = unknown == UnknownCode::Null || nulls == NullCode::Null;
    let nullable = if makes_nulls {
        Nullable::Maybe
    } else {
        Nullable::Never
    };
    let mut output = input.clone();
    for name in columns {
        output.set(Field::new(name, DataType::Int64).nullable(nullable));
    }
    output
}

impl OrdinalEncoding {
    /// The categories of a column; each one's number is its place among them.
    pub fn categories(&self, column: &str) -> Option<&[Category]> {
        let mut columns = self.columns.iter();
        let ordered = columns.find(|ordered| ordered.column == column)?;
        Some(&ordered.categories)
    }

    fn coder(&self, ordered: &Ordered) -> Coder {
        let unknown = match self.unknown {
            UnknownCode::Error => Place::Refused,
            _ => Place::At(UNKNOWN),
        };
        let null = match self.nulls {
            NullCode::Error => Place::Refused,
            _ => Place::At(NULL),
        };
        let categories = ordered.categories.iter().zip(0..);
        Coder::new(&ordered.column, &ordered.dtype.0, categories, unknown, null)
    }
}

impl fmt::Debug for OrdinalEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self.columns.iter().map(|ordered| &ordered.column).collect();
        let known = self.columns.iter().map(|ordered| ordered.categories.len());
        let known: usize = known.sum();
        write!(f, "OrdinalEncoding({columns:?}, {known} categories)")
    }
}

impl Apply for OrdinalEncoding {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let stage = Stage::of(self);
        let unknown = match self.unknown {
            UnknownCode::Code(code) => Some(code),
            _ => None,
        };
        let null = match self.nulls {
            NullCode::Code(code) => Some(code),
            _ => None,
        };
        let numbers = move |places: Vec<u32>| {
            let numbers = places.into_iter().map(|at| match at {
                UNKNOWN => unknown,
                NULL => null,
                at => Some(i64::from(at)),
            });
            numbers.collect::<Int64Chunked>().into_series()
        };
        let columns = self.columns.iter();
        let exprs = columns.map(|ordered| {
            let coder = self.coder(ordered);
            coder.expr(&stage, DataType::Int64, numbers)
        });
        Ok(frame.with_columns(exprs.collect::<Vec<_>>()))
    }

    fn report(&self) -> serde_json::Value {
        let columns = self.columns.iter();
        columns
            .map(|ordered| {
                let count = serde_json::json!({ "categories": ordered.categories.len() });
                (ordered.column.clone(), count)
            })
            .collect()
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        for ordered in &self.columns {
            check_input(input, &ordered.column, &ordered.dtype.0)?;
        }
        let columns = self.columns.iter().map(|ordered| ordered.column.as_str());
        Ok(output(input, columns, self.unknown, self.nulls))
    }
}

impl RowWise for OrdinalEncoding {}

impl Artifact for OrdinalEncoding {
    const KIND: &'static str = "ordinal_encoding";
}
