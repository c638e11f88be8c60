use std::any::Any;
use std::fmt;
use std::sync::Arc;

use polars::prelude::LazyFrame;
use serde_json::Value;

use super::{Classes, Predict};
use crate::error::Result;
use crate::transform::{Artifact, Persist, Saved};

/// A fitted model whose type is known at run time only.
///
/// It predicts, and is saved, to the same bits as the model that it holds.
#[derive(Clone)]
pub struct BoxPredict(Arc<dyn Erased>);

trait Erased: Predict + Any {
    fn saved(&self) -> Result<Saved>;
    fn kind(&self) -> &'static str;
    fn as_any(&self) -> &dyn Any;
}

impl<M: Predict + Artifact + 'static> Erased for M {
    fn saved(&self) -> Result<Saved> {
        Saved::of(self)
    }

    fn kind(&self) -> &'static str {
        M::KIND
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl BoxPredict {
    /// Forgets the type of a fitted model.
    pub fn new(model: impl Predict + Artifact + 'static) -> Self {
        Self(Arc::new(model))
    }

    /// The model as its own type, if it is of that type.
    pub fn downcast_ref<M: 'static>(&self) -> Option<&M> {
        self.0.as_any().downcast_ref()
    }
}

impl fmt::Debug for BoxPredict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Predict for BoxPredict {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        self.0.predict(frame)
    }

    fn classes(&self) -> Option<&Classes> {
        self.0.classes()
    }

    fn report(&self) -> Value {
        self.0.report()
    }
}

impl Persist for BoxPredict {
    fn save(&self, steps: &mut Vec<Saved>) -> Result<()> {
        steps.push(self.0.saved()?);
        Ok(())
    }

    fn kinds(&self, kinds: &mut Vec<&'static str>) {
        kinds.push(self.0.kind());
    }
}
