//! What every run does around its work: a name, its first and last event, a log of its scans.

use serde_json::Value;

use super::recorder::{Patience, Recorder};
use super::{Divided, Settings};
use crate::error::{ErrorKind, Result};
use crate::estimator::Estimator;
use crate::learn::{Plan, Scan, ScanLog};
use crate::metric::{Confusion, MetricSpread, Metrics};
use crate::model::Pipeline;
use crate::source::Outline;
use crate::tracker::{RunInfo, Started, Status, Surroundings, Tracker, What, new_id};
use crate::transform::Invert;

use super::divide::Division;

/// What is known of a run whatever it gives.
pub(super) struct Session {
    pub(super) id: String,
    pub(super) scans: Vec<Scan>,
    /// What the tracker lost.
    pub(super) lost: Vec<String>,
}

/// Runs `work` between the first and the last event of a run.
pub(super) fn recorded<K: Tracker, R>(
    tracker: &K,
    settings: &Settings,
    started: What,
    work: impl FnOnce(&mut ScanLog, &mut Recorder<'_, K>) -> Result<R>,
) -> Result<(Session, R)> {
    let ended = |_: &R| Status::Finished;
    let own = (new_id(), &Patience::default());
    recorded_as(own, tracker, settings, started, work, ended)
}

/// As [`recorded`], of a run that has a name and shares its patience with others, and of work that
/// tells how it ended.
pub(super) fn recorded_as<K: Tracker, R>(
    (id, patience): (String, &Patience),
    tracker: &K,
    settings: &Settings,
    started: What,
    work: impl FnOnce(&mut ScanLog, &mut Recorder<'_, K>) -> Result<R>,
    ended: impl FnOnce(&R) -> Status,
) -> Result<(Session, R)> {
    let span = tracing::info_span!("floe.run", run = %id);
    let _entered = span.enter();
    let mut recorder = Recorder::new(&id, tracker, patience);
    if let Err(error) = recorder.record(started) {
        // Part of it may be there, or a neighbour has all of it: a run that does not run has ended.
        let (status, said) = (Status::Failed, Some(error.to_string()));
        let ended = recorder.record(What::Finished {
            status,
            error: said,
        });
        let _ = ended.and_then(|()| recorder.flush());
        return Err(error);
    }
    let mut log = ScanLog::new(&settings.cancel);
    let done = work(&mut log, &mut recorder);
    let (status, error) = match &done {
        Ok(done) => (ended(done), None),
        Err(error) if error.kind() == ErrorKind::Cancelled => (Status::Cancelled, None),
        Err(error) => (Status::Failed, Some(error.to_string())),
    };
    let last = recorder
        .record(What::Finished { status, error })
        .and_then(|()| recorder.flush());
    let done = done?;
    last?;
    let lost = recorder.lost();
    let scans = log.scans;
    Ok((Session { id, scans, lost }, done))
}

/// The first event of a run.
pub(super) fn started<D: Division, P: Plan, T: Plan, E: Estimator, K: Tracker>(
    divided: &Divided<D, P, T>,
    estimator: &E,
    outline: &Outline,
    (tracker, settings): (&K, &Settings),
) -> What {
    let mut started = chain(divided, estimator, &outline.tags);
    started.tell(&settings.info);
    started.surroundings = surroundings(tracker);
    What::Started(Box::new(started))
}

/// Who runs it and where, if anybody is told.
pub(super) fn surroundings(tracker: &impl Tracker) -> Option<Surroundings> {
    (!tracker.is_idle()).then(Surroundings::here)
}

/// What is known of a chain before a row is read.
pub(super) fn chain<D: Division, P: Plan, T: Plan, E: Estimator>(
    divided: &Divided<D, P, T>,
    estimator: &E,
    tags: &[String],
) -> Started {
    let mut steps = Vec::new();
    divided.steps.labels(&mut steps);
    let mut target_steps = Vec::new();
    divided.target_steps.labels(&mut target_steps);
    let mut started = Started::new(&RunInfo::new());
    // Whole: a label for messages is cut, and here nothing need be.
    started.source = format!("{:?}", divided.division);
    started.split = divided.division.describe();
    started.seed = started.split.get("seed").and_then(Value::as_u64);
    started.steps = steps;
    started.target_steps = target_steps;
    started.estimator = format!("{estimator:?}");
    started.tags = tags.to_vec();
    started
}

/// Records what the fit of each step found.
pub(super) fn record_steps<D, P: Plan, T: Plan, K: Tracker>(
    recorder: &mut Recorder<'_, K>,
    divided: &Divided<D, P, T>,
    fitted: &Pipeline<P::Fitted, T::Fitted>,
    fold: Option<usize>,
) -> Result<()>
where
    T::Fitted: Invert,
{
    let (mut steps, mut target_steps) = (Vec::new(), Vec::new());
    divided.steps.labels(&mut steps);
    divided.target_steps.labels(&mut target_steps);
    let sides = [steps, target_steps].into_iter().zip(fitted.reports());
    for ((labels, reports), on_target) in sides.zip([false, true]) {
        for (index, (step, report)) in labels.into_iter().zip(reports).enumerate() {
            if !report.is_null() {
                recorder.record(What::StepFitted {
                    step,
                    index,
                    on_target,
                    fold,
                    report,
                })?;
            }
        }
    }
    Ok(())
}

/// Records the metrics of one side or of one fold.
pub(super) fn record_metrics<K: Tracker>(
    recorder: &mut Recorder<'_, K>,
    prefix: &str,
    metrics: &Metrics,
    step: i64,
) -> Result<()> {
    let metrics = metrics.iter().map(|metric| What::Metric {
        name: format!("{prefix}{}", metric.name),
        value: metric.value,
        reason: metric.reason.clone(),
        step,
    });
    recorder.record_all(metrics)
}

/// Records the metrics of each fold, and the mean and deviation of each over the folds.
pub(super) fn record_folds<K: Tracker>(
    recorder: &mut Recorder<'_, K>,
    folds: &[Metrics],
) -> Result<()> {
    for (fold, metrics) in (0..).zip(folds) {
        record_metrics(recorder, "", metrics, fold)?;
    }
    let spreads = MetricSpread::all(folds).into_iter().flat_map(|spread| {
        [("mean", spread.mean), ("std", spread.std)].map(|(which, value)| What::Metric {
            name: format!("{}_{which}", spread.name),
            value: Some(value),
            reason: None,
            step: 0,
        })
    });
    recorder.record_all(spreads)
}

/// Records what a person should know, and the scans that were made.
pub(super) fn record_work<K: Tracker>(
    recorder: &mut Recorder<'_, K>,
    log: &ScanLog,
    warnings: &[String],
) -> Result<()> {
    let scans = log
        .scans
        .iter()
        .enumerate()
        .map(|(index, scan)| What::Scanned {
            purpose: scan.purpose.clone(),
            rows: scan.rows,
            milliseconds: scan.elapsed.as_secs_f64() * 1e3,
            index,
        });
    let warnings = warnings.iter().enumerate();
    let warnings = warnings.map(|(index, message)| What::Warning {
        message: message.clone(),
        index,
    });
    recorder.record_all(scans.chain(warnings))
}

/// What to tell of rows that were not scored.
pub(super) fn unscored(side: &str, metrics: &Metrics, warnings: &mut Vec<String>) {
    if metrics.rows() + metrics.skipped() == 0 {
        warnings.push(format!("there are no {side} rows, so nothing was scored"));
    }
    if metrics.skipped() > 0 {
        warnings.push(format!(
            "{} of the {side} rows have no truth or no prediction and were not scored",
            metrics.skipped()
        ));
    }
    let unseen = metrics.confusion().map_or(0, Confusion::unseen);
    if unseen > 0 {
        warnings.push(format!(
            "{unseen} of the {side} rows are of a class that the model did not learn: they count as \
             errors"
        ));
    }
}
