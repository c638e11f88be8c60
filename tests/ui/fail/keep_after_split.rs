//! Rows are dropped before they are split.

use floe::polars::prelude::{col, lit};
use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .keep(col("likes").gt(lit(0)))
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
