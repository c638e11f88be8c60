//! The tracker that needs no server: MLflow's own database, written directly.

mod files;
mod journal;
mod journals;
mod killed;
mod locks;
mod metrics;
mod models;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod write;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use files::Files;
use journals::Journals;
use locks::Locks;
use store::{PATIENCE, Store};

use super::entities::{Entry, entries, left_out};
use super::{Event, Tracker};
use crate::error::{Error, ErrorKind, Result};

/// Writes the database that `mlflow ui` opens, and the artifacts beside it. No server and no Python
/// are needed.
///
/// ```text
/// mlflow.db       experiments, runs, parameters, metrics, tags, datasets, models
/// mlartifacts/    artifacts and the files of models
/// ```
///
/// Started in that folder, `mlflow ui` (from MLflow 3.0 on) shows all of it. It may run meanwhile, and
/// several processes may write at once. A new database has the tables of MLflow 3.0; a newer MLflow
/// upgrades them when it opens it, and this tracker goes on writing.
///
/// What was recorded when [`record`](Tracker::record) returned survives a kill of the process, and a
/// power loss too once the run ended. A run whose process was killed is found when the database is
/// next opened, and marked `KILLED`.
///
/// Metrics are first written to a file of their run in `mlflow.db-running/`, which is fast. A thread
/// brings them to the database within a fifth of a second; anything else that is recorded of the run,
/// [`flush`](Tracker::flush) and the end of the tracker bring them there before they return.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `experiment` | `Default` | where runs go that name none |
/// | `artifacts` | `mlartifacts` beside the database | the folder of the artifacts |
/// | `absolute_artifacts` | off | locations name that folder, so that Python reads them without a server |
/// | `wait_at_most` | 20 s | how long to wait for other writers |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
/// use floe::tracker::SqliteTracker;
///
/// let folder = std::env::temp_dir().join(format!("floe-doc-{:032x}", std::process::id()));
/// std::fs::create_dir_all(&folder)?;
/// let tracker = SqliteTracker::open(folder.join("mlflow.db"))?.experiment("likes");
/// let rows = df!["x" => [0.0, 1.0, 2.0, 3.0], "y" => [1.0, 3.0, 5.0, 7.0]]?;
/// let run = floe::from(InMemory::new(rows))
///     .split(TrainTestSplit::new(0.5))
///     .learn(LinearRegression::new(["x"], "y"))
///     .track(tracker)
///     .run()?;
/// assert!(run.warnings().is_empty());
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SqliteTracker {
    path: PathBuf,
    experiment: String,
    shared: Arc<Shared>,
}

/// What clones share.
struct Shared {
    inner: Arc<Mutex<Inner>>,
    journals: Arc<Journals>,
}

/// What writes the database.
struct Inner {
    store: Store,
    files: Files,
    locks: Locks,
    journals: Arc<Journals>,
    /// What runs that could not be written began with: it is tried again before their next event.
    unbegun: HashMap<String, Vec<Entry>>,
}

impl SqliteTracker {
    /// Opens a database, and makes it if it is not there. Runs whose process was killed are marked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when it cannot be opened or written, is held by another process for too
    /// long, or is not MLflow's.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.to_string_lossy();
        if name == ":memory:" || name.starts_with("file:") {
            let message = format!("`{}` names no file", path.display());
            return Err(Error::new(ErrorKind::Track, message)
                .with_help("name a file, or record in memory with a `MemoryTracker`"));
        }
        // The process may go to another folder while it works.
        let path = std::path::absolute(path).map_err(|error| {
            let message = format!("the database has no path: {error}");
            Error::new(ErrorKind::Track, message).with_help("name a file")
        })?;
        let journals = Arc::new(Journals::default());
        let mut inner = Inner {
            store: Store::open(&path, PATIENCE)?,
            files: Files::new(path.with_file_name("mlartifacts")),
            locks: Locks::beside(&path),
            journals: Arc::clone(&journals),
            unbegun: HashMap::new(),
        };
        inner.mark_dead()?;
        Ok(Self {
            path,
            experiment: "Default".to_owned(),
            shared: Arc::new(Shared {
                inner: Arc::new(Mutex::new(inner)),
                journals,
            }),
        })
    }

    /// Where runs go that name no experiment.
    pub fn experiment(mut self, name: impl Into<String>) -> Self {
        self.experiment = name.into();
        self
    }

    /// Keeps artifacts in another folder. `mlflow ui` is told of it by `--artifacts-destination`.
    pub fn artifacts(self, folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        self.lock().files.folder = std::path::absolute(&folder).unwrap_or(folder);
        self
    }

    /// Writes where artifacts are as paths of this machine. Then MLflow's Python client reads them
    /// from the database without a server, and the folder cannot be moved.
    pub fn absolute_artifacts(self) -> Self {
        self.lock().files.absolute = true;
        self
    }

    /// Waits so long for other writers before it gives up.
    pub fn wait_at_most(self, time: Duration) -> Self {
        let mut inner = self.lock();
        inner.store.patience = time;
        inner.store.heed(None);
        drop(inner);
        self
    }

    /// The database, by its whole path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.lock()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs that did not end stay for who opens the database next.
impl Drop for Shared {
    fn drop(&mut self) {
        let brought = self.lock().bring_all();
        if let Err(error) = joined([brought.map(drop), self.journals.take_lost()]) {
            tracing::warn!(%error, "a tracker is closed");
        }
        self.journals.stop();
    }
}

impl fmt::Debug for SqliteTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqliteTracker({:?})", self.path)
    }
}

impl Tracker for SqliteTracker {
    fn record(&self, event: &Event) -> Result<()> {
        self.record_all(std::slice::from_ref(event))
    }

    /// All events in one write. One that cannot be kept is left out, and the first error is told.
    fn record_all(&self, events: &[Event]) -> Result<()> {
        let Shared { inner, journals } = &*self.shared;
        if let Some(recorded) = journals.append(events, inner) {
            return recorded;
        }
        let mut refused = None;
        let mut kept = Vec::with_capacity(events.len());
        for event in events {
            match entries(event) {
                Ok(entries) => {
                    refused = refused.or_else(|| left_out(event));
                    kept.push((event.run.as_str(), entries));
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        if kept.is_empty() {
            return refused.map_or(Ok(()), Err);
        }
        let written = self.lock().keep(&self.experiment, &kept);
        written?.or(refused).map_or(Ok(()), Err)
    }

    fn flush(&self) -> Result<()> {
        let mut inner = self.lock();
        let brought = inner.bring_all();
        // Nothing is learned of the others where nothing was to be written.
        if !matches!(brought, Ok(false)) {
            inner.store.heed(brought.as_ref().err());
        }
        let lost = self.shared.journals.take_lost();
        let files = inner.files.flush();
        joined([brought.map(drop), lost, inner.store.flush(), files])
    }
}

/// Whether events tell something of a run.
fn told(events: &[(&str, &[Entry])], run: &str, what: fn(&Entry) -> bool) -> bool {
    let mut of_run = events.iter().filter(|(of, _)| *of == run);
    of_run.any(|(_, entries)| entries.iter().any(what))
}

/// The first error, with the words of those behind it.
fn joined(done: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let errors = done.into_iter().filter_map(Result::err);
    let all = errors.reduce(|first, next| first.and_also(&next));
    all.map_or(Ok(()), Err)
}

impl Inner {
    /// Writes events, and before them what their runs began with where that is not there yet; gives
    /// the first thing that was refused.
    ///
    /// # Errors
    ///
    /// When nothing was written.
    fn keep(&mut self, experiment: &str, events: &[(&str, Vec<Entry>)]) -> Result<Option<Error>> {
        let runs = events.iter().map(|(run, _)| *run);
        let late: Vec<_> = runs
            .filter_map(|run| self.unbegun.remove_entry(run))
            .collect();
        let late_ones = late.iter().map(|(run, began)| (run.as_str(), began));
        let all = late_ones.chain(events.iter().map(|(run, entries)| (*run, entries)));
        let all: Vec<(&str, &[Entry])> = all.map(|(run, of)| (run, of.as_slice())).collect();
        let ended = |run: &str| told(&all, run, |entry| matches!(entry, Entry::End(_)));
        let mut written = self.write_after_numbers(experiment, &all);
        let is_whole = matches!(written, Ok(None));
        let runs: BTreeSet<&str> = all.iter().map(|(run, _)| *run).collect();
        for run in runs.into_iter().filter(|run| ended(run)) {
            // The end itself may be what was refused.
            if (is_whole || written.is_ok() && !self.store.is_running(run))
                && let Err(error) = self.end(run)
            {
                written = written.map(|refused| refused.or(Some(error)));
            }
        }
        let begins = |entries: &[Entry]| matches!(entries.first(), Some(Entry::Run(_)));
        for (run, entries) in all.iter().filter(|(_, of)| begins(of)) {
            // Nothing was written: whoever ends the run may try that again.
            let is_open = written.is_err() || !ended(run);
            if is_open && !is_whole && !self.store.has_run(run) {
                self.unbegun.insert((*run).to_owned(), entries.to_vec());
            } else if !ended(run)
                && let Some(lock) = self.locks.held(run)
            {
                self.journals.begin(run, lock);
                if let Err(error) = self.bring(run) {
                    tracing::debug!(run, %error, "numbers that were left wait for the database");
                }
            }
        }
        written
    }

    /// Gives the lock of a run back that has ended, once the numbers that were left in it are in the
    /// database.
    ///
    /// # Errors
    ///
    /// When they cannot go there now: they are found when it is next opened.
    fn end(&mut self, run: &str) -> Result<()> {
        if let Some(lock) = self.locks.held(run) {
            self.journals.begin(run, lock);
            // What another thread tells of the run goes to the database from now on.
            self.journals.close(run);
            self.bring(run)?;
        }
        self.journals.end(run);
        self.locks.give_back(run);
        Ok(())
    }

    /// Writes events after the numbers of their runs that were recorded before them.
    fn write_after_numbers(
        &mut self,
        experiment: &str,
        events: &[(&str, &[Entry])],
    ) -> Result<Option<Error>> {
        let began = |run: &str| told(events, run, |entry| matches!(entry, Entry::Run(_)));
        let ended = |run: &str| told(events, run, |entry| matches!(entry, Entry::End(_)));
        let mut brought = Ok(());
        let runs: BTreeSet<&str> = events.iter().map(|(run, _)| *run).collect();
        for run in runs {
            if ended(run) {
                // Another thread may tell more of the run meanwhile.
                self.journals.close(run);
            }
            if began(run) && self.locks.is_elsewhere(run) {
                // The process that had it may be gone, and this one goes on with its run.
                brought = brought.and_then(|()| self.mark_dead());
            }
            brought = brought.and_then(|()| self.bring(run));
        }
        let written = brought.and_then(|()| self.write(experiment, events));
        self.store.heed(written.as_ref().err());
        written
    }

    /// Marks the runs whose process is gone.
    fn mark_dead(&mut self) -> Result<()> {
        let dead = self.locks.dead().map_err(|error| {
            let shown = self.store.path.display();
            let message = format!("the locks of the runs in `{shown}` cannot be read: {error}");
            Error::new(ErrorKind::Track, message)
        })?;
        for (run, lock) in dead {
            let numbers = lock.numbers().map_err(|error| {
                let message = format!("the numbers of the run `{run}` cannot be read: {error}");
                Error::new(ErrorKind::Track, message).with_help(format!(
                    "open the database with a newer floe if one wrote `{}`; else move that file away",
                    lock.path().display()
                ))
            })?;
            let is_there = killed::mark_killed(&mut self.store, &run, &numbers)?;
            if is_there || numbers.is_empty() {
                lock.clear();
            } else {
                tracing::warn!(
                    file = %lock.path().display(),
                    numbers = numbers.len(),
                    "the database does not have the run of these numbers: put back the one that \
                     has, or delete the file"
                );
            }
        }
        Ok(())
    }
}
