//! Splitters: which rows are learned from and which are kept for the score.
//!
//! The numbers behind a split are frozen; `docs/splitting.md` is their specification.

mod assignment;
mod classes;
mod column_keys;
mod fold_splitter;
mod group_k_fold;
mod k_fold;
mod key;
mod numbers;
mod one_fold;
mod parts;
mod predefined_split;
mod repeated;
mod report;
mod rows;
mod selection;
mod share;
mod stratified_k_fold;
mod threshold;
mod time_keys;
mod time_series_split;
mod train_test;
mod train_validation_test;

use std::fmt;

use serde_json::Value;

pub(crate) use assignment::Fold;
pub use assignment::{
    Assigned, Assignment, Decided, FoldAssignment, OneTrainSide, RepeatedAssignment,
};
pub use fold_splitter::FoldSplitter;
pub use group_k_fold::GroupKFold;
pub use k_fold::KFold;
pub use one_fold::OneFold;
pub use predefined_split::PredefinedSplit;
pub use repeated::{Repeatable, Repeated};
pub(crate) use report::SplitCount;
pub use report::{SideValue, SplitReport, SplitSide};
pub use rows::Rows;
pub use stratified_k_fold::StratifiedKFold;
pub use time_series_split::TimeSeriesSplit;
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
    /// What is decided: [`Assignment`], train rows and test rows, [`FoldAssignment`], folds, or
    /// [`RepeatedAssignment`], folds several times.
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

    /// What [`assign`](Self::assign) holds in memory, in words such as `4 bytes a row`. Default:
    /// nothing that grows.
    fn held(&self, outline: &Outline) -> Option<&'static str> {
        let _ = outline;
        None
    }

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

    /// How many times the rows are dealt, each read for itself. Default: once.
    fn repeats(&self) -> usize {
        1
    }
}
