//! The emulator of the YouTube API: keys, quota, faults and its ledger.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use floe::clock::{Clock, ManualClock};
use floe::jiff::Timestamp;
use floe::testing::youtube::{
    Bucket, Builder, Emulator, Endpoint, Fault, Oddity, Quirks, Trouble, World,
};
use serde_json::{Value, json};

use crate::support::say;
use crate::youtube_emulator::{Client, collected, id, same};

const SEARCH: &str = "search?part=snippet&type=video&q=mission";

fn plain(videos: u32) -> Builder {
    Emulator::of(World::new(11).videos(videos).threads(40).plain())
}

fn recorded(name: &str) -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/youtube_api/errors");
    let text = fs::read_to_string(folder.join(name)).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn refusals_have_the_recorded_bodies() {
    if recorded("quotaExceeded_403.json").is_none() {
        say(format_args!("left out: the recorded errors are not there"));
        return;
    }
    let world = World::new(2).videos(3).odd(0, Oddity::CommentsOff);
    let emulator = Emulator::of(world).start().unwrap();
    let client = Client::of(&emulator);
    let off = emulator.truth().videos().next().unwrap().id.clone();
    let threads = format!("commentThreads?part=snippet&videoId={off}");
    let body = client.get(&threads).1;
    assert_eq!(Some(body), recorded("commentsDisabled_403.json"));
    let body = client.get("commentThreads?part=snippet&videoId=none").1;
    let item = body["error"]["errors"][0].clone();
    assert_eq!(Some(item), recorded("videoNotFound_404_errors_item.json"));
    emulator.inject(Fault::new(Trouble::CoreUnavailable));
    assert_eq!(
        Some(client.get(&threads).1),
        recorded("permission_403.json")
    );
    emulator.inject(Fault::new(Trouble::DailyQuota));
    assert_eq!(
        Some(client.get(&threads).1),
        recorded("quotaExceeded_403.json")
    );
    emulator.inject(Fault::new(Trouble::PlainError(403)));
    assert_eq!(
        client.get(&threads),
        (403, json!({ "error": "something went wrong" }))
    );
}

#[test]
fn keys_are_asked_for_and_never_charged_when_they_are_wrong() {
    let emulator = plain(3).key("the-right-one").start().unwrap();
    let client = Client::of(&emulator);
    let sent = |path: &str, headers: &[(&str, &str)]| {
        let (status, _, text) = client.raw(path, headers).unwrap();
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    let (status, body) = sent(SEARCH, &[]);
    assert_eq!(
        (status, &body["error"]["status"]),
        (403, &json!("PERMISSION_DENIED"))
    );
    let (status, body) = sent(SEARCH, &[("X-Goog-Api-Key", "a-wrong-one")]);
    assert_eq!(
        (status, &body["error"]["errors"][0]["reason"]),
        (400, &json!("badRequest"))
    );
    assert_eq!(body["error"]["details"][0]["reason"], "API_KEY_INVALID");
    assert_eq!(emulator.ledger().charged(Bucket::Search), 0);
    assert_eq!(sent(&format!("{SEARCH}&key=the-right-one"), &[]).0, 200);
    assert_eq!(sent(SEARCH, &[("X-Goog-Api-Key", "the-right-one")]).0, 200);
    let ledger = emulator.ledger();
    assert_eq!(ledger.charged(Bucket::Search), 2);
    assert_eq!(ledger.keys, ["a-wrong-one", "the-right-one"]);
    let places: Vec<_> = ledger
        .calls
        .iter()
        .map(|call| (call.key_in_header, call.key_in_query))
        .collect();
    assert_eq!(
        places,
        [(false, false), (true, false), (false, true), (true, false)]
    );
    // The calls themselves show no key, so that they may be printed.
    assert!(!format!("{:?}", ledger.calls).contains("the-right-one"));
    assert_eq!(sent("nothing", &[]).0, 404);
}

#[test]
fn what_cannot_be_asked_is_refused_and_charged() {
    let emulator = plain(3).start().unwrap();
    let client = Client::of(&emulator);
    let many = vec!["x"; 51].join(",");
    let video = emulator.truth().videos().next().unwrap().id.clone();
    let cases = [
        ("search?q=a".to_owned(), "missingRequiredParameter"),
        ("search?part=nonsense".to_owned(), "unknownPart"),
        ("search?part=snippet&typ=video".to_owned(), "badRequest"),
        (
            "search?part=snippet&videoDuration=long".to_owned(),
            "invalidSearchFilter",
        ),
        (
            "search?part=snippet&eventType=live&type=channel".to_owned(),
            "invalidSearchFilter",
        ),
        (
            "search?part=snippet&type=video&pageToken=nonsense".to_owned(),
            "invalidPageToken",
        ),
        (
            "search?part=snippet&publishedAfter=yesterday".to_owned(),
            "invalidParameter",
        ),
        (
            "search?part=snippet&order=newest".to_owned(),
            "invalidParameter",
        ),
        ("videos?part=snippet".to_owned(), "missingRequiredParameter"),
        (
            "videos?part=snippet&id=a&chart=mostPopular".to_owned(),
            "incompatibleParameters",
        ),
        (format!("videos?part=snippet&id={many}"), "invalidParameter"),
        (
            format!("videos:batchGetStats?part=id&id={many}"),
            "invalidParameter",
        ),
        (
            "commentThreads?part=snippet".to_owned(),
            "missingRequiredParameter",
        ),
        (
            "commentThreads?part=snippet&videoId=a&id=b".to_owned(),
            "incompatibleParameters",
        ),
        (
            "commentThreads?part=snippet&id=a&order=time".to_owned(),
            "incompatibleParameters",
        ),
        (
            format!("commentThreads?part=snippet&videoId={video}&maxResults=101"),
            "invalidParameter",
        ),
        (
            format!("commentThreads?part=snippet&videoId={video}&pageToken=CAUQAA"),
            "invalidPageToken",
        ),
        (
            "comments?part=snippet&parentId=nonsense".to_owned(),
            "commentNotFound",
        ),
        (
            "comments?part=snippet&parentId=a&id=b".to_owned(),
            "incompatibleParameters",
        ),
    ];
    for (path, reason) in &cases {
        assert_eq!(client.refused(path).1, *reason, "{path}");
    }
    let ledger = emulator.ledger();
    let charged = ledger.charged(Bucket::Search)
        + ledger.charged(Bucket::Stats)
        + ledger.charged(Bucket::Common);
    assert_eq!(charged, cases.len() as u64);
    // What search clamps.
    assert_eq!(
        client.ok(&format!("{SEARCH}&maxResults=100"))["pageInfo"]["resultsPerPage"],
        50
    );
}

#[test]
fn buckets_are_apart_and_filled_at_midnight_in_los_angeles() {
    // 23:58:20 on the day before the clocks go back there.
    let clock = Arc::new(ManualClock::at("2026-11-01T06:58:20Z".parse().unwrap()));
    let emulator = plain(3)
        .clock(clock.clone())
        .quota(Bucket::Search, 2)
        .quota(Bucket::Stats, 1)
        .quota(Bucket::Common, 3)
        .start()
        .unwrap();
    let client = Client::of(&emulator);
    let stats = "videos:batchGetStats?part=statistics&id=a";
    let common = [
        "videos?part=id&id=a",
        "channels?part=id&id=a",
        "videos?part=id&id=b",
    ];
    client.ok(SEARCH);
    client.ok(SEARCH);
    let (status, body) = client.get(SEARCH);
    let error = &body["error"];
    assert_eq!(
        (status, &error["status"]),
        (429, &json!("RESOURCE_EXHAUSTED"))
    );
    assert_eq!(
        error["errors"][0],
        json!({
            "message": error["message"], "domain": "global", "reason": "rateLimitExceeded",
        })
    );
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("'Search Queries per day'")
    );
    let midnight: Timestamp = "2026-10-31T07:00:00Z".parse().unwrap();
    assert_eq!(error["details"][0]["reason"], "RATE_LIMIT_EXCEEDED");
    let told = &error["details"][0]["metadata"];
    assert_eq!(told["quota_metric"], "youtube.googleapis.com/search_list");
    assert_eq!(told["quota_limit"], "defaultSearchListPerDayPerProject");
    assert_eq!(
        (&told["quota_limit_value"], &told["quota_unit"]),
        (&json!("2"), &json!("1/d/{project}"))
    );
    assert_eq!(told["window_start_time"], midnight.as_second().to_string());
    client.ok(stats);
    assert_eq!(client.refused(stats), (403, "quotaExceeded".to_owned()));
    common.iter().for_each(|path| drop(client.ok(path)));
    assert_eq!(client.refused(common[0]), (403, "quotaExceeded".to_owned()));
    clock.pause(Duration::from_secs(99));
    assert_eq!(client.refused(SEARCH).0, 429);
    clock.pause(Duration::from_secs(1));
    client.ok(SEARCH);
    client.ok(common[0]);
    // The first of November has 25 hours there.
    clock.pause(Duration::from_hours(24));
    client.ok(SEARCH);
    assert_eq!(client.refused(SEARCH).0, 429);
    assert_eq!(emulator.left(Bucket::Search), 0);
    clock.pause(Duration::from_hours(1));
    assert_eq!(emulator.left(Bucket::Search), 2);
    let ledger = emulator.ledger();
    assert_eq!(ledger.charged(Bucket::Search), 4);
    assert_eq!(
        ledger.charged_on("2026-10-31".parse().unwrap(), Bucket::Search),
        2
    );
    assert_eq!(
        ledger.charged_on("2026-11-01".parse().unwrap(), Bucket::Common),
        1
    );
}

#[test]
fn too_many_calls_a_minute_are_told_apart_from_a_spent_day() {
    let clock = Arc::new(ManualClock::at("2026-11-02T12:00:30Z".parse().unwrap()));
    let emulator = plain(3)
        .clock(clock.clone())
        .per_minute(2, Some(30))
        .start()
        .unwrap();
    let client = Client::of(&emulator);
    client.ok(SEARCH);
    client.ok(SEARCH);
    let (status, headers, text) = client
        .raw(SEARCH, &[("x-goog-api-key", emulator.key())])
        .unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, 429);
    assert_eq!(headers["retry-after"], "30");
    assert_eq!(
        body["error"]["details"][0]["metadata"]["quota_unit"],
        "1/min/{project}"
    );
    clock.pause(Duration::from_secs(30));
    client.ok(SEARCH);
}

/// How a call ends: with a status and valid JSON, with a status only, or on the way.
#[derive(Debug, PartialEq)]
enum End {
    Json(u16),
    Text(u16),
    Broken,
}

fn end(client: &Client<'_>, path: &str, key: &str) -> End {
    match client.raw(path, &[("x-goog-api-key", key)]) {
        Err(_) => End::Broken,
        Ok((status, _, text)) => match serde_json::from_str::<Value>(&text) {
            Ok(_) => End::Json(status),
            Err(_) => End::Text(status),
        },
    }
}

#[test]
fn faults_of_transport_strike_once_and_are_gone() {
    let emulator = plain(3).start().unwrap();
    let client = Client::of(&emulator);
    let video = emulator.truth().videos().next().unwrap().id.clone();
    let path = format!("commentThreads?part=snippet&videoId={video}&maxResults=100");
    let ends = [
        (Trouble::Backend(500), End::Json(500)),
        (Trouble::Backend(503), End::Json(503)),
        (Trouble::HtmlPage(502), End::Text(502)),
        (Trouble::EmptyReply(503), End::Text(503)),
        (Trouble::DropBeforeReply, End::Broken),
        (Trouble::DropMidBody, End::Broken),
        (Trouble::TruncatedJson, End::Text(200)),
        (Trouble::BrokenGzip, End::Broken),
        (Trouble::RateLimited(None), End::Json(429)),
        (Trouble::WrongContentType, End::Json(200)),
        (
            Trouble::Redirect("http://127.0.0.1:9/else".to_owned()),
            End::Text(302),
        ),
        (Trouble::KeyInvalid, End::Json(400)),
        (Trouble::KeyExpired, End::Json(400)),
        (Trouble::AccessNotConfigured, End::Json(403)),
        (Trouble::RefererBlocked, End::Json(403)),
        (Trouble::CommentsDisabled, End::Json(403)),
        (Trouble::Forbidden, End::Json(403)),
        (Trouble::VideoNotFound, End::Json(404)),
        (Trouble::CommentNotFound, End::Json(404)),
        (Trouble::ProcessingFailure, End::Json(400)),
        (Trouble::InvalidPageToken, End::Json(400)),
    ];
    let calls = 2 * ends.len();
    for (trouble, expected) in ends {
        emulator.inject(Fault::new(trouble.clone()));
        assert_eq!(end(&client, &path, emulator.key()), expected, "{trouble:?}");
        assert_eq!(
            end(&client, &path, emulator.key()),
            End::Json(200),
            "{trouble:?}"
        );
    }
    let ledger = emulator.ledger();
    assert_eq!(ledger.calls.len(), calls);
    // Failed calls are charged too.
    assert_eq!(ledger.charged(Bucket::Common), calls as u64);
    assert_eq!(
        ledger
            .calls
            .iter()
            .filter(|call| call.trouble.is_some())
            .count(),
        calls / 2
    );

    emulator.inject(Fault::new(Trouble::SlowBody(Duration::from_millis(300))));
    let began = Instant::now();
    client.ok(&path);
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_script_says_which_calls_and_how_often() {
    let emulator = plain(3).start().unwrap();
    let client = Client::of(&emulator);
    let ids: Vec<_> = emulator
        .truth()
        .videos()
        .map(|video| video.id.clone())
        .collect();
    let threads = |video: &str| {
        client
            .get(&format!("commentThreads?part=id&videoId={video}"))
            .0
    };
    let fault = Fault::new(Trouble::Backend(500))
        .on(Endpoint::CommentThreads)
        .of_video(&ids[1]);
    emulator.inject(fault.after(1).times(2));
    let statuses: Vec<_> = (0..5).map(|_| threads(&ids[1])).collect();
    assert_eq!(statuses, [200, 500, 500, 200, 200]);
    emulator.inject(Fault::new(Trouble::Forbidden).of_video(&ids[0]).always());
    assert_eq!(
        (threads(&ids[0]), threads(&ids[0]), threads(&ids[2])),
        (403, 403, 200)
    );
    client.ok(SEARCH);
    // A reply belongs to the video above it.
    let truth = emulator.truth();
    let of_first = truth
        .comments_of(truth.video(&ids[0]).unwrap())
        .next()
        .unwrap();
    assert_eq!(
        client
            .refused(&format!("comments?part=id&parentId={}", of_first.id))
            .0,
        403
    );
    emulator.heal();
    assert_eq!(threads(&ids[0]), 200);
}

#[test]
fn faults_of_the_data_lose_nothing_but_may_repeat() {
    let emulator = plain(2).start().unwrap();
    let client = Client::of(&emulator);
    let truth = emulator.truth();
    let video = truth.videos().next().unwrap();
    let there: Vec<_> = truth
        .comments_of(video)
        .filter(|comment| comment.parent_id.is_none())
        .collect();
    let path = format!(
        "commentThreads?part=snippet&videoId={}&maxResults=10&textFormat=plainText",
        video.id
    );
    let fault = |trouble| Fault::new(trouble).on(Endpoint::CommentThreads).after(1);
    for trouble in [
        Trouble::EmptyPage,
        Trouble::ShortPage,
        Trouble::UnknownKeys,
        Trouble::NoItems,
    ] {
        emulator.inject(fault(trouble.clone()));
        let found = client.all(&path);
        // The second page of ten, or what is left for it.
        let second = (there.len() - 10).min(10);
        let lost = if trouble == Trouble::NoItems {
            second
        } else {
            0
        };
        assert_eq!(found.len() + lost, there.len(), "{trouble:?}");
        let odd = found
            .iter()
            .any(|item| item["snippet"].get("somethingNew").is_some());
        assert_eq!(odd, trouble == Trouble::UnknownKeys);
    }
    let distinct = |items: &[Value]| {
        items
            .iter()
            .map(id)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    };
    emulator.inject(fault(Trouble::Overlap));
    let found = client.all(&path);
    assert_eq!(
        (found.len(), distinct(&found)),
        (there.len() + 5, there.len())
    );
    // What comes between two pages shifts the rest: some are seen twice, the new ones not at all.
    emulator.inject(fault(Trouble::NewThreads(3)));
    let found = client.all(&path);
    assert_eq!(
        (found.len(), distinct(&found)),
        (there.len() + 3, there.len())
    );
    let now = emulator.truth();
    let all: Vec<_> = now
        .comments_of(video)
        .filter(|comment| comment.parent_id.is_none())
        .collect();
    assert_eq!(all.len(), there.len() + 3);
    let found = collected(&client, &video.id);
    all.iter()
        .for_each(|comment| same(&found[&comment.id], comment));
    emulator.surge(&video.id, 150);
    assert_eq!(client.all(&path).len(), all.len() + 150);
}

#[test]
fn quirks_change_the_pages_and_not_what_is_on_them() {
    let quirks = Quirks::all().token_life(60);
    let emulator = plain(24).quirks(quirks).start().unwrap();
    let client = Client::of(&emulator);
    let truth = emulator.truth();
    let video = truth.videos().next().unwrap();
    let there: Vec<_> = truth
        .comments_of(video)
        .filter(|comment| comment.parent_id.is_none())
        .collect();
    let path = format!(
        "commentThreads?part=snippet&videoId={}&maxResults=7",
        video.id
    );
    let found: Vec<_> = client.all(&path).iter().map(id).collect();
    let mut expected: Vec<_> = there
        .iter()
        .rev()
        .map(|comment| comment.id.clone())
        .collect();
    let pinned = expected.remove(expected.len() - 3);
    expected.insert(0, pinned);
    assert_eq!(found, expected);
    let hits = client.all(&format!("{SEARCH}&maxResults=10"));
    let foreign = hits
        .iter()
        .filter(|item| item["id"]["kind"] == "youtube#channel")
        .count();
    assert!(foreign >= 3, "{foreign}");
    assert_eq!(hits.len() - foreign, 24);
    assert_eq!(client.ok("videos?part=id&id=none").get("items"), None);
    // A token lives a minute.
    let token = client.ok(&path)["nextPageToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let next = format!("{path}&pageToken={token}");
    client.ok(&next);
    emulator.clock().pause(Duration::from_secs(61));
    assert_eq!(client.refused(&next), (400, "invalidPageToken".to_owned()));
    let missing = plain(1)
        .quirks(Quirks::new().without_stats_method())
        .start()
        .unwrap();
    assert_eq!(
        Client::of(&missing)
            .refused("videos:batchGetStats?part=id&id=a")
            .0,
        404
    );
}

#[test]
fn an_etag_that_is_known_brings_no_body_and_is_charged() {
    let emulator = plain(3).start().unwrap();
    let client = Client::of(&emulator);
    let key = ("x-goog-api-key", emulator.key());
    let (_, headers, text) = client.raw(SEARCH, &[key]).unwrap();
    let etag = headers["etag"].to_str().unwrap().to_owned();
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(etag.trim_matches('"'), body["etag"].as_str().unwrap());
    let (status, _, text) = client
        .raw(SEARCH, &[key, ("if-none-match", &etag)])
        .unwrap();
    assert_eq!((status, text.as_str()), (304, ""));
    // Views have changed an hour later.
    let ids: Vec<_> = emulator
        .truth()
        .videos()
        .map(|video| video.id.clone())
        .collect();
    let path = format!("videos?part=statistics&id={}", ids.join(","));
    let (_, headers, _) = client.raw(&path, &[key]).unwrap();
    let etag = headers["etag"].to_str().unwrap().to_owned();
    emulator.clock().pause(Duration::from_hours(1));
    assert_eq!(
        client
            .raw(&path, &[key, ("if-none-match", &etag)])
            .unwrap()
            .0,
        200
    );
    assert_eq!(emulator.ledger().charged(Bucket::Search), 2);
}

#[test]
fn the_ledger_tells_what_was_asked_also_to_other_processes() {
    let emulator = plain(3).start().unwrap();
    let client = Client::of(&emulator);
    let ledger = emulator.ledger();
    assert_eq!((ledger.calls.len(), ledger.max_concurrency), (0, 0));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    emulator.inject(Fault::new(Trouble::SlowBody(Duration::from_millis(10))).always());
    runtime.block_on(async {
        let http = reqwest::Client::new();
        let calls: Vec<_> = (0..8)
            .map(|_| {
                let request = http
                    .get(client.url(SEARCH))
                    .header("x-goog-api-key", "emulator-key");
                tokio::spawn(request.header("user-agent", "test (gzip)").send())
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap().status(), 200);
        }
    });
    let ledger = emulator.ledger();
    assert!(
        (1..=8).contains(&ledger.max_concurrency),
        "{}",
        ledger.max_concurrency
    );
    let call = &ledger.calls[0];
    assert_eq!(
        (call.endpoint, call.charged, call.status),
        (Some(Endpoint::Search), Some(Bucket::Search), 200)
    );
    assert_eq!(
        (call.param("q"), call.header("user-agent")),
        (Some("mission"), Some("test (gzip)"))
    );
    let text = runtime.block_on(async {
        reqwest::get(format!("{}emulator/ledger", emulator.url()))
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    });
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["calls"].as_array().map(Vec::len), Some(8));
    assert_eq!(
        told["used"],
        json!([{ "day": "2026-11-02", "bucket": "search", "used": 8 }])
    );
    assert!(!text.contains("x-goog-api-key"));
}

#[test]
fn a_dropped_emulator_is_gone() {
    let emulator = plain(1).start().unwrap();
    let url = emulator.url();
    drop(emulator);
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    assert!(std::net::TcpStream::connect(address).is_err());
}
