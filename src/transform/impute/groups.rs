use std::collections::HashMap;

use foldhash::fast::FixedState;
use polars::prelude::{BooleanChunked, DataType, IdxCa, IdxSize, Series};
use serde::{Deserialize, Serialize};

use super::fill_value::FillValue;
use super::policy::UnseenGroup;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Category, Value, values_of};
use crate::schema::{Dtype, Kind, Schema};

/// The column whose categories say which fill a row gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct By {
    pub(super) column: String,
    pub(super) dtype: Dtype,
    pub(super) unseen: UnseenGroup,
}

impl By {
    pub(super) fn new(input: &Schema, column: &str, unseen: UnseenGroup) -> Result<Self> {
        Ok(Self {
            column: column.to_owned(),
            dtype: Dtype(input.field(column)?.dtype().clone()),
            unseen,
        })
    }

    /// Refuses a column that tells no groups apart.
    pub(super) fn check(input: &Schema, column: &str) -> Result<()> {
        let dtype = input.field(column)?.dtype();
        if dtype.is_float() {
            return Err(Error::new(ErrorKind::Schema, "floats are no categories")
                .on_column(column)
                .with_dtype(dtype)
                .with_help("cast the column to an integer, a Boolean or a String first"));
        }
        if *dtype != DataType::String {
            Kind::of(column, dtype)?;
        }
        Ok(())
    }

    /// Whether a fitted step has the groups that are asked for.
    pub(super) fn same(fitted: Option<&Self>, column: Option<&str>, unseen: UnseenGroup) -> bool {
        match (fitted, column) {
            (Some(by), Some(column)) => by.column == column && by.unseen == unseen,
            (None, None) => true,
            _ => false,
        }
    }
}

/// What fills the gaps of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupFill {
    pub(super) group: Category,
    pub(super) value: FillValue,
}

/// Finds the number of the group of each row.
pub(super) struct Lookup {
    found: Found,
    /// The number of the rows whose group is not among them.
    other: IdxSize,
}

enum Found {
    Texts(HashMap<String, IdxSize, FixedState>),
    Numbers(HashMap<i128, IdxSize, FixedState>),
}

impl Lookup {
    pub(super) fn new(dtype: &DataType, groups: &[GroupFill]) -> Self {
        let mut other = 0;
        let mut texts = HashMap::default();
        let mut numbers = HashMap::default();
        for fill in groups {
            match &fill.group {
                Category::Text(text) => drop(texts.insert(text.clone(), other)),
                Category::Int(value) => drop(numbers.insert(*value, other)),
                Category::Bool(value) => drop(numbers.insert(i128::from(*value), other)),
            }
            other += 1;
        }
        let found = match dtype {
            DataType::String => Found::Texts(texts),
            _ => Found::Numbers(numbers),
        };
        Self { found, other }
    }

    /// The number of the group of each row that has a gap.
    pub(super) fn numbers(&self, keys: &Series, gaps: &BooleanChunked, by: &By) -> Result<IdxCa> {
        let gaps = gaps.iter().map(|gap| gap == Some(true));
        let numbers: Result<Vec<IdxSize>> = match &self.found {
            Found::Texts(found) => {
                let keys = keys.str()?.iter().zip(gaps);
                keys.map(|(key, gap)| {
                    self.number(gap, key.and_then(|key| found.get(key)), by, || {
                        key.map(str::to_owned)
                    })
                })
                .collect()
            }
            Found::Numbers(found) => {
                let keys = values_of(keys)?.into_iter().zip(gaps);
                keys.map(|(key, gap)| {
                    let key = match key {
                        Some(Value::Int(key)) => Some(key),
                        _ => None,
                    };
                    self.number(gap, key.and_then(|key| found.get(&key)), by, || {
                        key.map(|key| key.to_string())
                    })
                })
                .collect()
            }
        };
        Ok(IdxCa::from_vec("".into(), numbers?))
    }

    fn number(
        &self,
        gap: bool,
        found: Option<&IdxSize>,
        by: &By,
        key: impl Fn() -> Option<String>,
    ) -> Result<IdxSize> {
        if let (true, None, UnseenGroup::Error) = (gap, found, by.unseen) {
            let message = match key() {
                Some(key) => format!(
                    "no train row of the group {key:?} of `{}` holds a value",
                    by.column
                ),
                None => format!("a row with a gap has no group: its `{}` is null", by.column),
            };
            return Err(Error::new(ErrorKind::Apply, message).with_help(
                "clean the groups first, or choose `.unseen(UnseenGroup::WholeColumn)`",
            ));
        }
        Ok(found.copied().unwrap_or(self.other))
    }
}
