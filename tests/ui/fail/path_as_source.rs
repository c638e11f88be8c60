//! A path is not a source.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from("likes.csv")
        .split(TrainTestSplit::new(0.3).seed(42))
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
