//! What of an event MLflow refuses, so that it can be told when the event is recorded.

use super::keys::{check_artifact_path, check_key, what_is_wrong};
use crate::error::{Error, ErrorKind, Result};
use crate::tracker::{Artifact, Content, Event, LoggedModel, Started, What};

/// Whether MLflow takes all of an event: to be asked when it is recorded, where the caller hears it.
///
/// # Errors
///
/// [`ErrorKind::Track`] for the first thing that it refuses.
pub(crate) fn check(event: &Event) -> Result<()> {
    whole(event)?;
    left_out(event).map_or(Ok(()), Err)
}

/// What is left out of an event that is kept otherwise.
pub(crate) fn left_out(event: &Event) -> Option<Error> {
    match &event.what {
        What::Started(started) => bad_keys(started).next(),
        _ => None,
    }
}

/// The keys of a run that begins which MLflow refuses.
pub(super) fn bad_keys(started: &Started) -> impl Iterator<Item = Error> {
    let parameters = started.parameters.keys().map(|key| ("parameter", key));
    let labels = started.labels.keys().map(|key| ("tag", key));
    parameters.chain(labels).filter_map(|(which, key)| {
        let (what, help) = what_is_wrong(key)?;
        let message = format!("a {which} of the run is left out: {what}");
        Some(Error::new(ErrorKind::Track, message).with_help(help))
    })
}

pub(super) fn is_good(key: &str) -> bool {
    what_is_wrong(key).is_none()
}

/// Refuses an event that cannot be kept at all.
pub(super) fn whole(event: &Event) -> Result<()> {
    // It becomes the name of files and of folders.
    if !is_hexadecimal(&event.run) {
        let shown: String = event.run.chars().take(80).collect();
        let message = format!("`{shown}` is no run");
        return Err(Error::new(ErrorKind::Track, message).with_help(
            "a run is named by 32 hexadecimal digits: take `RunLog::run` or `Run::id`",
        ));
    }
    match &event.what {
        What::Parameters { parameters } => parameters.keys().try_for_each(|key| check_key(key)),
        What::Tags { tags } => tags.keys().try_for_each(|key| check_key(key)),
        What::Metric { name, .. } => check_key(name),
        What::Artifact(artifact) => check_artifact(artifact),
        What::Model(model) => check_model(model),
        _ => Ok(()),
    }
}

fn is_hexadecimal(digits: &str) -> bool {
    digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn check_artifact(artifact: &Artifact) -> Result<()> {
    let Content::Path(from) = &artifact.content else {
        return check_artifact_path(&artifact.path, false);
    };
    // A file at the root would stand in place of the folder of all artifacts.
    if artifact.path.is_empty() && from.is_file() {
        let message = format!("the file `{}` needs a name", from.display());
        return Err(Error::new(ErrorKind::Track, message)
            .with_help("only the files of a folder may stand at the root: name it `report.csv`"));
    }
    check_artifact_path(&artifact.path, true)
}

fn check_model(model: &LoggedModel) -> Result<()> {
    let forbidden = |c: char| "/:.%\"'".contains(c) || c.is_control();
    if model.name.is_empty() || model.name.contains(forbidden) {
        let message = format!("`{}` cannot be the name of a model", model.name);
        return Err(Error::new(ErrorKind::Track, message)
            .with_help("take a name without / : . % and quotes"));
    }
    if !model.id.strip_prefix("m-").is_some_and(is_hexadecimal) {
        let message = format!("`{}` cannot be the id of a model", model.id);
        return Err(Error::new(ErrorKind::Track, message)
            .with_help("leave the one that `LoggedModel::new` gave it"));
    }
    Ok(())
}
