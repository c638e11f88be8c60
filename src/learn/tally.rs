use polars::prelude::{Column, Expr};

use super::batch::Accumulators;
use super::sheet::{Asked, Sheet};
use super::walk::Walk;
use super::{Learned, Need};
use crate::error::Result;
use crate::frame::PartSet;
use crate::schema::Schema;

/// Answers needs from batches that are handed over one by one.
pub(crate) struct Tally {
    sheet: Sheet,
    asked: Asked,
    found: Accumulators,
}

impl Tally {
    pub(crate) fn new(schema: Schema, needs: Vec<Need>) -> Result<Self> {
        let mut walk = Walk::new(schema, None);
        let asked = walk.ask(needs)?;
        let (sheet, ..) = walk.finish();
        let found = Accumulators::new(&sheet, 1);
        Ok(Self {
            sheet,
            asked,
            found,
        })
    }

    /// The columns of a batch, in the order in which [`update`](Self::update) takes them.
    pub(crate) fn exprs(&self) -> Vec<Expr> {
        self.sheet.exprs()
    }

    pub(crate) fn update(&mut self, columns: &[Column]) -> Result<()> {
        self.found.update(0, columns)
    }

    pub(crate) fn finish(mut self) -> Result<Learned> {
        Learned::of(&self.found.answers(&PartSet::all(1)), &self.asked)
    }
}
