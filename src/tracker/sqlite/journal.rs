//! The numbers of one run on their way to the database, in the file that is the lock of the run:
//! whoever finds the run dead finds them too, and nobody else reads them.
//!
//! ```text
//! file    the eight bytes of `HEAD`, frames, zeros
//! frame   length (4 bytes), checksum (8 bytes), numbers in so many bytes
//! number  time, step, value (8 bytes each), length of the key (2 bytes), key
//! ```
//!
//! All is little-endian. A call is one frame and one write of it, which a kill can cut short: then it
//! was not acknowledged, and its checksum tells. Frames may be brought to the database twice, since
//! its tables keep one of two equal numbers.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use crate::locked::Locked;
use crate::tracker::checksum::checksum;
use crate::tracker::entities::{MetricEntry, Number};

/// What a file with numbers begins with; the last byte is the version.
const HEAD: &[u8; 8] = b"floenum\x01";
/// The bytes before the numbers of a frame.
const FRAME: usize = 12;
/// The file is made longer by so much ahead of what is written: on some file systems a write that
/// makes a file longer takes twice the time.
const PIECE: u64 = 1 << 20;
/// The length of a file at which numbers are to wait for the database.
const LONGEST: u64 = 16 << 20;
/// The most that goes into one transaction, since other writers wait for it, unless a single frame
/// is more.
const CHUNK: usize = 1 << 18;

pub(super) struct Journal {
    file: Arc<Locked>,
    /// Where the next frame goes.
    end: u64,
    /// How long the file is.
    length: u64,
    /// The frames that are not in the database, after those that are.
    frames: Vec<u8>,
    /// How many bytes of `frames` are in the database.
    done: usize,
    is_closed: bool,
}

impl Journal {
    /// In a file that is locked: a new one, or one that was left, whose numbers wait from now on.
    pub(super) fn new(file: Arc<Locked>) -> Self {
        let mut journal = Self {
            file,
            end: 0,
            length: 0,
            frames: Vec::new(),
            done: 0,
            is_closed: false,
        };
        let mut bytes = Vec::new();
        let read = (&**journal.file).read_to_end(&mut bytes);
        if let Some(rest) = bytes.strip_prefix(HEAD) {
            journal.frames = rest[..whole(rest)].to_vec();
            journal.cut((HEAD.len() + journal.frames.len()) as u64);
        } else if read.is_err() || bytes.iter().any(|byte| *byte != 0) {
            // Numbers of a newer floe stay as they are.
            journal.is_closed = true;
        } else if !bytes.is_empty() {
            journal.cut(0);
        }
        journal
    }

    /// Writes numbers down, all or none of them.
    ///
    /// # Errors
    ///
    /// When they must go to the database at once: the file is full, closed, or cannot be written.
    pub(super) fn append<'a>(
        &mut self,
        numbers: impl Iterator<Item = Number<'a>>,
    ) -> io::Result<()> {
        let from = self.frames.len();
        let put = self.frame(numbers).and_then(|()| self.put(from));
        if put.is_err() {
            self.frames.truncate(from);
        }
        put
    }

    /// Adds a frame to those in memory.
    fn frame<'a>(&mut self, numbers: impl Iterator<Item = Number<'a>>) -> io::Result<()> {
        if self.is_closed {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let from = self.frames.len();
        self.frames.extend_from_slice(&[0; FRAME]);
        for number in numbers {
            let key = u16::try_from(number.key.len()).map_err(io::Error::other)?;
            self.frames
                .extend_from_slice(&number.timestamp.to_le_bytes());
            self.frames.extend_from_slice(&number.step.to_le_bytes());
            self.frames.extend_from_slice(&number.value.to_le_bytes());
            self.frames.extend_from_slice(&key.to_le_bytes());
            self.frames.extend_from_slice(number.key.as_bytes());
        }
        let (head, body) = self.frames[from..].split_at_mut(FRAME);
        let length = u32::try_from(body.len()).map_err(io::Error::other)?;
        head[..4].copy_from_slice(&length.to_le_bytes());
        head[4..].copy_from_slice(&checksum(body).to_le_bytes());
        Ok(())
    }

    /// Writes the frames in memory from there on to the end of the file.
    fn put(&mut self, from: usize) -> io::Result<()> {
        let frames = &self.frames[from..];
        if frames.len() == FRAME {
            // No number at all: a length of zero would end the file.
            self.frames.truncate(from);
            return Ok(());
        }
        let begin = if self.end == 0 { HEAD.as_slice() } else { &[] };
        let end = self.end + (begin.len() + frames.len()) as u64;
        if end > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut file: &File = &self.file;
        let mut write = || {
            if end > self.length {
                let length = end.next_multiple_of(PIECE);
                file.set_len(length)?;
                self.length = length;
            }
            if !begin.is_empty() {
                file.write_all(begin)?;
            }
            file.write_all(frames)
        };
        let written = write();
        match &written {
            Ok(()) => self.end = end,
            // Part of a frame would hide those that follow it.
            Err(_) => self.cut(self.end),
        }
        written
    }

    /// Ends the file there, so that all beyond reads as zeros once it is longer again.
    fn cut(&mut self, end: u64) {
        let mut file: &File = &self.file;
        let cut = file.set_len(end);
        let cut = cut.and_then(|()| file.seek(SeekFrom::Start(end)));
        (self.end, self.length) = (end, end);
        // What was written stays readable; nothing is added to it.
        self.is_closed |= cut.is_err();
    }

    /// Whether numbers wait for the database.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting() > 0
    }

    /// The bytes of all frames that wait for the database.
    pub(super) fn waiting(&self) -> usize {
        self.frames.len() - self.done
    }

    /// The first frames that wait for the database, as many as go into one transaction.
    pub(super) fn first(&self) -> &[u8] {
        let waiting = &self.frames[self.done..];
        let mut end = 0;
        for frame in frames(waiting) {
            let next = end + FRAME + frame.len();
            if end > 0 && next > CHUNK {
                break;
            }
            end = next;
        }
        &waiting[..end]
    }

    /// Takes note that so many bytes of the first frames are in the database.
    pub(super) fn brought(&mut self, bytes: usize) {
        self.done += bytes;
        if self.is_waiting() {
            if self.done > self.frames.len() / 2 {
                self.frames.drain(..self.done);
                self.done = 0;
            }
            return;
        }
        self.frames.clear();
        self.frames.shrink_to(CHUNK);
        self.done = 0;
        if self.end > PIECE {
            self.cut(0);
        }
    }

    /// Takes no more numbers, so that those that wait are the last ones.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }
}

/// The numbers in a file.
///
/// # Errors
///
/// When it cannot be read, or was written by a newer floe.
pub(super) fn read(mut file: &File) -> io::Result<Vec<MetricEntry>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    // A kill may come before the first write, or within it.
    let Some((head, rest)) = bytes.split_at_checked(HEAD.len()) else {
        return Ok(Vec::new());
    };
    if head == HEAD {
        return Ok(numbers(rest));
    }
    if head.iter().all(|byte| *byte == 0) {
        return Ok(Vec::new());
    }
    let what = "it holds numbers in a form that this floe does not know";
    Err(io::Error::new(io::ErrorKind::InvalidData, what))
}

/// The numbers in frames.
pub(super) fn numbers(bytes: &[u8]) -> Vec<MetricEntry> {
    let mut numbers = Vec::with_capacity(bytes.len() / 32);
    for mut frame in frames(bytes) {
        while let Some((number, rest)) = first_number(frame) {
            numbers.push(number);
            frame = rest;
        }
    }
    numbers
}

/// How many bytes whole frames take.
fn whole(bytes: &[u8]) -> usize {
    frames(bytes).map(|body| FRAME + body.len()).sum()
}

/// The bodies of the frames up to the first that is not whole.
fn frames(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (sum, rest) = rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (body, rest) = rest.split_at_checked(length)?;
        if length == 0 || u64::from_le_bytes(*sum) != checksum(body) {
            return None;
        }
        bytes = rest;
        Some(body)
    })
}

fn first_number(bytes: &[u8]) -> Option<(MetricEntry, &[u8])> {
    let (timestamp, rest) = bytes.split_first_chunk::<8>()?;
    let (step, rest) = rest.split_first_chunk::<8>()?;
    let (value, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    let number = MetricEntry {
        key: std::str::from_utf8(key).ok()?.to_owned(),
        value: f64::from_le_bytes(*value),
        timestamp: i64::from_le_bytes(*timestamp),
        step: i64::from_le_bytes(*step),
    };
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(key: &str, step: i64) -> Number<'_> {
        Number {
            key,
            value: step as f64 / 3.0,
            timestamp: 1_795_421_000_000 + step,
            step,
        }
    }

    fn journal() -> (Journal, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let locked = Locked::new(file.reopen().unwrap()).unwrap();
        (Journal::new(Arc::new(locked)), file)
    }

    fn steps(numbers: &[MetricEntry]) -> Vec<i64> {
        numbers.iter().map(|number| number.step).collect()
    }

    #[test]
    fn numbers_are_read_back_up_to_the_first_frame_that_is_not_whole() {
        let (mut journal, file) = journal();
        let again = || read(&file.reopen().unwrap()).unwrap();
        assert!(again().is_empty());
        journal.append([].into_iter()).unwrap();
        journal.append([number("loss å", -1)].into_iter()).unwrap();
        let first = usize::try_from(journal.end).unwrap();
        journal
            .append((0..9).map(|step| number("b", step)))
            .unwrap();
        let whole = usize::try_from(journal.end).unwrap();
        assert_eq!(steps(&again()), [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let expected = number("loss å", -1);
        let MetricEntry {
            key,
            value,
            timestamp,
            step,
        } = again().swap_remove(0);
        assert_eq!((key.as_str(), step), (expected.key, expected.step));
        assert_eq!((value, timestamp), (expected.value, expected.timestamp));
        // The file is longer than what is written.
        let bytes = std::fs::read(file.path()).unwrap();
        assert_eq!(bytes.len() as u64, PIECE);
        for end in 0..whole {
            std::fs::write(file.path(), &bytes[..end]).unwrap();
            assert_eq!(again().len(), usize::from(end >= first), "{end}");
        }
        for at in first..whole {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            std::fs::write(file.path(), &damaged).unwrap();
            assert_eq!(again().len(), 1, "{at}");
        }
        std::fs::write(file.path(), b"floenum\x02 and more").unwrap();
        let error = read(&file.reopen().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn what_is_in_the_database_is_not_handed_out_again_and_gives_its_room_back() {
        let (mut journal, file) = journal();
        let many = |from: i64| (from..from + 1000).map(|step| number("loss", step));
        let mut brought = Vec::new();
        let mut told = 0;
        while journal.end <= PIECE {
            journal.append(many(told)).unwrap();
            told += 1000;
        }
        while journal.is_waiting() {
            let first = journal.first().to_vec();
            assert!(first.len() <= CHUNK);
            brought.extend(steps(&numbers(&first)));
            journal.brought(first.len());
        }
        assert_eq!(brought, (0..told).collect::<Vec<_>>());
        // The file begins anew, and nothing of what was in it is read.
        assert_eq!(file.as_file().metadata().unwrap().len(), 0);
        journal.append([number("next", 5)].into_iter()).unwrap();
        assert_eq!(steps(&read(&file.reopen().unwrap()).unwrap()), [5]);
        assert_eq!(steps(&numbers(journal.first())), [5]);
    }

    #[test]
    fn a_file_that_is_full_or_closed_takes_nothing_and_keeps_what_it_has() {
        let (mut journal, file) = journal();
        let many = || (0..10_000).map(|step| number("loss", step));
        let mut frames = 0;
        while journal.append(many()).is_ok() {
            frames += 1;
        }
        assert!(journal.end <= LONGEST && frames > 10);
        let kept = read(&file.reopen().unwrap()).unwrap().len();
        assert_eq!(kept, frames * 10_000);
        journal.brought(journal.frames.len());
        journal.append(many()).unwrap();
        journal.close();
        journal.append(many()).unwrap_err();
        assert_eq!(numbers(journal.first()).len(), 10_000);
    }
}
