//! What the kernels share: blocks that are scaled as if no policy existed, and what the policies
//! decide where one could apply.

use super::number::{Physical, Scaled};
use super::policy::{Infinities, Nans};
use super::report::{Report, Verdict};

/// How many values are tried at once: input and output of a block stay in the first
/// cache, so that a block with an event is cheap to do again.
const BLOCK: usize = 1024;

/// Scales `values` and appends the results to `out`: block by block with `fast`, which says whether
/// a policy could apply to some value, and such a block again value by value with `judge`.
pub(crate) fn in_blocks<T: Physical>(
    values: &[T],
    valid: impl Fn(usize) -> bool,
    out: &mut Vec<T::Scaled>,
    fast: impl Fn(&[T], &mut [T::Scaled]) -> bool,
    judge: impl Fn(T, usize, &mut Report) -> Verdict<T::Scaled>,
) -> Report {
    let mut report = Report::default();
    out.reserve(values.len());
    let mut first = 0;
    for block in values.chunks(BLOCK) {
        let start = out.len();
        out.resize(start + block.len(), T::Scaled::ZERO);
        let target = &mut out[start..];
        if fast(block, target) {
            for (at, (slot, &value)) in (first..).zip(target.iter_mut().zip(block)) {
                *slot = T::Scaled::ZERO;
                if valid(at) {
                    match judge(value, at, &mut report) {
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
