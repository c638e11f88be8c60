//! The whole chain, from a file to tracked events.

use floe::polars::prelude::{col, lit};
use floe::prelude::*;

pub fn flow() -> floe::Result<f64> {
    let tracker = (JsonLinesTracker::append("runs.jsonl")?, MemoryTracker::new());
    let flow = floe::from(Csv::new("likes.csv"))
        .role("comment_id", Role::Id)
        .keep(col("likes").gt_eq(lit(0)))
        .then(WithColumns::new([(col("id") + lit(1)).alias("next")]))
        .split(TrainTestSplit::new(0.3).seed(42))
        .then(StandardScaler::new(["id", "next"]))
        .on_target(MinMaxScaler::new(["likes"]))
        .learn(LinearRegression::new(["id", "next"], "likes"))
        .track(tracker);
    flow.check()?;
    let run = flow.run()?;
    run.model().save("model.json")?;
    let again = flow.load("model.json")?;
    let _scored = again.predict(run.test().lazy())?;
    Ok(run.metrics().r2().unwrap_or_default())
}
