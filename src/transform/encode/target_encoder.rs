use std::fmt;

use polars::prelude::{DataType, PlSmallStr};

use super::coder::refuse_dtype;
use super::policy::{NullMean, UnknownMean};
use super::target_encoding::{Encoded, Known, TargetEncoding, output};
use super::target_means::{Estimates, Smooth, estimates};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{GroupStatistic, Learned, Need, Statistic};
use crate::schema::{Columns, Dtype, Schema, physical_unit};
use crate::transform::{Saved, Transform, names};

/// Turns the categories of columns of texts, Booleans or integers into the mean of the target of the
/// train rows that hold them, cross-fitted.
///
/// The mean of few rows is mostly chance, so it is drawn towards the mean of all rows, the prior.
/// With `smooth(m)` a category of *n* rows gets (sum + *m* · prior) / (*n* + *m*). Without it, by
/// empirical Bayes, λ · mean + (1 − λ) · prior with λ = *n* · V / (*n* · V + v), where V is the variance
/// of the target of all rows and v that of the category's (Micci-Barreca, A preprocessing scheme for
/// high-cardinality categorical attributes, SIGKDD Explorations 3, 2001); so does scikit-learn's
/// `TargetEncoder(smooth="auto")`.
///
/// **Train rows are cross-fitted.** Taught by a mean that its own target went into, a model believes
/// in noise. The train rows are dealt into parts by their number in the source, and what learns after
/// this step gets for a row the estimate of the rows of the *other* parts, prior included. New rows
/// get that of all train rows. All of it is learned in the one scan. Rows in another order are dealt
/// in another way, so that what is learned behind this step depends on the order of the source. In code the two are two methods:
/// [`encode_train`](TargetEncoding::encode_train) takes train rows by type,
/// [`apply`](crate::transform::Apply::apply) any others.
///
/// The columns keep their names and become Float64, in the units of the target as it is at this
/// place: steps of `.on_target(..)` come after it. Rows are kept. Where the model predicts the target
/// need not be there.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `target` | – | a column of numbers or Booleans, without nulls, NaN and infinities |
/// | `smooth` | by the variances | how many rows the prior counts for; 0 is the plain mean |
/// | `parts` | 5 | the parts of the train rows, 2 to 100 |
/// | `seed` | 0 | deals the rows in another way |
/// | `unknown` | `UnknownMean::Prior` | a category that no train row held gets the prior, null, or is an error |
/// | `nulls` | `NullMean::Prior` | a null gets the prior, is a category of its own, stays null, or is an error |
/// | `most` | 100,000 | with more categories in one column the fit is an error: each is held in memory, with a sum a part |
///
/// Several classes of a target have no mean: encode a Boolean for each.
///
/// # Errors
///
/// [`ErrorKind::Schema`] for a column that is absent or of another dtype, also when it is applied;
/// [`ErrorKind::Config`] for settings outside of what they allow, and for a target among the columns;
/// [`ErrorKind::Fit`] for more than `most` categories, for a target with gaps or of which the sums or,
/// without `smooth`, the squares are beyond the floats, for a null that is refused, and for fewer rows
/// than fill two parts; [`ErrorKind::Apply`] for what the policies refuse in new rows.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let towns = ["Ulm", "Bern", "Ulm", "Bern", "Ulm", "Bern", "Ulm", "Bern"];
/// let rows = df!["town" => towns, "price" => [1.0, 9.0, 3.0, 7.0, 1.0, 9.0, 3.0, 7.0]]?;
/// let train = floe::train_on(InMemory::new(rows))?;
/// let fitted = TargetEncoder::new(["town"], "price").smooth(0.0).fit_on(&train)?;
/// let new = fitted.apply(df!["town" => ["Ulm", "Bern", "Rome"]]?.lazy())?.collect()?;
/// assert_eq!(new, df!["town" => [2.0, 8.0, 5.0]]?);
/// // A train row gets what the others teach.
/// let encoded = fitted.encode_train(&train)?.collect()?;
/// assert_ne!(encoded.column("town")?.f64()?.get(0), Some(2.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct TargetEncoder {
    columns: Columns,
    target: PlSmallStr,
    smooth: Smooth,
    parts: u32,
    seed: u64,
    unknown: UnknownMean,
    nulls: NullMean,
    most: usize,
}

const PARTS: u32 = 5;
const MOST_PARTS: u32 = 100;
const MOST: usize = 100_000;
/// Sizes whose squares, also added up, keep all their bits.
const SQUARED: std::ops::Range<f64> = 1e-140..1e140;

impl TargetEncoder {
    /// Encodes these columns by the means of a target.
    pub fn new(columns: impl Into<Columns>, target: impl Into<PlSmallStr>) -> Self {
        Self {
            columns: columns.into(),
            target: target.into(),
            smooth: Smooth::Auto,
            parts: PARTS,
            seed: 0,
            unknown: UnknownMean::default(),
            nulls: NullMean::default(),
            most: MOST,
        }
    }

    /// How many rows the prior counts for.
    pub fn smooth(mut self, rows: f64) -> Self {
        self.smooth = Smooth::Rows(rows);
        self
    }

    /// Into how many parts the train rows are dealt.
    pub fn parts(mut self, parts: u32) -> Self {
        self.parts = parts;
        self
    }

    /// Which way the train rows are dealt.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What becomes of a category that no train row held.
    pub fn unknown(mut self, unknown: UnknownMean) -> Self {
        self.unknown = unknown;
        self
    }

    /// What becomes of a null.
    pub fn nulls(mut self, nulls: NullMean) -> Self {
        self.nulls = nulls;
        self
    }

    /// The most categories of one column.
    pub fn most(mut self, categories: usize) -> Self {
        self.most = categories;
        self
    }

    fn check(&self, input: &Schema) -> Result<()> {
        let fail = |message: String, help: &'static str| {
            Err(Error::new(ErrorKind::Config, message).with_help(help))
        };
        if let Smooth::Rows(rows) = self.smooth
            && !(rows.is_finite() && rows >= 0.0)
        {
            return fail(
                format!("the prior cannot count for {rows} rows"),
                "give a finite number, 0 or more",
            );
        }
        if !(2..=MOST_PARTS).contains(&self.parts) {
            return fail(
                format!("the train rows cannot be dealt into {} parts", self.parts),
                "choose 2 to 100 parts",
            );
        }
        let target = input.field(&self.target)?;
        let dtype = target.dtype();
        let is_number = dtype.is_primitive_numeric() || dtype.is_decimal();
        if target.is_open() || !(is_number || *dtype == DataType::Boolean) {
            let message = "the target of the encoder is neither a number nor a Boolean";
            return Err(Error::new(ErrorKind::Schema, message)
                .on_column(self.target.as_str())
                .with_dtype(dtype)
                .with_help("of a target with classes, encode a Boolean for each class"));
        }
        Ok(())
    }

    fn resolve(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.check(input)?;
        let columns = self.columns.resolve(input)?;
        for name in &columns {
            if *name == self.target {
                let message = "the target is among the columns";
                return Err(Error::new(ErrorKind::Config, message)
                    .on_column(name.as_str())
                    .with_help("leave it out of the columns"));
            }
            refuse_dtype(name, input.field(name)?.dtype())?;
        }
        Ok(columns)
    }

    fn refuse_gaps(&self, learned: &Learned) -> Result<()> {
        learned.refuse_infinities(&self.target)?;
        let gaps = learned.nulls(&self.target)? + learned.nans(&self.target)?;
        if gaps == 0 {
            return Ok(());
        }
        let message = format!("{gaps} of the train rows have no target");
        Err(Error::new(ErrorKind::Fit, message)
            .on_column(self.target.as_str())
            .with_help("drop them before the split: `.keep(..)`"))
    }

    /// Refuses a target whose variances, which weigh the prior, cannot be told: squared it is beyond
    /// the floats, or so small that nothing is left of it.
    fn refuse_extremes(&self, learned: &Learned) -> Result<()> {
        let ends = [learned.min(&self.target)?, learned.max(&self.target)?];
        let sizes = ends.into_iter().flatten().map(|end| end.to_f64().abs());
        let size = sizes.fold(0.0, f64::max);
        if self.smooth != Smooth::Auto || size == 0.0 || SQUARED.contains(&size) {
            return Ok(());
        }
        let message = format!("the squares of values of the size {size:e} are no floats");
        Err(Error::new(ErrorKind::Fit, message)
            .on_column(self.target.as_str())
            .with_help(
                "scale the target, or say by `.smooth(..)` how many rows the prior counts for",
            ))
    }

    fn of_groups(&self) -> GroupStatistic {
        GroupStatistic::Parts {
            seed: self.seed,
            parts: self.parts,
        }
    }

    fn encoded(&self, column: &str, input: &Schema, learned: &Learned) -> Result<Encoded> {
        let groups = learned.grouped(&self.target, column, self.of_groups())?;
        let nulls = groups.get(None).map_or(0, |group| group.rows);
        if nulls > 0 && self.nulls == NullMean::Error {
            let message = format!("{nulls} of the train rows are null");
            return Err(Error::new(ErrorKind::Fit, message)
                .on_column(column)
                .with_help("fill them by an `Imputer` first, or choose another policy for nulls"));
        }
        let (all, each) = estimates(groups, self.parts as usize, self.smooth)?;
        if !each.iter().chain([&all]).all(Estimates::is_finite) {
            let message = "the values of the target add up beyond the floats";
            return Err(Error::new(ErrorKind::Fit, message)
                .on_column(self.target.as_str())
                .with_help("scale the target"));
        }
        // A decimal is learned from in its unscaled integers.
        let unit = physical_unit(input.field(&self.target)?.dtype());
        let known = groups.groups.iter().zip(each);
        let known =
            known.filter(|(group, _)| group.category.is_some() || self.nulls == NullMean::Category);
        let known =
            known.map(|(group, estimates)| Known::new(group.category.clone(), estimates, unit));
        Ok(Encoded {
            column: column.to_owned(),
            dtype: Dtype(input.field(column)?.dtype().clone()),
            prior: Known::new(None, all, unit),
            known: known.collect(),
        })
    }

    /// The rows that the prior counts for, unless the variances say it.
    fn rows_of_prior(&self) -> Option<f64> {
        match self.smooth {
            Smooth::Rows(rows) => Some(rows),
            Smooth::Auto => None,
        }
    }
}

// The label of the stage in messages: the columns, and what is not the default.
impl fmt::Debug for TargetEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target.as_str();
        write!(f, "TargetEncoder({:?} by {target:?}", self.columns)?;
        if let Smooth::Rows(rows) = self.smooth {
            write!(f, ", smooth: {rows}")?;
        }
        if self.parts != PARTS {
            write!(f, ", parts: {}", self.parts)?;
        }
        if self.seed != 0 {
            write!(f, ", seed: {}", self.seed)?;
        }
        if self.unknown != UnknownMean::default() {
            write!(f, ", unknown: {:?}", self.unknown)?;
        }
        if self.nulls != NullMean::default() {
            write!(f, ", nulls: {:?}", self.nulls)?;
        }
        if self.most != MOST {
            write!(f, ", most: {}", self.most)?;
        }
        f.write_str(")")
    }
}

impl Transform for TargetEncoder {
    type Fitted = TargetEncoding;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.resolve(input)
    }

    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.check(input)?;
        Ok(vec![self.target.clone()])
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let parts = self.of_groups();
        let columns = self.resolve(input)?.into_iter();
        let grouped =
            columns.map(|name| Need::grouped(self.target.clone(), name, parts, self.most));
        let whole = [Statistic::Infinities, Statistic::Min, Statistic::Max];
        let whole = whole.map(|statistic| Need::column(self.target.clone(), statistic));
        Ok(grouped.chain(whole).collect())
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<TargetEncoding> {
        self.refuse_gaps(learned)?;
        self.refuse_extremes(learned)?;
        let columns = self.resolve(input)?.into_iter();
        let columns = columns.map(|name| {
            let encoded = self.encoded(&name, input, learned);
            encoded.map_err(|error| match error.column() {
                None => error.on_column(name.as_str()),
                Some(_) => error,
            })
        });
        Ok(TargetEncoding {
            columns: columns.collect::<Result<_>>()?,
            target: self.target.to_string(),
            smooth: self.rows_of_prior(),
            parts: self.parts,
            seed: self.seed.into(),
            unknown: self.unknown,
            nulls: self.nulls,
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let columns = self.resolve(input)?;
        let columns = columns.iter().map(PlSmallStr::as_str);
        Ok(output(input, columns, self.unknown, self.nulls))
    }

    fn restore(&self, saved: &Saved) -> Result<TargetEncoding> {
        let fitted: TargetEncoding = saved.read()?;
        let columns = fitted.columns.iter().map(|encoded| encoded.column.as_str());
        let same = self.columns.may_be(columns)
            && fitted.target == self.target.as_str()
            && fitted.smooth == self.rows_of_prior()
            && (fitted.parts, fitted.seed) == (self.parts, self.seed.into())
            && (fitted.unknown, fitted.nulls) == (self.unknown, self.nulls);
        names::restored(self, fitted, same)
    }
}
