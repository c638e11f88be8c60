use std::fmt;

use polars::prelude::{LazyFrame, PlSmallStr};

use super::answers::Answers;
use super::climb::{Climb, climb, stuck};
use super::scan::{Purpose, ScanLog};
use super::sheet::{Asked, Level};
use super::walk::Walk;
use super::{Learned, Need};
use crate::error::{Error, ErrorKind, Result, label};
use crate::frame::{Frame, Learnable, RowSet};
use crate::schema::{Schema, refuse_hidden, refuse_role};
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
    /// [`ErrorKind::Schema`] for a missing column or a wrong dtype, [`ErrorKind::Fit`] for values
    /// that a policy refuses.
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
    /// [`ErrorKind::Schema`] and [`ErrorKind::Config`] for what cannot work.
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

/// How far one step has come.
#[derive(Debug, Default)]
pub enum Progress<F> {
    /// Something that it reads is not there yet.
    #[default]
    Waiting,
    /// Its needs are on the sheet of the current level.
    #[doc(hidden)]
    Asked(Schema, AskedNeeds),
    /// When only planning: it will be fitted by now.
    Known,
    /// Fitted.
    Done(F),
}

/// The needs of a step, once they are on a sheet.
#[derive(Debug)]
pub struct AskedNeeds(Asked);

impl<F> Progress<F> {
    pub(crate) fn done(self) -> Result<F> {
        match self {
            Self::Done(fitted) => Ok(fitted),
            _ => Err(stuck()),
        }
    }
}

/// What a step declares; the planner's side of [`Transform`], shared with the erased twin.
pub(crate) trait Declare: fmt::Debug {
    type Fitted: Apply;
    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;
    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;
    fn needs(&self, input: &Schema) -> Result<Vec<Need>>;
    fn fit(&self, input: &Schema, learned: &Learned) -> Result<Self::Fitted>;
    fn output(&self, input: &Schema) -> Result<Schema>;
}

/// A transform as the planner sees it.
#[derive(Debug)]
struct Step<'a, T>(&'a T);

impl<T: Transform> Declare for Step<'_, T> {
    type Fitted = T::Fitted;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.0.reads(input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.0.writes(input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        self.0.needs(input)
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<T::Fitted> {
        self.0.fit(input, learned)
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.0.output(input)
    }
}

/// Refuses needs on columns that are not among the declared reads: neither their role nor whether
/// a step before still has to write them was looked at.
pub(crate) fn refuse_undeclared(reads: &[PlSmallStr], needs: &[Need]) -> Result<()> {
    let mut asked = needs.iter().flat_map(Need::columns);
    let Some(column) = asked.find(|column| !reads.contains(column)) else {
        return Ok(());
    };
    let message = "it learns from a column that it does not say it reads";
    Err(Error::new(ErrorKind::Config, message)
        .on_column(column)
        .with_help("return the column from `reads`, or of an estimator from `features`"))
}

/// Moves one step along: applies it when it is fitted, asks its needs when it is ready.
pub(crate) fn advance<D: Declare>(
    step: &D,
    progress: &mut Progress<D::Fitted>,
    walk: &mut Walk,
) -> Result<()> {
    let input = walk.schema().clone();
    let writes = step.writes(&input)?;
    let reads = step.reads(&input)?;
    walk.read(&reads);
    match progress {
        Progress::Done(fitted) => return walk.apply(&writes, fitted),
        Progress::Known => {
            walk.pass(&writes, step.output(&input)?);
            return Ok(());
        }
        Progress::Waiting | Progress::Asked(..) => {}
    }
    for column in &reads {
        refuse_role(&input, column)?;
    }
    for column in &writes {
        refuse_hidden(column)?;
    }
    for column in writes.iter().filter(|column| input.contains(column)) {
        refuse_role(&input, column)?;
    }
    let output = step.output(&input)?;
    if walk.is_ready(&reads) {
        let needs = step.needs(&input)?;
        refuse_undeclared(&reads, &needs)?;
        if needs.is_empty() {
            // Nothing to learn: no reason to wait for a scan.
            let fitted = step.fit(&input, &Learned::default())?;
            walk.apply(&writes, &fitted)?;
            *progress = Progress::Done(fitted);
            return Ok(());
        }
        let asked = walk.ask(needs)?;
        *progress = Progress::Asked(input, AskedNeeds(asked));
    }
    walk.wait();
    walk.leave_pending(writes, output);
    Ok(())
}

/// Gives a step the answers of the level, or when only planning lets it count as fitted.
pub(crate) fn resolve<D: Declare>(
    step: &D,
    progress: &mut Progress<D::Fitted>,
    answers: Option<&Answers>,
) -> Result<()> {
    if let Progress::Asked(input, asked) = progress {
        *progress = match answers {
            Some(answers) => Progress::Done(step.fit(input, &Learned::of(answers, &asked.0)?)?),
            None => Progress::Known,
        };
    }
    Ok(())
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

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.iter().try_fold(input.clone(), |schema, step| {
            step.output(&schema).map_err(|e| e.at(step))
        })
    }

    fn warnings(&self, warnings: &mut Vec<String>) {
        self.iter().for_each(|step| step.warnings(warnings));
    }
}
