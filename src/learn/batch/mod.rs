//! The bridge from Polars' batches to the accumulators.

mod column;
mod factor;

use polars::prelude::{ChunkedArray, Column, DataType, PolarsResult, Series};
use polars_arrow::bitmap::Bitmap;

use self::column::{Gather, gather};
use self::factor::FactorGather;
use super::accumulate::Validity;
use super::answers::Answers;
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
    columns: Vec<(Kind, Option<Box<dyn Gather>>)>,
    factors: Vec<FactorGather>,
}

impl Accumulators {
    pub(crate) fn new(sheet: &Sheet, groups: usize) -> Self {
        let columns = sheet.columns.iter().map(|question| {
            let gather = question.summary.then(|| gather(question, groups));
            (question.ask.kind, gather)
        });
        let factors = sheet
            .factors
            .iter()
            .map(|ask| FactorGather::new(ask, groups));
        Self {
            columns: columns.collect(),
            factors: factors.collect(),
        }
    }

    /// Adds the next rows of a group; the columns are those of the sheet, in its order.
    pub(crate) fn update(&mut self, group: usize, columns: &[Column]) -> Result<()> {
        let mut physical = Vec::with_capacity(self.columns.len());
        for ((kind, gather), column) in self.columns.iter_mut().zip(columns) {
            let series = to_physical(column, *kind)?;
            if let Some(gather) = gather {
                gather.push(group, &series)?;
            }
            physical.push((*kind, series));
        }
        for factor in &mut self.factors {
            factor.push(group, &physical)?;
        }
        Ok(())
    }

    /// The answers for the rows of some groups.
    pub(crate) fn answers(&mut self, of: &PartSet) -> Answers {
        let columns = self.columns.iter_mut().map(|(_, gather)| {
            let gather = gather.as_mut()?;
            Some(gather.answer(of).into())
        });
        let factors = self.factors.iter().map(|factor| factor.answer(of).into());
        Answers {
            columns: columns.collect(),
            factors: factors.collect(),
            queries: Vec::new(),
        }
    }
}

/// Some of the groups, in order.
fn some<'a, T>(groups: &'a [T], of: &'a PartSet) -> impl Iterator<Item = &'a T> {
    let groups = groups.iter().enumerate();
    groups.filter_map(|(at, group)| of.contains(at).then_some(group))
}

/// The physical numbers of a column.
fn to_physical(column: &Column, kind: Kind) -> Result<Series> {
    let series = column.as_materialized_series();
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
