//! A Parquet file: its footer knows the columns and the number of rows.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use polars::prelude::{
    ArrowDataType, ArrowSchema, DataType, Expr, HiveOptions, LazyFrame, ParquetReader, PlRefPath,
    ScanArgsParquet, Schema as PolarsSchema, SchemaExt, SerReader,
};

use super::files::{
    Files, error_in, metadata, refuse_other_dtype, refuse_other_names, refuse_repeated, stack,
};
use super::{Fingerprint, Outline, Source};
use crate::error::{Error, ErrorKind, Result, listed};
use crate::schema::{Field, Schema, column};

/// A Parquet file, or several that are read as one.
///
/// * **Columns** have the dtypes of the footer. A dtype that this build of Polars does not know,
///   such as a dictionary of categories, is an error that names the column.
/// * **Rows** are counted by the footer, so a split by number needs no scan to count them.
/// * **Memory.** A row group is decoded as a whole, so the memory of a scan is bounded by the size
///   of the row groups. [`explain`](crate::Flow::explain) prints that of the largest and warns when
///   it is over 64 MiB: then rewrite the file with smaller row groups.
/// * **Several files** have the same columns by name and dtype; in what order the first one says.
///   Their rows follow one another. A file of no rows adds none; one of no bytes is an error.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let path = std::env::temp_dir().join("floe_parquet_doc.parquet");
/// let mut likes = df!["likes" => [1957i64, 1956]]?;
/// ParquetWriter::new(std::fs::File::create(&path)?).finish(&mut likes)?;
///
/// let source = Parquet::new(&path).row_index("id");
/// assert_eq!(source.outline()?.rows, Some(2));
/// assert_eq!(source.scan()?.collect()?.shape(), (2, 2));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a source reads nothing until it is scanned"]
pub struct Parquet {
    files: Files,
    columns: Option<Vec<String>>,
    row_index: Option<String>,
    limit: Option<u32>,
}

/// What the footer of a file says.
struct Footer {
    path: PathBuf,
    /// The columns that are read, as the file orders them.
    schema: PolarsSchema,
    rows: u64,
    largest_row_group: u64,
}

impl Parquet {
    /// One file; a `*` in the path is a character like any other.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::of(Files::One(path.into()))
    }

    /// Several files, in this order.
    pub fn files<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::of(Files::list(paths))
    }

    /// The files that match a pattern, sorted by the bytes of their paths; see [`Csv::glob`](super::Csv::glob).
    pub fn glob(pattern: impl Into<String>) -> Self {
        Self::of(Files::Glob(pattern.into()))
    }

    fn of(files: Files) -> Self {
        Self {
            files,
            columns: None,
            row_index: None,
            limit: None,
        }
    }

    /// Reads these columns only, in this order.
    pub fn columns<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a first column that numbers the rows from 0 as `UInt32`.
    pub fn row_index(mut self, name: impl Into<String>) -> Self {
        self.row_index = Some(name.into());
        self
    }

    /// Takes the first rows only.
    pub fn limit(mut self, rows: u32) -> Self {
        self.limit = Some(rows);
        self
    }

    /// The footers of all files, which agree on the columns.
    fn footers(&self) -> Result<Vec<Footer>> {
        let paths = self.files.paths()?;
        let footers: Result<Vec<_>> = paths.into_iter().map(|path| self.footer(path)).collect();
        let footers = footers?;
        let (first, others) = footers.split_first().ok_or_else(no_files)?;
        for other in others {
            let names = [first, other].map(|of| -> Vec<&str> {
                of.schema.iter_names().map(|name| name.as_str()).collect()
            });
            refuse_other_names((&first.path, &names[0]), (&other.path, &names[1]))?;
            for (name, dtype) in first.schema.iter() {
                if let Some(found) = other.schema.get(name) {
                    refuse_other_dtype((&first.path, dtype), (&other.path, found), name)?;
                }
            }
        }
        let names = first.schema.iter_names().map(|name| name.as_str());
        let index = self.row_index.as_deref();
        refuse_repeated(
            &first.path,
            index,
            names,
            "give another name to `.row_index(..)`",
        )?;
        Ok(footers)
    }

    fn footer(&self, path: PathBuf) -> Result<Footer> {
        metadata(&path)?;
        let file = File::open(&path)
            .map_err(|error| error_in(&path, error.to_string()).caused_by(error))?;
        let damaged = |error| {
            let error = Error::from_polars(ErrorKind::Source, error);
            error_in(&path, "it is not a whole Parquet file").caused_by(error)
        };
        let mut reader = ParquetReader::new(file);
        let arrow = reader.schema().map_err(damaged)?;
        refuse_unknown_dtypes(&path, &arrow)?;
        let mut schema = PolarsSchema::from_arrow_schema(&arrow);
        if let Some(columns) = &self.columns {
            schema = chosen(&path, &schema, columns)?;
        }
        let footer = reader.get_metadata().map_err(damaged)?;
        let sizes = footer.row_groups.iter().map(|group| -> u64 {
            let read = schema
                .iter_names()
                .filter_map(|name| group.columns_under_root_iter(name));
            let sizes = read.flatten().map(|chunk| chunk.uncompressed_size());
            sizes.map(|size| u64::try_from(size).unwrap_or(0)).sum()
        });
        let largest_row_group = sizes.max().unwrap_or(0);
        let rows = footer.num_rows as u64;
        Ok(Footer {
            path,
            schema,
            rows,
            largest_row_group,
        })
    }
}

impl Source for Parquet {
    fn scan(&self) -> Result<LazyFrame> {
        let footers = self.footers()?;
        let first = footers.first().ok_or_else(no_files)?;
        let columns: Vec<Expr> = first.schema.iter_names().cloned().map(column).collect();
        let parts = footers.iter().map(|footer| {
            let args = ScanArgsParquet {
                glob: false,
                cache: false,
                hive_options: HiveOptions::new_disabled(),
                ..ScanArgsParquet::default()
            };
            let rows = LazyFrame::scan_parquet(PlRefPath::try_from_path(&footer.path)?, args)?;
            Ok(rows.select(columns.clone()))
        });
        let parts: Result<Vec<_>, _> = parts.collect();
        parts
            .and_then(|parts| stack(parts, self.row_index.as_deref(), self.limit))
            .map_err(|error| Error::from_polars(ErrorKind::Source, error))
    }

    fn schema(&self) -> Result<Schema> {
        let footers = self.footers()?;
        let first = footers.first().ok_or_else(no_files)?;
        let index = self.row_index.iter();
        let index = index.map(|name| Field::new(name.as_str(), DataType::UInt32));
        let columns = first.schema.iter();
        let columns = columns.map(|(name, dtype)| Field::new(name.clone(), dtype.clone()));
        let schema = Schema::new(index.chain(columns))?;
        Schema::of_source(&schema.to_polars())?;
        Ok(schema)
    }

    fn outline(&self) -> Result<Outline> {
        let footers = self.footers()?;
        let rows = footers.iter().map(|footer| footer.rows).sum::<u64>();
        let sizes = footers.iter().map(|footer| footer.largest_row_group);
        let mut outline = Outline::of_rows(rows.min(self.limit.map_or(u64::MAX, u64::from)));
        outline.largest_row_group = sizes.max();
        Ok(outline)
    }

    fn fingerprint(&self) -> Result<Fingerprint> {
        Fingerprint::of_files(self.files.paths()?)
    }
}

impl fmt::Debug for Parquet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parquet({:?})", self.files)
    }
}

fn no_files() -> Error {
    Error::new(ErrorKind::Config, "the list of files is empty")
}

/// The chosen columns, in the order of the choice.
fn chosen(path: &Path, schema: &PolarsSchema, columns: &[String]) -> Result<PolarsSchema> {
    let help = "name each column once in `.columns([..])`";
    refuse_repeated(path, None, columns.iter().map(String::as_str), help)?;
    let chosen = columns.iter().map(|name| {
        let dtype = schema.get(name).cloned().ok_or_else(|| {
            let message = format!("`{}` does not have the column", path.display());
            Error::new(ErrorKind::Schema, message)
                .on_column(name)
                .with_help(format!("its columns are {}", listed(schema.iter_names())))
        })?;
        Ok((name.as_str().into(), dtype))
    });
    chosen.collect()
}

// Polars panics on a dtype whose feature is off, even when the column is not read.
fn refuse_unknown_dtypes(path: &Path, schema: &ArrowSchema) -> Result<()> {
    for field in schema.iter_values() {
        if !is_known(&field.dtype) {
            let error = error_in(path, "the dtype of the column cannot be read");
            return Err(error
                .on_column(field.name.as_str())
                .with_dtype(format!("{:?}", field.dtype))
                .with_help("cast it when the file is written, a category to a string"));
        }
    }
    Ok(())
}

fn is_known(dtype: &ArrowDataType) -> bool {
    use ArrowDataType as A;
    match dtype {
        A::List(inner) | A::LargeList(inner) => is_known(&inner.dtype),
        A::Struct(fields) => fields.iter().all(|field| is_known(&field.dtype)),
        A::Null | A::Boolean | A::Float32 | A::Float64 => true,
        other => {
            matches!(other, A::Int8 | A::Int16 | A::Int32 | A::Int64)
                || matches!(other, A::UInt8 | A::UInt16 | A::UInt32 | A::UInt64)
                || matches!(other, A::Utf8 | A::LargeUtf8 | A::Utf8View)
                || matches!(other, A::Binary | A::LargeBinary | A::BinaryView)
                || matches!(other, A::Date32 | A::Date64 | A::Time32(_) | A::Time64(_))
                || matches!(other, A::Timestamp(..) | A::Duration(_) | A::Decimal(..))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use polars::prelude::{ArrowDataType, ArrowField, ArrowSchema};

    use super::refuse_unknown_dtypes;

    #[test]
    fn a_dtype_that_polars_would_panic_on_is_named() {
        let uuid = ArrowDataType::FixedSizeBinary(16);
        let list =
            |dtype| ArrowDataType::List(Box::new(ArrowField::new("item".into(), dtype, true)));
        for (dtype, known) in [
            (ArrowDataType::Int64, true),
            (list(ArrowDataType::Utf8), true),
            (uuid.clone(), false),
            (list(uuid), false),
        ] {
            let field = ArrowField::new("x".into(), dtype, true);
            let schema = ArrowSchema::from_iter([field]);
            let refused = refuse_unknown_dtypes(Path::new("a.parquet"), &schema);
            assert_eq!(refused.is_ok(), known, "{refused:?}");
            if let Err(error) = refused {
                assert_eq!(error.column(), Some("x"));
            }
        }
    }
}
