//! The methods, a file each.

mod channels;
mod comments;
mod playlist_items;
mod search;
mod threads;
mod videos;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::ask::Ask;
use super::fault::Trouble;
use super::ledger::Endpoint;
use super::quirks::Quirks;
use super::refusal::Refusal;
use super::scene::Scene;
use super::wire::{Etag, List};

/// What a method works with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) scene: &'a Scene,
    pub(super) quirks: &'a Quirks,
    pub(super) ask: &'a Ask,
    pub(super) now: Timestamp,
    pub(super) trouble: Option<&'a Trouble>,
}

/// The text of a reply and its etag.
pub(super) type Reply = Result<(Vec<u8>, String), Refusal>;

pub(super) fn answer(context: Context<'_>) -> Reply {
    match context.ask.endpoint {
        Endpoint::Search => search::list(context),
        Endpoint::Videos => videos::list(context),
        Endpoint::BatchGetStats => videos::stats(context),
        Endpoint::CommentThreads => threads::list(context),
        Endpoint::Comments => comments::list(context),
        Endpoint::PlaylistItems => playlist_items::list(context),
        Endpoint::Channels => channels::list(context),
    }
}

impl Context<'_> {
    /// Where the page begins, from an opaque token that may have expired.
    fn offset(self, domain: &'static str) -> Result<u32, Refusal> {
        let Some(token) = self.ask.one("pageToken") else {
            return Ok(0);
        };
        let bad = || Refusal::page_token(domain);
        let listing = self.ask.listing();
        let (offset, born) = self.scene.ids.read_token(&listing, token).ok_or_else(bad)?;
        let age = self.now.as_second() - born;
        match self.quirks.token_life {
            Some(life) if age > i64::from(life) => Err(bad()),
            _ => {
                let offset = u32::try_from(offset).map_err(|_| bad())?;
                let back = if self.trouble == Some(&Trouble::Overlap) {
                    5
                } else {
                    0
                };
                Ok(offset.saturating_sub(back))
            }
        }
    }

    fn token(self, offset: u32) -> String {
        let born = self.now.as_second();
        self.scene
            .ids
            .token(&self.ask.listing(), u64::from(offset), born)
    }

    /// How many items of a page are shown, of those that it could have: 0 for an empty page.
    fn shown(self, offset: u32, page: u32) -> u32 {
        match self.trouble {
            Some(Trouble::EmptyPage) => 0,
            Some(Trouble::ShortPage) => page.div_ceil(2),
            _ if self.quirks.short_pages && offset.is_multiple_of(3) && page > 1 => page - 1,
            _ => page,
        }
    }

    /// The reply as bytes: all of it, or the fields that are asked for.
    fn write<T: Serialize + Etag>(self, mut list: List<T>) -> Reply {
        if self.trouble == Some(&Trouble::NoItems)
            || self.quirks.no_empty_items && list.items.as_ref().is_some_and(Vec::is_empty)
        {
            list.items = None;
        }
        let list = list.sealed();
        let fields = self.ask.one("fields");
        let odd = self.trouble == Some(&Trouble::UnknownKeys);
        // What YouTube does when it is not told otherwise.
        let pretty = self.ask.one("prettyPrint") != Some("false");
        let written = if fields.is_none() && !odd {
            write(&list, pretty)
        } else {
            let mut value = serde_json::to_value(&list).unwrap_or_default();
            if let Some(fields) = fields {
                value = super::fields::Selection::read(fields)?.apply(value);
            }
            if odd {
                strange(&mut value);
            }
            write(&value, pretty)
        };
        Ok((written, list.etag))
    }
}

fn write(value: &impl Serialize, pretty: bool) -> Vec<u8> {
    let written = if pretty {
        serde_json::to_vec_pretty(value)
    } else {
        serde_json::to_vec(value)
    };
    // Structures with text for keys are always written.
    written.unwrap_or_default()
}

/// Puts unknown keys into every object.
fn strange(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strange),
        Value::Object(object) => {
            object.values_mut().for_each(strange);
            let new = serde_json::json!({ "deep": [1, null, { "er": "…" }] });
            object.insert("somethingNew".to_owned(), new);
        }
        _ => {}
    }
}
