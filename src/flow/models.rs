//! Models without a run: fitted on train rows alone, on all rows, or read from a file.

use std::path::Path;

use serde_json::Value;

use super::divide::Division;
use super::{Settings, Taught, fit, scoring};
use crate::error::{Error, ErrorKind, Result};
use crate::estimator::Estimator;
use crate::frame::RowSet;
use crate::learn::{Plan, ScanLog};
use crate::model::{Facts, Model, Pipeline, read};
use crate::source::Outline;
use crate::transform::{Invert, SavedSteps};

type ModelOf<P, T, E> = Model<<P as Plan>::Fitted, <T as Plan>::Fitted, <E as Estimator>::Model>;

/// Fits on the rows that `rows` opens, unscored.
fn fit_rows<D, P, T, E, K>(
    taught: &Taught<D, P, T, E, K>,
    settings: &Settings,
    rows: impl FnOnce(&D, &Outline, &mut ScanLog) -> Result<RowSet>,
) -> Result<ModelOf<P, T, E>>
where
    D: Division,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
{
    let Taught {
        divided, estimator, ..
    } = taught;
    let (schema, outline) = fit::prepared(divided, estimator, settings)?;
    let mut log = ScanLog::new(&settings.cancel);
    let rows = rows(&divided.division, &outline, &mut log)?;
    let (pipeline, predictor) = fit::fit_model(divided, estimator, &schema, &rows, &mut log)?;
    Ok(Model {
        pipeline,
        predictor,
        facts: Facts {
            split: divided.division.describe(),
            tags: outline.tags,
            metrics: None,
            weight: scoring::weight(&schema),
        },
    })
}

pub(crate) fn fit_train<D, P, T, E, K>(
    taught: &Taught<D, P, T, E, K>,
    settings: &Settings,
) -> Result<ModelOf<P, T, E>>
where
    D: Division,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
{
    fit_rows(taught, settings, |division, outline, log| {
        Ok(division.open(outline, log)?.sides()?.train)
    })
}

pub(crate) fn refit_on_all<D, P, T, E, K>(
    taught: &Taught<D, P, T, E, K>,
    settings: &Settings,
) -> Result<ModelOf<P, T, E>>
where
    D: Division,
    P: Plan,
    T: Plan,
    T::Fitted: Invert,
    E: Estimator,
{
    let mut model = fit_rows(taught, settings, |division, _, log| {
        Ok(RowSet::from(division.open_all(log)?))
    })?;
    // No split divides what it learned from.
    model.facts.split = Value::Null;
    let tag = "fitted on all rows, test rows included";
    model.facts.tags.push(tag.to_owned());
    Ok(model)
}

pub(crate) fn load<D, P, T, E, K>(
    taught: &Taught<D, P, T, E, K>,
    path: &Path,
) -> Result<ModelOf<P, T, E>>
where
    P: Plan,
    T: Plan,
    E: Estimator,
{
    let contents = read(path)?;
    let wrong = |message: String| {
        Error::new(ErrorKind::Model, format!("`{}`: {message}", path.display()))
            .with_help("load it with the flow that it was saved from")
    };
    let target = taught.estimator.target();
    if contents.target != target {
        let found = &contents.target;
        return Err(wrong(format!(
            "it predicts `{found}`, and this flow `{target}`"
        )));
    }
    let mut steps = SavedSteps::new(contents.steps);
    let mut target_steps = SavedSteps::new(contents.target_steps);
    let pipeline = Pipeline {
        steps: taught.divided.steps.restore(&mut steps)?,
        target_steps: taught.divided.target_steps.restore(&mut target_steps)?,
        target: target.into(),
        inputs: contents.inputs,
    };
    steps.finish()?;
    target_steps.finish()?;
    let predictor = contents
        .predictor
        .ok_or_else(|| wrong("it holds steps and no model".to_owned()))?;
    Ok(Model {
        pipeline,
        predictor: taught.estimator.restore(&predictor)?,
        facts: Facts {
            split: contents.split,
            tags: contents.tags,
            metrics: contents.metrics,
            weight: contents.weight,
        },
    })
}
