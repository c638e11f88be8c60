//! The bridge from Polars' batches to the accumulators.

mod column;
mod counts;
mod factor;
mod group_spread;
mod group_sum;
mod grouped;
mod keys;

use std::sync::Arc;

use polars::prelude::{ChunkedArray, Column, DataType, PolarsResult, Series};
use polars_arrow::bitmap::Bitmap;

use self::column::{Gather, gather};
use self::counts::CountGather;
use self::factor::FactorGather;
use self::grouped::GroupedGather;
use super::accumulate::Validity;
use super::answers::{Answers, ColumnAnswer};
use super::sheet::Sheet;
use crate::error::Result;
use crate::frame::PartSet;
use crate::schema::Kind;

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
