//! The steps, the steps on the target and the estimator, on their way up together.

use polars::prelude::PlSmallStr;

use super::wants::Wants;
use super::{Divided, scoring};
use crate::error::Result;
use crate::estimator::{Estimator, Training};
use crate::frame::{Frame, RowSet, Train};
use crate::learn::{
    Answers, Asked, Climb, Learned, Level, Plan, Purpose, ScanLog, Walk, climb, refuse_undeclared,
};
use crate::model::{Input, Pipeline};
use crate::schema::{Dtype, Role, Schema};
use crate::transform::{Apply, Invert, Persist};

/// How far the estimator has come.
enum Goal {
    Waiting,
    Asked(Asked),
    Known,
    Learned(Learned),
}

/// Everything that was fitted in one go.
pub(super) struct Fitted<P, T> {
    steps: P,
    target_steps: T,
    learned: Learned,
    /// The train rows with every step applied.
    train: Frame<Train>,
    /// Whether these are rows in memory.
    held: bool,
    inputs: Vec<Input>,
}

/// What the steps of a flow become.
pub(super) type FittedOf<P, T> = Fitted<<P as Plan>::Fitted, <T as Plan>::Fitted>;

/// The levels, and with a frame what was fitted.
pub(super) type Walked<P, T> = (
    Vec<Level>,
    Option<Fitted<<P as Plan>::Fitted, <T as Plan>::Fitted>>,
);

/// The steps, the steps on the target and the estimator on their way up together.
pub(super) struct Ascent<'a, D, P: Plan, T: Plan, W> {
    divided: &'a Divided<D, P, T>,
    wants: &'a W,
    steps: P::State,
    targets: T::State,
    goal: Goal,
}

impl<D, P: Plan, T: Plan, W: Wants> Climb for Ascent<'_, D, P, T, W> {
    fn advance(&mut self, walk: &mut Walk) -> Result<()> {
        self.divided.steps.advance(&mut self.steps, walk)?;
        let view = walk.schema().target_view();
        walk.with_roles(view, |walk| {
            self.divided.target_steps.advance(&mut self.targets, walk)
        })?;
        let reads = self.wants.reads(walk.schema())?;
        walk.read(&reads);
        let learned_from = self.wants.learns_from(walk.schema())?;
        walk.learn_from(&learned_from);
        if !matches!(self.goal, Goal::Waiting | Goal::Asked(_)) {
            return Ok(());
        }
        let needs = self.wants.needs(walk.schema())?;
        refuse_undeclared(&[reads, learned_from].concat(), &needs)?;
        if !walk.can_ask(&needs) {
            walk.wait();
            return Ok(());
        }
        self.goal = if needs.is_empty() {
            Goal::Learned(Learned::default())
        } else {
            walk.wait();
            Goal::Asked(walk.ask(needs)?)
        };
        Ok(())
    }

    fn resolve(&mut self, answers: Option<&Answers>) -> Result<()> {
        self.divided.steps.resolve(&mut self.steps, answers)?;
        let target_steps = &self.divided.target_steps;
        target_steps.resolve(&mut self.targets, answers)?;
        if let Goal::Asked(asked) = &self.goal {
            self.goal = match answers {
                Some(answers) => Goal::Learned(Learned::of(answers, asked)?),
                None => Goal::Known,
            };
        }
        Ok(())
    }
}

/// Plans without a frame, or plans and fits with one.
pub(super) fn walk_levels<D, P: Plan, T: Plan, W: Wants>(
    divided: &Divided<D, P, T>,
    wants: &W,
    source: &Schema,
    rows: Option<&RowSet>,
    log: &mut ScanLog,
) -> Result<Walked<P, T>> {
    let mut ascent = Ascent::new(divided, wants);
    let (levels, walk) = climb(&mut ascent, source, rows, Purpose::Level, log)?;
    let parts = rows.and_then(|rows| rows.parts);
    Ok((levels, ascent.finish(source, walk, parts)?))
}

impl<'a, D, P: Plan, T: Plan, W: Wants> Ascent<'a, D, P, T, W> {
    pub(super) fn new(divided: &'a Divided<D, P, T>, wants: &'a W) -> Self {
        Self {
            divided,
            wants,
            steps: P::State::default(),
            targets: T::State::default(),
            goal: Goal::Waiting,
        }
    }

    /// What was fitted; nothing when it was only planned.
    pub(super) fn finish(
        self,
        source: &Schema,
        walk: Walk,
        parts: Option<usize>,
    ) -> Result<Option<Fitted<P::Fitted, T::Fitted>>> {
        let inputs = described(source, walk.inputs());
        let (_, query, schema) = walk.finish();
        let (Some(frame), Goal::Learned(learned)) = (query, self.goal) else {
            return Ok(None);
        };
        Ok(Some(Fitted {
            steps: self.divided.steps.finish(self.steps)?,
            target_steps: self.divided.target_steps.finish(self.targets)?,
            learned,
            train: Frame::new(RowSet { frame, parts }, schema),
            held: false,
            inputs,
        }))
    }
}

fn described<'a>(source: &Schema, names: impl IntoIterator<Item = &'a PlSmallStr>) -> Vec<Input> {
    let fields = names.into_iter().filter_map(|name| source.get(name));
    fields
        .filter(|field| field.has_role() != Role::Target)
        .map(|field| Input {
            name: field.name().to_string(),
            dtype: Dtype(field.dtype().clone()).text(),
        })
        .collect()
}

impl<P: Apply + Persist, T: Invert + Persist> Fitted<P, T> {
    /// Says whether the train rows are in memory.
    pub(super) fn held(self, held: bool) -> Self {
        Self { held, ..self }
    }

    pub(super) fn model<E: Estimator>(
        self,
        estimator: &E,
        log: &mut ScanLog,
    ) -> Result<(Pipeline<P, T>, E::Model)> {
        let mut training = Training::new(&self.train, &self.learned, log);
        if self.held {
            training = training.of_held();
        }
        let model = estimator.fit(&training).map_err(|e| e.at(estimator))?;
        scoring::check_model(estimator, &model)?;
        Ok((self.pipeline(estimator.target()), model))
    }

    pub(super) fn pipeline(self, target: &str) -> Pipeline<P, T> {
        Pipeline {
            steps: self.steps,
            target_steps: self.target_steps,
            target: target.into(),
            inputs: self.inputs,
        }
    }
}
