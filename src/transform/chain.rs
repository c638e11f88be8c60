use std::fmt;

use polars::prelude::{Expr, LazyFrame};
use serde_json::Value;

use super::{Apply, Invert, RowWise, SavedSteps, Stateless};
use crate::error::Result;
use crate::learn::{Answers, Plan, Walk};
use crate::schema::Schema;

/// Two steps, one after the other: of plans it is a plan, of fitted steps a fitted step.
#[derive(Clone, PartialEq)]
#[must_use = "a chain does nothing until it is part of a flow, fitted or applied"]
pub struct Chain<A, B> {
    first: A,
    next: B,
}

impl<A, B> Chain<A, B> {
    /// `first`, then `next`.
    pub const fn new(first: A, next: B) -> Self {
        Self { first, next }
    }

    /// The step that comes first.
    pub fn first(&self) -> &A {
        &self.first
    }

    /// The step that comes next.
    pub fn next(&self) -> &B {
        &self.next
    }
}

// A derived form would indent once per step; a chain of ten reads as one line here.
impl<A: fmt::Debug, B: fmt::Debug> fmt::Debug for Chain<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = format!("{:?}", self.first);
        if first.is_empty() {
            return write!(f, "{:?}", self.next);
        }
        write!(f, "{first} -> {:?}", self.next)
    }
}

impl<A: Apply, B: Apply> Apply for Chain<A, B> {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let frame = self.first.apply(frame).map_err(|e| e.at(&self.first))?;
        self.next.apply(frame).map_err(|e| e.at(&self.next))
    }

    fn apply_to_train(&self, train: LazyFrame) -> Result<LazyFrame> {
        let train = self.first.apply_to_train(train);
        let train = train.map_err(|e| e.at(&self.first))?;
        let train = self.next.apply_to_train(train);
        train.map_err(|e| e.at(&self.next))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let schema = self.first.output(input).map_err(|e| e.at(&self.first))?;
        self.next.output(&schema).map_err(|e| e.at(&self.next))
    }

    fn warnings(&self, warnings: &mut Vec<String>) {
        self.first.warnings(warnings);
        self.next.warnings(warnings);
    }

    fn reports(&self, reports: &mut Vec<Value>) {
        self.first.reports(reports);
        self.next.reports(reports);
    }
}

impl<A: RowWise, B: RowWise> RowWise for Chain<A, B> {}

impl<A: Stateless, B: Stateless> Stateless for Chain<A, B> {
    fn check_row_wise(&self, input: &Schema) -> Result<()> {
        self.first.check_row_wise(input)?;
        self.next.check_row_wise(&self.first.output(input)?)
    }
}

impl<A: Invert, B: Invert> Invert for Chain<A, B> {
    fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame> {
        self.first.inverse(self.next.inverse(frame)?)
    }

    fn inverse_value(&self, column: &str, value: Expr) -> Result<Expr> {
        let value = self.next.inverse_value(column, value)?;
        self.first.inverse_value(column, value)
    }
}

impl<A: Plan, B: Plan> Plan for Chain<A, B> {
    type Fitted = Chain<A::Fitted, B::Fitted>;
    type State = (A::State, B::State);

    fn advance(&self, state: &mut Self::State, walk: &mut Walk) -> Result<()> {
        self.first.advance(&mut state.0, walk)?;
        self.next.advance(&mut state.1, walk)
    }

    fn resolve(&self, state: &mut Self::State, answers: Option<&Answers>) -> Result<()> {
        self.first.resolve(&mut state.0, answers)?;
        self.next.resolve(&mut state.1, answers)
    }

    fn finish(&self, state: Self::State) -> Result<Self::Fitted> {
        Ok(Chain::new(
            self.first.finish(state.0)?,
            self.next.finish(state.1)?,
        ))
    }

    fn restore(&self, saved: &mut SavedSteps) -> Result<Self::Fitted> {
        let first = self.first.restore(saved)?;
        Ok(Chain::new(first, self.next.restore(saved)?))
    }

    fn labels(&self, labels: &mut Vec<String>) {
        self.first.labels(labels);
        self.next.labels(labels);
    }
}
