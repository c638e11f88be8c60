//! What a flow plans and fits: one model, the models of folds, those of candidates.

use super::ascent::{Ascent, FittedOf, walk_levels};
use super::divide::{Division, HasTrain};
use super::explain::Explain;
use super::side_by_side::side_by_side;
use super::wants::{Nothing, Wants};
use super::{Divided, Settings, Taught, scoring};
use crate::error::{Error, ErrorKind, Result, label};
use crate::estimator::Estimator;
use crate::frame::{Frame, PartSet, RowSet, Test, Train};
use crate::learn::{Climb, Climber, Plan, ScanLog, Walk, climb_folds, hold, stuck};
use crate::model::Pipeline;
use crate::schema::{Role, Schema};
use crate::source::Outline;
use crate::splitter::Fold;
use crate::transform::{Identity, Invert};

/// A fitted pipeline and the model behind it.
type FittedModel<P, T, E> = (
    Pipeline<<P as Plan>::Fitted, <T as Plan>::Fitted>,
    <E as Estimator>::Model,
);

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
    scoring::check_weight(&schema)?;
    let outline = divided.division.outline()?;
    divided.division.check(&schema, &outline)?;
    let mut log = ScanLog::default();
    let (mut levels, _) = walk_levels(divided, wants, &schema, None, &mut log)?;
    let (models, repeats) = (divided.division.models(), divided.division.repeats());
    for level in &mut levels {
        // A query of a step's own is run once for each model, all else once for each repeat.
        let queries = level.queries.len();
        level.scans = (level.scans - queries) * repeats + queries * models;
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
        count_held: divided.division.count_held(&outline).map(str::to_owned),
        levels,
        estimator_scans: 0,
        estimator_held: None,
        score_scans: 0,
        score_weight: None,
        score_held: Vec::new(),
        models,
        repeats,
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
    scoring::check(divided, estimator, settings)?;
    let Prepared {
        mut explain,
        schema,
        ..
    } = prepare(divided, &estimator, settings)?;
    explain.stages.push(label(estimator));
    explain.estimator_scans = estimator.scans() * explain.models;
    explain.estimator_held = shared(&[estimator], explain.models / explain.repeats.max(1));
    if explain.estimator_held.is_some() {
        // The reading that is broken off where the rows turn out to be too many.
        explain.estimator_scans += explain.repeats;
    }
    explain.score_scans = divided.division.score_scans();
    if explain.score_scans > 0 {
        explain.score_weight = scoring::weight(&schema);
        explain.score_held = scoring::held(estimator, settings, &schema, explain.models)?;
    }
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
        candidate: 0,
        label: None,
        fold,
        learns,
    });
    let mut climbers: Vec<_> = climbers.collect();
    let walks = climb_folds(&mut climbers, schema, rows, log)?;
    let most = shared(&[estimator], climbers.len());
    let (walks, held) = over_held(&mut climbers, walks, schema, rows, most, log)?;
    let learned = climbers.into_iter().zip(walks).map(|(climber, walk)| {
        let fitted = climber.steps.finish(schema, walk, rows.parts)?;
        Ok((climber.fold, fitted.ok_or_else(stuck)?.held(held)))
    });
    let learned: Vec<_> = learned.collect::<Result<_>>()?;
    let model = |(fold, fitted): (_, FittedOf<P, T>), log: &mut ScanLog| {
        let model = fitted.model(estimator, log);
        model.map_err(|error| error.for_fold(fold))
    };
    // Models that read the source would read different parts of it at a time.
    if held {
        return side_by_side(learned, log, model);
    }
    learned.into_iter().map(|of| model(of, log)).collect()
}

/// Lets the steps of several candidates learn together, for each of the folds.
pub(super) fn learn_candidates<D: Division, P: Plan, T: Plan, E: Estimator>(
    flows: &[&Taught<D, P, T, E, ()>],
    labels: &[String],
    schema: &Schema,
    rows: &RowSet,
    folds: &[Fold],
    log: &mut ScanLog,
) -> Result<Vec<Vec<FittedOf<P, T>>>>
where
    T::Fitted: Invert,
{
    let wants: Vec<_> = flows.iter().map(|flow| &flow.estimator).collect();
    let mut climbers = Vec::with_capacity(flows.len() * folds.len());
    for (candidate, flow) in flows.iter().enumerate() {
        for (at, fold) in folds.iter().enumerate() {
            climbers.push(Climber {
                steps: Ascent::new(&flow.divided, &wants[candidate]),
                candidate,
                label: labels.get(candidate).cloned(),
                fold: Some(at),
                learns: fold.train.clone(),
            });
        }
    }
    let walks = climb_folds(&mut climbers, schema, rows, log)?;
    let most = shared(&wants, folds.len());
    let (walks, held) = over_held(&mut climbers, walks, schema, rows, most, log)?;
    let mut learned: Vec<Vec<_>> = flows.iter().map(|_| Vec::new()).collect();
    for (climber, walk) in climbers.into_iter().zip(walks) {
        let fitted = climber.steps.finish(schema, walk, rows.parts)?;
        learned[climber.candidate].push(fitted.ok_or_else(stuck)?.held(held));
    }
    Ok(learned)
}

/// The bytes of rows that may be held for several models, where any of the estimators scans them.
pub(super) fn shared<E: Estimator>(estimators: &[&E], folds: usize) -> Option<usize> {
    let scanning = estimators.iter().filter(|estimator| estimator.scans() > 0);
    let least = scanning.clone().map(|estimator| estimator.may_hold()).min();
    least.filter(|least| *least > 0 && scanning.count() * folds > 1)
}

/// Leads the last walks over rows that are held in memory, where they may be and are few enough; and
/// whether they are.
fn over_held<C: Climb>(
    climbers: &mut [Climber<C>],
    walks: Vec<Walk>,
    schema: &Schema,
    rows: &RowSet,
    most: Option<usize>,
    log: &mut ScanLog,
) -> Result<(Vec<Walk>, bool)> {
    let Some(most) = most else {
        return Ok((walks, false));
    };
    let held = hold(climbers, &walks, schema, rows, most, log)?;
    Ok(match held {
        Some(walks) => (walks, true),
        None => (walks, false),
    })
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
    scoring::check(divided, estimator, settings)?;
    let prepared = prepare(divided, &estimator, settings)?;
    Ok((prepared.schema, prepared.outline))
}
