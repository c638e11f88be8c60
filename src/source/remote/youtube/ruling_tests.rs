use super::endpoint::Endpoint;
use super::quota::Bucket;
use super::ruling::{Ruling, rule};
use crate::http::Reply;

fn body(status: u16, domain: &str, reason: &str, message: &str) -> Reply {
    let text = serde_json::json!({"error": {"code": status, "message": message,
        "errors": [{"message": message, "domain": domain, "reason": reason}]}});
    Reply::recorded(status, text.to_string())
}

fn day_of_searches() -> Reply {
    let text = serde_json::json!({"error": {"code": 429,
        "message": "Quota exceeded for quota metric 'Search Queries' and limit 'Search Queries per day'",
        "errors": [{"message": "…", "domain": "global", "reason": "rateLimitExceeded"}],
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com", "metadata": {
                "quota_metric": "youtube.googleapis.com/search_list",
                "quota_limit": "defaultSearchListPerDayPerProject",
                "quota_limit_value": "100", "quota_unit": "1/d/{project}"}}]}});
    Reply::recorded(429, text.to_string())
}

/// One word for a ruling.
fn word(endpoint: Endpoint, reply: &Reply) -> String {
    match rule(endpoint, reply, &str::to_owned) {
        Ruling::Answered => "answered".to_owned(),
        Ruling::Again => "again".to_owned(),
        Ruling::AgainTwice(reason) => format!("twice {reason}"),
        Ruling::Exhausted(bucket) => format!("exhausted {bucket}"),
        Ruling::Skip(reason) => format!("skip {reason}"),
        Ruling::BadToken => "token".to_owned(),
        Ruling::Unavailable => "unavailable".to_owned(),
        Ruling::Abort(error) => {
            assert!(!error.is_transient());
            "abort".to_owned()
        }
    }
}

#[test]
fn a_used_up_day_of_searches_is_not_a_slow_down() {
    let day = day_of_searches();
    assert_eq!(word(Endpoint::Search, &day), "exhausted search");
    // The metric is believed over the method that was called.
    assert_eq!(word(Endpoint::Videos, &day), "exhausted search");
    let words = body(429, "global", "rateLimitExceeded", "Queries PER DAY");
    assert_eq!(word(Endpoint::Stats, &words), "exhausted stats");
}

#[test]
fn a_used_up_minute_is() {
    let text = r#"{"error": {"code": 429, "message": "limit 'Queries per minute' (not per day)",
        "errors": [{"reason": "rateLimitExceeded"}],
        "details": [{"metadata": {"quota_unit": "1/min/{project}"}}]}}"#;
    let minute = Reply::recorded(429, text);
    assert_eq!(word(Endpoint::Search, &minute), "again");
    assert_eq!(word(Endpoint::Threads, &Reply::recorded(429, "")), "again");
    let user = body(403, "usageLimits", "userRateLimitExceeded", "slow down");
    assert_eq!(word(Endpoint::Threads, &user), "again");
}

#[test]
fn the_decision_table_is_kept_row_by_row() {
    use Endpoint::{Replies, Search, Stats, Threads, Videos};
    let comment = "youtube.commentThread";
    let invalid = r#"{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.",
        "errors": [{"reason": "badRequest", "domain": "global"}], "status": "INVALID_ARGUMENT",
        "details": [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}]}}"#;
    let referrer = r#"{"error": {"code": 403, "errors": [{"reason": "forbidden"}],
        "details": [{"reason": "API_KEY_HTTP_REFERRER_BLOCKED"}]}}"#;
    for (endpoint, reply, wanted) in [
        (
            Videos,
            body(403, "youtube.quota", "quotaExceeded", "x"),
            "exhausted common",
        ),
        (
            Search,
            body(403, "usageLimits", "dailyLimitExceeded", "x"),
            "exhausted search",
        ),
        (Videos, Reply::recorded(500, ""), "again"),
        (
            Videos,
            Reply::recorded(502, "<html>Bad Gateway</html>"),
            "again",
        ),
        (Threads, body(503, "global", "backendError", "x"), "again"),
        (Threads, body(400, "global", "backendError", "x"), "again"),
        (Search, Reply::recorded(400, invalid), "abort"),
        (Threads, Reply::recorded(403, referrer), "abort"),
        (
            Threads,
            body(400, "usageLimits", "keyInvalid", "Bad Request"),
            "abort",
        ),
        (
            Stats,
            body(403, "usageLimits", "accessNotConfigured", "x"),
            "abort",
        ),
        (
            Threads,
            body(403, comment, "commentsDisabled", "x"),
            "skip commentsDisabled",
        ),
        (
            Threads,
            body(403, comment, "forbidden", "x"),
            "skip forbidden",
        ),
        (Videos, body(403, "global", "forbidden", "x"), "abort"),
        (
            Threads,
            body(404, comment, "videoNotFound", "x"),
            "skip videoNotFound",
        ),
        (
            Replies,
            body(404, "youtube.comment", "commentNotFound", "x"),
            "skip commentNotFound",
        ),
        (
            Threads,
            body(400, comment, "processingFailure", "x"),
            "twice processingFailure",
        ),
        (
            Threads,
            body(400, comment, "invalidPageToken", "x"),
            "token",
        ),
        (
            Search,
            body(400, "youtube.search", "invalidSearchFilter", "x"),
            "abort",
        ),
        (Threads, body(401, "global", "authError", "x"), "abort"),
        (
            Threads,
            body(403, "youtube.CoreErrorDomain", "SERVICE_UNAVAILABLE", "x"),
            "skip SERVICE_UNAVAILABLE",
        ),
        (Stats, Reply::recorded(404, "Not Found"), "unavailable"),
        (Stats, body(403, "global", "forbidden", "x"), "unavailable"),
        (Videos, Reply::recorded(404, "<html>"), "abort"),
        (Videos, Reply::recorded(302, ""), "abort"),
        (
            Videos,
            Reply::recorded(400, r#"{"error": "error message"}"#),
            "abort",
        ),
        (Videos, Reply::recorded(200, "{}"), "answered"),
    ] {
        assert_eq!(word(endpoint, &reply), wanted, "{endpoint} {reply:?}");
    }
}

#[test]
fn recorded_errors_are_told_apart() {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/youtube_api/errors");
    if !folder.is_dir() {
        println!("left out: {} is not there", folder.display());
        return;
    }
    for (name, status, wanted) in [
        ("commentsDisabled_403.json", 403, "skip commentsDisabled"),
        ("keyInvalid_400_old.json", 400, "abort"),
        ("permission_403.json", 403, "skip SERVICE_UNAVAILABLE"),
        ("quotaExceeded_403.json", 403, "exhausted common"),
        (
            "videoNotFound_404_errors_item.json",
            404,
            "skip videoNotFound",
        ),
    ] {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let reply = Reply::recorded(status, bytes);
        assert_eq!(word(Endpoint::Threads, &reply), wanted, "{name}");
    }
    let day = day_of_searches();
    assert!(matches!(
        rule(Endpoint::Search, &day, &str::to_owned),
        Ruling::Exhausted(Bucket::Search)
    ));
}

#[test]
fn what_is_skipped_is_told_briefly_and_without_the_key() {
    let scrub = |text: &str| text.replace("the-key", "[secret]");
    let long = format!("the-key{}", "a".repeat(5000));
    let reply = body(403, "youtube.CoreErrorDomain", &long, "x");
    for endpoint in [Endpoint::Threads, Endpoint::Search, Endpoint::Videos] {
        let Ruling::Skip(reason) = rule(endpoint, &reply, &scrub) else {
            panic!("{endpoint} is not skipped");
        };
        assert!(reason.starts_with("[secret]aaa"), "{reason}");
        assert!(reason.chars().count() <= 301, "{reason}");
    }
    let reply = body(400, "global", "badRequest", &long);
    let Ruling::Abort(error) = rule(Endpoint::Search, &reply, &scrub) else {
        panic!("a bad request is no reason to go on");
    };
    let told = error.to_string();
    assert!(!told.contains("the-key") && told.len() < 1000, "{told}");
}

#[test]
fn a_failure_is_found_behind_other_reasons() {
    let text = r#"{"error": {"code": 400, "errors": [
        {"reason": "other", "domain": "global"}, {"reason": "processingFailure"}]}}"#;
    let reply = Reply::recorded(400, text);
    assert_eq!(word(Endpoint::Threads, &reply), "twice processingFailure");
}
