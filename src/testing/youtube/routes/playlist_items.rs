//! `playlistItems.list`, of the playlists of uploads.

use std::cmp::Reverse;

use serde_json::{Map, Value, json};

use super::videos::thumbnails;
use super::{Context, Reply};
use crate::testing::youtube::refusal::Refusal;
use crate::testing::youtube::scene::Video;
use crate::testing::youtube::wire::{Item, List, etag, time};

pub(super) fn list(context: Context<'_>) -> Reply {
    let ask = context.ask;
    ask.check_names(&[
        "part",
        "playlistId",
        "id",
        "videoId",
        "maxResults",
        "pageToken",
        "onBehalfOfContentOwner",
    ])?;
    let parts = ask.parts(&["id", "snippet", "contentDetails", "status"])?;
    let filter = ask.filter(&["playlistId", "id"])?;
    let size = ask.max_results(0, 50, 5)?;
    let visible = |video: &&Video| {
        video.oddity.is_listed() && video.oddity.is_searchable() && video.published <= context.now
    };
    let mut uploads: Vec<_> = context.scene.videos.iter().filter(visible).collect();
    uploads.sort_by_key(|video| Reverse(video.published));
    if filter == "id" {
        let ids = ask.ids()?;
        uploads.retain(|video| ids.contains(&id(video).as_str()));
    } else {
        let playlist = ask.one("playlistId").unwrap_or_default();
        let channel = playlist.strip_prefix("UU").map(|rest| format!("UC{rest}"));
        let channel = channel.filter(|id| {
            let mut all = context.scene.videos.iter();
            all.any(|video| video.channel_id == *id)
        });
        let channel = channel.ok_or_else(Refusal::playlist_not_found)?;
        uploads.retain(|video| video.channel_id == channel);
    }
    if let Some(wanted) = ask.one("videoId") {
        uploads.retain(|video| video.id == wanted);
    }
    let count = u32::try_from(uploads.len()).unwrap_or(u32::MAX);
    let offset = context.offset("youtube.playlistItem")?;
    let shown = context.shown(offset, size.min(count.saturating_sub(offset)));
    let page = uploads
        .into_iter()
        .zip(0u32..)
        .skip(offset as usize)
        .take(shown as usize);
    let items = page
        .map(|(video, position)| item(video, position, &parts))
        .collect();
    let next = offset + shown;
    let token = (next < count && size > 0).then(|| context.token(next));
    let list = List::new("youtube#playlistItemListResponse", items);
    context.write(list.paged(Some(u64::from(count)), size, token))
}

fn id(video: &Video) -> String {
    format!("UU{}.{}", &video.channel_id[2..], video.id)
}

fn item(video: &Video, position: u32, parts: &[&str]) -> Item {
    let mut found = Map::new();
    let mut add = |name: &str, value: Value| {
        if parts.contains(&name) {
            found.insert(name.to_owned(), value);
        }
    };
    add(
        "snippet",
        json!({
            "publishedAt": time(video.published),
            "channelId": video.channel_id,
            "title": video.title,
            "description": video.description,
            "thumbnails": thumbnails(&video.id, 3),
            "channelTitle": video.channel_title,
            "playlistId": format!("UU{}", &video.channel_id[2..]),
            "position": position,
            "resourceId": { "kind": "youtube#video", "videoId": video.id },
            "videoOwnerChannelTitle": video.channel_title,
            "videoOwnerChannelId": video.channel_id,
        }),
    );
    add(
        "contentDetails",
        json!({ "videoId": video.id, "videoPublishedAt": time(video.published) }),
    );
    add("status", json!({ "privacyStatus": "public" }));
    Item {
        kind: "youtube#playlistItem",
        etag: etag(&id(video)),
        id: json!(id(video)),
        parts: found,
    }
}
