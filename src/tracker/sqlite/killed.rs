//! Runs whose process is gone, and what becomes of the mark when somebody goes on with one.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::metrics::Metrics;
use super::store::{Store, said};
use super::write::write_tags;
use crate::error::Result;
use crate::tracker::entities::MetricEntry;

/// What the tag `floe.error` of a run says whose process is gone.
const GONE: &str = "its process ended without ending the run";

/// Takes the tag of a run back that was marked; tells whether it was.
pub(super) fn unmark(connection: &Connection, run: &str) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM tags WHERE run_uuid = ?1 AND key = 'floe.error' AND value = ?2";
    Ok(connection.execute(sql, [run, GONE])? > 0)
}

/// Whether a run goes on, but for a mark that its process is gone.
pub(super) fn goes_on(connection: &Connection, run: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM runs WHERE run_uuid = ?1 AND (status = 'RUNNING' OR EXISTS (SELECT 1 \
               FROM tags WHERE tags.run_uuid = ?1 AND key = 'floe.error' AND value = ?2))";
    let found = connection.query_row(sql, [run, GONE], |_| Ok(()));
    Ok(found.optional()?.is_some())
}

/// Somebody goes on with a run, which may have been marked.
pub(super) fn revive(connection: &Connection, run: &str) -> rusqlite::Result<()> {
    if unmark(connection, run)? {
        let sql = "UPDATE runs SET status = 'RUNNING', end_time = NULL \
                   WHERE run_uuid = ?1 AND status = 'KILLED'";
        connection.execute(sql, [run])?;
    }
    Ok(())
}

/// Marks a run whose process is gone, unless it ended before, and keeps the numbers that it left.
/// It lasted until it was last heard of. Tells whether the database has the run.
pub(super) fn mark_killed(store: &mut Store, run: &str, numbers: &[MetricEntry]) -> Result<bool> {
    let Store {
        path, connection, ..
    } = store;
    let mut mark = || {
        let behavior = TransactionBehavior::Immediate;
        let marking = connection.transaction_with_behavior(behavior)?;
        // It may never have begun, or be deleted for good.
        let is_there = marking
            .query_row("SELECT 1 FROM runs WHERE run_uuid = ?1", [run], |_| Ok(()))
            .optional()?
            .is_some();
        if is_there {
            let mut metrics = Metrics::new(&marking);
            metrics.insert(run, numbers)?;
            metrics.finish()?;
        }
        let marked = marking.execute(
            "UPDATE runs SET status = 'KILLED', end_time = max(start_time, coalesce((SELECT \
             max(timestamp) FROM metrics WHERE metrics.run_uuid = ?1), 0)) \
             WHERE run_uuid = ?1 AND status = 'RUNNING'",
            [run],
        )?;
        if marked > 0 {
            write_tags(&marking, run, &[("floe.error".to_owned(), GONE.to_owned())])?;
        }
        marking.commit()?;
        Ok(is_there)
    };
    mark().map_err(|error| said(path, error))
}
