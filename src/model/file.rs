//! The model file: one JSON object, versioned and sealed. `docs/model_file.md` describes it.

use std::hash::Hasher;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use siphasher::sip::SipHasher24;

use crate::error::{Error, ErrorKind, Result};
use crate::metric::Metrics;
use crate::output::write_whole;
use crate::transform::Saved;

/// The version of the layout that this floe writes, and the newest that it reads.
const FORMAT_VERSION: u64 = 1;
const FORMAT: &str = "floe-model";

/// What a model file holds between its header and its seal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contents {
    pub(crate) target: String,
    pub(crate) inputs: Vec<Input>,
    pub(crate) split: Value,
    pub(crate) tags: Vec<String>,
    pub(crate) steps: Vec<Saved>,
    pub(crate) target_steps: Vec<Saved>,
    pub(crate) predictor: Option<Saved>,
    pub(crate) metrics: Option<Metrics>,
    /// Files from before there were weights lack it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) weight: Option<String>,
}

/// A column that a fitted pipeline reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) dtype: String,
}

pub(crate) fn write(path: &Path, contents: &Contents) -> Result<()> {
    let text = text(contents)?;
    write_whole(path, |file| file.write_all(text.as_bytes()))
}

/// What a model file holds, whole.
pub(crate) fn text(contents: &Contents) -> Result<String> {
    let unwritable = |error| {
        Error::new(
            ErrorKind::Model,
            "what was learned cannot be written as JSON",
        )
        .caused_by(error)
    };
    let mut object = Map::new();
    object.insert("format".to_owned(), json!(FORMAT));
    object.insert("format_version".to_owned(), json!(FORMAT_VERSION));
    object.insert("floe_version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
    object.insert(
        "contents".to_owned(),
        serde_json::to_value(contents).map_err(unwritable)?,
    );
    object.insert("seal".to_owned(), json!(seal(&object)?));
    let mut text = serde_json::to_string_pretty(&object).map_err(unwritable)?;
    text.push('\n');
    Ok(text)
}

pub(crate) fn read(path: &Path) -> Result<Contents> {
    let fail =
        |message: String| Error::new(ErrorKind::Model, format!("`{}`: {message}", path.display()));
    let unreadable = |error: std::io::Error| {
        fail(error.to_string()).with_help("name the file that `save` wrote")
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    // A pipe would be waited for, and `/dev/zero` read until the memory is full.
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(fail("it is a pipe or a device, not a file".to_owned())
            .with_help("save the model to a file first"));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    if bytes.is_empty() {
        return Err(fail("the file is empty".to_owned()));
    }
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
        let what = if error.is_eof() {
            format!("the file ends in the middle, at line {}", error.line())
        } else {
            format!(
                "it is not JSON, at line {} column {}",
                error.line(),
                error.column()
            )
        };
        fail(what)
            .with_help("copy it again, or save the model again")
            .caused_by(error)
    })?;
    let Value::Object(mut object) = value else {
        return Err(fail("it is JSON, but not a model of floe".to_owned()));
    };
    if object.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(fail("it is JSON, but not a model of floe".to_owned())
            .with_help(format!("a model file says `\"format\": \"{FORMAT}\"`")));
    }
    let version = object.get("format_version").and_then(Value::as_u64);
    if version != Some(FORMAT_VERSION) {
        let found = object
            .get("format_version")
            .map_or("none".to_owned(), ToString::to_string);
        return Err(fail(format!(
            "its format version is {found}; this floe reads version {FORMAT_VERSION}"
        ))
        .with_help("load it with the floe that wrote it, or save the model again"));
    }
    let found = object.remove("seal");
    if found != Some(json!(seal(&object)?)) {
        return Err(fail(
            "its seal does not match what it holds: it was edited or damaged".to_owned(),
        )
        .with_help("save the model again; a model is not meant to be edited by hand"));
    }
    let contents = object.remove("contents").unwrap_or_default();
    Contents::deserialize(contents)
        .map_err(|error| fail("its contents are not those of a model".to_owned()).caused_by(error))
}

/// SipHash-2-4 of the compact JSON with sorted keys: tells damage and edits, and is no signature.
fn seal(object: &Map<String, Value>) -> Result<String> {
    let text = serde_json::to_string(object).map_err(|error| {
        Error::new(
            ErrorKind::Model,
            "what was learned cannot be written as JSON",
        )
        .caused_by(error)
    })?;
    let mut hasher = SipHasher24::new();
    hasher.write(text.as_bytes());
    Ok(format!("{:016x}", hasher.finish()))
}
