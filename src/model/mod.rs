//! Fitted pipelines and models: applied, undone, scored, saved, loaded.

mod file;
mod judge;
mod pipeline;
mod registry;

use std::fmt;
use std::path::Path;

use polars::prelude::{LazyFrame, PlSmallStr};
use serde_json::Value;

use file::Contents;
pub(crate) use file::{Input, read};
use file::{text, write};
pub(crate) use judge::{Judge, Scores};
pub use pipeline::Pipeline;
pub use registry::{BoxModel, BoxPipeline, Registry};

use crate::error::{Error, ErrorKind, Result};
use crate::estimator::{PREDICTION, Predict};
use crate::learn::ScanLog;
use crate::metric::{Metrics, Scoring};
use crate::schema::{Schema, column};
use crate::source::Source;
use crate::transform::{Apply, Invert, Persist};

/// A fitted flow: the steps, the steps on the target and the model, as one thing that predicts.
///
/// It is data: [`save`](Self::save) writes what was learned as versioned, readable JSON.
/// [`Flow::load`](crate::Flow::load) reads it back as its own types, [`Registry::load`] without the
/// flow, both to the same bits.
#[derive(Clone, Debug)]
pub struct Model<P, T, M> {
    pub(crate) pipeline: Pipeline<P, T>,
    pub(crate) predictor: M,
    pub(crate) facts: Facts,
}

/// What is known of a fit beyond what was learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) split: Value,
    pub(crate) tags: Vec<String>,
    pub(crate) metrics: Option<Metrics>,
    /// The column that the rows weigh by when they are scored.
    pub(crate) weight: Option<String>,
}

impl<P, T, M> Model<P, T, M>
where
    P: Apply + Persist,
    T: Invert + Persist,
    M: Predict + Persist,
{
    /// The fitted model behind the steps, such as the coefficients of a linear one.
    pub fn predictor(&self) -> &M {
        &self.predictor
    }

    /// The fitted steps, without the model.
    pub fn pipeline(&self) -> &Pipeline<P, T> {
        &self.pipeline
    }

    /// The split that the model was fitted under.
    pub fn split(&self) -> &Value {
        &self.facts.split
    }

    /// Declared leaks and the like.
    pub fn tags(&self) -> &[String] {
        &self.facts.tags
    }

    /// The metrics of the test rows of the run that made it, if it was scored.
    pub fn metrics(&self) -> Option<&Metrics> {
        self.facts.metrics.as_ref()
    }

    /// Adds the column `prediction`, in the target's own units, to rows in the shape of the
    /// source. The target column need not exist. Reads no row itself.
    ///
    /// A model that tells classes apart predicts them in the target's own dtype, and adds a column
    /// of probabilities for each: `probability_` and the class, such as `probability_yes`, Float64,
    /// in the order of the [`Classes`](crate::estimator::Classes).
    ///
    /// Null features give null predictions and probabilities; of numbers, NaN gives NaN. A column of
    /// the rows that is itself named as one that is added is replaced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Predict`] when a column is missing or of another dtype than at the fit.
    pub fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let mut frame = frame;
        let schema = frame
            .collect_schema()
            .map_err(|error| Error::from_polars(ErrorKind::Predict, error))?;
        let schema = Schema::from_polars(&schema);
        self.pipeline.check_input(&schema, ErrorKind::Predict)?;
        // The predictions are made on a copy of the columns, so that the rows come back as they were.
        let names: Vec<PlSmallStr> = schema.names().cloned().collect();
        let kept = names
            .iter()
            .map(|name| column(name.clone()).alias(kept_name(name)));
        let frame = frame.with_columns(kept.collect::<Vec<_>>());
        let frame = self.predictor.predict(self.pipeline.steps.apply(frame)?)?;
        let prediction = self
            .pipeline
            .target_steps
            .inverse_value(&self.pipeline.target, column(PREDICTION))?;
        let added = judge::outcomes(&self.predictor);
        let mut columns: Vec<_> = names
            .iter()
            .filter(|name| !added.contains(*name))
            .map(|name| column(kept_name(name)).alias(name.clone()))
            .collect();
        columns.push(prediction.alias(PREDICTION));
        columns.extend(added.into_iter().skip(1).map(column));
        Ok(frame.select(columns))
    }

    /// Scores the model on rows that were not part of the run, by the metrics that fit it: one scan.
    ///
    /// Rows weigh by the column that was declared their weight at the fit, as in
    /// [`Run::metrics`](crate::Run::metrics). What was chosen by
    /// [`score_with`](crate::Flow::score_with) is no part of a model: see
    /// [`evaluate_with`](Self::evaluate_with).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Predict`] as [`predict`](Self::predict), and [`ErrorKind::Schema`] when the
    /// target or the weight is missing, or of a dtype that cannot be scored.
    pub fn evaluate(&self, source: impl Source) -> Result<Metrics> {
        self.evaluate_with(source, Scoring::Fitting)
    }

    /// Scores the model by chosen metrics.
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Self::evaluate), and [`ErrorKind::Config`] when the metrics are not those of
    /// what the model predicts.
    pub fn evaluate_with(
        &self,
        source: impl Source,
        scoring: impl Into<Scoring>,
    ) -> Result<Metrics> {
        let judge = Judge::new(self, &scoring.into())?;
        Ok(judge.score(source.scan()?, &mut ScanLog::default())?.own)
    }

    /// Writes the model as JSON, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] when the file cannot be written, [`ErrorKind::Model`] when something
    /// learned cannot be written as JSON.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write(path.as_ref(), &self.contents()?)
    }

    /// What [`save`](Self::save) writes.
    pub(crate) fn text(&self) -> Result<String> {
        text(&self.contents()?)
    }

    fn contents(&self) -> Result<Contents> {
        let mut predictor = Vec::new();
        self.predictor.save(&mut predictor)?;
        self.pipeline.contents(predictor.pop(), &self.facts)
    }

    /// The columns that it adds to rows.
    pub(crate) fn outcomes(&self) -> Vec<PlSmallStr> {
        judge::outcomes(&self.predictor)
    }

    /// Facts about the fit as data, such as coefficients by name.
    pub fn report(&self) -> Value {
        self.predictor.report()
    }

    /// What the fit of each step found; see [`Pipeline::step_reports`].
    pub fn step_reports(&self) -> Vec<(&'static str, Value)> {
        self.pipeline.step_reports()
    }

    /// What the fit found that a person should know.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        self.pipeline.steps.warnings(&mut warnings);
        self.pipeline.target_steps.warnings(&mut warnings);
        warnings
    }
}

fn kept_name(name: &str) -> PlSmallStr {
    format!("__floe_kept:{name}").into()
}

impl<P: fmt::Debug, T: fmt::Debug, M> fmt::Display for Model<P, T, M>
where
    M: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} => {:?}", self.pipeline, self.predictor)
    }
}
