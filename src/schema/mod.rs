//! What is known of a table before a row is read: names, dtypes, nullability, roles, open groups.

mod columns;
mod dtype;
mod field;
mod kind;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use polars::prelude::{PlSmallStr, Schema as PolarsSchema};

pub use columns::Columns;
pub(crate) use columns::{column, mapped, refuse_role, roots};
pub(crate) use dtype::Dtype;
use field::tag_of;
pub use field::{Field, Nullable, Role};
pub(crate) use kind::{Kind, physical_unit};

use crate::error::{Error, ErrorKind, Result, listed};

/// The columns of a table in order, with what is known of them before a row is read.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::DataType;
/// use floe::{Field, Schema};
///
/// let schema = Schema::new([Field::new("id", DataType::UInt32), Field::new("likes", DataType::Int64)])?;
/// assert_eq!(schema.field("likes")?.dtype(), &DataType::Int64);
/// assert!(schema.field("views").is_err());
/// # Ok::<(), floe::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// Shared, since a walk over a chain keeps the schema at many places of it.
    fields: Arc<Vec<Field>>,
}

impl Schema {
    /// A schema of these fields.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`] when a name occurs twice.
    pub fn new(fields: impl IntoIterator<Item = Field>) -> Result<Self> {
        let mut all: Vec<Field> = Vec::new();
        let mut names = HashSet::new();
        for field in fields {
            if !names.insert(field.name.clone()) {
                return Err(Error::new(ErrorKind::Schema, "the name occurs twice")
                    .on_column(field.name.as_str()));
            }
            all.push(field);
        }
        Ok(Self {
            fields: Arc::new(all),
        })
    }

    /// The schema of a Polars frame: every column a feature that may hold nulls.
    pub fn from_polars(schema: &PolarsSchema) -> Self {
        let fields = schema
            .iter()
            .filter(|(name, _)| !is_hidden(name))
            .map(|(name, dtype)| Field::new(name.clone(), dtype.clone()));
        Self {
            fields: Arc::new(fields.collect()),
        }
    }

    /// The schema of a source, which may not bring names of the library's own: they would be taken
    /// for its own columns, or vanish.
    pub(crate) fn of_source(schema: &PolarsSchema) -> Result<Self> {
        schema
            .iter_names()
            .try_for_each(|name| refuse_hidden(name))?;
        Ok(Self::from_polars(schema))
    }

    /// The same columns as Polars knows them; open groups are left out.
    pub fn to_polars(&self) -> PolarsSchema {
        self.fields
            .iter()
            .filter(|field| !field.open)
            .map(|field| (field.name.clone(), field.dtype.clone()))
            .collect()
    }

    /// The fields in order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &PlSmallStr> {
        self.fields.iter().map(|field| &field.name)
    }

    /// Whether there is a column or group of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The field of this name, if there is one.
    pub fn get(&self, name: &str) -> Option<&Field> {
        let tag = tag_of(name);
        let mut fields = self.fields.iter();
        fields.find(|field| field.tag == tag && field.name == name)
    }

    /// The field of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`] with the columns that there are.
    pub fn field(&self, name: &str) -> Result<&Field> {
        self.get(name).ok_or_else(|| {
            let mut help = format!("the columns here are {}", listed(self.names()));
            let open = self.fields.iter().filter(|field| field.open);
            let open: Vec<_> = open.map(Field::name).collect();
            if !open.is_empty() {
                let more = format!(
                    "; what is in a group is known after the fit, so choose it as a whole: {}",
                    listed(open)
                );
                help.push_str(&more);
            }
            Error::new(ErrorKind::Schema, "there is no such column")
                .on_column(name)
                .with_help(help)
        })
    }

    /// The columns that came out of a group, in order; none where there is no such group, or where
    /// it is still open.
    pub fn group(&self, name: &str) -> impl Iterator<Item = &Field> {
        let fields = self.fields.iter();
        fields.filter(move |field| field.group.as_ref().is_some_and(|group| group == name))
    }

    /// Replaces the field of the same name, or adds it at the end. The role of a replaced field
    /// stays, and what was a group of columns stays one.
    pub fn set(&mut self, field: Field) {
        let fields = Arc::make_mut(&mut self.fields);
        let same = |old: &&mut Field| old.tag == field.tag && old.name == field.name;
        match fields.iter_mut().find(same) {
            Some(old) => *old = field.in_place_of(old),
            None => fields.push(field),
        }
    }

    /// Gives each field what the field of the same name is in a schema before.
    pub(crate) fn keep_from(&mut self, before: &Self) {
        if Arc::ptr_eq(&self.fields, &before.fields) {
            return;
        }
        // Most steps leave every column at its place, where no search is needed.
        let mut known: Option<HashMap<&PlSmallStr, &Field>> = None;
        for (at, field) in Arc::make_mut(&mut self.fields).iter_mut().enumerate() {
            let same = before.fields.get(at);
            let same = same.filter(|old| old.tag == field.tag && old.name == field.name);
            let old = same.or_else(|| {
                let all = || before.fields.iter().map(|old| (&old.name, old)).collect();
                known.get_or_insert_with(all).get(&field.name).copied()
            });
            if let Some(old) = old {
                field.keep(old);
            }
        }
    }

    /// Replaces an open group by the columns that it turned out to be. They can be chosen by the
    /// name of the group.
    pub fn close_group(&mut self, group: &str, fields: impl IntoIterator<Item = Field>) {
        let fields = fields.into_iter().map(|field| Field {
            group: Some(group.into()),
            ..field
        });
        let all = Arc::make_mut(&mut self.fields);
        match all.iter().position(|old| old.name == group) {
            Some(at) => {
                all.splice(at..=at, fields);
            }
            None => all.extend(fields),
        }
    }

    /// Removes a column, if it is there.
    pub fn remove(&mut self, name: &str) {
        Arc::make_mut(&mut self.fields).retain(|field| field.name != name);
    }

    /// Gives an existing column a role.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`] when there is no such column.
    pub fn set_role(&mut self, name: &str, role: Role) -> Result<()> {
        self.field(name)?;
        let fields = Arc::make_mut(&mut self.fields).iter_mut();
        fields
            .filter(|field| field.name == name)
            .for_each(|field| field.role = role);
        Ok(())
    }

    /// The view of a step on the target: the target is the only feature.
    pub(crate) fn target_view(&self) -> Self {
        let fields = self.fields.iter().cloned().map(|field| {
            let role = match field.role {
                Role::Target => Role::Feature,
                _ => Role::OffTarget,
            };
            field.role(role)
        });
        Self {
            fields: Arc::new(fields.collect()),
        }
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, field) in self.fields.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            let many = if field.open { "*" } else { "" };
            write!(f, "{separator}{}{many}: {}", field.name, field.dtype)?;
        }
        Ok(())
    }
}

/// Refuses a group of columns where a step can only take one column.
pub(crate) fn refuse_group(field: &Field, what: &str) -> Result<()> {
    if !field.open {
        return Ok(());
    }
    let message = format!("a group of columns cannot be {what} as one column");
    Err(Error::new(ErrorKind::Config, message)
        .on_column(field.name.as_str())
        .with_help("its columns are known after the fit: choose others, or move the step up"))
}

/// The column that numbers the rows of a source before any filter; steps and users never see it.
pub(crate) const ROW: &str = "__floe_row";

/// The column that says which fold a row is in, where rows are dealt into folds.
pub(crate) const FOLD: &str = "__floe_fold";

/// Refuses to write a column of the library's own: rows are split by the number in one of them.
pub(crate) fn refuse_hidden(name: &str) -> Result<()> {
    if is_hidden(name) {
        return Err(Error::new(
            ErrorKind::Schema,
            "names that begin with `__floe` are reserved",
        )
        .on_column(name)
        .with_help("choose another name"));
    }
    Ok(())
}

/// Whether a column is the library's own.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with("__floe")
}
