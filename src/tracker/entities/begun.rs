//! A run that begins: its name, its tags and its parameters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::texts::{flat, text};
use super::{Pair, RunEntry, check, safe_key};
use crate::tracker::{Event, Started};

/// The tag that says which keys MLflow would not have taken.
const LEFT_OUT: &str = "floe.left_out";

/// The run without the keys that MLflow refuses, which a tag then tells of.
pub(super) fn without_bad_keys(started: &Started) -> Cow<'_, Started> {
    let bad: Vec<String> = check::bad_keys(started)
        .map(|error| error.to_string())
        .collect();
    if bad.is_empty() {
        return Cow::Borrowed(started);
    }
    let mut started = started.clone();
    started.labels.retain(|key, _| check::is_good(key));
    started.parameters.retain(|key, _| check::is_good(key));
    started.labels.insert(LEFT_OUT.to_owned(), bad.join("; "));
    Cow::Owned(started)
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

pub(super) fn run(event: &Event, started: &Started, tags: Vec<Pair>) -> RunEntry {
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

pub(super) fn tags(run: &str, started: &Started) -> BTreeMap<String, String> {
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

pub(super) fn params(started: &Started) -> Vec<Pair> {
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
