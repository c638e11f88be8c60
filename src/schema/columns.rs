use std::collections::HashMap;
use std::fmt;

use polars::prelude::{
    Column, Expr, Field as PolarsField, PlIndexSet, PlSmallStr, PolarsResult,
    Schema as PolarsSchema, Selector,
};

use super::{Role, Schema};
use crate::error::{Error, ErrorKind, Result};

/// Which columns a step works on: names, or one of Polars' selectors.
///
/// Names must exist and be features. A selector chooses among the features only, so that
/// `all()` never catches the target or an id.
///
/// A group of columns whose names are known after the fit, such as what a
/// [`OneHotEncoder`](crate::transform::encode::OneHotEncoder) makes, is chosen by the name of the
/// group: by names and by selectors it is one column, also once it is known to be many.
///
/// To choose no column is an error, unless [`or_none`](Self::or_none) allows it.
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
/// let floats = Columns::from(DataTypeSelector::Float.as_selector());
/// assert!(floats.resolve(&schema).is_err());
/// assert!(floats.or_none().resolve(&schema)?.is_empty());
/// # Ok::<(), floe::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Columns {
    choice: Choice,
    or_none: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Choice {
    Names(Vec<PlSmallStr>),
    Selector(Selector),
}

impl Columns {
    /// Lets the choice be empty: the step then does nothing. A name that is given must exist all the
    /// same.
    #[must_use]
    pub fn or_none(mut self) -> Self {
        self.or_none = true;
        self
    }

    fn new(choice: Choice) -> Self {
        Self {
            choice,
            or_none: false,
        }
    }

    /// What was chosen at the fit; a choice that was allowed to be empty may have been.
    pub(crate) fn chosen(names: Vec<PlSmallStr>) -> Self {
        Self {
            or_none: names.is_empty(),
            choice: Choice::Names(names),
        }
    }

    /// Whether a fitted step on these columns can be one of this choice. What a selector chooses
    /// depends on the columns at the fit, so it can be anything.
    pub(crate) fn may_be<'a>(&self, names: impl Iterator<Item = &'a str>) -> bool {
        match &self.choice {
            Choice::Names(chosen) => are_of(chosen, &names.collect::<Vec<_>>()),
            Choice::Selector(_) => true,
        }
    }

    /// The chosen names, in the order given or, for a selector, in the order of the schema; for a
    /// group that is no longer open, those of its columns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`] when a name is absent, occurs twice, or is not a feature, and when
    /// nothing is chosen.
    pub fn resolve(&self, schema: &Schema) -> Result<Vec<PlSmallStr>> {
        let mut names = Vec::new();
        match &self.choice {
            Choice::Names(chosen) => {
                for (i, name) in chosen.iter().enumerate() {
                    let known = names.len();
                    if !schema.contains(name) {
                        names.extend(schema.group(name).map(|field| field.name().clone()));
                    }
                    if names.len() == known {
                        names.push(name.clone());
                    }
                    for name in &names[known..] {
                        refuse_role(schema, name)?;
                    }
                    if chosen[..i].contains(name) {
                        return Err(Error::new(ErrorKind::Schema, "the column is chosen twice")
                            .on_column(name.as_str()));
                    }
                }
            }
            Choice::Selector(selector) => {
                // A selector sees the same before the fit and after it: a group as one column.
                let mut columns: HashMap<&PlSmallStr, Vec<&PlSmallStr>> = HashMap::new();
                let mut known = PolarsSchema::default();
                let features = schema.fields().iter();
                for field in features.filter(|field| field.has_role() == Role::Feature) {
                    let shown = field.group().unwrap_or(field.name());
                    columns.entry(shown).or_default().push(field.name());
                    known.insert(shown.clone(), field.dtype().clone());
                }
                let chosen = selector
                    .into_columns(&known, &PlIndexSet::default())
                    .map_err(|error| Error::from_polars(ErrorKind::Schema, error))?;
                let columns = chosen.iter().filter_map(|shown| columns.get(shown));
                names.extend(columns.flatten().copied().cloned());
            }
        }
        if names.is_empty() && !self.or_none {
            let help = "allow it by `Columns::or_none`; the columns here are";
            return Err(Error::new(ErrorKind::Schema, "no column is chosen")
                .with_help(format!("{help}: {schema}")));
        }
        Ok(names)
    }

    /// The names as they were given; none of a selector.
    pub(crate) fn names(&self) -> Option<&[PlSmallStr]> {
        match &self.choice {
            Choice::Names(names) => Some(names),
            Choice::Selector(_) => None,
        }
    }
}

/// Whether names are those that were chosen: each itself, or some of a group of that name, which
/// begin with it and `_`.
fn are_of(mut chosen: &[PlSmallStr], mut names: &[&str]) -> bool {
    while let Some((first, rest)) = chosen.split_first() {
        if names.first().is_some_and(|name| first == name) {
            (chosen, names) = (rest, &names[1..]);
            continue;
        }
        let in_group = |name: &&&str| {
            let rest = name.strip_prefix(first.as_str());
            rest.is_some_and(|rest| rest.starts_with('_'))
        };
        let most = names.iter().take_while(in_group).count();
        // The longest first: a shorter one is right only where one name begins with another.
        return (1..=most).rev().any(|of| are_of(rest, &names[of..]));
    }
    names.is_empty()
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
        match &self.choice {
            Choice::Names(names) => f
                .debug_list()
                .entries(names.iter().map(PlSmallStr::as_str))
                .finish(),
            Choice::Selector(selector) => fmt::Display::fmt(selector, f),
        }?;
        f.write_str(if self.or_none { " or none" } else { "" })
    }
}

impl From<Selector> for Columns {
    fn from(selector: Selector) -> Self {
        Self::new(Choice::Selector(selector))
    }
}

impl From<&str> for Columns {
    fn from(name: &str) -> Self {
        Self::new(Choice::Names(vec![name.into()]))
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
        Self::new(Choice::Names(names.into_iter().map(Into::into).collect()))
    }
}

/// The column of exactly this name. Polars' `col` takes `*` and `^..$` for patterns, and would read
/// other columns, the target among them, in place of one that is so named.
pub(crate) fn column(name: impl Into<PlSmallStr>) -> Expr {
    Expr::Column(name.into())
}

/// A column by a function of its batches, which keeps their rows, and by one of its field.
///
/// Polars' own `map` hands every batch to a thread of another pool, since its function might run a
/// query: that costs more than scaling the batch, and ours never do.
pub(crate) fn mapped(
    of: Expr,
    function: impl Fn(Column) -> PolarsResult<Column> + Send + Sync + 'static,
    field: impl Fn(&PolarsSchema, &PolarsField) -> PolarsResult<PolarsField> + Send + Sync + 'static,
) -> Expr {
    of.map_many(
        move |columns| function(std::mem::take(&mut columns[0])),
        &[],
        move |schema, fields| field(schema, &fields[0]),
    )
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Field;
    use polars::prelude::{DataType, all, by_name};

    fn resolved(columns: impl Into<Columns>, schema: &Schema) -> Vec<String> {
        let names = columns.into().resolve(schema).expect("columns");
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_group_is_one_column_before_the_fit_and_all_its_columns_after_it() {
        let mut schema = Schema::new([
            Field::new("age", DataType::Int64),
            Field::open_group("sex", DataType::UInt8),
        ])
        .expect("a schema");
        assert_eq!(resolved(["sex", "age"], &schema), ["sex", "age"]);
        assert_eq!(resolved(all(), &schema), ["age", "sex"]);
        // A step that rewrites the group leaves it a group.
        schema.set(Field::new("sex", DataType::Float64));
        assert!(schema.field("sex").expect("the group").is_open());

        let member = |name: &str| Field::new(name, DataType::Float64);
        schema.close_group("sex", [member("sex_f"), member("sex_m")]);
        assert_eq!(resolved(["sex", "age"], &schema), ["sex_f", "sex_m", "age"]);
        assert_eq!(resolved(all(), &schema), ["age", "sex_f", "sex_m"]);
        let others = all() - by_name(["sex"], true, false);
        assert_eq!(resolved(others, &schema), ["age"]);
        schema.set(Field::new("sex_m", DataType::Float32));
        assert_eq!(resolved("sex", &schema), ["sex_f", "sex_m"]);
        schema.remove("sex_f");
        assert_eq!(resolved("sex", &schema), ["sex_m"]);
        let absent = Columns::from(["se"]).resolve(&schema);
        assert_eq!(absent.expect_err("absent").column(), Some("se"));
    }

    #[test]
    fn names_of_a_file_are_those_chosen_or_those_of_a_group() {
        let may =
            |chosen: &[&str], names: &[&str]| Columns::from(chosen).may_be(names.iter().copied());
        assert!(may(&["a", "b"], &["a", "b"]));
        assert!(may(&["a", "b"], &["a", "b_x", "b_"]));
        assert!(may(&["a", "a_b"], &["a_x", "a_b_y", "a_b_z"]));
        assert!(may(&["a_b", "a"], &["a_b", "a_b_y"]));
        for wrong in [
            &["b", "a"][..],
            &["a"],
            &["a", "bx"],
            &["a", "b", "c"],
            &["b_x"],
            &[],
        ] {
            assert!(!may(&["a", "b"], wrong), "{wrong:?}");
        }
    }
}
