//! Double-double numbers: an unevaluated sum of two floats, about 106 bits.
//!
//! The blocks of a column are merged in them, so that merging adds no error that shows in the last bit of a result.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use std::ops::{Add, Div, Mul, Neg, Sub};

use serde::{Deserialize, Serialize};

/// The number `hi + lo`, where `lo` is at most half a unit in the last place of `hi`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Double {
    pub(crate) hi: f64,
    pub(crate) lo: f64,
}

impl Double {
    pub(crate) const ZERO: Self = Self { hi: 0.0, lo: 0.0 };

    /// The exact sum of two floats.
    #[inline(always)]
    pub(crate) fn sum(a: f64, b: f64) -> Self {
        let hi = a + b;
        let kept = hi - a;
        Self {
            hi,
            lo: (a - (hi - kept)) + (b - kept),
        }
    }

    /// The exact product of two floats.
    pub(crate) fn product(a: f64, b: f64) -> Self {
        let hi = a * b;
        Self {
            hi,
            lo: a.mul_add(b, -hi),
        }
    }

    /// The square, to about 106 bits.
    pub(crate) fn square(self) -> Self {
        let product = Self::product(self.hi, self.hi);
        Self::ordered(product.hi, product.lo + 2.0 * self.hi * self.lo)
    }

    /// `left - right`, exact while the difference has at most 106 bits.
    pub(crate) fn difference(left: i128, right: i128) -> Self {
        let size = Self::magnitude(left.abs_diff(right));
        if left < right { -size } else { size }
    }

    /// An integer, exact while it has at most 106 bits.
    #[cfg(test)]
    pub(crate) fn integer(value: i128) -> Self {
        Self::difference(value, 0)
    }

    /// Multiplies by a power of two, where no rounding is needed.
    pub(crate) fn scaled(self, power: f64) -> Self {
        Self {
            hi: self.hi * power,
            lo: self.lo * power,
        }
    }

    /// The nearest float.
    pub(crate) fn value(self) -> f64 {
        self.hi + self.lo
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "What the first float loses goes into the second."
    )]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "The float is a rounded u128."
    )]
    pub(crate) fn magnitude(value: u128) -> Self {
        let hi = value as f64;
        let back = hi as u128;
        let rest = value.abs_diff(back) as f64;
        Self::ordered(hi, if value < back { -rest } else { rest })
    }

    /// The exact sum of two floats of which the first is the larger in magnitude.
    #[inline(always)]
    fn ordered(large: f64, small: f64) -> Self {
        let hi = large + small;
        Self {
            hi,
            lo: small - (hi - large),
        }
    }
}

impl Add for Double {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let high = Self::sum(self.hi, other.hi);
        let low = Self::sum(self.lo, other.lo);
        let first = Self::ordered(high.hi, high.lo + low.hi);
        Self::ordered(first.hi, first.lo + low.lo)
    }
}

impl Neg for Double {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            hi: -self.hi,
            lo: -self.lo,
        }
    }
}

impl Sub for Double {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul<f64> for Double {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        let product = Self::product(self.hi, factor);
        Self::ordered(product.hi, self.lo.mul_add(factor, product.lo))
    }
}

impl Div<f64> for Double {
    type Output = Self;

    fn div(self, divisor: f64) -> Self {
        let first = self.hi / divisor;
        let rest = self - Self::product(first, divisor);
        let second = rest.hi / divisor;
        let last = (rest - Self::product(second, divisor)).hi / divisor;
        Self::ordered(first, second) + Self { hi: last, lo: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::Double;

    #[test]
    fn an_integer_of_a_hundred_bits_is_kept_exactly() {
        let value = (1_i128 << 100) + 1;
        let double = Double::integer(-value);
        assert_eq!(
            double,
            Double {
                hi: -(2.0_f64.powi(100)),
                lo: -1.0
            }
        );
        assert_eq!(
            Double::difference(i128::MIN, i128::MAX).hi.to_bits(),
            (-(2.0_f64.powi(128))).to_bits()
        );
    }

    #[test]
    fn a_quotient_times_its_divisor_comes_back() {
        let third = Double { hi: 1.0, lo: 0.0 } / 3.0;
        let error = (third * 3.0 - Double { hi: 1.0, lo: 0.0 }).value();
        assert!(error.abs() < 1e-31, "{error}");
    }
}
