//! The score of every fold by the model that did not learn from it, in one reading of the rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use polars::prelude::{Column, Float64Chunked, IntoLazy, PlSmallStr, PolarsResult, polars_bail};

use crate::error::Result;
use crate::estimator::{PREDICTION, Predict};
use crate::frame::{PartSet, RowSet};
use crate::learn::{Purpose, ScanLog, batch_of};
use crate::metric::{Metrics, RegressionMetrics};
use crate::model::Model;
use crate::schema::{FOLD, ROW, column};
use crate::splitter::Fold;
use crate::transform::{Apply, Artifact, Invert, Persist};

/// The metrics of each fold, and the predictions that they are of.
pub(super) struct Scored {
    pub(super) own: Vec<Metrics>,
    pub(super) scaled: Vec<Metrics>,
    pub(super) predictions: Arc<Predictions>,
}

/// The prediction of each row, by its number in the source.
#[derive(Default)]
pub(super) struct Predictions {
    /// In rising order.
    rows: Vec<u32>,
    values: Float64Chunked,
}

impl Predictions {
    /// Adds the rows of a batch, whose folds came one after the other; batches come in row order.
    fn add(&mut self, mut batch: Vec<(u32, Option<f64>)>) -> Result<()> {
        batch.sort_unstable_by_key(|(row, _)| *row);
        self.rows.extend(batch.iter().map(|(row, _)| *row));
        let values: Float64Chunked = batch.into_iter().map(|(_, value)| value).collect();
        Ok(self.values.append(&values)?)
    }

    /// The predictions of these rows.
    pub(super) fn of_rows(&self, rows: &Column) -> PolarsResult<Float64Chunked> {
        let mut found = Vec::with_capacity(rows.len());
        for row in rows.idx()?.into_no_null_iter() {
            let Ok(at) = self.rows.binary_search(&row) else {
                polars_bail!(ComputeError: "row {row} was not there when the folds were scored");
            };
            found.push(self.values.get(at));
        }
        Ok(found.into_iter().collect())
    }
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
    metrics: RegressionMetrics,
    log: &mut ScanLog,
) -> Result<Scored>
where
    P: Apply + Persist,
    T: Invert + Persist,
    M: Predict + Artifact,
{
    let mut columns: BTreeSet<PlSmallStr> = [ROW.into(), FOLD.into()].into();
    for Model { pipeline, .. } in models {
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
    let scorers = models.iter().map(|_| metrics.scorer(2));
    let mut scorers: Vec<_> = scorers.collect::<Result<_>>()?;
    let mut predictions = Predictions::default();
    let unscored = untested(folds, rows.parts.unwrap_or(1));
    log.stream(query, Purpose::Score, |batch| {
        let mut predicted = Vec::with_capacity(batch.height());
        let of = |parts: &PartSet| batch.clone().lazy().filter(parts.condition());
        for (fold, (model, scorer)) in models.iter().zip(&mut scorers).enumerate() {
            let rows = of(&folds[fold].test);
            let scored = model.judged(rows).and_then(|(frame, pairs)| {
                let own = pairs[0].1.clone();
                batch_of(scorer.query(frame, &pairs, &[column(ROW), own.alias(PREDICTION)]))
            });
            let scored = scored.map_err(|error| error.for_fold(Some(fold)))?;
            let (judged, beside) = scored.columns().split_at(scored.width() - 2);
            scorer.update(judged)?;
            let rows = beside[0].idx()?.into_no_null_iter();
            predicted.extend(rows.zip(beside[1].f64()?.iter()));
        }
        if !unscored.is_empty() {
            let rows = batch_of(of(&unscored).select([column(ROW)]))?;
            let rows = rows.columns()[0].idx()?.into_no_null_iter();
            predicted.extend(rows.map(|row| (row, None)));
        }
        predictions.add(predicted)
    })?;
    predictions.values = predictions.values.rechunk().into_owned();
    let (mut own, mut scaled) = (Vec::new(), Vec::new());
    for scorer in scorers {
        let mut metrics = scorer.finish()?.into_iter();
        own.push(metrics.next().unwrap_or_default());
        scaled.push(metrics.next().unwrap_or_default());
    }
    Ok(Scored {
        own,
        scaled,
        predictions: Arc::new(predictions),
    })
}
