use std::fmt;

use polars::prelude::{Column, Expr, LazyFrame, col};

use crate::error::Result;
use crate::learn::{Purpose, ScanLog};
use crate::schema::ROW;
use crate::source::Outline;

/// The rows that a splitter divides. Each question that the source cannot answer from what it
/// knows is one scan.
pub struct Rows<'a> {
    frame: LazyFrame,
    outline: &'a Outline,
    log: &'a mut ScanLog,
}

// A query plan is no help in a message.
impl fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rows({:?})", self.outline)
    }
}

impl<'a> Rows<'a> {
    pub(crate) fn new(frame: LazyFrame, outline: &'a Outline, log: &'a mut ScanLog) -> Self {
        Self {
            frame,
            outline,
            log,
        }
    }

    /// Whether rows were dropped after they were numbered.
    pub fn are_filtered(&self) -> bool {
        self.outline.filtered
    }

    /// How many rows there are.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`](crate::ErrorKind::Source) when they cannot be read.
    pub fn count(&mut self) -> Result<u64> {
        if let (Some(rows), false) = (self.outline.rows, self.outline.filtered) {
            return Ok(rows);
        }
        self.fold(Self::number(), 0, |count, rows| {
            *count += rows.len() as u64;
            Ok(())
        })
    }

    /// Reads one expression of every row, batch by batch in row order: one scan.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`](crate::ErrorKind::Source) when the rows cannot be read, and whatever
    /// `each` returns.
    pub fn fold<S>(
        &mut self,
        expr: Expr,
        state: S,
        mut each: impl FnMut(&mut S, &Column) -> Result<()>,
    ) -> Result<S> {
        let frame = self.frame.clone().select([expr]);
        let mut state = state;
        self.log.stream(frame, Purpose::Count, |batch| {
            let mut columns = batch.columns().iter();
            columns.try_for_each(|column| each(&mut state, column))
        })?;
        Ok(state)
    }

    /// Reads several expressions of every row at once, batch by batch in row order: one scan.
    pub(crate) fn read(
        &mut self,
        exprs: Vec<Expr>,
        mut each: impl FnMut(&[Column]) -> Result<()>,
    ) -> Result<()> {
        let frame = self.frame.clone().select(exprs);
        self.log
            .stream(frame, Purpose::Count, |batch| each(batch.columns()))
    }

    /// The number of a row in its source, from 0, counted before any filter: a `UInt32` column.
    pub fn number() -> Expr {
        col(ROW)
    }
}
