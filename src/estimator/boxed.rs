use std::any::Any;
use std::fmt;
use std::sync::Arc;

use polars::prelude::{LazyFrame, PlSmallStr};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Classes, Estimator, Predict, Training};
use crate::error::Result;
use crate::learn::Need;
use crate::schema::Schema;
use crate::transform::{Artifact, Saved};

/// A fitted model whose type is known at run time only.
///
/// It predicts, and is saved, to the same bits as the model that it holds.
#[derive(Clone)]
pub struct BoxPredict(Arc<dyn Erased>);

trait Erased: Predict + Any {
    fn saved(&self) -> Result<Saved>;
    fn as_any(&self) -> &dyn Any;
}

impl<M: Predict + Artifact + 'static> Erased for M {
    fn saved(&self) -> Result<Saved> {
        self.to_saved()
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

/// It is written as the model that it holds.
impl Artifact for BoxPredict {
    const KIND: &'static str = "boxed";

    fn to_saved(&self) -> Result<Saved> {
        self.0.saved()
    }
}

impl Serialize for BoxPredict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let saved = self.0.saved().map_err(S::Error::custom)?;
        saved.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BoxPredict {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom(
            "what the model is, only the estimator or a `Registry` knows",
        ))
    }
}

/// An estimator whose type is known at run time only, such as one of several that are compared.
///
/// It learns in the same scans, to the same bits, as the estimator that it holds.
///
/// # Examples
///
/// ```
/// use floe::estimator::BoxEstimator;
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df!["x" => [0.0, 1.0, 2.0, 3.0], "y" => [1.0, 3.0, 5.0, 7.0]]?;
/// for estimator in [
///     BoxEstimator::new(LinearRegression::new(["x"], "y")),
///     BoxEstimator::new(MeanRegressor::new("y")),
/// ] {
///     let run = floe::from(InMemory::new(rows.clone()))
///         .split(TrainTestSplit::new(0.5).seed(1))
///         .learn(estimator)
///         .run()?;
///     assert_eq!(run.metrics().rows(), 2);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct BoxEstimator(Arc<dyn ErasedEstimator>);

trait ErasedEstimator: fmt::Debug + Send + Sync {
    fn target(&self) -> &str;
    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;
    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;
    fn needs(&self, input: &Schema) -> Result<Vec<Need>>;
    fn is_classifier(&self) -> bool;
    fn scans(&self) -> usize;
    fn may_hold(&self) -> usize;
    fn restore(&self, saved: &Saved) -> Result<BoxPredict>;
    fn fit(&self, training: &Training<'_>) -> Result<BoxPredict>;
}

impl<E: Estimator> ErasedEstimator for E {
    fn target(&self) -> &str {
        Estimator::target(self)
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        Estimator::features(self, input)
    }

    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        Estimator::learns_from(self, input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        Estimator::needs(self, input)
    }

    fn is_classifier(&self) -> bool {
        Estimator::is_classifier(self)
    }

    fn scans(&self) -> usize {
        Estimator::scans(self)
    }

    fn may_hold(&self) -> usize {
        Estimator::may_hold(self)
    }

    fn restore(&self, saved: &Saved) -> Result<BoxPredict> {
        Estimator::restore(self, saved).map(BoxPredict::new)
    }

    fn fit(&self, training: &Training<'_>) -> Result<BoxPredict> {
        Estimator::fit(self, training).map(BoxPredict::new)
    }
}

impl BoxEstimator {
    /// Forgets the type of an estimator.
    pub fn new(estimator: impl Estimator + 'static) -> Self {
        Self(Arc::new(estimator))
    }
}

impl fmt::Debug for BoxEstimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Estimator for BoxEstimator {
    type Model = BoxPredict;

    fn target(&self) -> &str {
        self.0.target()
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.0.features(input)
    }

    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.0.learns_from(input)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        self.0.needs(input)
    }

    fn is_classifier(&self) -> bool {
        self.0.is_classifier()
    }

    fn scans(&self) -> usize {
        self.0.scans()
    }

    fn may_hold(&self) -> usize {
        self.0.may_hold()
    }

    fn restore(&self, saved: &Saved) -> Result<BoxPredict> {
        self.0.restore(saved)
    }

    fn fit(&self, training: &Training<'_>) -> Result<BoxPredict> {
        self.0.fit(training)
    }
}
