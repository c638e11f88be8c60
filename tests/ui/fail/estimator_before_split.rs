//! An estimator has no place before the split.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .then(LinearRegression::new(["id"], "likes"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .run()?;
    Ok(())
}
