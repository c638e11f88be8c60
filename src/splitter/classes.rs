//! Rows by class: each class is cut into parts by itself, so that the parts share it alike.

use std::collections::HashMap;

use polars::prelude::{
    Column, DataType, Expr, IntoColumn, PlSmallStr, PolarsResult, UInt32Chunked, map_multiple,
};

use super::Rows;
use super::column_keys::hash_classes;
use super::key::KeyHasher;
use super::numbers::RowNumbers;
use super::parts::{Ends, narrow, no_threshold};
use super::threshold::Threshold;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::column;

/// A class of at most so many rows (1 MiB) is sorted; in a larger one each bound is selected.
const SORTED: usize = 1 << 16;

/// The rows of each class; classes are in the order of their first row.
pub(super) struct Classes {
    column: PlSmallStr,
    /// The class of a hashed value.
    class_of: HashMap<u64, usize>,
    rows: Vec<Vec<u32>>,
}

/// Values are told apart by their hash for seed 0.
fn hasher() -> KeyHasher {
    KeyHasher::new(0)
}

impl Classes {
    /// Lists the rows of each class: one scan, and four bytes a row.
    pub(super) fn read(rows: &mut Rows<'_>, by: &PlSmallStr) -> Result<Self> {
        let mut class_of = HashMap::new();
        let mut listed: Vec<Vec<u32>> = Vec::new();
        let hasher = hasher();
        let exprs = vec![Rows::number(), column(by.clone()).alias("__floe_class")];
        rows.read(exprs, |columns| {
            let (numbers, values) = pair(columns)?;
            let hashes = hash_classes(values, &hasher)?;
            for (row, hash) in numbers.idx()?.into_no_null_iter().zip(hashes) {
                let class = *class_of.entry(hash).or_insert(listed.len());
                if class == listed.len() {
                    listed.push(Vec::new());
                }
                listed[class].push(row);
            }
            Ok(())
        })
        .map_err(|error| error.on_column(by.as_str()))?;
        Ok(Self {
            column: by.clone(),
            class_of,
            rows: listed,
        })
    }

    /// How many rows each class has.
    pub(super) fn sizes(&self) -> Vec<u64> {
        self.rows.iter().map(|rows| rows.len() as u64).collect()
    }

    /// The part of each row. The rows of a class are ranked by their numbers for the seed, or stay
    /// in the order of the source without one; `ends` says for each class where its parts end, as
    /// counts of its own rows: all but the last part.
    pub(super) fn cut(self, seed: Option<u64>, ends: &[Ends]) -> Result<Expr> {
        let numbers = seed.map(RowNumbers::new);
        let bounds = self.rows.iter().zip(ends);
        let bounds = bounds.map(|(rows, ends)| bounds_of(rows, numbers.as_ref(), ends));
        let bounds: Vec<_> = bounds.collect::<Result<_>>()?;
        let (class_of, hasher, name) = (self.class_of, hasher(), self.column.clone());
        let kernel = move |columns: &mut [Column]| -> PolarsResult<Column> {
            let (rows, values) = pair(columns).map_err(Error::into_polars)?;
            let rows = rows.idx()?.rechunk();
            let rows = rows.cont_slice()?;
            let hashes = hash_classes(values, &hasher).map_err(Error::into_polars)?;
            let mut drawn = Vec::new();
            match &numbers {
                Some(numbers) => numbers.of_rows(rows, &mut drawn),
                None => drawn.resize(rows.len(), 0),
            }
            let each = rows.iter().zip(&drawn).zip(hashes);
            let parts = each.map(|((row, number), hash)| {
                let class = class_of.get(&hash).and_then(|class| bounds.get(*class));
                let ends = class.ok_or_else(|| unseen(&name).into_polars())?;
                let row = u64::from(*row);
                let is_over =
                    |end: &Option<Threshold>| !end.is_some_and(|last| last.is_test(*number, row));
                Ok(Some(narrow(ends.partition_point(is_over))))
            });
            let parts = parts.collect::<PolarsResult<UInt32Chunked>>()?;
            Ok(parts.into_column())
        };
        Ok(map_multiple(
            kernel,
            [Rows::number(), column(self.column)],
            |_, fields| {
                Ok(polars::prelude::Field::new(
                    fields[0].name.clone(),
                    DataType::UInt32,
                ))
            },
        ))
    }
}

fn pair(columns: &[Column]) -> Result<(&Column, &Column)> {
    match columns {
        [numbers, values] => Ok((numbers, values)),
        _ => Err(Error::new(
            ErrorKind::Split,
            "the number and the class of a row are not both there (a bug in floe)",
        )),
    }
}

fn unseen(column: &PlSmallStr) -> Error {
    let message = "a row has a class that was not there when the rows were split";
    Error::new(ErrorKind::Split, message)
        .on_column(column.as_str())
        .with_help("the source gave other rows the second time: read from one that stays the same")
}

/// The last row of each part of a class; none of a part that ends before the first row.
fn bounds_of(
    rows: &[u32],
    numbers: Option<&RowNumbers>,
    ends: &[u64],
) -> Result<Vec<Option<Threshold>>> {
    let ranked = match numbers {
        None => Some(rows.iter().map(|row| (0, u64::from(*row))).collect()),
        Some(numbers) if rows.len() <= SORTED => {
            let mut drawn = Vec::new();
            numbers.of_rows(rows, &mut drawn);
            let rows = rows.iter().map(|row| u64::from(*row));
            let mut pairs: Vec<_> = drawn.into_iter().zip(rows).collect();
            pairs.sort_unstable();
            Some(pairs)
        }
        Some(_) => None,
    };
    let bound = |end: &u64| {
        let Some(rank) = end.checked_sub(1) else {
            return Ok(None);
        };
        let last = match (&ranked, numbers) {
            (Some(pairs), _) => {
                let last = usize::try_from(rank).ok().and_then(|rank| pairs.get(rank));
                last.map(|last| Threshold::of_last(*last))
            }
            (None, Some(numbers)) => Threshold::of_listed(numbers, rows, *end),
            (None, None) => None,
        };
        last.map(Some).ok_or_else(no_threshold)
    };
    ends.iter().map(bound).collect()
}

/// How many rows of each class are among `k` of all rows, each within one row of its share: what is
/// left over by rounding down goes to the largest remainders, of equal ones to the first.
pub(super) fn allotted(k: u64, sizes: &[u64]) -> Vec<u64> {
    let all = sizes
        .iter()
        .map(|size| u128::from(*size))
        .sum::<u128>()
        .max(1);
    let shares = sizes.iter().map(|size| {
        let share = u128::from(k) * u128::from(*size);
        (u64::try_from(share / all).unwrap_or(*size), share % all)
    });
    let (mut whole, remainders): (Vec<u64>, Vec<u128>) = shares.unzip();
    let left = k.saturating_sub(whole.iter().sum());
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|class| std::cmp::Reverse(remainders[*class]));
    for class in order.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        whole[class] += 1;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_allotment_is_exact_and_within_one_row(
            sizes in prop::collection::vec(1_u64..1000, 1..20),
            of: prop::sample::Index,
        ) {
            let n: u64 = sizes.iter().sum();
            let k = of.index(usize::try_from(n).expect("few") + 1) as u64;
            let found = allotted(k, &sizes);
            prop_assert_eq!(found.iter().sum::<u64>(), k);
            for (found, size) in found.iter().zip(&sizes) {
                let off = i128::from(found * n) - i128::from(k * size);
                prop_assert!(found <= size && off.abs() < i128::from(n));
            }
        }

        #[test]
        fn sorted_and_selected_bounds_agree(seed: u64, n in 1_u64..300, k in 1_u64..300) {
            let numbers = RowNumbers::new(seed);
            let rows: Vec<u32> = (0..u32::try_from(n).expect("few")).map(|row| row * 3).collect();
            let k = k.min(n);
            let found = bounds_of(&rows, Some(&numbers), &[0, k]).expect("bounds");
            prop_assert_eq!(found, [None, Threshold::of_listed(&numbers, &rows, k)]);
        }
    }
}
