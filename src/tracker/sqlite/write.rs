//! What MLflow keeps, written to its tables. Every `INSERT` names its columns, so that those that a
//! newer release adds get their defaults.

use std::collections::HashMap;
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::files::Files;
use super::killed::{goes_on, revive, unmark};
use super::locks::Locks;
use super::models::write_model;
use super::store::{Store, said};
use super::{Inner, metrics::Metrics};
use crate::error::{Error, ErrorKind, Result};
use crate::tracker::entities::{DatasetEntry, Entry, Pair, RunEntry};

/// Where a run is.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) experiment: i64,
    /// The folder of its artifacts.
    pub(super) artifacts: PathBuf,
}

impl Inner {
    /// Writes events in one transaction. An event that is refused is taken back by itself; the others
    /// are kept, and the first refusal is returned.
    ///
    /// # Errors
    ///
    /// When nothing was written.
    pub(super) fn write(
        &mut self,
        experiment: &str,
        events: &[(&str, &[Entry])],
    ) -> Result<Option<Error>> {
        let Self {
            store,
            files,
            locks,
            journals,
            ..
        } = self;
        let Store {
            path,
            connection,
            has_workspaces,
            ..
        } = store;
        let fail = |error| said(path, error);
        let behavior = TransactionBehavior::Immediate;
        let writing = connection.transaction_with_behavior(behavior);
        let writing = writing.map_err(fail)?;
        let mut writer = Writer {
            path,
            connection: &writing,
            files,
            locks,
            experiment,
            has_workspaces: *has_workspaces,
            places: HashMap::new(),
            refused: None,
        };
        let mut metrics = Metrics::new(&writing);
        let mut late = Vec::new();
        for (run, entries) in events {
            // Most events are a number, which nothing refuses once its run is known.
            if let [Entry::Metrics(of)] = entries
                && writer.places.contains_key(*run)
            {
                metrics.insert(run, of).map_err(fail)?;
                continue;
            }
            writing.execute_batch("SAVEPOINT event").map_err(fail)?;
            let written = writer.event(run, entries, &mut metrics);
            let is_kept = written.is_ok();
            if let Err(error) = written {
                // A full disk may have taken all of it back already: then there is no savepoint.
                if writing.execute_batch("ROLLBACK TO event").is_err() {
                    return Err(error);
                }
                writer.refused.get_or_insert(error);
            }
            writing.execute_batch("RELEASE event").map_err(fail)?;
            // Whatever of its beginning was refused, who has its lock goes on with the run.
            let begins = matches!(entries.first(), Some(Entry::Run(_)));
            let is_late = is_kept
                && writer.locks.is_wanted(run)
                && goes_on(&writing, run).map_err(fail)?
                && writer.locks.take_late(run);
            if is_late {
                late.push(*run);
            }
            if is_late || begins && writer.locks.held(run).is_some() {
                revive(&writing, run).map_err(fail)?;
            }
        }
        metrics.finish().map_err(fail)?;
        drop(metrics);
        let refused = writer.refused.take();
        writing.commit().map_err(fail)?;
        for run in late {
            locks.settle(run);
            if let Some(lock) = locks.held(run) {
                journals.begin(run, lock);
            }
        }
        Ok(refused)
    }
}

/// One transaction.
struct Writer<'a> {
    path: &'a std::path::Path,
    connection: &'a Connection,
    files: &'a mut Files,
    locks: &'a mut Locks,
    experiment: &'a str,
    has_workspaces: bool,
    places: HashMap<String, Place>,
    /// The first thing that could not be kept.
    refused: Option<Error>,
}

impl Writer<'_> {
    fn event(&mut self, run: &str, entries: &[Entry], metrics: &mut Metrics<'_>) -> Result<()> {
        for entry in entries {
            if let Entry::Run(of) = entry {
                self.begin(run, of)?;
            }
            let place = self.place(run)?;
            let connection = self.connection;
            let done = match entry {
                Entry::Run(of) => write_tags(connection, run, &of.tags),
                Entry::Params(pairs) => {
                    self.params(run, pairs)?;
                    Ok(())
                }
                Entry::Metrics(of) => metrics.insert(run, of),
                Entry::Tags(pairs) => write_tags(connection, run, pairs),
                Entry::Dataset(of) => write_dataset(connection, run, &place, of),
                Entry::Artifact(artifact) => {
                    // A file that cannot be kept takes nothing else with it, least of all the run.
                    if let Err(error) = self.files.keep(&place.artifacts, artifact) {
                        self.refused.get_or_insert(error);
                    }
                    Ok(())
                }
                Entry::Model(of) => {
                    // The files stand before the row that tells of them.
                    let below = format!("{}/models/{}/artifacts", place.experiment, of.id);
                    let uri = self.files.uri(&below)?;
                    let folder = self.files.place(&uri)?;
                    for (name, bytes) in &of.files {
                        self.files.put(&folder.join(name), bytes)?;
                    }
                    // What was measured so far belongs to the model too.
                    metrics
                        .finish()
                        .and_then(|()| write_model(connection, run, &place, &uri, of))
                }
                Entry::End(end) => connection
                    .execute(
                        "UPDATE runs SET status = ?2, end_time = ?3 WHERE run_uuid = ?1",
                        params![run, end.status, end.end_time],
                    )
                    .and_then(|_| unmark(connection, run))
                    .map(drop),
            };
            done.map_err(|error| said(self.path, error))?;
        }
        Ok(())
    }

    /// Begins a run; one that has begun already stays as it is.
    fn begin(&mut self, run: &str, of: &RunEntry) -> Result<()> {
        let name = of.experiment.as_deref().unwrap_or(self.experiment);
        let experiment = self.experiment_of(name, of.start_time)?;
        self.locks.take(run).map_err(|error| {
            let message = format!("the lock of the run was not made: {error}");
            Error::new(ErrorKind::Track, message)
                .with_help("check the folder of the database, its permissions and the free space")
        })?;
        let uri = self.files.uri(&format!("{experiment}/{run}/artifacts"))?;
        let sql = "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, \
                   user_id, status, start_time, end_time, deleted_time, source_version, \
                   lifecycle_stage, artifact_uri, experiment_id) VALUES (?1, ?2, 'LOCAL', ?3, '', \
                   ?4, 'RUNNING', ?5, NULL, NULL, ?6, 'active', ?7, ?8) ON CONFLICT DO NOTHING";
        let values = params![
            run,
            of.name,
            of.source_name,
            of.user,
            of.start_time,
            of.source_version,
            uri,
            experiment
        ];
        let begun = self.connection.execute(sql, values);
        begun.map(drop).map_err(|error| said(self.path, error))
    }

    /// The number of an experiment, which is made if it is not there.
    fn experiment_of(&self, name: &str, now: i64) -> Result<i64> {
        let fail = |error| said(self.path, error);
        if name.is_empty() || name.chars().count() > 256 {
            let message = "the name of an experiment has 1 to 256 characters";
            return Err(
                Error::new(ErrorKind::Track, message).with_help("give the experiment another name")
            );
        }
        let of = if self.has_workspaces {
            "name = ?1 AND workspace = 'default'"
        } else {
            "name = ?1"
        };
        let sql = format!("SELECT experiment_id, lifecycle_stage FROM experiments WHERE {of}");
        let found = self.connection.query_row(&sql, [name], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?))
        });
        match found.optional().map_err(fail)? {
            Some((_, Some(stage))) if stage == "deleted" => {
                let message = format!("the experiment `{name}` is deleted");
                Err(Error::new(ErrorKind::Track, message)
                    .with_help("restore it with `mlflow experiments restore`, or name another one"))
            }
            Some((experiment, _)) => Ok(experiment),
            None => {
                let sql = "INSERT INTO experiments (name, artifact_location, lifecycle_stage, \
                           creation_time, last_update_time) VALUES (?1, '', 'active', ?2, ?2)";
                self.connection
                    .execute(sql, params![name, now])
                    .map_err(fail)?;
                let experiment = self.connection.last_insert_rowid();
                let uri = self.files.uri(&experiment.to_string())?;
                let sql = "UPDATE experiments SET artifact_location = ?2 WHERE experiment_id = ?1";
                self.connection
                    .execute(sql, params![experiment, uri])
                    .map_err(fail)?;
                Ok(experiment)
            }
        }
    }

    /// Where a run is that has begun, here or in another process.
    fn place(&mut self, run: &str) -> Result<Place> {
        if let Some(place) = self.places.get(run) {
            return Ok(place.clone());
        }
        let sql =
            "SELECT experiment_id, artifact_uri, lifecycle_stage FROM runs WHERE run_uuid = ?1";
        let found = self.connection.query_row(sql, [run], |row| {
            let uri: Option<String> = row.get(1)?;
            let stage: Option<String> = row.get(2)?;
            Ok((row.get::<_, i64>(0)?, uri.unwrap_or_default(), stage))
        });
        let found = found.optional().map_err(|error| said(self.path, error))?;
        let refuse = |what: &str, help: &'static str| {
            let message = format!("`{}` {what} `{run}`", self.path.display());
            Err(Error::new(ErrorKind::Track, message).with_help(help))
        };
        let Some((experiment, uri, stage)) = found else {
            return refuse("has no run", "start the run first, with the same tracker");
        };
        if stage.as_deref() == Some("deleted") {
            return refuse(
                "has deleted the run",
                "restore it with `mlflow runs restore`",
            );
        }
        let place = Place {
            experiment,
            artifacts: self.files.place(&uri)?,
        };
        self.places.insert(run.to_owned(), place.clone());
        Ok(place)
    }

    /// A parameter does not change: the same value again is nothing new, another one is refused.
    fn params(&self, run: &str, pairs: &[Pair]) -> Result<()> {
        let fail = |error| said(self.path, error);
        let sql = "INSERT INTO params (key, value, run_uuid) VALUES (?1, ?2, ?3) \
                   ON CONFLICT DO NOTHING";
        let mut insert = self.connection.prepare(sql).map_err(fail)?;
        for (key, value) in pairs {
            if insert.execute(params![key, value, run]).map_err(fail)? > 0 {
                continue;
            }
            let sql = "SELECT value FROM params WHERE key = ?1 AND run_uuid = ?2";
            let found = self
                .connection
                .query_row(sql, [key.as_str(), run], |row| row.get(0));
            let found: String = found.map_err(fail)?;
            if found != *value {
                let message = format!("the parameter `{key}` is `{found}` already, not `{value}`");
                return Err(Error::new(ErrorKind::Track, message)
                    .with_help("a parameter does not change: track a metric or a tag instead"));
            }
        }
        Ok(())
    }
}

pub(super) fn write_tags(
    connection: &Connection,
    run: &str,
    pairs: &[Pair],
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare(
        "INSERT INTO tags (key, value, run_uuid) VALUES (?1, ?2, ?3) \
         ON CONFLICT DO UPDATE SET value = excluded.value",
    )?;
    for (key, value) in pairs {
        insert.execute(params![key, value, run])?;
    }
    // The name of a run is kept twice.
    if let Some((_, name)) = pairs.iter().find(|(key, _)| key == "mlflow.runName") {
        let sql = "UPDATE runs SET name = ?2 WHERE run_uuid = ?1";
        connection.execute(sql, params![run, name])?;
    }
    Ok(())
}

/// Ties a dataset to a run. The tables have room for one tie: a second role needs a dataset of its own.
fn write_dataset(
    connection: &Connection,
    run: &str,
    place: &Place,
    of: &DatasetEntry,
) -> rusqlite::Result<()> {
    if write_input(connection, run, place, of)? != of.context {
        write_input(connection, run, place, &of.in_role())?;
    }
    Ok(())
}

/// The role in which the run reads the dataset from now on.
fn write_input(
    connection: &Connection,
    run: &str,
    place: &Place,
    of: &DatasetEntry,
) -> rusqlite::Result<String> {
    connection.execute(
        "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, \
         dataset_source, dataset_schema, dataset_profile) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT DO NOTHING",
        params![
            crate::tracker::new_id(),
            place.experiment,
            of.name,
            of.digest,
            of.source_type,
            of.source,
            of.schema,
            of.profile
        ],
    )?;
    let dataset: String = connection.query_row(
        "SELECT dataset_uuid FROM datasets WHERE experiment_id = ?1 AND name = ?2 AND digest = ?3",
        params![place.experiment, of.name, of.digest],
        |row| row.get(0),
    )?;
    let input = crate::tracker::new_id();
    let added = connection.execute(
        "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id, \
         step) VALUES (?1, 'DATASET', ?2, 'RUN', ?3, 0) ON CONFLICT DO NOTHING",
        params![input, dataset, run],
    )?;
    if added > 0 {
        connection.execute(
            "INSERT INTO input_tags (input_uuid, name, value) \
             VALUES (?1, 'mlflow.data.context', ?2)",
            params![input, of.context],
        )?;
    }
    let sql = "SELECT value FROM inputs JOIN input_tags USING (input_uuid) WHERE source_id = ?1 \
               AND destination_id = ?2 AND name = 'mlflow.data.context'";
    let role = connection.query_row(sql, [dataset.as_str(), run], |row| row.get(0));
    Ok(role.optional()?.unwrap_or_else(|| of.context.clone()))
}
