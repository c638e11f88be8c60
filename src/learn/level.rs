//! What answers the questions of one level.

use std::sync::Arc;
use std::time::Instant;

use polars::prelude::{Column, DataFrame, IdxCa, LazyFrame, PlSmallStr};

use super::answers::Answers;
use super::batch::Accumulators;
use super::scan::{Purpose, Scan, ScanLog};
use super::sheet::Sheet;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{FOLD, ROW, column};

/// Answers everything on a sheet: one scan for all statistics, one for each query of a step's own.
pub(crate) fn run_level(
    frame: LazyFrame,
    folds: Option<usize>,
    sheet: &Sheet,
    purpose: Purpose,
    log: &mut ScanLog,
) -> Result<Answers> {
    let mut answers = match accumulate(&frame, folds, sheet, purpose, log)? {
        Some(mut accumulators) => accumulators.answers(None),
        None => Answers::default(),
    };
    complete(&mut answers, &frame, sheet, purpose, log)?;
    Ok(answers)
}

/// Answers the questions about columns in one scan; none when there are no such questions.
pub(crate) fn accumulate(
    frame: &LazyFrame,
    folds: Option<usize>,
    sheet: &Sheet,
    purpose: Purpose,
    log: &mut ScanLog,
) -> Result<Option<Accumulators>> {
    if sheet.columns.is_empty() {
        return Ok(None);
    }
    let mut columns = sheet.exprs();
    columns.extend(folds.map(|_| column(FOLD)));
    let query = frame.clone().select(columns);
    let mut accumulators = Accumulators::new(sheet, folds.unwrap_or(1));
    log.stream(query, purpose, |batch| {
        let Some(folds) = folds else {
            return accumulators.update(0, batch.columns());
        };
        for (group, rows) in deal(batch, folds)? {
            accumulators.update(group, &rows)?;
        }
        Ok(())
    })?;
    Ok(Some(accumulators))
}

/// The rows of each fold in order, out of a batch whose last column is the fold.
fn deal(batch: &DataFrame, count: usize) -> Result<Vec<(usize, Vec<Column>)>> {
    let Some((folds, columns)) = batch.columns().split_last() else {
        return Ok(Vec::new());
    };
    let folds = folds.u32()?;
    let mut starts = vec![0_usize; count + 1];
    for fold in folds.iter() {
        let fold = fold.ok_or_else(in_no_fold)? as usize;
        *starts.get_mut(fold + 1).ok_or_else(in_no_fold)? += 1;
    }
    for fold in 0..count {
        starts[fold + 1] += starts[fold];
    }
    let mut next = starts.clone();
    let mut order = vec![0; folds.len()];
    for (row, fold) in (0..).zip(folds.iter()) {
        let slot = &mut next[fold.ok_or_else(in_no_fold)? as usize];
        order[*slot] = row;
        *slot += 1;
    }
    let order = IdxCa::from_vec(PlSmallStr::EMPTY, order);
    let dealt: Vec<Column> = columns
        .iter()
        .map(|column| column.take(&order))
        .collect::<Result<_, _>>()?;
    let of_fold = |fold: usize| {
        let (start, end) = (starts[fold], starts[fold + 1]);
        let offset = i64::try_from(start).unwrap_or(i64::MAX);
        let slice = |column: &Column| column.slice(offset, end - start);
        (end > start).then(|| (fold, dealt.iter().map(slice).collect()))
    };
    Ok((0..count).filter_map(of_fold).collect())
}

fn in_no_fold() -> Error {
    Error::new(
        ErrorKind::Split,
        "a row belongs to no fold (a bug in the splitter)",
    )
}

/// What an accumulator cannot answer: where the first infinity is, and the queries of steps.
pub(crate) fn complete(
    answers: &mut Answers,
    frame: &LazyFrame,
    sheet: &Sheet,
    purpose: Purpose,
    log: &mut ScanLog,
) -> Result<()> {
    for (question, answer) in sheet.columns.iter().zip(&mut answers.columns) {
        if let Some(answer) = answer.as_mut().and_then(Arc::get_mut)
            && question.locate
            && answer.summary.infinities > 0
        {
            answer.infinite_row = first_infinity(frame.clone(), &question.stands_as(), log)?;
        }
    }
    for query in &sheet.queries {
        log.cancel.check()?;
        let started = Instant::now();
        let frame = query
            .frame
            .clone()
            .ok_or_else(|| Error::new(ErrorKind::Query, "a query has no rows (a bug in floe)"))?;
        let table = (query.run)(frame)?;
        log.scans.push(Scan {
            purpose: purpose.to_string(),
            rows: table.height() as u64,
            elapsed: started.elapsed(),
        });
        answers.queries.push(Arc::new(table));
    }
    Ok(())
}

/// The source row of the first infinity of a column: a scan of its own, made only when there is one
/// and the rows still carry their number, which a step of a user may have dropped.
fn first_infinity(mut frame: LazyFrame, name: &str, log: &mut ScanLog) -> Result<Option<u64>> {
    let schema = frame
        .collect_schema()
        .map_err(|error| Error::from_polars(ErrorKind::Query, error))?;
    if !schema.contains(ROW) {
        return Ok(None);
    }
    let query = frame
        .filter(column(name).is_infinite())
        .select([column(ROW)])
        .limit(1);
    let mut found = None;
    log.stream(query, Purpose::Diagnosis, |batch| {
        if let (None, Some(rows)) = (&found, batch.columns().first()) {
            found = rows.idx().ok().and_then(|rows| rows.first()).map(u64::from);
        }
        Ok(())
    })?;
    Ok(found)
}
