//! A path is not a tracker.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .learn(LinearRegression::new(["id"], "likes"))
        .track("runs.jsonl")
        .run()?;
    Ok(())
}
