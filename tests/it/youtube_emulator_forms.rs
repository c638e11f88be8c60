//! The emulator of the YouTube API: the forms of its replies against recorded ones and the vendor's
//! schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use floe::jiff::Timestamp;
use serde_json::Value;

use crate::support::say;
use crate::youtube_emulator::{Client, small};

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

pub(crate) fn shapes(values: &[Value]) -> BTreeMap<String, BTreeSet<&'static str>> {
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
