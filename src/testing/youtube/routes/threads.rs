//! `commentThreads.list`

use super::{Context, Reply};
use crate::testing::youtube::refusal::Refusal;
use crate::testing::youtube::scene::{Threads, Video};
use crate::testing::youtube::wire::{CommentItem, List, Replies, ThreadItem, ThreadSnippet};
use crate::testing::youtube::world::Oddity;

const KIND: &str = "youtube#commentThreadListResponse";
const DOMAIN: &str = "youtube.commentThread";
/// Of its replies, a thread shows so many.
const INLINE: usize = 5;
/// By relevance, YouTube shows no more threads than this.
const RELEVANT: usize = 500;

pub(super) fn list(context: Context<'_>) -> Reply {
    let ask = context.ask;
    ask.check_names(&[
        "part",
        "videoId",
        "id",
        "allThreadsRelatedToChannelId",
        "channelId",
        "maxResults",
        "order",
        "pageToken",
        "searchTerms",
        "textFormat",
        "moderationStatus",
    ])?;
    ask.parts(&["id", "snippet", "replies"])?;
    let filter = ask.filter(&["videoId", "id", "allThreadsRelatedToChannelId", "channelId"])?;
    ask.choice("textFormat", &["html", "plainText"], "html")?;
    let order = ask.choice("order", &["time", "relevance"], "time")?;
    if ask
        .one("moderationStatus")
        .is_some_and(|status| status != "published")
    {
        return Err(Refusal::needs_login("moderationStatus"));
    }
    let size = ask.max_results(1, 100, 20)?;
    let now = context.now;
    match filter {
        "id" => {
            let paged = ["maxResults", "order", "pageToken", "searchTerms"];
            if let Some(name) = paged.iter().find(|name| ask.one(name).is_some()) {
                return Err(Refusal::incompatible(&format!("id, {name}")));
            }
            let found = ask.ids()?.into_iter().filter_map(|id| {
                let (video, thread) = context.scene.ids.read_thread(id)?;
                let video = context.scene.videos.get(video as usize)?;
                let open = video.oddity.has_comments() && video.published <= now;
                item(context, video, thread).filter(|_| open)
            });
            let items: Vec<_> = found.collect();
            let total = items.len() as u64;
            context.write(List::new(KIND, items).paged(Some(total), 20, None))
        }
        "videoId" => {
            let id = ask.one("videoId").unwrap_or_default();
            let video = context
                .scene
                .video(id)
                .filter(|video| video.published <= now);
            let video = video.ok_or_else(Refusal::video_not_found)?;
            match video.oddity {
                Oddity::CommentsOff => return Err(Refusal::comments_disabled()),
                Oddity::MembersOnly | Oddity::Private => return Err(Refusal::forbidden_comments()),
                Oddity::Gone => return Err(Refusal::video_not_found()),
                _ => {}
            }
            let threads = context.scene.threads(video, now);
            let order = ordered(context, video, &threads, order == "relevance");
            let chosen = |place: u32| Some((video, order.at(&threads, place)?));
            page(context, size, order.len(&threads), chosen)
        }
        name => {
            let channel = ask.one(name).unwrap_or_default();
            let of_channel = |video: &&Video| {
                video.channel_id == channel && video.oddity.has_comments() && video.published <= now
            };
            let videos: Vec<_> = context.scene.videos.iter().filter(of_channel).collect();
            if !context
                .scene
                .videos
                .iter()
                .any(|video| video.channel_id == channel)
            {
                return Err(Refusal::channel_not_found(name));
            }
            // `channelId` would be comments on the channel itself, of which there are none.
            let videos = if name == "channelId" { vec![] } else { videos };
            let mut all: Vec<_> = videos
                .iter()
                .flat_map(|video| {
                    let threads: Vec<_> = context.scene.threads(video, now).iter().collect();
                    let wanted = threads
                        .into_iter()
                        .filter(|thread| matches(context, video, *thread));
                    wanted.map(|thread| (*video, thread)).collect::<Vec<_>>()
                })
                .collect();
            let written = |(video, thread): &(&Video, u32)| {
                let comment = context.scene.thread(video, *thread, now);
                std::cmp::Reverse(comment.map(|comment| comment.published))
            };
            all.sort_by_key(written);
            let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
            page(context, size, count, |place| {
                all.get(place as usize).copied()
            })
        }
    }
}

/// One page of so many threads, of which each has its place.
fn page<'a>(
    context: Context<'a>,
    size: u32,
    count: u32,
    at: impl Fn(u32) -> Option<(&'a Video, u32)>,
) -> Reply {
    let offset = context.offset(DOMAIN)?;
    let shown = context.shown(offset, size.min(count.saturating_sub(offset)));
    let items = (offset..offset + shown).filter_map(|place| {
        let (video, thread) = at(place)?;
        item(context, video, thread)
    });
    let items: Vec<_> = items.collect();
    let next = offset + shown;
    let token = (next < count).then(|| context.token(next));
    let total = items.len() as u64;
    context.write(List::new(KIND, items).paged(Some(total), size, token))
}

/// In which order the threads of a video stand.
enum Order {
    /// The newest first, after the pinned one, which has its place by time.
    Time { pinned: Option<u32> },
    /// As listed.
    Listed(Vec<u32>),
}

fn ordered(context: Context<'_>, video: &Video, threads: &Threads, relevance: bool) -> Order {
    let wanted = |thread: &u32| matches(context, video, *thread);
    if relevance {
        let mut all: Vec<_> = threads.iter().filter(wanted).collect();
        let likes = |thread: &u32| {
            let comment = context.scene.thread(video, *thread, context.now);
            std::cmp::Reverse(comment.map(|comment| comment.likes))
        };
        all.sort_by_cached_key(likes);
        all.truncate(RELEVANT);
        return Order::Listed(all);
    }
    if context.ask.one("searchTerms").is_some() {
        let mut all: Vec<_> = threads.iter().filter(wanted).collect();
        all.reverse();
        return Order::Listed(all);
    }
    // The third that was ever written is as good as any, and old.
    let oldest = threads.len().checked_sub(3).filter(|_| threads.len() > 3);
    let pinned = oldest.filter(|_| context.quirks.pinned);
    Order::Time { pinned }
}

impl Order {
    fn len(&self, threads: &Threads) -> u32 {
        match self {
            Self::Time { .. } => threads.len(),
            Self::Listed(listed) => u32::try_from(listed.len()).unwrap_or(u32::MAX),
        }
    }

    fn at(&self, threads: &Threads, place: u32) -> Option<u32> {
        match self {
            Self::Time { pinned: None } => threads.newest(place),
            Self::Time {
                pinned: Some(pinned),
            } => match place.checked_sub(1) {
                None => threads.newest(*pinned),
                // The pinned one does not stand a second time where it was written.
                Some(before) if before < *pinned => threads.newest(before),
                Some(_) => threads.newest(place),
            },
            Self::Listed(listed) => listed.get(place as usize).copied(),
        }
    }
}

fn matches(context: Context<'_>, video: &Video, thread: u32) -> bool {
    let Some(terms) = context.ask.one("searchTerms") else {
        return true;
    };
    let comment = context.scene.thread(video, thread, context.now);
    comment.is_some_and(|comment| comment.text.to_lowercase().contains(&terms.to_lowercase()))
}

fn item(context: Context<'_>, video: &Video, thread: u32) -> Option<ThreadItem> {
    let parts = context.ask.list("part");
    let html = context.ask.one("textFormat") != Some("plainText");
    let comment = context.scene.thread(video, thread, context.now)?;
    let count = comment.replies.unwrap_or(0);
    let id = comment.id.clone();
    let top = CommentItem::new(comment, html, Some(video));
    let etag = top.etag.chars().rev().collect();
    let snippet = parts.contains(&"snippet").then(|| ThreadSnippet {
        channel_id: video.channel_id.clone(),
        video_id: video.id.clone(),
        top_level_comment: top,
        can_reply: true,
        total_reply_count: count,
        is_public: true,
    });
    let replies = (parts.contains(&"replies") && count > 0).then(|| {
        let all = context.scene.replies(video, thread, context.now);
        let newest = all.into_iter().rev().take(INLINE);
        Replies {
            comments: newest
                .map(|reply| CommentItem::new(reply, html, Some(video)))
                .collect(),
        }
    });
    Some(ThreadItem {
        kind: "youtube#commentThread",
        etag,
        id,
        snippet,
        replies,
    })
}
