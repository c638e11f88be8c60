//! Fitted pipelines and models: applied, undone, scored, saved, loaded.

mod file;
mod pipeline;
mod registry;

use std::fmt;
use std::path::Path;

use polars::prelude::{Expr, LazyFrame, PlSmallStr};
use serde_json::Value;

use file::write;
pub(crate) use file::{Input, read};
pub use pipeline::Pipeline;
pub use registry::{BoxModel, BoxPipeline, Registry};

use crate::error::{Error, ErrorKind, Result};
use crate::estimator::{PREDICTION, Predict};
use crate::learn::ScanLog;
use crate::metric::{Metrics, RegressionMetrics};
use crate::schema::{Kind, Schema, column};
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
    /// Null features give a null prediction, NaN a NaN. A column of the rows that is itself named
    /// `prediction` is replaced.
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
        let mut columns: Vec<_> = names
            .iter()
            .filter(|name| name.as_str() != PREDICTION)
            .map(|name| column(kept_name(name)).alias(name.clone()))
            .collect();
        columns.push(prediction.alias(PREDICTION));
        Ok(frame.select(columns))
    }

    /// Scores the model on rows that were not part of the run: one scan.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Predict`] as [`predict`](Self::predict), and when the target is missing.
    pub fn evaluate(&self, source: impl Source) -> Result<Metrics> {
        let frame = source.scan()?;
        let scored = self.score(frame, RegressionMetrics::new(), &mut ScanLog::default())?;
        scored.into_iter().next().ok_or_else(|| {
            Error::new(
                ErrorKind::Score,
                "there is nothing to score (a bug in floe)",
            )
        })
    }

    /// The metrics in the target's own units, then in the units that the model learned in.
    pub(crate) fn score(
        &self,
        frame: LazyFrame,
        metrics: RegressionMetrics,
        log: &mut ScanLog,
    ) -> Result<Vec<Metrics>> {
        let (frame, pairs) = self.judged(frame)?;
        metrics.score(&frame, &pairs, log)
    }

    /// The rows with their predictions, and the pairs of (truth, prediction) in the target's own
    /// units and in those that the model learned in.
    pub(crate) fn judged(&self, frame: LazyFrame) -> Result<(LazyFrame, [(Expr, Expr); 2])> {
        const TRUTH: &str = "__floe_truth";
        const SCALED_TRUTH: &str = "__floe_scaled_truth";
        let mut frame = frame;
        let schema = frame
            .collect_schema()
            .map_err(|error| Error::from_polars(ErrorKind::Score, error))?;
        let schema = Schema::from_polars(&schema);
        self.pipeline.check_input(&schema, ErrorKind::Predict)?;
        let target = &self.pipeline.target;
        Kind::of(target, schema.field(target)?.dtype())?;
        let frame = frame.with_columns([column(target.clone()).alias(TRUTH)]);
        let frame = self.pipeline.steps.apply(frame)?;
        let frame = self.pipeline.target_steps.apply(frame)?;
        // Put aside, since the target may itself be named as the prediction is.
        let frame = frame.with_columns([column(target.clone()).alias(SCALED_TRUTH)]);
        let frame = self.predictor.predict(frame)?;
        let own = self
            .pipeline
            .target_steps
            .inverse_value(target, column(PREDICTION))?;
        let pairs = [
            (column(TRUTH), own),
            (column(SCALED_TRUTH), column(PREDICTION)),
        ];
        Ok((frame, pairs))
    }

    /// Writes the model as JSON, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] when the file cannot be written, [`ErrorKind::Model`] when something
    /// learned cannot be written as JSON.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut predictor = Vec::new();
        self.predictor.save(&mut predictor)?;
        let contents = self.pipeline.contents(predictor.pop(), &self.facts)?;
        write(path.as_ref(), &contents)
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
