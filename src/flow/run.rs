use std::fmt;

use polars::prelude::LazyFrame;

use super::divide::{Division, Sides};
use super::recorder::Recorder;
use super::{Divided, Settings, Taught, fit};
use crate::error::{ErrorKind, Result, label};
use crate::estimator::{Estimator, Predict};
use crate::frame::{Frame, Test, Train};
use crate::learn::{Plan, Scan, ScanLog};
use crate::metric::Metrics;
use crate::model::{Facts, Model};
use crate::schema::Schema;
use crate::source::Outline;
use crate::tracker::{Status, Tracker, What};
use crate::transform::{Apply, Artifact, Invert, Persist};

/// What a run gives: the model, its score on the test rows, both sides of the split, and what it
/// took to get there.
pub struct Run<P, T, M> {
    id: String,
    model: Model<P, T, M>,
    metrics: Metrics,
    scaled_metrics: Metrics,
    train: Frame<Train>,
    test: Frame<Test>,
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
        &self.metrics
    }

    /// The metrics of the test rows in the units that the model learned in, after the steps on the
    /// target. Without such steps they are the same.
    pub fn scaled_metrics(&self) -> &Metrics {
        &self.scaled_metrics
    }

    /// The train rows as the source has them.
    pub fn train(&self) -> &Frame<Train> {
        &self.train
    }

    /// The test rows as the source has them.
    pub fn test(&self) -> &Frame<Test> {
        &self.test
    }

    /// The test rows with the column `prediction`.
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
            .field("metrics", &self.metrics)
            .finish_non_exhaustive()
    }
}

type RunOf<P, T, E> = Run<<P as Plan>::Fitted, <T as Plan>::Fitted, <E as Estimator>::Model>;

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
    let id = format!("{:032x}", rand::random::<u128>());
    let span = tracing::info_span!("floe.run", run = %id);
    let _entered = span.enter();
    let mut recorder = Recorder::new(&id, tracker);
    recorder.record(started(divided, estimator, &outline))?;
    let mut log = ScanLog::new(&settings.cancel);
    let done = execute(divided, estimator, settings, &schema, &outline, &mut log)
        .and_then(|done| report(&done, &log, &mut recorder).map(|()| done));
    let finished = match &done {
        Ok(_) => (Status::Finished, None),
        Err(error) if error.kind() == ErrorKind::Cancelled => (Status::Cancelled, None),
        Err(error) => (Status::Failed, Some(error.to_string())),
    };
    let last = recorder
        .record(What::Finished {
            status: finished.0,
            error: finished.1,
        })
        .and_then(|()| recorder.flush());
    let mut done = done?;
    last?;
    done.warnings.extend(recorder.lost());
    Ok(Run {
        id,
        train: Frame::new(done.sides.train, schema.clone()),
        test: Frame::new(done.sides.test, schema),
        model: done.model,
        metrics: done.metrics,
        scaled_metrics: done.scaled_metrics,
        scans: log.scans,
        warnings: done.warnings,
    })
}

/// What the work itself gives, before it is told to the tracker.
struct Done<P, T, M> {
    sides: Sides,
    model: Model<P, T, M>,
    metrics: Metrics,
    scaled_metrics: Metrics,
    warnings: Vec<String>,
}

fn execute<D, P, T, E>(
    divided: &Divided<D, P, T>,
    estimator: &E,
    settings: &Settings,
    schema: &Schema,
    outline: &Outline,
    log: &mut ScanLog,
) -> Result<Done<P::Fitted, T::Fitted, E::Model>>
where
    D: Division,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
{
    let sides = divided.division.open(outline, log)?;
    let (pipeline, predictor) = fit::fit_model(divided, estimator, schema, &sides.train, log)?;
    let mut model = Model {
        pipeline,
        predictor,
        facts: Facts {
            split: divided.division.describe(),
            tags: outline.tags.clone(),
            metrics: None,
        },
    };
    let scored = model.score(sides.test.clone(), settings.metrics, log)?;
    let mut scored = scored.into_iter();
    let metrics = scored.next().unwrap_or_default();
    let scaled_metrics = scored.next().unwrap_or_default();
    let mut warnings = model.warnings();
    if metrics.rows() + metrics.skipped() == 0 {
        warnings.push("there are no test rows, so nothing was scored".to_owned());
    }
    if metrics.skipped() > 0 {
        warnings.push(format!(
            "{} of the test rows have no truth or no prediction and were not scored",
            metrics.skipped()
        ));
    }
    model.facts.metrics = Some(metrics.clone());
    Ok(Done {
        sides,
        model,
        metrics,
        scaled_metrics,
        warnings,
    })
}

fn started<D: Division, P: Plan, T: Plan, E: Estimator>(
    divided: &Divided<D, P, T>,
    estimator: &E,
    outline: &Outline,
) -> What {
    let mut steps = Vec::new();
    divided.steps.labels(&mut steps);
    let mut target_steps = Vec::new();
    divided.target_steps.labels(&mut target_steps);
    What::Started {
        floe: env!("CARGO_PKG_VERSION").to_owned(),
        source: label(&divided.division),
        split: divided.division.describe(),
        steps,
        target_steps,
        estimator: label(estimator),
        tags: outline.tags.clone(),
    }
}

fn report<P, T, M: Predict, K: Tracker>(
    done: &Done<P, T, M>,
    log: &ScanLog,
    recorder: &mut Recorder<'_, K>,
) -> Result<()> {
    recorder.record(What::Fitted {
        report: done.model.predictor.report(),
    })?;
    for metric in done.metrics.iter() {
        recorder.record(What::Metric {
            name: metric.name.clone(),
            value: metric.value,
            reason: metric.reason.clone(),
            step: 0,
        })?;
    }
    for scan in &log.scans {
        recorder.record(What::Scanned {
            purpose: scan.purpose.clone(),
            rows: scan.rows,
            milliseconds: scan.elapsed.as_secs_f64() * 1e3,
        })?;
    }
    for warning in &done.warnings {
        recorder.record(What::Warning {
            message: warning.clone(),
        })?;
    }
    Ok(())
}
