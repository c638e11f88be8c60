//! Integers that a float cannot hold.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use super::block::{first_pass, second_pass};
use super::double::Double;
use super::tree::{Moments, Node};
use super::value::{Reduced, Value, Work};
use super::{count_of, float_count};
use crate::learn::halves::nearest;

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

/// A row of a block, which may hold nothing.
trait Slot<T>: Copy {
    fn get(self) -> Option<T>;
}

impl<T: Wide> Slot<T> for T {
    #[inline(always)]
    fn get(self) -> Option<T> {
        Some(self)
    }
}

impl<T: Wide> Slot<T> for Option<T> {
    #[inline(always)]
    fn get(self) -> Option<T> {
        self
    }
}

/// Reduces a block of which, with `GAPS`, some rows may hold nothing.
#[inline(always)]
fn reduce_wide<T: Wide, S: Slot<T>, const GAPS: bool>(
    block: &[S],
    work: &mut Work,
) -> Reduced<i128> {
    let (mut low, mut high, mut count) = (T::HIGH, T::LOW, 0);
    for slot in block {
        if let Some(value) = slot.get() {
            low = low.min(value);
            high = high.max(value);
            count += 1;
        }
    }
    let missing = count_of(block.len()) - count;
    if count == 0 {
        return Reduced(Node {
            missing,
            ..Node::EMPTY
        });
    }
    let mut moments = None;
    if work.moments {
        let middle = T::middle(low, high);
        work.room.clear();
        work.room.resize(block.len(), f64::NAN);
        for (room, slot) in work.room.iter_mut().zip(block) {
            if let Some(value) = slot.get() {
                *room = value.deviation(middle);
            }
        }
        let first = first_pass::<f64, GAPS>(&work.room);
        let (mut mean, m2) = second_pass::<f64, GAPS>(&work.room, float_count(count), first);
        if first.max - first.min >= EXACT {
            let mut lost = 0.0;
            for value in block.iter().filter_map(|slot| slot.get()) {
                lost += value.lost(middle);
            }
            mean = mean + Double { hi: lost, lo: 0.0 } / float_count(count);
        }
        moments = Some(Moments {
            origin: middle.into(),
            mean,
            m2,
            exponent: 0,
        });
    }
    Reduced(Node {
        count,
        missing,
        infinities: 0,
        range: Some((low.into(), high.into())),
        moments,
    })
}

macro_rules! wide {
    ($($type:ty: $deviation:expr;)*) => {$(
        impl Wide for $type {
            const LOW: Self = <$type>::MIN;
            const HIGH: Self = <$type>::MAX;

            #[inline(always)]
            fn middle(low: Self, high: Self) -> Self {
                (low | high) - ((low ^ high) >> 1)
            }

            #[inline(always)]
            fn deviation(self, middle: Self) -> f64 {
                $deviation(self.wrapping_sub(middle))
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
                reduce_wide::<Self, Self, false>(block, work)
            }

            #[inline(always)]
            fn reduce_cells(cells: &mut [Option<$type>], work: &mut Work) -> Reduced<i128> {
                reduce_wide::<Self, Option<Self>, true>(cells, work)
            }
        }
    )*};
}

wide! {
    i64: nearest;
    i128: rounded;
    u64: |deviation: u64| nearest(deviation.cast_signed());
}

#[expect(
    clippy::cast_precision_loss,
    reason = "The deviation is exact, and rounds once here."
)]
fn rounded(deviation: i128) -> f64 {
    deviation as f64
}
