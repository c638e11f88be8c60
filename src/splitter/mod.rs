//! Splitters: which rows are learned from and which are kept for the score.
//!
//! The numbers behind a split are frozen; `docs/splitting.md` is their specification.

mod assignment;
mod column_keys;
mod k_fold;
mod key;
mod numbers;
mod parts;
mod rows;
mod selection;
mod share;
mod threshold;
mod train_test;
mod train_validation_test;

use std::fmt;

use serde_json::Value;

pub(crate) use assignment::Fold;
pub use assignment::{Assigned, Assignment, Decided, FoldAssignment, OneTrainSide};
pub use k_fold::{KFold, OneFold};
pub use rows::Rows;
pub use train_test::TrainTestSplit;
pub use train_validation_test::TrainValidationTest;

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
    /// What is decided: [`Assignment`], train rows and test rows, or [`FoldAssignment`], folds.
    type Assignment: Assigned;

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
    fn assign(&self, rows: &mut Rows<'_>) -> Result<Self::Assignment>;

    /// The split as data, for the model file and for trackers.
    fn describe(&self) -> Value;

    /// How many models a run fits, all in the same scans. Default: one. What decides on folds says
    /// how many there are, for `explain()`.
    fn models(&self) -> usize {
        1
    }

    /// How many scans of kept rows a run's scores take. Default: one.
    fn scores(&self) -> usize {
        1
    }
}
