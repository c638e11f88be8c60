//! Tells a server the events of a spool, so that telling them again changes nothing.
//!
//! What is not the same when it is sent twice is looked for first: runs and models carry the name
//! that floe gave them as a tag. The server itself keeps one of two equal numbers, as times are
//! those of the events.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::api::Api;
use super::batch::Pending;
use super::settings::{Experiment, Settings};
use super::spool::{self, Cursor, Known, Progress};
use super::trouble::{Answer, Class, Trouble};
use super::wire::{Batch, DatasetInput, KeyValue, MetricValue};
use crate::error::{Error, ErrorKind, Result};
use crate::tracker::Event;
use crate::tracker::entities::{Entry, MetricEntry, Pair, RunEntry, entries};

/// The most faults that are told one by one.
const FAULTS: usize = 20;

/// Tells a server what happened.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) api: Api,
    pub(super) settings: Settings,
    pub(super) progress: Progress,
    cursor: Option<Cursor>,
    /// The folder of the files that the events speak of.
    pub(super) files: PathBuf,
    /// The experiment of runs that name none.
    pub(super) default: Experiment,
    /// The ids by name; those that were given by id stand for themselves.
    pub(super) experiments: BTreeMap<String, String>,
    pending: BTreeMap<String, Pending>,
    /// Whether a run that is not known may be on the server all the same.
    pub(super) doubtful: bool,
    /// The files that the server failed for, and how often.
    pub(super) failed_uploads: BTreeMap<String, u32>,
    /// The runs that the server refused to make; that is told once.
    refused: BTreeSet<String>,
    /// The runs that were looked for in vain since the telling began.
    pub(super) absent: BTreeSet<String>,
    /// What the server did not take, or not as it was.
    faults: Vec<String>,
}

impl Replay {
    /// # Errors
    ///
    /// [`ErrorKind::Config`] as of [`Api::new`].
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        Ok(Self {
            api: Api::new(settings)?,
            settings: settings.clone(),
            progress: Progress::default(),
            cursor: None,
            files: PathBuf::new(),
            default: settings.experiment.clone(),
            experiments: BTreeMap::new(),
            pending: BTreeMap::new(),
            doubtful: false,
            failed_uploads: BTreeMap::new(),
            refused: BTreeSet::new(),
            absent: BTreeSet::new(),
            faults: Vec::new(),
        })
    }

    /// Goes on where a spool was left, which another process may have begun to tell.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when the cursor cannot be read.
    pub(super) fn resume(&mut self, spool: &Path) -> Result<()> {
        let (cursor, progress) = Cursor::open(spool)?;
        self.cursor = Some(cursor);
        self.files = spool::files(spool);
        self.progress = progress;
        self.doubtful = true;
        if !self.progress.runs.is_empty() {
            // The run that was named then has its events already.
            self.settings.run_id = None;
        }
        Ok(())
    }

    /// Begins with a new spool of this process.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Track`] when the cursor cannot be written.
    pub(super) fn begin(&mut self, spool: &Path) -> Result<()> {
        let (cursor, _) = Cursor::open(spool)?;
        self.cursor = Some(cursor);
        self.files = spool::files(spool);
        // No run was under way when the spool before was removed; who adds to one finds it again.
        self.progress = Progress::default();
        Ok(())
    }

    /// What was lost since the last time.
    pub(super) fn take_faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.faults)
    }

    pub(super) fn fault(&mut self, what: impl std::fmt::Display) {
        tracing::warn!("a value is not on the MLflow server as it was recorded: {what}");
        let what = what.to_string();
        // What is told to the server again is refused again.
        if self.faults.contains(&what) {
            return;
        }
        if self.faults.len() < FAULTS {
            self.faults.push(what);
        } else if self.faults.len() == FAULTS {
            self.faults.push("and more".to_owned());
        }
    }

    /// Tells some events, and writes down that the spool is told up to `end`.
    pub(super) fn tell(&mut self, events: &[Event], end: u64) -> Answer<()> {
        self.pending.clear();
        self.absent.clear();
        let told = events.iter().try_for_each(|event| self.event(event));
        let told = told.and_then(|()| self.send_pending());
        if told.is_err() {
            // The same events come again, and what they made may be there by then.
            self.doubtful = true;
            return told;
        }
        self.progress.sent = end;
        let runs: BTreeSet<&str> = events.iter().map(|event| event.run.as_str()).collect();
        self.save(runs);
        Ok(())
    }

    /// What fails here can be told again, at the cost of the time.
    pub(super) fn save<'a>(&mut self, runs: impl IntoIterator<Item = &'a str>) {
        let Some(cursor) = &mut self.cursor else {
            return;
        };
        if let Err(error) = cursor.save(&self.progress, runs) {
            tracing::warn!(%error, "how far the spool came is not written down");
        }
    }

    fn event(&mut self, event: &Event) -> Answer<()> {
        let entries = match entries(event) {
            Ok(entries) => entries,
            Err(error) => {
                self.fault(error);
                return Ok(());
            }
        };
        for entry in entries {
            self.entry(event, entry)?;
        }
        if let Some(known) = self.progress.runs.get_mut(&event.run) {
            known.last = known.last.max(event.time);
        }
        Ok(())
    }

    fn entry(&mut self, event: &Event, entry: Entry) -> Answer<()> {
        if let Entry::Run(run) = &entry {
            return self.start_or_fault(&event.run, run);
        }
        if self.refused.contains(&event.run) {
            return Ok(());
        }
        if !self.is_known(&event.run)? {
            self.fault(format!("the run {} is not on the server", event.run));
            return Ok(());
        }
        match entry {
            Entry::Run(_) => Ok(()),
            Entry::Params(pairs) => {
                self.texts(&event.run, pairs, Pending::param);
                Ok(())
            }
            Entry::Tags(pairs) => {
                self.texts(&event.run, pairs, Pending::tag);
                Ok(())
            }
            Entry::Metrics(metrics) => {
                self.metrics(&event.run, metrics);
                Ok(())
            }
            Entry::Dataset(dataset) => {
                let input = DatasetInput::of(dataset);
                let known = self.known(&event.run);
                let sent = self.api.log_inputs(&known.run_id, &[input]);
                self.or_fault(sent, "a dataset")
            }
            Entry::Artifact(artifact) => self.artifact(&event.run, &artifact),
            Entry::Model(model) => self.model(&event.run, &model),
            Entry::End(end) => {
                // All of a run is there before it is said to have ended.
                self.send_pending()?;
                let known = self.known(&event.run);
                let sent = self
                    .api
                    .end_run(&known.run_id, end.status, Some(end.end_time));
                self.or_fault(sent, "the end of the run")?;
                if let Some(known) = self.progress.runs.get_mut(&event.run) {
                    known.ended = true;
                }
                Ok(())
            }
        }
    }

    /// A run that the server refuses to make is lost with all of its own; others go on.
    fn start_or_fault(&mut self, run: &str, entry: &RunEntry) -> Answer<()> {
        let mut started = self.start(run, entry);
        let refused = |started: &Answer<()>| matches!(started, Err(trouble) if trouble.class == Class::Refused);
        if refused(&started) && !self.experiments.is_empty() {
            // Its experiment may have been deleted since its id was asked for.
            self.experiments.clear();
            started = self.start(run, entry);
        }
        if refused(&started) {
            self.refused.insert(run.to_owned());
        }
        self.or_fault(started, &format!("the run `{}`, and all of it", entry.name))
    }

    pub(super) fn texts(&mut self, run: &str, pairs: Vec<Pair>, add: fn(&mut Pending, KeyValue)) {
        for (key, value) in pairs {
            let cut = value.contains("… whole in the artifact ");
            if cut && !self.settings.truncate {
                self.fault(format!(
                    "the value of `{key}` is longer than a server keeps"
                ));
                continue;
            }
            let pending = self.pending.entry(run.to_owned()).or_default();
            add(pending, KeyValue::new(key, value));
        }
    }

    fn metrics(&mut self, run: &str, metrics: Vec<MetricEntry>) {
        for metric in metrics {
            if metric.value.is_infinite() {
                self.fault(format!(
                    "the metric `{}` is infinite at step {}; a server with a database keeps the largest number instead",
                    metric.key, metric.step
                ));
            }
            let pending = self.pending.entry(run.to_owned()).or_default();
            pending.metric(MetricValue {
                key: metric.key,
                value: metric.value,
                timestamp: metric.timestamp.max(0),
                step: metric.step,
            });
        }
    }

    fn send_pending(&mut self) -> Answer<()> {
        let runs: Vec<String> = self.pending.keys().cloned().collect();
        for run in runs {
            let known = self.known(&run);
            let batches = self
                .pending
                .get_mut(&run)
                .map(|pending| pending.take(&known.run_id));
            for batch in batches.unwrap_or_default() {
                self.send_batch(&known, batch)?;
            }
        }
        self.pending.clear();
        Ok(())
    }

    /// Sends values; where one of them is refused, all others arrive.
    fn send_batch(&mut self, known: &Known, batch: Batch) -> Answer<()> {
        let Err(trouble) = self.api.log_batch(&batch) else {
            return Ok(());
        };
        if trouble.class != Class::Refused {
            return Err(trouble);
        }
        self.refuse_deleted(known)?;
        let mut open = vec![batch];
        while let Some(batch) = open.pop() {
            let name = batch.first_key();
            let answer = self.api.log_batch(&batch);
            match answer {
                Ok(()) => {}
                Err(trouble) if trouble.class == Class::Refused => match batch.halves() {
                    Some([first, second]) => open.extend([second, first]),
                    None => self.fault(format!("`{name}`: {}", trouble.error)),
                },
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// A run that was deleted takes nothing: that is not the fault of any value.
    fn refuse_deleted(&self, known: &Known) -> Answer<()> {
        let found = self.api.run(&known.run_id)?;
        if found.is_some_and(|run| run.info.lifecycle_stage != "deleted") {
            return Ok(());
        }
        let message = format!("the run {} was deleted on the server", known.run_id);
        let error = Error::new(ErrorKind::Track, message)
            .with_help("restore it there and call `sync`, or delete the spool");
        Err(Trouble::here(Class::Barred, error))
    }

    /// What the server refuses as it is, is lost and told; other troubles end the telling.
    pub(super) fn or_fault(&mut self, answer: Answer<()>, what: &str) -> Answer<()> {
        match answer {
            Err(trouble) if trouble.class == Class::Refused => {
                self.fault(format!("{what}: {}", trouble.error));
                Ok(())
            }
            answer => answer,
        }
    }

    /// A run that [`is_known`](Self::is_known).
    pub(super) fn known(&self, run: &str) -> Known {
        self.progress.runs.get(run).cloned().unwrap_or_default()
    }
}
