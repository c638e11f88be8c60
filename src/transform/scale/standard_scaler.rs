use polars::prelude::{Expr, LazyFrame, PlSmallStr};
use serde::{Deserialize, Serialize};

use super::centred::Centred;
use super::column::{self, Scaled};
use super::policy::{Nulls, Policies};
use super::settings::{Scaler, Settings, scaler, setters};
use crate::error::Result;
use crate::learn::{Learned, Line, Mean, Statistic};
use crate::schema::Schema;

/// Scales columns to mean 0 and standard deviation 1: learns both (`ddof` 0) and applies
/// `(x − mean) / std`.
///
/// Mean and deviation come from two passes within each block of rows and a fixed tree over the
/// blocks (Chan, Golub and `LeVeque`, The American Statistician 37, 1983), so that a large offset
/// costs no digits and the bits do not depend on threads or chunks. Dtypes and output are those of
/// [`MinMaxScaler`](super::MinMaxScaler). Rows are kept.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `constant` | `Constant::Zero` | a column whose learned values are all equal |
/// | `nulls` | `Nulls::Keep` | nulls, which are never learned from |
/// | `nans` | `Nans::Keep` | NaN, which are never learned from |
/// | `infinities` | `Infinities::Error` | infinities, which are never learned from |
///
/// # Errors
///
/// As [`MinMaxScaler`](super::MinMaxScaler).
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["x" => [1.0, 2.0, 3.0]]?;
/// let train = floe::train_on(InMemory::new(rows.clone()))?;
/// let fitted = StandardScaler::new(["x"]).fit_on(&train)?;
/// assert_eq!(fitted.mean("x"), Some(2.0));
/// let scaled = fitted.apply(rows.lazy())?.collect()?;
/// assert_eq!(scaled.column("x")?.f64()?.get(1), Some(0.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct StandardScaler {
    settings: Settings,
}

impl StandardScaler {
    setters!();

    fn with(settings: Settings) -> Self {
        Self { settings }
    }
}

/// A fitted [`StandardScaler`]: mean and standard deviation of each column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandardScaling {
    columns: Vec<Scaled<Moments>>,
    nulls: Nulls,
    policies: Policies,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Moments {
    mean: Mean,
    std: f64,
}

impl StandardScaling {
    /// The learned mean of a column in its physical numbers.
    pub fn mean(&self, column: &str) -> Option<f64> {
        column::learned(&self.columns, column).map(|moments| moments.mean.to_f64())
    }

    /// The learned standard deviation of a column (`ddof` 0) in its physical numbers.
    pub fn std(&self, column: &str) -> Option<f64> {
        column::learned(&self.columns, column).map(|moments| moments.std)
    }

    fn kernel_of(&self, learned: Moments) -> Centred {
        Centred {
            centre: learned.mean,
            scale: learned.std,
            policies: self.policies,
        }
    }

    fn told(learned: &Moments) -> serde_json::Value {
        serde_json::json!({ "mean": learned.mean.to_f64(), "std": learned.std })
    }

    fn line_of(&self, learned: Moments) -> Line {
        self.kernel_of(learned).line()
    }
}

impl Scaler for StandardScaler {
    type Learned = Moments;
    const NAME: &'static str = "StandardScaler";

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn statistics(&self) -> Vec<Statistic> {
        vec![Statistic::Mean, Statistic::Std]
    }

    fn learn(&self, learned: &Learned, column: &str) -> Result<Option<Moments>> {
        let moments = learned.mean(column)?.zip(learned.std(column)?);
        Ok(moments.map(|(mean, std)| Moments { mean, std }))
    }

    fn is_constant(learned: &Moments) -> bool {
        learned.std == 0.0
    }
}

scaler!(StandardScaler => StandardScaling, Centred, "standard_scaling");
