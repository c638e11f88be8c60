//! The fluent surface: a flow holds the parts, puts them in order and runs them. No domain logic.
//!
//! The state of a flow is in its type: [`Unsplit`], [`Divided`], [`Taught`]. What cannot work does
//! not compile.

mod ascent;
mod divide;
mod explain;
mod fit;
mod folds_run;
mod models;
mod opened;
mod predictions;
mod provenance;
mod recorder;
mod run;
mod score_folds;
mod scoring;
mod session;
mod side_by_side;
mod split_report;
mod states;
mod sweep;
mod wants;

use std::fmt;
use std::path::Path;

use polars::prelude::{Expr, PlSmallStr};

pub use divide::{Division, HasTest, HasTrain, Holdout, Parts, TrainOnly};
pub use explain::Explain;
pub use folds_run::FoldsRun;
pub use run::Run;
pub use states::{Divided, IsSplit, Learns, NotSplit, Runnable, TakesStep, Taught, Unsplit};
pub use sweep::{Candidates, Progress, Study, Sweep, SweepExplain, Tried};

use crate::error::Result;
use crate::estimator::Estimator;
use crate::frame::{Frame, Test, Train};
use crate::learn::{CancelToken, Plan, ScanLog};
use crate::metric::Scoring;
use crate::model::{Model, Pipeline};
use crate::schema::Role;
use crate::source::Source;
use crate::splitter::Splitter;
use crate::tracker::{RunInfo, Tracker};
use crate::transform::{Identity, Invert};

/// A pipeline as a typed chain: a source, steps, a split, steps that learn, an estimator, a tracker.
///
/// Nothing happens before [`run`](Self::run) or [`fit`](Self::fit). [`check`](Self::check) and
/// [`explain`](Self::explain) read no row.
#[derive(Clone)]
#[must_use = "a flow does nothing until `.run()`"]
pub struct Flow<S> {
    state: S,
    settings: Settings,
}

// The chain in order; what else a flow was told is no help in a message.
impl<S: fmt::Debug> fmt::Debug for Flow<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

/// What a flow was told beyond its parts.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub(crate) roles: Vec<(PlSmallStr, Role)>,
    pub(crate) cancel: CancelToken,
    pub(crate) scoring: Scoring,
    pub(crate) info: RunInfo,
}

/// Starts a flow at a source.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let likes = df!["id" => [0i64, 1, 2, 3, 4, 5], "likes" => [747i64, 747, 727, 747, 801, 1626]]?;
/// let run = floe::from(InMemory::new(likes))
///     .split(TrainTestSplit::new(0.3).seed(42))
///     .then(StandardScaler::new(["id"]))
///     .on_target(MinMaxScaler::new(["likes"]))
///     .learn(LinearRegression::new(["id"], "likes"))
///     .run()?;
/// assert!(run.metrics().rmse().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn from<S: Source>(source: S) -> Flow<Unsplit<S>> {
    Flow::new(Unsplit(source))
}

/// Starts a flow at rows that were split elsewhere.
pub fn from_parts<A: Source, B: Source>(
    train: A,
    test: B,
) -> Flow<Divided<Parts<A, B>, Identity, Identity>> {
    Flow::new(Divided::new(Parts::new(train, test)))
}

/// Starts a flow at train rows whose test rows are elsewhere, such as in a file for a later stage.
///
/// It can be fitted and cannot be run: there is nothing to score. Score the model with
/// [`Model::evaluate`] once the test rows are there.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let train = df!["x" => [0.0, 1.0, 2.0], "y" => [1.0, 3.0, 5.0]]?;
/// let test = df!["x" => [3.0, 4.0], "y" => [7.0, 9.5]]?;
/// let model = floe::from_train(InMemory::new(train))
///     .learn(LinearRegression::new(["x"], "y"))
///     .fit()?;
/// assert_eq!(model.evaluate(InMemory::new(test))?.rows(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn from_train<S: Source>(source: S) -> Flow<Divided<TrainOnly<S>, Identity, Identity>> {
    Flow::new(Divided::new(TrainOnly::new(source)))
}

/// Declares that all rows of a source may be learned from.
///
/// It is the one way to train rows beside a split, and it is named so that it can be found: what
/// is learned from these rows must never be scored on them.
///
/// # Errors
///
/// [`ErrorKind::Source`](crate::ErrorKind::Source) when the source cannot be opened.
pub fn train_on<S: Source>(source: S) -> Result<Frame<Train>> {
    let schema = source.schema()?;
    let frame = source.numbered(&mut ScanLog::default())?;
    Ok(Frame::new(frame, schema))
}

// What a verb gives is a type parameter (`N`, `R`) bound by `S`, not a projection such as `S::Run`:
// where `S` has no such verb, rustc would say E0599 in place of our message.
impl<S> Flow<S> {
    fn new(state: S) -> Self {
        Self {
            state,
            settings: Settings::default(),
        }
    }

    fn map<N>(self, state: impl FnOnce(S) -> N) -> Flow<N> {
        Flow {
            state: state(self.state),
            settings: self.settings,
        }
    }

    /// Declares what a column is for. After the split, steps and selectors leave all but features
    /// alone. Before it there are no roles yet: a step there may read any column.
    pub fn role(mut self, column: impl Into<PlSmallStr>, role: Role) -> Self {
        self.settings.roles.push((column.into(), role));
        self
    }

    /// A switch that stops the run at the next batch.
    pub fn cancel_with(mut self, token: CancelToken) -> Self {
        self.settings.cancel = token;
        self
    }

    /// Which metrics a run computes: [`RegressionMetrics`](crate::metric::RegressionMetrics) of a
    /// model that predicts numbers, [`ClassificationMetrics`](crate::metric::ClassificationMetrics)
    /// of one that predicts classes. By default all that fit the model.
    pub fn score_with(mut self, metrics: impl Into<Scoring>) -> Self {
        self.settings.scoring = metrics.into();
        self
    }

    /// What its runs are called and said to be wherever they are tracked: a name, an experiment,
    /// parameters and tags of one's own.
    pub fn track_as(mut self, info: RunInfo) -> Self {
        self.settings.info = info;
        self
    }

    /// Keeps the rows for which a row-wise condition holds. Rows were numbered before, so that
    /// what is dropped does not change how the others are split.
    pub fn keep<N>(self, condition: Expr) -> Flow<N>
    where
        S: NotSplit<Kept = N>,
    {
        self.map(|state| state.keep(condition))
    }

    /// Fits a step on **all** rows before they are split: a leak, declared by its name.
    ///
    /// It exists to reproduce pipelines that normalised all rows first. Every run made so is
    /// tagged, in its events and in its model file.
    pub fn fit_before_split<P: Plan, N>(self, plan: P) -> Flow<N>
    where
        S: NotSplit<Fitted<P> = N>,
    {
        self.map(|state| state.fit(plan))
    }

    /// Adds a step. Before the split it must learn nothing ([`Stateless`]); after the split, what
    /// it needs to know is learned from the train rows only.
    ///
    /// [`Stateless`]: crate::transform::Stateless
    pub fn then<T, N>(self, step: T) -> Flow<N>
    where
        S: TakesStep<T, Next = N>,
    {
        self.map(|state| state.with_step(step))
    }

    /// Splits the rows. What follows learns from the train rows only.
    pub fn split<D: Splitter, N>(self, splitter: D) -> Flow<N>
    where
        S: NotSplit<Split<D> = N>,
    {
        self.map(|state| state.split(splitter))
    }

    /// Adds a step on the target: learned from the train rows, applied to the truth when scoring,
    /// and undone on predictions, which come back in the target's own units.
    pub fn on_target<P: Plan, N>(self, plan: P) -> Flow<N>
    where
        S: IsSplit<WithTargetStep<P> = N>,
        P::Fitted: Invert,
    {
        self.map(|state| state.with_target_step(plan))
    }

    /// Ends the chain with what learns to predict the target.
    pub fn learn<E: Estimator, N>(self, estimator: E) -> Flow<N>
    where
        S: IsSplit<WithEstimator<E> = N>,
    {
        self.map(|state| state.with_estimator(estimator))
    }

    /// Checks names, dtypes, roles and settings through the whole chain. Reads no row.
    ///
    /// # Errors
    ///
    /// The first thing that cannot work, with its stage, its column and what to do.
    pub fn check(&self) -> Result<()>
    where
        S: Learns,
    {
        self.state.plan(&self.settings).map(drop)
    }

    /// What a run will cost: levels, scans by purpose, what is buffered. Reads no row.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn explain(&self) -> Result<Explain>
    where
        S: Learns,
    {
        self.state.plan(&self.settings)
    }

    /// Runs everything: splits, learns, scores, tracks.
    ///
    /// This call blocks. Inside a tokio runtime wrap it in `tokio::task::spawn_blocking`, since
    /// Polars can panic when it is run on a runtime's own thread.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check) before a row is read; then whatever the rows bring.
    pub fn run<R>(&self) -> Result<R>
    where
        S: Runnable<Run = R>,
    {
        self.state.run(&self.settings)
    }

    /// Records the events of every run.
    pub fn track<K: Tracker, N>(self, tracker: K) -> Flow<N>
    where
        S: Runnable<WithTracker<K> = N>,
    {
        self.map(|state| state.with_tracker(tracker))
    }
}

impl<D: HasTest + HasTrain> Flow<Divided<D, Identity, Identity>> {
    /// Splits the rows and learns nothing: both sides as the source has them, in its order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`](crate::ErrorKind::Source) when the rows cannot be read,
    /// [`ErrorKind::Split`](crate::ErrorKind::Split) when they cannot be split as asked.
    ///
    /// # Examples
    ///
    /// ```
    /// use floe::polars::prelude::*;
    /// use floe::prelude::*;
    ///
    /// let rows = InMemory::new(df!["x" => (0..10i64).collect::<Vec<_>>()]?);
    /// let flow = floe::from(rows).split(TrainTestSplit::new(0.3).seed(42));
    /// let (train, test) = flow.frames()?;
    /// assert_eq!((train.collect()?.height(), test.collect()?.height()), (7, 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn frames(&self) -> Result<(Frame<Train>, Frame<Test>)> {
        fit::frames(&self.state, &self.settings)
    }
}

impl<D: Division, P: Plan, T: Plan> Flow<Divided<D, P, T>> {
    /// Fits the steps without an estimator.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn fit(&self) -> Result<Pipeline<P::Fitted, T::Fitted>>
    where
        D: HasTrain,
        T::Fitted: Invert,
    {
        fit::fit_steps(&self.state, &self.settings)
    }
}

impl<D, P, T, E, K> Flow<Taught<D, P, T, E, K>>
where
    D: Division,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
    K: Tracker,
{
    /// Fits on the train rows and scores nothing: the model carries no metrics, and no event is
    /// tracked. [`run`](Self::run) does both.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn fit(&self) -> Result<Model<P::Fitted, T::Fitted, E::Model>>
    where
        D: HasTrain,
    {
        models::fit_train(&self.state, &self.settings)
    }

    /// Fits on all rows, train and test, once the score is known. The model is tagged and carries
    /// no metrics: there are no rows left to score it on.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn refit_on_all(&self) -> Result<Model<P::Fitted, T::Fitted, E::Model>>
    where
        D: HasTest,
    {
        models::refit_on_all(&self.state, &self.settings)
    }

    /// Reads a model back that a flow of the same chain saved.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Model`](crate::ErrorKind::Model) naming what is wrong: the file is cut,
    /// edited, of another version or of another chain.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Model<P::Fitted, T::Fitted, E::Model>> {
        models::load(&self.state, path.as_ref())
    }
}
