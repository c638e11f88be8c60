//! What goes wrong, by script.

use std::time::Duration;

use super::ledger::Endpoint;

/// What goes wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trouble {
    /// A JSON body with `backendError` under this status: 500 or 503.
    Backend(u16),
    /// A page of HTML under this status, as a proxy sends it: 502.
    HtmlPage(u16),
    /// Nothing at all under this status.
    EmptyReply(u16),
    /// `{"error": "…"}` under this status, as the OAuth servers send it.
    PlainError(u16),
    /// The connection is closed before a byte is sent.
    DropBeforeReply,
    /// The connection is closed in the middle of the body.
    DropMidBody,
    /// Status 200 and half of the JSON, with a length that fits it.
    TruncatedJson,
    /// A gzip stream that ends in the middle.
    BrokenGzip,
    /// The body comes in pieces with this long in all, by the machine's clock.
    SlowBody(Duration),
    /// Right JSON that says it is `text/html`.
    WrongContentType,
    /// 302 to this URL.
    Redirect(String),
    /// 429 `rateLimitExceeded` with a limit a minute, and `Retry-After` seconds where given.
    RateLimited(Option<u32>),
    /// The day's quota is said to be used up, in the form of the endpoint.
    DailyQuota,
    /// 400: the key is not valid.
    KeyInvalid,
    /// 400: the key has expired.
    KeyExpired,
    /// 403 `accessNotConfigured`: the API is not switched on in the project.
    AccessNotConfigured,
    /// 403 `forbidden` with `API_KEY_HTTP_REFERRER_BLOCKED`.
    RefererBlocked,
    /// 403 of the domain `youtube.CoreErrorDomain`.
    CoreUnavailable,
    /// 403 `commentsDisabled`.
    CommentsDisabled,
    /// 403 `forbidden`.
    Forbidden,
    /// 404 `videoNotFound`.
    VideoNotFound,
    /// 404 `commentNotFound`.
    CommentNotFound,
    /// 400 `processingFailure`, which may go away.
    ProcessingFailure,
    /// 400 `invalidPageToken`, also for a right token and for none.
    InvalidPageToken,
    /// No items, and a token that leads to the same place again.
    EmptyPage,
    /// Fewer items than there are, and a token that leads to the next of them.
    ShortPage,
    /// The reply has no `items` at all: where nothing else is there to tell.
    NoItems,
    /// Keys that no documentation knows, at every level.
    UnknownKeys,
    /// An item that is not a video among the results of search.
    ForeignItem,
    /// The page begins five items before its place: they are shown a second time.
    Overlap,
    /// So many new threads come to the video before the call is answered.
    NewThreads(u32),
}

impl Trouble {
    /// Those of transport and load that go away when the call is made again.
    pub fn transient() -> Vec<Self> {
        vec![
            Self::Backend(500),
            Self::Backend(503),
            Self::HtmlPage(502),
            Self::EmptyReply(503),
            Self::DropBeforeReply,
            Self::DropMidBody,
            Self::TruncatedJson,
            Self::BrokenGzip,
            Self::RateLimited(None),
            Self::RateLimited(Some(1)),
        ]
    }

    /// Those of the data, under which nothing may be lost, doubled or made up.
    pub fn of_data() -> Vec<Self> {
        vec![
            Self::EmptyPage,
            Self::ShortPage,
            Self::Overlap,
            Self::UnknownKeys,
            Self::WrongContentType,
            Self::NewThreads(3),
            Self::InvalidPageToken,
        ]
    }

    /// A short name for the ledger.
    pub(super) fn name(&self) -> String {
        let text = format!("{self:?}");
        text.split(['(', ' ']).next().unwrap_or_default().to_owned()
    }
}

/// One line of a script: what goes wrong, with which calls and how often.
///
/// Without more it happens once, with the first call there is.
///
/// # Examples
///
/// ```
/// use floe::testing::youtube::{Endpoint, Fault, Trouble};
///
/// // The third and the fourth page of comments fail, and are there when asked for again.
/// let fault = Fault::new(Trouble::Backend(503)).on(Endpoint::CommentThreads).after(2).times(2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Fault {
    what: Trouble,
    endpoint: Option<Endpoint>,
    video: Option<String>,
    after: u32,
    times: Option<u32>,
}

impl Fault {
    /// Goes wrong once, with the first call.
    pub fn new(what: Trouble) -> Self {
        Self {
            what,
            endpoint: None,
            video: None,
            after: 0,
            times: Some(1),
        }
    }

    /// Only with calls of this resource.
    pub fn on(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// Only with calls that are about this video: by its id, or by a comment under it.
    pub fn of_video(mut self, id: impl Into<String>) -> Self {
        self.video = Some(id.into());
        self
    }

    /// Only once so many such calls have been answered.
    pub fn after(mut self, calls: u32) -> Self {
        self.after = calls;
        self
    }

    /// So many times.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// From then on always.
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Counts a call, and says what goes wrong with it.
    pub(super) fn strike(&mut self, endpoint: Endpoint, videos: &[String]) -> Option<Trouble> {
        if self.endpoint.is_some_and(|only| only != endpoint) {
            return None;
        }
        if let Some(only) = &self.video
            && !videos.contains(only)
        {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        match &mut self.times {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        Some(self.what.clone())
    }
}
