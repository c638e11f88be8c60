//! The first step of a run: which videos there are.

use std::collections::HashSet;

use jiff::{Span, Timestamp};

use super::state::{Finding, Queued, Step, Walk};
use super::{Collector, Halt};
use crate::http::Request;
use crate::source::remote::youtube::api::Answer;
use crate::source::remote::youtube::choices::SearchOrder;
use crate::source::remote::youtube::discovery::Discovery;
use crate::source::remote::youtube::endpoint::Endpoint;
use crate::source::remote::youtube::progress::Phase;
use crate::source::remote::youtube::rows::{Asked, SearchRow};
use crate::source::remote::youtube::tables::SEARCH;
use crate::source::remote::youtube::wire::{Page, PlaylistItem, SearchHit, Time};
use crate::source::remote::youtube::{Search, fields};

/// Fewer hits than this in a window of search mean that it has no more: the API shows about 500.
const NEAR_THE_CAP: u32 = 400;
/// Pages in a row that bring nothing new before a list is taken for endless.
pub(super) const BARREN: u32 = 10;

/// Whether a list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Page,
    /// All of it was seen.
    End,
    /// As much of it was seen as was wished.
    Enough,
    /// No more of it can be had now.
    Cut,
}

/// What became of a request for a page.
enum Turn<T> {
    Page(T, Timestamp),
    /// The list is begun anew.
    Anew,
    Stop,
}

impl Collector {
    /// Asks all questions from where the run stands, and fills the queue.
    pub(super) async fn find(&mut self, first: usize, walk: Walk) -> Result<(), Halt> {
        let mut walk = walk;
        let source = self.source.clone();
        for (question, discovery) in source.discoveries.iter().enumerate().skip(first) {
            self.cursor.step = Step::Find {
                question,
                walk: walk.clone(),
            };
            let mut next = Next::Page;
            let label = discovery.label();
            let mut finding = self.store.finding(&label)?;
            if !walk.begun {
                walk.begun = true;
                // A list that was cut holds more for those who wish more.
                let wished = finding.cut.is_none_or(|cut| source.max_videos <= cut);
                walk.to_known = finding.whole && wished && !source.full_sweep;
            }
            let mut known: HashSet<String> = finding.videos.iter().cloned().collect();
            while next == Next::Page {
                self.source.cancel.check()?;
                next = match discovery {
                    Discovery::Videos(_) => Next::Enough,
                    Discovery::Search(search) => {
                        self.search(search, &mut walk, &mut finding, &mut known)
                            .await?
                    }
                    Discovery::Playlist { id, name } => {
                        self.playlist((id, name), &mut walk, &mut finding, &mut known)
                            .await?
                    }
                };
                if next == Next::End {
                    finding.high_water = finding.high_water.max(walk.newest);
                }
                if next == Next::Enough {
                    finding.cut = Some(source.max_videos);
                }
                finding.whole = matches!(next, Next::End | Next::Enough);
                if !matches!(discovery, Discovery::Videos(_)) {
                    self.store.set_finding(&label, &finding)?;
                }
                if next == Next::Page {
                    self.cursor.step = Step::Find {
                        question,
                        walk: walk.clone(),
                    };
                    self.commit()?;
                    self.tell(Phase::Finding, self.cursor.tally.hits);
                }
            }
            walk = Walk::default();
            self.seen_ids.clear();
        }
        self.fill_queue()?;
        self.cursor.step = Step::Videos { next: 0 };
        self.commit()
    }

    /// One page of search.
    async fn search(
        &mut self,
        search: &Search,
        walk: &mut Walk,
        finding: &mut Finding,
        known: &mut HashSet<String>,
    ) -> Result<Next, Halt> {
        if walk.pages >= search.max_pages || walk.items >= search.max_videos {
            return Ok(Next::Enough);
        }
        let end = walk.before.map(|Time(end)| end);
        let request = search
            .request(
                begin(search, finding.high_water),
                end.or(search.published_before),
            )
            .query("fields", fields::SEARCH)
            .query_if("pageToken", walk.token.as_deref());
        let later = walk.token.is_some();
        let fits = move |page: &Page<SearchHit>| page.is_of("youtube#searchListResponse");
        let answer = self.api.ask(Endpoint::Search, request, fits).await?;
        let what = format!("the search for `{}`", search.query);
        let (page, at) = match self.page_or_note(answer, walk, &what)? {
            Turn::Page(page, at) => (page, at),
            Turn::Anew => return Ok(Next::Page),
            Turn::Stop => return Ok(Next::Cut),
        };
        self.skip_odd(page.odd(), Endpoint::Search)?;
        let stamp = self.stamp(at);
        let (token, region) = (page.next_page_token.clone(), page.region_code.clone());
        let hits = page.into_items();
        // A page of nothing in a list may be a fault; it is asked for once more.
        if hits.is_empty() && (token.is_some() || later) && !walk.doubted {
            walk.doubted = true;
            return Ok(Next::Page);
        }
        walk.doubted = false;
        let mut fresh = false;
        for hit in hits {
            if walk.items >= search.max_videos {
                break;
            }
            let asked = Asked {
                query: &search.query,
                order: search.order.wire(),
                language: search.language.as_deref(),
                region: region.as_deref(),
                rank: walk.items + 1,
                page_index: walk.pages,
            };
            let Some(row) = SearchRow::of(hit, asked, &stamp) else {
                continue;
            };
            if !self.seen_ids.insert(row.video_id.clone()) {
                continue;
            }
            fresh = true;
            walk.items += 1;
            walk.in_window += 1;
            walk.newest = walk.newest.max(row.published_at);
            walk.oldest = match (walk.oldest, row.published_at) {
                (Some(oldest), Some(time)) => Some(oldest.min(time)),
                (oldest, time) => oldest.or(time),
            };
            if known.insert(row.video_id.clone()) {
                self.found(finding, &row.video_id);
                self.store.append(SEARCH, &row)?;
            }
        }
        walk.pages += 1;
        Ok(self.turn(walk, token, fresh, search))
    }

    /// Where the search goes on: the next page, or an earlier window.
    fn turn(
        &mut self,
        walk: &mut Walk,
        token: Option<String>,
        fresh: bool,
        search: &Search,
    ) -> Next {
        walk.barren = if fresh { 0 } else { walk.barren + 1 };
        if walk.barren >= BARREN {
            self.note(
                format!("the search for `{}` does not end", search.query),
                None,
            );
            return Next::Cut;
        }
        if token.is_some() {
            walk.token = token;
            return Next::Page;
        }
        walk.token = None;
        let full = walk.in_window >= NEAR_THE_CAP && search.order == SearchOrder::Date;
        let oldest = walk.oldest.filter(|_| full);
        // The second of the oldest hit belongs to the next window too: it may hold more.
        let end = oldest.and_then(|Time(oldest)| oldest.checked_add(Span::new().seconds(1)).ok());
        match end {
            Some(end) if walk.before != Some(Time(end)) => {
                walk.before = Some(Time(end));
                walk.in_window = 0;
                Next::Page
            }
            _ => Next::End,
        }
    }

    /// One page of a playlist, which is newest first.
    async fn playlist(
        &mut self,
        (id, name): (&str, &str),
        walk: &mut Walk,
        finding: &mut Finding,
        known: &mut HashSet<String>,
    ) -> Result<Next, Halt> {
        if walk.items >= self.source.max_videos {
            return Ok(Next::Enough);
        }
        let request = Request::get(Endpoint::PlaylistItems.path())
            .query("part", "snippet,contentDetails")
            .query("playlistId", id)
            .query("maxResults", 50)
            .query("fields", fields::PLAYLIST)
            .query_if("pageToken", walk.token.as_deref());
        let wanted = id.to_owned();
        let fits = move |page: &Page<PlaylistItem>| {
            page.is_of("youtube#playlistItemListResponse")?;
            let of = |item: &PlaylistItem| item.snippet.as_ref()?.playlist_id.clone();
            match page.items().iter().filter_map(of).find(|id| *id != wanted) {
                Some(other) => Err(format!("videos of {other} came in place of {wanted}")),
                None => Ok(()),
            }
        };
        let answer = self.api.ask(Endpoint::PlaylistItems, request, fits).await?;
        if let Answer::Skip(reason) = &answer {
            self.skip(name, reason)?;
            return Ok(Next::Cut);
        }
        let page = match self.page_or_note(answer, walk, name)? {
            Turn::Page(page, _) => page,
            Turn::Anew => return Ok(Next::Page),
            Turn::Stop => return Ok(Next::Cut),
        };
        self.skip_odd(page.odd(), Endpoint::PlaylistItems)?;
        let token = page.next_page_token.clone();
        if page.items().is_empty() && !walk.doubted {
            walk.doubted = true;
            return Ok(Next::Page);
        }
        walk.doubted = false;
        let (mut fresh, mut unknown) = (false, false);
        for item in page.into_items() {
            let details = item.content_details;
            let published = details
                .as_ref()
                .and_then(|details| details.video_published_at);
            let Some(video) = details.and_then(|details| details.video_id) else {
                continue;
            };
            if self.seen_ids.insert(video.clone()) {
                fresh = true;
                walk.items += 1;
                walk.newest = walk.newest.max(published);
                if known.insert(video.clone()) {
                    unknown = true;
                    self.found(finding, &video);
                }
            }
        }
        walk.pages += 1;
        walk.barren = if fresh { 0 } else { walk.barren + 1 };
        if walk.barren >= BARREN {
            self.note(format!("the {name} does not end"), None);
            return Ok(Next::Cut);
        }
        // What is behind a whole page of known videos is known, once all was read.
        let caught_up = walk.to_known && fresh && !unknown;
        walk.token = token;
        if walk.token.is_none() {
            finding.cut = None;
        }
        Ok(if walk.token.is_none() || caught_up {
            Next::End
        } else {
            Next::Page
        })
    }

    /// The page of an answer; otherwise what is noted of it, and a list whose token is no longer
    /// known is begun anew once.
    fn page_or_note<T>(
        &mut self,
        answer: Answer<T>,
        walk: &mut Walk,
        what: &str,
    ) -> Result<Turn<T>, Halt> {
        match answer {
            Answer::Got(page, at) => {
                self.trouble = 0;
                return Ok(Turn::Page(page, at));
            }
            Answer::Abort(error) => return Err(Halt::Abort(error)),
            Answer::BadToken if !walk.restarted => {
                *walk = Walk {
                    restarted: true,
                    newest: walk.newest,
                    begun: true,
                    to_known: walk.to_known,
                    ..Walk::default()
                };
                // What was seen is seen again, and must count anew for the ranks.
                self.seen_ids.clear();
                return Ok(Turn::Anew);
            }
            Answer::BadToken => self.note(format!("{what} lost its place twice"), None),
            Answer::Spent(refusal) => self.note_refusal(refusal, what)?,
            Answer::Skip(reason) | Answer::Broken(reason) => {
                self.note(format!("{what}: {reason}"), None);
            }
            Answer::Unavailable => self.note(format!("{what} is not open to this project"), None),
            Answer::Failed(error) => self.note_failure(&error, what),
        }
        Ok(Turn::Stop)
    }

    fn found(&mut self, finding: &mut Finding, video: &str) {
        finding.videos.push(video.to_owned());
        self.cursor.tally.hits += 1;
    }

    /// All videos that the questions have ever found, each once; if they are too many, those that are
    /// named and the last ones that were found.
    fn fill_queue(&mut self) -> Result<(), Halt> {
        let source = self.source.clone();
        let mut ids = Vec::new();
        let mut named = HashSet::new();
        let mut once = HashSet::new();
        for discovery in &source.discoveries {
            let videos = match discovery {
                Discovery::Videos(ids) => {
                    named.extend(ids.iter().cloned());
                    ids.clone()
                }
                _ => self.store.finding(&discovery.label())?.videos,
            };
            ids.extend(videos.into_iter().filter(|id| once.insert(id.clone())));
        }
        let over = ids.len().saturating_sub(source.max_videos as usize);
        if over > 0 {
            let mut left_out = 0;
            ids.retain(|id| {
                let out = left_out < over && !named.contains(id);
                left_out += usize::from(out);
                !out
            });
            self.skip(&format!("{left_out} videos"), "more than `max_videos`")?;
        }
        let known = self.store.known_videos(&ids, self.cursor.started_at)?;
        self.cursor.queue = ids
            .into_iter()
            .map(|id| Queued {
                known: known.contains(&id),
                id,
                count: None,
                there: true,
            })
            .collect();
        Ok(())
    }
}

/// From when on videos are asked for.
fn begin(search: &Search, high_water: Option<Time>) -> Option<Timestamp> {
    if search.order != SearchOrder::Date {
        return search.published_after;
    }
    let overlap = Span::new().hours(i64::from(search.overlap_hours));
    let since = high_water.and_then(|Time(newest)| newest.checked_sub(overlap).ok());
    since.max(search.published_after)
}
