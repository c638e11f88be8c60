//! A data frame is not a source.

use floe::polars::prelude::DataFrame;
use floe::prelude::*;

pub fn flow(likes: DataFrame) -> floe::Result<()> {
    floe::from(likes)
        .split(TrainTestSplit::new(0.3).seed(42))
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
