use std::time::Duration;

use floe::source::remote::youtube;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// One line on stderr that tells what is being done; it goes away when the work ends.
#[derive(Clone, Debug)]
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
        self.0.set_style(ProgressStyle::default_spinner());
        self.0.set_message(what.into());
    }

    /// Shows how far the collection of one hour is.
    pub(crate) fn collecting(&self, hour: i64, of: i64, now: &youtube::Progress) {
        // The template is fixed; were it wrong, the bar would show as it did before.
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{bar:20}] {msg}") {
            self.0.set_style(style);
        }
        self.0.set_length(now.videos_in_all);
        self.0.set_position(now.videos);
        let hours = match of {
            1 => String::new(),
            _ => format!("hour {hour} of {of}, "),
        };
        self.0.set_message(format!(
            "{hours}{} of {} videos, {} comments; quota left: {}",
            now.videos, now.videos_in_all, now.comments, now.quota_left
        ));
    }
}
