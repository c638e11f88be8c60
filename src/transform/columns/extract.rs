use std::fmt;

use polars::prelude::{
    Column, DataType, Field as PolarsField, IntoColumn, LazyFrame, PlSmallStr, StringChunked,
};
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::learn::Learned;
use crate::schema::{self, Field, Schema, refuse_hidden};
use crate::transform::{Apply, Artifact, RowWise, Saved, Stateless, Transform, names};

/// Takes a part of a text into a column of its own, by a regular expression: the title out of a
/// name, the deck out of a cabin. It learns nothing, so it may stand before the split.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `column` | – | a String column |
/// | `into` | – | the new String column; it must not be there yet |
/// | `pattern` | – | in the syntax of the [`regex`](https://docs.rs/regex) crate; the first group is taken, or without one the whole match |
///
/// The first match counts. A null, and a text that does not match, gives a null. Matching takes time
/// in proportion to the text, whatever the pattern.
///
/// # Errors
///
/// [`ErrorKind::Config`] for a pattern that is none; [`ErrorKind::Schema`] for a column that is
/// absent, no feature or no String, and for a new column that is there already.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["Name" => [Some("Braund, Mr. Owen Harris"), Some("Owen"), None]]?;
/// let title = Extract::new("Name", "Title", r", ([^.]+)\.");
/// let rows = title.apply(rows.lazy())?.collect()?;
/// let title: Vec<_> = rows.column("Title")?.str()?.iter().collect();
/// assert_eq!(title, [Some("Mr"), None, None]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a step does nothing until it is part of a flow, or applied"]
pub struct Extract {
    column: String,
    into: String,
    pattern: String,
}

impl Extract {
    /// Takes what `pattern` finds in `column` into the column `into`.
    pub fn new(
        column: impl Into<String>,
        into: impl Into<String>,
        pattern: impl Into<String>,
    ) -> Self {
        Self {
            column: column.into(),
            into: into.into(),
            pattern: pattern.into(),
        }
    }

    fn regex(&self) -> Result<Regex> {
        Regex::new(&self.pattern).map_err(|error| {
            let message = format!("`{}` is no regular expression", self.pattern);
            Error::new(ErrorKind::Config, message)
                .on_column(self.column.as_str())
                .caused_by(error)
        })
    }
}

// The label of the stage in messages.
impl fmt::Debug for Extract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            column,
            into,
            pattern,
        } = self;
        write!(f, "Extract({column:?} -> {into:?}, {pattern})")
    }
}

/// The first group of the first match, or the match.
fn taken<'a>(regex: &Regex, text: &'a str) -> Option<&'a str> {
    let found = regex.captures(text)?;
    let group = if regex.captures_len() > 1 { 1 } else { 0 };
    found.get(group).map(|found| found.as_str())
}

fn refuse_numbers(column: &str, dtype: &DataType) -> Result<()> {
    if *dtype == DataType::String {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Schema, "a column of texts is needed")
        .on_column(column)
        .with_dtype(dtype)
        .with_help("cast it to a String first"))
}

impl Apply for Extract {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let regex = self.regex()?;
        let kernel = move |column: Column| {
            let texts = column.str()?;
            let found = texts.iter().map(|text| taken(&regex, text?));
            Ok(found.collect::<StringChunked>().into_column())
        };
        let dtype = |_: &polars::prelude::Schema, field: &PolarsField| {
            refuse_numbers(field.name(), field.dtype()).map_err(Error::into_polars)?;
            Ok(field.clone())
        };
        let found = schema::column(self.column.as_str()).map(kernel, dtype);
        Ok(frame.with_columns([found.alias(self.into.as_str())]))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.regex()?;
        refuse_numbers(&self.column, input.field(&self.column)?.dtype())?;
        refuse_hidden(&self.into)?;
        if input.contains(&self.into) {
            let message = format!("there is a column `{}` already", self.into);
            return Err(Error::new(ErrorKind::Schema, message)
                .on_column(self.into.as_str())
                .with_help("choose another name, or drop the column first"));
        }
        let mut output = input.clone();
        output.set(Field::new(self.into.as_str(), DataType::String));
        Ok(output)
    }
}

impl RowWise for Extract {}

impl Stateless for Extract {
    fn check_row_wise(&self, input: &Schema) -> Result<()> {
        Apply::output(self, input).map(drop)
    }
}

impl Transform for Extract {
    type Fitted = Self;

    fn reads(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec![self.column.as_str().into()])
    }

    fn writes(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec![self.into.as_str().into()])
    }

    fn fit(&self, _: &Schema, _: &Learned) -> Result<Self> {
        Ok(self.clone())
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Apply::output(self, input)
    }

    fn restore(&self, saved: &Saved) -> Result<Self> {
        let fitted: Self = saved.read()?;
        let same = fitted == *self;
        names::restored(self, fitted, same)
    }
}

impl Artifact for Extract {
    const KIND: &'static str = "extract";
}
