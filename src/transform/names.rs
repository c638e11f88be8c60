//! The columns of a fitted step are names: what serde writes of them, and what reads them back.

use std::fmt;

use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind};
use crate::schema::Columns;

pub(crate) fn serialize<S: Serializer>(
    columns: &Columns,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let names = columns.names().ok_or_else(|| {
        S::Error::custom("a selector is not saved: fit the step first, which makes it names")
    })?;
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    names.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Columns, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    Ok(Columns::chosen(names.into_iter().map(Into::into).collect()))
}

/// Whether the names of a fitted step can be those of this choice.
pub(crate) fn may_be(columns: &Columns, fitted: &Columns) -> bool {
    let names = fitted.names().unwrap_or_default().iter();
    columns.may_be(names.map(|name| name.as_str()))
}

/// A step of a model file, unless it is not the `same` as the step that reads it.
pub(crate) fn restored<F>(step: &dyn fmt::Debug, fitted: F, same: bool) -> crate::Result<F> {
    if same {
        return Ok(fitted);
    }
    let message = format!("it holds other columns or settings than `{step:?}`");
    Err(Error::new(ErrorKind::Model, message)
        .with_help("load it with the flow that it was saved from"))
}
