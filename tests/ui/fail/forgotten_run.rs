//! A flow does nothing until it is run.

#![deny(unused_must_use)]

use floe::prelude::*;

pub fn flow() {
    floe::from(Csv::new("likes.csv"))
        .split(TrainTestSplit::new(0.3).seed(42))
        .learn(LinearRegression::new(["id"], "likes"));
}
