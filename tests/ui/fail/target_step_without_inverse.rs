//! What stands on the target must be undone on the predictions.

use floe::polars::prelude::{col, lit};
use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .on_target(WithColumns::new([col("likes") * lit(2)]))
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
