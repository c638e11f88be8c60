use std::fmt;

use polars::prelude::{DataType, Expr, LazyFrame, PlSmallStr, lit};
use serde::{Deserialize, Serialize};

use super::policy::{EmptyAs, NanAs, is_default};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::Learned;
use crate::schema::{Columns, Field, Nullable, Schema, column, refuse_group, refuse_hidden};
use crate::transform::{Apply, Artifact, RowWise, Saved, Stateless, Transform, names};

/// Adds a Boolean column `<column>_missing` for each of some columns: true where the value is null.
///
/// It learns nothing, so it may stand before the split. It belongs before the
/// [`Imputer`](super::Imputer) of the same columns, after which there is no gap left to see.
/// Columns of any dtype; they stay as they are. Rows are kept.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `nans` | `NanAs::Value` | a NaN is a value, or a gap that is marked as a null is |
/// | `empty` | `EmptyAs::Value` | so of an empty text |
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent, and when there is a column of a new name
/// already.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["cabin" => [Some("C85"), None, Some("")]]?;
/// let marked = MissingIndicator::new(["cabin"]).apply(rows.lazy())?.collect()?;
/// let missing = marked.column("cabin_missing")?.bool()?;
/// assert_eq!(missing.iter().collect::<Vec<_>>(), [Some(false), Some(true), Some(false)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "a step does nothing until it is part of a flow, or applied"]
pub struct MissingIndicator {
    #[serde(with = "names")]
    columns: Columns,
    nans: NanAs,
    #[serde(default, skip_serializing_if = "is_default")]
    empty: EmptyAs,
}

impl MissingIndicator {
    /// Marks the gaps of these columns.
    pub fn new(columns: impl Into<Columns>) -> Self {
        Self {
            columns: columns.into(),
            nans: NanAs::default(),
            empty: EmptyAs::default(),
        }
    }

    /// What a NaN is.
    pub fn nans(mut self, nans: NanAs) -> Self {
        self.nans = nans;
        self
    }

    /// What an empty text is.
    pub fn empty(mut self, empty: EmptyAs) -> Self {
        self.empty = empty;
        self
    }

    /// Each column with the name of the new one.
    fn resolve(&self, input: &Schema) -> Result<Vec<[PlSmallStr; 2]>> {
        let mut pairs: Vec<[PlSmallStr; 2]> = Vec::new();
        for name in self.columns.resolve(input)? {
            refuse_group(input.field(&name)?, "marked")?;
            let made = PlSmallStr::from(format!("{name}_missing"));
            refuse_hidden(&made)?;
            if input.contains(&made) {
                let message = format!("there is a column `{made}` already");
                return Err(Error::new(ErrorKind::Schema, message)
                    .on_column(made.as_str())
                    .with_help("rename it first, or leave it out"));
            }
            pairs.push([name, made]);
        }
        Ok(pairs)
    }
}

// The label of the stage in messages: the columns, and what is not the default.
impl fmt::Debug for MissingIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MissingIndicator({:?}", self.columns)?;
        if self.nans != NanAs::default() {
            write!(f, ", nans: {:?}", self.nans)?;
        }
        if self.empty != EmptyAs::default() {
            write!(f, ", empty: {:?}", self.empty)?;
        }
        f.write_str(")")
    }
}

impl Apply for MissingIndicator {
    fn apply(&self, mut frame: LazyFrame) -> Result<LazyFrame> {
        let known = Schema::from_polars(&*frame.collect_schema()?);
        let mut exprs: Vec<Expr> = Vec::new();
        for [name, made] in self.resolve(&known)? {
            let mut missing = column(name.clone()).is_null();
            if self.nans == NanAs::Missing && known.field(&name)?.dtype().is_float() {
                missing = missing.or(column(name).is_nan());
            } else if self.empty == EmptyAs::Missing
                && *known.field(&name)?.dtype() == DataType::String
            {
                missing = missing.or(column(name).eq(lit("")));
            }
            exprs.push(missing.alias(made));
        }
        Ok(frame.with_columns(exprs))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        for [_, made] in self.resolve(input)? {
            output.set(Field::new(made, DataType::Boolean).nullable(Nullable::Never));
        }
        Ok(output)
    }
}

impl RowWise for MissingIndicator {}

impl Stateless for MissingIndicator {
    fn check_row_wise(&self, input: &Schema) -> Result<()> {
        self.resolve(input).map(drop)
    }
}

impl Transform for MissingIndicator {
    type Fitted = Self;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.columns.resolve(input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let pairs = self.resolve(input)?.into_iter();
        Ok(pairs.map(|[_, made]| made).collect())
    }

    // A selector becomes the names that it chose among the features of the fit.
    fn fit(&self, input: &Schema, _: &Learned) -> Result<Self> {
        let names = self.columns.resolve(input)?;
        Ok(Self {
            columns: Columns::chosen(names),
            ..self.clone()
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Apply::output(self, input)
    }

    fn restore(&self, saved: &Saved) -> Result<Self> {
        let fitted: Self = saved.read()?;
        let same = names::may_be(&self.columns, &fitted.columns)
            && fitted.nans == self.nans
            && fitted.empty == self.empty;
        names::restored(self, fitted, same)
    }
}

impl Artifact for MissingIndicator {
    const KIND: &'static str = "missing_indicator";
}
