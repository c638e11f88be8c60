//! Approximate quantiles of a streamed column with a promised error, in bounded memory.
//!
//! Level `h` holds items that stand for 2^h rows each. A level of `k` items is sorted, every second
//! item goes up, where it stands for twice as many rows, and the rest is dropped. This is the scheme
//! of Manku, Rajagopalan and Lindsay (SIGMOD 1998) and of KLL (Karnin, Lang and Liberty, FOCS 2016),
//! without their coin: which half is kept follows from counts, so the same rows give the same bits.

use super::{Ranked, Validity, count_of, float_count};

/// Below this many rows, 2 to that power, the promise holds by the size of the levels alone.
const ROWS: u32 = 32;

/// What is kept of a column: at most `k` items a level.
#[derive(Clone, Debug)]
pub(crate) struct Sketch<V> {
    k: usize,
    levels: Vec<Level<V>>,
}

#[derive(Clone, Debug)]
struct Level<V> {
    items: Vec<V>,
    /// How many compactions may have raised a rank by the weight of the level, and lowered one.
    raised: u64,
    lowered: u64,
}

/// How many items a level may hold for this error, and how many levels can fill up.
///
/// A compaction at level `h` moves no rank by more than 2^h and uses up items that stand for `k`·2^h
/// rows, so that `n` rows, in whatever parts they come, suffer at most `n / (k·2^h)` of them: `n / k`
/// ranks a level. A level fills up only where `k`·2^h ≤ `n`. This is the smallest even `k` above
/// (levels that fill up) / error for fewer than 2^32 rows.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "A cast of a float saturates, and what is too large fits no level."
)]
fn size(error: f64) -> (usize, u32) {
    let fitting = (1..ROWS).find_map(|log| {
        let full = ROWS - log;
        let least = (f64::from(full) / error).floor() as u64;
        let even = (least / 2).saturating_add(1).saturating_mul(2);
        let k = even.max(1 << log);
        (k >> log == 1).then_some((usize::try_from(k).unwrap_or(usize::MAX - 1), full))
    });
    fitting.unwrap_or((usize::try_from(1_u64 << ROWS).unwrap_or(usize::MAX - 1), 0))
}

/// How many values a sketch of this error holds at most, of fewer than 2^32 rows.
pub(crate) fn most_held(error: f64) -> usize {
    let (k, full) = size(error);
    k.saturating_mul(full as usize + 1)
}

impl<V: Ranked> Sketch<V> {
    /// A sketch whose answers lie within `error`·n ranks of the truth, for an error in (0, 0.5].
    pub(crate) fn new(error: f64) -> Self {
        Self {
            k: size(error).0,
            levels: Vec::new(),
        }
    }

    /// Adds the next rows of the column. Nulls, NaN and infinities are left out.
    pub(crate) fn push(&mut self, values: &[V], validity: Option<&dyn Validity>) {
        match validity.filter(|validity| validity.null_count() > 0) {
            None => {
                for value in values.iter().filter(|value| value.is_finite()) {
                    self.insert(0, *value);
                }
            }
            Some(validity) => {
                let mut valid = vec![false; values.len()];
                validity.read(0, &mut valid);
                for (value, valid) in values.iter().zip(valid) {
                    if valid && value.is_finite() {
                        self.insert(0, *value);
                    }
                }
            }
        }
    }

    /// Adds the rows of another sketch of the column and of the same error.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (height, from) in other.levels.iter().enumerate() {
            let level = self.level(height);
            level.raised += from.raised;
            level.lowered += from.lowered;
            for item in &from.items {
                self.insert(height, *item);
            }
        }
    }

    fn level(&mut self, height: usize) -> &mut Level<V> {
        while self.levels.len() <= height {
            self.levels.push(Level {
                items: Vec::new(),
                raised: 0,
                lowered: 0,
            });
        }
        &mut self.levels[height]
    }

    fn insert(&mut self, height: usize, item: V) {
        let k = self.k;
        let items = &mut self.level(height).items;
        if items.len() == k / 2 {
            // A vector that doubles would take more than a level holds.
            items.reserve_exact(k - k / 2);
        }
        items.push(item);
        if items.len() == k {
            self.compact(height);
        }
    }

    /// Sends every second item of a full level up.
    ///
    /// Of the `r` items at or below a value, the first of each pair makes ⌈r/2⌉ go up, which may
    /// raise its rank by the weight of the level; the second makes ⌊r/2⌋ go up, which may lower it.
    fn compact(&mut self, height: usize) {
        let level = self.level(height);
        let first = level.raised <= level.lowered;
        if first {
            level.raised += 1;
        } else {
            level.lowered += 1;
        }
        let mut items = std::mem::take(&mut level.items);
        items.sort_unstable_by(V::compare);
        for item in items.iter().skip(usize::from(!first)).step_by(2) {
            self.insert(height + 1, *item);
        }
        items.clear();
        self.level(height).items = items;
    }

    /// How many values the sketch stands for.
    pub(crate) fn count(&self) -> u64 {
        let weighed = self.levels.iter().enumerate();
        weighed
            .map(|(height, level)| count_of(level.items.len()) << height)
            .sum()
    }

    /// By how many ranks an answer can be off at most, counted from what happened.
    pub(crate) fn bound(&self) -> u64 {
        let weighed = self.levels.iter().enumerate();
        weighed
            .map(|(height, level)| level.raised.max(level.lowered) << height)
            .sum()
    }

    /// The value at `q`, whose rank is off by no more than [`bound`](Self::bound); none without
    /// values or for a `q` outside 0 to 1.
    ///
    /// It is the smallest item of which the items up to it stand for enough rows. The wanted row is
    /// the one nearest to the place of [`OrderBuffer::quantile`](super::OrderBuffer::quantile). The
    /// levels are sorted for it, which is why the sketch is borrowed mutably.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "The place lies within the rows."
    )]
    pub(crate) fn quantile(&mut self, q: f64) -> Option<V> {
        let last = self.count().checked_sub(1)?;
        if !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = ((float_count(last) * q).round() as u64).min(last) + 1;
        for level in &mut self.levels {
            level.items.sort_unstable_by(V::compare);
        }
        let reaching = self.levels.iter().filter_map(|level| {
            let below = |item: &V| self.up_to(item) < rank;
            level.items.get(level.items.partition_point(below)).copied()
        });
        reaching.min_by(V::compare)
    }

    /// How many rows the items up to a value stand for; the levels are sorted.
    fn up_to(&self, value: &V) -> u64 {
        let weighed = self.levels.iter().enumerate();
        weighed
            .map(|(height, level)| {
                let up_to = |item: &V| item.compare(value).is_le();
                count_of(level.items.partition_point(up_to)) << height
            })
            .sum()
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.levels.iter().map(|level| level.items.capacity()).sum()
    }
}
