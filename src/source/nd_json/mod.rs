//! A file of JSON objects, one a line.

mod infer;
mod layout;
pub(super) mod object;
mod scan;
pub(super) mod values;

use std::fmt;
use std::path::PathBuf;

use polars::prelude::{DataType, LazyFrame};

use super::files::{Checked, Files};
use super::{Fingerprint, Source};
use crate::error::Result;
use crate::schema::{Field, Schema};

/// A file of JSON objects, one a line, or several that are read as one.
///
/// Each value is read exactly or refused with its line: nothing becomes null or loses a digit in
/// silence. What is taken for what:
///
/// | in the file | becomes |
/// |---|---|
/// | a key | a column; in the order in which keys come, declared ones that did not come last |
/// | an absent key, `null` | null |
/// | a key that only comes after the rows that were looked at | an error that names it |
/// | a key twice in one object | an error |
/// | `true`, `false` | `Boolean` |
/// | whole numbers | `Int64`, or `UInt64` when one needs it and none is negative |
/// | numbers, one with a point or an exponent | `Float64`; a whole one that it does not hold is an error |
/// | a string | `String`, also when it looks like a number or a date |
/// | values of several kinds | an error, unless a dtype is declared |
/// | an object, an array | an error, unless a `String` is declared |
/// | a blank line | nothing: it is not a row |
/// | a line that is not one whole object | an error |
///
/// A declared dtype is read from more, see [`dtype`](Self::dtype). Dtypes that are not declared are
/// decided once for all files, from the first 1000 rows of each; see [`infer_rows`](Self::infer_rows).
/// A file of no rows adds none; when all have none and no column is declared, it is an error.
///
/// The text is UTF-8 and may be gzip, which is known by its first bytes, whatever the name. The first
/// scan goes over all lines once to check and count them, in constant memory; clones share what it
/// found until a file changes.
///
/// # Examples
///
/// ```
/// use floe::source::{NdJson, Source};
///
/// let path = std::env::temp_dir().join("floe_nd_json_doc.ndjson");
/// std::fs::write(&path, "{\"likes\": 1957}\n{\"likes\": 1956, \"by\": \"Ann\"}\n")?;
/// let likes = NdJson::new(&path).row_index("id");
/// assert_eq!(likes.scan()?.collect()?.shape(), (2, 3));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a source reads nothing until it is scanned"]
pub struct NdJson {
    files: Files,
    columns: Option<Vec<String>>,
    dtypes: Vec<(String, DataType)>,
    infer_rows: Option<usize>,
    row_index: Option<String>,
    limit: Option<u32>,
    checked: Checked<u32>,
}

impl NdJson {
    /// One file; a `*` in the path is a character like any other.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::of(Files::One(path.into()))
    }

    /// Several files, in this order.
    pub fn files<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::of(Files::list(paths))
    }

    /// The files that match a pattern, sorted by the bytes of their paths; see [`Csv::glob`](super::Csv::glob).
    pub fn glob(pattern: impl Into<String>) -> Self {
        Self::of(Files::Glob(pattern.into()))
    }

    fn of(files: Files) -> Self {
        Self {
            files,
            columns: None,
            dtypes: vec![],
            infer_rows: Some(1000),
            row_index: None,
            limit: None,
            checked: Checked::default(),
        }
    }

    /// Reads these keys only, in this order; all others are passed over, whatever they hold.
    pub fn columns<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Declares the dtype of a column; it is not inferred.
    ///
    /// | declared | reads |
    /// |---|---|
    /// | an integer, a float | a number, or a string that holds one; a float is the nearest, also `"NaN"` and `"inf"` |
    /// | `Date`, `Datetime` without a zone | a string such as `2026-01-31` or `2026-01-31T12:00:00.5` |
    /// | `String` | a string; of any other value its JSON text, as it is written |
    /// | `Boolean` | `true` and `false` |
    pub fn dtype(mut self, column: impl Into<String>, dtype: DataType) -> Self {
        self.dtypes.push((column.into(), dtype));
        self
    }

    /// Declares the dtypes of several columns.
    pub fn dtypes<N: Into<String>>(
        mut self,
        dtypes: impl IntoIterator<Item = (N, DataType)>,
    ) -> Self {
        let dtypes = dtypes.into_iter().map(|(name, dtype)| (name.into(), dtype));
        self.dtypes.extend(dtypes);
        self
    }

    /// Finds keys and dtypes in this many rows of each file, 1000 unless told otherwise; `None` looks at all.
    pub fn infer_rows(mut self, rows: Option<usize>) -> Self {
        self.infer_rows = rows;
        self
    }

    /// Adds a first column that numbers the rows from 0 as `UInt32`.
    pub fn row_index(mut self, name: impl Into<String>) -> Self {
        self.row_index = Some(name.into());
        self
    }

    /// Takes the first rows only; that all lines are text is checked all the same.
    pub fn limit(mut self, rows: u32) -> Self {
        self.limit = Some(rows);
        self
    }
}

impl Source for NdJson {
    fn scan(&self) -> Result<LazyFrame> {
        self.rows(self.head()?)
    }

    fn schema(&self) -> Result<Schema> {
        let head = self.head()?;
        let index = self.row_index.iter();
        let index = index.map(|name| Field::new(name.as_str(), DataType::UInt32));
        let columns = head.names.iter().zip(&head.targets);
        let columns = columns.map(|(name, target)| Field::new(name.as_str(), target.dtype.clone()));
        let schema = Schema::new(index.chain(columns))?;
        Schema::of_source(&schema.to_polars())?;
        Ok(schema)
    }

    fn fingerprint(&self) -> Result<Fingerprint> {
        Fingerprint::of_files(self.files.paths()?)
    }
}

impl fmt::Debug for NdJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NdJson({:?})", self.files)
    }
}

// What a scan found is not part of what a source is.
impl PartialEq for NdJson {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
            && self.columns == other.columns
            && self.dtypes == other.dtypes
            && self.infer_rows == other.infer_rows
            && self.row_index == other.row_index
            && self.limit == other.limit
    }
}
