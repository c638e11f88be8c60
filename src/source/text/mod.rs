//! Lines of text from a file, plain or gzip, in constant memory; and what values in it look like.

pub(super) mod parse;

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind as IoErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use polars::prelude::DataType;

use super::files::{error_in, metadata};
use crate::error::{Error, Result};

/// No line of a table is this long; without a bound a file without line ends would be taken in whole.
pub(super) const LONGEST: usize = 64 << 20;

/// The byte order mark that some programs write before the text.
const MARK: &[u8] = b"\xef\xbb\xbf";

const GZIP: &[u8] = &[0x1f, 0x8b];

/// How compressed files begin that are not read, and who made them.
const UNREAD: [(&[u8], &str); 4] = [
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz"),
    (&[b'P', b'K', 3, 4], "zip"),
    (b"BZh91AY&SY", "bzip2"),
];

/// The second byte after an `x` in the four headers of zlib.
const ZLIB: [u8; 4] = [0x01, 0x5e, 0x9c, 0xda];

/// Refuses what is not a file of text that can be read, by its first bytes.
pub(super) fn check(path: &Path) -> Result<()> {
    metadata(path)?;
    let failed = |error: io::Error| error_in(path, error.to_string()).caused_by(error);
    let mut start = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(10).read_to_end(&mut start).map_err(failed)?;
    if let Some((_, name)) = UNREAD.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err(
            error_in(path, format!("it is compressed with {name}")).with_help(
                "a compressed file must be converted: decompress it, or compress it with gzip",
            ),
        );
    }
    // Polars takes such a file for zlib, even when it is text that begins with `x^2`.
    if let [b'x', second, _, _, ..] = start[..]
        && ZLIB.contains(&second)
    {
        return Err(error_in(path, "it begins with the bytes of a zlib file")
            .with_help("a compressed file must be converted; if it is text, put a line break or a byte order mark first"));
    }
    Ok(())
}

/// Why a line of a file cannot be read.
#[derive(Debug)]
pub(super) enum LineFault {
    Io(io::Error),
    Gzip(io::Error),
    Nul,
    Utf8,
    TooLong,
}

/// A fault and its line, counted from one.
#[derive(Debug)]
pub(super) struct LineFlaw {
    pub(super) fault: LineFault,
    pub(super) line: u64,
}

impl LineFlaw {
    pub(super) fn into_error(self, path: &Path) -> Error {
        let line = self.line;
        match self.fault {
            LineFault::Io(error) => error_in(path, error.to_string()).caused_by(error),
            LineFault::Gzip(error) if error.kind() == IoErrorKind::UnexpectedEof => {
                let message = format!("the gzip file is cut off at line {line}");
                error_in(path, message)
                    .caused_by(error)
                    .with_help("copy or write the file again")
            }
            LineFault::Gzip(error) => {
                let message = format!("the gzip file is damaged at line {line}: {error}");
                error_in(path, message)
                    .caused_by(error)
                    .with_help("copy or write the file again")
            }
            LineFault::Nul => {
                let message = format!("it does not look like text: line {line} has a zero byte");
                error_in(path, message)
                    .with_help("a compressed or UTF-16 file must be converted to UTF-8 text first")
            }
            LineFault::Utf8 => error_in(path, format!("line {line} is not valid UTF-8"))
                .with_help("convert the file to UTF-8"),
            LineFault::TooLong => error_in(path, format!("line {line} is longer than 64 MiB")),
        }
    }
}

/// The lines of a file, one at a time.
pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    gzip: bool,
    line: u64,
    bytes: Vec<u8>,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, LineFlaw> {
        let io = |error| LineFlaw {
            fault: LineFault::Io(error),
            line: 1,
        };
        let file = File::open(path).map_err(io)?;
        let mut file = BufReader::with_capacity(256 << 10, file);
        let gzip = file.fill_buf().map_err(io)?.starts_with(GZIP);
        let reader: Box<dyn BufRead> = if gzip {
            Box::new(BufReader::with_capacity(
                256 << 10,
                MultiGzDecoder::new(file),
            ))
        } else {
            Box::new(file)
        };
        Ok(Self {
            reader,
            gzip,
            line: 0,
            bytes: Vec::new(),
        })
    }

    /// How many lines were read.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The last line that was read, with its end; it is UTF-8.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The last line that was read, as text.
    pub(super) fn text(&self) -> &str {
        // It was checked when it was read.
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// Goes past a line, whatever is in it; false at the end.
    pub(super) fn skip(&mut self) -> Result<bool, LineFlaw> {
        let skipped = self.reader.skip_until(b'\n');
        let found = skipped.map_err(|error| self.failed(error))? > 0;
        self.line += u64::from(found);
        Ok(found)
    }

    /// Reads the next line; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool, LineFlaw> {
        self.bytes.clear();
        let mut limited = self.reader.by_ref().take(LONGEST as u64);
        let read = limited.read_until(b'\n', &mut self.bytes);
        if read.map_err(|error| self.failed(error))? == 0 {
            return Ok(false);
        }
        self.line += 1;
        let flaw = |fault| {
            Err(LineFlaw {
                fault,
                line: self.line,
            })
        };
        if self.line == 1 && self.bytes.starts_with(MARK) {
            self.bytes.drain(..MARK.len());
        }
        if self.bytes.contains(&0) {
            return flaw(LineFault::Nul);
        }
        if self.bytes.len() >= LONGEST {
            return flaw(LineFault::TooLong);
        }
        if std::str::from_utf8(&self.bytes).is_err() {
            return flaw(LineFault::Utf8);
        }
        Ok(true)
    }

    fn failed(&self, error: io::Error) -> LineFlaw {
        LineFlaw {
            fault: if self.gzip {
                LineFault::Gzip(error)
            } else {
                LineFault::Io(error)
            },
            line: self.line + 1,
        }
    }
}

/// Whether text can be read as this dtype at all.
pub(super) fn is_readable(dtype: &DataType) -> bool {
    matches!(
        dtype,
        DataType::String | DataType::Boolean | DataType::Date | DataType::Datetime(_, None)
    ) || matches!(dtype, DataType::Float32 | DataType::Float64)
        || is_whole(dtype)
}

fn is_whole(dtype: &DataType) -> bool {
    use DataType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64};
    matches!(
        dtype,
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64
    )
}

/// The dtype of a column, and whether the user declared it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) dtype: DataType,
    pub(super) declared: bool,
}

/// A dtype with its article.
pub(super) fn article(dtype: &DataType) -> String {
    // As they are printed: i8 to i64, f32 and f64.
    let vowel = dtype.is_signed_integer() || dtype.is_float();
    format!("{} {dtype}", if vowel { "an" } else { "a" })
}

/// The head of a long value, without line breaks.
pub(super) fn shortened(value: &str) -> String {
    let shown: String = value
        .chars()
        .take(60)
        .flat_map(char::escape_debug)
        .collect();
    if shown.len() < value.len() {
        format!("{shown}…")
    } else {
        shown
    }
}
