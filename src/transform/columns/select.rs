use std::fmt;

use polars::prelude::{LazyFrame, PlSmallStr, by_name};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::learn::Learned;
use crate::schema::{Columns, Role, Schema};
use crate::transform::{Apply, Artifact, RowWise, Saved, Stateless, Transform, names};

/// Keeps some of the features and removes the others; learns nothing, so it may stand before the
/// split.
///
/// The columns stay in the order of the table. The target, ids and other columns with a role of
/// their own stay too: after the split name features only. Before the split no column has a role
/// yet, and what is not chosen is gone: choose the target as well. Rows are kept, and so are the
/// numbers by which the library splits them.
///
/// New rows need not have what is removed, or what no later step reads. A fitted step removes what
/// it removed at the fit: a column that was not there then stays.
///
/// It has no settings beside the columns: names, or a selector.
///
/// # Errors
///
/// [`ErrorKind::Schema`](crate::ErrorKind::Schema) for a column that is absent, chosen twice or no
/// feature.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["age" => [22], "name" => ["Owen"], "fare" => [7.25]]?;
/// let kept = Select::new(["fare", "age"]).apply(rows.lazy())?.collect()?;
/// assert_eq!(kept.get_column_names(), ["age", "fare"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a step does nothing until it is part of a flow, or applied"]
pub struct Select {
    #[serde(with = "names")]
    columns: Columns,
    /// Known once fitted: of new rows it cannot be told what is a feature.
    removed: Option<Vec<String>>,
}

impl Select {
    /// Keeps these columns.
    pub fn new(columns: impl Into<Columns>) -> Self {
        Self {
            columns: columns.into(),
            removed: None,
        }
    }

    fn removed(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        if let Some(removed) = &self.removed {
            return Ok(removed.iter().map(PlSmallStr::from).collect());
        }
        let chosen = self.columns.resolve(input)?;
        let others = input
            .fields()
            .iter()
            .filter(|field| field.has_role() == Role::Feature && !chosen.contains(field.name()));
        Ok(others.map(|field| field.name().clone()).collect())
    }
}

// The label of the stage in messages.
impl fmt::Debug for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Select({:?})", self.columns)
    }
}

impl Apply for Select {
    fn apply(&self, mut frame: LazyFrame) -> Result<LazyFrame> {
        let known = Schema::from_polars(&*frame.collect_schema()?);
        let removed = self.removed(&known)?;
        Ok(frame.drop(by_name(removed, false, false)))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        for name in self.removed(input)? {
            output.remove(&name);
        }
        Ok(output)
    }
}

impl RowWise for Select {}

impl Stateless for Select {
    fn check_row_wise(&self, input: &Schema) -> Result<()> {
        self.columns.resolve(input).map(drop)
    }
}

impl Transform for Select {
    type Fitted = Self;

    // It reads no value: new rows need not have a column for its being chosen.
    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.columns.resolve(input)?;
        Ok(Vec::new())
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.removed(input)
    }

    // A selector becomes the names that it chose among the features of the fit.
    fn fit(&self, input: &Schema, _: &Learned) -> Result<Self> {
        let removed = self.removed(input)?.into_iter();
        Ok(Self {
            columns: Columns::chosen(self.columns.resolve(input)?),
            removed: Some(removed.map(|name| name.to_string()).collect()),
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.check_row_wise(input)?;
        Apply::output(self, input)
    }

    fn restore(&self, saved: &Saved) -> Result<Self> {
        let fitted: Self = saved.read()?;
        let same = names::may_be(&self.columns, &fitted.columns) && fitted.removed.is_some();
        names::restored(self, fitted, same)
    }
}

impl Artifact for Select {
    const KIND: &'static str = "select";
}
