//! The calls of a server, one function a call. Nothing here tries again: see `deliver`.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::settings::Settings;
use super::trouble::{Answer, Class, Trouble, judge};
use super::wire::{
    Batch, DatasetInput, Experiment, ExperimentId, ExperimentReply, ExperimentsPage, KeyValue,
    ModelRecord, ModelReply, ModelsPage, RunRecord, RunReply, RunsPage, VersionRecord,
    VersionReply, VersionsPage,
};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Client, Reply, Request, Retries, Verdict};

const API: &str = "api/2.0/mlflow";
const ARTIFACTS: &str = "api/2.0/mlflow-artifacts/artifacts";

/// A server of MLflow.
#[derive(Clone, Debug)]
pub(super) struct Api {
    client: Client,
}

/// A run to be made.
#[derive(Debug)]
pub(super) struct NewRun<'a> {
    pub(super) experiment_id: &'a str,
    pub(super) name: &'a str,
    pub(super) user: &'a str,
    pub(super) start_time: i64,
    pub(super) tags: &'a [KeyValue],
}

/// A model to be made.
#[derive(Debug)]
pub(super) struct NewModel<'a> {
    pub(super) experiment_id: &'a str,
    pub(super) run_id: &'a str,
    pub(super) name: &'a str,
    pub(super) model_type: &'a str,
    pub(super) params: &'a [KeyValue],
    pub(super) tags: &'a [KeyValue],
}

impl Api {
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a URL that is none and certificates that cannot be read.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        use crate::http::ExposeSecret;
        let mut builder = Client::at(settings.url.expose_secret().trim_end_matches('/'))
            .timeout(settings.timeout)
            .read_timeout(settings.timeout)
            .retries(Retries::none())
            .insecure(settings.insecure);
        if let Some((user, password)) = &settings.basic {
            builder = builder.basic(user.as_str(), password.clone());
        } else if let Some(token) = &settings.token {
            builder = builder.bearer(token.clone());
        }
        if let Some(workspace) = &settings.workspace {
            builder = builder.header("X-MLFLOW-WORKSPACE", workspace.as_str());
        }
        if let Some(path) = &settings.server_certificate {
            builder = builder.root_certificate(path.clone());
        }
        if let Some(path) = &settings.client_certificate {
            builder = builder.client_certificate(path.clone());
        }
        builder.build().map(|client| Self { client })
    }

    fn send(&self, request: Request) -> Answer<Reply> {
        let reply = self
            .client
            .send_blocking_with(request, |_| Verdict::Done)
            .map_err(Trouble::unanswered)?;
        match judge(&reply, |text| self.client.scrub(text)) {
            Some(trouble) => Err(trouble),
            None => Ok(reply),
        }
    }

    fn call<T: DeserializeOwned>(&self, request: Request) -> Answer<T> {
        let reply = self.send(request)?;
        serde_json::from_slice(reply.body()).map_err(|error| {
            let message = format!("{} answered in an unknown form: {error}", reply.endpoint());
            let error = Error::new(ErrorKind::Track, message)
                .with_help("is this the URL of an MLflow server? check it, and its version");
            Trouble::here(Class::Barred, error)
        })
    }

    fn get(route: &str) -> Request {
        Request::get(format!("{API}/{route}")).endpoint(route)
    }

    fn post(route: &str, body: &impl serde::Serialize) -> Request {
        Request::post(format!("{API}/{route}"))
            .endpoint(route)
            .json(body)
    }

    pub(super) fn experiment_by_name(&self, name: &str) -> Answer<Option<Experiment>> {
        let request = Self::get("experiments/get-by-name").query("experiment_name", name);
        absent(self.call(request)).map(|found: Option<ExperimentReply>| Some(found?.experiment))
    }

    pub(super) fn experiment(&self, id: &str) -> Answer<Option<Experiment>> {
        let request = Self::get("experiments/get").query("experiment_id", id);
        absent(self.call(request)).map(|found: Option<ExperimentReply>| Some(found?.experiment))
    }

    pub(super) fn create_experiment(&self, name: &str) -> Answer<String> {
        let request = Self::post("experiments/create", &json!({ "name": name }));
        self.call(request)
            .map(|made: ExperimentId| made.experiment_id)
    }

    pub(super) fn restore_experiment(&self, id: &str) -> Answer<()> {
        let request = Self::post("experiments/restore", &json!({ "experiment_id": id }));
        self.send(request).map(drop)
    }

    /// All experiments that are active.
    pub(super) fn experiments(&self) -> Answer<Vec<Experiment>> {
        let mut found = Vec::new();
        let mut page = None;
        loop {
            let mut body = json!({ "max_results": 1000 });
            if let Some(token) = page {
                body["page_token"] = Value::String(token);
            }
            let answer: ExperimentsPage = self.call(Self::post("experiments/search", &body))?;
            found.extend(answer.experiments);
            page = answer.next_page_token.filter(|token| !token.is_empty());
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    pub(super) fn create_run(&self, run: &NewRun<'_>) -> Answer<RunRecord> {
        let body = json!({
            "experiment_id": run.experiment_id,
            "run_name": run.name,
            "user_id": run.user,
            "start_time": run.start_time,
            "tags": run.tags,
        });
        self.call(Self::post("runs/create", &body))
            .map(|made: RunReply| made.run)
    }

    pub(super) fn run(&self, id: &str) -> Answer<Option<RunRecord>> {
        let request = Self::get("runs/get").query("run_id", id);
        absent(self.call(request)).map(|found: Option<RunReply>| Some(found?.run))
    }

    /// A page of the runs of some experiments.
    pub(super) fn runs(
        &self,
        experiments: &[String],
        filter: &str,
        page: Option<&str>,
        most: usize,
    ) -> Answer<RunsPage> {
        let mut body = json!({
            "experiment_ids": experiments,
            "filter": filter,
            "max_results": most,
            "run_view_type": "ACTIVE_ONLY",
        });
        if let Some(token) = page {
            body["page_token"] = token.into();
        }
        self.call(Self::post("runs/search", &body))
    }

    pub(super) fn end_run(&self, id: &str, status: &str, end_time: Option<i64>) -> Answer<()> {
        let mut body = json!({ "run_id": id, "status": status });
        if let Some(end_time) = end_time {
            body["end_time"] = end_time.into();
        }
        self.send(Self::post("runs/update", &body)).map(drop)
    }

    pub(super) fn log_batch(&self, batch: &Batch) -> Answer<()> {
        self.send(Self::post("runs/log-batch", batch)).map(drop)
    }

    pub(super) fn log_inputs(&self, run_id: &str, datasets: &[DatasetInput]) -> Answer<()> {
        let body = json!({ "run_id": run_id, "datasets": datasets });
        self.send(Self::post("runs/log-inputs", &body)).map(drop)
    }

    pub(super) fn create_model(&self, model: &NewModel<'_>) -> Answer<ModelRecord> {
        let body = json!({
            "experiment_id": model.experiment_id,
            "name": model.name,
            "model_type": model.model_type,
            "source_run_id": model.run_id,
            "params": model.params,
            "tags": model.tags,
        });
        self.call(Self::post("logged-models", &body))
            .map(|made: ModelReply| made.model)
    }

    /// The model that carries a tag, if there is one; neither key nor value may hold a quote.
    pub(super) fn model_tagged(
        &self,
        experiment_id: &str,
        key: &str,
        value: &str,
    ) -> Answer<Option<ModelRecord>> {
        let body = json!({
            "experiment_ids": [experiment_id],
            "filter": format!("tags.`{key}` = '{value}'"),
            "max_results": 1,
        });
        let found: ModelsPage = self.call(Self::post("logged-models/search", &body))?;
        Ok(found.models.into_iter().next())
    }

    /// Tells that all files of a model are there.
    pub(super) fn model_is_ready(&self, id: &str) -> Answer<()> {
        let body = json!({ "model_id": id, "status": "LOGGED_MODEL_READY" });
        let request = Request::patch(format!("{API}/logged-models"))
            .segment(id)
            .endpoint("logged-models");
        self.send(request.json(&body)).map(drop)
    }

    pub(super) fn tag_model(&self, id: &str, tags: &[KeyValue]) -> Answer<()> {
        let request = Request::patch(format!("{API}/logged-models"))
            .segment(id)
            .segment("tags")
            .endpoint("logged-models/tags");
        self.send(request.json(&json!({ "tags": tags }))).map(drop)
    }

    /// Says that a run made a model. A server that knows it already refuses.
    pub(super) fn log_output(&self, run_id: &str, model_id: &str) -> Answer<()> {
        let body = json!({ "run_id": run_id, "models": [{ "model_id": model_id, "step": 0 }] });
        self.send(Self::post("runs/outputs", &body)).map(drop)
    }

    /// Makes a registered model, unless it is there.
    pub(super) fn register(&self, name: &str) -> Answer<()> {
        let request = Self::post("registered-models/create", &json!({ "name": name }));
        match self.send(request) {
            Err(trouble) if trouble.code == "RESOURCE_ALREADY_EXISTS" => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// The versions of a registered model.
    pub(super) fn versions(&self, name: &str) -> Answer<Vec<VersionRecord>> {
        let mut found = Vec::new();
        let mut page: Option<String> = None;
        loop {
            let request = Self::get("model-versions/search")
                .query("filter", format!("name = '{}'", name.replace('\'', "''")))
                .query("max_results", 1000)
                .query_if("page_token", page);
            let answer: VersionsPage = self.call(request)?;
            found.extend(answer.model_versions);
            page = answer.next_page_token.filter(|token| !token.is_empty());
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    pub(super) fn create_version(
        &self,
        name: &str,
        model_id: &str,
        run_id: &str,
    ) -> Answer<VersionRecord> {
        let body = json!({
            "name": name,
            "source": format!("models:/{model_id}"),
            "model_id": model_id,
            "run_id": run_id,
        });
        self.call(Self::post("model-versions/create", &body))
            .map(|made: VersionReply| made.model_version)
    }

    pub(super) fn set_alias(&self, name: &str, alias: &str, version: &str) -> Answer<()> {
        let body = json!({ "name": name, "alias": alias, "version": version });
        self.send(Self::post("registered-models/alias", &body))
            .map(drop)
    }

    /// Sends what belongs at a path below an artifact URI.
    pub(super) fn put(&self, uri: &str, path: &str, body: Upload<'_>) -> Answer<()> {
        let Some(root) = uri.strip_prefix("mlflow-artifacts:/") else {
            return Err(not_proxied(uri));
        };
        if root.starts_with('/') {
            // Another server than this one.
            return Err(not_proxied(uri));
        }
        let parts = root.split('/').chain(path.split('/'));
        let request = parts
            .filter(|part| !part.is_empty())
            .fold(Request::put(ARTIFACTS), Request::segment)
            .endpoint("artifacts");
        let kind = content_type(path);
        let request = match body {
            Upload::Bytes(bytes) => request.bytes(kind, bytes),
            Upload::File(path) => request.file(kind, path),
        };
        self.send(request).map(drop).map_err(|mut trouble| {
            // What took the run is the server: it is this file that is refused, whoever says so.
            if matches!(trouble.status, Some(400 | 404..=406 | 409..=422)) {
                trouble.class = Class::Refused;
            }
            trouble
        })
    }
}

/// The content of an artifact.
#[derive(Clone, Copy, Debug)]
pub(super) enum Upload<'a> {
    Bytes(&'a [u8]),
    File(&'a std::path::Path),
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "json" => "application/json",
        "txt" | "md" | "yaml" | "py" | "csv" | "MLmodel" => "text/plain",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "html" => "text/html",
        _ => "application/octet-stream",
    }
}

fn not_proxied(uri: &str) -> Trouble {
    // A location can hold a key.
    let scheme = uri.split(':').next().unwrap_or_default();
    let message = format!(
        "the artifacts of this experiment go to a `{scheme}:` location, not through the server"
    );
    let error = Error::new(ErrorKind::Track, message)
        .with_help("use an experiment that was made while the server ran with `--serve-artifacts`");
    Trouble::here(Class::Refused, error)
}

/// Nothing, where the server says that there is no such thing.
fn absent<T>(answer: Answer<T>) -> Answer<Option<T>> {
    match answer {
        Err(trouble) if trouble.code == "RESOURCE_DOES_NOT_EXIST" => Ok(None),
        answer => answer.map(Some),
    }
}
