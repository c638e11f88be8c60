use std::fmt;

use super::quota::Bucket;

/// The methods of the API that are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Endpoint {
    Search,
    Videos,
    Stats,
    Threads,
    Replies,
    PlaylistItems,
}

impl Endpoint {
    pub(super) const ALL: [Self; 6] = [
        Self::Search,
        Self::Videos,
        Self::Stats,
        Self::Threads,
        Self::Replies,
        Self::PlaylistItems,
    ];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Search => "/youtube/v3/search",
            Self::Videos => "/youtube/v3/videos",
            Self::Stats => "/youtube/v3/videos:batchGetStats",
            Self::Threads => "/youtube/v3/commentThreads",
            Self::Replies => "/youtube/v3/comments",
            Self::PlaylistItems => "/youtube/v3/playlistItems",
        }
    }

    /// As the vendor calls it; also the label of a request, by which the quota is charged.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Search => "search.list",
            Self::Videos => "videos.list",
            Self::Stats => "videos.batchGetStats",
            Self::Threads => "commentThreads.list",
            Self::Replies => "comments.list",
            Self::PlaylistItems => "playlistItems.list",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The bucket that the vendor charges today.
    pub(super) fn bucket(self) -> Bucket {
        match self {
            Self::Search => Bucket::Search,
            Self::Stats => Bucket::Stats,
            Self::Videos | Self::Threads | Self::Replies | Self::PlaylistItems => Bucket::Common,
        }
    }

    /// Whether a refusal concerns one video only, not the whole run.
    pub(super) fn is_of_one_item(self) -> bool {
        matches!(self, Self::Threads | Self::Replies | Self::PlaylistItems)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
