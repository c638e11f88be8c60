//! The emulator of the YouTube API: its replies against its own truth.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use floe::jiff::{self, Timestamp};
use floe::testing::youtube::{Bucket, Comment, Emulator, Endpoint, Oddity, Quirks, World};
use serde_json::Value;

use crate::support::say;
use crate::youtube_emulator_forms::shapes;

/// A plain client, one call at a time.
pub(crate) struct Client<'a> {
    emulator: &'a Emulator,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

impl<'a> Client<'a> {
    pub(crate) fn of(emulator: &'a Emulator) -> Self {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20));
        Self {
            emulator,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            http: http.build().unwrap(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}youtube/v3/{path}", self.emulator.url())
    }

    /// Status, headers and body.
    pub(crate) fn raw(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::Result<(u16, reqwest::header::HeaderMap, String)> {
        self.runtime.block_on(async {
            let mut request = self.http.get(self.url(path));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let reply = request.send().await?;
            let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
            Ok((status, headers, reply.text().await?))
        })
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let key = self.emulator.key().to_owned();
        let (status, _, text) = self.raw(path, &[("x-goog-api-key", &key)]).unwrap();
        let value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"));
        (status, value)
    }

    pub(crate) fn ok(&self, path: &str) -> Value {
        let (status, value) = self.get(path);
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    /// All items of a listing, page by page.
    pub(crate) fn all(&self, path: &str) -> Vec<Value> {
        let mut found = vec![];
        let mut token = String::new();
        for _ in 0..10_000 {
            let page = self.ok(&format!("{path}{token}"));
            found.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["nextPageToken"].as_str() {
                Some(next) => token = format!("&pageToken={next}"),
                None => return found,
            }
        }
        panic!("{path} does not end");
    }

    /// The reason of a refusal.
    pub(crate) fn refused(&self, path: &str) -> (u16, String) {
        let (status, value) = self.get(path);
        let reason = &value["error"]["errors"][0]["reason"];
        assert_eq!(value["error"]["code"], status, "{path}: {value}");
        (status, reason.as_str().unwrap_or_default().to_owned())
    }
}

pub(crate) fn id(item: &Value) -> String {
    item["id"].as_str().unwrap().to_owned()
}

pub(crate) fn small() -> Emulator {
    Emulator::of(World::new(7).videos(24).threads(40))
        .start()
        .unwrap()
}

#[test]
fn odd_videos_are_odd_in_the_ways_of_youtube() {
    let emulator = small();
    let client = Client::of(&emulator);
    let truth = emulator.truth();
    let found: BTreeSet<_> = client
        .all("search?part=snippet&type=video&q=mission+impossible&maxResults=50")
        .iter()
        .map(|item| item["id"]["videoId"].as_str().unwrap().to_owned())
        .collect();
    let mut seen = BTreeSet::new();
    for video in truth.videos() {
        let listed = client.ok(&format!(
            "videos?part=statistics,contentDetails&id={}",
            video.id
        ));
        let item = &listed["items"][0];
        let path = format!("commentThreads?part=snippet&videoId={}", video.id);
        let (status, body) = client.get(&path);
        let reason = body["error"]["errors"][0]["reason"].as_str();
        let comments = (status, reason.unwrap_or_default());
        seen.insert(format!("{:?}", video.oddity));
        assert_eq!(
            found.contains(&video.id),
            video.oddity.is_searchable(),
            "{video:?}"
        );
        assert_eq!(item.is_null(), !video.oddity.is_listed(), "{video:?}");
        assert_eq!(comments.0 == 200, video.oddity.has_comments(), "{video:?}");
        match video.oddity {
            Oddity::CommentsOff => {
                assert_eq!(comments, (403, "commentsDisabled"));
                assert_eq!(item["statistics"].get("commentCount"), None);
            }
            Oddity::MembersOnly | Oddity::Private => assert_eq!(comments, (403, "forbidden")),
            Oddity::Gone => assert_eq!(comments, (404, "videoNotFound")),
            Oddity::LikesHidden => assert_eq!(item["statistics"].get("likeCount"), None),
            Oddity::Live => assert_eq!(item["contentDetails"]["duration"], "P0D"),
            _ => {}
        }
    }
    assert_eq!(seen.len(), 8, "{seen:?}");
    assert_eq!(
        client.refused("commentThreads?part=snippet&videoId=nothing"),
        (404, "videoNotFound".to_owned())
    );
    assert_eq!(
        client.ok("videos?part=id&id=nothing")["items"],
        Value::Array(vec![])
    );
}

/// All comments of a video by the API: threads, and replies where five are not all.
pub(crate) fn collected(client: &Client<'_>, video: &str) -> BTreeMap<String, Value> {
    let path = format!(
        "commentThreads?part=id,snippet,replies&textFormat=plainText&maxResults=100&videoId={video}"
    );
    let mut found = BTreeMap::new();
    for thread in client.all(&path) {
        let inline = thread["replies"]["comments"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let count = thread["snippet"]["totalReplyCount"].as_u64().unwrap() as usize;
        let replies = if inline.len() == count {
            inline
        } else {
            assert_eq!(inline.len(), 5);
            client.all(&format!(
                "comments?part=snippet&textFormat=plainText&maxResults=7&parentId={}",
                id(&thread)
            ))
        };
        assert_eq!(replies.len(), count);
        let top = thread["snippet"]["topLevelComment"].clone();
        assert_eq!(top["id"], thread["id"]);
        for comment in replies.into_iter().chain([top]) {
            assert!(
                found.insert(id(&comment), comment).is_none(),
                "a comment came twice"
            );
        }
    }
    found
}

pub(crate) fn same(comment: &Value, truth: &Comment) {
    let snippet = &comment["snippet"];
    let time = |name: &str| {
        snippet[name]
            .as_str()
            .unwrap()
            .parse::<Timestamp>()
            .unwrap()
    };
    assert_eq!(snippet["textDisplay"], truth.text);
    assert_eq!(snippet["likeCount"], truth.likes);
    assert_eq!(snippet["parentId"].as_str(), truth.parent_id.as_deref());
    assert_eq!(
        snippet["authorChannelId"]["value"].as_str(),
        truth.author_channel_id.as_deref()
    );
    assert_eq!(
        (time("publishedAt"), time("updatedAt")),
        (truth.published, truth.updated)
    );
}

#[test]
fn all_comments_of_the_truth_can_be_collected_and_grow_with_the_clock() {
    let emulator = small();
    let client = Client::of(&emulator);
    let mut sums = vec![];
    for _ in 0..3 {
        let truth = emulator.truth();
        let mut all = 0;
        let mut sum = 0;
        for video in truth.videos().filter(|video| video.oddity.has_comments()) {
            let found = collected(&client, &video.id);
            let there: Vec<_> = truth.comments_of(video).collect();
            assert_eq!(found.len(), there.len());
            for comment in &there {
                same(&found[&comment.id], comment);
                sum += u64::from(comment.likes);
            }
            all += there.len();
            let listed = client.ok(&format!("videos?part=statistics&id={}", video.id));
            let count = listed["items"][0]["statistics"]["commentCount"]
                .as_str()
                .unwrap();
            let (_, _, said) = truth.counters(video);
            assert_eq!(count.parse(), Ok(said));
            assert!(
                (0..3).contains(&(said - there.len() as u64)),
                "a few are counted and not shown"
            );
        }
        sums.push((all, sum));
        emulator.clock().pause(Duration::from_hours(6));
    }
    assert!(sums[0].0 < sums[1].0 && sums[1].0 < sums[2].0, "{sums:?}");
    assert!(sums[0].1 < sums[1].1 && sums[1].1 < sums[2].1, "{sums:?}");
    // What was there is what the truth of that time says later, too.
    let before = emulator.truth_at(emulator.clock().now() - jiff::SignedDuration::from_hours(18));
    assert_eq!(before.comments().count(), sums[0].0);
}

#[test]
fn a_world_is_its_seed() {
    let comments = |seed| {
        let emulator = Emulator::of(World::new(seed).videos(3).threads(30))
            .start()
            .unwrap();
        emulator.truth().comments().collect::<Vec<_>>()
    };
    assert_eq!(comments(1), comments(1));
    assert_ne!(comments(1), comments(2));
    let all = comments(1);
    assert!(all.iter().any(|comment| comment.text.contains('\n')));
    assert!(all.iter().any(|comment| !comment.text.is_ascii()));
    assert!(all.iter().any(|comment| comment.parent_id.is_some()));
    let likes: Vec<_> = all.iter().map(|comment| comment.likes).collect();
    let (sum, most) = (likes.iter().sum::<u32>(), *likes.iter().max().unwrap());
    assert!(5 * most > sum / 4, "the tail is heavy: {most} of {sum}");
}

#[test]
fn html_is_escaped_where_youtube_does() {
    let emulator = small();
    let client = Client::of(&emulator);
    let truth = emulator.truth();
    let tricky = truth
        .videos()
        .find(|video| video.title.contains('&'))
        .unwrap();
    let hits = client.all("search?part=snippet&type=video&q=mission&maxResults=50");
    let hit = hits
        .iter()
        .find(|item| item["id"]["videoId"] == tricky.id)
        .unwrap();
    assert_eq!(hit["snippet"]["title"], tricky.title.replace('&', "&amp;"));
    let listed = client.ok(&format!("videos?part=snippet&id={}", tricky.id));
    assert_eq!(listed["items"][0]["snippet"]["title"], tricky.title);
    let lines = truth
        .comments()
        .find(|comment| comment.text.contains('\n') && comment.parent_id.is_none());
    let lines = lines.unwrap();
    let path = format!("commentThreads?part=snippet&id={}", lines.id);
    let snippet =
        |path: &str| client.ok(path)["items"][0]["snippet"]["topLevelComment"]["snippet"].clone();
    assert!(
        snippet(&path)["textDisplay"]
            .as_str()
            .unwrap()
            .contains("<br>")
    );
    assert_eq!(snippet(&path)["textOriginal"], lines.text);
    assert_eq!(
        snippet(&format!("{path}&textFormat=plainText"))["textDisplay"],
        lines.text
    );
}

#[test]
fn search_filters_orders_and_stops() {
    let world = World::new(3).videos(60).threads(1).plain().later_videos(3);
    let emulator = Emulator::of(world)
        .quirks(Quirks::new().search_stops_at(40))
        .start()
        .unwrap();
    let client = Client::of(&emulator);
    let path = "search?part=snippet&type=video&maxResults=50&q=mission+impossible";
    let first = client.ok(path);
    assert_eq!(first["items"].as_array().map(Vec::len), Some(40));
    assert!(
        first["pageInfo"]["totalResults"].as_u64() > Some(60),
        "the total is a lie"
    );
    assert_eq!(first.get("nextPageToken"), None);
    let times = |path: &str| {
        let time = |item: &Value| {
            item["snippet"]["publishedAt"]
                .as_str()
                .unwrap()
                .parse::<Timestamp>()
                .unwrap()
        };
        client.all(path).iter().map(time).collect::<Vec<_>>()
    };
    let by_date = times(&format!("{path}&order=date"));
    assert!(by_date.windows(2).all(|two| two[0] >= two[1]));
    let (before, after) = (by_date[5], by_date[20]);
    let between = times(&format!(
        "{path}&order=date&publishedAfter={after}&publishedBefore={before}"
    ));
    assert_eq!(between, by_date[6..=20]);
    assert_eq!(times("search?part=snippet&type=video&q=solaris").len(), 0);
    assert_eq!(
        times("search?part=snippet&type=video&maxResults=50&q=solaris%7Cimpossible").len(),
        40
    );
    let words = |q: &str| times(&format!("search?part=snippet&type=video&q={q}")).len();
    // One title in twelve.
    assert_eq!(
        (
            words("mission+EXPLAINED"),
            words("mission+explained+-minutes")
        ),
        (5, 0)
    );
    // A page back is the page before.
    let pages = "search?part=snippet&type=video&maxResults=10&q=mission";
    let second = client.ok(&format!("{pages}&pageToken=CAoQAA"));
    let back = client.ok(&format!(
        "{pages}&pageToken={}",
        second["prevPageToken"].as_str().unwrap()
    ));
    assert_eq!(back["items"], client.ok(pages)["items"]);
    // A new video is found once it is there, and later where the index lags.
    let count = || {
        client
            .all("search?part=snippet&type=video&q=mission&publishedAfter=2026-11-02T12:00:00Z")
            .len()
    };
    assert_eq!(count(), 0);
    emulator.clock().pause(Duration::from_hours(8));
    assert_eq!(count(), 1);
}

#[test]
fn uploads_and_channels_lead_to_the_videos() {
    let emulator = small();
    let client = Client::of(&emulator);
    let truth = emulator.truth();
    let channel = truth.videos().next().unwrap().channel_id.clone();
    let listed = client.ok(&format!(
        "channels?part=snippet,contentDetails,statistics&id={channel}"
    ));
    let uploads = &listed["items"][0]["contentDetails"]["relatedPlaylists"]["uploads"];
    let uploads = uploads.as_str().unwrap();
    let items = client.all(&format!(
        "playlistItems?part=snippet,contentDetails&maxResults=3&playlistId={uploads}"
    ));
    let found: Vec<_> = items
        .iter()
        .map(|item| item["contentDetails"]["videoId"].as_str().unwrap())
        .collect();
    let own = |oddity: Oddity| oddity.is_listed() && oddity.is_searchable();
    let mut there: Vec<_> = truth
        .videos()
        .filter(|video| video.channel_id == channel && own(video.oddity))
        .collect();
    there.sort_by_key(|video| std::cmp::Reverse(video.published));
    let there: Vec<_> = there.iter().map(|video| video.id.as_str()).collect();
    assert_eq!(found, there);
    assert_eq!(
        client
            .refused("playlistItems?part=snippet&playlistId=UUnone")
            .1,
        "playlistNotFound"
    );
    assert_eq!(
        client.ok("channels?part=id&id=UCnone")["items"],
        Value::Array(vec![])
    );
    let handle = listed["items"][0]["snippet"]["customUrl"].as_str().unwrap();
    assert_eq!(
        id(&client.ok(&format!("channels?part=id&forHandle={handle}"))["items"][0]),
        channel
    );
    let of_channel = client.ok(&format!(
        "commentThreads?part=snippet&allThreadsRelatedToChannelId={channel}&maxResults=100"
    ));
    let first = &of_channel["items"][0]["snippet"];
    assert_eq!(first["channelId"], channel);
}

#[test]
fn fields_keep_what_they_name_and_cost_the_same() {
    let emulator = small();
    let client = Client::of(&emulator);
    let path = "search?part=snippet&type=video&q=mission&maxResults=2&prettyPrint=false";
    let some = client.ok(&format!(
        "{path}&fields=nextPageToken,items(id/videoId,snippet(title))"
    ));
    let keys: Vec<_> = shapes(&[some]).into_keys().collect();
    let wanted = [
        "",
        ".items",
        ".items[]",
        ".items[].id",
        ".items[].id.videoId",
        ".items[].snippet",
        ".items[].snippet.title",
        ".nextPageToken",
    ];
    assert_eq!(keys, wanted);
    assert_eq!(
        client.refused(&format!("{path}&fields=items(nonsense)")),
        (400, "invalidParameter".to_owned())
    );
    assert_eq!(emulator.ledger().charged(Bucket::Search), 2);
}

#[test]
fn a_hundred_thousand_comments_are_served_in_seconds() {
    let world = World::new(5).videos(4).threads(22_000).plain();
    let emulator = Emulator::of(world).start().unwrap();
    let client = Client::of(&emulator);
    let began = std::time::Instant::now();
    let mut comments = 0;
    let key = ("x-goog-api-key", emulator.key());
    for video in emulator.truth().videos() {
        let mut token = String::new();
        loop {
            let path = format!(
                "commentThreads?part=snippet,replies&prettyPrint=false&textFormat=plainText\
                 &maxResults=100&videoId={}{token}",
                video.id
            );
            // Not parsed, so that nothing but the emulator is measured.
            let (_, _, text) = client.raw(&path, &[key]).unwrap();
            comments += text.matches("\"youtube#comment\"").count();
            let Some((_, rest)) = text.split_once("\"nextPageToken\":\"") else {
                break;
            };
            let next = rest.split('"').next().unwrap();
            token = format!("&pageToken={next}");
        }
    }
    let took = began.elapsed();
    say(format_args!(
        "{comments} comments in {took:?}, {} calls",
        emulator.ledger().calls_of(Endpoint::CommentThreads).count()
    ));
    assert!(comments > 100_000, "{comments}");
    assert!(took < Duration::from_secs(90), "{took:?}");
}
