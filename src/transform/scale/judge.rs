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

/// How many values are scaled in one place before as many are in the other.
const RUN: usize = 64;

/// Scales `values` into `out`, whatever that held before: block by block, and a block to which a
/// policy could apply again value by value.
///
/// Blocks of both halves are scaled in turns. A core that reads memory in one place gets less of it
/// than one that reads in two: a quarter of the time, where that is what the time goes to.
pub(crate) fn in_blocks<T: Physical>(
    values: &[T],
    valid: impl Fn(usize) -> bool,
    out: &mut Vec<T::Scaled>,
    scale: impl Scale<T>,
) -> Report {
    resize(out, values.len());
    let half = values.len().div_ceil(2).next_multiple_of(BLOCK);
    let half = half.min(values.len());
    let (early, late) = values.split_at(half);
    let (early_out, late_out) = out.split_at_mut(half);
    let mut late = parts(late, late_out, BLOCK);
    let mut report = Report::default();
    let mut again = |first: usize, (block, out): Part<'_, T>| {
        for (at, (slot, &value)) in (first..).zip(out.iter_mut().zip(block)) {
            *slot = T::Scaled::ZERO;
            if valid(at) {
                match scale.judge(value, at, &mut report) {
                    Verdict::Value(result) => *slot = result,
                    Verdict::Null => report.make_null(at, values.len()),
                    Verdict::Refused => {}
                }
            }
        }
    };
    for (first, (block, out)) in (0..).step_by(BLOCK).zip(parts(early, early_out, BLOCK)) {
        let (late_block, late_out) = late.next().unwrap_or_default();
        let [event, late_event] = widest(Pair {
            scale,
            early: (block, &mut *out),
            late: (late_block, &mut *late_out),
        });
        if event {
            again(first, (block, out));
        }
        if late_event {
            again(half + first, (late_block, late_out));
        }
    }
    report
}

/// Makes so many slots, whatever is in them. Those that were there are not filled anew, and new memory
/// is cleared by the system: filling it would be writing it twice.
fn resize<S: Scaled>(out: &mut Vec<S>, slots: usize) {
    if slots > out.capacity() {
        *out = vec![S::ZERO; slots];
    } else {
        out.resize(slots, S::ZERO);
    }
}

/// Values, and where they go.
type Part<'a, T> = (&'a [T], &'a mut [<T as Physical>::Scaled]);

#[inline(always)]
fn parts<'a, T: Physical>(
    values: &'a [T],
    out: &'a mut [T::Scaled],
    size: usize,
) -> impl Iterator<Item = Part<'a, T>> {
    values.chunks(size).zip(out.chunks_mut(size))
}

/// Two blocks, of which the late one is no longer.
struct Pair<'a, T: Physical, S> {
    scale: S,
    early: Part<'a, T>,
    late: Part<'a, T>,
}

impl<T: Physical, S: Scale<T>> Loop for Pair<'_, T, S> {
    /// Whether a policy could apply to some value of each.
    type Output = [bool; 2];

    #[inline(always)]
    fn run(self) -> [bool; 2] {
        let Self { scale, early, late } = self;
        let mut events = [false; 2];
        let mut late = parts(late.0, late.1, RUN);
        for run in parts(early.0, early.1, RUN) {
            events[0] |= scaled(scale, run);
            if let Some(run) = late.next() {
                events[1] |= scaled(scale, run);
            }
        }
        events
    }
}

#[inline(always)]
fn scaled<T: Physical>(scale: impl Scale<T>, (values, out): Part<'_, T>) -> bool {
    let mut event = false;
    for (slot, value) in out.iter_mut().zip(values) {
        let (result, could_apply) = scale.scale(*value);
        event |= could_apply;
        *slot = result;
    }
    event
}

/// The values scaled as if no policy existed, in the widest registers and without.
#[cfg(test)]
pub(super) fn in_both_ways<T: Physical>(
    values: &[T],
    scale: impl Scale<T>,
) -> [(Vec<T::Scaled>, [bool; 2]); 2] {
    let half = values.len().div_ceil(2);
    let by = |is_wide: bool| {
        let mut out = vec![T::Scaled::ZERO; values.len()];
        let (early, late) = out.split_at_mut(half);
        let pair = Pair {
            scale,
            early: (&values[..half], early),
            late: (&values[half..], late),
        };
        let events = if is_wide {
            widest(pair)
        } else {
            crate::simd::plainest(pair)
        };
        (out, events)
    };
    [by(true), by(false)]
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
