//! How far the comments of each video were read, from run to run.

use jiff::{Span, Timestamp};

use super::state::{Mark, Step, Walk};
use super::threads::End;
use super::{Collector, Halt};
use crate::source::remote::youtube::wire::Time;

impl Collector {
    /// Whether a listing would show nothing new: the count of comments is what it was.
    pub(super) fn is_unchanged(&self, next: usize, mark: &Mark) -> bool {
        let count = self.cursor.queue[next].count;
        let young = mark.newest >= Some(self.rescan_from());
        self.serves(mark)
            && mark.complete
            && mark.replies_due.is_empty()
            && !self.source.full_sweep
            && count.is_some()
            && count == mark.count
            && !young
            && !self.is_old(mark)
    }

    /// Whether what the last whole listing has landed may be purged before the next one, unless this
    /// one reads all of it again.
    fn is_old(&self, mark: &Mark) -> bool {
        let begun = mark
            .begun_at
            .map_or(i64::MIN, |Time(at)| at.as_microsecond());
        begun < self.stale
    }

    /// Whether what a mark says holds for what is asked now.
    fn serves(&self, mark: &Mark) -> bool {
        let replies = mark.replies || !self.source.replies;
        let since = match (mark.since, self.source.since) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(Time(before)), Some(now)) => before <= now,
        };
        // A listing that was cut is whole for those who wish no more.
        let pages = mark.cut.is_none_or(|cut| self.source.max_pages <= cut);
        replies && since && pages
    }

    pub(super) fn rescan_from(&self) -> Time {
        let Time(started) = self.cursor.started_at;
        let hours = i64::from(self.source.rescan_days).saturating_mul(24);
        let from = Span::new()
            .try_hours(hours)
            .and_then(|span| started.checked_sub(span));
        Time(from.unwrap_or(Timestamp::MIN))
    }

    /// Where the listing of a video begins: where the last run stopped, if it did.
    pub(super) fn begin(&mut self, video: &str, mark: Mark) -> Result<Walk, Halt> {
        let usable = self.serves(&mark) && !self.source.full_sweep;
        let token = mark.token.clone().filter(|_| usable);
        let old = self.is_old(&mark) && token.is_none();
        let to_known = usable && mark.complete && !old;
        let goes_on = to_known || token.is_some();
        let owed = !mark.replies || mark.replies_missing || old;
        let walk = Walk {
            begun: true,
            tail: token.is_some(),
            token,
            to_known,
            cut: mark.cut.filter(|_| goes_on),
            begun_at: if goes_on {
                mark.begun_at
            } else {
                Some(self.cursor.started_at)
            },
            was: Some(Box::new(mark.clone())),
            replies_missing: self.source.replies && owed,
            newest: mark.newest,
            replies_due: mark.replies_due.clone(),
            ..Walk::default()
        };
        // From the first row on, what is known has a gap until the listing is closed: a run that
        // is never taken up again must not let a later one stop above it.
        let open = Mark {
            complete: false,
            token: None,
            count: None,
            ..mark
        };
        self.store.set_mark(video, &open)?;
        Ok(walk)
    }

    /// Leaves for later runs how far the comments of a video were read.
    pub(super) fn close(&mut self, next: usize, walk: Walk, end: End) -> Result<(), Halt> {
        let whole = matches!(end, End::Whole | End::Enough);
        let video = self.cursor.queue[next].clone();
        let mark = match walk.was {
            // Nothing was read: what was known before is what is known.
            Some(was) if !whole && !walk.touched => Mark {
                token: was.token.clone().filter(|_| !walk.restarted),
                replies_due: walk.replies_due,
                ..*was
            },
            _ => Mark {
                complete: whole,
                token: walk.token.filter(|_| !whole),
                replies: self.source.replies,
                // The head of a list is still to be read when its tail was cut.
                count: video.count.filter(|_| whole && !walk.tail),
                newest: walk.newest,
                since: self.source.since.map(Time),
                replies_due: walk.replies_due,
                cut: match end {
                    End::Enough => Some(self.source.max_pages),
                    _ => walk.cut,
                },
                replies_missing: walk.replies_missing && !whole,
                begun_at: walk.begun_at,
            },
        };
        self.cursor.tally.listed += 1;
        Ok(self.store.set_mark(&video.id, &mark)?)
    }

    /// The service refused to go on in the middle of a listing.
    pub(super) fn close_open(&mut self) -> Result<(), Halt> {
        if let Step::Comments { next, walk } = &self.cursor.step
            && walk.begun
        {
            let (next, walk) = (*next, walk.clone());
            self.close(next, walk, End::Broken)?;
        }
        Ok(())
    }

    /// Where a listing stands, for the next commit.
    pub(super) fn place(&mut self, walk: &Walk) {
        if let Step::Comments { walk: place, .. } = &mut self.cursor.step {
            *place = walk.clone();
        }
    }
}
