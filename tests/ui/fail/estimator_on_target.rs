//! An estimator is not a step on the target.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .on_target(MeanRegressor::new("likes"))
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
