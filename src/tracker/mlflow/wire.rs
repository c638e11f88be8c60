//! The bodies of requests and replies. Every parameter and tag is a JSON text, steps and times are
//! whole numbers, and numbers that JSON lacks are the texts that the server reads them from.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name and a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyValue {
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) value: String,
}

impl KeyValue {
    pub(crate) fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }
}

/// One value of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricValue {
    pub(crate) key: String,
    #[serde(serialize_with = "number", deserialize_with = "any_number", default)]
    pub(crate) value: f64,
    #[serde(deserialize_with = "whole", default)]
    pub(crate) timestamp: i64,
    #[serde(deserialize_with = "whole", default)]
    pub(crate) step: i64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over references"
)]
fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        // serde_json would write null, and the server would lose the rest of the batch.
        value if value.is_nan() => serializer.serialize_str("NaN"),
        value if value.is_infinite() && *value > 0.0 => serializer.serialize_str("Infinity"),
        value if value.is_infinite() => serializer.serialize_str("-Infinity"),
        value => serializer.serialize_f64(*value),
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Float(f64),
    Text(String),
}

fn any_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match Number::deserialize(deserializer)? {
        Number::Float(value) => Ok(value),
        // `NaN`, `Infinity` and `-Infinity` are among what Rust reads.
        Number::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

/// Protobuf's JSON allows both forms of a whole number.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Whole {
        Number(i64),
        Text(String),
    }
    match Whole::deserialize(deserializer)? {
        Whole::Number(value) => Ok(value),
        Whole::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

/// What `runs/log-batch` takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Batch {
    pub(super) run_id: String,
    pub(super) metrics: Vec<MetricValue>,
    pub(super) params: Vec<KeyValue>,
    pub(super) tags: Vec<KeyValue>,
}

/// A dataset, and what it was used for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct DatasetInput {
    pub(super) dataset: Dataset,
    pub(super) tags: Vec<KeyValue>,
}

/// A dataset. Source, schema and profile are JSON, as texts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Dataset {
    pub(super) name: String,
    pub(super) digest: String,
    pub(super) source_type: String,
    pub(super) source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ExperimentReply {
    pub(super) experiment: Experiment,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Experiment {
    pub(super) experiment_id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) lifecycle_stage: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ExperimentsPage {
    pub(super) experiments: Vec<Experiment>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ExperimentId {
    pub(super) experiment_id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RunReply {
    pub(super) run: RunRecord,
}

/// A run as the server tells it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RunRecord {
    pub(super) info: RunInfo,
    #[serde(default)]
    pub(super) data: RunData,
    #[serde(default)]
    pub(super) outputs: RunOutputs,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RunOutputs {
    model_outputs: Vec<ModelOutput>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ModelOutput {
    model_id: String,
}

impl RunOutputs {
    /// Whether a model is among them.
    pub(super) fn has(&self, model_id: &str) -> bool {
        let mut models = self.model_outputs.iter();
        models.any(|model| model.model_id == model_id)
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct RunInfo {
    pub(super) run_id: String,
    pub(super) experiment_id: String,
    #[serde(default)]
    pub(super) run_name: String,
    #[serde(default)]
    pub(super) status: String,
    #[serde(default, deserialize_with = "whole")]
    pub(super) start_time: i64,
    #[serde(default, deserialize_with = "maybe_whole")]
    pub(super) end_time: Option<i64>,
    #[serde(default)]
    pub(super) artifact_uri: String,
    #[serde(default)]
    pub(super) lifecycle_stage: String,
}

fn maybe_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    whole(deserializer).map(Some)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RunData {
    pub(super) metrics: Vec<MetricValue>,
    pub(super) params: Vec<KeyValue>,
    pub(super) tags: Vec<KeyValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RunsPage {
    pub(super) runs: Vec<RunRecord>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ModelReply {
    pub(super) model: ModelRecord,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ModelRecord {
    pub(super) info: ModelInfo,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ModelInfo {
    pub(super) model_id: String,
    #[serde(default)]
    pub(super) artifact_uri: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ModelsPage {
    pub(super) models: Vec<ModelRecord>,
}

#[derive(Debug, Deserialize)]
pub(super) struct VersionReply {
    pub(super) model_version: VersionRecord,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct VersionRecord {
    pub(super) version: String,
    #[serde(default)]
    pub(super) source: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VersionsPage {
    pub(super) model_versions: Vec<VersionRecord>,
    pub(super) next_page_token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(value: f64) -> MetricValue {
        MetricValue {
            key: "m".to_owned(),
            value,
            timestamp: 1,
            step: -2,
        }
    }

    #[test]
    fn numbers_that_json_lacks_are_texts() {
        let text = |value| serde_json::to_string(&metric(value)).unwrap();
        let of = |value: &str| format!(r#"{{"key":"m","value":{value},"timestamp":1,"step":-2}}"#);
        assert_eq!(text(0.5), of("0.5"));
        assert_eq!(text(f64::NAN), of(r#""NaN""#));
        assert_eq!(text(f64::INFINITY), of(r#""Infinity""#));
        assert_eq!(text(f64::NEG_INFINITY), of(r#""-Infinity""#));
    }

    #[test]
    fn both_forms_of_numbers_are_read() {
        let read = |text: &str| serde_json::from_str::<MetricValue>(text).unwrap();
        let found = read(r#"{"key":"m","value":"NaN","timestamp":"1","step":"-2"}"#);
        assert!(found.value.is_nan());
        assert_eq!((found.timestamp, found.step), (1, -2));
        assert_eq!(
            read(r#"{"key":"m","value":1,"timestamp":1,"step":-2}"#),
            metric(1.0)
        );
    }
}
