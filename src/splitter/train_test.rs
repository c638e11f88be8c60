use std::fmt;

use polars::prelude::{
    BooleanChunked, Column, DataType, Expr, IntoColumn, PlSmallStr, PolarsResult, lit,
};
use serde_json::{Value, json};

use super::classes::{Classes, allotted};
use super::column_keys::{check_key_dtype, hash_keys};
use super::key::KeyHasher;
use super::numbers::RowNumbers;
use super::parts::kept;
use super::share::{fixed_threshold, share_of};
use super::threshold::Threshold;
use super::{Assignment, Rows, Splitter};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Schema, column};
use crate::source::Outline;

/// Keeps a share of the rows for the score and learns from the others.
///
/// Sizes are exact and the split is frozen for a given number of rows: the same seed gives the
/// same rows in every version, on every machine, at any number of threads. Any seed is a seed like
/// another, 0 (the default) too. The specification with golden vectors is `docs/splitting.md`.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `test_share` | – | share of rows kept for the score, in (0, 1); `n · share` rounds half up |
/// | `seed` | 0 | which split |
/// | `by_key` | rows | rows with equal keys stay together; a null key is an error |
/// | `stratify_by` | no | the share of each class of a column is kept within one row; null is a class |
/// | `stable` | exact | a fixed threshold instead of exact sizes: appended rows move nothing |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = InMemory::new(df!["x" => (0..10i64).collect::<Vec<_>>(), "y" => vec![1i64; 10]]?);
/// let run = floe::from(rows)
///     .split(TrainTestSplit::new(0.3).seed(42))
///     .learn(MeanRegressor::new("y"))
///     .run()?;
/// assert_eq!(run.test().collect()?.height(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a splitter does nothing until it is part of a flow"]
pub struct TrainTestSplit {
    test_share: f64,
    seed: u64,
    key: Option<PlSmallStr>,
    classes: Option<PlSmallStr>,
    stable: bool,
}

impl TrainTestSplit {
    /// A split that keeps this share of the rows for the score.
    pub fn new(test_share: f64) -> Self {
        Self {
            test_share,
            seed: 0,
            key: None,
            classes: None,
            stable: false,
        }
    }

    /// Which split of all the possible ones.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Decides by the value of a column instead of by the row's number, so that rows with equal
    /// keys stay together and the order of rows does not matter.
    ///
    /// Sizes are exact when keys are unique; otherwise at most one key's rows larger.
    pub fn by_key(mut self, column: impl Into<PlSmallStr>) -> Self {
        self.key = Some(column.into());
        self
    }

    /// Keeps the share of each class of a column on both sides, within one row: the column is often
    /// the target. A null is a class of its own.
    ///
    /// It takes one scan and 4 bytes a row.
    pub fn stratify_by(mut self, column: impl Into<PlSmallStr>) -> Self {
        self.classes = Some(column.into());
        self
    }

    /// A fixed threshold: each row is decided alone, so appended rows move nothing, no row needs
    /// to be counted, and sizes are approximate.
    pub fn stable(mut self) -> Self {
        self.stable = true;
        self
    }

    fn row_test(&self, threshold: impl Fn(u64, u64) -> bool + Send + Sync + 'static) -> Expr {
        let numbers = RowNumbers::new(self.seed);
        let kernel = move |rows: Column| -> PolarsResult<Column> {
            let rows = rows.idx()?.rechunk();
            let rows = rows.cont_slice()?;
            let mut drawn = Vec::new();
            numbers.of_rows(rows, &mut drawn);
            let test = rows.iter().zip(&drawn);
            let test = test.map(|(row, number)| threshold(*number, u64::from(*row)));
            Ok(test.collect::<BooleanChunked>().into_column())
        };
        boolean(Rows::number(), kernel)
    }

    fn key_test(
        &self,
        key: &PlSmallStr,
        threshold: impl Fn(u64) -> bool + Send + Sync + 'static,
    ) -> Expr {
        let hasher = KeyHasher::new(self.seed);
        let kernel = move |keys: Column| -> PolarsResult<Column> {
            let hashes = hash_keys(&keys, &hasher).map_err(Error::into_polars)?;
            let test = hashes.into_iter().map(&threshold);
            Ok(test.collect::<BooleanChunked>().into_column())
        };
        boolean(column(key.clone()), kernel)
    }

    /// The size of the test side, or why there is none.
    fn test_rows(&self, rows: u64) -> Result<u64> {
        let test = share_of(self.test_share, rows);
        if test == 0 || test == rows {
            let empty = if test == 0 { "test" } else { "train" };
            let message = format!(
                "a test share of {} leaves no {empty} row out of {rows}",
                self.test_share
            );
            return Err(Error::new(ErrorKind::Split, message)
                .with_help("bring more rows or choose another share"));
        }
        Ok(test)
    }
}

fn boolean(
    of: Expr,
    kernel: impl Fn(Column) -> PolarsResult<Column> + Send + Sync + 'static,
) -> Expr {
    of.map(kernel, |_, field| {
        Ok(polars::prelude::Field::new(
            field.name.clone(),
            DataType::Boolean,
        ))
    })
}

impl fmt::Debug for TrainTestSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrainTestSplit({}, seed: {}", self.test_share, self.seed)?;
        if let Some(key) = &self.key {
            write!(f, ", by_key: {key}")?;
        }
        if let Some(classes) = &self.classes {
            write!(f, ", stratify_by: {classes}")?;
        }
        f.write_str(if self.stable { ", stable)" } else { ")" })
    }
}

impl Splitter for TrainTestSplit {
    type Assignment = Assignment;

    fn check(&self, schema: &Schema, outline: &Outline) -> Result<()> {
        // Written so that NaN is refused too.
        if !(self.test_share > 0.0 && self.test_share < 1.0) {
            let message = format!(
                "the test share is {}, and must lie in (0, 1)",
                self.test_share
            );
            return Err(Error::new(ErrorKind::Split, message)
                .with_help("0.3 keeps three rows of ten for the score"));
        }
        for column in self.key.iter().chain(&self.classes) {
            check_key_dtype(schema.field(column)?)?;
        }
        if let Some(classes) = &self.classes
            && (self.stable || self.key.is_some())
        {
            let other = if self.stable {
                "with a fixed threshold"
            } else {
                "by a key"
            };
            let message = format!("the rows are to be split by class and {other}");
            return Err(Error::new(ErrorKind::Split, message)
                .on_column(classes.as_str())
                .with_help("leave one of the two out"));
        }
        match outline.rows {
            Some(rows) if !outline.filtered && !self.stable => self.test_rows(rows).map(drop),
            _ => Ok(()),
        }
    }

    fn scans(&self, outline: &Outline) -> usize {
        let by_column = self.key.is_some() || self.classes.is_some();
        let known = outline.rows.is_some() && !outline.filtered && !by_column;
        usize::from(!self.stable && !known)
    }

    fn held(&self, outline: &Outline) -> Option<&'static str> {
        if self.classes.is_some() {
            return Some("4 bytes a row");
        }
        match (&self.key, self.stable) {
            (_, true) => None,
            (Some(_), false) => Some("8 bytes a row"),
            (None, false) => outline.filtered.then_some("4 bytes a row"),
        }
    }

    fn assign(&self, rows: &mut Rows<'_>) -> Result<Assignment> {
        if let Some(column) = &self.classes {
            let classes = Classes::read(rows, column)?;
            let sizes = classes.sizes();
            let test = allotted(self.test_rows(sizes.iter().sum())?, &sizes);
            let ends: Vec<_> = test.into_iter().map(|test| vec![test]).collect();
            let part = classes.cut(Some(self.seed), &ends)?;
            return Ok(Assignment::holdout(part.eq(lit(0_u32))));
        }
        let test = match (&self.key, self.stable) {
            (None, true) => {
                let below = fixed_threshold(self.test_share);
                self.row_test(move |number, _| number < below)
            }
            (Some(key), true) => {
                let below = fixed_threshold(self.test_share);
                self.key_test(key, move |number| number < below)
            }
            (None, false) => {
                let numbers = RowNumbers::new(self.seed);
                let threshold = if rows.are_filtered() {
                    let kept = kept(rows)?;
                    let test = self.test_rows(kept.len() as u64)?;
                    Threshold::of_listed(&numbers, &kept, test)
                } else {
                    let n = rows.count()?;
                    Threshold::of_first_rows(&numbers, n, self.test_rows(n)?)
                };
                let threshold = threshold.ok_or_else(no_threshold)?;
                self.row_test(move |number, row| threshold.is_test(number, row))
            }
            (Some(key), false) => {
                let hasher = KeyHasher::new(self.seed);
                let mut hashes = rows.fold(
                    column(key.clone()),
                    Vec::new(),
                    move |hashes: &mut Vec<u64>, keys| {
                        hashes.extend(hash_keys(keys, &hasher)?);
                        Ok(())
                    },
                )?;
                let test = self.test_rows(hashes.len() as u64)?;
                let last = Threshold::of_keys(&mut hashes, test).ok_or_else(no_threshold)?;
                if hashes.iter().all(|hash| *hash <= last) {
                    return Err(
                        Error::new(ErrorKind::Split, "equal keys leave no train row")
                            .on_column(key.as_str())
                            .with_help("choose a key with more distinct values or a smaller share"),
                    );
                }
                self.key_test(key, move |number| number <= last)
            }
        };
        Ok(Assignment::holdout(test))
    }

    fn describe(&self) -> Value {
        let mut split = json!({
            "splitter": "train_test",
            "test_share": self.test_share,
            "seed": self.seed,
            "key": self.key.as_ref().map(|key| key.as_str()),
            "stable": self.stable,
        });
        if let Some(column) = &self.classes {
            split["stratify_by"] = json!(column.as_str());
        }
        split
    }
}

fn no_threshold() -> Error {
    Error::new(
        ErrorKind::Split,
        "no row has the rank of the last test row (a bug in floe)",
    )
}
