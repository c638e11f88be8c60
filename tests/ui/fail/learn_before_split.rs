//! Without a split there is nothing to score on.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
