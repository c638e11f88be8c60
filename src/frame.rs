//! Rows that are known to be train or test rows, by type.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use polars::prelude::{DataFrame, Engine, Expr, LazyFrame, all, by_name, lit};

use crate::error::{Error, ErrorKind, Result};
use crate::schema::{FOLD, ROW, Schema, column};

/// Rows that still carry their source row number in a hidden column.
#[derive(Clone)]
pub(crate) struct RowSet {
    pub(crate) frame: LazyFrame,
    /// How many parts the rows come from; the number of its part is in a hidden column of each row.
    ///
    /// What the rows of each part taught is combined in the order of the parts, so that the folds
    /// of one scan and a fold that is fitted alone give the same bits.
    pub(crate) parts: Option<usize>,
}

/// Rows that are not dealt into parts.
impl From<LazyFrame> for RowSet {
    fn from(frame: LazyFrame) -> Self {
        Self { frame, parts: None }
    }
}

impl RowSet {
    /// The rows of some of the parts.
    pub(crate) fn only(&self, parts: &PartSet) -> Self {
        if self
            .parts
            .is_some_and(|count| *parts == PartSet::all(count))
        {
            return self.clone();
        }
        Self {
            frame: self.frame.clone().filter(parts.condition()),
            parts: self.parts,
        }
    }
}

/// Some of the parts that rows are dealt into, such as those that a model learns from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartSet {
    /// Numbers of parts, in rising order and with a gap between two runs.
    runs: Vec<Range<usize>>,
}

impl PartSet {
    /// The parts of a run of numbers.
    pub(crate) fn of(run: Range<usize>) -> Self {
        [run].into_iter().collect()
    }

    /// All of so many parts.
    pub(crate) fn all(count: usize) -> Self {
        Self::of(0..count)
    }

    /// All of so many parts but one.
    pub(crate) fn all_but(count: usize, part: usize) -> Self {
        [0..part, part + 1..count].into_iter().collect()
    }

    /// The other ones of so many parts.
    pub(crate) fn others(&self, count: usize) -> Self {
        let starts = [0].into_iter().chain(self.runs.iter().map(|run| run.end));
        let ends = self.runs.iter().map(|run| run.start).chain([count]);
        starts.zip(ends).map(|(start, end)| start..end).collect()
    }

    pub(crate) fn contains(&self, part: usize) -> bool {
        self.runs.iter().any(|run| run.contains(&part))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The condition of the rows of these parts.
    pub(crate) fn condition(&self) -> Expr {
        let number = |part: usize| lit(u32::try_from(part).unwrap_or(u32::MAX));
        let runs = self.runs.iter().map(|run| match (run.start, run.end) {
            (start, end) if end - start == 1 => column(FOLD).eq(number(start)),
            (0, end) => column(FOLD).lt(number(end)),
            (start, end) => {
                let from = column(FOLD).gt_eq(number(start));
                from.and(column(FOLD).lt(number(end)))
            }
        });
        runs.reduce(Expr::or).unwrap_or_else(|| lit(false))
    }
}

/// Joins runs that touch; they come in rising order, and one without numbers adds nothing.
impl FromIterator<Range<usize>> for PartSet {
    fn from_iter<I: IntoIterator<Item = Range<usize>>>(runs: I) -> Self {
        let mut joined: Vec<Range<usize>> = Vec::new();
        for run in runs.into_iter().filter(|run| !run.is_empty()) {
            match joined.last_mut() {
                Some(last) if last.end >= run.start => last.end = last.end.max(run.end),
                _ => joined.push(run),
            }
        }
        Self { runs: joined }
    }
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

/// The columns that are not the library's own.
pub(crate) fn visible() -> Expr {
    (all() - by_name([ROW, FOLD], false, false)).as_expr()
}

/// Runs a query on the streaming engine, whose batches keep memory bounded.
pub(crate) fn collect(frame: LazyFrame, kind: ErrorKind) -> Result<DataFrame> {
    frame
        .collect_with_engine(Engine::Streaming)
        .map(|result| result.unwrap_single())
        .map_err(|error| Error::from_polars(kind, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::{IntoLazy, df};

    #[test]
    fn parts_are_what_their_condition_says() {
        let frame = df![FOLD => (0..7_u32).collect::<Vec<_>>()].expect("a column");
        let sets = [
            PartSet::default(),
            PartSet::all(7),
            PartSet::all_but(7, 0),
            PartSet::all_but(7, 3),
            PartSet::all_but(7, 6),
            PartSet::of(2..5),
            [0..2, 2..3, 4..4, 5..6].into_iter().collect(),
        ];
        for parts in sets {
            let rows = frame.clone().lazy().filter(parts.condition());
            let rows = rows.collect().expect("rows");
            let found = rows.columns()[0].u32().expect("parts").into_no_null_iter();
            let expected = (0..7_u32).filter(|part| parts.contains(*part as usize));
            assert!(found.eq(expected), "{parts:?}");
            let others = parts.others(7);
            assert!((0..7).all(|part| others.contains(part) != parts.contains(part)));
            assert_eq!(others.others(7), parts);
        }
    }
}
