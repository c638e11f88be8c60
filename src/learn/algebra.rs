//! Statistics that follow from those of the column before it was rewritten.
//!
//! A step whose column an earlier step of the same level rewrites would have to wait for that one to
//! be fitted and applied: a level more, so one more scan. Where the earlier step moves every value
//! along a rising curve or a line, the question is put to the column as it is before that step, and
//! the answer is moved by the fitted step once it is there.

use std::fmt;
use std::sync::{Arc, OnceLock};

use polars::prelude::{Column, DataFrame, IntoLazy, PlSmallStr, Series};

use super::accumulate::Double;
use super::answers::{ColumnAnswer, FactorAnswer};
use super::column_ask::ColumnAsk;
use super::need::Statistic;
use super::physical::{series_of, values_of};
use super::value::{Mean, Quantile, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Kind, Schema};
use crate::transform::Apply;

/// How a fitted step rewrites the values of one column; see [`Transform::shape`].
///
/// [`Transform::shape`]: crate::transform::Transform::shape
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// In a way of which nothing follows.
    #[default]
    Any,
    /// Each value by itself, never changing which of two is the smaller; nulls and NaN stay what they
    /// are, and no value becomes one. Counts, ends and quantiles follow.
    Rising,
    /// As `Rising`, along the [`Line`] that the fitted step tells: mean, deviation and least squares
    /// follow too.
    Line,
    /// Each null becomes one value, the same in every row; so may each NaN and each empty text. All
    /// other values stay, also where the dtype changes. Counts, ends, mean, deviation and categories
    /// follow; quantiles and least squares do not.
    Filled,
}

/// The line `y = (x − centre) / scale + shift` along which a fitted step moves a column, in the
/// column's physical numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// What is subtracted.
    pub centre: Mean,
    /// What is divided by; positive. Half of it where the line is `halved`.
    pub scale: f64,
    /// What is added last.
    pub shift: f64,
    /// Value and centre are halved before they are subtracted: their distance could overflow.
    pub halved: bool,
}

impl Line {
    /// The place of a number, whose integer part is counted exactly, on the line.
    pub(crate) fn place(self, origin: i128, offset: f64) -> f64 {
        self.place_of(origin, Double::sum(offset, 0.0)).value()
    }

    fn place_of(self, origin: i128, offset: Double) -> Double {
        let half = if self.halved { 0.5 } else { 1.0 };
        let distance = Double::difference(origin, self.centre.origin).scaled(half)
            + (offset.scaled(half) - Double::sum(self.centre.offset * half, 0.0));
        distance / self.scale + Double::sum(self.shift, 0.0)
    }

    /// A distance between two numbers, on the line.
    fn stretch(self, distance: f64) -> f64 {
        let half = if self.halved { 0.5 } else { 1.0 };
        distance * half / self.scale
    }
}

/// A column that a step rewrites which is asked at this level and not fitted yet.
pub(crate) struct Link {
    pub(crate) column: PlSmallStr,
    pub(crate) shape: Shape,
    /// The columns before the step that it reads or rewrites.
    pub(crate) input: Schema,
    pub(crate) fitted: Slot,
}

/// Where a step is put once it is fitted.
pub(crate) type Slot = Arc<OnceLock<Arc<dyn Apply>>>;

/// The way of a column through steps that are not fitted yet.
#[derive(Clone)]
pub(crate) struct Trail {
    /// The column before the first of them.
    pub(crate) base: ColumnAsk,
    pub(crate) links: Vec<Arc<Link>>,
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.links.len();
        write!(f, "{} through {steps} steps", self.base.column)
    }
}

impl Trail {
    /// Whether the statistic at the end follows from the same statistic at the base.
    pub(crate) fn carries(&self, statistic: Statistic) -> bool {
        let all = |shapes: &[Shape]| self.links.iter().all(|link| shapes.contains(&link.shape));
        match statistic {
            Statistic::Mean | Statistic::Std => {
                all(&[Shape::Filled]) || self.is_exact() && all(&[Shape::Line, Shape::Filled])
            }
            Statistic::Categories { .. } | Statistic::MostFrequent { .. } => all(&[Shape::Filled]),
            Statistic::Quantile(_)
            | Statistic::ApproximateQuantile { .. }
            | Statistic::Beyond { .. } => all(&[Shape::Rising, Shape::Line]),
            Statistic::Count | Statistic::Infinities | Statistic::Min | Statistic::Max => {
                self.links.iter().all(|link| link.shape != Shape::Any)
            }
        }
    }

    /// What is asked at the base: a fill may take the place of an empty text, so that a column of
    /// one value too many is not one any more.
    pub(crate) fn at_base(&self, statistic: Statistic) -> Statistic {
        match statistic {
            Statistic::Categories { most } => Statistic::Categories {
                most: most.saturating_add(self.links.len()),
            },
            Statistic::MostFrequent { most } => Statistic::MostFrequent {
                most: most.saturating_add(self.links.len()),
            },
            other => other,
        }
    }

    /// Whether a least squares problem with an intercept follows.
    pub(crate) fn carries_least_squares(&self) -> bool {
        // A decimal is factored in its own numbers, and moved in its unscaled integers.
        self.is_line() && self.base.kind != Some(Kind::I128)
    }

    fn is_line(&self) -> bool {
        self.is_exact() && self.links.iter().all(|link| link.shape == Shape::Line)
    }

    /// What is rounded to 32 bits does not lie on the line.
    fn is_exact(&self) -> bool {
        self.base.kind != Some(Kind::F32)
    }

    /// The answer at the end of the trail from the one at its base.
    pub(crate) fn column(&self, answer: &ColumnAnswer) -> Result<ColumnAnswer> {
        let mut answer = answer.clone();
        for link in &self.links {
            match link.shape {
                Shape::Filled => link.fill(&mut answer)?,
                _ => link.carry(&mut answer)?,
            }
        }
        Ok(answer)
    }
}

impl Link {
    fn fitted(&self) -> Result<&Arc<dyn Apply>> {
        self.fitted.get().ok_or_else(|| {
            let message =
                "a statistic was to follow from a step that is not fitted (a bug in floe)";
            Error::new(ErrorKind::Fit, message).on_column(self.column.as_str())
        })
    }

    fn line(&self) -> Result<Line> {
        let fitted = self.fitted()?;
        fitted.line(&self.column).ok_or_else(|| {
            let message = "its shape is a line, and once fitted it does not tell which";
            Error::new(ErrorKind::Config, message)
                .on_column(self.column.as_str())
                .with_help(
                    "return the line from `Apply::line`, or a lesser shape from `Transform::shape`",
                )
                .at(fitted)
        })
    }

    fn carry(&self, answer: &mut ColumnAnswer) -> Result<()> {
        let ColumnAnswer {
            summary,
            quantiles,
            approximate,
            beyond,
            ..
        } = answer;
        // Where a step makes values equal, a fence of the moved quantiles parts others.
        beyond.clear();
        let Some((min, max)) = summary.min.zip(summary.max) else {
            return Ok(());
        };
        let mut values = vec![min, max];
        values.extend(
            quantiles
                .iter()
                .flat_map(|(_, quantile)| [quantile.lower, quantile.upper]),
        );
        values.extend(approximate.iter().map(|near| near.found));
        // The step itself moves the order statistics, to the bits that a scan would have found.
        let moved = self.apply(&values)?;
        self.refuse_disorder(&moved)?;
        let (ends, between) = moved.split_at(2);
        let (between, near) = between.split_at(2 * quantiles.len());
        (summary.min, summary.max) = (Some(ends[0]), Some(ends[1]));
        for ((_, quantile), ends) in quantiles.iter_mut().zip(between.chunks(2)) {
            *quantile = Quantile {
                lower: ends[0],
                upper: ends[1],
                fraction: quantile.fraction,
            };
        }
        for (near, value) in approximate.iter_mut().zip(near) {
            near.found = *value;
        }
        if self.shape != Shape::Line {
            (summary.mean, summary.std) = (None, None);
            return Ok(());
        }
        let line = self.line()?;
        if let Some(mean) = &mut summary.mean {
            let offset = Double::sum(mean.offset, summary.residue);
            let moved = line.place_of(mean.origin, offset);
            (mean.origin, mean.offset) = (0, moved.hi);
            summary.residue = moved.lo;
        }
        summary.std = summary.std.map(|std| {
            let moved = line.stretch(std);
            // A column that varies never has a deviation of zero.
            if std > 0.0 {
                moved.max(f64::from_bits(1))
            } else {
                moved
            }
        });
        Ok(())
    }

    /// Refuses moved values, the ends first, of which one does not lie between the ends.
    fn refuse_disorder(&self, moved: &[Value]) -> Result<()> {
        let (low, high) = (moved[0].to_f64(), moved[1].to_f64());
        // Written so that NaN is refused too; the ends before are finite.
        let ordered = |value: &Value| low <= value.to_f64() && value.to_f64() <= high;
        if low.is_finite() && high.is_finite() && moved.iter().all(ordered) {
            return Ok(());
        }
        let message = "it changes the order of values, or makes NaN or infinities of some, and its shape says that it does not";
        Err(self.lying(message))
    }

    pub(super) fn lying(&self, message: &'static str) -> Error {
        let error = Error::new(ErrorKind::Config, message)
            .on_column(self.column.as_str())
            .with_help("return `Shape::Any` from `Transform::shape`");
        match self.fitted() {
            Ok(fitted) => error.at(fitted),
            Err(_) => error,
        }
    }

    /// Applies the fitted step to these values of the column.
    fn apply(&self, values: &[Value]) -> Result<Vec<Value>> {
        let dtype = self.input.field(&self.column)?.dtype();
        let values: Vec<_> = values.iter().copied().map(Some).collect();
        let moved = self.apply_to(series_of(self.column.clone(), dtype, &values)?)?;
        let moved: Vec<_> = values_of(&moved)?.into_iter().flatten().collect();
        if moved.len() == values.len() {
            return Ok(moved);
        }
        let message = "it makes nulls of values, and its shape says that it does not";
        Err(self.lying(message))
    }

    /// Applies the fitted step to this column, whose name and dtype are those of the one before it.
    pub(super) fn apply_to(&self, column: Series) -> Result<Series> {
        let fitted = self.fitted()?;
        let rows = column.len();
        let columns = self.input.fields().iter().map(|field| {
            let name = field.name().clone();
            if *field.name() == self.column {
                return Column::from(column.clone());
            }
            Column::full_null(name, rows, field.dtype())
        });
        let frame = DataFrame::new(rows, columns.collect())?;
        let moved = fitted
            .apply(frame.lazy())
            .and_then(|moved| Ok(moved.collect()?));
        let moved = moved.map_err(|error| error.at(fitted))?;
        let moved = moved.column(&self.column)?.as_materialized_series().clone();
        if moved.len() == rows {
            return Ok(moved);
        }
        Err(self.lying("it drops rows, and its shape says that it does not"))
    }
}

/// Moves the columns of a least squares problem, each along its trail.
pub(crate) fn carry_factor(
    answer: &FactorAnswer,
    trails: &[Option<Trail>],
) -> Result<FactorAnswer> {
    let mut answer = answer.clone();
    for (at, trail) in trails.iter().enumerate() {
        for link in trail.iter().flat_map(|trail| &trail.links) {
            // Without a complete row there is nothing to move, and the step may have no line.
            if answer.factor.rows() > 0 {
                let line = link.line()?;
                let origin = std::mem::take(&mut answer.origins[at]);
                answer.factor.move_column(
                    at,
                    |offset| line.place(origin, offset),
                    |entry| line.stretch(entry),
                );
            }
        }
    }
    Ok(answer)
}
