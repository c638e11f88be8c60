//! Test rows cannot be learned from.

use floe::prelude::*;
use floe::{Frame, Test};

pub fn fit(test: &Frame<Test>) -> floe::Result<()> {
    MinMaxScaler::new(["id"]).fit_on(test)?;
    Ok(())
}
