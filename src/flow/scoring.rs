//! What a score needs of the flow, known before a row is read.

use polars::prelude::PlSmallStr;

use super::{Divided, Settings};
use crate::error::{Error, ErrorKind, Result, label, listed};
use crate::estimator::{Estimator, Predict};
use crate::learn::Plan;
use crate::schema::{Kind, Role, Schema};

/// The columns that are declared weights.
fn weights(schema: &Schema) -> impl Iterator<Item = &PlSmallStr> {
    let fields = schema.fields().iter();
    let weights = fields.filter(|field| field.has_role() == Role::Weight);
    weights.map(|field| field.name())
}

/// The column that the rows weigh by when they are scored.
pub(super) fn weight(schema: &Schema) -> Option<String> {
    weights(schema).next().map(ToString::to_string)
}

/// Refuses weights that are no numbers, or of which there are several.
pub(super) fn check_weight(schema: &Schema) -> Result<()> {
    let found: Vec<_> = weights(schema).collect();
    match found[..] {
        [] => Ok(()),
        [weight] => {
            let dtype = schema.field(weight)?.dtype();
            Kind::of(weight, dtype)?;
            if dtype.is_temporal() {
                return Err(Error::new(ErrorKind::Schema, "a time is no weight")
                    .on_column(weight.as_str())
                    .with_dtype(dtype)
                    .with_help("a weight is a number from 0 on"));
            }
            Ok(())
        }
        _ => {
            let message = format!("{} are all declared the weight", listed(&found));
            Err(Error::new(ErrorKind::Config, message)
                .with_help("rows have one weight: leave the role to one column"))
        }
    }
}

/// Refuses what cannot be scored: steps on a target of classes, and metrics of something else than
/// the model predicts.
pub(super) fn check<D, P: Plan, T: Plan, E: Estimator>(
    divided: &Divided<D, P, T>,
    estimator: &E,
    settings: &Settings,
) -> Result<()> {
    if !estimator.is_classifier() {
        return settings.scoring.of_numbers().map(drop);
    }
    let mut steps = Vec::new();
    divided.target_steps.labels(&mut steps);
    if !steps.is_empty() {
        let message = format!(
            "it predicts classes, and {} cannot move those",
            listed(steps)
        );
        return Err(Error::new(ErrorKind::Config, message)
            .on_column(estimator.target())
            .with_help("leave `.on_target(..)` out; classes are renamed before the split")
            .at(estimator));
    }
    settings.scoring.of_classes().map(drop)
}

/// What a score holds in memory, in words.
pub(super) fn held<E: Estimator>(
    estimator: &E,
    settings: &Settings,
    schema: &Schema,
    models: usize,
) -> Result<Vec<String>> {
    let (metrics, predictions) = if estimator.is_classifier() {
        let metrics = settings.scoring.of_classes()?;
        (
            metrics.held(weight(schema).is_some()),
            "the prediction, 4 bytes a row and 8 a class",
        )
    } else {
        (settings.scoring.of_numbers()?.held(), "12 bytes a row")
    };
    let predictions = (models > 1).then(|| predictions.to_owned());
    Ok(predictions.into_iter().chain(metrics).collect())
}

/// Refuses a model that predicts something else than its estimator says.
pub(super) fn check_model<E: Estimator>(estimator: &E, model: &E::Model) -> Result<()> {
    let said = if estimator.is_classifier() {
        "predicts classes, and its model has none"
    } else {
        "predicts numbers, and its model has classes"
    };
    if estimator.is_classifier() == model.classes().is_some() {
        return Ok(());
    }
    let message = format!("`{}` says that it {said}", label(estimator));
    Err(Error::new(ErrorKind::Fit, message)
        .with_help("`Estimator::is_classifier` and `Predict::classes` go together"))
}
