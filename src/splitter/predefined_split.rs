use std::fmt;

use polars::prelude::{
    Column, DataType, Expr, IntoColumn, PlSmallStr, PolarsResult, UInt32Chunked,
};
use serde_json::{Value, json};

use super::assignment::Fold;
use super::fold_splitter::check_count;
use super::parts::{narrow, part_of};
use super::{FoldAssignment, FoldSplitter, OneFold, Rows, Splitter};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Schema, column};
use crate::source::Outline;

/// Folds that a column of the rows says: an integer from 0, or −1 for rows that are never tested
/// and that every model learns from, as in scikit-learn's `PredefinedSplit`.
///
/// How many folds there are is said beforehand, so that `explain()` knows what a run costs without
/// reading a row. One scan checks the column, in a number a fold.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `k` | – | how many folds, at least 1 |
/// | `column` | – | the integer column that holds the fold of a row |
/// | `refit` | no | one more model, of all rows, from the same scans |
///
/// | error | when |
/// |---|---|
/// | `Split` | `k` is 0; the column is not of integers; a fold is null, below −1 or not below `k`; a fold has no row, or no row is left to learn from |
/// | `Schema` | there is no such column |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["fold" => [0i64, 1, 0, -1, 1, -1], "y" => [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]?;
/// let run = floe::from(InMemory::new(rows))
///     .split(PredefinedSplit::new(2, "fold"))
///     .learn(MeanRegressor::new("y"))
///     .run()?;
/// assert_eq!(run.test(0).collect()?.height(), 2);
/// assert_eq!(run.train(0).collect()?.height(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a splitter does nothing until it is part of a flow"]
pub struct PredefinedSplit {
    k: usize,
    column: PlSmallStr,
    refit: bool,
}

impl PredefinedSplit {
    /// The `k` folds that the column says.
    pub fn new(k: usize, column: impl Into<PlSmallStr>) -> Self {
        Self {
            k,
            column: column.into(),
            refit: false,
        }
    }

    /// Fits one more model, on all rows, in the same scans.
    pub fn refit(mut self) -> Self {
        self.refit = true;
        self
    }

    /// One fold as a split of its own, such as to fit it in another process.
    pub fn fold(self, fold: usize) -> OneFold<Self> {
        OneFold::new(self, fold)
    }

    /// The fold of a row; that of rows which are never tested comes after the others.
    fn part_of_row(&self) -> Expr {
        let (k, name) = (self.k, self.column.clone());
        let kernel = move |folds: Column| -> PolarsResult<Column> {
            let parts =
                parts(&folds, k).map_err(|error| error.on_column(name.as_str()).into_polars())?;
            let parts = parts.into_iter().map(|part| Some(narrow(part)));
            Ok(parts.collect::<UInt32Chunked>().into_column())
        };
        part_of(column(self.column.clone()), kernel)
    }
}

/// The part of each row.
fn parts(folds: &Column, k: usize) -> Result<Vec<usize>> {
    let refused = |what: String| {
        let help = format!("give each row a fold from 0 to {}, or -1 for never", k - 1);
        Error::new(ErrorKind::Split, what)
            .on_column(folds.name().as_str())
            .with_dtype(folds.dtype())
            .with_help(help)
    };
    if folds.null_count() > 0 {
        return Err(refused(format!(
            "{} of the folds are null",
            folds.null_count()
        )));
    }
    let part = |fold: i128| match usize::try_from(fold) {
        Ok(fold) if fold < k => Ok(fold),
        Err(_) if fold == -1 => Ok(k),
        _ => Err(refused(format!(
            "a row is said to be of fold {fold} of {k}"
        ))),
    };
    if folds.dtype() == &DataType::UInt64 {
        let folds = folds.u64()?.into_no_null_iter();
        return folds.map(|fold| part(fold.into())).collect();
    }
    let wide = folds.cast(&DataType::Int64)?;
    let folds = wide.i64()?.into_no_null_iter();
    folds.map(|fold| part(fold.into())).collect()
}

impl fmt::Debug for PredefinedSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PredefinedSplit({}, {}", self.k, self.column)?;
        f.write_str(if self.refit { ", refit)" } else { ")" })
    }
}

impl Splitter for PredefinedSplit {
    type Assignment = FoldAssignment;

    fn check(&self, schema: &Schema, _: &Outline) -> Result<()> {
        // One fold can do here, since rows that are never tested teach its model.
        check_count(self.k.max(1) + 1)?;
        if self.k == 0 {
            return check_count(0);
        }
        let field = schema.field(&self.column)?;
        if !field.dtype().is_integer()
            || matches!(field.dtype(), DataType::Int128 | DataType::UInt128)
        {
            let message = "the folds of rows are said by integers";
            return Err(Error::new(ErrorKind::Split, message)
                .on_column(field.name().as_str())
                .with_dtype(field.dtype())
                .with_help("cast the column to Int32, or number its values first"));
        }
        Ok(())
    }

    fn scans(&self, _: &Outline) -> usize {
        1
    }

    fn assign(&self, rows: &mut Rows<'_>) -> Result<FoldAssignment> {
        let sizes = rows.fold(
            column(self.column.clone()),
            vec![0_u64; self.k + 1],
            |sizes: &mut Vec<u64>, folds| {
                for part in parts(folds, self.k)? {
                    sizes[part] += 1;
                }
                Ok(())
            },
        )?;
        let empty = sizes[..self.k].iter().position(|rows| *rows == 0);
        let all: u64 = sizes.iter().sum();
        let whole = sizes.iter().position(|rows| *rows == all);
        let message = match (empty, whole) {
            (Some(fold), _) => format!("no row is of fold {fold} of {}", self.k),
            (None, Some(fold)) => format!("fold {fold} leaves no row to learn from"),
            (None, None) => {
                let each = (0..self.k).map(|fold| Fold::of_part(fold, self.k + 1));
                let part = self.part_of_row();
                let folds = FoldAssignment::of_parts(part, self.k + 1, each.collect());
                return Ok(folds.refit(self.refit));
            }
        };
        Err(Error::new(ErrorKind::Split, message)
            .on_column(self.column.as_str())
            .with_help("give each fold a row, and number the folds from 0"))
    }

    fn describe(&self) -> Value {
        json!({
            "splitter": "predefined",
            "k": self.k,
            "column": self.column.as_str(),
        })
    }

    fn models(&self) -> usize {
        self.k + usize::from(self.refit)
    }
}

impl FoldSplitter for PredefinedSplit {
    fn folds(&self) -> usize {
        self.k
    }
}
