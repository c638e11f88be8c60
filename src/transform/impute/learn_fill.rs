//! What an imputer asks of the train rows, and how the answers become what fills.

use polars::prelude::{DataType, PlSmallStr};

use super::fill_value::FillValue;
use super::groups::GroupFill;
use super::imputation::Strategy;
use super::policy::EmptyAs;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{
    Category, Group, GroupStatistic, Learned, Mean, Need, Quantile, Statistic, Value, middle,
};

/// What one imputer learns.
pub(super) struct Lesson<'a> {
    pub(super) what: What,
    pub(super) empty: EmptyAs,
    pub(super) by: Option<&'a PlSmallStr>,
    /// The most distinct values, and the most groups.
    pub(super) most: usize,
    pub(super) strategy: Strategy,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum What {
    Mean,
    Median,
    MostFrequent,
}

impl Lesson<'_> {
    pub(super) fn needs(&self, column: &PlSmallStr, dtype: &DataType, needs: &mut Vec<Need>) {
        let statistic = match self.what {
            What::Mean => Statistic::Mean,
            What::Median => Statistic::Quantile(0.5),
            // The empty text is one of the texts that are counted, and not one of the limit.
            What::MostFrequent if self.skips_empty(dtype) => Statistic::Categories {
                most: self.most.saturating_add(1),
            },
            What::MostFrequent => Statistic::MostFrequent { most: self.most },
        };
        if *dtype != DataType::String {
            needs.push(Need::column(column.clone(), Statistic::Infinities));
        }
        needs.push(Need::column(column.clone(), statistic));
        if let Some(by) = self.by {
            let need = Need::grouped(column.clone(), by.clone(), self.of_groups(), self.most);
            needs.push(need);
        }
    }

    fn of_groups(&self) -> GroupStatistic {
        match self.what {
            What::Mean => GroupStatistic::Mean,
            What::Median => GroupStatistic::Median,
            What::MostFrequent => GroupStatistic::MostFrequent,
        }
    }

    fn skips_empty(&self, dtype: &DataType) -> bool {
        self.empty == EmptyAs::Missing && *dtype == DataType::String
    }

    /// What the whole column taught, as a value of the dtype that it has once it is filled.
    pub(super) fn value(
        &self,
        learned: &Learned,
        column: &str,
        dtype: &DataType,
        filled: &DataType,
    ) -> Result<FillValue> {
        learned.refuse_infinities(column).map_err(|error| {
            error.with_help("clean them before the split, or fill with a constant")
        })?;
        let found = match self.what {
            What::Mean => {
                let mean = learned.mean(column)?;
                mean.map(|mean| FillValue::learned(mean, filled))
            }
            What::Median => {
                let median = learned.quantile(column, 0.5)?;
                median.map(|median| FillValue::learned(between(median), filled))
            }
            What::MostFrequent if self.skips_empty(dtype) => {
                self.text(learned, column)?.map(FillValue::Text)
            }
            What::MostFrequent => {
                let found = learned.most_frequent(column, self.most)?;
                found.map(|found| FillValue::frequent(found.value, filled))
            }
        };
        found.ok_or_else(|| {
            let rows = learned.rows(column).unwrap_or_default();
            let message = format!(
                "none of the {rows} train rows holds a value, so there is no {}",
                self.strategy
            );
            Error::new(ErrorKind::Fit, message)
                .on_column(column)
                .with_help("leave the column out, or fill it with a constant")
        })
    }

    /// The most frequent text that is not empty, the smallest of several.
    fn text(&self, learned: &Learned, column: &str) -> Result<Option<String>> {
        let found = learned.categories(column, self.most.saturating_add(1));
        let found = found.or_else(|_| learned.categories(column, self.most))?;
        let mut best: Option<(String, u64)> = None;
        let mut distinct = 0;
        for (category, rows) in found.counts {
            let Category::Text(text) = category else {
                continue;
            };
            if text.is_empty() {
                continue;
            }
            distinct += 1;
            if best.as_ref().is_none_or(|(_, most)| rows > *most) {
                best = Some((text, rows));
            }
        }
        if distinct > self.most {
            learned.categories(column, self.most)?;
        }
        Ok(best.map(|(text, _)| text))
    }

    /// What each group taught that holds a value; none without groups.
    pub(super) fn groups(
        &self,
        learned: &Learned,
        column: &str,
        filled: &DataType,
    ) -> Result<Vec<GroupFill>> {
        let Some(by) = self.by else {
            return Ok(Vec::new());
        };
        let mut fills = Vec::new();
        for group in &learned.grouped(column, by, self.of_groups())?.groups {
            let Some(category) = &group.category else {
                continue;
            };
            if let Some(value) = self.of_group(group, filled) {
                if let FillValue::Float(float) = &value
                    && !float.is_finite()
                {
                    let message =
                        format!("the values of the group `{category}` add up beyond the floats");
                    return Err(Error::new(ErrorKind::Fit, message)
                        .on_column(column)
                        .with_help("scale the column down first, or fill with the median"));
                }
                fills.push(GroupFill {
                    group: category.clone(),
                    value,
                });
            }
        }
        Ok(fills)
    }

    fn of_group(&self, group: &Group, filled: &DataType) -> Option<FillValue> {
        Some(match self.what {
            What::Mean => FillValue::learned(group.mean?, filled),
            What::Median => FillValue::learned(between(group.median?), filled),
            What::MostFrequent => {
                let found = match self.empty {
                    EmptyAs::Missing => &group.most_frequent_filled,
                    EmptyAs::Value => &group.most_frequent,
                };
                FillValue::frequent(found.clone()?.value, filled)
            }
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
