//! Rows after their split was decided.

use polars::prelude::LazyFrame;

use crate::error::{Error, ErrorKind, Result};
use crate::frame::RowSet;
use crate::splitter::Fold;

/// Opened rows, in sides or in folds; all carry the hidden row number.
#[expect(
    missing_debug_implementations,
    reason = "a query plan is no help in a message"
)]
pub enum Opened {
    Sides(Box<Sides>),
    Folds(Vec<Folds>),
}

/// The sides of opened rows.
#[expect(
    missing_debug_implementations,
    reason = "a query plan is no help in a message"
)]
pub struct Sides {
    pub(crate) train: RowSet,
    pub(crate) test: LazyFrame,
    pub(crate) validation: Option<LazyFrame>,
}

/// The rows of all folds of one repeat.
#[expect(
    missing_debug_implementations,
    reason = "a query plan is no help in a message"
)]
pub struct Folds {
    pub(crate) rows: RowSet,
    pub(crate) each: Vec<Fold>,
    pub(crate) refit: bool,
}

impl Opened {
    pub(crate) fn sides(self) -> Result<Sides> {
        match self {
            Self::Sides(sides) => Ok(*sides),
            Self::Folds(_) => Err(mistyped()),
        }
    }

    /// The folds of each repeat.
    pub(crate) fn repeats(self) -> Result<Vec<Folds>> {
        match self {
            Self::Folds(repeats) => Ok(repeats),
            Self::Sides(_) => Err(mistyped()),
        }
    }
}

fn mistyped() -> Error {
    Error::new(
        ErrorKind::Split,
        "the split decided something else than its type says (a bug in floe)",
    )
}
