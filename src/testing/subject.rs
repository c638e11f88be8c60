//! What is checked: a plan of steps, or an estimator, by the same few verbs.

use std::fmt;

use polars::prelude::{DataFrame, DataType, LazyFrame, lit};

use crate::error::{Error, ErrorKind, Result};
use crate::estimator::{Estimator, Predict};
use crate::frame::RowSet;
use crate::learn::{FitOn, Plan, Purpose, ScanLog, fit_plan};
use crate::schema::{FOLD, ROW, column};
use crate::source::{InMemory, Source};
use crate::splitter::KFold;
use crate::transform::{Apply, Persist, Saved, SavedSteps};

/// In how many parts the rows are dealt.
const PARTS: u32 = 3;

pub(super) trait Subject {
    type Fitted;
    fn label(&self) -> &dyn fmt::Debug;
    fn fit(&self, rows: &DataFrame) -> Result<Self::Fitted>;
    /// Fits the rows dealt into parts, what each taught merged.
    fn fit_parts(&self, rows: &DataFrame) -> Result<Self::Fitted>;
    /// Plans a fit on this source, which must not read it.
    fn plan(&self, source: impl Source + 'static) -> Result<()>;
    fn apply(&self, fitted: &Self::Fitted, frame: LazyFrame) -> Result<LazyFrame>;
    fn save(&self, fitted: &Self::Fitted) -> Result<Vec<Saved>>;
    fn restore(&self, saved: Vec<Saved>) -> Result<Self::Fitted>;
}

pub(super) struct Steps<'a, P>(pub(super) &'a P);

impl<P: Plan> Subject for Steps<'_, P> {
    type Fitted = P::Fitted;

    fn label(&self) -> &dyn fmt::Debug {
        self.0
    }

    fn fit(&self, rows: &DataFrame) -> Result<P::Fitted> {
        self.0
            .fit_on(&crate::train_on(InMemory::new(rows.clone()))?)
    }

    fn fit_parts(&self, rows: &DataFrame) -> Result<P::Fitted> {
        let source = InMemory::new(rows.clone());
        let train = crate::train_on(source)?;
        let part = column(ROW) % lit(PARTS);
        let frame = train.rows().frame.clone();
        let rows = RowSet {
            frame: frame.with_columns([part.cast(DataType::UInt32).alias(FOLD)]),
            parts: Some(PARTS as usize),
        };
        let mut log = ScanLog::default();
        fit_plan(self.0, &rows, train.schema(), Purpose::Level, &mut log)
    }

    fn plan(&self, source: impl Source + 'static) -> Result<()> {
        self.0.levels(crate::train_on(source)?.schema()).map(drop)
    }

    fn apply(&self, fitted: &P::Fitted, frame: LazyFrame) -> Result<LazyFrame> {
        Apply::apply(fitted, frame)
    }

    fn save(&self, fitted: &P::Fitted) -> Result<Vec<Saved>> {
        let mut saved = Vec::new();
        Persist::save(fitted, &mut saved)?;
        Ok(saved)
    }

    fn restore(&self, saved: Vec<Saved>) -> Result<P::Fitted> {
        let mut saved = SavedSteps::new(saved);
        let fitted = Plan::restore(self.0, &mut saved)?;
        saved.finish()?;
        Ok(fitted)
    }
}

pub(super) struct Learner<'a, E>(pub(super) &'a E);

impl<E: Estimator + Clone> Subject for Learner<'_, E> {
    type Fitted = E::Model;

    fn label(&self) -> &dyn fmt::Debug {
        self.0
    }

    fn fit(&self, rows: &DataFrame) -> Result<E::Model> {
        let flow = crate::from_train(InMemory::new(rows.clone())).learn(self.0.clone());
        Ok(flow.fit()?.predictor().clone())
    }

    fn fit_parts(&self, rows: &DataFrame) -> Result<E::Model> {
        let folds = KFold::new(PARTS as usize).refit();
        let flow = crate::from(InMemory::new(rows.clone())).split(folds);
        let run = flow.learn(self.0.clone()).run()?;
        Ok(run.model()?.predictor().clone())
    }

    fn plan(&self, source: impl Source + 'static) -> Result<()> {
        crate::from_train(source).learn(self.0.clone()).check()
    }

    fn apply(&self, fitted: &E::Model, frame: LazyFrame) -> Result<LazyFrame> {
        Predict::predict(fitted, frame)
    }

    fn save(&self, fitted: &E::Model) -> Result<Vec<Saved>> {
        Ok(vec![Saved::of(fitted)?])
    }

    fn restore(&self, saved: Vec<Saved>) -> Result<E::Model> {
        let saved = saved
            .first()
            .ok_or_else(|| Error::new(ErrorKind::Model, "nothing was saved (a bug in floe)"))?;
        self.0.restore(saved)
    }
}
