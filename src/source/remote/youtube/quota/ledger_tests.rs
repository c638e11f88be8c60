use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::ledger::{Charge, QuotaLedger};
use super::{Bucket, Quota, Units};
use crate::clock::ManualClock;
use crate::error::ErrorKind;

fn ledger(folder: &Path, clock: &Arc<ManualClock>, quota: Quota) -> QuotaLedger {
    QuotaLedger::new(folder.join("quota.json"), "project", quota).clock(Arc::clone(clock))
}

fn clock(time: &str) -> Arc<ManualClock> {
    Arc::new(ManualClock::at(time.parse().unwrap()))
}

#[test]
fn a_day_ends_at_midnight_in_los_angeles_in_summer_and_in_winter() {
    for (before, after) in [
        ("2026-09-25T06:59:59Z", "2026-09-25T07:00:00Z"),
        ("2026-12-25T07:59:59Z", "2026-12-25T08:00:00Z"),
        // The day on which summer time ends has 25 hours.
        ("2026-11-02T07:59:59Z", "2026-11-02T08:00:00Z"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let clock = clock(before);
        let ledger = ledger(folder.path(), &clock, Quota::default());
        assert_eq!(ledger.charge(Bucket::Search, 1).unwrap(), Charge::Paid);
        assert_eq!(ledger.spent().unwrap().search, 1);
        assert_eq!(ledger.resets_at().unwrap(), after.parse().unwrap());
        clock.set(after.parse().unwrap());
        assert_eq!(ledger.spent().unwrap().search, 0);
    }
}

#[test]
fn the_limit_is_reached_and_never_passed() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock("2026-09-25T12:00:00Z");
    let quota = Quota::default().limit(Bucket::Stats, 3).reserve_percent(0);
    let ledger = ledger(folder.path(), &clock, quota);
    for wanted in [Charge::Paid, Charge::Paid, Charge::Paid, Charge::Spent] {
        assert_eq!(ledger.charge(Bucket::Stats, 1).unwrap(), wanted);
    }
    assert_eq!(ledger.spent().unwrap().stats, 3);
    assert_eq!(
        ledger.charge(Bucket::Common, 10_001).unwrap(),
        Charge::Spent
    );
    assert_eq!(ledger.left().unwrap(), Units::new(100, 0, 10_000));
}

#[test]
fn a_bucket_that_the_service_called_empty_stays_so_until_midnight() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock("2026-09-25T12:00:00Z");
    let ledger = ledger(folder.path(), &clock, Quota::default());
    ledger.exhaust(Bucket::Search).unwrap();
    assert_eq!(ledger.charge(Bucket::Search, 1).unwrap(), Charge::Exhausted);
    assert_eq!(ledger.left().unwrap(), Units::new(0, 9500, 9500));
    clock.set("2026-09-26T07:00:00Z".parse().unwrap());
    assert_eq!(ledger.charge(Bucket::Search, 1).unwrap(), Charge::Paid);
    // A clock that goes back finds the newer day and keeps it.
    clock.set("2026-09-25T12:00:00Z".parse().unwrap());
    assert_eq!(ledger.charge(Bucket::Search, 1).unwrap(), Charge::Paid);
    assert_eq!(ledger.spent().unwrap().search, 2);
}

#[test]
fn what_is_called_empty_just_after_midnight_may_be_the_day_before() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock("2026-09-25T07:00:01Z");
    let ledger = ledger(folder.path(), &clock, Quota::default());
    assert!(!ledger.exhaust(Bucket::Search).unwrap());
    assert_eq!(ledger.charge(Bucket::Search, 1).unwrap(), Charge::Paid);
    clock.set("2026-09-25T07:05:00Z".parse().unwrap());
    assert!(ledger.exhaust(Bucket::Search).unwrap());
    assert_eq!(ledger.charge(Bucket::Search, 1).unwrap(), Charge::Exhausted);
}

#[test]
fn a_day_that_is_far_ahead_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock("2026-09-27T12:00:00Z");
    let ledger = ledger(folder.path(), &clock, Quota::default());
    ledger.charge(Bucket::Search, 7).unwrap();
    clock.set("2026-09-26T12:00:00Z".parse().unwrap());
    assert_eq!(ledger.spent().unwrap().search, 7);
    clock.set("2026-09-25T12:00:00Z".parse().unwrap());
    assert_eq!(ledger.spent().unwrap().search, 0);
}

#[test]
fn projects_have_accounts_of_their_own_and_threads_lose_no_charge() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock("2026-09-25T12:00:00Z");
    let quota = Quota::default()
        .limit(Bucket::Common, 150)
        .reserve_percent(0);
    let ledger = ledger(folder.path(), &clock, quota.clone());
    let other = QuotaLedger::new(ledger.path(), "other", quota).clock(Arc::clone(&clock));
    assert_eq!(other.charge(Bucket::Common, 7).unwrap(), Charge::Paid);
    let paid: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let charges = (0..50).map(|_| ledger.charge(Bucket::Common, 1).unwrap());
                    charges.filter(|charge| *charge == Charge::Paid).count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(paid, 150);
    assert_eq!(ledger.spent().unwrap().common, 150);
    assert_eq!(other.spent().unwrap().common, 7);
}

#[test]
fn what_is_no_ledger_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock("2026-09-25T12:00:00Z");
    let ledger = ledger(folder.path(), &clock, Quota::default());
    for text in ["", "{", "{\"version\": 2, \"projects\": {}}", "notes"] {
        fs::write(ledger.path(), text).unwrap();
        let error = ledger.charge(Bucket::Common, 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Source);
        assert_eq!(fs::read_to_string(ledger.path()).unwrap(), text);
    }
}
