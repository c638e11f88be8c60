//! Which files a source reads, and what their rows have in common.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use polars::prelude::{DataType, LazyFrame, PolarsResult, UnionArgs, concat};

use super::glob;
use crate::error::{Error, ErrorKind, Result, listed};

/// One file, several in a given order, or those that match a pattern when they are looked for.
#[derive(Clone, PartialEq)]
pub(super) enum Files {
    One(PathBuf),
    List(Vec<PathBuf>),
    Glob(String),
}

impl Files {
    pub(super) fn list<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self::List(paths.into_iter().map(Into::into).collect())
    }

    /// The files in the order of their rows; at least one.
    pub(super) fn paths(&self) -> Result<Vec<PathBuf>> {
        match self {
            Self::One(path) => Ok(vec![path.clone()]),
            Self::List(paths) if paths.is_empty() => {
                Err(Error::new(ErrorKind::Config, "the list of files is empty")
                    .with_help("name at least one file"))
            }
            Self::List(paths) => Ok(paths.clone()),
            Self::Glob(pattern) => {
                let paths = glob::paths(pattern)?;
                if paths.is_empty() {
                    let message = format!("no file matches `{pattern}`");
                    return Err(Error::new(ErrorKind::Source, message)
                        .with_help("a pattern starts from the current directory unless it begins with `/`; names that begin with a dot match only a dot"));
                }
                Ok(paths)
            }
        }
    }
}

// It stands inside the `Debug` text of a source, which is the label of a stage.
impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(path) => write!(f, "{path:?}"),
            Self::List(paths) => write!(f, "{paths:?}"),
            Self::Glob(pattern) => write!(f, "glob {pattern:?}"),
        }
    }
}

/// An error that starts with the name of the file.
pub(super) fn error_in(path: &Path, what: impl AsRef<str>) -> Error {
    let message = format!("`{}`: {}", path.display(), what.as_ref());
    Error::new(ErrorKind::Source, message)
}

/// The file is there and is a file.
pub(super) fn metadata(path: &Path) -> Result<Metadata> {
    let metadata =
        fs::metadata(path).map_err(|error| error_in(path, error.to_string()).caused_by(error))?;
    if metadata.is_dir() {
        return Err(error_in(path, "it is a directory, not a file"));
    }
    // A pipe gives its rows once, and would be waited for for ever or pass for an empty file.
    if !metadata.is_file() {
        let error = error_in(path, "it is a pipe or a device, not a file");
        return Err(error.with_help("the rows are read more than once: save them to a file first"));
    }
    Ok(metadata)
}

/// What was found in each file by a pass over it, until the file changes; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Checked<T>(Arc<Mutex<BTreeMap<PathBuf, (Stamp, T)>>>);

#[derive(Clone, Debug, PartialEq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl<T> Default for Checked<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Checked<T> {
    /// What `check` found in this file; it runs once unless the file changed.
    pub(super) fn get(&self, path: &Path, check: impl FnOnce() -> Result<T>) -> Result<T> {
        let metadata = metadata(path)?;
        let stamp = Stamp {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, found)) = known.get(path)
            && *of == stamp
        {
            return Ok(found.clone());
        }
        let found = check()?;
        known.insert(path.to_owned(), (stamp, found.clone()));
        Ok(found)
    }
}

/// Refuses a file whose columns are not those of the first one; their order may differ.
pub(super) fn refuse_other_names<'a>(
    first: (&Path, &[&'a str]),
    other: (&Path, &[&'a str]),
) -> Result<()> {
    let lacks = |of: &[&'a str], than: &[&'a str]| {
        let there: HashSet<&str> = of.iter().copied().collect();
        than.iter().copied().find(|name| !there.contains(name))
    };
    let (column, message) = if let Some(column) = lacks(other.1, first.1) {
        let message = format!("the column of `{}` is missing here", first.0.display());
        (column, message)
    } else if let Some(column) = lacks(first.1, other.1) {
        let message = format!("`{}` does not have this column", first.0.display());
        (column, message)
    } else {
        return Ok(());
    };
    Err(error_in(other.0, message)
        .on_column(column)
        .with_help(format!(
            "files that are read together have the same columns; here they are {}",
            listed(other.1)
        )))
}

/// Refuses a file where a column has another dtype than in the first one.
pub(super) fn refuse_other_dtype(
    first: (&Path, &DataType),
    other: (&Path, &DataType),
    column: &str,
) -> Result<()> {
    if first.1 == other.1 {
        return Ok(());
    }
    let message = format!(
        "the column has another dtype than the {} of `{}`",
        first.1,
        first.0.display()
    );
    Err(error_in(other.0, message)
        .on_column(column)
        .with_dtype(other.1)
        .with_help("write all files with one dtype"))
}

/// Refuses two columns of one name, the added row index among them.
pub(super) fn refuse_repeated<'a>(
    path: &Path,
    index: Option<&'a str>,
    names: impl IntoIterator<Item = &'a str>,
    help: &'static str,
) -> Result<()> {
    let mut seen: HashSet<&str> = index.into_iter().collect();
    match names.into_iter().find(|name| !seen.insert(name)) {
        None => Ok(()),
        Some(name) => Err(error_in(path, "the column name occurs twice")
            .on_column(name)
            .with_help(help)),
    }
}

/// The rows of all files, one after another, then numbered and cut as asked.
pub(super) fn stack(
    mut parts: Vec<LazyFrame>,
    row_index: Option<&str>,
    limit: Option<u32>,
) -> PolarsResult<LazyFrame> {
    let mut rows = match parts.len() {
        1 => parts.remove(0),
        _ => concat(parts, UnionArgs::default())?,
    };
    if let Some(name) = row_index {
        rows = rows.with_row_index(name, None);
    }
    if let Some(limit) = limit {
        rows = rows.limit(limit);
    }
    Ok(rows)
}
