//! The score of every fold by the model that did not learn from it, in one reading of the rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use polars::prelude::{IntoLazy, PlSmallStr};

use super::predictions::Predictions;
use crate::error::Result;
use crate::estimator::Predict;
use crate::frame::{PartSet, RowSet};
use crate::learn::{Purpose, ScanLog, batch_of};
use crate::metric::{Metrics, Scoring};
use crate::model::{Judge, Model};
use crate::schema::{FOLD, ROW, column};
use crate::splitter::Fold;
use crate::transform::{Apply, Artifact, Invert, Persist};

/// The metrics of each fold, and the predictions that they are of.
pub(super) struct Scored {
    pub(super) own: Vec<Metrics>,
    pub(super) scaled: Vec<Metrics>,
    pub(super) predictions: Arc<Predictions>,
}

/// The parts whose rows no model is scored on.
fn untested(folds: &[Fold], count: usize) -> PartSet {
    let tested = |part: &usize| folds.iter().any(|fold| fold.test.contains(*part));
    let tested = (0..count).filter(tested).map(|part| part..part + 1);
    tested.collect::<PartSet>().others(count)
}

pub(super) fn score<P, T, M>(
    models: &[Model<P, T, M>],
    rows: &RowSet,
    folds: &[Fold],
    scoring: &Scoring,
    log: &mut ScanLog,
) -> Result<Scored>
where
    P: Apply + Persist,
    T: Invert + Persist,
    M: Predict + Artifact,
{
    let mut columns: BTreeSet<PlSmallStr> = [ROW.into(), FOLD.into()].into();
    for Model {
        pipeline, facts, ..
    } in models
    {
        columns.extend(facts.weight.as_deref().map(PlSmallStr::from));
        columns.insert(pipeline.target.clone());
        columns.extend(
            pipeline
                .inputs
                .iter()
                .map(|input| input.name.as_str().into()),
        );
    }
    let query = rows.frame.clone();
    let query = query.select(columns.into_iter().map(column).collect::<Vec<_>>());
    let judges = models.iter().map(|model| Judge::new(model, scoring));
    let mut judges: Vec<_> = judges.collect::<Result<_>>()?;
    let mut predictions = Predictions::new(models.iter().map(|model| &model.predictor));
    let unscored = untested(folds, rows.parts.unwrap_or(1));
    log.stream(query, Purpose::Score, |batch| {
        let mut predicted = Vec::with_capacity(judges.len() + 1);
        let of = |parts: &PartSet| batch.clone().lazy().filter(parts.condition());
        for (fold, judge) in judges.iter_mut().enumerate() {
            let rows = of(&folds[fold].test);
            let query = judge.query(rows, Some(&[column(ROW)]));
            let scored = query.and_then(batch_of).and_then(|scored| {
                judge.update(scored.columns())?;
                Ok(scored)
            });
            let scored = scored.map_err(|error| error.for_fold(Some(fold)))?;
            let names = judge.outcomes();
            let (_, beside) = scored.columns().split_at(scored.width() - 1 - names.len());
            predicted.push(predictions.of_model(&beside[0], &names, &beside[1..])?);
        }
        if !unscored.is_empty() {
            let rows = batch_of(of(&unscored).select([column(ROW)]))?;
            predicted.push(predictions.of_model(&rows.columns()[0], &[], &[])?);
        }
        predictions.add(predicted)
    })?;
    predictions.close();
    let (mut own, mut scaled) = (Vec::new(), Vec::new());
    for judge in judges {
        let scores = judge.finish()?;
        own.push(scores.own);
        scaled.push(scores.scaled);
    }
    Ok(Scored {
        own,
        scaled,
        predictions: Arc::new(predictions),
    })
}
