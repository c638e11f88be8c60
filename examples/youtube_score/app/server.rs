//! An MLflow server that is told of runs, and what waits for it.

use std::io::Write;
use std::sync::Arc;

use floe::tracker::MlflowTracker;
use serde_json::json;

use super::tracking::EXPERIMENT;
use super::{Outcome, print};

/// Options of stages that a server may be told of.
#[derive(Debug, clap::Args)]
pub(crate) struct Server {
    /// Tell an MLflow server too, the one that MLFLOW_TRACKING_URI names
    #[arg(long)]
    server: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct SyncArgs {
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Server {
    /// The tracker that was asked for. The environment says where, and as whom.
    pub(crate) fn tracker(&self) -> floe::Result<Option<Arc<MlflowTracker>>> {
        self.server.then(tracker).transpose()
    }
}

fn tracker() -> floe::Result<Arc<MlflowTracker>> {
    let tracker = MlflowTracker::from_env()?;
    let is_named = ["MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    if is_named {
        return Ok(Arc::new(tracker));
    }
    Ok(Arc::new(tracker.experiment(EXPERIMENT)))
}

/// Tells the server what waits in the spool.
pub(crate) fn sync(args: &SyncArgs, out: &mut impl Write) -> Outcome {
    let report = tracker()?.sync()?;
    if args.json {
        let sent = json!({
            "spools": report.sent.len(),
            "events": report.events,
            "killed": report.killed,
            "in_use": report.in_use,
            "elsewhere": report.elsewhere,
            "faults": report.faults,
        });
        print::json(out, &sent)?;
        return Ok(());
    }
    writeln!(
        out,
        "{} events of {} spools are on the server",
        report.events,
        report.sent.len()
    )?;
    for run in &report.killed {
        writeln!(out, "the run {run} was killed, and is marked so")?;
    }
    for path in &report.in_use {
        writeln!(
            out,
            "left as it is, since a run writes it: {}",
            path.display()
        )?;
    }
    for path in &report.elsewhere {
        writeln!(
            out,
            "left as it is, since it is for another server: {}",
            path.display()
        )?;
    }
    for fault in &report.faults {
        writeln!(out, "not as it was recorded: {fault}")?;
    }
    Ok(())
}
