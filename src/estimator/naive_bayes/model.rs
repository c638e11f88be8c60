use std::f64::consts::PI;
use std::fmt;

use polars::prelude::{Expr, LazyFrame, PlSmallStr, map_multiple};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Moments;
use crate::error::{Error, ErrorKind, Result};
use crate::estimator::feature::{distance, refuse_other};
use crate::estimator::linear_model::wide;
use crate::estimator::softmax::{classified, float, is_float};
use crate::estimator::{Classes, Predict};
use crate::learn::Category;
use crate::schema::Columns;
use crate::transform::{Artifact, Saved};

/// A fitted [`GaussianNB`](super::GaussianNB): a normal distribution of each feature in each class.
///
/// It adds the probability of each class and the likeliest class, of several the first, in the dtype
/// of the target. A null feature makes nulls of all of them; a NaN makes the probabilities NaN and
/// the class null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Written")]
pub struct GaussianNBModel {
    features: Vec<String>,
    classes: Classes,
    priors: Vec<f64>,
    /// Subtracted from each feature in integers, before a float would lose digits.
    #[serde(with = "wide")]
    origins: Vec<i128>,
    /// Of each class, counted from the origins.
    means: Vec<Vec<f64>>,
    /// Of each class, smoothed.
    variances: Vec<Vec<f64>>,
}

/// A model as a file has it, which may say what no fit does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    features: Vec<String>,
    classes: Classes,
    priors: Vec<f64>,
    #[serde(with = "wide")]
    origins: Vec<i128>,
    means: Vec<Vec<f64>>,
    variances: Vec<Vec<f64>>,
}

impl TryFrom<Written> for GaussianNBModel {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let Written {
            features,
            classes,
            priors,
            origins,
            means,
            variances,
        } = written;
        classes.refuse_disorder()?;
        let one_each = |of: &[Vec<f64>]| {
            of.len() == classes.len() && of.iter().all(|row| row.len() == features.len())
        };
        let positive = |of: &[f64]| of.iter().all(|value| *value > 0.0);
        let fits = !features.is_empty()
            && priors.len() == classes.len()
            && origins.len() == features.len()
            && one_each(&means)
            && one_each(&variances)
            && positive(&priors)
            && variances.iter().all(|of| positive(of));
        if !fits {
            let message = "it does not hold a mean and a variance for each feature and class";
            return Err(Error::new(ErrorKind::Model, message));
        }
        Ok(Self {
            features,
            classes,
            priors,
            origins,
            means,
            variances,
        })
    }
}

impl GaussianNBModel {
    pub(super) fn new(
        features: Vec<PlSmallStr>,
        classes: Classes,
        priors: Vec<f64>,
        origins: Vec<i128>,
        moments: &[Vec<Moments>],
    ) -> Self {
        let of = |value: fn(&Moments) -> f64| -> Vec<Vec<f64>> {
            let each = 0..classes.len();
            let each = each.map(|class| moments.iter().map(|of| value(&of[class])).collect());
            each.collect()
        };
        Self {
            features: features.into_iter().map(PlSmallStr::into_string).collect(),
            priors,
            origins,
            means: of(|moments| moments.mean),
            variances: of(|moments| moments.variance),
            classes,
        }
    }

    /// The model of an estimator of these features, from a file.
    pub(super) fn restore(
        saved: &Saved,
        features: &Columns,
        estimator: &dyn fmt::Debug,
    ) -> Result<Self> {
        let model: Self = saved.read()?;
        refuse_other(&model.features, features, estimator)?;
        Ok(model)
    }

    /// The features in order.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// How likely each class is before a feature is looked at, in the order of the classes.
    pub fn priors(&self) -> &[f64] {
        &self.priors
    }

    /// The mean of a feature in a class.
    pub fn mean(&self, class: &Category, feature: &str) -> Option<f64> {
        let (code, at) = self.place(class, feature)?;
        Some(*self.origins.get(at)? as f64 + self.means.get(code)?.get(at)?)
    }

    /// The variance of a feature in a class, smoothed.
    pub fn variance(&self, class: &Category, feature: &str) -> Option<f64> {
        let (code, at) = self.place(class, feature)?;
        self.variances.get(code)?.get(at).copied()
    }

    fn place(&self, class: &Category, feature: &str) -> Option<(usize, usize)> {
        let code = self.classes.labels().binary_search(class).ok()?;
        let at = self.features.iter().position(|name| name == feature)?;
        Some((code, at))
    }

    /// The logarithm of the density of each class, times its prior.
    fn scores(&self) -> Vec<Expr> {
        let inputs = self.features.iter().zip(&self.origins);
        let inputs: Vec<_> = inputs
            .map(|(name, origin)| distance(name, *origin))
            .collect();
        let classes = self.priors.iter().zip(&self.means).zip(&self.variances);
        let scores = classes.map(|((prior, means), variances)| {
            let logs = variances.iter().map(|variance| (2.0 * PI * variance).ln());
            let base = prior.ln() - logs.sum::<f64>() / 2.0;
            let moments: Vec<(f64, f64)> = means
                .iter()
                .copied()
                .zip(variances.iter().copied())
                .collect();
            let score = move |cells: &[f64]| {
                let far = cells.iter().zip(&moments).map(|(cell, (mean, variance))| {
                    let far = cell - mean;
                    far * far / variance
                });
                base - far.sum::<f64>() / 2.0
            };
            map_multiple(
                move |columns| float(columns, &score),
                inputs.clone(),
                is_float,
            )
        });
        scores.collect()
    }
}

impl Artifact for GaussianNBModel {
    const KIND: &'static str = "gaussian_nb_model";
}

impl Predict for GaussianNBModel {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(classified(frame, &self.classes, self.scores()))
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn report(&self) -> Value {
        let labels = self.classes.labels().iter();
        let of_classes: Map<_, _> = labels
            .zip(&self.priors)
            .map(|(class, prior)| {
                let features = self.features.iter().map(|name| {
                    let (mean, variance) = (self.mean(class, name), self.variance(class, name));
                    (name.clone(), json!({ "mean": mean, "variance": variance }))
                });
                let features: Map<_, _> = features.collect();
                (
                    class.to_string(),
                    json!({ "prior": prior, "features": features }),
                )
            })
            .collect();
        json!({ "classes": of_classes })
    }
}
