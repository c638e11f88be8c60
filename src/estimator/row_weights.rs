//! The weights of rows: where they stand, and what they sum to in each class.

use polars::prelude::PlSmallStr;

use super::Classes;
use crate::error::{Error, ErrorKind, Result, listed};
use crate::learn::{Category, GroupStatistic, Learned, Need, Statistic};
use crate::schema::{Kind, Role, Schema, physical_unit};

/// The column of the weights: the one that was named, else the one that has the role.
pub(super) fn column_of(
    named: Option<&PlSmallStr>,
    features: &[PlSmallStr],
    target: &str,
    input: &Schema,
) -> Result<Option<PlSmallStr>> {
    let fields = input.fields().iter();
    let declared = fields.filter(|field| field.has_role() == Role::Weight);
    let declared: Vec<_> = declared.map(|field| field.name()).collect();
    let name = match (named, declared.as_slice()) {
        (Some(name), _) => name,
        (None, []) => return Ok(None),
        (None, [only]) => *only,
        (None, several) => {
            let message = format!("several columns are weights: {}", listed(several));
            return Err(Error::new(ErrorKind::Config, message)
                .with_help("give one of them the role, or name it by `.weights(..)`"));
        }
    };
    Kind::of(name, input.field(name)?.dtype())?;
    if features.contains(name) || name == target {
        let message = "the weights of the rows are learned from as well";
        return Err(Error::new(ErrorKind::Config, message)
            .on_column(name.as_str())
            .with_help("leave the column out of the features, or give it the role of a weight"));
    }
    Ok(Some(name.clone()))
}

/// What must be known of the weights.
pub(super) fn needs(column: &PlSmallStr, target: &PlSmallStr) -> [Need; 2] {
    let mean = GroupStatistic::Mean;
    [
        Need::column(column.clone(), Statistic::Min),
        Need::grouped(column.clone(), target.clone(), mean, Classes::MOST),
    ]
}

/// What the rows of each class weigh together.
pub(super) fn of_classes(
    column: &PlSmallStr,
    target: &PlSmallStr,
    classes: &[Category],
    learned: &Learned,
    schema: &Schema,
) -> Result<Vec<f64>> {
    let fail = |message: String, help: &'static str| {
        Err(Error::new(ErrorKind::Fit, message)
            .on_column(column.as_str())
            .with_help(help))
    };
    let found = [
        (learned.nulls(column)?, "null"),
        (learned.nans(column)?, "NaN"),
        (learned.infinities(column)?, "infinite"),
    ];
    if let Some((count, what)) = found.into_iter().find(|(count, _)| *count > 0) {
        let message = format!("the weights of {count} train rows are {what}");
        return fail(message, "drop those rows with `.keep(..)` before the split");
    }
    let least = learned.min(column)?.map_or(0.0, |least| least.to_f64());
    if least < 0.0 {
        let message = "some of the weights are below 0".to_owned();
        return fail(message, "a row that shall not count has the weight 0");
    }
    let unit = physical_unit(schema.field(column)?.dtype());
    let groups = learned.grouped(column, target, GroupStatistic::Mean)?;
    let mut sums = Vec::with_capacity(classes.len());
    for class in classes {
        let group = groups.get(Some(class));
        let sum = group.and_then(|group| Some(group.mean?.to_f64() * group.values as f64));
        let sum = sum.unwrap_or(0.0) / unit;
        if !sum.is_finite() {
            let message = "the weights are too large to be added up".to_owned();
            return fail(message, "divide them all by their largest");
        }
        if sum <= 0.0 {
            let message = format!("the rows of the class `{class}` weigh nothing");
            return fail(message, "give them weights, or drop them before the split");
        }
        sums.push(sum);
    }
    Ok(sums)
}
