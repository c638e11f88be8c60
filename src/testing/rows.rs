//! Frames that are cut, mixed, counted and compared to the bit.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "a sample is at hand, and far shorter than 2^32 rows"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::{
    Column, DataFrame, DataType, Engine, IdxCa, IdxSize, IntoLazy, LazyFrame, PlSmallStr,
};

use super::law::{Verdict, because};
use crate::Result;
use crate::schema::{Kind, column};

/// Numbers the rows of a sample; hidden from what is checked, as the library's own number is.
pub(super) const ROW: &str = "__floe_sample_row";

pub(super) fn in_memory(frame: LazyFrame) -> Result<DataFrame> {
    Ok(frame.collect_with_engine(Engine::InMemory)?.unwrap_single())
}

pub(super) fn streamed(frame: LazyFrame) -> Result<DataFrame> {
    Ok(frame
        .collect_with_engine(Engine::Streaming)?
        .unwrap_single())
}

/// The rows with their number.
pub(super) fn numbered(rows: &DataFrame) -> Verdict<DataFrame> {
    let numbers = (0..rows.height()).map(|row| row as u64).collect::<Vec<_>>();
    let numbers = Column::new(ROW.into(), numbers);
    let numbered = rows.hstack(&[numbers]);
    numbered.map_err(|error| because("numbering the sample")(error.into()))
}

/// Which row of the sample each row of an output is.
pub(super) fn kept(output: &DataFrame, sample: usize) -> Verdict<Vec<usize>> {
    let Ok(numbers) = output.column(ROW) else {
        // A step may choose its columns anew; then its rows are told by their place.
        return if output.height() == sample {
            Ok((0..sample).collect())
        } else {
            Err("it drops rows, and the columns that it does not know with them".to_owned())
        };
    };
    let numbers = numbers.u64();
    let numbers = numbers.map_err(|error| because("numbering the rows")(error.into()))?;
    Ok(numbers.iter().flatten().map(|row| row as usize).collect())
}

pub(super) fn take(rows: &DataFrame, order: &[usize]) -> Verdict<DataFrame> {
    let order = order.iter().map(|row| *row as IdxSize).collect();
    let taken = rows.take(&IdxCa::from_vec(PlSmallStr::EMPTY, order));
    taken.map_err(|error| because("taking rows")(error.into()))
}

/// Every row once, in an order that keeps no two neighbours together where it can.
pub(super) fn mixed(rows: usize) -> Vec<usize> {
    let (even, odd) = (0..rows).rev().partition::<Vec<_>, _>(|row| row % 2 == 0);
    odd.into_iter().chain(even).collect()
}

/// The same rows in other pieces, with what was done.
pub(super) fn pieces(rows: &DataFrame) -> Verdict<Vec<(&'static str, DataFrame)>> {
    let cut = |size: usize| -> Verdict<DataFrame> {
        let mut whole = rows.slice(0, 0);
        for start in (0..rows.height()).step_by(size) {
            let piece = rows.slice(start as i64, size);
            let stacked = whole.vstack_mut(&piece);
            stacked.map_err(|error| because("cutting the sample")(error.into()))?;
        }
        Ok(whole)
    };
    let mut contiguous = rows.clone();
    contiguous.rechunk_mut();
    // Foreign rows before and after, so that the values do not start where their buffer does.
    let mut padded = rows.clone();
    for _ in 0..2 {
        let stacked = padded.vstack_mut(rows);
        stacked.map_err(|error| because("padding the sample")(error.into()))?;
    }
    padded.rechunk_mut();
    let sliced = padded.slice(rows.height() as i64, rows.height());
    Ok(vec![
        ("in one piece", contiguous),
        ("row by row", cut(1)?),
        ("in pieces of 3 rows", cut(3)?),
        ("as a slice of a longer frame", sliced),
    ])
}

/// The rows, each counted when it is read.
pub(super) fn counted(rows: &DataFrame, count: &Arc<AtomicUsize>) -> LazyFrame {
    let names = rows.get_column_names_owned().into_iter();
    let counting = names.map(|name| {
        let count = Arc::clone(count);
        column(name).map(
            move |column| {
                count.fetch_add(column.len(), Ordering::Relaxed);
                Ok(column)
            },
            |_, field| Ok(field.clone()),
        )
    });
    rows.clone()
        .lazy()
        .with_columns(counting.collect::<Vec<_>>())
}

/// What differs between two frames, to the bit: names, dtypes, nulls and values; every NaN is alike.
pub(super) fn same(expected: &DataFrame, found: &DataFrame) -> Verdict {
    compare(expected, found, 0.0)
}

/// As [`same`], where floats may differ by `tolerance` times the largest magnitude of the column.
pub(super) fn compare(expected: &DataFrame, found: &DataFrame, tolerance: f64) -> Verdict {
    if expected.height() != found.height() {
        let (was, is) = (expected.height(), found.height());
        return Err(format!("there are {is} rows and not {was}"));
    }
    let (was, is) = (expected.schema(), found.schema());
    if was != is {
        return Err(format!("the columns are {is:?} and not {was:?}"));
    }
    for (expected, found) in expected.columns().iter().zip(found.columns()) {
        columns(expected, found, tolerance)?;
    }
    Ok(())
}

/// A column of numbers as floats: dates and times by their physical numbers.
pub(super) fn floats(column: &Column) -> Verdict<Column> {
    let physical = if column.dtype().is_temporal() {
        column.to_physical_repr()
    } else {
        column.clone()
    };
    let floats = physical.cast(&DataType::Float64);
    floats.map_err(|error| because("comparing")(error.into()))
}

/// As [`compare`], of one column.
pub(super) fn columns(expected: &Column, found: &Column, tolerance: f64) -> Verdict {
    let name = expected.name();
    let float = matches!(expected.dtype(), DataType::Float32 | DataType::Float64);
    let number = Kind::of(name, expected.dtype()).is_ok();
    let exact = tolerance == 0.0 || !number;
    if !float && exact {
        let (was, is) = (
            expected.as_materialized_series(),
            found.as_materialized_series(),
        );
        return if was.equals_missing(is) {
            Ok(())
        } else {
            Err(format!("column `{name}` is {is} and not {was}"))
        };
    }
    let values = |column: &Column| -> Verdict<Vec<Option<f64>>> {
        let column = floats(column)?;
        let values = column.f64();
        let values = values.map_err(|error| because("comparing")(error.into()))?;
        Ok(values.iter().collect())
    };
    let (expected, found) = (values(expected)?, values(found)?);
    let finite = expected.iter().flatten().filter(|value| value.is_finite());
    let within = tolerance * finite.fold(0.0, |most: f64, value| most.max(value.abs()));
    for (row, (was, is)) in expected.into_iter().zip(found).enumerate() {
        let alike = match (was, is) {
            (None, None) => true,
            (Some(was), Some(is)) => {
                was.to_bits() == is.to_bits()
                    || (was.is_nan() && is.is_nan())
                    || (tolerance > 0.0 && (was - is).abs() <= within)
            }
            _ => false,
        };
        if !alike {
            let text = |value: Option<f64>| value.map_or("null".to_owned(), |v| format!("{v:?}"));
            let (was, is) = (text(was), text(is));
            return Err(format!("column `{name}`, row {row}: {is} and not {was}"));
        }
    }
    Ok(())
}
