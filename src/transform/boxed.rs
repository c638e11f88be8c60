use std::any::Any;
use std::fmt;
use std::sync::Arc;

use polars::prelude::{Expr, LazyFrame, PlSmallStr};
use serde_json::Value;

use super::{Apply, Artifact, Invert, Persist, Saved, SavedSteps, Transform};
use crate::error::Result;
use crate::learn::{Answers, Learned, Line, Need, Plan, Progress, Shape, Walk, advance, resolve};
use crate::schema::Schema;

/// A transform whose type is known at run time only. `Vec<BoxTransform>` is a chain of them.
///
/// It learns in the same scans, to the same bits, as the typed chain of the same steps.
#[derive(Clone)]
#[must_use = "a step does nothing until it is part of a flow, or fitted by `.fit_on(&train)`"]
pub struct BoxTransform(Arc<dyn Erased>);

/// A fitted step whose type is known at run time only.
#[derive(Clone)]
pub struct BoxApply(Arc<dyn ErasedFitted>);

/// A fitted step that can be undone, whose type is known at run time only.
#[derive(Clone)]
pub struct BoxInvert(Arc<dyn ErasedInvert>);

trait Erased: fmt::Debug + Send + Sync {
    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;
    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;
    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>>;
    fn drops_train_rows(&self) -> bool;
    fn needs(&self, input: &Schema) -> Result<Vec<Need>>;
    fn fit(&self, input: &Schema, learned: &Learned) -> Result<BoxApply>;
    fn output(&self, input: &Schema) -> Result<Schema>;
    fn shape(&self, input: &Schema, column: &str) -> Shape;
    fn restore(&self, saved: &Saved) -> Result<BoxApply>;
}

trait ErasedFitted: Apply + Any {
    fn saved(&self) -> Result<Saved>;
    fn kind(&self) -> &'static str;
    fn as_any(&self) -> &dyn Any;
}

trait ErasedInvert: ErasedFitted + Invert {}

impl<A: Invert + Artifact + 'static> ErasedInvert for A {}

impl<A: Apply + Artifact + 'static> ErasedFitted for A {
    fn saved(&self) -> Result<Saved> {
        Saved::of(self)
    }

    fn kind(&self) -> &'static str {
        A::KIND
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<T: Transform> Erased for T {
    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        Transform::reads(self, input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        Transform::writes(self, input)
    }

    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        Transform::learns_from(self, input)
    }

    fn drops_train_rows(&self) -> bool {
        Transform::drops_train_rows(self)
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        Transform::needs(self, input)
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<BoxApply> {
        Ok(BoxApply(Arc::new(Transform::fit(self, input, learned)?)))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Transform::output(self, input)
    }

    fn shape(&self, input: &Schema, column: &str) -> Shape {
        Transform::shape(self, input, column)
    }

    fn restore(&self, saved: &Saved) -> Result<BoxApply> {
        Ok(BoxApply(Arc::new(Transform::restore(self, saved)?)))
    }
}

impl BoxTransform {
    /// Forgets the type of a transform.
    pub fn new(transform: impl Transform + 'static) -> Self {
        Self(Arc::new(transform))
    }
}

impl BoxApply {
    /// Forgets the type of a fitted step.
    pub fn new(fitted: impl Apply + Artifact + 'static) -> Self {
        Self(Arc::new(fitted))
    }

    /// The fitted step as its own type, if it is of that type.
    pub fn downcast_ref<A: 'static>(&self) -> Option<&A> {
        self.0.as_any().downcast_ref()
    }
}

impl BoxInvert {
    /// Forgets the type of a fitted step that can be undone.
    pub fn new(fitted: impl Invert + Artifact + 'static) -> Self {
        Self(Arc::new(fitted))
    }

    /// The fitted step as its own type, if it is of that type.
    pub fn downcast_ref<A: 'static>(&self) -> Option<&A> {
        self.0.as_any().downcast_ref()
    }
}

impl fmt::Debug for BoxTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BoxApply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BoxInvert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Apply for BoxApply {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        self.0.apply(frame)
    }

    fn apply_to_train(&self, train: LazyFrame) -> Result<LazyFrame> {
        self.0.apply_to_train(train)
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.0.output(input)
    }

    fn line(&self, column: &str) -> Option<Line> {
        self.0.line(column)
    }

    fn warnings(&self, warnings: &mut Vec<String>) {
        self.0.warnings(warnings);
    }

    fn report(&self) -> Value {
        self.0.report()
    }
}

impl Persist for BoxApply {
    fn save(&self, steps: &mut Vec<Saved>) -> Result<()> {
        steps.push(self.0.saved()?);
        Ok(())
    }

    fn kinds(&self, kinds: &mut Vec<&'static str>) {
        kinds.push(self.0.kind());
    }
}

impl Apply for BoxInvert {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        self.0.apply(frame)
    }

    fn apply_to_train(&self, train: LazyFrame) -> Result<LazyFrame> {
        self.0.apply_to_train(train)
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.0.output(input)
    }

    fn warnings(&self, warnings: &mut Vec<String>) {
        self.0.warnings(warnings);
    }

    fn report(&self) -> Value {
        self.0.report()
    }
}

impl Invert for BoxInvert {
    fn inverse(&self, frame: LazyFrame) -> Result<LazyFrame> {
        self.0.inverse(frame)
    }

    fn inverse_value(&self, column: &str, value: Expr) -> Result<Expr> {
        self.0.inverse_value(column, value)
    }
}

impl Persist for BoxInvert {
    fn save(&self, steps: &mut Vec<Saved>) -> Result<()> {
        steps.push(self.0.saved()?);
        Ok(())
    }

    fn kinds(&self, kinds: &mut Vec<&'static str>) {
        kinds.push(self.0.kind());
    }
}

impl crate::learn::Declare for BoxTransform {
    type Fitted = BoxApply;

    fn reads(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.0.reads(input)
    }

    fn writes(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.0.writes(input)
    }

    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.0.learns_from(input)
    }

    fn drops_train_rows(&self) -> bool {
        self.0.drops_train_rows()
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        self.0.needs(input)
    }

    fn fit(&self, input: &Schema, learned: &Learned) -> Result<BoxApply> {
        self.0.fit(input, learned)
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        self.0.output(input)
    }

    fn shape(&self, input: &Schema, column: &str) -> Shape {
        self.0.shape(input, column)
    }
}

impl Plan for BoxTransform {
    type Fitted = BoxApply;
    type State = Progress<BoxApply>;

    fn advance(&self, state: &mut Self::State, walk: &mut Walk) -> Result<()> {
        advance(self, state, walk).map_err(|e| e.at(self))
    }

    fn resolve(&self, state: &mut Self::State, answers: Option<&Answers>) -> Result<()> {
        resolve(self, state, answers).map_err(|e| e.at(self))
    }

    fn finish(&self, state: Self::State) -> Result<BoxApply> {
        state.done()
    }

    fn restore(&self, saved: &mut SavedSteps) -> Result<BoxApply> {
        self.0.restore(&saved.next()?).map_err(|e| e.at(self))
    }

    fn labels(&self, labels: &mut Vec<String>) {
        labels.push(crate::error::label(self));
    }
}
