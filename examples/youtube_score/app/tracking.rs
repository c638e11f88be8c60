//! Where the runs of the job are kept, and what they came to.

use std::io::Write;
use std::path::PathBuf;

use floe::polars::prelude::{AnyValue, DataFrame};
use floe::runs::{self, SqliteStore};
use floe::tracker::{RunInfo, SqliteTracker};
use serde_json::{Map, Value, json};

use super::{Outcome, print};

/// The experiment of the job.
pub(crate) const EXPERIMENT: &str = "youtube_score";
/// The file that `mlflow ui` opens in its folder.
const DATABASE: &str = "mlflow.db";

/// Options of stages that are tracked.
#[derive(Debug, clap::Args)]
pub(crate) struct Tracking {
    /// Folder for mlflow.db and mlartifacts/, which `mlflow ui` shows when it is started there
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    tracking: PathBuf,
    /// Keep nothing of the run
    #[arg(long, conflicts_with = "tracking")]
    no_tracking: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunsArgs {
    /// Folder of mlflow.db
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    tracking: PathBuf,
    /// The best first, by this metric, and only those that ended well
    #[arg(long, value_name = "METRIC")]
    best_by: Option<String>,
    /// So many at most
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    first: usize,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Tracking {
    /// The tracker that was asked for.
    pub(crate) fn tracker(&self) -> floe::Result<Option<SqliteTracker>> {
        if self.no_tracking {
            return Ok(None);
        }
        let tracker = SqliteTracker::open(self.tracking.join(DATABASE))?;
        Ok(Some(tracker.experiment(EXPERIMENT)))
    }

    /// Where the run can be looked at; nothing where it is not tracked.
    pub(crate) fn told(&self) -> Option<String> {
        let folder = self.tracking.display();
        (!self.no_tracking).then(|| format!("{folder}: look at it with `mlflow ui` there"))
    }
}

/// What is said of a run.
pub(crate) fn info(name: impl Into<String>) -> RunInfo {
    RunInfo::named(name).model("likes_model")
}

/// Prints the runs of the job, the newest first.
pub(crate) fn runs(args: &RunsArgs, out: &mut impl Write) -> Outcome {
    let store = SqliteStore::open(args.tracking.join(DATABASE))?;
    let mut chosen = runs::of(&store).experiment(EXPERIMENT).first(args.first);
    if let Some(metric) = &args.best_by {
        // One of them has to have it, and it says which way is better.
        let best = runs::of(&store).experiment(EXPERIMENT).best_by(metric)?;
        let column = format!("metrics.{metric}");
        let is_highest = {
            let highest = runs::of(&store).experiment(EXPERIMENT).highest(metric)?;
            highest.metrics.get(metric) == best.metrics.get(metric)
        };
        chosen = chosen.finished();
        chosen = if is_highest {
            chosen.order_by_descending(column)
        } else {
            chosen.order_by(column)
        };
    }
    let frame = chosen.frame()?;
    if args.json {
        print::json(out, &rows(&frame)?)?;
        return Ok(());
    }
    let columns = [
        ("started", "started"),
        ("name", "name"),
        ("status", "status"),
        ("params.seed", "seed"),
        ("params.split.test_share", "test share"),
        ("metrics.r2", "r2"),
        ("metrics.rmse", "rmse"),
        ("metrics.mae", "mae"),
        ("run", "run"),
    ];
    let mut table = vec![columns.map(|(_, title)| title.to_owned()).to_vec()];
    for row in 0..frame.height() {
        let cells = columns.iter().map(|(column, _)| cell(&frame, column, row));
        table.push(cells.collect::<floe::Result<_>>()?);
    }
    print::table(out, &table)?;
    Ok(())
}

/// A cell as a person reads it; empty where the runs have no such column.
fn cell(frame: &DataFrame, column: &str, row: usize) -> floe::Result<String> {
    let Ok(column) = frame.column(column) else {
        return Ok(String::new());
    };
    Ok(match column.get(row)? {
        AnyValue::Null => String::new(),
        AnyValue::Float64(value) => print::number(value),
        AnyValue::String(text) => text.to_owned(),
        value @ AnyValue::Datetime(..) => value.to_string().chars().take(19).collect(),
        value => value.to_string(),
    })
}

/// All that the runs have, an object each.
fn rows(frame: &DataFrame) -> floe::Result<Value> {
    let mut rows = Vec::with_capacity(frame.height());
    for row in 0..frame.height() {
        let mut object = Map::new();
        for column in frame.columns() {
            let value = match column.get(row)? {
                AnyValue::Null => Value::Null,
                AnyValue::Boolean(value) => json!(value),
                AnyValue::Int64(value) => json!(value),
                AnyValue::Float64(value) => json!(value),
                AnyValue::String(text) => json!(text),
                value => json!(value.to_string()),
            };
            object.insert(column.name().to_string(), value);
        }
        rows.push(Value::Object(object));
    }
    Ok(Value::Array(rows))
}
