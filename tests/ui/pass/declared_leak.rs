//! Learning from all rows before the split is possible, and has to be said.

use floe::prelude::*;

pub fn flow() -> floe::Result<Vec<String>> {
    let run = floe::from(Csv::new("likes.csv"))
        .fit_before_split(MinMaxScaler::new(["likes"]))
        .split(TrainTestSplit::new(0.3).seed(42))
        .learn(MeanRegressor::new("likes"))
        .run()?;
    Ok(run.tags().to_vec())
}
