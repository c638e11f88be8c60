//! A flow has one estimator.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .learn(LinearRegression::new(["id"], "likes"))
        .learn(MeanRegressor::new("likes"))
        .run()?;
    Ok(())
}
