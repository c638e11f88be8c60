use std::fmt;

use polars::prelude::{Expr, LazyFrame, PlSmallStr};
use serde::{Deserialize, Serialize};

use super::cells::Kernel;
use super::column::{self, Scaled};
use super::min_max::MinMaxKernel;
use super::number::Physical;
use super::policy::{Nulls, OutputRange, Outside, Policies};
use super::report::Report;
use super::settings::{Scaler, Settings, scaler, setters};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Learned, Line, Mean, Statistic, Value};
use crate::schema::Schema;

/// Scales columns to 0..1: learns the smallest and the largest value, and applies
/// `(x − min) / (max − min)` by a true division.
///
/// The learned minimum becomes exactly 0 and the maximum exactly 1, for every numeric dtype:
/// integers of all widths, floats, Decimal, Boolean, Date, Datetime, Duration and Time (by their
/// physical integers). Output: Float32 for Float32, else Float64. Rows are kept.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `range` | 0..1 | where the learned range goes |
/// | `outside` | `Outside::Keep` | new values outside the learned range |
/// | `constant` | `Constant::Zero` | a column whose learned values are all equal |
/// | `nulls` | `Nulls::Keep` | nulls, which are never learned from |
/// | `nans` | `Nans::Keep` | NaN, which are never learned from |
/// | `infinities` | `Infinities::Error` | infinities, which are never learned from |
///
/// # Errors
///
/// The fit ends with [`ErrorKind::Schema`] for a column that is absent or not numeric and
/// [`ErrorKind::Fit`] for what a policy refuses; applying, with [`ErrorKind::Schema`] for another
/// dtype than at the fit, before a row is read, and [`ErrorKind::Apply`] for what a policy refuses.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// // Where `x - min` on 64-bit integers wraps and on floats loses the difference, this is exact.
/// let extremes = df!["x" => [i64::MIN, 0, i64::MAX]]?;
/// let train = floe::train_on(InMemory::new(extremes.clone()))?;
/// let fitted = MinMaxScaler::new(["x"]).fit_on(&train)?;
/// let scaled = fitted.apply(extremes.clone().lazy())?.collect()?;
/// assert_eq!(scaled, df!["x" => [0.0, 0.5, 1.0]]?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct MinMaxScaler {
    settings: Settings,
}

impl MinMaxScaler {
    setters!();

    fn with(settings: Settings) -> Self {
        Self { settings }
    }

    /// Where the learned range goes.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.settings.policies.output = OutputRange { low, high };
        self
    }

    /// What to do with new values outside the learned range.
    pub fn outside(mut self, outside: Outside) -> Self {
        self.settings.policies.outside = outside;
        self
    }
}

/// A fitted [`MinMaxScaler`]: the smallest and the largest value of each column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinMaxScaling {
    columns: Vec<Scaled<Range>>,
    nulls: Nulls,
    policies: Policies,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Range {
    min: Value,
    max: Value,
}

impl MinMaxScaling {
    /// The learned minimum and maximum of a column in its physical numbers; `None` for another
    /// column and for one without any value.
    pub fn range(&self, column: &str) -> Option<(Value, Value)> {
        column::learned(&self.columns, column).map(|range| (range.min, range.max))
    }

    fn kernel_of(&self, learned: Range) -> (Range, Policies) {
        (learned, self.policies)
    }

    fn told(learned: &Range) -> serde_json::Value {
        serde_json::json!({ "min": learned.min.told(), "max": learned.max.told() })
    }

    fn line_of(&self, learned: Range) -> Line {
        let OutputRange { low, high } = self.policies.output;
        let (centre, distance, halved) = match (learned.min, learned.max) {
            (Value::Int(min), Value::Int(max)) => {
                let centre = Mean {
                    origin: min,
                    offset: 0.0,
                };
                (centre, max.abs_diff(min) as f64, false)
            }
            (min, max) => {
                let (min, max) = (min.to_f64(), max.to_f64());
                let halved = (max - min).is_infinite();
                let half = if halved { 0.5 } else { 1.0 };
                let centre = Mean {
                    origin: 0,
                    offset: min,
                };
                (centre, max * half - min * half, halved)
            }
        };
        let distance = if distance == 0.0 { 1.0 } else { distance };
        Line {
            centre,
            scale: distance / (high - low),
            shift: low,
            halved,
        }
    }
}

impl Scaler for MinMaxScaler {
    type Learned = Range;
    const NAME: &'static str = "MinMaxScaler";

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn statistics(&self) -> Vec<Statistic> {
        vec![Statistic::Min, Statistic::Max]
    }

    fn learn(&self, learned: &Learned, column: &str) -> Result<Option<Range>> {
        let ends = learned.min(column)?.zip(learned.max(column)?);
        Ok(ends.map(|(min, max)| Range { min, max }))
    }

    fn is_constant(learned: &Range) -> bool {
        learned.min == learned.max
    }

    fn check(&self) -> Result<()> {
        let OutputRange { low, high } = self.settings.policies.output;
        // Written so that NaN is refused too.
        if low.is_finite() && high.is_finite() && low < high {
            return Ok(());
        }
        let message = format!("the output range is {low}..{high}");
        Err(Error::new(ErrorKind::Config, message)
            .with_help("give two finite numbers, the lower one first"))
    }

    fn label(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (policies, usual) = (self.settings.policies, Policies::default());
        if policies.outside != usual.outside {
            write!(f, ", outside: {:?}", policies.outside)?;
        }
        if policies.output != usual.output {
            let OutputRange { low, high } = policies.output;
            write!(f, ", range: {low}..{high}")?;
        }
        Ok(())
    }
}

scaler!(MinMaxScaler => MinMaxScaling, (Range, Policies), "min_max_scaling");

fn typed<T: Physical>((range, policies): &(Range, Policies)) -> Result<MinMaxKernel<T>> {
    let kernel = T::from_learned(range.min)
        .zip(T::from_learned(range.max))
        .and_then(|(min, max)| MinMaxKernel::new(min, max, *policies));
    kernel.ok_or_else(|| {
        Error::new(
            ErrorKind::Model,
            "the learned range does not fit the dtype of its column",
        )
        .with_help("save the model again")
    })
}

impl Kernel for (Range, Policies) {
    fn forward<T: Physical>(
        &self,
        values: &[T],
        valid: &dyn Fn(usize) -> bool,
        out: &mut Vec<T::Scaled>,
    ) -> Result<Report> {
        Ok(typed::<T>(self)?.forward(values, valid, out))
    }

    fn inverse<T: Physical>(
        &self,
        values: &[f64],
        valid: &dyn Fn(usize) -> bool,
        out: &mut Vec<T>,
    ) -> Result<Report> {
        Ok(typed::<T>(self)?.inverse(values, valid, out))
    }

    fn inverse_values<T: Physical>(&self, values: &[f64], out: &mut Vec<f64>) -> Result<()> {
        let kernel = typed::<T>(self)?;
        out.extend(values.iter().map(|value| kernel.inverse_value(*value)));
        Ok(())
    }
}
