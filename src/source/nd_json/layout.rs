//! What must be known of the files before Polars reads them: the keys, their dtypes, and that each line is text.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use polars::prelude::DataType;

use super::NdJson;
use super::infer::{Guess, Unfit};
use super::object::{Broken, members};
use crate::error::{Error, ErrorKind, Result, listed};
use crate::source::files::{error_in, refuse_repeated};
use crate::source::text::{self, Lines, Target, is_readable};

/// The keys that become columns, in their order, with their dtypes.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) paths: Vec<PathBuf>,
    pub(super) names: Vec<String>,
    pub(super) targets: Vec<Target>,
    /// Whether other keys are passed over, because the columns were chosen.
    pub(super) chosen: bool,
}

/// The keys of the sample in the order in which they came, and what was seen under them.
#[derive(Default)]
struct Sample {
    lines: u64,
    keys: Vec<Key>,
    index: HashMap<String, usize>,
}

struct Key {
    name: String,
    guess: Guess,
    /// The line after which no dtype fitted.
    unfit: Option<(PathBuf, u64)>,
}

impl Sample {
    fn see(&mut self, path: &Path, line: u64, key: &str, value: &str) {
        let at = self.index.get(key).copied().unwrap_or_else(|| {
            self.index.insert(key.to_owned(), self.keys.len());
            self.keys.push(Key {
                name: key.to_owned(),
                guess: Guess::default(),
                unfit: None,
            });
            self.keys.len() - 1
        });
        let key = &mut self.keys[at];
        key.guess.see(value);
        if key.unfit.is_none() && key.guess.dtype().is_err() {
            key.unfit = Some((path.to_owned(), line));
        }
    }

    fn get(&self, name: &str) -> Option<&Key> {
        self.index.get(name).map(|&at| &self.keys[at])
    }
}

impl NdJson {
    /// Finds the columns from the first rows of each file.
    pub(super) fn head(&self) -> Result<Head> {
        let paths = self.files.paths()?;
        paths.iter().try_for_each(|path| text::check(path))?;
        let mut sample = Sample::default();
        let all_known =
            |names: &Vec<String>| names.iter().all(|name| self.declared(name).is_some());
        if !self.columns.as_ref().is_some_and(all_known) {
            for path in &paths {
                self.sample(path, &mut sample)?;
            }
        }
        let names = self.names(&sample);
        let index = self.row_index.as_deref();
        refuse_repeated(
            &paths[0],
            index,
            names.iter().map(String::as_str),
            "name each column once in `.columns([..])`, or give another name to `.row_index(..)`",
        )?;
        self.refuse_bad_dtypes(&names)?;
        if names.is_empty() {
            let what = match (sample.lines, paths.len()) {
                (0, 1) => "the file is empty",
                (0, _) => "the file is empty, and so are all others",
                _ => "no object has a key",
            };
            return Err(error_in(&paths[0], what)
                .with_help("declare the columns with `.dtypes([..])` to read no rows"));
        }
        let targets = names.iter().map(|name| self.target(name, &sample));
        let targets = targets.collect::<Result<_>>()?;
        Ok(Head {
            paths,
            names,
            targets,
            chosen: self.columns.is_some(),
        })
    }

    fn declared(&self, name: &str) -> Option<&DataType> {
        let last = self.dtypes.iter().rev().find(|(of, _)| of == name);
        last.map(|(_, dtype)| dtype)
    }

    fn names(&self, sample: &Sample) -> Vec<String> {
        if let Some(columns) = &self.columns {
            return columns.clone();
        }
        let found = sample.keys.iter().map(|key| &key.name);
        // A key may come later than the sample goes, or in no line at all.
        let declared = self.dtypes.iter().map(|(name, _)| name);
        let mut seen = HashSet::new();
        let names = found.chain(declared).filter(|name| seen.insert(*name));
        names.cloned().collect()
    }

    fn target(&self, name: &str, sample: &Sample) -> Result<Target> {
        if let Some(dtype) = self.declared(name) {
            let dtype = dtype.clone();
            return Ok(Target {
                dtype,
                declared: true,
            });
        }
        let Some(key) = sample.get(name) else {
            let names = sample.keys.iter().map(|key| &key.name);
            let message = "no line that was looked at has the key";
            return Err(Error::new(ErrorKind::Schema, message)
                .on_column(name)
                .with_help(format!(
                    "declare its dtype with `.dtype(..)`; the keys there are {}",
                    listed(names)
                )));
        };
        match key.guess.dtype() {
            Ok(dtype) => Ok(Target {
                dtype,
                declared: false,
            }),
            Err(unfit) => Err(unfitting(key, &unfit)),
        }
    }

    fn sample(&self, path: &Path, sample: &mut Sample) -> Result<()> {
        let mut lines = Lines::open(path).map_err(|flaw| flaw.into_error(path))?;
        let wanted = self.infer_rows.unwrap_or(usize::MAX);
        let mut seen = 0;
        while seen < wanted && lines.advance().map_err(|flaw| flaw.into_error(path))? {
            let text = lines.text();
            if is_blank(text) {
                continue;
            }
            let line = lines.line();
            let failed = |broken| broken_at(path, line, broken);
            let mut members = members(text).map_err(failed)?;
            while let Some((key, value)) = members.advance().map_err(failed)? {
                sample.see(path, line, &key, value);
            }
            seen += 1;
            sample.lines += 1;
        }
        Ok(())
    }

    /// How many rows a file has. Goes over all lines once, unless that was done since the file last
    /// changed: Polars splits them, but names no line where they are not text or end too early.
    pub(super) fn count(&self, path: &Path) -> Result<u32> {
        self.checked.get(path, || {
            let mut lines = Lines::open(path).map_err(|flaw| flaw.into_error(path))?;
            let mut rows = 0_u32;
            while lines.advance().map_err(|flaw| flaw.into_error(path))? {
                let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\r' | b'\n');
                if lines.bytes().iter().any(control) {
                    let line = lines.line();
                    let message = format!("line {line} has a control character, which is not JSON");
                    return Err(error_in(path, message).with_help("escape it, as `\\u0001`"));
                }
                if !is_blank(lines.text()) {
                    rows = rows.checked_add(1).ok_or_else(|| {
                        error_in(path, "the file has more than 4,294,967,295 rows")
                    })?;
                }
            }
            Ok(rows)
        })
    }

    fn refuse_bad_dtypes(&self, names: &[String]) -> Result<()> {
        for (name, dtype) in &self.dtypes {
            if !names.contains(name) {
                let message = "a dtype is declared for a column that was not chosen";
                return Err(Error::new(ErrorKind::Schema, message)
                    .on_column(name.as_str())
                    .with_help("name it in `.columns([..])` too"));
            }
            if !is_readable(dtype) {
                let message = "a JSON value cannot be read as this dtype";
                return Err(Error::new(ErrorKind::Config, message)
                    .on_column(name.as_str())
                    .with_dtype(dtype)
                    .with_help("declare integers, floats, Boolean, Date, Datetime without a zone or String, and cast in a step"));
            }
        }
        Ok(())
    }
}

/// Whether a line has nothing but the white space of JSON.
pub(super) fn is_blank(line: &str) -> bool {
    line.trim_matches([' ', '\t', '\r', '\n']).is_empty()
}

fn unfitting(key: &Key, unfit: &Unfit) -> Error {
    let (what, help) = match unfit {
        Unfit::Nested => (
            "an object or an array",
            "flatten it when the file is written, keep its JSON text by declaring a String with `.dtype(..)`, or leave it out with `.columns([..])`",
        ),
        Unfit::Mixed => (
            "a value of another kind than the lines before",
            "declare the dtype with `.dtype(..)`: a String keeps the JSON text of what is no string",
        ),
        Unfit::Digits => (
            "a whole number that no integer dtype holds with the others, and a float not exactly",
            "declare a String with `.dtype(..)` to keep the digits, or a Float64 to take the nearest",
        ),
    };
    let error = match &key.unfit {
        Some((path, line)) => error_in(path, format!("line {line} has {what}")),
        None => Error::new(ErrorKind::Source, format!("there is {what}")),
    };
    error.on_column(key.name.as_str()).with_help(help)
}

/// The error about a line that is not one JSON object.
pub(super) fn broken_at(path: &Path, line: u64, broken: Broken) -> Error {
    match broken {
        Broken::NotObject => error_in(path, format!("line {line} is not a JSON object"))
            .with_help("write one object `{..}` a line; an array must be taken apart"),
        Broken::Cut => error_in(path, format!("line {line} ends inside an object"))
            .with_help("the file may be cut off; an object stands on one line"),
        Broken::Invalid(what, at) => error_in(
            path,
            format!("line {line} is not valid JSON at byte {at}: {what}"),
        )
        .with_help("mend the line"),
    }
}
