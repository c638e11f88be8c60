//! Rows are split once.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .split(TrainTestSplit::new(0.1).seed(7))
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
