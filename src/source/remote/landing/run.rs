use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::cell::written;
use super::checkpoint::{Begun, Checkpoint};
use super::files::{self, failed};
use super::finish::{RowFiles, SKIPS, STATE, finish, open_files, path_of, set, state_of};
use super::index::FORMAT;
use super::lock::Lock;
use super::open_runs::OpenRun;
use super::row_file::{Extent, RowFile};
use super::table::{FETCHED, RUN, SOURCE};
use super::{Landing, Manifest, Outcome, Skip};
use crate::error::{Error, ErrorKind, Result, listed};

/// A run that is being collected; see [`Landing::begin`].
///
/// What was committed survives a kill of the process and a loss of power. A run that is dropped
/// without [`finish`](Self::finish) is left open, and taken up by the next one. After an error of a
/// file nothing more is taken.
pub struct LandingRun {
    landing: Landing,
    open: OpenRun,
    files: RowFiles,
    state: BTreeMap<String, Value>,
    is_resumed: bool,
    /// Whether a file may end in half a line.
    is_broken: bool,
    _lock: Lock,
}

impl LandingRun {
    pub(super) fn begin(landing: Landing, lock: Lock, params: Value) -> Result<Self> {
        let started = landing.now();
        let begun = Begun {
            format: FORMAT,
            run: run_id(started),
            params,
            started,
            tables: (*landing.tables).clone(),
        };
        let rows = landing.files.rows(&begun.run);
        fs::create_dir_all(&rows).map_err(|error| failed(&rows, "made", error))?;
        files::write(&landing.files.begun(&begun.run), &begun)?;
        files::sync_names(&landing.files.run(&begun.run))?;
        files::sync_names(landing.files.folder())?;
        let open = OpenRun {
            begun,
            checkpoint: Checkpoint::default(),
        };
        Self::of(landing, lock, open, false)
    }

    pub(super) fn resume(landing: Landing, lock: Lock, mut open: OpenRun) -> Result<Self> {
        open.checkpoint.resumed += 1;
        let path = landing.files.checkpoint(&open.begun.run);
        files::write(&path, &open.checkpoint)?;
        Self::of(landing, lock, open, true)
    }

    fn of(landing: Landing, lock: Lock, open: OpenRun, is_resumed: bool) -> Result<Self> {
        let files = open_files(&landing, &open)?;
        let state = state_of(&landing, &files)?;
        Ok(Self {
            landing,
            open,
            files,
            state,
            is_resumed,
            is_broken: false,
            _lock: lock,
        })
    }

    /// The run.
    pub fn id(&self) -> &str {
        &self.open.begun.run
    }

    /// When it began, before all kills.
    pub fn started(&self) -> Timestamp {
        self.open.begun.started
    }

    /// Whether it was begun by a process before, and how far is in [`cursor`](Self::cursor).
    pub fn is_resumed(&self) -> bool {
        self.is_resumed
    }

    /// What was committed last; null at first.
    pub fn cursor(&self) -> &Value {
        &self.open.checkpoint.cursor
    }

    /// The rows of a table so far.
    pub fn rows(&self, table: &str) -> u64 {
        let file = self.files.get(table);
        file.map_or(0, |file| file.extent().rows)
    }

    /// The items that were passed over so far.
    pub fn skips(&self) -> u64 {
        self.rows(SKIPS)
    }

    /// Appends a row: a struct or a map whose fields are columns of the table.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for an unknown table; [`ErrorKind::Schema`] with the column for a field
    /// that is no column, a value that is not of its dtype, and a key that is null;
    /// [`ErrorKind::Output`] when the file cannot be written.
    pub fn append(&mut self, table: &str, row: &(impl Serialize + ?Sized)) -> Result<()> {
        let line = self.line(table, row)?;
        self.push(table, &line)
    }

    /// Notes that an item is passed over, and why; it is committed with the next commit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] when the file cannot be written.
    pub fn skip(&mut self, item: impl Into<String>, reason: impl Into<String>) -> Result<()> {
        let (item, reason) = (item.into(), reason.into());
        self.push_json(SKIPS, &Skip { item, reason })
    }

    /// What this run, or else one before it, left under a name.
    pub fn state(&self, name: &str) -> Option<&Value> {
        self.state.get(name)
    }

    /// All that this run and those before it left.
    pub fn states(&self) -> &BTreeMap<String, Value> {
        &self.state
    }

    /// Leaves something for the runs after this one, such as the time of the newest row of an item;
    /// null takes it away. It is committed with the next commit, and counts for others once the run
    /// is finished. A name costs what it holds, not what all hold.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] when the file cannot be written.
    pub fn set_state(&mut self, name: impl Into<String>, value: Value) -> Result<()> {
        let name = name.into();
        self.push_json(STATE, &(&name, &value))?;
        set(&mut self.state, name, value);
        Ok(())
    }

    /// Notes something for the manifest under a name, such as the quota that was spent; it is
    /// committed with the next commit, and there again after a kill.
    pub fn note(&mut self, name: impl Into<String>, value: Value) {
        self.open.checkpoint.notes.insert(name.into(), value);
    }

    /// What was noted so far.
    pub fn notes(&self) -> &Map<String, Value> {
        &self.open.checkpoint.notes
    }

    /// Makes everything up to here survive: first the rows, then the cursor, by rename.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] when a file cannot be written; what was committed before stays.
    pub fn commit(&mut self, cursor: Value) -> Result<()> {
        self.refuse_broken()?;
        self.is_broken = true;
        let files = self.files.values_mut();
        files.into_iter().try_for_each(RowFile::sync)?;
        let extents = self.files.iter();
        let extents = extents.map(|(name, file)| (name.clone(), file.extent()));
        let mut checkpoint = self.open.checkpoint.clone();
        checkpoint.files = extents.collect();
        checkpoint.cursor = cursor;
        let path = self.landing.files.checkpoint(self.id());
        files::write(&path, &checkpoint)?;
        self.open.checkpoint = checkpoint;
        self.is_broken = false;
        Ok(())
    }

    /// Ends the run: its rows become Parquet, its manifest is written, and readers see it. All rows
    /// and notes count, those after the last commit too. A kill on the way leaves the run open at its
    /// last commit.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] when a file cannot be written: the run is left open.
    pub fn finish(mut self, outcome: Outcome) -> Result<Manifest> {
        self.refuse_broken()?;
        self.files.values_mut().try_for_each(RowFile::sync)?;
        finish(&self.landing, &self.open, self.files, outcome)
    }

    /// The file of a table, and the bytes of it that are committed.
    pub(super) fn committed(&self, table: &str) -> Option<(std::path::PathBuf, u64)> {
        let file = self.files.get(table)?;
        let extent = self.open.checkpoint.files.get(table)?;
        Some((file.path().to_owned(), extent.bytes))
    }

    fn refuse_broken(&self) -> Result<()> {
        if self.is_broken {
            let message = "a file of the run could not be written before";
            return Err(Error::new(ErrorKind::Output, message)
                .with_help("begin anew: the next run goes on from the last commit"));
        }
        Ok(())
    }

    /// The line of a row, which has only what its table has.
    fn line(&self, name: &str, row: &(impl Serialize + ?Sized)) -> Result<Vec<u8>> {
        let table = self.landing.declared(name)?;
        let wrong = |what: &str| {
            let message = format!("a row for the table `{name}` {what}");
            Error::new(ErrorKind::Schema, message)
        };
        let row = match serde_json::to_value(row) {
            Ok(Value::Object(row)) => row,
            Ok(_) => return Err(wrong("is neither a struct nor a map")),
            Err(error) => return Err(wrong(&format!("cannot be written: {error}"))),
        };
        let (columns, mut line) = (table.all(), Map::new());
        for (key, value) in row {
            let Some(column) = columns.iter().find(|column| column.name == key) else {
                let columns = columns.iter().map(|column| &column.name);
                return Err(wrong("has a field that is no column")
                    .on_column(key)
                    .with_help(format!("the columns are {}", listed(columns))));
            };
            if value.is_null() {
                continue;
            }
            if key == RUN {
                if value.as_str() != Some(self.id()) {
                    return Err(wrong("names another run").on_column(key));
                }
                continue;
            }
            let dtype = &column.dtype.0;
            let shown = shown(&value);
            let Some(value) = written(value, dtype) else {
                return Err(wrong(&format!("has {shown}, which does not fit"))
                    .on_column(key)
                    .with_dtype(dtype));
            };
            line.insert(key, value);
        }
        let missing = table.key().find(|key| !line.contains_key(*key));
        if let Some(key) = missing {
            return Err(wrong("has no value in its key").on_column(key));
        }
        if !line.contains_key(FETCHED) {
            let now = self.landing.now().as_microsecond();
            line.insert(FETCHED.to_owned(), now.into());
        }
        if line.get(SOURCE).and_then(Value::as_str) == Some(&self.landing.name) {
            line.remove(SOURCE);
        }
        Ok(json_line(&line))
    }

    fn push_json(&mut self, file: &str, value: &impl Serialize) -> Result<()> {
        self.push(file, &json_line(value))
    }

    fn push(&mut self, name: &str, line: &[u8]) -> Result<()> {
        self.refuse_broken()?;
        if !self.files.contains_key(name) {
            let path = path_of(&self.landing, self.id(), name);
            let file = RowFile::open(&path, Extent::default())?;
            self.files.insert(name.to_owned(), file);
        }
        let Some(file) = self.files.get_mut(name) else {
            return Ok(());
        };
        let pushed = file.push(line);
        self.is_broken = pushed.is_err();
        pushed
    }
}

impl fmt::Debug for LandingRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LandingRun({} of {:?})", self.id(), self.landing)
    }
}

/// A value for a message. A text is not shown: it may be private, and a landing knows no secret that
/// a service may have written into it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("a text of {} characters", text.chars().count()),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        value => format!("`{value}`"),
    }
}

fn json_line(value: &impl Serialize) -> Vec<u8> {
    // Maps, strings and values of JSON are always written.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

/// A UUID of version 7: its text sorts by time.
fn run_id(time: Timestamp) -> String {
    let millis = u64::try_from(time.as_millisecond()).unwrap_or(0) & 0xffff_ffff_ffff;
    let (a, b) = (rand::random::<u16>() & 0xfff, rand::random::<u64>());
    format!(
        "{:08x}-{:04x}-7{a:03x}-{:04x}-{:012x}",
        millis >> 16,
        millis & 0xffff,
        (b >> 48) & 0x3fff | 0x8000,
        b & 0xffff_ffff_ffff
    )
}
