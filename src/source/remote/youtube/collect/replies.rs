//! The replies of a thread, where more of them exist than come along with it.

use std::collections::HashSet;

use super::find::BARREN;
use super::known::{self, Shape};
use super::state::{Due, Walk};
use super::threads::Sight;
use super::{Collector, Halt};
use crate::http::Request;
use crate::source::remote::youtube::api::Answer;
use crate::source::remote::youtube::endpoint::Endpoint;
use crate::source::remote::youtube::fields;
use crate::source::remote::youtube::rows::{CommentRow, Reading};
use crate::source::remote::youtube::wire::{Comment, Page};

/// In how many runs replies are asked for that the service says it has not.
const TRIES: u32 = 3;

/// The replies of one thread.
enum Replies {
    All(Vec<CommentRow>),
    /// They cannot be had now, and the service has said why.
    Missing(String),
    /// They could not be read, which is noted.
    Broken(String),
    Spent,
}

impl Collector {
    /// Whether all replies of a thread are to be asked for.
    pub(super) fn wants_replies(
        &self,
        thread: &CommentRow,
        known: Option<Shape>,
        walk: &Walk,
    ) -> bool {
        let some = thread.reply_count.is_some_and(|count| count > 0);
        let same = known.is_some_and(|known| known.replies == thread.reply_count);
        self.source.replies && some && (self.source.full_sweep || walk.replies_missing || !same)
    }

    /// Lands a thread together with its replies, so that one that is landed has them; `false` when
    /// the quota ended before.
    pub(super) async fn land_with_replies(
        &mut self,
        thread: CommentRow,
        inline: Vec<CommentRow>,
        walk: &mut Walk,
        sight: &mut Sight,
    ) -> Result<bool, Halt> {
        let mut replies = match self.all_replies(&thread).await? {
            Replies::All(replies) => replies,
            Replies::Spent => return Ok(false),
            // No more requests are wasted on a service that is down.
            Replies::Broken(_) if self.is_down() => return Ok(false),
            Replies::Missing(reason) | Replies::Broken(reason) => {
                self.skip(&format!("replies to {}", thread.comment_id), &reason)?;
                let counted = thread.reply_count.unwrap_or(0);
                walk.owe(&thread.comment_id, 1, counted);
                Vec::new()
            }
        };
        replies.extend(inline);
        let key = known::key(&thread.comment_id);
        if self.source.full_sweep || self.known.get(key, self.stale) != Some(Shape::of(&thread)) {
            self.land(&thread, key, sight)?;
        } else {
            // Only its replies were missing.
            sight.landed.insert(key);
        }
        for reply in replies {
            self.land_if_changed(&reply, sight)?;
        }
        self.place(walk);
        self.commit()?;
        Ok(true)
    }

    pub(super) fn land_if_changed(
        &mut self,
        row: &CommentRow,
        sight: &mut Sight,
    ) -> Result<(), Halt> {
        let key = known::key(&row.comment_id);
        let known = self.known.get(key, self.stale);
        let changed = self.source.full_sweep || known != Some(Shape::of(row));
        if changed && !sight.landed.contains(&key) {
            self.land(row, key, sight)?;
        }
        Ok(())
    }

    /// Asks again for replies that an earlier run could not read; `false` when the quota ended.
    pub(super) async fn replies_due(
        &mut self,
        video: &str,
        walk: &mut Walk,
        sight: &mut Sight,
    ) -> Result<bool, Halt> {
        for due in walk.replies_due.clone() {
            let Due {
                comment_id,
                tries,
                counted,
            } = due;
            self.source.cancel.check()?;
            let stamp = self.stamp(self.api.now());
            let thread = CommentRow::stub(&comment_id, video, counted, &stamp);
            let tries = match self.all_replies(&thread).await? {
                Replies::Spent => return Ok(false),
                Replies::All(replies) => {
                    for reply in replies {
                        self.land_if_changed(&reply, sight)?;
                    }
                    None
                }
                Replies::Missing(reason) => {
                    self.skip(&format!("replies to {comment_id}"), &reason)?;
                    Some(tries + 1).filter(|tries| *tries < TRIES)
                }
                Replies::Broken(reason) => {
                    self.skip(&format!("replies to {comment_id}"), &reason)?;
                    Some(tries)
                }
            };
            walk.replies_due.retain(|due| due.comment_id != comment_id);
            if let Some(tries) = tries {
                walk.owe(&comment_id, tries, counted);
            }
            self.place(walk);
            self.commit()?;
        }
        Ok(true)
    }

    async fn all_replies(&mut self, thread: &CommentRow) -> Result<Replies, Halt> {
        let authors = self.source.authors.clone();
        let reading = Reading {
            authors: &authors,
            plain: true,
        };
        let mut rows = Vec::new();
        let mut shown = HashSet::new();
        let mut walk = Walk::default();
        loop {
            self.source.cancel.check()?;
            let (page, at) = match self.page_of_replies(&thread.comment_id, &walk).await? {
                Answer::Got(page, at) => (page, at),
                Answer::Abort(error) => return Err(Halt::Abort(error)),
                Answer::Spent(refusal) => {
                    self.note_refusal(refusal, "reading replies")?;
                    return Ok(Replies::Spent);
                }
                Answer::Broken(reason) => {
                    self.note("some replies could not be read".to_owned(), None);
                    return Ok(Replies::Broken(reason));
                }
                Answer::Skip(reason) => return Ok(Replies::Missing(reason)),
                Answer::BadToken if !walk.restarted => {
                    walk = Walk {
                        restarted: true,
                        ..Walk::default()
                    };
                    continue;
                }
                Answer::BadToken | Answer::Unavailable => {
                    self.note("some replies could not be read".to_owned(), None);
                    return Ok(Replies::Broken("invalidPageToken".to_owned()));
                }
                Answer::Failed(error) => {
                    self.note_failure(&error, "reading replies");
                    return Ok(Replies::Broken("no answer at every try".to_owned()));
                }
            };
            self.trouble = 0;
            self.skip_odd(page.odd(), Endpoint::Replies)?;
            let stamp = self.stamp(at);
            let token = page.next_page_token.clone();
            let empty = page.items().is_empty();
            let mut fresh = false;
            for comment in page.into_items() {
                if let Some(row) = CommentRow::of_reply(comment, thread, reading, &stamp)
                    && shown.insert(known::key(&row.comment_id))
                {
                    fresh = true;
                    rows.push(row);
                }
            }
            // A page of nothing may be a fault; it is asked for once more.
            if empty && !walk.doubted {
                walk.doubted = true;
                continue;
            }
            walk.doubted = false;
            walk.barren = if fresh { 0 } else { walk.barren + 1 };
            walk.token = token;
            if walk.token.is_none() {
                let counted = thread.reply_count.unwrap_or(0);
                if rows.is_empty() && counted > 0 {
                    return Ok(Replies::Missing(
                        "none came, though some are counted".to_owned(),
                    ));
                }
                return Ok(Replies::All(rows));
            }
            if walk.barren >= BARREN {
                self.note("a list of replies does not end".to_owned(), None);
                return Ok(Replies::Broken("the list does not end".to_owned()));
            }
        }
    }

    async fn page_of_replies(
        &mut self,
        thread: &str,
        walk: &Walk,
    ) -> Result<Answer<Page<Comment>>, Halt> {
        let request = Request::get(Endpoint::Replies.path())
            .query("part", "id,snippet")
            .query("parentId", thread)
            .query("maxResults", 100)
            .query("textFormat", "plainText")
            .query(
                "fields",
                fields::replies(self.source.authors.are_asked_for()),
            )
            .query_if("pageToken", walk.token.as_deref());
        let wanted = thread.to_owned();
        let fits = move |page: &Page<Comment>| {
            page.is_of("youtube#commentListResponse")?;
            let of = |comment: &Comment| comment.snippet.as_ref()?.parent_id.clone();
            match page.items().iter().filter_map(of).find(|id| *id != wanted) {
                Some(other) => Err(format!("replies to {other} came in place of {wanted}")),
                None => Ok(()),
            }
        };
        Ok(self.api.ask(Endpoint::Replies, request, fits).await?)
    }
}
