//! Runs and experiments on the server: found, made or restored.

use super::api::NewRun;
use super::batch::Pending;
use super::replay::Replay;
use super::settings::Experiment;
use super::spool::Known;
use super::trouble::{Answer, Class, Trouble};
use super::wire::{KeyValue, RunRecord};
use crate::error::{Error, ErrorKind};
use crate::tracker::entities::RunEntry;

/// The tag under which a run of the server's carries its name in floe.
const RUN: &str = "floe.run";

impl Replay {
    /// Whether the server has a run, which another process may have made.
    pub(super) fn is_known(&mut self, run: &str) -> Answer<bool> {
        if self.progress.runs.contains_key(run) {
            return Ok(true);
        }
        if self.absent.contains(run) {
            return Ok(false);
        }
        let Some(found) = self.find(run, None)? else {
            self.absent.insert(run.to_owned());
            return Ok(false);
        };
        self.remember(run, &found);
        Ok(true)
    }

    fn remember(&mut self, run: &str, record: &RunRecord) {
        let known = Known {
            run_id: record.info.run_id.clone(),
            experiment_id: record.info.experiment_id.clone(),
            artifact_uri: record.info.artifact_uri.clone(),
            last: record.info.start_time,
            ended: matches!(
                record.info.status.as_str(),
                "FINISHED" | "FAILED" | "KILLED"
            ),
            began_here: false,
        };
        self.progress.runs.insert(run.to_owned(), known);
        self.save([run]);
    }

    /// Looks for a run by its name in floe: in one experiment, or in all of them.
    fn find(&self, run: &str, experiment: Option<&str>) -> Answer<Option<RunRecord>> {
        // The name comes out of a file: it must not become part of the question.
        if !run.chars().all(|c| c.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let filter = format!("tags.`{RUN}` = '{run}'");
        let experiments: Vec<String> = if let Some(id) = experiment {
            vec![id.to_owned()]
        } else {
            let all = self.api.experiments()?;
            all.into_iter().map(|found| found.experiment_id).collect()
        };
        for some in experiments.chunks(100) {
            let found = self.api.runs(some, &filter, None, 1)?;
            if let Some(run) = found.runs.into_iter().next() {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }

    pub(super) fn start(&mut self, run: &str, entry: &RunEntry) -> Answer<()> {
        if !self.progress.runs.contains_key(run) {
            let experiment = match &entry.experiment {
                Some(name) => Experiment::Name(name.clone()),
                None => self.default.clone(),
            };
            let experiment = self.experiment(&experiment)?;
            let record = self.made(run, entry, &experiment)?;
            self.remember(run, &record);
            // A run that is told again is under way until its end is told again.
            if let Some(known) = self.progress.runs.get_mut(run) {
                known.ended = false;
            }
        }
        if let Some(known) = self.progress.runs.get_mut(run) {
            known.began_here = true;
        }
        // A run that the environment names was not made with its name in floe.
        let own = entry
            .tags
            .iter()
            .filter(|(key, _)| !key.starts_with("mlflow."));
        self.texts(run, own.cloned().collect(), Pending::tag);
        Ok(())
    }

    /// The run, which is looked for before it is made where it may be there.
    fn made(&mut self, run: &str, entry: &RunEntry, experiment: &str) -> Answer<RunRecord> {
        if let Some(id) = self.settings.run_id.clone() {
            let found = self.api.run(&id)?;
            if let Some(record) = found {
                self.api.end_run(&id, "RUNNING", None)?;
                // The first run takes it, and no other one.
                self.settings.run_id = None;
                return Ok(record);
            }
            self.settings.run_id = None;
            self.fault(format!(
                "`MLFLOW_RUN_ID` names {id}, which is not on the server"
            ));
        }
        if self.doubtful
            && let Some(found) = self.find(run, Some(experiment))?
        {
            return Ok(found);
        }
        let tags = entry.tags.iter().filter(|(key, _)| is_of_run(key));
        let mut tags: Vec<KeyValue> = tags
            .map(|(key, value)| KeyValue::new(key.as_str(), value.as_str()))
            .collect();
        for tag in &mut tags {
            if tag.key == "mlflow.parentRunId" {
                tag.value = self.parent(&tag.value)?;
            }
        }
        self.api.create_run(&NewRun {
            experiment_id: experiment,
            name: &entry.name,
            user: &entry.user,
            start_time: entry.start_time.max(0),
            tags: &tags,
        })
    }

    /// The name that the server gave to a run, which may be one of the server's already.
    fn parent(&mut self, run: &str) -> Answer<String> {
        if self.is_known(run)? {
            return Ok(self.known(run).run_id);
        }
        Ok(run.to_owned())
    }

    /// The id of an experiment, which is made where it is not there.
    fn experiment(&mut self, experiment: &Experiment) -> Answer<String> {
        let (key, found) = match experiment {
            Experiment::Name(name) => {
                if let Some(id) = self.experiments.get(name) {
                    return Ok(id.clone());
                }
                (name, self.api.experiment_by_name(name)?)
            }
            Experiment::Id(id) => {
                if self.experiments.contains_key(id) {
                    return Ok(id.clone());
                }
                (id, self.api.experiment(id)?)
            }
        };
        let found = match (found, experiment) {
            (Some(found), _) => found,
            (None, Experiment::Name(name)) => match self.api.create_experiment(name) {
                Ok(id) => {
                    self.experiments.insert(key.clone(), id.clone());
                    return Ok(id);
                }
                // Somebody else was faster.
                Err(trouble) if trouble.code == "RESOURCE_ALREADY_EXISTS" => {
                    self.api.experiment_by_name(name)?.ok_or(trouble)?
                }
                Err(trouble) => return Err(trouble),
            },
            (None, Experiment::Id(id)) => {
                let message = format!("there is no experiment of the id {id}");
                let error = Error::new(ErrorKind::Track, message)
                    .with_help("name the experiment instead: it is made where it is not there");
                return Err(Trouble::here(Class::Barred, error));
            }
        };
        if found.lifecycle_stage == "deleted" {
            if !self.settings.restore {
                let message = format!("the experiment `{}` was deleted", found.name);
                let error = Error::new(ErrorKind::Track, message).with_help(
                    "restore it, choose another one, or say `.restore_deleted_experiment()`",
                );
                return Err(Trouble::here(Class::Barred, error));
            }
            self.api.restore_experiment(&found.experiment_id)?;
        }
        self.experiments
            .insert(key.clone(), found.experiment_id.clone());
        Ok(found.experiment_id)
    }
}

/// Whether a tag is sent along when a run is made: what it is found by, and shown as.
fn is_of_run(key: &str) -> bool {
    key.starts_with("mlflow.") || key == RUN
}
