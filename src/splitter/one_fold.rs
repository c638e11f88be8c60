use std::fmt;

use serde_json::{Value, json};

use super::{Assignment, FoldSplitter, KFold, Rows, Splitter};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::source::Outline;

/// One fold of a [`KFold`] or of another [`FoldSplitter`] as a split of its own: its rows are the
/// test rows.
///
/// What is learned here has the same bits as the model of this fold in a run of all folds.
#[derive(Clone, PartialEq)]
#[must_use = "a splitter does nothing until it is part of a flow"]
pub struct OneFold<S = KFold> {
    folds: S,
    fold: usize,
}

impl<S: FoldSplitter> OneFold<S> {
    /// One of the folds, counted from 0.
    pub fn new(folds: S, fold: usize) -> Self {
        Self { folds, fold }
    }
}

impl<S: fmt::Debug> fmt::Debug for OneFold<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}.fold({})", self.folds, self.fold)
    }
}

impl<S: FoldSplitter> Splitter for OneFold<S> {
    type Assignment = Assignment;

    fn check(&self, schema: &Schema, outline: &Outline) -> Result<()> {
        self.folds.check(schema, outline)?;
        let (fold, k) = (self.fold, self.folds.folds());
        if fold < k {
            return Ok(());
        }
        let message = format!("there is no fold {fold} of {k}");
        Err(Error::new(ErrorKind::Split, message).with_help("folds are counted from 0"))
    }

    fn scans(&self, outline: &Outline) -> usize {
        self.folds.scans(outline)
    }

    fn held(&self, outline: &Outline) -> Option<&'static str> {
        self.folds.held(outline)
    }

    fn assign(&self, rows: &mut Rows<'_>) -> Result<Assignment> {
        let folds = self.folds.assign(rows)?;
        Ok(folds.alone(self.fold))
    }

    fn describe(&self) -> Value {
        let mut split = self.folds.describe();
        split["fold"] = json!(self.fold);
        split
    }
}
