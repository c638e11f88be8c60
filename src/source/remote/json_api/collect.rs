//! Item by item, page by page: fetched, judged, turned into rows, committed.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::column::Place as ColumnPlace;
use super::convert::converted;
use super::pager::Place;
use super::rule::Action;
use super::{ApiItem, JsonApi, Rule};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Reply, Request, Verdict, by_status};
use crate::source::remote::landing::{Landing, LandingRun, Manifest, Outcome};

/// The state under which a run that was stopped leaves where it stood.
const STOPPED: &str = "stopped";

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

impl JsonApi {
    pub(super) async fn collect_all(
        &self,
        landing: &Landing,
        items: &[ApiItem],
    ) -> Result<Manifest> {
        // Before anything is sent: an item that lacks a value.
        for item in items {
            let _ = self.request(item, &self.pager.begin())?;
        }
        let params = json!({"path": self.path, "query": self.query, "items": items});
        let mut run = landing.begin(&params)?;
        let mut cursor = standing(&run, &params);
        while let Some(item) = items.get(cursor.item) {
            let place = cursor.place.clone().unwrap_or_else(|| self.pager.begin());
            let next = match self.page(item, &place).await? {
                Page::Rows(reply, body) => {
                    let rows = self.land(&mut run, item, &body)?;
                    self.pager.next(&place, &reply, &body, rows)?
                }
                Page::Empty => None,
                Page::Skipped(why) => {
                    run.skip(&item.label, why)?;
                    None
                }
                Page::Stopped(why, resume_at) => {
                    let at = json!({"params": params, "cursor": cursor});
                    run.set_state(STOPPED, at)?;
                    let why = format!("at `{}`, {why}", item.label);
                    return run.finish(Outcome::Partial { why, resume_at });
                }
                Page::Aborted(error) => {
                    let why = error.to_string();
                    run.finish(Outcome::Aborted { why })?;
                    return Err(error);
                }
            };
            cursor.pages += 1;
            let enough = self.max_pages.is_some_and(|most| cursor.pages >= most);
            if enough && next.is_some() {
                let why = format!("there are more than {} pages", cursor.pages);
                run.skip(&item.label, why)?;
            }
            cursor = match next.filter(|_| !enough) {
                Some(place) => Cursor {
                    place: Some(self.without_secrets(place)),
                    ..cursor
                },
                None => Cursor {
                    item: cursor.item + 1,
                    ..Cursor::default()
                },
            };
            run.commit(json!(cursor))?;
        }
        run.set_state(STOPPED, Value::Null)?;
        run.finish(Outcome::Complete)
    }

    /// A link may bring a key back; the client puts its own in its place.
    fn without_secrets(&self, mut place: Place) -> Place {
        place.link = place.link.map(|link| self.client.scrub(&link));
        place
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
        let why = self.client.scrub(&why);
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

    /// Appends the rows of a page, and counts them.
    fn land(&self, run: &mut LandingRun, item: &ApiItem, body: &Value) -> Result<u64> {
        let mut found = Vec::new();
        rows_at(body, &self.items, None, &mut found);
        for (above, row) in &found {
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
                    let shown: String = shown.chars().take(60).collect();
                    let message = format!("`{}` of `{}` has `{shown}`", self.name, item.label);
                    Error::new(ErrorKind::Schema, self.client.scrub(&message))
                        .on_column(&column.name)
                        .with_dtype(&column.dtype)
                        .with_help("say how it is written with `.format(..)`, `.pattern(..)` or `.null(..)`")
                })?;
                cells.insert(column.name.clone(), cell);
            }
            run.append(&self.name, &Value::Object(cells))?;
        }
        Ok(found.len() as u64)
    }
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

/// The rows at a pointer, each with the element that the last `*` stands for.
fn rows_at<'a>(
    value: &'a Value,
    pointer: &str,
    above: Option<&'a Value>,
    found: &mut Vec<(Option<&'a Value>, &'a Value)>,
) {
    if let Some((head, tail)) = pointer.split_once("/*") {
        match value.pointer(head) {
            Some(Value::Array(elements)) => {
                let elements = elements.iter();
                elements.for_each(|element| rows_at(element, tail, Some(element), found));
            }
            Some(Value::Object(members)) => {
                let elements = members.values();
                elements.for_each(|element| rows_at(element, tail, Some(element), found));
            }
            _ => {}
        }
        return;
    }
    match value.pointer(pointer) {
        Some(Value::Array(rows)) => found.extend(rows.iter().map(|row| (above, row))),
        Some(row @ Value::Object(_)) => found.push((above, row)),
        _ => {}
    }
}
