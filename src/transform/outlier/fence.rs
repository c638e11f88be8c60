use std::fmt;

use polars::prelude::DataType;

use super::ends::Ends;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{
    self, Learned, Mean, Quantile, Statistic, Value, fence as fence_of, refuse_error, whole_ends,
};
use crate::schema::Kind;

/// Where the usual values of a column end: what lies beyond is an outlier.
///
/// A value at the fence is within. Nulls and NaN are never beyond it, infinities always are; none
/// of them is learned from.
///
/// | made by | stands at | the fit |
/// |---|---|---|
/// | [`quantiles`](Self::quantiles) | two quantiles | holds the column in memory |
/// | [`iqr`](Self::iqr) | `reach` times the distance of the quartiles beyond them (Tukey's fences, Exploratory Data Analysis, 1977) | holds the column in memory |
/// | [`z_score`](Self::z_score) | the mean and so many standard deviations (`ddof` 0) to both sides | holds nothing |
/// | [`fixed`](Self::fixed) | two numbers | learns nothing |
///
/// | setting | default | meaning |
/// |---|---|---|
/// | [`approximate`](Self::approximate) | exact | the error of the quantiles as a share of the values, in (0, 0.5] |
///
/// Quantiles are exact, by linear interpolation between the two neighbouring values (`NumPy`'s
/// default).
///
/// Of integers, Booleans, Decimal, Date, Datetime, Duration and Time the fence stands at the first
/// and the last of their physical integers within it, so that what is clipped keeps its dtype; it is
/// found from distances, without a rounding of large integers. Of Float32 it is rounded inwards too.
/// A fence with no number of the dtype within, such as 3.2 to 3.8 of integers, is an error of kind
/// [`ErrorKind::Fit`].
///
/// The numbers of a fixed fence are the column's own, of a Decimal its decimal digits: 1.1 is eleven
/// tenths. They may be infinite, to leave one side open. Dates and times have no fixed fence.
#[derive(Clone, Copy, PartialEq)]
#[must_use = "a fence does nothing until a step has it"]
pub struct Fence {
    rule: Rule,
    error: Option<f64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Rule {
    Quantiles { low: f64, high: f64 },
    Iqr { reach: f64 },
    ZScore { reach: f64 },
    Fixed { low: f64, high: f64 },
}

impl Fence {
    /// At two quantiles, as shares of the rows in 0..1.
    pub const fn quantiles(low: f64, high: f64) -> Self {
        Self::of(Rule::Quantiles { low, high })
    }

    /// `reach` times the distance of the quartiles beyond them; 1.5 is Tukey's.
    pub const fn iqr(reach: f64) -> Self {
        Self::of(Rule::Iqr { reach })
    }

    /// The mean and `reach` standard deviations to both sides.
    pub const fn z_score(reach: f64) -> Self {
        Self::of(Rule::ZScore { reach })
    }

    /// At two numbers; nothing is learned.
    pub const fn fixed(low: f64, high: f64) -> Self {
        Self::of(Rule::Fixed { low, high })
    }

    const fn of(rule: Rule) -> Self {
        Self { rule, error: None }
    }

    /// Learns the quantiles with a stated error, in bounded memory, as
    /// [`RobustScaler::approximate`](crate::transform::scale::RobustScaler::approximate) does. The
    /// values beyond are then not counted.
    pub const fn approximate(mut self, error: f64) -> Self {
        self.error = Some(error);
        self
    }

    /// The two quantiles, and how far the fence reaches beyond them.
    fn spans(self) -> Option<(f64, f64, f64)> {
        match self.rule {
            Rule::Quantiles { low, high } => Some((low, high, 0.0)),
            Rule::Iqr { reach } => Some((0.25, 0.75, reach)),
            _ => None,
        }
    }

    /// Whether it is given and not learned.
    pub(super) fn is_fixed(self) -> bool {
        matches!(self.rule, Rule::Fixed { .. })
    }

    /// Refuses numbers that cannot work. All are written so that NaN is refused too.
    pub(super) fn check(self) -> Result<()> {
        let refused = |message: String, help: &'static str| {
            Err(Error::new(ErrorKind::Config, message).with_help(help))
        };
        match self.rule {
            Rule::Quantiles { low, high } if !(0.0 <= low && low < high && high <= 1.0) => {
                return refused(
                    format!("a fence cannot stand at the quantiles {low} and {high}"),
                    "give two shares in 0..1, the lower one first, such as 0.01 and 0.99",
                );
            }
            Rule::Iqr { reach } if !(reach >= 0.0 && reach.is_finite()) => {
                return refused(
                    format!("a fence cannot reach {reach} times the distance of the quartiles"),
                    "give a number that is not negative, such as 1.5",
                );
            }
            Rule::ZScore { reach } if !(reach > 0.0 && reach.is_finite()) => {
                return refused(
                    format!("a fence cannot stand {reach} standard deviations from the mean"),
                    "give a positive number, such as 3.0",
                );
            }
            Rule::Fixed { low, high }
                if !(low <= high && low < f64::INFINITY && high > f64::NEG_INFINITY) =>
            {
                return refused(
                    format!("a fence cannot stand at {low} and {high}"),
                    "give two numbers, the lower one first",
                );
            }
            _ => {}
        }
        match (self.error, self.spans()) {
            (None, _) => Ok(()),
            (Some(_), None) => refused(
                format!("`{self:?}` has no quantiles that could be approximate"),
                "leave `.approximate(..)` out",
            ),
            (Some(error), Some((low, high, _))) => {
                refuse_error(error)?;
                if 2.0 * error < high - low {
                    return Ok(());
                }
                refused(
                    format!(
                        "an error of {error} does not tell the quantiles {low} and {high} apart"
                    ),
                    "state an error far below half their distance, such as 0.001",
                )
            }
        }
    }

    /// Refuses a column that it cannot fence.
    pub(super) fn check_dtype(self, column: &str, dtype: &DataType) -> Result<()> {
        Kind::of(column, dtype)?;
        if self.is_fixed() && dtype.is_temporal() {
            let message = "a date or time has no fixed fence";
            return Err(Error::new(ErrorKind::Schema, message)
                .on_column(column)
                .with_dtype(dtype)
                .with_help(
                    "choose a fence that is learned, or cast the column to an integer first",
                ));
        }
        Ok(())
    }

    /// What must be known of a column.
    pub(super) fn statistics(self) -> Vec<Statistic> {
        match (self.rule, self.spans(), self.error) {
            (_, Some((low, high, _)), Some(error)) => [low, high]
                .map(|q| Statistic::ApproximateQuantile { q, error })
                .into(),
            (_, Some((low, high, reach)), None) => {
                vec![Statistic::Beyond { low, high, reach }]
            }
            (Rule::ZScore { .. }, ..) => vec![Statistic::Mean, Statistic::Std],
            _ => Vec::new(),
        }
    }

    /// Where it stands in a column; none where no train row holds a value.
    pub(super) fn learn(
        self,
        learned: &Learned,
        column: &str,
        dtype: &DataType,
    ) -> Result<Option<Ends>> {
        let ends = match (self.rule, self.spans()) {
            (Rule::Fixed { low, high }, _) => {
                return Ends::fixed(low, high, dtype)
                    .within(column, dtype, self)
                    .map(Some);
            }
            (_, Some((low, high, reach))) => {
                let [low, high] = [low, high].map(|q| self.quantile(learned, column, q));
                let count = values(learned, column)?;
                low?.zip(high?)
                    .map(|(low, high)| fence_of(low, high, reach, count))
            }
            (Rule::ZScore { reach }, _) => around_mean(learned, column, reach)?,
            _ => None,
        };
        ends.map(|(low, high)| Ends { low, high }.within(column, dtype, self))
            .transpose()
    }

    fn quantile(self, learned: &Learned, column: &str, q: f64) -> Result<Option<Quantile>> {
        match self.error {
            None => learned.quantile(column, q),
            Some(error) => {
                let value = learned.approximate_quantile(column, q, error)?;
                Ok(value.map(Quantile::at))
            }
        }
    }

    /// How many values of the train rows lie below and above it, where that is known.
    pub(super) fn beyond(self, learned: &Learned, column: &str) -> Result<Option<(u64, u64)>> {
        match (self.spans(), self.error) {
            (Some((low, high, reach)), None) => learned.beyond(column, low, high, reach),
            _ => Ok(None),
        }
    }
}

/// How many finite values the train rows hold.
fn values(learned: &Learned, column: &str) -> Result<u64> {
    let others = learned.nulls(column)? + learned.nans(column)? + learned.infinities(column)?;
    Ok(learned.rows(column)?.saturating_sub(others))
}

fn around_mean(learned: &Learned, column: &str, reach: f64) -> Result<Option<(Value, Value)>> {
    let moments = learned.mean(column)?.zip(learned.std(column)?);
    let ends = learned.min(column)?.zip(learned.max(column)?);
    let Some(((mean, std), ends)) = moments.zip(ends) else {
        return Ok(None);
    };
    if !learn::is_less(ends.0, ends.1) {
        // The mean of equal values can be rounded beside them.
        return Ok(Some(ends));
    }
    let at = |far: f64| Mean {
        origin: mean.origin,
        offset: mean.offset + far,
    };
    let (from, to) = (at(-reach * std), at(reach * std));
    Ok(Some(match ends.0 {
        Value::Int(_) => whole_ends(from, to),
        Value::Float(_) => (Value::Float(from.to_f64()), Value::Float(to.to_f64())),
    }))
}

// Part of the label of a stage, and how a model file names the fence.
impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Rule::Quantiles { low, high } => write!(f, "quantiles {low}..{high}")?,
            Rule::Iqr { reach } => write!(f, "iqr {reach}")?,
            Rule::ZScore { reach } => write!(f, "z-score {reach}")?,
            Rule::Fixed { low, high } => write!(f, "fixed {low}..{high}")?,
        }
        match self.error {
            Some(error) => write!(f, " approximate {error}"),
            None => Ok(()),
        }
    }
}
