//! The physical types a column can have, and how a block of each is reduced.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use super::tree::Node;
#[cfg(test)]
use crate::simd::plainest;
use crate::simd::{Loop, widest};

/// The type of the smallest and largest value of a column.
pub(crate) trait Extreme: Copy + PartialOrd {
    /// Whether the column holds integers.
    const INTEGER: bool;
}

impl Extreme for i128 {
    const INTEGER: bool = true;
}

impl Extreme for f64 {
    const INTEGER: bool = false;
}

/// A physical type of a column.
pub(crate) trait Value: Copy {
    /// The type of the smallest and largest value: `i128` for integers, `f64` for floats.
    type Extreme: Extreme;

    /// A row of an unfinished block, which may hold nothing.
    type Cell: Copy;

    /// The cell of a row without a value.
    const MISSING: Self::Cell;

    fn cell(self) -> Self::Cell;

    /// Reduces a block without nulls, as the body of a loop.
    fn reduce(block: &[Self], work: &mut Work) -> Reduced<Self::Extreme>;

    /// Reduces a block in which some rows may be missing, and leaves its cells to be thrown away.
    fn reduce_cells(cells: &mut [Self::Cell], work: &mut Work) -> Reduced<Self::Extreme>;
}

/// Reduces a block without nulls.
pub(super) fn reduce<V: Value>(block: &[V], work: &mut Work) -> Node<V::Extreme> {
    widest(Block { block, work }).0
}

/// Reduces a block in which some rows may be missing, and leaves its cells to be thrown away.
pub(super) fn reduce_cells<V: Value>(cells: &mut [V::Cell], work: &mut Work) -> Node<V::Extreme> {
    widest(Cells::<V> { cells, work }).0
}

struct Block<'a, V> {
    block: &'a [V],
    work: &'a mut Work,
}

impl<V: Value> Loop for Block<'_, V> {
    type Output = Reduced<V::Extreme>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        V::reduce(self.block, self.work)
    }
}

struct Cells<'a, V: Value> {
    cells: &'a mut [V::Cell],
    work: &'a mut Work,
}

impl<V: Value> Loop for Cells<'_, V> {
    type Output = Reduced<V::Extreme>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        V::reduce_cells(self.cells, self.work)
    }
}

/// Both, as they are compiled for every processor.
#[cfg(test)]
pub(super) fn reduced_plainly<V: Value>(
    block: &[V],
    cells: &mut [V::Cell],
) -> [Node<V::Extreme>; 2] {
    let (mut work, mut again) = (Work::new(true), Work::new(true));
    let whole = Block {
        block,
        work: &mut work,
    };
    let cells = Cells::<V> {
        cells,
        work: &mut again,
    };
    [plainest(whole).0, plainest(cells).0]
}

/// Hides the node from the trait's users.
pub(crate) struct Reduced<E>(pub(super) Node<E>);

/// What a reduction needs besides the block: whether to learn moments, and room for one block of floats.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(super) moments: bool,
    pub(super) room: Vec<f64>,
}

impl Work {
    pub(super) fn new(moments: bool) -> Self {
        Self {
            moments,
            room: Vec::new(),
        }
    }
}
