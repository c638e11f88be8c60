//! A sweep on its way: learn together, judge each, fit the best one again.

use serde_json::json;

use super::candidates::Candidate;
use super::judge::Judging;
use super::{Prepared, Study, Sweep, Tried};
use crate::error::{Error, ErrorKind, Result, label, listed};
use crate::estimator::Estimator;
use crate::flow::divide::{Division, HasTest, HasTrain, dealt};
use crate::flow::recorder::{Patience, Recorder};
use crate::flow::run::{self, RunOf};
use crate::flow::states::Divided;
use crate::flow::{fit, provenance, scoring, session};
use crate::learn::{Plan, ScanLog};
use crate::metric::{Metrics, is_loss};
use crate::splitter::{FoldSplitter, Rows};
use crate::tracker::{Started, Status, Tracker, What, new_id};
use crate::transform::Invert;

pub(super) fn run<D, P0, T0, F, C, B, K, P, T, E>(
    sweep: &Sweep<Divided<D, P0, T0>, F, C, B, K>,
    prepared: Prepared<D, P, T, E>,
) -> Result<Study<C, RunOf<P, T, E>>>
where
    D: HasTest + HasTrain,
    F: FoldSplitter,
    C: Clone + Send + Sync,
    K: Tracker,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
{
    let settings = &sweep.base.settings;
    let started = started(sweep, &prepared);
    let id = new_id();
    let name = id.clone();
    let work = |log: &mut ScanLog, recorder: &mut Recorder<'_, K>| {
        let study = execute(sweep, &prepared, &name, log)?;
        if let (Some(run), Some(best)) = (&study.best_run, study.tried.first()) {
            let flow = &prepared.flows[best.at].state;
            let schema = &prepared.schema;
            let roles = [
                ("training", provenance::learned_rows(log)),
                ("testing", None),
            ];
            provenance::record_datasets(recorder, &flow.divided, schema, &roles)?;
            session::record_metrics(recorder, "", run.metrics(), 0)?;
            let (model, train) = (run.model(), run.train().lazy());
            provenance::record_model(recorder, model, &settings.info, &train, schema)?;
        }
        session::record_work(recorder, log, &study.warnings)?;
        Ok(study)
    };
    let status = |study: &Study<_, _>| {
        if study.cancelled {
            Status::Cancelled
        } else {
            Status::Finished
        }
    };
    let (session, mut study) = session::recorded_as(
        (id, &Patience::default()),
        &sweep.tracker,
        settings,
        started,
        work,
        status,
    )?;
    study.id = session.id;
    study.scans = session.scans;
    study.warnings.extend(session.lost);
    Ok(study)
}

/// The first event of a sweep.
fn started<D: Division, S, F: FoldSplitter, C, B, K: Tracker, P: Plan, T: Plan, E>(
    sweep: &Sweep<S, F, C, B, K>,
    prepared: &Prepared<D, P, T, E>,
) -> What {
    let division = prepared
        .flows
        .first()
        .map(|flow| &flow.state.divided.division);
    let mut started = Started::new(&sweep.base.settings.info);
    started.source = division.map_or_else(String::new, |division| label(division));
    started.split = json!({
        "outer": division.map(Division::describe),
        "inner": sweep.folds.describe(),
    });
    started.seed = started.split["outer"]["seed"].as_u64();
    started.estimator = format!("{} candidates", sweep.candidates.len());
    started.tags.clone_from(&prepared.outline.tags);
    started.surroundings = session::surroundings(&sweep.tracker);
    What::Started(Box::new(started))
}

fn execute<D, P0, T0, F, C, B, K, P, T, E>(
    sweep: &Sweep<Divided<D, P0, T0>, F, C, B, K>,
    prepared: &Prepared<D, P, T, E>,
    id: &str,
    log: &mut ScanLog,
) -> Result<Study<C, RunOf<P, T, E>>>
where
    D: HasTest + HasTrain,
    F: FoldSplitter,
    C: Clone + Send + Sync,
    K: Tracker,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
{
    let division = &first(&prepared.flows)?.state.divided.division;
    let sides = division.open(&prepared.outline, log)?.sides()?;
    let train = sides.train.frame.clone();
    let mut rows = Rows::new(train.clone(), &prepared.inner, log);
    let folds = sweep.folds.assign(&mut rows);
    let folds = folds.map_err(|error| error.at(&sweep.folds))?;
    let rows = dealt(train, Some(&folds));
    let each = folds.each();
    let flows: Vec<_> = prepared.flows.iter().map(|flow| &flow.state).collect();
    let labels: Vec<_> = sweep.candidates.each.iter().map(Candidate::label).collect();
    let learned = fit::learn_candidates(&flows, &labels, &prepared.schema, &rows, each, log)?;
    let judging = Judging {
        tracker: &sweep.tracker,
        settings: &sweep.base.settings,
        candidates: &sweep.candidates.each,
        parent: id,
        tags: &prepared.outline.tags,
        surroundings: session::surroundings(&sweep.tracker),
        weight: scoring::weight(&prepared.schema),
        rows: &rows,
        folds: each,
        workers: sweep.workers,
        patience: Patience::default(),
        on_progress: sweep.on_progress.as_deref(),
    };
    let judged = judging.all(&flows, learned)?;
    log.scans.extend(judged.scans);
    let (mut tried, mut warnings) = (judged.tried, judged.warnings);
    let metric = rank(&mut tried, sweep.rank_by.as_deref())?;
    let best = tried.first().filter(|tried| tried.error.is_none());
    let mut best_run = None;
    if let (Some(best), false) = (best, judged.cancelled) {
        let flow = &prepared.flows[best.at];
        let Prepared {
            schema, outline, ..
        } = prepared;
        match run::run_on(&flow.state, &flow.settings, sides, schema, outline, log) {
            Ok(run) => {
                warnings.extend(run.warnings().iter().cloned());
                best_run = Some(run);
            }
            Err(error) if error.kind() == ErrorKind::Cancelled => {}
            Err(error) => return Err(error.for_candidate(&labels[best.at])),
        }
    }
    Ok(Study {
        id: String::new(),
        cancelled: best_run.is_none(),
        tried,
        metric,
        best_run,
        scans: Vec::new(),
        warnings,
    })
}

fn first<T>(of: &[T]) -> Result<&T> {
    of.first().ok_or_else(crate::learn::stuck)
}

/// Puts the candidates in order of a metric's mean over the folds, those that failed last, and gives
/// the metric.
fn rank<C>(tried: &mut [Tried<C>], asked: Option<&str>) -> Result<String> {
    let judged = || tried.iter().filter(|tried| tried.error.is_none());
    let Some(first) = judged().next() else {
        return match tried.first().and_then(|tried| tried.error.clone()) {
            Some(error) => Err(error),
            None => Err(crate::learn::stuck()),
        };
    };
    let knows = |tried: &Tried<C>, name: &str| {
        let mut folds = tried.metrics.iter();
        folds.any(|fold| fold.iter().any(|metric| metric.name == name))
    };
    let usual = if knows(first, "accuracy") {
        "accuracy"
    } else {
        "r2"
    };
    let metric = asked.unwrap_or(usual);
    // Candidates may be of different metrics.
    if !judged().any(|tried| knows(tried, metric)) {
        let names = judged().flat_map(|tried| &tried.metrics);
        let names = names.flat_map(Metrics::iter);
        let mut names: Vec<_> = names.map(|metric| metric.name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        let message = format!("there is no metric `{metric}` to rank by");
        return Err(Error::new(ErrorKind::Config, message)
            .with_help(format!("the metrics are {}", listed(names))));
    }
    let cost = |mean: f64| match metric {
        // The best bias is none, on either side.
        "mean_error" => mean.abs(),
        metric if is_loss(metric) => mean,
        _ => -mean,
    };
    // A mean over other folds than the others' is no fair comparison: it comes behind.
    let place = |tried: &Tried<C>| {
        let spread = tried.metric(metric);
        let folds = spread.as_ref().map_or(0, |spread| spread.folds);
        let mean = spread.map_or(f64::INFINITY, |spread| cost(spread.mean));
        (tried.error.is_some(), usize::MAX - folds, mean, tried.at)
    };
    tried.sort_by(|a, b| {
        let (a, b) = (place(a), place(b));
        let first = a.0.cmp(&b.0).then(a.1.cmp(&b.1));
        first.then(a.2.total_cmp(&b.2)).then(a.3.cmp(&b.3))
    });
    Ok(metric.to_owned())
}
