//! What runs: a small graph of stages, once or for each of many parameters.

mod stage;
mod trigger;
pub(crate) mod work;

use std::collections::HashSet;

pub use stage::Stage;
pub use trigger::TriggerRule;
pub use work::{Context, Outcome};

use super::Parameters;
use crate::error::{Error, ErrorKind, Result, listed};
use work::{PLACES, Work, fill};

/// Named stages and what must end before what; mapped over parameters, all of it for each of them.
///
/// # Examples
///
/// One stage behind the other, for four queries, two of them at a time:
///
/// ```
/// use floe::schedule::{Job, Outcome, Parameters, Stage};
///
/// let queries = ["matrix", "alien", "heat", "brazil"];
/// let job = Job::chain([
///     Stage::call("collect", |run| {
///         run.log(format_args!("collecting {}", run.parameters));
///         Ok(Outcome::Done)
///     }),
///     Stage::call("score", |_| Ok(Outcome::Done)),
/// ])
/// .map(queries.map(|query| Parameters::new().with("query", query)))
/// .at_once(2);
/// job.check()?;
/// # Ok::<(), floe::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Job {
    pub(crate) stages: Vec<Stage>,
    pub(crate) parameters: Option<Vec<Parameters>>,
    pub(crate) at_once: usize,
}

impl Job {
    /// From stages that say by [`Stage::after`] what they wait for.
    pub fn new(stages: impl IntoIterator<Item = Stage>) -> Self {
        Self {
            stages: stages.into_iter().collect(),
            parameters: None,
            at_once: 1,
        }
    }

    /// From stages that each wait for the one before.
    pub fn chain(stages: impl IntoIterator<Item = Stage>) -> Self {
        let mut job = Self::new(stages);
        for at in 1..job.stages.len() {
            let before = job.stages[at - 1].name.clone();
            job.stages[at].after.push(before);
        }
        job
    }

    /// One stage that is a call, such as one that runs a flow.
    pub fn call(
        name: impl Into<String>,
        call: impl Fn(&Context) -> Result<Outcome> + Send + Sync + 'static,
    ) -> Self {
        Self::new([Stage::call(name, call)])
    }

    /// Runs all stages for each of these parameters, in every interval: a run for each.
    pub fn map(self, parameters: impl IntoIterator<Item = Parameters>) -> Self {
        Self {
            parameters: Some(parameters.into_iter().collect()),
            ..self
        }
    }

    /// How many of the mapped runs of an interval may be in work at once; 1 unless said.
    pub fn at_once(self, at_once: usize) -> Self {
        Self { at_once, ..self }
    }

    /// The names of the stages, in the order in which they were given.
    pub fn stages(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(Stage::name)
    }

    /// The parameters of each run of an interval.
    pub(crate) fn mapped(&self) -> Vec<Parameters> {
        let unmapped = || vec![Parameters::new()];
        self.parameters.clone().unwrap_or_else(unmapped)
    }

    pub(crate) fn position(&self, stage: &str) -> Option<usize> {
        self.stages.iter().position(|found| found.name == stage)
    }

    /// A stage and all that wait for it, directly or not.
    pub(crate) fn stage_and_after(&self, stage: &str) -> Result<Vec<&str>> {
        let Some(first) = self.position(stage) else {
            let names = listed(self.stages());
            return Err(
                Error::new(ErrorKind::Schedule, format!("there is no stage `{stage}`"))
                    .with_help(format!("the stages are {names}")),
            );
        };
        let mut found = vec![self.stages[first].name.as_str()];
        let mut at = 0;
        while at < found.len() {
            for next in &self.stages {
                let waits = next.after.iter().any(|before| before == found[at]);
                if waits && !found.contains(&next.name.as_str()) {
                    found.push(&next.name);
                }
            }
            at += 1;
        }
        Ok(found)
    }

    /// Tells what cannot work.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for no stages, names that are not one word or stand twice, a stage
    /// that waits for itself or for one that there is not, settings out of range, and arguments
    /// that name a parameter which no run has.
    pub fn check(&self) -> Result<()> {
        if self.stages.is_empty() {
            return refuse("a job has at least one stage".to_owned());
        }
        let (mut names, mut files) = (HashSet::new(), HashSet::new());
        for stage in &self.stages {
            let name = &stage.name;
            let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || name.len() > 100 || !name.chars().all(word) {
                return refuse(format!(
                    "`{name}` is no name of a stage: letters, digits, `-` and `_` make one"
                ));
            }
            if !names.insert(name.as_str()) {
                return refuse(format!("two stages are called `{name}`"));
            }
            // Logs are named by their stage, and some file systems take no notice of capitals.
            if !files.insert(name.to_ascii_lowercase()) {
                return refuse(format!(
                    "another stage has the name `{name}` but for its capitals"
                ));
            }
        }
        for stage in &self.stages {
            self.check_stage(stage, &names)?;
        }
        self.check_circles()?;
        self.check_parameters()
    }

    fn check_stage(&self, stage: &Stage, names: &HashSet<&str>) -> Result<()> {
        let name = &stage.name;
        for before in &stage.after {
            if !names.contains(before.as_str()) {
                return refuse(format!("`{name}` waits for `{before}`, which is no stage"));
            }
        }
        if stage.timeout.is_some_and(|timeout| timeout.is_zero()) {
            return refuse(format!("`{name}` has no time at all"));
        }
        if let Some(problem) = stage.retry.as_ref().and_then(super::Retry::problem) {
            return refuse(format!("`{name}`: {problem}"));
        }
        if let Work::Command {
            program, arguments, ..
        } = &stage.work
        {
            if program.as_os_str().is_empty() {
                return refuse(format!("`{name}` has no program"));
            }
            for argument in arguments {
                self.check_argument(name, argument)?;
            }
        }
        Ok(())
    }

    fn check_argument(&self, name: &str, argument: &str) -> Result<()> {
        let mut unknown = None;
        let missing = |wanted: &str| {
            let has = |run: &Parameters| run.get(wanted).is_some();
            !self.mapped().iter().all(has)
        };
        let unknown_place = std::cell::RefCell::new(&mut unknown);
        fill(argument, |place| {
            let known = PLACES.contains(&format!("{{{place}}}").as_str());
            let wanted = place.strip_prefix("parameter.");
            if !known && wanted.is_some_and(missing) {
                **unknown_place.borrow_mut() = wanted.map(ToOwned::to_owned);
            }
            None
        });
        match unknown {
            Some(wanted) => refuse(format!(
                "`{name}` names the parameter `{wanted}`, which not every run has"
            )),
            None => Ok(()),
        }
    }

    fn check_circles(&self) -> Result<()> {
        let mut ended = HashSet::new();
        loop {
            let before = ended.len();
            for stage in &self.stages {
                if stage.after.iter().all(|name| ended.contains(name.as_str())) {
                    ended.insert(stage.name.as_str());
                }
            }
            if ended.len() == self.stages.len() {
                return Ok(());
            }
            if ended.len() == before {
                let stuck = self.stages().filter(|name| !ended.contains(name));
                let stuck = listed(stuck);
                return refuse(format!("stages wait for each other in a circle: {stuck}"));
            }
        }
    }

    fn check_parameters(&self) -> Result<()> {
        if self.at_once == 0 {
            return refuse("with no run at once nothing ever runs".to_owned());
        }
        let Some(parameters) = &self.parameters else {
            return Ok(());
        };
        if parameters.is_empty() {
            return refuse("the job is mapped over no parameters at all".to_owned());
        }
        let mut seen = HashSet::new();
        for run in parameters {
            if !seen.insert(run) {
                return refuse(format!("the parameters {run} stand twice"));
            }
            run.check_names()?;
        }
        Ok(())
    }
}

fn refuse(message: String) -> Result<()> {
    Err(Error::new(ErrorKind::Config, message))
}
