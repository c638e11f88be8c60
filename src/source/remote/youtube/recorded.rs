use std::collections::HashSet;

use jiff::Timestamp;
use polars::prelude::DataFrame;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Authors;
use super::rows::{Asked, CommentRow, Reading, SearchRow, Stamp, VideoRow};
use super::tables::{COMMENTS, SEARCH, VIDEO_STATS, VIDEOS, tables};
use super::wire::{Comment, Page, SearchHit, Thread, Time, Video};
use crate::error::{Error, ErrorKind, Result};

/// Tables from replies of the API that were recorded, without a network and without a landing.
///
/// A reply says by its `kind` what it is: of `search.list`, `videos.list`, `videos.batchGetStats`,
/// `commentThreads.list` or `comments.list`, a page of a list or one item of it. An item that comes
/// in several replies has one row: the first.
///
/// # Examples
///
/// ```
/// use floe::source::remote::youtube::{COMMENTS, Recorded};
///
/// let reply = r#"{"kind": "youtube#commentListResponse", "items": [
///     {"id": "thread.reply", "snippet": {"textOriginal": "Good!", "likeCount": 7}}]}"#;
/// let mut recorded = Recorded::new("2026-11-25T12:00:00Z".parse()?);
/// recorded.add(reply.as_bytes())?;
/// let comments = recorded.table(COMMENTS)?;
/// assert_eq!(comments.column("like_count")?.u32()?.get(0), Some(7));
/// assert_eq!(comments.column("parent_id")?.str()?.get(0), Some("thread"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Recorded {
    stamp: Stamp,
    plain: bool,
    authors: Authors,
    search: Vec<Value>,
    videos: Vec<Value>,
    stats: Vec<Value>,
    comments: Vec<Value>,
    seen: HashSet<(&'static str, String)>,
}

impl Recorded {
    /// No replies yet; their rows will say that they were fetched at this time.
    pub fn new(fetched_at: Timestamp) -> Self {
        Self {
            stamp: Stamp {
                source: "youtube",
                run_id: "recorded".to_owned(),
                fetched_at: Time(fetched_at),
            },
            plain: false,
            authors: Authors::default(),
            search: Vec::new(),
            videos: Vec::new(),
            stats: Vec::new(),
            comments: Vec::new(),
            seen: HashSet::new(),
        }
    }

    /// Whether the replies were asked for with `textFormat=plainText`: then the text is that which
    /// is displayed, otherwise that which was typed, where it is told.
    pub fn plain_text(mut self, plain: bool) -> Self {
        self.plain = plain;
        self
    }

    /// What is kept of who wrote a comment; nothing unless told.
    pub fn authors(mut self, authors: Authors) -> Self {
        self.authors = authors;
        self
    }

    /// Adds a reply.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] for what is no reply of the API, or of a kind that has no table; then
    /// no row of it is added.
    pub fn add(&mut self, reply: &[u8]) -> Result<()> {
        let value: Value = serde_json::from_slice(reply)
            .map_err(|error| wrong(format!("the reply is no JSON: {error}")))?;
        let kind = value["kind"].as_str().unwrap_or_default();
        let kind = kind.strip_prefix("youtube#").unwrap_or_default();
        match kind {
            "searchListResponse" => self.add_search(page(value)?),
            "videoListResponse" => self.add_videos(page(value)?, true),
            "batchGetStatsResponse" => self.add_videos(page(value)?, false),
            "commentThreadListResponse" => self.add_threads(page::<Thread>(value)?.into_items()),
            "commentListResponse" => self.add_comments(page::<Comment>(value)?.into_items()),
            "searchResult" => self.add_search(Page::of(vec![item(value)?])),
            "video" => self.add_videos(Page::of(vec![item(value)?]), true),
            "videoStats" => self.add_videos(Page::of(vec![item(value)?]), false),
            "commentThread" => self.add_threads(vec![item(value)?]),
            "comment" => self.add_comments(vec![item(value)?]),
            _ => Err(wrong(match &value["kind"] {
                Value::String(kind) => format!("a reply of the kind `{kind}` has no table"),
                _ => "the reply does not say of what kind it is".to_owned(),
            })),
        }
    }

    /// The rows of a table so far, with the columns that a landing gives.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when this source has no such table.
    pub fn table(&self, name: &str) -> Result<DataFrame> {
        let rows = match name {
            SEARCH => &self.search,
            VIDEOS => &self.videos,
            VIDEO_STATS => &self.stats,
            COMMENTS => &self.comments,
            _ => &Vec::new(),
        };
        let Some(table) = tables().into_iter().find(|table| table.name() == name) else {
            let message = format!("YouTube has no table `{name}`");
            return Err(Error::new(ErrorKind::Config, message));
        };
        table.frame(rows)
    }

    fn add_search(&mut self, page: Page<SearchHit>) -> Result<()> {
        let region = page.region_code.clone();
        for hit in page.into_items() {
            let asked = Asked {
                query: "",
                order: "",
                language: None,
                region: region.as_deref(),
                rank: u32::try_from(self.search.len() + 1).unwrap_or(u32::MAX),
                page_index: 0,
            };
            if let Some(row) = SearchRow::of(hit, asked, &self.stamp)
                && self.seen.insert((SEARCH, row.video_id.clone()))
            {
                self.search.push(written(&row)?);
            }
        }
        Ok(())
    }

    /// Replies that hold statistics alone tell nothing else of a video.
    fn add_videos(&mut self, page: Page<Video>, titles: bool) -> Result<()> {
        for video in page.into_items() {
            let counted = video.statistics.is_some();
            let told = titles && video.snippet.is_some();
            let Some((row, stats)) = VideoRow::of(video, &self.stamp) else {
                continue;
            };
            if told && self.seen.insert((VIDEOS, row.video_id.clone())) {
                self.videos.push(written(&row)?);
            }
            if counted && self.seen.insert((VIDEO_STATS, row.video_id.clone())) {
                self.stats.push(written(&stats)?);
            }
        }
        Ok(())
    }

    fn add_threads(&mut self, threads: Vec<Thread>) -> Result<()> {
        let (authors, stamp) = (self.authors.clone(), self.stamp.clone());
        let reading = Reading {
            authors: &authors,
            plain: self.plain,
        };
        for thread in threads {
            let Some((row, replies)) = CommentRow::of_thread(thread, reading, &stamp) else {
                continue;
            };
            let replies: Vec<_> = replies
                .into_iter()
                .filter_map(|reply| CommentRow::of_reply(reply, &row, reading, &stamp))
                .collect();
            self.keep(&row)?;
            replies.iter().try_for_each(|row| self.keep(row))?;
        }
        Ok(())
    }

    fn add_comments(&mut self, comments: Vec<Comment>) -> Result<()> {
        let (authors, stamp) = (self.authors.clone(), self.stamp.clone());
        let reading = Reading {
            authors: &authors,
            plain: self.plain,
        };
        let rows = comments.into_iter();
        rows.filter_map(|comment| CommentRow::of(comment, reading, &stamp))
            .try_for_each(|row| self.keep(&row))
    }

    fn keep(&mut self, row: &CommentRow) -> Result<()> {
        if self.seen.insert((COMMENTS, row.comment_id.clone())) {
            self.comments.push(written(row)?);
        }
        Ok(())
    }
}

fn page<T: DeserializeOwned>(value: Value) -> Result<Page<T>> {
    let page: Page<T> = item(value)?;
    match page.odd().first() {
        Some(odd) => Err(wrong(format!(
            "an item has not the documented form: {}",
            odd.why
        ))),
        None => Ok(page),
    }
}

fn item<T: DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value)
        .map_err(|error| wrong(format!("the reply has not the documented form: {error}")))
}

fn written(row: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(row).map_err(|error| wrong(format!("a row cannot be written: {error}")))
}

fn wrong(what: String) -> Error {
    Error::new(ErrorKind::Source, what)
}
