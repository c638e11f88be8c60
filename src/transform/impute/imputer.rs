use std::fmt;

use polars::prelude::{DataType, PlSmallStr};

use super::fill_value::FillValue;
use super::groups::By;
use super::imputation::{Filled, Imputation, Strategy, filled_dtype, output};
use super::learn_fill::{Lesson, What};
use super::policy::{EmptyAs, Integers, NanAs, UnseenGroup};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Learned, Need, Shape};
use crate::schema::{Columns, Dtype, Kind, Schema};
use crate::transform::{Saved, Transform, names};

/// Default of `max_distinct`.
const MAX_DISTINCT: usize = 100_000;

/// Fills the gaps of columns: with the mean, the median or the most frequent value of their train
/// rows, of all of them or of those of the same group, or with a constant.
///
/// Nulls and NaN are never learned from. No null is left in the columns; a NaN stays NaN unless it
/// is [`NanAs::Missing`], and an empty text stays unless it is [`EmptyAs::Missing`]. The median is
/// exact, of an even number of values the middle of two; the mean is that of
/// [`StandardScaler`](crate::transform::scale::StandardScaler); of several most frequent values it is
/// the smallest, of texts by their bytes. Rows are kept.
///
/// | made by | columns | filled with |
/// |---|---|---|
/// | [`mean`](Self::mean) | all numbers, dates and times | the mean |
/// | [`median`](Self::median) | all numbers, dates and times | the median |
/// | [`most_frequent`](Self::most_frequent) | the same, and String | the value that most rows hold |
/// | [`constant`](Self::constant) | the same, and String | one value, which must be one of the dtype exactly |
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `nans` | `NanAs::Value` | a NaN is a value, or a gap that is filled as a null is |
/// | `empty` | `EmptyAs::Value` | an empty text is a value, or a gap that is filled as a null is |
/// | `integers` | `Integers::Round` | integers and Booleans keep their dtype, a half is rounded to even; or they become Float64 |
/// | `by` | none | a column of texts, Booleans, integers, dates or times: each row gets what the rows of its group taught |
/// | `unseen` | `UnseenGroup::WholeColumn` | a group that taught no value, or a key of null, gets what the whole column taught; or it is an error when applied |
/// | `max_distinct` | 100,000 | the most distinct values of a column that are counted for the most frequent one, and the most groups |
///
/// Date, Datetime, Duration, Time and Decimal keep their dtype: they are learned from in their
/// physical integers, without a rounding below 128 bits, and filled with the nearest one.
///
/// It takes one level of scans, however many columns there are, with groups too. Without groups a
/// later step need not wait for it: counts, ends, means, deviations and categories of the filled
/// column follow from those of the column with its gaps, so that an imputed and then scaled or
/// encoded column is learned at one level. Quantiles and least squares wait a level.
///
/// Mean, median and most frequent value are those of scikit-learn's `SimpleImputer`; it drops a
/// column without any value in silence, where this is an error. By groups it has none.
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent or has no numbers, such as a text for a mean,
/// and for groups by floats; [`ErrorKind::Config`] for a constant that is no value of the dtype, or by
/// groups, and for a column that is filled by itself; [`ErrorKind::Fit`] for a column of which no
/// train row holds a value, or one an infinity, and for more distinct values or groups than
/// `max_distinct`. Applying gives [`ErrorKind::Schema`] for a column of another dtype than at the
/// fit, and [`ErrorKind::Apply`] by `UnseenGroup::Error`.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df![
///     "age" => [Some(22.0), None, Some(38.0), Some(26.0), None],
///     "sex" => [Some("m"), Some("m"), Some("f"), Some("f"), None],
///     "port" => [Some("S"), None, Some("C"), Some("S"), Some("")],
/// ]?;
/// let train = floe::train_on(InMemory::new(rows.clone()))?;
/// let median = Imputer::median(["age"]).fit_on(&train)?;
/// assert_eq!(median.fill("age"), Some(&26.0.into()));
/// let filled = median.apply(rows.clone().lazy())?.collect()?;
/// assert_eq!(filled.column("age")?.f64()?.get(1), Some(26.0));
///
/// let by_sex = Imputer::median(["age"]).by("sex").fit_on(&train)?;
/// let filled = by_sex.apply(rows.clone().lazy())?.collect()?;
/// let ages: Vec<_> = filled.column("age")?.f64()?.iter().flatten().collect();
/// assert_eq!(ages, [22.0, 22.0, 38.0, 26.0, 26.0]);
///
/// let port = Imputer::most_frequent(["port"]).fit_on(&train)?;
/// let filled = port.apply(rows.clone().lazy())?.collect()?;
/// let ports: Vec<_> = filled.column("port")?.str()?.iter().flatten().collect();
/// assert_eq!(ports, ["S", "S", "C", "S", ""]);
///
/// let unknown = Imputer::constant(["port"], "unknown").empty(EmptyAs::Missing).fit_on(&train)?;
/// let filled = unknown.apply(rows.lazy())?.collect()?;
/// let ports: Vec<_> = filled.column("port")?.str()?.iter().flatten().collect();
/// assert_eq!(ports, ["S", "unknown", "C", "S", "unknown"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct Imputer {
    columns: Columns,
    fill: Fill,
    nans: NanAs,
    empty: EmptyAs,
    integers: Integers,
    by: Option<PlSmallStr>,
    unseen: UnseenGroup,
    max_distinct: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Fill {
    Mean,
    Median,
    MostFrequent,
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

    /// Fills with the most frequent value of each column, the smallest of several.
    pub fn most_frequent(columns: impl Into<Columns>) -> Self {
        Self::new(columns.into(), Fill::MostFrequent)
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
            empty: EmptyAs::default(),
            integers: Integers::default(),
            by: None,
            unseen: UnseenGroup::default(),
            max_distinct: MAX_DISTINCT,
        }
    }

    /// What a NaN is.
    pub fn nans(mut self, nans: NanAs) -> Self {
        self.nans = nans;
        self
    }

    /// What an empty text is.
    pub fn empty(mut self, empty: EmptyAs) -> Self {
        self.empty = empty;
        self
    }

    /// Fills each row with what the train rows taught that have the same value in this column, which
    /// is read and not written.
    pub fn by(mut self, column: impl Into<PlSmallStr>) -> Self {
        self.by = Some(column.into());
        self
    }

    /// What fills a row whose group taught no value.
    pub fn unseen(mut self, unseen: UnseenGroup) -> Self {
        self.unseen = unseen;
        self
    }

    /// The most distinct values that are counted, and the most groups: beyond it the fit is an error.
    pub fn max_distinct(mut self, most: usize) -> Self {
        self.max_distinct = most;
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
            Fill::MostFrequent => Strategy::MostFrequent,
            Fill::Constant(_) => Strategy::Constant,
        }
    }

    /// The columns, none of which the settings cannot fill.
    fn resolve(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let names = self.columns.resolve(input)?;
        self.check_groups(input, &names)?;
        for name in &names {
            let dtype = input.field(name)?.dtype();
            match &self.fill {
                Fill::Constant(value) => {
                    if *dtype != DataType::String {
                        Kind::of(name, dtype)?;
                    }
                    value.fitting(name, &filled_dtype(dtype, self.integers))?;
                }
                Fill::MostFrequent if *dtype == DataType::String => {}
                _ if *dtype == DataType::String => {
                    let message = format!("a text has no {}", self.strategy());
                    return Err(Error::new(ErrorKind::Schema, message)
                        .on_column(name.as_str())
                        .with_dtype(dtype)
                        .with_help("cast it to a number first, or fill it with the most frequent value or a constant"));
                }
                _ => drop(Kind::of(name, dtype)?),
            }
        }
        Ok(names)
    }

    fn check_groups(&self, input: &Schema, names: &[PlSmallStr]) -> Result<()> {
        let Some(by) = &self.by else {
            return Ok(());
        };
        let refused = |message: &'static str, help: &'static str| {
            let error = Error::new(ErrorKind::Config, message);
            Err(error.on_column(by.as_str()).with_help(help))
        };
        if let Fill::Constant(_) = self.fill {
            return refused(
                "a constant is the same in every group",
                "leave `.by(..)` out",
            );
        }
        if names.contains(by) {
            return refused(
                "a column cannot be filled by its own groups",
                "leave it out of the columns, or fill it by another one",
            );
        }
        By::check(input, by)
    }

    /// What is learned of each column, and from which answers.
    fn lesson(&self) -> Option<Lesson<'_>> {
        let what = match &self.fill {
            Fill::Mean => What::Mean,
            Fill::Median => What::Median,
            Fill::MostFrequent => What::MostFrequent,
            Fill::Constant(_) => return None,
        };
        Some(Lesson {
            what,
            empty: self.empty,
            by: self.by.as_ref(),
            most: self.max_distinct,
            strategy: self.strategy(),
        })
    }
}

// The label of the stage in messages: the columns, what fills them, and what is not the default.
impl fmt::Debug for Imputer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Imputer({:?}, {}", self.columns, self.strategy())?;
        if let Fill::Constant(value) = &self.fill {
            write!(f, " {value}")?;
        }
        if let Some(by) = &self.by {
            write!(f, " by {by:?}")?;
        }
        if self.unseen != UnseenGroup::default() {
            write!(f, ", unseen: {:?}", self.unseen)?;
        }
        if self.nans != NanAs::default() {
            write!(f, ", nans: {:?}", self.nans)?;
        }
        if self.empty != EmptyAs::default() {
            write!(f, ", empty: {:?}", self.empty)?;
        }
        if self.integers != Integers::default() {
            write!(f, ", integers: {:?}", self.integers)?;
        }
        if self.max_distinct != MAX_DISTINCT {
            write!(f, ", max_distinct: {}", self.max_distinct)?;
        }
        f.write_str(")")
    }
}

impl Transform for Imputer {
    type Fitted = Imputation;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let mut names = self.resolve(input)?;
        names.extend(self.by.clone());
        Ok(names)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let Some(lesson) = self.lesson() else {
            return Ok(Vec::new());
        };
        let mut needs = Vec::new();
        for name in self.resolve(input)? {
            lesson.needs(&name, input.field(&name)?.dtype(), &mut needs);
        }
        Ok(needs)
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<Imputation> {
        let mut columns = Vec::new();
        for name in self.resolve(input)? {
            let dtype = input.field(&name)?.dtype().clone();
            let filled = filled_dtype(&dtype, self.integers);
            let value = match (&self.fill, self.lesson()) {
                (Fill::Constant(value), _) => value.fitting(&name, &filled)?,
                (_, Some(lesson)) => lesson.value(learned, &name, &dtype, &filled)?,
                (_, None) => continue,
            };
            let groups = self
                .lesson()
                .map(|lesson| lesson.groups(learned, &name, &filled));
            columns.push(Filled {
                column: name.to_string(),
                dtype: Dtype(dtype),
                value,
                groups: groups.transpose()?.unwrap_or_default(),
            });
        }
        let by = self.by.as_ref();
        let by = by.map(|by| By::new(input, by, self.unseen)).transpose()?;
        Ok(Imputation {
            columns,
            strategy: self.strategy(),
            nans: self.nans,
            empty: self.empty,
            integers: self.integers,
            by,
        })
    }

    fn shape(&self, input: &Schema, column: &str) -> Shape {
        let Ok(field) = input.field(column) else {
            return Shape::Any;
        };
        // Integers beyond 2^53 are rounded when they become floats, so that they do not stay.
        let wide = matches!(field.dtype(), DataType::Int64 | DataType::UInt64);
        if self.by.is_some() || self.integers == Integers::Float && wide {
            return Shape::Any;
        }
        Shape::Filled
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
            && fitted.empty == self.empty
            && fitted.integers == self.integers
            && By::same(fitted.by.as_ref(), self.by.as_deref(), self.unseen)
            && fitted.columns.iter().all(constant);
        names::restored(self, fitted, same)
    }
}
