//! Rows that are declared as train rows are fitted on, and what is fitted is applied elsewhere.

use floe::polars::prelude::{LazyFrame, col, lit};
use floe::prelude::*;
use floe::{Frame, Train};

fn scale(train: &Frame<Train>, rows: LazyFrame) -> floe::Result<LazyFrame> {
    let steps = WithColumns::new([col("id") + lit(1)]).then(StandardScaler::new(["id"]));
    steps.fit_on(train)?.apply(rows)
}

pub fn declared(rows: LazyFrame) -> floe::Result<LazyFrame> {
    scale(&floe::train_on(Csv::new("train.csv"))?, rows)
}
