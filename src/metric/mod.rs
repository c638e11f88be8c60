//! Metrics of predictions against the truth, all from one scan: of numbers, and of classes.

mod classification;
mod regression;
mod scoring;
mod spread;
mod weighted;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use classification::{ClassScorer, Has};
pub use classification::{ClassificationMetrics, Confusion};
pub use regression::RegressionMetrics;
pub(crate) use regression::Scorer;
pub use scoring::Scoring;
pub use spread::MetricSpread;

/// One metric: a value, or the reason why it is undefined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, such as `r2`.
    pub name: String,
    /// Its value; absent where it is undefined.
    pub value: Option<f64>,
    /// Why it is undefined.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// The metrics of one side of a split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    rows: u64,
    skipped: u64,
    metrics: Vec<Metric>,
    /// Of predicted classes; files from before there were any lack it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    confusion: Option<Confusion>,
    /// Absent in files from before there were weights.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    weight: Option<String>,
}

impl Metrics {
    /// Rows that were scored.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows without a truth or without a prediction: not scored.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The column that the rows weighed by, where one has the role
    /// [`Weight`](crate::Role::Weight). Of two rows of weight 1 and one of weight 2, each side
    /// counts the same.
    pub fn weight(&self) -> Option<&str> {
        self.weight.as_deref()
    }

    /// The same metrics, of rows that weighed by a column.
    pub(crate) fn weighed_by(mut self, weight: Option<&str>) -> Self {
        self.weight = weight.map(ToOwned::to_owned);
        self
    }

    /// A metric's value by name; `None` where it is unknown or undefined.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.iter().find(|metric| metric.name == name)?.value
    }

    /// Every metric in order.
    pub fn iter(&self) -> impl Iterator<Item = &Metric> {
        self.metrics.iter()
    }

    /// The coefficient of determination, 1 − Σ(y − ŷ)² / Σ(y − ȳ)²; undefined for a constant truth.
    pub fn r2(&self) -> Option<f64> {
        self.get("r2")
    }

    /// The root of the mean squared error, in the target's units.
    pub fn rmse(&self) -> Option<f64> {
        self.get("rmse")
    }

    /// The mean absolute error, in the target's units.
    pub fn mae(&self) -> Option<f64> {
        self.get("mae")
    }

    /// The share of rows whose class was predicted.
    pub fn accuracy(&self) -> Option<f64> {
        self.get("accuracy")
    }

    /// The mean of −ln p of the true class, in nats.
    pub fn log_loss(&self) -> Option<f64> {
        self.get("log_loss")
    }

    /// The area under the ROC curve; of more than two classes the mean of each against the rest.
    pub fn roc_auc(&self) -> Option<f64> {
        self.get("roc_auc")
    }

    /// The harmonic mean of precision and recall of the positive class. Of more than two classes
    /// there is none unless it is named: see `f1_macro`.
    pub fn f1(&self) -> Option<f64> {
        self.get("f1")
    }

    /// How often each class was predicted for each class, where classes were predicted.
    pub fn confusion(&self) -> Option<&Confusion> {
        self.confusion.as_ref()
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = self
            .iter()
            .map(|metric| metric.name.len())
            .max()
            .unwrap_or(0);
        for metric in self.iter() {
            match (metric.value, &metric.reason) {
                (Some(value), _) => writeln!(f, "{:widest$}  {value}", metric.name)?,
                (None, Some(reason)) => {
                    writeln!(f, "{:widest$}  undefined: {reason}", metric.name)?;
                }
                (None, None) => writeln!(f, "{:widest$}  undefined", metric.name)?,
            }
        }
        write!(f, "{:widest$}  {}", "rows", self.rows)?;
        if self.skipped > 0 {
            write!(f, " ({} skipped)", self.skipped)?;
        }
        if let Some(weight) = &self.weight {
            write!(f, ", weighed by `{weight}`")?;
        }
        Ok(())
    }
}

/// Whether a metric is best when it is small.
pub(crate) fn is_loss(metric: &str) -> bool {
    const LOSSES: [&str; 8] = [
        "rmse",
        "mse",
        "mae",
        "max_error",
        "mape",
        "median_absolute_error",
        "log_loss",
        "brier",
    ];
    LOSSES.contains(&metric) || metric.starts_with("brier")
}
