//! A run needs something that learns to predict.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .then(MinMaxScaler::new(["id"]))
        .run()?;
    Ok(())
}
