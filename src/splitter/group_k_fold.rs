use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;

use polars::prelude::{Column, Expr, IntoColumn, PlSmallStr, PolarsResult, UInt32Chunked};
use serde_json::{Value, json};

use super::column_keys::{check_key_dtype, hash_keys};
use super::fold_splitter::{check_count, enough_rows};
use super::key::KeyHasher;
use super::parts::{narrow, part_of};
use super::{FoldAssignment, FoldSplitter, OneFold, Rows, Splitter};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Schema, column};
use crate::source::Outline;

/// Deals whole groups of rows into `k` folds of sizes as even as the groups let them be: each fold
/// is predicted by a model that never saw a row of its groups.
///
/// The largest group comes first, and each goes to the fold with the fewest rows so far: the method
/// of scikit-learn's `GroupKFold`. Groups of one size are taken in the order of their frozen hash,
/// so that the order of the rows does not matter; see `docs/splitting.md`. Other than
/// [`KFold::by_key`](super::KFold::by_key), which cuts the groups at random, it balances.
///
/// One scan counts the rows of each group, in about 100 bytes a group.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `k` | – | how many folds, at least 2 |
/// | `column` | – | the column that names the group of a row; a null is an error |
/// | `seed` | 0 | which order of groups of one size |
/// | `refit` | no | one more model, of all rows, from the same scans |
///
/// | error | when |
/// |---|---|
/// | `Split` | `k` is below 2; there are fewer groups than folds; a row has no group; a dtype without a key |
/// | `Schema` | there is no such column |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let user = ["ann", "ann", "ann", "bob", "bob", "cat", "dan", "dan"];
/// let y: Vec<f64> = (0..8).map(f64::from).collect();
/// let run = floe::from(InMemory::new(df!["user" => user, "y" => y]?))
///     .split(GroupKFold::new(2, "user"))
///     .learn(MeanRegressor::new("y"))
///     .run()?;
/// assert_eq!(run.test(0).collect()?.height(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a splitter does nothing until it is part of a flow"]
pub struct GroupKFold {
    k: usize,
    column: PlSmallStr,
    seed: u64,
    refit: bool,
}

impl GroupKFold {
    /// Deals the groups that the column names into `k` folds.
    pub fn new(k: usize, column: impl Into<PlSmallStr>) -> Self {
        Self {
            k,
            column: column.into(),
            seed: 0,
            refit: false,
        }
    }

    /// Which order groups of one size are dealt in.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Fits one more model, on the rows of all folds, in the same scans.
    pub fn refit(mut self) -> Self {
        self.refit = true;
        self
    }

    /// One fold as a split of its own, such as to fit it in another process.
    pub fn fold(self, fold: usize) -> OneFold<Self> {
        OneFold::new(self, fold)
    }

    /// The fold of each group, by its hash.
    fn dealt(&self, groups: &HashMap<u64, u64>) -> HashMap<u64, u32> {
        let mut order: Vec<_> = groups.iter().map(|(hash, rows)| (*rows, *hash)).collect();
        order.sort_unstable_by_key(|(rows, hash)| (Reverse(*rows), *hash));
        let mut lightest: BinaryHeap<_> = (0..self.k).map(|fold| Reverse((0, fold))).collect();
        let mut fold_of = HashMap::with_capacity(order.len());
        for (rows, hash) in order {
            if let Some(Reverse((held, fold))) = lightest.pop() {
                lightest.push(Reverse((held + rows, fold)));
                fold_of.insert(hash, narrow(fold));
            }
        }
        fold_of
    }

    fn fold_of_row(&self, fold_of: HashMap<u64, u32>) -> Expr {
        let (hasher, name) = (KeyHasher::new(self.seed), self.column.clone());
        let kernel = move |keys: Column| -> PolarsResult<Column> {
            let hashes = hash_keys(&keys, &hasher).map_err(Error::into_polars)?;
            let folds = hashes.into_iter().map(|hash| {
                let fold = fold_of.get(&hash).copied();
                fold.map(Some).ok_or_else(|| unseen(&name).into_polars())
            });
            Ok(folds
                .collect::<PolarsResult<UInt32Chunked>>()?
                .into_column())
        };
        part_of(column(self.column.clone()), kernel)
    }
}

fn unseen(column: &PlSmallStr) -> Error {
    let message = "a row has a group that was not there when the rows were split";
    Error::new(ErrorKind::Split, message)
        .on_column(column.as_str())
        .with_help("the source gave other rows the second time: read from one that stays the same")
}

impl fmt::Debug for GroupKFold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "GroupKFold({}, {}, seed: {}",
            self.k, self.column, self.seed
        )?;
        f.write_str(if self.refit { ", refit)" } else { ")" })
    }
}

impl Splitter for GroupKFold {
    type Assignment = FoldAssignment;

    fn check(&self, schema: &Schema, outline: &Outline) -> Result<()> {
        check_count(self.k)?;
        check_key_dtype(schema.field(&self.column)?)?;
        match outline.rows {
            Some(rows) if !outline.filtered => enough_rows(rows, self.k),
            _ => Ok(()),
        }
    }

    fn scans(&self, _: &Outline) -> usize {
        1
    }

    fn held(&self, _: &Outline) -> Option<&'static str> {
        Some("about 100 bytes a group")
    }

    fn assign(&self, rows: &mut Rows<'_>) -> Result<FoldAssignment> {
        let hasher = KeyHasher::new(self.seed);
        let groups = rows.fold(
            column(self.column.clone()),
            HashMap::new(),
            |groups: &mut HashMap<u64, u64>, keys| {
                for hash in hash_keys(keys, &hasher)? {
                    *groups.entry(hash).or_default() += 1;
                }
                Ok(())
            },
        )?;
        if groups.len() < self.k {
            let message = format!(
                "{} groups cannot be dealt into {} folds",
                groups.len(),
                self.k
            );
            return Err(Error::new(ErrorKind::Split, message)
                .on_column(self.column.as_str())
                .with_help("ask for at most as many folds as there are groups"));
        }
        let fold = self.fold_of_row(self.dealt(&groups));
        Ok(FoldAssignment::new(fold, self.k).refit(self.refit))
    }

    fn describe(&self) -> Value {
        json!({
            "splitter": "group_k_fold",
            "k": self.k,
            "column": self.column.as_str(),
            "seed": self.seed,
        })
    }

    fn models(&self) -> usize {
        self.k + usize::from(self.refit)
    }
}

impl FoldSplitter for GroupKFold {
    fn folds(&self) -> usize {
        self.k
    }
}
