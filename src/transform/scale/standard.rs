//! Standard scaling of one column: distance from the mean in standard deviations.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use super::judge::{Scale, in_blocks, judge_infinity, judge_nan, note_inverse};
use super::number::{Physical, Scaled};
use super::policy::{Constant, Infinities, Policies};
use super::report::{Report, Verdict};

/// Maps the learned mean to 0 and a standard deviation to 1.
///
/// The mean is kept as `origin + offset`: integers subtract the whole number exactly, in
/// integer arithmetic, before anything is rounded, so that large values keep their
/// differences.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StandardKernel<T: Physical> {
    origin: T,
    anchor: T::Anchor,
    offset: f64,
    /// The standard deviation, and 1 for a constant column.
    scale: f64,
    constant: bool,
    policies: Policies,
}

impl<T: Physical> StandardKernel<T> {
    /// Builds the kernel from what was learned; a `scale` of 0 says that the column was
    /// constant. The policies for the output range and for outside values do not apply.
    ///
    /// Returns `None` when `origin` does not fit the dtype (a float takes only 0), when
    /// `offset` or `scale` is not finite, or `scale` is negative: none of that is ever
    /// learned, but a file can say it.
    pub(crate) fn new(origin: i128, offset: f64, scale: f64, policies: Policies) -> Option<Self> {
        let origin = T::from_origin(origin)?;
        if !(offset.is_finite() && scale.is_finite() && scale >= 0.0) {
            return None;
        }
        let constant = scale == 0.0;
        Some(Self {
            origin,
            anchor: origin.anchor(false),
            offset,
            scale: if constant { 1.0 } else { scale },
            constant,
            policies,
        })
    }

    /// True when the learned standard deviation is 0.
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
        in_blocks(values, valid, out, *self)
    }

    fn quotient(&self, value: T) -> f64 {
        let distance = value.distance(self.anchor);
        let difference = distance - self.offset;
        if difference.is_infinite() {
            // Only operands near the largest f64 get here, and those halve exactly.
            (distance * 0.5 - self.offset * 0.5) / (self.scale * 0.5)
        } else {
            difference / self.scale
        }
    }

    /// Undoes the scaling in f64, for one value; NaN and the infinities stay themselves.
    pub(crate) fn inverse_value(&self, value: f64) -> f64 {
        self.origin.invert_value(self.deviation(value), 1.0, false)
    }

    /// Undoes the scaling in the column's own dtype and appends the results to `out`.
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
            let (restored, saturated) = self.origin.invert(self.deviation(value), 1.0, false);
            note_inverse::<T>(value, saturated, at, values.len(), &valid, &mut report);
            out.push(restored);
        }
        report
    }

    /// The distance from the origin, rounded once.
    fn deviation(&self, value: f64) -> f64 {
        value.mul_add(self.scale, self.offset)
    }
}

impl<T: Physical> Scale<T> for StandardKernel<T> {
    /// An integer's result overflows too, when the deviation is tiny, so all are tested.
    #[inline(always)]
    fn scale(self, value: T) -> (T::Scaled, bool) {
        let nothing = self.constant && self.policies.constant == Constant::Null;
        let result = T::Scaled::round((value.distance(self.anchor) - self.offset) / self.scale);
        (result, nothing | !result.finite())
    }

    fn judge(self, value: T, at: usize, report: &mut Report) -> Verdict<T::Scaled> {
        let policies = &self.policies;
        if value.nan() {
            return judge_nan(policies.nans, value, at, report);
        }
        if value.infinite() && policies.infinities != Infinities::Keep {
            return judge_infinity(policies.infinities, T::Scaled::NAN, value, at, report);
        }
        if self.constant && policies.constant == Constant::Null {
            return Verdict::Null;
        }
        let result = T::Scaled::round(self.quotient(value));
        if result.finite() {
            return Verdict::Value(result);
        }
        judge_infinity(policies.infinities, result, value, at, report)
    }
}
