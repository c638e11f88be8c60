//! What is landed already, as far as a run must know it.

use std::collections::HashMap;
use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::source::remote::youtube::rows::CommentRow;

/// Comments by a hash of their ids: 128 bits, under which two of them never meet.
pub(super) fn key(comment_id: &str) -> u128 {
    let mut hasher = SipHasher24::new();
    hasher.write(comment_id.as_bytes());
    hasher.finish128().as_u128()
}

/// What of a comment may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) likes: Option<u32>,
    pub(super) replies: Option<u32>,
    /// In microseconds.
    pub(super) updated: Option<i64>,
}

impl Shape {
    pub(super) fn of(row: &CommentRow) -> Self {
        Self {
            likes: row.like_count,
            replies: row.reply_count,
            updated: row.updated_at.map(|time| time.0.as_microsecond()),
        }
    }
}

/// The comments of some videos that earlier runs have landed, in their newest shape.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<u128, (Shape, i64)>);

impl Known {
    /// Keeps the newest shape of a comment.
    pub(super) fn put(&mut self, comment_id: &str, shape: Shape, fetched_at: i64) {
        let newest = self.0.entry(key(comment_id)).or_insert((shape, fetched_at));
        if newest.1 <= fetched_at {
            *newest = (shape, fetched_at);
        }
    }

    /// The shape of a comment that was landed since; an older row is purged soon, and the comment is
    /// landed again as if it were not known.
    pub(super) fn get(&self, key: u128, since: i64) -> Option<Shape> {
        let (shape, fetched_at) = self.0.get(&key)?;
        (*fetched_at >= since).then_some(*shape)
    }

    pub(super) fn has(&self, key: u128) -> bool {
        self.0.contains_key(&key)
    }
}
