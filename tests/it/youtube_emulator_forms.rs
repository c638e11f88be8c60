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

const FOLDER: &str = "recorded/apidata/";

/// Checks that our replies have all keys of the recorded ones, with their types, and no key that the
/// vendor's schema of the response does not have.
fn compare(names: &[&str], ours: &[Value], response: &str, left_out: &[&str]) {
    let names: Vec<String> = names.iter().map(|name| format!("{FOLDER}{name}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let Some(theirs) = recorded(&names) else {
        return;
    };
    let (ours, theirs) = (shapes(ours), shapes(&theirs));
    for (path, types) in &theirs {
        let mut parts = path.split('.');
        if !parts.any(|part| left_out.contains(&part)) {
            assert_eq!(ours.get(path), Some(types), "{names:?} have {path}");
        }
    }
    let schema = &recorded(&["discovery.json"]).unwrap()[0];
    for path in ours.keys() {
        let keys = path.split('.').filter(|key| !key.is_empty());
        let keys: Vec<_> = keys.collect();
        // Seen in recorded replies, and in no documentation.
        let seen = keys.last() == Some(&"publishTime");
        let known = seen || documented(schema, response, &keys);
        assert!(known, "{response} has no {path}");
    }
}

/// A page and the one after it.
fn two_pages(client: &Client<'_>, path: &str) -> Vec<Value> {
    let page = client.ok(path);
    let token = page["nextPageToken"].as_str().unwrap().to_owned();
    let second = client.ok(&format!("{path}&pageToken={token}"));
    vec![page, second]
}

#[test]
fn search_has_the_keys_and_types_of_recorded_replies() {
    let emulator = small();
    let client = Client::of(&emulator);
    let path = "search?part=snippet&type=video&q=mission+impossible&maxResults=5";
    let names = [
        "search/search_by_keywords_p1.json",
        "search/search_by_keywords_p2.json",
        "../../recorded_threads/video.json",
    ];
    // Search shows fewer pictures of most videos.
    let left_out = ["standard", "maxres"];
    let pages = two_pages(&client, path);
    compare(&names, &pages, "SearchListResponse", &left_out);
    let channels = client.ok("search?part=snippet&type=channel&q=mission&maxResults=1");
    let names = ["search/search_channels.json"];
    compare(&names, &[channels], "SearchListResponse", &[]);
}

#[test]
fn videos_have_the_keys_and_types_of_recorded_replies() {
    let emulator = small();
    let client = Client::of(&emulator);
    let ids: Vec<_> = emulator
        .truth()
        .videos()
        .map(|video| video.id.clone())
        .collect();
    let parts = "part=snippet,contentDetails,statistics,status,topicDetails,player";
    let mut ours = two_pages(
        &client,
        &format!("videos?{parts}&chart=mostPopular&maxResults=7"),
    );
    ours.push(client.ok(&format!("videos?{parts}&id={}", ids.join(","))));
    let names = [
        "videos/videos_info_multi.json",
        "videos/videos_chart_paged_1.json",
    ];
    compare(&names, &ours, "VideoListResponse", &[]);
}

#[test]
fn comments_have_the_keys_and_types_of_recorded_replies() {
    let emulator = small();
    let client = Client::of(&emulator);
    let truth = emulator.truth();
    let video = &truth.videos().next().unwrap().id;
    let path = format!("commentThreads?part=id,snippet,replies&videoId={video}&maxResults=5");
    let names = [
        "comment_threads/comment_threads_by_video_paged_1.json",
        "../../recorded_threads/commentThreads_100.json",
    ];
    let pages = two_pages(&client, &path);
    compare(&names, &pages, "CommentThreadListResponse", &[]);
    let known = truth
        .comments()
        .filter(|comment| comment.author_channel_id.is_some());
    let busy = known.max_by_key(|comment| comment.replies).unwrap();
    let path = format!("comments?part=id,snippet&parentId={}&maxResults=2", busy.id);
    let names = [
        "comments/comments_by_parent_paged_1.json",
        "comments/comments_by_parent_paged_2.json",
    ];
    let pages = two_pages(&client, &path);
    compare(&names, &pages, "CommentListResponse", &[]);
    let by_id = client.ok(&format!("comments?part=id,snippet&id={}", busy.id));
    let names = ["comments/comments_multi.json"];
    compare(&names, &[by_id], "CommentListResponse", &[]);
    // An inline reply tells its video, one of `comments` does not.
    let threads = client.ok(&format!("commentThreads?part=replies&id={}", busy.id));
    let inline = &threads["items"][0]["replies"]["comments"];
    assert_eq!(inline.as_array().map(Vec::len), Some(5));
    if let Some(theirs) = recorded(&["recorded/modeldata/comments/comment_thread_info.json"]) {
        let ours = shapes(std::slice::from_ref(inline));
        for (path, types) in &shapes(&[theirs[0]["replies"]["comments"].clone()]) {
            assert_eq!(ours.get(path), Some(types), "{path}");
        }
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
