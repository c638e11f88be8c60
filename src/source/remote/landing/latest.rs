//! One row a key, without holding the rows: a first pass finds their numbers, a filter keeps them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use polars::prelude::*;
use siphasher::sip128::{Hasher128, SipHasher24};

use super::Table;
use super::table::FETCHED;
use crate::error::Result;
use crate::learn::{Purpose, ScanLog};
use crate::schema::column;

/// The number of a row among all.
const NUMBER: &str = "__floe_landed";

/// When a key was fetched last, and in which row.
type Winners = HashMap<u128, (i64, IdxSize), BuildHasherDefault<Spread>>;

/// Keys are hashes already: a half of one will do.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let half: [u8; 8] = bytes[..8].try_into().unwrap_or_default();
        self.0 = u64::from_le_bytes(half);
    }
}

pub(super) fn of(rows: LazyFrame, table: &Table) -> Result<LazyFrame> {
    let rows = rows.with_row_index(NUMBER, None);
    let keep = Arc::new(numbers(&rows, table)?);
    let kept = column(NUMBER).map(
        move |numbers| {
            let numbers = numbers.as_materialized_series().idx()?.clone();
            let kept = numbers.iter().map(|number| {
                let number = number.unwrap_or(0) as usize;
                Some(
                    keep.get(number / 64)
                        .is_some_and(|word| word >> (number % 64) & 1 == 1),
                )
            });
            let mut kept: BooleanChunked = kept.collect();
            kept.rename(numbers.name().clone());
            Ok(kept.into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
    );
    Ok(rows.filter(kept).drop(by_name([NUMBER], true, false)))
}

/// A bit a row: whether it is the latest of its key.
fn numbers(rows: &LazyFrame, table: &Table) -> Result<Vec<u64>> {
    let mut read = vec![column(NUMBER), column(FETCHED).to_physical()];
    // A text tells values of any dtype apart.
    read.extend(table.key().map(|key| column(key).cast(DataType::String)));
    let keys = rows.clone().select(read);
    let mut winners = Winners::default();
    let mut count = 0;
    ScanLog::default().stream(keys, Purpose::Count, |batch| {
        let numbers = batch.column(NUMBER)?.idx()?.clone();
        let fetched = batch.column(FETCHED)?.i64()?.clone();
        let keys = table.key().map(|key| Ok(batch.column(key)?.str()?.clone()));
        let keys = keys.collect::<Result<Vec<StringChunked>>>()?;
        let mut keys: Vec<_> = keys.iter().map(|key| key.iter()).collect();
        for (number, fetched) in numbers.iter().zip(fetched.iter()) {
            let mut hash = SipHasher24::new();
            for key in &mut keys {
                let text = key.next().flatten().unwrap_or_default();
                hash.write(&(text.len() as u64).to_le_bytes());
                hash.write(text.as_bytes());
            }
            let (number, fetched) = (number.unwrap_or(0), fetched.unwrap_or(i64::MIN));
            count = count.max(number as usize + 1);
            let winner = winners.entry(hash.finish128().as_u128());
            let winner = winner.or_insert((fetched, number));
            // Rows may come in any order as far as Polars is concerned.
            *winner = (*winner).max((fetched, number));
        }
        Ok(())
    })?;
    let mut keep = vec![0_u64; count.div_ceil(64)];
    for (_, number) in winners.into_values() {
        keep[number as usize / 64] |= 1 << (number % 64);
    }
    Ok(keep)
}
