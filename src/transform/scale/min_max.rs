//! Min-max scaling of one column.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use super::judge::{Scale, in_blocks, judge_infinity, judge_nan, note_inverse};
use super::number::{Physical, Scaled};
use super::placement::Placement;
use super::policy::{Constant, Infinities, Outside, Policies};
use super::report::{Report, Verdict};

/// Maps the learned minimum to exactly 0, the maximum to exactly 1, and all between in
/// order, by a true division; a reciprocal would miss 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MinMaxKernel<T: Physical> {
    min: T,
    max: T,
    policies: Policies,
    placement: Placement,
    anchor: T::Anchor,
    /// The learned range, half of it when `halved`, and 1 for a constant column.
    range: f64,
    /// True when the range overflows, so that both operands are halved first.
    halved: bool,
    constant: bool,
}

impl<T: Physical> MinMaxKernel<T> {
    /// Builds the kernel from what was learned.
    ///
    /// Returns `None` when `min <= max` does not hold, when one of them is infinite, or
    /// when the output range is not a finite, rising one: none of that is ever learned,
    /// but a file can say it.
    pub(crate) fn new(min: T, max: T, policies: Policies) -> Option<Self> {
        let placement = Placement::new(policies.output)?;
        if min.infinite() || max.infinite() || min > max || min.nan() || max.nan() {
            return None;
        }
        let halved = max.distance(min.anchor(false)).is_infinite();
        let anchor = min.anchor(halved);
        let constant = min == max;
        Some(Self {
            min,
            max,
            policies,
            placement,
            anchor,
            range: if constant { 1.0 } else { max.distance(anchor) },
            halved,
            constant,
        })
    }

    /// True when the learned minimum and maximum are equal.
    #[cfg(test)]
    pub(crate) fn is_constant(&self) -> bool {
        self.constant
    }

    /// Scales `values` and appends the results to `out`.
    ///
    /// `valid` tells whether a slot holds a value. It is asked only where a policy could
    /// apply: a null slot may get any finite result, which the caller hides again.
    pub(crate) fn forward(
        &self,
        values: &[T],
        valid: impl Fn(usize) -> bool,
        out: &mut Vec<T::Scaled>,
    ) -> Report {
        let bounded = self.policies.outside != Outside::Keep;
        match (self.placement.is_unit(), bounded) {
            (true, false) => in_blocks(values, valid, out, Placed::<T, true, false>(*self)),
            (true, true) => in_blocks(values, valid, out, Placed::<T, true, true>(*self)),
            (false, false) => in_blocks(values, valid, out, Placed::<T, false, false>(*self)),
            (false, true) => in_blocks(values, valid, out, Placed::<T, false, true>(*self)),
        }
    }

    /// Scales one value by the policies.
    ///
    /// A finite value that overflows lies outside the learned range, so what is said of
    /// such values comes first; only where they are kept is it an infinity.
    fn judge(&self, value: T, at: usize, report: &mut Report) -> Verdict<T::Scaled> {
        let policies = &self.policies;
        if value.nan() {
            return judge_nan(policies.nans, value, at, report);
        }
        if value.infinite() && policies.infinities != Infinities::Keep {
            return judge_infinity(policies.infinities, T::Scaled::NAN, value, at, report);
        }
        let (below, above) = (value < self.min, value > self.max);
        if (below || above) && policies.outside == Outside::Error {
            report.outside.add(at, value);
            return Verdict::Refused;
        }
        if self.constant && policies.constant == Constant::Null {
            return Verdict::Null;
        }
        match policies.outside {
            Outside::Null if below || above => return Verdict::Null,
            Outside::Clip if below => {
                return Verdict::Value(T::Scaled::round(self.placement.low()));
            }
            Outside::Clip if above => {
                return Verdict::Value(T::Scaled::round(self.placement.high()));
            }
            _ => {}
        }
        let result = T::Scaled::round(self.placement.place(self.quotient(value)));
        if result.finite() {
            return Verdict::Value(result);
        }
        judge_infinity(policies.infinities, result, value, at, report)
    }

    fn quotient(&self, value: T) -> f64 {
        let distance = value.distance(self.anchor);
        if distance.is_infinite() && !self.halved {
            // Whatever a half of the range loses below the smallest normal number, the
            // quotient of such a distance by such a range is infinite all the same.
            value.distance(self.min.anchor(true)) / (self.range * 0.5)
        } else {
            distance / self.range
        }
    }

    /// Undoes the scaling in f64, for one value; NaN and the infinities stay themselves.
    pub(crate) fn inverse_value(&self, value: f64) -> f64 {
        let quotient = self.unplace(value);
        if self.at_max(quotient) {
            return self.max.to_f64();
        }
        self.min.invert_value(quotient, self.range, self.halved)
    }

    /// Undoes the scaling in the column's own dtype and appends the results to `out`.
    ///
    /// For a quotient in 0..1 the result differs from the exact `min + quotient * range`
    /// by at most `range * 2^-53`, and half an ulp (of an integer: one half) for the
    /// rounding. A value that was scaled to 0..1 comes back exactly if it is an integer
    /// and the range is at most `2^53`. Else it is within one ulp of the range (at most
    /// `2 * range * 2^-53`) and that half: distances that round to that of the maximum
    /// all became 1, and 1 is the maximum. An f32 column rounds the quotient to 24 bits:
    /// within `range * 2^-24` and half an ulp.
    ///
    /// A NaN becomes null where the dtype has none; what does not fit is in `saturated`.
    pub(crate) fn inverse<S: Copy + Into<f64>>(
        &self,
        values: &[S],
        valid: impl Fn(usize) -> bool,
        out: &mut Vec<T>,
    ) -> Report {
        let mut report = Report::default();
        out.reserve(values.len());
        for (at, value) in values.iter().map(|&value| value.into()).enumerate() {
            let quotient = self.unplace(value);
            let (restored, saturated) = if self.at_max(quotient) {
                (self.max, false)
            } else {
                self.min.invert(quotient, self.range, self.halved)
            };
            note_inverse::<T>(value, saturated, at, values.len(), &valid, &mut report);
            out.push(restored);
        }
        report
    }

    /// The sum can miss the maximum by a rounding; just below 1 it is never above it.
    #[expect(clippy::float_cmp, reason = "exactly 1 has an exact image")]
    fn at_max(&self, quotient: f64) -> bool {
        quotient == 1.0 && !self.constant
    }

    /// Back to the unit range. The ends count as reached also in their rounded form, as
    /// an f32 column cannot say 0.1.
    #[expect(
        clippy::float_cmp,
        reason = "only the ends themselves have an exact image"
    )]
    fn unplace(&self, value: f64) -> f64 {
        if value == T::Scaled::round(self.placement.low()).into() {
            0.0
        } else if value == T::Scaled::round(self.placement.high()).into() {
            1.0
        } else {
            self.placement.unplace(value)
        }
    }
}

/// The kernel, with what its loop need not ask for each value: whether the output range is 0..1, and
/// whether a policy is of values outside the learned range.
#[derive(Clone, Copy)]
struct Placed<T: Physical, const UNIT: bool, const BOUNDED: bool>(MinMaxKernel<T>);

impl<T: Physical, const UNIT: bool, const BOUNDED: bool> Scale<T> for Placed<T, UNIT, BOUNDED> {
    #[inline(always)]
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "a lazy operator is a branch per value"
    )]
    fn scale(self, value: T) -> (T::Scaled, bool) {
        let kernel = self.0;
        let quotient = value.distance(kernel.anchor) / kernel.range;
        let result = T::Scaled::round(if UNIT {
            quotient
        } else {
            kernel.placement.place(quotient)
        });
        let mut event = kernel.constant && kernel.policies.constant == Constant::Null;
        if !(T::INTEGER && UNIT) {
            event |= !result.finite();
        }
        if BOUNDED {
            event |= (value < kernel.min) | (value > kernel.max);
        }
        (result, event)
    }

    fn judge(self, value: T, at: usize, report: &mut Report) -> Verdict<T::Scaled> {
        self.0.judge(value, at, report)
    }
}
