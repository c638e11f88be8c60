use std::fmt;

use polars::prelude::{DataType, PlSmallStr};

use super::coder::refuse_dtype;
use super::ordinal_encoding::{Ordered, OrdinalEncoding};
use super::policy::{NullCode, UnknownCode};
use crate::error::{Error, ErrorKind, Result, listed};
use crate::learn::{Category, Learned, Need, Statistic};
use crate::schema::{Columns, Dtype, Schema};
use crate::transform::{Saved, Transform, names};

/// Turns the categories of columns of texts, Booleans or integers into their places, 0 and up.
///
/// The order is ascending (`false` before `true`, integers by size, texts by their bytes), or the
/// one that is given. The columns keep their names and become Int64. Rows are kept.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `categories` | those of the train rows | the categories of every column, in order; then nothing is learned |
/// | `unknown` | `UnknownCode::Error` | a category that is not known is an error, null, or a number such as -1 |
/// | `nulls` | `NullCode::Null` | a null stays null, becomes a number such as -1, or is an error |
/// | `most` | 100,000 | with more categories in one column the fit is an error: each is held in memory |
///
/// A number stands for one thing: one that is the place of a category is refused.
///
/// As scikit-learn's `OrdinalEncoder`, which writes floats, since it knows no nulls.
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent or of another dtype, also when it is applied;
/// [`ErrorKind::Config`] for given categories that are none, occur twice or are not of the dtype of
/// a column, and for a number that is a place; [`ErrorKind::Fit`] for more than `most` categories,
/// and for a null that is refused; [`ErrorKind::Apply`] for what the policies refuse in new rows.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["size" => ["small", "large", "medium", "small"]]?;
/// let train = floe::train_on(InMemory::new(rows.clone()))?;
/// let sizes = OrdinalEncoder::new(["size"]).categories(["small", "medium", "large"]);
/// let encoded = sizes.fit_on(&train)?.apply(rows.lazy())?.collect()?;
/// assert_eq!(encoded, df!["size" => [0_i64, 2, 1, 0]]?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct OrdinalEncoder {
    columns: Columns,
    categories: Option<Vec<Category>>,
    unknown: UnknownCode,
    nulls: NullCode,
    most: usize,
}

const MOST: usize = 100_000;

impl OrdinalEncoder {
    /// Encodes these columns.
    pub fn new(columns: impl Into<Columns>) -> Self {
        Self {
            columns: columns.into(),
            categories: None,
            unknown: UnknownCode::default(),
            nulls: NullCode::default(),
            most: MOST,
        }
    }

    /// The categories of every column in their order: texts, Booleans or integers.
    pub fn categories<C: Into<Category>>(
        mut self,
        categories: impl IntoIterator<Item = C>,
    ) -> Self {
        self.categories = Some(categories.into_iter().map(Into::into).collect());
        self
    }

    /// What becomes of a category that is not known.
    pub fn unknown(mut self, unknown: UnknownCode) -> Self {
        self.unknown = unknown;
        self
    }

    /// What becomes of a null.
    pub fn nulls(mut self, nulls: NullCode) -> Self {
        self.nulls = nulls;
        self
    }

    /// The most categories of one column.
    pub fn most(mut self, categories: usize) -> Self {
        self.most = categories;
        self
    }

    fn resolve(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let columns = self.columns.resolve(input)?;
        for name in &columns {
            let dtype = input.field(name)?.dtype();
            refuse_dtype(name, dtype)?;
            if let Some(given) = &self.categories {
                check_given(given, name, dtype)?;
                self.refuse_places(name, given.len(), ErrorKind::Config)?;
            }
        }
        Ok(columns)
    }

    /// Refuses a number of a policy that is the place of a category.
    fn refuse_places(&self, column: &str, count: usize, kind: ErrorKind) -> Result<()> {
        let unknown = match self.unknown {
            UnknownCode::Code(code) => Some(code),
            _ => None,
        };
        let null = match self.nulls {
            NullCode::Code(code) => Some(code),
            _ => None,
        };
        for code in unknown.into_iter().chain(null) {
            if usize::try_from(code).is_ok_and(|code| code < count) {
                let message = format!("{code} is the place of one of {count} categories");
                return Err(Error::new(kind, message)
                    .on_column(column)
                    .with_help("choose a negative number, such as -1"));
            }
        }
        Ok(())
    }
}

fn check_given(given: &[Category], column: &str, dtype: &DataType) -> Result<()> {
    let fail = |message: String| {
        let error = Error::new(ErrorKind::Config, message);
        Err(error.on_column(column).with_dtype(dtype))
    };
    if given.is_empty() {
        return fail("no category is given".to_owned());
    }
    let wrong = given.iter().filter(|category| match category {
        Category::Bool(_) => *dtype != DataType::Boolean,
        Category::Int(value) => !is_of(*value, dtype),
        Category::Text(_) => *dtype != DataType::String,
    });
    let wrong: Vec<_> = wrong.collect();
    if !wrong.is_empty() {
        return fail(format!(
            "given categories are not of its dtype: {}",
            listed(wrong)
        ));
    }
    let mut seen = std::collections::HashSet::new();
    match given.iter().find(|category| !seen.insert(*category)) {
        Some(twice) => fail(format!("the category `{twice}` is given twice")),
        None => Ok(()),
    }
}

/// Whether an integer is one of a dtype: beyond it the 64 bits of another one could be meant.
fn is_of(value: i128, dtype: &DataType) -> bool {
    match dtype {
        DataType::Int8 => i8::try_from(value).is_ok(),
        DataType::Int16 => i16::try_from(value).is_ok(),
        DataType::Int32 => i32::try_from(value).is_ok(),
        DataType::Int64 => i64::try_from(value).is_ok(),
        DataType::UInt8 => u8::try_from(value).is_ok(),
        DataType::UInt16 => u16::try_from(value).is_ok(),
        DataType::UInt32 => u32::try_from(value).is_ok(),
        DataType::UInt64 => u64::try_from(value).is_ok(),
        _ => false,
    }
}

// The label of the stage in messages: the columns, and what is not the default.
impl fmt::Debug for OrdinalEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrdinalEncoder({:?}", self.columns)?;
        if let Some(given) = &self.categories {
            write!(f, ", categories: {}", listed(given))?;
        }
        if self.unknown != UnknownCode::default() {
            write!(f, ", unknown: {:?}", self.unknown)?;
        }
        if self.nulls != NullCode::default() {
            write!(f, ", nulls: {:?}", self.nulls)?;
        }
        if self.most != MOST {
            write!(f, ", most: {}", self.most)?;
        }
        f.write_str(")")
    }
}

impl Transform for OrdinalEncoder {
    type Fitted = OrdinalEncoding;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let columns = self.resolve(input)?.into_iter();
        if self.categories.is_some() {
            return Ok(Vec::new());
        }
        let most = self.most;
        let ask = |name| Need::column(name, Statistic::Categories { most });
        Ok(columns.map(ask).collect())
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<OrdinalEncoding> {
        let mut columns = Vec::new();
        for name in self.resolve(input)? {
            let categories = if let Some(given) = &self.categories {
                given.clone()
            } else {
                let found = learned.categories(&name, self.most)?;
                if found.nulls > 0 && self.nulls == NullCode::Error {
                    let message = format!("{} of the train rows are null", found.nulls);
                    return Err(Error::new(ErrorKind::Fit, message)
                        .on_column(name.as_str())
                        .with_help(
                            "fill them by an `Imputer` first, or choose another policy for nulls",
                        ));
                }
                let counts = found.counts.into_iter();
                counts.map(|(category, _)| category).collect()
            };
            self.refuse_places(&name, categories.len(), ErrorKind::Fit)?;
            columns.push(Ordered {
                column: name.to_string(),
                dtype: Dtype(input.field(&name)?.dtype().clone()),
                categories,
            });
        }
        Ok(OrdinalEncoding {
            columns,
            unknown: self.unknown,
            nulls: self.nulls,
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let columns = self.resolve(input)?;
        let columns = columns.iter().map(PlSmallStr::as_str);
        Ok(super::ordinal_encoding::output(
            input,
            columns,
            self.unknown,
            self.nulls,
        ))
    }

    fn restore(&self, saved: &Saved) -> Result<OrdinalEncoding> {
        let fitted: OrdinalEncoding = saved.read()?;
        let columns = fitted.columns.iter().map(|ordered| ordered.column.as_str());
        let given = |ordered: &Ordered| {
            let given = self.categories.as_ref();
            given.is_none_or(|given| *given == ordered.categories)
        };
        let same = self.columns.may_be(columns)
            && fitted.unknown == self.unknown
            && fitted.nulls == self.nulls
            && fitted.columns.iter().all(given);
        names::restored(self, fitted, same)
    }
}
