use polars::prelude::{DataType, LazyFrame, lit};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::{PREDICTION, Predict};
use crate::error::Result;
use crate::schema::column;
use crate::transform::Artifact;

/// A linear model: an intercept and one coefficient a feature.
///
/// The prediction is a plain expression, summed in the order of the features: null for a null
/// feature, NaN for a NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearModel {
    pub(crate) features: Vec<String>,
    pub(crate) coefficients: Vec<f64>,
    pub(crate) intercept: f64,
    pub(crate) fit: FitReport,
}

/// What a least squares fit found out about the train rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FitReport {
    /// Train rows.
    pub rows: u64,
    /// Rank of the centred features.
    pub rank: usize,
    /// Sum of squared residuals on the train rows; infinite, and null in a model file, where it is
    /// beyond the largest number.
    #[serde(deserialize_with = "or_infinite")]
    pub residual_sum_of_squares: f64,
    /// Sum of squared deviations of the target on the train rows; as the one above.
    #[serde(deserialize_with = "or_infinite")]
    pub total_sum_of_squares: f64,
}

/// JSON has no infinity, and a sum of squares cannot be anything else that it lacks.
fn or_infinite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

impl LinearModel {
    /// The features in order.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// One coefficient a feature, in the order of [`features`](Self::features).
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// The coefficient of one feature.
    pub fn coefficient(&self, feature: &str) -> Option<f64> {
        let at = self.features.iter().position(|name| name == feature)?;
        self.coefficients.get(at).copied()
    }

    /// What is predicted where every feature is zero.
    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// What the fit found out.
    pub fn fit_report(&self) -> &FitReport {
        &self.fit
    }
}

impl Artifact for LinearModel {
    const KIND: &'static str = "linear_model";
}

impl Predict for LinearModel {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let terms = self.features.iter().zip(&self.coefficients);
        let prediction = terms.fold(lit(self.intercept), |sum, (feature, coefficient)| {
            sum + column(feature.as_str()).cast(DataType::Float64) * lit(*coefficient)
        });
        Ok(frame.with_columns([prediction.alias(PREDICTION)]))
    }

    fn report(&self) -> Value {
        let terms = self.features.iter().zip(&self.coefficients);
        let coefficients: Map<_, _> = terms
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        json!({
            "coefficients": coefficients,
            "intercept": self.intercept,
            "rows": self.fit.rows,
            "rank": self.fit.rank,
            "residual_sum_of_squares": self.fit.residual_sum_of_squares,
            "total_sum_of_squares": self.fit.total_sum_of_squares,
        })
    }
}
