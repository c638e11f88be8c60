//! From the unit range to the output range and back.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use super::policy::OutputRange;

/// With a low end beyond this, all is halved, so that neither the span nor a product with
/// it can overflow while the result does not. A smaller one is less than half an ulp of
/// the largest f64, and so cannot decide whether something overflows; it is not halved,
/// as the smallest numbers would lose a bit.
const LARGE: f64 = 1e290;

/// The affine map from 0..1 to the output range, exact at both ends and monotone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    low: f64,
    high: f64,
    /// 1, or 0.5 when the low end is so large that the arithmetic must be halved.
    half: f64,
    /// 1, or 2 then: multiplying is cheaper than dividing by the half.
    unhalf: f64,
    scaled_low: f64,
    scaled_span: f64,
}

impl Placement {
    /// Returns `None` unless both ends are finite and the low one is below the high one.
    pub(crate) fn new(output: OutputRange) -> Option<Self> {
        let OutputRange { low, high } = output;
        if !(low.is_finite() && high.is_finite() && low < high) {
            return None;
        }
        let half = if low.abs() > LARGE { 0.5 } else { 1.0 };
        Some(Self {
            low,
            high,
            half,
            unhalf: 1.0 / half,
            scaled_low: low * half,
            scaled_span: high * half - low * half,
        })
    }

    pub(crate) fn low(&self) -> f64 {
        self.low
    }

    pub(crate) fn high(&self) -> f64 {
        self.high
    }

    /// True when the map changes nothing, so that a loop may leave it out.
    #[expect(
        clippy::float_cmp,
        reason = "only exactly 0 and 1 make the map the identity"
    )]
    pub(crate) fn is_unit(&self) -> bool {
        self.low == 0.0 && self.high == 1.0
    }

    /// Maps 0 to exactly the low end, 1 to exactly the high end, and keeps the order.
    ///
    /// The sum can miss the high end by a rounding, on either side, hence the
    /// comparisons; they are written so that a NaN goes through.
    #[inline(always)]
    #[expect(clippy::float_cmp, reason = "exactly 1 has an exact image")]
    pub(crate) fn place(&self, quotient: f64) -> f64 {
        let sum = (self.scaled_low + quotient * self.scaled_span) * self.unhalf;
        let past = if quotient < 1.0 {
            sum > self.high
        } else {
            quotient == 1.0 || sum < self.high
        };
        if past { self.high } else { sum }
    }

    /// Undoes [`place`](Self::place): the ends give exactly 0 and 1.
    pub(crate) fn unplace(&self, placed: f64) -> f64 {
        (placed * self.half - self.scaled_low) / self.scaled_span
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_unusable_range_is_refused() {
        for (low, high) in [
            (1.0, 1.0),
            (1.0, 0.0),
            (f64::NAN, 1.0),
            (0.0, f64::INFINITY),
        ] {
            assert!(Placement::new(OutputRange { low, high }).is_none());
        }
    }

    proptest! {
        #[test]
        fn ends_are_exact_and_order_is_kept(
            a in proptest::num::f64::NORMAL | proptest::num::f64::ZERO | proptest::num::f64::SUBNORMAL,
            b in prop_oneof![proptest::num::f64::NORMAL, -10.0..10.0],
            p in -2.0..3.0,
            q in -2.0..3.0,
        ) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assume!(low < high);
            let map = Placement::new(OutputRange { low, high }).unwrap();
            prop_assert!(map.place(0.0) <= low && map.place(0.0) >= low);
            prop_assert!(map.place(1.0) <= high && map.place(1.0) >= high);
            prop_assert_eq!(map.unplace(low).to_bits(), 0.0_f64.to_bits());
            prop_assert_eq!(map.unplace(high).to_bits(), 1.0_f64.to_bits());
            let (p, q) = (f64::min(p, q), f64::max(p, q));
            prop_assert!(map.place(p) <= map.place(q));
            for near in [1.0_f64.next_down(), 1.0_f64.next_up(), f64::MIN_POSITIVE, -f64::MIN_POSITIVE, p, q] {
                let placed = map.place(near);
                                if (0.0..=1.0).contains(&near) {
                    prop_assert!((low..=high).contains(&placed));
                }
            }
            prop_assert!(map.place(f64::NAN).is_nan());
        }
    }
}
