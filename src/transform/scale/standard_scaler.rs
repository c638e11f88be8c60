use std::fmt;

use polars::prelude::{Expr, LazyFrame, PlSmallStr};
use serde::{Deserialize, Serialize};

use super::cells::Kernel;
use super::column::{self, Scaled, Scaling};
use super::number::Physical;
use super::policy::{Constant, Infinities, Nans, Nulls, Policies};
use super::report::Report;
use super::standard::StandardKernel;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Learned, Mean, Need, Statistic};
use crate::schema::{Columns, Dtype, Schema};
use crate::transform::{Apply, Artifact, Invert, RowWise, Saved, Transform};

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
    columns: Columns,
    nulls: Nulls,
    policies: Policies,
}

impl StandardScaler {
    /// A scaler of these columns.
    pub fn new(columns: impl Into<Columns>) -> Self {
        Self {
            columns: columns.into(),
            nulls: Nulls::default(),
            policies: Policies::default(),
        }
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
    fn moments(&self, column: &str) -> Option<Moments> {
        self.columns
            .iter()
            .find(|scaled| scaled.column == column)?
            .learned
    }

    /// The learned mean of a column in its physical numbers.
    pub fn mean(&self, column: &str) -> Option<f64> {
        self.moments(column).map(|moments| moments.mean.to_f64())
    }

    /// The learned standard deviation of a column (`ddof` 0) in its physical numbers.
    pub fn std(&self, column: &str) -> Option<f64> {
        self.moments(column).map(|moments| moments.std)
    }
}

// The label of the stage in messages: the columns, and the policies that are not the default.
impl fmt::Debug for StandardScaler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        column::label(
            f,
            "StandardScaler",
            &self.columns,
            self.nulls,
            &self.policies,
        )
    }
}

impl Transform for StandardScaler {
    type Fitted = StandardScaling;

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
                Need::column(name.clone(), Statistic::Mean),
                Need::column(name, Statistic::Std),
            ]
        });
        Ok(needs.collect())
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<StandardScaling> {
        let mut columns = Vec::new();
        for name in column::resolve(&self.columns, input)? {
            column::refuse(
                learned,
                &name,
                self.nulls,
                self.policies.nans,
                self.policies.infinities,
            )?;
            let dtype = input.field(&name)?.dtype().clone();
            let moments = match (learned.mean(&name)?, learned.std(&name)?) {
                (Some(mean), Some(std)) => Some(Moments { mean, std }),
                _ => None,
            };
            if self.policies.constant == Constant::Error
                && moments.is_some_and(|moments| moments.std == 0.0)
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
                learned: moments,
            });
        }
        Ok(StandardScaling {
            columns,
            nulls: self.nulls,
            policies: self.policies,
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let columns = column::resolve(&self.columns, input)?;
        column::output(
            input,
            columns.iter().map(PlSmallStr::as_str),
            &self.policies,
        )
    }

    fn restore(&self, saved: &Saved) -> Result<StandardScaling> {
        let fitted: StandardScaling = saved.read()?;
        let names = fitted.columns.iter().map(|scaled| scaled.column.as_str());
        let same = self.columns.may_be(names)
            && (fitted.nulls, fitted.policies) == (self.nulls, self.policies);
        if !same {
            return Err(column::another_step(self, &fitted));
        }
        Ok(fitted)
    }
}

impl Scaling for StandardScaling {
    type Learned = Moments;
    type Kernel = (Moments, Policies);

    fn columns(&self) -> &[Scaled<Moments>] {
        &self.columns
    }

    fn nulls(&self) -> Nulls {
        self.nulls
    }

    fn kernel(&self, learned: &Moments) -> (Moments, Policies) {
        (*learned, self.policies)
    }
}

fn typed<T: Physical>((moments, policies): &(Moments, Policies)) -> Result<StandardKernel<T>> {
    let Mean { origin, offset } = moments.mean;
    StandardKernel::new(origin, offset, moments.std, *policies).ok_or_else(|| {
        Error::new(
            ErrorKind::Model,
            "the learned moments do not fit the dtype of their column",
        )
        .with_help("save the model again")
    })
}

impl Kernel for (Moments, Policies) {
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

impl Artifact for StandardScaling {
    const KIND: &'static str = "standard_scaling";
}

impl Apply for StandardScaling {
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

impl RowWise for StandardScaling {}

impl Invert for StandardScaling {
    fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(column::undo(self, frame))
    }

    fn inverse_value(&self, column: &str, value: Expr) -> Result<Expr> {
        Ok(column::undo_value(self, column, value))
    }
}
