//! What the tests of the YouTube source share: an emulator, a clock of its own, rows to compare.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use floe::clock::ManualClock;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::source::remote::Landing;
use floe::source::remote::youtube::{self, COMMENTS, Quota};
use floe::testing::youtube::{Comment, Emulator, World};

use tempfile::TempDir;

use crate::support::collect;

/// A comment without its poll.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) parent: Option<String>,
    pub(crate) video: String,
    pub(crate) text: String,
    pub(crate) likes: u32,
    pub(crate) published: i64,
    pub(crate) updated: i64,
    pub(crate) replies: Option<u32>,
}

pub(crate) type Rows = BTreeMap<String, Row>;

/// What is landed, and that no key comes twice.
pub(crate) fn rows(comments: LazyFrame) -> Rows {
    let frame = collect(comments).unwrap();
    let text = |name: &str| frame.column(name).unwrap().str().unwrap().clone();
    let count = |name: &str| frame.column(name).unwrap().u32().unwrap().clone();
    let time = |name: &str| {
        let column = frame.column(name).unwrap().datetime().unwrap();
        assert_eq!(column.time_unit(), TimeUnit::Microseconds);
        column.physical().clone()
    };
    let (ids, parents, videos) = (text("comment_id"), text("parent_id"), text("video_id"));
    let (texts, likes, replies) = (text("text"), count("like_count"), count("reply_count"));
    let (published, updated) = (time("published_at"), time("updated_at"));
    let mut rows = Rows::new();
    for at in 0..frame.height() {
        let row = Row {
            parent: parents.get(at).map(str::to_owned),
            video: videos.get(at).unwrap().to_owned(),
            text: texts.get(at).unwrap().to_owned(),
            likes: likes.get(at).unwrap(),
            published: published.get(at).unwrap(),
            updated: updated.get(at).unwrap(),
            replies: replies.get(at),
        };
        let id = ids.get(at).unwrap().to_owned();
        assert_eq!(rows.insert(id.clone(), row), None, "{id} comes twice");
    }
    rows
}

/// What there is in truth.
pub(crate) fn truth(comments: impl Iterator<Item = Comment>, replies: bool) -> Rows {
    comments
        .filter(|comment| replies || comment.parent_id.is_none())
        .map(|comment| {
            let row = Row {
                parent: comment.parent_id,
                video: comment.video_id,
                text: comment.text,
                likes: comment.likes,
                published: comment.published.as_microsecond(),
                updated: comment.updated.as_microsecond(),
                replies: comment.replies,
            };
            (comment.id, row)
        })
        .collect()
}

/// The first differences, since whole maps are too long to read.
pub(crate) fn assert_same(found: &Rows, wanted: &Rows, of: &str) {
    let lost: Vec<_> = wanted
        .keys()
        .filter(|id| !found.contains_key(*id))
        .collect();
    let more: Vec<_> = found
        .keys()
        .filter(|id| !wanted.contains_key(*id))
        .collect();
    assert!(
        lost.is_empty() && more.is_empty(),
        "{of}: {} lost, such as {:?}; {} too many, such as {:?}",
        lost.len(),
        lost.first().map(|id| (id, &wanted[*id])),
        more.len(),
        more.first()
    );
    for (id, row) in wanted {
        assert_eq!(&found[id], row, "{of}: {id}");
    }
}

/// A clock that is not the emulator's: pauses of the client do not let the world grow.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-02T12:00:00Z".parse().unwrap()))
}

pub(crate) fn small(seed: u64) -> World {
    World::new(seed).videos(12).threads(30)
}

pub(crate) fn source(emulator: &Emulator, clock: &Arc<ManualClock>) -> YouTube {
    YouTube::new(emulator.key())
        .base_url(emulator.url())
        .clock(Arc::clone(clock))
        .quota(Quota::default().reserve_percent(0))
        .search("Mission Impossible")
}

/// A folder in memory where there is one: every page is synced, and a disk that is busy with other
/// tests would make minutes of it.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

pub(crate) fn landing(folder: &Path) -> Landing {
    youtube::landing(folder).unwrap()
}

pub(crate) fn landed(landing: &Landing) -> Rows {
    rows(landing.latest(COMMENTS).unwrap())
}

/// Every byte of every file below a folder, as text.
pub(crate) fn all_text(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &all_text(&path);
        } else {
            text += &String::from_utf8_lossy(&std::fs::read(path).unwrap());
        }
    }
    text
}
