//! What the kernels need to know about a number: exact distances, and the way back.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use std::fmt::Debug;

use crate::learn::Value;
use crate::learn::halves::{self, Halves, halves, ordered};

use super::product::{EXACT, add_product, nearest};
use super::room::{Pool, Room};

/// The dtype of a scaled column: f32 for f32, and f64 for everything else.
pub(crate) trait Scaled: Copy + PartialEq + PartialOrd + Debug + Into<f64> {
    /// What fills a slot that has no value.
    const ZERO: Self;
    /// The one NaN that is ever written, so that equal inputs give equal bits.
    const NAN: Self;

    /// Rounds to nearest; a zero of either sign becomes +0.0.
    fn round(value: f64) -> Self;
    /// True for anything but NaN and the infinities.
    fn finite(self) -> bool;

    /// The room for results of this dtype.
    fn pool(room: &Room) -> &Pool<Self>;
}

impl Scaled for f64 {
    const ZERO: Self = 0.0;
    const NAN: Self = f64::NAN;

    #[inline(always)]
    fn round(value: f64) -> Self {
        value + 0.0
    }

    #[inline(always)]
    fn finite(self) -> bool {
        self.is_finite()
    }

    fn pool(room: &Room) -> &Pool<Self> {
        &room.doubles
    }
}

impl Scaled for f32 {
    const ZERO: Self = 0.0;
    const NAN: Self = f32::NAN;

    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "f32 columns stay f32: this rounds"
    )]
    fn round(value: f64) -> Self {
        // The sum comes last, as a tiny negative value rounds to -0.0 here.
        value as f32 + 0.0
    }

    #[inline(always)]
    fn finite(self) -> bool {
        self.is_finite()
    }

    fn pool(room: &Room) -> &Pool<Self> {
        &room.singles
    }
}

/// A number as it lies in a column: the physical value of every dtype that can be
/// scaled (Decimal, Date, Datetime, Duration and Time lie there as integers).
pub(crate) trait Physical: Copy + PartialEq + PartialOrd + Debug {
    /// The dtype of the scaled column.
    type Scaled: Scaled;
    /// The learned value that distances are measured from, prepared for the loop.
    type Anchor: Copy + Debug;

    /// True when a distance is always finite.
    const INTEGER: bool;

    /// Prepares `self` as the point that distances are measured from. With `halved`,
    /// which only f64 needs, both operands are halved before they are subtracted.
    fn anchor(self, halved: bool) -> Self::Anchor;

    /// `self` minus the anchor: exact for integers, then rounded to the nearest f64.
    fn distance(self, from: Self::Anchor) -> f64;

    /// Reads a whole number back; `None` if it does not fit, and for a float unless it
    /// is 0, as a float's mean needs no integer part.
    fn from_origin(origin: i128) -> Option<Self>;

    /// Reads a learned minimum or maximum back; `None` if it is not of this dtype.
    fn from_learned(value: Value) -> Option<Self>;

    /// `self + quotient * range` in the dtype itself, and true if that does not fit.
    /// The product is exact before it is rounded, once, half away from zero for integers
    /// and to nearest for floats; with `halved`, `range` is half the range.
    /// An integer cannot say NaN: the caller keeps that away.
    fn invert(self, quotient: f64, range: f64, halved: bool) -> (Self, bool);

    /// `self + quotient * range` in f64.
    fn invert_value(self, quotient: f64, range: f64, halved: bool) -> f64;

    /// The nearest f64.
    fn to_f64(self) -> f64;

    /// True for NaN.
    fn nan(self) -> bool;

    /// True for either infinity.
    fn infinite(self) -> bool;
}

impl Physical for f64 {
    type Scaled = f64;
    /// The factor, 1 or 0.5, and the learned value times it.
    type Anchor = (f64, f64);

    const INTEGER: bool = false;

    #[inline(always)]
    fn anchor(self, halved: bool) -> Self::Anchor {
        let factor = if halved { 0.5 } else { 1.0 };
        (factor, self * factor)
    }

    #[inline(always)]
    fn distance(self, (factor, from): Self::Anchor) -> f64 {
        self * factor - from
    }

    fn from_origin(origin: i128) -> Option<Self> {
        (origin == 0).then_some(0.0)
    }

    fn from_learned(value: Value) -> Option<Self> {
        match value {
            Value::Float(value) => Some(value),
            Value::Int(_) => None,
        }
    }

    fn invert(self, quotient: f64, range: f64, halved: bool) -> (Self, bool) {
        let value = self.invert_value(quotient, range, halved);
        (value, value.is_infinite())
    }

    fn invert_value(self, quotient: f64, range: f64, halved: bool) -> f64 {
        // A fused multiplication rounds once, on every processor alike, and its
        // product cannot overflow while the sum does not.
        if halved {
            quotient.mul_add(range, self * 0.5) * 2.0
        } else {
            quotient.mul_add(range, self)
        }
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn nan(self) -> bool {
        self.is_nan()
    }

    fn infinite(self) -> bool {
        self.is_infinite()
    }
}

impl Physical for f32 {
    type Scaled = f32;
    type Anchor = f64;

    const INTEGER: bool = false;

    #[inline(always)]
    fn anchor(self, _halved: bool) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn distance(self, from: f64) -> f64 {
        f64::from(self) - from
    }

    fn from_origin(origin: i128) -> Option<Self> {
        (origin == 0).then_some(0.0)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "only a value that is exact in f32 is taken"
    )]
    fn from_learned(value: Value) -> Option<Self> {
        let value = f64::from_learned(value)?;
        (f64::from(value as f32) == value).then_some(value as f32)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the dtype is f32: this rounds"
    )]
    fn invert(self, quotient: f64, range: f64, halved: bool) -> (Self, bool) {
        let value = self.invert_value(quotient, range, halved) as f32;
        (value, value.is_infinite())
    }

    fn invert_value(self, quotient: f64, range: f64, _halved: bool) -> f64 {
        quotient.mul_add(range, f64::from(self))
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn nan(self) -> bool {
        self.is_nan()
    }

    fn infinite(self) -> bool {
        self.is_infinite()
    }
}

/// How far the rounding of a quotient can carry its product: what was scaled from the last value
/// of a dtype may come back beyond it, and is that value all the same.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size is not negative, and its fraction does not count"
)]
fn slack(product: f64) -> u128 {
    (product.abs() * (4.0 * f64::EPSILON)) as u128
}

/// Implements what all integers share: the way back, and that they are always finite.
macro_rules! integer {
    ($int:ty, $anchor:ty) => {
        type Scaled = f64;
        type Anchor = $anchor;

        const INTEGER: bool = true;

        fn from_origin(origin: i128) -> Option<Self> {
            Self::try_from(origin).ok()
        }

        fn from_learned(value: Value) -> Option<Self> {
            match value {
                Value::Int(value) => Self::try_from(value).ok(),
                Value::Float(_) => None,
            }
        }

        fn invert(self, quotient: f64, range: f64, _halved: bool) -> (Self, bool) {
            let end = if quotient < 0.0 { Self::MIN } else { Self::MAX };
            let Some(sum) = add_product(i128::from(self), quotient, range) else {
                return (end, true);
            };
            match Self::try_from(sum) {
                Ok(value) => (value, false),
                Err(_) => (end, sum.abs_diff(end.into()) > slack(quotient * range)),
            }
        }

        fn invert_value(self, quotient: f64, range: f64, _halved: bool) -> f64 {
            // Where f64 holds the learned value only rounded, the sum is made in
            // integers; what is lost is then a fraction, below the spacing of f64.
            let origin = i128::from(self);
            if origin.unsigned_abs() > EXACT
                && let Some(sum) = add_product(origin, quotient, range)
            {
                return nearest(sum);
            }
            quotient.mul_add(range, nearest(origin))
        }

        fn to_f64(self) -> f64 {
            nearest(i128::from(self))
        }

        fn nan(self) -> bool {
            false
        }

        fn infinite(self) -> bool {
            false
        }
    };
}

/// Up to 32 bits: every value and every difference of two is exact in f64, so f64 is
/// the type that cannot wrap, and converting first is what vectorises.
macro_rules! narrow {
    ($($int:ty)*) => {$(
        impl Physical for $int {
            integer!($int, f64);

            #[inline(always)]
            fn anchor(self, _halved: bool) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn distance(self, from: f64) -> f64 {
                f64::from(self) - from
            }
        }
    )*};
}

narrow!(u8 u16 u32 i8 i16 i32);

impl Physical for u64 {
    integer!(u64, Halves);

    #[inline(always)]
    fn anchor(self, _halved: bool) -> Self::Anchor {
        halves(self)
    }

    #[inline(always)]
    fn distance(self, from: Self::Anchor) -> f64 {
        halves::distance(halves(self), from)
    }
}

impl Physical for i64 {
    integer!(i64, Halves);

    #[inline(always)]
    fn anchor(self, _halved: bool) -> Self::Anchor {
        halves(ordered(self))
    }

    #[inline(always)]
    fn distance(self, from: Self::Anchor) -> f64 {
        halves::distance(halves(ordered(self)), from)
    }
}

impl Physical for i128 {
    integer!(i128, i128);

    #[inline(always)]
    fn anchor(self, _halved: bool) -> i128 {
        self
    }

    #[inline(always)]
    #[expect(
        clippy::cast_precision_loss,
        reason = "this is the one rounding of a distance"
    )]
    fn distance(self, from: i128) -> f64 {
        let size = self.abs_diff(from);
        // Most decimals are short, and 64 bits convert several times faster.
        let size = u64::try_from(size).map_or_else(|_| size as f64, |size| size as f64);
        if self < from { -size } else { size }
    }
}
