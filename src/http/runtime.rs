//! The one runtime behind the blocking and the async entry points.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// The longest that a pause goes on after nobody waits for it any more.
const SLICE: Duration = Duration::from_millis(100);

static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("floe-http")
        .enable_all()
        .build()
});

fn runtime() -> Result<&'static Runtime> {
    RUNTIME.as_ref().map_err(no_thread)
}

fn no_thread(error: &std::io::Error) -> Error {
    let message = format!("no thread can be started for the network: {error}");
    Error::new(ErrorKind::Remote, message).transient()
}

/// Runs a future to its end and blocks the thread meanwhile, also inside a tokio runtime of either
/// flavour, where it blocks the worker that calls it.
///
/// # Errors
///
/// What the future returns; [`ErrorKind::Remote`] when the machine gives no thread.
///
/// # Panics
///
/// When the future does.
///
/// # Examples
///
/// ```
/// assert_eq!(floe::http::blocking(async { Ok(1957) })?, 1957);
/// # Ok::<(), floe::Error>(())
/// ```
pub fn blocking<T: Send>(future: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let runtime = runtime()?;
    if Handle::try_current().is_err() {
        return runtime.block_on(future);
    }
    let future = future.in_current_span().with_current_subscriber();
    // A thread of a runtime must not enter a second one; a fresh thread may.
    std::thread::scope(|scope| {
        let helper = std::thread::Builder::new()
            .name("floe-blocking".to_owned())
            .spawn_scoped(scope, || runtime.block_on(future))
            .map_err(|error| no_thread(&error))?;
        helper
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Runs a future on the library's own runtime, from any executor; it ends when this one is dropped.
///
/// # Errors
///
/// What the future returns; [`ErrorKind::Remote`] when the machine gives no thread.
///
/// # Panics
///
/// When the future does.
pub async fn spawned<T, F>(future: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    // Events go where those of the caller go.
    let future = future.in_current_span().with_current_subscriber();
    let mut task = AbortOnDrop(runtime()?.spawn(future));
    match (&mut task.0).await {
        Ok(answer) => answer,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::new(ErrorKind::Cancelled, "the call was stopped")),
        },
    }
}

/// Runs something that may block the thread, such as a lock on a file, beside the futures.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::new(ErrorKind::Cancelled, "the call was stopped")),
        },
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Lets time pass on a clock without blocking the executor.
///
/// # Errors
///
/// [`ErrorKind::Remote`] when the machine gives no thread.
pub async fn pause(clock: Arc<dyn Clock>, time: Duration) -> Result<()> {
    let stopped = StopOnDrop(Arc::default());
    let stop = Arc::clone(&stopped.0);
    // In slices, so that a call that was dropped does not hold the end of the process up.
    let work = move || {
        let mut left = time;
        while !left.is_zero() && !stop.load(Ordering::Relaxed) {
            let slice = left.min(SLICE);
            clock.pause(slice);
            left -= slice;
        }
        Ok(())
    };
    spawned(aside(work)).await
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
