//! Item by item, page by page: fetched, judged, turned into rows, committed.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::column::Place as ColumnPlace;
use super::convert::converted;
use super::found::{Found, rows_at};
use super::pager::Place;
use super::rule::Action;
use super::{ApiItem, JsonApi, Rule};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Reply, Request, Verdict, aside, by_status};
use crate::source::remote::landing::{Landing, LandingRun, Manifest, Outcome};

/// The state under which a run that was stopped leaves where it stood.
const STOPPED: &str = "stopped";

/// The characters of a reason or a value that are told.
const TOLD: usize = 200;

/// What is to be fetched next; it is the cursor of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cursor {
    item: usize,
    pages: u64,
    /// The first page of the item when there is none.
    place: Option<Place>,
}

/// A page, or why there is none.
enum Page {
    Rows(Reply, Value),
    Empty,
    Skipped(String),
    Stopped(String, Option<Timestamp>),
    Aborted(Error),
}

/// A run on its way. All that touches its files blocks, so it is moved aside for it.
struct Collection {
    api: JsonApi,
    items: Vec<ApiItem>,
    params: Value,
    run: LandingRun,
    cursor: Cursor,
    /// The places and the rows of the item's pages so far, as hashes: a service may send in circles.
    places: HashSet<u64>,
    rows: HashSet<u64>,
}

impl JsonApi {
    pub(super) async fn collect_all(
        self,
        landing: Landing,
        items: Vec<ApiItem>,
    ) -> Result<Manifest> {
        // Before anything is sent: an item that lacks a value, or holds what no file may.
        for item in &items {
            self.refuse_secrets(&item.label, "the label of an item")?;
            for (name, value) in &item.values {
                self.refuse_secrets(value, &format!("the value `{name}` of an item"))?;
            }
            let _ = self.request(item, &self.pager.begin())?;
        }
        // To wait for another writer may block for long.
        let mut collection = aside(move || Collection::begin(self, &landing, items)).await?;
        while let Some(item) = collection.items.get(collection.cursor.item) {
            let place = collection.place();
            let page = collection.api.page(item, &place).await?;
            let settled = aside(move || collection.settle(&place, page)).await?;
            collection = match settled {
                Settled::Open(collection) => *collection,
                Settled::Ended(manifest) => return Ok(*manifest),
            };
        }
        aside(move || collection.complete()).await
    }

    fn request(&self, item: &ApiItem, place: &Place) -> Result<Request> {
        if let Some(link) = &place.link {
            return Ok(Request::get(link).endpoint(&self.name));
        }
        let mut request = Request::get("").endpoint(&self.name);
        for segment in self.path.split('/').filter(|segment| !segment.is_empty()) {
            request = request.segment(item.fill(segment)?);
        }
        for (name, value) in &self.query {
            // What the pager says stands in for what is always said.
            if !place.query.iter().any(|(of, _)| of == name) {
                request = request.query(name, item.fill(value)?);
            }
        }
        for (name, value) in &place.query {
            request = request.query(name, value);
        }
        Ok(request)
    }

    /// Fetches a page.
    async fn page(&self, item: &ApiItem, place: &Place) -> Result<Page> {
        let request = self.request(item, place)?;
        let rules: Arc<[Rule]> = self.rules.clone().into();
        let judge = move |reply: &Reply| {
            let body = reply.json::<Value>();
            match Rule::first(&rules, reply, body.as_ref().ok()) {
                Some((Action::Retry, _)) => Verdict::retry(),
                Some(_) => Verdict::Done,
                // A page that is cut, or a portal's, looks like a success.
                None if reply.is_success() && body.is_err() => Verdict::retry(),
                None => by_status(reply),
            }
        };
        let reply = self.client.send_with(request, judge).await?;
        let body = reply.json::<Value>();
        let Some((action, why)) = Rule::first(&self.rules, &reply, body.as_ref().ok()) else {
            return Ok(Page::Rows(reply, body?));
        };
        let why = self.told(&why, TOLD);
        Ok(match action {
            Action::Empty => Page::Empty,
            Action::Skip => Page::Skipped(why),
            Action::Stop => {
                let wait = reply.retry_after();
                let at = wait.and_then(|wait| reply.received().checked_add(wait).ok());
                Page::Stopped(why, at)
            }
            Action::Abort | Action::Retry => Page::Aborted(
                reply
                    .error(format!("a rule aborts the run ({why})"))
                    .with_help("mend what it speaks of, then collect again"),
            ),
        })
    }

    /// A text of the service for a message: blotted out before it is cut, since half a secret would
    /// not be found.
    fn told(&self, text: &str, most: usize) -> String {
        let text = self.client.scrub(text);
        let mut short: String = text.chars().take(most).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        short
    }

    /// The rows of a page.
    fn rows<'a>(&self, item: &ApiItem, reply: &Reply, body: &'a Value) -> Result<Vec<Found<'a>>> {
        let mut found = Vec::new();
        if !rows_at(body, &self.items, None, &mut found) && !self.items_may_be_missing {
            let what = format!(
                "for `{}` there are no rows at `{}` in it: {}",
                item.label,
                self.items,
                reply.excerpt()
            );
            return Err(reply.error(what).with_help(
                "mend the pointer of `.items(..)`; a reply that tells an error needs a `.rule(..)`, and one that leaves out what is empty `.items_may_be_missing()`",
            ));
        }
        Ok(found)
    }

    /// Appends the rows of a page.
    fn land(&self, run: &mut LandingRun, item: &ApiItem, found: &[Found]) -> Result<()> {
        for (above, row) in found {
            let mut cells = Map::new();
            for column in &self.columns {
                let of_item;
                let value = match &column.place {
                    ColumnPlace::Row(pointer) => row.pointer(pointer),
                    ColumnPlace::Above(pointer) => above.and_then(|above| above.pointer(pointer)),
                    ColumnPlace::Item(name) => {
                        of_item = item.values.get(name).cloned().map(Value::String);
                        of_item.as_ref()
                    }
                };
                let cell = converted(column, value).ok_or_else(|| {
                    let shown: String = value.map(Value::to_string).unwrap_or_default();
                    let shown = self.told(&shown, 60);
                    let message = format!("`{}` of `{}` has `{shown}`", self.name, item.label);
                    Error::new(ErrorKind::Schema, message)
                        .on_column(&column.name)
                        .with_dtype(&column.dtype)
                        .with_help("say how it is written with `.format(..)`, `.pattern(..)` or `.null(..)`")
                })?;
                cells.insert(column.name.clone(), cell);
            }
            run.append(&self.name, &Value::Object(cells))?;
        }
        Ok(())
    }
}

/// What became of a run with a page.
enum Settled {
    Open(Box<Collection>),
    Ended(Box<Manifest>),
}

impl Collection {
    fn begin(api: JsonApi, landing: &Landing, items: Vec<ApiItem>) -> Result<Self> {
        let params = json!({
            "path": api.path,
            "query": api.query,
            "pager": api.pager,
            "items": items,
        });
        let run = landing.begin(&params)?;
        let cursor = standing(&run, &params);
        Ok(Self {
            api,
            items,
            params,
            run,
            cursor,
            places: HashSet::new(),
            rows: HashSet::new(),
        })
    }

    fn place(&self) -> Place {
        let place = self.cursor.place.clone();
        place.unwrap_or_else(|| self.api.pager.begin())
    }

    /// Takes a page in.
    fn settle(mut self, place: &Place, page: Page) -> Result<Settled> {
        let label = self.items[self.cursor.item].label.clone();
        let next = match page {
            Page::Rows(reply, body) => self.take(place, &reply, &body)?,
            Page::Empty => None,
            Page::Skipped(why) => {
                self.run.skip(&label, why)?;
                None
            }
            Page::Stopped(why, resume_at) => {
                let at = json!({"params": self.params, "cursor": self.kept()});
                self.run.set_state(STOPPED, at)?;
                let why = format!("at `{label}`, {why}");
                let manifest = self.run.finish(Outcome::Partial { why, resume_at })?;
                return Ok(Settled::Ended(Box::new(manifest)));
            }
            Page::Aborted(error) => {
                let why = error.to_string();
                self.run.finish(Outcome::Aborted { why })?;
                return Err(error);
            }
        };
        self.cursor.pages += 1;
        let pages = self.cursor.pages;
        let enough = self.api.max_pages.is_some_and(|most| pages >= most);
        if enough && next.is_some() {
            let why = format!("there are more than {pages} pages");
            self.run.skip(&label, why)?;
        }
        self.cursor.place = next.filter(|_| !enough);
        if self.cursor.place.is_none() {
            self.cursor = Cursor {
                item: self.cursor.item + 1,
                ..Cursor::default()
            };
            self.places.clear();
            self.rows.clear();
        }
        let cursor = json!(self.kept());
        self.run.commit(cursor)?;
        Ok(Settled::Open(Box::new(self)))
    }

    /// Lands the rows of a page, and tells which one follows.
    fn take(&mut self, place: &Place, reply: &Reply, body: &Value) -> Result<Option<Place>> {
        let item = &self.items[self.cursor.item];
        let found = self.api.rows(item, reply, body)?;
        // The same rows have the same keys: a page beyond the last may be the last one again.
        if !found.is_empty() && !self.rows.insert(hash(&found)) {
            return Err(circle(
                reply,
                "the page has the rows of one before it",
                &item.label,
            ));
        }
        let rows = found.len() as u64;
        let next = self.api.pager.next(place, reply, body, rows);
        self.places.insert(hash(place));
        if next
            .as_ref()
            .is_some_and(|next| self.places.contains(&hash(next)))
        {
            return Err(circle(
                reply,
                "the next page is said to be one that was read before",
                &item.label,
            ));
        }
        self.api.land(&mut self.run, item, &found)?;
        Ok(next.map(|mut place| {
            // The client puts its own in.
            let link = place.link.take();
            place.link = link.map(|link| self.api.client.without_secret_query(&link));
            place
        }))
    }

    /// The cursor as files may hold it. A place that brings a secret back is followed, but not kept: a
    /// run that is taken up there begins the item anew.
    fn kept(&self) -> Cursor {
        let client = &self.api.client;
        let is_secret = self.cursor.place.as_ref().is_some_and(|place| {
            let texts = place.query.iter().flat_map(|(name, value)| [name, value]);
            let mut texts = texts.chain(&place.link);
            texts.any(|text| client.has_secret(text))
        });
        if is_secret {
            return Cursor {
                item: self.cursor.item,
                ..Cursor::default()
            };
        }
        self.cursor.clone()
    }

    fn complete(mut self) -> Result<Manifest> {
        self.run.set_state(STOPPED, Value::Null)?;
        self.run.finish(Outcome::Complete)
    }
}

/// A service that sends us in a circle would be asked for ever.
fn circle(reply: &Reply, what: &str, label: &str) -> Error {
    let message = reply.error(format!("{what}, for `{label}`"));
    message.with_help(
        "check the pager: where its token, link or total is, and whether the parameter is the one that the service reads",
    )
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Where the run stands: at its own cursor, or where the last one was stopped.
fn standing(run: &LandingRun, params: &Value) -> Cursor {
    let own = || serde_json::from_value(run.cursor().clone()).ok();
    let left = || {
        let stopped = run.state(STOPPED)?;
        let same = stopped.get("params") == Some(params);
        same.then(|| serde_json::from_value(stopped.get("cursor")?.clone()).ok())?
    };
    own().or_else(left).unwrap_or_default()
}
