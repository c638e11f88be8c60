//! Which fields are asked for: what is not kept is not sent, above all the authors of comments.

pub(super) const SEARCH: &str = "kind,nextPageToken,regionCode,items(id(kind,videoId),\
snippet(publishedAt,channelId,channelTitle,title,description,liveBroadcastContent))";

pub(super) const VIDEOS: &str = "kind,items(id,\
snippet(publishedAt,channelId,channelTitle,title,description,categoryId,tags,defaultLanguage,\
defaultAudioLanguage,liveBroadcastContent),\
contentDetails(duration,caption,definition,dimension,projection,licensedContent,regionRestriction),\
statistics(viewCount,likeCount,commentCount),\
status(privacyStatus,uploadStatus,license,embeddable,madeForKids,containsSyntheticMedia),\
topicDetails(topicCategories))";

pub(super) const STATS: &str = "kind,items(id,statistics(viewCount,likeCount,commentCount))";

pub(super) const PLAYLIST: &str =
    "kind,nextPageToken,items(snippet(playlistId),contentDetails(videoId,videoPublishedAt))";

const COMMENT: &str =
    "parentId,videoId,channelId,textDisplay,likeCount,publishedAt,updatedAt,imageUrl";
const AUTHOR: &str = ",authorDisplayName,authorChannelId";

fn comment(authors: bool) -> String {
    let author = if authors { AUTHOR } else { "" };
    format!("id,snippet({COMMENT}{author})")
}

pub(super) fn threads(authors: bool, replies: bool) -> String {
    let comment = comment(authors);
    let inline = if replies {
        format!(",replies(comments({comment}))")
    } else {
        String::new()
    };
    format!(
        "kind,nextPageToken,items(id,snippet(videoId,channelId,totalReplyCount,canReply,isPublic,\
         topLevelComment({comment})){inline})"
    )
}

pub(super) fn replies(authors: bool) -> String {
    format!("kind,nextPageToken,items({})", comment(authors))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Checks a selection against a schema of the discovery document; returns what is left of it.
    fn check<'a>(discovery: &Value, schema: &str, mut fields: &'a str) -> &'a str {
        loop {
            let end = fields.find([',', '(', ')']).unwrap_or(fields.len());
            let (name, rest) = fields.split_at(end);
            let mut property = &discovery["schemas"][schema]["properties"][name];
            assert!(property.is_object(), "{schema} has no `{name}`");
            if property["type"] == "array" {
                property = &property["items"];
            }
            fields = rest;
            if let Some(inner) = fields.strip_prefix('(') {
                fields = check(discovery, property["$ref"].as_str().unwrap(), inner);
            }
            match fields.strip_prefix(',') {
                Some(rest) => fields = rest,
                None => return fields.strip_prefix(')').unwrap_or(fields),
            }
        }
    }

    #[test]
    fn the_vendor_knows_every_field_that_is_asked_for() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../shared/data/youtube_api/discovery.json");
        let Ok(text) = std::fs::read(&path) else {
            println!("left out: {} is not there", path.display());
            return;
        };
        let discovery: Value = serde_json::from_slice(&text).unwrap();
        for (schema, fields) in [
            ("SearchListResponse", SEARCH.to_owned()),
            ("VideoListResponse", VIDEOS.to_owned()),
            ("BatchGetStatsResponse", STATS.to_owned()),
            ("PlaylistItemListResponse", PLAYLIST.to_owned()),
            ("CommentThreadListResponse", threads(true, true)),
            ("CommentListResponse", replies(true)),
        ] {
            assert_eq!(check(&discovery, schema, &fields), "", "{schema}");
        }
        assert!(!threads(false, true).contains("author"));
    }
}
