//! Splitters: which rows are learned from and which are kept for the score.
//!
//! The numbers behind a split are frozen; `docs/splitting.md` is their specification.

mod column_keys;
mod key;
mod numbers;
mod rows;
mod selection;
mod share;
mod threshold;
mod train_test;

use std::fmt;

use polars::prelude::Expr;
use serde_json::Value;

pub use rows::Rows;
pub use train_test::TrainTestSplit;

use crate::error::Result;
use crate::schema::Schema;
use crate::source::Outline;

/// Says of each row whether it is a train row or a test row. The library does the filtering, so a
/// splitter cannot hand out rows.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a splitter",
    label = "not a splitter",
    note = "split with `.split(TrainTestSplit::new(0.3).seed(42))`: 0.3 of the rows are kept for the score"
)]
pub trait Splitter: fmt::Debug + Send + Sync {
    /// Refuses settings that cannot work, without reading a row.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Split`](crate::ErrorKind::Split) or, for a missing column,
    /// [`ErrorKind::Schema`](crate::ErrorKind::Schema).
    fn check(&self, schema: &Schema, outline: &Outline) -> Result<()>;

    /// How many scans [`assign`](Self::assign) takes, and why.
    fn scans(&self, outline: &Outline) -> usize;

    /// Decides the split.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Split`](crate::ErrorKind::Split) when a side would be empty.
    fn assign(&self, rows: &mut Rows<'_>) -> Result<Assignment>;

    /// The split as data, for the model file and for trackers.
    fn describe(&self) -> Value;
}

/// A decided split: an element-wise Boolean expression that is true for the test rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    test: Expr,
}

impl Assignment {
    /// A split whose test rows are those for which `test` is true. It must never be null.
    pub fn holdout(test: Expr) -> Self {
        Self { test }
    }

    /// The condition of the train rows.
    pub fn train(&self) -> Expr {
        self.test.clone().not()
    }

    /// The condition of the test rows.
    pub fn test(&self) -> Expr {
        self.test.clone()
    }
}
