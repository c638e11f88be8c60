use super::{ClassificationMetrics, RegressionMetrics};
use crate::error::{Error, ErrorKind, Result};

/// How predictions are scored: by the metrics that fit the model, or by those that were chosen.
///
/// Made from [`RegressionMetrics`] or [`ClassificationMetrics`]. By default a model that predicts
/// classes is scored by all of the latter, another one by all of the former that hold no row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scoring {
    /// The metrics that fit the model.
    #[default]
    Fitting,
    /// The metrics of numbers.
    Regression(RegressionMetrics),
    /// The metrics of classes.
    Classification(ClassificationMetrics),
}

impl Scoring {
    /// The metrics of numbers.
    pub(crate) fn of_numbers(&self) -> Result<RegressionMetrics> {
        match self {
            Self::Fitting => Ok(RegressionMetrics::new()),
            Self::Regression(metrics) => Ok(*metrics),
            Self::Classification(metrics) => Err(Error::new(
                ErrorKind::Config,
                "the model predicts numbers, and its metrics are to be those of classes",
            )
            .with_help("score it with `RegressionMetrics`, or learn a classifier")
            .at(metrics)),
        }
    }

    /// The metrics of classes.
    pub(crate) fn of_classes(&self) -> Result<ClassificationMetrics> {
        match self {
            Self::Fitting => Ok(ClassificationMetrics::new()),
            Self::Classification(metrics) => Ok(metrics.clone()),
            Self::Regression(metrics) => Err(Error::new(
                ErrorKind::Config,
                "the model predicts classes, and its metrics are to be those of numbers",
            )
            .with_help("score it with `ClassificationMetrics`")
            .at(metrics)),
        }
    }
}

impl From<RegressionMetrics> for Scoring {
    fn from(metrics: RegressionMetrics) -> Self {
        Self::Regression(metrics)
    }
}

impl From<ClassificationMetrics> for Scoring {
    fn from(metrics: ClassificationMetrics) -> Self {
        Self::Classification(metrics)
    }
}
