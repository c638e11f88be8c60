use polars::prelude::DataType;
use regex::Regex;

use super::check_pointer;
use crate::error::{Error, ErrorKind, Result};

/// A column of the rows of an API: where its value is, its dtype, and how it is written there.
///
/// | dtype | reads |
/// |---|---|
/// | `String` | a string; of any other value its JSON text |
/// | an integer, a float | a number, or a string that holds one |
/// | `Boolean` | `true`, `false`, also as a string |
/// | `Date`, `Datetime` | a string by ISO 8601, or by [`format`](Self::format); a number with a format |
///
/// What is null, or absent, is null. What cannot be read is an error that names the column.
#[derive(Clone, Debug)]
#[must_use = "a column does nothing until it is given to an API"]
pub struct ApiColumn {
    pub(super) name: String,
    pub(super) dtype: DataType,
    pub(super) place: Place,
    pub(super) nulls: Vec<String>,
    pub(super) format: Option<String>,
    pub(super) thousands: Option<char>,
    pub(super) pattern: Option<Result<Regex, String>>,
    pub(super) is_html: bool,
}

/// Where a value is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In the row.
    Row(String),
    /// In what the last `*` of the pointer to the rows went through.
    Above(String),
    /// Among the values of the item.
    Item(String),
}

impl ApiColumn {
    fn of(name: impl Into<String>, place: Place, dtype: DataType) -> Self {
        Self {
            name: name.into(),
            dtype,
            place,
            nulls: Vec::new(),
            format: None,
            thousands: None,
            pattern: None,
            is_html: false,
        }
    }

    /// A column from a JSON pointer into the row.
    pub fn new(name: impl Into<String>, pointer: impl Into<String>, dtype: DataType) -> Self {
        Self::of(name, Place::Row(pointer.into()), dtype)
    }

    /// A column from a pointer into the element that the last `*` on the way to the row stands for,
    /// such as the title of the page that a revision is of.
    pub fn above(name: impl Into<String>, pointer: impl Into<String>, dtype: DataType) -> Self {
        Self::of(name, Place::Above(pointer.into()), dtype)
    }

    /// A column from a value of the item that was asked for.
    pub fn of_item(name: impl Into<String>, value: impl Into<String>, dtype: DataType) -> Self {
        Self::of(name, Place::Item(value.into()), dtype)
    }

    /// Takes a text, or the text of a number, for null, such as `N/A`, the empty text, or `0` where
    /// it means that nothing is known.
    pub fn null(mut self, text: impl Into<String>) -> Self {
        self.nulls.push(text.into());
        self
    }

    /// How a `Date` or `Datetime` is written, as by `strptime`: `%Y%m%d%H`, `%d %b %Y`, or `%s` for
    /// the seconds since 1970. A time without an offset is UTC.
    pub fn format(mut self, format: impl Into<String>) -> Self {
        self.format = Some(format.into());
        self
    }

    /// The sign between thousands in a number that is written as a string, such as `,`.
    pub fn thousands(mut self, separator: char) -> Self {
        self.thousands = Some(separator);
        self
    }

    /// Takes a part of a string: the first group of a regular expression, or all that it matches. A
    /// string that it does not match is an error.
    pub fn pattern(mut self, pattern: &str) -> Self {
        self.pattern = Some(Regex::new(pattern).map_err(|error| error.to_string()));
        self
    }

    /// Turns escapes of HTML in a string, such as `&amp;`, into what they stand for.
    pub fn html(mut self) -> Self {
        self.is_html = true;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let wrong =
            |what: &str| Error::new(ErrorKind::Config, what.to_owned()).on_column(&self.name);
        if let Place::Row(pointer) | Place::Above(pointer) = &self.place {
            check_pointer(pointer)?;
        }
        if let Some(Err(error)) = &self.pattern {
            return Err(wrong(&format!("the pattern is none: {error}")));
        }
        let is_time = matches!(self.dtype, DataType::Date | DataType::Datetime(..));
        if self.format.is_some() && !is_time {
            return Err(wrong("a format is for dates and times").with_dtype(&self.dtype));
        }
        Ok(())
    }
}
