use std::fmt;

use polars::prelude::{
    DataType, Field as PolarsField, IntoColumn, LazyFrame, NewChunkedArray, PlSmallStr,
    StringChunked,
};
use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::learn::Learned;
use crate::schema::{self, Field, Schema, refuse_group, refuse_hidden, refuse_role};
use crate::transform::{Apply, Artifact, RowWise, Saved, Stateless, Transform, names};

/// Takes a part of a text into a column of its own, by a regular expression; learns nothing, so it
/// may stand before the split.
///
/// The new column holds the part that the first group of the pattern matched, of the first place in
/// the text where the pattern matches; of a pattern without groups, all that it matched. It is null
/// where the text is null, where the pattern does not match, and where the group took no part in the
/// match; a group that matched nothing gives an empty text. Other columns stay, and so do the rows.
///
/// | argument or setting | default | meaning |
/// |---|---|---|
/// | `column` | | a String column |
/// | `into` | | the new column; the same name overwrites the text |
/// | `pattern` | | in the syntax of the crate `regex`, which has neither look-around nor back-references, and is matched in time linear in the text |
/// | [`group`](Self::group) | the first one, or all without groups | which group of the pattern; 0 is all that it matched |
///
/// The pattern is data and part of a model file, unlike the expressions of
/// [`WithColumns`](crate::transform::WithColumns).
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent, no text or no feature, and when there is a
/// column of the new name already; [`ErrorKind::Config`] for a pattern that cannot be read, or that
/// has no such group.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df![
///     "Name" => ["Braund, Mr. Owen Harris", "Heikkinen, Miss. Laina"],
///     "Cabin" => [None, Some("C85")],
/// ]?;
/// let title = Extract::new("Name", "Title", r", *([^.]+)\.");
/// let deck = Extract::new("Cabin", "Deck", "^[A-Z]");
/// let rows = deck.apply(title.apply(rows.lazy())?)?.collect()?;
/// let titles: Vec<_> = rows.column("Title")?.str()?.iter().collect();
/// assert_eq!(titles, [Some("Mr"), Some("Miss")]);
/// let decks: Vec<_> = rows.column("Deck")?.str()?.iter().collect();
/// assert_eq!(decks, [None, Some("C")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a step does nothing until it is part of a flow, or applied"]
pub struct Extract {
    column: String,
    into: String,
    pattern: String,
    group: Option<usize>,
}

impl Extract {
    /// Takes what the pattern matches in `column` into the column `into`.
    pub fn new(
        column: impl Into<String>,
        into: impl Into<String>,
        pattern: impl Into<String>,
    ) -> Self {
        Self {
            column: column.into(),
            into: into.into(),
            pattern: pattern.into(),
            group: None,
        }
    }

    /// Which group of the pattern is taken, counted from 1; 0 is all that it matched.
    pub fn group(mut self, group: usize) -> Self {
        self.group = Some(group);
        self
    }

    /// The pattern ready to match, and the group that is taken.
    fn matcher(&self) -> Result<(Regex, usize)> {
        let refused = |message: String| {
            let error = Error::new(ErrorKind::Config, message);
            error.on_column(self.column.as_str())
        };
        let pattern = Regex::new(&self.pattern).map_err(|error| {
            let message = format!("the pattern {:?} cannot be read: {error}", self.pattern);
            refused(message).with_help("it is written as the crate `regex` has it")
        })?;
        let groups = pattern.captures_len() - 1;
        let group = self.group.unwrap_or(groups.min(1));
        if group > groups {
            let message = format!(
                "the pattern {:?} has {groups} groups, and no group {group}",
                self.pattern
            );
            return Err(refused(message).with_help("put the part into parentheses"));
        }
        Ok((pattern, group))
    }

    fn check(&self, input: &Schema) -> Result<()> {
        refuse_role(input, &self.column)?;
        refuse_hidden(&self.into)?;
        let field = input.field(&self.column)?;
        refuse_group(field, "taken apart")?;
        if *field.dtype() != DataType::String {
            return Err(Error::new(ErrorKind::Schema, "only a text has parts")
                .on_column(self.column.as_str())
                .with_dtype(field.dtype())
                .with_help("cast it to a String first"));
        }
        if self.into != self.column && input.contains(&self.into) {
            let message = format!("there is a column `{}` already", self.into);
            return Err(Error::new(ErrorKind::Schema, message)
                .on_column(self.into.as_str())
                .with_help("choose another name, or rename or remove that column first"));
        }
        self.matcher().map(drop)
    }
}

// The label of the stage in messages.
impl fmt::Debug for Extract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            column,
            into,
            pattern,
            group,
        } = self;
        write!(f, "Extract({column:?} -> {into:?}, {pattern:?}")?;
        if let Some(group) = group {
            write!(f, ", group: {group}")?;
        }
        f.write_str(")")
    }
}

impl Apply for Extract {
    fn apply(&self, mut frame: LazyFrame) -> Result<LazyFrame> {
        self.check(&Schema::from_polars(&*frame.collect_schema()?))?;
        let (pattern, group) = self.matcher()?;
        let whole = group == 0;
        let part = schema::mapped(
            schema::column(self.column.as_str()),
            move |column| {
                let part = |text| {
                    if whole {
                        return pattern.find(text);
                    }
                    pattern.captures(text)?.get(group)
                };
                let texts = column.str()?.iter();
                let parts = texts.map(|text| Some(part(text?)?.as_str()));
                let parts = StringChunked::from_iter_options(column.name().clone(), parts);
                Ok(parts.into_column())
            },
            |_, field| Ok(PolarsField::new(field.name().clone(), DataType::String)),
        );
        Ok(frame.with_columns([part.alias(self.into.as_str())]))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.check(input)?;
        let mut output = input.clone();
        output.set(Field::new(self.into.as_str(), DataType::String));
        Ok(output)
    }
}

impl RowWise for Extract {}

impl Stateless for Extract {
    fn check_row_wise(&self, input: &Schema) -> Result<()> {
        self.check(input)
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

    fn fit(&self, input: &Schema, _: &Learned) -> Result<Self> {
        self.check(input)?;
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
