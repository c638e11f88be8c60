//! The emulator of the YouTube API: the forms of its replies against recorded ones, and their sense
//! against its own truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use floe::jiff::{self, Timestamp};
use floe::testing::youtube::{Bucket, Comment, Emulator, Endpoint, Oddity, Quirks, World};
use serde_json::Value;

use crate::support::say;

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

fn small() -> Emulator {
    Emulator::of(World::new(7).videos(24).threads(40))
        .start()
        .unwrap()
}

/// At each path the types of what is there; items of lists share one path.
fn shape(value: &Value, path: &str, found: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    found.entry(path.to_owned()).or_default().insert(kind);
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| shape(item, &format!("{path}[]"), found)),
        Value::Object(object) => {
            for (key, value) in object {
                shape(value, &format!("{path}.{key}"), found);
            }
        }
        _ => {}
    }
}

fn shapes(values: &[Value]) -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut found = BTreeMap::new();
    values.iter().for_each(|value| shape(value, "", &mut found));
    found
}

fn recorded(names: &[&str]) -> Option<Vec<Value>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/youtube_api");
    if !folder.is_dir() {
        say(format_args!("left out: {} is not there", folder.display()));
        return None;
    }
    let read = |name: &&str| {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    Some(names.iter().map(read).collect())
}

/// Whether the vendor's schema has a property of this name on the way of this path.
fn documented(schema: &Value, of: &str, path: &[&str]) -> bool {
    let Some((key, rest)) = path.split_first() else {
        return true;
    };
    let key = key.trim_end_matches("[]");
    let mut property = &schema["schemas"][of]["properties"][key];
    if property.is_null() {
        return false;
    }
    while property["type"] == "array" {
        property = &property["items"];
    }
    match property["$ref"].as_str() {
        Some(inner) => documented(schema, inner, rest),
        // Nested objects without a name of their own.
        None if property["type"] == "object" => true,
        None => rest.is_empty(),
    }
}

#[test]
fn replies_have_the_keys_and_types_of_the_recorded_ones() {
    let emulator = small();
    let client = Client::of(&emulator);
    let truth = emulator.truth();
    let all_ids: Vec<_> = truth.videos().map(|video| video.id.clone()).collect();
    let ids = all_ids.join(",");
    let video = all_ids[0].as_str();
    let known = truth
        .comments()
        .filter(|comment| comment.author_channel_id.is_some());
    let busy = known.max_by_key(|comment| comment.replies).unwrap();
    let parts = "snippet,contentDetails,statistics,status,topicDetails,player";
    let threads = format!("commentThreads?part=id,snippet,replies&videoId={video}&maxResults=5");
    let replies = format!("comments?part=id,snippet&parentId={}&maxResults=2", busy.id);
    let next = |path: &str| {
        let page = client.ok(path);
        let token = page["nextPageToken"].as_str().unwrap().to_owned();
        let second = client.ok(&format!("{path}&pageToken={token}"));
        vec![page, second]
    };
    let search = "search?part=snippet&type=video&q=mission+impossible&maxResults=5";
    // (recorded, ours, the name of the response in the vendor's schema, recorded keys that we leave out)
    type Case<'a> = (&'a [&'a str], Vec<Value>, &'a str, &'a [&'a str]);
    let cases: [Case<'_>; 6] = [
        (
            &[
                "recorded/apidata/search/search_by_keywords_p1.json",
                "recorded/apidata/search/search_by_keywords_p2.json",
                "recorded_threads/video.json",
            ],
            next(search),
            "SearchListResponse",
            // Search shows fewer pictures of most videos.
            &["standard", "maxres"],
        ),
        (
            &["recorded/apidata/search/search_channels.json"],
            vec![client.ok("search?part=snippet&type=channel&q=mission&maxResults=1")],
            "SearchListResponse",
            &[],
        ),
        (
            &[
                "recorded/apidata/videos/videos_info_multi.json",
                "recorded/apidata/videos/videos_chart_paged_1.json",
            ],
            [
                vec![client.ok(&format!("videos?part={parts}&id={ids}"))],
                next(&format!(
                    "videos?part={parts}&chart=mostPopular&maxResults=7"
                )),
            ]
            .concat(),
            "VideoListResponse",
            &[],
        ),
        (
            &[
                "recorded/apidata/comment_threads/comment_threads_by_video_paged_1.json",
                "recorded_threads/commentThreads_100.json",
            ],
            next(&threads),
            "CommentThreadListResponse",
            &[],
        ),
        (
            &[
                "recorded/apidata/comments/comments_by_parent_paged_1.json",
                "recorded/apidata/comments/comments_by_parent_paged_2.json",
            ],
            next(&replies),
            "CommentListResponse",
            &[],
        ),
        (
            &["recorded/apidata/comments/comments_multi.json"],
            vec![client.ok(&format!("comments?part=id,snippet&id={}", busy.id))],
            "CommentListResponse",
            &[],
        ),
    ];
    for (names, ours, response, left_out) in cases {
        let Some(theirs) = recorded(names) else {
            return;
        };
        let (ours, theirs) = (shapes(&ours), shapes(&theirs));
        for (path, types) in &theirs {
            if !left_out
                .iter()
                .any(|key| path.split('.').any(|part| part == *key))
            {
                assert_eq!(ours.get(path), Some(types), "{names:?} have {path}");
            }
        }
        let schema = &recorded(&["discovery.json"]).unwrap()[0];
        for path in ours.keys() {
            let keys: Vec<_> = path
                .trim_start_matches('.')
                .split('.')
                .filter(|key| !key.is_empty())
                .collect();
            // Seen in recorded replies, and in no documentation.
            let seen = keys.last() == Some(&"publishTime");
            assert!(
                seen || documented(schema, response, &keys),
                "{response} has no {path}"
            );
        }
    }
    // An inline reply tells its video, one of `comments` does not; there is no total for those.
    let inline = client.ok(&format!("commentThreads?part=replies&id={}", busy.id));
    let inline = &inline["items"][0]["replies"]["comments"];
    assert_eq!(inline.as_array().map(Vec::len), Some(5));
    let (ours, theirs) = (
        shapes(&[inline.clone()]),
        recorded(&["recorded/modeldata/comments/comment_thread_info.json"]),
    );
    let theirs = shapes(&[theirs.unwrap()[0]["replies"]["comments"].clone()]);
    for (path, types) in &theirs {
        assert_eq!(ours.get(path), Some(types), "{path}");
    }
}

#[test]
fn what_the_schema_says_of_numbers_is_kept() {
    let emulator = small();
    let client = Client::of(&emulator);
    let ids: Vec<_> = emulator
        .truth()
        .videos()
        .map(|video| video.id.clone())
        .collect();
    let ids = ids.join(",");
    let of_parts = "part=snippet,statistics,contentDetails";
    let stats = client.ok(&format!("videos:batchGetStats?{of_parts}&id={ids}"));
    assert_eq!(stats["kind"], "youtube#batchGetStatsResponse");
    assert_eq!(stats.get("pageInfo"), None);
    let videos = client.ok(&format!("videos?{of_parts}&id={ids}"));
    assert_eq!(
        stats["items"].as_array().map(Vec::len),
        videos["items"].as_array().map(Vec::len)
    );
    let mut durations = BTreeSet::new();
    for (stat, video) in stats["items"]
        .as_array()
        .unwrap()
        .iter()
        .zip(videos["items"].as_array().unwrap())
    {
        assert_eq!(
            (&stat["kind"], &stat["id"]),
            (&Value::from("youtube#videoStats"), &video["id"])
        );
        for name in ["viewCount", "likeCount", "commentCount"] {
            assert_eq!(stat["statistics"][name], video["statistics"][name]);
            assert!(
                stat["statistics"][name]
                    .as_str()
                    .is_none_or(|text| text.parse::<u64>().is_ok())
            );
        }
        assert!(
            stat["snippet"]["publishTime"]
                .as_str()
                .unwrap()
                .parse::<Timestamp>()
                .is_ok()
        );
        let duration = stat["contentDetails"]["duration"].as_str().unwrap();
        let form = if duration.starts_with("PT") {
            "iso"
        } else {
            "seconds"
        };
        durations.insert((form, stat["contentDetails"].get("durationMillis").is_some()));
    }
    assert_eq!(durations.len(), 3, "{durations:?}");
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
        emulator.clock().pause(Duration::from_secs(6 * 3600));
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
    emulator.clock().pause(Duration::from_secs(8 * 3600));
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
