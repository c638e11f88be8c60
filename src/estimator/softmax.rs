//! From scores to probabilities and a class, as element-wise kernels.

use polars::prelude::{
    Column, DataType, Expr, Field, Float64Chunked, IntoColumn, LazyFrame, PlSmallStr, PolarsResult,
    Schema as PolarsSchema, by_name, map_multiple,
};

use polars_arrow::array::Array;

use super::{Classes, PREDICTION};
use crate::error::Error;
use crate::schema::{Dtype, column};

const TOP: &str = "__floe_top";
const TOTAL: &str = "__floe_total";

/// Adds the probabilities of the classes, whose odds are `e` to the power of their scores, and the
/// class with the largest score: of several, the first.
///
/// A null score makes nulls of all; a NaN makes the probabilities NaN and the class null.
pub(super) fn classified(frame: LazyFrame, classes: &Classes, scores: Vec<Expr>) -> LazyFrame {
    let name = |at: usize| PlSmallStr::from(format!("__floe_score_{at}"));
    let names: Vec<_> = (0..scores.len()).map(name).collect();
    let columns: Vec<_> = names.iter().cloned().map(column).collect();
    let named = scores.into_iter().zip(&names);
    let named: Vec<_> = named
        .map(|(score, name)| score.alias(name.clone()))
        .collect();
    let with_top = |columns: &[Expr]| [&[column(TOP)], columns].concat();
    let top = map_multiple(|columns| float(columns, top), columns.clone(), is_float);
    let total = map_multiple(
        |columns| float(columns, total),
        with_top(&columns),
        is_float,
    );
    let predicted = {
        let classes = classes.clone();
        let dtype = Dtype(classes.dtype().clone());
        map_multiple(
            move |columns| {
                let codes = winners(columns)?;
                classes
                    .column(PREDICTION.into(), &codes)
                    .map_err(Error::into_polars)
            },
            with_top(&columns),
            move |_: &PolarsSchema, _: &[Field]| Ok(Field::new(PREDICTION.into(), dtype.0.clone())),
        )
    };
    let shares = classes.probability_names().into_iter().zip(&columns);
    let mut added: Vec<_> = shares
        .map(|(name, score)| {
            let inputs = [score.clone(), column(TOP), column(TOTAL)];
            map_multiple(|columns| float(columns, share), inputs, is_float).alias(name)
        })
        .collect();
    added.push(predicted.alias(PREDICTION));
    let hidden: Vec<PlSmallStr> = [names.as_slice(), &[TOP.into(), TOTAL.into()]].concat();
    frame
        .with_columns(named)
        .with_columns([top.alias(TOP)])
        .with_columns([total.alias(TOTAL)])
        .with_columns(added)
        .drop(by_name(hidden, true, false))
}

/// The largest score of a row.
fn top(scores: &[f64]) -> f64 {
    let keep = |top: f64, score: &f64| {
        if top >= *score || top.is_nan() {
            top
        } else {
            *score
        }
    };
    scores.iter().fold(f64::NEG_INFINITY, keep)
}

/// The odds of all classes, of which the likeliest has 1.
fn total(top_and_scores: &[f64]) -> f64 {
    let (top, scores) = (top_and_scores[0], &top_and_scores[1..]);
    scores.iter().map(|score| (score - top).exp()).sum()
}

/// The probability of one class.
fn share(cells: &[f64]) -> f64 {
    (cells[0] - cells[1]).exp() / cells[2]
}

/// The first class whose score is the largest.
fn winners(columns: &[Column]) -> PolarsResult<Vec<Option<u32>>> {
    let mut found = Vec::new();
    each_row(columns, |cells| {
        let cells = cells.filter(|cells| !cells[0].is_nan());
        let winner = cells.and_then(|cells| cells[1..].iter().position(|score| *score == cells[0]));
        found.push(winner.and_then(|at| u32::try_from(at).ok()));
    })?;
    Ok(found)
}

/// One float a row.
pub(super) fn float(columns: &[Column], of: impl Fn(&[f64]) -> f64) -> PolarsResult<Column> {
    let mut found = Vec::new();
    each_row(columns, |cells| found.push(cells.map(&of)))?;
    Ok(found.into_iter().collect::<Float64Chunked>().into_column())
}

/// Calls `each` with the floats of every row, or with nothing where one of them is null.
fn each_row(columns: &[Column], mut each: impl FnMut(Option<&[f64]>)) -> PolarsResult<()> {
    let columns = columns.iter().map(|column| {
        let floats = column.as_materialized_series().f64()?;
        Ok(floats.rechunk().into_owned())
    });
    let columns: Vec<Float64Chunked> = columns.collect::<PolarsResult<_>>()?;
    let chunks: Vec<_> = columns.iter().map(|of| of.downcast_as_array()).collect();
    let rows = chunks.iter().map(|chunk| chunk.len()).max().unwrap_or(0);
    let mut cells = vec![0.0; chunks.len()];
    for row in 0..rows {
        let mut whole = true;
        for (cell, chunk) in cells.iter_mut().zip(&chunks) {
            // A literal may come as one row that stands for all.
            let at = if chunk.len() == 1 { 0 } else { row };
            *cell = chunk.values()[at];
            whole &= chunk.is_valid(at);
        }
        each(whole.then_some(cells.as_slice()));
    }
    Ok(())
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature that Polars asks for"
)]
pub(super) fn is_float(_: &PolarsSchema, fields: &[Field]) -> PolarsResult<Field> {
    let name = fields.first().map(|field| field.name().clone());
    Ok(Field::new(name.unwrap_or_default(), DataType::Float64))
}
