//! What answers the questions of one level.

use std::sync::Arc;
use std::time::Instant;

use polars::prelude::LazyFrame;

use super::answers::Answers;
use super::batch::Accumulators;
use super::deal::Deal;
use super::scan::{Purpose, Scan, ScanLog};
use super::sheet::Sheet;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::PartSet;
use crate::schema::{FOLD, ROW, column};

/// Answers everything on a sheet: one scan for all statistics, one for each query of a step's own.
pub(crate) fn run_level(
    frame: LazyFrame,
    parts: Option<usize>,
    sheet: &Sheet,
    purpose: Purpose,
    log: &mut ScanLog,
) -> Result<Answers> {
    let mut answers = match accumulate(&frame, parts, sheet, purpose, log)? {
        Some(mut accumulators) => accumulators.answers(&PartSet::all(parts.unwrap_or(1))),
        None => Answers::default(),
    };
    complete(&mut answers, &frame, sheet, purpose, log)?;
    Ok(answers)
}

/// Answers the questions about columns in one scan; none when there are no such questions.
pub(crate) fn accumulate(
    frame: &LazyFrame,
    parts: Option<usize>,
    sheet: &Sheet,
    purpose: Purpose,
    log: &mut ScanLog,
) -> Result<Option<Accumulators>> {
    if sheet.columns.is_empty() {
        return Ok(None);
    }
    let mut columns = sheet.exprs();
    columns.extend(parts.map(|_| column(FOLD)));
    let query = frame.clone().select(columns);
    let mut accumulators = Accumulators::new(sheet, parts.unwrap_or(1));
    log.stream(query, purpose, |batch| {
        let Some(parts) = parts else {
            return accumulators.update(0, batch.columns());
        };
        let (deal, columns) = Deal::of(batch, parts)?;
        accumulators.update_dealt(columns, &deal)
    })?;
    Ok(Some(accumulators))
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
