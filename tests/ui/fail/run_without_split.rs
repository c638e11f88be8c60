//! A run needs rows that it did not learn from.

use floe::prelude::*;

pub fn flow() -> floe::Result<()> {
    floe::from(Csv::new("likes.csv")).run()?;
    Ok(())
}
