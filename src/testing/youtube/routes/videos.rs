//! `videos.list` and `videos.batchGetStats`

use std::cmp::Reverse;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{Context, Reply};
use crate::testing::youtube::refusal::Refusal;
use crate::testing::youtube::scene::{Video, views};
use crate::testing::youtube::wire::{Item, List, etag, time};
use crate::testing::youtube::world::Oddity;

const KIND: &str = "youtube#videoListResponse";

pub(super) fn list(context: Context<'_>) -> Reply {
    let ask = context.ask;
    ask.check_names(&[
        "part",
        "id",
        "chart",
        "myRating",
        "hl",
        "locale",
        "maxHeight",
        "maxWidth",
        "maxResults",
        "pageToken",
        "regionCode",
        "videoCategoryId",
        "onBehalfOfContentOwner",
    ])?;
    ask.parts(&[
        "id",
        "snippet",
        "contentDetails",
        "statistics",
        "status",
        "topicDetails",
        "player",
        "localizations",
        "liveStreamingDetails",
        "recordingDetails",
        "paidProductPlacementDetails",
        "brandPartner",
    ])?;
    match ask.filter(&["id", "chart", "myRating"])? {
        "id" => {
            let asked = ask.ids()?;
            let items: Vec<_> = listed(context, &asked)
                .map(|video| item(context, video))
                .collect();
            let count = items.len() as u64;
            let size = u32::try_from(count).unwrap_or(u32::MAX);
            context.write(List::new(KIND, items).paged(Some(count), size, None))
        }
        "chart" => {
            ask.choice("chart", &["mostPopular"], "mostPopular")?;
            let size = ask.max_results(1, 50, 5)?;
            let there = |video: &&Video| video.oddity.is_searchable() && visible(context, video);
            let mut videos: Vec<_> = context.scene.videos.iter().filter(there).collect();
            videos.sort_by_key(|video| Reverse(views(video, context.now)));
            let offset = context.offset("youtube.video")?;
            let count = u32::try_from(videos.len()).unwrap_or(u32::MAX);
            let shown = context.shown(offset, size.min(count.saturating_sub(offset)));
            let page = videos
                .into_iter()
                .skip(offset as usize)
                .take(shown as usize);
            let items = page.map(|video| item(context, video)).collect();
            let next = offset + shown;
            let token = (next < count).then(|| context.token(next));
            context.write(List::new(KIND, items).paged(Some(u64::from(count)), size, token))
        }
        _ => Err(Refusal::needs_login("myRating")),
    }
}

pub(super) fn stats(context: Context<'_>) -> Reply {
    let ask = context.ask;
    if context.quirks.without_stats_method {
        return Err(Refusal::no_such_path());
    }
    ask.check_names(&["part", "id", "onBehalfOfContentOwner"])?;
    let parts = ask.parts(&["id", "snippet", "statistics", "contentDetails"])?;
    if ask.one("id").is_none() {
        return Err(Refusal::missing("id"));
    }
    let asked = ask.ids()?;
    let stat = |video: &Video| {
        let mut found = Map::new();
        let mut add = |name: &str, value: Value| {
            if parts.contains(&name) {
                found.insert(name.to_owned(), value);
            }
        };
        add("snippet", json!({ "publishTime": time(video.published) }));
        add("statistics", counts(context, video, false));
        // The schema says seconds, the reference page shows milliseconds beside them.
        let duration = match (video.oddity, video.number % 3) {
            (Oddity::Live, _) => json!({ "duration": "0s" }),
            (_, 0) => json!({
                "duration": format!("{}s", video.duration),
                "durationMillis": format!("{}", u64::from(video.duration) * 1000),
            }),
            (_, 1) => json!({ "duration": iso(video.duration) }),
            _ => json!({ "duration": format!("{}s", video.duration) }),
        };
        add("contentDetails", duration);
        Item {
            kind: "youtube#videoStats",
            etag: etag(&format!(
                "{} {:?}",
                video.id,
                context.scene.counters(video, context.now)
            )),
            id: json!(video.id),
            parts: found,
        }
    };
    let left_out = usize::from(context.quirks.partial_stats && asked.len() > 1);
    let items = listed(context, &asked).skip(left_out).map(stat).collect();
    context.write(List::new("youtube#batchGetStatsResponse", items))
}

/// Those of the ids that are there; the others are left out without a word.
fn listed<'a>(context: Context<'a>, asked: &[&'a str]) -> impl Iterator<Item = &'a Video> {
    let mut ids = asked.to_vec();
    ids.sort_unstable();
    ids.dedup();
    // In the order in which they were asked for, each once.
    let mut order: Vec<&str> = vec![];
    for id in asked {
        if ids.contains(id) && !order.contains(id) {
            order.push(id);
        }
    }
    let found = order
        .into_iter()
        .filter_map(move |id| context.scene.video(id));
    found.filter(move |video| visible(context, video))
}

fn visible(context: Context<'_>, video: &Video) -> bool {
    video.oddity.is_listed() && video.published <= context.now
}

fn item(context: Context<'_>, video: &Video) -> Item {
    let parts = context.ask.list("part");
    let mut found = Map::new();
    let mut add = |name: &str, value: Value| {
        if parts.contains(&name) {
            found.insert(name.to_owned(), value);
        }
    };
    add("snippet", snippet(video));
    add("contentDetails", details(video));
    add("statistics", counts(context, video, true));
    add(
        "status",
        json!({
            "uploadStatus": "processed",
            "privacyStatus": if video.oddity == Oddity::Unlisted { "unlisted" } else { "public" },
            "license": "youtube",
            "embeddable": true,
            "publicStatsViewable": true,
            "madeForKids": false,
        }),
    );
    if !video.number.is_multiple_of(4) {
        let topics = [
            "https://en.wikipedia.org/wiki/Film",
            "https://en.wikipedia.org/wiki/Entertainment",
        ];
        add("topicDetails", json!({ "topicCategories": topics }));
    }
    let html = format!(
        "<iframe width=\"480\" height=\"270\" src=\"//www.youtube.com/embed/{}\" frameborder=\"0\" \
         allowfullscreen></iframe>",
        video.id
    );
    add("player", json!({ "embedHtml": html }));
    Item {
        kind: "youtube#video",
        etag: etag(&format!(
            "{} {:?}",
            video.id,
            context.scene.counters(video, context.now)
        )),
        id: json!(video.id),
        parts: found,
    }
}

fn snippet(video: &Video) -> Value {
    let mut snippet = json!({
        "publishedAt": time(video.published),
        "channelId": video.channel_id,
        "title": video.title,
        "description": video.description,
        // Old and small uploads have fewer pictures.
        "thumbnails": thumbnails(&video.id, 3 + video.number as usize % 3),
        "channelTitle": video.channel_title,
        "categoryId": if video.number.is_multiple_of(2) { "1" } else { "24" },
        "liveBroadcastContent": if video.oddity == Oddity::Live { "live" } else { "none" },
        "localized": { "title": video.title, "description": video.description },
    });
    if let Some(object) = snippet.as_object_mut() {
        // What not every video has.
        if video.number % 5 != 4 {
            object.insert("tags".to_owned(), json!(["film", "stunts & music", "映画"]));
        }
        if video.number.is_multiple_of(2) {
            object.insert("defaultLanguage".to_owned(), json!("en"));
        }
        if video.number % 3 != 1 {
            object.insert("defaultAudioLanguage".to_owned(), json!("en-US"));
        }
    }
    snippet
}

fn details(video: &Video) -> Value {
    let mut details = json!({
        "duration": if video.oddity == Oddity::Live { "P0D".to_owned() } else { iso(video.duration) },
        "dimension": "2d",
        "definition": "hd",
        // Text, not a truth value.
        "caption": if video.number.is_multiple_of(3) { "true" } else { "false" },
        "licensedContent": video.number.is_multiple_of(2),
        "contentRating": {},
        "projection": "rectangular",
    });
    if video.number % 6 == 1
        && let Some(object) = details.as_object_mut()
    {
        object.insert(
            "regionRestriction".to_owned(),
            json!({ "blocked": ["AQ", "VA"] }),
        );
    }
    details
}

/// The counters, which are text.
fn counts(context: Context<'_>, video: &Video, favorites: bool) -> Value {
    let (views, likes, comments) = context.scene.counters(video, context.now);
    let mut counts = Map::new();
    counts.insert("viewCount".to_owned(), json!(views.to_string()));
    if video.oddity != Oddity::LikesHidden {
        counts.insert("likeCount".to_owned(), json!(likes.to_string()));
    }
    if favorites {
        counts.insert("favoriteCount".to_owned(), json!("0"));
    }
    if video.oddity != Oddity::CommentsOff {
        counts.insert("commentCount".to_owned(), json!(comments.to_string()));
    }
    Value::Object(counts)
}

/// A duration as ISO 8601.
fn iso(seconds: u32) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = "PT".to_owned();
    for (number, unit) in [(hours, 'H'), (minutes, 'M'), (seconds, 'S')] {
        if number > 0 {
            // Writing to a `String` does not fail.
            let _ = write!(text, "{number}{unit}");
        }
    }
    text
}

/// The first so many of the sizes that there are.
pub(super) fn thumbnails(id: &str, sizes: usize) -> Value {
    let all = [
        ("default", "default", 120, 90),
        ("medium", "mqdefault", 320, 180),
        ("high", "hqdefault", 480, 360),
        ("standard", "sddefault", 640, 480),
        ("maxres", "maxresdefault", 1280, 720),
    ];
    let sizes = all
        .into_iter()
        .take(sizes)
        .map(|(name, file, width, height)| {
            let url = format!("https://i.ytimg.com/vi/{id}/{file}.jpg");
            (
                name.to_owned(),
                json!({ "url": url, "width": width, "height": height }),
            )
        });
    Value::Object(sizes.collect())
}
