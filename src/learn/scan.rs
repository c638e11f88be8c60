use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use polars::error::PolarsError;
use polars::prelude::{DataFrame, Engine, LazyFrame, PlanCallback};

use super::answers::Answers;
use super::batch::Accumulators;
use super::sheet::Sheet;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{ROW, column};

/// Tells a run to stop; clones share one switch.
///
/// A run looks at it at every batch and ends with an error of kind
/// [`Cancelled`](ErrorKind::Cancelled); nothing is left half-done.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells every run that has this token to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the token was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(
                ErrorKind::Cancelled,
                "its cancel token was used",
            ));
        }
        Ok(())
    }
}

/// Why rows are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    BeforeSplit,
    Count,
    Level,
    Score,
    Diagnosis,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeforeSplit => "before the split",
            Self::Count => "count",
            Self::Level => "level",
            Self::Score => "score",
            Self::Diagnosis => "diagnosis",
        })
    }
}

/// One scan that was made: why, how many rows came out of it, and how long it took.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scan {
    /// `count`, `level`, `estimator`, `score`, `before the split` or `diagnosis`.
    pub purpose: String,
    /// Rows that came out of the query.
    pub rows: u64,
    /// Wall time.
    pub elapsed: Duration,
}

/// The scans of a run, and the switch that stops them.
#[derive(Debug, Default)]
pub struct ScanLog {
    pub(crate) scans: Vec<Scan>,
    pub(crate) cancel: CancelToken,
}

impl ScanLog {
    /// An empty log of a run that this token can stop.
    pub(crate) fn new(cancel: &CancelToken) -> Self {
        Self {
            scans: Vec::new(),
            cancel: cancel.clone(),
        }
    }

    /// Streams a query through `each`, batch by batch in row order, and gives back the state.
    pub(crate) fn stream<S: Send + 'static>(
        &mut self,
        frame: LazyFrame,
        purpose: Purpose,
        state: S,
        each: impl Fn(&mut S, &DataFrame) -> Result<()> + Send + Sync + 'static,
    ) -> Result<S> {
        self.cancel.check()?;
        let span = tracing::info_span!("floe.scan", purpose = %purpose);
        let _entered = span.enter();
        let started = Instant::now();
        let (rows, state) = stream(frame, self.cancel.clone(), state, each)?;
        let elapsed = started.elapsed();
        tracing::debug!(rows, ?elapsed, "scanned");
        self.scans.push(Scan {
            purpose: purpose.to_string(),
            rows,
            elapsed,
        });
        Ok(state)
    }
}

/// Polars wants a callback that owns what it touches; the state comes back when the query ended.
///
/// In memory a query hands over one batch; the streaming engine keeps memory bounded, and with
/// `maintain_order` its batches come one at a time and in row order.
fn stream<S: Send + 'static>(
    frame: LazyFrame,
    cancel: CancelToken,
    state: S,
    each: impl Fn(&mut S, &DataFrame) -> Result<()> + Send + Sync + 'static,
) -> Result<(u64, S)> {
    let shared = Arc::new(Mutex::new(Some((0_u64, state))));
    let inside = Arc::clone(&shared);
    let callback = PlanCallback::new(move |batch: DataFrame| {
        let step = || {
            cancel.check()?;
            let mut shared = inside.lock().unwrap_or_else(PoisonError::into_inner);
            let (rows, state) = shared.as_mut().ok_or_else(ended)?;
            *rows += batch.height() as u64;
            each(state, &batch)
        };
        step().map(|()| false).map_err(Error::into_polars)
    });
    frame
        .sink_batches(callback, true, None)
        .and_then(|sink| sink.collect_with_engine(Engine::Streaming))
        .map_err(|error| {
            // A file that fails is the source's fault; what else fails is said of the query, since
            // it may be a step's own expression.
            let kind = match &error {
                PolarsError::IO { .. } => ErrorKind::Source,
                _ => ErrorKind::Query,
            };
            Error::from_polars(kind, error)
        })?;
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    shared.take().ok_or_else(ended)
}

fn ended() -> Error {
    Error::new(
        ErrorKind::Query,
        "a batch came after the query had ended (a bug in floe)",
    )
}

/// Answers everything on a sheet: one scan for all statistics, one for each query of a step's own.
pub(crate) fn run_level(
    frame: LazyFrame,
    sheet: &Sheet,
    purpose: Purpose,
    log: &mut ScanLog,
) -> Result<Answers> {
    let mut answers = Answers::default();
    if !sheet.columns.is_empty() {
        let columns = sheet.columns.iter().map(|question| {
            let alias = question.alias();
            if question.kept {
                column(alias)
            } else {
                column(question.ask.column.clone()).alias(alias)
            }
        });
        let query = frame.clone().select(columns.collect::<Vec<_>>());
        let state = Accumulators::new(sheet);
        let state = log.stream(query, purpose, state, Accumulators::update)?;
        answers = state.finish();
        for (question, answer) in sheet.columns.iter().zip(&mut answers.columns) {
            if let Some(answer) = answer.as_mut().and_then(Arc::get_mut)
                && question.locate
                && answer.summary.infinities > 0
            {
                let name = if question.kept {
                    question.alias()
                } else {
                    question.ask.column.clone()
                };
                answer.infinite_row = first_infinity(frame.clone(), &name, log)?;
            }
        }
    }
    for query in &sheet.queries {
        log.cancel.check()?;
        let started = Instant::now();
        let frame = query.frame.clone().ok_or_else(ended)?;
        let table = (query.run)(frame)?;
        log.scans.push(Scan {
            purpose: purpose.to_string(),
            rows: table.height() as u64,
            elapsed: started.elapsed(),
        });
        answers.queries.push(Arc::new(table));
    }
    Ok(answers)
}

/// The source row of the first infinity of a column: a scan of its own, made only when there is one
/// and the rows still carry their number, which a step of a user may have dropped.
fn first_infinity(mut frame: LazyFrame, name: &str, log: &mut ScanLog) -> Result<Option<u64>> {
    let schema = frame
        .collect_schema()
        .map_err(|error| Error::from_polars(ErrorKind::Query, error))?;
    if !schema.contains(ROW) {
        return Ok(None);
    }
    let query = frame
        .filter(column(name).is_infinite())
        .select([column(ROW)])
        .limit(1);
    log.stream(query, Purpose::Diagnosis, None, |found, batch| {
        if let (None, Some(rows)) = (&found, batch.columns().first()) {
            *found = rows.idx().ok().and_then(|rows| rows.first()).map(u64::from);
        }
        Ok(())
    })
}
