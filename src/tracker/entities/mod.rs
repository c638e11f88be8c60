//! What MLflow keeps of an event. It is the same for its database and for its server, so it is told
//! once, here, as data; see `docs/tracking.md` for the table.

mod keys;
mod rows;
#[cfg(test)]
mod tests;
mod texts;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(crate) use keys::{check_artifact_path, check_key, safe_key};

use super::{Artifact, Content, Event, LoggedModel, Started, Status, What, model_files};
use crate::error::{Error, ErrorKind, Result};
use rows::dataset;
use texts::{Texts, flat, text};

/// A key and a text.
pub(crate) type Pair = (String, String);

/// One thing that MLflow keeps. Keys are checked, texts are within its limits: what was longer is
/// an artifact too.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Run(RunEntry),
    Params(Vec<Pair>),
    Metrics(Vec<MetricEntry>),
    Tags(Vec<Pair>),
    Dataset(DatasetEntry),
    Artifact(Artifact),
    Model(ModelEntry),
    End(EndEntry),
}

/// A run that begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunEntry {
    pub(crate) name: String,
    /// That of the tracker where there is none.
    pub(crate) experiment: Option<String>,
    pub(crate) start_time: i64,
    pub(crate) user: String,
    pub(crate) source_name: String,
    pub(crate) source_version: String,
    /// Those of MLflow (`mlflow.runName` and the like) among them.
    pub(crate) tags: Vec<Pair>,
}

/// A number of a series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricEntry {
    pub(crate) key: String,
    /// NaN and the infinities are written as each store wants them.
    pub(crate) value: f64,
    pub(crate) timestamp: i64,
    pub(crate) step: i64,
}

/// Rows that were read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DatasetEntry {
    pub(crate) name: String,
    pub(crate) digest: String,
    pub(crate) source_type: &'static str,
    /// JSON in a text, as the two below.
    pub(crate) source: String,
    pub(crate) schema: String,
    pub(crate) profile: String,
    /// The tag `mlflow.data.context`.
    pub(crate) context: String,
}

/// A model with its files.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModelEntry {
    /// `m-` and 32 hexadecimal digits. A server gives another one.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) model_type: String,
    pub(crate) time: i64,
    pub(crate) params: Vec<Pair>,
    pub(crate) tags: Vec<Pair>,
    /// Path in the model's folder, and content. The file `MLmodel` tells the id; see
    /// [`model_files::files`] for another one.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// What the files were made of.
    pub(crate) model: LoggedModel,
}

/// A run that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndEntry {
    /// `FINISHED`, `FAILED` or `KILLED`.
    pub(crate) status: &'static str,
    pub(crate) end_time: i64,
}

/// How many learned numbers of one step become parameters; its report is kept whole as an artifact.
const MOST_LEARNED: usize = 64;

/// What MLflow keeps of an event, in the order in which it is to be written.
///
/// # Errors
///
/// [`ErrorKind::Track`] for a key, a path or a name that MLflow refuses.
pub(crate) fn entries(event: &Event) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut texts = Texts::default();
    match &event.what {
        What::Started(started) => {
            let tags = run_tags(&event.run, started);
            check_all(started.parameters.keys().chain(started.labels.keys()))?;
            entries.push(Entry::Run(run(event, started, texts.tags(tags))));
            entries.push(Entry::Params(texts.params(run_params(started))));
        }
        What::Parameters { parameters } => {
            check_all(parameters.keys())?;
            let pairs = parameters.iter();
            let pairs = pairs.map(|(key, value)| (key.clone(), text(value)));
            entries.push(Entry::Params(texts.params(pairs)));
        }
        What::Tags { tags } => {
            check_all(tags.keys())?;
            entries.push(Entry::Tags(texts.tags(tags.clone())));
        }
        What::Dataset(of) => entries.push(Entry::Dataset(dataset(of))),
        What::StepFitted {
            index,
            on_target,
            fold,
            report,
            ..
        } => {
            let side = if *on_target { "target_step" } else { "step" };
            let of = format!("{side}_{index}");
            learned(&mut entries, &mut texts, &of, *fold, report);
        }
        What::Fitted { fold, report } => {
            learned(&mut entries, &mut texts, "estimator", *fold, report);
        }
        What::Metric {
            name,
            value,
            reason,
            step,
        } => {
            check_key(name)?;
            let metric = value.map(|value| metric(event, name.clone(), value, *step));
            entries.push(metric.map_or_else(
                // What is undefined is no number: MLflow has no place for it but a tag.
                || {
                    let reason = reason.as_deref().unwrap_or("undefined");
                    let tag = (format!("floe.undefined.{name}"), reason.to_owned());
                    Entry::Tags(texts.tags([tag]))
                },
                |metric| Entry::Metrics(vec![metric]),
            ));
        }
        What::Artifact(artifact) => {
            check_artifact_path(&artifact.path, matches!(artifact.content, Content::Path(_)))?;
            entries.push(Entry::Artifact((**artifact).clone()));
        }
        What::Model(model) => entries.push(Entry::Model(logged_model(event, model)?)),
        What::Warning { message, index } => {
            let tag = (format!("floe.warning.{index}"), message.clone());
            entries.push(Entry::Tags(texts.tags([tag])));
        }
        What::Scanned {
            purpose,
            rows,
            milliseconds,
            index,
        } => {
            let of = safe_key(&purpose.replace(' ', "_"));
            let step = i64::try_from(*index).unwrap_or(i64::MAX);
            entries.push(Entry::Metrics(vec![
                metric(event, format!("scan.{of}.rows"), *rows as f64, step),
                metric(event, format!("scan.{of}.ms"), *milliseconds, step),
            ]));
        }
        What::Finished { status, error } => {
            if let Some(error) = error {
                let tag = ("floe.error".to_owned(), error.clone());
                entries.push(Entry::Tags(texts.tags([tag])));
            }
            entries.push(Entry::End(end(event, *status)));
        }
    }
    // The end of a run comes last.
    let at = entries.len() - usize::from(matches!(entries.last(), Some(Entry::End(_))));
    let whole = texts.whole.into_iter().map(Entry::Artifact);
    entries.splice(at..at, whole);
    Ok(entries)
}

fn metric(event: &Event, key: String, value: f64, step: i64) -> MetricEntry {
    MetricEntry {
        key,
        value,
        timestamp: event.time,
        step,
    }
}

fn end(event: &Event, status: Status) -> EndEntry {
    EndEntry {
        status: match status {
            Status::Finished => "FINISHED",
            Status::Failed => "FAILED",
            Status::Cancelled => "KILLED",
        },
        end_time: event.time,
    }
}

fn check_all<'a>(keys: impl Iterator<Item = &'a String>) -> Result<()> {
    let mut keys = keys;
    keys.try_for_each(|key| check_key(key))
}

/// What the run is called where nobody gave it a name: its estimator, and the first digits of its own.
fn run_name(run: &str, started: &Started) -> String {
    if let Some(name) = &started.name {
        return name.chars().take(250).collect();
    }
    let estimator = started.estimator.split([' ', '(', '{']).next();
    let of = estimator.filter(|name| !name.is_empty()).unwrap_or("run");
    let digits = run.get(..8).unwrap_or(run);
    // A sweep has candidates in place of an estimator.
    let of = if started.estimator.ends_with(" candidates") {
        "sweep"
    } else {
        of
    };
    format!("{of}-{digits}")
}

fn run(event: &Event, started: &Started, tags: Vec<Pair>) -> RunEntry {
    let here = started.surroundings.clone().unwrap_or_default();
    RunEntry {
        name: run_name(&event.run, started),
        experiment: started.experiment.clone(),
        start_time: event.time,
        user: here.user.unwrap_or_default(),
        source_name: here.program.unwrap_or_default(),
        source_version: here.git.map(|git| git.commit).unwrap_or_default(),
        tags,
    }
}

fn run_tags(run: &str, started: &Started) -> BTreeMap<String, String> {
    let mut tags = started.labels.clone();
    let mut tag = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            tags.insert(key.to_owned(), value);
        }
    };
    let here = started.surroundings.clone().unwrap_or_default();
    tag("mlflow.runName", Some(run_name(run, started)));
    tag("mlflow.user", here.user);
    tag("mlflow.source.type", Some("LOCAL".to_owned()));
    tag("mlflow.source.name", here.program);
    if let Some(git) = here.git {
        tag("mlflow.source.git.commit", Some(git.commit));
        tag("mlflow.source.git.branch", git.branch);
        tag("mlflow.source.git.dirty", Some(git.dirty.to_string()));
    }
    tag("mlflow.parentRunId", started.parent.clone());
    tag("mlflow.note.content", started.note.clone());
    // The name of the run in floe: a server gives it another one.
    tag("floe.run", Some(run.to_owned()));
    tag("floe.version", Some(started.floe.clone()));
    tag("floe.polars", Some(here.polars));
    tag("floe.host", here.host);
    tag("floe.os", Some(here.os));
    tag("floe.arch", Some(here.arch));
    tag("floe.cpus", here.cpus.map(|cpus| cpus.to_string()));
    let leak = |tag: &&String| tag.starts_with("leakage");
    let join = |tags: Vec<&String>| {
        let texts: Vec<&str> = tags.into_iter().map(String::as_str).collect();
        texts.join("; ")
    };
    tag(
        "floe.leakage",
        Some(join(started.tags.iter().filter(leak).collect())),
    );
    let others = started.tags.iter().filter(|tag| !leak(tag));
    tag("floe.declared", Some(join(others.collect())));
    tags
}

fn run_params(started: &Started) -> Vec<Pair> {
    let mut known: Vec<Pair> = Vec::new();
    let mut add = |key: &str, value: String| {
        if !value.is_empty() {
            known.push((key.to_owned(), value));
        }
    };
    add("source", started.source.clone());
    add("estimator", started.estimator.clone());
    let seed = started.seed.map(|seed| seed.to_string());
    add("seed", seed.unwrap_or_default());
    for (side, steps) in [
        ("step", &started.steps),
        ("target_step", &started.target_steps),
    ] {
        for (index, step) in steps.iter().enumerate() {
            add(&format!("{side}_{index}"), step.clone());
        }
    }
    for (path, value) in flat(&started.split) {
        add(&safe_key(&format!("split.{path}")), value);
    }
    let own = started.parameters.iter();
    let mut pairs: Vec<Pair> = own.map(|(key, value)| (key.clone(), text(value))).collect();
    for (key, value) in known {
        // A name that a person gave to a parameter is theirs.
        let taken = started.parameters.contains_key(&key);
        pairs.push((if taken { format!("floe.{key}") } else { key }, value));
    }
    pairs
}

/// What a fit found: whole as an artifact, and, of a single model, its numbers as parameters.
fn learned(
    entries: &mut Vec<Entry>,
    texts: &mut Texts,
    of: &str,
    fold: Option<usize>,
    report: &Value,
) {
    let folder = fold.map_or_else(String::new, |fold| format!("fold_{fold}/"));
    let path = format!("learned/{folder}{of}.json");
    entries.push(Entry::Artifact(Artifact::text(
        path,
        format!("{report:#}\n"),
    )));
    if fold.is_none() {
        let mut taken: Map<String, Value> = Map::new();
        for (path, value) in flat(report).into_iter().take(MOST_LEARNED) {
            // Names of columns may hold what a key may not; the first of two that become alike stays.
            taken
                .entry(safe_key(&format!("learned.{of}.{path}")))
                .or_insert_with(|| json!(value));
        }
        let pairs = taken.into_iter().map(|(key, value)| (key, text(&value)));
        entries.push(Entry::Params(texts.params(pairs)));
    }
}

fn logged_model(event: &Event, model: &LoggedModel) -> Result<ModelEntry> {
    let forbidden = |c: char| "/:.%\"'".contains(c) || c.is_control();
    if model.name.is_empty() || model.name.contains(forbidden) {
        let message = format!("`{}` cannot be the name of a model", model.name);
        return Err(Error::new(ErrorKind::Track, message)
            .with_help("take a name without / : . % and quotes"));
    }
    Ok(ModelEntry {
        id: model.id.clone(),
        name: model.name.clone(),
        model_type: model.kind.clone(),
        time: event.time,
        params: Vec::new(),
        tags: vec![(
            "floe.version".to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
        )],
        files: model_files::files(model, &event.run, &model.id, event.time),
        model: model.clone(),
    })
}
