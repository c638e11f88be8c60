use polars::prelude::{DataType, Series};

use super::counts::Tallied;
use super::group_spread::GroupSpread;
use super::group_sum::{Number, Sum};
use super::keys::{Keys, NONE};
use super::some;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::PartSet;
use crate::learn::accumulate::OrderBuffer;
use crate::learn::category::{Category, most_frequent};
use crate::learn::grouped::{Group, GroupStatistic, Grouped, part_of_row};
use crate::learn::sheet::GroupedAsk;
use crate::learn::value::{Quantile, Value};
use crate::schema::Kind;

/// What one column teaches for each category of another.
pub(super) struct GroupedGather {
    ask: GroupedAsk,
    of: Option<Kind>,
    groups: Vec<Groups>,
}

/// The groups of one group of rows.
#[derive(Clone)]
struct Groups {
    by: Keys,
    /// By the numbers of the keys.
    states: Vec<State>,
    /// The rows whose category is null.
    without: State,
    overflows: bool,
}

#[derive(Clone)]
struct State {
    rows: u64,
    parts: Vec<Sum>,
    learned: Learned,
}

/// What is kept beyond the sums.
#[derive(Clone)]
enum Learned {
    Nothing,
    Integers(OrderBuffer<i128>),
    Floats(OrderBuffer<f64>),
    IntegerSpread(Box<GroupSpread<i128>>),
    FloatSpread(Box<GroupSpread<f64>>),
    Values(Tallied),
}

impl GroupedGather {
    pub(super) fn new(ask: &GroupedAsk, by: Option<Kind>, of: Option<Kind>, groups: usize) -> Self {
        let empty = Groups {
            by: Keys::new(by),
            states: Vec::new(),
            without: State::new(ask.statistic, of),
            overflows: false,
        };
        Self {
            ask: ask.clone(),
            of,
            groups: vec![empty; groups],
        }
    }

    /// Adds the next rows of a group; the batch holds the columns of the sheet.
    pub(super) fn push(&mut self, group: usize, batch: &[(Option<Kind>, Series)]) -> Result<()> {
        let column = |slot: usize| batch.get(slot).map(|(_, series)| series).ok_or_else(lost);
        let (by, of) = (column(self.ask.by)?, column(self.ask.of)?);
        let group = &mut self.groups[group];
        if group.overflows {
            return Ok(());
        }
        let mut numbers = Vec::new();
        group.by.number(by, &mut numbers)?;
        let new = || State::new(self.ask.statistic, self.of);
        group.states.resize_with(group.by.len(), new);
        match self.ask.statistic {
            GroupStatistic::MostFrequent => group.tally(&numbers, of)?,
            GroupStatistic::Parts { seed, parts } => {
                let rows = column(self.ask.rows.ok_or_else(lost)?)?.u32()?;
                let mut rows = rows.iter().map(|row| u64::from(row.unwrap_or_default()));
                each_value(of, self.of, |at, value| {
                    let part = part_of_row(seed, parts, rows.next().unwrap_or_default());
                    group.at(numbers[at]).push_with_square(part as usize, value);
                })?;
            }
            _ => each_value(of, self.of, |at, value| {
                group.at(numbers[at]).push(0, value);
            })?,
        }
        group.bound(self.ask.most);
        Ok(())
    }

    pub(super) fn answer(&self, of: &PartSet) -> Option<Grouped> {
        let mut groups = some(&self.groups, of);
        let Some(first) = groups.next() else {
            return Some(Grouped::default());
        };
        let mut joined = first.clone();
        for group in groups {
            joined.join(group, || State::new(self.ask.statistic, self.of));
            joined.bound(self.ask.most);
        }
        if joined.overflows {
            return None;
        }
        let found = joined.by.values().into_iter().zip(joined.states);
        let mut found: Vec<_> = found
            .filter_map(|(key, state)| Some((key.category()?, state)))
            .collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        let statistic = self.ask.statistic;
        let found = found.into_iter();
        let mut groups: Vec<_> = found
            .map(|(key, state)| state.finish(Some(key), statistic))
            .collect();
        if joined.without.rows > 0 {
            groups.push(joined.without.finish(None, statistic));
        }
        Some(Grouped { groups })
    }
}

impl Groups {
    fn at(&mut self, number: u32) -> &mut State {
        match number {
            NONE => &mut self.without,
            number => &mut self.states[number as usize],
        }
    }

    /// Counts the values of each group.
    fn tally(&mut self, numbers: &[u32], of: &Series) -> Result<()> {
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); self.states.len() + 1];
        for (row, number) in (0..).zip(numbers) {
            let at = (*number as usize).min(self.states.len());
            rows[at].push(row);
        }
        for (at, rows) in rows.into_iter().enumerate() {
            if rows.is_empty() {
                continue;
            }
            let state = self.states.get_mut(at).unwrap_or(&mut self.without);
            state.rows += rows.len() as u64;
            if let Learned::Values(values) = &mut state.learned {
                let rows = polars::prelude::IdxCa::from_vec("".into(), rows);
                values.push(&of.take(&rows)?)?;
            }
        }
        Ok(())
    }

    fn join(&mut self, other: &Self, new: impl Fn() -> State) {
        self.overflows |= other.overflows;
        if self.overflows {
            return;
        }
        let numbers = self.by.join(&other.by);
        self.states.resize_with(self.by.len(), new);
        for (number, state) in numbers.into_iter().zip(&other.states) {
            self.states[number as usize].join(state);
        }
        self.without.join(&other.without);
    }

    /// Beyond the limit the groups are let go, so that memory is bounded.
    fn bound(&mut self, most: usize) {
        self.overflows |= self.by.len() > most;
        if self.overflows {
            self.by.clear();
            self.states.clear();
        }
    }
}

impl State {
    fn new(statistic: GroupStatistic, of: Option<Kind>) -> Self {
        let parts = match statistic {
            GroupStatistic::Parts { parts, .. } => parts as usize,
            _ => 1,
        };
        let learned = match statistic {
            GroupStatistic::Median if is_float(of) => Learned::Floats(OrderBuffer::new()),
            GroupStatistic::Median => Learned::Integers(OrderBuffer::new()),
            GroupStatistic::Spread if is_float(of) => Learned::FloatSpread(Box::default()),
            GroupStatistic::Spread => Learned::IntegerSpread(Box::default()),
            GroupStatistic::MostFrequent => Learned::Values(Tallied::new(of)),
            _ => Learned::Nothing,
        };
        Self {
            rows: 0,
            parts: vec![Sum::default(); parts],
            learned,
        }
    }

    fn push(&mut self, part: usize, value: Option<Number>) {
        self.rows += 1;
        let Some(value) = value else {
            return;
        };
        self.parts[part].push(value);
        match (&mut self.learned, value) {
            (Learned::Integers(order), Number::Int(value)) => order.push(&[value], None),
            (Learned::Floats(order), Number::Float(value)) => order.push(&[value], None),
            (Learned::IntegerSpread(spread), Number::Int(value)) => spread.push(value),
            (Learned::FloatSpread(spread), Number::Float(value)) => spread.push(value),
            _ => {}
        }
    }

    fn push_with_square(&mut self, part: usize, value: Option<Number>) {
        self.push(part, value);
        if let Some(value) = value {
            self.parts[part].push_square(value);
        }
    }

    fn join(&mut self, other: &Self) {
        self.rows += other.rows;
        for (sum, other) in self.parts.iter_mut().zip(&other.parts) {
            sum.join(other);
        }
        match (&mut self.learned, &other.learned) {
            (Learned::Integers(order), Learned::Integers(other)) => order.append(other),
            (Learned::Floats(order), Learned::Floats(other)) => order.append(other),
            (Learned::IntegerSpread(spread), Learned::IntegerSpread(other)) => spread.join(other),
            (Learned::FloatSpread(spread), Learned::FloatSpread(other)) => spread.join(other),
            (Learned::Values(values), Learned::Values(other)) => values.join(other),
            _ => {}
        }
    }

    fn finish(self, category: Option<Category>, statistic: GroupStatistic) -> Group {
        let mut group = Group {
            category,
            rows: self.rows,
            values: self.parts.iter().map(|sum| sum.values).sum(),
            mean: None,
            std: None,
            median: None,
            most_frequent: None,
            most_frequent_filled: None,
            parts: Vec::new(),
        };
        match (statistic, self.learned) {
            (GroupStatistic::Mean, _) => {
                group.mean = self.parts.first().and_then(Sum::mean);
            }
            (GroupStatistic::Spread, Learned::IntegerSpread(spread)) => {
                (group.mean, group.std) = spread.found();
            }
            (GroupStatistic::Spread, Learned::FloatSpread(spread)) => {
                (group.mean, group.std) = spread.found();
            }
            (GroupStatistic::Median, Learned::Integers(mut order)) => {
                group.median = order.quantile(0.5).map(|found| Quantile {
                    lower: Value::Int(found.lower),
                    upper: Value::Int(found.upper),
                    fraction: found.fraction,
                });
            }
            (GroupStatistic::Median, Learned::Floats(mut order)) => {
                group.median = order.quantile(0.5).map(|found| Quantile {
                    lower: Value::Float(found.lower),
                    upper: Value::Float(found.upper),
                    fraction: found.fraction,
                });
            }
            (GroupStatistic::MostFrequent, Learned::Values(values)) => {
                let mut values = values.sorted();
                group.values = values.iter().map(|(_, rows)| *rows).sum();
                group.most_frequent = most_frequent(&values);
                values.retain(|(value, _)| !value.is_empty_text());
                group.most_frequent_filled = most_frequent(&values);
            }
            (GroupStatistic::Parts { .. }, _) => {
                group.parts = self.parts.iter().map(Sum::part).collect();
            }
            _ => {}
        }
        group
    }
}

fn is_float(kind: Option<Kind>) -> bool {
    matches!(kind, Some(Kind::F32 | Kind::F64))
}

/// Calls `each` with every row and its number, which is none where a row holds none.
fn each_value(
    physical: &Series,
    kind: Option<Kind>,
    mut each: impl FnMut(usize, Option<Number>),
) -> Result<()> {
    match kind {
        Some(Kind::F32 | Kind::F64) => {
            let floats = physical.cast(&DataType::Float64)?;
            for (row, value) in floats.f64()?.iter().enumerate() {
                each(
                    row,
                    value.filter(|value| value.is_finite()).map(Number::Float),
                );
            }
        }
        Some(Kind::U64) => {
            for (row, value) in physical.u64()?.iter().enumerate() {
                each(row, value.map(|value| Number::Int(value.into())));
            }
        }
        Some(Kind::I128) => {
            for (row, value) in physical.decimal()?.physical().iter().enumerate() {
                each(row, value.map(Number::Int));
            }
        }
        _ => {
            let integers = physical.cast(&DataType::Int64)?;
            for (row, value) in integers.i64()?.iter().enumerate() {
                each(row, value.map(|value| Number::Int(value.into())));
            }
        }
    }
    Ok(())
}

fn lost() -> Error {
    Error::new(
        ErrorKind::Fit,
        "a column of a grouped question is not in the scan (a bug in floe)",
    )
}
