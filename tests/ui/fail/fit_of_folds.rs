//! Rows in folds have no one train side to fit on.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv"))
        .split(KFold::new(5).seed(42))
        .learn(LinearRegression::new(["id"], "likes"))
        .fit()?;
    Ok(())
}
