//! Videos, their statistics and their comments from the YouTube Data API, on its daily quota.
//!
//! A [`YouTube`] says what to collect; [`YouTube::collect_into`] asks the API and puts rows into a
//! [`Landing`], where flows read them like any other table. See `docs/youtube.md` for the quota,
//! the tables, what later runs ask again, and what the terms of the API demand.

mod aggregate;
mod api;
mod author;
mod choices;
mod collect;
mod discovery;
mod duration;
mod endpoint;
mod fields;
mod key;
mod progress;
mod quota;
mod recorded;
mod rows;
mod ruling;
#[cfg(test)]
mod ruling_tests;
mod search;
#[cfg(test)]
mod search_tests;
mod settings;
mod tables;
mod wire;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use aggregate::{LikeScore, like_score};
pub use author::Authors;
pub use choices::{
    Caption, Definition, Dimension, EventType, License, SafeSearch, SearchOrder, VideoDuration,
    VideoType,
};
pub use key::ApiKey;
pub use progress::{Collected, Phase, Progress};
pub use quota::{Bucket, Demand, Listing, Plan, Quota, QuotaLedger, Units};
pub use recorded::Recorded;
pub use search::Search;
pub use tables::{COMMENTS, SEARCH, VIDEO_STATS, VIDEOS, landing, tables};

use discovery::Discovery;
use progress::OnProgress;

use super::landing::Landing;
use crate::clock::{Clock, SystemClock};
use crate::error::Result;
use crate::http::Retries;
use crate::learn::CancelToken;

/// What to collect from YouTube, and how.
///
/// | setting | unless told |
/// |---|---|
/// | [`search`](Self::search), [`videos`](Self::videos), [`channel`](Self::channel), [`playlist`](Self::playlist) | at least one is needed |
/// | [`comments`](Self::comments) | yes, all pages |
/// | [`replies`](Self::replies) | no: first comments of threads only |
/// | [`authors`](Self::authors) | nothing is kept of them |
/// | [`since`](Self::since) | comments of any age |
/// | [`rescan_days`](Self::rescan_days) | threads of the last 2 days are read again |
/// | [`full_sweep`](Self::full_sweep) | no: a later run reads what is new |
/// | [`max_videos`](Self::max_videos) | 1000 |
/// | [`max_pages`](Self::max_pages) | all pages of a video |
/// | [`quota`](Self::quota) | that of a new project, less 5 % |
/// | [`budget`](Self::budget) | all that is left of the day |
/// | [`ledger`](Self::ledger) | `youtube_quota.json` beside the folder of the landing |
///
/// A setter never fails; [`check`](Self::check) tells what cannot work. The key is sent in a header,
/// and is in no error, log or file.
///
/// # Examples
///
/// ```no_run
/// use floe::prelude::*;
/// use floe::source::remote::youtube::{self, ApiKey, LikeScore};
///
/// let landing = youtube::landing("youtube_data")?;
/// let collected = YouTube::new(ApiKey::from_env("YOUTUBE_API_KEY")?)
///     .search("Mission Impossible")
///     .replies(true)
///     .collect_into(&landing)?;
/// eprintln!("{collected}");
/// let comments = landing.latest(youtube::COMMENTS)?;
/// let likes = youtube::like_score(comments, LikeScore::Sum, &[]).collect()?;
/// # Ok::<(), floe::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is asked before `collect_into`"]
pub struct YouTube {
    key: ApiKey,
    base_url: String,
    clock: Arc<dyn Clock>,
    discoveries: Vec<Discovery>,
    comments: bool,
    replies: bool,
    authors: Authors,
    since: Option<Timestamp>,
    rescan_days: u32,
    full_sweep: bool,
    max_videos: u32,
    max_pages: u32,
    quota: Quota,
    budget: Units,
    ledger: Option<PathBuf>,
    project: String,
    retries: Retries,
    rate: Option<(u32, Duration)>,
    cancel: CancelToken,
    progress: Option<OnProgress>,
}

impl YouTube {
    /// A collection with this key, of nothing yet.
    pub fn new(key: impl Into<ApiKey>) -> Self {
        Self {
            key: key.into(),
            base_url: "https://youtube.googleapis.com".to_owned(),
            clock: Arc::new(SystemClock),
            discoveries: Vec::new(),
            comments: true,
            replies: false,
            authors: Authors::default(),
            since: None,
            rescan_days: 2,
            full_sweep: false,
            max_videos: 1000,
            max_pages: u32::MAX,
            quota: Quota::default(),
            budget: Units::new(u32::MAX, u32::MAX, u32::MAX),
            ledger: None,
            project: "default".to_owned(),
            retries: Retries::default(),
            rate: None,
            cancel: CancelToken::new(),
            progress: None,
        }
    }

    /// Collects into a landing, and blocks the thread meanwhile. It may be called inside a tokio
    /// runtime of either flavour, where it blocks the worker.
    ///
    /// A run that was killed is taken up where its last whole page stood, when it has the same
    /// settings. Every attempt of a request is charged to the ledger before it is sent.
    ///
    /// # Errors
    ///
    /// * [`ErrorKind::Config`](crate::ErrorKind::Config) for what [`check`](Self::check) tells;
    /// * [`ErrorKind::Remote`](crate::ErrorKind::Remote) when the API refuses the key or a setting:
    ///   the run is closed as aborted, with what it had;
    /// * [`ErrorKind::Source`](crate::ErrorKind::Source) or
    ///   [`ErrorKind::Output`](crate::ErrorKind::Output) when the landing or the ledger cannot be
    ///   read or written, or another process collects into the landing;
    /// * [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) by the token; the next call goes on.
    ///
    /// A quota that is used up is no error: the answer says when it is full again.
    pub fn collect_into(&self, landing: &Landing) -> Result<Collected> {
        crate::http::blocking(collect::collect(self.clone(), landing.clone()))
    }

    /// As [`collect_into`](Self::collect_into), for any executor; dropped, it stops at the next
    /// request, and the next call goes on.
    ///
    /// # Errors
    ///
    /// Those of [`collect_into`](Self::collect_into).
    pub async fn collect_into_async(&self, landing: &Landing) -> Result<Collected> {
        crate::http::spawned(collect::collect(self.clone(), landing.clone())).await
    }
}

impl fmt::Debug for YouTube {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("YouTube")
            .field("discoveries", &self.discoveries)
            .field("comments", &self.comments)
            .field("replies", &self.replies)
            .field("authors", &self.authors)
            .finish_non_exhaustive()
    }
}
