//! What there really is, for assertions.

use std::sync::Arc;

use jiff::Timestamp;

use super::scene::{Comment, Scene, Video};

/// What there is in the world at a time, past every fault and every page.
#[derive(Clone, Debug)]
pub struct Truth {
    pub(super) scene: Arc<Scene>,
    pub(super) at: Timestamp,
}

impl Truth {
    /// The time of which it tells.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The videos that are published by then, odd ones included.
    pub fn videos(&self) -> impl Iterator<Item = &Video> {
        let at = self.at;
        self.scene
            .videos
            .iter()
            .filter(move |video| video.published <= at)
    }

    /// One video by its id.
    pub fn video(&self, id: &str) -> Option<&Video> {
        self.scene
            .video(id)
            .filter(|video| video.published <= self.at)
    }

    /// The comments under a video, the oldest thread first and each with its replies behind it, whether
    /// or not they can be read with a key alone; see [`Oddity::has_comments`](super::Oddity::has_comments).
    ///
    /// They are made one by one.
    pub fn comments_of<'a>(&'a self, video: &'a Video) -> impl Iterator<Item = Comment> + 'a {
        let threads = self.scene.threads(video, self.at);
        let threads: Vec<u32> = threads.iter().collect();
        threads.into_iter().flat_map(move |thread| {
            let top = self.scene.thread(video, thread, self.at);
            top.into_iter()
                .chain(self.scene.replies(video, thread, self.at))
        })
    }

    /// All comments that can be read with a key alone: what a whole collection must find.
    pub fn comments(&self) -> impl Iterator<Item = Comment> + '_ {
        let open = self.videos().filter(|video| video.oddity.has_comments());
        open.flat_map(|video| self.comments_of(video))
    }

    /// As [`comments`](Self::comments), of the videos that search finds.
    pub fn found_comments(&self) -> impl Iterator<Item = Comment> + '_ {
        let found = self
            .videos()
            .filter(|video| video.oddity.has_comments() && video.oddity.is_searchable());
        found.flat_map(|video| self.comments_of(video))
    }

    /// Views, likes and comments of a video, as its statistics say them where they say them.
    pub fn counters(&self, video: &Video) -> (u64, u64, u64) {
        self.scene.counters(video, self.at)
    }
}
