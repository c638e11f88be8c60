use std::collections::HashSet;
use std::fmt;

use polars::prelude::{DataType, PlSmallStr};
use serde::{Deserialize, Serialize};

use super::coder::refuse_dtype;
use super::names::unique;
use super::one_hot_encoding::{Encoded, Known, OneHotEncoding, refuse_nothing_left};
use super::policy::{NullCategory, Unknown};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Categories, Category, Learned, Need, Statistic};
use crate::schema::{Columns, Dtype, Field, Nullable, Schema, refuse_group};
use crate::transform::{Saved, Transform, names};

/// Makes a column a category of columns of texts, Booleans or integers: 1 where the row holds the
/// category, else 0.
///
/// The columns are removed, and the new ones stand after all others, in ascending order of the
/// categories, then null, then `other`. Rows are kept.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `unknown` | `Unknown::Error` | a category that no train row held is an error, zeros, nulls, or `other` |
/// | `nulls` | `NullCategory::Category` | a null is a category of its own, zeros, or an error |
/// | `min_frequency` | 1 | categories of fewer train rows are infrequent: they share a column `other` |
/// | `max_categories` | none | the most columns that one column becomes, before one is dropped; the rarest categories beyond it are infrequent, of equals the first |
/// | `drop_first` | no | the first column is left out, as linear models without a penalty need it |
/// | `drop_if_binary` | no | the same, where there are two |
/// | `dtype` | UInt8 | any of the eight integer dtypes, Float32, Float64 or Boolean |
/// | `most` | 10,000 | with more categories in one column the fit is an error: each is held in memory |
///
/// # Names
///
/// A new column is named `<column>_<category>`: `sex_female`, `class_3`, `alive_true`; that of nulls
/// `<column>_None`, that of infrequent and unknown categories `<column>_other`. A name that another
/// column has already, be it of the table or encoded, gets `_2`, `_3` and so on, the first that is
/// free; names that are free go first, in the order of the columns and their categories. Names are
/// saved with the model. Where new rows bring a column of such a name, it is replaced.
///
/// # A group
///
/// What a column becomes is known after the fit. Until then, and after it, it is a group that is
/// chosen by the name of the column, such as `LinearRegression::new(["age", "sex"], "survived")`, or
/// by a selector, which sees one column of that name. In folds each fold has the names that its own
/// train rows say.
///
/// Categories, infrequent ones and names are those of scikit-learn's `OneHotEncoder`, which writes
/// `True` for `true` and `infrequent_sklearn` for `other`.
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent or of another dtype, also when it is applied;
/// [`ErrorKind::Config`] for a dtype that is none of the above, and for a limit of 0;
/// [`ErrorKind::Fit`] for more than `most` categories, for a null that is refused, and for a column
/// of which nothing is left; [`ErrorKind::Apply`] for what the policies refuse in new rows.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["sex" => ["male", "female", "male"], "port" => [Some("S"), None, Some("C")]]?;
/// let train = floe::train_on(InMemory::new(rows.clone()))?;
/// let fitted = OneHotEncoder::new(["sex", "port"]).fit_on(&train)?;
/// let encoded = fitted.apply(rows.lazy())?.collect()?;
/// let names = ["sex_female", "sex_male", "port_C", "port_S", "port_None"];
/// assert_eq!(encoded.get_column_names(), names);
/// assert_eq!(encoded.column("port_None")?.u8()?.get(1), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct OneHotEncoder {
    columns: Columns,
    settings: Settings,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) unknown: Unknown,
    pub(super) nulls: NullCategory,
    pub(super) min_frequency: u64,
    pub(super) max_categories: Option<usize>,
    pub(super) drop: Drop,
    pub(super) dtype: Dtype,
    pub(super) most: usize,
}

/// Which column is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Drop {
    None,
    First,
    FirstOfTwo,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            unknown: Unknown::default(),
            nulls: NullCategory::default(),
            min_frequency: 1,
            max_categories: None,
            drop: Drop::None,
            dtype: Dtype(DataType::UInt8),
            most: 10_000,
        }
    }
}

impl OneHotEncoder {
    /// Encodes these columns.
    pub fn new(columns: impl Into<Columns>) -> Self {
        Self {
            columns: columns.into(),
            settings: Settings::default(),
        }
    }

    /// What becomes of a category that no train row held.
    pub fn unknown(mut self, unknown: Unknown) -> Self {
        self.settings.unknown = unknown;
        self
    }

    /// What becomes of a null.
    pub fn nulls(mut self, nulls: NullCategory) -> Self {
        self.settings.nulls = nulls;
        self
    }

    /// Categories of fewer train rows than this share one column.
    pub fn min_frequency(mut self, rows: u64) -> Self {
        self.settings.min_frequency = rows;
        self
    }

    /// The most columns that one column becomes; the rarest categories share one.
    pub fn max_categories(mut self, columns: usize) -> Self {
        self.settings.max_categories = Some(columns);
        self
    }

    /// Leaves out the first column of each: of a row of zeros it is known to be 1.
    pub fn drop_first(mut self) -> Self {
        self.settings.drop = Drop::First;
        self
    }

    /// Leaves out the first column of each that has two.
    pub fn drop_if_binary(mut self) -> Self {
        self.settings.drop = Drop::FirstOfTwo;
        self
    }

    /// The dtype of the new columns.
    pub fn dtype(mut self, dtype: DataType) -> Self {
        self.settings.dtype = Dtype(dtype);
        self
    }

    /// The most categories of one column.
    pub fn most(mut self, categories: usize) -> Self {
        self.settings.most = categories;
        self
    }

    fn resolve(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        let dtype = &self.settings.dtype.0;
        let is_number = dtype.is_primitive_numeric() || *dtype == DataType::Boolean;
        if !is_number || !self.settings.dtype.is_written() {
            let message = "encoded columns cannot be of this dtype";
            return Err(Error::new(ErrorKind::Config, message)
                .with_dtype(dtype)
                .with_help("choose an integer dtype, Float32, Float64 or Boolean"));
        }
        for (limit, name) in [
            (self.settings.max_categories.unwrap_or(1), "max_categories"),
            (self.settings.most, "most"),
        ] {
            if limit == 0 {
                let message = format!("`{name}` is 0, which leaves no category");
                return Err(Error::new(ErrorKind::Config, message).with_help("allow 1 at least"));
            }
        }
        let columns = self.columns.resolve(input)?;
        for name in &columns {
            refuse_group(input.field(name)?, "encoded")?;
            refuse_dtype(name, input.field(name)?.dtype())?;
        }
        Ok(columns)
    }

    /// What a column becomes, by names that may not be unique yet.
    fn encoded(&self, column: &str, dtype: &DataType, found: Categories) -> Result<Encoded> {
        let mut counts: Vec<_> = found
            .counts
            .into_iter()
            .map(|(c, n)| (Some(c), n))
            .collect();
        match self.settings.nulls {
            NullCategory::Category if found.nulls > 0 => counts.push((None, found.nulls)),
            NullCategory::Error if found.nulls > 0 => {
                let message = format!("{} of the train rows are null", found.nulls);
                return Err(Error::new(ErrorKind::Fit, message)
                    .on_column(column)
                    .with_help(
                        "fill them by an `Imputer` first, or choose another policy for nulls",
                    ));
            }
            _ => {}
        }
        let infrequent = self.infrequent(&counts);
        let has_other = self.settings.unknown == Unknown::Other || infrequent.contains(&true);
        let mut names = Vec::new();
        let mut known = Vec::new();
        for ((category, rows), infrequent) in counts.into_iter().zip(infrequent) {
            let output = (!infrequent).then_some(names.len());
            if !infrequent {
                names.push(natural(column, category.as_ref()));
            }
            known.push(Known {
                category,
                rows,
                output,
            });
        }
        let mut other = has_other.then_some(names.len());
        for known in &mut known {
            known.output = known.output.or(other);
        }
        names.extend(other.map(|_| format!("{column}_other")));
        let drops = match self.settings.drop {
            Drop::None => false,
            Drop::First => true,
            Drop::FirstOfTwo => names.len() == 2,
        };
        if drops && !names.is_empty() {
            names.remove(0);
            let shifted = |output: Option<usize>| output.and_then(|at| at.checked_sub(1));
            other = shifted(other);
            known
                .iter_mut()
                .for_each(|known| known.output = shifted(known.output));
        }
        refuse_nothing_left(column, &names)?;
        Ok(Encoded {
            column: column.to_owned(),
            dtype: Dtype(dtype.clone()),
            names,
            known,
            other,
        })
    }

    /// Which categories share one column.
    fn infrequent(&self, counts: &[(Option<Category>, u64)]) -> Vec<bool> {
        let is_rare = |(_, rows): &(_, u64)| *rows < self.settings.min_frequency;
        let mut infrequent: Vec<bool> = counts.iter().map(is_rare).collect();
        let Some(most) = self.settings.max_categories else {
            return infrequent;
        };
        let rare = infrequent.iter().filter(|rare| **rare).count();
        let shares = rare > 0 || self.settings.unknown == Unknown::Other;
        if counts.len() - rare + usize::from(shares) > most {
            let mut order: Vec<usize> = (0..counts.len()).collect();
            // Stable, so that of equal counts the first category is the rarer one.
            order.sort_by_key(|at| counts[*at].1);
            let kept = most.saturating_sub(1);
            for at in &order[..order.len() - kept.min(order.len())] {
                infrequent[*at] = true;
            }
        }
        infrequent
    }
}

fn natural(column: &str, category: Option<&Category>) -> String {
    match category {
        Some(category) => format!("{column}_{category}"),
        None => format!("{column}_None"),
    }
}

// The label of the stage in messages: the columns, and what is not the default.
impl fmt::Debug for OneHotEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OneHotEncoder({:?}", self.columns)?;
        let (settings, default) = (&self.settings, Settings::default());
        if settings.unknown != default.unknown {
            write!(f, ", unknown: {:?}", settings.unknown)?;
        }
        if settings.nulls != default.nulls {
            write!(f, ", nulls: {:?}", settings.nulls)?;
        }
        if settings.min_frequency != default.min_frequency {
            write!(f, ", min frequency: {}", settings.min_frequency)?;
        }
        if let Some(most) = settings.max_categories {
            write!(f, ", max categories: {most}")?;
        }
        match settings.drop {
            Drop::None => {}
            Drop::First => f.write_str(", drop first")?,
            Drop::FirstOfTwo => f.write_str(", drop if binary")?,
        }
        if settings.dtype != default.dtype {
            write!(f, ", {}", settings.dtype.0)?;
        }
        if settings.most != default.most {
            write!(f, ", most: {}", settings.most)?;
        }
        f.write_str(")")
    }
}

impl Transform for OneHotEncoder {
    type Fitted = OneHotEncoding;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    // The column is removed; the group of what it becomes has its name.
    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let most = self.settings.most;
        let columns = self.resolve(input)?.into_iter();
        let ask = |name| Need::column(name, Statistic::Categories { most });
        Ok(columns.map(ask).collect())
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<OneHotEncoding> {
        let mut columns = Vec::new();
        for name in self.resolve(input)? {
            let found = learned.categories(&name, self.settings.most)?;
            columns.push(self.encoded(&name, input.field(&name)?.dtype(), found)?);
        }
        // The name of a column stays that of its group, so it is taken too.
        let groups = input.fields().iter().filter_map(Field::group);
        let taken: HashSet<String> = input
            .names()
            .chain(groups)
            .map(ToString::to_string)
            .collect();
        let natural = columns.iter().flat_map(|encoded| encoded.names.clone());
        let mut names = unique(natural.collect(), taken).into_iter();
        for encoded in &mut columns {
            let count = encoded.names.len();
            encoded.names = names.by_ref().take(count).collect();
        }
        Ok(OneHotEncoding {
            columns,
            settings: self.settings.clone(),
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        for name in self.resolve(input)? {
            output.remove(&name);
            let nullable = match self.settings.unknown {
                Unknown::Null => Nullable::Maybe,
                _ => Nullable::Never,
            };
            let group = Field::open_group(name, self.settings.dtype.0.clone());
            output.set(group.nullable(nullable));
        }
        Ok(output)
    }

    fn restore(&self, saved: &Saved) -> Result<OneHotEncoding> {
        let fitted: OneHotEncoding = saved.read()?;
        let columns = fitted.columns.iter().map(|encoded| encoded.column.as_str());
        let same = self.columns.may_be(columns) && fitted.settings == self.settings;
        names::restored(self, fitted, same)
    }
}
