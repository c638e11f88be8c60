//! What the kernels share: blocks that are scaled as if no policy existed, and what the policies
//! decide where one could apply.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use super::number::{Physical, Scaled};
use super::policy::{Infinities, Nans};
use super::report::{Report, Verdict};
use crate::simd::{Loop, widest};

/// How many values are tried at once: input and output of a block stay in the first
/// cache, so that a block with an event is cheap to do again.
const BLOCK: usize = 1024;

/// What scales values; a copy, whose settings a loop need not read anew after each write.
pub(crate) trait Scale<T: Physical>: Copy {
    /// Scales one value as if no policy existed, in the body of a loop; and whether one could apply.
    fn scale(self, value: T) -> (T::Scaled, bool);

    /// Scales one value by the policies.
    fn judge(self, value: T, at: usize, report: &mut Report) -> Verdict<T::Scaled>;
}

/// Scales `values` and appends the results to `out`, block by block, and a block to which a policy
/// could apply again value by value.
pub(crate) fn in_blocks<T: Physical>(
    values: &[T],
    valid: impl Fn(usize) -> bool,
    out: &mut Vec<T::Scaled>,
    scale: impl Scale<T>,
) -> Report {
    let mut report = Report::default();
    out.reserve(values.len());
    let mut first = 0;
    for block in values.chunks(BLOCK) {
        let start = out.len();
        if widest(Block { scale, block, out }) {
            for (at, (slot, &value)) in (first..).zip(out[start..].iter_mut().zip(block)) {
                *slot = T::Scaled::ZERO;
                if valid(at) {
                    match scale.judge(value, at, &mut report) {
                        Verdict::Value(result) => *slot = result,
                        Verdict::Null => report.make_null(at, values.len()),
                        Verdict::Refused => {}
                    }
                }
            }
        }
        first += block.len();
    }
    report
}

struct Block<'a, T: Physical, S> {
    scale: S,
    block: &'a [T],
    out: &'a mut Vec<T::Scaled>,
}

impl<T: Physical, S: Scale<T>> Loop for Block<'_, T, S> {
    /// Whether a policy could apply to some value.
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let Self { scale, block, out } = self;
        let mut event = false;
        // Written once: memory that is filled first is written twice, and that is most of the time.
        out.extend(block.iter().map(
            #[inline(always)]
            |value| {
                let (result, could_apply) = scale.scale(*value);
                event |= could_apply;
                result
            },
        ));
        event
    }
}

/// The values scaled as if no policy existed, in the widest registers and without.
#[cfg(test)]
pub(super) fn in_both_ways<T: Physical>(
    values: &[T],
    scale: impl Scale<T>,
) -> [(Vec<T::Scaled>, bool); 2] {
    let [mut wide, mut plain] = [Vec::new(), Vec::new()];
    let block = values;
    let events = [
        widest(Block {
            scale,
            block,
            out: &mut wide,
        }),
        crate::simd::plainest(Block {
            scale,
            block,
            out: &mut plain,
        }),
    ];
    [(wide, events[0]), (plain, events[1])]
}

/// Decides about a value that is not a number.
pub(crate) fn judge_nan<T: Physical>(
    policy: Nans,
    value: T,
    at: usize,
    report: &mut Report,
) -> Verdict<T::Scaled> {
    match policy {
        Nans::Keep => Verdict::Value(T::Scaled::NAN),
        Nans::Null => Verdict::Null,
        Nans::Error => {
            report.nans.add(at, value);
            Verdict::Refused
        }
    }
}

/// Decides about an infinite value, or a finite one with an infinite `result`.
pub(crate) fn judge_infinity<T: Physical>(
    policy: Infinities,
    result: T::Scaled,
    value: T,
    at: usize,
    report: &mut Report,
) -> Verdict<T::Scaled> {
    match policy {
        Infinities::Keep => Verdict::Value(result),
        Infinities::Null => Verdict::Null,
        Infinities::Error => {
            report.infinities.add(at, value);
            Verdict::Refused
        }
    }
}

/// Reports what the inverse of one value could not say in the dtype.
pub(crate) fn note_inverse<T: Physical>(
    value: f64,
    saturated: bool,
    at: usize,
    len: usize,
    valid: &impl Fn(usize) -> bool,
    report: &mut Report,
) {
    let unsayable = T::INTEGER && value.is_nan();
    let lost = saturated && (T::INTEGER || value.is_finite());
    if (unsayable || lost) && valid(at) {
        if unsayable {
            report.make_null(at, len);
        } else {
            report.saturated.add(at, value);
        }
    }
}
