use std::fmt;

use polars::prelude::{Expr, LazyFrame, PlSmallStr, lit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::rows::Scaled;
use super::sums::Shape;
use crate::error::{Error, ErrorKind, Result};
use crate::estimator::feature::{distance, refuse_other};
use crate::estimator::linear_model::wide;
use crate::estimator::softmax::classified;
use crate::estimator::{Classes, Predict};
use crate::learn::Category;
use crate::schema::Columns;
use crate::transform::{Artifact, Saved};

/// A fitted [`LogisticRegression`](super::LogisticRegression): linear scores of the classes.
///
/// It adds the probability of each class and the likeliest class, of several the first, in the dtype
/// of the target. A null feature makes nulls of all of them; a NaN makes the probabilities NaN and
/// the class null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Written")]
pub struct LogisticModel {
    features: Vec<String>,
    classes: Classes,
    coefficients: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
    /// Subtracted from each feature in integers, before a float would lose digits.
    #[serde(with = "wide")]
    origins: Vec<i128>,
    /// The scores where every feature is at its origin.
    bases: Vec<f64>,
    fit: LogisticReport,
}

/// What the fit of a logistic regression found out about the train rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LogisticReport {
    /// Train rows.
    pub rows: u64,
    /// The sum of their weights, those of the classes included.
    pub weight: f64,
    /// Passes over the train rows.
    pub iterations: usize,
    /// The largest entry of the mean gradient where the search ended, of features in their
    /// deviations.
    pub gradient: f64,
    /// The weighted sum of the logarithms of the probabilities of the rows' own classes.
    pub log_likelihood: f64,
    /// What was minimised: minus the log-likelihood, plus `‖w‖² / (2 C)`.
    pub objective: f64,
}

/// A model as a file has it, which may say what no fit does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    features: Vec<String>,
    classes: Classes,
    coefficients: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
    #[serde(with = "wide")]
    origins: Vec<i128>,
    bases: Vec<f64>,
    fit: LogisticReport,
}

impl TryFrom<Written> for LogisticModel {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let Written {
            features,
            classes,
            coefficients,
            intercepts,
            origins,
            bases,
            fit,
        } = written;
        classes.refuse_disorder()?;
        let scores = scores_of(&classes);
        let fits = coefficients.len() == scores
            && intercepts.len() == scores
            && bases.len() == scores
            && origins.len() == features.len()
            && coefficients.iter().all(|row| row.len() == features.len());
        if !fits {
            let message = "it does not hold a coefficient for each feature and score";
            return Err(Error::new(ErrorKind::Model, message));
        }
        Ok(Self {
            features,
            classes,
            coefficients,
            intercepts,
            origins,
            bases,
            fit,
        })
    }
}

/// One score tells two classes apart; otherwise there is one a class.
fn scores_of(classes: &Classes) -> usize {
    match classes.len() {
        2 => 1,
        classes => classes,
    }
}

impl LogisticModel {
    /// Moves the unknowns of the search back to the features' own units.
    pub(super) fn new(
        shape: Shape,
        features: Vec<PlSmallStr>,
        classes: Classes,
        scaled: &[Scaled],
        unknowns: &[f64],
        fit: LogisticReport,
    ) -> Result<Self> {
        let mut model = Self {
            features: features.into_iter().map(PlSmallStr::into_string).collect(),
            classes,
            coefficients: Vec::new(),
            intercepts: Vec::new(),
            origins: scaled.iter().map(|feature| feature.origin).collect(),
            bases: Vec::new(),
            fit,
        };
        for of in unknowns.chunks_exact(shape.unknowns_of_score()) {
            let own = of.iter().zip(scaled);
            // Adding 0 turns -0.0 into +0.0.
            let own: Vec<f64> = own
                .map(|(unknown, feature)| unknown * feature.factor + 0.0)
                .collect();
            let mut base = of.get(shape.features).copied().unwrap_or(0.0);
            for (coefficient, feature) in own.iter().zip(scaled) {
                base -= coefficient * feature.offset;
            }
            let mut intercept = base;
            for (coefficient, feature) in own.iter().zip(scaled) {
                intercept -= coefficient * feature.origin as f64;
            }
            if !intercept.is_finite() || own.iter().any(|value| !value.is_finite()) {
                let message = "the coefficients do not fit into floats";
                return Err(
                    Error::new(ErrorKind::Fit, message).with_help("scale the features first")
                );
            }
            model.coefficients.push(own);
            model.bases.push(base);
            model.intercepts.push(intercept);
        }
        Ok(model)
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

    /// The coefficients of each score, in the order of the features. With two classes there is one
    /// score, towards the second; otherwise there is one a class.
    pub fn coefficients(&self) -> &[Vec<f64>] {
        &self.coefficients
    }

    /// The scores where every feature is zero.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// The coefficient of a feature in the score of a class. With two classes, that of the first is
    /// that of the second with the other sign.
    pub fn coefficient(&self, class: &Category, feature: &str) -> Option<f64> {
        let at = self.features.iter().position(|name| name == feature)?;
        let code = self.classes.labels().binary_search(class).ok()?;
        match self.coefficients.as_slice() {
            [only] => only
                .get(at)
                .map(|value| if code == 0 { -value } else { *value }),
            several => several.get(code)?.get(at).copied(),
        }
    }

    /// What the fit found out.
    pub fn fit_report(&self) -> &LogisticReport {
        &self.fit
    }

    /// The score of each class.
    fn scores(&self) -> Vec<Expr> {
        let scores = self.coefficients.iter().zip(&self.bases);
        let scores = scores.map(|(coefficients, base)| {
            let terms = self.features.iter().zip(coefficients).zip(&self.origins);
            terms.fold(lit(*base), |sum, ((feature, coefficient), origin)| {
                sum + distance(feature, *origin) * lit(*coefficient)
            })
        });
        let mut scores: Vec<_> = scores.collect();
        if scores.len() == 1 {
            scores.insert(0, lit(0.0));
        }
        scores
    }
}

impl Artifact for LogisticModel {
    const KIND: &'static str = "logistic_model";
}

impl Predict for LogisticModel {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(classified(frame, &self.classes, self.scores()))
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn report(&self) -> Value {
        let labels = self.classes.labels();
        let labels = &labels[labels.len() - self.coefficients.len()..];
        let of = |values: &[f64]| -> Map<String, Value> {
            let named = self.features.iter().zip(values);
            named
                .map(|(name, value)| (name.clone(), json!(value)))
                .collect()
        };
        let coefficients = labels.iter().zip(&self.coefficients);
        let coefficients: Map<_, _> = coefficients
            .map(|(label, values)| (label.to_string(), Value::Object(of(values))))
            .collect();
        let intercepts: Map<_, _> = labels
            .iter()
            .zip(&self.intercepts)
            .map(|(label, value)| (label.to_string(), json!(value)))
            .collect();
        json!({
            "coefficients": coefficients,
            "intercepts": intercepts,
            "rows": self.fit.rows,
            "weight": self.fit.weight,
            "iterations": self.fit.iterations,
            "converged": true,
            "gradient": self.fit.gradient,
            "log_likelihood": self.fit.log_likelihood,
            "objective": self.fit.objective,
        })
    }
}
