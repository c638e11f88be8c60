//! Partial replies: the parameter `fields`, such as `nextPageToken,items(id,snippet/title)`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// Which keys to keep, with what to keep beneath them; nothing beneath keeps all.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Selection(BTreeMap<String, Selection>);

/// Every key that a reply of the emulator can have: an unknown one is refused, a missing one is not.
const KNOWN: &[&str] = &[
    "*",
    "kind",
    "etag",
    "nextPageToken",
    "prevPageToken",
    "regionCode",
    "pageInfo",
    "totalResults",
    "resultsPerPage",
    "items",
    "id",
    "videoId",
    "channelId",
    "playlistId",
    "snippet",
    "publishedAt",
    "publishTime",
    "title",
    "description",
    "thumbnails",
    "default",
    "medium",
    "high",
    "standard",
    "maxres",
    "url",
    "width",
    "height",
    "channelTitle",
    "tags",
    "categoryId",
    "liveBroadcastContent",
    "localized",
    "defaultLanguage",
    "defaultAudioLanguage",
    "contentDetails",
    "duration",
    "dimension",
    "definition",
    "caption",
    "licensedContent",
    "projection",
    "regionRestriction",
    "contentRating",
    "statistics",
    "viewCount",
    "likeCount",
    "favoriteCount",
    "dislikeCount",
    "commentCount",
    "status",
    "uploadStatus",
    "privacyStatus",
    "license",
    "embeddable",
    "publicStatsViewable",
    "madeForKids",
    "containsSyntheticMedia",
    "topicDetails",
    "topicCategories",
    "player",
    "embedHtml",
    "topLevelComment",
    "canReply",
    "totalReplyCount",
    "isPublic",
    "replies",
    "comments",
    "textDisplay",
    "textOriginal",
    "authorDisplayName",
    "authorProfileImageUrl",
    "authorChannelUrl",
    "authorChannelId",
    "value",
    "canRate",
    "viewerRating",
    "updatedAt",
    "parentId",
    "moderationStatus",
    "imageUrl",
    "relatedPlaylists",
    "uploads",
    "likes",
    "subscriberCount",
    "hiddenSubscriberCount",
    "videoCount",
    "customUrl",
    "country",
    "position",
    "resourceId",
    "videoOwnerChannelTitle",
    "videoOwnerChannelId",
    "videoPublishedAt",
];

impl Selection {
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let mut parser = Parser { text, at: 0 };
        let selection = parser.list(text)?;
        if parser.at == text.len() {
            Ok(selection)
        } else {
            Err(Refusal::fields(text))
        }
    }

    pub(super) fn apply(&self, value: Value) -> Value {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.apply(item)).collect(),
            Value::Object(object) => {
                let every = self.0.get("*");
                let keep = |(key, value): (String, Value)| {
                    let beneath = self.0.get(&key).or(every)?;
                    Some((key, beneath.apply(value)))
                };
                Value::Object(object.into_iter().filter_map(keep).collect::<Map<_, _>>())
            }
            // A selection beneath a plain value finds nothing.
            plain => plain,
        }
    }

    fn join(&mut self, other: Self) {
        for (key, beneath) in other.0 {
            self.0.entry(key).or_default().join(beneath);
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn next(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn list(&mut self, all: &str) -> Result<Selection, Refusal> {
        let mut found = Selection::default();
        loop {
            found.join(self.path(all)?);
            match self.next() {
                Some(',') => self.at += 1,
                _ => return Ok(found),
            }
        }
    }

    fn path(&mut self, all: &str) -> Result<Selection, Refusal> {
        let rest = &self.text[self.at..];
        let end = rest.find([',', '/', '(', ')']).unwrap_or(rest.len());
        let name = rest[..end].trim();
        if !KNOWN.contains(&name) {
            return Err(Refusal::fields(if name.is_empty() { all } else { name }));
        }
        let name = name.to_owned();
        self.at += end;
        let beneath = match self.next() {
            Some('/') => {
                self.at += 1;
                self.path(all)?
            }
            Some('(') => {
                self.at += 1;
                let list = self.list(all)?;
                if self.next() != Some(')') {
                    return Err(Refusal::fields(all));
                }
                self.at += 1;
                list
            }
            _ => Selection::default(),
        };
        Ok(Selection(BTreeMap::from([(name, beneath)])))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Selection;

    #[test]
    fn a_selection_keeps_what_it_names() {
        let reply = || {
            json!({
                "kind": "k",
                "nextPageToken": "t",
                "items": [{ "id": "a", "snippet": { "title": "x", "tags": ["y"] }, "etag": "e" }],
            })
        };
        let kept = |text: &str| Selection::read(text).expect("a selection").apply(reply());
        assert_eq!(kept("kind"), json!({ "kind": "k" }));
        assert_eq!(
            kept("nextPageToken,items(id,snippet/title)"),
            json!({ "nextPageToken": "t", "items": [{ "id": "a", "snippet": { "title": "x" } }] })
        );
        assert_eq!(
            kept("items/*/title"),
            json!({ "items": [{ "id": "a", "snippet": { "title": "x" }, "etag": "e" }] })
        );
        assert_eq!(kept("*"), reply());
        assert_eq!(
            kept("items/snippet(title),items/id"),
            kept("items(id,snippet/title)")
        );
        assert_eq!(kept("prevPageToken"), json!({}));
        for wrong in [
            "",
            "items(",
            "items)",
            "items(id",
            "nonsense",
            "items//id",
            "items(id,)",
            ",",
        ] {
            assert!(Selection::read(wrong).is_err(), "{wrong}");
        }
    }
}
