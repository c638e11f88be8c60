//! Replies that were recorded from the real API, in the tables of the YouTube source.

use std::path::{Path, PathBuf};

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::source::remote::youtube::{
    Authors, COMMENTS, LikeScore, Recorded, SEARCH, VIDEO_STATS, VIDEOS, like_score,
};

use crate::support::{collect, say};

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(path);
    if path.exists() {
        return Some(path);
    }
    say(format_args!("left out: {} is not there", path.display()));
    None
}

fn empty() -> Recorded {
    Recorded::new("2026-11-25T12:00:00Z".parse().unwrap())
}

fn read(names: &[&str]) -> Option<Recorded> {
    let mut recorded = empty();
    for name in names {
        let path = shared("youtube_api")?.join(name);
        recorded.add(&std::fs::read(path).unwrap()).unwrap();
    }
    Some(recorded)
}

fn texts(frame: &DataFrame, column: &str) -> Vec<Option<String>> {
    let texts = frame.column(column).unwrap().str().unwrap();
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

fn utc() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

#[test]
fn two_pages_with_the_same_five_ids_are_five_rows_with_the_documented_dtypes() {
    let folder = "recorded/apidata/comment_threads/comment_threads_by_video_paged";
    let pages = [format!("{folder}_1.json"), format!("{folder}_2.json")];
    let Some(recorded) = read(&[&pages[0], &pages[1]]) else {
        return;
    };
    let comments = recorded.table(COMMENTS).unwrap();
    let threads = comments.clone().lazy().filter(col("parent_id").is_null());
    assert_eq!(collect(threads).unwrap().height(), 5);
    let documented = [
        ("comment_id", DataType::String),
        ("parent_id", DataType::String),
        ("video_id", DataType::String),
        ("channel_id", DataType::String),
        ("text", DataType::String),
        ("author_name", DataType::String),
        ("author_channel_id", DataType::String),
        ("author_pseudonym", DataType::String),
        ("like_count", DataType::UInt32),
        ("published_at", utc()),
        ("updated_at", utc()),
        ("reply_count", DataType::UInt32),
        ("can_reply", DataType::Boolean),
        ("is_public", DataType::Boolean),
        ("has_image", DataType::Boolean),
        ("fetched_at", utc()),
        ("source", DataType::String),
        ("run_id", DataType::String),
    ];
    let found: Vec<(String, DataType)> = comments
        .columns()
        .iter()
        .map(|column| (column.name().to_string(), column.dtype().clone()))
        .collect();
    let documented = documented.map(|(name, dtype)| (name.to_owned(), dtype));
    assert_eq!(found, documented);
    assert!(
        texts(&comments, "video_id")
            .iter()
            .all(|id| id.as_deref() == Some("F1UP7wRCPH8"))
    );
    // Nothing of the authors unless asked for.
    assert_eq!(
        comments.column("author_name").unwrap().null_count(),
        comments.height()
    );
}

#[test]
fn a_page_of_98_threads_sums_to_its_likes() {
    let Some(path) = shared("youtube_api/recorded_threads/commentThreads_100.json") else {
        return;
    };
    let bytes = std::fs::read(path).unwrap();
    let mut recorded = empty().authors(Authors::Keep);
    recorded.add(&bytes).unwrap();
    let comments = recorded.table(COMMENTS).unwrap();
    // Summed by another reader, without our structs.
    let reply: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let (mut likes, mut count) = (0, 0);
    for item in reply["items"].as_array().unwrap() {
        let top = &item["snippet"]["topLevelComment"]["snippet"];
        likes += top["likeCount"].as_u64().unwrap();
        count += 1;
        for reply in item["replies"]["comments"].as_array().into_iter().flatten() {
            likes += reply["snippet"]["likeCount"].as_u64().unwrap();
            count += 1;
        }
    }
    assert_eq!(comments.height(), count);
    assert!(likes > 0);
    let sums = collect(like_score(comments.clone().lazy(), LikeScore::Sum, &[])).unwrap();
    assert_eq!(
        sums.column("likes").unwrap().f64().unwrap().get(0),
        Some(likes as f64)
    );
    // The text is that which was typed, without the escapes of the displayed one.
    let first = texts(&comments, "text")[0].clone().unwrap();
    assert_eq!(
        first,
        "Nobody's love ... Song title made me die from laughter"
    );
    assert_eq!(
        texts(&comments, "author_name")[0].as_deref(),
        Some("Amit Sharma")
    );
}

#[test]
fn escaped_titles_of_search_come_out_unescaped() {
    let folder = "recorded/apidata/search/search_by_keywords";
    let pages = [format!("{folder}_p1.json"), format!("{folder}_p2.json")];
    let Some(recorded) = read(&[&pages[0], &pages[1]]) else {
        return;
    };
    let hits = recorded.table(SEARCH).unwrap();
    let titles = texts(&hits, "title");
    assert!(
        titles
            .iter()
            .flatten()
            .any(|title| title == "SURFING PERFECT PIPE & BACKDOOR || SUNRISE SHACK!")
    );
    assert!(
        !titles
            .iter()
            .flatten()
            .any(|title| title.contains("&amp;") || title.contains("&#39;"))
    );
    let ranks = hits.column("rank").unwrap().u32().unwrap();
    assert_eq!(ranks.get(hits.height() - 1), Some(hits.height() as u32));
    assert!(
        texts(&hits, "region")
            .iter()
            .all(|region| region.as_deref() == Some("JP"))
    );
}

#[test]
fn counts_that_are_texts_become_numbers_and_durations_seconds() {
    let folder = "recorded/apidata/videos/videos_chart_paged";
    let pages = [format!("{folder}_1.json"), format!("{folder}_2.json")];
    let Some(mut recorded) = read(&[&pages[0], &pages[1]]) else {
        return;
    };
    // The recordings have no statistics; this is the documented form of both methods.
    for reply in [
        r#"{"kind": "youtube#videoListResponse", "items": [{"id": "a",
            "snippet": {"title": "A", "publishedAt": "2026-01-01T00:00:00Z"},
            "contentDetails": {"duration": "PT1H2M3S", "caption": "false"},
            "statistics": {"viewCount": "18446744073709551615", "likeCount": "7"}}]}"#,
        r#"{"kind": "youtube#batchGetStatsResponse", "items": [{"id": "b",
            "snippet": {"publishTime": "2026-01-01T00:00:00Z"},
            "contentDetails": {"duration": "213s"},
            "statistics": {"viewCount": "5", "commentCount": 3}}]}"#,
    ] {
        recorded.add(reply.as_bytes()).unwrap();
    }
    let videos = recorded.table(VIDEOS).unwrap();
    let stats = recorded.table(VIDEO_STATS).unwrap();
    assert_eq!((videos.height(), stats.height()), (9, 2));
    let counts = |name: &str| {
        let counts = stats.column(name).unwrap().u64().unwrap();
        [counts.get(0), counts.get(1)]
    };
    assert_eq!(counts("view_count"), [Some(u64::MAX), Some(5)]);
    assert_eq!(counts("like_count"), [Some(7), None]);
    assert_eq!(counts("comment_count"), [None, Some(3)]);
    let seconds = videos.column("duration_s").unwrap().i64().unwrap();
    assert_eq!(seconds.get(8), Some(3723));
    let captions = videos.column("has_captions").unwrap().bool().unwrap();
    assert_eq!(captions.get(8), Some(false));
    let path = shared("youtube_api").unwrap().join(&pages[0]);
    let reply: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for (at, item) in reply["items"].as_array().unwrap().iter().enumerate() {
        let tags = item["snippet"]["tags"].as_array().map(Vec::len);
        let found = videos
            .column("tags")
            .unwrap()
            .list()
            .unwrap()
            .get_as_series(at);
        assert_eq!(found.map(|tags| tags.len()), tags);
        let title = texts(&videos, "title")[at].clone();
        assert_eq!(title.as_deref(), item["snippet"]["title"].as_str());
    }
}

#[test]
fn every_recorded_reply_of_these_methods_is_read() {
    let Some(folder) = shared("youtube_api/recorded/apidata") else {
        return;
    };
    let mut read = 0;
    for kind in ["comment_threads", "comments", "search", "videos"] {
        for entry in std::fs::read_dir(folder.join(kind)).unwrap() {
            let path = entry.unwrap().path();
            let mut recorded = empty();
            let added = recorded.add(&std::fs::read(&path).unwrap());
            if path.ends_with("get_rating_response.json") {
                assert_eq!(added.unwrap_err().kind(), ErrorKind::Source);
                continue;
            }
            added.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            read += 1;
        }
    }
    assert_eq!(read, 29);
}

#[test]
fn what_is_no_reply_adds_no_row() {
    let mut recorded = empty();
    for wrong in [
        "",
        "[]",
        "{}",
        r#"{"kind": "youtube#playlistListResponse"}"#,
        r#"{"kind": "youtube#commentListResponse", "items": [{"id": 7}]}"#,
        r#"{"kind": "youtube#commentListResponse", "items": [{"id": "a", "snippet": {"likeCount": -1}}]}"#,
    ] {
        let error = recorded.add(wrong.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Source, "{wrong}");
    }
    assert_eq!(recorded.table(COMMENTS).unwrap().height(), 0);
    assert_eq!(
        recorded.table("likes").unwrap_err().kind(),
        ErrorKind::Config
    );
}

#[test]
fn the_comments_of_a_data_set_load_with_no_row_lost() {
    let Some(folder) = shared("youtube_comments") else {
        return;
    };
    let comments = Csv::new(folder.join("kaggle_youtube_statistics_comments.csv"));
    let frame = collect(comments.scan().unwrap()).unwrap();
    assert_eq!(frame.height(), 18_409);
    let lines = texts(&frame, "Comment");
    assert!(
        lines
            .iter()
            .flatten()
            .filter(|text| text.contains('\n'))
            .count()
            > 100
    );
    // By Python's csv module: 18,409 records, and this sum of their likes.
    let likes = frame
        .column("Likes")
        .unwrap()
        .cast(&DataType::Float64)
        .unwrap();
    let sum: f64 = likes.f64().unwrap().iter().flatten().sum();
    assert_eq!(sum, 19_145_718.0);
    let videos = Csv::new(folder.join("kaggle_youtube_statistics_videos.csv"));
    assert_eq!(collect(videos.scan().unwrap()).unwrap().height(), 1881);
}

#[test]
fn scores_other_than_the_sum_are_not_moved_by_one_lucky_comment() {
    let frame = |last: u32| {
        let mut likes: Vec<u32> = (0..200).map(|at| at % 7).collect();
        likes.push(last);
        let videos: Vec<&str> = (0..201)
            .map(|at| if at % 2 == 0 { "a" } else { "b" })
            .collect();
        df!["video_id" => videos, "like_count" => likes, "fetched_at" => vec![1i64; 201],
            "run_id" => vec!["r"; 201]]
        .unwrap()
    };
    let score = |last: u32, score: LikeScore| {
        let frame = like_score(frame(last).lazy(), score, &["run_id"]);
        let likes = collect(frame).unwrap().column("likes").unwrap().clone();
        likes.f64().unwrap().get(0).unwrap()
    };
    for robust in [LikeScore::Median, LikeScore::TrimmedMean] {
        assert_eq!(score(1_000, robust), score(1_000_000, robust), "{robust:?}");
    }
    let plain: u32 = (0..200).map(|at| at % 7).sum();
    assert_eq!(score(9, LikeScore::Sum), f64::from(plain + 9));
    assert_eq!(score(9, LikeScore::PerVideo), f64::from(plain + 9) / 2.0);
    let squares: u32 = (0..200).map(|at| (at % 7) * (at % 7)).sum();
    let weighted = f64::from(squares + 81) / f64::from(plain + 9);
    assert!((score(9, LikeScore::LikeWeighted) - weighted).abs() < 1e-12);
}
