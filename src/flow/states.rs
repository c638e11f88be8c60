use std::fmt;

use polars::prelude::{Expr, PlSmallStr};

use super::divide::{Division, HasTest, Holdout};
use super::explain::Explain;
use super::folds_run::FoldsRunOf;
use super::run::RunOf;
use super::split_report::split_report;
use super::{Settings, fit, folds_run, run};
use crate::error::Result;
use crate::estimator::Estimator;
use crate::learn::Plan;
use crate::source::{FittedBeforeSplit, Keep, Then};
use crate::splitter::SplitReport;
use crate::tracker::Tracker;
use crate::transform::{Chain, Identity, Invert, Stateless};

/// A flow whose rows are not split yet.
#[derive(Clone)]
pub struct Unsplit<S>(pub(crate) S);

/// A flow whose rows are split, with the steps so far.
#[derive(Clone)]
pub struct Divided<D, P, T> {
    pub(crate) division: D,
    pub(crate) steps: P,
    pub(crate) target_steps: T,
}

/// A flow with everything that a run takes.
#[derive(Clone)]
pub struct Taught<D, P, T, E, K> {
    pub(crate) divided: Divided<D, P, T>,
    pub(crate) estimator: E,
    pub(crate) tracker: K,
}

impl<S: fmt::Debug> fmt::Debug for Unsplit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<D: fmt::Debug, P: fmt::Debug, T: fmt::Debug> fmt::Debug for Divided<D, P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.division)?;
        for (verb, part) in [
            ("", format!("{:?}", self.steps)),
            ("on target: ", format!("{:?}", self.target_steps)),
        ] {
            if !part.is_empty() {
                write!(f, " -> {verb}{part}")?;
            }
        }
        Ok(())
    }
}

impl<D: fmt::Debug, P: fmt::Debug, T: fmt::Debug, E: fmt::Debug, K: fmt::Debug> fmt::Debug
    for Taught<D, P, T, E, K>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} -> {:?}", self.divided, self.estimator)
    }
}

impl<D> Divided<D, Identity, Identity> {
    pub(crate) fn new(division: D) -> Self {
        Self {
            division,
            steps: Identity,
            target_steps: Identity,
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl<S> Sealed for super::Unsplit<S> {}
    impl<D, P, T> Sealed for super::Divided<D, P, T> {}
    impl<D, P, T, E, K> Sealed for super::Taught<D, P, T, E, K> {}
}

/// A flow whose rows are not split yet.
#[diagnostic::on_unimplemented(
    message = "the rows of this flow are split already",
    label = "this belongs before `.split(..)`",
    note = "rows are dropped by `.keep(..)` and split once, before anything learns: move this call up, or remove it"
)]
pub trait NotSplit: sealed::Sealed {
    #[doc(hidden)]
    type Kept;
    #[doc(hidden)]
    type Fitted<P>;
    #[doc(hidden)]
    type Split<D>;
    #[doc(hidden)]
    fn keep(self, condition: Expr) -> Self::Kept;
    #[doc(hidden)]
    fn fit<P>(self, plan: P) -> Self::Fitted<P>;
    #[doc(hidden)]
    fn split<D>(self, splitter: D) -> Self::Split<D>;
}

// Without `S: Source`: what is wrong with the source was said where it was given.
impl<S> NotSplit for Unsplit<S> {
    type Kept = Unsplit<Keep<S>>;
    type Fitted<P> = Unsplit<FittedBeforeSplit<S, P>>;
    type Split<D> = Divided<Holdout<S, D>, Identity, Identity>;

    fn keep(self, condition: Expr) -> Self::Kept {
        Unsplit(Keep::new(self.0, condition))
    }

    fn fit<P>(self, plan: P) -> Self::Fitted<P> {
        Unsplit(FittedBeforeSplit::new(self.0, plan))
    }

    fn split<D>(self, splitter: D) -> Self::Split<D> {
        Divided::new(Holdout::new(self.0, splitter))
    }
}

/// A flow that a step can be added to: before the split one that learns nothing, after it any.
#[diagnostic::on_unimplemented(
    message = "this flow has an estimator already, so no step can follow",
    label = "steps belong before `.learn(..)`",
    note = "move this step up: `.split(..)`, steps, `.on_target(..)`, then one `.learn(..)` at the end"
)]
pub trait TakesStep<T>: sealed::Sealed {
    #[doc(hidden)]
    type Next;
    #[doc(hidden)]
    fn with_step(self, step: T) -> Self::Next;
}

impl<S, T: Stateless> TakesStep<T> for Unsplit<S> {
    type Next = Unsplit<Then<S, T>>;

    fn with_step(self, step: T) -> Self::Next {
        Unsplit(Then::new(self.0, step))
    }
}

impl<D, P, T, N: Plan> TakesStep<N> for Divided<D, P, T> {
    type Next = Divided<D, Chain<P, N>, T>;

    fn with_step(self, step: N) -> Self::Next {
        Divided {
            division: self.division,
            steps: Chain::new(self.steps, step),
            target_steps: self.target_steps,
        }
    }
}

/// A flow whose rows are split, and that has no estimator yet.
#[diagnostic::on_unimplemented(
    message = "nothing can learn at this place of the flow",
    label = "there is no `.split(..)` before this, or a `.learn(..)` already",
    note = "split first: `.split(TrainTestSplit::new(0.3).seed(42))`; then steps, `.on_target(..)`, and one `.learn(..)` at the end"
)]
pub trait IsSplit: sealed::Sealed {
    #[doc(hidden)]
    type WithTargetStep<N>;
    #[doc(hidden)]
    type WithEstimator<E>;
    #[doc(hidden)]
    fn with_target_step<N>(self, step: N) -> Self::WithTargetStep<N>;
    #[doc(hidden)]
    fn with_estimator<E>(self, estimator: E) -> Self::WithEstimator<E>;
}

impl<D, P, T> IsSplit for Divided<D, P, T> {
    type WithTargetStep<N> = Divided<D, P, Chain<T, N>>;
    type WithEstimator<E> = Taught<D, P, T, E, ()>;

    fn with_target_step<N>(self, step: N) -> Self::WithTargetStep<N> {
        Divided {
            division: self.division,
            steps: self.steps,
            target_steps: Chain::new(self.target_steps, step),
        }
    }

    fn with_estimator<E>(self, estimator: E) -> Self::WithEstimator<E> {
        Taught {
            divided: self,
            estimator,
            tracker: (),
        }
    }
}

/// A flow with a split: it can be checked and explained.
#[diagnostic::on_unimplemented(
    message = "this flow has no split, so there is nothing to check yet",
    label = "no split",
    note = "split the rows first: `.split(TrainTestSplit::new(0.3).seed(42))`"
)]
pub trait Learns: sealed::Sealed {
    #[doc(hidden)]
    fn plan(&self, settings: &Settings) -> Result<Explain>;
    #[doc(hidden)]
    fn split_report(&self, settings: &Settings, columns: &[PlSmallStr]) -> Result<SplitReport>;
}

impl<D: Division, P: Plan, T: Plan> Learns for Divided<D, P, T> {
    fn plan(&self, settings: &Settings) -> Result<Explain> {
        fit::plan_steps(self, settings)
    }

    fn split_report(&self, settings: &Settings, columns: &[PlSmallStr]) -> Result<SplitReport> {
        split_report(&self.division, settings, columns)
    }
}

impl<D, P, T, E, K> Learns for Taught<D, P, T, E, K>
where
    D: Division,
    P: Plan,
    T: Plan,
    E: Estimator,
{
    fn plan(&self, settings: &Settings) -> Result<Explain> {
        fit::plan(&self.divided, &self.estimator, settings)
    }

    fn split_report(&self, settings: &Settings, columns: &[PlSmallStr]) -> Result<SplitReport> {
        split_report(&self.divided.division, settings, columns)
    }
}

/// A flow with a split and an estimator: it can run.
#[diagnostic::on_unimplemented(
    message = "this flow is not complete, so it cannot run",
    label = "a run needs a split and an estimator before this",
    note = "split the rows, `.split(TrainTestSplit::new(0.3).seed(42))`, and end the chain with `.learn(LinearRegression::new([\"id\"], \"likes\"))`",
    note = "to fit steps without an estimator call `.fit()` in place of `.run()`"
)]
pub trait Runnable: sealed::Sealed {
    /// What a run gives.
    type Run;
    #[doc(hidden)]
    type WithTracker<K>;
    #[doc(hidden)]
    fn run(&self, settings: &Settings) -> Result<Self::Run>;
    #[doc(hidden)]
    fn with_tracker<K>(self, tracker: K) -> Self::WithTracker<K>;
}

impl<D, P, T, E, K> Runnable for Taught<D, P, T, E, K>
where
    D: HasTest,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
    K: Tracker,
{
    type Run = D::Pick<RunOf<P, T, E>, FoldsRunOf<P, T, E>>;
    type WithTracker<N> = Taught<D, P, T, E, N>;

    fn run(&self, settings: &Settings) -> Result<Self::Run> {
        D::pick(
            || run::run(self, settings),
            || folds_run::run(self, settings),
        )
    }

    fn with_tracker<N>(self, tracker: N) -> Self::WithTracker<N> {
        Taught {
            divided: self.divided,
            estimator: self.estimator,
            tracker,
        }
    }
}
