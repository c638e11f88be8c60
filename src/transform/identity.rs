use std::fmt;

use polars::prelude::{Expr, LazyFrame};
use serde_json::Value;

use super::{Apply, Invert, Persist, RowWise, Saved, SavedSteps, Stateless};
use crate::error::Result;
use crate::learn::{Answers, Plan, Walk};
use crate::schema::Schema;

/// The empty chain: learns nothing and changes nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Identity;

// Nothing to print: `a -> b` reads better than `Identity -> a -> b`.
impl fmt::Debug for Identity {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl Apply for Identity {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(frame)
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Ok(input.clone())
    }

    fn reports(&self, _: &mut Vec<Value>) {}
}

impl RowWise for Identity {}

impl Stateless for Identity {
    fn check_row_wise(&self, _: &Schema) -> Result<()> {
        Ok(())
    }
}

impl Invert for Identity {
    fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(frame)
    }

    fn inverse_value(&self, _: &str, value: Expr) -> Result<Expr> {
        Ok(value)
    }
}

impl Persist for Identity {
    fn save(&self, _: &mut Vec<Saved>) -> Result<()> {
        Ok(())
    }

    fn kinds(&self, _: &mut Vec<&'static str>) {}
}

impl Plan for Identity {
    type Fitted = Self;
    type State = ();

    fn advance(&self, (): &mut (), _: &mut Walk) -> Result<()> {
        Ok(())
    }

    fn resolve(&self, (): &mut (), _: Option<&Answers>) -> Result<()> {
        Ok(())
    }

    fn finish(&self, (): ()) -> Result<Self> {
        Ok(Self)
    }

    fn restore(&self, _: &mut SavedSteps) -> Result<Self> {
        Ok(Self)
    }

    fn labels(&self, _: &mut Vec<String>) {}
}
