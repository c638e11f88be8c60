//! The third step: the comments of each video, page by page, the newest thread first.

use std::collections::HashSet;

use jiff::Timestamp;

use super::find::BARREN;
use super::known;
use super::state::{Step, Walk};
use super::{Collector, Halt};
use crate::http::Request;
use crate::source::remote::youtube::api::Answer;
use crate::source::remote::youtube::endpoint::Endpoint;
use crate::source::remote::youtube::fields;
use crate::source::remote::youtube::progress::Phase;
use crate::source::remote::youtube::rows::{CommentRow, Reading};
use crate::source::remote::youtube::tables::COMMENTS;
use crate::source::remote::youtube::wire::{Page, Thread, Time};

/// What a listing remembers of one video while it is read.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// Comments that this run has landed.
    pub(super) landed: HashSet<u128>,
    /// Threads that this listing has shown, since it was last begun.
    shown: HashSet<u128>,
}

/// How a listing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Whole,
    /// As many pages were read as are wished.
    Enough,
    /// Nothing more of this video in this run; others may go on.
    Broken,
    /// Nothing more of any.
    Spent,
}

/// What a page of threads was like.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is seen of the page by itself"
)]
struct Looks {
    /// Every thread was landed by an earlier run, and is not young.
    known: bool,
    /// Every thread is older than what is wanted.
    old: bool,
    empty: bool,
    fresh: bool,
}

impl Collector {
    pub(super) async fn comments(&mut self, first: usize, walk: Walk) -> Result<(), Halt> {
        let ids = self.cursor.queue.iter().map(|video| video.id.as_str());
        self.known = self.store.known_comments(&ids.collect())?;
        let mut begun = walk.begun.then_some(walk);
        for next in first..self.cursor.queue.len() {
            if self.is_down() {
                break;
            }
            let video = self.cursor.queue[next].id.clone();
            let mut sight = Sight::default();
            let mut walk = if let Some(walk) = begun.take() {
                sight.landed = self.store.landed_comments(&video)?;
                walk
            } else {
                let mark = self.store.mark(&video)?;
                if !self.cursor.queue[next].there || self.is_unchanged(next, &mark) {
                    continue;
                }
                self.begin(&video, mark)?
            };
            let end = self.listing(next, &mut walk, &mut sight).await?;
            self.close(next, walk, end)?;
            self.cursor.step = Step::Comments {
                next: next + 1,
                walk: Walk::default(),
            };
            self.commit()?;
            self.tell(Phase::Comments, next as u64 + 1);
            if end == End::Spent {
                break;
            }
        }
        self.cursor.step = Step::Done;
        self.commit()
    }

    async fn listing(
        &mut self,
        next: usize,
        walk: &mut Walk,
        sight: &mut Sight,
    ) -> Result<End, Halt> {
        let video = self.cursor.queue[next].id.clone();
        self.cursor.step = Step::Comments {
            next,
            walk: walk.clone(),
        };
        if self.source.replies && !self.replies_due(&video, walk, sight).await? {
            return Ok(End::Spent);
        }
        loop {
            self.source.cancel.check()?;
            if walk.pages >= self.source.max_pages {
                return Ok(End::Enough);
            }
            self.place(walk);
            let (page, at) = match self.page(&video, walk).await? {
                Ok(Some(page)) => page,
                Ok(None) => {
                    sight.shown.clear();
                    continue;
                }
                Err(end) => return Ok(end),
            };
            walk.touched = true;
            let token = page.next_page_token.clone();
            let Some(looks) = self.threads(page, at, walk, sight).await? else {
                return Ok(End::Spent);
            };
            // A page of nothing where there should be comments may be a fault: what comes with its
            // token would be behind a gap. It is asked for once more.
            let expected = walk.pages > 0 || self.cursor.queue[next].count.is_some_and(|n| n > 0);
            if looks.empty && (expected || token.is_some()) && !walk.doubted {
                walk.doubted = true;
                continue;
            }
            walk.doubted = false;
            if looks.empty && token.is_none() && expected && walk.pages == 0 {
                let item = format!("video {video}");
                self.skip(&item, "no comments came, though some are counted")?;
                return Ok(End::Broken);
            }
            walk.barren = if looks.fresh { 0 } else { walk.barren + 1 };
            walk.pages += 1;
            walk.token = token;
            let known = looks.known && walk.to_known && !walk.tail;
            let caught_up = !looks.empty && (looks.old || known);
            if walk.token.is_none() || looks.old {
                walk.cut = None;
            }
            if walk.token.is_none() || caught_up {
                if !walk.tail {
                    return Ok(End::Whole);
                }
                // The tail is read; what came since the last run is at the head.
                walk.tail = false;
                walk.to_known = true;
                walk.token = None;
                walk.restarted = false;
                walk.barren = 0;
                sight.shown.clear();
            } else if walk.barren >= BARREN {
                self.skip(
                    &format!("video {video}"),
                    "the list of comments does not end",
                )?;
                self.note("a list of comments does not end".to_owned(), None);
                return Ok(End::Broken);
            }
            self.place(walk);
            self.commit()?;
            self.tell(Phase::Comments, next as u64);
        }
    }

    /// One page; `Ok(None)` when the list is begun anew.
    async fn page(
        &mut self,
        video: &str,
        walk: &mut Walk,
    ) -> Result<Result<Option<(Page<Thread>, Timestamp)>, End>, Halt> {
        let (authors, replies) = (self.source.authors.are_asked_for(), self.source.replies);
        let parts = if replies {
            "id,snippet,replies"
        } else {
            "id,snippet"
        };
        let request = Request::get(Endpoint::Threads.path())
            .query("part", parts)
            .query("videoId", video)
            .query("maxResults", 100)
            .query("order", "time")
            .query("textFormat", "plainText")
            .query("fields", fields::threads(authors, replies))
            .query_if("pageToken", walk.token.as_deref());
        let wanted = video.to_owned();
        let fits = move |page: &Page<Thread>| {
            page.is_of("youtube#commentThreadListResponse")?;
            let of = |thread: &Thread| thread.snippet.as_ref()?.video_id.clone();
            match page.items().iter().filter_map(of).find(|id| *id != wanted) {
                Some(other) => Err(format!("comments of {other} came in place of {wanted}")),
                None => Ok(()),
            }
        };
        let answer = self.api.ask(Endpoint::Threads, request, fits).await?;
        let item = format!("video {video}");
        Ok(match answer {
            Answer::Got(page, at) => {
                self.trouble = 0;
                self.skip_odd(page.odd(), Endpoint::Threads)?;
                Ok(Some((page, at)))
            }
            Answer::Abort(error) => return Err(Halt::Abort(error)),
            Answer::Spent(refusal) => {
                self.note_refusal(refusal, "reading comments")?;
                Err(End::Spent)
            }
            Answer::BadToken if !walk.restarted => {
                // A tail whose beginning is lost is read from the head of the list, to its end.
                walk.restarted = true;
                walk.token = None;
                walk.barren = 0;
                if walk.tail {
                    walk.to_known = false;
                    walk.cut = None;
                    walk.begun_at = Some(self.cursor.started_at);
                }
                walk.tail = false;
                Ok(None)
            }
            Answer::BadToken => {
                walk.token = None;
                self.skip(&item, "invalidPageToken")?;
                self.note("a list of comments lost its place twice".to_owned(), None);
                Err(End::Broken)
            }
            Answer::Skip(reason) => {
                self.trouble = 0;
                self.skip(&item, &reason)?;
                Err(End::Broken)
            }
            Answer::Broken(reason) => {
                self.trouble = 0;
                self.skip(&item, &reason)?;
                self.note("some comments could not be read".to_owned(), None);
                Err(End::Broken)
            }
            Answer::Unavailable => {
                self.skip(&item, "not open to this project")?;
                Err(End::Broken)
            }
            Answer::Failed(error) => {
                self.skip(&item, "no answer at every try")?;
                self.note_failure(&error, "reading comments");
                Err(End::Broken)
            }
        })
    }

    /// Lands the threads of a page; `None` when the quota ended within it.
    async fn threads(
        &mut self,
        page: Page<Thread>,
        at: Timestamp,
        walk: &mut Walk,
        sight: &mut Sight,
    ) -> Result<Option<Looks>, Halt> {
        let stamp = self.stamp(at);
        let authors = self.source.authors.clone();
        let reading = Reading {
            authors: &authors,
            plain: true,
        };
        let rescan_from = self.rescan_from();
        let mut looks = Looks {
            known: true,
            old: self.source.since.is_some(),
            empty: true,
            fresh: false,
        };
        for thread in page.into_items() {
            let Some((row, inline)) = CommentRow::of_thread(thread, reading, &stamp) else {
                continue;
            };
            looks.empty = false;
            let key = known::key(&row.comment_id);
            looks.fresh |= sight.shown.insert(key);
            walk.newest = walk.newest.max(row.published_at);
            let known = self.known.get(key, self.stale);
            let landed_before = self.known.has(key);
            looks.known &= landed_before && row.published_at < Some(rescan_from);
            let too_old = |since: Timestamp| row.published_at.is_some_and(|Time(at)| at < since);
            if self.source.since.is_some_and(too_old) {
                continue;
            }
            looks.old = false;
            let mut replies = Vec::new();
            if self.source.replies {
                let of = |reply| CommentRow::of_reply(reply, &row, reading, &stamp);
                let rows = inline.into_iter().filter_map(of);
                replies.extend(rows);
            }
            let landed = sight.landed.contains(&key);
            let more = row.reply_count.unwrap_or(0) as usize > replies.len();
            if !landed && more && self.wants_replies(&row, known, walk) {
                if !self.land_with_replies(row, replies, walk, sight).await? {
                    return Ok(None);
                }
                continue;
            }
            if !landed {
                self.land_if_changed(&row, sight)?;
            }
            for reply in replies {
                self.land_if_changed(&reply, sight)?;
            }
        }
        Ok(Some(looks))
    }

    pub(super) fn land(
        &mut self,
        row: &CommentRow,
        key: u128,
        sight: &mut Sight,
    ) -> Result<(), Halt> {
        self.store.append(COMMENTS, row)?;
        sight.landed.insert(key);
        self.cursor.tally.comments += 1;
        Ok(())
    }
}
