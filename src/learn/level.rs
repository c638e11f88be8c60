//! What answers the questions of one level.

use std::sync::Arc;
use std::time::Instant;

use polars::prelude::{Column, DataFrame, IdxCa, LazyFrame, PlSmallStr};

use super::answers::Answers;
use super::batch::Accumulators;
use super::scan::{Purpose, Scan, ScanLog};
use super::sheet::Sheet;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Groups;
use crate::schema::{ROW, column};

/// The group of a row, beside the columns of a sheet.
const GROUP: &str = "__floe_group";

/// Answers everything on a sheet: one scan for all statistics, one for each query of a step's own.
pub(crate) fn run_level(
    frame: LazyFrame,
    groups: Option<&Groups>,
    sheet: &Sheet,
    purpose: Purpose,
    log: &mut ScanLog,
) -> Result<Answers> {
    let mut answers = match accumulate(&frame, groups, sheet, purpose, log)? {
        Some(mut accumulators) => accumulators.answers(None),
        None => Answers::default(),
    };
    complete(&mut answers, &frame, sheet, purpose, log)?;
    Ok(answers)
}

/// Answers the questions about columns in one scan; none when there are no such questions.
pub(crate) fn accumulate(
    frame: &LazyFrame,
    groups: Option<&Groups>,
    sheet: &Sheet,
    purpose: Purpose,
    log: &mut ScanLog,
) -> Result<Option<Accumulators>> {
    if sheet.columns.is_empty() {
        return Ok(None);
    }
    let mut columns = sheet.exprs();
    columns.extend(groups.map(|groups| groups.of_row.clone().alias(GROUP)));
    let query = frame.clone().select(columns);
    let count = groups.map_or(1, |groups| groups.count);
    let mut accumulators = Accumulators::new(sheet, count);
    log.stream(query, purpose, |batch| {
        if groups.is_none() {
            return accumulators.update(0, batch.columns());
        }
        for (group, rows) in deal(batch, count)? {
            accumulators.update(group, &rows)?;
        }
        Ok(())
    })?;
    Ok(Some(accumulators))
}

/// The rows of each group in order, out of a batch whose last column is the group.
fn deal(batch: &DataFrame, count: usize) -> Result<Vec<(usize, Vec<Column>)>> {
    let Some((groups, columns)) = batch.columns().split_last() else {
        return Ok(Vec::new());
    };
    let groups = groups.u32()?;
    let mut starts = vec![0_usize; count + 1];
    for group in groups.iter() {
        let group = group.ok_or_else(ungrouped)? as usize;
        *starts.get_mut(group + 1).ok_or_else(ungrouped)? += 1;
    }
    for group in 0..count {
        starts[group + 1] += starts[group];
    }
    let mut next = starts.clone();
    let mut order = vec![0; groups.len()];
    for (row, group) in (0..).zip(groups.iter()) {
        let slot = &mut next[group.ok_or_else(ungrouped)? as usize];
        order[*slot] = row;
        *slot += 1;
    }
    let order = IdxCa::from_vec(PlSmallStr::EMPTY, order);
    let dealt: Vec<Column> = columns
        .iter()
        .map(|column| column.take(&order))
        .collect::<Result<_, _>>()?;
    let of_group = |group: usize| {
        let (start, end) = (starts[group], starts[group + 1]);
        let offset = i64::try_from(start).unwrap_or(i64::MAX);
        let slice = |column: &Column| column.slice(offset, end - start);
        (end > start).then(|| (group, dealt.iter().map(slice).collect()))
    };
    Ok((0..count).filter_map(of_group).collect())
}

fn ungrouped() -> Error {
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
