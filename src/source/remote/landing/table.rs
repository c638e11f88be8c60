use polars::prelude::{DataType, TimeUnit, TimeZone};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Dtype, Field, Schema};

/// The columns that the landing adds to every table.
pub(super) const SOURCE: &str = "source";
pub(super) const RUN: &str = "run_id";
pub(super) const FETCHED: &str = "fetched_at";

/// A table of a landing: its columns, which of them are the key, and the version of all that.
///
/// Three columns are added to those that are declared:
///
/// | column | dtype | |
/// |---|---|---|
/// | `fetched_at` | `Datetime(µs, UTC)` | when the row was appended, unless the row says when |
/// | `source` | `String` | the name of the landing, unless the row says which |
/// | `run_id` | `String` | the run |
///
/// What a row brings for which dtype:
///
/// | dtype | in the row |
/// |---|---|
/// | `String` | a string |
/// | an integer | a whole number that fits |
/// | a float | a number that fits; JSON has no infinity and no not-a-number, so those come as null |
/// | `Boolean` | `true`, `false` |
/// | `Date` | a string `2026-01-31` |
/// | `Datetime` with the zone UTC | a string by RFC 3339, with any offset |
/// | `Datetime` without a zone | a string `2026-01-31T12:00:00.5` |
/// | `Duration` | a whole number of its units |
/// | `List(String)` | an array of strings |
/// | any | `null`, or no such key: null |
///
/// Times are cut to the unit of the column. Other dtypes cannot be landed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use = "a table does nothing until a landing is opened with it"]
pub struct Table {
    name: String,
    version: u32,
    key: Vec<String>,
    columns: Vec<TableColumn>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TableColumn {
    pub(super) name: String,
    pub(super) dtype: Dtype,
}

impl Table {
    /// A table with these columns as its key: rows of the same key are the same thing, seen at
    /// different times. They must be declared, and are never null.
    pub fn new<N: Into<String>>(name: impl Into<String>, key: impl IntoIterator<Item = N>) -> Self {
        Self {
            name: name.into(),
            version: 1,
            key: key.into_iter().map(Into::into).collect(),
            columns: Vec::new(),
        }
    }

    /// Declares a column.
    pub fn column(mut self, name: impl Into<String>, dtype: DataType) -> Self {
        self.columns.push(TableColumn {
            name: name.into(),
            dtype: Dtype(dtype),
        });
        self
    }

    /// Declares several columns.
    pub fn columns<N: Into<String>>(
        self,
        columns: impl IntoIterator<Item = (N, DataType)>,
    ) -> Self {
        let mut columns = columns.into_iter();
        columns
            .try_fold(self, |table, (name, dtype)| {
                Ok::<_, std::convert::Infallible>(table.column(name, dtype))
            })
            .unwrap_or_else(|never| match never {})
    }

    /// The version of the columns, 1 unless told; it is written to manifests. Files of all versions
    /// are read together: a column that a file lacks is null, one that is declared no more is passed
    /// over, one of another dtype is cast, and an error where a value does not fit.
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns of the key.
    pub fn key(&self) -> impl Iterator<Item = &str> {
        self.key.iter().map(String::as_str)
    }

    pub(super) fn has_version(&self) -> u32 {
        self.version
    }

    /// All columns, those of the landing last.
    pub(super) fn all(&self) -> Vec<TableColumn> {
        let own = [
            (FETCHED, fetched_at()),
            (SOURCE, DataType::String),
            (RUN, DataType::String),
        ];
        let own = own.map(|(name, dtype)| TableColumn {
            name: name.to_owned(),
            dtype: Dtype(dtype),
        });
        self.columns.iter().cloned().chain(own).collect()
    }

    /// What a scan gives.
    pub(super) fn schema(&self) -> Result<Schema> {
        let fields = self.all().into_iter();
        Schema::new(fields.map(|column| Field::new(column.name, column.dtype.0)))
    }

    /// Says what cannot work.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a name that is not of the letters `a` to `z`, digits, `_` and `-`, a
    /// column that is declared twice or is one of the landing's own, a dtype that cannot be landed,
    /// no key, and a key that is not declared.
    pub fn check(&self) -> Result<()> {
        check_name("table", &self.name)?;
        let wrong = |column: &str, what: &str| {
            let message = format!("in the table `{}`, the column {what}", self.name);
            Error::new(ErrorKind::Config, message).on_column(column)
        };
        for (at, column) in self.columns.iter().enumerate() {
            let name = column.name.as_str();
            if matches!(name, SOURCE | RUN | FETCHED) {
                return Err(wrong(name, "is one that the landing adds itself"));
            }
            if self.columns[..at].iter().any(|other| other.name == name) {
                return Err(wrong(name, "is declared twice"));
            }
            if !super::cell::is_landed(&column.dtype.0) {
                return Err(wrong(name, "has a dtype that cannot be landed")
                    .with_dtype(&column.dtype.0)
                    .with_help("land it as a String"));
            }
        }
        if self.key.is_empty() {
            let message = format!("the table `{}` has no key", self.name);
            return Err(Error::new(ErrorKind::Config, message)
                .with_help("name the columns that tell its rows apart"));
        }
        for key in &self.key {
            if !self.columns.iter().any(|column| column.name == *key) {
                return Err(wrong(key, "of the key is not declared"));
            }
        }
        Ok(())
    }
}

pub(super) fn fetched_at() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

/// Names become names of files.
pub(super) fn check_name(what: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let begins = |c: char| c.is_ascii_lowercase();
    if name.starts_with(begins) && name.chars().all(plain) {
        return Ok(());
    }
    let message = format!("`{name}` cannot be the name of a {what}");
    Err(Error::new(ErrorKind::Config, message).with_help(
        "a name begins with one of `a` to `z` and goes on with those, digits, `_` and `-`",
    ))
}
