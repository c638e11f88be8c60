//! What must be known of a file before Polars reads it: the columns, and that every row has them all.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::infer::Guess;
use super::records::{Fault, Flaw, Item, Records};
use super::values::{Target, Texts, is_readable};
use super::{Csv, Header};
use crate::error::{Error, ErrorKind, Result, listed};

/// The columns of a file, from its header and a sample of its rows.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) names: Vec<String>,
    pub(super) targets: Vec<Target>,
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

/// The shape found last and the file it belongs to; clones of a source share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Checked(Arc<Mutex<Option<(Stamp, Shape)>>>);

#[derive(Clone, Debug, PartialEq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Csv {
    pub(super) fn texts(&self) -> Texts {
        Texts {
            nulls: self.null_values.clone(),
            decimal_comma: self.decimal_comma,
        }
    }

    /// Reads the header and as many rows as the dtypes need.
    pub(super) fn head(&self) -> Result<Head> {
        self.metadata()?;
        let mut records =
            Records::open(&self.path, &self.format, true).map_err(|flaw| self.flawed(flaw))?;
        let first = self.next_record(&mut records)?;
        let Some((count, _)) = first else {
            return Err(self.error("the file is empty"));
        };
        let fields = records.fields();
        let names = self.names(&fields, count)?;
        self.refuse_repeated(&names)?;

        let mut guesses = vec![Guess::new(); count];
        let texts = self.texts();
        let declared = |name: &String| self.dtypes.iter().rev().find(|(of, _)| of == name);
        let wanted = if names.iter().all(|name| declared(name).is_some()) {
            0
        } else {
            self.infer_rows.unwrap_or(usize::MAX)
        };
        let mut row = match self.header {
            Header::First => self.next_record(&mut records)?,
            Header::Absent => first,
        };
        let mut seen = 0;
        while let Some((found, line)) = row
            && seen < wanted
        {
            self.refuse_ragged(found, count, line)?;
            for (guess, field) in guesses.iter_mut().zip(records.fields()) {
                guess.see(&field, &texts);
            }
            seen += 1;
            row = self.next_record(&mut records)?;
        }

        let targets = names
            .iter()
            .zip(&guesses)
            .map(|(name, guess)| match declared(name) {
                Some((_, dtype)) => Target {
                    dtype: dtype.clone(),
                    declared: true,
                },
                None => Target {
                    dtype: guess.dtype(),
                    declared: false,
                },
            });
        let targets = targets.collect();
        self.refuse_bad_dtypes(&names)?;
        Ok(Head { names, targets })
    }

    /// Goes over all lines once, unless that was done since the file last changed.
    ///
    /// Polars cannot be asked to do this: it pads short rows with nulls, takes an absent field for
    /// an empty one, and says "CSV malformed" without a line for what it cannot split.
    pub(super) fn shape(&self, columns: usize) -> Result<Shape> {
        let metadata = self.metadata()?;
        let stamp = Stamp {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        };
        let mut checked = self
            .checked
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((of, shape)) = &*checked
            && *of == stamp
        {
            return Ok(shape.clone());
        }
        let shape = self.walk(columns)?;
        *checked = Some((stamp, shape.clone()));
        Ok(shape)
    }

    fn walk(&self, columns: usize) -> Result<Shape> {
        let mut records =
            Records::open(&self.path, &self.format, false).map_err(|flaw| self.flawed(flaw))?;
        if self.header == Header::First {
            self.next_record(&mut records)?;
        }
        let mut shape = Shape {
            skip: 0,
            rows: 0,
            blanks: vec![],
        };
        let mut lines = 0_u32;
        while let Some((item, line)) = records.next().map_err(|flaw| self.flawed(flaw))? {
            match item {
                Item::Record(found) => {
                    self.refuse_ragged(found, columns, line)?;
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
                .ok_or_else(|| self.error("the file has more than 4,294,967,295 rows"))?;
        }
        Ok(shape)
    }

    /// The next row and its line, past blank lines and comments.
    pub(super) fn next_record(&self, records: &mut Records) -> Result<Option<(usize, u64)>> {
        loop {
            match records.next().map_err(|flaw| self.flawed(flaw))? {
                None => return Ok(None),
                Some((Item::Record(fields), line)) => return Ok(Some((fields, line))),
                Some((Item::Blank | Item::Comment, _)) => {}
            }
        }
    }

    fn names(&self, first: &[String], count: usize) -> Result<Vec<String>> {
        if let Some(names) = &self.names {
            if names.len() != count {
                let given = names.len();
                let message = format!(
                    "`{}` has {count} columns, but {given} names are given",
                    self.path.display()
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
                    let error = self.error("the lines of the file end in a carriage return alone");
                    return Err(error.with_help("convert the line ends to `\\n`"));
                }
                Ok(first.to_vec())
            }
            Header::Absent => Ok((1..=count).map(|at| format!("column_{at}")).collect()),
        }
    }

    fn refuse_repeated(&self, names: &[String]) -> Result<()> {
        let mut seen: HashSet<&str> = self.row_index.as_deref().into_iter().collect();
        match names.iter().find(|name| !seen.insert(name)) {
            None => Ok(()),
            Some(name) => Err(self
                .error("the column name occurs twice")
                .on_column(name.as_str())
                .with_help(
                    "give other names with `.columns([..])`, or another name to `.row_index(..)`",
                )),
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

    fn refuse_ragged(&self, found: usize, columns: usize, line: u64) -> Result<()> {
        if found == columns || (found < columns && self.pad_short) {
            return Ok(());
        }
        let plural = if found == 1 { "" } else { "s" };
        let error = self.error(format!(
            "line {line} has {found} field{plural}, expected {columns}"
        ));
        Err(if found < columns {
            error.with_help("mend the line, or fill short rows with nulls by `.pad_short()`")
        } else {
            error.with_help("mend the line, or say how fields are told apart by `.separator(..)` and `.quote(..)`")
        })
    }

    /// The file is there and is a file.
    fn metadata(&self) -> Result<Metadata> {
        let metadata = fs::metadata(&self.path)
            .map_err(|error| self.error(error.to_string()).caused_by(error))?;
        if metadata.is_dir() {
            return Err(self.error("it is a directory, not a file"));
        }
        // A pipe gives its rows once, and would be waited for for ever or pass for an empty file.
        if !metadata.is_file() {
            let error = self.error("it is a pipe or a device, not a file");
            return Err(
                error.with_help("the rows are read more than once: save them to a file first")
            );
        }
        Ok(metadata)
    }

    /// An error that starts with the name of the file.
    pub(super) fn error(&self, what: impl AsRef<str>) -> Error {
        let message = format!("`{}`: {}", self.path.display(), what.as_ref());
        Error::new(ErrorKind::Source, message)
    }

    pub(super) fn flawed(&self, flaw: Flaw) -> Error {
        let line = flaw.line;
        match flaw.fault {
            Fault::Io(error) => self.error(error.to_string()).caused_by(error),
            Fault::Nul => self
                .error(format!("it does not look like text: line {line} has a zero byte"))
                .with_help("a compressed or UTF-16 file must be converted to UTF-8 text first"),
            Fault::Utf8 => self
                .error(format!("line {line} is not valid UTF-8"))
                .with_help("convert the file to UTF-8"),
            Fault::Unclosed => self
                .error(format!("the quoted field that starts in the row at line {line} is never closed"))
                .with_help("the file may be cut off; if quotes are plain text in it, say `.quote(None)`"),
            Fault::AfterQuote => self
                .error(format!("text follows a closing quote in the row at line {line}"))
                .with_help("double the quotes inside a quoted field; if quotes are plain text, say `.quote(None)`"),
            Fault::StrayQuote => self
                .error(format!("there is a lone quote inside an unquoted field in the row at line {line}"))
                .with_help("quote the field and double the quote; if quotes are plain text, say `.quote(None)`"),
            Fault::TooLong => self.error(format!("line {line} is longer than 64 MiB")),
        }
    }
}
