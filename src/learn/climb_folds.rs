use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, IntoLazy, LazyFrame, PlSmallStr};

use super::answers::Answers;
use super::batch::Accumulators;
use super::climb::{Climb, stuck};
use super::deal::Deal;
use super::level::{accumulate, complete};
use super::scan::{Purpose, ScanLog};
use super::share::Shared;
use super::sheet::Sheet;
use super::walk::Walk;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{PartSet, RowSet};
use crate::schema::{FOLD, ROW, Schema, column};

/// One of the models that are fitted together, and the parts of the rows that it learns from.
pub(crate) struct Climber<C> {
    pub(crate) steps: C,
    /// Which of several candidates it is a model of: the models of one candidate have equal steps.
    pub(crate) candidate: usize,
    /// How messages name the candidate, where there are several.
    pub(crate) label: Option<String>,
    /// The fold that it is scored on, where it is the model of a fold.
    pub(crate) fold: Option<usize>,
    pub(crate) learns: PartSet,
}

impl<C> Climber<C> {
    /// An error, with the fold and the candidate that it is of.
    fn named(&self, error: Error, fold: Option<usize>) -> Error {
        let error = error.for_fold(fold);
        match &self.label {
            Some(label) => error.for_candidate(label),
            None => error,
        }
    }
}

impl<C: Climb> Climber<C> {
    /// The columns that are asked at this level, of the rows of one batch.
    fn asked(&mut self, schema: &Schema, rows: RowSet) -> Result<DataFrame> {
        let mut walk = Walk::new(schema.clone(), Some(rows.frame));
        self.steps.advance(&mut walk)?;
        let (sheet, query, _) = walk.finish();
        batch_of(query.ok_or_else(stuck)?.select(sheet.exprs()))
    }
}

/// A model on its way through one level.
struct Ascending<'a, C> {
    climber: &'a mut Climber<C>,
    sheet: Sheet,
    /// The rows that the model learns from, with every step applied that is fitted by now.
    query: LazyFrame,
}

/// Climbs with the models of all folds together: each level reads the rows once, however many
/// models there are.
///
/// At the first level the models of a candidate ask the same of different rows, so that each part is
/// accumulated once and a model takes what its parts taught; what several candidates ask of the
/// columns of the source is accumulated once too. After that each model has fitted steps of its own,
/// which are applied to its rows of each batch.
pub(crate) fn climb_folds<C: Climb>(
    climbers: &mut [Climber<C>],
    schema: &Schema,
    rows: &RowSet,
    log: &mut ScanLog,
) -> Result<Vec<Walk>> {
    let mut is_first = true;
    loop {
        let mut walks = Vec::with_capacity(climbers.len());
        let mut inputs = BTreeSet::new();
        for climber in climbers.iter_mut() {
            let frame = rows.only(&climber.learns).frame;
            let mut walk = Walk::new(schema.clone(), Some(frame));
            let advanced = climber.steps.advance(&mut walk);
            // What was fitted may give each fold other columns.
            let fold = climber.fold.filter(|_| !is_first);
            advanced.map_err(|error| climber.named(error, fold))?;
            inputs.extend(walk.train_inputs().cloned());
            walks.push(walk);
        }
        if !walks.iter().any(Walk::is_waiting) {
            return Ok(walks);
        }
        let mut ascending = Vec::with_capacity(climbers.len());
        for (climber, walk) in climbers.iter_mut().zip(walks) {
            let waiting = walk.is_waiting();
            let (sheet, query, _) = walk.finish();
            let query = query.ok_or_else(stuck)?;
            if waiting && sheet.is_empty() {
                return Err(stuck());
            }
            if waiting {
                ascending.push(Ascending {
                    climber,
                    sheet,
                    query,
                });
            }
        }
        let answers = if is_first {
            together(&mut ascending, schema, rows, inputs, log)?
        } else {
            apart(&mut ascending, schema, rows, inputs, log)?
        };
        is_first = false;
        for (mut answers, model) in answers.into_iter().zip(ascending) {
            complete(
                &mut answers,
                &model.query,
                &model.sheet,
                Purpose::Level,
                log,
            )?;
            let climber = model.climber;
            let resolved = climber.steps.resolve(Some(&answers));
            resolved.map_err(|error| climber.named(error, climber.fold))?;
        }
    }
}

/// The first level: the models of a candidate ask the same, each of the rows of its parts.
fn together<C: Climb>(
    models: &mut [Ascending<'_, C>],
    schema: &Schema,
    rows: &RowSet,
    inputs: BTreeSet<PlSmallStr>,
    log: &mut ScanLog,
) -> Result<Vec<Answers>> {
    // Where each candidate's models begin.
    let candidates = models.iter().map(|model| model.climber.candidate);
    let candidates: BTreeMap<_, _> = candidates.enumerate().map(|(at, of)| (of, at)).collect();
    let mut sheets = Vec::with_capacity(candidates.len());
    let mut queries = Vec::with_capacity(candidates.len());
    for first in candidates.values() {
        let mut walk = Walk::new(schema.clone(), Some(rows.frame.clone()));
        models[*first].climber.steps.advance(&mut walk)?;
        let (sheet, query, _) = walk.finish();
        sheets.push(sheet);
        queries.push(query.ok_or_else(stuck)?);
    }
    if let ([sheet], [query]) = (sheets.as_slice(), queries.as_slice()) {
        let found = accumulate(query, rows.parts, sheet, Purpose::Level, log)?;
        let Some(mut found) = found else {
            return Ok(models.iter().map(|_| Answers::default()).collect());
        };
        let answers = models.iter();
        let answers = answers.map(|model| found.answers(&model.climber.learns));
        return Ok(answers.collect());
    }
    let shared = Shared::new(sheets);
    let count = rows.parts.unwrap_or(1);
    let of = |sheet: &Sheet| Accumulators::new(sheet, count);
    let mut common = of(&shared.common);
    let mut own: Vec<_> = shared.candidates.iter().map(|own| of(&own.sheet)).collect();
    if shared.candidates.iter().all(|own| own.sheet.is_empty()) {
        let found = accumulate(&rows.frame, rows.parts, &shared.common, Purpose::Level, log)?;
        common = found.unwrap_or(common);
    } else {
        let columns = inputs.into_iter().chain([ROW.into(), FOLD.into()]);
        let columns: Vec<_> = columns.map(column).collect();
        let query = rows.frame.clone().select(columns);
        let firsts: Vec<_> = candidates.values().copied().collect();
        log.stream(query, Purpose::Level, |batch| {
            let batch = RowSet {
                frame: batch.clone().lazy(),
                parts: rows.parts,
            };
            update_dealt(&mut common, batch.frame.clone(), &shared.common, count)?;
            for ((own, found), first) in shared.candidates.iter().zip(&mut own).zip(&firsts) {
                if own.sheet.is_empty() {
                    continue;
                }
                let mut walk = Walk::new(schema.clone(), Some(batch.frame.clone()));
                models[*first].climber.steps.advance(&mut walk)?;
                let (_, query, _) = walk.finish();
                update_dealt(found, query.ok_or_else(stuck)?, &own.sheet, count)?;
            }
            Ok(())
        })?;
    }
    // Models of different candidates learn from the same parts.
    let mut known: Vec<(&PartSet, Answers)> = Vec::new();
    let mut answers = Vec::with_capacity(models.len());
    for model in models.iter() {
        let learns = &model.climber.learns;
        let at = known.iter().position(|(parts, _)| *parts == learns);
        let at = at.unwrap_or_else(|| {
            known.push((learns, common.answers(learns)));
            known.len() - 1
        });
        let candidate = candidates.range(..model.climber.candidate).count();
        let own = &mut own[candidate];
        answers.push(shared.candidates[candidate].answers(&known[at].1, own, learns));
    }
    Ok(answers)
}

/// Adds the rows of one batch, each to its part.
fn update_dealt(
    found: &mut Accumulators,
    query: LazyFrame,
    sheet: &Sheet,
    parts: usize,
) -> Result<()> {
    let mut columns = sheet.exprs();
    columns.push(column(FOLD));
    let batch = batch_of(query.select(columns))?;
    let (deal, columns) = Deal::of(&batch, parts)?;
    found.update_dealt(columns, &deal)
}

/// Any other level: each model applies the steps that it has fitted to its rows of a batch.
fn apart<C: Climb>(
    models: &mut [Ascending<'_, C>],
    schema: &Schema,
    rows: &RowSet,
    inputs: BTreeSet<PlSmallStr>,
    log: &mut ScanLog,
) -> Result<Vec<Answers>> {
    if models.iter().all(|model| model.sheet.columns.is_empty()) {
        return Ok(models.iter().map(|_| Answers::default()).collect());
    }
    let mut found: Vec<_> = models
        .iter()
        .map(|model| Accumulators::new(&model.sheet, 1))
        .collect();
    let columns = inputs.into_iter().chain([ROW.into(), FOLD.into()]);
    let query = rows
        .frame
        .clone()
        .select(columns.map(column).collect::<Vec<_>>());
    log.stream(query, Purpose::Level, |batch| {
        for (model, found) in models.iter_mut().zip(&mut found) {
            let rows = RowSet {
                frame: batch.clone().lazy(),
                parts: rows.parts,
            };
            let fold = model.climber.fold;
            let rows = rows.only(&model.climber.learns);
            let asked = model.climber.asked(schema, rows);
            let asked = asked.map_err(|error| model.climber.named(error, fold))?;
            found.update(0, asked.columns())?;
        }
        Ok(())
    })?;
    let all = PartSet::all(1);
    Ok(found.iter_mut().map(|found| found.answers(&all)).collect())
}

/// Runs a query on the rows of one batch.
pub(crate) fn batch_of(query: LazyFrame) -> Result<DataFrame> {
    let collected = query.collect();
    collected.map_err(|error| Error::from_polars(ErrorKind::Query, error))
}
