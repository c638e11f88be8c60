//! The runs of a server.

use super::api::Api;
use super::settings::Settings;
use super::trouble::Trouble;
use super::wire::{Experiment, RunRecord};
use crate::error::{Error, ErrorKind, Result, listed};
use crate::tracker::entities::Pair;

/// A run as a server tells it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ListedRun {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) experiment: String,
    pub(crate) status: String,
    pub(crate) started: i64,
    pub(crate) ended: Option<i64>,
    pub(crate) params: Vec<Pair>,
    /// The last number of each series.
    pub(crate) metrics: Vec<(String, f64)>,
    pub(crate) tags: Vec<Pair>,
}

/// So many runs are asked for at once, and so many experiments at most.
const PAGE: usize = 1000;
const EXPERIMENTS: usize = 100;

/// The runs of an experiment, or of all; the newest first.
pub(super) fn runs(settings: &Settings, experiment: Option<&str>) -> Result<Vec<ListedRun>> {
    let api = Api::new(settings)?;
    let told = |trouble: Trouble| trouble.error;
    let mut experiments = api.experiments().map_err(told)?;
    if let Some(name) = experiment {
        let names: Vec<String> = experiments.iter().map(|of| of.name.clone()).collect();
        experiments.retain(|of| of.name == name);
        if experiments.is_empty() {
            let message = format!("{} has no experiment `{name}`", settings.server());
            return Err(Error::new(ErrorKind::Track, message)
                .with_help(format!("the experiments are {}", listed(names))));
        }
    }
    let mut runs = Vec::new();
    for some in experiments.chunks(EXPERIMENTS) {
        let ids: Vec<String> = some.iter().map(|of| of.experiment_id.clone()).collect();
        let mut page: Option<String> = None;
        loop {
            let found = api.runs(&ids, "", page.as_deref(), PAGE).map_err(told)?;
            runs.extend(found.runs.into_iter().map(|run| listed_run(run, some)));
            page = found.next_page_token.filter(|token| !token.is_empty());
            if page.is_none() {
                break;
            }
        }
    }
    runs.sort_by(|a, b| b.started.cmp(&a.started).then_with(|| a.id.cmp(&b.id)));
    Ok(runs)
}

fn listed_run(run: RunRecord, experiments: &[Experiment]) -> ListedRun {
    let RunRecord { info, data, .. } = run;
    let mut names = experiments.iter();
    let of = names.find(|of| of.experiment_id == info.experiment_id);
    let pairs = |of: Vec<super::wire::KeyValue>| {
        let pairs = of.into_iter();
        pairs.map(|pair| (pair.key, pair.value)).collect()
    };
    let metrics = data.metrics.into_iter();
    ListedRun {
        experiment: of.map(|of| of.name.clone()).unwrap_or_default(),
        id: info.run_id,
        name: info.run_name,
        status: info.status,
        started: info.start_time,
        ended: info.end_time,
        params: pairs(data.params),
        metrics: metrics.map(|metric| (metric.key, metric.value)).collect(),
        tags: pairs(data.tags),
    }
}
