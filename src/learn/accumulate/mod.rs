//! Statistics learned from streamed columns, with the same bits for every chunking of the same rows.
//!
//! Rows are cut into fixed blocks by their position in the stream, a block is reduced in a fixed order of lanes, and the
//! blocks are combined in a fixed tree. Where one batch ends and the next begins therefore never shows in a result.

mod block;
mod descent;
mod double;
mod elastic_net;
mod factor;
mod householder;
mod narrow;
mod order;
mod ridge;
mod sketch;
mod solve;
mod summary;
mod tree;
mod value;
mod wide;

#[cfg(test)]
mod elastic_net_tests;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod factor_tests;
#[cfg(test)]
mod register_tests;
#[cfg(test)]
mod ridge_tests;
#[cfg(test)]
mod sketch_tests;
#[cfg(test)]
mod summary_tests;

pub(crate) use descent::Stop;
pub(crate) use double::Double;
pub(crate) use elastic_net::Penalty;
pub(crate) use factor::{Column, Factor, LeastSquares};
pub(crate) use order::{OrderBuffer, Ranked};
pub(crate) use sketch::{Sketch, most_held};
pub(crate) use solve::{RankPolicy, Solution, Unsolved};
pub(crate) use summary::{ColumnSummary, State, Summary};
pub(crate) use value::{Extreme, Value};

/// Which positions of a chunk hold a value.
pub(crate) trait Validity {
    /// Whether position `index` of the chunk holds a value.
    fn is_valid(&self, index: usize) -> bool;

    /// How many positions of the chunk are null; zero lets the chunk be read as one without nulls.
    fn null_count(&self) -> usize;

    /// Writes the positions from `start` on; one call for a block, so that a trait object costs nothing per value.
    fn read(&self, start: usize, out: &mut [bool]) {
        for (offset, slot) in out.iter_mut().enumerate() {
            *slot = self.is_valid(start + offset);
        }
    }
}

impl Validity for &[bool] {
    fn is_valid(&self, index: usize) -> bool {
        self.get(index).copied().unwrap_or(false)
    }

    fn null_count(&self) -> usize {
        self.iter().filter(|valid| !**valid).count()
    }
}

/// A count as a float; exact below 2^53 rows.
#[expect(clippy::cast_precision_loss, reason = "No frame has 2^53 rows.")]
fn float_count(count: u64) -> f64 {
    count as f64
}

/// A length as a count.
fn count_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
