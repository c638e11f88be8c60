use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use super::{Bucket, Quota, Units};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::locked::Locked;

/// Where the vendor's day begins.
const ZONE: &str = "America/Los_Angeles";
const VERSION: u32 = 1;
/// For so long after midnight a bucket that is called empty may be that of yesterday: by a reply
/// that was long on its way, or since the clock of this machine runs ahead of the service's.
pub(in super::super) const YOUNG: SignedDuration = SignedDuration::from_mins(5);

/// What a project has spent today, in a file that several processes share.
///
/// The file holds, for each project, the day in Los Angeles and the units spent in each bucket. A
/// unit is charged before its request is sent, under a lock of the file beside it (`….lock`), so
/// that the sum of all processes never passes the limit; a killed process has charged at most one
/// request that it did not send. The file is replaced by rename and holds no key.
///
/// # Examples
///
/// ```
/// use floe::source::remote::youtube::{Quota, QuotaLedger};
///
/// let path = std::env::temp_dir().join(format!("floe-doc-quota-{}.json", std::process::id()));
/// let ledger = QuotaLedger::new(&path, "my project", Quota::default());
/// assert_eq!(ledger.spent()?.common, 0);
/// assert_eq!(ledger.left()?.search, 95);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct QuotaLedger {
    path: PathBuf,
    project: String,
    quota: Quota,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Book {
    version: u32,
    projects: BTreeMap<String, Account>,
}

/// One project on one day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Account {
    #[serde(with = "day")]
    day: Date,
    spent: Units,
    /// Buckets of which the service said that they are empty.
    #[serde(default)]
    exhausted: BTreeSet<Bucket>,
}

/// A day as a text, such as `2026-11-25`.
mod day {
    use jiff::civil::Date;
    use serde::de::{Deserialize, Deserializer, Error as _};
    use serde::ser::Serializer;

    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands the field over so"
    )]
    pub(super) fn serialize<S: Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(day)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// What the ledger says to a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charge {
    Paid,
    /// The limit less the reserve is reached.
    Spent,
    /// The service said that the bucket is empty.
    Exhausted,
}

impl QuotaLedger {
    /// The ledger of a project in this file, which is made at the first charge. The name of the
    /// project is a label of yours.
    pub fn new(path: impl Into<PathBuf>, project: impl Into<String>, quota: Quota) -> Self {
        Self {
            path: path.into(),
            project: project.into(),
            quota,
            clock: Arc::new(SystemClock),
        }
    }

    /// Tells the day by another clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was spent today by all processes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] when the file cannot be read, or is no ledger.
    pub fn spent(&self) -> Result<Units> {
        Ok(self.account(&self.read()?)?.spent)
    }

    /// What may be spent today: nothing of a bucket that the service called empty.
    ///
    /// # Errors
    ///
    /// As [`spent`](Self::spent).
    pub fn left(&self) -> Result<Units> {
        let account = self.account(&self.read()?)?;
        let usable = self.quota.usable();
        Ok(usable.each(|bucket, usable| {
            if account.exhausted.contains(&bucket) {
                return 0;
            }
            usable.saturating_sub(account.spent.of(bucket))
        }))
    }

    /// When the buckets are full again: the next midnight in Los Angeles.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the clock shows a time at the end of all times.
    pub fn resets_at(&self) -> Result<Timestamp> {
        let midnight = self
            .local()
            .and_then(|now| now.tomorrow()?.start_of_day())
            .map_err(no_day)?;
        Ok(midnight.timestamp())
    }

    pub(super) fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Charges one call, or says why not; nothing is written then.
    pub(super) fn charge(&self, bucket: Bucket, units: u32) -> Result<Charge> {
        self.change(|account, usable| {
            if account.exhausted.contains(&bucket) {
                return (Charge::Exhausted, false);
            }
            let spent = account.spent.of_mut(bucket);
            match spent.checked_add(units) {
                Some(sum) if sum <= usable.of(bucket) => {
                    *spent = sum;
                    (Charge::Paid, true)
                }
                _ => (Charge::Spent, false),
            }
        })
    }

    /// Notes that the service called a bucket empty, so that nobody asks again today; `false` when
    /// the day is so young that the service may speak of yesterday: then nothing is noted.
    pub(super) fn exhaust(&self, bucket: Bucket) -> Result<bool> {
        let now = self.local().map_err(no_day)?;
        let midnight = now.start_of_day().map_err(no_day)?;
        if now.timestamp().duration_since(midnight.timestamp()) < YOUNG {
            return Ok(false);
        }
        self.change(|account, _| (true, account.exhausted.insert(bucket)))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Account, Units) -> (T, bool)) -> Result<T> {
        let fail = |error| self.fail(error);
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(fail)?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.beside("lock"))
            .map_err(fail)?;
        let _lock = Locked::after_others(lock).map_err(fail)?;
        let mut book = self.read()?;
        let mut account = self.account(&book)?;
        let (answer, changed) = change(&mut account, self.quota.usable());
        if changed {
            book.projects.insert(self.project.clone(), account);
            self.write(&book).map_err(fail)?;
        }
        Ok(answer)
    }

    fn read(&self) -> Result<Book> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Book {
                    version: VERSION,
                    projects: BTreeMap::new(),
                });
            }
            Err(error) => return Err(self.fail(error)),
        };
        let book: Book = serde_json::from_slice(&bytes).map_err(|error| {
            self.fail(error.into()).with_help(
                "it is no ledger of this library; delete it when nothing was spent today, or name another file",
            )
        })?;
        if book.version != VERSION {
            let message = format!(
                "the ledger `{}` has version {}, and this library knows {VERSION}",
                self.path.display(),
                book.version
            );
            return Err(Error::new(ErrorKind::Source, message));
        }
        Ok(book)
    }

    /// The account of today: yesterday's is closed. A clock that was set back opens no new one.
    fn account(&self, book: &Book) -> Result<Account> {
        let today = self.local().map_err(no_day)?.date();
        let tomorrow = today.tomorrow().map_err(no_day)?;
        let account = book.projects.get(&self.project).cloned();
        Ok(account
            // A day that no clock can show today is not waited for.
            .filter(|account| account.day >= today && account.day <= tomorrow)
            .unwrap_or(Account {
                day: today,
                ..Account::default()
            }))
    }

    fn local(&self) -> std::result::Result<Zoned, jiff::Error> {
        self.clock.now().in_tz(ZONE)
    }

    fn write(&self, book: &Book) -> std::io::Result<()> {
        // Under the lock there is one writer, so one name will do. A machine that loses power may
        // lose a few charges, and the service counts them anyway.
        let neighbour = self.beside("partial");
        let file = File::create(&neighbour)?;
        serde_json::to_writer(&file, book)?;
        // Without this a machine that loses power may leave an empty file, which stops every run.
        file.sync_data()?;
        drop(file);
        fs::rename(&neighbour, &self.path)
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".");
        name.push(ending);
        name.into()
    }

    fn fail(&self, error: std::io::Error) -> Error {
        let message = format!("the quota ledger `{}`: {error}", self.path.display());
        Error::new(ErrorKind::Source, message).caused_by(error)
    }
}

fn no_day(error: jiff::Error) -> Error {
    let message = format!("the clock shows a time that has no day in Los Angeles: {error}");
    Error::new(ErrorKind::Config, message)
}
