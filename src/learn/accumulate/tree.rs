//! What one block or many blocks taught, and the fixed tree in which blocks are combined.

use serde::{Deserialize, Serialize};

use super::double::Double;
use super::float_count;

/// The step between the exponents of `Moments`.
pub(super) const EXPONENT_STEP: i32 = 600;

/// Two to the power of `EXPONENT_STEP`.
pub(super) const UP: f64 = f64::from_bits((1023 + 600) << 52);

/// Two to the power of minus `EXPONENT_STEP`.
pub(super) const DOWN: f64 = f64::from_bits((1023 - 600) << 52);

/// Mean and sum of squared deviations of the values `origin + x * 2^exponent`, kept for `x`.
///
/// The exponent is a multiple of 600, so that neither the largest nor the smallest floats leave the range when squared.
/// It is zero for integers, and the origin is zero for floats.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Moments {
    pub(super) origin: i128,
    pub(super) mean: Double,
    pub(super) m2: Double,
    pub(super) exponent: i32,
}

impl Moments {
    /// The same moments for a larger exponent. What underflows here is below the last bit of what it will be added to.
    fn raised(mut self, exponent: i32) -> Self {
        while self.exponent < exponent {
            self.mean = self.mean.scaled(DOWN);
            self.m2 = self.m2.scaled(DOWN).scaled(DOWN);
            self.exponent += EXPONENT_STEP;
        }
        self
    }

    /// Chan's update in double-double arithmetic.
    fn merge(self, count: u64, other: Self, other_count: u64) -> Self {
        let exponent = self.exponent.max(other.exponent);
        let (left, right) = (self.raised(exponent), other.raised(exponent));
        let (n, m) = (float_count(count), float_count(other_count));
        let mut delta = right.mean - left.mean;
        if left.origin != right.origin {
            delta = delta + Double::difference(right.origin, left.origin);
        }
        let step = delta * m / (n + m);
        let between = delta.square() * n / (n + m) * m;
        Self {
            origin: left.origin,
            mean: left.mean + step,
            m2: left.m2 + right.m2 + between,
            exponent,
        }
    }
}

/// What a run of rows taught. `missing` counts the cells that held no number, so nulls and NaNs together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Node<E> {
    pub(super) count: u64,
    pub(super) missing: u64,
    pub(super) infinities: u64,
    pub(super) range: Option<(E, E)>,
    pub(super) moments: Option<Moments>,
}

impl<E: Copy + PartialOrd> Node<E> {
    pub(super) const EMPTY: Self = Self {
        count: 0,
        missing: 0,
        infinities: 0,
        range: None,
        moments: None,
    };

    /// Combines the rows of `self` with the rows of `other`, which come later.
    pub(super) fn merge(self, other: Self) -> Self {
        let range = match (self.range, other.range) {
            (Some((low, high)), Some((other_low, other_high))) => Some((
                if other_low < low { other_low } else { low },
                if other_high > high { other_high } else { high },
            )),
            (range, None) | (None, range) => range,
        };
        let moments = match (self.moments, other.moments) {
            (Some(left), Some(right)) => Some(left.merge(self.count, right, other.count)),
            (moments, None) | (None, moments) => moments,
        };
        Self {
            count: self.count + other.count,
            missing: self.missing + other.missing,
            infinities: self.infinities + other.infinities,
            range,
            moments,
        }
    }
}

/// A binary counter of nodes: level `k` holds the combination of `2^k` consecutive blocks, or nothing.
///
/// The shape depends only on how many blocks came, never on how they were delivered.
#[derive(Clone, Debug)]
pub(super) struct Tree<E> {
    levels: Vec<Option<Node<E>>>,
}

impl<E: Copy + PartialOrd> Tree<E> {
    pub(super) const fn new() -> Self {
        Self { levels: Vec::new() }
    }

    /// Adds the next full block.
    pub(super) fn push(&mut self, mut node: Node<E>) {
        for level in &mut self.levels {
            let Some(earlier) = level.take() else {
                *level = Some(node);
                return;
            };
            node = earlier.merge(node);
        }
        self.levels.push(Some(node));
    }

    /// Folds what is left, from the last rows to the first; `last` is the unfinished block.
    pub(super) fn fold(&self, last: Option<Node<E>>) -> Node<E> {
        let folded = self.levels.iter().flatten().fold(last, |later, earlier| {
            Some(later.map_or(*earlier, |later| earlier.merge(later)))
        });
        folded.unwrap_or(Node::EMPTY)
    }
}
