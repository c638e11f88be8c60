//! Counts, extremes, mean and variance of a streamed column.

use serde::{Deserialize, Serialize};

use super::block::BLOCK;
use super::double::Double;
use super::tree::{DOWN, Node, Tree, UP};
use super::value::{Extreme, Value, Work, reduce, reduce_cells};
use super::{Validity, count_of, float_count};

/// Learns from one column, chunk by chunk.
#[derive(Clone, Debug)]
pub(crate) struct ColumnSummary<V: Value> {
    rows: u64,
    nulls: u64,
    tree: Tree<V::Extreme>,
    pending: Vec<V::Cell>,
    valid: Vec<bool>,
    work: Work,
}

impl<V: Value> ColumnSummary<V> {
    /// Mean and variance cost a second pass over each block, so they are learned only when asked for.
    pub(crate) fn new(moments: bool) -> Self {
        let tree = Tree::new();
        Self {
            rows: 0,
            nulls: 0,
            tree,
            pending: Vec::new(),
            valid: Vec::new(),
            work: Work::new(moments),
        }
    }

    /// Adds the next rows of the column.
    pub(crate) fn push(&mut self, values: &[V], validity: Option<&dyn Validity>) {
        self.rows += count_of(values.len());
        let validity = validity.filter(|validity| validity.null_count() > 0);
        let mut start = 0;
        while start < values.len() {
            let take = (BLOCK - self.pending.len()).min(values.len() - start);
            self.push_part(&values[start..start + take], start, validity);
            start += take;
        }
    }

    /// Adds the next rows of the column, none of them null, from wherever they lie.
    pub(crate) fn extend(&mut self, mut rows: impl ExactSizeIterator<Item = V>) {
        self.rows += count_of(rows.len());
        while rows.len() > 0 {
            let room = BLOCK - self.pending.len();
            let cells = rows.by_ref().take(room).map(Value::cell);
            self.pending.extend(cells);
            self.reduce_if_full();
        }
    }

    /// Adds rows that all fall into the unfinished block.
    fn push_part(&mut self, part: &[V], start: usize, validity: Option<&dyn Validity>) {
        let mut full = true;
        if let Some(validity) = validity {
            self.valid.resize(part.len(), false);
            validity.read(start, &mut self.valid);
            let nulls: u64 = self.valid.iter().map(|valid| u64::from(!valid)).sum();
            self.nulls += nulls;
            full = nulls == 0;
        }
        if full && part.len() == BLOCK {
            self.tree.push(reduce(part, &mut self.work));
            return;
        }
        if full {
            self.pending.extend(part.iter().map(|value| value.cell()));
        } else {
            let cells = part.iter().zip(&self.valid);
            self.pending.extend(
                cells.map(|(value, valid)| [V::MISSING, value.cell()][usize::from(*valid)]),
            );
        }
        self.reduce_if_full();
    }

    fn reduce_if_full(&mut self) {
        if self.pending.len() == BLOCK {
            let node = reduce_cells::<V>(&mut self.pending, &mut self.work);
            self.tree.push(node);
            self.pending.clear();
        }
    }

    /// What the rows so far taught, in a form that merges and is stored.
    pub(crate) fn state(&self) -> State<V::Extreme> {
        let mut work = self.work.clone();
        let last = (!self.pending.is_empty())
            .then(|| reduce_cells::<V>(&mut self.pending.clone(), &mut work));
        State {
            rows: self.rows,
            nulls: self.nulls,
            node: self.tree.fold(last),
        }
    }

    /// The answer for the rows so far.
    #[cfg(test)]
    pub(crate) fn finish(&self) -> Summary<V::Extreme> {
        self.state().finish()
    }
}

/// What a run of rows taught; the states of folds are merged in the order of the folds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State<E> {
    rows: u64,
    nulls: u64,
    node: Node<E>,
}

impl<E: Extreme> Default for State<E> {
    fn default() -> Self {
        Self {
            rows: 0,
            nulls: 0,
            node: Node::EMPTY,
        }
    }
}

impl<E: Extreme> State<E> {
    /// Combines two runs of rows. The bits depend on the order, which the caller fixes.
    pub(crate) fn merge(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            nulls: self.nulls + other.nulls,
            node: self.node.merge(other.node),
        }
    }

    /// The answer for these rows.
    pub(crate) fn finish(self) -> Summary<E> {
        let node = self.node;
        let spread = node.moments.map(|moments| {
            let power = power_of(moments.exponent);
            let mut mean = Mean::new(moments.origin, moments.mean.scaled(power));
            if E::INTEGER {
                mean = mean.rounded();
            }
            Spread {
                mean,
                m2: moments.m2.value(),
                exponent: moments.exponent,
            }
        });
        Summary {
            rows: self.rows,
            nulls: self.nulls,
            nans: node.missing.saturating_sub(self.nulls),
            infinities: node.infinities,
            count: node.count,
            min: node.range.map(|range| range.0),
            max: node.range.map(|range| range.1),
            spread,
        }
    }
}

/// What is known of a column. Nulls, NaNs and infinities are counted and not learned from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary<E> {
    pub(crate) rows: u64,
    pub(crate) nulls: u64,
    pub(crate) nans: u64,
    pub(crate) infinities: u64,
    /// Rows with a finite value: those that were learned from.
    pub(crate) count: u64,
    pub(crate) min: Option<E>,
    pub(crate) max: Option<E>,
    /// Absent if not asked for, or without a finite value.
    pub(crate) spread: Option<Spread>,
}

impl<E> Summary<E> {
    /// The mean, rounded to a float.
    #[cfg(test)]
    pub(crate) fn mean(&self) -> Option<f64> {
        self.spread.map(|spread| spread.mean.value())
    }

    /// The standard deviation of the rows as a population.
    pub(crate) fn std(&self) -> Option<f64> {
        self.std_with(0)
    }

    /// The standard deviation with the divisor `count - ddof`; absent if that is not positive.
    ///
    /// A column that varies never has a deviation of zero: what would round to zero is the smallest positive float.
    pub(crate) fn std_with(&self, ddof: u64) -> Option<f64> {
        let spread = self.spread?;
        let divisor = self
            .count
            .checked_sub(ddof)
            .filter(|divisor| *divisor > 0)?;
        let scaled = (spread.m2 / float_count(divisor)).sqrt();
        let deviation = scaled * power_of(spread.exponent);
        let smallest = f64::from_bits(1);
        Some(if scaled > 0.0 && deviation < smallest {
            smallest
        } else {
            deviation
        })
    }

    /// The sum of squared deviations; infinite or zero where a float cannot hold it, which `spread` always can.
    #[cfg(test)]
    pub(crate) fn m2(&self) -> Option<f64> {
        self.spread
            .map(|spread| spread.m2 * power_of(spread.exponent) * power_of(spread.exponent))
    }
}

/// The mean, and the sum of squared deviations `m2 * 4^exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) mean: Mean,
    pub(crate) m2: f64,
    pub(crate) exponent: i32,
}

/// The mean `origin + offset + residue`: the origin is the nearest integer for integers and zero for floats.
///
/// A value minus the origin is an exact integer, so a large integer column is centred without loss. The residue is what
/// the offset lost in rounding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mean {
    pub(crate) origin: i128,
    pub(crate) offset: f64,
    pub(crate) residue: f64,
}

impl Mean {
    fn new(origin: i128, offset: Double) -> Self {
        Self {
            origin,
            offset: offset.hi + 0.0,
            residue: offset.lo,
        }
    }

    /// Moves whole units from the offset to the origin, twice because each float holds 53 bits of them.
    fn rounded(mut self) -> Self {
        for _ in 0..2 {
            let whole = self.offset.round();
            if let Some(origin) = self.origin.checked_add(to_integer(whole)) {
                let rest = Double::sum(self.offset - whole, self.residue);
                self = Self::new(origin, rest);
            }
        }
        self
    }

    /// The mean, rounded to a float.
    #[cfg(test)]
    pub(crate) fn value(self) -> f64 {
        if self.origin == 0 {
            return self.offset;
        }
        (Double::integer(self.origin)
            + Double {
                hi: self.offset,
                lo: self.residue,
            })
        .value()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "The float is a whole number; beyond i128 it saturates."
)]
fn to_integer(whole: f64) -> i128 {
    whole as i128
}

fn power_of(exponent: i32) -> f64 {
    match exponent {
        0 => 1.0,
        1.. => UP,
        _ => DOWN,
    }
}
