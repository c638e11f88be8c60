//! A run: find videos, ask their statistics, read their comments; at any moment it may be killed.
//!
//! Rows are written first and then the cursor that speaks of them, so that a run which is taken up
//! again asks at most one page twice. What was landed before is looked up in the landing itself.

mod find;
mod forecast;
mod known;
mod marks;
mod replies;
mod state;
mod store;
mod threads;
mod videos;

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use known::Known;
use state::{Cursor, Note, Step, Tally, Walk};
use store::Store;

use super::YouTube;
use super::api::Api;
use super::endpoint::Endpoint;
use super::progress::{Collected, Phase, Progress};
use super::quota::{Meter, Refusal, Units, Why, YOUNG};
use super::rows::Stamp;
use super::wire::{Odd, Time};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Client;
use crate::source::remote::landing::{Landing, Outcome};

/// Items in a row that failed at every try before the service is taken for down.
const TROUBLE: u32 = 3;

struct Collector {
    source: YouTube,
    api: Api,
    store: Store,
    cursor: Cursor,
    /// What earlier runs have landed of the videos of this run.
    known: Known,
    /// Rows that were fetched before, in microseconds, are purged soon, and landed anew.
    stale: i64,
    /// Ids of the list that is being read.
    seen_ids: HashSet<String>,
    /// Items that came and could not be read.
    odd: HashSet<String>,
    /// How many items in a row failed.
    trouble: u32,
    /// Whether the project has no `videos.batchGetStats`.
    no_stats: bool,
}

/// Why a run ends before its time.
enum Halt {
    /// By this machine: the run stays open and is taken up by the next call.
    Local(Error),
    /// By the service, for good: the run is closed.
    Abort(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Local(error)
    }
}

/// Collects all that a source asks for.
pub(super) async fn collect(source: YouTube, landing: Landing) -> Result<Collected> {
    source.check()?;
    let now = Time(source.clock.now());
    // One clock for all: what is old is judged by that which says when it was fetched.
    let landing = landing.clock(Arc::clone(&source.clock));
    let (store, cursor) = begin(&source, &landing).await?;
    let cursor = match cursor {
        Some(cursor) => cursor,
        None => Cursor {
            step: Step::Find {
                question: 0,
                walk: Walk::default(),
            },
            queue: Vec::new(),
            notes: Vec::new(),
            tally: Tally::default(),
            spent: Units::default(),
            started_at: now,
        },
    };
    let meter = Meter::new(source.quota_ledger(&landing), source.budget, cursor.spent);
    let client = client(&source, &meter)?;
    let stale = store::stale(landing.kept_for(), cursor.started_at);
    let collector = Collector {
        source,
        api: Api::new(client, meter),
        store,
        cursor,
        known: Known::default(),
        stale,
        seen_ids: HashSet::new(),
        odd: HashSet::new(),
        trouble: 0,
        no_stats: false,
    };
    collector.run().await
}

/// To wait for another writer may block for long.
async fn begin(source: &YouTube, landing: &Landing) -> Result<(Store, Option<Cursor>)> {
    let (source, landing) = (source.clone(), landing.clone());
    let begun = tokio::task::spawn_blocking(move || Store::begin(&source, &landing));
    begun.await.unwrap_or_else(|error| {
        let message = format!("the landing could not be opened: {error}");
        Err(Error::new(ErrorKind::Output, message).caused_by(error))
    })
}

fn client(source: &YouTube, meter: &Meter) -> Result<Client> {
    let meter = meter.clone();
    let mut builder = Client::at(&source.base_url)
        .secret_header("X-Goog-Api-Key", source.key.secret().clone())
        .clock(source.clock.clone())
        .retries(source.retries.clone())
        .before_each(move |attempt| match Endpoint::of_name(&attempt.endpoint) {
            Some(endpoint) => meter.charge(endpoint),
            None => Ok(()),
        });
    if let Some((requests, per)) = source.rate {
        builder = builder.rate(requests, per);
    }
    builder.build()
}

impl Collector {
    async fn run(mut self) -> Result<Collected> {
        match self.steps().await {
            Ok(()) => self.finish(),
            Err(Halt::Local(error)) => Err(error),
            Err(Halt::Abort(error)) => {
                if let Err(Halt::Local(error) | Halt::Abort(error)) = self.close_open() {
                    return Err(error);
                }
                self.commit_now()?;
                let why = error.to_string();
                self.store.finish(Outcome::Aborted { why })?;
                Err(error)
            }
        }
    }

    async fn steps(&mut self) -> Result<(), Halt> {
        if let Step::Find { question, walk } = &self.cursor.step {
            let (question, walk) = (*question, walk.clone());
            self.find(question, walk).await?;
        }
        if let Step::Videos { next } = self.cursor.step {
            self.videos(next).await?;
        }
        if let Step::Comments { next, walk } = &self.cursor.step {
            let (next, walk) = (*next, walk.clone());
            self.comments(next, walk).await?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Collected> {
        self.commit_now()?;
        let notes = &self.cursor.notes;
        let outcome = if notes.is_empty() {
            Outcome::Complete
        } else {
            let why: Vec<&str> = notes.iter().map(|note| note.why.as_str()).collect();
            let resume_at = notes.iter().filter_map(|note| note.resume_at).max();
            Outcome::Partial {
                why: why.join("; "),
                resume_at: resume_at.map(|Time(at)| at),
            }
        };
        let meter = self.api.meter().clone();
        let Tally {
            hits,
            videos,
            polls,
            listed,
            comments,
            ..
        } = self.cursor.tally;
        let run_id = self.store.run_id().to_owned();
        let resets_at = meter.ledger().resets_at()?;
        let manifest = self.store.finish(outcome.clone())?;
        Ok(Collected {
            outcome,
            run_id,
            found: hits,
            videos,
            polls,
            listed,
            comments,
            skipped: manifest.skipped,
            spent: self.cursor.spent,
            // The run is closed: a ledger that cannot be read is told by the next one.
            left: meter.left().unwrap_or_default(),
            resets_at,
        })
    }

    /// Makes the rows durable, then the place where the run stands.
    fn commit(&mut self) -> Result<(), Halt> {
        Ok(self.commit_now()?)
    }

    fn commit_now(&mut self) -> Result<()> {
        self.cursor.spent = self.api.meter().spent();
        self.store.commit(&self.cursor)
    }

    fn stamp(&self, at: Timestamp) -> Stamp {
        Stamp {
            source: "youtube",
            run_id: self.store.run_id().to_owned(),
            fetched_at: Time(at),
        }
    }

    fn skip(&mut self, item: &str, reason: &str) -> Result<(), Halt> {
        tracing::info!(item, reason, "skipped");
        Ok(self.store.skip(item, reason)?)
    }

    /// Skips single items of a page that cannot be read.
    fn skip_odd(&mut self, odd: &[Odd], of: Endpoint) -> Result<(), Halt> {
        for Odd { id, why } in odd {
            let item = self.api.told(id.as_deref().unwrap_or("an item"));
            let why = self.api.told(why);
            self.skip(&format!("{item} of {of}"), &why)?;
            self.odd.extend(id.clone());
        }
        Ok(())
    }

    /// Notes why the run will not be complete, each reason once.
    fn note(&mut self, why: String, resume_at: Option<Timestamp>) {
        let note = Note {
            why,
            resume_at: resume_at.map(Time),
        };
        if !self.cursor.notes.contains(&note) {
            tracing::warn!("{}", note.why);
            self.cursor.notes.push(note);
        }
    }

    fn note_refusal(&mut self, refusal: Refusal, what: &str) -> Result<(), Halt> {
        let Refusal { bucket, why } = refusal;
        if why == Why::Budget {
            self.note(
                format!("{what}: the run has spent its budget of the bucket `{bucket}`"),
                None,
            );
            return Ok(());
        }
        if why == Why::Young {
            let soon = self.api.now().checked_add(YOUNG).ok();
            let told = "YouTube says that it is used up, though its day has just begun";
            self.note(format!("{what}: the bucket `{bucket}`: {told}"), soon);
            return Ok(());
        }
        let reset = self.api.meter().ledger().resets_at()?;
        let here = reset.to_zoned(TimeZone::system());
        let here = here.strftime("%Y-%m-%d %H:%M %Z");
        let who = match why {
            Why::Service => "YouTube says that it is used up",
            _ => "the ledger has no more of it but the reserve",
        };
        self.note(
            format!(
                "{what}: the bucket `{bucket}` is empty until {reset}, which is {here} here: {who}"
            ),
            Some(reset),
        );
        Ok(())
    }

    fn note_failure(&mut self, error: &Error, what: &str) {
        self.trouble += 1;
        self.note(format!("{what}: {error}"), None);
    }

    /// Whether the service seems to be down.
    fn is_down(&self) -> bool {
        self.trouble >= TROUBLE
    }

    fn tell(&self, phase: Phase, videos: u64) {
        let Some(tell) = &self.source.progress else {
            return;
        };
        let videos_in_all = match phase {
            Phase::Finding => videos,
            _ => self.cursor.queue.len() as u64,
        };
        tell(&Progress {
            phase,
            videos,
            videos_in_all,
            comments: self.cursor.tally.comments,
            // A ledger that cannot be read stops the next request, not this call.
            quota_left: self.api.meter().left().unwrap_or_default(),
        });
    }
}
