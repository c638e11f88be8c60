//! Rows that are known to be train or test rows, by type.

use std::fmt;
use std::marker::PhantomData;

use polars::prelude::{DataFrame, Engine, Expr, LazyFrame, all, by_name, lit};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::{FOLD, ROW, Schema, column};

/// Rows that still carry their source row number in a hidden column.
#[derive(Clone)]
pub(crate) struct RowSet {
    pub(crate) frame: LazyFrame,
    /// How many folds the rows come from; the number of its fold is in a hidden column of each row.
    ///
    /// What the rows of each fold taught is combined in the order of the folds, so that the folds
    /// of one scan and a fold that is fitted alone give the same bits.
    pub(crate) folds: Option<usize>,
}

/// Rows that are not dealt into folds.
impl From<LazyFrame> for RowSet {
    fn from(frame: LazyFrame) -> Self {
        Self { frame, folds: None }
    }
}

impl RowSet {
    /// The rows of all folds but one.
    pub(crate) fn without(&self, fold: Option<usize>) -> Self {
        let Some(fold) = fold else {
            return self.clone();
        };
        Self {
            frame: self.frame.clone().filter(in_fold(fold).not()),
            folds: self.folds,
        }
    }
}

/// The condition of the rows of one fold.
pub(crate) fn in_fold(fold: usize) -> Expr {
    let fold = u32::try_from(fold).unwrap_or(u32::MAX);
    column(FOLD).eq(lit(fold))
}

/// Marks rows that may be learned from.
#[derive(Clone, Copy, Debug)]
pub enum Train {}

/// Marks rows that are kept for the score.
#[derive(Clone, Copy, Debug)]
pub enum Test {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Train {}
    impl Sealed for super::Test {}
}

/// Which side of a split a [`Frame`] is on: [`Train`] or [`Test`].
pub trait Partition: sealed::Sealed {
    #[doc(hidden)]
    const NAME: &'static str;
}

impl Partition for Train {
    const NAME: &'static str = "Train";
}

impl Partition for Test {
    const NAME: &'static str = "Test";
}

/// Rows that may be learned from: the train rows and nothing else.
#[diagnostic::on_unimplemented(
    message = "a fit learns from train rows only, and these are `{Self}` rows",
    label = "not train rows",
    note = "fit on the train rows (`run.train()`), then apply the fitted step to the test rows"
)]
pub trait Learnable: Partition {}

impl Learnable for Train {}

/// A lazy table of train rows or of test rows. Only the library makes one.
///
/// A `Frame<Train>` comes out of a split ([`Run::train`](crate::Run::train)), or is declared by
/// [`floe::train_on`](crate::train_on); a `Frame<Test>` cannot be learned from.
pub struct Frame<P> {
    rows: RowSet,
    schema: Schema,
    side: PhantomData<fn() -> P>,
}

impl<P> Clone for Frame<P> {
    fn clone(&self) -> Self {
        Self::new(self.rows.clone(), self.schema.clone())
    }
}

impl<P> Frame<P> {
    /// A frame over rows that still carry their source row number in the hidden column.
    pub(crate) fn new(rows: impl Into<RowSet>, schema: Schema) -> Self {
        Self {
            rows: rows.into(),
            schema,
            side: PhantomData,
        }
    }

    /// The rows with the hidden row number.
    pub(crate) fn rows(&self) -> &RowSet {
        &self.rows
    }

    /// The rows as a lazy frame.
    pub fn lazy(&self) -> LazyFrame {
        self.rows.frame.clone().select([visible()])
    }

    /// The rows, read now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] when they cannot be read.
    pub fn collect(&self) -> Result<DataFrame> {
        collect(self.lazy(), ErrorKind::Source)
    }

    /// What is known of the columns.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }
}

impl<P: Partition> fmt::Debug for Frame<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame<{}>({})", P::NAME, self.schema)
    }
}

fn visible() -> Expr {
    (all() - by_name([ROW, FOLD], false, false)).as_expr()
}

/// Runs a query on the streaming engine, whose batches keep memory bounded.
pub(crate) fn collect(frame: LazyFrame, kind: ErrorKind) -> Result<DataFrame> {
    frame
        .collect_with_engine(Engine::Streaming)
        .map(|result| result.unwrap_single())
        .map_err(|error| Error::from_polars(kind, error))
}
