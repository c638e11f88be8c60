//! Sources, splitters, steps and estimators do nothing on their own.

#![deny(unused_must_use)]

use floe::polars::prelude::{DataFrame, col};
use floe::prelude::*;

pub fn parts(rows: DataFrame) {
    InMemory::new(rows);
    Csv::new("likes.csv");
    TrainTestSplit::new(0.3);
    MinMaxScaler::new(["id"]);
    StandardScaler::new(["id"]);
    WithColumns::new([col("id")]);
    MinMaxScaler::new(["id"]).then(StandardScaler::new(["id"]));
    LinearRegression::new(["id"], "likes");
    MeanRegressor::new("likes");
    MedianRegressor::new("likes");
}
