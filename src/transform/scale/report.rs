//! What a kernel tells its caller about the values that a policy applied to.

use std::fmt::Debug;

/// How many values broke one rule, and which was the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Offences {
    /// How many values broke the rule.
    pub(crate) count: u64,
    /// The first of them: its position in the slice, and its value as text. The
    /// position lets the caller print a date or a decimal in its own notation.
    pub(crate) first: Option<(usize, String)>,
}

impl Offences {
    /// Counts one offence; only the first is written out, as text costs time.
    pub(crate) fn add(&mut self, at: usize, value: impl Debug) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((at, format!("{value:?}")));
        }
    }

    fn absorb(&mut self, later: Self, offset: usize) {
        self.count += later.count;
        if self.first.is_none() {
            self.first = later.first.map(|(at, text)| (at + offset, text));
        }
    }
}

/// What happened to the values of one slice.
///
/// The first three fields count only what a policy calls an error; `saturated` is a
/// fact that the caller may turn into one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Values that are not numbers, under [`Nans::Error`](super::policy::Nans::Error).
    pub(crate) nans: Offences,
    /// Infinite values and results, under
    /// [`Infinities::Error`](super::policy::Infinities::Error).
    pub(crate) infinities: Offences,
    /// Values outside the learned range, under
    /// [`Outside::Error`](super::policy::Outside::Error).
    pub(crate) outside: Offences,
    /// Finite or infinite values whose inverse does not fit the dtype. An integer
    /// then holds the nearest one that fits, and a float an infinity.
    pub(crate) saturated: Offences,
    /// Which slots became null: as long as the slice, or `None` when none did, so
    /// that the common case allocates nothing. Slots that were null before, and
    /// slots with an error, are not in it.
    pub(crate) nulls_made: Option<Vec<bool>>,
}

impl Report {
    /// True when a policy calls something in the slice an error.
    #[cfg(test)]
    pub(crate) fn has_errors(&self) -> bool {
        self.nans.count + self.infinities.count + self.outside.count > 0
    }

    /// Notes that the slot `at` of a slice of `len` values became null.
    pub(crate) fn make_null(&mut self, at: usize, len: usize) {
        let made = self.nulls_made.get_or_insert_with(|| vec![false; len]);
        if let Some(slot) = made.get_mut(at) {
            *slot = true;
        }
    }

    /// Adds the counts of the report on a later chunk, which starts at `offset`.
    ///
    /// `nulls_made` stays as it is: it is used chunk by chunk, with its own chunk.
    pub(crate) fn absorb(&mut self, later: Self, offset: usize) {
        self.nans.absorb(later.nans, offset);
        self.infinities.absorb(later.infinities, offset);
        self.outside.absorb(later.outside, offset);
        self.saturated.absorb(later.saturated, offset);
    }
}

/// What a policy decided for one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict<S> {
    /// The value has this result.
    Value(S),
    /// The value becomes null.
    Null,
    /// The value is an error, which the report has counted.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_chunks_add_up_and_keep_the_first_offence() {
        let mut whole = Report::default();
        let mut later = Report::default();
        later.infinities.add(2, f64::INFINITY);
        later.infinities.add(3, 1.0);
        whole.absorb(Report::default(), 0);
        whole.absorb(later.clone(), 10);
        whole.absorb(later, 20);
        assert!(whole.has_errors());
        assert_eq!(whole.infinities.count, 4);
        assert_eq!(whole.infinities.first, Some((12, "inf".to_owned())));
    }
}
