//! The YouTube source in processes of its own: killed and taken up again, two at once, and how much
//! memory a large one holds.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use floe::clock::{Clock, SystemClock};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::source::remote::Landing;
use floe::source::remote::youtube::{COMMENTS, Quota, SEARCH, VIDEO_STATS, VIDEOS};
use floe::testing::youtube::{Bucket as Pool, Emulator, World};

use crate::support::{collect, one_test};
use crate::youtube_support::{assert_same, clock, folder, landed, landing, truth};

/// Where the child finds the emulator, and what it does.
const URL: &str = "FLOE_TEST_YOUTUBE_URL";
const FOLDER: &str = "FLOE_TEST_YOUTUBE_FOLDER";
const LEDGER: &str = "FLOE_TEST_YOUTUBE_LEDGER";
/// By the clock of the machine, waiting for another writer this many seconds.
const WAIT: &str = "FLOE_TEST_YOUTUBE_WAIT";

fn child(test: &str, url: &str, folder: &Path, ledger: &Path) -> Command {
    let mut command = one_test(&format!("youtube_processes::{test}"));
    command
        .env(URL, url)
        .env(FOLDER, folder)
        .env(LEDGER, ledger)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What the child does, in the test that started it; `false` in the test itself.
fn is_child(replies: bool) -> bool {
    let Ok(url) = std::env::var(URL) else {
        return false;
    };
    let folder = std::env::var(FOLDER).unwrap();
    let landing = landing(Path::new(&folder));
    let wait = std::env::var(WAIT).ok();
    let time: Arc<dyn Clock> = match wait {
        Some(_) => Arc::new(SystemClock),
        None => clock(),
    };
    let wait = wait.map_or(0, |wait| wait.parse().unwrap());
    let landing = landing.wait_for_writer(Duration::from_secs(wait));
    let source = YouTube::new("emulator-key")
        .base_url(url)
        .clock(time)
        .quota(Quota::default().reserve_percent(0))
        .search("Mission Impossible")
        .replies(replies)
        .ledger(std::env::var(LEDGER).unwrap());
    match source.collect_into(&landing) {
        Ok(collected) => println!(
            "collected: {} {}",
            collected.comments,
            collected.is_complete()
        ),
        Err(error) => {
            eprintln!("failed: {error}");
            std::process::exit(3);
        }
    }
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let line = status.lines().find(|line| line.starts_with("VmHWM"));
        println!("{}", line.unwrap_or_default());
    }
    true
}

fn ended(child: Child) -> (bool, String) {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let told = text(&output.stdout) + &text(&output.stderr);
    (output.status.success(), told)
}

/// All tables without the poll they are of, in the order of their first columns.
fn tables(landing: &Landing) -> Vec<DataFrame> {
    let table = |(name, keys): (&str, &[&str])| {
        let frame = landing.scan(name).unwrap();
        let frame = frame.drop(by_name(["fetched_at", "run_id"], true, false));
        collect(frame.sort(keys.to_vec(), SortMultipleOptions::default())).unwrap()
    };
    [
        (SEARCH, &["video_id"][..]),
        (VIDEOS, &["video_id"]),
        (VIDEO_STATS, &["video_id"]),
        (COMMENTS, &["comment_id"]),
    ]
    .map(table)
    .into()
}

#[test]
fn a_killed_run_ends_as_if_it_had_not_been_killed() {
    const KILLS: u32 = 50;
    const TEST: &str = "a_killed_run_ends_as_if_it_had_not_been_killed";
    if is_child(true) {
        return;
    }
    let emulator = Emulator::of(World::new(21).videos(6).threads(80))
        .start()
        .unwrap();
    let (calm, ledgers) = (folder(), folder());
    let started = Instant::now();
    let first = child(
        TEST,
        &emulator.url(),
        calm.path(),
        &ledgers.path().join("calm.json"),
    );
    let (success, told) = ended({ first }.spawn().unwrap());
    assert!(success, "{told}");
    let whole = started.elapsed();
    let undisturbed = landing(calm.path());
    let wanted = tables(&undisturbed);
    assert_same(
        &landed(&undisturbed),
        &truth(emulator.truth().found_comments(), true),
        "calm",
    );
    let (mut kills, mut rolled, mut resumed) = (0, 1_u64, 0);
    while kills < KILLS {
        let folder = folder();
        // One of its own also where the run before was not killed at all.
        let ledger = ledgers.path().join(format!("{rolled}.json"));
        let before = emulator.ledger().charged(Pool::Common);
        loop {
            // A moment of a run, by a generator whose numbers are told when the test fails.
            rolled = rolled
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let share = (rolled >> 40) as f64 / f64::from(1 << 24);
            let mut process = child(TEST, &emulator.url(), folder.path(), &ledger)
                .spawn()
                .unwrap();
            std::thread::sleep(whole.mul_f64(share * 0.9));
            if kills < KILLS && process.try_wait().unwrap().is_none() {
                // SIGKILL: nothing of the process runs any more.
                process.kill().unwrap();
                process.wait().unwrap();
                kills += 1;
                // It may have been killed after its last step, with nothing left to take up.
                if landing(folder.path()).runs().unwrap().is_empty() {
                    continue;
                }
                break;
            }
            let (success, told) = ended(process);
            assert!(success, "{rolled}: {told}");
            break;
        }
        let landing = landing(folder.path());
        let found = tables(&landing);
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!(
                found.equals_missing(wanted),
                "{rolled}: {found} is not {wanted}"
            );
        }
        let runs = landing.runs().unwrap();
        assert_eq!(runs.len(), 1);
        resumed += runs[0].resumed;
        let spent = emulator.ledger().charged(Pool::Common) - before;
        let text = std::fs::read_to_string(&ledger).unwrap();
        let book: serde_json::Value = serde_json::from_str(&text).unwrap();
        let charged = book["projects"]["default"]["spent"]["common"]
            .as_u64()
            .unwrap();
        // A killed process has charged at most the one request that it could not send.
        assert!(
            charged >= spent && charged <= spent + u64::from(KILLS),
            "{charged} for {spent}"
        );
    }
    assert!(
        resumed > KILLS / 4,
        "{resumed} of {kills} kills came in the middle of a run"
    );
}

#[test]
fn two_processes_wait_for_one_landing_and_share_one_ledger() {
    const TEST: &str = "two_processes_wait_for_one_landing_and_share_one_ledger";
    if is_child(false) {
        return;
    }
    let emulator = Emulator::of(World::new(22).videos(6).threads(60))
        .start()
        .unwrap();
    let folders = [folder(), folder()];
    let ledger = folders[0].path().join("shared.json");
    let start = |folder: &Path, wait: bool| {
        let mut command = child(TEST, &emulator.url(), folder, &ledger);
        if wait {
            command.env(WAIT, "60");
        }
        command.spawn().unwrap()
    };
    // Two landings at the same time, and two writers of the same landing.
    let waiting = [
        start(folders[0].path(), true),
        start(folders[0].path(), true),
        start(folders[1].path(), true),
    ];
    let wanted = truth(emulator.truth().found_comments(), false);
    let mut comments = Vec::new();
    for process in waiting {
        let (success, told) = ended(process);
        assert!(success, "{told}");
        let told = told.split_once("collected: ").unwrap().1;
        let (count, rest) = told.split_once(' ').unwrap();
        assert!(rest.starts_with("true"));
        comments.push(count.parse::<usize>().unwrap());
    }
    comments.sort_unstable();
    assert_eq!(comments, [0, wanted.len(), wanted.len()]);
    for folder in &folders {
        assert_same(&landed(&landing(folder.path())), &wanted, "two");
    }
    let book: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&ledger).unwrap()).unwrap();
    let spent = &book["projects"]["default"]["spent"];
    for (bucket, pool) in [
        ("search", Pool::Search),
        ("stats", Pool::Stats),
        ("common", Pool::Common),
    ] {
        assert_eq!(spent[bucket], emulator.ledger().charged(pool), "{bucket}");
    }
    // Who does not wait leaves, and says who is writing.
    let landing = landing(folders[0].path());
    let held = landing.begin(&serde_json::json!({"held": true})).unwrap();
    let (success, told) = ended(start(folders[0].path(), false));
    assert!(!success);
    let who = format!("process {} is writing the landing", std::process::id());
    assert!(told.contains(&who), "{told}");
    drop(held);
}

#[test]
fn a_hundred_thousand_comments_land_in_bounded_memory() {
    const TEST: &str = "a_hundred_thousand_comments_land_in_bounded_memory";
    if is_child(false) {
        return;
    }
    let world = World::new(23)
        .videos(4)
        .threads(30_000)
        .plain()
        .without_replies();
    let emulator = Emulator::of(world).start().unwrap();
    // Too large for a folder in memory.
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger.json");
    let process = child(TEST, &emulator.url(), folder.path(), &ledger)
        .spawn()
        .unwrap();
    let (success, told) = ended(process);
    assert!(success, "{told}");
    let landing = landing(folder.path());
    let rows = collect(landing.scan(COMMENTS).unwrap().select([len()])).unwrap();
    let rows = rows.columns()[0].u32().unwrap().get(0).unwrap();
    assert!(rows >= 100_000, "{rows}");
    assert_eq!(rows as usize, emulator.truth().found_comments().count());
    let Some((_, peak)) = told.split_once("VmHWM:") else {
        // Only Linux tells.
        return;
    };
    let kib: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(kib < 300 * 1024, "{kib} KiB");
    println!("{rows} comments with a peak of {} MiB", kib / 1024);
}
