//! A small server that keeps runs as MLflow does, and fails as it is told: for what the real one
//! does not do on request.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

/// What a request is answered with in place of the truth.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// A status, further header lines and a body; nothing is kept.
    Says(u16, &'static str, String),
    /// The connection breaks before anything is kept.
    Breaks,
    /// All is kept, and then the connection breaks.
    BreaksAfter,
}

type Judge = Box<dyn Fn(&str, usize) -> Option<Fault> + Send>;

/// What the server has.
#[derive(Default)]
pub(crate) struct Kept {
    /// Method and path of every request.
    pub(crate) requests: Vec<String>,
    /// How the last request authorised itself.
    pub(crate) authorization: String,
    pub(crate) experiments: Vec<(String, &'static str)>,
    pub(crate) runs: Vec<KeptRun>,
    pub(crate) models: Vec<(Value, String)>,
    pub(crate) artifacts: BTreeMap<String, Vec<u8>>,
    judge: Option<Judge>,
}

#[derive(Default)]
pub(crate) struct KeptRun {
    pub(crate) id: String,
    pub(crate) created: Value,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) params: BTreeMap<String, String>,
    /// As the database keeps them: one of two equal rows.
    pub(crate) metrics: Vec<Value>,
    pub(crate) datasets: Vec<Value>,
    pub(crate) outputs: Vec<Value>,
    pub(crate) status: String,
    pub(crate) end_time: Option<i64>,
}

pub(crate) struct Fake {
    pub(crate) url: String,
    kept: Arc<Mutex<Kept>>,
    port: u16,
    stop: Arc<AtomicBool>,
    /// The thread that takes connections.
    listens: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Fake {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fake = Self {
            url: format!("http://127.0.0.1:{port}"),
            kept: Arc::default(),
            port,
            stop: Arc::default(),
            listens: Mutex::default(),
        };
        fake.kept()
            .experiments
            .push(("Default".to_owned(), "active"));
        fake.serve(listener);
        fake
    }

    fn serve(&self, listener: TcpListener) {
        let (kept, stop) = (Arc::clone(&self.kept), Arc::clone(&self.stop));
        let listens = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (kept, stop) = (Arc::clone(&kept), Arc::clone(&stop));
                std::thread::spawn(move || {
                    let _ = stream.and_then(|stream| talk(&stream, &kept, &stop));
                });
            }
        });
        *self.listens.lock().unwrap() = Some(listens);
    }

    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// Lets requests fail, by route and by how many of that route there were before.
    pub(crate) fn fail(&self, judge: impl Fn(&str, usize) -> Option<Fault> + Send + 'static) {
        self.kept().judge = Some(Box::new(judge));
    }

    /// Nothing listens any more; the connections that there are end.
    pub(crate) fn go_away(&self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(listens) = self.listens.lock().unwrap().take() {
            let _ = TcpStream::connect(("127.0.0.1", self.port));
            listens.join().unwrap();
        }
    }

    /// Listens again, with all that was kept.
    pub(crate) fn come_back(&self) {
        self.stop.store(false, Ordering::SeqCst);
        let again = || TcpListener::bind(("127.0.0.1", self.port)).ok();
        let found = (0..100).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            again()
        });
        self.serve(found.expect("the port is free again"));
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.go_away();
    }
}

fn talk(stream: &TcpStream, kept: &Mutex<Kept>, stop: &AtomicBool) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 || stop.load(Ordering::SeqCst) {
            return Ok(());
        }
        let (mut length, mut authorization) = (0, String::new());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.to_lowercase().starts_with("authorization:") {
                line.trim().clone_into(&mut authorization);
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let mut kept = kept.lock().unwrap();
        let route = route_of(path);
        let before = kept
            .requests
            .iter()
            .filter(|of| route_of(&of[of.find(' ').unwrap() + 1..]) == route);
        let before = before.count();
        kept.requests.push(format!("{method} {path}"));
        kept.authorization = authorization;
        let fault = kept.judge.as_ref().and_then(|judge| judge(&route, before));
        let (status, headers, answer) = match fault {
            Some(Fault::Breaks) => return Ok(()),
            Some(Fault::BreaksAfter) => {
                kept.answer(method, path, &route, &body);
                return Ok(());
            }
            Some(Fault::Says(status, headers, body)) => (status, headers, body),
            None => {
                let (status, answer) = kept.answer(method, path, &route, &body);
                (status, "", answer.to_string())
            }
        };
        drop(kept);
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{answer}",
            answer.len()
        )?;
    }
}

fn route_of(path: &str) -> String {
    let path = path.split('?').next().unwrap();
    let path = path.trim_start_matches("/api/2.0/");
    if path.starts_with("mlflow-artifacts/") {
        return "artifacts".to_owned();
    }
    path.trim_start_matches("mlflow/").to_owned()
}

fn query(path: &str, name: &str) -> String {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let pair = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    pair.unwrap_or_default().replace('+', " ")
}

fn refused(code: &str, message: &str) -> (u16, Value) {
    let status = if code == "RESOURCE_DOES_NOT_EXIST" {
        404
    } else {
        400
    };
    (status, json!({ "error_code": code, "message": message }))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Kept {
    fn run(&mut self, id: &str) -> &mut KeptRun {
        self.runs
            .iter_mut()
            .find(|run| run.id == id)
            .expect("a run that was made")
    }

    fn answer(&mut self, method: &str, path: &str, route: &str, body: &[u8]) -> (u16, Value) {
        if route == "artifacts" {
            let path = path.trim_start_matches("/api/2.0/mlflow-artifacts/artifacts/");
            self.artifacts.insert(path.to_owned(), body.to_vec());
            return (200, json!({}));
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        if route.starts_with("runs/") {
            return self.answer_of_run(route, path, body);
        }
        match route {
            "experiments/get-by-name" => {
                let name = query(path, "experiment_name");
                match self
                    .experiments
                    .iter()
                    .position(|(found, _)| *found == name)
                {
                    Some(at) => (200, json!({ "experiment": self.experiment(at) })),
                    None => refused("RESOURCE_DOES_NOT_EXIST", "no such experiment"),
                }
            }
            "experiments/create" => {
                self.experiments.push((text(&body["name"]), "active"));
                (
                    200,
                    json!({ "experiment_id": (self.experiments.len() - 1).to_string() }),
                )
            }
            "experiments/restore" => {
                let at: usize = text(&body["experiment_id"]).parse().unwrap();
                self.experiments[at].1 = "active";
                (200, json!({}))
            }
            "experiments/search" => {
                let all = (0..self.experiments.len()).map(|at| self.experiment(at));
                (200, json!({ "experiments": all.collect::<Vec<_>>() }))
            }
            "logged-models" if method == "POST" => {
                let id = format!("m-{:032x}", self.models.len());
                self.models.push((body, id.clone()));
                (200, json!({ "model": self.model(&id) }))
            }
            "logged-models/search" => {
                let filter = text(&body["filter"]);
                let wanted = filter.split('\'').nth(1).unwrap_or_default();
                let told = |tags: &Value| {
                    tags.as_array()
                        .unwrap()
                        .iter()
                        .any(|tag| tag["value"] == wanted)
                };
                let found = self.models.iter().filter(|(body, _)| told(&body["tags"]));
                let found: Vec<_> = found.map(|(_, id)| self.model(id)).collect();
                (200, json!({ "models": found }))
            }
            other if other.starts_with("logged-models/") => (200, json!({})),
            other => panic!("the fake knows no {method} {other}"),
        }
    }

    fn answer_of_run(&mut self, route: &str, path: &str, body: Value) -> (u16, Value) {
        let id = text(&body["run_id"]);
        match route {
            "runs/create" => {
                let mut run = KeptRun {
                    id: format!("{:032x}", self.runs.len() + 1),
                    created: body.clone(),
                    status: "RUNNING".to_owned(),
                    ..KeptRun::default()
                };
                run.keep(&json!({ "tags": body["tags"] }));
                let told = run.told();
                self.runs.push(run);
                (200, json!({ "run": told }))
            }
            "runs/get" => {
                let id = query(path, "run_id");
                match self.runs.iter().find(|run| run.id == id) {
                    Some(run) => (200, json!({ "run": run.told() })),
                    None => refused("RESOURCE_DOES_NOT_EXIST", "no such run"),
                }
            }
            "runs/search" => {
                let filter = text(&body["filter"]);
                let wanted = filter.split('\'').nth(1).unwrap_or_default();
                let found = self.runs.iter().filter(|run| {
                    run.tags.get("floe.run").is_some_and(|name| name == wanted)
                        && body["experiment_ids"]
                            .as_array()
                            .unwrap()
                            .contains(&run.created["experiment_id"])
                });
                (
                    200,
                    json!({ "runs": found.map(KeptRun::told).collect::<Vec<_>>() }),
                )
            }
            "runs/update" => {
                let run = self.run(&id);
                run.status = text(&body["status"]);
                run.end_time = body["end_time"].as_i64();
                (200, json!({}))
            }
            "runs/log-batch" => {
                let bad = |of: &Value| {
                    of["key"]
                        .as_str()
                        .is_some_and(|key| key.contains("refused"))
                };
                let all = ["metrics", "params", "tags"].map(|of| body[of].as_array().cloned());
                if all.iter().flatten().flatten().any(bad) {
                    return refused("INVALID_PARAMETER_VALUE", "no such value here");
                }
                self.run(&id).keep(&body);
                (200, json!({}))
            }
            "runs/log-inputs" => {
                for dataset in body["datasets"].as_array().unwrap() {
                    let run = self.run(&id);
                    if !run.datasets.contains(dataset) {
                        run.datasets.push(dataset.clone());
                    }
                }
                (200, json!({}))
            }
            "runs/outputs" => {
                let run = self.run(&id);
                let told = body["models"].as_array().cloned().unwrap();
                if told.iter().any(|model| run.outputs.contains(model)) {
                    return refused("BAD_REQUEST", "UNIQUE constraint failed");
                }
                run.outputs.extend(told);
                (200, json!({}))
            }
            other => panic!("the fake knows no {other}"),
        }
    }

    fn experiment(&self, at: usize) -> Value {
        let (name, stage) = &self.experiments[at];
        json!({ "experiment_id": at.to_string(), "name": name, "lifecycle_stage": stage })
    }

    fn model(&self, id: &str) -> Value {
        let (body, _) = self.models.iter().find(|(_, found)| found == id).unwrap();
        let uri = format!("mlflow-artifacts:/0/models/{id}/artifacts");
        json!({ "info": { "model_id": id, "artifact_uri": uri, "tags": body["tags"] } })
    }
}

impl KeptRun {
    fn keep(&mut self, body: &Value) {
        let of = |name: &str| body[name].as_array().cloned().unwrap_or_default();
        for pair in of("tags") {
            self.tags.insert(text(&pair["key"]), text(&pair["value"]));
        }
        for pair in of("params") {
            let before = self.params.insert(text(&pair["key"]), text(&pair["value"]));
            assert!(before.is_none_or(|before| before == text(&pair["value"])));
        }
        for metric in of("metrics") {
            if !self.metrics.contains(&metric) {
                self.metrics.push(metric);
            }
        }
    }

    fn told(&self) -> Value {
        json!({
            "info": {
                "run_id": self.id,
                "experiment_id": self.created["experiment_id"],
                "status": self.status,
                "start_time": self.created["start_time"],
                "artifact_uri": format!("mlflow-artifacts:/0/{}/artifacts", self.id),
                "lifecycle_stage": "active",
            },
            "outputs": { "model_outputs": self.outputs },
        })
    }
}
