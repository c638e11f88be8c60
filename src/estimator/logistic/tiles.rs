//! The inner loops: columns in panels of four, and products of panels in tiles of four by four.
//!
//! Each number is summed in the order of the rows, so that how a processor does several columns at
//! once does not show in a bit.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

/// Columns of a panel.
pub(super) const WIDE: usize = 4;

/// Four columns of one row.
pub(super) type Quad = [f64; WIDE];

/// Four columns times four columns.
pub(super) type Tile = [Quad; WIDE];

/// Adds `panel · coefficients` to each row.
#[inline(always)]
pub(super) fn add_scores(scores: &mut [f64], panel: &[Quad], by: &Quad) {
    for (score, row) in scores.iter_mut().zip(panel) {
        *score += (row[0] * by[0] + row[1] * by[1]) + (row[2] * by[2] + row[3] * by[3]);
    }
}

/// Adds the sums of the rows of a panel, each weighted by its factor.
#[inline(always)]
pub(super) fn add_weighted(sum: &mut Quad, panel: &[Quad], factors: &[f64]) {
    let mut total = *sum;
    for (row, factor) in panel.iter().zip(factors) {
        for (total, cell) in total.iter_mut().zip(row) {
            *total += cell * factor;
        }
    }
    *sum = total;
}

/// Each row of a panel times its factor.
#[inline(always)]
pub(super) fn weigh(out: &mut [Quad], panel: &[Quad], factors: &[f64]) {
    for ((out, row), factor) in out.iter_mut().zip(panel).zip(factors) {
        for (out, cell) in out.iter_mut().zip(row) {
            *out = cell * factor;
        }
    }
}

/// Adds the product of two panels, `leftᵀ · right`.
#[inline(always)]
pub(super) fn add_product(tile: &mut Tile, left: &[Quad], right: &[Quad]) {
    let mut total = *tile;
    for (left, right) in left.iter().zip(right) {
        for (total, left) in total.iter_mut().zip(left) {
            for (total, right) in total.iter_mut().zip(right) {
                *total += left * right;
            }
        }
    }
    *tile = total;
}
