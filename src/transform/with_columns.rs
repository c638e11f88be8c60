use polars::prelude::{Expr, LazyFrame, PlSmallStr};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::row_wise::check_expr;
use super::{Apply, Artifact, RowWise, Saved, Stateless, Transform};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::Learned;
use crate::schema::{Field, Schema, refuse_group, roots};

/// Adds or overwrites columns by element-wise expressions; learns nothing.
///
/// A column that an encoder made of a category is not overwritten: its name is known after the fit
/// only, and then such an expression is an error of kind [`ErrorKind::Schema`].
///
/// A model file holds the text of the expressions only, to compare: loading uses the expressions
/// of the flow that loads.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let step = WithColumns::new([(col("likes") + lit(1i64)).alias("likes_and_one")]);
/// let frame = step.apply(df!["likes" => [1i64, 2]]?.lazy())?.collect()?;
/// assert_eq!(frame.column("likes_and_one")?.i64()?.sum(), Some(5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or applied"]
pub struct WithColumns {
    exprs: Vec<Expr>,
}

impl WithColumns {
    /// A step that computes these expressions from the columns before it.
    pub fn new(exprs: impl IntoIterator<Item = Expr>) -> Self {
        Self {
            exprs: exprs.into_iter().collect(),
        }
    }

    fn texts(&self) -> Vec<String> {
        self.exprs.iter().map(ToString::to_string).collect()
    }

    fn fields(&self, input: &Schema) -> Result<Vec<Field>> {
        let columns = input.to_polars();
        let mut fields = Vec::new();
        for expr in &self.exprs {
            for column in roots(expr) {
                refuse_group(input.field(&column)?, "read")?;
            }
            let field = expr
                .to_field(&columns)
                .map_err(|error| Error::from_polars(ErrorKind::Schema, error))?;
            if let Some(group) = input.get(&field.name) {
                refuse_group(group, "written")?;
                if group.group().is_some() {
                    let message = "a step before made a column of this name out of the train rows";
                    return Err(Error::new(ErrorKind::Schema, message)
                        .on_column(field.name.as_str())
                        .with_help("choose another name: it would take the place of that column"));
                }
            }
            fields.push(Field::new(field.name, field.dtype));
        }
        Ok(fields)
    }
}

impl Apply for WithColumns {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(frame.with_columns(self.exprs.clone()))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        for field in self.fields(input)? {
            output.set(field);
        }
        Ok(output)
    }
}

impl RowWise for WithColumns {}

impl Stateless for WithColumns {
    fn check_row_wise(&self, input: &Schema) -> Result<()> {
        self.exprs
            .iter()
            .try_for_each(|expr| check_expr(expr, input))
    }
}

impl Transform for WithColumns {
    type Fitted = Self;

    fn reads(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(self.exprs.iter().flat_map(roots).collect())
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let fields = self.fields(input)?;
        Ok(fields
            .into_iter()
            .map(|field| field.name().clone())
            .collect())
    }

    fn fit(&self, input: &Schema, _: &Learned) -> Result<Self> {
        self.check_row_wise(input)?;
        Ok(self.clone())
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.check_row_wise(input)?;
        Apply::output(self, input)
    }

    fn restore(&self, saved: &Saved) -> Result<Self> {
        if saved.kind() != Self::KIND || *saved.state() != serde_json::json!(self.texts()) {
            let message = format!("its expressions differ from `{:?}`", self.exprs);
            return Err(Error::new(ErrorKind::Model, message)
                .with_help("load it with the flow that it was saved from"));
        }
        Ok(self.clone())
    }
}

impl Artifact for WithColumns {
    const KIND: &'static str = "with_columns";
}

impl Serialize for WithColumns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.texts().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for WithColumns {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom(
            "an expression is code and is never read from a file; load with the flow that has it",
        ))
    }
}
