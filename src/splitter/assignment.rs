use polars::prelude::Expr;

use crate::frame::PartSet;

/// A decided split into train rows and test rows, by element-wise Boolean expressions.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// What is said here; otherwise all rows but those that are kept.
    train: Option<Expr>,
    test: Expr,
    validation: Option<Expr>,
    folds: Option<FoldAssignment>,
}

/// A decided deal of the rows into folds: an element-wise expression of the `UInt32` number of a
/// row's fold, from 0.
///
/// Some splitters of this library deal finer: into parts, of which each model learns from some and
/// is scored on others.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldAssignment {
    part: Expr,
    parts: usize,
    each: Vec<Fold>,
    refit: bool,
}

/// One fold: the parts whose rows its model learns from, and those that it is scored on. No part is
/// of both, and a part may be of neither.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fold {
    pub(crate) train: PartSet,
    pub(crate) test: PartSet,
}

impl Fold {
    /// A fold that is a part by itself, whose model learns from all others.
    pub(crate) fn of_part(part: usize, parts: usize) -> Self {
        Self {
            train: PartSet::all_but(parts, part),
            test: PartSet::of(part..part + 1),
        }
    }
}

/// Several decided deals of the same rows into folds, each with models of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct RepeatedAssignment(Vec<FoldAssignment>);

impl RepeatedAssignment {
    /// These deals, of which each has as many folds as the first one. Predictions are of the first.
    pub fn new(repeats: Vec<FoldAssignment>) -> Self {
        Self(repeats)
    }
}

impl Assignment {
    /// A split whose test rows are those for which `test` is true. It must never be null.
    pub fn holdout(test: Expr) -> Self {
        Self {
            train: None,
            test,
            validation: None,
            folds: None,
        }
    }

    /// Keeps the rows for which `validation` is true for a score of their own. It must never be
    /// null, and never true of a test row.
    pub fn with_validation(mut self, validation: Expr) -> Self {
        self.validation = Some(validation);
        self
    }

    /// The condition of the train rows.
    pub fn train(&self) -> Expr {
        if let Some(train) = &self.train {
            return train.clone();
        }
        let kept = match &self.validation {
            Some(validation) => self.test.clone().or(validation.clone()),
            None => self.test.clone(),
        };
        kept.not()
    }

    /// The condition of the test rows.
    pub fn test(&self) -> Expr {
        self.test.clone()
    }

    /// The condition of the validation rows, where there are any.
    pub fn validation(&self) -> Option<Expr> {
        self.validation.clone()
    }

    /// The folds that the train rows come from.
    pub(crate) fn folds(&self) -> Option<&FoldAssignment> {
        self.folds.as_ref()
    }
}

impl FoldAssignment {
    /// Rows in `count` folds. The expression must give a number below `count` for every row.
    pub fn new(fold: Expr, count: usize) -> Self {
        let each = (0..count).map(|fold| Fold::of_part(fold, count));
        Self::of_parts(fold, count, each.collect())
    }

    /// Rows in so many parts, and what each fold makes of them. No part is tested by two folds. The
    /// expression must give a number below `parts` for every row.
    pub(crate) fn of_parts(part: Expr, parts: usize, each: Vec<Fold>) -> Self {
        Self {
            part,
            parts,
            each,
            refit: false,
        }
    }

    /// Whether one more model is to be fitted on the rows of all folds.
    pub fn refit(mut self, refit: bool) -> Self {
        self.refit = refit;
        self
    }

    /// The number of a row's fold, or of its part where the splitter deals finer.
    pub fn fold(&self) -> Expr {
        self.part.clone()
    }

    /// How many folds there are.
    pub fn count(&self) -> usize {
        self.each.len()
    }

    /// How many parts there are.
    pub(crate) fn parts(&self) -> usize {
        self.parts
    }

    /// The folds in their order.
    pub(crate) fn each(&self) -> &[Fold] {
        &self.each
    }

    /// Whether one more model is fitted on the rows of all folds.
    pub fn is_refit(&self) -> bool {
        self.refit
    }

    /// The split of one fold alone; without test rows where there is no such fold. The number of
    /// the part stands in a hidden column by then, so that it is not computed for both sides.
    pub(crate) fn alone(self, fold: usize) -> Assignment {
        let sides = self.each.get(fold).cloned();
        let Fold { train, test } = sides.unwrap_or_else(|| Fold {
            train: PartSet::all(self.parts),
            test: PartSet::default(),
        });
        Assignment {
            train: Some(train.condition()),
            test: test.condition(),
            validation: None,
            folds: Some(self),
        }
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Assignment {}
    impl Sealed for super::FoldAssignment {}
    impl Sealed for super::RepeatedAssignment {}
}

/// What a splitter decides: [`Assignment`] gives one model a run, [`FoldAssignment`] one a fold, and
/// [`RepeatedAssignment`] one a fold and repeat.
pub trait Assigned: sealed::Sealed {
    /// `One` or `Many`, after how many models a run gives.
    #[doc(hidden)]
    type Pick<One, Many>;
    #[doc(hidden)]
    fn decided(self) -> Decided;
    #[doc(hidden)]
    fn pick<One, Many, E>(
        one: impl FnOnce() -> Result<One, E>,
        many: impl FnOnce() -> Result<Many, E>,
    ) -> Result<Self::Pick<One, Many>, E>;
}

/// An assignment with one train side, so that there is one thing to fit.
#[diagnostic::on_unimplemented(
    message = "this flow deals its rows into folds, so there is no one train side to fit on",
    label = "folds, not sides",
    note = "call `.run()` for the models of all folds, or split by one of them: `.split(KFold::new(5).fold(0))`"
)]
pub trait OneTrainSide: Assigned {}

impl OneTrainSide for Assignment {}

/// An assignment of either kind.
#[doc(hidden)]
#[derive(Debug)]
pub enum Decided {
    Sides(Box<Assignment>),
    Folds(FoldAssignment),
    Repeats(Vec<FoldAssignment>),
}

impl Assigned for Assignment {
    type Pick<One, Many> = One;

    fn decided(self) -> Decided {
        Decided::Sides(Box::new(self))
    }

    fn pick<One, Many, E>(
        one: impl FnOnce() -> Result<One, E>,
        _: impl FnOnce() -> Result<Many, E>,
    ) -> Result<One, E> {
        one()
    }
}

impl Assigned for FoldAssignment {
    type Pick<One, Many> = Many;

    fn decided(self) -> Decided {
        Decided::Folds(self)
    }

    fn pick<One, Many, E>(
        _: impl FnOnce() -> Result<One, E>,
        many: impl FnOnce() -> Result<Many, E>,
    ) -> Result<Many, E> {
        many()
    }
}

impl Assigned for RepeatedAssignment {
    type Pick<One, Many> = Many;

    fn decided(self) -> Decided {
        Decided::Repeats(self.0)
    }

    fn pick<One, Many, E>(
        _: impl FnOnce() -> Result<One, E>,
        many: impl FnOnce() -> Result<Many, E>,
    ) -> Result<Many, E> {
        many()
    }
}
