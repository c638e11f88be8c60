//! The rows of a batch by the parts that they are dealt into.

use std::ops::Range;

use polars::prelude::{Column, DataFrame, IdxCa, IdxSize, PlSmallStr, Series};

use crate::error::{Error, ErrorKind, Result};

/// Where the rows of each part of a batch are.
pub(crate) struct Deal {
    /// Where each part begins among the rows that are put in the order of the parts.
    starts: Vec<usize>,
    /// The rows in the order of the parts; none where they stand so already.
    order: Option<IdxCa>,
}

impl Deal {
    /// Of a batch whose last column is the part, and its other columns.
    pub(crate) fn of(batch: &DataFrame, count: usize) -> Result<(Self, &[Column])> {
        let Some((parts, columns)) = batch.columns().split_last() else {
            return Err(in_no_part());
        };
        let parts = parts.u32()?.rechunk();
        let parts = parts.cont_slice().map_err(|_| in_no_part())?;
        let mut starts = vec![0_usize; count + 1];
        for part in parts {
            *starts.get_mut(*part as usize + 1).ok_or_else(in_no_part)? += 1;
        }
        for part in 0..count {
            starts[part + 1] += starts[part];
        }
        // Folds in the order of the rows stand together already, and nothing need be moved.
        if parts.is_sorted() {
            let order = None;
            return Ok((Self { starts, order }, columns));
        }
        let mut next = starts.clone();
        let mut order: Vec<IdxSize> = vec![0; parts.len()];
        for (row, part) in (0..).zip(parts) {
            let slot = &mut next[*part as usize];
            order[*slot] = row;
            *slot += 1;
        }
        let order = Some(IdxCa::from_vec(PlSmallStr::EMPTY, order));
        Ok((Self { starts, order }, columns))
    }

    /// The parts that have rows, and where these are in the order of the parts.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let ends = self.starts.windows(2).map(|ends| ends[0]..ends[1]);
        ends.enumerate().filter(|(_, rows)| !rows.is_empty())
    }

    /// The rows in the order of the parts, where they must be moved for it.
    pub(crate) fn order(&self) -> Option<&[IdxSize]> {
        self.order.as_ref()?.cont_slice().ok()
    }

    /// A column in the order of the parts.
    pub(crate) fn moved(&self, column: &Series) -> Result<Series> {
        Ok(match &self.order {
            Some(order) => column.take(order)?,
            None => column.clone(),
        })
    }
}

fn in_no_part() -> Error {
    Error::new(
        ErrorKind::Split,
        "a row belongs to no fold (a bug in the splitter)",
    )
}
