//! An estimator predicts once it is fitted.

use floe::polars::prelude::LazyFrame;
use floe::prelude::*;

pub fn predict(rows: LazyFrame) -> floe::Result<LazyFrame> {
    LinearRegression::new(["id"], "likes").predict(rows)
}
