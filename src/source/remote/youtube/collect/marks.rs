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
    }

    /// Whether what a mark says holds for what is asked now.
    fn serves(&self, mark: &Mark) -> bool {
        let replies = mark.replies || !self.source.replies;
        let since = match (mark.since, self.source.since) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(Time(before)), Some(now)) => before <= now,
        };
        replies && since
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
        let walk = Walk {
            begun: true,
            tail: token.is_some(),
            token,
            to_known: usable && mark.complete,
            replies_missing: self.source.replies && !mark.replies,
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
        let whole = end == End::Whole;
        let video = self.cursor.queue[next].clone();
        let mark = Mark {
            complete: whole,
            token: walk.token.filter(|_| !whole),
            replies: self.source.replies,
            count: video.count.filter(|_| whole),
            newest: walk.newest,
            since: self.source.since.map(Time),
            replies_due: walk.replies_due,
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
