//! Steps come before the estimator.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .learn(LinearRegression::new(["id"], "likes"))
        .then(MinMaxScaler::new(["id"]))
        .run()?;
    Ok(())
}
