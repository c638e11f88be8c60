//! Rows of unknown origin cannot be learned from: they must be declared.

use floe::polars::prelude::LazyFrame;
use floe::prelude::*;

pub fn fit(rows: &LazyFrame) -> floe::Result<()> {
    MinMaxScaler::new(["id"]).fit_on(rows)?;
    Ok(())
}
