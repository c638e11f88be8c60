//! Runs that are not finished: what a kill left behind, and how it is taken up.

use serde_json::Value;

use super::checkpoint::{Begun, Checkpoint};
use super::files::{self, remove};
use super::finish::{finish, open_files};
use super::index::Index;
use super::{Landing, Manifest, Outcome};
use crate::error::Result;

/// A run that is not finished.
pub(super) struct OpenRun {
    pub(super) begun: Begun,
    pub(super) checkpoint: Checkpoint,
}

/// Clears away what counts no more. The lock is held.
pub(super) fn clean(landing: &Landing) -> Result<()> {
    let all = &landing.files;
    let index = Index::read(all)?;
    for run in all.runs()? {
        if index.runs.contains(&run) {
            // Finished, but perhaps for its last steps, or those of a purge.
            let manifest = Manifest::read(all, &run)?;
            let landed = manifest.tables.values().flat_map(|table| &table.files);
            let landed: Vec<&str> = landed.map(|file| file.name.as_str()).collect();
            all.sweep(&run, |name| {
                name == "manifest.json" || landed.contains(&name)
            })?;
        } else if !all.begun(&run).exists() {
            // Not yet begun, or already purged.
            remove(&all.run(&run))?;
        } else {
            all.sweep(&run, |name| !name.ends_with(".partial"))?;
        }
    }
    for run in all.names("state=", ".json")? {
        if index.state.as_ref() != Some(&run) {
            remove(&all.state(&run))?;
        }
    }
    // Neighbours of files that were being replaced.
    for name in all.names("", ".partial")? {
        remove(&all.folder().join(format!("{name}.partial")))?;
    }
    Ok(())
}

/// The runs that are not finished, the oldest first.
pub(super) fn all(landing: &Landing) -> Result<Vec<OpenRun>> {
    let index = Index::read(&landing.files)?;
    let mut open = Vec::new();
    for run in landing.files.runs()? {
        if index.runs.contains(&run) {
            continue;
        }
        let begun: Option<Begun> = files::read(&landing.files.begun(&run))?;
        let Some(begun) = begun else { continue };
        let checkpoint: Option<Checkpoint> = files::read(&landing.files.checkpoint(&run))?;
        open.push(OpenRun {
            begun,
            checkpoint: checkpoint.unwrap_or_default(),
        });
    }
    Ok(open)
}

/// The run to go on with; others that were left are finished with what they committed.
pub(super) fn resume(landing: &Landing, params: &Value) -> Result<Option<OpenRun>> {
    let mut found = None;
    for open in all(landing)? {
        let same = open.begun.params == *params && open.begun.tables == *landing.tables;
        if same && found.is_none() {
            found = Some(open);
            continue;
        }
        let outcome = Outcome::Partial {
            why: "it was left unfinished, and the next run had other parameters or tables"
                .to_owned(),
            resume_at: None,
        };
        let files = open_files(landing, &open)?;
        finish(landing, &open, files, outcome)?;
    }
    Ok(found)
}
