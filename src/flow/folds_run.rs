use std::fmt;
use std::sync::Arc;

use polars::prelude::{DataType, IntoColumn, LazyFrame};

use super::divide::{Division, Folds};
use super::recorder::Recorder;
use super::score_folds::{Scored, score};
use super::{Divided, Settings, Taught, fit, session};
use crate::error::{Error, ErrorKind, Result};
use crate::estimator::{Estimator, PREDICTION, Predict};
use crate::frame::{Frame, PartSet, RowSet, Test, Train};
use crate::learn::{Plan, Scan, ScanLog};
use crate::metric::{MetricSpread, Metrics};
use crate::model::{Facts, Model};
use crate::schema::{ROW, Schema, column};
use crate::source::Outline;
use crate::splitter::Fold;
use crate::tracker::{Tracker, What};
use crate::transform::{Apply, Artifact, Invert, Persist};

/// What a run over folds gives: a model a fold, its score on the rows of that fold, and a prediction
/// of every row by the model that did not learn from it.
pub struct FoldsRun<P, T, M> {
    id: String,
    models: Vec<Model<P, T, M>>,
    refitted: Option<Model<P, T, M>>,
    scored: Scored,
    rows: RowSet,
    folds: Vec<Fold>,
    schema: Schema,
    scans: Vec<Scan>,
    warnings: Vec<String>,
}

impl<P, T, M> FoldsRun<P, T, M>
where
    P: Apply + Persist,
    T: Invert + Persist,
    M: Predict + Artifact,
{
    /// The name of the run: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The model of each fold: it learned from the train rows of the fold, which for most
    /// splitters are those of all other folds.
    pub fn models(&self) -> &[Model<P, T, M>] {
        &self.models
    }

    /// The model of all rows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] unless the folds were asked to [`refit`](crate::splitter::KFold::refit):
    /// none of the models of the folds is *the* model.
    pub fn model(&self) -> Result<&Model<P, T, M>> {
        self.refitted.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                format!("there are {} models, one a fold", self.models.len()),
            )
            .with_help(
                "ask for one of all rows with `KFold::new(5).refit()`, or take one of `models()`",
            )
        })
    }

    /// The metrics of each fold, in the target's own units.
    pub fn metrics(&self) -> &[Metrics] {
        &self.scored.own
    }

    /// The metrics of each fold in the units that the models learned in, after the steps on the
    /// target. Without such steps they are the same.
    pub fn scaled_metrics(&self) -> &[Metrics] {
        &self.scored.scaled
    }

    /// One metric over the folds: mean and deviation; none where no fold defines it.
    pub fn metric(&self, name: &str) -> Option<MetricSpread> {
        MetricSpread::of(name, &self.scored.own)
    }

    /// Every metric over the folds.
    pub fn summary(&self) -> Vec<MetricSpread> {
        MetricSpread::all(&self.scored.own)
    }

    /// The rows that the model of a fold learned from, as the source has them; none where there is
    /// no such fold.
    pub fn train(&self, fold: usize) -> Frame<Train> {
        let learns = self.folds.get(fold).map(|fold| &fold.train);
        let rows = self.rows.only(learns.unwrap_or(&PartSet::default()));
        Frame::new(rows, self.schema.clone())
    }

    /// The rows that the model of a fold is scored on, as the source has them; none where there is
    /// no such fold.
    pub fn test(&self, fold: usize) -> Frame<Test> {
        let test = self.folds.get(fold).map(|fold| &fold.test);
        let rows = self.rows.only(test.unwrap_or(&PartSet::default()));
        Frame::new(rows.frame, self.schema.clone())
    }

    /// Every row as the source has it, in its order, with the column `prediction` of the model that
    /// did not learn from it (out-of-fold predictions). A column of the rows that is itself named
    /// `prediction` is replaced.
    ///
    /// The prediction is null for a row that no model is scored on, such as one of the first block
    /// of a split in order of time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] when the rows cannot be read.
    pub fn predictions(&self) -> Result<LazyFrame> {
        let of_row = Arc::clone(&self.scored.predictions);
        let prediction = column(ROW).map(
            move |rows| of_row.of_rows(&rows).map(IntoColumn::into_column),
            |_, _| {
                Ok(polars::prelude::Field::new(
                    PREDICTION.into(),
                    DataType::Float64,
                ))
            },
        );
        let frame = self.rows.frame.clone();
        let frame = frame.with_columns([prediction.alias(HIDDEN_PREDICTION)]);
        let names = self.schema.names().filter(|name| *name != PREDICTION);
        let mut columns: Vec<_> = names.cloned().map(column).collect();
        columns.push(column(HIDDEN_PREDICTION).alias(PREDICTION));
        Ok(frame.select(columns))
    }

    /// The scans that were made, in order.
    pub fn scans(&self) -> &[Scan] {
        &self.scans
    }

    /// What a person should know: columns without values, rows that were not scored, events that
    /// a tracker lost.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Declared leaks and the like.
    pub fn tags(&self) -> &[String] {
        self.models.first().map_or(&[], Model::tags)
    }
}

const HIDDEN_PREDICTION: &str = "__floe_prediction";

impl<P: fmt::Debug, T: fmt::Debug, M: fmt::Debug> fmt::Debug for FoldsRun<P, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoldsRun")
            .field("id", &self.id)
            .field("models", &self.models)
            .field("metrics", &self.scored.own)
            .finish_non_exhaustive()
    }
}

pub(crate) type FoldsRunOf<P, T, E> =
    FoldsRun<<P as Plan>::Fitted, <T as Plan>::Fitted, <E as Estimator>::Model>;

pub(crate) fn run<D, P, T, E, K>(
    taught: &Taught<D, P, T, E, K>,
    settings: &Settings,
) -> Result<FoldsRunOf<P, T, E>>
where
    D: Division,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
    K: Tracker,
{
    let Taught {
        divided,
        estimator,
        tracker,
    } = taught;
    let (schema, outline) = fit::prepared(divided, estimator, settings)?;
    let started = session::started(divided, estimator, &outline);
    let (session, mut run) = session::recorded(tracker, settings, started, |log, recorder| {
        let run = execute(divided, estimator, settings, &schema, &outline, log)?;
        let refitted = run.refitted.iter().map(|model| (None, model));
        let folds = run.models.iter().enumerate();
        for (fold, model) in folds.map(|(at, model)| (Some(at), model)).chain(refitted) {
            session::record_steps(recorder, divided, &model.pipeline, fold)?;
        }
        report(&run, log, recorder)?;
        Ok(run)
    })?;
    run.id = session.id;
    run.scans = session.scans;
    run.warnings.extend(session.lost);
    Ok(run)
}

fn execute<D, P, T, E>(
    divided: &Divided<D, P, T>,
    estimator: &E,
    settings: &Settings,
    schema: &Schema,
    outline: &Outline,
    log: &mut ScanLog,
) -> Result<FoldsRunOf<P, T, E>>
where
    D: Division,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
{
    let Folds { rows, each, refit } = divided.division.open(outline, log)?.folds()?;
    let count = each.len();
    let learns = each.iter().map(|fold| fold.train.clone());
    let learns = learns.enumerate().map(|(fold, of)| (Some(fold), of));
    let all = PartSet::all(rows.parts.unwrap_or(1));
    let learns = learns.chain(refit.then_some((None, all)));
    let fitted = fit::fit_folds(divided, estimator, schema, &rows, learns, log)?;
    let models = fitted.into_iter().enumerate().map(|(at, fitted)| {
        let (pipeline, predictor) = fitted;
        let mut facts = Facts {
            split: divided.division.describe(),
            tags: outline.tags.clone(),
            metrics: None,
        };
        if at < count {
            facts.split["fold"] = at.into();
        } else {
            facts
                .tags
                .push("fitted on the rows of all folds".to_owned());
        }
        Model {
            pipeline,
            predictor,
            facts,
        }
    });
    let mut models: Vec<_> = models.collect();
    let refitted = models.drain(count..).next();
    let scored = score(&models, &rows, &each, settings.metrics, log)?;
    let mut warnings = Vec::new();
    for (fold, (model, metrics)) in models.iter_mut().zip(&scored.own).enumerate() {
        let mut found = model.warnings();
        session::unscored("test", metrics, &mut found);
        warnings.extend(
            found
                .into_iter()
                .map(|warning| format!("fold {fold}: {warning}")),
        );
        model.facts.metrics = Some(metrics.clone());
    }
    Ok(FoldsRun {
        id: String::new(),
        models,
        refitted,
        scored,
        rows,
        folds: each,
        schema: schema.clone(),
        scans: Vec::new(),
        warnings,
    })
}

fn report<P, T, M: Predict, K: Tracker>(
    run: &FoldsRun<P, T, M>,
    log: &ScanLog,
    recorder: &mut Recorder<'_, K>,
) -> Result<()> {
    for (fold, model) in run.models.iter().enumerate() {
        let mut report = model.predictor.report();
        if let Some(facts) = report.as_object_mut() {
            facts.insert("fold".to_owned(), fold.into());
        }
        recorder.record(What::Fitted { report })?;
    }
    if let Some(model) = &run.refitted {
        let report = model.predictor.report();
        recorder.record(What::Fitted { report })?;
    }
    for (fold, metrics) in (0..).zip(&run.scored.own) {
        session::record_metrics(recorder, "", metrics, fold)?;
    }
    for spread in MetricSpread::all(&run.scored.own) {
        for (which, value) in [("mean", spread.mean), ("std", spread.std)] {
            recorder.record(What::Metric {
                name: format!("{}_{which}", spread.name),
                value: Some(value),
                reason: None,
                step: 0,
            })?;
        }
    }
    session::record_work(recorder, log, &run.warnings)
}
