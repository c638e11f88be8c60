//! The physical types a column can have, and how a block of each is reduced.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use super::block::{BLOCK, Exact, First, first_pass, second_pass};
use super::count_of;
use super::double::Double;
use super::float_count;
use super::tree::{DOWN, EXPONENT_STEP, Moments, Node, UP};
use crate::simd::{Loop, widest};

/// Floats above this, or all below its reciprocal, are scaled before they are squared: 2^450 leaves room for the
/// squares of 2^64 rows.
const LARGE: f64 = f64::from_bits((1023 + 450) << 52);

/// See `LARGE`.
const SMALL: f64 = f64::from_bits((1023 - 450) << 52);

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

/// Hides the node from the trait's users.
pub(crate) struct Reduced<E>(pub(super) Node<E>);

/// What a reduction needs besides the block: whether to learn moments, and room for one block of floats.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(super) moments: bool,
    room: Vec<f64>,
}

impl Work {
    pub(super) fn new(moments: bool) -> Self {
        Self {
            moments,
            room: Vec::new(),
        }
    }
}

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
    let mut first = first_pass::<f64, true>(cells);
    let range = Some((T::limit(first.min), T::limit(first.max)));
    let moments = moments.then(|| {
        let exponent = if T::FLOAT { exponent_of(first) } else { 0 };
        if exponent != 0 {
            let power = if exponent > 0 { DOWN } else { UP };
            for value in cells.iter_mut() {
                *value *= power;
            }
            first = first_pass::<f64, true>(cells);
        }
        let (mean, m2) = second_pass::<f64, true>(cells, float_count(count), first);
        Moments {
            origin: 0,
            mean,
            m2,
            exponent,
        }
    });
    Reduced(Node {
        count,
        missing,
        infinities,
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

/// Integers that a float cannot hold: deviations from the middle of the block are exact integers first.
trait Wide: Copy + Ord + Into<i128> {
    const LOW: Self;
    const HIGH: Self;

    /// The middle, rounded up: no deviation from it overflows the signed type of the same width.
    fn middle(low: Self, high: Self) -> Self;
    fn deviation(self, middle: Self) -> f64;

    /// What `deviation` lost in rounding.
    fn lost(self, middle: Self) -> f64 {
        Double::difference(self.into(), middle.into()).lo
    }
}

/// Integers below 2^53 are exact as floats.
const EXACT: f64 = f64::from_bits((1023 + 53) << 52);

#[inline(always)]
fn reduce_wide<T: Wide>(
    cells: impl Iterator<Item = Option<T>> + Clone,
    work: &mut Work,
) -> Reduced<i128> {
    let (mut low, mut high, mut count, mut rows) = (T::HIGH, T::LOW, 0, 0);
    for cell in cells.clone() {
        rows += 1;
        if let Some(value) = cell {
            low = low.min(value);
            high = high.max(value);
            count += 1;
        }
    }
    let missing = rows - count;
    if count == 0 {
        return Reduced(Node {
            missing,
            ..Node::EMPTY
        });
    }
    let moments = work.moments.then(|| {
        let middle = T::middle(low, high);
        work.room.clear();
        work.room.extend(
            cells
                .clone()
                .map(|cell| cell.map_or(f64::NAN, |value| value.deviation(middle))),
        );
        let first = first_pass::<f64, true>(&work.room);
        let (mut mean, m2) = second_pass::<f64, true>(&work.room, float_count(count), first);
        if first.max - first.min >= EXACT {
            let lost = cells
                .flatten()
                .fold(0.0, |sum, value| sum + value.lost(middle));
            mean = mean + Double { hi: lost, lo: 0.0 } / float_count(count);
        }
        Moments {
            origin: middle.into(),
            mean,
            m2,
            exponent: 0,
        }
    });
    Reduced(Node {
        count,
        missing,
        infinities: 0,
        range: Some((low.into(), high.into())),
        moments,
    })
}

macro_rules! wide {
    ($($type:ty: $signed:ident;)*) => {$(
        impl Wide for $type {
            const LOW: Self = <$type>::MIN;
            const HIGH: Self = <$type>::MAX;

            #[inline(always)]
            fn middle(low: Self, high: Self) -> Self {
                (low | high) - ((low ^ high) >> 1)
            }

            #[inline(always)]
            #[expect(clippy::cast_precision_loss, reason = "The deviation is exact, and rounds once here.")]
            fn deviation(self, middle: Self) -> f64 {
                $signed(self.wrapping_sub(middle)) as f64
            }
        }

        impl Value for $type {
            type Extreme = i128;
            type Cell = Option<$type>;
            const MISSING: Option<$type> = None;

            fn cell(self) -> Option<$type> {
                Some(self)
            }

            #[inline(always)]
            fn reduce(block: &[Self], work: &mut Work) -> Reduced<i128> {
                reduce_wide(block.iter().map(|value| Some(*value)), work)
            }

            #[inline(always)]
            fn reduce_cells(cells: &mut [Option<$type>], work: &mut Work) -> Reduced<i128> {
                reduce_wide(cells.iter().copied(), work)
            }
        }
    )*};
}

wide! {
    i64: same;
    i128: same;
    u64: signed;
}

#[inline(always)]
fn same<T>(value: T) -> T {
    value
}

#[inline(always)]
fn signed(value: u64) -> i64 {
    value.cast_signed()
}

const _: () = assert!(BLOCK.is_multiple_of(8), "a block holds whole rows of lanes");
