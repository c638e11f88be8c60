use std::fmt;
use std::path::PathBuf;

use polars::prelude::{
    DataFrame, DataType, Expr, HiveOptions, IntoLazy, LazyFrame, NULL, PlRefPath, PolarsError,
    ScanArgsParquet, UnionArgs, concat, lit,
};

use super::table::TableColumn;
use super::{Landing, Table, latest};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Schema, column};
use crate::source::{Outline, Source};

/// A table of a landing as a source: the rows of all finished runs, in their order.
///
/// Its columns are those that are declared now; see [`Table::version`] for rows that were landed
/// with others. A landing without rows gives a frame without rows.
#[derive(Clone, PartialEq)]
#[must_use = "a source reads nothing until it is scanned"]
pub struct Landed {
    landing: Landing,
    table: Table,
    is_latest: bool,
}

/// Files that have the same columns, and follow one another.
pub(super) struct Stretch {
    pub(super) columns: Vec<TableColumn>,
    pub(super) paths: Vec<PathBuf>,
}

impl Landed {
    pub(super) fn new(landing: Landing, table: Table) -> Self {
        Self {
            landing,
            table,
            is_latest: false,
        }
    }

    /// One row a key: that with the newest `fetched_at`, and of several such the last. So what was
    /// collected in several runs counts once.
    ///
    /// A scan first reads the key and the time of all rows; it holds 33 to
    /// 75 bytes a key, whatever its length.
    pub fn latest(mut self) -> Self {
        self.is_latest = true;
        self
    }

    pub(super) fn stretches(&self) -> Result<Vec<Stretch>> {
        let mut stretches: Vec<Stretch> = Vec::new();
        for manifest in self.landing.runs()? {
            let Some(landed) = manifest.tables.get(self.table.name()) else {
                continue;
            };
            let folder = self.landing.files.run(&manifest.run);
            let paths = landed.files.iter().map(|file| folder.join(&file.name));
            match stretches.last_mut() {
                Some(last) if last.columns == landed.columns => last.paths.extend(paths),
                _ => stretches.push(Stretch {
                    columns: landed.columns.clone(),
                    paths: paths.collect(),
                }),
            }
        }
        stretches.retain(|stretch| !stretch.paths.is_empty());
        Ok(stretches)
    }

    fn all(&self) -> Result<LazyFrame> {
        let columns = self.table.all();
        let frames = self.stretches()?.into_iter().map(|stretch| {
            let chosen = columns.iter().map(|of| chosen(of, &stretch.columns));
            Ok(scan_files(&stretch.paths)?.select(chosen.collect::<Vec<_>>()))
        });
        let mut frames = frames.collect::<Result<Vec<_>>>()?;
        match frames.len() {
            0 => Ok(DataFrame::empty_with_schema(&super::compact::schema(&columns)).lazy()),
            1 => Ok(frames.remove(0)),
            _ => concat(frames, UnionArgs::default()).map_err(failed),
        }
    }
}

/// A declared column from what a file has.
fn chosen(of: &TableColumn, there: &[TableColumn]) -> Expr {
    match there.iter().find(|column| column.name == of.name) {
        Some(found) if found.dtype == of.dtype => column(of.name.as_str()),
        Some(_) => column(of.name.as_str()).strict_cast(of.dtype.0.clone()),
        None => null_of(&of.dtype.0).alias(of.name.as_str()),
    }
}

fn null_of(dtype: &DataType) -> Expr {
    lit(NULL).cast(dtype.clone())
}

pub(super) fn scan_files(paths: &[PathBuf]) -> Result<LazyFrame> {
    let paths = paths.iter().map(|path| PlRefPath::try_from_path(path));
    let paths = paths.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let args = ScanArgsParquet {
        glob: false,
        cache: false,
        // The folders are named as hive names them, and are none.
        hive_options: HiveOptions::new_disabled(),
        ..ScanArgsParquet::default()
    };
    LazyFrame::scan_parquet_files(paths.into_iter().collect(), args).map_err(failed)
}

fn failed(error: PolarsError) -> Error {
    Error::from_polars(ErrorKind::Source, error)
}

impl Source for Landed {
    fn scan(&self) -> Result<LazyFrame> {
        let rows = self.all()?;
        if self.is_latest {
            return latest::of(rows, &self.table);
        }
        Ok(rows)
    }

    fn schema(&self) -> Result<Schema> {
        self.table.schema()
    }

    fn outline(&self) -> Result<Outline> {
        if self.is_latest {
            return Ok(Outline::default());
        }
        let runs = self.landing.runs()?;
        let rows = runs.iter().map(|run| run.rows(self.table.name())).sum();
        Ok(Outline::of_rows(rows))
    }
}

impl fmt::Debug for Landed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latest = if self.is_latest { ".latest()" } else { "" };
        write!(
            f,
            "{:?}.table({:?}){latest}",
            self.landing,
            self.table.name()
        )
    }
}
