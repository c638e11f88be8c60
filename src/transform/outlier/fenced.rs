//! A column with the fence that was learned of it: what the steps with fences share.

use polars::prelude::{Column, DataType, PlSmallStr};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::ends::Ends;
use super::fence::Fence;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Learned, Need, Statistic, Value};
use crate::schema::{Columns, Dtype, Schema};

/// A column and its fence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fenced {
    pub(super) column: String,
    pub(super) dtype: Dtype,
    /// Absent where no train row held a value.
    pub(super) ends: Option<Ends>,
    /// How many of the train rows lie beyond; absent where the fit did not see it.
    outside: Option<Outside>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outside {
    below: u64,
    above: u64,
    infinite: u64,
}

/// The columns, none of which the fence cannot fence.
pub(super) fn resolve(columns: &Columns, fence: Fence, input: &Schema) -> Result<Vec<PlSmallStr>> {
    fence.check()?;
    let names = columns.resolve(input)?;
    for name in &names {
        fence.check_dtype(name, input.field(name)?.dtype())?;
    }
    Ok(names)
}

/// What must be known to fence the columns; `also` where something must be known at all.
pub(super) fn needs(names: Vec<PlSmallStr>, fence: Fence, also: Option<Statistic>) -> Vec<Need> {
    let statistics = fence.statistics();
    let also = also.filter(|_| !statistics.is_empty());
    let statistics: Vec<_> = also.into_iter().chain(statistics).collect();
    let of = |name: PlSmallStr| {
        let needs = statistics.iter();
        needs
            .map(|statistic| Need::column(name.clone(), *statistic))
            .collect::<Vec<_>>()
    };
    names.into_iter().flat_map(of).collect()
}

/// The fences of the columns.
pub(super) fn fit(
    names: Vec<PlSmallStr>,
    fence: Fence,
    input: &Schema,
    learned: &Learned,
) -> Result<Vec<Fenced>> {
    let of = |name: PlSmallStr| {
        let dtype = input.field(&name)?.dtype().clone();
        let outside = match fence.beyond(learned, &name)? {
            Some((below, above)) => Some(Outside {
                below,
                above,
                infinite: learned.infinities(&name)?,
            }),
            None => None,
        };
        Ok(Fenced {
            ends: fence.learn(learned, &name, &dtype)?,
            column: name.to_string(),
            dtype: Dtype(dtype),
            outside,
        })
    };
    names.into_iter().map(of).collect()
}

impl Fenced {
    /// How many of the train rows lie beyond the fence, infinities too, where that is known.
    pub(super) fn outside(&self) -> Option<u64> {
        let Outside {
            below,
            above,
            infinite,
        } = self.outside?;
        Some(below + above + infinite)
    }

    /// The error of rows that hold the column in another dtype than at the fit.
    pub(super) fn same_dtype(&self, dtype: &DataType) -> Result<()> {
        if *dtype == self.dtype.0 {
            return Ok(());
        }
        let message = format!("the step was fitted on {}", self.dtype.0);
        Err(Error::new(ErrorKind::Schema, message)
            .on_column(self.column.as_str())
            .with_dtype(dtype)
            .with_help("cast the column back first"))
    }

    /// Which rows lie within the fence, as a column of Booleans.
    pub(super) fn holds(&self, ends: Ends, column: &Column) -> Result<Column> {
        use polars::prelude::{IntoColumn, IntoSeries};
        let held = ends.holds(column.as_materialized_series(), &self.dtype)?;
        Ok(held.into_series().into_column())
    }

    fn told(&self) -> Json {
        let Some(ends) = self.ends else {
            return Json::Null;
        };
        let mut told = json!({ "low": ends.low.told(), "high": ends.high.told() });
        if let Some(outside) = self.outside {
            told["below"] = outside.below.into();
            told["above"] = outside.above.into();
            if outside.infinite > 0 {
                told["infinite"] = outside.infinite.into();
            }
        }
        told
    }
}

/// The fence of a column, if it is one of these and held a value.
pub(super) fn ends(columns: &[Fenced], column: &str) -> Option<(Value, Value)> {
    let fenced = columns.iter().find(|fenced| fenced.column == column)?;
    fenced.ends.map(|ends| (ends.low, ends.high))
}

/// How many train rows lie below and above the fence of a column, if that was counted.
pub(super) fn outside(columns: &[Fenced], column: &str) -> Option<(u64, u64)> {
    let fenced = columns.iter().find(|fenced| fenced.column == column)?;
    fenced.outside.map(|found| (found.below, found.above))
}

/// What was found of each column, as data.
pub(super) fn report(columns: &[Fenced]) -> Json {
    let columns = columns.iter();
    let told = columns.map(|fenced| (fenced.column.clone(), fenced.told()));
    Json::Object(told.collect())
}

/// What to tell of columns without any value.
pub(super) fn warn(columns: &[Fenced], warnings: &mut Vec<String>) {
    for fenced in columns.iter().filter(|fenced| fenced.ends.is_none()) {
        warnings.push(format!(
            "column `{}` holds no value in the train rows, so no fence was learned of it",
            fenced.column
        ));
    }
}
