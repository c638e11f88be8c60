//! The files of the original job: CSV without a header.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use floe::output::Staged;
use floe::polars::prelude::{DataFrame, DataType};
use floe::prelude::*;
use floe::{Error, ErrorKind, Result};

pub(crate) const INDEX: &str = "index";
pub(crate) const LIKES: &str = "likes";
pub(crate) const VALUE: &str = "value";

/// One like sum a line; the hours are numbered from 0.
pub(crate) fn likes(path: &Path) -> Result<Csv> {
    let csv = Csv::new(path).no_header().columns([LIKES]).row_index(INDEX);
    let schema = csv.schema()?;
    let is_number = matches!(
        schema.field(LIKES)?.dtype(),
        DataType::Int64 | DataType::UInt64 | DataType::Float64
    );
    // Whole numbers stay whole. Text is read as numbers all the same, for an error with its line.
    Ok(if is_number {
        csv
    } else {
        csv.dtype(LIKES, DataType::Float64)
    })
}

/// One `index,value` a line.
pub(crate) fn values(path: &Path) -> Csv {
    Csv::new(path)
        .no_header()
        .columns([INDEX, VALUE])
        .dtypes([(INDEX, DataType::Int64), (VALUE, DataType::Float64)])
}

/// Writes one `index,value` a line; nothing is in its place before it is put there.
pub(crate) fn stage_values(path: &Path, rows: &DataFrame, value: &str) -> Result<Staged> {
    let text = lines(rows, value)?;
    Staged::write(path, |file| file.write_all(text.as_bytes()))
}

/// Files of a stage that must not be one and the same, each with its option.
pub(crate) fn refuse_one_file(paths: &[(&str, &Path)]) -> Result<()> {
    for (at, (option, path)) in paths.iter().enumerate() {
        let here = place(path);
        let twin = paths
            .iter()
            .take(at)
            .find(|(_, other)| place(other) == here);
        if let Some((other, _)) = twin {
            let message = format!("{other} and {option} are one file, `{}`", path.display());
            return Err(Error::new(ErrorKind::Output, message)
                .with_help("give each of them a file of its own"));
        }
    }
    Ok(())
}

/// Where a path leads, past links and dots, also while nothing is there.
fn place(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let unborn = || Some(folder.canonicalize().ok()?.join(path.file_name()?));
    let there = path.canonicalize().ok();
    there.or_else(unborn).unwrap_or_else(|| path.to_owned())
}

fn lines(rows: &DataFrame, value: &str) -> Result<String> {
    let index = rows.column(INDEX)?.cast(&DataType::Int64)?;
    let values = rows.column(value)?.cast(&DataType::Float64)?;
    let mut text = String::new();
    for (index, number) in index.i64()?.iter().zip(values.f64()?.iter()) {
        let (Some(index), Some(number)) = (index, number.filter(|number| number.is_finite()))
        else {
            let at = index.map_or_else(|| "without an index".to_owned(), |at| format!("of {at}"));
            let found = number.map_or_else(|| "missing".to_owned(), |number| number.to_string());
            let message = format!("the value {at} is {found}");
            return Err(Error::new(ErrorKind::Source, message)
                .on_column(value)
                .with_help("every line needs a number; fill it in or drop the line"));
        };
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "{index},{}", python(number));
    }
    Ok(text)
}

/// A float as Python's `repr` writes it: the shortest text that reads back to the same bits, with
/// two digits of exponent at least.
pub(crate) fn python(number: f64) -> String {
    // Rust's `Debug` turns to exponents where Python does: below 1e-4, and from 1e16 on.
    let text = format!("{number:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}
