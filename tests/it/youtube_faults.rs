//! Random scripts of faults: whatever goes wrong, no comment is lost, doubled or made up, no unit too
//! many is spent, and what is told is true.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use floe::ErrorKind;
use floe::http::Retries;
use floe::prelude::*;
use floe::source::remote::youtube::{Bucket, COMMENTS, Collected, Quota, VIDEOS};
use floe::testing::youtube::{
    Bucket as Pool, Emulator, Endpoint, Fault, Oddity, Quirks, Trouble, Truth, World,
};

use crate::support::collect;
use crate::youtube_support::{Rows, assert_same, clock, folder, landed, landing, rows, truth};

const SCRIPTS: u64 = 304;

/// SplitMix64: a script is its number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn chance(&mut self, of: u64) -> bool {
        self.roll(of) == 0
    }
}

/// Every trouble there is.
fn troubles() -> Vec<Trouble> {
    let mut all = Trouble::transient();
    all.extend(Trouble::of_data());
    all.extend([
        Trouble::EmptyReply(500),
        Trouble::PlainError(503),
        Trouble::SlowBody(Duration::from_millis(20)),
        Trouble::Redirect("http://127.0.0.1:9/youtube".to_owned()),
        Trouble::DailyQuota,
        Trouble::KeyInvalid,
        Trouble::KeyExpired,
        Trouble::AccessNotConfigured,
        Trouble::RefererBlocked,
        Trouble::CoreUnavailable,
        Trouble::CommentsDisabled,
        Trouble::Forbidden,
        Trouble::VideoNotFound,
        Trouble::CommentNotFound,
        Trouble::ProcessingFailure,
        Trouble::ForeignItem,
        Trouble::NoItems,
        Trouble::Overlap,
    ]);
    all
}

fn script(dice: &mut Dice, videos: &[String]) -> Vec<Fault> {
    let all = troubles();
    let lines = 1 + dice.roll(5);
    let mut emptied = false;
    (0..lines)
        .map(|_| {
            let mut what = all[dice.roll(all.len() as u64) as usize].clone();
            if what == Trouble::NoItems && std::mem::replace(&mut emptied, true) {
                what = Trouble::UnknownKeys;
            }
            let once = what == Trouble::NoItems;
            let mut fault = Fault::new(what).after(dice.roll(6) as u32);
            if !dice.chance(3) {
                let endpoints = Endpoint::ALL;
                // The last one, channels, is never asked.
                fault = fault.on(endpoints[dice.roll(6) as usize]);
            }
            if dice.chance(3) {
                fault = fault.of_video(videos[dice.roll(videos.len() as u64) as usize].clone());
            }
            match dice.roll(4) {
                // A list that is said to be empty twice is taken to be so.
                _ if once => fault,
                0 => fault.times(3 + dice.roll(6) as u32),
                1 if dice.chance(2) => fault.always(),
                _ => fault,
            }
        })
        .collect()
}

struct Case {
    emulator: Emulator,
    source: YouTube,
    replies: bool,
    limit: u32,
}

impl Case {
    fn new(number: u64) -> Self {
        let mut dice = Dice(number);
        let replies = dice.chance(2);
        let world = World::new(number % 7)
            .videos(5)
            .threads(25 + dice.roll(120) as u32);
        let world = match dice.roll(3) {
            0 => world
                .odd(1, Oddity::CommentsOff)
                .odd(2, Oddity::LikesHidden),
            1 => world.plain(),
            _ => world,
        };
        let mut quirks = if dice.chance(2) {
            Quirks::all()
        } else {
            Quirks::new()
        };
        if dice.chance(4) {
            quirks = quirks.without_stats_method();
        }
        let calm = Emulator::of(world.clone()).start().unwrap();
        let videos: Vec<String> = calm
            .truth()
            .videos()
            .map(|video| video.id.clone())
            .collect();
        drop(calm);
        let emulator = Emulator::of(world)
            .quirks(quirks)
            .faults(script(&mut dice, &videos))
            .start()
            .unwrap();
        let limit = if dice.chance(4) {
            3 + dice.roll(12) as u32
        } else {
            10_000
        };
        let quota = Quota::default()
            .reserve_percent(0)
            .limit(Bucket::Common, limit);
        let source = YouTube::new(emulator.key())
            .base_url(emulator.url())
            .clock(clock())
            .quota(quota)
            .retries(Retries::default().first_pause(Duration::from_millis(1)))
            .search("Mission Impossible")
            .videos(videos)
            .replies(replies);
        Self {
            emulator,
            source,
            replies,
            limit,
        }
    }

    fn truth(&self) -> Rows {
        truth(self.emulator.truth().comments(), self.replies)
    }
}

/// What may be said of a run whose faults are not known.
fn told_truly(case: &Case, of: &str, collected: &Collected, found: &Rows, truth: &Truth) {
    let wanted = truth_before(case, truth);
    let skipped: BTreeSet<&str> = collected
        .skipped
        .iter()
        .filter_map(|skip| skip.item.strip_prefix("video "))
        .collect();
    let threads: BTreeSet<&str> = collected
        .skipped
        .iter()
        .filter_map(|skip| skip.item.strip_prefix("replies to "))
        .collect();
    if collected.is_complete() {
        for (id, row) in &wanted {
            let passed = skipped.contains(row.video.as_str())
                || row
                    .parent
                    .as_deref()
                    .is_some_and(|thread| threads.contains(thread));
            assert!(
                passed || found.contains_key(id),
                "{of}: {id} is lost: {collected}"
            );
        }
    }
    // A skip has a reason: the video is odd, or a call that asked for it was in trouble.
    let ledger = case.emulator.ledger();
    let troubled: Vec<_> = ledger
        .calls
        .iter()
        .filter(|call| call.trouble.is_some())
        .collect();
    for video in skipped {
        let odd = truth
            .video(video)
            .is_none_or(|video| !video.oddity.has_comments());
        let struck = troubled
            .iter()
            .any(|call| call.params.iter().any(|(_, value)| value.contains(video)));
        assert!(odd || struck, "{of}: {video} is skipped for nothing");
    }
    // And so has an end before all is there: a call in trouble, or a budget that is spent.
    let spent = collected.to_string().contains("is empty until");
    assert!(
        collected.is_complete() || spent || !troubled.is_empty(),
        "{of}: it ended early for nothing: {collected}"
    );
}

/// What there was before any fault let something come.
fn truth_before(case: &Case, truth: &Truth) -> Rows {
    crate::youtube_support::truth(truth.comments(), case.replies)
}

fn run(number: u64) -> [bool; 3] {
    let of = format!("script {number}");
    let case = Case::new(number);
    let (folder, ledgers) = (folder(), folder());
    let landing = landing(folder.path());
    let ledger = |name: &str| ledgers.path().join(name);
    let source = case.source.clone().ledger(ledger("first.json"));
    let first = source.collect_into(&landing);
    let found = landed(&landing);
    // Nothing is made up, and nothing is there twice.
    let now = case.truth();
    for (id, row) in &found {
        assert_eq!(Some(row), now.get(id), "{of}: {id}");
    }
    rows(landing.scan(COMMENTS).unwrap());
    let spent = source.quota_ledger(&landing).spent().unwrap();
    assert!(spent.common <= case.limit, "{of}: {spent}");
    // What the service charged was charged before; what broke on the way was charged here alone.
    let asked = case.emulator.ledger();
    assert!(
        asked.charged(Pool::Common) <= u64::from(spent.common),
        "{of}"
    );
    assert!(
        asked.charged(Pool::Search) <= u64::from(spent.search),
        "{of}"
    );
    assert!(asked.charged(Pool::Stats) <= u64::from(spent.stats), "{of}");
    assert!(
        asked.keys.iter().all(|key| key == case.emulator.key()),
        "{of}"
    );
    let state = match &first {
        Ok(collected) => {
            // New threads may have come while it ran, so what was there before is compared by id.
            if !asked
                .calls
                .iter()
                .any(|call| call.trouble.as_deref() == Some("NewThreads"))
            {
                told_truly(&case, &of, collected, &found, &case.emulator.truth());
            }
            [collected.is_complete(), !collected.is_complete(), false]
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Remote, "{of}: {error}");
            assert!(!format!("{error:?}").contains(case.emulator.key()), "{of}");
            [false, false, true]
        }
    };
    // Once all is well again, the next run has everything, and the one after it nothing to add.
    case.emulator.heal();
    let source = case.source.clone().quota(Quota::default());
    let healed = source
        .clone()
        .ledger(ledger("second.json"))
        .collect_into(&landing);
    let healed = healed.unwrap_or_else(|error| panic!("{of}: {error}"));
    assert!(healed.is_complete(), "{of}: {healed}");
    assert_same(&landed(&landing), &case.truth(), &of);
    rows(landing.scan(COMMENTS).unwrap());
    let calm = source
        .ledger(ledger("third.json"))
        .collect_into(&landing)
        .unwrap();
    assert!(calm.is_complete(), "{of}");
    assert_eq!((calm.comments, calm.videos), (0, 0), "{of}: {calm}");
    let titles = collect(landing.scan(VIDEOS).unwrap()).unwrap().height();
    let listed = case.emulator.truth();
    let listed = listed
        .videos()
        .filter(|video| video.oddity.is_listed())
        .count();
    assert_eq!(titles, listed, "{of}");
    state
}

#[test]
fn no_script_of_faults_loses_doubles_or_makes_up_a_comment() {
    let next = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let ends = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let next = Arc::clone(&next);
                scope.spawn(move || {
                    let mut ends = [0; 3];
                    loop {
                        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        if number >= SCRIPTS {
                            return ends;
                        }
                        for (end, is) in ends.iter_mut().zip(run(number)) {
                            *end += u32::from(is);
                        }
                    }
                })
            })
            .collect();
        let mut sum = [0; 3];
        for worker in workers {
            let ends = worker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            for (sum, end) in sum.iter_mut().zip(ends) {
                *sum += end;
            }
        }
        sum
    });
    // All three ends occur often, or the scripts would show little.
    assert!(ends.iter().all(|count| *count > 20), "{ends:?}");
}
