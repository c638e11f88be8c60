//! What follows of a column whose gaps were filled from the column with the gaps.

use polars::prelude::DataType;

use super::accumulate::Double;
use super::algebra::Link;
use super::answers::{ColumnAnswer, Found};
use super::category::{Counted, Distinct};
use super::physical::{distinct_of, series_of, series_of_distinct, values_of};
use super::value::{Mean, Value};
use crate::error::Result;

/// Beyond this the distance of two floats could overflow.
const FAR: f64 = 1e300;

impl Link {
    /// The answer after the gaps are filled. The step itself says with what: it is applied to a gap.
    pub(super) fn fill(&self, answer: &mut ColumnAnswer) -> Result<()> {
        if let Some(counted) = &mut answer.counted {
            self.fill_counted(counted, answer.summary.nans)?;
        }
        // Where a value that fills them all falls among the others is not known.
        answer.quantiles.clear();
        answer.approximate.clear();
        answer.beyond.clear();
        let dtype = self.input.field(&self.column)?.dtype();
        let summary = &mut answer.summary;
        if *dtype == DataType::String {
            let gap = series_of_distinct(self.column.clone(), dtype, &[None])?;
            if self.apply_to(gap)?.null_count() == 0 {
                summary.nulls = 0;
            }
            return Ok(());
        }
        let mut probed = vec![None];
        let nan = dtype.is_float().then_some(Value::Float(f64::NAN));
        probed.extend(nan.map(Some));
        probed.extend([summary.min, summary.max].into_iter().flatten().map(Some));
        let found = self.apply_to(series_of(self.column.clone(), dtype, &probed)?)?;
        let found = values_of(&found)?;
        let mut found = found.into_iter();
        let gap = found.next().flatten();
        let nan = nan.and_then(|_| found.next());
        for (end, now) in [&mut summary.min, &mut summary.max].into_iter().zip(found) {
            self.refuse_moved(*end, now)?;
            *end = now;
        }
        if let (Some(Value::Float(_)), Some(mean)) = (summary.min, &mut summary.mean) {
            // The origin of a column of floats is zero, also where it was one of integers before.
            let origin = Double::difference(std::mem::take(&mut mean.origin), 0);
            let moved = origin + Double::sum(mean.offset, summary.residue);
            (mean.offset, summary.residue) = (moved.hi, moved.lo);
        }
        let values = summary.rows - summary.nulls - summary.nans - summary.infinities;
        let mut filled = Filled { summary, values };
        if let Some(value) = gap {
            let gaps = std::mem::take(&mut filled.summary.nulls);
            filled.add(self.finite(value)?, gaps);
        }
        match nan {
            Some(None) => {
                return Err(
                    self.lying("it makes nulls of NaN, and its shape says that it does not")
                );
            }
            Some(Some(value)) if !value.to_f64().is_nan() => {
                let gaps = std::mem::take(&mut filled.summary.nans);
                filled.add(self.finite(value)?, gaps);
            }
            _ => {}
        }
        Ok(())
    }

    fn refuse_moved(&self, before: Option<Value>, now: Option<Value>) -> Result<()> {
        let same = match (before, now) {
            (Some(Value::Int(before)), Some(Value::Int(now))) => before == now,
            (Some(before), Some(now)) => before.to_f64() == now.to_f64(),
            (None, None) => true,
            _ => false,
        };
        if same {
            return Ok(());
        }
        Err(self.lying("it changes values that are no gaps, and its shape says that it does not"))
    }

    fn finite(&self, value: Value) -> Result<Value> {
        if value.to_f64().is_finite() {
            return Ok(value);
        }
        let message = "it fills gaps with what is no number, and its shape says that it does not";
        Err(self.lying(message))
    }

    /// Puts each value through the step and counts anew.
    fn fill_counted(&self, counted: &mut Counted, nans: u64) -> Result<()> {
        if counted.overflows {
            return Ok(());
        }
        let dtype = self.input.field(&self.column)?.dtype();
        let (values, mut rows): (Vec<_>, Vec<_>) = std::mem::take(&mut counted.values)
            .into_iter()
            .map(|(value, rows)| (Some(value), rows))
            .unzip();
        let mut column = series_of_distinct(self.column.clone(), dtype, &values)?;
        column.append(&series_of_distinct(self.column.clone(), dtype, &[None])?)?;
        rows.push(std::mem::take(&mut counted.nulls));
        if dtype.is_float() {
            let nan = [Some(Distinct::Float(f64::NAN))];
            column.append(&series_of_distinct(self.column.clone(), dtype, &nan)?)?;
            rows.push(nans);
        }
        let now = distinct_of(&self.apply_to(column)?)?;
        if now
            .iter()
            .zip(&rows)
            .take(values.len())
            .any(|(now, _)| now.is_none())
        {
            return Err(self.lying("it makes nulls of values, and its shape says that it does not"));
        }
        if now.get(values.len()).is_some_and(Option::is_none) {
            counted.nulls = rows[values.len()];
        }
        let mut now: Vec<_> = now
            .into_iter()
            .zip(rows)
            .filter_map(|(value, rows)| Some((value?, rows)))
            .filter(|(_, rows)| *rows > 0)
            .collect();
        now.sort_by(|(a, _), (b, _)| a.compare(b));
        for (value, rows) in now {
            match counted.values.last_mut() {
                Some((last, sum)) if last.compare(&value).is_eq() => *sum += rows,
                _ => counted.values.push((value, rows)),
            }
        }
        Ok(())
    }
}

/// A summary on its way to that of the filled column.
struct Filled<'a> {
    summary: &'a mut Found,
    /// The finite values so far.
    values: u64,
}

impl Filled<'_> {
    /// Adds one value so many times.
    fn add(&mut self, value: Value, times: u64) {
        if times == 0 {
            return;
        }
        let (before, summary) = (self.values, &mut *self.summary);
        self.values += times;
        let Some((min, max)) = summary.min.zip(summary.max) else {
            (summary.min, summary.max) = (Some(value), Some(value));
            constant(summary, value);
            return;
        };
        if less(value, min) {
            summary.min = Some(value);
        }
        if less(max, value) {
            summary.max = Some(value);
        }
        let Some((mean, std)) = summary.mean.zip(summary.std) else {
            return;
        };
        if same(min, max) && same(min, value) {
            constant(summary, value);
            return;
        }
        let offset = Double::sum(mean.offset, summary.residue);
        let (whole, value) = match value {
            Value::Int(value) => (true, Double::difference(value, mean.origin)),
            Value::Float(value) => (false, Double::sum(value, 0.0)),
        };
        let far = offset.hi.abs().max(value.hi.abs()) > FAR;
        let unit = if far { 0.125 } else { 1.0 };
        let (offset, value) = (offset.scaled(unit), value.scaled(unit));
        let (before, times) = (before as f64, times as f64);
        let all = before + times;
        let apart = value - offset;
        let moved = (offset + (apart * times) / all).scaled(1.0 / unit);
        let std = joined(std * unit, apart.value().abs(), before / all, times / all) / unit;
        summary.std = Some(std.max(f64::from_bits(1)));
        let (origin, moved) = if whole {
            settled(mean.origin, moved)
        } else {
            (0, moved)
        };
        summary.mean = Some(Mean {
            origin,
            offset: moved.hi + 0.0,
        });
        summary.residue = moved.lo;
    }
}

/// The deviation of a share of values with the deviation `std`, and a share that lie `apart` from
/// their mean (Chan, Golub and LeVeque, 1983).
fn joined(std: f64, apart: f64, share: f64, other: f64) -> f64 {
    let unit = std.max(apart);
    if unit == 0.0 {
        return 0.0;
    }
    let (std, apart) = (std / unit, apart / unit);
    unit * (share * (std * std + apart * apart * other)).sqrt()
}

fn constant(summary: &mut Found, value: Value) {
    let (origin, offset) = match value {
        Value::Int(value) => (value, 0.0),
        Value::Float(value) => (0, value),
    };
    summary.mean = Some(Mean { origin, offset });
    summary.residue = 0.0;
    summary.std = Some(0.0);
}

/// Moves whole units from the offset to the origin, twice because each float holds 53 bits of them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the float is a whole number; beyond i128 it saturates"
)]
fn settled(mut origin: i128, mut offset: Double) -> (i128, Double) {
    for _ in 0..2 {
        let whole = offset.hi.round();
        if let Some(moved) = origin.checked_add(whole as i128) {
            origin = moved;
            offset = Double::sum(offset.hi - whole, offset.lo);
        }
    }
    (origin, offset)
}

fn less(left: Value, right: Value) -> bool {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => left < right,
        _ => left.to_f64() < right.to_f64(),
    }
}

fn same(left: Value, right: Value) -> bool {
    !less(left, right) && !less(right, left)
}
