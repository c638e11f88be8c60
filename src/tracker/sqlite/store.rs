//! The database: opened, made, checked, and what its errors say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::schema;
use crate::error::{Error, ErrorKind, Result};

/// How long a writer waits for others by default, as MLflow does.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How long it waits once it waited in vain.
const IMPATIENCE: Duration = Duration::from_millis(100);

/// An open database with MLflow's tables.
pub(super) struct Store {
    pub(super) path: PathBuf,
    pub(super) connection: Connection,
    /// Newer releases keep experiments in workspaces.
    pub(super) has_workspaces: bool,
    /// How long it waits for others.
    pub(super) patience: Duration,
}

impl Store {
    /// Opens the database, and makes it if it is not there.
    pub(super) fn open(path: &Path, patience: Duration) -> Result<Self> {
        let fail = |error| said(path, error);
        let connection = Connection::open(path).map_err(fail)?;
        connection.busy_timeout(patience).map_err(fail)?;
        let mut store = Self {
            path: path.to_owned(),
            connection,
            has_workspaces: false,
            patience,
        };
        store.make().map_err(fail)?;
        store.check()?;
        store.settle().map_err(fail)?;
        Ok(store)
    }

    /// Makes the tables if there are none at all. Of several processes one does.
    fn make(&mut self) -> rusqlite::Result<()> {
        let count = "SELECT count(*) FROM sqlite_master";
        let tables: i64 = self.connection.query_row(count, [], |row| row.get(0))?;
        if tables > 0 {
            return Ok(());
        }
        let behavior = TransactionBehavior::Immediate;
        let making = self.connection.transaction_with_behavior(behavior)?;
        let tables: i64 = making.query_row(count, [], |row| row.get(0))?;
        if tables == 0 {
            schema::create(&making, crate::tracker::event::now())?;
        }
        making.commit()
    }

    /// Refuses tables that this tracker cannot write: newer ones may have columns that it does not
    /// know, as long as they need no value.
    fn check(&mut self) -> Result<()> {
        let shown = self.path.display();
        let refuse = |what: String, help: String| {
            let message = format!("`{shown}` {what}");
            Err(Error::new(ErrorKind::Track, message).with_help(help))
        };
        // A table that is missing tells more than a column that is.
        for (table, _) in schema::WRITTEN {
            if !self.columns(table)?.is_empty() {
                continue;
            }
            let is_mlflow = !self.columns("alembic_version")?.is_empty();
            return if is_mlflow {
                refuse(
                    format!("was made by an older MLflow: it has no table `{table}`"),
                    format!("upgrade it: `mlflow db upgrade sqlite:///{shown}`, with MLflow 3"),
                )
            } else {
                refuse(
                    format!("is a database of something else: it has no table `{table}`"),
                    "name a new file, or one that MLflow or floe made".to_owned(),
                )
            };
        }
        for (table, written) in schema::WRITTEN {
            let columns = self.columns(table)?;
            let missing = written.iter().find(|name| !columns.contains_key(**name));
            if let Some(missing) = missing {
                return refuse(
                    format!("has a table `{table}` without the column `{missing}`"),
                    "it is not as MLflow makes it: name another file".to_owned(),
                );
            }
            let demanded = columns
                .iter()
                .find(|(name, needed)| **needed && !written.contains(&name.as_str()));
            if let Some((name, _)) = demanded {
                return refuse(
                    format!("was made by a newer MLflow: `{table}` needs a value for `{name}`"),
                    "use a newer floe, or another file".to_owned(),
                );
            }
        }
        self.has_workspaces = self.columns("experiments")?.contains_key("workspace");
        Ok(())
    }

    /// The columns of a table, each with whether it needs a value; none where there is no table.
    fn columns(&self, table: &str) -> Result<BTreeMap<String, bool>> {
        let read = || -> rusqlite::Result<BTreeMap<String, bool>> {
            let sql = "SELECT name, \"notnull\", dflt_value IS NULL FROM pragma_table_info(?1)";
            let mut statement = self.connection.prepare(sql)?;
            let columns = statement.query_map([table], |row| {
                let (not_null, without_default): (bool, bool) = (row.get(1)?, row.get(2)?);
                Ok((row.get(0)?, not_null && without_default))
            })?;
            columns.collect()
        };
        read().map_err(|error| said(&self.path, error))
    }

    /// A commit must survive a kill of the process, and a power loss must leave a sound database;
    /// what is waited for the disk is left to `flush`.
    fn settle(&self) -> rusqlite::Result<()> {
        // Readers do not wait for a writer in this mode. Where the file system cannot do it, SQLite
        // stays with the other one, which is slower and as safe.
        let mode = |connection: &Connection| {
            connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
        };
        match mode(&self.connection) {
            // Somebody writes at this moment: the mode is that of another opener, or stays.
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == ErrorCode::DatabaseBusy => {}
            done => done?,
        }
        self.connection
            .pragma_update(None, "synchronous", "normal")?;
        self.connection.pragma_update(None, "foreign_keys", true)
    }

    /// Who was waited for in vain once is not waited for at every event, until it lets go.
    pub(super) fn heed(&self, failed: Option<&Error>) {
        let is_held = failed.is_some_and(Error::is_transient);
        let patience = if is_held {
            self.patience.min(IMPATIENCE)
        } else {
            self.patience
        };
        // Refused only where a statement is under way, and here none is.
        let _ = self.connection.busy_timeout(patience);
    }

    /// Whether a run has begun, as far as can be told.
    pub(super) fn has_run(&self, run: &str) -> bool {
        let sql = "SELECT 1 FROM runs WHERE run_uuid = ?1";
        let found = self.connection.query_row(sql, [run], |_| Ok(()));
        found.is_ok()
    }

    /// Makes all commits survive a power loss.
    pub(super) fn flush(&self) -> Result<()> {
        // In another mode than WAL this does nothing, and the commits are on the disk already.
        let done = self
            .connection
            .query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(()));
        match done {
            Ok(()) => Ok(()),
            // Another process reads an older state; its own checkpoint will follow.
            Err(error) if is_busy(&error) => Ok(()),
            Err(error) => Err(said(&self.path, error)),
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// An error of SQLite in our words.
pub(crate) fn said(path: &Path, error: rusqlite::Error) -> Error {
    let (what, help) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            "another process holds it".to_owned(),
            "wait until it is done, or let this one wait longer with `wait_at_most`",
        ),
        Some(ErrorCode::DiskFull) => (
            "the disk is full".to_owned(),
            "nothing of this event was written; make room",
        ),
        Some(ErrorCode::ReadOnly) => (
            "it cannot be written to".to_owned(),
            "check the permissions of the file and of its folder",
        ),
        Some(ErrorCode::CannotOpen) => (
            "it cannot be opened".to_owned(),
            "check that its folder exists and may be written to",
        ),
        Some(ErrorCode::NotADatabase) => (
            "it is no SQLite database".to_owned(),
            "name a new file, or one that MLflow or floe made",
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            "it is damaged".to_owned(),
            "move it away, or recover it with `sqlite3 mlflow.db .recover`",
        ),
        _ => (error.to_string(), "check the file and the free space"),
    };
    let busy = is_busy(&error);
    let full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
    let message = format!("`{}`: {what}", path.display());
    let error = Error::new(ErrorKind::Track, message)
        .with_help(help)
        .caused_by(error);
    if busy || full {
        error.transient()
    } else {
        error
    }
}
