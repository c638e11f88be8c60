//! What was asked of the emulator, for assertions.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

/// A resource of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Endpoint {
    /// `search`
    Search,
    /// `videos`
    Videos,
    /// `videos:batchGetStats`
    BatchGetStats,
    /// `commentThreads`
    CommentThreads,
    /// `comments`
    Comments,
    /// `playlistItems`
    PlaylistItems,
    /// `channels`
    Channels,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Search,
        Self::Videos,
        Self::BatchGetStats,
        Self::CommentThreads,
        Self::Comments,
        Self::PlaylistItems,
        Self::Channels,
    ];

    /// The path below the root.
    pub fn path(self) -> &'static str {
        match self {
            Self::Search => "/youtube/v3/search",
            Self::Videos => "/youtube/v3/videos",
            Self::BatchGetStats => "/youtube/v3/videos:batchGetStats",
            Self::CommentThreads => "/youtube/v3/commentThreads",
            Self::Comments => "/youtube/v3/comments",
            Self::PlaylistItems => "/youtube/v3/playlistItems",
            Self::Channels => "/youtube/v3/channels",
        }
    }

    /// What its calls are charged to.
    pub fn bucket(self) -> Bucket {
        match self {
            Self::Search => Bucket::Search,
            Self::BatchGetStats => Bucket::Stats,
            _ => Bucket::Common,
        }
    }
}

/// A pool of quota, filled anew at midnight in Los Angeles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Bucket {
    /// `search.list`: 100 calls a day.
    Search,
    /// `videos.batchGetStats`: 10,000 calls a day.
    Stats,
    /// All others together: 10,000 units a day.
    Common,
}

impl Bucket {
    /// What a project has a day by default.
    pub fn default_limit(self) -> u64 {
        match self {
            Self::Search => 100,
            Self::Stats | Self::Common => 10_000,
        }
    }
}

/// One call, as it came and as it was answered.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Call {
    /// When it came, by the clock of the emulator.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// The resource, if there is one of that path.
    pub endpoint: Option<Endpoint>,
    /// The path.
    pub path: String,
    /// The parameters but for the key, in their order.
    pub params: Vec<(String, String)>,
    /// The headers but for the key, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Whether the key came in the header `X-Goog-Api-Key`.
    pub key_in_header: bool,
    /// Whether the key came in the query, where it ends up in logs.
    pub key_in_query: bool,
    /// What it was charged to, if it was charged.
    pub charged: Option<Bucket>,
    /// The status of the reply.
    pub status: u16,
    /// The `reason` of a refusal, or the name of a fault of transport.
    pub trouble: Option<String>,
}

impl Call {
    /// The first value of a parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The first value of a header, whose name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// All calls so far, and what they cost.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Ledger {
    /// The calls, in the order of their replies.
    pub calls: Vec<Call>,
    /// The keys that were sent, right and wrong ones.
    pub keys: Vec<String>,
    /// How many calls were being answered at once, at most.
    pub max_concurrency: usize,
    /// What was charged: by day in Los Angeles and bucket.
    #[serde(serialize_with = "by_day")]
    pub(super) used: BTreeMap<(Date, Bucket), u64>,
}

impl Ledger {
    /// What was charged to a bucket in all.
    pub fn charged(&self, bucket: Bucket) -> u64 {
        let of_bucket = self.used.iter().filter(|((_, known), _)| *known == bucket);
        of_bucket.map(|(_, used)| used).sum()
    }

    /// What was charged to a bucket on one day of Los Angeles.
    pub fn charged_on(&self, day: Date, bucket: Bucket) -> u64 {
        self.used.get(&(day, bucket)).copied().unwrap_or(0)
    }

    /// The calls of one resource.
    pub fn calls_of(&self, endpoint: Endpoint) -> impl Iterator<Item = &Call> {
        let of_endpoint = move |call: &&Call| call.endpoint == Some(endpoint);
        self.calls.iter().filter(of_endpoint)
    }
}

// By reference, as serde calls it.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn as_text<S: serde::Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(time)
}

fn by_day<S: serde::Serializer>(
    used: &BTreeMap<(Date, Bucket), u64>,
    to: S,
) -> Result<S::Ok, S::Error> {
    let entry = |((day, bucket), used): (&(Date, Bucket), &u64)| serde_json::json!({ "day": day.to_string(), "bucket": bucket, "used": used });
    to.collect_seq(used.iter().map(entry))
}
