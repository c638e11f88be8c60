//! `channels.list`

use serde_json::{Map, Value, json};

use super::videos::thumbnails;
use super::{Context, Reply};
use crate::testing::youtube::refusal::Refusal;
use crate::testing::youtube::scene::{Video, views};
use crate::testing::youtube::wire::{Item, List, etag};

pub(super) fn list(context: Context<'_>) -> Reply {
    let ask = context.ask;
    ask.check_names(&[
        "part",
        "id",
        "forHandle",
        "forUsername",
        "mine",
        "managedByMe",
        "mySubscribers",
        "categoryId",
        "hl",
        "maxResults",
        "pageToken",
        "onBehalfOfContentOwner",
    ])?;
    let parts = ask.parts(&[
        "id",
        "snippet",
        "contentDetails",
        "statistics",
        "status",
        "topicDetails",
        "brandingSettings",
        "localizations",
    ])?;
    let filter = ask.filter(&["id", "forHandle", "forUsername", "mine", "managedByMe"])?;
    let size = ask.max_results(0, 50, 5)?;
    let asked: Vec<&str> = match filter {
        "id" => ask.ids()?,
        "forHandle" | "forUsername" => ask.list(filter),
        name => return Err(Refusal::needs_login(name)),
    };
    let mut items = vec![];
    for wanted in asked {
        let this = |video: &&Video| match filter {
            "id" => video.channel_id == wanted,
            _ => handle(video.channel) == format!("@{}", wanted.trim_start_matches('@')),
        };
        let mut videos = context
            .scene
            .videos
            .iter()
            .filter(|video| video.published <= context.now);
        if let Some(video) = videos.find(this) {
            items.push(item(context, video, &parts));
        }
    }
    let total = items.len() as u64;
    context.write(List::new("youtube#channelListResponse", items).paged(Some(total), size, None))
}

fn handle(channel: u32) -> String {
    format!("@channel{channel}")
}

fn item(context: Context<'_>, video: &Video, parts: &[&str]) -> Item {
    let of_channel = |other: &&Video| {
        other.channel == video.channel && other.oddity.is_listed() && other.published <= context.now
    };
    let videos: Vec<_> = context.scene.videos.iter().filter(of_channel).collect();
    let views: u64 = videos.iter().map(|video| views(video, context.now)).sum();
    let mut found = Map::new();
    let mut add = |name: &str, value: Value| {
        if parts.contains(&name) {
            found.insert(name.to_owned(), value);
        }
    };
    add(
        "snippet",
        json!({
            "title": video.channel_title,
            "description": "Films, stunts & music",
            "customUrl": handle(video.channel),
            "publishedAt": "2015-05-05T15:05:05Z",
            "thumbnails": thumbnails(&video.channel_id, 3),
            "localized": { "title": video.channel_title, "description": "Films, stunts & music" },
            "country": "US",
        }),
    );
    let uploads = format!("UU{}", &video.channel_id[2..]);
    add(
        "contentDetails",
        json!({ "relatedPlaylists": { "likes": "", "uploads": uploads } }),
    );
    add(
        "statistics",
        json!({
            "viewCount": views.to_string(),
            "subscriberCount": (1000 * (1 + u64::from(video.channel))).to_string(),
            "hiddenSubscriberCount": false,
            "videoCount": videos.len().to_string(),
        }),
    );
    Item {
        kind: "youtube#channel",
        etag: etag(&format!("{} {views}", video.channel_id)),
        id: json!(video.channel_id),
        parts: found,
    }
}
