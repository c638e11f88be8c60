use std::fmt;

use serde::{Deserialize, Serialize};

use super::value::{Value, as_text};
use crate::error::{Error, ErrorKind, Result};

/// One of the values that tell the rows of a column apart: a class, a level, a key.
///
/// They are ordered as their column is: `false` before `true`, integers by size, texts by their
/// bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Category {
    /// Of a Boolean column.
    Bool(bool),
    /// An integer, or the physical integer of a Date, Datetime, Duration, Time or Decimal.
    Int(#[serde(with = "as_text")] i128),
    /// Of a String column; an empty text is a category like any other.
    Text(String),
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

impl From<&str> for Category {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Category {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<bool> for Category {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Category {
    fn from(value: i64) -> Self {
        Self::Int(value.into())
    }
}

impl From<i32> for Category {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

/// The categories of a column, and how many rows hold each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Categories {
    /// Each category once, in ascending order, with its rows: at least one.
    pub counts: Vec<(Category, u64)>,
    /// Rows without a value.
    pub nulls: u64,
    /// All rows.
    pub rows: u64,
}

/// The value that most rows of a column hold; of several, the smallest.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MostFrequent {
    /// The value.
    pub value: Frequent,
    /// How many rows hold it.
    pub rows: u64,
}

/// A value of a column of any dtype.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Frequent {
    /// A number in the column's physical form; a Boolean is 0 or 1.
    Number(Value),
    /// A text.
    Text(String),
}

/// A value that was counted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Distinct {
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
}

impl Distinct {
    /// Values of one column are all of one variant.
    pub(crate) fn compare(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => std::cmp::Ordering::Equal,
        }
    }

    pub(crate) fn is_empty_text(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    /// The value as a category; a float is none.
    pub(crate) fn category(self) -> Option<Category> {
        Some(match self {
            Self::Bool(value) => Category::Bool(value),
            Self::Int(value) => Category::Int(value),
            Self::Text(value) => Category::Text(value),
            Self::Float(_) => return None,
        })
    }

    fn frequent(self) -> Frequent {
        match self {
            Self::Bool(value) => Frequent::Number(Value::Int(value.into())),
            Self::Int(value) => Frequent::Number(Value::Int(value)),
            Self::Float(value) => Frequent::Number(Value::Float(value)),
            Self::Text(value) => Frequent::Text(value),
        }
    }
}

/// The distinct values of a column in ascending order, with their rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) values: Vec<(Distinct, u64)>,
    pub(crate) nulls: u64,
    pub(crate) rows: u64,
    /// There were more values than may be held: they were let go.
    pub(crate) overflows: bool,
}

impl Counted {
    pub(crate) fn refuse_more_than(&self, most: usize) -> Result<()> {
        if !self.overflows && self.values.len() <= most {
            return Ok(());
        }
        Err(too_many(most))
    }

    pub(crate) fn categories(&self, most: usize) -> Result<Categories> {
        self.refuse_more_than(most)?;
        let counts = self.values.iter().cloned();
        let counts = counts.filter_map(|(value, rows)| Some((value.category()?, rows)));
        Ok(Categories {
            counts: counts.collect(),
            nulls: self.nulls,
            rows: self.rows,
        })
    }

    pub(crate) fn most_frequent(&self, most: usize) -> Result<Option<MostFrequent>> {
        self.refuse_more_than(most)?;
        Ok(most_frequent(&self.values))
    }
}

pub(crate) fn too_many(most: usize) -> Error {
    let message = format!("the column holds more than {most} distinct values");
    Error::new(ErrorKind::Fit, message).with_help(
        "drop or group the column, or raise the limit of the step: its memory grows with it",
    )
}

/// The value of most rows out of values in ascending order; of several, the first.
pub(crate) fn most_frequent(values: &[(Distinct, u64)]) -> Option<MostFrequent> {
    let rows = values.iter().map(|(_, rows)| *rows).max()?;
    let (value, _) = values.iter().find(|(_, of)| *of == rows)?;
    Some(MostFrequent {
        value: value.clone().frequent(),
        rows,
    })
}
