//! Events are those of a run, so the flow must be one that can run.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .track(MemoryTracker::new())
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
