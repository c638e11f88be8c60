//! How an open run becomes one that readers see.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::compact::compact;
use super::files::{self, damaged, failed};
use super::index::{FORMAT, Index};
use super::open_runs::OpenRun;
use super::row_file::RowFile;
use super::{Landing, Manifest, Outcome};
use crate::error::Result;

/// The files of what is no table; no table can have these names.
pub(super) const SKIPS: &str = "_skips";
pub(super) const STATE: &str = "_state";

pub(super) type RowFiles = BTreeMap<String, RowFile>;

/// The file of the lines of a table, or of what is none.
pub(super) fn path_of(landing: &Landing, run: &str, name: &str) -> PathBuf {
    landing.files.rows(run).join(format!("{name}.jsonl"))
}

/// Null takes a name away.
pub(super) fn set(state: &mut BTreeMap<String, Value>, name: String, value: Value) {
    if value.is_null() {
        state.remove(&name);
    } else {
        state.insert(name, value);
    }
}

/// The files of an open run, cut back to what was committed.
pub(super) fn open_files(landing: &Landing, open: &OpenRun) -> Result<RowFiles> {
    let run = &open.begun.run;
    let rows = landing.files.rows(run);
    fs::create_dir_all(&rows).map_err(|error| failed(&rows, "made", error))?;
    let committed = &open.checkpoint.files;
    let mut files = RowFiles::new();
    for name in committed.keys() {
        let file = RowFile::open(&path_of(landing, run, name), committed[name])?;
        files.insert(name.clone(), file);
    }
    Ok(files)
}

/// What the runs before and this one left.
pub(super) fn state_of(landing: &Landing, files: &RowFiles) -> Result<BTreeMap<String, Value>> {
    let mut state = Index::read(&landing.files)?.state(&landing.files)?;
    if let Some(file) = files.get(STATE) {
        for (name, value) in lines::<(String, Value)>(file.path())? {
            set(&mut state, name, value);
        }
    }
    Ok(state)
}

/// All lines of a small file.
fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let bytes = fs::read(path).map_err(|error| damaged(path, &error.to_string()))?;
    let lines = serde_json::Deserializer::from_slice(&bytes).into_iter();
    let lines: Result<Vec<T>, _> = lines.collect();
    lines.map_err(|error| damaged(path, &error.to_string()))
}

/// Makes a run one that readers see. Only the index decides, so it comes after all it speaks of.
pub(super) fn finish(
    landing: &Landing,
    open: &OpenRun,
    row_files: RowFiles,
    outcome: Outcome,
) -> Result<Manifest> {
    let (all, begun) = (&landing.files, &open.begun);
    let mut tables = BTreeMap::new();
    for (name, table) in &begun.tables {
        if let Some(file) = row_files.get(name).filter(|file| file.extent().rows > 0) {
            let folder = all.run(&begun.run);
            let landed = compact(table, file, &folder, &landing.name, &begun.run)?;
            tables.insert(name.clone(), landed);
        }
    }
    let skipped = match row_files.get(SKIPS) {
        Some(file) => lines(file.path())?,
        None => Vec::new(),
    };
    let manifest = Manifest {
        format: FORMAT,
        landing: landing.name.clone(),
        run: begun.run.clone(),
        outcome,
        params: begun.params.clone(),
        started: begun.started,
        ended: landing.now(),
        resumed: open.checkpoint.resumed,
        cursor: open.checkpoint.cursor.clone(),
        notes: open.checkpoint.notes.clone(),
        skipped,
        tables,
    };
    manifest.write(all)?;
    let mut index = Index::read(all)?;
    let before = index.state.clone();
    if row_files.contains_key(STATE) {
        files::write(&all.state(&begun.run), &state_of(landing, &row_files)?)?;
        index.state = Some(begun.run.clone());
    }
    files::sync_names(&all.run(&begun.run))?;
    files::sync_names(all.folder())?;
    index.runs.push(begun.run.clone());
    index.write(all)?;
    files::sync_names(all.folder())?;
    // From here on the run is finished; what is left to do is done by the next one if need be.
    drop(row_files);
    files::remove(&all.begun(&begun.run))?;
    files::remove(&all.checkpoint(&begun.run))?;
    files::remove(&all.rows(&begun.run))?;
    if let Some(before) = before.filter(|before| index.state.as_ref() != Some(before)) {
        files::remove(&all.state(&before))?;
    }
    Ok(manifest)
}
