//! The setters of a [`YouTube`], and what cannot work.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::discovery::Discovery;
use super::{Authors, Bucket, Progress, Quota, QuotaLedger, Search, YouTube};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Retries;
use crate::learn::CancelToken;
use crate::source::remote::landing::Landing;

impl YouTube {
    /// Adds a question to the search of YouTube: a text, or a [`Search`] with more to say.
    pub fn search(mut self, search: impl Into<Search>) -> Self {
        self.discoveries
            .push(Discovery::Search(Box::new(search.into())));
        self
    }

    /// Adds videos by their ids.
    pub fn videos<I: Into<String>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        let ids = ids.into_iter().map(Into::into).collect();
        self.discoveries.push(Discovery::Videos(ids));
        self
    }

    /// Adds all videos of a channel, by its id `UC…`: 50 for a unit, and no search is spent.
    pub fn channel(mut self, id: impl Into<String>) -> Self {
        self.discoveries.push(Discovery::uploads(id.into()));
        self
    }

    /// Adds the videos of a playlist, by its id.
    pub fn playlist(mut self, id: impl Into<String>) -> Self {
        self.discoveries.push(Discovery::playlist(id.into()));
        self
    }

    /// Whether comments are collected; they are unless told.
    pub fn comments(mut self, comments: bool) -> Self {
        self.comments = comments;
        self
    }

    /// Whether all replies are collected too. A thread with more replies than come along with it
    /// takes one unit more for each hundred.
    pub fn replies(mut self, replies: bool) -> Self {
        self.replies = replies;
        self
    }

    /// What is kept of who wrote a comment; nothing unless told.
    pub fn authors(mut self, authors: Authors) -> Self {
        self.authors = authors;
        self
    }

    /// Leaves out threads that were begun before this time. The API cannot be asked so: the list,
    /// newest first, is read until a whole page is older.
    pub fn since(mut self, time: Timestamp) -> Self {
        self.since = Some(time);
        self
    }

    /// How young a thread is that a later run reads again, for its likes and replies: 2 days unless
    /// told. Older ones change little, and a [`full_sweep`](Self::full_sweep) reads them.
    pub fn rescan_days(mut self, days: u32) -> Self {
        self.rescan_days = days;
        self
    }

    /// Reads every page of every video and lands every comment anew, known or not: a snapshot, such
    /// as the sum of likes needs that is to be compared from run to run.
    pub fn full_sweep(mut self, full: bool) -> Self {
        self.full_sweep = full;
        self
    }

    /// The most videos of a run; those that were found last are kept, and the run tells how many it
    /// left out. 1000 unless told. Videos that are named by their ids are never left out.
    pub fn max_videos(mut self, videos: u32) -> Self {
        self.max_videos = videos;
        self
    }

    /// The most pages of 100 threads that are read of one video in a run; all unless told. A listing
    /// that ends so is what was wished; a later run that may read more begins it anew.
    pub fn max_pages(mut self, pages: u32) -> Self {
        self.max_pages = pages;
        self
    }

    /// The limits of the project, where they are not those of a new one.
    pub fn quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// The most units of a bucket that one run spends.
    pub fn budget(mut self, bucket: Bucket, units: u32) -> Self {
        *self.budget.of_mut(bucket) = units;
        self
    }

    /// The file of the ledger. Let all that use the same project share one.
    pub fn ledger(mut self, path: impl Into<PathBuf>) -> Self {
        self.ledger = Some(path.into());
        self
    }

    /// The label of the Google Cloud project in the ledger; the quota is the project's, not the
    /// key's.
    pub fn project(mut self, label: impl Into<String>) -> Self {
        self.project = label.into();
        self
    }

    /// Asks another host, such as an emulator or a proxy.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Tells the time by another clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How often and how long a request is tried. Each attempt is charged.
    pub fn retries(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    /// At most so many requests in any stretch of time of this length.
    pub fn rate(mut self, requests: u32, per: Duration) -> Self {
        self.rate = Some((requests, per));
        self
    }

    /// Stops before the next request when the token is cancelled; the next run goes on.
    pub fn cancel_with(mut self, token: CancelToken) -> Self {
        self.cancel = token;
        self
    }

    /// Calls this after every request that brought something. It is called on a thread of the
    /// library and should be quick.
    pub fn on_progress(mut self, tell: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(tell));
        self
    }

    /// Says what cannot work, without a request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`].
    pub fn check(&self) -> Result<()> {
        let wrong = |what: &'static str, help: &'static str| {
            Err(Error::new(ErrorKind::Config, what).with_help(help))
        };
        self.key.check()?;
        if self.discoveries.is_empty() {
            return wrong(
                "nothing says which videos to collect",
                "add `.search(..)`, `.videos(..)`, `.channel(..)` or `.playlist(..)`",
            );
        }
        for discovery in &self.discoveries {
            discovery.check()?;
        }
        self.authors.check()?;
        self.quota.check()?;
        let of = |discovery: &Discovery| match discovery {
            Discovery::Videos(ids) => ids.clone(),
            _ => Vec::new(),
        };
        let named: HashSet<String> = self.discoveries.iter().flat_map(of).collect();
        if named.len() > self.max_videos as usize {
            return wrong(
                "more videos are named than a run may ask for",
                "raise `.max_videos(..)`, or name them in several runs",
            );
        }
        if self.max_videos == 0 || self.max_pages == 0 {
            return wrong(
                "a run of no videos or of no pages collects nothing",
                "allow at least one of each, or leave comments out with `.comments(false)`",
            );
        }
        Ok(())
    }

    /// The ledger of the quota, as a run with this landing uses it.
    pub fn quota_ledger(&self, landing: &Landing) -> QuotaLedger {
        let beside = || {
            let folder = landing.path();
            folder.parent().unwrap_or(folder).join("youtube_quota.json")
        };
        let path = self.ledger.clone().unwrap_or_else(beside);
        QuotaLedger::new(path, self.project.clone(), self.quota.clone())
            .clock(Arc::clone(&self.clock))
    }

    /// What is written down of a run; two runs of the same settings have the same.
    pub(super) fn params(&self) -> Value {
        let questions: Vec<Value> = self
            .discoveries
            .iter()
            .map(|discovery| match discovery {
                Discovery::Search(search) => json!({
                    "search": search.label(),
                    "max_pages": search.max_pages,
                    "max_videos": search.max_videos,
                    "overlap_hours": search.overlap_hours,
                }),
                Discovery::Playlist { id, .. } => json!({"playlist": id}),
                Discovery::Videos(ids) => json!({"videos": ids}),
            })
            .collect();
        json!({
            "questions": questions,
            "comments": self.comments,
            "replies": self.replies,
            "authors": self.authors.label(),
            "since": self.since.map(|since| since.to_string()),
            "rescan_days": self.rescan_days,
            "full_sweep": self.full_sweep,
            "max_videos": self.max_videos,
            "max_pages": self.max_pages,
        })
    }
}
