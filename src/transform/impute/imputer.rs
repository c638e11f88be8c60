use std::fmt;

use polars::prelude::{DataType, PlSmallStr};

use super::fill_value::FillValue;
use super::imputation::{Filled, Imputation, Strategy, filled_dtype, output};
use super::policy::{Integers, NanAs};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Learned, Mean, Need, Quantile, Statistic, Value, middle};
use crate::schema::{Columns, Dtype, Kind, Schema};
use crate::transform::{Saved, Transform, names};

/// Fills the nulls of columns: with the mean or the median of their train rows, or with a constant.
///
/// Nulls and NaN are never learned from. No null is left in the columns; a NaN stays NaN unless it
/// is [`NanAs::Missing`], and an empty text is never a gap. The median is exact, of an even number
/// of values the middle of two; the mean is that of
/// [`StandardScaler`](crate::transform::scale::StandardScaler). Rows are kept.
///
/// | made by | columns | filled with |
/// |---|---|---|
/// | [`mean`](Self::mean) | all numbers, dates and times | the mean |
/// | [`median`](Self::median) | all numbers, dates and times | the median |
/// | [`constant`](Self::constant) | the same, and String | one value, which must be one of the dtype exactly |
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `nans` | `NanAs::Value` | a NaN is a value, or a gap that is filled as a null is |
/// | `integers` | `Integers::Round` | integers and Booleans keep their dtype, a half is rounded to even; or they become Float64 |
///
/// Date, Datetime, Duration, Time and Decimal keep their dtype: they are learned from in their
/// physical integers, without a rounding below 128 bits, and filled with the nearest one.
///
/// Mean and median are those of scikit-learn's `SimpleImputer`; it drops a column without any value
/// in silence, where this is an error.
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent or has no numbers, such as a text for a mean;
/// [`ErrorKind::Config`] for a constant that is no value of the dtype; [`ErrorKind::Fit`] for a
/// column of which no train row holds a value, or one an infinity. Applying gives
/// [`ErrorKind::Schema`] for a column of another dtype than at the fit.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["age" => [Some(22.0), None, Some(38.0), Some(26.0)]]?;
/// let train = floe::train_on(InMemory::new(rows.clone()))?;
/// let fitted = Imputer::median(["age"]).fit_on(&train)?;
/// assert_eq!(fitted.fill("age"), Some(&26.0.into()));
/// let filled = fitted.apply(rows.lazy())?.collect()?;
/// assert_eq!(filled.column("age")?.f64()?.get(1), Some(26.0));
///
/// let ports = df!["port" => [Some("S"), None, Some("")]]?;
/// let train = floe::train_on(InMemory::new(ports.clone()))?;
/// let filled = Imputer::constant(["port"], "unknown").fit_on(&train)?.apply(ports.lazy())?;
/// let filled = filled.collect()?;
/// assert_eq!(filled.column("port")?.str()?.get(1), Some("unknown"));
/// assert_eq!(filled.column("port")?.str()?.get(2), Some(""));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct Imputer {
    columns: Columns,
    fill: Fill,
    nans: NanAs,
    integers: Integers,
}

#[derive(Clone, Debug, PartialEq)]
enum Fill {
    Mean,
    Median,
    Constant(FillValue),
}

impl Imputer {
    /// Fills with the mean of each column.
    pub fn mean(columns: impl Into<Columns>) -> Self {
        Self::new(columns.into(), Fill::Mean)
    }

    /// Fills with the median of each column.
    pub fn median(columns: impl Into<Columns>) -> Self {
        Self::new(columns.into(), Fill::Median)
    }

    /// Fills every column with one value; learns nothing.
    pub fn constant(columns: impl Into<Columns>, value: impl Into<FillValue>) -> Self {
        Self::new(columns.into(), Fill::Constant(value.into()))
    }

    fn new(columns: Columns, fill: Fill) -> Self {
        Self {
            columns,
            fill,
            nans: NanAs::default(),
            integers: Integers::default(),
        }
    }

    /// What a NaN is.
    pub fn nans(mut self, nans: NanAs) -> Self {
        self.nans = nans;
        self
    }

    /// What becomes of columns of integers and Booleans.
    pub fn integers(mut self, integers: Integers) -> Self {
        self.integers = integers;
        self
    }

    fn strategy(&self) -> Strategy {
        match self.fill {
            Fill::Mean => Strategy::Mean,
            Fill::Median => Strategy::Median,
            Fill::Constant(_) => Strategy::Constant,
        }
    }

    /// The columns, none of which the settings cannot fill.
    fn resolve(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let names = self.columns.resolve(input)?;
        for name in &names {
            let dtype = input.field(name)?.dtype();
            match &self.fill {
                Fill::Constant(value) => {
                    if *dtype != DataType::String {
                        Kind::of(name, dtype)?;
                    }
                    value.fitting(name, &filled_dtype(dtype, self.integers))?;
                }
                _ if *dtype == DataType::String => {
                    let message = format!("a text has no {}", self.strategy());
                    return Err(Error::new(ErrorKind::Schema, message)
                        .on_column(name.as_str())
                        .with_dtype(dtype)
                        .with_help("cast it to a number first, or fill it with a constant"));
                }
                _ => drop(Kind::of(name, dtype)?),
            }
        }
        Ok(names)
    }

    /// What the gaps of a column are filled with.
    fn value(&self, learned: &Learned, column: &str, dtype: &DataType) -> Result<FillValue> {
        let middle = match &self.fill {
            Fill::Constant(value) => {
                return value.fitting(column, &filled_dtype(dtype, self.integers));
            }
            Fill::Mean => self.learned(learned, column, Learned::mean)?,
            Fill::Median => self.learned(learned, column, |learned, column| {
                let median = learned.quantile(column, 0.5)?;
                Ok(median.map(between))
            })?,
        };
        Ok(FillValue::learned(
            middle,
            &filled_dtype(dtype, self.integers),
        ))
    }

    fn learned(
        &self,
        learned: &Learned,
        column: &str,
        find: impl Fn(&Learned, &str) -> Result<Option<Mean>>,
    ) -> Result<Mean> {
        learned.refuse_infinities(column).map_err(|error| {
            error.with_help("clean them before the split, or fill with a constant")
        })?;
        find(learned, column)?.ok_or_else(|| {
            let rows = learned.rows(column).unwrap_or_default();
            let message = format!(
                "none of the {rows} train rows holds a value, so there is no {}",
                self.strategy()
            );
            Error::new(ErrorKind::Fit, message)
                .on_column(column)
                .with_help("leave the column out, or fill it with a constant")
        })
    }
}

/// The middle of the two values next to the median, in one rounding: as NumPy has it.
fn between(median: Quantile) -> Mean {
    match (median.lower, median.upper) {
        (Value::Float(low), Value::Float(high)) if median.fraction > 0.0 => {
            let sum = low + high;
            let offset = if sum.is_finite() {
                sum / 2.0
            } else {
                low / 2.0 + high / 2.0
            };
            Mean { origin: 0, offset }
        }
        _ => middle(median),
    }
}

// The label of the stage in messages: the columns, what fills them, and what is not the default.
impl fmt::Debug for Imputer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Imputer({:?}, {}", self.columns, self.strategy())?;
        if let Fill::Constant(value) = &self.fill {
            write!(f, " {value}")?;
        }
        if self.nans != NanAs::default() {
            write!(f, ", nans: {:?}", self.nans)?;
        }
        if self.integers != Integers::default() {
            write!(f, ", integers: {:?}", self.integers)?;
        }
        f.write_str(")")
    }
}

impl Transform for Imputer {
    type Fitted = Imputation;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let statistic = match self.fill {
            Fill::Mean => Statistic::Mean,
            Fill::Median => Statistic::Quantile(0.5),
            Fill::Constant(_) => return Ok(Vec::new()),
        };
        let names = self.resolve(input)?.into_iter();
        let needs = names.flat_map(|name| {
            [Statistic::Infinities, statistic].map(|asked| Need::column(name.clone(), asked))
        });
        Ok(needs.collect())
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<Imputation> {
        let mut columns = Vec::new();
        for name in self.resolve(input)? {
            let dtype = input.field(&name)?.dtype().clone();
            columns.push(Filled {
                column: name.to_string(),
                value: self.value(learned, &name, &dtype)?,
                dtype: Dtype(dtype),
            });
        }
        Ok(Imputation {
            columns,
            strategy: self.strategy(),
            nans: self.nans,
            integers: self.integers,
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let names = self.resolve(input)?;
        output(input, names.iter().map(PlSmallStr::as_str), self.integers)
    }

    fn restore(&self, saved: &Saved) -> Result<Imputation> {
        let fitted: Imputation = saved.read()?;
        let columns = fitted.columns.iter().map(|filled| filled.column.as_str());
        let constant = |filled: &Filled| match &self.fill {
            Fill::Constant(value) => {
                let dtype = filled_dtype(&filled.dtype.0, self.integers);
                value.fitting(&filled.column, &dtype).ok().as_ref() == Some(&filled.value)
            }
            _ => true,
        };
        let same = self.columns.may_be(columns)
            && fitted.strategy == self.strategy()
            && fitted.nans == self.nans
            && fitted.integers == self.integers
            && fitted.columns.iter().all(constant);
        names::restored(self, fitted, same)
    }
}
