use std::fmt;

use serde_json::{Value, json};

use super::assignment::RepeatedAssignment;
use super::key::{Key, KeyHasher};
use super::{FoldSplitter, KFold, Rows, Splitter, StratifiedKFold};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::Schema;
use crate::source::Outline;

/// Deals the rows into folds several times, each time by another seed, so that the spread of a
/// metric says less of the luck of one deal.
///
/// The run has a model, and metrics, for every fold of every repeat: those of one repeat after
/// those of the other. Out-of-fold predictions are those of the first repeat, whose folds are those
/// of the splitter by itself; a refitted model is fitted once, with the first repeat.
///
/// Each repeat reads the rows for itself: a level and a score cost a scan a repeat. Repeat *r* > 0
/// takes the seed that is the frozen hash of the integer *r* for the splitter's seed; see
/// `docs/splitting.md`.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `folds` | – | a [`KFold`] or a [`StratifiedKFold`], not in order |
/// | `repeats` | – | how many times, at least 1 |
///
/// | error | when |
/// |---|---|
/// | `Split` | `repeats` is 0; the folds are in order, so that each repeat would be the same; what the splitter refuses |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let y: Vec<f64> = (0..20).map(f64::from).collect();
/// let run = floe::from(InMemory::new(df!["y" => y]?))
///     .split(Repeated::new(KFold::new(5).seed(42), 3))
///     .learn(MeanRegressor::new("y"))
///     .run()?;
/// assert_eq!(run.models().len(), 15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a splitter does nothing until it is part of a flow"]
pub struct Repeated<S> {
    folds: S,
    repeats: usize,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::KFold {}
    impl Sealed for super::StratifiedKFold {}
}

/// Folds that a seed deals, so that another seed deals others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` deals the same folds each time, so there is nothing to repeat",
    label = "not dealt by a seed",
    note = "repeat `KFold` or `StratifiedKFold`"
)]
pub trait Repeatable: FoldSplitter + sealed::Sealed + Sized {
    /// The same folds by another seed; none where no seed deals them.
    #[doc(hidden)]
    fn reseeded(&self, seed: impl FnOnce(u64) -> u64) -> Option<Self>;
}

impl<S: Repeatable> Repeated<S> {
    /// Deals the rows so many times.
    pub fn new(folds: S, repeats: usize) -> Self {
        Self { folds, repeats }
    }

    /// The splitter of one repeat.
    fn of(&self, repeat: usize) -> Result<S> {
        let seed = |seed: u64| match repeat {
            0 => seed,
            repeat => KeyHasher::new(seed).hash(&Key::Int(repeat as i128)),
        };
        self.folds.reseeded(seed).ok_or_else(|| {
            let message = "folds in order are the same in every repeat";
            Error::new(ErrorKind::Split, message).with_help("leave `.in_order()` out")
        })
    }
}

impl<S: fmt::Debug> fmt::Debug for Repeated<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repeated({:?}, {})", self.folds, self.repeats)
    }
}

impl<S: Repeatable> Splitter for Repeated<S> {
    type Assignment = RepeatedAssignment;

    fn check(&self, schema: &Schema, outline: &Outline) -> Result<()> {
        if self.repeats == 0 {
            return Err(
                Error::new(ErrorKind::Split, "the folds are repeated 0 times")
                    .with_help("ask for 1 repeat or more"),
            );
        }
        self.folds.check(schema, outline)?;
        self.of(0).map(drop)
    }

    fn scans(&self, outline: &Outline) -> usize {
        self.folds.scans(outline) * self.repeats
    }

    fn held(&self, outline: &Outline) -> Option<&'static str> {
        self.folds.held(outline)
    }

    fn assign(&self, rows: &mut Rows<'_>) -> Result<RepeatedAssignment> {
        let each = (0..self.repeats).map(|repeat| {
            let folds = self.of(repeat)?.assign(rows)?;
            let refit = repeat == 0 && folds.is_refit();
            Ok(folds.refit(refit))
        });
        Ok(RepeatedAssignment::new(each.collect::<Result<_>>()?))
    }

    fn describe(&self) -> Value {
        let mut split = self.folds.describe();
        split["repeats"] = json!(self.repeats);
        split
    }

    fn models(&self) -> usize {
        let later = self.repeats.saturating_sub(1);
        self.folds.models() + later * self.folds.folds()
    }

    fn scores(&self) -> usize {
        self.folds.scores() * self.repeats
    }

    fn repeats(&self) -> usize {
        self.repeats
    }
}
