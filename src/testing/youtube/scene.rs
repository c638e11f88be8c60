//! The world as it can be asked: videos that are there, comments by their place.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::dice::Dice;
use super::growth::{Arrivals, saturating, spreading};
use super::ids::Ids;
use super::text;
use super::world::{Oddity, World};

const DAY: i64 = 86_400;
/// Threads of a surge are numbered from here; no law reaches it.
const SURGES: u32 = 1 << 31;

/// One video of the world.
#[derive(Clone, Debug)]
pub struct Video {
    pub(super) number: u32,
    pub(super) channel: u32,
    /// Its id.
    pub id: String,
    /// The id of its channel.
    pub channel_id: String,
    /// The name of its channel.
    pub channel_title: String,
    /// Its title, unescaped.
    pub title: String,
    /// Its description.
    pub description: String,
    /// When it was published.
    pub published: Timestamp,
    /// How long it is, in seconds.
    pub duration: u32,
    /// What is special about it.
    pub oddity: Oddity,
    pub(super) dice: Dice,
    /// The age at which it has as many views and threads as its numbers say.
    reference: i64,
    threads: Arrivals,
}

/// One comment, or one reply, as it was at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Comment {
    /// Its id.
    pub id: String,
    /// The comment that it answers.
    pub parent_id: Option<String>,
    /// The video under which it stands.
    pub video_id: String,
    /// Its plain text.
    pub text: String,
    /// The name of its author.
    pub author: String,
    /// The channel of its author, where YouTube tells it.
    pub author_channel_id: Option<String>,
    /// Its likes.
    pub likes: u32,
    /// When it was written.
    pub published: Timestamp,
    /// When it was last edited, or written.
    pub updated: Timestamp,
    /// How many replies it has; none for a reply.
    pub replies: Option<u32>,
}

/// A built world with what was added to it by force.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) ids: Ids,
    pub(super) videos: Vec<Video>,
    dice: Dice,
    by_id: BTreeMap<String, usize>,
    /// By video: when so many threads came at once.
    surges: Mutex<BTreeMap<u32, Vec<(i64, u32)>>>,
    /// The replies that are visible under a video are counted once for a time.
    counted: Mutex<BTreeMap<u32, (i64, u64)>>,
}

impl Scene {
    pub(super) fn new(world: World) -> Self {
        let dice = Dice::new(world.seed);
        let ids = Ids(dice.of(1));
        let all = 0..world.videos.saturating_add(world.later);
        let videos: Vec<_> = all
            .map(|number| video(&world, dice.of(2), ids, number))
            .collect();
        let places = videos.iter().enumerate();
        let by_id = places.map(|(at, video)| (video.id.clone(), at)).collect();
        Self {
            world,
            ids,
            videos,
            dice,
            by_id,
            surges: Mutex::default(),
            counted: Mutex::default(),
        }
    }

    pub(super) fn video(&self, id: &str) -> Option<&Video> {
        self.by_id.get(id).map(|at| &self.videos[*at])
    }

    /// Lets threads come to a video all at once.
    pub(super) fn surge(&self, video: &Video, now: Timestamp, threads: u32) {
        let mut surges = self.surges.lock().unwrap_or_else(PoisonError::into_inner);
        let of_video = surges.entry(video.number).or_default();
        of_video.push((now.as_second(), threads));
        // A clock may be set back.
        of_video.sort_by_key(|(when, _)| *when);
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.remove(&video.number);
    }

    fn surges_of(&self, video: &Video) -> Vec<(i64, u32)> {
        let surges = self.surges.lock().unwrap_or_else(PoisonError::into_inner);
        surges.get(&video.number).cloned().unwrap_or_default()
    }

    /// The numbers of the threads that are visible at a time, the oldest first.
    pub(super) fn threads(&self, video: &Video, now: Timestamp) -> Threads {
        let now = now.as_second();
        let published = video.published.as_second();
        let by = |when: i64| u32::try_from(video.threads.by(when - published)).unwrap_or(SURGES);
        let mut spans = vec![];
        let (mut law, mut next) = (0, SURGES);
        for (when, threads) in self.surges_of(video) {
            if when > now {
                break;
            }
            let before = by(when);
            spans.extend([law..before, next..next + threads]);
            (law, next) = (before, next + threads);
        }
        spans.push(law..by(now));
        Threads(spans)
    }

    /// When the thread of a number was written, if it is there at all.
    fn written(&self, video: &Video, thread: u32) -> Option<i64> {
        if thread < SURGES {
            return Some(video.published.as_second() + video.threads.when(u64::from(thread)));
        }
        let mut next = SURGES;
        for (when, threads) in self.surges_of(video) {
            next += threads;
            if thread < next {
                return Some(when);
            }
        }
        None
    }

    /// The first comment of a thread, if it is there at that time.
    pub(super) fn thread(&self, video: &Video, thread: u32, now: Timestamp) -> Option<Comment> {
        let written = self.written(video, thread)?;
        if written > now.as_second() {
            return None;
        }
        let dice = video.dice.of(100 + u64::from(thread));
        let id = self.ids.thread(video.number, thread);
        let mut comment = self.comment(video, id, None, dice, (written, now.as_second()));
        let replies = self.replies_by(dice, written, now.as_second());
        comment.replies = Some(u32::try_from(replies).unwrap_or(u32::MAX));
        Some(comment)
    }

    /// The replies to a thread at a time, the oldest first.
    pub(super) fn replies(&self, video: &Video, thread: u32, now: Timestamp) -> Vec<Comment> {
        let Some(written) = self.written(video, thread) else {
            return vec![];
        };
        let dice = video.dice.of(100 + u64::from(thread));
        let parent = self.ids.thread(video.number, thread);
        let arrivals = reply_arrivals(dice, self.replies_of(dice));
        let reply = |number: u64| {
            let own = dice.of(1000 + number);
            let id = self.ids.reply(&parent, u32::try_from(number).unwrap_or(0));
            let when = written + arrivals.when(number);
            self.comment(
                video,
                id,
                Some(parent.clone()),
                own,
                (when, now.as_second()),
            )
        };
        let count = self.replies_by(dice, written, now.as_second());
        (0..count).map(reply).collect()
    }

    fn replies_of(&self, dice: Dice) -> u64 {
        if self.world.replies && dice.of(7).one_in(4) {
            dice.of(8).heavy(60)
        } else {
            0
        }
    }

    fn replies_by(&self, dice: Dice, written: i64, now: i64) -> u64 {
        match self.replies_of(dice) {
            0 => 0,
            replies => reply_arrivals(dice, replies).by(now - written),
        }
    }

    fn comment(
        &self,
        video: &Video,
        id: String,
        parent_id: Option<String>,
        dice: Dice,
        (written, now): (i64, i64),
    ) -> Comment {
        let most = if parent_id.is_some() { 2000 } else { 200_000 };
        let half = 3600 * (2 + i64::try_from(dice.of(1).below(30)).unwrap_or(0));
        let likes = saturating(dice.of(2).heavy(most), now - written, half);
        let later = 300 + i64::try_from(dice.of(4).below(200_000)).unwrap_or(0);
        let edited = dice.of(3).one_in(20).then_some(written + later);
        let edited = edited.filter(|when| *when <= now);
        // Some write more than once.
        let author = self.dice.of(50).of(dice.of(5).below(100_000));
        let number = u32::try_from(author.below(1 << 30)).unwrap_or(0);
        Comment {
            id,
            parent_id,
            video_id: video.id.clone(),
            text: text::comment(dice.of(6), edited.is_some()),
            author: text::author(author),
            author_channel_id: (!dice.of(9).one_in(40)).then(|| self.ids.channel(1000 + number)),
            likes: u32::try_from(likes).unwrap_or(u32::MAX),
            published: second(written),
            updated: second(edited.unwrap_or(written)),
            replies: None,
        }
    }

    /// The counters of a video at a time: views, likes and comments.
    pub(super) fn counters(&self, video: &Video, now: Timestamp) -> (u64, u64, u64) {
        let views = views(video, now);
        let likes = views / (15 + video.dice.of(21).below(40));
        (views, likes, self.comment_count(video, now))
    }

    /// What `commentCount` says: threads and replies, and a few that no listing shows.
    fn comment_count(&self, video: &Video, now: Timestamp) -> u64 {
        let seconds = now.as_second();
        let lock = || self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&video.number).copied();
        if let Some((when, count)) = known
            && when == seconds
        {
            return count;
        }
        let threads = self.threads(video, now);
        let of_thread = |thread: u32| {
            let dice = video.dice.of(100 + u64::from(thread));
            let written = self.written(video, thread).unwrap_or(i64::MAX);
            self.replies_by(dice, written, seconds)
        };
        let replies: u64 = threads.iter().map(of_thread).sum();
        let hidden = video.dice.of(22).below(3);
        let count = u64::from(threads.len()) + replies + hidden;
        lock().insert(video.number, (seconds, count));
        count
    }
}

/// The threads that are visible under a video, by their place in time.
#[derive(Debug)]
pub(super) struct Threads(Vec<Range<u32>>);

impl Threads {
    pub(super) fn len(&self) -> u32 {
        self.0.iter().map(|span| span.end - span.start).sum()
    }

    /// The number of the thread at a place, counted from the newest.
    pub(super) fn newest(&self, mut place: u32) -> Option<u32> {
        for span in self.0.iter().rev() {
            let length = span.end - span.start;
            if place < length {
                return Some(span.end - 1 - place);
            }
            place -= length;
        }
        None
    }

    /// All numbers, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().cloned().flatten()
    }
}

/// The views of a video at a time.
pub(super) fn views(video: &Video, now: Timestamp) -> u64 {
    let age = now.as_second() - video.published.as_second();
    let there = 5000 + video.dice.of(20).heavy(3_000_000);
    spreading(there, age, video.reference)
}

fn reply_arrivals(dice: Dice, replies: u64) -> Arrivals {
    Arrivals {
        many: replies,
        within: 2 * DAY,
        most: replies,
        dice: dice.of(10),
    }
}

fn second(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn video(world: &World, dice: Dice, ids: Ids, number: u32) -> Video {
    let dice = dice.of(u64::from(number));
    let epoch = world.epoch.as_second();
    let (published, reference) = match number.checked_sub(world.videos) {
        None => {
            let age = 2 * 3600 + i64::try_from(dice.of(1).below(60 * 86_400)).unwrap_or(0);
            (epoch - age, age)
        }
        // Not on the hour, as nothing is.
        Some(later) => (epoch + 8 * 3600 * (i64::from(later) + 1) - 1234, 3 * DAY),
    };
    let channel = u32::try_from(dice.of(2).below(u64::from(world.channels))).unwrap_or(0);
    let channel_title = text::channel(channel);
    let most = u64::from(world.threads);
    Video {
        number,
        channel,
        id: ids.video(number),
        channel_id: ids.channel(channel),
        title: text::title(dice.of(3), &world.topic, number),
        description: text::description(dice.of(4), &world.topic, &channel_title),
        channel_title,
        published: second(published),
        duration: 20 + u32::try_from(dice.of(5).below(5400)).unwrap_or(0),
        oddity: world.oddity(number),
        reference,
        threads: Arrivals {
            many: most * (40 + dice.of(6).below(121)) / 100,
            within: reference,
            most: u64::from(SURGES),
            dice: dice.of(7),
        },
        dice: dice.of(8),
    }
}
