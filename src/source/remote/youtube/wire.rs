//! What the API sends, as far as it is used. Fields that are not named here are ignored, those that
//! are absent or null are `None`, and a count may be a number or a text.

use jiff::Timestamp;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, Unexpected, Visitor};
use serde_json::Value;

/// A page of a list, or a whole list.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
pub(super) struct Page<T> {
    pub(super) kind: Option<String>,
    pub(super) next_page_token: Option<String>,
    pub(super) region_code: Option<String>,
    // Absent where nothing matches.
    items: Option<Items<T>>,
}

/// Those items that can be read, and what is wrong with the others.
#[derive(Debug)]
struct Items<T> {
    good: Vec<T>,
    odd: Vec<Odd>,
}

/// An item of another form than the documented one.
#[derive(Clone, Debug)]
pub(super) struct Odd {
    pub(super) id: Option<String>,
    pub(super) why: String,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut items = Self {
            good: Vec::new(),
            odd: Vec::new(),
        };
        for value in Vec::<Value>::deserialize(deserializer)? {
            match T::deserialize(&value) {
                Ok(item) => items.good.push(item),
                Err(error) => items.odd.push(Odd {
                    id: value["id"].as_str().map(str::to_owned),
                    why: error.to_string(),
                }),
            }
        }
        Ok(items)
    }
}

impl<T> Page<T> {
    /// A page of these items, which is the only one.
    pub(super) fn of(items: Vec<T>) -> Self {
        Self {
            kind: None,
            next_page_token: None,
            region_code: None,
            items: Some(Items {
                good: items,
                odd: Vec::new(),
            }),
        }
    }

    pub(super) fn items(&self) -> &[T] {
        self.items.as_ref().map_or(&[], |items| &items.good)
    }

    /// Items that cannot be read: one of them is no reason to lose the others.
    pub(super) fn odd(&self) -> &[Odd] {
        self.items.as_ref().map_or(&[], |items| &items.odd)
    }

    /// Whether it is a page of this kind, where it says of which it is.
    pub(super) fn is_of(&self, kind: &str) -> Result<(), String> {
        match &self.kind {
            Some(found) if found != kind => Err(format!("`{found}` came in place of `{kind}`")),
            _ => Ok(()),
        }
    }

    pub(super) fn into_items(self) -> Vec<T> {
        self.items.map_or_else(Vec::new, |items| items.good)
    }
}

/// A count: a number in comments, a text in statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count(pub(super) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Count;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a count, as a number or a text")
            }

            fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<Count, E> {
                Ok(Count(count))
            }

            fn visit_i64<E: serde::de::Error>(self, count: i64) -> Result<Count, E> {
                let wrong = || E::invalid_value(Unexpected::Signed(count), &self);
                u64::try_from(count).map(Count).map_err(|_| wrong())
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Count, E> {
                let wrong = || E::invalid_value(Unexpected::Str(text), &self);
                text.parse().map(Count).map_err(|_| wrong())
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// A count that fits the column of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count32(pub(super) u32);

impl<'de> Deserialize<'de> for Count32 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Count(count) = Count::deserialize(deserializer)?;
        u32::try_from(count)
            .map(Self)
            .map_err(|_| D::Error::custom("a count of more than 32 bits"))
    }
}

/// A flag: a truth value, or the text of one, as `contentDetails.caption` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(flag) => Ok(Self(flag)),
            Value::String(text) if text == "true" => Ok(Self(true)),
            Value::String(text) if text == "false" => Ok(Self(false)),
            _ => Err(D::Error::custom("neither true nor false")),
        }
    }
}

/// A time in RFC 3339, with or without a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(pub(super) Timestamp);

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = text.parse().map_err(D::Error::custom)?;
        Ok(Self(time))
    }
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct SearchHit {
    pub(super) id: Option<HitId>,
    pub(super) snippet: Option<HitSnippet>,
}

/// What was found; a channel or a playlist has no `videoId`.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HitId {
    pub(super) kind: Option<String>,
    pub(super) video_id: Option<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HitSnippet {
    pub(super) published_at: Option<Time>,
    pub(super) channel_id: Option<String>,
    pub(super) channel_title: Option<String>,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) live_broadcast_content: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlaylistItem {
    pub(super) content_details: Option<PlaylistItemDetails>,
    pub(super) snippet: Option<PlaylistItemSnippet>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlaylistItemDetails {
    pub(super) video_id: Option<String>,
    pub(super) video_published_at: Option<Time>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlaylistItemSnippet {
    pub(super) playlist_id: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Video {
    pub(super) id: Option<String>,
    pub(super) snippet: Option<VideoSnippet>,
    pub(super) content_details: Option<ContentDetails>,
    pub(super) statistics: Option<Statistics>,
    pub(super) status: Option<Status>,
    pub(super) topic_details: Option<TopicDetails>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VideoSnippet {
    // `batchGetStats` calls it `publishTime`.
    #[serde(alias = "publishTime")]
    pub(super) published_at: Option<Time>,
    pub(super) channel_id: Option<String>,
    pub(super) channel_title: Option<String>,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) category_id: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) default_language: Option<String>,
    pub(super) default_audio_language: Option<String>,
    pub(super) live_broadcast_content: Option<String>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContentDetails {
    pub(super) duration: Option<String>,
    pub(super) caption: Option<Flag>,
    pub(super) definition: Option<String>,
    pub(super) dimension: Option<String>,
    pub(super) projection: Option<String>,
    pub(super) licensed_content: Option<Flag>,
    pub(super) region_restriction: Option<RegionRestriction>,
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct RegionRestriction {
    pub(super) allowed: Option<Vec<String>>,
    pub(super) blocked: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Statistics {
    pub(super) view_count: Option<Count>,
    pub(super) like_count: Option<Count>,
    pub(super) comment_count: Option<Count>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) privacy_status: Option<String>,
    pub(super) upload_status: Option<String>,
    pub(super) license: Option<String>,
    pub(super) embeddable: Option<Flag>,
    pub(super) made_for_kids: Option<Flag>,
    pub(super) contains_synthetic_media: Option<Flag>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TopicDetails {
    pub(super) topic_categories: Option<Vec<String>>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Thread {
    pub(super) id: Option<String>,
    pub(super) snippet: Option<ThreadSnippet>,
    pub(super) replies: Option<Replies>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThreadSnippet {
    pub(super) video_id: Option<String>,
    pub(super) channel_id: Option<String>,
    pub(super) top_level_comment: Option<Comment>,
    pub(super) total_reply_count: Option<Count32>,
    pub(super) can_reply: Option<Flag>,
    pub(super) is_public: Option<Flag>,
}

/// Some replies of a thread: all of them only where they are as many as `totalReplyCount`.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Replies {
    pub(super) comments: Option<Vec<Comment>>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Comment {
    pub(super) id: Option<String>,
    pub(super) snippet: Option<CommentSnippet>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommentSnippet {
    pub(super) parent_id: Option<String>,
    pub(super) video_id: Option<String>,
    pub(super) channel_id: Option<String>,
    pub(super) text_display: Option<String>,
    pub(super) text_original: Option<String>,
    pub(super) author_display_name: Option<String>,
    pub(super) author_channel_id: Option<AuthorId>,
    pub(super) like_count: Option<Count32>,
    pub(super) published_at: Option<Time>,
    pub(super) updated_at: Option<Time>,
    pub(super) image_url: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct AuthorId {
    pub(super) value: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_a_number_or_a_text_and_never_guessed() {
        let read = |json: &str| serde_json::from_str::<Count>(json);
        assert_eq!(read("7").unwrap(), Count(7));
        assert_eq!(
            read("\"18446744073709551615\"").unwrap(),
            Count(18_446_744_073_709_551_615)
        );
        for wrong in ["-1", "\"-1\"", "1.5", "\"\"", "\"many\"", "true", "[1]"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Count32>("4294967296").is_err());
    }

    #[test]
    fn unknown_absent_and_null_fields_do_no_harm() {
        let page: Page<Thread> = serde_json::from_str("{}").unwrap();
        assert_eq!(page.next_page_token, None);
        assert!(page.into_items().is_empty());
        let text = r#"{"new": {"deep": [1]}, "items": [{"id": null, "more": 1,
            "snippet": {"topLevelComment": {"snippet": {"likeCount": null, "authorChannelId": {}}}}}]}"#;
        let page: Page<Thread> = serde_json::from_str(text).unwrap();
        let thread = page.into_items().pop().unwrap();
        assert_eq!(thread.id, None);
        let comment = thread.snippet.unwrap().top_level_comment.unwrap();
        assert_eq!(comment.snippet.unwrap().like_count, None);
    }

    #[test]
    fn an_odd_item_does_not_take_the_others_with_it() {
        let text = r#"{"items": [{"id": "a", "statistics": {"viewCount": "-1"}}, {"id": "b"}, 7]}"#;
        let page: Page<Video> = serde_json::from_str(text).unwrap();
        let odd: Vec<_> = page.odd().iter().map(|odd| odd.id.as_deref()).collect();
        assert_eq!(odd, [Some("a"), None]);
        assert!(page.odd()[0].why.contains("a count"), "{:?}", page.odd());
        assert_eq!(page.items()[0].id.as_deref(), Some("b"));
        assert_eq!(page.into_items().len(), 1);
    }

    #[test]
    fn times_come_with_and_without_a_fraction() {
        let read = |json: &str| serde_json::from_str::<Time>(json).unwrap().0;
        assert_eq!(
            read("\"2019-12-01T04:46:31.000Z\""),
            read("\"2019-12-01T04:46:31Z\"")
        );
        assert!(serde_json::from_str::<Time>("\"yesterday\"").is_err());
    }
}
