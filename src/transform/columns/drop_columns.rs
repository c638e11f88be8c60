use std::fmt;

use polars::prelude::{LazyFrame, PlSmallStr, by_name};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::learn::Learned;
use crate::schema::{Columns, Schema};
use crate::transform::{Apply, Artifact, RowWise, Saved, Stateless, Transform, names};

/// Removes columns; learns nothing, so it may stand before the split.
///
/// After the split it removes features only: the target, ids and other columns with a role of their
/// own cannot be named. Rows are kept, and so are the numbers by which the library splits them.
///
/// A flow is checked to have the columns. New rows need not have them: what is absent is not there
/// to be removed.
///
/// It has no settings beside the columns: names, or a selector.
///
/// # Errors
///
/// [`ErrorKind::Schema`](crate::ErrorKind::Schema), of a flow, for a column that is absent, chosen
/// twice or no feature.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["age" => [22], "name" => ["Owen"], "fare" => [7.25]]?;
/// let kept = DropColumns::new(["name"]).apply(rows.lazy())?.collect()?;
/// assert_eq!(kept.get_column_names(), ["age", "fare"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a step does nothing until it is part of a flow, or applied"]
pub struct DropColumns {
    #[serde(with = "names")]
    columns: Columns,
}

impl DropColumns {
    /// Removes these columns.
    pub fn new(columns: impl Into<Columns>) -> Self {
        Self {
            columns: columns.into(),
        }
    }

    /// The names, there or not; a selector chooses among those that are there.
    fn removed(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        match self.columns.names() {
            Some(names) => Ok(names.to_vec()),
            None => self.columns.resolve(input),
        }
    }
}

// The label of the stage in messages.
impl fmt::Debug for DropColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DropColumns({:?})", self.columns)
    }
}

impl Apply for DropColumns {
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

impl RowWise for DropColumns {}

impl Stateless for DropColumns {
    fn check_row_wise(&self, input: &Schema) -> Result<()> {
        self.columns.resolve(input).map(drop)
    }
}

impl Transform for DropColumns {
    type Fitted = Self;

    // It reads no value: new rows need not have a column for its being removed.
    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.columns.resolve(input)?;
        Ok(Vec::new())
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.columns.resolve(input)
    }

    // A selector becomes the names that it chose among the features of the fit.
    fn fit(&self, input: &Schema, _: &Learned) -> Result<Self> {
        let columns = Columns::chosen(self.columns.resolve(input)?);
        Ok(Self { columns })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.check_row_wise(input)?;
        Apply::output(self, input)
    }

    fn restore(&self, saved: &Saved) -> Result<Self> {
        let fitted: Self = saved.read()?;
        let same = names::may_be(&self.columns, &fitted.columns);
        names::restored(self, fitted, same)
    }
}

impl Artifact for DropColumns {
    const KIND: &'static str = "drop_columns";
}
