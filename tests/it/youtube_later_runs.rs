//! What later runs of the YouTube source must not miss: what a limit cut, what is purged, what an
//! interruption left.

use std::collections::HashSet;
use std::time::Duration;

use floe::ErrorKind;
use floe::clock::Clock;
use floe::prelude::*;
use floe::source::remote::youtube::Bucket;
use floe::testing::youtube::{Emulator, Endpoint, Fault, Quirks, Trouble, World};

use crate::youtube_support::{assert_same, clock, folder, landed, landing, small, source, truth};

#[test]
fn a_listing_that_was_cut_is_read_whole_when_more_is_wished() {
    let emulator = Emulator::of(small(31).videos(3).threads(250).plain())
        .start()
        .unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let source = source(&emulator, &clock).rescan_days(0);
    let cut = source.clone().max_pages(1);
    let first = cut.collect_into(&landing).unwrap();
    assert!(first.is_complete(), "{first}");
    let wanted = truth(emulator.truth().found_comments(), false);
    assert!(landed(&landing).len() < wanted.len());
    // As much is known as is wished.
    assert_eq!(cut.collect_into(&landing).unwrap().comments, 0);
    assert!(source.collect_into(&landing).unwrap().is_complete());
    assert_same(&landed(&landing), &wanted, "no limit");
}

#[test]
fn a_channel_that_was_cut_is_read_on_when_more_is_wished() {
    let world = World::new(32).videos(130).channels(1).threads(0).plain();
    let emulator = Emulator::of(world).start().unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let channel = emulator.truth().videos().next().unwrap().channel_id.clone();
    let source = YouTube::new(emulator.key())
        .base_url(emulator.url())
        .clock(clock)
        .channel(channel)
        .comments(false);
    let cut = source.clone().max_videos(50);
    assert_eq!(cut.collect_into(&landing).unwrap().videos, 50);
    let more = source.collect_into(&landing).unwrap();
    assert_eq!((more.found, more.videos), (80, 80), "{more}");
    // What is too much is told.
    let less = cut.collect_into(&landing).unwrap();
    assert_eq!(less.skipped.len(), 1, "{less}");
    assert_eq!(less.skipped[0].item, "80 videos");
}

#[test]
fn named_videos_are_never_left_out() {
    let emulator = Emulator::of(small(33).plain()).start().unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let ids: Vec<String> = emulator
        .truth()
        .videos()
        .take(3)
        .map(|video| video.id.clone())
        .collect();
    let named = source(&emulator, &clock).videos(ids.clone());
    let error = named.clone().max_videos(2).check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    named.max_videos(3).collect_into(&landing).unwrap();
    let videos: HashSet<String> = landed(&landing)
        .into_values()
        .map(|row| row.video)
        .collect();
    assert_eq!(videos, ids.into_iter().collect());
}

#[test]
fn what_is_purged_is_read_again_before() {
    let emulator = Emulator::of(small(34).videos(3).threads(150).plain())
        .start()
        .unwrap();
    for replies in [false, true] {
        let (folder, clock) = (folder(), clock());
        let landing = landing(folder.path());
        let source = source(&emulator, &clock).replies(replies);
        source.collect_into(&landing).unwrap();
        let wanted = truth(emulator.truth().found_comments(), replies);
        for days in [10, 10, 15, 31] {
            clock.pause(Duration::from_hours(24 * days));
            let later = source.collect_into(&landing).unwrap();
            assert!(later.is_complete(), "{later}");
            assert_same(&landed(&landing), &wanted, "a month later");
        }
    }
}

#[test]
fn replies_are_asked_for_until_they_are_there() {
    let emulator = Emulator::of(small(35).videos(2).threads(250).plain())
        .start()
        .unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let source = source(&emulator, &clock);
    source.collect_into(&landing).unwrap();
    let with = source.replies(true);
    // The first listing ends amid its pages, and the later ones go on.
    for units in [4, 9, 20, u32::MAX] {
        let limited = with.clone().budget(Bucket::Common, units);
        limited.collect_into(&landing).unwrap();
    }
    assert_same(
        &landed(&landing),
        &truth(emulator.truth().found_comments(), true),
        "replies",
    );
}

#[test]
fn replies_that_are_owed_are_not_forgotten_by_an_empty_answer() {
    let empty = |times: u32| {
        Fault::new(Trouble::NoItems)
            .on(Endpoint::Comments)
            .times(times)
    };
    let emulator = Emulator::of(small(36).videos(1).threads(60).plain())
        .fault(empty(4))
        .start()
        .unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let source = source(&emulator, &clock).replies(true);
    let wanted = truth(emulator.truth().found_comments(), true);
    for _ in 0..3 {
        source.collect_into(&landing).unwrap();
    }
    assert_same(&landed(&landing), &wanted, "owed");
}

#[test]
fn a_run_without_quota_forgets_nothing_of_what_was_read() {
    let emulator = Emulator::of(small(37).videos(4).threads(350).plain())
        .start()
        .unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let source = source(&emulator, &clock);
    let first = source.collect_into(&landing).unwrap();
    assert!(first.spent.common > 12, "{first}");
    for video in emulator.truth().videos() {
        emulator.surge(&video.id, 3);
    }
    let none = source.clone().budget(Bucket::Common, 0);
    assert!(!none.collect_into(&landing).unwrap().is_complete());
    let third = source.collect_into(&landing).unwrap();
    assert_eq!((third.comments, third.is_complete()), (12, true), "{third}");
    // Pages with young threads are read again, and not all of the others.
    assert!(third.spent.common < 12, "{third}");
}

#[test]
fn statistics_that_were_left_out_do_not_make_a_video_gone() {
    let emulator = Emulator::of(small(38).plain())
        .quirks(Quirks::new().partial_stats())
        .start()
        .unwrap();
    let (folder, clock) = (folder(), clock());
    let landing = landing(folder.path());
    let source = source(&emulator, &clock);
    let first = source.collect_into(&landing).unwrap();
    let second = source.collect_into(&landing).unwrap();
    assert_eq!(second.polls, first.polls, "{second}");
    assert!(second.skipped.is_empty(), "{second}");
}
