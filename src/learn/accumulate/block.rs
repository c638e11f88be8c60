//! The two passes over one block of at most 4096 values, in eight lanes of a fixed order.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use std::ops::Add;

use super::double::Double;

/// Rows in a block; a block of floats fits the first-level cache.
pub(super) const BLOCK: usize = 4096;

/// Values of one row of lanes: the lane of a value is its position in the block modulo this.
const LANES: usize = 8;

/// Four rows of lanes, added in pairs before they reach the sum: no slower, and it rounds less often.
const QUAD: usize = 4 * LANES;

/// Values after which the sums are folded into outer sums, for the same reason; those of the second pass are
/// double-double, so that only the additions within a group round.
const GROUP: usize = 16 * QUAD;

/// A number that becomes a float without loss.
pub(super) trait Exact: Copy {
    fn float(self) -> f64;
}

/// What the first pass finds.
#[derive(Clone, Copy)]
pub(super) struct First {
    pub(super) sum: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// Sums the block and finds its smallest and largest value.
///
/// With `GAPS`, a NaN marks a row that adds nothing. Zero is then added in its place: a sum never holds -0.0, so that
/// changes no bit, and a block with and one without gaps are reduced alike.
#[inline(always)]
pub(super) fn first_pass<T: Exact, const GAPS: bool>(block: &[T]) -> First {
    let (mut total, mut min, mut max) = (
        [0.0; LANES],
        [f64::INFINITY; LANES],
        [f64::NEG_INFINITY; LANES],
    );
    for group in block.chunks(GROUP) {
        let mut sum = [0.0; LANES];
        let (quads, rest) = group.as_chunks::<QUAD>();
        for quad in quads {
            first_quad::<T, GAPS>(quad, &mut sum, &mut min, &mut max);
        }
        if let Some(quad) = padded(rest) {
            first_quad::<f64, true>(&quad, &mut sum, &mut min, &mut max);
        }
        add(&mut total, sum);
    }
    First {
        sum: combine(total, |a, b| a + b),
        min: combine(min, |a, b| if b < a { b } else { a }),
        max: combine(max, |a, b| if b > a { b } else { a }),
    }
}

#[inline(always)]
fn first_quad<T: Exact, const GAPS: bool>(
    quad: &[T; QUAD],
    sum: &mut [f64; LANES],
    min: &mut [f64; LANES],
    max: &mut [f64; LANES],
) {
    for lane in 0..LANES {
        let mut values = [0.0; 4];
        for (row, value) in values.iter_mut().enumerate() {
            let found = quad[row * LANES + lane].float();
            min[lane] = if found < min[lane] { found } else { min[lane] };
            max[lane] = if found > max[lane] { found } else { max[lane] };
            *value = if GAPS { zero_for_nan(found) } else { found };
        }
        sum[lane] += (values[0] + values[1]) + (values[2] + values[3]);
    }
}

/// Mean and sum of squared deviations of a block with `count` values and finite `first`.
///
/// The sum of the deviations is what the rounded mean missed: it corrects the mean and the squares.
#[inline(always)]
pub(super) fn second_pass<T: Exact, const GAPS: bool>(
    block: &[T],
    count: f64,
    first: First,
) -> (Double, Double) {
    if first.min >= first.max {
        return (
            Double {
                hi: first.min,
                lo: 0.0,
            },
            Double::ZERO,
        );
    }
    let mean = coarse(first.sum / count, first.max - first.min);
    let (mut total, mut total_squares) = ([Double::ZERO; LANES], [Double::ZERO; LANES]);
    for group in block.chunks(GROUP) {
        let (mut sum, mut squares) = ([0.0; LANES], [0.0; LANES]);
        let (quads, rest) = group.as_chunks::<QUAD>();
        for quad in quads {
            second_quad::<T, GAPS>(quad, mean, &mut sum, &mut squares);
        }
        if let Some(quad) = padded(rest) {
            second_quad::<f64, true>(&quad, mean, &mut sum, &mut squares);
        }
        add(&mut total, sum.map(|sum| Double { hi: sum, lo: 0.0 }));
        add(
            &mut total_squares,
            squares.map(|sum| Double { hi: sum, lo: 0.0 }),
        );
    }
    let missed = combine(total, |a, b| a + b);
    let m2 = combine(total_squares, |a, b| a + b) - missed.square() / count;
    let mean = Double { hi: mean, lo: 0.0 } + missed / count;
    (mean, if m2.hi > 0.0 { m2 } else { Double::ZERO })
}

#[inline(always)]
fn second_quad<T: Exact, const GAPS: bool>(
    quad: &[T; QUAD],
    mean: f64,
    sum: &mut [f64; LANES],
    squares: &mut [f64; LANES],
) {
    for lane in 0..LANES {
        let mut values = [0.0; 4];
        for (row, value) in values.iter_mut().enumerate() {
            let found = quad[row * LANES + lane].float() - mean;
            *value = if GAPS { zero_for_nan(found) } else { found };
        }
        let [a, b, c, d] = values;
        sum[lane] += (a + b) + (c + d);
        squares[lane] += (a * a + b * b) + (c * c + d * d);
    }
}

/// A mean with only about twenty bits below the range of the block.
///
/// Deviations from it are exact for integers and floats with few bits; from a mean with all its bits they would all
/// be rounded in the same direction. What the mean loses comes back with the sum of the deviations.
#[inline(always)]
fn coarse(mean: f64, range: f64) -> f64 {
    let power = f64::from_bits(range.to_bits() & f64::INFINITY.to_bits());
    let step = power / f64::from(1 << 20);
    let rounder = step * 1.5 * f64::from_bits((1023 + 52) << 52);
    if mean.abs() < power * f64::from(1 << 30) {
        (mean + rounder) - rounder
    } else {
        mean
    }
}

/// Zero for a NaN, without a branch: which rows are null is rarely predictable.
#[inline(always)]
fn zero_for_nan(value: f64) -> f64 {
    let mask = u64::from(value.is_nan()).wrapping_sub(1);
    f64::from_bits(value.to_bits() & mask)
}

/// The last values of a block, filled up with rows that add nothing.
#[inline(always)]
fn padded<T: Exact>(rest: &[T]) -> Option<[f64; QUAD]> {
    let mut quad = [f64::NAN; QUAD];
    for (slot, value) in quad.iter_mut().zip(rest) {
        *slot = value.float();
    }
    (!rest.is_empty()).then_some(quad)
}

#[inline(always)]
fn add<T: Copy + Add<Output = T>>(total: &mut [T; LANES], lanes: [T; LANES]) {
    for (total, lane) in total.iter_mut().zip(lanes) {
        *total = *total + lane;
    }
}

#[inline(always)]
fn combine<T>(lanes: [T; LANES], with: impl Fn(T, T) -> T) -> T {
    let [l0, l1, l2, l3, l4, l5, l6, l7] = lanes;
    with(
        with(with(l0, l4), with(l2, l6)),
        with(with(l1, l5), with(l3, l7)),
    )
}
