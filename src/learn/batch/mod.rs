//! The bridge from Polars' batches to the accumulators.

mod column;
mod counts;
mod factor;
mod group_spread;
mod group_sum;
mod grouped;
mod keys;

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Arc;

use polars::prelude::{ChunkedArray, Column, DataType, IntoColumn, PolarsResult, Series};
use polars_arrow::bitmap::Bitmap;

use self::column::{Gather, gather};
use self::counts::CountGather;
use self::factor::FactorGather;
use self::grouped::GroupedGather;
use super::accumulate::Validity;
use super::answers::{Answers, ColumnAnswer};
use super::deal::Deal;
use super::sheet::Sheet;
use crate::error::Result;
use crate::frame::PartSet;
use crate::schema::Kind;
use crate::threads;

/// Fewer values are not worth a thread.
const WORTH_A_THREAD: usize = 1 << 16;

/// Everything that one scan accumulates, for each group of rows by itself.
///
/// The rows of a group keep their order, and what the groups taught is combined in the order of the
/// groups: for a model, those of the parts that it learns from. Rows that are not in groups are one
/// group.
pub(crate) struct Accumulators {
    columns: Vec<ColumnGather>,
    factors: Vec<FactorGather>,
    groups: Vec<GroupedGather>,
}

/// What is gathered of one column.
struct ColumnGather {
    kind: Option<Kind>,
    numbers: Option<Box<dyn Gather>>,
    counts: Option<CountGather>,
    /// Rows and nulls of a column without numbers.
    texts: Option<Vec<(u64, u64)>>,
}

impl Accumulators {
    pub(crate) fn new(sheet: &Sheet, groups: usize) -> Self {
        let columns = sheet.columns.iter().map(|question| {
            let kind = question.ask.kind;
            let most = question.count;
            ColumnGather {
                kind,
                numbers: kind
                    .filter(|_| question.summary)
                    .map(|kind| gather(kind, question, groups)),
                counts: most.map(|most| CountGather::new(kind, most, groups)),
                texts: (question.summary && kind.is_none()).then(|| vec![(0, 0); groups]),
            }
        });
        let columns: Vec<_> = columns.collect();
        let factors = sheet
            .factors
            .iter()
            .map(|ask| FactorGather::new(ask, groups));
        let grouped = sheet.groups.iter().map(|ask| {
            let [by, of] = [ask.by, ask.of].map(|slot| columns[slot].kind);
            GroupedGather::new(ask, by, of, groups)
        });
        Self {
            factors: factors.collect(),
            groups: grouped.collect(),
            columns,
        }
    }

    /// Adds the next rows of a group; the columns are those of the sheet, in its order.
    pub(crate) fn update(&mut self, group: usize, columns: &[Column]) -> Result<()> {
        if !self.asks_together() {
            return self.spread(columns, |of, column| {
                of.push(group, &to_physical(column, of.kind)?)
            });
        }
        let mut physical = Vec::with_capacity(self.columns.len());
        for (of, column) in self.columns.iter_mut().zip(columns) {
            let series = to_physical(column, of.kind)?;
            of.push(group, &series)?;
            physical.push((of.kind, series));
        }
        for factor in &mut self.factors {
            factor.push(group, &physical)?;
        }
        for groups in &mut self.groups {
            groups.push(group, &physical)?;
        }
        Ok(())
    }

    /// Whether something is asked of several columns together.
    fn asks_together(&self) -> bool {
        !self.factors.is_empty() || !self.groups.is_empty()
    }

    /// Adds the next rows, each to the group that it is dealt into.
    pub(crate) fn update_dealt(&mut self, columns: &[Column], deal: &Deal) -> Result<()> {
        if self.asks_together() || deal.order().is_none() {
            let series = columns.iter().map(Column::as_materialized_series);
            let moved: Vec<Series> = series.map(|of| deal.moved(of)).collect::<Result<_>>()?;
            return deal.parts().try_for_each(|(group, rows)| {
                let rows = moved.iter().map(|of| part_of(of, &rows).into_column());
                self.update(group, &rows.collect::<Vec<_>>())
            });
        }
        self.spread(columns, |of, column| of.push_dealt(column, deal))
    }

    /// Pushes each column by itself, on threads where that is worth it: columns know nothing of each
    /// other, so that threads show in no bit.
    fn spread(
        &mut self,
        columns: &[Column],
        push: impl Fn(&mut ColumnGather, &Column) -> Result<()> + Sync,
    ) -> Result<()> {
        let rows = columns.first().map_or(0, Column::len);
        let threads = if rows * columns.len() < WORTH_A_THREAD {
            1
        } else {
            threads::all()
        };
        let each = columns.len().div_ceil(threads).max(1);
        let work = self.columns.chunks_mut(each).zip(columns.chunks(each));
        let ended = threads::shared(work, |(of, columns)| {
            let mut columns = of.iter_mut().zip(columns);
            columns.try_for_each(|(of, column)| push(of, column))
        });
        let mut ended = ended.into_iter();
        ended.try_for_each(|ended| ended.unwrap_or_else(|panic| resume_unwind(panic)))
    }

    /// The answers for the rows of some groups.
    pub(crate) fn answers(&mut self, of: &PartSet) -> Answers {
        let columns = self.columns.iter_mut();
        let factors = self.factors.iter();
        let groups = self.groups.iter();
        Answers {
            columns: columns.map(|column| column.answer(of)).collect(),
            factors: factors.map(|factor| factor.answer(of).into()).collect(),
            groups: groups
                .map(|groups| groups.answer(of).map(Into::into))
                .collect(),
            queries: Vec::new(),
        }
    }
}

impl ColumnGather {
    fn push_dealt(&mut self, column: &Column, deal: &Deal) -> Result<()> {
        let physical = to_physical(column, self.kind)?;
        if let (Some(numbers), None) = (&mut self.numbers, &self.counts)
            && numbers.push_dealt(&physical, deal)?
        {
            return Ok(());
        }
        let moved = deal.moved(&physical)?;
        let mut parts = deal.parts();
        parts.try_for_each(|(group, rows)| self.push(group, &part_of(&moved, &rows)))
    }

    fn push(&mut self, group: usize, physical: &Series) -> Result<()> {
        if let Some(numbers) = &mut self.numbers {
            numbers.push(group, physical)?;
        }
        if let Some(counts) = &mut self.counts {
            counts.push(group, physical)?;
        }
        if let Some(texts) = &mut self.texts {
            let (rows, nulls) = &mut texts[group];
            *rows += physical.len() as u64;
            *nulls += physical.null_count() as u64;
        }
        Ok(())
    }

    fn answer(&mut self, of: &PartSet) -> Option<Arc<ColumnAnswer>> {
        let mut answer = match (&mut self.numbers, &self.texts) {
            (Some(numbers), _) => numbers.answer(of),
            (None, Some(texts)) => {
                let mut answer = ColumnAnswer::default();
                for (rows, nulls) in some(texts, of) {
                    answer.summary.rows += rows;
                    answer.summary.nulls += nulls;
                }
                answer
            }
            (None, None) => return None,
        };
        answer.counted = self.counts.as_ref().map(|counts| counts.answer(of));
        Some(Arc::new(answer))
    }
}

/// Some of the groups, in order.
fn some<'a, T>(groups: &'a [T], of: &'a PartSet) -> impl Iterator<Item = &'a T> {
    let groups = groups.iter().enumerate();
    groups.filter_map(|(at, group)| of.contains(at).then_some(group))
}

/// Some of the rows of a column.
fn part_of(column: &Series, rows: &Range<usize>) -> Series {
    let start = i64::try_from(rows.start).unwrap_or(i64::MAX);
    column.slice(start, rows.len())
}

/// The physical numbers of a column, or its texts.
fn to_physical(column: &Column, kind: Option<Kind>) -> Result<Series> {
    let series = column.as_materialized_series();
    let Some(kind) = kind else {
        return Ok(series.clone());
    };
    Ok(match kind {
        Kind::Bool => series.cast(&DataType::UInt8)?,
        // A decimal has no physical dtype of its own without the feature for 128-bit integers.
        Kind::I128 => series.clone(),
        _ => series.to_physical_repr().into_owned(),
    })
}

/// The typed chunks of a physical series.
type Chunks<P> = fn(&Series) -> PolarsResult<&ChunkedArray<P>>;

/// Polars' validity bits as the accumulators take them.
struct Bits<'a>(&'a Bitmap);

impl Validity for Bits<'_> {
    fn is_valid(&self, index: usize) -> bool {
        self.0.get(index).unwrap_or(false)
    }

    fn null_count(&self) -> usize {
        self.0.unset_bits()
    }
}
