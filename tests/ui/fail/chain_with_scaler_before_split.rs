//! A chain is refused before the split as soon as one of its steps learns.

use floe::polars::prelude::{col, lit};
use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    let steps = WithColumns::new([col("id") + lit(1)]).then(StandardScaler::new(["id"]));
    floe::from(Csv::new("likes.csv"))
        .then(steps)
        .split(TrainTestSplit::new(0.3).seed(42))
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
