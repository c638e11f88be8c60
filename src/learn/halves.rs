//! Integers of 64 bits as floats, in arithmetic that processors do on several at once.
//!
//! Each half of the number goes into the mantissa of a large power of two, where it is exact; so are
//! the differences of the halves (33 bits each), and their sum is rounded once. That is the exact
//! difference rounded to nearest, without a type that could wrap and without a comparison.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

/// The halves of a number, each in a float.
pub(crate) type Halves = (f64, f64);

#[inline(always)]
pub(crate) fn halves(ordered: u64) -> Halves {
    const HIGH: u64 = 0x4530_0000_0000_0000; // 2^84: its last mantissa bit is worth 2^32.
    const LOW: u64 = 0x4330_0000_0000_0000; // 2^52: its last mantissa bit is worth 1.
    (
        f64::from_bits(HIGH | (ordered >> 32)),
        f64::from_bits(LOW | (ordered & 0xffff_ffff)),
    )
}

/// The order of i64 laid out as u64, which keeps all differences.
#[inline(always)]
pub(crate) fn ordered(value: i64) -> u64 {
    value.cast_unsigned() ^ (1 << 63)
}

/// One number minus the other, rounded to the nearest float.
#[inline(always)]
pub(crate) fn distance(value: Halves, from: Halves) -> f64 {
    (value.0 - from.0) + (value.1 - from.1)
}

/// The nearest float.
#[inline(always)]
pub(crate) fn nearest(value: i64) -> f64 {
    distance(halves(ordered(value)), halves(ordered(0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::nearest;

    proptest! {
        #[test]
        fn an_integer_becomes_the_nearest_float(value: i64, shift in 0_u32..64) {
            for value in [value, value >> shift, i64::MIN, i64::MAX, 0, -1] {
                prop_assert_eq!(nearest(value).to_bits(), (value as f64).to_bits());
            }
        }
    }
}
