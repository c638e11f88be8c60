use polars::prelude::{LazyFrame, PlSmallStr, lit};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Estimator, PREDICTION, Predict, Training};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Need, Statistic};
use crate::schema::{Schema, physical_unit};
use crate::transform::Artifact;

/// Predicts the mean of the target, whatever the features: the baseline of least squares.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct MeanRegressor {
    target: PlSmallStr,
}

/// Predicts the median of the target, whatever the features: the baseline of absolute errors.
///
/// The target is buffered, 8 bytes a train row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct MedianRegressor {
    target: PlSmallStr,
}

impl MeanRegressor {
    /// A baseline for this target.
    pub fn new(target: impl Into<PlSmallStr>) -> Self {
        Self {
            target: target.into(),
        }
    }
}

impl MedianRegressor {
    /// A baseline for this target.
    pub fn new(target: impl Into<PlSmallStr>) -> Self {
        Self {
            target: target.into(),
        }
    }
}

/// The fitted form of the baselines: one value for every row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstantModel {
    value: f64,
}

impl ConstantModel {
    fn learned(value: Option<f64>, training: &Training<'_>, target: &str) -> Result<Self> {
        training.learned.refuse_infinities(target)?;
        let value = value.ok_or_else(|| {
            Error::new(ErrorKind::Fit, "no train row holds a value of the target").on_column(target)
        })?;
        let unit = physical_unit(training.schema().field(target)?.dtype());
        Ok(Self {
            value: value / unit,
        })
    }

    /// The value that is predicted.
    pub fn value(&self) -> f64 {
        self.value
    }
}

impl Artifact for ConstantModel {
    const KIND: &'static str = "constant_model";
}

impl Predict for ConstantModel {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(frame.with_columns([lit(self.value).alias(PREDICTION)]))
    }

    fn report(&self) -> serde_json::Value {
        json!({ "value": self.value })
    }
}

impl Estimator for MeanRegressor {
    type Model = ConstantModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(Vec::new())
    }

    fn needs(&self, _: &Schema) -> Result<Vec<Need>> {
        Ok(vec![Need::column(self.target.clone(), Statistic::Mean)])
    }

    fn fit(&self, training: &Training<'_>) -> Result<ConstantModel> {
        let mean = training.learned.mean(&self.target)?;
        ConstantModel::learned(mean.map(|mean| mean.to_f64()), training, &self.target)
    }
}

impl Estimator for MedianRegressor {
    type Model = ConstantModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(Vec::new())
    }

    fn needs(&self, _: &Schema) -> Result<Vec<Need>> {
        Ok(vec![Need::column(
            self.target.clone(),
            Statistic::Quantile(0.5),
        )])
    }

    fn fit(&self, training: &Training<'_>) -> Result<ConstantModel> {
        let median = training.learned.quantile(&self.target, 0.5)?;
        ConstantModel::learned(median.map(|median| median.to_f64()), training, &self.target)
    }
}
