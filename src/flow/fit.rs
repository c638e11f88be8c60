//! One walk over the steps, the steps on the target and the estimator together, level by level.

use polars::prelude::PlSmallStr;

use super::divide::{Division, HasTrain};
use super::explain::Explain;
use super::wants::{Nothing, Wants};
use super::{Divided, Settings};
use crate::error::{Error, ErrorKind, Result, label};
use crate::estimator::{Estimator, Training};
use crate::frame::{Frame, PartSet, RowSet, Test, Train};
use crate::learn::{
    Answers, Asked, Climb, Climber, Learned, Level, Plan, Purpose, ScanLog, Walk, climb,
    climb_folds, refuse_undeclared, stuck,
};
use crate::model::{Input, Pipeline};
use crate::schema::{Dtype, Role, Schema};
use crate::source::Outline;
use crate::transform::{Apply, Identity, Invert, Persist};

/// How far the estimator has come.
enum Goal {
    Waiting,
    Asked(Asked),
    Known,
    Learned(Learned),
}

/// Everything that was fitted in one go.
struct Fitted<P, T> {
    steps: P,
    target_steps: T,
    learned: Learned,
    /// The train rows with every step applied.
    train: Frame<Train>,
    inputs: Vec<Input>,
}

/// The levels, and with a frame what was fitted.
type Walked<P, T> = (
    Vec<Level>,
    Option<Fitted<<P as Plan>::Fitted, <T as Plan>::Fitted>>,
);

/// A fitted pipeline and the model behind it.
type FittedModel<P, T, E> = (
    Pipeline<<P as Plan>::Fitted, <T as Plan>::Fitted>,
    <E as Estimator>::Model,
);

/// The steps, the steps on the target and the estimator on their way up together.
struct Ascent<'a, D, P: Plan, T: Plan, W> {
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
fn walk_levels<D, P: Plan, T: Plan, W: Wants>(
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
    fn new(divided: &'a Divided<D, P, T>, wants: &'a W) -> Self {
        Self {
            divided,
            wants,
            steps: P::State::default(),
            targets: T::State::default(),
            goal: Goal::Waiting,
        }
    }

    /// What was fitted; nothing when it was only planned.
    fn finish(
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

/// The schema of the source with the declared roles.
fn roles(schema: Schema, settings: &Settings, target: Option<&str>) -> Result<Schema> {
    let mut schema = schema;
    for (column, role) in &settings.roles {
        let predicted = target.map(|target| target == column.as_str());
        let contradiction = match (predicted, *role) {
            (Some(true), role) if role != Role::Target => {
                Some("the estimator predicts this column, and it is given another role")
            }
            (Some(false), Role::Target) => {
                Some("the column is declared the target, and the estimator predicts another one")
            }
            _ => None,
        };
        if let Some(contradiction) = contradiction {
            return Err(Error::new(ErrorKind::Config, contradiction)
                .on_column(column.as_str())
                .with_help("the target is the column of the estimator: leave its role out"));
        }
        schema.set_role(column, *role)?;
    }
    if let Some(target) = target {
        schema.set_role(target, Role::Target)?;
    }
    Ok(schema)
}

/// What is known before a row is read.
struct Prepared {
    schema: Schema,
    explain: Explain,
    outline: Outline,
}

fn prepare<D: Division, P: Plan, T: Plan, W: Wants>(
    divided: &Divided<D, P, T>,
    wants: &W,
    settings: &Settings,
) -> Result<Prepared> {
    let schema = roles(divided.division.schema()?, settings, wants.target())?;
    let outline = divided.division.outline()?;
    divided.division.check(&schema, &outline)?;
    let mut log = ScanLog::default();
    let (mut levels, _) = walk_levels(divided, wants, &schema, None, &mut log)?;
    let models = divided.division.models();
    for level in &mut levels {
        // A query of a step's own is run once for each model.
        level.scans += level.queries.len() * (models - 1);
    }
    let mut stages = vec![label(&divided.division)];
    divided.steps.labels(&mut stages);
    let mut targets = Vec::new();
    divided.target_steps.labels(&mut targets);
    stages.extend(targets.into_iter().map(|step| format!("on target: {step}")));
    let explain = Explain {
        stages,
        scans_before_split: outline.scans_before_split,
        count_scans: divided.division.count_scans(&outline),
        levels,
        estimator_scans: 0,
        score_scans: 0,
        models,
        largest_row_group: outline.largest_row_group,
        tags: outline.tags.clone(),
    };
    Ok(Prepared {
        schema,
        explain,
        outline,
    })
}

pub(crate) fn plan_steps<D: Division, P: Plan, T: Plan>(
    divided: &Divided<D, P, T>,
    settings: &Settings,
) -> Result<Explain> {
    Ok(prepare(divided, &Nothing, settings)?.explain)
}

pub(crate) fn plan<D: Division, P: Plan, T: Plan, E: Estimator>(
    divided: &Divided<D, P, T>,
    estimator: &E,
    settings: &Settings,
) -> Result<Explain> {
    let mut explain = prepare(divided, &estimator, settings)?.explain;
    explain.stages.push(label(estimator));
    explain.estimator_scans = estimator.scans() * explain.models;
    explain.score_scans = divided.division.score_scans();
    Ok(explain)
}

pub(crate) fn fit_steps<D: HasTrain, P: Plan, T: Plan>(
    divided: &Divided<D, P, T>,
    settings: &Settings,
) -> Result<Pipeline<P::Fitted, T::Fitted>>
where
    T::Fitted: Invert,
{
    let prepared = prepare(divided, &Nothing, settings)?;
    let mut log = ScanLog::new(&settings.cancel);
    let sides = divided
        .division
        .open(&prepared.outline, &mut log)?
        .sides()?;
    let (_, fitted) = walk_levels(
        divided,
        &Nothing,
        &prepared.schema,
        Some(&sides.train),
        &mut log,
    )?;
    Ok(fitted.ok_or_else(stuck)?.pipeline(""))
}

impl<P: Apply + Persist, T: Invert + Persist> Fitted<P, T> {
    fn model<E: Estimator>(
        self,
        estimator: &E,
        log: &mut ScanLog,
    ) -> Result<(Pipeline<P, T>, E::Model)> {
        let training = Training::new(&self.train, &self.learned, log);
        let model = estimator.fit(&training).map_err(|e| e.at(estimator))?;
        Ok((self.pipeline(estimator.target()), model))
    }

    fn pipeline(self, target: &str) -> Pipeline<P, T> {
        Pipeline {
            steps: self.steps,
            target_steps: self.target_steps,
            target: target.into(),
            inputs: self.inputs,
        }
    }
}

/// Fits the steps and the estimator on these train rows.
pub(crate) fn fit_model<D: Division, P: Plan, T: Plan, E: Estimator>(
    divided: &Divided<D, P, T>,
    estimator: &E,
    schema: &Schema,
    train: &RowSet,
    log: &mut ScanLog,
) -> Result<FittedModel<P, T, E>>
where
    T::Fitted: Invert,
{
    let (_, fitted) = walk_levels(divided, &estimator, schema, Some(train), log)?;
    fitted.ok_or_else(stuck)?.model(estimator, log)
}

/// Fits the steps and the estimator for each of several models: of which fold it is, if of one, and
/// the parts of the rows that it learns from.
pub(crate) fn fit_folds<D: Division, P: Plan, T: Plan, E: Estimator>(
    divided: &Divided<D, P, T>,
    estimator: &E,
    schema: &Schema,
    rows: &RowSet,
    models: impl IntoIterator<Item = (Option<usize>, PartSet)>,
    log: &mut ScanLog,
) -> Result<Vec<FittedModel<P, T, E>>>
where
    T::Fitted: Invert,
{
    let climbers = models.into_iter().map(|(fold, learns)| Climber {
        steps: Ascent::new(divided, &estimator),
        fold,
        learns,
    });
    let mut climbers: Vec<_> = climbers.collect();
    let walks = climb_folds(&mut climbers, schema, rows, log)?;
    let models = climbers.into_iter().zip(walks).map(|(climber, walk)| {
        let fitted = climber.steps.finish(schema, walk, rows.parts)?;
        let model = fitted.ok_or_else(stuck)?.model(estimator, log);
        model.map_err(|error| error.for_fold(climber.fold))
    });
    models.collect()
}

/// Both sides of the rows as the source has them.
pub(crate) fn frames<D: HasTrain>(
    divided: &Divided<D, Identity, Identity>,
    settings: &Settings,
) -> Result<(Frame<Train>, Frame<Test>)> {
    let prepared = prepare(divided, &Nothing, settings)?;
    let mut log = ScanLog::new(&settings.cancel);
    let sides = divided
        .division
        .open(&prepared.outline, &mut log)?
        .sides()?;
    let train = Frame::new(sides.train, prepared.schema.clone());
    Ok((train, Frame::new(sides.test, prepared.schema)))
}

/// The schema with roles, and the outline, of a flow with an estimator.
pub(crate) fn prepared<D: Division, P: Plan, T: Plan, E: Estimator>(
    divided: &Divided<D, P, T>,
    estimator: &E,
    settings: &Settings,
) -> Result<(Schema, Outline)> {
    let prepared = prepare(divided, &estimator, settings)?;
    Ok((prepared.schema, prepared.outline))
}
