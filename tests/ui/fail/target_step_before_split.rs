//! A step on the target learns, so it comes after the split.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .on_target(MinMaxScaler::new(["likes"]))
        .split(TrainTestSplit::new(0.3).seed(42))
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
