//! Turns the lines of a run into Parquet, batch by batch.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use jiff::Timestamp;
use polars::prelude::*;

use super::Table;
use super::cell::column;
use super::files::{damaged, failed};
use super::manifest::{LandedFile, LandedTable};
use super::row_file::RowFile;
use super::table::{FETCHED, RUN, SOURCE, TableColumn};
use crate::error::{Error, ErrorKind, Result};
use crate::output::Staged;
use crate::source::nd_json::object::members;

/// A batch is a row group, and what is held in memory.
const ROWS: usize = 1 << 16;
const BYTES: usize = 8 << 20;

/// Writes the rows of one table of a run.
pub(super) fn compact(
    table: &Table,
    rows: &RowFile,
    folder: &Path,
    source: &str,
    run: &str,
) -> Result<LandedTable> {
    let name = format!("{}.parquet", table.name());
    let path = folder.join(&name);
    let columns = table.all();
    let schema = schema(&columns);
    let mut span: Option<(i64, i64)> = None;
    // An error of ours has no way through the writer's closure but this.
    let mut ours = None;
    let staged = Staged::write(&path, |file| {
        let written = write(file, rows, &schema, |lines| {
            let batch = batch(lines, &columns, rows.path(), source, run)?;
            let fetched = batch.column(FETCHED)?.datetime()?.physical();
            if let (Some(first), Some(last)) = (fetched.min(), fetched.max()) {
                let (from, to) = span.unwrap_or((first, last));
                span = Some((from.min(first), to.max(last)));
            }
            Ok(batch)
        });
        written.map_err(|error| {
            let told = std::io::Error::other(error.to_string());
            ours = Some(error);
            told
        })
    });
    match (staged, ours) {
        (Ok(staged), _) => staged.put()?,
        (Err(_), Some(error)) | (Err(error), None) => return Err(error),
    }
    let (first, last) = span.unwrap_or_default();
    Ok(LandedTable {
        version: table.has_version(),
        columns,
        files: vec![LandedFile {
            name,
            rows: rows.extent().rows,
            first_fetched: timestamp(first),
            last_fetched: timestamp(last),
        }],
    })
}

pub(super) fn timestamp(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) fn schema(columns: &[TableColumn]) -> Schema {
    let fields = columns.iter();
    let fields =
        fields.map(|column| Field::new(column.name.as_str().into(), column.dtype.0.clone()));
    fields.collect()
}

/// Writes all batches of a file of lines, of which only what counts is read.
fn write(
    file: &mut dyn std::io::Write,
    rows: &RowFile,
    schema: &Schema,
    mut batch: impl FnMut(&[&str]) -> Result<DataFrame>,
) -> Result<()> {
    let path = rows.path();
    let unread = |error: std::io::Error| failed(path, "read", error);
    let unwritten = |error: PolarsError| {
        let message = format!("the rows of `{}` were not written: {error}", path.display());
        Error::new(ErrorKind::Output, message)
            .with_help("check the free space; the run is left open at its last commit")
    };
    let mut parquet = ParquetWriter::new(file)
        .batched(schema)
        .map_err(unwritten)?;
    let lines = File::open(path).map_err(unread)?.take(rows.extent().bytes);
    let mut lines = BufReader::with_capacity(1 << 18, lines);
    let (mut text, mut count, mut all) = (String::new(), 0, 0);
    loop {
        let length = lines.read_line(&mut text).map_err(unread)?;
        count += usize::from(length > 0);
        if count > 0 && (length == 0 || count == ROWS || text.len() >= BYTES) {
            let batch = batch(&text.lines().collect::<Vec<_>>())?;
            parquet.write_batch(&batch).map_err(unwritten)?;
            all += count as u64;
            (count, text) = (0, String::new());
        }
        if length == 0 {
            break;
        }
    }
    if all != rows.extent().rows {
        let what = format!(
            "{} rows were appended and {all} are there",
            rows.extent().rows
        );
        return Err(damaged(path, &what));
    }
    parquet.finish().map_err(unwritten)?;
    Ok(())
}

/// The columns of some lines.
pub(super) fn batch(
    lines: &[&str],
    columns: &[TableColumn],
    path: &Path,
    source: &str,
    run: &str,
) -> Result<DataFrame> {
    let no_object = || damaged(path, "a line is not what was appended");
    let mut cells = vec![Vec::with_capacity(lines.len()); columns.len()];
    for (at, line) in lines.iter().enumerate() {
        let mut row = members(line).map_err(|_| no_object())?;
        while let Some((key, value)) = row.advance().map_err(|_| no_object())? {
            let column = columns.iter().position(|column| column.name == key);
            cells[column.ok_or_else(no_object)?].push(Some(value));
        }
        for cells in &mut cells {
            if cells.len() > at + 1 {
                return Err(no_object());
            }
            cells.resize(at + 1, None);
        }
    }
    let read = columns.iter().zip(&cells).map(|(of, cells)| {
        let series = column(&of.name, &of.dtype.0, cells).ok_or_else(no_object)?;
        Ok(filled(series, &of.name, source, run)?.into_column())
    });
    let read = read.collect::<Result<Vec<Column>>>()?;
    DataFrame::new(lines.len(), read).map_err(|_| no_object())
}

/// The columns that are the same for nearly all rows are not in the lines.
fn filled(series: Series, name: &str, source: &str, run: &str) -> Result<Series> {
    let default = match name {
        RUN => run,
        SOURCE => source,
        _ => return Ok(series),
    };
    let texts = series
        .str()?
        .iter()
        .map(|text| Some(text.unwrap_or(default)));
    let mut texts: StringChunked = texts.collect();
    texts.rename(name.into());
    Ok(texts.into_series())
}
