use super::{RunStore, StoredRun};
use crate::error::Result;
use crate::tracker::MlflowTracker;

/// The runs on the server of a tracker. They are read from the server: what waits in the spool is
/// not among them.
impl RunStore for MlflowTracker {
    fn runs(&self, experiment: Option<&str>) -> Result<Vec<StoredRun>> {
        let runs = self.listed(experiment)?.into_iter();
        let stored = runs.map(|run| StoredRun {
            id: run.id,
            name: run.name,
            experiment: run.experiment,
            status: run.status,
            started: Some(run.started),
            ended: run.ended,
            params: run.params.into_iter().collect(),
            metrics: run.metrics.into_iter().collect(),
            tags: run.tags.into_iter().collect(),
        });
        Ok(stored.collect())
    }
}
