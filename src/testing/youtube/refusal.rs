//! The bodies of errors, as they were recorded.

use serde_json::{Map, Value, json};

/// A reply that is not the data.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: u16,
    pub(super) reason: &'static str,
    domain: &'static str,
    message: String,
    parameter: Option<String>,
    status: Option<&'static str>,
    info: Option<Box<Info>>,
    pub(super) retry_after: Option<u32>,
}

/// What newer errors tell besides.
#[derive(Clone, Debug)]
struct Info {
    reason: &'static str,
    metadata: Vec<(&'static str, String)>,
}

impl Refusal {
    fn new(code: u16, domain: &'static str, reason: &'static str, message: String) -> Self {
        Self {
            code,
            reason,
            domain,
            message,
            parameter: None,
            status: None,
            info: None,
            retry_after: None,
        }
    }

    fn at(mut self, parameter: &str) -> Self {
        self.parameter = Some(parameter.to_owned());
        self
    }

    fn status(mut self, status: &'static str) -> Self {
        self.status = Some(status);
        self
    }

    fn info(mut self, reason: &'static str, metadata: &[(&'static str, &str)]) -> Self {
        let metadata = metadata
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()));
        self.info = Some(Box::new(Info {
            reason,
            metadata: metadata.collect(),
        }));
        self
    }

    /// A parameter that cannot be, in the domain of parameters.
    pub(super) fn parameter(reason: &'static str, name: &str, message: String) -> Self {
        Self::new(400, "youtube.parameter", reason, message)
            .at(name)
            .status("INVALID_ARGUMENT")
    }

    pub(super) fn missing(name: &str) -> Self {
        let message = format!("No filter selected. Expected one of: {name}");
        let message = match name {
            "part" => "The request is missing the required parameter: part".to_owned(),
            _ => message,
        };
        Self::parameter("missingRequiredParameter", name, message)
    }

    pub(super) fn incompatible(names: &str) -> Self {
        let message = format!("Incompatible parameters specified in the request: {names}");
        Self::parameter("incompatibleParameters", names, message)
    }

    pub(super) fn value(name: &str, value: &str) -> Self {
        let message = format!("Invalid value '{value}' for parameter '{name}'");
        Self::parameter("invalidParameter", name, message)
    }

    pub(super) fn unknown_part(name: &str) -> Self {
        Self::parameter("unknownPart", "part", format!("'{name}'"))
    }

    pub(super) fn unknown_parameter(name: &str) -> Self {
        let message = format!(
            "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. \
             Field '{name}' could not be found in request message."
        );
        Self::new(400, "global", "badRequest", message).status("INVALID_ARGUMENT")
    }

    pub(super) fn search_filter() -> Self {
        let message = "The request contains an invalid combination of search filters and/or \
                       restrictions. Note that you must set the type parameter to video.";
        Self::new(
            400,
            "youtube.search",
            "invalidSearchFilter",
            message.to_owned(),
        )
        .at("type")
    }

    pub(super) fn page_token(domain: &'static str) -> Self {
        let message = "The request specifies an invalid page token.".to_owned();
        Self::new(400, domain, "invalidPageToken", message)
            .at("pageToken")
            .status("INVALID_ARGUMENT")
    }

    pub(super) fn fields(selection: &str) -> Self {
        let message = format!("Invalid field selection {selection}");
        Self::new(400, "global", "invalidParameter", message)
            .at("fields")
            .status("INVALID_ARGUMENT")
    }

    pub(super) fn no_such_path() -> Self {
        let message = "Requested entity was not found.".to_owned();
        Self::new(404, "global", "notFound", message).status("NOT_FOUND")
    }

    pub(super) fn no_key() -> Self {
        let message = "Method doesn't allow unregistered callers (callers without established \
                       identity). Please use API Key or other form of API consumer identity to call \
                       this API.";
        Self::new(403, "global", "forbidden", message.to_owned()).status("PERMISSION_DENIED")
    }

    pub(super) fn bad_key() -> Self {
        let message = "API key not valid. Please pass a valid API key.".to_owned();
        Self::new(400, "global", "badRequest", message)
            .status("INVALID_ARGUMENT")
            .info("API_KEY_INVALID", &[("service", "youtube.googleapis.com")])
    }

    pub(super) fn expired_key() -> Self {
        let message = "API key expired. Please renew the API key.".to_owned();
        Self::new(400, "global", "badRequest", message)
            .status("INVALID_ARGUMENT")
            .info("API_KEY_INVALID", &[("service", "youtube.googleapis.com")])
    }

    pub(super) fn not_configured() -> Self {
        let message =
            "YouTube Data API v3 has not been used in project 0 before or it is disabled.";
        Self::new(
            403,
            "usageLimits",
            "accessNotConfigured",
            message.to_owned(),
        )
        .status("PERMISSION_DENIED")
        .info("SERVICE_DISABLED", &[("service", "youtube.googleapis.com")])
    }

    pub(super) fn referer() -> Self {
        let message = "Requests from referer <empty> are blocked.".to_owned();
        Self::new(403, "global", "forbidden", message)
            .status("PERMISSION_DENIED")
            .info(
                "API_KEY_HTTP_REFERRER_BLOCKED",
                &[("service", "youtube.googleapis.com")],
            )
    }

    pub(super) fn core() -> Value {
        json!({ "error": {
            "code": 403,
            "message": "The caller does not have permission",
            "errors": [{
                "message": "Permission denied.",
                "domain": "youtube.CoreErrorDomain",
                "reason": "SERVICE_UNAVAILABLE",
            }],
            "status": "PERMISSION_DENIED",
        }})
    }

    pub(super) fn quota() -> Self {
        let message = "The request cannot be completed because you have exceeded your quota.";
        Self::new(403, "youtube.quota", "quotaExceeded", message.to_owned())
    }

    /// The search bucket is empty: a 429 that no retry helps, as recorded in September 2026.
    pub(super) fn search_quota(limit: u64, window_start: i64) -> Self {
        let message = "Quota exceeded for quota metric 'Search Queries' and limit 'Search Queries per \
                       day' of service 'youtube.googleapis.com' for consumer 'project_number:0'.";
        Self::new(429, "global", "rateLimitExceeded", message.to_owned())
            .status("RESOURCE_EXHAUSTED")
            .info(
                "RATE_LIMIT_EXCEEDED",
                &[
                    ("service", "youtube.googleapis.com"),
                    ("consumer", "projects/0"),
                    ("quota_metric", "youtube.googleapis.com/search_list"),
                    ("quota_limit", "defaultSearchListPerDayPerProject"),
                    ("quota_limit_value", &limit.to_string()),
                    ("quota_location", "global"),
                    ("quota_unit", "1/d/{project}"),
                    ("window_start_time", &window_start.to_string()),
                ],
            )
    }

    /// Too many calls a minute: a 429 that goes away.
    pub(super) fn too_fast(limit: u64, retry_after: Option<u32>) -> Self {
        let message = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of \
                       service 'youtube.googleapis.com' for consumer 'project_number:0'.";
        let mut refusal = Self::new(429, "global", "rateLimitExceeded", message.to_owned())
            .status("RESOURCE_EXHAUSTED")
            .info(
                "RATE_LIMIT_EXCEEDED",
                &[
                    ("service", "youtube.googleapis.com"),
                    ("consumer", "projects/0"),
                    ("quota_metric", "youtube.googleapis.com/default"),
                    ("quota_limit", "defaultPerMinutePerProject"),
                    ("quota_limit_value", &limit.to_string()),
                    ("quota_location", "global"),
                    ("quota_unit", "1/min/{project}"),
                ],
            );
        refusal.retry_after = retry_after;
        refusal
    }

    pub(super) fn backend(code: u16) -> Self {
        let status = if code == 503 {
            "UNAVAILABLE"
        } else {
            "INTERNAL"
        };
        Self::new(code, "global", "backendError", "Backend Error".to_owned()).status(status)
    }

    pub(super) fn processing() -> Self {
        let message = "The API server failed to successfully process the request. While this can be a \
                       transient error, it usually indicates that the request's input is invalid.";
        Self::new(
            400,
            "youtube.commentThread",
            "processingFailure",
            message.to_owned(),
        )
        .at("body")
        .status("INVALID_ARGUMENT")
    }

    pub(super) fn comments_disabled() -> Self {
        let message = video_parameter("has disabled comments.");
        Self::new(403, "youtube.commentThread", "commentsDisabled", message).at("videoId")
    }

    pub(super) fn video_not_found() -> Self {
        let message = video_parameter("could not be found.");
        Self::new(404, "youtube.commentThread", "videoNotFound", message).at("videoId")
    }

    pub(super) fn forbidden_comments() -> Self {
        let message = "One or more of the requested comment threads cannot be retrieved due to \
                       insufficient permissions. The request might not be properly authorized.";
        Self::new(
            403,
            "youtube.commentThread",
            "forbidden",
            message.to_owned(),
        )
        .at("videoId")
    }

    pub(super) fn comment_not_found(parameter: &str) -> Self {
        let message = format!(
            "The comment identified by the <code>{parameter}</code> parameter could not be found."
        );
        Self::new(404, "youtube.comment", "commentNotFound", message).at(parameter)
    }

    pub(super) fn playlist_not_found() -> Self {
        let message = "The playlist identified with the request's <code>playlistId</code> parameter \
                       cannot be found.";
        Self::new(
            404,
            "youtube.playlistItem",
            "playlistNotFound",
            message.to_owned(),
        )
        .at("playlistId")
    }

    pub(super) fn channel_not_found(parameter: &str) -> Self {
        let message =
            format!("The channel specified in the <code>{parameter}</code> is not found.");
        Self::new(404, "youtube.channel", "channelNotFound", message).at(parameter)
    }

    pub(super) fn needs_login(parameter: &str) -> Self {
        let message = "The request uses a parameter but is not properly authorized.".to_owned();
        Self::new(401, "youtube.parameter", "authorizationRequired", message)
            .at(parameter)
            .status("UNAUTHENTICATED")
    }

    pub(super) fn body(&self) -> Value {
        let mut error = Map::new();
        error.insert("message".to_owned(), json!(self.message));
        error.insert("domain".to_owned(), json!(self.domain));
        error.insert("reason".to_owned(), json!(self.reason));
        if let Some(parameter) = &self.parameter {
            error.insert("location".to_owned(), json!(parameter));
            error.insert("locationType".to_owned(), json!("parameter"));
        }
        let mut all = Map::new();
        all.insert("code".to_owned(), json!(self.code));
        all.insert("message".to_owned(), json!(self.message));
        all.insert("errors".to_owned(), json!([error]));
        if let Some(status) = self.status {
            all.insert("status".to_owned(), json!(status));
        }
        if let Some(info) = &self.info {
            let (reason, metadata) = (info.reason, &info.metadata);
            let metadata = metadata
                .iter()
                .map(|(key, value)| ((*key).to_owned(), json!(value)));
            all.insert(
                "details".to_owned(),
                json!([{
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": reason,
                    "domain": "googleapis.com",
                    "metadata": metadata.collect::<Map<_, _>>(),
                }]),
            );
        }
        json!({ "error": all })
    }
}

fn video_parameter(what: &str) -> String {
    format!(
        "The video identified by the <code><a href=\"/youtube/v3/docs/commentThreads/list#videoId\">\
         videoId</a></code> parameter {what}"
    )
}
