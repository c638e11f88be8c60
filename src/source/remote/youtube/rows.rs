//! Flat rows of the tables, made of what the API sends.

use html_escape::decode_html_entities;
use serde::Serialize;

use super::author::Authors;
use super::duration;
use super::wire::{Comment, Count, Count32, Flag, SearchHit, Statistics, Thread, Time, Video};

/// Which poll a row is of.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Stamp {
    pub(super) source: &'static str,
    pub(super) run_id: String,
    pub(super) fetched_at: Time,
}

/// Around a search hit: the question and the place in the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) query: &'a str,
    pub(super) order: &'a str,
    pub(super) language: Option<&'a str>,
    pub(super) region: Option<&'a str>,
    pub(super) rank: u32,
    pub(super) page_index: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct SearchRow {
    pub(super) video_id: String,
    pub(super) published_at: Option<Time>,
    channel_id: Option<String>,
    channel_title: Option<String>,
    title: Option<String>,
    description_snippet: Option<String>,
    live_state: Option<String>,
    query: String,
    rank: u32,
    page_index: u32,
    region: Option<String>,
    language: Option<String>,
    order: String,
    #[serde(flatten)]
    stamp: Stamp,
}

impl SearchRow {
    /// `None` for a hit that is no video.
    pub(super) fn of(hit: SearchHit, asked: Asked<'_>, stamp: &Stamp) -> Option<Self> {
        let id = hit.id?;
        if id.kind.is_some_and(|kind| kind != "youtube#video") {
            return None;
        }
        let snippet = hit.snippet.unwrap_or_default();
        let plain = |text: Option<String>| text.map(unescape);
        Some(Self {
            video_id: id.video_id?,
            published_at: snippet.published_at,
            channel_id: snippet.channel_id,
            channel_title: plain(snippet.channel_title),
            title: plain(snippet.title),
            description_snippet: plain(snippet.description),
            live_state: snippet.live_broadcast_content,
            query: asked.query.to_owned(),
            rank: asked.rank,
            page_index: asked.page_index,
            region: asked.region.map(str::to_owned),
            language: asked.language.map(str::to_owned),
            order: asked.order.to_owned(),
            stamp: stamp.clone(),
        })
    }
}

#[derive(Debug, Serialize)]
pub(super) struct VideoRow {
    pub(super) video_id: String,
    published_at: Option<Time>,
    channel_id: Option<String>,
    channel_title: Option<String>,
    title: Option<String>,
    description: Option<String>,
    category_id: Option<String>,
    tags: Option<Vec<String>>,
    default_language: Option<String>,
    audio_language: Option<String>,
    live_state: Option<String>,
    duration_s: Option<i64>,
    has_captions: Option<bool>,
    definition: Option<String>,
    dimension: Option<String>,
    projection: Option<String>,
    licensed_content: Option<bool>,
    regions_allowed: Option<Vec<String>>,
    regions_blocked: Option<Vec<String>>,
    privacy_status: Option<String>,
    upload_status: Option<String>,
    license: Option<String>,
    embeddable: Option<bool>,
    made_for_kids: Option<bool>,
    contains_synthetic_media: Option<bool>,
    topic_urls: Option<Vec<String>>,
    #[serde(flatten)]
    stamp: Stamp,
}

impl VideoRow {
    /// The row and the statistics of a video; `None` for one without an id.
    pub(super) fn of(video: Video, stamp: &Stamp) -> Option<(Self, StatsRow)> {
        let video_id = video.id?;
        let stats = StatsRow::of(&video_id, video.statistics, stamp);
        let snippet = video.snippet.unwrap_or_default();
        let details = video.content_details.unwrap_or_default();
        let regions = details.region_restriction.unwrap_or_default();
        let status = video.status.unwrap_or_default();
        let topics = video.topic_details.unwrap_or_default();
        let row = Self {
            video_id,
            published_at: snippet.published_at,
            channel_id: snippet.channel_id,
            channel_title: snippet.channel_title,
            title: snippet.title,
            description: snippet.description,
            category_id: snippet.category_id,
            tags: snippet.tags,
            default_language: snippet.default_language,
            audio_language: snippet.default_audio_language,
            live_state: snippet.live_broadcast_content,
            duration_s: details.duration.as_deref().and_then(duration::seconds),
            has_captions: flag(details.caption),
            definition: details.definition,
            dimension: details.dimension,
            projection: details.projection,
            licensed_content: flag(details.licensed_content),
            regions_allowed: regions.allowed,
            regions_blocked: regions.blocked,
            privacy_status: status.privacy_status,
            upload_status: status.upload_status,
            license: status.license,
            embeddable: flag(status.embeddable),
            made_for_kids: flag(status.made_for_kids),
            contains_synthetic_media: flag(status.contains_synthetic_media),
            topic_urls: topics.topic_categories,
            stamp: stamp.clone(),
        };
        Some((row, stats))
    }
}

#[derive(Debug, Serialize)]
pub(super) struct StatsRow {
    video_id: String,
    view_count: Option<u64>,
    like_count: Option<u64>,
    pub(super) comment_count: Option<u64>,
    #[serde(flatten)]
    stamp: Stamp,
}

impl StatsRow {
    pub(super) fn of(video_id: &str, statistics: Option<Statistics>, stamp: &Stamp) -> Self {
        let statistics = statistics.unwrap_or_default();
        let count = |count: Option<Count>| count.map(|Count(count)| count);
        Self {
            video_id: video_id.to_owned(),
            view_count: count(statistics.view_count),
            like_count: count(statistics.like_count),
            comment_count: count(statistics.comment_count),
            stamp: stamp.clone(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct CommentRow {
    pub(super) comment_id: String,
    pub(super) parent_id: Option<String>,
    pub(super) video_id: Option<String>,
    channel_id: Option<String>,
    text: Option<String>,
    author_name: Option<String>,
    author_channel_id: Option<String>,
    author_pseudonym: Option<String>,
    pub(super) like_count: Option<u32>,
    pub(super) published_at: Option<Time>,
    pub(super) updated_at: Option<Time>,
    pub(super) reply_count: Option<u32>,
    can_reply: Option<bool>,
    is_public: Option<bool>,
    has_image: bool,
    #[serde(flatten)]
    stamp: Stamp,
}

/// How comments are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    pub(super) authors: &'a Authors,
    /// Whether the text was asked for without markup; otherwise it is taken as it was typed.
    pub(super) plain: bool,
}

impl CommentRow {
    /// The row of a thread's first comment; `None` for one without an id.
    pub(super) fn of_thread(
        thread: Thread,
        reading: Reading<'_>,
        stamp: &Stamp,
    ) -> Option<(Self, Vec<Comment>)> {
        let snippet = thread.snippet?;
        let mut comment = snippet.top_level_comment?;
        comment.id = comment.id.or(thread.id);
        let mut row = Self::of(comment, reading, stamp)?;
        row.parent_id = None;
        row.video_id = snippet.video_id.or(row.video_id);
        row.channel_id = snippet.channel_id.or(row.channel_id);
        row.reply_count = snippet.total_reply_count.map(|Count32(count)| count);
        row.can_reply = flag(snippet.can_reply);
        row.is_public = flag(snippet.is_public);
        let replies = thread.replies.and_then(|replies| replies.comments);
        Some((row, replies.unwrap_or_default()))
    }

    /// The row of a reply below this thread: `comments.list` does not say of which video it is.
    pub(super) fn of_reply(
        comment: Comment,
        thread: &Self,
        reading: Reading<'_>,
        stamp: &Stamp,
    ) -> Option<Self> {
        let mut row = Self::of(comment, reading, stamp)?;
        row.parent_id = Some(thread.comment_id.clone());
        row.video_id = thread.video_id.clone().or(row.video_id);
        row.channel_id = thread.channel_id.clone().or(row.channel_id);
        Some(row)
    }

    /// A thread of which no more is known than its id and the number of its replies.
    pub(super) fn stub(comment_id: &str, video_id: &str, replies: u32, stamp: &Stamp) -> Self {
        Self {
            comment_id: comment_id.to_owned(),
            parent_id: None,
            video_id: Some(video_id.to_owned()),
            channel_id: None,
            text: None,
            author_name: None,
            author_channel_id: None,
            author_pseudonym: None,
            like_count: None,
            published_at: None,
            updated_at: None,
            reply_count: Some(replies),
            can_reply: None,
            is_public: None,
            has_image: false,
            stamp: stamp.clone(),
        }
    }

    /// The row of a comment alone.
    pub(super) fn of(comment: Comment, reading: Reading<'_>, stamp: &Stamp) -> Option<Self> {
        let comment_id = comment.id?;
        let snippet = comment.snippet.unwrap_or_default();
        let text = if reading.plain {
            snippet.text_display.or(snippet.text_original)
        } else {
            snippet.text_original.or(snippet.text_display)
        };
        let author_id = snippet.author_channel_id.and_then(|author| author.value);
        let pseudonym = author_id
            .as_deref()
            .and_then(|author| reading.authors.pseudonym_of(author));
        let kept = matches!(reading.authors, Authors::Keep);
        Some(Self {
            // The id of a reply is that of its thread, a point, and its own.
            parent_id: snippet.parent_id.or_else(|| {
                comment_id
                    .split_once('.')
                    .map(|(thread, _)| thread.to_owned())
            }),
            comment_id,
            video_id: snippet.video_id,
            channel_id: snippet.channel_id,
            text,
            author_name: snippet.author_display_name.filter(|_| kept),
            author_channel_id: author_id.filter(|_| kept),
            author_pseudonym: pseudonym,
            like_count: snippet.like_count.map(|Count32(count)| count),
            published_at: snippet.published_at,
            updated_at: snippet.updated_at,
            reply_count: None,
            can_reply: None,
            is_public: None,
            has_image: snippet.image_url.is_some(),
            stamp: stamp.clone(),
        })
    }
}

fn flag(flag: Option<Flag>) -> Option<bool> {
    flag.map(|Flag(flag)| flag)
}

fn unescape(text: String) -> String {
    if text.contains('&') {
        return decode_html_entities(&text).into_owned();
    }
    text
}
