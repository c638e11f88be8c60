use std::path::Path;
use std::time::Duration;

use polars::prelude::{DataType, TimeUnit, TimeZone};

use crate::error::Result;
use crate::source::remote::landing::{Landing, Table};

/// The table of search hits: what a question found first, one row for each video that was new.
pub const SEARCH: &str = "search";
/// The table of titles and other things that rarely change, one row when a video is found and then
/// every 15 days.
pub const VIDEOS: &str = "videos";
/// The table of counts, one row for each poll of a video.
pub const VIDEO_STATS: &str = "video_stats";
/// The table of comments and replies, one row each time one is landed.
pub const COMMENTS: &str = "comments";

/// How long the terms of the API allow data to be kept that an API key has fetched.
const RETENTION: Duration = Duration::from_hours(30 * 24);

/// A landing named `youtube` in a folder, with the tables of this source.
///
/// Rows are deleted 30 days after they were fetched, when a run begins: the developer policies of
/// the YouTube API (section III.E.4.d) allow data that was not authorised by its owner to be kept no
/// longer. Who may keep it longer says so by [`Landing::retention`].
///
/// # Errors
///
/// [`ErrorKind::Output`](crate::ErrorKind::Output) when the folder cannot be made.
pub fn landing(root: impl AsRef<Path>) -> Result<Landing> {
    let landing = Landing::open(root, "youtube", tables())?;
    Ok(landing.retention(Some(RETENTION)))
}

/// The tables of this source, for a landing of your own. `fetched_at`, `source` and `run_id` are
/// added by the landing.
pub fn tables() -> [Table; 4] {
    let time = || DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let texts = || DataType::List(Box::new(DataType::String));
    let text = || DataType::String;
    let flag = || DataType::Boolean;
    [
        Table::new(SEARCH, ["video_id"]).columns([
            ("video_id", text()),
            ("published_at", time()),
            ("channel_id", text()),
            ("channel_title", text()),
            ("title", text()),
            ("description_snippet", text()),
            ("live_state", text()),
            ("query", text()),
            ("rank", DataType::UInt32),
            ("page_index", DataType::UInt32),
            ("region", text()),
            ("language", text()),
            ("order", text()),
        ]),
        Table::new(VIDEOS, ["video_id"]).columns([
            ("video_id", text()),
            ("published_at", time()),
            ("channel_id", text()),
            ("channel_title", text()),
            ("title", text()),
            ("description", text()),
            ("category_id", text()),
            ("tags", texts()),
            ("default_language", text()),
            ("audio_language", text()),
            ("live_state", text()),
            ("duration_s", DataType::Int64),
            ("has_captions", flag()),
            ("definition", text()),
            ("dimension", text()),
            ("projection", text()),
            ("licensed_content", flag()),
            ("regions_allowed", texts()),
            ("regions_blocked", texts()),
            ("privacy_status", text()),
            ("upload_status", text()),
            ("license", text()),
            ("embeddable", flag()),
            ("made_for_kids", flag()),
            ("contains_synthetic_media", flag()),
            ("topic_urls", texts()),
        ]),
        Table::new(VIDEO_STATS, ["video_id"]).columns([
            ("video_id", text()),
            ("view_count", DataType::UInt64),
            ("like_count", DataType::UInt64),
            ("comment_count", DataType::UInt64),
        ]),
        Table::new(COMMENTS, ["comment_id"]).columns([
            ("comment_id", text()),
            ("parent_id", text()),
            ("video_id", text()),
            ("channel_id", text()),
            ("text", text()),
            ("author_name", text()),
            ("author_channel_id", text()),
            ("author_pseudonym", text()),
            ("like_count", DataType::UInt32),
            ("published_at", time()),
            ("updated_at", time()),
            ("reply_count", DataType::UInt32),
            ("can_reply", flag()),
            ("is_public", flag()),
            ("has_image", flag()),
        ]),
    ]
}
