use std::fmt;

use polars::prelude::{Expr, PlSmallStr};
use serde_json::{Value, json};

use super::column_keys::check_key_dtype;
use super::fold_splitter::{check_count, enough_rows};
use super::parts::{self, Ends};
use super::{FoldAssignment, FoldSplitter, OneFold, Repeatable, Rows, Splitter};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::source::Outline;

/// Deals the rows into `k` folds; each fold is predicted by a model that learned from all others.
///
/// Sizes are exact: the first `n % k` folds hold one row more. The folds are frozen for a given
/// number of rows: the same seed gives the same folds in every version, on every machine, at any
/// number of threads. The specification with golden vectors is `docs/splitting.md`.
///
/// All `k` models are fitted together: a level reads the rows once, whatever `k` is.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `k` | – | how many folds, at least 2 |
/// | `seed` | 0 | which folds |
/// | `by_key` | rows | rows with equal keys stay together; a null key is an error |
/// | `in_order` | shuffled | the folds are runs of rows as the source has them |
/// | `stable` | exact | fixed thresholds instead of exact sizes: appended rows move nothing |
/// | `refit` | no | one more model, of all rows, from the same scans |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let x: Vec<f64> = (0..20).map(f64::from).collect();
/// let y: Vec<f64> = x.iter().map(|x| 3.0 * x + 1.0).collect();
/// let run = floe::from(InMemory::new(df!["x" => x, "y" => y]?))
///     .split(KFold::new(5).seed(42))
///     .then(StandardScaler::new(["x"]))
///     .learn(LinearRegression::new(["x"], "y"))
///     .run()?;
/// assert_eq!(run.models().len(), 5);
/// assert_eq!(run.predictions()?.collect()?.height(), 20);
/// assert!(run.metric("r2").is_some_and(|r2| r2.mean > 0.999));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a splitter does nothing until it is part of a flow"]
pub struct KFold {
    k: usize,
    seed: Option<u64>,
    key: Option<PlSmallStr>,
    in_order: bool,
    stable: bool,
    refit: bool,
}

impl KFold {
    /// Deals the rows into `k` folds.
    pub fn new(k: usize) -> Self {
        Self {
            k,
            seed: None,
            key: None,
            in_order: false,
            stable: false,
            refit: false,
        }
    }

    /// Which folds of all the possible ones.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Decides by the value of a column instead of by the row's number, so that rows with equal
    /// keys stay together and the order of rows does not matter.
    pub fn by_key(mut self, column: impl Into<PlSmallStr>) -> Self {
        self.key = Some(column.into());
        self
    }

    /// Makes each fold a run of rows as the source has them, without shuffling.
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Fixed thresholds: each row is decided alone, so appended rows move nothing, no row needs to
    /// be counted, and sizes are approximate.
    pub fn stable(mut self) -> Self {
        self.stable = true;
        self
    }

    /// Fits one more model, on the rows of all folds, in the same scans.
    pub fn refit(mut self) -> Self {
        self.refit = true;
        self
    }

    /// One fold as a split of its own, such as to fit it in another process.
    pub fn fold(self, fold: usize) -> OneFold {
        OneFold::new(self, fold)
    }

    /// Where the folds end: the first `n % k` folds hold one row more.
    fn ends(&self, rows: u64) -> Result<Ends> {
        enough_rows(rows, self.k)?;
        let k = self.k as u64;
        Ok((1..k)
            .map(|fold| fold * (rows / k) + fold.min(rows % k))
            .collect())
    }

    /// The fold of a number by itself: `number · k / 2^64`.
    fn fixed(&self) -> impl Fn(u64) -> usize + Send + Sync + 'static {
        let k = self.k as u128;
        move |number| usize::try_from((u128::from(number) * k) >> 64).unwrap_or(usize::MAX)
    }

    fn fold_of_row(&self, rows: &mut Rows<'_>) -> Result<Expr> {
        let seed = self.seed.unwrap_or(0);
        match (&self.key, self.in_order, self.stable) {
            (None, true, _) => parts::in_order(rows, |n| self.ends(n)),
            (None, false, false) => parts::by_number(rows, seed, |n| self.ends(n)),
            (Some(key), _, false) => parts::by_key(rows, seed, key, |n| self.ends(n)),
            (None, false, true) => {
                let fixed = self.fixed();
                Ok(parts::numbered(seed, move |number, _| fixed(number)))
            }
            (Some(key), _, true) => Ok(parts::keyed(seed, key, self.fixed())),
        }
    }
}

impl fmt::Debug for KFold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KFold({}", self.k)?;
        if self.in_order {
            f.write_str(", in order")?;
        } else {
            write!(f, ", seed: {}", self.seed.unwrap_or(0))?;
        }
        if let Some(key) = &self.key {
            write!(f, ", by_key: {key}")?;
        }
        f.write_str(match (self.stable, self.refit) {
            (true, true) => ", stable, refit)",
            (true, false) => ", stable)",
            (false, true) => ", refit)",
            (false, false) => ")",
        })
    }
}

impl Splitter for KFold {
    type Assignment = FoldAssignment;

    fn check(&self, schema: &Schema, outline: &Outline) -> Result<()> {
        check_count(self.k)?;
        if let Some(key) = &self.key {
            check_key_dtype(schema.field(key)?)?;
        }
        if self.in_order {
            let other = [
                (self.key.is_some(), "by a key"),
                (self.stable, "by fixed thresholds"),
                (self.seed.is_some(), "by a seed"),
            ];
            if let Some((_, other)) = other.iter().find(|(set, _)| *set) {
                let message = format!("the folds are asked for in order and {other}");
                return Err(
                    Error::new(ErrorKind::Split, message).with_help("leave one of the two out")
                );
            }
        }
        match outline.rows {
            Some(rows) if !outline.filtered && !self.stable => self.ends(rows).map(drop),
            _ => Ok(()),
        }
    }

    fn scans(&self, outline: &Outline) -> usize {
        let known = outline.rows.is_some() && !outline.filtered && self.key.is_none();
        usize::from(!self.stable && !known)
    }

    fn held(&self, outline: &Outline) -> Option<&'static str> {
        match (&self.key, self.stable) {
            (_, true) => None,
            (Some(_), false) => Some("8 bytes a row"),
            (None, false) => outline.filtered.then_some("4 bytes a row"),
        }
    }

    fn assign(&self, rows: &mut Rows<'_>) -> Result<FoldAssignment> {
        Ok(FoldAssignment::new(self.fold_of_row(rows)?, self.k).refit(self.refit))
    }

    fn describe(&self) -> Value {
        json!({
            "splitter": "k_fold",
            "k": self.k,
            "seed": (!self.in_order).then(|| self.seed.unwrap_or(0)),
            "key": self.key.as_ref().map(|key| key.as_str()),
            "stable": self.stable,
        })
    }

    fn models(&self) -> usize {
        self.k + usize::from(self.refit)
    }
}

impl FoldSplitter for KFold {
    fn folds(&self) -> usize {
        self.k
    }
}

impl Repeatable for KFold {
    fn reseeded(&self, seed: impl FnOnce(u64) -> u64) -> Option<Self> {
        let seed = seed(self.seed.unwrap_or(0));
        (!self.in_order).then(|| self.clone().seed(seed))
    }
}
