use std::fmt;

use polars::prelude::{Column, Field as PolarsField, IntoColumn, LazyFrame, PlSmallStr, Series};
use serde::{Deserialize, Serialize};

use super::fence::Fence;
use super::fenced::{self, Fenced};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Learned, Need, Shape, Statistic, Value};
use crate::schema::{self, Columns, Nullable, Schema};
use crate::transform::scale::Infinities;
use crate::transform::{Apply, Artifact, RowWise, Saved, Transform, names};

/// Moves the values of columns that lie beyond a [`Fence`] to it: learns the fence of each column
/// from the train rows.
///
/// Works on every numeric dtype that floe scales: integers, floats, Decimal, Boolean, Date,
/// Datetime, Duration and Time. The dtype stays: of all but the floats the fence is rounded inwards
/// to the physical integers. Nulls and NaN stay what they are, and rows are kept. A column of which
/// no train row holds a value has no fence: its values stay, and the run warns.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | [`fence`](Self::fence) | `Fence::quantiles(0.01, 0.99)` | where the fence stands |
/// | [`infinities`](Self::infinities) | `Infinities::Error` | infinities, which are never learned from: with `Keep` they are moved to the fence as any other value beyond it |
///
/// What the fit found is told by [`Apply::report`]: for each column `low` and `high`, in its physical
/// numbers, and where the fence stands at exact quantiles how many of the train rows lie `below` and
/// `above`, since the fit holds their values. Other fences are not counted, nor is a column that a
/// step of the same level rewrites: that would cost a scan.
///
/// The method is winsorizing (Dixon, Annals of Mathematical Statistics 31, 1960) with fences that are
/// learned once; `SciPy`'s `winsorize` clips a table to its own quantiles. scikit-learn has none.
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent or not numeric, and for another dtype than at
/// the fit; [`ErrorKind::Config`] for a fence that cannot be; [`ErrorKind::Fit`] for infinities, and
/// for a fence with no number of the dtype within; [`ErrorKind::Apply`] for infinities.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["fare" => [7, 8, 8, 9, 10, 11, 500]]?;
/// let train = floe::train_on(InMemory::new(rows.clone()))?;
/// let fitted = Winsorizer::new(["fare"]).fence(Fence::iqr(1.5)).fit_on(&train)?;
/// // The quartiles are 8 and 10.5, so the fence stands at 4.25 and 14.25.
/// assert_eq!(fitted.outside("fare"), Some((0, 1)));
/// let clipped = fitted.apply(rows.lazy())?.collect()?;
/// assert_eq!(clipped, df!["fare" => [7, 8, 8, 9, 10, 11, 14]]?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct Winsorizer {
    columns: Columns,
    fence: Fence,
    infinities: Infinities,
}

impl Winsorizer {
    /// Clips these columns.
    pub fn new(columns: impl Into<Columns>) -> Self {
        Self {
            columns: columns.into(),
            fence: USUAL,
            infinities: Infinities::default(),
        }
    }

    /// Where the fence stands.
    pub fn fence(mut self, fence: Fence) -> Self {
        self.fence = fence;
        self
    }

    /// What to do with infinities.
    pub fn infinities(mut self, infinities: Infinities) -> Self {
        self.infinities = infinities;
        self
    }

    fn resolve(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        fenced::resolve(&self.columns, self.fence, input)
    }
}

const USUAL: Fence = Fence::quantiles(0.01, 0.99);

/// A fitted [`Winsorizer`]: the fence of each column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Winsorization {
    columns: Vec<Fenced>,
    fence: String,
    infinities: Infinities,
}

impl Winsorization {
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

    fn clipped(&self, fenced: &Fenced, column: &Column) -> Result<Column> {
        let series = column.as_materialized_series();
        let clipped = match fenced.ends {
            Some(ends) => ends.clip(series, &fenced.dtype)?,
            None => series.clone(),
        };
        if !series.dtype().is_float() || self.infinities == Infinities::Keep {
            return Ok(clipped.into_column());
        }
        let infinite = series.is_infinite()?;
        let count = infinite.sum().unwrap_or(0);
        if count == 0 {
            return Ok(clipped.into_column());
        }
        if self.infinities == Infinities::Null {
            let nulls = Series::full_null(series.name().clone(), series.len(), series.dtype());
            // Of a null nothing is known, so it is not infinite.
            let infinite = infinite.iter().map(|is| is == Some(true)).collect();
            return Ok(nulls.zip_with(&infinite, &clipped)?.into_column());
        }
        let first = infinite.iter().position(|is| is == Some(true)).unwrap_or(0);
        let message = format!(
            "values in one batch of rows are infinite: {count}, the first one {}",
            series.get(first)?
        );
        Err(Error::new(ErrorKind::Apply, message)
            .on_column(fenced.column.as_str())
            .with_help("clean it first, or choose `.infinities(Infinities::Keep)`, which moves it to the fence"))
    }
}

// The label of the stage in messages: the columns, and what is not the default.
impl fmt::Debug for Winsorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Winsorizer({:?}, {:?}", self.columns, self.fence)?;
        if self.infinities != Infinities::default() {
            write!(f, ", infinities: {:?}", self.infinities)?;
        }
        f.write_str(")")
    }
}

impl Transform for Winsorizer {
    type Fitted = Winsorization;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let refused = self.infinities == Infinities::Error;
        let infinities = refused.then_some(Statistic::Infinities);
        Ok(fenced::needs(self.resolve(input)?, self.fence, infinities))
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<Winsorization> {
        let names = self.resolve(input)?;
        if self.infinities == Infinities::Error && !self.fence.is_fixed() {
            for name in &names {
                learned.refuse_infinities(name)?;
            }
        }
        Ok(Winsorization {
            columns: fenced::fit(names, self.fence, input, learned)?,
            fence: format!("{:?}", self.fence),
            infinities: self.infinities,
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let names = self.resolve(input)?;
        output(input, names.iter().map(PlSmallStr::as_str), self.infinities)
    }

    // An infinity that becomes a value, or null, is one that nothing before it was learned from.
    fn shape(&self, input: &Schema, column: &str) -> Shape {
        let field = input.field(column);
        let whole = field.is_ok_and(|field| !field.dtype().is_float());
        if whole || self.infinities == Infinities::Error {
            Shape::Rising
        } else {
            Shape::Any
        }
    }

    fn restore(&self, saved: &Saved) -> Result<Winsorization> {
        let fitted: Winsorization = saved.read()?;
        let columns = fitted.columns.iter().map(|fenced| fenced.column.as_str());
        let same = self.columns.may_be(columns)
            && fitted.fence == format!("{:?}", self.fence)
            && fitted.infinities == self.infinities;
        names::restored(self, fitted, same)
    }
}

/// The schema after the step: dtypes stay.
fn output<'a>(
    input: &Schema,
    columns: impl IntoIterator<Item = &'a str>,
    infinities: Infinities,
) -> Result<Schema> {
    let mut output = input.clone();
    for name in columns {
        let field = input.field(name)?.clone();
        if infinities == Infinities::Null && field.dtype().is_float() {
            output.set(field.nullable(Nullable::Maybe));
        }
    }
    Ok(output)
}

impl Apply for Winsorization {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let exprs = self.columns.iter().map(|fenced| {
            let (step, of) = (self.clone(), fenced.clone());
            let (stage, expected) = (self.clone(), fenced.clone());
            schema::mapped(
                schema::column(fenced.column.as_str()),
                move |column| {
                    let clipped = step.clipped(&of, &column);
                    clipped.map_err(|error| error.at(&step).into_polars())
                },
                move |_, field| {
                    let same = expected.same_dtype(field.dtype());
                    same.map_err(|error| error.at(&stage).into_polars())?;
                    Ok(PolarsField::clone(field))
                },
            )
        });
        Ok(frame.with_columns(exprs.collect::<Vec<_>>()))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let columns = self.columns.iter().map(|fenced| fenced.column.as_str());
        output(input, columns, self.infinities)
    }

    fn warnings(&self, warnings: &mut Vec<String>) {
        fenced::warn(&self.columns, warnings);
    }

    fn report(&self) -> serde_json::Value {
        fenced::report(&self.columns)
    }
}

impl RowWise for Winsorization {}

impl Artifact for Winsorization {
    const KIND: &'static str = "winsorization";
}
