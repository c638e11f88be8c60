//! What a schedule remembers: one folder with a database, a lock and the logs.

mod ledger;
mod lock;
mod orders;
mod overview;
mod queue;
mod words;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

pub(crate) use ledger::{Ended, Ledger, RunId, Settings, Task};
pub use lock::AnotherInstance;
pub(crate) use lock::Lock;
pub use orders::{Queued, Reprocess};
pub use overview::{Overview, RunView, StageView, TryView};
pub(crate) use queue::Queue;
pub use words::{RunKind, RunState, StageState, TryState};

use super::Definition;
use crate::error::{Error, ErrorKind, Result};
#[cfg(any(feature = "sqlite", feature = "mlflow"))]
use crate::open_databases::OpenDatabase;

/// So long an order waits for others that write.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The memory of one schedule: which intervals were decided on, their runs, stages and tries.
///
/// It is a folder: `schedule.db`, which any SQLite opens and whose times are milliseconds since
/// 1970-01-01 UTC; `schedule.lock`, held by the process that keeps the schedule; and `logs`. Many
/// processes may look at it and give orders at once; the scheduler that holds the lock carries
/// them out.
///
/// What was decided is on the disk before anything is started (write-ahead log,
/// `synchronous=FULL`): it survives a kill and a power loss.
#[derive(Debug)]
pub struct State {
    folder: Option<PathBuf>,
    /// What tells its database from all others on this machine, also from a copy of it.
    place: Option<String>,
    database: Mutex<Connection>,
    /// Nobody here may copy its files meanwhile.
    #[cfg(any(feature = "sqlite", feature = "mlflow"))]
    _open: Option<OpenDatabase>,
}

const SCHEMA: &str = include_str!("schema.sql");
const VERSION: i64 = 1;
const FILE: &str = "schedule.db";

impl State {
    /// Opens the state in a folder, and makes both if they are not there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] when the folder cannot be written, or its database is of another
    /// program or of a newer version of this one.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|error| {
            let message = format!("`{}` cannot be made: {error}", folder.display());
            Error::new(ErrorKind::Schedule, message)
        })?;
        let path = folder.join(FILE);
        Self::with(Some(folder), || Connection::open(&path)).map_err(|error| in_file(&path, &error))
    }

    /// Opens the state of a folder in which a schedule has been kept before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] as [`open`](Self::open), and when there is none.
    pub fn existing(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        if folder.join(FILE).is_file() {
            return Self::open(folder);
        }
        let message = format!("no schedule has been kept in `{}`", folder.display());
        Err(Error::new(ErrorKind::Schedule, message)
            .with_help("name the folder of its state, or start it first"))
    }

    /// A state that ends with the process: for tests of jobs. It has no logs and no lock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] when there is no memory for it.
    pub fn in_memory() -> Result<Self> {
        Self::with(None, Connection::open_in_memory)
    }

    fn with(
        folder: Option<&Path>,
        open: impl FnOnce() -> rusqlite::Result<Connection>,
    ) -> Result<Self> {
        #[cfg(any(feature = "sqlite", feature = "mlflow"))]
        let _meanwhile = folder.map(|folder| OpenDatabase::new(&folder.join(FILE)));
        let database = open().and_then(|database| {
            database.busy_timeout(PATIENCE)?;
            database.pragma_update(None, "journal_mode", "WAL")?;
            database.pragma_update(None, "synchronous", "FULL")?;
            Ok(database)
        })?;
        let place = folder.and_then(|folder| {
            let file = std::fs::metadata(folder.join(FILE)).ok()?;
            Some(format!("{:x}.{:x}", file.dev(), file.ino()))
        });
        let state = Self {
            folder: folder.map(Path::to_owned),
            #[cfg(any(feature = "sqlite", feature = "mlflow"))]
            // Only now the file is there, for sure.
            _open: folder.map(|folder| OpenDatabase::new(&folder.join(FILE))),
            place,
            database: Mutex::new(database),
        };
        state.migrate()?;
        Ok(state)
    }

    fn migrate(&self) -> Result<()> {
        let found: i64 = self
            .database()
            .query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found == VERSION {
            return Ok(());
        }
        // Two processes may open a new state at once: the second one finds it made.
        self.write(|ledger| {
            let version = |sql| ledger.0.query_row(sql, [], |row| row.get::<_, i64>(0));
            let found = version("PRAGMA user_version")?;
            let tables = version("SELECT count(*) FROM sqlite_schema")?;
            match (found, tables) {
                (VERSION, _) => Ok(()),
                (0, 0) => Ok(ledger.0.execute_batch(SCHEMA)?),
                (0, _) => {
                    let message = "the database was made by another program";
                    Err(Error::new(ErrorKind::Schedule, message)
                        .with_help("give the schedule a folder of its own"))
                }
                _ => {
                    let message =
                        format!("the state is of version {found}, this program knows {VERSION}");
                    Err(Error::new(ErrorKind::Schedule, message)
                        .with_help("use the version of the program that wrote it"))
                }
            }
        })
    }

    /// The folder, if it has one.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// What tells a try from all others on this machine.
    pub(crate) fn mark(
        &self,
        run: RunId,
        stage: &str,
        number: u32,
        started: Timestamp,
    ) -> Option<String> {
        let place = self.place.as_ref()?;
        Some(format!("{place}.{run}.{stage}.{number}.{}", to_ms(started)))
    }

    /// What the schedule is that was last kept here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] when the state cannot be read, or none was kept here yet.
    pub fn definition(&self) -> Result<Definition> {
        definition(&self.database())
    }

    /// Whether a process keeps the schedule now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Schedule`] when the lock cannot be asked.
    pub fn is_kept(&self) -> Result<bool> {
        match &self.folder {
            Some(folder) => Lock::is_held(folder),
            None => Ok(false),
        }
    }

    pub(crate) fn lock(&self) -> Result<Option<Lock>> {
        self.folder.as_deref().map(Lock::take).transpose()
    }

    pub(crate) fn database(&self) -> MutexGuard<'_, Connection> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does all of it or nothing, with nobody else writing meanwhile.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Ledger<'_>) -> Result<T>) -> Result<T> {
        self.write_within(PATIENCE, work)
    }

    /// As [`write`](Self::write), and waits so long for others that write.
    pub(crate) fn write_within<T>(
        &self,
        patience: Duration,
        work: impl FnOnce(&Ledger<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut database = self.database();
        database.busy_timeout(patience)?;
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&Ledger(&transaction))?;
        transaction.commit()?;
        Ok(done)
    }
}

fn definition(database: &Connection) -> Result<Definition> {
    let sql = "SELECT definition FROM schedule";
    let text: Option<String> = database.query_row(sql, [], |row| row.get(0)).optional()?;
    let Some(text) = text else {
        let message = "no schedule has been kept here yet";
        return Err(Error::new(ErrorKind::Schedule, message));
    };
    serde_json::from_str(&text).map_err(|error| {
        let message = format!("the stored schedule cannot be read: {error}");
        Error::new(ErrorKind::Schedule, message)
    })
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};

        let code = error.sqlite_error_code();
        let ours = Self::new(ErrorKind::Schedule, format!("the state failed: {error}"));
        match code {
            Some(DatabaseBusy | DatabaseLocked | DiskFull) => ours.transient(),
            _ => ours,
        }
    }
}

fn in_file(path: &Path, error: &Error) -> Error {
    let text = error.to_string();
    let what = text
        .split_once(": ")
        .map_or(text.as_str(), |(_, what)| what);
    Error::new(ErrorKind::Schedule, format!("`{}`: {what}", path.display()))
}

pub(crate) fn to_ms(at: Timestamp) -> i64 {
    super::interval::whole(at).as_millisecond()
}

pub(crate) fn from_ms(ms: i64) -> Timestamp {
    // What the state holds was a timestamp before.
    Timestamp::from_millisecond(ms).unwrap_or_default()
}
