//! The law of the shape: what a step says of how it moves the values of a column.

use polars::prelude::{DataFrame, DataType};

use super::declared::known;
use super::fitted::applied;
use super::law::{Verdict, because};
use super::rows::floats;
use super::subject::Steps;
use crate::learn::Shape;
use crate::schema::physical_unit;
use crate::transform::{Apply, Transform};

/// Beyond this a float does not hold every integer.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Values keep their order, nulls and NaN stay, and a line passes through all of them.
pub(super) fn shape<T: Transform>(step: &T, fitted: &T::Fitted, rows: &DataFrame) -> Verdict {
    let input = known(rows)?;
    let writes = Transform::writes(step, &input).map_err(because("asking what it writes"))?;
    let output = applied(&Steps(step), fitted, rows)?;
    for name in writes.iter().filter(|name| input.contains(name)) {
        let shape = Transform::shape(step, &input, name);
        if shape == Shape::Any {
            continue;
        }
        if shape == Shape::Filled {
            filled(name, rows, &output)?;
            continue;
        }
        let values = |frame: &DataFrame| -> Verdict<Vec<Option<f64>>> {
            let column = frame
                .column(name)
                .map_err(|error| because("comparing")(error.into()))?;
            let column = floats(column)?;
            let values = column
                .f64()
                .map_err(|error| because("comparing")(error.into()))?;
            Ok(values.iter().collect())
        };
        let (before, after) = (values(rows)?, values(&output)?);
        if before.len() != after.len() {
            return Err(format!(
                "it drops rows, and says that `{name}` keeps its order"
            ));
        }
        let mut pairs = Vec::new();
        for (row, (before, after)) in before.into_iter().zip(after).enumerate() {
            match (before, after) {
                (None, None) => {}
                (Some(before), Some(after)) if before.is_nan() && after.is_nan() => {}
                (Some(before), Some(after)) if !before.is_nan() && !after.is_nan() => {
                    pairs.push((before, after));
                }
                (before, after) => {
                    return Err(format!(
                        "column `{name}`, row {row}: {before:?} becomes {after:?}"
                    ));
                }
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Two integers that are one float are not told apart here.
        let falls = |pair: &&[(f64, f64)]| pair[0].0 < pair[1].0 && pair[0].1 > pair[1].1;
        if let Some(fall) = pairs.windows(2).find(falls) {
            return Err(format!(
                "column `{name}` falls: {fall:?} as (before, after)"
            ));
        }
        if shape == Shape::Line && !pairs.is_empty() {
            let field = input
                .field(name)
                .map_err(because("looking at the sample"))?;
            on_line(fitted, name, physical_unit(field.dtype()), &pairs)?;
        }
    }
    Ok(())
}

/// Gaps become one value, and what is no gap stays.
fn filled(name: &str, before: &DataFrame, after: &DataFrame) -> Verdict {
    let texts = |frame: &DataFrame| -> Verdict<Vec<Option<String>>> {
        let column = frame
            .column(name)
            .map_err(|error| because("comparing")(error.into()))?;
        if *column.dtype() == DataType::String {
            let texts = column
                .str()
                .map_err(|error| because("comparing")(error.into()))?;
            return Ok(texts.iter().map(|text| text.map(str::to_owned)).collect());
        }
        let floats = floats(column)?;
        let floats = floats
            .f64()
            .map_err(|error| because("comparing")(error.into()))?;
        let texts = floats.iter();
        Ok(texts
            .map(|value| value.map(|value| format!("{value:?}")))
            .collect())
    };
    let (before, after) = (texts(before)?, texts(after)?);
    if before.len() != after.len() {
        return Err(format!(
            "it drops rows, and says that it only fills `{name}`"
        ));
    }
    // Of nulls, of NaN and of empty texts.
    let mut fills = [None::<&Option<String>>; 3];
    for (row, (before, after)) in before.iter().zip(&after).enumerate() {
        let gap = match before.as_deref() {
            None => 0,
            Some("NaN") => 1,
            Some("") => 2,
            Some(_) if before == after => continue,
            Some(_) => {
                return Err(format!(
                    "column `{name}`, row {row}: {before:?} becomes {after:?}"
                ));
            }
        };
        let fill = *fills[gap].get_or_insert(after);
        if fill != after {
            return Err(format!(
                "column `{name}`, row {row}: it fills with {after:?}, elsewhere with {fill:?}"
            ));
        }
        if after.is_none() && gap > 0 {
            return Err(format!(
                "column `{name}`, row {row}: {before:?} becomes null"
            ));
        }
    }
    Ok(())
}

/// A line is told in physical numbers: of a decimal, `unit` times its own.
fn on_line(fitted: &dyn Apply, name: &str, unit: f64, pairs: &[(f64, f64)]) -> Verdict {
    let Some(line) = fitted.line(name) else {
        return Err(format!(
            "its shape on `{name}` is a line, and it tells none"
        ));
    };
    let most = pairs
        .iter()
        .fold(1.0, |most: f64, (_, after)| most.max(after.abs()));
    let exact = |(before, _): &&(f64, f64)| (before * unit).abs() < EXACT;
    for (before, after) in pairs.iter().filter(exact) {
        let told = line.place(0, before * unit);
        // What is rounded to 32 bits is off by that much.
        if (told - after).abs() > 1e-6 * most {
            return Err(format!(
                "`{name}`: {before} becomes {after}, and by its line {told}"
            ));
        }
    }
    Ok(())
}
