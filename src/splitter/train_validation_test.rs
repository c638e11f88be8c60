use std::fmt;

use polars::prelude::{Expr, PlSmallStr, lit};
use serde_json::{Value, json};

use super::column_keys::check_key_dtype;
use super::parts::{self, Ends};
use super::share::{fixed_threshold, share_of};
use super::{Assignment, Rows, Splitter};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::source::Outline;

/// Keeps two shares of the rows for scores, one to choose by and one to judge by at the end, and
/// learns from the others.
///
/// The test rows are those of a [`TrainTestSplit`](super::TrainTestSplit) of the same test share,
/// seed and key; the validation rows are the next in the order of their numbers. Sizes are exact
/// and the split is frozen; see `docs/splitting.md`.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `validation_share` | – | share of rows to choose by, in (0, 1); `n · share` rounds half up |
/// | `test_share` | – | share of rows to judge by, in (0, 1); so does this |
/// | `seed` | 0 | which split |
/// | `by_key` | rows | rows with equal keys stay together; a null key is an error |
/// | `stable` | exact | fixed thresholds instead of exact sizes: appended rows move nothing |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = InMemory::new(df!["x" => (0..10i64).collect::<Vec<_>>(), "y" => vec![1i64; 10]]?);
/// let run = floe::from(rows)
///     .split(TrainValidationTest::new(0.2, 0.3).seed(42))
///     .learn(MeanRegressor::new("y"))
///     .run()?;
/// assert_eq!(run.test().collect()?.height(), 3);
/// assert_eq!(run.validation().expect("a third side").collect()?.height(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a splitter does nothing until it is part of a flow"]
pub struct TrainValidationTest {
    validation_share: f64,
    test_share: f64,
    seed: u64,
    key: Option<PlSmallStr>,
    stable: bool,
}

/// The part of the test rows; the validation rows are the next one, the train rows the last.
const TEST: u32 = 0;
const VALIDATION: u32 = 1;

impl TrainValidationTest {
    /// A split that keeps these shares of the rows for scores.
    pub fn new(validation_share: f64, test_share: f64) -> Self {
        Self {
            validation_share,
            test_share,
            seed: 0,
            key: None,
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
    pub fn by_key(mut self, column: impl Into<PlSmallStr>) -> Self {
        self.key = Some(column.into());
        self
    }

    /// Fixed thresholds: each row is decided alone, so appended rows move nothing, no row needs to
    /// be counted, and sizes are approximate.
    pub fn stable(mut self) -> Self {
        self.stable = true;
        self
    }

    /// Where the test rows and the validation rows end.
    fn ends(&self, rows: u64) -> Result<Ends> {
        let test = share_of(self.test_share, rows);
        let validation = share_of(self.validation_share, rows);
        let end = test.saturating_add(validation);
        let empty = [
            (test == 0, "test"),
            (validation == 0, "validation"),
            (end >= rows, "train"),
        ];
        match empty.iter().find(|(empty, _)| *empty) {
            None => Ok(vec![test, end]),
            Some((_, side)) => {
                let message = format!(
                    "a validation share of {} and a test share of {} leave no {side} row out of {rows}",
                    self.validation_share, self.test_share
                );
                Err(Error::new(ErrorKind::Split, message)
                    .with_help("bring more rows or choose other shares"))
            }
        }
    }

    fn fixed(&self) -> impl Fn(u64) -> usize + Send + Sync + 'static {
        let test = fixed_threshold(self.test_share);
        let end = test.saturating_add(fixed_threshold(self.validation_share));
        move |number| usize::from(number >= test) + usize::from(number >= end)
    }

    fn part_of_row(&self, rows: &mut Rows<'_>) -> Result<Expr> {
        match (&self.key, self.stable) {
            (None, false) => parts::by_number(rows, self.seed, |n| self.ends(n)),
            (Some(key), false) => parts::by_key(rows, self.seed, key, |n| self.ends(n)),
            (None, true) => {
                let fixed = self.fixed();
                Ok(parts::numbered(self.seed, move |number, _| fixed(number)))
            }
            (Some(key), true) => Ok(parts::keyed(self.seed, key, self.fixed())),
        }
    }
}

impl fmt::Debug for TrainValidationTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TrainValidationTest({}, {}, seed: {}",
            self.validation_share, self.test_share, self.seed
        )?;
        if let Some(key) = &self.key {
            write!(f, ", by_key: {key}")?;
        }
        f.write_str(if self.stable { ", stable)" } else { ")" })
    }
}

impl Splitter for TrainValidationTest {
    type Assignment = Assignment;

    fn check(&self, schema: &Schema, outline: &Outline) -> Result<()> {
        for (side, share) in [
            ("validation", self.validation_share),
            ("test", self.test_share),
        ] {
            // Written so that NaN is refused too.
            if !(share > 0.0 && share < 1.0) {
                let message = format!("the {side} share is {share}, and must lie in (0, 1)");
                return Err(Error::new(ErrorKind::Split, message)
                    .with_help("0.2 keeps two rows of ten for the score"));
            }
        }
        // So many rows make the rounding not matter.
        let many = u64::from(u32::MAX);
        if share_of(self.test_share, many) + share_of(self.validation_share, many) >= many {
            let message = format!(
                "a validation share of {} and a test share of {} leave no train rows",
                self.validation_share, self.test_share
            );
            return Err(Error::new(ErrorKind::Split, message).with_help("choose smaller shares"));
        }
        if let Some(key) = &self.key {
            check_key_dtype(schema.field(key)?)?;
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

    fn assign(&self, rows: &mut Rows<'_>) -> Result<Assignment> {
        let part = self.part_of_row(rows)?;
        let side = |side: u32| part.clone().eq(lit(side));
        Ok(Assignment::holdout(side(TEST)).with_validation(side(VALIDATION)))
    }

    fn describe(&self) -> Value {
        json!({
            "splitter": "train_validation_test",
            "validation_share": self.validation_share,
            "test_share": self.test_share,
            "seed": self.seed,
            "key": self.key.as_ref().map(|key| key.as_str()),
            "stable": self.stable,
        })
    }
    fn scores(&self) -> usize {
        2
    }
}
