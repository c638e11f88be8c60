//! Where collected rows land: a folder that a kill at any moment leaves whole.
//!
//! A [`Landing`] has tables of fixed columns. A collector begins a [`LandingRun`], appends rows,
//! commits them together with a cursor that says how far it is, and finishes; readers see the rows
//! of finished runs only. A run that was killed is taken up by the next one: rows after the last
//! commit are cut off, and its collector goes on from the cursor. See `docs/landing.md` for the
//! files.

mod cell;
mod checkpoint;
mod compact;
mod files;
mod finish;
mod index;
mod landed;
mod latest;
mod lock;
mod manifest;
mod open_runs;
mod purge;
mod read_back;
mod row_file;
mod run;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use polars::prelude::LazyFrame;
use serde::Serialize;
use serde_json::Value;

pub use landed::Landed;
pub use manifest::{LandedFile, LandedTable, Manifest, Outcome, Skip};
pub use purge::Purged;
pub use run::LandingRun;
pub use table::Table;

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result, listed};
use crate::source::Source as _;
use files::Files;
use index::Index;
use lock::Lock;

/// A folder of collected rows, in tables.
///
/// One run writes at a time, over all processes; readers need no lock. Clones are the same landing.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::source::remote::{Landing, Outcome, Table};
///
/// # let root = std::env::temp_dir().join(format!("floe-landing-{}", std::process::id()));
/// let comments = Table::new("comments", ["comment_id"])
///     .column("comment_id", DataType::String)
///     .column("likes", DataType::UInt64);
/// let landing = Landing::open(&root, "youtube", [comments])?;
///
/// let mut run = landing.begin(&serde_json::json!({"query": "Mission Impossible"}))?;
/// run.append("comments", &serde_json::json!({"comment_id": "a", "likes": 1957}))?;
/// run.commit(serde_json::json!({"page": 2}))?;
/// run.finish(Outcome::Complete)?;
///
/// let likes = landing.scan("comments")?.collect()?;
/// assert_eq!(likes.column("likes")?.u64()?.get(0), Some(1957));
/// # std::fs::remove_dir_all(root)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Landing {
    files: Files,
    name: String,
    tables: Arc<BTreeMap<String, Table>>,
    clock: Arc<dyn Clock>,
    wait: Duration,
    retention: Option<Duration>,
}

impl Landing {
    /// The landing of this name in a folder; it is made when it is not there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a name that is not of the letters `a` to `z`, digits, `_` and `-`,
    /// and for tables that cannot work; [`ErrorKind::Output`] when the folder cannot be made.
    pub fn open(
        root: impl AsRef<Path>,
        name: impl Into<String>,
        tables: impl IntoIterator<Item = Table>,
    ) -> Result<Self> {
        let name = name.into();
        table::check_name("landing", &name)?;
        let mut by_name = BTreeMap::new();
        for table in tables {
            table.check()?;
            let name = table.name().to_owned();
            if by_name.insert(name.clone(), table).is_some() {
                let message = format!("the table `{name}` is declared twice");
                return Err(Error::new(ErrorKind::Config, message));
            }
        }
        if by_name.is_empty() {
            return Err(Error::new(
                ErrorKind::Config,
                "a landing has at least one table",
            ));
        }
        Ok(Self {
            files: Files::make(root.as_ref().join(&name))?,
            name,
            tables: Arc::new(by_name),
            clock: Arc::new(SystemClock),
            wait: Duration::ZERO,
            retention: None,
        })
    }

    /// Where the time comes from.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Waits so long for another writer to end, by the landing's clock; not at all unless told.
    pub fn wait_for_writer(mut self, time: Duration) -> Self {
        self.wait = time;
        self
    }

    /// How long rows may be kept after they were fetched; for ever unless told.
    ///
    /// What is older is purged whenever a run begins; see [`purge`](Self::purge) for the rest.
    pub fn retention(mut self, time: Option<Duration>) -> Self {
        self.retention = time;
        self
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.files.folder()
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long rows may be kept.
    pub fn kept_for(&self) -> Option<Duration> {
        self.retention
    }

    /// Takes the lock of the writer, and takes up the run that was left unfinished with the same
    /// parameters and tables, or else begins a new one. A run with others that was left unfinished is
    /// finished as partial first, with the rows that it committed.
    ///
    /// The parameters stand in the manifest for all to read: no secrets.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`], transient, when another run is writing; also when a file cannot be
    /// written, or one that was committed is damaged; [`ErrorKind::Config`] for parameters that JSON
    /// cannot write.
    pub fn begin(&self, params: &(impl Serialize + ?Sized)) -> Result<LandingRun> {
        let params = serde_json::to_value(params).map_err(|error| {
            let message = format!("the parameters are nothing that JSON can write: {error}");
            Error::new(ErrorKind::Config, message)
        })?;
        let lock = self.lock()?;
        open_runs::clean(self)?;
        if let Some(time) = self.retention {
            purge::purge(self, time)?;
        }
        match open_runs::resume(self, &params)? {
            Some(opened) => LandingRun::resume(self.clone(), lock, opened),
            None => LandingRun::begin(self.clone(), lock, params),
        }
    }

    /// The rows of a table, of all finished runs in their order: lazily, with all its columns.
    ///
    /// # Errors
    ///
    /// Those of [`table`](Self::table) and of a scan.
    pub fn scan(&self, table: &str) -> Result<LazyFrame> {
        self.table(table)?.scan()
    }

    /// One row a key, the one that was fetched last, at the place where it stands in
    /// [`scan`](Self::scan); see [`Landed::latest`].
    ///
    /// # Errors
    ///
    /// Those of [`scan`](Self::scan).
    pub fn latest(&self, table: &str) -> Result<LazyFrame> {
        self.table(table)?.latest().scan()
    }

    /// A table as a source of a flow.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when there is no such table.
    pub fn table(&self, name: &str) -> Result<Landed> {
        Ok(Landed::new(self.clone(), self.declared(name)?.clone()))
    }

    /// The manifests of the finished runs, in their order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] when a file is missing or damaged.
    pub fn runs(&self) -> Result<Vec<Manifest>> {
        Index::follow(&self.files, |index| {
            let runs = index.runs.iter();
            runs.map(|run| Manifest::read(&self.files, run)).collect()
        })
    }

    /// What the finished runs left for those after them; see [`LandingRun::set_state`].
    ///
    /// # Errors
    ///
    /// As [`runs`](Self::runs).
    pub fn state(&self) -> Result<BTreeMap<String, Value>> {
        Index::follow(&self.files, |index| index.state(&self.files))
    }

    /// Takes away all rows that were fetched longer ago than this, also those of a run that was left
    /// unfinished. Runs of which nothing is left go altogether; the state stays.
    ///
    /// Who reads the landing meanwhile may find a file missing.
    ///
    /// # Errors
    ///
    /// As [`begin`](Self::begin).
    pub fn purge(&self, older_than: Duration) -> Result<Purged> {
        let _lock = self.lock()?;
        open_runs::clean(self)?;
        purge::purge(self, older_than)
    }

    fn lock(&self) -> Result<Lock> {
        Lock::take(&self.files, &*self.clock, self.wait)
    }

    fn declared(&self, name: &str) -> Result<&Table> {
        self.tables.get(name).ok_or_else(|| {
            let message = format!("the landing `{}` has no table `{name}`", self.name);
            Error::new(ErrorKind::Config, message)
                .with_help(format!("its tables are {}", listed(self.tables.keys())))
        })
    }

    /// The time, as exact as a column holds it.
    fn now(&self) -> Timestamp {
        let micros = self.clock.now().as_microsecond();
        // Any number of microseconds that a time has is one again.
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Debug for Landing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Landing({:?})", self.path())
    }
}

impl PartialEq for Landing {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files && self.tables == other.tables
    }
}
