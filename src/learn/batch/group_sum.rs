//! Sums in the order of the rows: exact of integers, to about 106 bits of floats.

use crate::learn::accumulate::Double;
use crate::learn::grouped::PartSum;
use crate::learn::value::Mean;

/// One value on its way into a sum.
#[derive(Clone, Copy)]
pub(super) enum Number {
    Int(i128),
    Float(f64),
}

/// The sum of some rows.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) values: u64,
    integers: Wide,
    floats: Double,
    /// Of parts only.
    squares: Double,
}

/// `high · 2^128 + low`: a few decimals of 38 digits leave the 128-bit integers, and no count of rows
/// leaves these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wide {
    low: u128,
    high: i64,
}

impl Sum {
    pub(super) fn push(&mut self, value: Number) {
        self.values += 1;
        match value {
            Number::Int(value) => self.integers = self.integers.plus(Wide::of(value)),
            Number::Float(value) => self.floats = self.floats + Double { hi: value, lo: 0.0 },
        }
    }

    pub(super) fn push_square(&mut self, value: Number) {
        let square = match value {
            Number::Int(value) => Double::difference(value, 0).square(),
            Number::Float(value) => Double::product(value, value),
        };
        self.squares = self.squares + square;
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.values += other.values;
        self.integers = self.integers.plus(other.integers);
        self.floats = self.floats + other.floats;
        self.squares = self.squares + other.squares;
    }

    pub(super) fn part(&self) -> PartSum {
        if self.values == 0 {
            return PartSum::default();
        }
        let sum = self.integers.double() + self.floats;
        let around = self.squares - sum.square() / self.values as f64;
        PartSum {
            values: self.values,
            sum: sum.value(),
            // Equal values leave a rounding error of either sign.
            squares: around.value().max(0.0),
        }
    }

    /// The mean: of integers an exact origin and what is left over, divided.
    pub(super) fn mean(&self) -> Option<Mean> {
        if self.values == 0 {
            return None;
        }
        let (origin, rest) = self.integers.divided(self.values);
        let floats = self.floats / self.values as f64;
        Some(Mean {
            origin,
            offset: rest as f64 / self.values as f64 + floats.hi,
        })
    }
}

impl Wide {
    fn of(value: i128) -> Self {
        Self {
            low: value.cast_unsigned(),
            high: if value < 0 { -1 } else { 0 },
        }
    }

    fn plus(self, other: Self) -> Self {
        let (low, carry) = self.low.overflowing_add(other.low);
        let high = self.high.wrapping_add(other.high);
        Self {
            low,
            high: high.wrapping_add(i64::from(carry)),
        }
    }

    /// The quotient, rounded down, and the rest. The mean of 128-bit integers is one itself, so that
    /// the upper bits of the quotient only repeat its sign.
    fn divided(self, count: u64) -> (i128, u64) {
        let count = u128::from(count);
        let upper = i128::from(self.high).rem_euclid(count.cast_signed());
        let step = |rest: u128, limb: u128| {
            let rest = (rest << 64) | limb;
            (rest / count, rest % count)
        };
        let (first, rest) = step(upper.cast_unsigned(), self.low >> 64);
        let (second, rest) = step(rest, self.low & u128::from(u64::MAX));
        let quotient = (first << 64) | second;
        // What is left is less than the count.
        (
            quotient.cast_signed(),
            u64::try_from(rest).unwrap_or(u64::MAX),
        )
    }

    fn double(self) -> Double {
        let negative = self.high < 0;
        let size = if negative { self.negated() } else { self };
        let upper = size.high as f64 * 2_f64.powi(128);
        let size = Double { hi: upper, lo: 0.0 } + Double::magnitude(size.low);
        if negative { -size } else { size }
    }

    fn negated(self) -> Self {
        let flipped = Self {
            low: !self.low,
            high: !self.high,
        };
        flipped.plus(Self::of(1))
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_beyond_128_bits_have_the_mean_of_exact_arithmetic(
            values in proptest::collection::vec(any::<i128>(), 1..40),
        ) {
            let mut sum = Sum::default();
            values.iter().for_each(|value| sum.push(Number::Int(*value)));
            let exact: BigInt = values.iter().map(|value| BigInt::from(*value)).sum();
            let mean = sum.mean().expect("a mean");
            let count = BigInt::from(values.len());
            let rest = exact - BigInt::from(mean.origin) * &count;
            prop_assert!(rest >= BigInt::ZERO && rest < count);
            let rest = u32::try_from(rest).expect("a small rest");
            prop_assert_eq!(mean.offset, f64::from(rest) / values.len() as f64);
        }

        #[test]
        fn sums_beyond_128_bits_are_the_nearest_floats(
            values in proptest::collection::vec(any::<i128>(), 1..40),
        ) {
            let mut sum = Sum::default();
            values.iter().for_each(|value| sum.push(Number::Int(*value)));
            let exact: f64 = values.iter().map(|value| *value as f64).sum();
            let largest = values.iter().map(|value| (*value as f64).abs()).fold(0.0, f64::max);
            prop_assert!((sum.part().sum - exact).abs() <= 1e-14 * largest);
        }
    }
}
