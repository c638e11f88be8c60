use std::fmt::Write as _;
use std::fs::File;
use std::hash::Hasher;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use polars::prelude::DataFrame;
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::error::Result;

/// What tells the rows of a source from others, for a tracker.
///
/// The digest is a SipHash-2-4-128 (key 0). Of a file it covers the length and, up to 16 MiB, all of
/// the bytes; of a larger one 16 pieces of 1 MiB, evenly spaced from its first byte to its last. Of a
/// frame in memory it covers the columns with their dtypes, the number of rows and, up to 8192 rows,
/// all of the values; of more, 8192 rows evenly spaced. So it costs the same whatever the size, tells
/// appended rows, and can miss a change in the midst of a large file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fingerprint {
    /// What the rows are called, such as the name of a file.
    pub name: String,
    /// 32 hexadecimal digits; empty where the source cannot tell.
    pub digest: String,
    /// The files that are read.
    pub files: Vec<PathBuf>,
}

const MIB: u64 = 1 << 20;
/// How much of a file is read.
const PIECES: u64 = 16;
/// How many rows of a frame are read.
const ROWS: usize = 8192;

impl Fingerprint {
    /// Of rows with a name and a digest of the source's own.
    pub fn new(name: impl Into<String>, digest: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            digest: digest.into(),
            files: Vec::new(),
        }
    }

    /// Of files, in their order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`](crate::ErrorKind::Source) when one of them cannot be read.
    pub fn of_files(files: Vec<PathBuf>) -> Result<Self> {
        let mut hasher = SipHasher24::new();
        for path in &files {
            super::files::metadata(path)?;
            hash_file(path, &mut hasher).map_err(|error| {
                super::files::error_in(path, error.to_string()).caused_by(error)
            })?;
        }
        let name = files.first().and_then(|path| path.file_name());
        let mut name = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if files.len() > 1 {
            // Writing to a `String` does not fail.
            let _ = write!(name, " and {} more", files.len() - 1);
        }
        Ok(Self {
            name,
            digest: digits(&hasher),
            files,
        })
    }

    pub(super) fn of_frame(frame: &DataFrame) -> Self {
        let mut hasher = SipHasher24::new();
        let mut text = String::new();
        let rows = frame.height();
        for column in frame.columns() {
            let _ = write!(text, "{}\0{}\0", column.name(), column.dtype());
            hasher.write(text.as_bytes());
            text.clear();
            let taken = rows.min(ROWS);
            for at in 0..taken {
                // The first row and the last one are among them.
                let row = if rows <= ROWS {
                    at
                } else {
                    at * (rows - 1) / (taken - 1)
                };
                if let Ok(value) = column.get(row) {
                    let _ = write!(text, "{value:?}\0");
                    hasher.write(text.as_bytes());
                    text.clear();
                }
            }
        }
        hasher.write_u64(rows as u64);
        Self::new("rows in memory", digits(&hasher))
    }
}

/// A digest of a few texts, such as that of a source and what is done to its rows.
pub(crate) fn digest_of(texts: &[&str]) -> String {
    let mut hasher = SipHasher24::new();
    for text in texts {
        hasher.write_u64(text.len() as u64);
        hasher.write(text.as_bytes());
    }
    digits(&hasher)
}

fn digits(hasher: &SipHasher24) -> String {
    format!("{:032x}", hasher.finish128().as_u128())
}

fn hash_file(path: &Path, hasher: &mut SipHasher24) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    hasher.write_u64(length);
    let mut bytes = Vec::new();
    if length <= PIECES * MIB {
        file.take(PIECES * MIB).read_to_end(&mut bytes)?;
        hasher.write(&bytes);
        return Ok(());
    }
    for piece in 0..PIECES {
        let at = u128::from(length - MIB) * u128::from(piece) / u128::from(PIECES - 1);
        file.seek(SeekFrom::Start(u64::try_from(at).unwrap_or(u64::MAX)))?;
        bytes.clear();
        file.by_ref().take(MIB).read_to_end(&mut bytes)?;
        hasher.write(&bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    #[test]
    fn other_rows_have_another_digest() {
        let folder =
            std::env::temp_dir().join(format!("floe-print-{:016x}", rand::random::<u64>()));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("a.csv");
        let of = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Fingerprint::of_files(vec![path.clone()]).unwrap()
        };
        let first = of(b"1\n2\n");
        assert_eq!((first.name.as_str(), first.digest.len()), ("a.csv", 32));
        assert_eq!(of(b"1\n2\n"), first);
        assert_ne!(of(b"1\n3\n"), first);
        let mut large = vec![7; 20 << 20];
        let before = of(&large);
        *large.last_mut().unwrap() = 8;
        assert_ne!(of(&large), before);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(Fingerprint::of_files(vec![path.clone()]).is_err());

        let frame = |last: i64| df!["x" => [1, 2, last], "y" => ["a", "b", "c"]].unwrap();
        let of = |frame: DataFrame| Fingerprint::of_frame(&frame).digest;
        assert_eq!(of(frame(3)), of(frame(3)));
        assert_ne!(of(frame(3)), of(frame(4)));
        let long = |last: i64| df!["x" => (0..20_000).chain([last]).collect::<Vec<i64>>()].unwrap();
        assert_ne!(of(long(3)), of(long(4)));
    }
}
