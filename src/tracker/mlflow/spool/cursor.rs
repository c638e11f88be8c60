use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{fail, line};
use crate::error::Result;

/// How far a spool was replayed, and the names that the server gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::tracker::mlflow) struct Progress {
    /// Up to where the spool is on the server.
    pub(in crate::tracker::mlflow) sent: u64,
    /// The runs by their names in the spool.
    pub(in crate::tracker::mlflow) runs: BTreeMap<String, Known>,
}

/// A run as the server knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::tracker::mlflow) struct Known {
    pub(in crate::tracker::mlflow) run_id: String,
    pub(in crate::tracker::mlflow) experiment_id: String,
    pub(in crate::tracker::mlflow) artifact_uri: String,
    /// When something last happened in it.
    pub(in crate::tracker::mlflow) last: i64,
    /// Whether its end was sent.
    pub(in crate::tracker::mlflow) ended: bool,
    /// Whether it began in this spool: a run that was only added to is for another one to end.
    #[serde(default)]
    pub(in crate::tracker::mlflow) began_here: bool,
}

/// A line of the file: what is new since the lines before.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Run(String, Known),
    Sent(u64),
}

/// The file of a [`Progress`]. It is appended to, and the lines are read in their order.
#[derive(Debug)]
pub(in crate::tracker::mlflow) struct Cursor {
    path: PathBuf,
    file: File,
}

impl Cursor {
    /// Opens the cursor of a spool, and reads how far it came.
    pub(in crate::tracker::mlflow) fn open(spool: &Path) -> Result<(Self, Progress)> {
        let path = Self::path(spool);
        let open = || {
            let bytes = match fs::read(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
                read => read?,
            };
            let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
            if bytes.last().is_some_and(|last| *last != b'\n') {
                // A killed writer left half a line; closing it keeps the next one whole.
                file.write_all(b"\n")?;
            }
            Ok((bytes, file))
        };
        let (bytes, file) = open().map_err(|error| fail(&path, &error))?;
        let mut progress = Progress::default();
        for found in bytes.split(|byte| *byte == b'\n') {
            // What is damaged is told to the server again, which changes nothing there.
            let step = line::read(found).and_then(|json| serde_json::from_slice(json).ok());
            match step {
                Some(Step::Run(name, known)) => drop(progress.runs.insert(name, known)),
                Some(Step::Sent(sent)) => progress.sent = sent,
                None => {}
            }
        }
        Ok((Self { path, file }, progress))
    }

    pub(in crate::tracker::mlflow) fn path(spool: &Path) -> PathBuf {
        spool.with_extension("sent")
    }

    /// Writes down how far it came, and some of the runs.
    pub(in crate::tracker::mlflow) fn save<'a>(
        &mut self,
        progress: &Progress,
        runs: impl IntoIterator<Item = &'a str>,
    ) -> Result<()> {
        let runs = runs.into_iter().filter_map(|name| {
            let known = progress.runs.get(name)?;
            Some(Step::Run(name.to_owned(), known.clone()))
        });
        let mut bytes = Vec::new();
        let mut steps = runs.chain([Step::Sent(progress.sent)]);
        steps
            .try_for_each(|step| line::write(&mut bytes, |out| serde_json::to_writer(out, &step)))
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(&bytes))
            .map_err(|error| fail(&self.path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_without_half_a_line() {
        let folder = std::env::temp_dir().join(format!("floe-cursor-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let spool = folder.join("a.spool");
        let (mut cursor, mut progress) = Cursor::open(&spool).unwrap();
        assert_eq!(progress, Progress::default());
        progress.runs.insert("a".to_owned(), Known::default());
        cursor.save(&progress, ["a"]).unwrap();
        progress.sent = 7;
        progress.runs.get_mut("a").unwrap().last = 3;
        cursor.save(&progress, ["a", "not there"]).unwrap();
        cursor.file.write_all(b"0123 half a li").unwrap();
        let (mut cursor, found) = Cursor::open(&spool).unwrap();
        assert_eq!(found, progress);
        progress.sent = 8;
        cursor.save(&progress, []).unwrap();
        assert_eq!(Cursor::open(&spool).unwrap().1, progress);
        fs::remove_dir_all(folder).unwrap();
    }
}
