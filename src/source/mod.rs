//! Where rows come from, and the adaptors that may stand before the split.

mod before_split;
pub mod csv;
mod files;
mod fingerprint;
mod glob;
mod keep;
mod memory;
mod nd_json;
mod parquet;
#[cfg(feature = "remote")]
pub mod remote;
mod text;
mod then;

use std::fmt;

use polars::prelude::LazyFrame;

pub use before_split::FittedBeforeSplit;
pub use csv::Csv;
pub use fingerprint::Fingerprint;
pub(crate) use fingerprint::digest_of;
pub use keep::Keep;
pub use memory::InMemory;
pub use nd_json::NdJson;
pub use parquet::Parquet;
pub use then::Then;

use crate::error::{Error, ErrorKind, Result};
use crate::learn::ScanLog;
use crate::schema::{ROW, Schema};

/// A place that rows come from: gives a lazy frame, does no network and reads no rows itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of rows",
    label = "not a source",
    note = "start with a source: `floe::from(Csv::new(\"file.csv\"))`, or `InMemory::new(data_frame)` for a frame that is at hand"
)]
pub trait Source: fmt::Debug + Send + Sync {
    /// The rows as a lazy frame; the same rows in the same order every time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] when the place cannot be read.
    fn scan(&self) -> Result<LazyFrame>;

    /// What is known of the columns without reading all rows; text sources sample some.
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan).
    fn schema(&self) -> Result<Schema> {
        let schema = self
            .scan()?
            .collect_schema()
            .map_err(|error| Error::from_polars(ErrorKind::Source, error))?;
        Schema::of_source(&schema)
    }

    /// What can be said about the rows without reading them.
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan).
    fn outline(&self) -> Result<Outline> {
        Ok(Outline::default())
    }

    /// What tells these rows from others, for a tracker. Default: nothing is known.
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan).
    fn fingerprint(&self) -> Result<Fingerprint> {
        Ok(Fingerprint::default())
    }

    /// The rows with their number in a hidden column, counted before any filter of an adaptor.
    ///
    /// Adaptors override it, so that the number is given at the source itself.
    #[doc(hidden)]
    fn numbered(&self, log: &mut ScanLog) -> Result<LazyFrame> {
        let _ = log;
        Ok(self.scan()?.with_row_index(ROW, None))
    }
}

/// What a source says about its rows before one is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outline {
    /// How many rows there are, when that is known without a scan.
    pub rows: Option<u64>,
    /// Whether a filter drops rows after they were numbered.
    pub filtered: bool,
    /// Scans that `fit_before_split` needs before the rows can be split.
    pub scans_before_split: usize,
    /// The bytes, uncompressed, of the largest row group that is read, where rows come in row groups.
    pub largest_row_group: Option<u64>,
    /// What a run of this source must be tagged with, such as a declared leak.
    pub tags: Vec<String>,
}

impl Outline {
    /// An outline of a known number of rows.
    pub fn of_rows(rows: u64) -> Self {
        Self {
            rows: Some(rows),
            ..Self::default()
        }
    }
}

#[diagnostic::do_not_recommend]
impl<S: Source + ?Sized> Source for Box<S> {
    fn scan(&self) -> Result<LazyFrame> {
        (**self).scan()
    }

    fn schema(&self) -> Result<Schema> {
        (**self).schema()
    }

    fn outline(&self) -> Result<Outline> {
        (**self).outline()
    }

    fn fingerprint(&self) -> Result<Fingerprint> {
        (**self).fingerprint()
    }

    fn numbered(&self, log: &mut ScanLog) -> Result<LazyFrame> {
        (**self).numbered(log)
    }
}
