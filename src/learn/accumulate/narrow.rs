//! Numbers that a float holds without loss: a block of them is reduced as floats.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use super::block::{BLOCK, Exact, First, first_pass, second_pass};
use super::tree::{DOWN, EXPONENT_STEP, Moments, Node, UP};
use super::value::{Reduced, Value, Work};
use super::{count_of, float_count};

/// Floats above this, or all below its reciprocal, are scaled before they are squared: 2^450 leaves room for the
/// squares of 2^64 rows.
const LARGE: f64 = f64::from_bits((1023 + 450) << 52);

/// See `LARGE`.
const SMALL: f64 = f64::from_bits((1023 - 450) << 52);

/// The limits of a column whose block was reduced as floats.
trait Narrow {
    const FLOAT: bool;
    type Limit: Copy + PartialOrd;
    fn limit(float: f64) -> Self::Limit;
}

/// Reduces a block without nulls straight from the slice. Only a sum that is not finite, or very large or very small
/// values, need a second look.
#[inline(always)]
fn reduce_narrow<T: Exact + Narrow>(block: &[T], work: &mut Work) -> Reduced<T::Limit> {
    let first = first_pass::<T, false>(block);
    let plain = first.sum.is_finite() && !block.is_empty();
    if plain && (!work.moments || !T::FLOAT || exponent_of(first) == 0) {
        let count = count_of(block.len());
        let moments = work.moments.then(|| {
            let (mean, m2) = second_pass::<T, false>(block, float_count(count), first);
            Moments {
                origin: 0,
                mean,
                m2,
                exponent: 0,
            }
        });
        let range = Some((T::limit(first.min), T::limit(first.max)));
        return Reduced(Node {
            count,
            missing: 0,
            infinities: 0,
            range,
            moments,
        });
    }
    work.room.clear();
    work.room.extend(block.iter().map(|value| value.float()));
    reduce_floats::<T>(&mut work.room, work.moments)
}

/// Reduces floats of which NaN stands for a row without a number.
#[inline(always)]
fn reduce_floats<T: Narrow>(cells: &mut [f64], moments: bool) -> Reduced<T::Limit> {
    // The sum of a whole block that is finite is one of numbers alone; the rest of a shorter one is
    // filled up with NaN, which add nothing.
    if cells.len() == BLOCK {
        let first = first_pass::<f64, false>(cells);
        if first.sum.is_finite() {
            return reduce_found::<T, false>(cells, moments, Found::all(cells.len()), first);
        }
    }
    let (mut missing, mut infinities) = (0, 0);
    for value in &*cells {
        missing += u64::from(value.is_nan());
        infinities += u64::from(value.is_infinite());
    }
    if infinities > 0 {
        for value in cells.iter_mut().filter(|value| value.is_infinite()) {
            *value = f64::NAN;
        }
    }
    let count = count_of(cells.len()) - missing - infinities;
    if count == 0 {
        return Reduced(Node {
            missing,
            infinities,
            ..Node::EMPTY
        });
    }
    let found = Found {
        count,
        missing,
        infinities,
    };
    let first = first_pass::<f64, true>(cells);
    reduce_found::<T, true>(cells, moments, found, first)
}

/// How many cells of a block hold what.
struct Found {
    count: u64,
    missing: u64,
    infinities: u64,
}

impl Found {
    #[inline(always)]
    fn all(rows: usize) -> Self {
        Self {
            count: count_of(rows),
            missing: 0,
            infinities: 0,
        }
    }
}

/// Reduces floats of which at least one is finite and, with `GAPS`, all others are NaN.
#[inline(always)]
fn reduce_found<T: Narrow, const GAPS: bool>(
    cells: &mut [f64],
    moments: bool,
    found: Found,
    mut first: First,
) -> Reduced<T::Limit> {
    let range = Some((T::limit(first.min), T::limit(first.max)));
    let moments = moments.then(|| {
        let exponent = if T::FLOAT { exponent_of(first) } else { 0 };
        if exponent != 0 {
            let power = if exponent > 0 { DOWN } else { UP };
            for value in cells.iter_mut() {
                *value *= power;
            }
            first = first_pass::<f64, GAPS>(cells);
        }
        let (mean, m2) = second_pass::<f64, GAPS>(cells, float_count(found.count), first);
        Moments {
            origin: 0,
            mean,
            m2,
            exponent,
        }
    });
    Reduced(Node {
        count: found.count,
        missing: found.missing,
        infinities: found.infinities,
        range,
        moments,
    })
}

/// The exponent under which the block is squared. A block of zeros says nothing about the size of its column, so it
/// takes the smallest, from which every other is reached without loss.
#[inline(always)]
fn exponent_of(first: First) -> i32 {
    let magnitude = first.max.max(-first.min);
    if magnitude > LARGE {
        EXPONENT_STEP
    } else if magnitude < SMALL {
        -EXPONENT_STEP
    } else {
        0
    }
}

macro_rules! narrow {
    ($($type:ty: $float:literal $limit:ty, $to_limit:expr;)*) => {$(
        impl Exact for $type {
            #[inline(always)]
            fn float(self) -> f64 {
                f64::from(self)
            }
        }

        impl Narrow for $type {
            const FLOAT: bool = $float;
            type Limit = $limit;

            fn limit(float: f64) -> $limit {
                $to_limit(float)
            }
        }

        impl Value for $type {
            type Extreme = $limit;
            type Cell = f64;
            const MISSING: f64 = f64::NAN;

            fn cell(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn reduce(block: &[Self], work: &mut Work) -> Reduced<$limit> {
                reduce_narrow(block, work)
            }

            #[inline(always)]
            fn reduce_cells(cells: &mut [f64], work: &mut Work) -> Reduced<$limit> {
                reduce_floats::<Self>(cells, work.moments)
            }
        }
    )*};
}

narrow! {
    f32: true f64, positive_zero;
    f64: true f64, positive_zero;
    u8: false i128, whole;
    u16: false i128, whole;
    u32: false i128, whole;
    i8: false i128, whole;
    i16: false i128, whole;
    i32: false i128, whole;
}

/// Zero has one sign in everything learned.
#[inline(always)]
fn positive_zero(float: f64) -> f64 {
    float + 0.0
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "The float is an integer of at most 32 bits."
)]
fn whole(float: f64) -> i128 {
    i128::from(float as i64)
}

const _: () = assert!(BLOCK.is_multiple_of(8), "a block holds whole rows of lanes");
