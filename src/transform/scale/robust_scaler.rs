use std::fmt;

use polars::prelude::{Expr, LazyFrame, PlSmallStr};
use serde::{Deserialize, Serialize};

use super::centred::Centred;
use super::column::{self, Scaled};
use super::policy::{Nulls, Policies};
use super::settings::{Scaler, Settings, scaler, setters};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{self, Learned, Line, Mean, Quantile, Statistic, middle, spread};
use crate::schema::Schema;

/// Scales columns by what outliers do not move: learns the median and the distance of two
/// quantiles, and applies `(x − median) / (upper quantile − lower quantile)`.
///
/// The quantiles are exact, with linear interpolation between the two neighbouring values (`NumPy`'s
/// default; Hyndman and Fan's definition 7, The American Statistician 50, 1996). Exact quantiles
/// need all values at once: the fit holds its columns in memory, and `explain()` says so. Of
/// integers the median is exact, also halfway between two large ones. Dtypes and output are those of
/// [`MinMaxScaler`](super::MinMaxScaler). Rows are kept.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `quantile_range` | 0.25, 0.75 | the two quantiles, as shares of the rows in 0..1 |
/// | `approximate` | exact | the error of the three quantiles as a share of the values, in (0, 0.5] |
/// | `constant` | `Constant::Zero` | a column whose two quantiles are equal: with `Zero` it is divided by 1 |
/// | `nulls` | `Nulls::Keep` | nulls, which are never learned from |
/// | `nans` | `Nans::Keep` | NaN, which are never learned from |
/// | `infinities` | `Infinities::Error` | infinities, which are never learned from |
///
/// The definition is scikit-learn's `RobustScaler`; [`approximate`](Self::approximate) departs from it.
///
/// # Errors
///
/// As [`MinMaxScaler`](super::MinMaxScaler), and [`ErrorKind::Fit`] when the distance of the two
/// quantiles is beyond the largest Float64. [`ErrorKind::Config`] for a quantile range that does not
/// rise within 0..1, and for an error outside (0, 0.5] or so large that the two quantiles cannot be
/// told apart.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["x" => [1, 2, 3, 4, 1_000_000]]?;
/// let train = floe::train_on(InMemory::new(rows.clone()))?;
/// let fitted = RobustScaler::new(["x"]).fit_on(&train)?;
/// assert_eq!((fitted.center("x"), fitted.scale("x")), (Some(3.0), Some(2.0)));
/// let scaled = fitted.apply(rows.lazy())?.collect()?;
/// assert_eq!(scaled.column("x")?.f64()?.get(0), Some(-1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct RobustScaler {
    settings: Settings,
    low: f64,
    high: f64,
    error: Option<f64>,
}

const QUARTILES: (f64, f64) = (0.25, 0.75);

impl RobustScaler {
    setters!();

    fn with(settings: Settings) -> Self {
        let (low, high) = QUARTILES;
        Self {
            settings,
            low,
            high,
            error: None,
        }
    }

    /// The two quantiles whose distance is the unit, as shares of the rows in 0..1.
    pub fn quantile_range(mut self, low: f64, high: f64) -> Self {
        (self.low, self.high) = (low, high);
        self
    }

    /// Learns the three quantiles with a stated error, in bounded memory.
    ///
    /// Each is a value of the column whose rank lies within `error` times the count of values of
    /// the wanted one, not interpolated. An error of 0.01 holds at most about 360 KiB a column of 8
    /// bytes a value, however many rows there are; `explain()` tells. Nothing about it is random.
    ///
    /// The rank is what is promised, not the value: where values lie far apart, a small error of
    /// the rank can be a large one of the scale. Two quantiles that come out equal follow the policy
    /// for constants, though the exact ones may differ: it only says that one value holds at least
    /// `high − low − 2·error` of the values. So choose an error far below `high − low`, and where
    /// many values are tied, fit exactly.
    pub fn approximate(mut self, error: f64) -> Self {
        self.error = Some(error);
        self
    }

    /// A quantile as it was asked for.
    fn quantile(&self, learned: &Learned, column: &str, q: f64) -> Result<Option<Quantile>> {
        match self.error {
            None => learned.quantile(column, q),
            Some(error) => {
                let value = learned.approximate_quantile(column, q, error)?;
                Ok(value.map(Quantile::at))
            }
        }
    }
}

/// A fitted [`RobustScaler`]: the median of each column, and the distance of its two quantiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobustScaling {
    columns: Vec<Scaled<Middle>>,
    nulls: Nulls,
    policies: Policies,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Middle {
    center: Mean,
    scale: f64,
}

impl RobustScaling {
    /// The learned median of a column in its physical numbers.
    pub fn center(&self, column: &str) -> Option<f64> {
        column::learned(&self.columns, column).map(|middle| middle.center.to_f64())
    }

    /// The learned distance of the two quantiles of a column in its physical numbers; 0 when they
    /// are equal.
    pub fn scale(&self, column: &str) -> Option<f64> {
        column::learned(&self.columns, column).map(|middle| middle.scale)
    }

    fn kernel_of(&self, learned: Middle) -> Centred {
        Centred {
            centre: learned.center,
            scale: learned.scale,
            policies: self.policies,
        }
    }

    fn told(learned: &Middle) -> serde_json::Value {
        serde_json::json!({ "center": learned.center.to_f64(), "scale": learned.scale })
    }

    fn line_of(&self, learned: Middle) -> Line {
        self.kernel_of(learned).line()
    }
}

impl Scaler for RobustScaler {
    type Learned = Middle;
    const NAME: &'static str = "RobustScaler";
    const CONSTANT: &'static str = "the two quantiles are equal";

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn statistics(&self) -> Vec<Statistic> {
        let of = |q| match self.error {
            None => Statistic::Quantile(q),
            Some(error) => Statistic::ApproximateQuantile { q, error },
        };
        [0.5, self.low, self.high].map(of).into()
    }

    fn learn(&self, learned: &Learned, column: &str) -> Result<Option<Middle>> {
        let quantile = |q| self.quantile(learned, column, q);
        let Some(median) = quantile(0.5)? else {
            return Ok(None);
        };
        let scale = quantile(self.low)?
            .zip(quantile(self.high)?)
            .map_or(f64::NAN, |(low, high)| spread(low, high));
        if !scale.is_finite() {
            let message = "the distance of the two quantiles is beyond the largest Float64";
            return Err(Error::new(ErrorKind::Fit, message)
                .on_column(column)
                .with_help("divide the column by a power of ten first"));
        }
        let center = middle(median);
        Ok(Some(Middle { center, scale }))
    }

    fn is_constant(learned: &Middle) -> bool {
        learned.scale == 0.0
    }

    fn check(&self) -> Result<()> {
        let (low, high) = (self.low, self.high);
        // Written so that NaN is refused too.
        if 0.0 <= low && low < high && high <= 1.0 {
            return match self.error {
                None => Ok(()),
                Some(error) => told_apart(low, high, error),
            };
        }
        let message = format!("the quantile range is {low}..{high}");
        Err(Error::new(ErrorKind::Config, message)
            .with_help("give two shares in 0..1, the lower one first, such as 0.25 and 0.75"))
    }

    fn label(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (self.low, self.high) != QUARTILES {
            write!(f, ", quantile range: {}..{}", self.low, self.high)?;
        }
        if let Some(error) = self.error {
            write!(f, ", approximate: {error}")?;
        }
        Ok(())
    }
}

/// Refuses an error that is none, or that blurs the two quantiles into one.
fn told_apart(low: f64, high: f64, error: f64) -> Result<()> {
    learn::refuse_error(error)?;
    if 2.0 * error < high - low {
        return Ok(());
    }
    let message = format!("an error of {error} does not tell the quantiles {low} and {high} apart");
    Err(Error::new(ErrorKind::Config, message)
        .with_help("state an error far below half their distance, such as 0.01"))
}

scaler!(RobustScaler => RobustScaling, Centred, "robust_scaling");
