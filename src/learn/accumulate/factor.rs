//! Least squares over streamed rows, by keeping the triangular factor of the rows seen so far.

use serde::{Deserialize, Serialize};

use super::double::Double;
use super::householder::absorb;
use super::{Validity, count_of};

/// A column of a chunk.
#[derive(Clone, Copy)]
pub(crate) struct Column<'a> {
    pub(crate) values: &'a [f64],
    pub(crate) validity: Option<&'a dyn Validity>,
}

/// Rows of a column that held no finite number, and so kept their row from being learned from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Excluded {
    pub(crate) nulls: u64,
    pub(crate) nans: u64,
    pub(crate) infinities: u64,
}

/// Learns a least-squares fit chunk by chunk, in memory that depends on the number of columns only.
#[derive(Clone, Debug)]
pub(crate) struct LeastSquares {
    factor: Factor,
    block: Vec<f64>,
    height: usize,
    filled: usize,
    valid: Vec<bool>,
}

impl LeastSquares {
    /// With an intercept, each column is shifted by its value in the first complete row before it is factored; without
    /// one, a shift would change the problem.
    pub(crate) fn new(features: usize, fit_intercept: bool) -> Self {
        let size = features + 2;
        let height = (4 * size).max(256);
        Self {
            factor: Factor::empty(features, fit_intercept),
            block: vec![0.0; size * height],
            height,
            filled: 0,
            valid: Vec::new(),
        }
    }

    /// Adds the next rows: the features in order, then the target, all of one length.
    ///
    /// A row with a null, NaN or infinity is counted and left out.
    pub(crate) fn push(&mut self, columns: &[Column<'_>]) {
        debug_assert_eq!(
            columns.len(),
            self.factor.features + 1,
            "a column a feature, and the target"
        );
        let rows = columns
            .iter()
            .map(|column| column.values.len())
            .min()
            .unwrap_or(0);
        let mut start = 0;
        while start < rows {
            let take = (self.height - self.filled).min(rows - start);
            self.push_part(columns, start, take);
            start += take;
            if self.filled == self.height {
                self.factor
                    .absorb(&mut self.block, self.height, self.filled);
                self.filled = 0;
            }
        }
    }

    /// Adds rows that all fit into the unfinished block.
    fn push_part(&mut self, columns: &[Column<'_>], start: usize, take: usize) {
        let mut complete = vec![true; take];
        for (column, excluded) in columns.iter().zip(&mut self.factor.excluded) {
            let values = &column.values[start..start + take];
            let validity = column.validity.filter(|validity| validity.null_count() > 0);
            if validity.is_none() && values.iter().all(|value| value.is_finite()) {
                continue;
            }
            self.valid.clear();
            self.valid.resize(take, true);
            if let Some(validity) = validity {
                validity.read(start, &mut self.valid);
            }
            for ((value, valid), complete) in values.iter().zip(&self.valid).zip(&mut complete) {
                let count = match (valid, value.is_nan(), value.is_infinite()) {
                    (false, ..) => &mut excluded.nulls,
                    (true, true, _) => &mut excluded.nans,
                    (true, _, true) => &mut excluded.infinities,
                    (true, false, false) => continue,
                };
                *count += 1;
                *complete = false;
            }
        }
        let Some(first) = complete.iter().position(|complete| *complete) else {
            return;
        };
        let shifting = self.factor.intercept;
        if shifting && self.factor.rows == 0 {
            for (slot, column) in self.factor.origin.iter_mut().zip(columns) {
                *slot = column.values[start + first];
            }
        }
        let kept = complete.iter().filter(|complete| **complete).count();
        let lead = usize::from(self.factor.intercept);
        for (index, column) in columns.iter().enumerate() {
            let shift = if shifting {
                self.factor.origin[index]
            } else {
                0.0
            };
            let slots = &mut self.block[(index + lead) * self.height + self.filled..];
            let values = column.values[start..start + take].iter();
            if kept == take {
                for (slot, value) in slots.iter_mut().zip(values) {
                    *slot = value - shift;
                }
                continue;
            }
            let whole = values.zip(&complete).filter(|(_, complete)| **complete);
            for (slot, (value, _)) in slots.iter_mut().zip(whole) {
                *slot = value - shift;
            }
        }
        let constant = self.factor.constant() * self.height + self.filled;
        self.block[constant..constant + kept].fill(1.0);
        self.filled += kept;
        self.factor.rows += count_of(kept);
    }

    /// What the rows so far taught, in a form that merges, is stored and solves.
    pub(crate) fn finish(&self) -> Factor {
        let mut factor = self.factor.clone();
        if self.filled > 0 {
            factor.absorb(&mut self.block.clone(), self.height, self.filled);
        }
        factor
    }
}

/// The triangular factor of the rows seen, as columns: `[1 | features | target]` with an intercept, else
/// `[features | target | 1]`, where the constant only serves to measure the target around its mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Factor {
    pub(super) features: usize,
    pub(super) intercept: bool,
    pub(super) rows: u64,
    /// How often rows or another factor were absorbed: rounding errors grow with its root.
    pub(super) steps: u64,
    /// What was taken from each column before it was factored.
    pub(super) origin: Vec<f64>,
    pub(super) triangle: Vec<f64>,
    excluded: Vec<Excluded>,
}

impl Factor {
    fn empty(features: usize, intercept: bool) -> Self {
        let size = features + 2;
        Self {
            features,
            intercept,
            rows: 0,
            steps: 0,
            origin: vec![0.0; features + 1],
            triangle: vec![0.0; size * size],
            excluded: vec![Excluded::default(); features + 1],
        }
    }

    /// The rows left out, by the features in order and then the target.
    pub(crate) fn excluded(&self) -> &[Excluded] {
        &self.excluded
    }

    /// The complete rows.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Moves a column along a line: its shift to another place, its distances by a factor. Columns are
    /// counted as those of the problem, the target last; there must be an intercept.
    pub(crate) fn move_column(
        &mut self,
        at: usize,
        place: impl Fn(f64) -> f64,
        stretch: impl Fn(f64) -> f64,
    ) {
        debug_assert!(self.intercept, "a shift would change the problem");
        let size = self.size();
        self.origin[at] = place(self.origin[at]);
        for entry in &mut self.triangle[(at + 1) * size..(at + 2) * size] {
            *entry = stretch(*entry);
        }
    }

    pub(super) const fn size(&self) -> usize {
        self.features + 2
    }

    /// The position of the constant column.
    const fn constant(&self) -> usize {
        if self.intercept { 0 } else { self.features + 1 }
    }

    fn absorb(&mut self, block: &mut [f64], stride: usize, rows: usize) {
        let size = self.size();
        absorb(&mut self.triangle, size, block, stride, rows);
        self.steps += 1;
    }

    /// Combines the rows of two factors of the same columns; the bits depend on the order, which the caller fixes.
    ///
    /// The other factor is moved to the origin of this one. Only its first row changes, because a column plus a multiple
    /// of the constant column is the same in its factor. `beyond` is by how much each column of the other one was
    /// shifted further, in integers, before it became a float; without an intercept nothing is shifted.
    pub(crate) fn merge(self, other: &Self, beyond: &[Double]) -> Self {
        debug_assert!(
            self.features == other.features && self.intercept == other.intercept,
            "factors of the same fit"
        );
        let mut merged = if self.rows == 0 {
            other.clone()
        } else {
            self.clone()
        };
        if self.rows > 0 && other.rows > 0 {
            let size = self.size();
            let mut block = other.triangle.clone();
            if self.intercept {
                let scale = block[0];
                let origins = self.origin.iter().zip(&other.origin).zip(beyond);
                for (index, ((to, from), beyond)) in origins.enumerate() {
                    let entry = &mut block[(index + 1) * size];
                    let moved = (Double::sum(*from, -*to) + *beyond) * scale
                        + Double {
                            hi: *entry,
                            lo: 0.0,
                        };
                    *entry = moved.value();
                }
            }
            merged.absorb(&mut block, size, size);
            merged.rows += other.rows;
            merged.steps += other.steps;
        }
        merged.excluded.clone_from(&self.excluded);
        for (sum, other) in merged.excluded.iter_mut().zip(&other.excluded) {
            sum.nulls += other.nulls;
            sum.nans += other.nans;
            sum.infinities += other.infinities;
        }
        merged
    }
}
