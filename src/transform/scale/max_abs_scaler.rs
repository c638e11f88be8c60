use polars::prelude::{Expr, LazyFrame, PlSmallStr};
use serde::{Deserialize, Serialize};

use super::centred::Centred;
use super::column::{self, Scaled};
use super::policy::{Nulls, Policies};
use super::settings::{Scaler, Settings, scaler, setters};
use crate::error::Result;
use crate::learn::{Learned, Line, Mean, Statistic, Value};
use crate::schema::Schema;

/// Scales columns into −1..1 and keeps 0 where it is: learns the largest magnitude, and applies
/// `x / max |x|` by a true division.
///
/// The value of the largest magnitude becomes exactly 1 or −1, for every numeric dtype; the
/// magnitude of `i64::MIN` is known exactly. It is learned from the smallest and the largest value,
/// so it shares its scan with a [`MinMaxScaler`](super::MinMaxScaler) of the same column. Dtypes and
/// output are those of that scaler. Rows are kept. New values of a larger magnitude lie outside
/// −1..1.
///
/// Undone, integers of magnitudes below 2^53 come back exactly, others within
/// `max |x|` · 2^-52 and half a unit of their own.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `constant` | `Constant::Zero` | a column that holds nothing but 0 |
/// | `nulls` | `Nulls::Keep` | nulls, which are never learned from |
/// | `nans` | `Nans::Keep` | NaN, which are never learned from |
/// | `infinities` | `Infinities::Error` | infinities, which are never learned from |
///
/// The definition is scikit-learn's `MaxAbsScaler`.
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
/// let rows = df!["x" => [i64::MIN, 0, 1 << 62]]?;
/// let train = floe::train_on(InMemory::new(rows.clone()))?;
/// let fitted = MaxAbsScaler::new(["x"]).fit_on(&train)?;
/// let scaled = fitted.apply(rows.lazy())?.collect()?;
/// assert_eq!(scaled, df!["x" => [-1.0, 0.0, 0.5]]?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct MaxAbsScaler {
    settings: Settings,
}

impl MaxAbsScaler {
    setters!();

    fn with(settings: Settings) -> Self {
        Self { settings }
    }
}

/// A fitted [`MaxAbsScaler`]: the largest magnitude of each column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxAbsScaling {
    columns: Vec<Scaled<Magnitude>>,
    nulls: Nulls,
    policies: Policies,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Magnitude {
    max_abs: Value,
}

impl MaxAbsScaling {
    /// The largest magnitude of a column in its physical numbers; `None` for another column and
    /// for one without any value.
    pub fn max_abs(&self, column: &str) -> Option<Value> {
        let learned = column::learned(&self.columns, column)?;
        Some(learned.max_abs)
    }

    // A value and the largest magnitude are rounded by the same rule before they are divided, so
    // that the quotient of equals is 1 and no quotient passes it.
    fn kernel_of(&self, learned: Magnitude) -> Centred {
        Centred {
            centre: Mean {
                origin: 0,
                offset: 0.0,
            },
            scale: learned.max_abs.to_f64(),
            policies: self.policies,
        }
    }

    fn told(learned: &Magnitude) -> serde_json::Value {
        serde_json::json!({ "max_abs": learned.max_abs.told() })
    }

    fn line_of(&self, learned: Magnitude) -> Line {
        self.kernel_of(learned).line()
    }
}

/// The larger magnitude of two ends of one column.
fn larger(min: Value, max: Value) -> Value {
    match (min, max) {
        // No dtype that is scaled holds `i128::MIN`, so nothing saturates.
        (Value::Int(min), Value::Int(max)) => {
            Value::Int(min.saturating_abs().max(max.saturating_abs()))
        }
        _ => Value::Float(min.to_f64().abs().max(max.to_f64().abs())),
    }
}

impl Scaler for MaxAbsScaler {
    type Learned = Magnitude;
    const NAME: &'static str = "MaxAbsScaler";
    const CONSTANT: &'static str = "every train row holds 0";
    const CENTRES: bool = false;

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn statistics(&self) -> Vec<Statistic> {
        vec![Statistic::Min, Statistic::Max]
    }

    fn learn(&self, learned: &Learned, column: &str) -> Result<Option<Magnitude>> {
        let ends = learned.min(column)?.zip(learned.max(column)?);
        Ok(ends.map(|(min, max)| Magnitude {
            max_abs: larger(min, max),
        }))
    }

    fn is_constant(learned: &Magnitude) -> bool {
        learned.max_abs.to_f64() == 0.0
    }
}

scaler!(MaxAbsScaler => MaxAbsScaling, Centred, "max_abs_scaling");
