//! The JSON of the replies.

use jiff::Timestamp;
use serde::Serialize;

use super::dice::mix;
use super::ids::{letters, seal};
use super::scene::{Comment, Video};
use super::text;

/// A list of items, as every method answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<T> {
    pub(super) kind: &'static str,
    pub(super) etag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_page_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prev_page_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page_info: Option<PageInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) items: Option<Vec<T>>,
}

impl<T: Etag> List<T> {
    /// A list without pages.
    pub(super) fn new(kind: &'static str, items: Vec<T>) -> Self {
        Self {
            kind,
            etag: String::new(),
            next_page_token: None,
            prev_page_token: None,
            region_code: None,
            page_info: None,
            items: Some(items),
        }
    }

    pub(super) fn paged(mut self, total: Option<u64>, per_page: u32, next: Option<String>) -> Self {
        self.next_page_token = next;
        self.page_info = Some(PageInfo {
            total_results: total,
            results_per_page: per_page,
        });
        self
    }

    /// Names the state that it tells, from the etags of its items.
    pub(super) fn sealed(mut self) -> Self {
        let mut text = format!("{} {:?}", self.kind, self.next_page_token);
        for item in self.items.iter().flatten() {
            text.push_str(item.etag());
        }
        self.etag = etag(&text);
        self
    }
}

/// What has an etag.
pub(super) trait Etag {
    fn etag(&self) -> &str;
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total_results: Option<u64>,
    pub(super) results_per_page: u32,
}

/// A resource with its parts as they are asked for; the parts of videos and channels are small, and
/// are put together as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    pub(super) kind: &'static str,
    pub(super) etag: String,
    pub(super) id: serde_json::Value,
    #[serde(flatten)]
    pub(super) parts: serde_json::Map<String, serde_json::Value>,
}

impl Etag for Item {
    fn etag(&self) -> &str {
        &self.etag
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThreadItem {
    pub(super) kind: &'static str,
    pub(super) etag: String,
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) snippet: Option<ThreadSnippet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replies: Option<Replies>,
}

impl Etag for ThreadItem {
    fn etag(&self) -> &str {
        &self.etag
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThreadSnippet {
    pub(super) channel_id: String,
    pub(super) video_id: String,
    pub(super) top_level_comment: CommentItem,
    pub(super) can_reply: bool,
    pub(super) total_reply_count: u32,
    pub(super) is_public: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct Replies {
    pub(super) comments: Vec<CommentItem>,
}

#[derive(Debug, Serialize)]
pub(super) struct CommentItem {
    pub(super) kind: &'static str,
    pub(super) etag: String,
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) snippet: Option<CommentSnippet>,
}

impl Etag for CommentItem {
    fn etag(&self) -> &str {
        &self.etag
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommentSnippet {
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video_id: Option<String>,
    text_display: String,
    text_original: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<String>,
    author_display_name: String,
    author_profile_image_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    author_channel_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author_channel_id: Option<Value>,
    can_rate: bool,
    viewer_rating: &'static str,
    like_count: u32,
    published_at: String,
    updated_at: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Value {
    value: String,
}

impl CommentItem {
    /// A comment, with the video and its channel where the method tells them.
    pub(super) fn new(comment: Comment, html: bool, video: Option<&Video>) -> Self {
        let etag = etag(&format!(
            "{} {} {} {}",
            comment.id,
            comment.likes,
            comment.updated,
            comment.replies.unwrap_or(0)
        ));
        let author = comment.author_channel_id;
        let snippet = CommentSnippet {
            channel_id: video.map(|video| video.channel_id.clone()),
            video_id: video.map(|video| video.id.clone()),
            text_display: if html {
                text::html(&comment.text)
            } else {
                comment.text.clone()
            },
            text_original: comment.text,
            parent_id: comment.parent_id,
            author_profile_image_url: format!(
                "https://yt3.ggpht.com/ytc/{etag}=s48-c-k-c0x00ffffff-no-rj"
            ),
            author_display_name: comment.author,
            author_channel_url: author
                .as_ref()
                .map(|id| format!("http://www.youtube.com/channel/{id}")),
            author_channel_id: author.map(|value| Value { value }),
            can_rate: true,
            viewer_rating: "none",
            like_count: comment.likes,
            published_at: time(comment.published),
            updated_at: time(comment.updated),
        };
        Self {
            kind: "youtube#comment",
            etag,
            id: comment.id,
            snippet: Some(snippet),
        }
    }
}

pub(super) fn etag(text: &str) -> String {
    let word = seal(text);
    letters(word, 11) + &letters(mix(word), 11)
}

/// RFC 3339 to the second; one in eight with a fraction, as both forms are met.
pub(super) fn time(time: Timestamp) -> String {
    let text = time.to_string();
    match time.as_second() % 8 {
        0 => text.replace('Z', ".000Z"),
        _ => text,
    }
}
