//! The lazy frame of checked files: Polars splits them into lines, our kernels read the values.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use polars::prelude::*;

use super::NdJson;
use super::layout::{Head, broken_at, is_blank};
use super::object::{Broken, members};
use super::values::{is_exact, number, read};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::column;
use crate::source::files::{error_in, stack};
use crate::source::text::{Lines, Target, article};

/// The column of lines, and that of the objects that they are.
const LINE: &str = "__floe_line";
const OBJECT: &str = "__floe_object";

/// A byte that no line has, since none has a control character.
const NO_SEPARATOR: u8 = 1;

/// Why a line is refused.
#[derive(Debug)]
enum Flaw {
    Broken(Broken),
    /// A key that is no column.
    Unknown(String),
    /// A key that came before in the object.
    Twice(String),
}

impl From<Broken> for Flaw {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

/// Which column each key belongs to.
struct Sorter<'h> {
    head: &'h Head,
    columns: HashMap<&'h str, usize>,
}

impl<'h> Sorter<'h> {
    fn new(head: &'h Head) -> Self {
        let names = head.names.iter().enumerate();
        Self {
            head,
            columns: names.map(|(at, name)| (name.as_str(), at)).collect(),
        }
    }

    /// The text of the value of each column on this line.
    fn sort<'a>(&self, line: &'a str, cells: &mut [Option<&'a str>]) -> Result<(), Flaw> {
        cells.fill(None);
        let mut members = members(line)?;
        // Most lines have their keys in the order of the columns.
        let mut next = 0;
        while let Some((key, value)) = members.advance()? {
            let expected = self.head.names.get(next).is_some_and(|name| *name == key);
            let at = if expected {
                next
            } else if let Some(&at) = self.columns.get(&*key) {
                at
            } else if self.head.chosen {
                continue;
            } else {
                return Err(Flaw::Unknown(key.into_owned()));
            };
            if cells[at].replace(value).is_some() {
                return Err(Flaw::Twice(key.into_owned()));
            }
            next = at + 1;
        }
        Ok(())
    }
}

impl NdJson {
    /// The rows of files that are known to be lines of text.
    pub(super) fn rows(&self, head: Head) -> Result<LazyFrame> {
        let head = Arc::new(head);
        let mut frames = Vec::new();
        let mut left = self.limit.unwrap_or(u32::MAX);
        for path in &head.paths {
            let all = self.count(path)?;
            let rows = all.min(left);
            left -= rows;
            if rows > 0 {
                let cut = (rows < all).then_some(rows);
                frames.push(rows_of(path, &head, cut).map_err(failed)?);
            }
        }
        if frames.is_empty() {
            let columns = head.names.iter().zip(&head.targets);
            let columns = columns
                .map(|(name, target)| Column::new_empty(name.as_str().into(), &target.dtype));
            let frame = DataFrame::new(0, columns.collect()).map_err(failed)?;
            frames.push(frame.lazy());
        }
        stack(frames, self.row_index.as_deref(), None).map_err(failed)
    }
}

fn failed(error: PolarsError) -> Error {
    Error::from_polars(ErrorKind::Source, error)
}

/// The rows of a file, or the first of them.
fn rows_of(path: &Path, head: &Arc<Head>, first: Option<u32>) -> PolarsResult<LazyFrame> {
    let schema = Schema::from_iter([Field::new(LINE.into(), DataType::String)]);
    let lines = LazyCsvReader::new(PlRefPath::try_from_path(path)?)
        .with_glob(false)
        .with_has_header(false)
        .with_schema(Some(Arc::new(schema)))
        .with_separator(NO_SEPARATOR)
        .with_quote_char(None)
        .with_missing_is_null(true)
        .with_rechunk(false)
        .finish()?;
    let filled = column(LINE).map(
        |lines| {
            let lines = lines.as_materialized_series().str()?.clone();
            let filled = lines.iter().map(|line| Some(!line.is_none_or(is_blank)));
            let mut filled: BooleanChunked = filled.collect();
            filled.rename(lines.name().clone());
            Ok(filled.into_column())
        },
        |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
    );
    let fields = head.targets.iter().enumerate();
    let fields = fields.map(|(at, target)| Field::new(field_name(at), target.dtype.clone()));
    let dtype = DataType::Struct(fields.collect());
    let (path, of) = (path.to_owned(), Arc::clone(head));
    // All columns at once: a line is taken apart one time, however many of them are read.
    let objects = column(LINE).map(
        move |lines| {
            let lines = lines.as_materialized_series().str()?.clone();
            let columns = parse(&lines, &of).ok_or_else(|| first_flaw(&path, &of).into_polars())?;
            let objects =
                StructChunked::from_series(lines.name().clone(), lines.len(), columns.iter())?;
            Ok(objects.into_column())
        },
        move |_, field| Ok(Field::new(field.name().clone(), dtype.clone())),
    );
    let columns = head.names.iter().enumerate().map(|(at, name)| {
        let value = column(OBJECT).struct_().field_by_name(&field_name(at));
        value.alias(name.as_str())
    });
    let columns: Vec<Expr> = columns.collect();
    let mut lines = lines.filter(filled);
    if let Some(first) = first {
        // Before the values are read: what comes after the limit is not looked at, in any batch.
        lines = lines.limit(first);
    }
    Ok(lines.select([objects.alias(OBJECT)]).select(columns))
}

/// The name of a column inside the object, which no key can make special.
fn field_name(at: usize) -> PlSmallStr {
    at.to_string().into()
}

/// The columns of a batch; nothing when a line or a value in it is refused.
fn parse(lines: &StringChunked, head: &Head) -> Option<Vec<Series>> {
    let sorter = Sorter::new(head);
    let mut row = vec![None; head.names.len()];
    let mut columns = vec![Vec::with_capacity(lines.len()); head.names.len()];
    for line in lines.iter() {
        sorter.sort(line?, &mut row).ok()?;
        for (column, cell) in columns.iter_mut().zip(&row) {
            column.push(*cell);
        }
    }
    let columns = columns.iter().zip(&head.targets).enumerate();
    columns
        .map(|(at, (cells, target))| read(field_name(at), cells, target))
        .collect()
}

/// The error about the first line that is refused; the file is read again to find it.
fn first_flaw(path: &Path, head: &Head) -> Error {
    let sorter = Sorter::new(head);
    let mut lines = match Lines::open(path) {
        Ok(lines) => lines,
        Err(flaw) => return flaw.into_error(path),
    };
    loop {
        match lines.advance() {
            Ok(true) => {}
            Ok(false) => return error_in(path, "it changed while it was read"),
            Err(flaw) => return flaw.into_error(path),
        }
        let (text, line) = (lines.text(), lines.line());
        if is_blank(text) {
            continue;
        }
        let mut row = vec![None; head.names.len()];
        if let Err(flaw) = sorter.sort(text, &mut row) {
            return flawed(path, line, flaw);
        }
        let columns = head.names.iter().zip(&head.targets);
        for ((name, target), cell) in columns.zip(row) {
            if let Some(value) = cell
                && read(LINE.into(), &[cell], target).is_none()
            {
                return refused(path, line, name, target, value);
            }
        }
    }
}

fn flawed(path: &Path, line: u64, flaw: Flaw) -> Error {
    match flaw {
        Flaw::Broken(broken) => broken_at(path, line, broken),
        Flaw::Unknown(key) => error_in(
            path,
            format!("line {line} has a key that none of the lines that were looked at has"),
        )
        .on_column(key)
        .with_help("look at more rows with `.infer_rows(None)`, declare its dtype with `.dtype(..)`, or choose the keys to read with `.columns([..])`"),
        Flaw::Twice(key) => error_in(path, format!("line {line} has the key twice"))
            .on_column(key)
            .with_help("mend the line: only one of the values can be meant"),
    }
}

fn refused(path: &Path, line: u64, name: &str, target: &Target, value: &str) -> Error {
    let what = match value.as_bytes().first() {
        Some(b'"') if target.dtype == DataType::String => {
            "half a surrogate pair, which is no character".to_owned()
        }
        _ if number(value).is_some_and(|text| !is_exact(text))
            && target.dtype == DataType::Float64 =>
        {
            "a whole number that an f64 does not hold exactly".to_owned()
        }
        _ => format!("not {}", article(&target.dtype)),
    };
    let help = if target.declared {
        "declare another dtype with `.dtype(..)`; a String keeps the JSON text of any value"
    } else {
        "declare the dtype with `.dtype(..)` or look at more rows with `.infer_rows(None)`"
    };
    let message = format!("line {line} has `{}`, which is {what}", headed(value));
    error_in(path, message)
        .on_column(name)
        .with_dtype(&target.dtype)
        .with_help(help)
}

/// The head of a long value; JSON has no line break to hide.
fn headed(value: &str) -> String {
    match value.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", &value[..cut]),
        None => value.to_owned(),
    }
}
