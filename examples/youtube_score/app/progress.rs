use std::time::Duration;

use indicatif::{ProgressBar, ProgressFinish};

/// One line on stderr that tells what is being done; it goes away when the work ends.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Shows itself on a terminal, and nothing anywhere else.
    #[cfg_attr(test, allow(dead_code, reason = "tests hide it"))]
    pub(crate) fn on_a_terminal() -> Self {
        let bar = ProgressBar::new_spinner().with_finish(ProgressFinish::AndClear);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// Shows nothing.
    #[cfg(test)]
    pub(crate) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    pub(crate) fn say(&self, what: impl Into<String>) {
        self.0.set_message(what.into());
    }
}
