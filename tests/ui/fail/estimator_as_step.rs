//! An estimator maps no columns to columns.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .then(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
