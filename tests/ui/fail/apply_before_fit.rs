//! A step maps rows once it is fitted.

use floe::polars::prelude::LazyFrame;
use floe::prelude::*;

pub fn scale(rows: LazyFrame) -> floe::Result<LazyFrame> {
    MinMaxScaler::new(["id"]).apply(rows)
}
