//! Artifacts, models and the registry: what is made of files.

use std::fs;
use std::path::Path;

use super::api::{NewModel, Upload};
use super::replay::Replay;
use super::trouble::{Answer, Class, Trouble};
use super::wire::{Dataset, DatasetInput, KeyValue, ModelRecord};
use crate::error::{Error, ErrorKind};
use crate::tracker::entities::{DatasetEntry, ModelEntry, Pair};
use crate::tracker::{Artifact, Content, model_files};

/// The tag under which a model of the server's carries its name in floe.
const MODEL: &str = "floe.model";
/// So often a server may fail for a file before the file is left out.
const UPLOADS: u32 = 3;

impl Replay {
    pub(super) fn artifact(&mut self, run: &str, artifact: &Artifact) -> Answer<()> {
        let uri = self.known(run).artifact_uri;
        let sent = match &artifact.content {
            Content::Text(text) => self.put(&uri, &artifact.path, Upload::Bytes(text.as_bytes())),
            Content::Bytes(bytes) => self.put(&uri, &artifact.path, Upload::Bytes(bytes)),
            Content::Path(path) => {
                self.refuse_without_files()?;
                // The path is one below the files of the spool.
                let from = self.files.join(path);
                self.put_path(&uri, &artifact.path, &from)
            }
        };
        let what = format!("the artifact `{}`", artifact.path);
        self.or_fault(sent, &what)
    }

    /// A spool that was moved without its files may get them back.
    fn refuse_without_files(&self) -> Answer<()> {
        if self.files.is_dir() {
            return Ok(());
        }
        let message = format!(
            "the files of the spool are not in `{}`",
            self.files.display()
        );
        let error = Error::new(ErrorKind::Track, message)
            .with_help("put the folder back beside its spool, or delete both");
        Err(Trouble::here(Class::Barred, error))
    }

    /// Sends a file, or a folder with all below it but what the server refuses.
    fn put_path(&mut self, uri: &str, to: &str, from: &Path) -> Answer<()> {
        let unread = |error: std::io::Error| {
            let message = format!("`{}` cannot be read: {error}", from.display());
            // A file that is gone holds up nothing; one that is there waits until it can be read.
            let class = match error.kind() {
                std::io::ErrorKind::NotFound => Class::Refused,
                _ => Class::Barred,
            };
            let error = Error::new(ErrorKind::Track, message)
                .with_help("check the permissions of the spool's folder");
            Trouble::here(class, error)
        };
        if !fs::metadata(from).map_err(unread)?.is_dir() {
            return self.put(uri, to, Upload::File(from));
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(from).map_err(unread)? {
            entries.push(entry.map_err(unread)?);
        }
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let to = match to {
                "" => name,
                to => format!("{to}/{name}"),
            };
            let sent = self.put_path(uri, &to, &entry.path());
            self.or_fault(sent, &format!("the artifact `{to}`"))?;
        }
        Ok(())
    }

    /// Sends a file. A server that takes everything else and fails for this one each time, refuses it.
    fn put(&mut self, uri: &str, path: &str, body: Upload<'_>) -> Answer<()> {
        let place = || format!("{uri}/{path}");
        let Err(mut trouble) = self.api.put(uri, path, body) else {
            if !self.failed_uploads.is_empty() {
                self.failed_uploads.remove(&place());
            }
            return Ok(());
        };
        if trouble.status == Some(500) && trouble.class == Class::Busy {
            let failed = self.failed_uploads.entry(place()).or_default();
            *failed += 1;
            if *failed >= UPLOADS && self.api.experiments().is_ok() {
                trouble.class = Class::Refused;
            }
        }
        Err(trouble)
    }

    /// Makes a model, or finds the one that was begun, and completes it.
    pub(super) fn model(&mut self, run: &str, entry: &ModelEntry) -> Answer<()> {
        let sent = self.model_parts(run, entry);
        let what = format!("the model `{}`", entry.name);
        self.or_fault(sent, &what)
    }

    fn model_parts(&mut self, run: &str, entry: &ModelEntry) -> Answer<()> {
        let known = self.known(run);
        // The name comes out of a file: it must not become part of the question.
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let mut found: Option<ModelRecord> = None;
        if entry.id.chars().all(plain) {
            found = self
                .api
                .model_tagged(&known.experiment_id, MODEL, &entry.id)?;
        }
        let record = match found {
            Some(record) => record,
            None => self.api.create_model(&NewModel {
                experiment_id: &known.experiment_id,
                run_id: &known.run_id,
                name: &entry.name,
                model_type: &entry.model_type,
                params: &pairs(&entry.params),
                tags: &[
                    pairs(&entry.tags),
                    vec![KeyValue::new(MODEL, entry.id.as_str())],
                ]
                .concat(),
            })?,
        };
        let id = record.info.model_id.as_str();
        if let Err(trouble) = self.api.log_output(&known.run_id, id) {
            // A server refuses to be told twice, in the words of its database.
            let record = self.api.run(&known.run_id)?;
            let told = record.is_some_and(|run| run.outputs.has(id));
            if !told {
                return Err(trouble);
            }
        }
        let files = model_files::files(&entry.model, &known.run_id, id, entry.time);
        for (path, bytes) in &files {
            self.put(&record.info.artifact_uri, path, Upload::Bytes(bytes))?;
        }
        self.api.model_is_ready(id)?;
        self.register(&known.run_id, id)
    }

    /// Makes a version of the registered model that the settings name.
    fn register(&mut self, run_id: &str, model_id: &str) -> Answer<()> {
        let Some(name) = self.settings.register.clone() else {
            return Ok(());
        };
        self.api.register(&name)?;
        let source = format!("models:/{model_id}");
        let versions = self.api.versions(&name)?;
        let found = versions
            .into_iter()
            .find(|version| version.source == source);
        let version = match found {
            Some(version) => version,
            None => self.api.create_version(&name, model_id, run_id)?,
        };
        let text = serde_json::json!([{ "name": name, "version": version.version }]).to_string();
        self.api
            .tag_model(model_id, &[KeyValue::new("mlflow.modelVersions", text)])?;
        match self.settings.alias.clone() {
            Some(alias) => self.api.set_alias(&name, &alias, &version.version),
            None => Ok(()),
        }
    }
}

fn pairs(of: &[Pair]) -> Vec<KeyValue> {
    let pairs = of.iter();
    pairs
        .map(|(key, value)| KeyValue::new(key.as_str(), value.as_str()))
        .collect()
}

impl DatasetInput {
    pub(super) fn of(entry: DatasetEntry) -> Self {
        Self {
            dataset: Dataset {
                name: entry.name,
                digest: entry.digest,
                source_type: entry.source_type.to_owned(),
                source: entry.source,
                schema: Some(entry.schema),
                profile: Some(entry.profile),
            },
            tags: vec![KeyValue::new("mlflow.data.context", entry.context)],
        }
    }
}
