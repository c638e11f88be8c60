use std::fmt;

use polars::prelude::{
    DataType, Expr, IntoSeries, LazyFrame, NamedFrom, PlSmallStr, Series, UInt32Chunked, by_name,
    lit,
};
use serde::{Deserialize, Serialize};

use super::coder::{Coder, Place, Stage, check_input};
use super::one_hot_encoder::Settings;
use super::policy::{NullCategory, Unknown};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::Category;
use crate::schema::{Dtype, Field, Nullable, Schema, column};
use crate::transform::{Apply, Artifact, RowWise};

/// A fitted [`OneHotEncoder`](super::OneHotEncoder): the categories of each column, and the columns
/// that they became.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneHotEncoding {
    pub(super) columns: Vec<Encoded>,
    pub(super) settings: Settings,
}

/// One column, its dtype at the fit, and what it became.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Encoded {
    pub(super) column: String,
    pub(super) dtype: Dtype,
    pub(super) names: Vec<String>,
    pub(super) known: Vec<Known>,
    /// The place of the column of unknown categories, unless it is dropped.
    pub(super) other: Option<usize>,
}

/// A category of the train rows; null is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    pub(super) category: Option<Category>,
    pub(super) rows: u64,
    /// The place of its column, unless it is dropped.
    pub(super) output: Option<usize>,
}

/// A place of no column: a row of zeros.
const ZEROS: u32 = u32::MAX;
/// A row of nulls.
const NULLS: u32 = u32::MAX - 1;

pub(super) fn refuse_nothing_left(column: &str, names: &[String]) -> Result<()> {
    if !names.is_empty() {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::Fit, "the train rows leave no column of it")
            .on_column(column)
            .with_help("leave the column out: it holds at most one category"),
    )
}

/// The place of a column as it stands in the codes.
fn code(output: Option<usize>) -> u32 {
    output.map_or(ZEROS, |at| u32::try_from(at).unwrap_or(ZEROS))
}

impl Encoded {
    fn coder(&self, settings: &Settings) -> Coder {
        let unknown = match settings.unknown {
            Unknown::Error => Place::Refused,
            Unknown::Zero => Place::At(ZEROS),
            Unknown::Null => Place::At(NULLS),
            Unknown::Other => Place::At(code(self.other)),
        };
        let null = match settings.nulls {
            NullCategory::Zero => Place::At(ZEROS),
            NullCategory::Error => Place::Refused,
            NullCategory::Category => {
                let mut known = self.known.iter();
                let known = known.find(|known| known.category.is_none());
                known.map_or(unknown, |known| Place::At(code(known.output)))
            }
        };
        let known = self.known.iter();
        let known = known.filter_map(|known| Some((known.category.as_ref()?, code(known.output))));
        Coder::new(&self.column, &self.dtype.0, known, unknown, null)
    }

    /// The column of the codes, from which the new columns are made: each row is looked up once.
    fn coded(&self) -> PlSmallStr {
        format!("__floe_code:{}", self.column).into()
    }
}

impl OneHotEncoding {
    /// The columns that a column became, in order.
    pub fn names(&self, column: &str) -> Option<&[String]> {
        self.encoded(column).map(|encoded| encoded.names.as_slice())
    }

    /// The categories of a column with their train rows, in ascending order; null, if it is one, is
    /// none and comes last.
    pub fn categories(&self, column: &str) -> Option<Vec<(Option<&Category>, u64)>> {
        let known = self.encoded(column)?.known.iter();
        Some(
            known
                .map(|known| (known.category.as_ref(), known.rows))
                .collect(),
        )
    }

    /// The categories of a column that share its column `other`, of which there were too few rows.
    pub fn infrequent_categories(&self, column: &str) -> Option<Vec<Option<&Category>>> {
        let encoded = self.encoded(column)?;
        let known = encoded.known.iter();
        let known = known.filter(|known| known.output.is_some() && known.output == encoded.other);
        Some(known.map(|known| known.category.as_ref()).collect())
    }

    fn encoded(&self, column: &str) -> Option<&Encoded> {
        self.columns.iter().find(|encoded| encoded.column == column)
    }
}

// What was learned can be thousands of categories; a message has room for the columns.
impl fmt::Debug for OneHotEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self.columns.iter().map(|encoded| &encoded.column).collect();
        let made: usize = self.columns.iter().map(|encoded| encoded.names.len()).sum();
        write!(f, "OneHotEncoding({columns:?} -> {made} columns)")
    }
}

impl Apply for OneHotEncoding {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let stage = Stage::of(self);
        let codes = self.columns.iter().map(|encoded| {
            let coder = encoded.coder(&self.settings);
            let codes = coder.expr(&stage, DataType::UInt32, codes);
            codes.alias(encoded.coded())
        });
        let codes: Vec<Expr> = codes.collect();
        let mut made = Vec::new();
        for encoded in &self.columns {
            for (at, name) in (0_u32..).zip(&encoded.names) {
                let holds = column(encoded.coded()).eq(lit(at));
                let cast = holds.cast(self.settings.dtype.0.clone());
                made.push(cast.alias(name.as_str()));
            }
        }
        let columns = self.columns.iter();
        let gone = columns.flat_map(|encoded| [encoded.column.as_str().into(), encoded.coded()]);
        let gone: Vec<PlSmallStr> = gone.collect();
        // A column of such a name that new rows bring would keep its place among the others.
        let old = self.columns.iter().flat_map(|encoded| &encoded.names);
        let old = by_name(old.map(String::as_str), false, false);
        let frame = frame.with_columns(codes).drop(old);
        Ok(frame.with_columns(made).drop(by_name(gone, true, false)))
    }

    fn report(&self) -> serde_json::Value {
        let columns = self.columns.iter();
        columns
            .map(|encoded| {
                let names = serde_json::json!({ "columns": encoded.names });
                (encoded.column.clone(), names)
            })
            .collect()
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        for encoded in &self.columns {
            check_input(input, &encoded.column, &encoded.dtype.0)?;
        }
        for encoded in &self.columns {
            output.remove(&encoded.column);
            encoded.names.iter().for_each(|name| output.remove(name));
            let nullable = match self.settings.unknown {
                Unknown::Null => Nullable::Maybe,
                _ => Nullable::Never,
            };
            let made = encoded.names.iter().map(|name| {
                Field::new(name.as_str(), self.settings.dtype.0.clone()).nullable(nullable)
            });
            output.close_group(&encoded.column, made);
        }
        Ok(output)
    }
}

/// The codes as a column; a row of nulls has none.
fn codes(places: Vec<u32>) -> Series {
    if places.contains(&NULLS) {
        let places = places.into_iter();
        let codes: UInt32Chunked = places.map(|at| (at != NULLS).then_some(at)).collect();
        return codes.into_series();
    }
    Series::new(PlSmallStr::EMPTY, places)
}

impl RowWise for OneHotEncoding {}

impl Artifact for OneHotEncoding {
    const KIND: &'static str = "one_hot_encoding";
}
