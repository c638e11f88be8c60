//! A text file of rows: comma separated, or by any other byte.

mod infer;
mod layout;
mod records;
mod scan;
mod values;

use std::fmt;
use std::path::PathBuf;

use polars::prelude::{DataType, LazyFrame};

use self::layout::Shape;
use self::records::Format;
use super::files::{Checked, Files};
use super::{Fingerprint, Source};
use crate::error::Result;
use crate::schema::{Field, Schema};

/// A text file of rows, or several that are read as one, with a header unless told otherwise.
///
/// Each value is read exactly or refused with its line: nothing becomes null or loses a digit in
/// silence. What is taken for what:
///
/// * **Rows.** Blank lines, also of spaces, are not rows. A quoted field may hold line breaks. A row
///   with too few or too many fields is an error; see [`pad_short`](Self::pad_short).
/// * **Nulls.** An empty field is null, in a `String` column only when it is unquoted: `""` is the
///   empty string. In other columns spaces alone are empty. See [`null_values`](Self::null_values).
/// * **Dtypes.** The first 1000 rows decide among `Boolean` (`true`, `True`, `TRUE`, and so for
///   false), `Int64`, `UInt64`, `Float64`, `Date` (`2026-01-31`), `Datetime` in microseconds
///   (`2026-01-31T12:00:00.5`, or with a space) and `String`, which is also the dtype of a column
///   without a value. A whole number too big for an integer makes a `String`. See
///   [`infer_rows`](Self::infer_rows) and [`dtype`](Self::dtype).
/// * **Values.** Spaces around a value are dropped unless the column is a `String`. `inf` and `nan`
///   are numbers only where a float is declared.
///
/// * **Several files.** Each has the same columns, with a header in any order; the first file's order
///   counts. Dtypes are decided once, from the first rows of every file together, so a column that
///   looks like `Int64` in one file and `Float64` in another is `Float64`. Rows follow one another.
///   A file with a header and no rows adds none; a file without even the header is an error.
/// * **gzip** is known by its first bytes, whatever the name, and may have several members.
///
/// The text is UTF-8, its lines end in `\n` or `\r\n`. The first scan goes over all lines once to
/// check the rows, in constant memory; clones share what it found until a file changes.
///
/// # Examples
///
/// ```
/// use floe::source::{Csv, Source};
///
/// let path = std::env::temp_dir().join("floe_csv_doc.csv");
/// std::fs::write(&path, "1957\n\n1956\n")?;
/// let likes = Csv::new(&path).no_header().columns(["likes"]).row_index("id");
/// assert_eq!(likes.scan()?.collect()?.shape(), (2, 2));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "a source reads nothing until it is scanned"]
pub struct Csv {
    files: Files,
    format: Format,
    header: Header,
    names: Option<Vec<String>>,
    null_values: Vec<String>,
    dtypes: Vec<(String, DataType)>,
    infer_rows: Option<usize>,
    decimal_comma: bool,
    pad_short: bool,
    row_index: Option<String>,
    limit: Option<u32>,
    checked: Checked<Shape>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    First,
    Absent,
}

impl Csv {
    /// A comma separated file with a header and `"` around fields that need it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::of(Files::One(path.into()))
    }

    /// Several files, in this order.
    pub fn files<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::of(Files::list(paths))
    }

    /// The files that match a pattern, sorted by the bytes of their paths.
    ///
    /// | in a pattern | stands for |
    /// |---|---|
    /// | `*` | any characters of one name, or none |
    /// | `?` | one character of a name |
    /// | `[a-z_]`, `[!0-9]` | one character that is listed, or is not |
    /// | `**` as a whole part | any number of folders, or none; links to folders are not followed |
    ///
    /// A name that begins with a dot is matched by a dot only; folders that match are passed over.
    /// The files are looked for at each scan. It is an error when none matches.
    pub fn glob(pattern: impl Into<String>) -> Self {
        Self::of(Files::Glob(pattern.into()))
    }

    fn of(files: Files) -> Self {
        Self {
            files,
            format: Format {
                separator: b',',
                quote: Some(b'"'),
                comment: None,
                skip_lines: 0,
            },
            header: Header::First,
            names: None,
            null_values: vec![],
            dtypes: vec![],
            infer_rows: Some(1000),
            decimal_comma: false,
            pad_short: false,
            row_index: None,
            limit: None,
            checked: Checked::default(),
        }
    }

    /// The first line is a row; the columns are `column_1`, `column_2` and on unless they are named.
    pub fn no_header(mut self) -> Self {
        self.header = Header::Absent;
        self.unchecked()
    }

    /// The names of all columns; they stand in place of those of a header.
    pub fn columns<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.names = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// The byte between two fields.
    pub fn separator(mut self, separator: u8) -> Self {
        self.format.separator = separator;
        self.unchecked()
    }

    /// The byte around a field that holds separators or line breaks; `None` makes quotes plain text.
    pub fn quote(mut self, quote: Option<u8>) -> Self {
        self.format.quote = quote;
        self.unchecked()
    }

    /// Lines that start with this are skipped.
    pub fn comment_prefix(mut self, prefix: impl Into<String>) -> Self {
        let prefix = prefix.into();
        self.format.comment = (!prefix.is_empty()).then_some(prefix);
        self.unchecked()
    }

    /// Skips this many lines of the file before anything else; line numbers still count them.
    pub fn skip_lines(mut self, lines: u64) -> Self {
        self.format.skip_lines = lines;
        self.unchecked()
    }

    /// Fields that are null beside the empty one, such as `NA`; `""` makes a quoted empty field of a `String` column null too.
    pub fn null_values<N: Into<String>>(mut self, values: impl IntoIterator<Item = N>) -> Self {
        self.null_values = values.into_iter().map(Into::into).collect();
        self
    }

    /// Declares the dtype of a column; it is not inferred.
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

    /// Infers the dtypes from this many rows of each file, 1000 unless told otherwise; `None` looks at all.
    pub fn infer_rows(mut self, rows: Option<usize>) -> Self {
        self.infer_rows = rows;
        self
    }

    /// Reads `0,5` as a half in float columns; a point is then refused.
    pub fn decimal_comma(mut self) -> Self {
        self.decimal_comma = true;
        self
    }

    /// Fills rows that have too few fields with nulls, where they are an error otherwise.
    pub fn pad_short(mut self) -> Self {
        self.pad_short = true;
        self.unchecked()
    }

    /// Adds a first column that numbers the rows from 0 as `UInt32`.
    pub fn row_index(mut self, name: impl Into<String>) -> Self {
        self.row_index = Some(name.into());
        self
    }

    /// Takes the first rows only; the whole file is checked all the same.
    pub fn limit(mut self, rows: u32) -> Self {
        self.limit = Some(rows);
        self
    }

    /// A setting that changes what a row is must not share what was found with another.
    fn unchecked(mut self) -> Self {
        self.checked = Checked::default();
        self
    }
}

impl Source for Csv {
    fn scan(&self) -> Result<LazyFrame> {
        self.rows(&self.head()?)
    }

    fn schema(&self) -> Result<Schema> {
        let head = self.head()?;
        let index = self
            .row_index
            .iter()
            .map(|name| Field::new(name.as_str(), DataType::UInt32));
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

// A path says which source it is; a dozen settings would drown it in a message.
impl fmt::Debug for Csv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Csv({:?})", self.files)
    }
}

// What a scan found is not part of what a source is.
impl PartialEq for Csv {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
            && self.format == other.format
            && self.header == other.header
            && self.names == other.names
            && self.null_values == other.null_values
            && self.dtypes == other.dtypes
            && self.infer_rows == other.infer_rows
            && self.decimal_comma == other.decimal_comma
            && self.pad_short == other.pad_short
            && self.row_index == other.row_index
            && self.limit == other.limit
    }
}
