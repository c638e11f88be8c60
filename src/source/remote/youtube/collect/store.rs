//! The landing, as a run of this source sees it.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use jiff::{SignedDuration, Span, Timestamp};
use polars::prelude::{DataType, Expr, col};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::known::{Known, Shape, key};
use super::state::{Cursor, Finding, Mark};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Purpose, ScanLog};
use crate::source::remote::landing::{Landing, LandingRun, Manifest, Outcome};
use crate::source::remote::youtube::YouTube;
use crate::source::remote::youtube::tables::{COMMENTS, VIDEOS};
use crate::source::remote::youtube::wire::Time;

/// After so many days the title of a video is asked again: before its row is purged.
const STALE_DAYS: i64 = 15;

pub(super) struct Store {
    landing: Landing,
    run: LandingRun,
}

impl Store {
    /// Begins a run, or takes one up that was killed, with the place where it stood.
    pub(super) fn begin(source: &YouTube, landing: &Landing) -> Result<(Self, Option<Cursor>)> {
        let run = landing.begin(&source.params())?;
        let cursor = match run.cursor() {
            Value::Null => None,
            cursor => Some(read(cursor)?),
        };
        let landing = landing.clone();
        Ok((Self { landing, run }, cursor))
    }

    pub(super) fn run_id(&self) -> &str {
        self.run.id()
    }

    pub(super) fn append(&mut self, table: &str, row: &impl Serialize) -> Result<()> {
        self.run.append(table, row)
    }

    pub(super) fn skip(&mut self, item: &str, reason: &str) -> Result<()> {
        self.run.skip(item, reason)
    }

    pub(super) fn commit(&mut self, cursor: &Cursor) -> Result<()> {
        self.run.note("quota_spent", json!(cursor.spent));
        self.run.commit(json!(cursor))
    }

    pub(super) fn finish(self, outcome: Outcome) -> Result<Manifest> {
        self.run.finish(outcome)
    }

    pub(super) fn finding(&self, label: &str) -> Result<Finding> {
        named(self.run.states(), &finding_name(label))
    }

    pub(super) fn set_finding(&mut self, label: &str, finding: &Finding) -> Result<()> {
        self.run.set_state(finding_name(label), json!(finding))
    }

    pub(super) fn mark(&self, video: &str) -> Result<Mark> {
        named(self.run.states(), &mark_name(video))
    }

    pub(super) fn set_mark(&mut self, video: &str, mark: &Mark) -> Result<()> {
        self.run.set_state(mark_name(video), json!(mark))
    }

    /// Which of these videos have a title that is not stale.
    pub(super) fn known_videos(&self, ids: &[String], now: Time) -> Result<HashSet<String>> {
        let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let stale = Span::new().hours(STALE_DAYS * 24);
        let stale = now.0.checked_sub(stale).unwrap_or(Timestamp::MIN);
        let stale = stale.as_microsecond();
        let mut known = HashSet::new();
        let columns = [col("video_id"), micros("fetched_at")];
        let videos = self.landing.scan(VIDEOS)?.select(columns);
        ScanLog::default().stream(videos, Purpose::Count, |batch| {
            let videos = batch.column("video_id")?.str()?;
            let fetched = batch.column("fetched_at")?.i64()?;
            for (video, fetched) in videos.iter().zip(fetched.iter()) {
                if let (Some(video), Some(fetched)) = (video, fetched)
                    && fetched >= stale
                    && ids.contains(video)
                {
                    known.insert(video.to_owned());
                }
            }
            Ok(())
        })?;
        Ok(known)
    }

    /// What earlier runs have landed of the comments of these videos.
    pub(super) fn known_comments(&self, ids: &HashSet<&str>) -> Result<Known> {
        let mut known = Known::default();
        let columns = [
            col("comment_id"),
            col("video_id"),
            col("like_count"),
            col("reply_count"),
            micros("updated_at"),
            micros("fetched_at"),
        ];
        let comments = self.landing.scan(COMMENTS)?.select(columns);
        ScanLog::default().stream(comments, Purpose::Count, |batch| {
            let of = batch.column("video_id")?.str()?;
            let comments = batch.column("comment_id")?.str()?;
            let likes = batch.column("like_count")?.u32()?;
            let replies = batch.column("reply_count")?.u32()?;
            let updated = batch.column("updated_at")?.i64()?;
            let fetched = batch.column("fetched_at")?.i64()?;
            for (row, video) in of.iter().enumerate() {
                let (Some(video), Some(comment)) = (video, comments.get(row)) else {
                    continue;
                };
                if ids.contains(video) {
                    let shape = Shape {
                        likes: likes.get(row),
                        replies: replies.get(row),
                        updated: updated.get(row),
                    };
                    known.put(comment, shape, fetched.get(row).unwrap_or(i64::MIN));
                }
            }
            Ok(())
        })?;
        Ok(known)
    }

    /// What this run has landed of the comments of a video before it was killed.
    pub(super) fn landed_comments(&self, video: &str) -> Result<HashSet<u128>> {
        #[derive(serde::Deserialize)]
        struct Row {
            comment_id: String,
            video_id: Option<String>,
        }
        let mut landed = HashSet::new();
        self.run.read_back(COMMENTS, |row: Row| {
            if row.video_id.as_deref() == Some(video) {
                landed.insert(key(&row.comment_id));
            }
        })?;
        Ok(landed)
    }
}

/// Before when a row was fetched that is too old to be relied on: half of the time it is kept.
pub(super) fn stale(kept: Option<Duration>, now: Time) -> i64 {
    let half = kept.and_then(|kept| SignedDuration::try_from(kept / 2).ok());
    let since = half.and_then(|half| now.0.checked_sub(half).ok());
    since.map_or(i64::MIN, Timestamp::as_microsecond)
}

fn micros(time: &str) -> Expr {
    col(time).cast(DataType::Int64)
}

pub(super) fn finding_name(label: &str) -> String {
    format!("found by {label}")
}

pub(super) fn mark_name(video: &str) -> String {
    format!("comments of {video}")
}

/// What earlier runs left under a name.
pub(super) fn named<T: DeserializeOwned + Default>(
    states: &BTreeMap<String, Value>,
    name: &str,
) -> Result<T> {
    states.get(name).map_or_else(|| Ok(T::default()), read)
}

/// What the landing kept of ours: it is of another version when it cannot be read.
fn read<T: DeserializeOwned>(value: &Value) -> Result<T> {
    T::deserialize(value).map_err(|error| {
        let message = format!("the landing holds a cursor that this version cannot read: {error}");
        Error::new(ErrorKind::Source, message)
            .with_help("collect into a new folder, or with the version that wrote it")
    })
}
