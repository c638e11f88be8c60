use std::fmt;

use polars::prelude::LazyFrame;

use super::{Fingerprint, Outline, Source};
use crate::error::Result;
use crate::learn::ScanLog;
use crate::schema::{Schema, refuse_hidden};
use crate::transform::Stateless;

/// A source followed by a step that learns nothing; it is a source again.
#[derive(Clone, PartialEq)]
#[must_use = "a source does nothing until it is scanned"]
pub struct Then<S, T> {
    source: S,
    step: T,
}

impl<S, T> Then<S, T> {
    pub(crate) fn new(source: S, step: T) -> Self {
        Self { source, step }
    }
}

impl<S: fmt::Debug, T: fmt::Debug> fmt::Debug for Then<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} -> {:?}", self.source, self.step)
    }
}

impl<S: Source, T: Stateless> Source for Then<S, T> {
    fn scan(&self) -> Result<LazyFrame> {
        let frame = self.source.scan()?;
        self.step.apply(frame).map_err(|e| e.at(&self.step))
    }

    fn schema(&self) -> Result<Schema> {
        let schema = self.source.schema()?;
        self.step
            .check_row_wise(&schema)
            .and_then(|()| crate::transform::Apply::output(&self.step, &schema))
            .and_then(|output| {
                output.names().try_for_each(|name| refuse_hidden(name))?;
                Ok(output)
            })
            .map_err(|e| e.at(&self.step))
    }

    fn outline(&self) -> Result<Outline> {
        self.source.outline()
    }

    fn fingerprint(&self) -> Result<Fingerprint> {
        self.source.fingerprint()
    }

    fn numbered(&self, log: &mut ScanLog) -> Result<LazyFrame> {
        let frame = self.source.numbered(log)?;
        self.step.apply(frame).map_err(|e| e.at(&self.step))
    }
}
