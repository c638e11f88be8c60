use std::fmt;

use polars::prelude::{LazyFrame, PlSmallStr};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, listed};
use crate::learn::Learned;
use crate::schema::{Field, Schema, refuse_group, refuse_hidden, refuse_role};
use crate::transform::{Apply, Artifact, RowWise, Saved, Stateless, Transform, names};

/// Gives columns other names, all at once; learns nothing, so it may stand before the split.
///
/// Two columns can swap their names. Columns keep their places and dtypes; rows are kept. After the
/// split it names features only.
///
/// It has no settings beside the pairs of an old and a new name.
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent, renamed twice or no
/// feature, and for a new name that is reserved or that another column has.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["Age" => [22], "SibSp" => [1]]?;
/// let step = Rename::new([("Age", "age"), ("SibSp", "siblings")]);
/// let renamed = step.apply(rows.lazy())?.collect()?;
/// assert_eq!(renamed.get_column_names(), ["age", "siblings"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a step does nothing until it is part of a flow, or applied"]
pub struct Rename {
    /// Old and new.
    columns: Vec<(String, String)>,
}

impl Rename {
    /// Renames by pairs of an old and a new name.
    pub fn new<A: Into<String>, B: Into<String>>(
        columns: impl IntoIterator<Item = (A, B)>,
    ) -> Self {
        let columns = columns.into_iter();
        Self {
            columns: columns.map(|(old, new)| (old.into(), new.into())).collect(),
        }
    }

    fn old(&self) -> impl Iterator<Item = &String> {
        self.columns.iter().map(|(old, _)| old)
    }

    fn check(&self, input: &Schema) -> Result<()> {
        if self.columns.is_empty() {
            return Err(Error::new(ErrorKind::Schema, "no column is chosen")
                .with_help(format!("the columns here are {}", listed(input.names()))));
        }
        for (at, (old, new)) in self.columns.iter().enumerate() {
            refuse_role(input, old)?;
            refuse_hidden(new)?;
            refuse_group(input.field(old)?, "renamed")?;
            if self.old().take(at).any(|other| other == old) {
                return Err(Error::new(ErrorKind::Schema, "the column is renamed twice")
                    .on_column(old.as_str()));
            }
            let stays = input.contains(new) && !self.old().any(|old| old == new);
            if stays || self.columns[..at].iter().any(|(_, other)| other == new) {
                let message = format!("another column is named `{new}`");
                return Err(Error::new(ErrorKind::Schema, message)
                    .on_column(old.as_str())
                    .with_help("choose another name, or rename or remove that column too"));
            }
        }
        Ok(())
    }

    fn renamed(&self, input: &Schema) -> Result<Schema> {
        let fields = input.fields().iter().map(|field| {
            let mut pairs = self.columns.iter();
            match pairs.find(|(old, _)| old == field.name()) {
                Some((_, new)) => Field::new(new.as_str(), field.dtype().clone())
                    .nullable(field.is_nullable())
                    .role(field.has_role()),
                None => field.clone(),
            }
        });
        Schema::new(fields)
    }
}

// The label of the stage in messages.
impl fmt::Debug for Rename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rename(")?;
        for (at, (old, new)) in self.columns.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{old:?} -> {new:?}")?;
        }
        f.write_str(")")
    }
}

impl Apply for Rename {
    fn apply(&self, mut frame: LazyFrame) -> Result<LazyFrame> {
        self.check(&Schema::from_polars(&*frame.collect_schema()?))?;
        let new = self.columns.iter().map(|(_, new)| new);
        Ok(frame.rename(self.old(), new, true))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.check(input)?;
        self.renamed(input)
    }
}

impl RowWise for Rename {}

impl Stateless for Rename {
    fn check_row_wise(&self, input: &Schema) -> Result<()> {
        self.check(input)
    }
}

impl Transform for Rename {
    type Fitted = Self;

    fn reads(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(self.old().map(PlSmallStr::from).collect())
    }

    // The old name is removed, the new one added.
    fn writes(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        let mut written: Vec<PlSmallStr> = Vec::new();
        for name in self.columns.iter().flat_map(|(old, new)| [old, new]) {
            if !written.iter().any(|known| known == name) {
                written.push(name.into());
            }
        }
        Ok(written)
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

impl Artifact for Rename {
    const KIND: &'static str = "rename";
}
