//! What later runs must know, and what a killed run needs to go on.

use serde::{Deserialize, Serialize};

use crate::source::remote::youtube::quota::Units;
use crate::source::remote::youtube::wire::Time;

/// What a question has found so far.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Finding {
    /// The videos, in the order in which they were found.
    pub(super) videos: Vec<String>,
    /// When the newest of them was published; moved on only after a whole listing.
    pub(super) high_water: Option<Time>,
    /// Whether the last listing was whole, so that a page of known videos ends the next one.
    pub(super) whole: bool,
    /// After how many videos it was cut, where it was: more can be found when more are wished.
    pub(super) cut: Option<u32>,
}

/// How far the comments of a video were read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Mark {
    /// Whether the last listing came to its end, or to a page that was known.
    pub(super) complete: bool,
    /// Where the last listing stopped, if it did: the next run goes on from here.
    pub(super) token: Option<String>,
    /// Whether replies were read too.
    pub(super) replies: bool,
    /// `commentCount` before the last whole listing.
    pub(super) count: Option<u64>,
    /// The newest comment that a listing has shown.
    pub(super) newest: Option<Time>,
    /// From when on comments were wanted.
    pub(super) since: Option<Time>,
    /// Threads of which the replies could not be read.
    pub(super) replies_due: Vec<Due>,
    /// After how many pages the listing was cut, where it was: a run that may read more does.
    pub(super) cut: Option<u32>,
    /// Whether a listing that was to bring the replies of known threads has not come to its end.
    pub(super) replies_missing: bool,
    /// When the listing was begun that has read all, or is to: what was landed then is purged one
    /// day, so it must be read again.
    pub(super) begun_at: Option<Time>,
}

/// Where a run stands: written after the rows that it speaks of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cursor {
    pub(super) step: Step,
    /// The videos of this run, in the order in which they are asked.
    pub(super) queue: Vec<Queued>,
    /// Why the run will not be complete.
    pub(super) notes: Vec<Note>,
    pub(super) tally: Tally,
    pub(super) spent: Units,
    /// By what time threads count as young.
    pub(super) started_at: Time,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Step {
    /// Finding videos: the number of the question, and where its answer stands.
    Find { question: usize, walk: Walk },
    /// Asking titles and statistics, from this place of the queue on.
    Videos { next: usize },
    /// Reading comments, from this place of the queue on.
    Comments { next: usize, walk: Walk },
    /// All is read.
    Done,
}

/// A place in a list that comes in pages.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the list"
)]
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Walk {
    /// The next page; the first one if there is none.
    pub(super) token: Option<String>,
    pub(super) pages: u32,
    /// Items that counted.
    pub(super) items: u32,
    /// Pages in a row that brought nothing new.
    pub(super) barren: u32,
    /// Whether the last page was empty and is asked for once more.
    pub(super) doubted: bool,
    /// Whether the list was begun anew, since its token was no longer known.
    pub(super) restarted: bool,
    /// The list is read on from where an earlier run stopped; its head comes afterwards.
    pub(super) tail: bool,
    /// The newest item that was seen.
    pub(super) newest: Option<Time>,
    /// The oldest one of a window of search.
    pub(super) oldest: Option<Time>,
    /// Where a window of search ends.
    pub(super) before: Option<Time>,
    /// Items of the window.
    pub(super) in_window: u32,
    /// Whether the list was begun, even if no page of it is read.
    pub(super) begun: bool,
    /// Whether a page of known items ends the list.
    pub(super) to_known: bool,
    /// Whether the replies of known threads are missing.
    pub(super) replies_missing: bool,
    /// Threads of which the replies could not be read.
    pub(super) replies_due: Vec<Due>,
    /// Whether a page was read, of which rows may be landed.
    pub(super) touched: bool,
    /// After how many pages the list behind the known page was cut.
    pub(super) cut: Option<u32>,
    /// When the listing was begun that reads all.
    pub(super) begun_at: Option<Time>,
    /// What was known of the video before, which still holds while no page is read.
    pub(super) was: Option<Box<Mark>>,
}

/// A thread of which the replies could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Due {
    pub(super) comment_id: String,
    /// In how many runs the service said that it has none.
    pub(super) tries: u32,
    /// How many replies the thread has counted.
    #[serde(default)]
    pub(super) counted: u32,
}

impl Walk {
    /// Replies that a later run asks for.
    pub(super) fn owe(&mut self, comment_id: &str, tries: u32, counted: u32) {
        self.replies_due.push(Due {
            comment_id: comment_id.to_owned(),
            tries,
            counted,
        });
    }
}

/// A video of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Queued {
    pub(super) id: String,
    /// Whether its title is known.
    pub(super) known: bool,
    /// `commentCount` of this run.
    pub(super) count: Option<u64>,
    /// Whether it was there when it was asked for.
    pub(super) there: bool,
}

/// Why a run is not complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) why: String,
    pub(super) resume_at: Option<Time>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Tally {
    pub(super) hits: u64,
    pub(super) videos: u64,
    pub(super) polls: u64,
    pub(super) listed: u64,
    pub(super) comments: u64,
}
