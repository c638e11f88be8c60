use std::fmt;
use std::path::Path;

use polars::prelude::{LazyFrame, PlSmallStr};
use serde_json::Value;

use super::Facts;
use super::file::{Contents, Input, write};
use crate::error::{Error, ErrorKind, Result, listed};
use crate::schema::{Dtype, Schema};
use crate::transform::{Apply, Invert, Persist, Saved};

/// The fitted steps of a flow, on the features and on the target.
///
/// What `flow.fit()` gives when there is no estimator.
#[derive(Clone)]
pub struct Pipeline<P, T> {
    pub(crate) steps: P,
    pub(crate) target_steps: T,
    pub(crate) target: PlSmallStr,
    /// The columns of the source that the steps and the model read, with their dtypes.
    pub(crate) inputs: Vec<Input>,
}

impl<P: fmt::Debug, T: fmt::Debug> fmt::Debug for Pipeline<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.steps)?;
        let target = format!("{:?}", self.target_steps);
        if !target.is_empty() {
            write!(f, " | on target: {target}")?;
        }
        Ok(())
    }
}

impl<P: Apply + Persist, T: Invert + Persist> Pipeline<P, T> {
    /// The fitted steps on the features.
    pub fn steps(&self) -> &P {
        &self.steps
    }

    /// The fitted steps on the target.
    pub fn target_steps(&self) -> &T {
        &self.target_steps
    }

    /// What the fit of each step found, with its [`KIND`](crate::transform::Artifact::KIND): the
    /// steps on the features in order, then those on the target. Null of a step that has nothing to
    /// tell; see [`Apply::report`].
    pub fn step_reports(&self) -> Vec<(&'static str, Value)> {
        let mut kinds = Vec::new();
        self.steps.kinds(&mut kinds);
        self.target_steps.kinds(&mut kinds);
        let [steps, target_steps] = self.reports();
        kinds
            .into_iter()
            .zip([steps, target_steps].concat())
            .collect()
    }

    /// What the fit of each step found, on the features and on the target.
    pub(crate) fn reports(&self) -> [Vec<Value>; 2] {
        let (mut steps, mut target_steps) = (Vec::new(), Vec::new());
        self.steps.reports(&mut steps);
        self.target_steps.reports(&mut target_steps);
        [steps, target_steps]
    }

    /// Applies the steps on the features. Reads no row itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Apply`] when a column is missing or of another dtype than at the fit.
    pub fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let mut frame = frame;
        let schema = frame
            .collect_schema()
            .map_err(|error| Error::from_polars(ErrorKind::Apply, error))?;
        self.check_input(&Schema::from_polars(&schema), ErrorKind::Apply)?;
        self.steps.apply(frame)
    }

    /// Undoes the steps on the features and restores their dtypes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Apply`] when the columns are not what the steps made.
    pub fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame>
    where
        P: Invert,
    {
        self.steps.inverse(frame)
    }

    /// Writes the fitted steps as JSON, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write(path.as_ref(), &self.contents(None, &Facts::default())?)
    }

    pub(crate) fn contents(&self, predictor: Option<Saved>, facts: &Facts) -> Result<Contents> {
        let mut steps = Vec::new();
        self.steps.save(&mut steps)?;
        let mut target_steps = Vec::new();
        self.target_steps.save(&mut target_steps)?;
        Ok(Contents {
            target: self.target.to_string(),
            inputs: self.inputs.clone(),
            split: facts.split.clone(),
            tags: facts.tags.clone(),
            steps,
            target_steps,
            predictor,
            metrics: facts.metrics.clone(),
            weight: facts.weight.clone(),
        })
    }

    /// Refuses rows that lack a column that was there at the fit, or have it in another dtype,
    /// before one is read.
    pub(crate) fn check_input(&self, schema: &Schema, kind: ErrorKind) -> Result<()> {
        for input in &self.inputs {
            let Some(field) = schema.get(&input.name) else {
                return Err(Error::new(kind, "a column of the fit is missing")
                    .on_column(input.name.as_str())
                    .with_dtype(Dtype::shown(&input.dtype))
                    .with_help(format!("the columns here are {}", listed(schema.names()))));
            };
            let found = Dtype(field.dtype().clone()).text();
            if found != input.dtype {
                let message = format!("the column was {} at the fit", Dtype::shown(&input.dtype));
                return Err(Error::new(kind, message)
                    .on_column(input.name.as_str())
                    .with_dtype(field.dtype())
                    .with_help("cast it back first"));
            }
        }
        Ok(())
    }
}
