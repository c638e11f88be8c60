use std::fmt;

use polars::prelude::LazyFrame;
use serde_json::Value;

use super::answers::Answers;
use super::climb::{Climb, climb};
use super::scan::{Purpose, ScanLog};
use super::sheet::Level;
use super::step::{Progress, Step, advance, resolve};
use super::walk::Walk;
use crate::error::{Result, label};
use crate::frame::{Frame, Learnable, RowSet};
use crate::schema::Schema;
use crate::transform::{Apply, Chain, Persist, SavedSteps, Transform};

mod sealed {
    pub trait Sealed {}
    impl<T: super::Transform> Sealed for T {}
    impl Sealed for crate::transform::Identity {}
    impl Sealed for crate::transform::BoxTransform {}
    impl<A: super::Plan, B: super::Plan> Sealed for crate::transform::Chain<A, B> {}
    impl<P: super::Plan> Sealed for Vec<P> {}
}

/// What the planner walks: every [`Transform`] is a plan, a [`Chain`] of plans is one, and so is a
/// `Vec` of them. Authors write a `Transform`; this trait is the library's own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a transform",
    label = "expected a step that maps columns to columns",
    note = "steps go into `.then(..)`; an estimator goes into `.learn(..)`"
)]
pub trait Plan: fmt::Debug + Send + Sync + sealed::Sealed {
    /// What the plan becomes once it has learned.
    type Fitted: Apply + Persist + Clone + 'static;
    #[doc(hidden)]
    type State: Default;
    #[doc(hidden)]
    fn advance(&self, state: &mut Self::State, walk: &mut Walk) -> Result<()>;
    #[doc(hidden)]
    fn resolve(&self, state: &mut Self::State, answers: Option<&Answers>) -> Result<()>;
    #[doc(hidden)]
    fn finish(&self, state: Self::State) -> Result<Self::Fitted>;
    #[doc(hidden)]
    fn restore(&self, saved: &mut SavedSteps) -> Result<Self::Fitted>;
    #[doc(hidden)]
    fn labels(&self, labels: &mut Vec<String>);
}

/// Fits a plan on train rows that are at hand, and composes plans.
pub trait FitOn: Plan + Sized {
    /// Learns from these train rows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`](crate::ErrorKind::Schema) for a missing column or a wrong dtype,
    /// [`ErrorKind::Fit`](crate::ErrorKind::Fit) for values that a policy refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// use floe::polars::prelude::*;
    /// use floe::prelude::*;
    ///
    /// let train = floe::train_on(InMemory::new(df!["likes" => [10u32, 250]]?))?;
    /// let fitted = MinMaxScaler::new(["likes"]).fit_on(&train)?;
    /// let scaled = fitted.apply(df!["likes" => [5u32, 130]]?.lazy())?.collect()?;
    /// // A naive `x - min` on unsigned integers wraps to 17895697.05 here.
    /// assert_eq!(scaled, df!["likes" => [-5.0 / 240.0, 0.5]]?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn fit_on<P: Learnable>(&self, train: &Frame<P>) -> Result<Self::Fitted> {
        let mut log = ScanLog::default();
        fit_plan(self, train.rows(), train.schema(), Purpose::Level, &mut log)
    }

    /// This plan, then `next`.
    fn then<B: Plan>(self, next: B) -> Chain<Self, B> {
        Chain::new(self, next)
    }

    /// A trap with our message: an unfitted step has no `apply`, and rustc would only say so. It
    /// takes `&mut self` so that [`Apply::apply`] is found first on what is its own fitted form.
    #[doc(hidden)]
    fn apply(&mut self, frame: LazyFrame) -> Result<LazyFrame>
    where
        Self: Apply,
    {
        Apply::apply(self, frame)
    }

    /// The levels of scans that a fit would cost, without reading a row.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schema`](crate::ErrorKind::Schema) and
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for what cannot work.
    fn levels(&self, schema: &Schema) -> Result<Vec<Level>> {
        let mut alone = Alone::new(self);
        let mut log = ScanLog::default();
        Ok(climb(&mut alone, schema, None, Purpose::Level, &mut log)?.0)
    }
}

impl<P: Plan> FitOn for P {}

/// A plan by itself, with how far it has come.
struct Alone<'a, P: Plan> {
    plan: &'a P,
    state: P::State,
}

impl<'a, P: Plan> Alone<'a, P> {
    fn new(plan: &'a P) -> Self {
        Self {
            plan,
            state: P::State::default(),
        }
    }
}

impl<P: Plan> Climb for Alone<'_, P> {
    fn advance(&mut self, walk: &mut Walk) -> Result<()> {
        self.plan.advance(&mut self.state, walk)
    }

    fn resolve(&mut self, answers: Option<&Answers>) -> Result<()> {
        self.plan.resolve(&mut self.state, answers)
    }
}

/// Fits a plan level by level.
pub(crate) fn fit_plan<P: Plan>(
    plan: &P,
    rows: &RowSet,
    schema: &Schema,
    purpose: Purpose,
    log: &mut ScanLog,
) -> Result<P::Fitted> {
    let mut alone = Alone::new(plan);
    climb(&mut alone, schema, Some(rows), purpose, log)?;
    plan.finish(alone.state)
}

#[diagnostic::do_not_recommend]
impl<T: Transform> Plan for T {
    type Fitted = T::Fitted;
    type State = Progress<T::Fitted>;

    fn advance(&self, state: &mut Self::State, walk: &mut Walk) -> Result<()> {
        advance(&Step(self), state, walk).map_err(|e| e.at(self))
    }

    fn resolve(&self, state: &mut Self::State, answers: Option<&Answers>) -> Result<()> {
        resolve(&Step(self), state, answers).map_err(|e| e.at(self))
    }

    fn finish(&self, state: Self::State) -> Result<T::Fitted> {
        state.done()
    }

    fn restore(&self, saved: &mut SavedSteps) -> Result<T::Fitted> {
        Transform::restore(self, &saved.next()?).map_err(|e| e.at(self))
    }

    fn labels(&self, labels: &mut Vec<String>) {
        labels.push(label(self));
    }
}

impl<P: Plan> Plan for Vec<P> {
    type Fitted = Vec<P::Fitted>;
    type State = Vec<P::State>;

    fn advance(&self, state: &mut Self::State, walk: &mut Walk) -> Result<()> {
        state.resize_with(self.len(), P::State::default);
        let mut steps = self.iter().zip(state);
        steps.try_for_each(|(step, state)| step.advance(state, walk))
    }

    fn resolve(&self, state: &mut Self::State, answers: Option<&Answers>) -> Result<()> {
        let mut steps = self.iter().zip(state);
        steps.try_for_each(|(step, state)| step.resolve(state, answers))
    }

    fn finish(&self, state: Self::State) -> Result<Self::Fitted> {
        let steps = self.iter().zip(state);
        steps.map(|(step, state)| step.finish(state)).collect()
    }

    fn restore(&self, saved: &mut SavedSteps) -> Result<Self::Fitted> {
        self.iter().map(|step| step.restore(saved)).collect()
    }

    fn labels(&self, labels: &mut Vec<String>) {
        self.iter().for_each(|step| step.labels(labels));
    }
}

impl<A: Apply> Apply for Vec<A> {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        self.iter().try_fold(frame, |frame, step| {
            step.apply(frame).map_err(|e| e.at(step))
        })
    }

    fn apply_to_train(&self, train: LazyFrame) -> Result<LazyFrame> {
        self.iter().try_fold(train, |train, step| {
            step.apply_to_train(train).map_err(|e| e.at(step))
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.iter().try_fold(input.clone(), |schema, step| {
            step.output(&schema).map_err(|e| e.at(step))
        })
    }

    fn warnings(&self, warnings: &mut Vec<String>) {
        self.iter().for_each(|step| step.warnings(warnings));
    }

    fn reports(&self, reports: &mut Vec<Value>) {
        self.iter().for_each(|step| step.reports(reports));
    }
}
