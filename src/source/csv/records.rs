//! Splits a text file into records exactly as the reader of Polars will, and says at which line it cannot.

use std::path::Path;

use crate::source::text::{LONGEST, LineFlaw, Lines};

/// How the bytes of a file become records and fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) separator: u8,
    pub(super) quote: Option<u8>,
    pub(super) comment: Option<String>,
    pub(super) skip_lines: u64,
}

/// What a line, or a run of lines that a quoted field holds together, turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Nothing but spaces: not a row.
    Blank,
    /// A line that starts with the comment prefix.
    Comment,
    /// A row of this many fields.
    Record(usize),
}

/// Why the text of a file cannot be a table.
#[derive(Debug)]
pub(super) enum Fault {
    /// A line cannot be read at all.
    Line(LineFlaw),
    /// A quoted field is not closed at the end of the file, or is far too long.
    Unclosed,
    /// Text follows the closing quote of a field.
    AfterQuote,
    /// An unquoted field holds an odd number of quotes.
    StrayQuote,
}

/// A fault and the line, counted from one, where the record starts.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) fault: Fault,
    pub(super) line: u64,
}

impl From<LineFlaw> for Flaw {
    fn from(flaw: LineFlaw) -> Self {
        Self {
            line: flaw.line,
            fault: Fault::Line(flaw),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    FieldStart,
    Unquoted,
    Quoted,
    QuoteInQuoted,
}

/// The records of a file, one at a time, in constant memory.
pub(super) struct Records {
    lines: Lines,
    format: Format,
    record: Vec<u8>,
    keep: bool,
}

impl Records {
    /// Opens a file and goes past the lines to skip.
    ///
    /// With `keep` the text of the last record is at hand in [`fields`](Self::fields).
    pub(super) fn open(path: &Path, format: &Format, keep: bool) -> Result<Self, Flaw> {
        let mut records = Self {
            lines: Lines::open(path)?,
            format: format.clone(),
            record: Vec::new(),
            keep,
        };
        for _ in 0..format.skip_lines {
            if !records.lines.skip()? {
                break;
            }
        }
        Ok(records)
    }

    /// The next item and the line where it starts, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(Item, u64)>, Flaw> {
        if !self.lines.advance()? {
            return Ok(None);
        }
        let start = self.lines.line();
        if let Some(prefix) = &self.format.comment
            && self.lines.bytes().starts_with(prefix.as_bytes())
        {
            return Ok(Some((Item::Comment, start)));
        }
        if is_blank(self.lines.bytes(), self.format.separator) {
            return Ok(Some((Item::Blank, start)));
        }
        let fields = self.record(start)?;
        Ok(Some((Item::Record(fields), start)))
    }

    /// The unquoted text of each field of the last record; only of a reader that keeps it.
    pub(super) fn fields(&self) -> Vec<String> {
        let mut fields = vec![];
        let mut start = 0;
        let mut splitter = Splitter::new(&self.format);
        for (at, &byte) in self.record.iter().enumerate() {
            // The record was accepted before, so no step can fail now.
            if let Ok(true) = splitter.step(byte) {
                fields.push(self.text(start, at));
                start = at + 1;
            }
        }
        fields.push(self.text(start, self.record.len()));
        fields
    }

    fn text(&self, start: usize, end: usize) -> String {
        let raw = String::from_utf8_lossy(&self.record[start..end]);
        match self.format.quote.map(char::from) {
            Some(quote) if raw.len() > 1 && raw.starts_with(quote) => {
                let doubled = format!("{quote}{quote}");
                raw[1..raw.len() - 1].replace(&doubled, &quote.to_string())
            }
            _ => raw.into_owned(),
        }
    }

    fn record(&mut self, start: u64) -> Result<usize, Flaw> {
        let flaw = |fault| Flaw { fault, line: start };
        self.record.clear();
        let mut splitter = Splitter::new(&self.format);
        let mut length = 0;
        loop {
            let content = without_line_end(self.lines.bytes());
            splitter.feed(content).map_err(flaw)?;
            if splitter.mode != Mode::Quoted {
                splitter.close_field().map_err(flaw)?;
                if self.keep {
                    self.record.extend_from_slice(content);
                }
                return Ok(splitter.fields);
            }
            if self.keep {
                self.record.extend_from_slice(self.lines.bytes());
            }
            length += self.lines.bytes().len();
            // A quote that never closes would otherwise pull in the whole file.
            if length > LONGEST || !self.lines.advance()? {
                return Err(flaw(Fault::Unclosed));
            }
        }
    }
}

struct Splitter {
    separator: u8,
    quote: Option<u8>,
    mode: Mode,
    stray: bool,
    fields: usize,
}

impl Splitter {
    fn new(format: &Format) -> Self {
        Self {
            separator: format.separator,
            quote: format.quote,
            mode: Mode::FieldStart,
            stray: false,
            fields: 1,
        }
    }

    fn feed(&mut self, content: &[u8]) -> Result<(), Fault> {
        // Nearly every line of a table of numbers takes this way: no quote, so only separators count.
        if self.mode == Mode::FieldStart
            && !self.quote.is_some_and(|quote| content.contains(&quote))
        {
            let separator = self.separator;
            #[allow(
                clippy::naive_bytecount,
                reason = "the loop is vectorised; not worth a crate"
            )]
            let separators = content.iter().filter(|&&byte| byte == separator).count();
            self.fields += separators;
            return Ok(());
        }
        for &byte in content {
            self.step(byte)?;
        }
        Ok(())
    }

    /// Takes one byte; true when it ended a field.
    fn step(&mut self, byte: u8) -> Result<bool, Fault> {
        let quote = self.quote == Some(byte);
        let separator = byte == self.separator;
        self.mode = match self.mode {
            Mode::Quoted if quote => Mode::QuoteInQuoted,
            Mode::Quoted => Mode::Quoted,
            Mode::FieldStart | Mode::QuoteInQuoted if quote => Mode::Quoted,
            _ if separator => {
                self.close_field()?;
                self.fields += 1;
                Mode::FieldStart
            }
            Mode::QuoteInQuoted => return Err(Fault::AfterQuote),
            Mode::FieldStart | Mode::Unquoted => {
                self.stray ^= quote;
                Mode::Unquoted
            }
        };
        Ok(separator && self.mode == Mode::FieldStart)
    }

    // Polars finds the ends of rows by counting quotes, so an odd one in the middle of a field
    // would glue rows together, silently when the column is not projected.
    fn close_field(&mut self) -> Result<(), Fault> {
        if self.stray {
            Err(Fault::StrayQuote)
        } else {
            Ok(())
        }
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn is_blank(line: &[u8], separator: u8) -> bool {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n') && *byte != separator;
    line.iter().all(blank)
}
