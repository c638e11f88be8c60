//! Each candidate by itself: its models fitted, scored on their folds, recorded.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::candidates::Candidate;
use super::{Progress, Tried};
use crate::error::{Error, ErrorKind, Result};
use crate::estimator::Estimator;
use crate::flow::ascent::FittedOf;
use crate::flow::divide::Division;
use crate::flow::recorder::{Patience, Recorder};
use crate::flow::score_folds::score;
use crate::flow::states::Taught;
use crate::flow::{Settings, session};
use crate::frame::RowSet;
use crate::learn::{Plan, Scan, ScanLog};
use crate::metric::Metrics;
use crate::model::{Facts, Model};
use crate::splitter::Fold;
use crate::threads;
use crate::tracker::{Status, Surroundings, Tracker, What, new_id};
use crate::transform::Invert;

/// Stops the other workers when one panics, as they stop at an error.
struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// What all candidates are judged by.
pub(super) struct Judging<'a, C, K> {
    pub(super) tracker: &'a K,
    pub(super) settings: &'a Settings,
    pub(super) candidates: &'a [Candidate<C>],
    /// The run that the runs of the candidates are nested in.
    pub(super) parent: &'a str,
    pub(super) tags: &'a [String],
    pub(super) surroundings: Option<Surroundings>,
    /// The column that rows weigh by when they are scored.
    pub(super) weight: Option<String>,
    pub(super) rows: &'a RowSet,
    pub(super) folds: &'a [Fold],
    pub(super) workers: usize,
    /// How the tracker is waited for at the end of each.
    pub(super) patience: Patience,
    pub(super) on_progress: Option<&'a (dyn Fn(&Progress) + Send + Sync)>,
}

/// What came of all candidates, in their order.
pub(super) struct Judged<C> {
    pub(super) tried: Vec<Tried<C>>,
    pub(super) scans: Vec<Scan>,
    pub(super) warnings: Vec<String>,
    pub(super) cancelled: bool,
}

/// What came of one.
struct One {
    run: String,
    metrics: Vec<Metrics>,
    error: Option<Error>,
    scans: Vec<Scan>,
    warnings: Vec<String>,
    elapsed: Duration,
}

impl<C: Clone + Sync, K: Tracker> Judging<'_, C, K> {
    /// Judges the candidates, some at a time, each from what its steps learned.
    pub(super) fn all<D, P, T, E>(
        &self,
        flows: &[&Taught<D, P, T, E, ()>],
        learned: Vec<Vec<FittedOf<P, T>>>,
    ) -> Result<Judged<C>>
    where
        D: Division,
        P: Plan,
        T: Plan,
        T::Fitted: Invert,
        E: Estimator,
    {
        let began = Instant::now();
        let (finished, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let judge = |(at, fitted)| {
            if stopped.load(Ordering::Relaxed) {
                return None;
            }
            let _stopping = Stopping(&stopped);
            let one = self.one(at, flows[at], fitted);
            if one.is_err() {
                stopped.store(true, Ordering::Relaxed);
            } else {
                let finished = finished.fetch_add(1, Ordering::Relaxed) + 1;
                self.tell(at, finished, began);
            }
            Some(one)
        };
        let ended = threads::at_most(self.workers, learned.into_iter().enumerate(), judge);
        let done = ended.into_iter();
        self.judged(done.map(|ended| ended.unwrap_or_else(|panic| resume_unwind(panic))))
    }

    /// What came of the candidates; nothing of those that were not begun any more.
    fn judged(&self, done: impl Iterator<Item = Option<Result<One>>>) -> Result<Judged<C>> {
        let mut judged = Judged {
            tried: Vec::new(),
            scans: Vec::new(),
            warnings: Vec::new(),
            cancelled: false,
        };
        let mut cancelled = None;
        for (at, one) in done.enumerate() {
            let candidate = &self.candidates[at];
            let one = match one {
                None => continue,
                Some(Ok(one)) => one,
                Some(Err(error)) if error.kind() == ErrorKind::Cancelled => {
                    cancelled = Some(error);
                    continue;
                }
                Some(Err(error)) => return Err(error.for_candidate(&candidate.label())),
            };
            let label = candidate.label();
            let warnings = one.warnings.into_iter();
            judged
                .warnings
                .extend(warnings.map(|warning| format!("{label}: {warning}")));
            judged.scans.extend(one.scans);
            judged.tried.push(Tried {
                params: candidate.params.clone(),
                parameters: candidate.parameters(),
                run: one.run,
                at,
                metrics: one.metrics,
                error: one.error,
                elapsed: one.elapsed,
            });
        }
        judged.cancelled = cancelled.is_some();
        match cancelled {
            Some(error) if judged.tried.is_empty() => Err(error),
            _ => Ok(judged),
        }
    }

    fn tell(&self, at: usize, done: usize, began: Instant) {
        let Some(call) = self.on_progress else { return };
        let elapsed = began.elapsed();
        let of = self.candidates.len();
        let rest = of.saturating_sub(done) as f64 / done as f64;
        call(&Progress {
            candidate: self.candidates[at].label(),
            done,
            of,
            elapsed,
            remaining: elapsed.mul_f64(rest),
        });
    }

    /// An error that only this candidate has is part of the answer; any other ends the sweep.
    fn one<D, P, T, E>(
        &self,
        at: usize,
        flow: &Taught<D, P, T, E, ()>,
        fitted: Vec<FittedOf<P, T>>,
    ) -> Result<One>
    where
        D: Division,
        P: Plan,
        T: Plan,
        T::Fitted: Invert,
        E: Estimator,
    {
        let began = Instant::now();
        let mut started = session::chain(&flow.divided, &flow.estimator, self.tags);
        let candidate = &self.candidates[at];
        // It belongs where the sweep does.
        started
            .experiment
            .clone_from(&self.settings.info.experiment);
        started.name = Some(candidate.label());
        started.parent = Some(self.parent.to_owned());
        started.parameters.extend(candidate.parameters());
        started.surroundings.clone_from(&self.surroundings);
        let started = What::Started(Box::new(started));
        let run = new_id();
        let work = |log: &mut ScanLog, recorder: &mut Recorder<'_, K>| {
            let mut models = Vec::with_capacity(fitted.len());
            for (fold, fitted) in fitted.into_iter().enumerate() {
                let model = fitted.model(&flow.estimator, log);
                let (pipeline, predictor) = model.map_err(|error| error.for_fold(Some(fold)))?;
                models.push(Model {
                    pipeline,
                    predictor,
                    facts: Facts {
                        weight: self.weight.clone(),
                        ..Facts::default()
                    },
                });
            }
            let metrics = score(&models, self.rows, self.folds, &self.settings.scoring, log)?.own;
            let mut warnings = Vec::new();
            for (fold, (model, metrics)) in models.iter().zip(&metrics).enumerate() {
                let mut found = model.warnings();
                session::unscored("test", metrics, &mut found);
                let found = found.into_iter();
                warnings.extend(found.map(|warning| format!("fold {fold}: {warning}")));
            }
            session::record_folds(recorder, &metrics)?;
            session::record_work(recorder, log, &warnings)?;
            Ok((metrics, warnings))
        };
        let recorded = session::recorded_as(
            (run.clone(), &self.patience),
            self.tracker,
            self.settings,
            started,
            work,
            |_| Status::Finished,
        );
        let mut one = One {
            run,
            metrics: Vec::new(),
            error: None,
            scans: Vec::new(),
            warnings: Vec::new(),
            elapsed: began.elapsed(),
        };
        match recorded {
            Ok((session, (metrics, warnings))) => {
                (one.metrics, one.warnings, one.scans) = (metrics, warnings, session.scans);
                one.warnings.extend(session.lost);
            }
            Err(error) if error.kind() == ErrorKind::Fit => one.error = Some(error),
            Err(error) => return Err(error),
        }
        Ok(one)
    }
}
