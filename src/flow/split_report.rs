//! What a split makes of the rows, without learning anything from them.

use polars::prelude::{Column, Expr, LazyFrame, PlSmallStr};

use super::divide::{Division, Folds, Opened, Sides};
use super::{Flow, Learns, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::PartSet;
use crate::learn::{Purpose, ScanLog};
use crate::schema::{FOLD, ROW, column};
use crate::splitter::{SplitCount, SplitReport};

impl<S> Flow<S> {
    /// What the split makes of the rows: the sizes of the sides, the rows that are on two of them,
    /// and how the values of these columns are shared. Learns nothing.
    ///
    /// It reads the rows as often as the split takes, and then once for folds or once a side.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Split`] when the rows cannot be split as asked, or a
    /// column has more than 10,000 values; [`ErrorKind::Schema`] for a
    /// column that is not there; [`ErrorKind::Source`] when the rows
    /// cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// use floe::polars::prelude::*;
    /// use floe::prelude::*;
    ///
    /// let sort: Vec<&str> = (0..20).map(|row| if row % 4 == 0 { "rare" } else { "common" }).collect();
    /// let flow = floe::from(InMemory::new(df!["sort" => sort]?))
    ///     .split(TrainTestSplit::new(0.2).stratify_by("sort"));
    /// let report = flow.split_report(["sort"])?;
    /// assert_eq!((report.sides[1].side, report.sides[1].rows), ("test", 4));
    /// assert_eq!(report.sides[1].values[1].value.as_deref(), Some("rare"));
    /// assert_eq!(report.sides[1].values[1].rows, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split_report<C: Into<PlSmallStr>>(
        &self,
        columns: impl IntoIterator<Item = C>,
    ) -> Result<SplitReport>
    where
        S: Learns,
    {
        let columns: Vec<PlSmallStr> = columns.into_iter().map(Into::into).collect();
        self.state.split_report(&self.settings, &columns)
    }
}

pub(super) fn split_report<D: Division>(
    division: &D,
    settings: &Settings,
    columns: &[PlSmallStr],
) -> Result<SplitReport> {
    let schema = division.schema()?;
    let outline = division.outline()?;
    division.check(&schema, &outline)?;
    for name in columns {
        schema.field(name)?;
    }
    let mut log = ScanLog::new(&settings.cancel);
    match division.open(&outline, &mut log)? {
        Opened::Folds(repeats) => of_repeats(&repeats, columns, &mut log),
        Opened::Sides(sides) => of_sides(*sides, division.is_one_source(), columns, &mut log),
    }
}

/// A hidden column, then the ones that are asked for.
fn with_hidden(hidden: &str, columns: &[PlSmallStr]) -> Vec<Expr> {
    let columns = columns.iter().cloned().map(column);
    [column(hidden)].into_iter().chain(columns).collect()
}

fn split_first(columns: &[Column]) -> Result<(&Column, &[Column])> {
    columns.split_first().ok_or_else(|| {
        let message = "the rows have lost their hidden column (a bug in floe)";
        Error::new(ErrorKind::Split, message)
    })
}

/// One scan a repeat. The folds of one repeat come after those of the other.
fn of_repeats(repeats: &[Folds], columns: &[PlSmallStr], log: &mut ScanLog) -> Result<SplitReport> {
    let mut report = SplitReport {
        rows: 0,
        overlap: Some(0),
        untested: 0,
        sides: Vec::new(),
    };
    for folds in repeats {
        let first = report.sides.len() / 2;
        let next = of_folds(folds, first, columns, log)?;
        let overlap = report.overlap.max(next.overlap);
        report.sides.extend(next.sides);
        report = SplitReport {
            overlap,
            sides: report.sides,
            ..next
        };
    }
    Ok(report)
}

/// One scan, which counts each part.
fn of_folds(
    folds: &Folds,
    first: usize,
    columns: &[PlSmallStr],
    log: &mut ScanLog,
) -> Result<SplitReport> {
    let count = folds.rows.parts.unwrap_or(1);
    let mut counted = SplitCount::new(count, columns);
    let query = folds.rows.frame.clone();
    let query = query.select(with_hidden(FOLD, columns));
    log.stream(query, Purpose::Count, |batch| {
        let (parts, columns) = split_first(batch.columns())?;
        // A row without a part is found out where it is counted.
        let number = |part: Option<u32>| part.map_or(usize::MAX, |part| part as usize);
        let parts: Vec<usize> = parts.u32()?.iter().map(number).collect();
        counted.add(&parts, columns)
    })?;
    counted.rank();
    let both = |part: &usize| {
        let mut folds = folds.each.iter();
        folds.any(|fold| fold.train.contains(*part) && fold.test.contains(*part))
    };
    let tested = |part: &usize| folds.each.iter().any(|fold| fold.test.contains(*part));
    let of = |is: &dyn Fn(&usize) -> bool| -> PartSet {
        let parts = (0..count).filter(is).map(|part| part..part + 1);
        parts.collect()
    };
    let sides = folds.each.iter().enumerate().flat_map(|(at, fold)| {
        [("train", &fold.train), ("test", &fold.test)]
            .map(|(side, parts)| counted.side(Some(first + at), side, parts))
    });
    Ok(SplitReport {
        rows: counted.rows(&PartSet::all(count)),
        overlap: Some(counted.rows(&of(&both))),
        untested: counted.rows(&of(&tested).others(count)),
        sides: sides.collect(),
    })
}

/// One scan a side; the numbers of the rows that are kept for scores are held in memory.
fn of_sides(
    sides: Sides,
    is_one_source: bool,
    columns: &[PlSmallStr],
    log: &mut ScanLog,
) -> Result<SplitReport> {
    let Sides {
        train,
        test,
        validation,
    } = sides;
    let train = ("train", train.frame);
    let kept = [
        Some(("test", test)),
        validation.map(|rows| ("validation", rows)),
    ];
    let kept: Vec<_> = kept.into_iter().flatten().collect();
    let names: Vec<_> = kept.iter().map(|(side, _)| *side).collect();
    let mut counted = SplitCount::new(kept.len() + 1, columns);
    let mut seen: Vec<Vec<u32>> = Vec::new();
    let mut overlap = 0;
    // The train rows come last, and are looked for among the others.
    for (part, (_, frame)) in kept.into_iter().chain([train]).enumerate() {
        let rows = count_side(frame, part, columns, &mut counted, log, |row| {
            let found = seen.iter().any(|rows| rows.binary_search(&row).is_ok());
            overlap += u64::from(found);
        })?;
        if part < names.len() {
            seen.push(rows);
        }
    }
    counted.rank();
    let of = |part: usize| PartSet::of(part..part + 1);
    let mut report = vec![counted.side(None, "train", &of(names.len()))];
    for (part, side) in names.iter().enumerate() {
        report.push(counted.side(None, side, &of(part)));
    }
    Ok(SplitReport {
        rows: report.iter().map(|side| side.rows).sum(),
        overlap: is_one_source.then_some(overlap),
        untested: 0,
        sides: report,
    })
}

/// Counts the rows of one side, and gives their numbers in the source.
fn count_side(
    frame: LazyFrame,
    part: usize,
    columns: &[PlSmallStr],
    counted: &mut SplitCount,
    log: &mut ScanLog,
    mut each: impl FnMut(u32),
) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    let query = frame.select(with_hidden(ROW, columns));
    log.stream(query, Purpose::Count, |batch| {
        let (rows, columns) = split_first(batch.columns())?;
        let start = numbers.len();
        numbers.extend(rows.idx()?.into_no_null_iter());
        numbers[start..].iter().copied().for_each(&mut each);
        counted.add(&vec![part; rows.len()], columns)
    })?;
    Ok(numbers)
}
