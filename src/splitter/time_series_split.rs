use std::fmt;
use std::ops::Range;

use polars::prelude::{Column, Expr, IntoColumn, PlSmallStr, PolarsResult, UInt32Chunked};
use serde_json::{Value, json};

use super::assignment::Fold;
use super::parts::{self, narrow, part_of};
use super::time_keys::{check_time_dtype, ordered};
use super::{FoldAssignment, FoldSplitter, OneFold, Rows, Splitter};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::PartSet;
use crate::schema::{Schema, column};
use crate::source::Outline;

/// Tests each model on rows that come after all those it learned from: the last `k` windows of the
/// rows are tested in turn, and each is predicted by a model of the rows before it (an expanding
/// window), as in scikit-learn's `TimeSeriesSplit`.
///
/// Rows are in the order of the source, or in that of a column with [`by_time`](Self::by_time); then
/// rows of equal times are never on both sides: where a window would begin or a train side end
/// amid them, it does so before them, and a limited train side begins after them. Rows before
/// the first window are tested by no model and have no prediction. See `docs/splitting.md`.
///
/// In order of the source it takes no scan where the number of rows is known; by time it takes one,
/// and 8 bytes a row.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `k` | – | how many windows are tested, at least 1 |
/// | `by_time` | source order | the column that puts the rows in order: integers, floats, dates and times |
/// | `gap` | 0 | rows that are left out between what is learned from and what is tested |
/// | `max_train_size` | all | at most so many of the last rows before a window teach its model |
/// | `test_size` | `n / (k + 1)` | rows of a window, rounded down |
/// | `refit` | no | one more model, of all rows, from the same scans |
///
/// | error | when |
/// |---|---|
/// | `Split` | a setting is 0 that must not be; there are too few rows; a time is null or NaN; equal times leave a side without rows |
/// | `Schema` | there is no such column |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let y: Vec<f64> = (0..12).map(f64::from).collect();
/// let run = floe::from(InMemory::new(df!["y" => y]?))
///     .split(TimeSeriesSplit::new(3))
///     .learn(MeanRegressor::new("y"))
///     .run()?;
/// assert_eq!(run.train(0).collect()?.height(), 3);
/// assert_eq!(run.train(2).collect()?.height(), 9);
/// assert_eq!(run.predictions()?.collect()?.column("prediction")?.null_count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a splitter does nothing until it is part of a flow"]
pub struct TimeSeriesSplit {
    k: usize,
    time: Option<PlSmallStr>,
    gap: u64,
    max_train_size: Option<u64>,
    test_size: Option<u64>,
    refit: bool,
}

/// The ranks of the rows that one model learns from, and of those that it is scored on.
#[derive(Clone, Debug, PartialEq)]
struct Window {
    train: Range<u64>,
    test: Range<u64>,
}

impl TimeSeriesSplit {
    /// Tests the last `k` windows of the rows.
    pub fn new(k: usize) -> Self {
        Self {
            k,
            time: None,
            gap: 0,
            max_train_size: None,
            test_size: None,
            refit: false,
        }
    }

    /// Puts the rows in the order of a column; rows of equal times stay on one side.
    pub fn by_time(mut self, column: impl Into<PlSmallStr>) -> Self {
        self.time = Some(column.into());
        self
    }

    /// Leaves so many rows out between what is learned from and what is tested.
    pub fn gap(mut self, rows: u64) -> Self {
        self.gap = rows;
        self
    }

    /// Learns from at most so many rows: the last ones before the gap.
    pub fn max_train_size(mut self, rows: u64) -> Self {
        self.max_train_size = Some(rows);
        self
    }

    /// How many rows each window has.
    pub fn test_size(mut self, rows: u64) -> Self {
        self.test_size = Some(rows);
        self
    }

    /// Fits one more model, on all rows, in the same scans.
    pub fn refit(mut self) -> Self {
        self.refit = true;
        self
    }

    /// One window as a split of its own, such as to fit it in another process.
    pub fn fold(self, fold: usize) -> OneFold<Self> {
        OneFold::new(self, fold)
    }

    /// Where the windows begin, were all times different.
    fn starts(&self, rows: u64) -> Result<Vec<u64>> {
        let k = self.k as u64;
        let size = self.test_size.unwrap_or(rows / (k + 1));
        let tested = size.checked_mul(k).filter(|_| size > 0);
        let first = tested.and_then(|tested| rows.checked_sub(tested));
        let Some(first) = first.filter(|first| *first > self.gap) else {
            let message = format!(
                "{rows} rows are too few for {k} windows of {} and a gap of {}",
                size.max(1),
                self.gap
            );
            return Err(Error::new(ErrorKind::Split, message)
                .with_help("bring more rows, or ask for fewer or smaller windows"));
        };
        Ok((0..k).map(|window| first + window * size).collect())
    }

    /// The windows, where `before` and `after` move a rank out of a run of equal times.
    fn windows(
        &self,
        rows: u64,
        before: impl Fn(u64) -> u64,
        after: impl Fn(u64) -> u64,
    ) -> Result<Vec<Window>> {
        let starts: Vec<u64> = self.starts(rows)?.into_iter().map(&before).collect();
        let ends = starts.iter().skip(1).copied().chain([rows]);
        let windows = starts
            .iter()
            .zip(ends)
            .enumerate()
            .map(|(at, (start, end))| {
                let train_end = before(start.saturating_sub(self.gap));
                let most = self.max_train_size.unwrap_or(train_end);
                let window = Window {
                    train: after(train_end.saturating_sub(most))..train_end,
                    test: *start..end,
                };
                let empty = [
                    (window.test.is_empty(), "test"),
                    (window.train.is_empty(), "train"),
                ];
                match empty.iter().find(|(empty, _)| *empty) {
                    None => Ok(window),
                    Some((_, side)) => {
                        let message = format!("equal times leave window {at} no {side} row");
                        Err(Error::new(ErrorKind::Split, message)
                            .with_help("ask for fewer or larger windows, or for a finer time"))
                    }
                }
            });
        windows.collect()
    }

    /// The part of each row, and what each window makes of the parts.
    fn dealt(&self, rows: &mut Rows<'_>) -> Result<(Expr, Cuts)> {
        let Some(time) = &self.time else {
            let mut cuts = Cuts::default();
            let part = parts::in_order(rows, |n| {
                cuts = Cuts::of(self.windows(n, |rank| rank, |rank| rank)?, n);
                Ok(cuts.ranks.clone())
            })?;
            return Ok((part, cuts));
        };
        let mut times = rows.fold(
            column(time.clone()),
            Vec::new(),
            |times: &mut Vec<u64>, values| {
                times.extend(ordered(values)?);
                Ok(())
            },
        )?;
        times.sort_unstable();
        let place = |rank: u64| usize::try_from(rank).unwrap_or(usize::MAX).min(times.len());
        let before = |rank: u64| match times.get(place(rank)) {
            Some(time) => times.partition_point(|other| other < time) as u64,
            None => rank,
        };
        // After the run of equal times that the rank stands in, unless it stands at its start.
        let after = |rank: u64| match times.get(place(rank)) {
            Some(time) if before(rank) < rank => {
                times.partition_point(|other| other <= time) as u64
            }
            _ => rank,
        };
        let n = times.len() as u64;
        let windows = self.windows(n, before, after);
        let windows = windows.map_err(|error| error.on_column(time.as_str()))?;
        let cuts = Cuts::of(windows, n);
        let first: Vec<u64> = cuts.ranks.iter().map(|rank| times[place(*rank)]).collect();
        let kernel = move |values: Column| -> PolarsResult<Column> {
            let times = ordered(&values).map_err(Error::into_polars)?;
            let parts = times
                .into_iter()
                .map(|time| Some(narrow(first.partition_point(|first| *first <= time))));
            Ok(parts.collect::<UInt32Chunked>().into_column())
        };
        Ok((part_of(column(time.clone()), kernel), cuts))
    }
}

/// The ranks at which a part begins, all but the first one, and the windows.
#[derive(Default)]
struct Cuts {
    ranks: Vec<u64>,
    windows: Vec<Window>,
}

impl Cuts {
    fn of(windows: Vec<Window>, rows: u64) -> Self {
        let sides = windows
            .iter()
            .flat_map(|window| [&window.train, &window.test]);
        let mut ranks: Vec<u64> = sides.flat_map(|side| [side.start, side.end]).collect();
        ranks.retain(|rank| (1..rows).contains(rank));
        ranks.sort_unstable();
        ranks.dedup();
        Self { ranks, windows }
    }

    /// What each window makes of the parts.
    fn folds(&self) -> Vec<Fold> {
        let part = |rank: u64| self.ranks.partition_point(|cut| *cut <= rank);
        let parts = |side: &Range<u64>| PartSet::of(part(side.start)..part(side.end - 1) + 1);
        let fold = |window: &Window| Fold {
            train: parts(&window.train),
            test: parts(&window.test),
        };
        self.windows.iter().map(fold).collect()
    }
}

impl fmt::Debug for TimeSeriesSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TimeSeriesSplit({}", self.k)?;
        if let Some(time) = &self.time {
            write!(f, ", by_time: {time}")?;
        }
        if self.gap > 0 {
            write!(f, ", gap: {}", self.gap)?;
        }
        if let Some(rows) = self.max_train_size {
            write!(f, ", max_train_size: {rows}")?;
        }
        if let Some(rows) = self.test_size {
            write!(f, ", test_size: {rows}")?;
        }
        f.write_str(if self.refit { ", refit)" } else { ")" })
    }
}

impl Splitter for TimeSeriesSplit {
    type Assignment = FoldAssignment;

    fn check(&self, schema: &Schema, outline: &Outline) -> Result<()> {
        let zero = [
            (self.k == 0, "the number of windows"),
            (self.max_train_size == Some(0), "the largest train size"),
            (self.test_size == Some(0), "the size of a window"),
        ];
        if let Some((_, zero)) = zero.iter().find(|(zero, _)| *zero) {
            let message = format!("{zero} is 0");
            return Err(Error::new(ErrorKind::Split, message).with_help("ask for 1 or more"));
        }
        // Each window cuts the rows at four places at most.
        if self.k > (u32::MAX / 8) as usize {
            let message = format!("the rows cannot be cut into {} windows", self.k);
            return Err(Error::new(ErrorKind::Split, message).with_help("ask for fewer windows"));
        }
        if let Some(time) = &self.time {
            check_time_dtype(schema.field(time)?)?;
        }
        match outline.rows {
            Some(rows) if !outline.filtered => self.starts(rows).map(drop),
            _ => Ok(()),
        }
    }

    fn scans(&self, outline: &Outline) -> usize {
        let known = outline.rows.is_some() && !outline.filtered && self.time.is_none();
        usize::from(!known)
    }

    fn held(&self, outline: &Outline) -> Option<&'static str> {
        match &self.time {
            Some(_) => Some("8 bytes a row"),
            None => outline.filtered.then_some("4 bytes a row"),
        }
    }

    fn assign(&self, rows: &mut Rows<'_>) -> Result<FoldAssignment> {
        let (part, cuts) = self.dealt(rows)?;
        let parts = cuts.ranks.len() + 1;
        Ok(FoldAssignment::of_parts(part, parts, cuts.folds()).refit(self.refit))
    }

    fn describe(&self) -> Value {
        json!({
            "splitter": "time_series",
            "k": self.k,
            "time": self.time.as_ref().map(|time| time.as_str()),
            "gap": self.gap,
            "max_train_size": self.max_train_size,
            "test_size": self.test_size,
        })
    }

    fn models(&self) -> usize {
        self.k + usize::from(self.refit)
    }
}

impl FoldSplitter for TimeSeriesSplit {
    fn folds(&self) -> usize {
        self.k
    }
}
