//! Experiments: many candidates, judged by the same folds of the train rows.

mod candidates;
mod execute;
mod explain;
mod judge;
mod shown;
mod study;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use candidates::Candidates;
pub use explain::SweepExplain;
pub use study::{Study, Tried};

use super::divide::{HasTest, HasTrain};
use super::run::RunOf;
use super::states::{Divided, IsSplit, Taught};
use super::{Flow, fit};
use crate::error::{Error, ErrorKind, Result};
use crate::estimator::Estimator;
use crate::learn::Plan;
use crate::schema::Schema;
use crate::source::Outline;
use crate::splitter::FoldSplitter;
use crate::tracker::Tracker;
use crate::transform::Invert;

/// A comparison of candidates, started by [`Flow::sweep`].
///
/// The train rows of the flow are dealt into folds; every candidate is judged by the same folds. All
/// candidates learn together: a level reads the rows once for all of them, and what several of them
/// ask of the columns of the source is accumulated once. Then each estimator is fitted and scored.
/// The best candidate is fitted again on all train rows and scored once on the test rows, which
/// nothing was chosen by.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `rank_by` | `accuracy` of classes, `r2` of numbers | the metric whose mean over the folds decides |
/// | `workers` | 1 | how many candidates are fitted at a time; the result is the same |
/// | `track` | – | each candidate is a run of its own, nested in that of the sweep |
/// | `on_progress` | – | called when a candidate is done |
///
/// A cancelled sweep ([`Flow::cancel_with`]) keeps what was judged until then.
#[must_use = "a sweep does nothing until `.run()`"]
pub struct Sweep<S, F, C, B, K = ()> {
    base: Flow<S>,
    folds: F,
    candidates: Candidates<C>,
    build: B,
    rank_by: Option<String>,
    workers: usize,
    tracker: K,
    on_progress: Option<OnProgress>,
}

type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// How far a sweep has come.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The candidate that was just done, as its parameters.
    pub candidate: String,
    /// Candidates that are done.
    pub done: usize,
    /// All candidates.
    pub of: usize,
    /// Wall time since the candidates learned together.
    pub elapsed: Duration,
    /// What the others will take, if they take as long as those that are done.
    pub remaining: Duration,
}

impl<S> Flow<S> {
    /// Compares candidates: `build` ends the flow for each of them, and each is judged by the same
    /// folds of the train rows. See [`Sweep`].
    ///
    /// # Examples
    ///
    /// ```
    /// use floe::flow::Candidates;
    /// use floe::polars::prelude::*;
    /// use floe::prelude::*;
    ///
    /// let x: Vec<f64> = (0..60).map(f64::from).collect();
    /// let y: Vec<f64> = x.iter().map(|x| 3.0 * x + (x * 7.0) % 5.0).collect();
    /// let study = floe::from(InMemory::new(df!["x" => x, "y" => y]?))
    ///     .split(TrainTestSplit::new(0.25).seed(1))
    ///     .then(StandardScaler::new(["x"]))
    ///     .sweep(
    ///         KFold::new(5).seed(1),
    ///         Candidates::axis("alpha", [0.01, 1.0, 1000.0]),
    ///         |flow, alpha| flow.learn(Ridge::new(["x"], "y").alpha(*alpha)),
    ///     )
    ///     .rank_by("rmse")
    ///     .run()?;
    /// assert_eq!(study.best().map(|best| *best.params()), Some(0.01));
    /// assert_eq!(study.table()?.height(), 3);
    /// assert!(study.best_run()?.metrics().r2() > Some(0.99));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sweep<F, C, B, N>(
        self,
        folds: F,
        candidates: Candidates<C>,
        build: B,
    ) -> Sweep<S, F, C, B>
    where
        S: IsSplit,
        F: FoldSplitter,
        B: Fn(Self, &C) -> Flow<N>,
    {
        Sweep::new(self, folds, candidates, build)
    }
}

impl<S, F, C, B> Sweep<S, F, C, B> {
    fn new(base: Flow<S>, folds: F, candidates: Candidates<C>, build: B) -> Self {
        Self {
            base,
            folds,
            candidates,
            build,
            rank_by: None,
            workers: 1,
            tracker: (),
            on_progress: None,
        }
    }
}

impl<S, F, C, B, K> Sweep<S, F, C, B, K> {
    /// The metric whose mean over the folds decides. Errors and losses are best when small, scores
    /// when large, and `mean_error`, which has a sign, near zero.
    pub fn rank_by(mut self, metric: impl Into<String>) -> Self {
        self.rank_by = Some(metric.into());
        self
    }

    /// How many candidates are fitted at a time. The table and the best run do not depend on it.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Calls this when a candidate is done, from the thread that judged it.
    pub fn on_progress(mut self, call: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(call));
        self
    }

    /// Records the sweep as a run, and each candidate as a run nested in it.
    pub fn track<N: Tracker>(self, tracker: N) -> Sweep<S, F, C, B, N> {
        Sweep {
            base: self.base,
            folds: self.folds,
            candidates: self.candidates,
            build: self.build,
            rank_by: self.rank_by,
            workers: self.workers,
            tracker,
            on_progress: self.on_progress,
        }
    }
}

impl<D, P0, T0, F, C, B, K, P, T, E> Sweep<Divided<D, P0, T0>, F, C, B, K>
where
    D: HasTest + HasTrain + Clone,
    P0: Clone,
    T0: Clone,
    F: FoldSplitter,
    C: Clone + Send + Sync,
    B: Fn(Flow<Divided<D, P0, T0>>, &C) -> Flow<Taught<D, P, T, E, ()>>,
    K: Tracker,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
{
    /// Finds mistakes without reading a row, in any of the candidates.
    ///
    /// # Errors
    ///
    /// The first thing that cannot work, with its candidate, stage, column and what to do.
    pub fn check(&self) -> Result<()> {
        self.prepared().map(drop)
    }

    /// What the sweep will cost: fits, levels, scans by purpose. Reads no row.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn explain(&self) -> Result<SweepExplain> {
        Ok(self.prepared()?.explain)
    }

    /// Judges every candidate, then fits the best one on all train rows and scores it once on the
    /// test rows.
    ///
    /// A candidate that cannot be fitted ([`ErrorKind::Fit`] from its estimator) is listed with its
    /// error, and the others go on.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check) before a row is read; then whatever the rows bring, and
    /// [`ErrorKind::Fit`] when every candidate failed.
    pub fn run(&self) -> Result<Study<C, RunOf<P, T, E>>> {
        let prepared = self.prepared()?;
        execute::run(self, prepared)
    }

    /// Every candidate as the flow that it is, and what they cost.
    fn prepared(&self) -> Result<Prepared<D, P, T, E>> {
        self.candidates.check()?;
        if self.workers == 0 {
            return Err(Error::new(ErrorKind::Config, "there are no workers")
                .with_help("leave `workers` out for one"));
        }
        let built = self.candidates.each.iter();
        let built = built.map(|candidate| (self.build)(self.base.clone(), &candidate.params));
        let flows: Vec<_> = built.collect();
        let mut explained = Vec::with_capacity(flows.len());
        let mut facts = None;
        for (flow, candidate) in flows.iter().zip(&self.candidates.each) {
            let Taught {
                divided, estimator, ..
            } = &flow.state;
            let named = |error: Error| error.for_candidate(&candidate.label());
            explained.push(fit::plan(divided, estimator, &flow.settings).map_err(named)?);
            let (schema, outline) =
                fit::prepared(divided, estimator, &flow.settings).map_err(named)?;
            match &facts {
                None => facts = Some((schema, outline, estimator.target().to_owned())),
                Some((_, _, target)) if target != estimator.target() => {
                    let message = format!("it predicts another column than `{target}`");
                    let error = Error::new(ErrorKind::Config, message);
                    return Err(named(error.on_column(estimator.target())));
                }
                Some(_) => {}
            }
        }
        let (schema, outline, _) = facts.ok_or_else(crate::learn::stuck)?;
        // The train rows keep the numbers that they have in the source.
        let inner = Outline {
            rows: None,
            filtered: true,
            ..outline.clone()
        };
        let checked = self.folds.check(&schema, &inner);
        checked.map_err(|error| error.at(&self.folds))?;
        let folds = self.folds.folds();
        let mut explain = SweepExplain::joined(&explained, folds, self.folds.scans(&inner));
        let estimators: Vec<_> = flows.iter().map(|flow| &flow.state.estimator).collect();
        explain.hold(fit::shared(&estimators, folds));
        Ok(Prepared {
            flows,
            schema,
            outline,
            inner,
            explain,
        })
    }
}

/// A candidate as the flow that it is.
type Built<D, P, T, E> = Flow<Taught<D, P, T, E, ()>>;

/// What is known before a row is read.
struct Prepared<D, P, T, E> {
    flows: Vec<Built<D, P, T, E>>,
    schema: Schema,
    outline: Outline,
    /// Of the train rows, as the folds see them.
    inner: Outline,
    explain: SweepExplain,
}

impl<S: fmt::Debug, F: fmt::Debug, C, B, K> fmt::Debug for Sweep<S, F, C, B, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (base, folds) = (&self.base, &self.folds);
        let count = self.candidates.len();
        write!(f, "{base:?} -> sweep({count} candidates, {folds:?})")
    }
}
