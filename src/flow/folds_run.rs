use std::fmt;
use std::sync::Arc;

use polars::prelude::{LazyFrame, PlSmallStr};

use super::divide::{Division, Folds};
use super::recorder::Recorder;
use super::score_folds::{Scored, score};
use super::{Divided, Settings, Taught, fit, provenance, scoring, session};
use crate::error::{Error, ErrorKind, Result};
use crate::estimator::{Estimator, Predict};
use crate::frame::{Frame, PartSet, RowSet, Test, Train};
use crate::learn::{Plan, Scan, ScanLog, stuck};
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
    /// The folds of all repeats but the first.
    later: Vec<Folds>,
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
    /// splitters are those of all other folds. Those of one repeat come after those of the other.
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
        let rows = match self.dealt(fold) {
            Some((rows, fold)) => rows.only(&fold.train),
            None => self.rows.only(&PartSet::default()),
        };
        Frame::new(rows, self.schema.clone())
    }

    /// The rows that the model of a fold is scored on, as the source has them; none where there is
    /// no such fold.
    pub fn test(&self, fold: usize) -> Frame<Test> {
        let rows = match self.dealt(fold) {
            Some((rows, fold)) => rows.only(&fold.test),
            None => self.rows.only(&PartSet::default()),
        };
        Frame::new(rows.frame, self.schema.clone())
    }

    /// A fold of any repeat, with the rows as they are dealt there.
    fn dealt(&self, fold: usize) -> Option<(&RowSet, &Fold)> {
        let first = self.folds.iter().map(|fold| (&self.rows, fold));
        let later = self.later.iter();
        let later = later.flat_map(|deal| deal.each.iter().map(|fold| (&deal.rows, fold)));
        first.chain(later).nth(fold)
    }

    /// Every row as the source has it, in its order, with the column `prediction` of the model that
    /// did not learn from it (out-of-fold predictions), and with classes a column of probabilities
    /// for each class of any fold. A column of the rows that is itself named so is replaced.
    ///
    /// They are null for a row that no model is scored on, such as one of the first block of a split
    /// in order of time. Where the folds are repeated, they are those of the first repeat. A class
    /// that the model of a fold did not learn, since none of its train rows is of it, has probability
    /// 0 there, as in scikit-learn's `cross_val_predict`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] when the rows cannot be read.
    pub fn predictions(&self) -> Result<LazyFrame> {
        let found = &self.scored.predictions;
        let added = found.fields().iter().map(|field| {
            let (found, field, of) = (Arc::clone(found), field.clone(), field.name().clone());
            let hidden = hidden_name(&of);
            let column = column(ROW).map(
                move |rows| found.of_rows(&of, &rows),
                move |_, _| Ok(field.clone()),
            );
            column.alias(hidden)
        });
        let frame = self.rows.frame.clone();
        let frame = frame.with_columns(added.collect::<Vec<_>>());
        let added: Vec<_> = found.fields().iter().map(|field| field.name()).collect();
        let names = self.schema.names().filter(|name| !added.contains(name));
        let mut columns: Vec<_> = names.cloned().map(column).collect();
        columns.extend(
            added
                .iter()
                .map(|name| column(hidden_name(name)).alias((*name).clone())),
        );
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

/// Beside the columns of the rows, of which one may have the same name.
fn hidden_name(added: &str) -> PlSmallStr {
    format!("__floe_out_of_fold:{added}").into()
}

impl<P: fmt::Debug, T: fmt::Debug, M: fmt::Debug> fmt::Debug for FoldsRun<P, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoldsRun")
            .field("id", &self.id)
            .field("models", &self.models)
            .field("metrics", &self.scored.own)
            .finish_non_exhaustive()
    }
}

impl<P, T, M> FoldsRun<P, T, M> {
    /// Says in which repeat it was.
    fn repeat(mut self, repeat: usize) -> Self {
        for model in &mut self.models {
            model.facts.split["repeat"] = repeat.into();
        }
        for warning in &mut self.warnings {
            *warning = format!("repeat {repeat}, {warning}");
        }
        self
    }

    /// Adds the folds of the next repeat. Its predictions are not kept.
    fn join(mut self, next: Self) -> Self {
        self.models.extend(next.models);
        self.scored.own.extend(next.scored.own);
        self.scored.scaled.extend(next.scored.scaled);
        self.warnings.extend(next.warnings);
        self.later.push(Folds {
            rows: next.rows,
            each: next.folds,
            refit: false,
        });
        self
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
    let told = (tracker, settings);
    let started = session::started(divided, estimator, &outline, told);
    let (session, mut run) = session::recorded(tracker, settings, started, |log, recorder| {
        let opened = divided.division.open(&outline, log)?.repeats()?;
        let several = opened.len() > 1;
        let mut runs = Vec::with_capacity(opened.len());
        for (repeat, folds) in opened.into_iter().enumerate() {
            let run = execute(
                divided,
                estimator,
                settings,
                (&schema, &outline),
                folds,
                log,
            );
            runs.push(if several {
                run.map_err(|error| error.in_repeat(repeat))?.repeat(repeat)
            } else {
                run?
            });
        }
        let joined = runs.into_iter().reduce(FoldsRun::join);
        let run = joined.ok_or_else(stuck)?;
        let refitted = run.refitted.iter().map(|model| (None, model));
        let folds = run.models.iter().enumerate();
        for (fold, model) in folds.map(|(at, model)| (Some(at), model)).chain(refitted) {
            session::record_steps(recorder, divided, &model.pipeline, fold)?;
        }
        let roles = [("training", provenance::learned_rows(log))];
        provenance::record_datasets(recorder, divided, &schema, &roles)?;
        report(&run, log, recorder)?;
        if let Some(model) = &run.refitted {
            let rows = &run.rows.frame;
            provenance::record_model(recorder, model, &settings.info, rows, &schema)?;
        }
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
    (schema, outline): (&Schema, &Outline),
    folds: Folds,
    log: &mut ScanLog,
) -> Result<FoldsRunOf<P, T, E>>
where
    D: Division,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
{
    let Folds { rows, each, refit } = folds;
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
            weight: scoring::weight(schema),
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
    let scored = score(&models, &rows, &each, &settings.scoring, log)?;
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
        later: Vec::new(),
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
        recorder.record(What::Fitted {
            fold: Some(fold),
            report: model.predictor.report(),
        })?;
    }
    if let Some(model) = &run.refitted {
        let report = model.predictor.report();
        recorder.record(What::Fitted { fold: None, report })?;
    }
    session::record_folds(recorder, &run.scored.own)?;
    session::record_work(recorder, log, &run.warnings)
}
