//! `search.list`

use std::cmp::Reverse;

use jiff::Timestamp;
use serde_json::{Map, json};

use super::{Context, Reply};
use crate::testing::youtube::fault::Trouble;
use crate::testing::youtube::ids::{read_search_token, search_token};
use crate::testing::youtube::refusal::Refusal;
use crate::testing::youtube::scene::{Video, views};
use crate::testing::youtube::text;
use crate::testing::youtube::wire::{Item, List, etag, time};
use crate::testing::youtube::world::Oddity;

use super::videos::thumbnails;

const KIND: &str = "youtube#searchListResponse";
const OF_VIDEOS: [&str; 11] = [
    "eventType",
    "videoCaption",
    "videoCategoryId",
    "videoDefinition",
    "videoDimension",
    "videoDuration",
    "videoEmbeddable",
    "videoLicense",
    "videoPaidProductPlacement",
    "videoSyndicated",
    "videoType",
];

const OWN: [&str; 20] = [
    "part",
    "q",
    "type",
    "maxResults",
    "pageToken",
    "order",
    "publishedAfter",
    "publishedBefore",
    "regionCode",
    "relevanceLanguage",
    "safeSearch",
    "channelId",
    "channelType",
    "location",
    "locationRadius",
    "topicId",
    "forContentOwner",
    "forDeveloper",
    "forMine",
    "onBehalfOfContentOwner",
];

pub(super) fn list(context: Context<'_>) -> Reply {
    let filter = Filter::read(context)?;
    let order = order(context)?;
    // Search clamps what other methods refuse.
    let size = match context.ask.one("maxResults") {
        None => 5,
        Some(text) => {
            let size = text.parse::<u32>();
            size.map_err(|_| Refusal::value("maxResults", text))?
                .min(50)
        }
    };
    let (start, most) = match context.ask.one("pageToken") {
        None => (0, size),
        Some(token) => {
            let bad = || Refusal::page_token("youtube.parameter");
            let (at, back) = read_search_token(token).ok_or_else(bad)?;
            let at = u32::try_from(at).map_err(|_| bad())?;
            // A page back ends where the other one begins.
            if back {
                (at.saturating_sub(size), size.min(at))
            } else {
                (at, size)
            }
        }
    };
    let mut videos: Vec<&Video> = context
        .scene
        .videos
        .iter()
        .filter(|video| filter.finds(video))
        .collect();
    match order {
        "date" => videos.sort_by_key(|video| Reverse(video.published)),
        "title" => videos.sort_by(|one, other| one.title.cmp(&other.title)),
        "viewCount" => videos.sort_by_key(|video| Reverse(views(video, context.now))),
        "rating" => videos.sort_by_key(|video| video.dice.of(31).word()),
        _ => videos.sort_by_key(|video| video.dice.of(30).word()),
    }
    let mut channels: Vec<_> = videos.iter().map(|video| video.channel).collect();
    channels.sort_unstable();
    channels.dedup();
    let mut hits: Vec<Item> = vec![];
    if filter.wants("video") {
        hits.extend(videos.iter().map(|video| hit(video)));
    }
    if filter.wants("channel") {
        let channel = |number: &u32| channel_hit(context, *number);
        hits.extend(channels.iter().filter_map(channel));
    }
    let total = hits.len() as u64;
    hits.truncate(context.quirks.search_stops_at as usize);
    let count = u32::try_from(hits.len()).unwrap_or(u32::MAX);
    let shown = context.shown(start, most.min(count.saturating_sub(start)));
    let next = start + shown;
    let page = hits.into_iter().skip(start as usize).take(shown as usize);
    let mut items: Vec<_> = page.collect();
    let foreign = context.quirks.foreign_items || context.trouble == Some(&Trouble::ForeignItem);
    if foreign && let Some(number) = channels.first() {
        items.splice(0..0, channel_hit(context, *number));
    }
    // A page of nothing that was asked for leads nowhere.
    let more = next < count && size > 0;
    let token = |offset: u32, back| search_token(u64::from(offset), back);
    let mut list = List::new(KIND, items).paged(
        // YouTube's number is an estimate, and never to be paged by.
        Some((3 * total + 7).min(1_000_000)),
        size,
        more.then(|| token(next, false)),
    );
    list.prev_page_token = (start > 0).then(|| token(start, true));
    list.region_code = Some(context.ask.one("regionCode").unwrap_or("US").to_owned());
    context.write(list)
}

fn order(context: Context<'_>) -> Result<&str, Refusal> {
    let orders = [
        "relevance",
        "date",
        "rating",
        "viewCount",
        "title",
        "videoCount",
    ];
    context.ask.choice("order", &orders, "relevance")
}

/// What is searched for.
struct Filter<'a> {
    types: Vec<&'a str>,
    query: Query,
    channel: Option<&'a str>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
    /// Videos published after this second are not in the index.
    youngest: i64,
    duration: &'a str,
    event: &'a str,
}

impl<'a> Filter<'a> {
    fn read(context: Context<'a>) -> Result<Self, Refusal> {
        let ask = context.ask;
        ask.check_names(&[&OWN[..], &OF_VIDEOS].concat())?;
        ask.parts(&["snippet", "id"])?;
        let types = ask.list("type");
        let known = ["video", "channel", "playlist"];
        if let Some(wrong) = types.iter().find(|name| !known.contains(name)) {
            return Err(Refusal::value("type", wrong));
        }
        if types != ["video"] && OF_VIDEOS.iter().any(|name| ask.one(name).is_some()) {
            return Err(Refusal::search_filter());
        }
        ask.choice("safeSearch", &["moderate", "none", "strict"], "moderate")?;
        Ok(Self {
            types,
            query: Query::read(ask.one("q").unwrap_or_default()),
            channel: ask.one("channelId"),
            after: ask.time("publishedAfter")?,
            before: ask.time("publishedBefore")?,
            youngest: context.now.as_second() - i64::from(context.quirks.index_lag),
            duration: ask.choice("videoDuration", &["any", "short", "medium", "long"], "any")?,
            event: ask.choice(
                "eventType",
                &["completed", "live", "none", "upcoming"],
                "none",
            )?,
        })
    }

    fn wants(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.contains(&kind)
    }

    fn finds(&self, video: &Video) -> bool {
        video.oddity.is_searchable()
            && video.published.as_second() <= self.youngest
            && self.after.is_none_or(|after| video.published >= after)
            && self.before.is_none_or(|before| video.published < before)
            && self
                .channel
                .is_none_or(|channel| video.channel_id == channel)
            && match self.duration {
                "short" => video.duration < 240,
                "medium" => (240..=1200).contains(&video.duration),
                "long" => video.duration > 1200,
                _ => true,
            }
            && match self.event {
                "live" => video.oddity == Oddity::Live,
                "none" => true,
                _ => false,
            }
            && self.query.finds(video)
    }
}

fn hit(video: &Video) -> Item {
    let live = match video.oddity {
        Oddity::Live => "live",
        _ => "none",
    };
    let short: String = video
        .description
        .replace('\n', " ")
        .chars()
        .take(120)
        .collect();
    let snippet = json!({
        "publishedAt": time(video.published),
        "channelId": video.channel_id,
        "title": text::html(&video.title),
        "description": format!("{} ...", text::html(&short)),
        "thumbnails": thumbnails(&video.id, 3),
        "channelTitle": text::html(&video.channel_title),
        "liveBroadcastContent": live,
        // Not documented, and seen in recorded replies.
        "publishTime": time(video.published),
    });
    Item {
        kind: "youtube#searchResult",
        etag: etag(&video.id),
        id: json!({ "kind": "youtube#video", "videoId": video.id }),
        parts: Map::from_iter([("snippet".to_owned(), snippet)]),
    }
}

fn channel_hit(context: Context<'_>, number: u32) -> Option<Item> {
    let of_channel = |video: &&Video| video.channel == number;
    let video = context.scene.videos.iter().find(of_channel)?;
    let title = text::html(&video.channel_title);
    let snippet = json!({
        "publishedAt": "2015-05-05T15:05:05Z",
        "channelId": video.channel_id,
        "title": title,
        "description": "",
        "thumbnails": thumbnails(&video.channel_id, 3),
        "channelTitle": title,
        "liveBroadcastContent": "none",
    });
    Some(Item {
        kind: "youtube#searchResult",
        etag: etag(&video.channel_id),
        id: json!({ "kind": "youtube#channel", "channelId": video.channel_id }),
        parts: Map::from_iter([("snippet".to_owned(), snippet)]),
    })
}

/// Words that must be there, and words that must not: `|` stands between choices.
struct Query(Vec<(Vec<String>, Vec<String>)>);

impl Query {
    fn read(text: &str) -> Self {
        let choice = |choice: &str| {
            let words = choice.split_whitespace();
            let (without, with): (Vec<_>, Vec<_>) =
                words.partition(|word| word.len() > 1 && word.starts_with('-'));
            let plain = |words: Vec<&str>| {
                let plain = words.into_iter().flat_map(|word| {
                    let plain = plain(word);
                    plain
                        .split_whitespace()
                        .map(str::to_owned)
                        .collect::<Vec<_>>()
                });
                plain.collect::<Vec<_>>()
            };
            (plain(with), plain(without))
        };
        Self(text.split('|').map(choice).collect())
    }

    fn finds(&self, video: &Video) -> bool {
        let text = plain(&format!(
            "{} {} {}",
            video.title, video.description, video.channel_title
        ));
        let there = |word: &String| text.contains(word.as_str());
        let mut choices = self.0.iter();
        choices.any(|(with, without)| with.iter().all(there) && !without.iter().any(there))
    }
}

/// Lower case without punctuation.
fn plain(text: &str) -> String {
    let letter = |letter: char| {
        if letter.is_alphanumeric() {
            letter
        } else {
            ' '
        }
    };
    text.chars().map(letter).collect::<String>().to_lowercase()
}
