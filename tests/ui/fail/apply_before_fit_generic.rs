//! A step is not its fitted form.

use floe::polars::prelude::LazyFrame;
use floe::prelude::*;

fn score(step: impl Apply, rows: LazyFrame) -> floe::Result<LazyFrame> {
    step.apply(rows)
}

pub fn scale(rows: LazyFrame) -> floe::Result<LazyFrame> {
    score(MinMaxScaler::new(["id"]), rows)
}
