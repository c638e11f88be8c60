//! Rows in the order of their numbers, cut into parts at given ranks.

use polars::prelude::{
    Column, DataType, Expr, IntoColumn, PlSmallStr, PolarsResult, UInt32Chunked,
};

use super::Rows;
use super::column_keys::hash_keys;
use super::key::KeyHasher;
use super::numbers::RowNumbers;
use super::threshold::Threshold;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::column;

/// Where the parts end, as counts of rows from the first rank: all but the last part.
pub(super) type Ends = Vec<u64>;

/// Up to so many ends are all compared: which of them ends a row's part cannot be foretold, and a
/// search would branch on it.
const FEW: usize = 16;

/// Cuts the rows in the order of their numbers for a seed.
pub(super) fn by_number(
    rows: &mut Rows<'_>,
    seed: u64,
    ends: impl FnOnce(u64) -> Result<Ends>,
) -> Result<Expr> {
    let numbers = RowNumbers::new(seed);
    let (listed, count) = if rows.are_filtered() {
        let listed = kept(rows)?;
        let count = listed.len() as u64;
        (Some(listed), count)
    } else {
        (None, rows.count()?)
    };
    let ends = ends(count)?.into_iter().map(|end| {
        let last = match &listed {
            Some(rows) => Threshold::of_listed(&numbers, rows, end),
            None => Threshold::of_first_rows(&numbers, count, end),
        };
        last.ok_or_else(no_threshold)
    });
    let ends: Vec<Threshold> = ends.collect::<Result<_>>()?;
    Ok(numbered(seed, move |number, row| {
        if ends.len() > FEW {
            return ends.partition_point(|last| !last.is_test(number, row));
        }
        let over = ends
            .iter()
            .map(|last| usize::from(!last.is_test(number, row)));
        over.sum()
    }))
}

/// Cuts the keys of a column in the order of their hashes: rows of one key stay together, so that a
/// part may hold more rows than asked for, and the next one fewer.
pub(super) fn by_key(
    rows: &mut Rows<'_>,
    seed: u64,
    key: &PlSmallStr,
    ends: impl FnOnce(u64) -> Result<Ends>,
) -> Result<Expr> {
    let hasher = KeyHasher::new(seed);
    let mut hashes = rows.fold(
        column(key.clone()),
        Vec::new(),
        |hashes: &mut Vec<u64>, keys| {
            hashes.extend(hash_keys(keys, &hasher)?);
            Ok(())
        },
    )?;
    let ends = ends(hashes.len() as u64)?.into_iter();
    let ends = ends.map(|end| Threshold::of_keys(&mut hashes, end).ok_or_else(no_threshold));
    let ends: Vec<u64> = ends.collect::<Result<_>>()?;
    let part = move |hash: u64| ends.partition_point(|last| *last < hash);
    let mut sizes = Vec::new();
    for hash in hashes {
        let part = part(hash);
        sizes.resize(sizes.len().max(part + 1), 0_u64);
        sizes[part] += 1;
    }
    // The last part is the one that no bound ends.
    if sizes.contains(&0) || sizes.len() < part(u64::MAX) + 1 {
        return Err(Error::new(
            ErrorKind::Split,
            "equal keys leave a part of the split without rows",
        )
        .on_column(key.as_str())
        .with_help("choose a key with more distinct values, or fewer parts"));
    }
    Ok(keyed(seed, key, part))
}

/// Cuts the rows in the order of the source.
pub(super) fn in_order(
    rows: &mut Rows<'_>,
    ends: impl FnOnce(u64) -> Result<Ends>,
) -> Result<Expr> {
    let listed = rows.are_filtered().then(|| kept(rows)).transpose()?;
    let count = match &listed {
        Some(rows) => rows.len() as u64,
        None => rows.count()?,
    };
    // The first row of each part but the first one.
    let starts = ends(count)?.into_iter().map(|end| match &listed {
        Some(rows) => usize::try_from(end)
            .ok()
            .and_then(|end| rows.get(end))
            .copied(),
        None => u32::try_from(end).ok(),
    });
    let starts: Vec<u32> = starts
        .map(|start| start.ok_or_else(no_threshold))
        .collect::<Result<_>>()?;
    let kernel = move |rows: Column| -> PolarsResult<Column> {
        let rows = rows.idx()?.rechunk();
        Ok(told(parts_in_order(&starts, rows.cont_slice()?)))
    };
    Ok(part_of(Rows::number(), kernel))
}

/// The part of each row, given the first row of each part but the first one.
fn parts_in_order(starts: &[u32], rows: &[u32]) -> Vec<u32> {
    if !rows.is_sorted() {
        let part = |row: &u32| narrow(starts.partition_point(|start| start <= row));
        return rows.iter().map(part).collect();
    }
    // The rows of a part stand together, so that only its end is looked for.
    let mut parts = Vec::with_capacity(rows.len());
    for (part, start) in starts.iter().enumerate() {
        parts.resize(rows.partition_point(|row| row < start), narrow(part));
    }
    parts.resize(rows.len(), narrow(starts.len()));
    parts
}

/// The parts as a column.
fn told(parts: Vec<u32>) -> Column {
    UInt32Chunked::from_vec(PlSmallStr::EMPTY, parts).into_column()
}

/// The part of a row from its number alone: each row is decided by itself.
pub(super) fn numbered(
    seed: u64,
    part: impl Fn(u64, u64) -> usize + Send + Sync + 'static,
) -> Expr {
    let numbers = RowNumbers::new(seed);
    let kernel = move |rows: Column| -> PolarsResult<Column> {
        let rows = rows.idx()?.rechunk();
        let rows = rows.cont_slice()?;
        let mut drawn = Vec::new();
        numbers.of_rows(rows, &mut drawn);
        let parts = rows.iter().zip(&drawn);
        let parts = parts.map(|(row, number)| narrow(part(*number, u64::from(*row))));
        Ok(told(parts.collect()))
    };
    part_of(Rows::number(), kernel)
}

/// The part of a row from the hash of its key alone.
pub(super) fn keyed(
    seed: u64,
    key: &PlSmallStr,
    part: impl Fn(u64) -> usize + Send + Sync + 'static,
) -> Expr {
    let hasher = KeyHasher::new(seed);
    let kernel = move |keys: Column| -> PolarsResult<Column> {
        let hashes = hash_keys(&keys, &hasher).map_err(Error::into_polars)?;
        let parts = hashes.into_iter().map(|hash| narrow(part(hash)));
        Ok(told(parts.collect()))
    };
    part_of(column(key.clone()), kernel)
}

pub(super) fn part_of(
    of: Expr,
    kernel: impl Fn(Column) -> PolarsResult<Column> + Send + Sync + 'static,
) -> Expr {
    of.map(kernel, |_, field| {
        Ok(polars::prelude::Field::new(
            field.name.clone(),
            DataType::UInt32,
        ))
    })
}

/// The rows that a filter left over, in order.
pub(super) fn kept(rows: &mut Rows<'_>) -> Result<Vec<u32>> {
    rows.fold(Rows::number(), Vec::new(), |kept: &mut Vec<u32>, rows| {
        kept.extend(rows.idx()?.into_no_null_iter());
        Ok(())
    })
}

/// There are fewer parts than a `u32` counts: the splitters check it.
pub(super) fn narrow(part: usize) -> u32 {
    u32::try_from(part).unwrap_or(u32::MAX)
}

pub(super) fn no_threshold() -> Error {
    Error::new(
        ErrorKind::Split,
        "no row has the rank at which a part ends (a bug in floe)",
    )
}
