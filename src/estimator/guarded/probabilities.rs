use std::sync::Arc;

use polars::prelude::{
    Column, DataType, Expr, Field, Float64Chunked, Float64Type, IntoColumn, LazyFrame,
    ListBuilderTrait, ListPrimitiveChunkedBuilder, PlSmallStr, PolarsResult, by_name, map_multiple,
};
use polars_arrow::array::{Array, PrimitiveArray};

use super::super::{Classes, PREDICTION};
use super::inputs::{Inputs, Row};
use crate::error::Error;
use crate::schema::column;

/// Says of each row how probable each class is: the classes of the first row, then of the next one.
pub(super) trait Judge: Send + Sync + 'static {
    fn probabilities(&self, inputs: &Inputs) -> Vec<f64>;
}

/// A column of the library's own, for the length of the query: one list of probabilities a row, so
/// that they are computed once for all the columns that are made of them.
const JUDGED: &str = "__floe_judged";

/// Adds the prediction and the probability of each class.
///
/// A null feature makes them null. A NaN makes the probabilities NaN, and so do neighbours whose
/// distance no float holds; the prediction is null then, since no class stands for "not a number".
pub(super) fn predict(
    frame: LazyFrame,
    features: &[String],
    classes: &Classes,
    judge: &Arc<impl Judge>,
) -> LazyFrame {
    let read: Vec<Expr> = features.iter().map(|name| column(name.as_str())).collect();
    let (judge, count) = (Arc::clone(judge), classes.len());
    let judged = map_multiple(
        move |columns| judged(columns, judge.as_ref(), count),
        read,
        |_, _| {
            let list = DataType::List(Box::new(DataType::Float64));
            Ok(Field::new(PlSmallStr::from_static(JUDGED), list))
        },
    );
    let (dtype, known) = (classes.dtype().clone(), classes.clone());
    let prediction = column(JUDGED).map(
        move |judged| {
            let codes = codes(&judged, known.len())?;
            known
                .column(judged.name().clone(), &codes)
                .map_err(Error::into_polars)
        },
        move |_, field| Ok(Field::new(field.name().clone(), dtype.clone())),
    );
    let names = classes.probability_names().into_iter().enumerate();
    let probabilities = names.map(|(class, name)| {
        let probability = column(JUDGED).map(
            move |judged| probability(&judged, class, count),
            |_, field| Ok(Field::new(field.name().clone(), DataType::Float64)),
        );
        probability.alias(name)
    });
    let added = [prediction.alias(PREDICTION)].into_iter();
    frame
        .with_columns([judged.alias(JUDGED)])
        .with_columns(added.chain(probabilities).collect::<Vec<_>>())
        .drop(by_name([JUDGED], true, false))
}

fn judged(columns: &[Column], judge: &impl Judge, count: usize) -> PolarsResult<Column> {
    let inputs = Inputs::read(columns)?;
    let probabilities = judge.probabilities(&inputs);
    let rows = inputs.rows();
    let mut lists = ListPrimitiveChunkedBuilder::<Float64Type>::new(
        PlSmallStr::from_static(JUDGED),
        rows.len(),
        probabilities.len(),
        DataType::Float64,
    );
    let nans = vec![f64::NAN; count];
    for (row, of_classes) in rows.iter().zip(probabilities.chunks(count)) {
        match row {
            Row::Whole => lists.append_slice(of_classes),
            Row::Nan => lists.append_slice(&nans),
            Row::Null => lists.append_null(),
        }
    }
    Ok(lists.finish().into_column())
}

/// The probabilities of each row; none of a null row.
fn each_row<T>(
    judged: &Column,
    count: usize,
    mut of: impl FnMut(&[f64]) -> Option<T>,
) -> PolarsResult<Vec<Option<T>>> {
    let mut found = Vec::with_capacity(judged.len());
    for lists in judged.list()?.downcast_iter() {
        let values = lists.values().as_any();
        let values = values.downcast_ref::<PrimitiveArray<f64>>();
        let values = values.map_or(&[][..], |values| values.values().as_slice());
        for (row, start) in lists.offsets().iter().take(lists.len()).enumerate() {
            let start = usize::try_from(*start).unwrap_or(usize::MAX);
            let list = values.get(start..start.saturating_add(count));
            let list = list.filter(|_| !lists.is_null(row));
            found.push(list.and_then(&mut of));
        }
    }
    Ok(found)
}

fn probability(judged: &Column, class: usize, count: usize) -> PolarsResult<Column> {
    let found = each_row(judged, count, |list| list.get(class).copied())?;
    let found: Float64Chunked = found.into_iter().collect();
    Ok(found.with_name(judged.name().clone()).into_column())
}

/// The code of the most probable class of each row; of several, the first.
fn codes(judged: &Column, count: usize) -> PolarsResult<Vec<Option<u32>>> {
    each_row(judged, count, |list| {
        if list.iter().any(|probability| probability.is_nan()) {
            return None;
        }
        let mut best = 0;
        for (class, probability) in list.iter().enumerate() {
            if *probability > list[best] {
                best = class;
            }
        }
        u32::try_from(best).ok()
    })
}
