//! The second step: titles of new videos, and one row of statistics for every video.

use std::collections::HashMap;

use jiff::Timestamp;

use super::state::{Step, Walk};
use super::{Collector, Halt};
use crate::http::Request;
use crate::source::remote::youtube::api::Answer;
use crate::source::remote::youtube::endpoint::Endpoint;
use crate::source::remote::youtube::fields;
use crate::source::remote::youtube::progress::Phase;
use crate::source::remote::youtube::rows::{StatsRow, VideoRow};
use crate::source::remote::youtube::tables::{VIDEO_STATS, VIDEOS};
use crate::source::remote::youtube::wire::{Page, Video};

/// Ids that one call takes.
const IDS: usize = 50;

/// What came of a call for some videos.
enum Asked {
    Page(Vec<Video>, Timestamp),
    /// Noted; whether they are there is not known.
    Not,
    /// The method is not open, or its bucket is empty: another one may do.
    Elsewhere,
}

impl Collector {
    pub(super) async fn videos(&mut self, first: usize) -> Result<(), Halt> {
        let mut next = first;
        while next < self.cursor.queue.len() && !self.is_down() {
            self.source.cancel.check()?;
            let end = (next + IDS).min(self.cursor.queue.len());
            self.details(next..end).await?;
            self.polls(next..end).await?;
            next = end;
            self.cursor.step = Step::Videos { next };
            self.commit()?;
            self.tell(Phase::Videos, next as u64);
        }
        if self.source.comments {
            self.order_by_growth()?;
            self.cursor.step = Step::Comments {
                next: 0,
                walk: Walk::default(),
            };
        } else {
            self.cursor.step = Step::Done;
        }
        self.commit()
    }

    /// Titles and statistics of those that are new.
    async fn details(&mut self, range: std::ops::Range<usize>) -> Result<(), Halt> {
        let ids = self.ids(&range, false);
        if ids.is_empty() {
            return Ok(());
        }
        let parts = "snippet,contentDetails,statistics,status,topicDetails";
        let asked = self
            .some(Endpoint::Videos, parts, fields::VIDEOS, &ids)
            .await?;
        let Asked::Page(videos, at) = asked else {
            return Ok(());
        };
        let stamp = self.stamp(at);
        let mut counts = HashMap::new();
        for video in videos {
            let Some((row, stats)) = VideoRow::of(video, &stamp) else {
                continue;
            };
            // An id that is asked for once is answered once, whatever the reply says.
            if !ids.contains(&row.video_id) || counts.contains_key(&row.video_id) {
                continue;
            }
            counts.insert(row.video_id.clone(), stats.comment_count);
            self.store.append(VIDEOS, &row)?;
            self.store.append(VIDEO_STATS, &stats)?;
            self.cursor.tally.videos += 1;
            self.cursor.tally.polls += 1;
        }
        self.put_counts(&range, false, true, &counts)
    }

    /// Statistics of those that are known, from their own bucket if it can be.
    async fn polls(&mut self, range: std::ops::Range<usize>) -> Result<(), Halt> {
        let ids = self.ids(&range, true);
        if ids.is_empty() {
            return Ok(());
        }
        let parts = "id,statistics";
        let mut asked = Asked::Elsewhere;
        let mut sure = true;
        if !self.no_stats {
            asked = self
                .some(Endpoint::Stats, parts, fields::STATS, &ids)
                .await?;
        }
        let by_stats = !matches!(asked, Asked::Elsewhere);
        if !by_stats {
            asked = self
                .some(Endpoint::Videos, parts, fields::STATS, &ids)
                .await?;
        }
        let Asked::Page(mut videos, at) = asked else {
            return Ok(());
        };
        // The method of statistics may leave out videos that are there; the other one does not.
        if by_stats {
            let came = |id: &String| videos.iter().any(|video| video.id.as_ref() == Some(id));
            let left_out: Vec<String> = ids.iter().filter(|id| !came(id)).cloned().collect();
            if !left_out.is_empty() {
                let more = self.some(Endpoint::Videos, parts, fields::STATS, &left_out);
                match more.await? {
                    Asked::Page(more, _) => videos.extend(more),
                    Asked::Not | Asked::Elsewhere => sure = false,
                }
            }
        }
        let stamp = self.stamp(at);
        let mut counts = HashMap::new();
        for video in videos {
            let Some(id) = video.id.filter(|id| ids.contains(id)) else {
                continue;
            };
            if counts.contains_key(&id) {
                continue;
            }
            let row = StatsRow::of(&id, video.statistics, &stamp);
            counts.insert(id, row.comment_count);
            self.store.append(VIDEO_STATS, &row)?;
            self.cursor.tally.polls += 1;
        }
        self.put_counts(&range, true, sure, &counts)
    }

    fn ids(&self, range: &std::ops::Range<usize>, known: bool) -> Vec<String> {
        self.cursor.queue[range.clone()]
            .iter()
            .filter(|video| video.known == known)
            .map(|video| video.id.clone())
            .collect()
    }

    /// Those that are absent from a sure answer are private, deleted, or were never there.
    fn put_counts(
        &mut self,
        range: &std::ops::Range<usize>,
        known: bool,
        sure: bool,
        counts: &HashMap<String, Option<u64>>,
    ) -> Result<(), Halt> {
        let mut gone = Vec::new();
        for video in &mut self.cursor.queue[range.clone()] {
            if video.known != known {
                continue;
            }
            if let Some(count) = counts.get(&video.id) {
                video.count = *count;
            } else if sure && !self.odd.contains(&video.id) {
                video.there = false;
                gone.push(video.id.clone());
            }
        }
        for id in gone {
            self.skip(&format!("video {id}"), "unavailable")?;
        }
        Ok(())
    }

    async fn some(
        &mut self,
        endpoint: Endpoint,
        parts: &str,
        fields: &str,
        ids: &[String],
    ) -> Result<Asked, Halt> {
        for again in [false, true] {
            let request = Request::get(endpoint.path())
                .query("part", parts)
                .query("id", ids.join(","))
                .query("fields", fields);
            let wanted = ids.to_vec();
            let fits = move |page: &Page<Video>| {
                // The newer method's kind is told in several ways.
                if endpoint == Endpoint::Videos {
                    page.is_of("youtube#videoListResponse")?;
                }
                let of = |video: &Video| video.id.clone();
                match page
                    .items()
                    .iter()
                    .filter_map(of)
                    .find(|id| !wanted.contains(id))
                {
                    Some(other) => Err(format!("{other} came, which was not asked for")),
                    None => Ok(()),
                }
            };
            let answer = self.api.ask(endpoint, request, fits).await?;
            let what = "asking statistics";
            match answer {
                // That all are gone at once may be a fault; it is asked once more.
                Answer::Got(page, _)
                    if page.items().is_empty() && page.odd().is_empty() && !again => {}
                Answer::Got(page, at) => {
                    self.trouble = 0;
                    self.skip_odd(page.odd(), endpoint)?;
                    return Ok(Asked::Page(page.into_items(), at));
                }
                Answer::Abort(error) => return Err(Halt::Abort(error)),
                Answer::Unavailable => {
                    tracing::debug!("`{endpoint}` is not open to this project");
                    self.no_stats = true;
                    return Ok(Asked::Elsewhere);
                }
                Answer::Spent(_) if endpoint == Endpoint::Stats => return Ok(Asked::Elsewhere),
                Answer::Spent(refusal) => {
                    self.note_refusal(refusal, what)?;
                    return Ok(Asked::Not);
                }
                Answer::Failed(error) => {
                    self.note_failure(&error, what);
                    return Ok(Asked::Not);
                }
                Answer::Skip(reason) | Answer::Broken(reason) => {
                    self.note(format!("{what}: {reason}"), None);
                    return Ok(Asked::Not);
                }
                Answer::BadToken => {
                    self.note(
                        format!("{what}: a token was refused that was not sent"),
                        None,
                    );
                    return Ok(Asked::Not);
                }
            }
        }
        Ok(Asked::Not)
    }

    /// The video whose comments grew most comes first, so that a quota that does not suffice is
    /// spent where most is new.
    fn order_by_growth(&mut self) -> Result<(), Halt> {
        let mut queue = Vec::with_capacity(self.cursor.queue.len());
        for video in std::mem::take(&mut self.cursor.queue) {
            let before = self.store.mark(&video.id)?.count.unwrap_or(0);
            let grown = video.count.unwrap_or(0).saturating_sub(before);
            queue.push((std::cmp::Reverse(grown), video));
        }
        queue.sort_by_key(|(grown, _)| *grown);
        self.cursor.queue = queue.into_iter().map(|(_, video)| video).collect();
        Ok(())
    }
}
