//! A fitted scaling maps row by row, and still carries what it learned over the split.

use floe::prelude::*;
use floe::transform::scale::MinMaxScaling;

pub fn flow(scaling: MinMaxScaling) -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .then(scaling)
        .split(TrainTestSplit::new(0.3).seed(42))
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
