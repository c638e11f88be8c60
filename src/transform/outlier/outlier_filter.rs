use std::fmt;

use polars::prelude::{DataType, Expr, Field as PolarsField, LazyFrame, PlSmallStr};
use serde::{Deserialize, Serialize};

use super::fence::Fence;
use super::fenced::{self, Fenced};
use crate::error::Result;
use crate::learn::{Learned, Need, Value};
use crate::schema::{self, Columns, Schema};
use crate::transform::{Apply, Artifact, Invert, Saved, Transform, names};

/// Keeps train rows with outliers from teaching: drops those that lie beyond the [`Fence`] of any of
/// the columns. All other rows, of the test set and where a model predicts, stay as they are.
///
/// The fences are learned from the train rows at the step's own place. What stands before the step
/// learns from all rows, what stands after it from those that are left; so it costs a level, and
/// stands best first or last. In a run of folds each fold has fences of its own. On the target, in
/// `.on_target(..)`, it drops the rows of outlying targets; the steps on features stand before it.
///
/// Works on every numeric dtype that floe scales. A null or NaN is never an outlier, an infinity
/// always is one. The columns need not be there where a model predicts. A column of which no train
/// row holds a value drops nothing, and the run warns.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | [`fence`](Self::fence) | `Fence::iqr(1.5)` | where the fence stands |
///
/// What the fit found is told by [`Apply::report`]: for each column `low` and `high`, in its physical
/// numbers, and where the fence stands at exact quantiles how many of the train rows lie `below` and
/// `above` it, since the fit holds their values. Other fences are not counted, nor is a column that a
/// step of the same level rewrites: that would cost a scan. How many rows are left is what the scan
/// of the next level reads, which [`Run::scans`](crate::Run::scans) tells.
///
/// The default is Tukey's rule (Exploratory Data Analysis, 1977). scikit-learn has no such step: its
/// transformers keep all rows.
///
/// # Errors
///
/// [`ErrorKind::Schema`](crate::ErrorKind::Schema) for a column that is absent or not numeric;
/// [`ErrorKind::Config`](crate::ErrorKind::Config) for a fence that cannot be, and for a step that is
/// fitted before the split; [`ErrorKind::Fit`](crate::ErrorKind::Fit) for a fence with no number of
/// the dtype within.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["x" => [1.0, 2.0, 3.0, 4.0, 900.0], "y" => [2.0, 4.0, 6.0, 8.0, 5.0]]?;
/// let model = floe::from_train(InMemory::new(rows.clone()))
///     .then(OutlierFilter::new(["x"]))
///     .learn(LinearRegression::new(["x"], "y"))
///     .fit()?;
/// // The line is that of the four other rows, and every row is predicted.
/// let predicted = model.predict(rows.lazy())?.collect()?;
/// assert!((predicted.column("prediction")?.f64()?.get(4).unwrap() - 1800.0).abs() < 1e-9);
/// assert_eq!(model.pipeline().steps().next().dropped(), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct OutlierFilter {
    columns: Columns,
    fence: Fence,
}

impl OutlierFilter {
    /// Drops train rows by these columns.
    pub fn new(columns: impl Into<Columns>) -> Self {
        Self {
            columns: columns.into(),
            fence: Fence::iqr(1.5),
        }
    }

    /// Where the fence stands.
    pub fn fence(mut self, fence: Fence) -> Self {
        self.fence = fence;
        self
    }

    fn resolve(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        fenced::resolve(&self.columns, self.fence, input)
    }
}

/// A fitted [`OutlierFilter`]: the fence of each column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutlierFiltering {
    columns: Vec<Fenced>,
    fence: String,
}

impl OutlierFiltering {
    /// The first and the last number within the fence of a column, in its physical numbers; `None`
    /// for another column and for one without any value.
    pub fn fence(&self, column: &str) -> Option<(Value, Value)> {
        fenced::ends(&self.columns, column)
    }

    /// How many values of the train rows lie below and above the fence of a column, if that was
    /// counted. Infinities are not among them.
    pub fn outside(&self, column: &str) -> Option<(u64, u64)> {
        fenced::outside(&self.columns, column)
    }

    /// How many train rows were dropped, where the values beyond were counted: of a single column,
    /// since a row can lie beyond several.
    pub fn dropped(&self) -> Option<u64> {
        match self.columns.as_slice() {
            [only] => only.outside(),
            _ => None,
        }
    }
}

// The label of the stage in messages.
impl fmt::Debug for OutlierFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutlierFilter({:?}, {:?})", self.columns, self.fence)
    }
}

impl Transform for OutlierFilter {
    type Fitted = OutlierFiltering;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        // Settings that cannot work are said here too.
        self.resolve(input).map(|_| Vec::new())
    }

    fn writes(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(Vec::new())
    }

    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn drops_train_rows(&self) -> bool {
        true
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        Ok(fenced::needs(self.resolve(input)?, self.fence, None))
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<OutlierFiltering> {
        Ok(OutlierFiltering {
            columns: fenced::fit(self.resolve(input)?, self.fence, input, learned)?,
            fence: format!("{:?}", self.fence),
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.resolve(input)?;
        Ok(input.clone())
    }

    fn restore(&self, saved: &Saved) -> Result<OutlierFiltering> {
        let fitted: OutlierFiltering = saved.read()?;
        let columns = fitted.columns.iter().map(|fenced| fenced.column.as_str());
        let same = self.columns.may_be(columns) && fitted.fence == format!("{:?}", self.fence);
        names::restored(self, fitted, same)
    }
}

impl Apply for OutlierFiltering {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(frame)
    }

    fn apply_to_train(&self, train: LazyFrame) -> Result<LazyFrame> {
        let fences = self.columns.iter().filter_map(|fenced| {
            let ends = fenced.ends?;
            let (step, of) = (self.clone(), fenced.clone());
            let (stage, expected) = (self.clone(), fenced.clone());
            Some(schema::mapped(
                schema::column(fenced.column.as_str()),
                move |column| {
                    let held = of.holds(ends, &column);
                    held.map_err(|error| error.at(&step).into_polars())
                },
                move |_, field| {
                    let same = expected.same_dtype(field.dtype());
                    same.map_err(|error| error.at(&stage).into_polars())?;
                    Ok(PolarsField::new(field.name().clone(), DataType::Boolean))
                },
            ))
        });
        Ok(match fences.reduce(Expr::and) {
            Some(within) => train.filter(within),
            None => train,
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Ok(input.clone())
    }

    fn warnings(&self, warnings: &mut Vec<String>) {
        fenced::warn(&self.columns, warnings);
    }

    fn report(&self) -> serde_json::Value {
        fenced::report(&self.columns)
    }
}

// No prediction is changed, so there is nothing to undo.
impl Invert for OutlierFiltering {
    fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(frame)
    }

    fn inverse_value(&self, _: &str, value: Expr) -> Result<Expr> {
        Ok(value)
    }
}

impl Artifact for OutlierFiltering {
    const KIND: &'static str = "outlier_filtering";
}
