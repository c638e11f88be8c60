//! The YouTube source against the emulator: what is collected, what it costs, what is told.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use floe::ErrorKind;
use floe::clock::Clock;
use floe::jiff::Timestamp;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::source::remote::Outcome;
use floe::source::remote::youtube::{
    Authors, Bucket, COMMENTS, LikeScore, Phase, Progress, Quota, SEARCH, Search, SearchOrder,
    Units, VIDEO_STATS, VIDEOS, like_score,
};
use floe::testing::youtube::{
    Bucket as Pool, Emulator, Endpoint, Fault, Oddity, Quirks, Trouble, World,
};

use crate::support::{collect, is_alone};
use crate::youtube_support::{
    all_text, assert_same, clock, folder, landed, landing, rows, small, source, truth,
};

#[test]
fn all_comments_of_the_found_videos_are_collected_and_a_second_run_adds_none() {
    for replies in [false, true] {
        let emulator = Emulator::of(small(1)).start().unwrap();
        let (folder, clock) = (folder(), clock());
        let landing = landing(folder.path());
        let source = source(&emulator, &clock).replies(replies);
        let first = source.collect_into(&landing).unwrap();
        assert!(first.is_complete(), "{first}");
        let wanted = truth(emulator.truth().found_comments(), replies);
        assert_eq!(first.comments, wanted.len() as u64);
        assert_same(&landed(&landing), &wanted, "the first run");
        // The sum of the original job.
        let sum = like_score(landing.latest(COMMENTS).unwrap(), LikeScore::Sum, &[]);
        let sum = collect(sum)
            .unwrap()
            .column("likes")
            .unwrap()
            .f64()
            .unwrap()
            .get(0);
        let likes: u64 = wanted.values().map(|row| u64::from(row.likes)).sum();
        assert_eq!(sum, Some(likes as f64));

        let second = source.collect_into(&landing).unwrap();
        assert!(second.is_complete());
        assert_eq!((second.comments, second.videos), (0, 0), "{second}");
        assert_same(
            &rows(landing.scan(COMMENTS).unwrap()),
            &wanted,
            "the second run",
        );
        // One search, one poll of all, and a page or so of each video.
        let listed = emulator.truth().videos().count() as u32;
        assert!(second.spent.common <= 2 * listed, "{second}");
        assert_eq!((second.spent.search, second.spent.stats), (1, 1));
        let polls = collect(landing.scan(VIDEO_STATS).unwrap()).unwrap();
        assert_eq!(polls.height() as u64, first.polls + second.polls);
    }
}

#[test]
fn videos_that_cannot_be_read_are_skipped_with_a_reason() {
    let emulator = Emulator::of(small(2)).start().unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let all: Vec<String> = emulator
        .truth()
        .videos()
        .map(|video| video.id.clone())
        .collect();
    let source = source(&emulator, &clock).videos(all.clone());
    let collected = source.collect_into(&landing).unwrap();
    assert!(collected.is_complete(), "{collected}");
    let mut wanted: Vec<(String, &str)> = Vec::new();
    for video in emulator.truth().videos() {
        let reason = match video.oddity {
            Oddity::CommentsOff => "commentsDisabled",
            Oddity::MembersOnly => "forbidden",
            Oddity::Private | Oddity::Gone => "unavailable",
            _ => continue,
        };
        wanted.push((format!("video {}", video.id), reason));
    }
    wanted.sort();
    let mut skipped: Vec<_> = collected
        .skipped
        .iter()
        .map(|skip| (skip.item.clone(), skip.reason.as_str()))
        .collect();
    skipped.sort();
    assert_eq!(skipped, wanted);
    assert_eq!(wanted.len(), 4);
    assert_same(
        &landed(&landing),
        &truth(emulator.truth().comments(), false),
        "videos",
    );
    let manifest = landing.runs().unwrap().pop().unwrap();
    assert_eq!(manifest.skipped.len(), 4);
    assert_eq!(manifest.notes["quota_spent"]["search"], 1);
}

#[test]
fn titles_of_search_are_unescaped_and_those_of_videos_are_the_same() {
    let emulator = Emulator::of(small(3).plain())
        .quirks(Quirks::all())
        .start()
        .unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    source(&emulator, &clock)
        .comments(false)
        .collect_into(&landing)
        .unwrap();
    for table in [SEARCH, VIDEOS] {
        let frame = collect(landing.scan(table).unwrap()).unwrap();
        let ids = frame.column("video_id").unwrap().str().unwrap();
        let titles = frame.column("title").unwrap().str().unwrap();
        for (id, title) in ids.iter().zip(titles.iter()) {
            let truth = emulator.truth();
            let video = truth.video(id.unwrap()).unwrap();
            assert_eq!(title, Some(video.title.as_str()), "{table}");
        }
        assert!(frame.height() > 5);
    }
    let frame = collect(landing.scan(VIDEOS).unwrap()).unwrap();
    assert_eq!(
        frame.column("tags").unwrap().dtype(),
        &DataType::List(Box::new(DataType::String))
    );
    assert!(
        frame
            .column("duration_s")
            .unwrap()
            .i64()
            .unwrap()
            .get(0)
            .is_some()
    );
}

#[test]
fn a_later_run_reads_what_is_new_and_what_has_changed_lately() {
    let emulator = Emulator::of(small(4)).start().unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let source = source(&emulator, &clock);
    let first = source.collect_into(&landing).unwrap();
    let video = landed(&landing).values().next().unwrap().video.clone();
    emulator.surge(&video, 7);
    let second = source.collect_into(&landing).unwrap();
    assert_eq!(second.comments, 7, "{second}");
    // A whole day on the clock of both: much is new, and some has changed.
    emulator.clock().pause(Duration::from_hours(24));
    clock.set(emulator.clock().now());
    let third = source.collect_into(&landing).unwrap();
    assert!(third.is_complete() && third.comments > 0);
    let wanted = truth(emulator.truth().found_comments(), false);
    let found = landed(&landing);
    for (id, row) in &wanted {
        let found = found.get(id).unwrap_or_else(|| panic!("{id} is lost"));
        // What is older than two days may have got likes that nobody asked for.
        if row.published >= clock.now().as_microsecond() - 2 * 86_400_000_000 {
            assert_eq!(found, row);
        }
    }
    assert_eq!(found.len(), wanted.len());
    // A sweep reads all of it anew.
    let sweep = source.full_sweep(true).collect_into(&landing).unwrap();
    assert_eq!(sweep.comments as usize, wanted.len());
    assert_same(&landed(&landing), &wanted, "the sweep");
    assert!(first.comments < sweep.comments);
}

#[test]
fn unchanged_videos_cost_no_page() {
    let emulator = Emulator::of(small(5).plain()).start().unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let source = source(&emulator, &clock).rescan_days(0);
    source.collect_into(&landing).unwrap();
    // By the clock of the source a day has passed, in which nothing came.
    clock.pause(Duration::from_hours(24));
    let second = source.collect_into(&landing).unwrap();
    assert_eq!(second.spent, Units::new(1, 1, 0), "{second}");
    assert!(second.is_complete());
}

#[test]
fn an_exhausted_search_bucket_stops_searches_and_nothing_else() {
    let known = Emulator::of(small(6)).start().unwrap();
    let ids: Vec<String> = known
        .truth()
        .videos()
        .map(|video| video.id.clone())
        .collect();
    for by_fault in [false, true] {
        let emulator = Emulator::of(small(6));
        let emulator = if by_fault {
            emulator.fault(
                Fault::new(Trouble::DailyQuota)
                    .on(Endpoint::Search)
                    .always(),
            )
        } else {
            emulator.quota(Pool::Search, 0)
        };
        let emulator = emulator.start().unwrap();
        let (folder, clock) = (folder(), clock());
        let landing = landing(folder.path());
        let source = source(&emulator, &clock)
            .search("another")
            .videos(ids.clone());
        let collected = source.collect_into(&landing).unwrap();
        let Outcome::Partial { why, resume_at } = &collected.outcome else {
            panic!("{collected}");
        };
        // Midnight in Los Angeles, when winter time has begun.
        assert_eq!(*resume_at, Some("2026-11-03T08:00:00Z".parse().unwrap()));
        assert!(
            why.contains("search") && why.contains("2026-11-03"),
            "{why}"
        );
        assert_eq!(emulator.ledger().calls_of(Endpoint::Search).count(), 1);
        assert_eq!(collected.spent.search, 1);
        assert_same(
            &landed(&landing),
            &truth(emulator.truth().comments(), false),
            "others",
        );
        // The ledger knows; nobody asks again today.
        source.collect_into(&landing).unwrap();
        assert_eq!(emulator.ledger().calls_of(Endpoint::Search).count(), 1);
        let left = source.quota_ledger(&landing).left().unwrap();
        assert_eq!(left.search, 0);
    }
}

#[test]
fn a_bad_key_costs_one_request_and_is_told_clearly() {
    let emulator = Emulator::of(small(7)).start().unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let wrong = YouTube::new("a-wrong-key")
        .base_url(emulator.url())
        .clock(Arc::clone(&clock))
        .search("Mission Impossible");
    let error = wrong.collect_into(&landing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Remote);
    assert!(!error.is_transient());
    assert!(error.help().unwrap().contains("API key"), "{error}");
    assert!(!format!("{error} {error:?}").contains("a-wrong-key"));
    assert_eq!(emulator.ledger().calls.len(), 1);
    let run = landing.runs().unwrap().pop().unwrap();
    assert!(matches!(run.outcome, Outcome::Aborted { .. }));
    // The right key goes on as if nothing had been.
    let collected = source(&emulator, &clock).collect_into(&landing).unwrap();
    assert!(collected.is_complete());
}

#[test]
fn the_budget_of_a_run_and_the_limit_of_the_day_are_never_passed() {
    let emulator = Emulator::of(small(8).threads(150)).start().unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let limited = |common: u32| {
        let quota = Quota::default()
            .reserve_percent(0)
            .limit(Bucket::Common, common);
        source(&emulator, &clock).quota(quota)
    };
    let first = limited(12)
        .budget(Bucket::Common, 4)
        .collect_into(&landing)
        .unwrap();
    assert_eq!(first.spent.common, 4);
    let Outcome::Partial { why, resume_at } = &first.outcome else {
        panic!("{first}");
    };
    assert!(why.contains("budget"), "{why}");
    assert_eq!(*resume_at, None);
    let second = limited(12).collect_into(&landing).unwrap();
    assert_eq!(second.spent.common, 8);
    assert!(!second.is_complete());
    assert_eq!(second.left.common, 0);
    assert_eq!(emulator.ledger().charged(Pool::Common), 12);
    // Day by day what is missing comes, with no page read twice but the first of a video.
    let mut days = 0;
    while !limited(12).collect_into(&landing).unwrap().is_complete() {
        clock.pause(Duration::from_hours(24));
        days += 1;
        assert!(days < 20);
    }
    assert_same(
        &landed(&landing),
        &truth(emulator.truth().found_comments(), false),
        "days",
    );
}

#[test]
fn the_key_appears_nowhere() {
    // Not a key that any service would accept.
    const KEY: &str = "not-a-real-key-0123456789";
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    // Workers of the library log too, so the subscriber must be that of the process: one of its own.
    if !is_alone("youtube::the_key_appears_nowhere") {
        return;
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut told = String::new();
    for fault in [
        Fault::new(Trouble::Backend(503)).times(2),
        Fault::new(Trouble::DropMidBody).always(),
        Fault::new(Trouble::KeyInvalid),
        Fault::new(Trouble::Redirect("http://127.0.0.1:9/".to_owned())),
        Fault::new(Trouble::PlainError(400)),
    ] {
        let emulator = Emulator::of(small(9))
            .key(KEY)
            .fault(fault)
            .start()
            .unwrap();
        let (folder, clock) = (folder(), clock());
        let landing = landing(folder.path());
        let source =
            source(&emulator, &clock).authors(Authors::pseudonym("a salt of sixteen bytes"));
        match source.collect_into(&landing) {
            Ok(collected) => write!(told, "{collected} {collected:?}").unwrap(),
            Err(error) => write!(told, "{error} {error:?}").unwrap(),
        }
        write!(
            told,
            "{source:?} {landing:?} {:?}",
            source.quota_ledger(&landing)
        )
        .unwrap();
        told += &all_text(folder.path());
        assert!(
            emulator
                .ledger()
                .calls
                .iter()
                .all(|call| call.key_in_header && !call.key_in_query)
        );
    }
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        log.contains("answered") && log.contains("skipped"),
        "nothing is logged"
    );
    for secret in [KEY, "a salt of sixteen"] {
        assert!(!told.contains(secret) && !log.contains(secret));
    }
    assert!(told.contains("redirects are not followed"));
}

#[test]
fn a_project_without_batch_statistics_asks_the_videos_instead() {
    let emulator = Emulator::of(small(10).plain()).quirks(Quirks::new().without_stats_method());
    let emulator = emulator.start().unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let source = source(&emulator, &clock).comments(false);
    let first = source.collect_into(&landing).unwrap();
    let second = source.collect_into(&landing).unwrap();
    assert!(second.is_complete(), "{second}");
    assert_eq!(first.polls, second.polls);
    assert_eq!(second.spent, Units::new(1, 1, 1));
}

#[test]
fn uploads_of_a_channel_take_no_search_and_later_runs_read_one_page() {
    let world = World::new(11).videos(130).channels(1).threads(2).plain();
    let emulator = Emulator::of(world).start().unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let channel = emulator.truth().videos().next().unwrap().channel_id.clone();
    let source = YouTube::new(emulator.key())
        .base_url(emulator.url())
        .clock(Arc::clone(&clock))
        .channel(channel)
        .comments(false);
    let first = source.collect_into(&landing).unwrap();
    assert!(first.is_complete());
    assert_eq!((first.found, first.videos), (130, 130));
    assert_eq!(first.spent, Units::new(0, 0, 6));
    let second = source.collect_into(&landing).unwrap();
    assert_eq!((second.found, second.polls), (0, 130));
    assert_eq!(second.spent, Units::new(0, 3, 1));
}

#[test]
fn a_search_by_date_goes_back_beyond_what_one_question_shows() {
    let world = World::new(12).videos(230).threads(0).plain();
    let emulator = Emulator::of(world).start().unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let by_date = Search::new("Mission Impossible")
        .order(SearchOrder::Date)
        .max_videos(1000);
    let source = YouTube::new(emulator.key())
        .base_url(emulator.url())
        .clock(Arc::clone(&clock))
        .search(by_date)
        .comments(false);
    let first = source.collect_into(&landing).unwrap();
    assert_eq!(first.found, 230, "{first}");
    assert_eq!(first.spent.search, 5);
    // The next run asks for the last two days only.
    let second = source.collect_into(&landing).unwrap();
    assert_eq!((second.found, second.spent.search), (0, 1), "{second}");
}

#[test]
fn a_plan_tells_beforehand_how_far_the_quota_goes() {
    let emulator = Emulator::of(small(18).threads(150).plain())
        .start()
        .unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let source = source(&emulator, &clock);
    let before = source.plan(&landing).unwrap();
    assert_eq!((before.searches, before.video_calls), (1, 1));
    assert!(before.listings.is_empty());
    let first = source.clone().budget(Bucket::Common, 5);
    assert!(!first.collect_into(&landing).unwrap().is_complete());
    let plan = source.plan(&landing).unwrap();
    assert_eq!(
        (plan.video_calls, plan.stats_calls, plan.listings.len()),
        (0, 1, 12)
    );
    assert!(plan.listings.iter().all(|listing| listing.whole));
    // Replies are counted as comments, so that the plan is on the safe side.
    let second = source.collect_into(&landing).unwrap();
    assert!(second.spent.common <= plan.cost.common, "{plan} {second}");
    let tight = source.budget(Bucket::Common, 3).plan(&landing).unwrap();
    assert_eq!((tight.listings.len(), tight.unreached.len()), (3, 9));
    assert_eq!(
        emulator.ledger().calls.len() as u32,
        5 + 1 + second.spent.sum()
    );
}

#[test]
fn authors_are_kept_as_told() {
    let emulator = Emulator::of(small(13)).start().unwrap();
    for (authors, names, pseudonyms) in [
        (Authors::Omit, false, false),
        (Authors::pseudonym("a salt of sixteen bytes"), false, true),
        (Authors::Keep, true, false),
    ] {
        let (folder, clock) = (folder(), clock());
        let landing = landing(folder.path());
        source(&emulator, &clock)
            .authors(authors)
            .collect_into(&landing)
            .unwrap();
        let frame = collect(landing.scan(COMMENTS).unwrap()).unwrap();
        let some = |name: &str| frame.column(name).unwrap().null_count() < frame.height();
        assert_eq!(some("author_name"), names);
        assert_eq!(some("author_channel_id"), names);
        assert_eq!(some("author_pseudonym"), pseudonyms);
    }
    let asked = emulator.ledger();
    let mut fields = asked.calls_of(Endpoint::CommentThreads);
    assert!(
        !fields
            .next()
            .unwrap()
            .param("fields")
            .unwrap()
            .contains("author")
    );
}

#[test]
fn progress_tells_videos_comments_and_the_quota_that_is_left() {
    let emulator = Emulator::of(small(14)).start().unwrap();
    let (folder, clock) = (folder(), clock());
    let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let put = Arc::clone(&seen);
    let source =
        source(&emulator, &clock).on_progress(move |progress| put.lock().unwrap().push(*progress));
    let collected = source.collect_into(&landing(folder.path())).unwrap();
    let seen = seen.lock().unwrap();
    let last = seen.last().unwrap();
    assert_eq!(last.phase, Phase::Comments);
    assert_eq!(last.comments, collected.comments);
    assert_eq!(last.quota_left, collected.left);
    assert!(
        seen.windows(2)
            .all(|pair| pair[0].comments <= pair[1].comments)
    );
}

#[test]
fn since_leaves_out_what_is_older_and_reads_no_further() {
    let emulator = Emulator::of(small(15).threads(400).plain().videos(2))
        .start()
        .unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let all = truth(emulator.truth().found_comments(), false);
    let mut times: Vec<i64> = all.values().map(|row| row.published).collect();
    times.sort_unstable();
    let middle = times[times.len() - 50];
    let since = Timestamp::from_microsecond(middle).unwrap();
    let collected = source(&emulator, &clock)
        .since(since)
        .collect_into(&landing)
        .unwrap();
    let wanted = all
        .into_iter()
        .filter(|(_, row)| row.published >= middle)
        .collect();
    assert_same(&landed(&landing), &wanted, "since");
    assert!(collected.spent.common < 8, "{collected}");
}

#[test]
fn it_works_inside_both_flavours_of_tokio() {
    let emulator = Emulator::of(small(16).videos(3)).start().unwrap();
    let wanted = truth(emulator.truth().found_comments(), false);
    let one = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let many = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    for runtime in [one, many] {
        let clock = clock();
        let folders = [folder(), folder()];
        let landings = [landing(folders[0].path()), landing(folders[1].path())];
        runtime.block_on(async {
            let source = source(&emulator, &clock);
            let collected = source.collect_into_async(&landings[0]).await.unwrap();
            assert!(collected.is_complete());
            assert!(source.collect_into(&landings[1]).unwrap().is_complete());
            // A run that has landed rows to look up.
            assert_eq!(source.collect_into(&landings[1]).unwrap().comments, 0);
            let again = source.collect_into_async(&landings[0]).await.unwrap();
            assert_eq!(again.comments, 0);
        });
        // Polars refuses to be asked from within the flavour of one thread.
        for landing in &landings {
            assert_same(&landed(landing), &wanted, "tokio");
        }
    }
}

#[test]
fn a_token_stops_a_run_and_the_next_one_goes_on() {
    let emulator = Emulator::of(small(17).threads(150)).start().unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let token = CancelToken::new();
    let stop = token.clone();
    let source = source(&emulator, &clock);
    let stopped = source
        .clone()
        .cancel_with(token)
        .on_progress(move |progress| {
            if progress.comments > 100 {
                stop.cancel();
            }
        });
    let error = stopped.collect_into(&landing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(landing.runs().unwrap().is_empty());
    let calls = emulator.ledger().calls.len();
    let collected = source.collect_into(&landing).unwrap();
    assert!(collected.is_complete());
    assert_same(
        &landed(&landing),
        &truth(emulator.truth().found_comments(), false),
        "cancel",
    );
    // What was asked before is not asked again.
    let pages = emulator.ledger().calls.len();
    assert_eq!(collected.spent.sum() as usize, pages);
    assert!(pages > calls);
}
