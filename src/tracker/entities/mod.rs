//! What MLflow keeps of an event. It is the same for its database and for its server, so it is told
//! once, here, as data; see `docs/tracking.md` for the table.

mod begun;
mod check;
mod keys;
mod number;
mod rows;
#[cfg(test)]
mod tests;
mod texts;

use serde_json::{Map, Value, json};

pub(crate) use check::{check, left_out};
pub(crate) use keys::safe_key;
pub(crate) use number::Number;

use super::{Artifact, Event, LoggedModel, Status, What, model_files};
use crate::error::Result;
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
/// [`ErrorKind::Track`](crate::ErrorKind::Track) for a key, a path or a name that MLflow refuses. Of
/// the first event of a run only the key is left out, and a tag says so: the run itself is not lost.
pub(crate) fn entries(event: &Event) -> Result<Vec<Entry>> {
    check::whole(event)?;
    let mut entries = Vec::new();
    let mut texts = Texts::default();
    match &event.what {
        What::Started(started) => {
            let started = begun::without_bad_keys(started);
            let tags = begun::tags(&event.run, &started);
            entries.push(Entry::Run(begun::run(event, &started, texts.tags(tags))));
            entries.push(Entry::Params(texts.params(begun::params(&started))));
        }
        What::Parameters { parameters } => {
            let pairs = parameters.iter();
            let pairs = pairs.map(|(key, value)| (key.clone(), text(value)));
            entries.push(Entry::Params(texts.params(pairs)));
        }
        What::Tags { tags } => {
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
            let metric = value.map(|value| metric(event, name.clone(), value, *step));
            entries.push(metric.map_or_else(
                // What is undefined is no number: MLflow has no place for it but a tag.
                || {
                    let reason = reason.as_deref().unwrap_or("undefined");
                    let tag = (
                        safe_key(&format!("floe.undefined.{name}")),
                        reason.to_owned(),
                    );
                    Entry::Tags(texts.tags([tag]))
                },
                |metric| Entry::Metrics(vec![metric]),
            ));
        }
        What::Artifact(artifact) => entries.push(Entry::Artifact((**artifact).clone())),
        What::Model(model) => entries.push(Entry::Model(logged_model(event, model))),
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

fn logged_model(event: &Event, model: &LoggedModel) -> ModelEntry {
    ModelEntry {
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
    }
}
