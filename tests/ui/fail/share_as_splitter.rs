//! A number does not say how to split.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(0.3)
        .learn(LinearRegression::new(["id"], "likes"))
        .run()?;
    Ok(())
}
