//! What a reply means, by its body first: the same status stands for a used-up day, a slow-down, a
//! wrong key and a video without comments.

use serde_json::Value;

use super::endpoint::Endpoint;
use super::quota::Bucket;
use crate::error::Error;
use crate::http::Reply;

/// What to do with a reply.
#[derive(Debug)]
pub(super) enum Ruling {
    /// It is what was asked for.
    Answered,
    /// The same request may succeed soon.
    Again,
    /// May be a passing fault, but is mostly a bad item: two more tries, then the item is skipped.
    AgainTwice(String),
    /// The bucket is empty until midnight in Los Angeles.
    Exhausted(Bucket),
    /// This item cannot be had; others can.
    Skip(String),
    /// The token of the page is no longer known.
    BadToken,
    /// The method is not open to this project.
    Unavailable,
    /// Nothing that follows can succeed.
    Abort(Error),
}

/// The parts of an error body that say something.
#[derive(Debug, Default)]
struct Refusal {
    reasons: Vec<String>,
    domains: Vec<String>,
    messages: Vec<String>,
    /// `quota_metric`, `quota_limit` and `quota_unit` of the details.
    metric: Option<String>,
    limit: Option<String>,
    unit: Option<String>,
}

impl Refusal {
    /// Reads what there is: bodies come with several errors, with none, as a text, as HTML, empty.
    fn of(body: &[u8], scrub: &dyn Fn(&str) -> String) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return Self::default();
        };
        let mut found = Self::default();
        // What is said goes into errors, manifests and logs: without secrets, and not without end.
        let brief = |text: &String| brief(&scrub(text));
        match &body["error"] {
            Value::String(text) => found.messages.push(text.clone()),
            error => {
                found.push(&error["reason"], &error["domain"], &error["message"]);
                for one in error["errors"].as_array().into_iter().flatten() {
                    found.push(&one["reason"], &one["domain"], &one["message"]);
                }
                for one in error["details"].as_array().into_iter().flatten() {
                    found.push(&one["reason"], &one["domain"], &Value::Null);
                    let metadata = &one["metadata"];
                    let text = |name: &str| metadata[name].as_str().map(str::to_owned);
                    found.metric = found.metric.or_else(|| text("quota_metric"));
                    found.limit = found.limit.or_else(|| text("quota_limit"));
                    found.unit = found.unit.or_else(|| text("quota_unit"));
                }
            }
        }
        // Some recordings hold an item of `errors` alone.
        if body.get("error").is_none() {
            found.push(&body["reason"], &body["domain"], &body["message"]);
        }
        found.reasons = found.reasons.iter().map(brief).collect();
        found.messages = found.messages.iter().map(brief).collect();
        found
    }

    fn push(&mut self, reason: &Value, domain: &Value, message: &Value) {
        let keep = |list: &mut Vec<String>, value: &Value| {
            if let Some(text) = value.as_str() {
                list.push(text.to_owned());
            }
        };
        keep(&mut self.reasons, reason);
        keep(&mut self.domains, domain);
        keep(&mut self.messages, message);
    }

    fn has(&self, reasons: &[&str]) -> bool {
        self.reasons
            .iter()
            .any(|reason| reasons.contains(&reason.as_str()))
    }

    fn says(&self, words: &str) -> bool {
        self.messages
            .iter()
            .any(|message| message.to_lowercase().contains(words))
    }

    /// Whether the day is used up, and not the minute.
    fn is_of_the_day(&self) -> bool {
        const REASONS: [&str; 3] = [
            "quotaExceeded",
            "dailyLimitExceeded",
            "dailyLimitExceededUnreg",
        ];
        let unit = self.unit.as_deref().unwrap_or_default();
        let limit = self.limit.as_deref().unwrap_or_default();
        // A limit of the minute that names its unit is believed over the words of the message.
        if unit.starts_with("1/min") || limit.contains("PerMinute") {
            return false;
        }
        unit.starts_with("1/d/")
            || limit.contains("PerDay")
            || self.has(&REASONS)
            || self.says("per day")
    }

    fn bucket(&self, endpoint: Endpoint) -> Bucket {
        match self.metric.as_deref() {
            Some(metric) if metric.contains("search") => Bucket::Search,
            Some(metric) if metric.to_lowercase().contains("stat") => Bucket::Stats,
            Some(metric) if metric.ends_with("/default") => Bucket::Common,
            _ => endpoint.bucket(),
        }
    }

    /// The first reason, or else the status, as the reason of a skipped item.
    fn reason(&self, reply: &Reply) -> String {
        match self.reasons.first() {
            Some(reason) => reason.clone(),
            None => format!("status {}", reply.status()),
        }
    }

    /// What it says, for a message: HTML in it stays as it is.
    fn told(&self, reply: &Reply) -> String {
        match (self.messages.first(), self.reasons.first()) {
            (Some(message), Some(reason)) => format!("{message} ({reason})"),
            (Some(message), None) => message.clone(),
            (None, Some(reason)) => reason.clone(),
            (None, None) => reply.excerpt(),
        }
    }
}

/// The most characters of what a refusal says that are told.
const TOLD: usize = 300;
const SLOW_DOWN: [&str; 4] = [
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "servingLimitExceeded",
    "RATE_LIMIT_EXCEEDED",
];
const DOWN: [&str; 3] = ["backendError", "internalError", "notReady"];
const KEY: [&str; 11] = [
    "API_KEY_INVALID",
    "API_KEY_SERVICE_BLOCKED",
    "API_KEY_HTTP_REFERRER_BLOCKED",
    "API_KEY_IP_ADDRESS_BLOCKED",
    "keyInvalid",
    "keyExpired",
    "accessNotConfigured",
    "SERVICE_DISABLED",
    "CONSUMER_INVALID",
    "ipRefererBlocked",
    "youtubeSignupRequired",
];
const GONE: [&str; 7] = [
    "commentsDisabled",
    "videoNotFound",
    "commentThreadNotFound",
    "commentNotFound",
    "channelNotFound",
    "playlistNotFound",
    "playlistItemsNotAccessible",
];

/// The beginning of a text of which nobody knows how long it is.
pub(super) fn brief(text: &str) -> String {
    match text.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What a reply of this method means. `scrub` takes secrets out of a text.
pub(super) fn rule(endpoint: Endpoint, reply: &Reply, scrub: &dyn Fn(&str) -> String) -> Ruling {
    let status = reply.status();
    if reply.is_success() {
        return Ruling::Answered;
    }
    let refusal = Refusal::of(reply.body(), scrub);
    // A wrong key is told before anything else: no quota is asked for it.
    if refusal.has(&KEY) || refusal.says("api key not valid") || refusal.says("api key expired") {
        return Ruling::Abort(
            reply
                .error(refusal.told(reply))
                .with_help("check the API key, its restrictions, and that its project has the YouTube Data API v3 enabled"),
        );
    }
    if refusal.is_of_the_day() {
        return Ruling::Exhausted(refusal.bucket(endpoint));
    }
    if status == 429 || refusal.has(&SLOW_DOWN) {
        return Ruling::Again;
    }
    if matches!(status, 408 | 500 | 502 | 503 | 504) || refusal.has(&DOWN) {
        return Ruling::Again;
    }
    let of_the_core = refusal
        .domains
        .iter()
        .any(|domain| domain == "youtube.CoreErrorDomain");
    if of_the_core {
        return Ruling::Skip(refusal.reason(reply));
    }
    let closed = refusal.has(&GONE) || (status == 403 && refusal.has(&["forbidden"]));
    if closed && endpoint.is_of_one_item() {
        return Ruling::Skip(refusal.reason(reply));
    }
    if refusal.has(&["processingFailure"]) {
        return Ruling::AgainTwice("processingFailure".to_owned());
    }
    if refusal.has(&["invalidPageToken"]) {
        return Ruling::BadToken;
    }
    if endpoint == Endpoint::Stats && matches!(status, 403 | 404) {
        return Ruling::Unavailable;
    }
    let help = match status {
        300..=399 => {
            "redirects are not followed, since the key would go along; check the base URL, and whether a portal stands before the network"
        }
        401 | 403 => "check the API key and what its project may do",
        404 => "check the base URL",
        _ => "check the settings of the collection: the API refuses them",
    };
    Ruling::Abort(reply.error(refusal.told(reply)).with_help(help))
}
