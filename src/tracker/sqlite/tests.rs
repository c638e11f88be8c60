use super::*;
use crate::tracker::{RunInfo, RunLog, Status, What};

fn finished() -> What {
    What::Finished {
        status: Status::Finished,
        error: None,
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let tracker = SqliteTracker::open(folder.path().join("mlflow.db")).unwrap();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    let count = |sql: &str| -> i64 {
        let inner = tracker.lock();
        inner
            .store
            .connection
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    };
    // SQLite takes this bound for the end of the disk.
    let pages = count("PRAGMA page_count");
    let bound = |pages: i64| {
        let inner = tracker.lock();
        let set = inner.store.connection.query_row(
            &format!("PRAGMA max_page_count = {pages}"),
            [],
            |_| Ok(()),
        );
        set.unwrap();
    };
    bound(pages + 2);
    let series = |from: i64| (from..from + 5000).map(|step| ("loss", 0.5, step));
    log.metrics(series(0)).unwrap();
    for _ in 0..2 {
        let error = tracker.flush().unwrap_err();
        assert!(error.to_string().contains("the disk is full"), "{error}");
        assert!(error.is_transient());
    }
    // Nor does the run end without them.
    let end = Event::now(log.run(), finished());
    let error = tracker.record(&end).unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(count("SELECT count(*) FROM metrics"), 0);
    assert_eq!(count("SELECT count(*) FROM latest_metrics"), 0);
    bound(1_000_000);
    tracker.flush().unwrap();
    assert_eq!(count("SELECT count(*) FROM metrics"), 5000);
    log.finish(Status::Finished).unwrap();
}

#[test]
fn a_run_that_ends_takes_no_more_numbers_into_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let tracker = SqliteTracker::open(folder.path().join("mlflow.db")).unwrap();
    let log = RunLog::start(&tracker, &RunInfo::new()).unwrap();
    log.metric("before", 1.0, 0).unwrap();
    let mut inner = tracker.lock();
    let end = entries(&Event::now(log.run(), finished())).unwrap();
    inner.write_after_numbers("", &[(log.run(), &end)]).unwrap();
    let before = "SELECT count(*) FROM metrics";
    let before = inner
        .store
        .connection
        .query_row(before, [], |row| row.get(0));
    assert_eq!(before, Ok(1_i64));
    // The file is about to go, and another thread tells more of the run: it waits for its turn.
    let metric = What::Metric {
        name: "after".to_owned(),
        value: Some(1.0),
        reason: None,
        step: 0,
    };
    let Shared {
        inner: shared,
        journals,
    } = &*tracker.shared;
    let taken = journals.append(&[Event::now(log.run(), metric)], shared);
    assert!(taken.is_none());
    drop(inner);
    log.finish(Status::Finished).unwrap();
}
