//! The runs of a store, compared: parameters, metrics and tags as the columns of a frame.

mod frame;
#[cfg(feature = "mlflow")]
mod mlflow;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::collections::BTreeMap;
use std::fmt;

use polars::prelude::{DataFrame, Expr, IntoLazy, PlSmallStr, SortMultipleOptions};

#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

use crate::error::{Error, ErrorKind, Result, listed};
use crate::metric::is_loss;

/// A place that runs are kept in and can be read from: a database by [`SqliteStore`], a server by the
/// [`MlflowTracker`](crate::tracker::MlflowTracker) that writes to it.
pub trait RunStore: fmt::Debug {
    /// The runs of an experiment, or of all, those that were deleted left out; the newest first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when they cannot be read, or there is no such experiment.
    fn runs(&self, experiment: Option<&str>) -> Result<Vec<StoredRun>>;
}

/// A run as a store keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StoredRun {
    /// Its name in the store: 32 hexadecimal digits. In a store behind a server it differs from
    /// that of floe, which is the tag `floe.run`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The experiment that it belongs to.
    pub experiment: String,
    /// `RUNNING`, `FINISHED`, `FAILED`, `KILLED` or `SCHEDULED`.
    pub status: String,
    /// When it began, in milliseconds since 1970-01-01 UTC.
    pub started: Option<i64>,
    /// When it ended.
    pub ended: Option<i64>,
    /// The parameters by name.
    pub params: BTreeMap<String, String>,
    /// The last number of each series by its name.
    pub metrics: BTreeMap<String, f64>,
    /// The tags by name, those of MLflow (`mlflow.user`) among them.
    pub tags: BTreeMap<String, String>,
}

impl StoredRun {
    /// A run with this name in the store, of which nothing else is known yet.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            ..Self::default()
        }
    }

    /// The run that it is nested in, if in one.
    pub fn parent(&self) -> Option<&str> {
        self.tags.get("mlflow.parentRunId").map(String::as_str)
    }
}

/// Chooses among the runs of a store; see [`of`].
#[derive(Clone, Debug)]
#[must_use = "nothing is read until `.frame()` or one of its kind"]
pub struct Runs<'a> {
    store: &'a dyn RunStore,
    experiment: Option<String>,
    status: Option<String>,
    nested: Nested,
    filter: Option<Expr>,
    order: Option<(String, bool)>,
    most: Option<usize>,
}

/// In which run those that are chosen are nested.
#[derive(Clone, Debug)]
enum Nested {
    AnyOrNone,
    None,
    In(String),
}

/// The runs of a store.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::runs::{self, SqliteStore};
/// use floe::tracker::{RunInfo, RunLog, SqliteTracker, Status};
///
/// # let folder = std::env::temp_dir().join(format!("floe-runs-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("mlflow.db");
/// let tracker = SqliteTracker::open(&path)?;
/// for (alpha, rmse) in [(0.1, 3.0), (1.0, 2.0), (10.0, 5.0)] {
///     let log = RunLog::start(&tracker, &RunInfo::new().parameter("alpha", alpha))?;
///     log.metric("rmse", rmse, 0)?;
///     log.finish(Status::Finished)?;
/// }
///
/// let store = SqliteStore::open(&path)?;
/// let best = runs::of(&store).best_by("rmse")?;
/// assert_eq!(best.params["alpha"], "1.0");
/// let few = runs::of(&store)
///     .filter(col("params.alpha").lt(lit(5.0)))
///     .order_by("metrics.rmse")
///     .frame()?;
/// assert_eq!(few.height(), 2);
/// assert_eq!(few.column("metrics.rmse")?.f64()?.get(0), Some(2.0));
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn of(store: &dyn RunStore) -> Runs<'_> {
    Runs {
        store,
        experiment: None,
        status: None,
        nested: Nested::AnyOrNone,
        filter: None,
        order: None,
        most: None,
    }
}

impl Runs<'_> {
    /// Only those of one experiment.
    pub fn experiment(mut self, name: impl Into<String>) -> Self {
        self.experiment = Some(name.into());
        self
    }

    /// Only those that ended well.
    pub fn finished(self) -> Self {
        self.status("FINISHED")
    }

    /// Only those of a status: `RUNNING`, `FINISHED`, `FAILED` or `KILLED`.
    pub fn status(mut self, status: impl Into<String>) -> Self {
        self.status = Some(status.into());
        self
    }

    /// Only those that are nested in a run, such as the candidates of a sweep.
    pub fn nested_in(mut self, run: impl Into<String>) -> Self {
        self.nested = Nested::In(run.into());
        self
    }

    /// Only those that are nested in no run.
    pub fn top_level(mut self) -> Self {
        self.nested = Nested::None;
        self
    }

    /// Only those for which a condition on the columns of [`frame`](Self::frame) holds, such as
    /// `col("metrics.r2").gt(lit(0.5))`. A second filter is asked as well.
    pub fn filter(mut self, condition: Expr) -> Self {
        self.filter = Some(match self.filter {
            Some(before) => before.and(condition),
            None => condition,
        });
        self
    }

    /// In order of a column of [`frame`](Self::frame), the smallest first and nulls last; without
    /// it the newest run is first.
    pub fn order_by(mut self, column: impl Into<String>) -> Self {
        self.order = Some((column.into(), false));
        self
    }

    /// In order of a column, the largest first and nulls last.
    pub fn order_by_descending(mut self, column: impl Into<String>) -> Self {
        self.order = Some((column.into(), true));
        self
    }

    /// So many at most.
    pub fn first(mut self, most: usize) -> Self {
        self.most = Some(most);
        self
    }

    /// The runs as a frame: `run`, `name`, `experiment`, `status`, `started` (Datetime, UTC),
    /// `seconds`, `parent`, and a column for each parameter, metric and tag: `params.alpha`,
    /// `metrics.r2`, `tags.team`, null where a run has none.
    ///
    /// A parameter of which every value is a number is a column of numbers, one of which every
    /// value is `true` or `false` is Boolean, any other is text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when the runs cannot be read; [`ErrorKind::Config`] when a condition or
    /// an order names a column that is not there.
    pub fn frame(&self) -> Result<DataFrame> {
        let frame = frame::of(&self.read()?)?;
        let names: Vec<PlSmallStr> = frame.get_column_names_owned();
        let mut rows = frame.lazy();
        if let Some(condition) = &self.filter {
            rows = rows.filter(condition.clone());
        }
        if let Some((column, descending)) = &self.order {
            let order = SortMultipleOptions::default()
                .with_order_descending(*descending)
                .with_nulls_last(true)
                .with_maintain_order(true);
            rows = rows.sort([column.as_str()], order);
        }
        if let Some(most) = self.most {
            rows = rows.limit(u32::try_from(most).unwrap_or(u32::MAX));
        }
        rows.collect().map_err(|error| {
            let known = listed(names);
            Error::from_polars(ErrorKind::Config, error)
                .with_help(format!("the columns of these runs are {known}"))
        })
    }

    /// The runs one by one, in the order of [`frame`](Self::frame).
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame).
    pub fn list(&self) -> Result<Vec<StoredRun>> {
        let frame = self.frame()?;
        let mut read: BTreeMap<String, StoredRun> = self
            .read()?
            .into_iter()
            .map(|run| (run.id.clone(), run))
            .collect();
        let ids = frame.column("run")?.str()?;
        Ok(ids
            .iter()
            .flatten()
            .filter_map(|id| read.remove(id))
            .collect())
    }

    /// The best of those that ended well, by a metric: errors and losses (`rmse`, `log_loss`, …) are
    /// best when small, scores when large. Of equals it is the oldest.
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame), and [`ErrorKind::Track`] when none of the runs has the metric.
    pub fn best_by(&self, metric: &str) -> Result<StoredRun> {
        // As folds and validation rows name them.
        let plain = metric.strip_prefix("validation_").unwrap_or(metric);
        let plain = plain.strip_suffix("_mean").unwrap_or(plain);
        if plain == "mean_error" {
            // The best bias is none, on either side.
            return self.first_by(metric, f64::abs);
        }
        if is_loss(plain) {
            self.lowest(metric)
        } else {
            self.highest(metric)
        }
    }

    /// The one of those that ended well whose metric is the smallest.
    ///
    /// # Errors
    ///
    /// As [`best_by`](Self::best_by).
    pub fn lowest(&self, metric: &str) -> Result<StoredRun> {
        self.first_by(metric, |value| value)
    }

    /// The one of those that ended well whose metric is the largest.
    ///
    /// # Errors
    ///
    /// As [`best_by`](Self::best_by).
    pub fn highest(&self, metric: &str) -> Result<StoredRun> {
        self.first_by(metric, |value| -value)
    }

    fn first_by(&self, metric: &str, cost: impl Fn(f64) -> f64) -> Result<StoredRun> {
        let mut runs = self.list()?;
        runs.retain(|run| run.status == "FINISHED");
        let of = |run: &StoredRun| {
            let value = run.metrics.get(metric).copied();
            value.filter(|value| !value.is_nan()).map(&cost)
        };
        let judged = runs.iter().enumerate();
        let judged = judged.filter_map(|(at, run)| Some((at, of(run)?, run.started)));
        let first = judged.min_by(|a, b| a.1.total_cmp(&b.1).then(a.2.cmp(&b.2)));
        if let Some((at, ..)) = first {
            return Ok(runs.swap_remove(at));
        }
        let mut names: Vec<_> = runs
            .into_iter()
            .flat_map(|run| run.metrics.into_keys())
            .collect();
        names.sort_unstable();
        names.dedup();
        let message = format!("no finished run has the metric `{metric}`");
        Err(Error::new(ErrorKind::Track, message)
            .with_help(format!("the metrics are {}", listed(names))))
    }

    /// What the store has, but for what only the frame can tell.
    fn read(&self) -> Result<Vec<StoredRun>> {
        let mut runs = self.store.runs(self.experiment.as_deref())?;
        runs.retain(|run| {
            let status = self
                .status
                .as_ref()
                .is_none_or(|status| *status == run.status);
            let nested = match &self.nested {
                Nested::AnyOrNone => true,
                Nested::None => run.parent().is_none(),
                Nested::In(parent) => run.parent() == Some(parent),
            };
            status && nested
        });
        Ok(runs)
    }
}
