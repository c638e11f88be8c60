use std::fmt;

use polars::prelude::{Expr, PlIndexSet, PlSmallStr, Selector};

use super::{Role, Schema};
use crate::error::{Error, ErrorKind, Result};

/// Which columns a step works on: names, or one of Polars' selectors.
///
/// Names must exist and be features. A selector chooses among the features only, so that
/// `all()` never catches the target or an id.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::{Columns, Field, Schema};
///
/// let schema = Schema::new([Field::new("age", DataType::Int64), Field::new("name", DataType::String)])?;
/// assert_eq!(Columns::from(["age"]).resolve(&schema)?, ["age"]);
/// assert_eq!(Columns::from(all()).resolve(&schema)?, ["age", "name"]);
/// # Ok::<(), floe::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Columns(Choice);

#[derive(Clone, Debug, PartialEq)]
enum Choice {
    Names(Vec<PlSmallStr>),
    Selector(Selector),
}

impl Columns {
    /// Whether a fitted step on these columns can be one of this choice. What a selector chooses
    /// depends on the columns at the fit, so it can be anything.
    pub(crate) fn may_be<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        match &self.0 {
            Choice::Names(chosen) => chosen.iter().map(PlSmallStr::as_str).eq(names.by_ref()),
            Choice::Selector(_) => true,
        }
    }

    /// The chosen names, in the order given or, for a selector, in the order of the schema.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`] when a name is absent, occurs twice, or is not a feature, and when
    /// nothing is chosen.
    pub fn resolve(&self, schema: &Schema) -> Result<Vec<PlSmallStr>> {
        let names = match &self.0 {
            Choice::Names(names) => {
                for (i, name) in names.iter().enumerate() {
                    refuse_role(schema, name)?;
                    if names[..i].contains(name) {
                        return Err(Error::new(ErrorKind::Schema, "the column is chosen twice")
                            .on_column(name.as_str()));
                    }
                }
                names.clone()
            }
            Choice::Selector(selector) => {
                let features = schema
                    .fields()
                    .iter()
                    .filter(|field| field.has_role() == Role::Feature)
                    .map(|field| (field.name().clone(), field.dtype().clone()))
                    .collect();
                selector
                    .into_columns(&features, &PlIndexSet::default())
                    .map_err(|error| Error::from_polars(ErrorKind::Schema, error))?
                    .into_iter()
                    .collect()
            }
        };
        if names.is_empty() {
            return Err(Error::new(ErrorKind::Schema, "no column is chosen")
                .with_help(format!("the columns here are: {schema}")));
        }
        Ok(names)
    }

    /// The names as they were given; none of a selector.
    pub(crate) fn names(&self) -> Option<&[PlSmallStr]> {
        match &self.0 {
            Choice::Names(names) => Some(names),
            Choice::Selector(_) => None,
        }
    }
}

/// A step may touch features only; the target has its own verb.
pub(crate) fn refuse_role(schema: &Schema, name: &str) -> Result<()> {
    let field = schema.field(name)?;
    let help = match field.has_role() {
        Role::Feature => return Ok(()),
        Role::Target => {
            "a step on the target goes into `.on_target(..)`, so that predictions come back in its own units"
        }
        Role::OffTarget => {
            "a step of `.on_target(..)` works on the target only; steps on features go into `.then(..)`"
        }
        _ => "a step on features leaves ids, weights, groups and times alone",
    };
    let message = format!("the column is {}", role_name(field.has_role()));
    Err(Error::new(ErrorKind::Schema, message)
        .on_column(name)
        .with_dtype(field.dtype())
        .with_help(help))
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Feature => "a feature",
        Role::Target => "the target",
        Role::Id => "an id, not a feature",
        Role::Weight => "the weight, not a feature",
        Role::Group => "the group, not a feature",
        Role::Time => "the time, not a feature",
        Role::OffTarget => "not the target",
    }
}

// Part of the label of a stage: names as a list, a selector as Polars prints it.
impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Choice::Names(names) => f
                .debug_list()
                .entries(names.iter().map(PlSmallStr::as_str))
                .finish(),
            Choice::Selector(selector) => fmt::Display::fmt(selector, f),
        }
    }
}

impl From<Selector> for Columns {
    fn from(selector: Selector) -> Self {
        Self(Choice::Selector(selector))
    }
}

impl From<&str> for Columns {
    fn from(name: &str) -> Self {
        Self(Choice::Names(vec![name.into()]))
    }
}

impl From<String> for Columns {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl<T: Into<PlSmallStr>, const N: usize> From<[T; N]> for Columns {
    fn from(names: [T; N]) -> Self {
        names.into_iter().collect()
    }
}

impl<T: Into<PlSmallStr>> From<Vec<T>> for Columns {
    fn from(names: Vec<T>) -> Self {
        names.into_iter().collect()
    }
}

impl<T: Into<PlSmallStr> + Clone> From<&[T]> for Columns {
    fn from(names: &[T]) -> Self {
        names.iter().cloned().collect()
    }
}

impl<T: Into<PlSmallStr>> FromIterator<T> for Columns {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        Self(Choice::Names(names.into_iter().map(Into::into).collect()))
    }
}

/// The column of exactly this name. Polars' `col` takes `*` and `^..$` for patterns, and would read
/// other columns, the target among them, in place of one that is so named.
pub(crate) fn column(name: impl Into<PlSmallStr>) -> Expr {
    Expr::Column(name.into())
}

/// The columns that an expression reads.
pub(crate) fn roots(expr: &Expr) -> Vec<PlSmallStr> {
    let mut names = Vec::new();
    for node in expr {
        if let Expr::Column(name) = node
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    }
    names
}
