use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use polars::error::PolarsError;
use polars::prelude::{DataFrame, Engine, LazyFrame, PlanCallback};

use crate::error::{Error, ErrorKind, Result};

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
    Estimator,
    /// Of rows that are held in memory: the source is not read.
    Held,
    Score,
    Diagnosis,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeforeSplit => "before the split",
            Self::Count => "count",
            Self::Level => "level",
            Self::Estimator => "estimator",
            Self::Held => "estimator, in memory",
            Self::Score => "score",
            Self::Diagnosis => "diagnosis",
        })
    }
}

/// One scan that was made: why, how many rows came out of it, and how long it took.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scan {
    /// `count`, `level`, `estimator`, `score`, `before the split` or `diagnosis`; `estimator, in memory`
    /// where the rows had been read before, and the source was not.
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

    /// Streams a query through `each`, batch by batch in row order.
    pub(crate) fn stream(
        &mut self,
        frame: LazyFrame,
        purpose: Purpose,
        mut each: impl FnMut(&DataFrame) -> Result<()>,
    ) -> Result<()> {
        self.stream_while(frame, purpose, |batch| {
            each(batch).map(ControlFlow::Continue)
        })
    }

    /// As [`stream`](Self::stream), until `each` breaks off.
    pub(crate) fn stream_while(
        &mut self,
        frame: LazyFrame,
        purpose: Purpose,
        each: impl FnMut(&DataFrame) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        self.cancel.check()?;
        let span = tracing::info_span!("floe.scan", purpose = %purpose);
        let _entered = span.enter();
        let started = Instant::now();
        let rows = stream(frame, &self.cancel, each)?;
        let elapsed = started.elapsed();
        tracing::debug!(rows, ?elapsed, "scanned");
        self.scans.push(Scan {
            purpose: purpose.to_string(),
            rows,
            elapsed,
        });
        Ok(())
    }
}

/// Runs a query on a thread of its own and hands its batches to this one.
///
/// In memory a query hands over one batch; the streaming engine keeps memory bounded, and with
/// `maintain_order` its batches come one at a time and in row order. Polars wants a callback that
/// owns what it touches; through the channel `each` may borrow, and runs while the next batch is
/// read.
fn stream(
    frame: LazyFrame,
    cancel: &CancelToken,
    mut each: impl FnMut(&DataFrame) -> Result<ControlFlow<()>>,
) -> Result<u64> {
    let (send, receive) = sync_channel::<DataFrame>(1);
    // A send fails when the receiver is gone: then the query is told to stop.
    let callback = PlanCallback::new(move |batch| Ok(send.send(batch).is_err()));
    thread::scope(|scope| {
        let query = thread::Builder::new().spawn_scoped(scope, move || {
            let sink = frame.sink_batches(callback, true, None)?;
            sink.collect_with_engine(Engine::Streaming).map(drop)
        });
        let query = query.map_err(|error| {
            let message = format!("no thread can be started: {error}");
            Error::new(ErrorKind::Query, message)
                .with_help("let the process have more threads, or end others")
                .transient()
        })?;
        let mut rows = 0;
        let mut taken = Ok(ControlFlow::Continue(()));
        for batch in &receive {
            rows += batch.height() as u64;
            taken = cancel.check().and_then(|()| each(&batch));
            if !matches!(taken, Ok(ControlFlow::Continue(()))) {
                break;
            }
        }
        drop(receive);
        let ended = match query.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        taken.map(drop)?;
        ended.map_err(|error| {
            // A file that fails is the source's fault; what else fails is said of the query, since
            // it may be a step's own expression.
            let kind = match &error {
                PolarsError::IO { .. } => ErrorKind::Source,
                _ => ErrorKind::Query,
            };
            Error::from_polars(kind, error)
        })?;
        Ok(rows)
    })
}
