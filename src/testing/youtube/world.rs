//! What there is to collect, as a seed and some numbers.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What is special about a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Oddity {
    /// Nothing: public, with comments and likes.
    Plain,
    /// Comments are off: 403 `commentsDisabled`, and `commentCount` is absent.
    CommentsOff,
    /// For members of its channel only: found and counted, but comments are 403 `forbidden`.
    MembersOnly,
    /// Private: not found, absent from `videos`, comments are 403 `forbidden`.
    Private,
    /// Deleted: search still finds it, it is absent from `videos`, comments are 404 `videoNotFound`.
    Gone,
    /// Its likes are hidden: `likeCount` is absent.
    LikesHidden,
    /// A live stream that runs: its duration is `P0D`.
    Live,
    /// Not found by search; all else is there for who knows the id.
    Unlisted,
}

impl Oddity {
    /// Whether `videos` tells of such a video.
    pub fn is_listed(self) -> bool {
        !matches!(self, Self::Private | Self::Gone)
    }

    /// Whether its comments can be read with a key alone.
    pub fn has_comments(self) -> bool {
        self.is_listed() && !matches!(self, Self::CommentsOff | Self::MembersOnly)
    }

    /// Whether search finds it.
    pub fn is_searchable(self) -> bool {
        !matches!(self, Self::Private | Self::Unlisted)
    }
}

/// A world of channels, videos and comments, which grows with the time by a fixed law.
///
/// A world is a seed and some numbers: nothing of it is kept, all of it follows. Two worlds of the
/// same settings are the same, on every machine. At its [`epoch`](Self::epoch) it holds what was
/// asked for; before that it holds less, after that more.
///
/// Numbers have heavy tails (a few comments have most of the likes), texts are in several scripts,
/// with emoji, quotes, lines, and what HTML must escape. From the fourth on, some videos are odd; see
/// [`plain`](Self::plain) and [`odd`](Self::odd).
///
/// # Examples
///
/// ```
/// use floe::testing::youtube::{Oddity, World};
///
/// let world = World::new(7).topic("Solaris").videos(20).threads(400).odd(0, Oddity::CommentsOff);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct World {
    pub(super) seed: u64,
    pub(super) topic: String,
    pub(super) epoch: Timestamp,
    pub(super) videos: u32,
    pub(super) later: u32,
    pub(super) channels: u32,
    pub(super) threads: u32,
    pub(super) replies: bool,
    plain: bool,
    odd: BTreeMap<u32, Oddity>,
}

impl World {
    /// A world of 12 videos with about 100 threads each, at noon (UTC) on 2026-11-02.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            topic: "Mission Impossible".to_owned(),
            // Whole seconds, far from the ends of time.
            epoch: Timestamp::from_second(1_793_620_800).unwrap_or(Timestamp::UNIX_EPOCH),
            videos: 12,
            later: 0,
            channels: 4,
            threads: 100,
            replies: true,
            plain: false,
            odd: BTreeMap::new(),
        }
    }

    /// What the videos are about: it is in each title.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = topic.into();
        self
    }

    /// The time at which the world holds what was asked for. Fractions of a second are cut off.
    pub fn epoch(mut self, epoch: Timestamp) -> Self {
        self.epoch = Timestamp::from_second(epoch.as_second()).unwrap_or(epoch);
        self
    }

    /// How many videos there are at the epoch.
    pub fn videos(mut self, videos: u32) -> Self {
        self.videos = videos;
        self
    }

    /// How many more are published after it, one every eight hours.
    pub fn later_videos(mut self, later: u32) -> Self {
        self.later = later;
        self
    }

    /// How many channels the videos belong to; at least one.
    pub fn channels(mut self, channels: u32) -> Self {
        self.channels = channels.max(1);
        self
    }

    /// How many threads a video has at the epoch, on the average: 0.4 to 1.6 times as many.
    pub fn threads(mut self, threads: u32) -> Self {
        self.threads = threads.min(100_000_000);
        self
    }

    /// Leaves out replies.
    pub fn without_replies(mut self) -> Self {
        self.replies = false;
        self
    }

    /// Makes every video a plain one, but those that were made [`odd`](Self::odd).
    pub fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    /// Makes one video odd; they are numbered from 0.
    pub fn odd(mut self, video: u32, oddity: Oddity) -> Self {
        self.odd.insert(video, oddity);
        self
    }

    pub(super) fn oddity(&self, video: u32) -> Oddity {
        if let Some(oddity) = self.odd.get(&video) {
            return *oddity;
        }
        match video % 12 {
            _ if self.plain => Oddity::Plain,
            3 => Oddity::CommentsOff,
            5 => Oddity::LikesHidden,
            6 => Oddity::MembersOnly,
            7 => Oddity::Gone,
            9 => Oddity::Private,
            10 => Oddity::Live,
            11 => Oddity::Unlisted,
            _ => Oddity::Plain,
        }
    }
}
