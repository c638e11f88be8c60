//! `comments.list`

use super::{Context, Reply};
use crate::testing::youtube::refusal::Refusal;
use crate::testing::youtube::wire::{CommentItem, List};

const KIND: &str = "youtube#commentListResponse";

pub(super) fn list(context: Context<'_>) -> Reply {
    let ask = context.ask;
    ask.check_names(&[
        "part",
        "id",
        "parentId",
        "maxResults",
        "pageToken",
        "textFormat",
    ])?;
    let parts = ask.parts(&["id", "snippet"])?;
    let filter = ask.filter(&["id", "parentId"])?;
    let html = ask.choice("textFormat", &["html", "plainText"], "html")? == "html";
    let size = ask.max_results(1, 100, 20)?;
    let scene = context.scene;
    // The method tells neither the video nor its channel.
    let item = |comment| {
        let mut item = CommentItem::new(comment, html, None);
        if !parts.contains(&"snippet") {
            item.snippet = None;
        }
        item
    };
    if filter == "id" {
        let paged = ["maxResults", "pageToken"];
        if let Some(name) = paged.iter().find(|name| ask.one(name).is_some()) {
            return Err(Refusal::incompatible(&format!("id, {name}")));
        }
        let found = ask.ids()?.into_iter().filter_map(|id| {
            let top = id.split('.').next().unwrap_or_default();
            let (video, thread) = open(context, top)?;
            match scene.ids.read_reply(id) {
                None => scene
                    .thread(video, thread, context.now)
                    .filter(|_| top == id),
                Some((_, number)) => {
                    let replies = scene.replies(video, thread, context.now);
                    replies.into_iter().nth(number as usize)
                }
            }
        });
        return context.write(List::new(KIND, found.map(item).collect()));
    }
    let parent = ask.one("parentId").unwrap_or_default();
    let (video, thread) =
        open(context, parent).ok_or_else(|| Refusal::comment_not_found("parentId"))?;
    if scene.thread(video, thread, context.now).is_none() {
        return Err(Refusal::comment_not_found("parentId"));
    }
    let replies = scene.replies(video, thread, context.now);
    let count = u32::try_from(replies.len()).unwrap_or(u32::MAX);
    let offset = context.offset("youtube.comment")?;
    let shown = context.shown(offset, size.min(count.saturating_sub(offset)));
    // The newest first.
    let newest = replies.into_iter().rev();
    let page = newest.skip(offset as usize).take(shown as usize);
    let next = offset + shown;
    let token = (next < count).then(|| context.token(next));
    context.write(List::new(KIND, page.map(item).collect()).paged(None, size, token))
}

/// The thread of an id, if its video shows comments.
fn open<'a>(
    context: Context<'a>,
    id: &str,
) -> Option<(&'a crate::testing::youtube::scene::Video, u32)> {
    let (video, thread) = context.scene.ids.read_thread(id)?;
    let video = context.scene.videos.get(video as usize)?;
    let open = video.oddity.has_comments() && video.published <= context.now;
    open.then_some((video, thread))
}
