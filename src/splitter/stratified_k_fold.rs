use std::fmt;

use polars::prelude::PlSmallStr;
use serde_json::{Value, json};

use super::classes::Classes;
use super::column_keys::check_key_dtype;
use super::fold_splitter::{check_count, enough_rows};
use super::parts::Ends;
use super::{FoldAssignment, FoldSplitter, OneFold, Repeatable, Rows, Splitter};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::source::Outline;

/// Deals the rows into `k` folds that share each class of a column alike: each fold is predicted by
/// a model that learned from all others.
///
/// Sizes are exact: the first `n % k` folds hold one row more, and the rows of a class differ by at
/// most one between two folds. The folds are frozen for a given table; see `docs/splitting.md`. With
/// [`in_order`](Self::in_order) the rows are those of scikit-learn's
/// `StratifiedKFold(k, shuffle=False)`.
///
/// The column may be of text, numbers, Booleans, dates and times, and is often the target; a null is
/// a class of its own. A class of fewer than `k` rows is missing in some folds. One scan lists the
/// rows of each class, in 4 bytes a row.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `k` | – | how many folds, at least 2 |
/// | `column` | – | the column that holds the class of a row |
/// | `seed` | 0 | which folds |
/// | `in_order` | shuffled | the rows of a class are dealt in the order of the source |
/// | `refit` | no | one more model, of all rows, from the same scans |
///
/// | error | when |
/// |---|---|
/// | `Split` | `k` is below 2; there are fewer rows than folds, or no class has `k` rows; a dtype without a class; both a seed and `in_order` |
/// | `Schema` | there is no such column |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let sort: Vec<&str> = (0..30).map(|row| if row % 3 == 0 { "rare" } else { "common" }).collect();
/// let y: Vec<f64> = (0..30).map(f64::from).collect();
/// let run = floe::from(InMemory::new(df!["sort" => sort, "y" => y]?))
///     .split(StratifiedKFold::new(5, "sort").seed(42))
///     .learn(MeanRegressor::new("y"))
///     .run()?;
/// for fold in 0..5 {
///     let rare = run.test(fold).lazy().filter(col("sort").eq(lit("rare"))).collect()?;
///     assert_eq!(rare.height(), 2);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a splitter does nothing until it is part of a flow"]
pub struct StratifiedKFold {
    k: usize,
    column: PlSmallStr,
    seed: Option<u64>,
    in_order: bool,
    refit: bool,
}

impl StratifiedKFold {
    /// Deals the rows of each class of the column into `k` folds.
    pub fn new(k: usize, column: impl Into<PlSmallStr>) -> Self {
        Self {
            k,
            column: column.into(),
            seed: None,
            in_order: false,
            refit: false,
        }
    }

    /// Which folds of all the possible ones.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Deals the rows of each class in the order of the source, without shuffling.
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
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

    /// Where the folds end in each class. The classes stand one after the other, and the row at
    /// place `p` of all counts for fold `p % k`: that makes both the folds and their classes even.
    fn ends(&self, sizes: &[u64]) -> Vec<Ends> {
        let k = self.k as u64;
        let before = |place: u64, fold: u64| (place + (k - 1 - fold)) / k;
        let mut start = 0;
        let ends = sizes.iter().map(|size| {
            let (from, to) = (start, start + size);
            start = to;
            let counts = (0..k - 1).map(|fold| before(to, fold) - before(from, fold));
            let ends = counts.scan(0, |end, count| {
                *end += count;
                Some(*end)
            });
            ends.collect()
        });
        ends.collect()
    }
}

impl fmt::Debug for StratifiedKFold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StratifiedKFold({}, {}", self.k, self.column)?;
        if self.in_order {
            f.write_str(", in order")?;
        } else {
            write!(f, ", seed: {}", self.seed.unwrap_or(0))?;
        }
        f.write_str(if self.refit { ", refit)" } else { ")" })
    }
}

impl Splitter for StratifiedKFold {
    type Assignment = FoldAssignment;

    fn check(&self, schema: &Schema, outline: &Outline) -> Result<()> {
        check_count(self.k)?;
        check_key_dtype(schema.field(&self.column)?)?;
        if self.in_order && self.seed.is_some() {
            let message = "the folds are asked for in order and by a seed";
            return Err(Error::new(ErrorKind::Split, message).with_help("leave one of the two out"));
        }
        match outline.rows {
            Some(rows) if !outline.filtered => enough_rows(rows, self.k),
            _ => Ok(()),
        }
    }

    fn scans(&self, _: &Outline) -> usize {
        1
    }

    fn held(&self, _: &Outline) -> Option<&'static str> {
        Some("4 bytes a row")
    }

    fn assign(&self, rows: &mut Rows<'_>) -> Result<FoldAssignment> {
        let classes = Classes::read(rows, &self.column)?;
        let sizes = classes.sizes();
        enough_rows(sizes.iter().sum(), self.k)?;
        if sizes.iter().all(|size| *size < self.k as u64) {
            let message = format!("no class has as many rows as there are folds, {}", self.k);
            return Err(Error::new(ErrorKind::Split, message)
                .on_column(self.column.as_str())
                .with_help("ask for fewer folds, or choose a column of few values"));
        }
        let seed = (!self.in_order).then(|| self.seed.unwrap_or(0));
        let fold = classes.cut(seed, &self.ends(&sizes))?;
        Ok(FoldAssignment::new(fold, self.k).refit(self.refit))
    }

    fn describe(&self) -> Value {
        json!({
            "splitter": "stratified_k_fold",
            "k": self.k,
            "column": self.column.as_str(),
            "seed": (!self.in_order).then(|| self.seed.unwrap_or(0)),
        })
    }

    fn models(&self) -> usize {
        self.k + usize::from(self.refit)
    }
}

impl FoldSplitter for StratifiedKFold {
    fn folds(&self) -> usize {
        self.k
    }
}

impl Repeatable for StratifiedKFold {
    fn reseeded(&self, seed: impl FnOnce(u64) -> u64) -> Option<Self> {
        let seed = seed(self.seed.unwrap_or(0));
        (!self.in_order).then(|| self.clone().seed(seed))
    }
}
