use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::Units;
use crate::source::remote::landing::{Outcome, Skip};

/// What is called as a run goes on.
pub(super) type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

/// What a run does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Finds videos.
    Finding,
    /// Asks titles and statistics.
    Videos,
    /// Reads comments.
    Comments,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// What it does.
    pub phase: Phase,
    /// Videos of this phase that are done.
    pub videos: u64,
    /// Videos there are; while they are still being found, those that were found.
    pub videos_in_all: u64,
    /// Comments that were landed.
    pub comments: u64,
    /// What may still be spent today, by the limits, the reserve and the budget of the run.
    pub quota_left: Units,
}

/// What a run has done, also over several processes when one was killed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Collected {
    /// Whether all of it was collected, and if not, why, and when more can be.
    pub outcome: Outcome,
    /// The run, as the rows name it.
    pub run_id: String,
    /// Videos that a search or a playlist found and that were not known.
    pub found: u64,
    /// Videos of which a title was landed.
    pub videos: u64,
    /// Rows of statistics, one for each video.
    pub polls: u64,
    /// Videos of which the comments were read, at least in part.
    pub listed: u64,
    /// Comments that were landed: those that are new or have changed, or all by a full sweep.
    pub comments: u64,
    /// What could not be had, and why: an item such as `video dQw4w9WgXcQ`, and a reason.
    pub skipped: Vec<Skip>,
    /// What the run has spent.
    pub spent: Units,
    /// What may still be spent today.
    pub left: Units,
    /// When the quota is full again.
    pub resets_at: Timestamp,
}

impl Collected {
    /// Whether all that was asked for was collected, but for items that cannot be had.
    pub fn is_complete(&self) -> bool {
        matches!(self.outcome, Outcome::Complete)
    }
}

impl fmt::Display for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Complete => writeln!(f, "complete")?,
            Outcome::Partial { why, .. } => writeln!(f, "in part: {why}")?,
            Outcome::Aborted { why } => writeln!(f, "aborted: {why}")?,
        }
        writeln!(
            f,
            "{} new videos, {} titles, {} polls; {} new or changed comments of {} videos",
            self.found, self.videos, self.polls, self.comments, self.listed
        )?;
        for Skip { item, reason } in &self.skipped {
            writeln!(f, "skipped {item}: {reason}")?;
        }
        write!(f, "quota spent: {}; left: {}", self.spent, self.left)
    }
}
