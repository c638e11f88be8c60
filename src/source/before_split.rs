use std::fmt;

use polars::prelude::LazyFrame;

use super::{Fingerprint, Outline, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::RowSet;
use crate::learn::{FitOn, Plan, Purpose, ScanLog, fit_plan};
use crate::schema::{ROW, Schema};
use crate::transform::Apply;

/// A source on all rows of which a step was fitted before the split: a declared leak.
///
/// The test rows take part in what is learned. It exists to reproduce pipelines that normalised
/// all rows first; every run made so is tagged.
#[derive(Clone, PartialEq)]
#[must_use = "a source does nothing until it is scanned"]
pub struct FittedBeforeSplit<S, P> {
    source: S,
    plan: P,
}

impl<S, P> FittedBeforeSplit<S, P> {
    pub(crate) fn new(source: S, plan: P) -> Self {
        Self { source, plan }
    }
}

impl<S: fmt::Debug, P: fmt::Debug> fmt::Debug for FittedBeforeSplit<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} -> fit_before_split({:?})", self.source, self.plan)
    }
}

impl<S: Source, P: Plan> Source for FittedBeforeSplit<S, P> {
    fn scan(&self) -> Result<LazyFrame> {
        let frame = self.numbered(&mut ScanLog::default())?;
        Ok(frame.drop(polars::prelude::by_name([ROW], true, false)))
    }

    fn schema(&self) -> Result<Schema> {
        let mut walk = crate::learn::Walk::new(self.source.schema()?, None);
        self.plan.advance(&mut P::State::default(), &mut walk)?;
        if walk.drops_rows() {
            let message = "a step drops train rows, and before the split no row is one";
            return Err(Error::new(ErrorKind::Config, message)
                .with_help("move it after the split, into `.then(..)`")
                .at(&self.plan));
        }
        Ok(walk.finish().2)
    }

    fn outline(&self) -> Result<Outline> {
        let mut outline = self.source.outline()?;
        let levels = self.plan.levels(&self.source.schema()?)?;
        outline.scans_before_split += levels.iter().map(|level| level.scans).sum::<usize>();
        outline
            .tags
            .push(format!("leakage: fitted before the split: {:?}", self.plan));
        Ok(outline)
    }

    fn fingerprint(&self) -> Result<Fingerprint> {
        self.source.fingerprint()
    }

    fn numbered(&self, log: &mut ScanLog) -> Result<LazyFrame> {
        let frame = self.source.numbered(log)?;
        let schema = self.source.schema()?;
        let rows = RowSet::from(frame.clone());
        let fitted = fit_plan(&self.plan, &rows, &schema, Purpose::BeforeSplit, log)?;
        fitted.apply(frame)
    }
}
