//! The database: opened, made, checked, and what its errors say.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, Row, TransactionBehavior};

use super::schema;
use crate::error::{Error, ErrorKind, Result};
use crate::open_databases::OpenDatabase;
use crate::output;

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
    /// How long it waits for them at this time.
    waits: Duration,
    /// Nobody here may copy its files meanwhile.
    open: OpenDatabase,
}

impl Store {
    /// Opens the database, and makes it if it is not there.
    pub(super) fn open(path: &Path, patience: Duration) -> Result<Self> {
        let fail = |error| said(path, error);
        let open = OpenDatabase::new(path);
        let connection = Connection::open(path).map_err(fail)?;
        connection.busy_timeout(patience).map_err(fail)?;
        let mut store = Self {
            path: path.to_owned(),
            connection,
            has_workspaces: false,
            patience,
            waits: patience,
            open,
        };
        store.make().map_err(fail)?;
        // Only now the file is there.
        store.open = OpenDatabase::new(path);
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
    pub(super) fn heed(&mut self, failed: Option<&Error>) {
        if failed.is_some_and(Error::is_transient) {
            self.hurry();
        } else {
            self.wait(self.patience);
        }
    }

    /// Waits for others no longer than a moment, and tells how long it waited so far.
    pub(super) fn hurry(&mut self) -> Duration {
        let so_far = self.waits;
        self.wait(self.patience.min(IMPATIENCE));
        so_far
    }

    /// Waits so long for others.
    pub(super) fn wait(&mut self, time: Duration) {
        self.waits = time;
        // Refused only where a statement is under way, and here none is.
        let _ = self.connection.busy_timeout(time);
    }

    /// Whether a run has begun, as far as can be told.
    pub(super) fn has_run(&self, run: &str) -> bool {
        let sql = "SELECT 1 FROM runs WHERE run_uuid = ?1";
        let found = self.connection.query_row(sql, [run], |_| Ok(()));
        found.is_ok()
    }

    /// Whether a run goes on, as far as can be told.
    pub(super) fn is_running(&self, run: &str) -> bool {
        let sql = "SELECT 1 FROM runs WHERE run_uuid = ?1 AND status = 'RUNNING'";
        let found = self.connection.query_row(sql, [run], |_| Ok(()));
        found.is_ok()
    }

    /// Makes all commits survive a power loss, and waits for nobody.
    pub(super) fn flush(&self) -> Result<()> {
        let read = |row: &Row<'_>| {
            let (frames, moved): (i64, i64) = (row.get(1)?, row.get(2)?);
            Ok((row.get::<_, i64>(0)?, frames, moved))
        };
        let done = self
            .connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], read);
        match done {
            // In another mode than WAL the commits are on the disk already, but for the name of the
            // journal that was removed.
            Ok((0, -1, -1)) => self.sync_folder(),
            // All of it is in the database and on the disk.
            Ok((0, frames, moved)) if frames == moved => Ok(()),
            // Others read an older state, or move the frames now.
            Ok(_) => self.sync_log(),
            Err(error) if is_busy(&error) => self.sync_log(),
            Err(error) => Err(said(&self.path, error)),
        }
    }

    /// Brings the write-ahead log to the disk, and its name. SQLite has its locks on other files, so
    /// that closing this one frees none.
    fn sync_log(&self) -> Result<()> {
        // SQLite follows links before it names the log.
        let mut log = self.real_path().into_os_string();
        log.push("-wal");
        // Some systems bring a file to the disk for those only who may write it.
        let file = OpenOptions::new().write(true).open(&log);
        file.and_then(|file| file.sync_all())
            .map_err(|error| self.unsynced(Path::new(&log), &error))?;
        self.sync_folder()
    }

    fn sync_folder(&self) -> Result<()> {
        let path = self.real_path();
        let folder = path.parent().unwrap_or(&path);
        let synced = output::sync_readable_names(folder);
        synced.map_err(|error| self.unsynced(folder, &error))
    }

    fn real_path(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    fn unsynced(&self, path: &Path, error: &io::Error) -> Error {
        let (of, shown) = (self.path.display(), path.display());
        let message = format!("`{of}`: `{shown}` was not brought to the disk: {error}");
        Error::new(ErrorKind::Track, message).with_help("check the disk, and who took files away")
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
