use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

use super::{RunStore, StoredRun};
use crate::error::{Error, ErrorKind, Result, listed};
use crate::open_databases::OpenDatabase;

/// The runs in a database of MLflow, such as [`SqliteTracker`](crate::tracker::SqliteTracker) writes.
/// It is read and never written, also while others write.
pub struct SqliteStore {
    path: PathBuf,
    connection: Connection,
    /// Nobody here may copy its files meanwhile.
    _open: OpenDatabase,
}

impl SqliteStore {
    /// Opens a database that is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when it is not there or cannot be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        if !path.is_file() {
            let message = format!("`{}` is not there", path.display());
            return Err(Error::new(ErrorKind::Track, message).with_help(
                "name the database that a tracker or MLflow writes, such as `mlflow.db`",
            ));
        }
        let registered = OpenDatabase::new(&path);
        let open = |access: OpenFlags| {
            let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_timeout(Duration::from_secs(20))?;
            connection.pragma_update(None, "query_only", true)?;
            // Only a read tells whether the file can be read.
            connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
            Ok(connection)
        };
        // Who may write takes the files away that SQLite puts beside a database while it is open.
        let connection = open(OpenFlags::SQLITE_OPEN_READ_WRITE)
            .or_else(|_| open(OpenFlags::SQLITE_OPEN_READ_ONLY))
            .map_err(|error| unreadable(&path, error))?;
        Ok(Self {
            _open: registered,
            path,
            connection,
        })
    }

    /// Something of each run: its name, a key and a value.
    fn told<V: rusqlite::types::FromSql>(
        &self,
        sql: &str,
        experiment: Option<i64>,
        mut each: impl FnMut(String, String, V),
    ) -> rusqlite::Result<()> {
        let sql = format!(
            "{sql} WHERE run_uuid IN (SELECT run_uuid FROM runs WHERE ?1 IS NULL OR \
             experiment_id = ?1)"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(params![experiment])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?, row.get(1)?, row.get(2)?);
        }
        Ok(())
    }

    fn experiments(&self) -> rusqlite::Result<Vec<(i64, String)>> {
        let sql = "SELECT experiment_id, name FROM experiments WHERE lifecycle_stage = 'active'";
        let mut statement = self.connection.prepare(sql)?;
        let experiments = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        experiments.collect()
    }

    fn read(&self, experiment: Option<i64>) -> rusqlite::Result<Vec<StoredRun>> {
        // One state of the database for all that follows.
        let reading = self.connection.unchecked_transaction()?;
        let mut statement = reading.prepare(
            "SELECT run_uuid, coalesce(runs.name, ''), experiments.name, coalesce(status, ''), \
             start_time, end_time FROM runs JOIN experiments USING (experiment_id) \
             WHERE runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active' \
             AND (?1 IS NULL OR experiment_id = ?1) ORDER BY start_time DESC, run_uuid",
        )?;
        let runs = statement.query_map(params![experiment], |row| {
            let mut run = StoredRun::new(row.get::<_, String>(0)?);
            run.name = row.get(1)?;
            run.experiment = row.get(2)?;
            run.status = row.get(3)?;
            run.started = row.get(4)?;
            run.ended = row.get(5)?;
            Ok(run)
        })?;
        let mut runs: Vec<StoredRun> = runs.collect::<rusqlite::Result<_>>()?;
        let ids: Vec<String> = runs.iter().map(|run| run.id.clone()).collect();
        let at: BTreeMap<&str, usize> = ids.iter().map(String::as_str).zip(0..).collect();
        let sql = "SELECT run_uuid, key, value FROM params";
        self.told(sql, experiment, |run, key, value| {
            if let Some(at) = at.get(run.as_str()) {
                runs[*at].params.insert(key, value);
            }
        })?;
        let sql = "SELECT run_uuid, key, coalesce(value, '') FROM tags";
        self.told(sql, experiment, |run, key, value| {
            if let Some(at) = at.get(run.as_str()) {
                runs[*at].tags.insert(key, value);
            }
        })?;
        let sql = "SELECT run_uuid, key, CASE WHEN is_nan THEN NULL ELSE value END \
                   FROM latest_metrics";
        self.told(sql, experiment, |run, key, value: Option<f64>| {
            if let Some(at) = at.get(run.as_str()) {
                runs[*at].metrics.insert(key, value.unwrap_or(f64::NAN));
            }
        })?;
        Ok(runs)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqliteStore({:?})", self.path)
    }
}

impl RunStore for SqliteStore {
    fn runs(&self, experiment: Option<&str>) -> Result<Vec<StoredRun>> {
        let fail = |error| unreadable(&self.path, error);
        let Some(name) = experiment else {
            return self.read(None).map_err(fail);
        };
        let experiments = self.experiments().map_err(fail)?;
        if let Some((id, _)) = experiments.iter().find(|(_, found)| found == name) {
            return self.read(Some(*id)).map_err(fail);
        }
        let names = experiments.into_iter().map(|(_, name)| name);
        let message = format!("`{}` has no experiment `{name}`", self.path.display());
        Err(Error::new(ErrorKind::Track, message)
            .with_help(format!("the experiments are {}", listed(names))))
    }
}

fn unreadable(path: &Path, error: rusqlite::Error) -> Error {
    let message = format!("the runs in `{}` cannot be read: {error}", path.display());
    Error::new(ErrorKind::Track, message)
        .with_help("name a database that MLflow 3 or floe made")
        .caused_by(error)
}
