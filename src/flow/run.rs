use std::fmt;

use polars::prelude::LazyFrame;

use super::divide::{Division, Sides};
use super::recorder::Recorder;
use super::{Divided, Settings, Taught, fit, provenance, scoring, session};
use crate::error::Result;
use crate::estimator::{Estimator, Predict};
use crate::frame::{Frame, Test, Train};
use crate::learn::{Plan, Scan, ScanLog};
use crate::metric::Metrics;
use crate::model::{Facts, Judge, Model, Scores};
use crate::schema::Schema;
use crate::source::Outline;
use crate::tracker::{Tracker, What};
use crate::transform::{Apply, Artifact, Invert, Persist};

/// What a run gives: the model, its score on the test rows, both sides of the split, and what it
/// took to get there.
pub struct Run<P, T, M> {
    id: String,
    model: Model<P, T, M>,
    test_scores: Scores,
    validation_scores: Option<Scores>,
    train: Frame<Train>,
    test: Frame<Test>,
    validation: Option<Frame<Test>>,
    scans: Vec<Scan>,
    warnings: Vec<String>,
}

impl<P, T, M> Run<P, T, M>
where
    P: Apply + Persist,
    T: Invert + Persist,
    M: Predict + Artifact,
{
    /// The name of the run: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The model.
    pub fn model(&self) -> &Model<P, T, M> {
        &self.model
    }

    /// The metrics of the test rows, in the target's own units.
    pub fn metrics(&self) -> &Metrics {
        &self.test_scores.own
    }

    /// The metrics of the validation rows, in the target's own units, where the split keeps some:
    /// what to choose by, while the test rows are for the end.
    pub fn validation_metrics(&self) -> Option<&Metrics> {
        self.validation_scores.as_ref().map(|scores| &scores.own)
    }

    /// The metrics of the test rows in the units that the model learned in, after the steps on the
    /// target. Without such steps they are the same.
    pub fn scaled_metrics(&self) -> &Metrics {
        &self.test_scores.scaled
    }

    /// The train rows as the source has them.
    pub fn train(&self) -> &Frame<Train> {
        &self.train
    }

    /// The test rows as the source has them.
    pub fn test(&self) -> &Frame<Test> {
        &self.test
    }

    /// The validation rows as the source has them, where the split keeps some.
    pub fn validation(&self) -> Option<&Frame<Test>> {
        self.validation.as_ref()
    }

    /// The test rows with the column `prediction`, and with classes the probability of each.
    ///
    /// # Errors
    ///
    /// As [`Model::predict`].
    pub fn predictions(&self) -> Result<LazyFrame> {
        self.model.predict(self.test.lazy())
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
        self.model.tags()
    }
}

impl<P: fmt::Debug, T: fmt::Debug, M: fmt::Debug> fmt::Debug for Run<P, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.id)
            .field("model", &self.model)
            .field("metrics", &self.test_scores.own)
            .finish_non_exhaustive()
    }
}

pub(crate) type RunOf<P, T, E> =
    Run<<P as Plan>::Fitted, <T as Plan>::Fitted, <E as Estimator>::Model>;

pub(crate) fn run<D, P, T, E, K>(
    taught: &Taught<D, P, T, E, K>,
    settings: &Settings,
) -> Result<RunOf<P, T, E>>
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
    let (session, done) = session::recorded(tracker, settings, started, |log, recorder| {
        let sides = divided.division.open(&outline, log)?.sides()?;
        let done = execute(divided, estimator, settings, &schema, &outline, sides, log)?;
        session::record_steps(recorder, divided, &done.model.pipeline, None)?;
        let mut roles = vec![("training", provenance::learned_rows(log))];
        let scored = |metrics: &Metrics| Some(metrics.rows() + metrics.skipped());
        if let Some(scores) = &done.validation_scores {
            roles.push(("validation", scored(&scores.own)));
        }
        roles.push(("testing", scored(&done.test_scores.own)));
        provenance::record_datasets(recorder, divided, &schema, &roles)?;
        report(&done, log, recorder)?;
        let train = &done.sides.train.frame;
        provenance::record_model(recorder, &done.model, &settings.info, train, &schema)?;
        Ok(done)
    })?;
    let mut run = done.run(schema);
    run.id = session.id;
    run.scans = session.scans;
    run.warnings.extend(session.lost);
    Ok(run)
}

/// A run on rows that are opened already, as part of a larger one: it has no events, no name and no
/// scans of its own.
pub(super) fn run_on<D, P, T, E>(
    taught: &Taught<D, P, T, E, ()>,
    settings: &Settings,
    sides: Sides,
    schema: &Schema,
    outline: &Outline,
    log: &mut ScanLog,
) -> Result<RunOf<P, T, E>>
where
    D: Division,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
{
    let Taught {
        divided, estimator, ..
    } = taught;
    let done = execute(divided, estimator, settings, schema, outline, sides, log)?;
    Ok(done.run(schema.clone()))
}

impl<P, T, M> Done<P, T, M> {
    fn run(self, schema: Schema) -> Run<P, T, M> {
        let Sides {
            train,
            test,
            validation,
        } = self.sides;
        Run {
            id: String::new(),
            train: Frame::new(train, schema.clone()),
            test: Frame::new(test, schema.clone()),
            validation: validation.map(|rows| Frame::new(rows, schema)),
            model: self.model,
            test_scores: self.test_scores,
            validation_scores: self.validation_scores,
            scans: Vec::new(),
            warnings: self.warnings,
        }
    }
}

/// What the work itself gives, before it is told to the tracker.
struct Done<P, T, M> {
    sides: Sides,
    model: Model<P, T, M>,
    test_scores: Scores,
    validation_scores: Option<Scores>,
    warnings: Vec<String>,
}

fn execute<D, P, T, E>(
    divided: &Divided<D, P, T>,
    estimator: &E,
    settings: &Settings,
    schema: &Schema,
    outline: &Outline,
    sides: Sides,
    log: &mut ScanLog,
) -> Result<Done<P::Fitted, T::Fitted, E::Model>>
where
    D: Division,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
{
    let (pipeline, predictor) = fit::fit_model(divided, estimator, schema, &sides.train, log)?;
    let mut model = Model {
        pipeline,
        predictor,
        facts: Facts {
            split: divided.division.describe(),
            tags: outline.tags.clone(),
            metrics: None,
            weight: scoring::weight(schema),
        },
    };
    let mut warnings = model.warnings();
    let mut score = |side: &str, rows: &LazyFrame| -> Result<Scores> {
        let scored = Judge::new(&model, &settings.scoring)?.score(rows.clone(), log)?;
        session::unscored(side, &scored.own, &mut warnings);
        Ok(scored)
    };
    let validation_scores = match &sides.validation {
        Some(rows) => Some(score("validation", rows)?),
        None => None,
    };
    let test_scores = score("test", &sides.test)?;
    model.facts.metrics = Some(test_scores.own.clone());
    Ok(Done {
        sides,
        model,
        test_scores,
        validation_scores,
        warnings,
    })
}

fn report<P, T, M: Predict, K: Tracker>(
    done: &Done<P, T, M>,
    log: &ScanLog,
    recorder: &mut Recorder<'_, K>,
) -> Result<()> {
    recorder.record(What::Fitted {
        fold: None,
        report: done.model.predictor.report(),
    })?;
    if let Some(scores) = &done.validation_scores {
        session::record_metrics(recorder, "validation_", &scores.own, 0)?;
    }
    session::record_metrics(recorder, "", &done.test_scores.own, 0)?;
    session::record_work(recorder, log, &done.warnings)
}
