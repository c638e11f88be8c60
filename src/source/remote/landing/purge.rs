//! Takes old rows away.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use polars::prelude::*;

use super::files::remove;
use super::index::Index;
use super::landed::scan_files;
use super::manifest::{LandedFile, LandedTable, Manifest};
use super::table::FETCHED;
use super::{Landing, compact, open_runs};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::{Purpose, ScanLog};
use crate::output::Staged;
use crate::schema::column;

/// What was taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// Rows, of all tables and finished runs.
    pub rows: u64,
    /// Finished runs of which nothing is left.
    pub runs: u64,
    /// Runs that had been left unfinished, and were given up.
    pub unfinished: u64,
}

/// Purges a landing whose lock is held and which is clean.
pub(super) fn purge(landing: &Landing, older_than: Duration) -> Result<Purged> {
    let age = SignedDuration::try_from(older_than).unwrap_or(SignedDuration::MAX);
    let Ok(before) = landing.now().checked_sub(age) else {
        // Nothing is older than time itself.
        return Ok(Purged::default());
    };
    let mut purged = Purged::default();
    let mut index = Index::read(&landing.files)?;
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for run in std::mem::take(&mut index.runs) {
        let mut manifest = Manifest::read(&landing.files, &run)?;
        purged.rows += purge_run(landing, &mut manifest, before)?;
        if manifest.tables.is_empty() && manifest.ended < before {
            gone.push(run);
        } else {
            kept.push(run);
        }
    }
    if !gone.is_empty() {
        index.runs = kept;
        index.write(&landing.files)?;
        for run in &gone {
            remove(&landing.files.run(run))?;
        }
        purged.runs = gone.len() as u64;
    }
    for open in open_runs::all(landing)? {
        // Rows of an open run stand in lines; a collector that was away for so long begins anew.
        if open.begun.started < before {
            remove(&landing.files.begun(&open.begun.run))?;
            remove(&landing.files.run(&open.begun.run))?;
            purged.unfinished += 1;
        }
    }
    Ok(purged)
}

/// Takes the old rows out of a run; the manifest names the new files before the old ones go.
fn purge_run(landing: &Landing, manifest: &mut Manifest, before: Timestamp) -> Result<u64> {
    let folder = landing.files.run(&manifest.run);
    let (mut old, mut rows) = (Vec::new(), 0);
    for landed in manifest.tables.values_mut() {
        let mut files = Vec::new();
        for file in &landed.files {
            if file.first_fetched >= before {
                files.push(file.clone());
                continue;
            }
            old.push(folder.join(&file.name));
            rows += file.rows;
            if file.last_fetched >= before {
                let young = rewrite(landing, manifest.run.as_str(), landed, file, before)?;
                rows -= young.rows;
                files.push(young);
            }
        }
        landed.files = files;
    }
    if old.is_empty() {
        return Ok(0);
    }
    manifest.tables.retain(|_, landed| !landed.files.is_empty());
    manifest.write(&landing.files)?;
    old.iter().try_for_each(|path| remove(path))?;
    Ok(rows)
}

/// Writes the young rows of a file to a new one.
fn rewrite(
    landing: &Landing,
    run: &str,
    landed: &LandedTable,
    file: &LandedFile,
    before: Timestamp,
) -> Result<LandedFile> {
    let folder = landing.files.run(run);
    let stem = file.name.split('.').next().unwrap_or_default();
    let name = format!("{stem}.{:016x}.parquet", rand::random::<u64>());
    let path = folder.join(&name);
    let failed = |error: PolarsError| {
        let message = format!("`{}` was not written: {error}", path.display());
        Error::new(ErrorKind::Output, message)
    };
    let before = before.as_microsecond();
    let young = column(FETCHED).to_physical().gt_eq(lit(before));
    let rows = scan_files(&[folder.join(&file.name)])?.filter(young);
    let mut young = LandedFile {
        name,
        rows: 0,
        ..file.clone()
    };
    let mut first = i64::MAX;
    let mut ours = None;
    let staged = Staged::write(&path, |out| {
        let schema = compact::schema(&landed.columns);
        let write = || -> Result<()> {
            let mut parquet = ParquetWriter::new(out).batched(&schema).map_err(failed)?;
            ScanLog::default().stream(rows, Purpose::Count, |batch| {
                young.rows += batch.height() as u64;
                let fetched = batch.column(FETCHED)?.datetime()?.physical().min();
                first = first.min(fetched.unwrap_or(i64::MAX));
                let mut batch = batch.clone();
                batch.align_chunks_par();
                parquet.write_batch(&batch).map_err(failed)
            })?;
            parquet.finish().map_err(failed)?;
            Ok(())
        };
        write().map_err(|error| {
            let told = std::io::Error::other(error.to_string());
            ours = Some(error);
            told
        })
    });
    match (staged, ours) {
        (Ok(staged), _) => staged.put()?,
        (Err(_), Some(error)) | (Err(error), None) => return Err(error),
    }
    young.first_fetched = compact::timestamp(first);
    Ok(young)
}
