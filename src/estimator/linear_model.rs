use std::fmt;

use polars::prelude::{LazyFrame, PlSmallStr, lit};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::feature::{self, distance, refuse_other};
use super::{PREDICTION, Predict};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Descent, LeastSquaresSolution};
use crate::schema::{Columns, Kind, Schema};
use crate::transform::{Artifact, Saved};

/// A linear model: an intercept and one coefficient a feature.
///
/// The prediction is an element-wise expression, summed in the order of the features: null for a null
/// feature, NaN for a NaN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Written")]
pub struct LinearModel {
    pub(crate) features: Vec<String>,
    pub(crate) coefficients: Vec<f64>,
    pub(crate) intercept: f64,
    /// Subtracted from each feature in integers, before a float would lose digits.
    #[serde(with = "wide")]
    pub(crate) origins: Vec<i128>,
    /// The prediction where every feature is at its origin.
    pub(crate) base: f64,
    pub(crate) fit: FitReport,
}

/// A model as a file has it, which may say what no fit does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    features: Vec<String>,
    coefficients: Vec<f64>,
    intercept: f64,
    #[serde(with = "wide")]
    origins: Vec<i128>,
    base: f64,
    fit: FitReport,
}

impl TryFrom<Written> for LinearModel {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let Written {
            features,
            coefficients,
            intercept,
            origins,
            base,
            fit,
        } = written;
        let count = features.len();
        if coefficients.len() != count || origins.len() != count {
            let message = "it does not hold a coefficient for each feature";
            return Err(Error::new(ErrorKind::Model, message));
        }
        Ok(Self {
            features,
            coefficients,
            intercept,
            origins,
            base,
            fit,
        })
    }
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
    /// How the coordinate descent ended; none where the model came from a closed form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descent: Option<Descent>,
}

/// Integers of any width, as text.
pub(super) mod wide {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::estimator) fn serialize<S: Serializer>(
        values: &[i128],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        texts.serialize(serializer)
    }

    pub(in crate::estimator) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<i128>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let values = texts
            .iter()
            .map(|text| text.parse().map_err(D::Error::custom));
        values.collect()
    }
}

/// JSON has no infinity, and a sum of squares cannot be anything else that it lacks.
fn or_infinite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

/// The features of a linear model, which are numeric as the target is.
pub(super) fn numeric(
    features: &Columns,
    target: &PlSmallStr,
    input: &Schema,
) -> Result<Vec<PlSmallStr>> {
    let features = feature::numeric(features, input)?;
    Kind::of(target, input.field(target)?.dtype())?;
    Ok(features)
}

impl LinearModel {
    pub(super) fn new(features: Vec<PlSmallStr>, solution: LeastSquaresSolution) -> Self {
        Self {
            features: features.into_iter().map(PlSmallStr::into_string).collect(),
            coefficients: solution.coefficients,
            intercept: solution.intercept,
            origins: solution.origins,
            base: solution.base,
            fit: FitReport {
                rows: solution.rows,
                rank: solution.rank,
                residual_sum_of_squares: solution.residual_sum_of_squares,
                total_sum_of_squares: solution.total_sum_of_squares,
                descent: solution.descent,
            },
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

    /// The features whose coefficient is exactly zero, which the model does without.
    pub fn zeros(&self) -> impl Iterator<Item = &str> {
        let terms = self.features.iter().zip(&self.coefficients);
        terms
            .filter(|(_, value)| **value == 0.0)
            .map(|(name, _)| name.as_str())
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
        let terms = terms.zip(&self.origins);
        let prediction = terms.fold(lit(self.base), |sum, ((feature, coefficient), origin)| {
            sum + distance(feature, *origin) * lit(*coefficient)
        });
        Ok(frame.with_columns([prediction.alias(PREDICTION)]))
    }

    fn report(&self) -> Value {
        let terms = self.features.iter().zip(&self.coefficients);
        let coefficients: Map<_, _> = terms
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        let mut report = json!({
            "coefficients": coefficients,
            "intercept": self.intercept,
            "rows": self.fit.rows,
            "rank": self.fit.rank,
            "residual_sum_of_squares": self.fit.residual_sum_of_squares,
            "total_sum_of_squares": self.fit.total_sum_of_squares,
        });
        if let (Some(descent), Some(report)) = (&self.fit.descent, report.as_object_mut()) {
            let zeros: Vec<_> = self.zeros().collect();
            report.insert("iterations".to_owned(), json!(descent.iterations));
            report.insert("dual_gap".to_owned(), json!(descent.dual_gap));
            report.insert("zero_coefficients".to_owned(), json!(zeros));
        }
        report
    }
}
