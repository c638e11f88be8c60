//! Householder reflections, written out in a fixed order of operations.
//!
//! A library's factorisation picks its kernels by processor, and may drop a column whose remainder is small; here every
//! remainder counts, because only the solver knows the whole column.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use crate::simd::{Loop, widest};

/// Lanes of a dot product.
const LANES: usize = 8;

/// Sum of products, in eight lanes combined in a fixed order.
#[inline(always)]
pub(super) fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (left_rows, left_rest) = left.as_chunks::<LANES>();
    let (right_rows, right_rest) = right.as_chunks::<LANES>();
    for (left, right) in left_rows.iter().zip(right_rows) {
        for lane in 0..LANES {
            lanes[lane] += left[lane] * right[lane];
        }
    }
    for (lane, (left, right)) in left_rest.iter().zip(right_rest).enumerate() {
        lanes[lane] += left * right;
    }
    let [l0, l1, l2, l3, l4, l5, l6, l7] = lanes;
    ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))
}

/// The Euclidean length, also of very large and very small numbers.
#[inline(always)]
pub(super) fn norm(values: &[f64]) -> f64 {
    let plain = dot(values, values);
    if (1e-200..1e200).contains(&plain) {
        return plain.sqrt();
    }
    let largest = values
        .iter()
        .fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest <= 0.0 || !largest.is_finite() {
        return largest;
    }
    let scaled: Vec<f64> = values.iter().map(|value| value / largest).collect();
    dot(&scaled, &scaled).sqrt() * largest
}

/// Turns `[head; tail]` into `[head; 0]`; `tail` becomes the reflection, whose weight is returned.
#[inline(always)]
fn reflect(head: &mut f64, tail: &mut [f64]) -> f64 {
    let length = norm(tail);
    if length <= 0.0 {
        return 0.0;
    }
    let beta = -head.hypot(length).copysign(*head);
    let pivot = *head - beta;
    let weight = pivot / -beta;
    for value in tail {
        *value /= pivot;
    }
    *head = beta;
    weight
}

/// Applies the reflection `[1; direction]` to `[head; tail]`.
#[inline(always)]
fn apply(direction: &[f64], weight: f64, head: &mut f64, tail: &mut [f64]) {
    let amount = weight * (*head + dot(direction, tail));
    *head -= amount;
    for (value, direction) in tail.iter_mut().zip(direction) {
        *value -= amount * direction;
    }
}

/// Replaces the upper triangle, `size` square and stored by columns, by the triangle of itself stacked on the first
/// `rows` rows of each column of `block`. The block is left holding the reflections; their weights are returned.
pub(super) fn absorb(
    triangle: &mut [f64],
    size: usize,
    block: &mut [f64],
    stride: usize,
    rows: usize,
) -> Vec<f64> {
    widest(Absorb {
        triangle,
        size,
        block,
        stride,
        rows,
    })
}

struct Absorb<'a> {
    triangle: &'a mut [f64],
    size: usize,
    block: &'a mut [f64],
    stride: usize,
    rows: usize,
}

impl Loop for Absorb<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let Self {
            triangle,
            size,
            block,
            stride,
            rows,
        } = self;
        let mut weights = vec![0.0; size];
        for pivot in 0..size {
            let (done, later) = block.split_at_mut((pivot + 1) * stride);
            let direction = &mut done[pivot * stride..pivot * stride + rows];
            let weight = reflect(&mut triangle[pivot * size + pivot], direction);
            weights[pivot] = weight;
            if weight == 0.0 {
                continue;
            }
            for (column, tail) in later.chunks_mut(stride).enumerate() {
                let head = &mut triangle[(pivot + 1 + column) * size + pivot];
                apply(direction, weight, head, &mut tail[..rows]);
            }
        }
        weights
    }
}

/// Applies the orthogonal factor of an `absorb` with no triangle before to `[top; 0]`, and returns the lower part.
pub(super) fn expand(block: &[f64], rows: usize, weights: &[f64], mut top: Vec<f64>) -> Vec<f64> {
    let mut bottom = vec![0.0; rows];
    let pivots = block.chunks(rows.max(1)).zip(weights).zip(&mut top);
    for ((direction, weight), head) in pivots.rev() {
        apply(direction, *weight, head, &mut bottom);
    }
    bottom
}

/// A factorisation of a square matrix with its columns exchanged so that the independent ones come first.
pub(super) struct Pivoted {
    /// The original index of each column of `upper`.
    pub(super) order: Vec<usize>,
    pub(super) rank: usize,
    /// The columns of the triangle, in that order.
    pub(super) upper: Vec<Vec<f64>>,
    /// The right-hand side, rotated alike.
    pub(super) rotated: Vec<f64>,
}

/// Factors `columns`, each of length about one, as far as what remains of them is longer than `tolerance`.
///
/// Among columns with nearly the longest remainder the first is taken, so that the ones reported as dependent are the
/// later of two alike.
pub(super) fn pivoted(
    mut columns: Vec<Vec<f64>>,
    mut rotated: Vec<f64>,
    tolerance: f64,
) -> Pivoted {
    let mut order: Vec<usize> = (0..columns.len()).collect();
    let mut rank = 0;
    while rank < columns.len() {
        let lengths: Vec<f64> = columns[rank..]
            .iter()
            .map(|column| norm(&column[rank..]))
            .collect();
        let longest = lengths.iter().copied().fold(0.0, f64::max);
        if longest <= tolerance {
            break;
        }
        let chosen = rank
            + lengths
                .iter()
                .position(|length| *length >= 0.5 * longest)
                .unwrap_or(0);
        columns[rank..=chosen].rotate_right(1);
        order[rank..=chosen].rotate_right(1);
        let (done, later) = columns.split_at_mut(rank + 1);
        let (head, direction) = done[rank][rank..].split_at_mut(1);
        let weight = reflect(&mut head[0], direction);
        for column in later.iter_mut().chain([&mut rotated]) {
            let (head, tail) = column[rank..].split_at_mut(1);
            apply(direction, weight, &mut head[0], tail);
        }
        rank += 1;
    }
    Pivoted {
        order,
        rank,
        upper: columns,
        rotated,
    }
}
