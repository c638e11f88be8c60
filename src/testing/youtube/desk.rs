//! Where a call is judged and answered: key, quota, faults, then the method.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::ask::Ask;
use super::fault::{Fault, Trouble};
use super::ledger::{Bucket, Call, Endpoint, Ledger};
use super::quirks::Quirks;
use super::refusal::Refusal;
use super::routes::{Context, answer};
use super::scene::Scene;
use crate::clock::Clock;

/// What a call came with.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) path: String,
    pub(super) params: Vec<(String, String)>,
    pub(super) headers: Vec<(String, String)>,
}

/// What it is answered with.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) transport: Transport,
}

/// How the answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Whole,
    Nothing,
    Cut,
    Slow(Duration),
    BrokenGzip,
}

impl Answer {
    fn json(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type: "application/json; charset=UTF-8",
            headers: vec![],
            body,
            transport: Transport::Whole,
        }
    }

    fn value(status: u16, value: &serde_json::Value) -> Self {
        Self::json(status, format!("{value:#}\n").into_bytes())
    }

    fn refuse(refusal: &Refusal) -> Self {
        let mut answer = Self::value(refusal.code, &refusal.body());
        if let Some(seconds) = refusal.retry_after {
            answer.headers.push(("retry-after", seconds.to_string()));
        }
        answer
    }
}

/// All that a running emulator knows.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) scene: Arc<Scene>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) key: String,
    pub(super) limits: BTreeMap<Bucket, u64>,
    pub(super) per_minute: Option<(u64, Option<u32>)>,
    pub(super) quirks: Quirks,
    pub(super) state: Mutex<State>,
}

/// What changes from call to call.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) faults: Vec<Fault>,
    pub(super) answering: usize,
    pub(super) minute: (i64, u64),
}

/// What came of a call.
struct Outcome {
    answer: Answer,
    charged: Option<Bucket>,
    trouble: Option<String>,
}

impl Desk {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn serve(&self, call: Incoming) -> Answer {
        if call.path == "/emulator/ledger" {
            let ledger = serde_json::to_value(&self.state().ledger).unwrap_or_default();
            return Answer::value(200, &ledger);
        }
        let now = self.clock.now();
        let header = |name: &str| {
            let found = call.headers.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        let in_header = header("x-goog-api-key");
        let in_query = call.params.iter().find(|(name, _)| name == "key");
        let in_query = in_query.map(|(_, value)| value.as_str());
        let key = in_header.or(in_query).filter(|key| !key.is_empty());
        let endpoint = Endpoint::ALL
            .into_iter()
            .find(|endpoint| endpoint.path() == call.path);
        let outcome = match endpoint {
            None => refused(&Refusal::no_such_path(), None),
            Some(endpoint) => {
                let params = call.params.clone();
                self.judge(&Ask { endpoint, params }, key, now, header("if-none-match"))
            }
        };
        let mut state = self.state();
        if let Some(key) = key
            && !state.ledger.keys.iter().any(|known| known == key)
        {
            state.ledger.keys.push(key.to_owned());
        }
        let (key_in_header, key_in_query) = (in_header.is_some(), in_query.is_some());
        let mut recorded = Call {
            at: now,
            endpoint,
            path: call.path,
            params: call.params,
            headers: call.headers,
            key_in_header,
            key_in_query,
            charged: outcome.charged,
            status: outcome.answer.status,
            trouble: outcome.trouble,
        };
        recorded.params.retain(|(name, _)| name != "key");
        recorded
            .headers
            .retain(|(name, _)| name != "x-goog-api-key");
        state.ledger.calls.push(recorded);
        outcome.answer
    }

    fn judge(
        &self,
        ask: &Ask,
        key: Option<&str>,
        now: Timestamp,
        known_etag: Option<&str>,
    ) -> Outcome {
        match key {
            None => return refused(&Refusal::no_key(), None),
            Some(key) if key != self.key => return refused(&Refusal::bad_key(), None),
            Some(_) => {}
        }
        let bucket = ask.endpoint.bucket();
        if let Err(refusal) = self.charge(bucket, now) {
            return refused(&refusal, None);
        }
        let charged = Some(bucket);
        let videos = self.videos_of(ask);
        let trouble = {
            let mut state = self.state();
            let mut strikes = state.faults.iter_mut();
            strikes.find_map(|fault| fault.strike(ask.endpoint, &videos))
        };
        let named = |answer| Outcome {
            answer,
            charged,
            trouble: trouble.as_ref().map(Trouble::name),
        };
        if let Some(trouble) = &trouble {
            match self.instead(trouble, bucket, now) {
                Some(Ok(answer)) => return named(answer),
                Some(Err(refusal)) => return refused(&refusal, charged),
                None => {}
            }
            if let Trouble::NewThreads(threads) = trouble {
                let videos = videos.iter().filter_map(|id| self.scene.video(id));
                videos.for_each(|video| self.scene.surge(video, now, *threads));
            }
        }
        let (body, etag) = match answer(Context {
            scene: &self.scene,
            quirks: &self.quirks,
            ask,
            now,
            trouble: trouble.as_ref(),
        }) {
            Ok(reply) => reply,
            Err(refusal) => return refused(&refusal, charged),
        };
        let same = |known: &str| known.trim_start_matches("W/").trim_matches('"') == etag;
        if known_etag.is_some_and(same) {
            return named(Answer::json(304, vec![]));
        }
        let mut answer = Answer::json(200, body);
        answer.headers.push(("etag", format!("\"{etag}\"")));
        match &trouble {
            Some(Trouble::DropMidBody) => answer.transport = Transport::Cut,
            Some(Trouble::TruncatedJson) => answer.body.truncate(answer.body.len() / 2),
            Some(Trouble::BrokenGzip) => answer.transport = Transport::BrokenGzip,
            Some(Trouble::SlowBody(time)) => answer.transport = Transport::Slow(*time),
            Some(Trouble::WrongContentType) => answer.content_type = "text/html; charset=UTF-8",
            _ => {}
        }
        named(answer)
    }

    /// Takes one from a bucket, if there is one left.
    fn charge(&self, bucket: Bucket, now: Timestamp) -> Result<(), Refusal> {
        let mut state = self.state();
        if let Some((limit, retry_after)) = self.per_minute {
            let minute = now.as_second().div_euclid(60);
            if state.minute.0 != minute {
                state.minute = (minute, 0);
            }
            if state.minute.1 >= limit {
                return Err(Refusal::too_fast(limit, retry_after));
            }
            state.minute.1 += 1;
        }
        let limit = self.limit(bucket);
        let used = state.ledger.used.entry((day(now), bucket)).or_default();
        if *used >= limit {
            return Err(exhausted(bucket, limit, now));
        }
        *used += 1;
        Ok(())
    }

    pub(super) fn limit(&self, bucket: Bucket) -> u64 {
        self.limits
            .get(&bucket)
            .copied()
            .unwrap_or_else(|| bucket.default_limit())
    }

    /// What is sent in place of the reply of the method.
    fn instead(
        &self,
        trouble: &Trouble,
        bucket: Bucket,
        now: Timestamp,
    ) -> Option<Result<Answer, Refusal>> {
        let refusal = match trouble {
            Trouble::Backend(status) => Refusal::backend(*status),
            Trouble::HtmlPage(status) => {
                let page = "<!DOCTYPE html><html><title>Error</title><p>That’s an error.</html>\n";
                let mut answer = Answer::json(*status, page.into());
                answer.content_type = "text/html; charset=UTF-8";
                return Some(Ok(answer));
            }
            Trouble::EmptyReply(status) => return Some(Ok(Answer::json(*status, vec![]))),
            Trouble::PlainError(status) => {
                let value = serde_json::json!({ "error": "something went wrong" });
                return Some(Ok(Answer::value(*status, &value)));
            }
            Trouble::DropBeforeReply => {
                let mut answer = Answer::json(200, vec![]);
                answer.transport = Transport::Nothing;
                return Some(Ok(answer));
            }
            Trouble::Redirect(to) => {
                let mut answer = Answer::json(302, vec![]);
                answer.headers.push(("location", to.clone()));
                return Some(Ok(answer));
            }
            Trouble::RateLimited(seconds) => Refusal::too_fast(1800, *seconds),
            Trouble::DailyQuota => exhausted(bucket, self.limit(bucket), now),
            Trouble::KeyInvalid => Refusal::bad_key(),
            Trouble::KeyExpired => Refusal::expired_key(),
            Trouble::AccessNotConfigured => Refusal::not_configured(),
            Trouble::RefererBlocked => Refusal::referer(),
            Trouble::CoreUnavailable => return Some(Ok(Answer::value(403, &Refusal::core()))),
            Trouble::CommentsDisabled => Refusal::comments_disabled(),
            Trouble::Forbidden => Refusal::forbidden_comments(),
            Trouble::VideoNotFound => Refusal::video_not_found(),
            Trouble::CommentNotFound => Refusal::comment_not_found("parentId"),
            Trouble::ProcessingFailure => Refusal::processing(),
            Trouble::InvalidPageToken => Refusal::page_token("youtube.commentThread"),
            _ => return None,
        };
        Some(Err(refusal))
    }

    /// The videos that a call is about.
    fn videos_of(&self, ask: &Ask) -> Vec<String> {
        let of_comment = |id: &str| {
            let top = id.split('.').next()?;
            let (video, _) = self.scene.ids.read_thread(top)?;
            Some(self.scene.videos.get(video as usize)?.id.clone())
        };
        let mut videos: Vec<String> = ask.list("videoId").into_iter().map(str::to_owned).collect();
        videos.extend(ask.one("parentId").and_then(of_comment));
        for id in ask.list("id") {
            videos.push(of_comment(id).unwrap_or_else(|| id.to_owned()));
        }
        videos
    }
}

fn refused(refusal: &Refusal, charged: Option<Bucket>) -> Outcome {
    Outcome {
        answer: Answer::refuse(refusal),
        charged,
        trouble: Some(refusal.reason.to_owned()),
    }
}

fn exhausted(bucket: Bucket, limit: u64, now: Timestamp) -> Refusal {
    match bucket {
        Bucket::Search => {
            let midnight = day(now).to_zoned(pacific()).map(|start| start.timestamp());
            let start = midnight.map_or(0, |start| start.as_second());
            Refusal::search_quota(limit, start)
        }
        _ => Refusal::quota(),
    }
}

fn pacific() -> TimeZone {
    // Bundled, so it is there.
    TimeZone::get("America/Los_Angeles").unwrap_or(TimeZone::UTC)
}

/// The day in Los Angeles, at whose midnight the buckets are filled anew.
pub(super) fn day(now: Timestamp) -> Date {
    now.to_zoned(pacific()).date()
}
