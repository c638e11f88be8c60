use std::fmt;

use jiff::Timestamp;

use super::choices::{
    Caption, Definition, Dimension, EventType, License, SafeSearch, SearchOrder, VideoDuration,
    VideoType,
};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Request;

/// A question to `search.list`: what to look for, and how much of the answer to take.
///
/// Each page of 50 hits takes one of the hundred calls that a project has a day. The API shows about
/// 500 hits of a question at most, and its total is an estimate.
///
/// In the order [`Date`](SearchOrder::Date) a later run asks only for videos that were published
/// since the newest one that it knows, less [`overlap_hours`](Self::overlap_hours), since the index
/// of YouTube lags. In any other order the question is asked anew each time; what is known is not
/// collected twice.
///
/// # Examples
///
/// ```
/// use floe::source::remote::youtube::{Search, SearchOrder};
///
/// let trailers = Search::new("\"Mission Impossible\" trailer -reaction")
///     .order(SearchOrder::ViewCount)
///     .region("US")
///     .max_videos(100);
/// assert!(trailers.check().is_ok());
/// assert!(Search::new("film").region("United States").check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a question does nothing until it is given to a source"]
pub struct Search {
    pub(super) query: String,
    pub(super) order: SearchOrder,
    pub(super) published_after: Option<Timestamp>,
    pub(super) published_before: Option<Timestamp>,
    pub(super) region: Option<String>,
    pub(super) language: Option<String>,
    safe_search: Option<SafeSearch>,
    channel: Option<String>,
    topic: Option<String>,
    category: Option<String>,
    location: Option<Location>,
    event_type: Option<EventType>,
    caption: Option<Caption>,
    definition: Option<Definition>,
    dimension: Option<Dimension>,
    duration: Option<VideoDuration>,
    license: Option<License>,
    video_type: Option<VideoType>,
    embeddable: bool,
    syndicated: bool,
    paid_placement: bool,
    pub(super) max_pages: u32,
    pub(super) max_videos: u32,
    pub(super) overlap_hours: u32,
}

/// A circle on the map.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Location {
    latitude: f64,
    longitude: f64,
    radius_km: f64,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.latitude, self.longitude)
    }
}

impl Search {
    /// Looks for videos; `-word` excludes a word, `a|b` finds either.
    pub fn new(query: impl Into<String>) -> Self {
        Self {
            query: query.into(),
            order: SearchOrder::default(),
            published_after: None,
            published_before: None,
            region: None,
            language: None,
            safe_search: None,
            channel: None,
            topic: None,
            category: None,
            location: None,
            event_type: None,
            caption: None,
            definition: None,
            dimension: None,
            duration: None,
            license: None,
            video_type: None,
            embeddable: false,
            syndicated: false,
            paid_placement: false,
            max_pages: 10,
            max_videos: 50,
            overlap_hours: 48,
        }
    }

    /// In which order hits come; by relevance unless told.
    pub fn order(mut self, order: SearchOrder) -> Self {
        self.order = order;
        self
    }

    /// Only videos that were published at this time or later.
    pub fn published_after(mut self, time: Timestamp) -> Self {
        self.published_after = Some(time);
        self
    }

    /// Only videos that were published before this time.
    pub fn published_before(mut self, time: Timestamp) -> Self {
        self.published_before = Some(time);
        self
    }

    /// Only videos that can be watched in this country, by two letters such as `US`.
    pub fn region(mut self, code: impl Into<String>) -> Self {
        self.region = Some(code.into());
        self
    }

    /// Prefers videos in this language, such as `en` or `zh-Hans`; it is no filter.
    pub fn language(mut self, code: impl Into<String>) -> Self {
        self.language = Some(code.into());
        self
    }

    /// Whether restricted content is left out; YouTube is moderate unless told.
    pub fn safe_search(mut self, choice: SafeSearch) -> Self {
        self.safe_search = Some(choice);
        self
    }

    /// Only videos of this channel, by its id `UC…`. To have all of them, ask for the channel itself:
    /// that takes no search.
    pub fn channel(mut self, id: impl Into<String>) -> Self {
        self.channel = Some(id.into());
        self
    }

    /// Only videos on this topic, by its Freebase id, such as `/m/02vxn` for films.
    pub fn topic(mut self, id: impl Into<String>) -> Self {
        self.topic = Some(id.into());
        self
    }

    /// Only videos of this category, by its number, such as `1` for film and animation.
    pub fn category(mut self, id: impl Into<String>) -> Self {
        self.category = Some(id.into());
        self
    }

    /// Only videos that name a place within a circle of at most 1000 km.
    pub fn within(mut self, latitude: f64, longitude: f64, radius_km: f64) -> Self {
        self.location = Some(Location {
            latitude,
            longitude,
            radius_km,
        });
        self
    }

    /// Only broadcasts that are in this state.
    pub fn event_type(mut self, choice: EventType) -> Self {
        self.event_type = Some(choice);
        self
    }

    /// Only videos with captions, or without.
    pub fn caption(mut self, choice: Caption) -> Self {
        self.caption = Some(choice);
        self
    }

    /// Only videos of this definition.
    pub fn definition(mut self, choice: Definition) -> Self {
        self.definition = Some(choice);
        self
    }

    /// Only flat or only spatial videos.
    pub fn dimension(mut self, choice: Dimension) -> Self {
        self.dimension = Some(choice);
        self
    }

    /// Only videos of this length.
    pub fn duration(mut self, choice: VideoDuration) -> Self {
        self.duration = Some(choice);
        self
    }

    /// Only videos under this licence.
    pub fn license(mut self, choice: License) -> Self {
        self.license = Some(choice);
        self
    }

    /// Only films, or only episodes of shows.
    pub fn video_type(mut self, choice: VideoType) -> Self {
        self.video_type = Some(choice);
        self
    }

    /// Only videos that other pages may show.
    pub fn embeddable_only(mut self, only: bool) -> Self {
        self.embeddable = only;
        self
    }

    /// Only videos that can be watched outside of YouTube.
    pub fn syndicated_only(mut self, only: bool) -> Self {
        self.syndicated = only;
        self
    }

    /// Only videos that declare a paid placement.
    pub fn paid_placement_only(mut self, only: bool) -> Self {
        self.paid_placement = only;
        self
    }

    /// The most pages, and so calls, of one run; 10 unless told. In the order of dates, more pages
    /// than the API shows of one question are had by moving the end of its window back.
    pub fn max_pages(mut self, pages: u32) -> Self {
        self.max_pages = pages;
        self
    }

    /// The most hits of one run; 50 unless told, which is one page.
    pub fn max_videos(mut self, videos: u32) -> Self {
        self.max_videos = videos;
        self
    }

    /// How far a later run goes back behind the newest video that is known; 48 hours unless told.
    pub fn overlap_hours(mut self, hours: u32) -> Self {
        self.overlap_hours = hours;
        self
    }

    /// Says what the API would refuse, before a call is spent on it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`].
    pub fn check(&self) -> Result<()> {
        let wrong = |what: String, help: &'static str| {
            let message = format!("the search for `{}`: {what}", self.query);
            Err(Error::new(ErrorKind::Config, message).with_help(help))
        };
        if self.query.trim().is_empty() && self.channel.is_none() && self.topic.is_none() {
            return wrong(
                "it asks for nothing".to_owned(),
                "give words, a channel or a topic",
            );
        }
        if self.max_pages == 0 || self.max_videos == 0 {
            return wrong(
                "it takes no page or no video".to_owned(),
                "allow at least one of each",
            );
        }
        if let Some(code) = &self.region
            && !(code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            return wrong(
                format!("`{code}` is no country"),
                "a country is two capital letters, such as `US`",
            );
        }
        let of_code = |byte: u8| byte.is_ascii_alphabetic() || byte == b'-';
        if let Some(code) = &self.language
            && (code.is_empty() || !code.bytes().all(of_code))
        {
            return wrong(
                "its language is no code".to_owned(),
                "a language is two letters such as `en`, or `zh-Hans` or `zh-Hant`",
            );
        }
        if let (Some(after), Some(before)) = (self.published_after, self.published_before)
            && after >= before
        {
            return wrong(
                format!("nothing is published after {after} and before {before}"),
                "let the window begin before it ends",
            );
        }
        if let Some(circle) = self.location {
            let fits = circle.latitude.abs() <= 90.0
                && circle.longitude.abs() <= 180.0
                && circle.radius_km > 0.0
                && circle.radius_km <= 1000.0;
            if !fits {
                return wrong(
                    format!("{circle} with {} km is no circle", circle.radius_km),
                    "latitude is −90 to 90, longitude −180 to 180, the radius over 0 and at most 1000 km",
                );
            }
        }
        Ok(())
    }

    /// The request of a page. `type=video` is always sent: the filters of videos need it.
    pub(super) fn request(&self, after: Option<Timestamp>, before: Option<Timestamp>) -> Request {
        let flag = |only: bool| only.then_some("true");
        let radius = self
            .location
            .map(|circle| format!("{}km", circle.radius_km));
        Request::get(super::endpoint::Endpoint::Search.path())
            .query("part", "snippet")
            .query("type", "video")
            .query("maxResults", 50)
            .query("q", &self.query)
            .query("order", self.order.wire())
            .query_if("publishedAfter", after)
            .query_if("publishedBefore", before)
            .query_if("regionCode", self.region.as_deref())
            .query_if("relevanceLanguage", self.language.as_deref())
            .query_if("safeSearch", self.safe_search.map(SafeSearch::wire))
            .query_if("channelId", self.channel.as_deref())
            .query_if("topicId", self.topic.as_deref())
            .query_if("videoCategoryId", self.category.as_deref())
            .query_if("location", self.location)
            .query_if("locationRadius", radius)
            .query_if("eventType", self.event_type.map(EventType::wire))
            .query_if("videoCaption", self.caption.map(Caption::wire))
            .query_if("videoDefinition", self.definition.map(Definition::wire))
            .query_if("videoDimension", self.dimension.map(Dimension::wire))
            .query_if("videoDuration", self.duration.map(VideoDuration::wire))
            .query_if("videoLicense", self.license.map(License::wire))
            .query_if("videoType", self.video_type.map(VideoType::wire))
            .query_if("videoEmbeddable", flag(self.embeddable))
            .query_if("videoSyndicated", flag(self.syndicated))
            .query_if("videoPaidProductPlacement", flag(self.paid_placement))
    }

    /// What makes it the same question in a later run, as a text: not how much is taken of it.
    pub(super) fn label(&self) -> String {
        let mut same = self.clone();
        same.max_pages = 1;
        same.max_videos = 1;
        same.overlap_hours = 0;
        format!("{same:?}")
    }
}

impl From<&str> for Search {
    fn from(query: &str) -> Self {
        Self::new(query)
    }
}

impl From<String> for Search {
    fn from(query: String) -> Self {
        Self::new(query)
    }
}
