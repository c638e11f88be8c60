//! What must be known of a file before Polars reads it: the columns, and that every row has them all.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use polars::prelude::DataType;

use super::infer::Guess;
use super::records::{Fault, Flaw, Item, Records};
use super::values::Texts;
use super::{Csv, Header};
use crate::error::{Error, ErrorKind, Result, listed};
use crate::source::files::{error_in, refuse_other_names, refuse_repeated};
use crate::source::text::{self, Target, is_readable};

/// The columns of all files, from their headers and a sample of their rows.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) names: Vec<String>,
    pub(super) targets: Vec<Target>,
    pub(super) parts: Vec<Part>,
}

/// One file, and its columns in its own order.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) names: Vec<String>,
}

/// Where the rows of a file are, from one pass over its lines.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape {
    /// The lines before the first row.
    pub(super) skip: u64,
    /// How many rows there are.
    pub(super) rows: u64,
    /// The blank lines after the first row, as Polars numbers what it takes for rows.
    pub(super) blanks: Vec<Range<u32>>,
}

impl Csv {
    pub(super) fn texts(&self) -> Texts {
        Texts {
            nulls: self.null_values.clone(),
            decimal_comma: self.decimal_comma,
        }
    }

    /// Reads the header of each file and as many rows as the dtypes need.
    pub(super) fn head(&self) -> Result<Head> {
        let paths = self.files.paths()?;
        let alone = paths.len() == 1;
        let mut guesses = BTreeMap::new();
        let mut parts: Vec<Part> = Vec::new();
        for path in &paths {
            let Some(names) = self.sample(path, &mut guesses)? else {
                // Without a header a file of no rows has nothing to say, unless it is the only one.
                if self.header == Header::Absent && !alone {
                    continue;
                }
                return Err(error_in(path, "the file is empty"));
            };
            if let Some(first) = parts.first() {
                refuse_other_names(
                    (&first.path, &borrowed(&first.names)),
                    (path, &borrowed(&names)),
                )?;
            }
            parts.push(Part {
                path: path.clone(),
                names,
            });
        }
        let Some(first) = parts.first() else {
            return Err(error_in(
                &paths[0],
                "the file is empty, and so are all others",
            ));
        };
        let names = first.names.clone();
        let targets = names
            .iter()
            .map(|name| match (self.declared(name), guesses.get(name)) {
                (Some(dtype), _) => Target {
                    dtype: dtype.clone(),
                    declared: true,
                },
                (None, guess) => Target {
                    dtype: guess.unwrap_or(&Guess::new()).dtype(),
                    declared: false,
                },
            });
        let targets = targets.collect();
        self.refuse_bad_dtypes(&names)?;
        Ok(Head {
            names,
            targets,
            parts,
        })
    }

    fn declared(&self, name: &str) -> Option<&DataType> {
        let last = self.dtypes.iter().rev().find(|(of, _)| of == name);
        last.map(|(_, dtype)| dtype)
    }

    /// The columns of a file in its own order, its first rows seen by the guesses; `None` when it is empty.
    fn sample(
        &self,
        path: &Path,
        guesses: &mut BTreeMap<String, Guess>,
    ) -> Result<Option<Vec<String>>> {
        text::check(path)?;
        let mut records =
            Records::open(path, &self.format, true).map_err(|flaw| flawed(path, flaw))?;
        let first = next_record(path, &mut records)?;
        let Some((count, _)) = first else {
            return Ok(None);
        };
        let names = self.names(path, &records.fields(), count)?;
        refuse_repeated(
            path,
            self.row_index.as_deref(),
            names.iter().map(String::as_str),
            "give other names with `.columns(..)`, or another name to `.row_index(..)`",
        )?;
        let wanted = if names.iter().all(|name| self.declared(name).is_some()) {
            0
        } else {
            self.infer_rows.unwrap_or(usize::MAX)
        };
        let texts = self.texts();
        let mut row = match self.header {
            Header::First => next_record(path, &mut records)?,
            Header::Absent => first,
        };
        let mut seen = 0;
        let mut here: Vec<Guess> = names
            .iter()
            .map(|name| guesses.remove(name).unwrap_or_else(Guess::new))
            .collect();
        while let Some((found, line)) = row
            && seen < wanted
        {
            self.refuse_ragged(path, found, count, line)?;
            for (guess, field) in here.iter_mut().zip(records.fields()) {
                guess.see(&field, &texts);
            }
            seen += 1;
            row = next_record(path, &mut records)?;
        }
        guesses.extend(names.iter().cloned().zip(here));
        Ok(Some(names))
    }

    /// Goes over all lines once, unless that was done since the file last changed.
    ///
    /// Polars cannot be asked to do this: it pads short rows with nulls, takes an absent field for
    /// an empty one, and says "CSV malformed" without a line for what it cannot split.
    pub(super) fn shape(&self, part: &Part) -> Result<Shape> {
        let path = &part.path;
        self.checked.get(path, || self.walk(path, part.names.len()))
    }

    fn walk(&self, path: &Path, columns: usize) -> Result<Shape> {
        let failed = |flaw| flawed(path, flaw);
        let mut records = Records::open(path, &self.format, false).map_err(failed)?;
        if self.header == Header::First {
            next_record(path, &mut records)?;
        }
        let mut shape = Shape {
            skip: 0,
            rows: 0,
            blanks: vec![],
        };
        let mut lines = 0_u32;
        while let Some((item, line)) = records.next().map_err(failed)? {
            match item {
                Item::Record(found) => {
                    self.refuse_ragged(path, found, columns, line)?;
                    if shape.rows == 0 {
                        shape.skip = line - 1;
                    }
                    shape.rows += 1;
                }
                Item::Blank if shape.rows > 0 => match shape.blanks.last_mut() {
                    Some(run) if run.end == lines => run.end += 1,
                    _ => shape.blanks.push(lines..lines + 1),
                },
                Item::Blank | Item::Comment => continue,
            }
            lines = lines
                .checked_add(1)
                .ok_or_else(|| error_in(path, "the file has more than 4,294,967,295 rows"))?;
        }
        Ok(shape)
    }

    fn names(&self, path: &Path, first: &[String], count: usize) -> Result<Vec<String>> {
        if let Some(names) = &self.names {
            if names.len() != count {
                let given = names.len();
                let message = format!(
                    "`{}` has {count} columns, but {given} names are given",
                    path.display()
                );
                return Err(Error::new(ErrorKind::Config, message)
                    .with_help("name every column in `.columns([..])`"));
            }
            return Ok(names.clone());
        }
        match self.header {
            Header::First => {
                // A classic Mac file has no `\n`, so the whole of it would pass for a header.
                if first.iter().any(|name| name.contains('\r')) {
                    let error =
                        error_in(path, "the lines of the file end in a carriage return alone");
                    return Err(error.with_help("convert the line ends to `\\n`"));
                }
                Ok(first.to_vec())
            }
            Header::Absent => Ok((1..=count).map(|at| format!("column_{at}")).collect()),
        }
    }

    fn refuse_bad_dtypes(&self, names: &[String]) -> Result<()> {
        for (name, dtype) in &self.dtypes {
            if !names.contains(name) {
                let error = Error::new(
                    ErrorKind::Schema,
                    "a dtype is declared for a column that the file does not have",
                );
                return Err(error
                    .on_column(name.as_str())
                    .with_help(format!("the columns here are {}", listed(names))));
            }
            if !is_readable(dtype) {
                let error = Error::new(ErrorKind::Config, "text cannot be read as this dtype");
                return Err(error.on_column(name.as_str()).with_dtype(dtype).with_help(
                    "declare integers, floats, Boolean, Date, Datetime without a zone or String, and cast in a step",
                ));
            }
        }
        Ok(())
    }

    fn refuse_ragged(&self, path: &Path, found: usize, columns: usize, line: u64) -> Result<()> {
        if found == columns || (found < columns && self.pad_short) {
            return Ok(());
        }
        let plural = if found == 1 { "" } else { "s" };
        let error = error_in(
            path,
            format!("line {line} has {found} field{plural}, expected {columns}"),
        );
        Err(if found < columns {
            error.with_help("mend the line, or fill short rows with nulls by `.pad_short()`")
        } else {
            error.with_help("mend the line, or say how fields are told apart by `.separator(..)` and `.quote(..)`")
        })
    }
}

/// The next row and its line, past blank lines and comments.
pub(super) fn next_record(path: &Path, records: &mut Records) -> Result<Option<(usize, u64)>> {
    loop {
        match records.next().map_err(|flaw| flawed(path, flaw))? {
            None => return Ok(None),
            Some((Item::Record(fields), line)) => return Ok(Some((fields, line))),
            Some((Item::Blank | Item::Comment, _)) => {}
        }
    }
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn flawed(path: &Path, flaw: Flaw) -> Error {
    let line = flaw.line;
    let (message, help) = match flaw.fault {
        Fault::Line(flaw) => return flaw.into_error(path),
        Fault::Unclosed => (
            format!("the quoted field that starts in the row at line {line} is never closed"),
            "the file may be cut off; if quotes are plain text in it, say `.quote(None)`",
        ),
        Fault::AfterQuote => (
            format!("text follows a closing quote in the row at line {line}"),
            "double the quotes inside a quoted field; if quotes are plain text, say `.quote(None)`",
        ),
        Fault::StrayQuote => (
            format!("there is a lone quote inside an unquoted field in the row at line {line}"),
            "quote the field and double the quote; if quotes are plain text, say `.quote(None)`",
        ),
    };
    error_in(path, message).with_help(help)
}
