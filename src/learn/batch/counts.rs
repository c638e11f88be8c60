use polars::prelude::Series;

use super::keys::{Keys, NONE};
use super::some;
use crate::error::Result;
use crate::frame::PartSet;
use crate::learn::category::{Counted, Distinct};
use crate::schema::Kind;

/// The distinct values of some rows, with how many rows hold each.
#[derive(Clone)]
pub(super) struct Tallied {
    keys: Keys,
    counts: Vec<u64>,
}

impl Tallied {
    pub(super) fn new(kind: Option<Kind>) -> Self {
        Self {
            keys: Keys::new(kind),
            counts: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, physical: &Series) -> Result<()> {
        let mut numbers = Vec::new();
        self.keys.number(physical, &mut numbers)?;
        self.counts.resize(self.keys.len(), 0);
        for number in numbers.into_iter().filter(|number| *number != NONE) {
            self.counts[number as usize] += 1;
        }
        Ok(())
    }

    pub(super) fn join(&mut self, other: &Self) {
        let numbers = self.keys.join(&other.keys);
        self.counts.resize(self.keys.len(), 0);
        for (number, count) in numbers.into_iter().zip(&other.counts) {
            self.counts[number as usize] += count;
        }
    }

    /// In ascending order.
    pub(super) fn sorted(self) -> Vec<(Distinct, u64)> {
        let values = self.keys.values().into_iter().zip(self.counts);
        let mut values: Vec<_> = values.collect();
        values.sort_by(|(a, _), (b, _)| a.compare(b));
        values
    }
}

/// Counts the distinct values of a column.
pub(super) struct CountGather {
    most: usize,
    kind: Option<Kind>,
    groups: Vec<Counts>,
}

/// The counts of one group of rows; beyond the limit they are let go, so that memory is bounded.
#[derive(Clone)]
struct Counts {
    values: Tallied,
    nulls: u64,
    rows: u64,
    overflows: bool,
}

impl CountGather {
    pub(super) fn new(kind: Option<Kind>, most: usize, groups: usize) -> Self {
        let counts = Counts {
            values: Tallied::new(kind),
            nulls: 0,
            rows: 0,
            overflows: false,
        };
        Self {
            most,
            kind,
            groups: vec![counts; groups],
        }
    }

    pub(super) fn push(&mut self, group: usize, physical: &Series) -> Result<()> {
        let counts = &mut self.groups[group];
        counts.rows += physical.len() as u64;
        counts.nulls += physical.null_count() as u64;
        // In pieces, so that a batch of new values cannot outgrow the limit by much.
        let mut start = 0;
        while start < physical.len() && !counts.overflows {
            let piece = physical.slice(i64::try_from(start).unwrap_or(i64::MAX), PIECE);
            start += PIECE;
            counts.values.push(&piece)?;
            counts.bound(self.most, self.kind);
        }
        Ok(())
    }

    pub(super) fn answer(&self, of: &PartSet) -> Counted {
        let mut groups = some(&self.groups, of);
        let Some(first) = groups.next() else {
            return Counted::default();
        };
        let mut joined = first.clone();
        for group in groups {
            joined.join(group);
            joined.bound(self.most, self.kind);
        }
        Counted {
            values: joined.values.sorted(),
            nulls: joined.nulls,
            rows: joined.rows,
            overflows: joined.overflows,
        }
    }
}

const PIECE: usize = 1 << 14;

impl Counts {
    fn join(&mut self, other: &Self) {
        self.rows += other.rows;
        self.nulls += other.nulls;
        self.overflows |= other.overflows;
        if !self.overflows {
            self.values.join(&other.values);
        }
    }

    fn bound(&mut self, most: usize, kind: Option<Kind>) {
        self.overflows |= self.values.keys.len() > most;
        if self.overflows {
            self.values = Tallied::new(kind);
        }
    }
}
