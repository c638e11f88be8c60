use std::fmt;

use polars::prelude::{Expr, LazyFrame, PlSmallStr};
use serde::{Deserialize, Serialize};

use super::cells::Kernel;
use super::column::{self, Scaled, Scaling};
use super::min_max::MinMaxKernel;
use super::number::Physical;
use super::policy::{Constant, Infinities, Nans, Nulls, OutputRange, Outside, Policies};
use super::report::Report;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Learned, Need, Statistic, Value};
use crate::schema::{Columns, Dtype, Schema};
use crate::transform::{Apply, Artifact, Invert, RowWise, Saved, Transform};

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
    columns: Columns,
    nulls: Nulls,
    policies: Policies,
}

impl MinMaxScaler {
    /// A scaler of these columns.
    pub fn new(columns: impl Into<Columns>) -> Self {
        Self {
            columns: columns.into(),
            nulls: Nulls::default(),
            policies: Policies::default(),
        }
    }

    /// Where the learned range goes.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.policies.output = OutputRange { low, high };
        self
    }

    /// What to do with new values outside the learned range.
    pub fn outside(mut self, outside: Outside) -> Self {
        self.policies.outside = outside;
        self
    }

    /// What to do with a column whose learned values are all equal.
    pub fn constant(mut self, constant: Constant) -> Self {
        self.policies.constant = constant;
        self
    }

    /// What to do with nulls.
    pub fn nulls(mut self, nulls: Nulls) -> Self {
        self.nulls = nulls;
        self
    }

    /// What to do with NaN.
    pub fn nans(mut self, nans: Nans) -> Self {
        self.policies.nans = nans;
        self
    }

    /// What to do with infinities.
    pub fn infinities(mut self, infinities: Infinities) -> Self {
        self.policies.infinities = infinities;
        self
    }

    fn check(&self) -> Result<()> {
        let OutputRange { low, high } = self.policies.output;
        // Written so that NaN is refused too.
        if low.is_finite() && high.is_finite() && low < high {
            return Ok(());
        }
        let message = format!("the output range is {low}..{high}");
        Err(Error::new(ErrorKind::Config, message)
            .with_help("give two finite numbers, the lower one first"))
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
        let scaled = self.columns.iter().find(|scaled| scaled.column == column)?;
        scaled.learned.map(|range| (range.min, range.max))
    }
}

// The label of the stage in messages: the columns, and the policies that are not the default.
impl fmt::Debug for MinMaxScaler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        column::label(f, "MinMaxScaler", &self.columns, self.nulls, &self.policies)
    }
}

impl Transform for MinMaxScaler {
    type Fitted = MinMaxScaling;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        column::resolve(&self.columns, input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        column::resolve(&self.columns, input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let columns = column::resolve(&self.columns, input)?;
        let needs = columns.into_iter().flat_map(|name| {
            [
                column::counts(&name, self.policies.infinities),
                Need::column(name.clone(), Statistic::Min),
                Need::column(name, Statistic::Max),
            ]
        });
        Ok(needs.collect())
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<MinMaxScaling> {
        let mut columns = Vec::new();
        for name in column::resolve(&self.columns, input)? {
            column::refuse(
                learned,
                &name,
                self.nulls,
                self.policies.nans,
                self.policies.infinities,
            )?;
            let range = match (learned.min(&name)?, learned.max(&name)?) {
                (Some(min), Some(max)) => Some(Range { min, max }),
                _ => None,
            };
            let dtype = input.field(&name)?.dtype().clone();
            if self.policies.constant == Constant::Error
                && range.is_some_and(|range| range.min == range.max)
            {
                return Err(
                    Error::new(ErrorKind::Fit, "every train row holds the same value")
                        .on_column(name.as_str())
                        .with_dtype(dtype)
                        .with_help("leave the column out, or choose `.constant(Constant::Zero)`"),
                );
            }
            columns.push(Scaled {
                column: name.to_string(),
                dtype: Dtype(dtype),
                learned: range,
            });
        }
        Ok(MinMaxScaling {
            columns,
            nulls: self.nulls,
            policies: self.policies,
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.check()?;
        let columns = column::resolve(&self.columns, input)?;
        column::output(
            input,
            columns.iter().map(PlSmallStr::as_str),
            &self.policies,
        )
    }

    fn restore(&self, saved: &Saved) -> Result<MinMaxScaling> {
        let fitted: MinMaxScaling = saved.read()?;
        let names = fitted.columns.iter().map(|scaled| scaled.column.as_str());
        let same = self.columns.may_be(names)
            && (fitted.nulls, fitted.policies) == (self.nulls, self.policies);
        if !same {
            return Err(column::another_step(self, &fitted));
        }
        Ok(fitted)
    }
}

impl Scaling for MinMaxScaling {
    type Learned = Range;
    type Kernel = (Range, Policies);

    fn columns(&self) -> &[Scaled<Range>] {
        &self.columns
    }

    fn nulls(&self) -> Nulls {
        self.nulls
    }

    fn kernel(&self, learned: &Range) -> (Range, Policies) {
        (*learned, self.policies)
    }
}

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

impl Artifact for MinMaxScaling {
    const KIND: &'static str = "min_max_scaling";
}

impl Apply for MinMaxScaling {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(column::apply(self, frame))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        column::output(
            input,
            self.columns.iter().map(|scaled| scaled.column.as_str()),
            &self.policies,
        )
    }

    fn warnings(&self, warnings: &mut Vec<String>) {
        column::warn(self, warnings);
    }
}

impl RowWise for MinMaxScaling {}

impl Invert for MinMaxScaling {
    fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(column::undo(self, frame))
    }

    fn inverse_value(&self, column: &str, value: Expr) -> Result<Expr> {
        Ok(column::undo_value(self, column, value))
    }
}
