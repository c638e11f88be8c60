use polars::prelude::{Column, DataType, Expr, LazyFrame, PlSmallStr};

use super::Model;
use crate::error::{Error, ErrorKind, Result};
use crate::estimator::{Classes, PREDICTION, Predict};
use crate::learn::{Purpose, ScanLog};
use crate::metric::{ClassScorer, Has, Metrics, Scorer, Scoring};
use crate::schema::{Kind, Schema, column};
use crate::transform::{Apply, Invert, Persist};

/// The metrics of some rows: in the target's own units, and in those that the model learned in.
#[derive(Debug, Default)]
pub(crate) struct Scores {
    pub(crate) own: Metrics,
    pub(crate) scaled: Metrics,
}

/// Scores a model on rows that come batch by batch, in their order.
pub(crate) struct Judge<'a, P, T, M> {
    model: &'a Model<P, T, M>,
    scorer: By<'a>,
}

enum By<'a> {
    Numbers(Scorer),
    Classes(&'a Classes, ClassScorer),
}

const TRUTH: &str = "__floe_truth";
const SCALED_TRUTH: &str = "__floe_scaled_truth";
const WEIGHT: &str = "__floe_weight";

impl<'a, P, T, M> Judge<'a, P, T, M>
where
    P: Apply + Persist,
    T: Invert + Persist,
    M: Predict + Persist,
{
    pub(crate) fn new(model: &'a Model<P, T, M>, scoring: &Scoring) -> Result<Self> {
        let weights = model.facts.weight.is_some();
        let scorer = match model.predictor.classes() {
            None => By::Numbers(scoring.of_numbers()?.scorer(2, weights)?),
            Some(classes) => {
                let labels = classes.labels().iter().map(ToString::to_string);
                let has = Has {
                    probabilities: true,
                    weights,
                };
                let metrics = scoring.of_classes()?;
                By::Classes(classes, ClassScorer::new(&metrics, labels.collect(), has)?)
            }
        };
        Ok(Self { model, scorer })
    }

    /// What [`update`](Self::update) takes of rows in the shape of the source, and behind that
    /// other columns of theirs and the predictions.
    pub(crate) fn query(&self, rows: LazyFrame, beside: Option<&[Expr]>) -> Result<LazyFrame> {
        let mut rows = rows;
        let schema = rows
            .collect_schema()
            .map_err(|error| Error::from_polars(ErrorKind::Score, error))?;
        let schema = Schema::from_polars(&schema);
        let Model {
            pipeline,
            predictor,
            ..
        } = self.model;
        pipeline.check_input(&schema, ErrorKind::Predict)?;
        let target = &pipeline.target;
        let truth = schema.field(target)?.dtype();
        match &self.scorer {
            By::Numbers(_) => drop(Kind::of(target, truth)?),
            By::Classes(classes, _) => {
                drop(classes.codes(&Column::new_empty(target.clone(), truth))?);
            }
        }
        // Put aside before a step can change them, since the target may itself be named as the
        // prediction is.
        let mut aside = vec![column(target.clone()).alias(TRUTH)];
        let weight = self.weight();
        if let Some(weight) = weight {
            Kind::of(weight, schema.field(weight)?.dtype())?;
            let weight = column(weight).cast(DataType::Float64);
            aside.push(weight.alias(WEIGHT));
        }
        let frame = pipeline.steps.apply(rows.with_columns(aside))?;
        let frame = pipeline.target_steps.apply(frame)?;
        let frame = frame.with_columns([column(target.clone()).alias(SCALED_TRUTH)]);
        let frame = predictor.predict(frame)?;
        let own = pipeline
            .target_steps
            .inverse_value(target, column(PREDICTION))?;
        let weighs = weight.map(|_| column(WEIGHT));
        let behind = |outcomes: Vec<Expr>| match beside {
            None => Vec::new(),
            Some(beside) => [beside.to_vec(), outcomes].concat(),
        };
        Ok(match &self.scorer {
            By::Numbers(scorer) => {
                let pairs = [
                    (column(TRUTH), own.clone()),
                    (column(SCALED_TRUTH), column(PREDICTION)),
                ];
                scorer.query(frame, &pairs, weighs, &behind(vec![own]))
            }
            By::Classes(..) => {
                let outcomes: Vec<_> = self.outcomes().into_iter().map(column).collect();
                let judged = [vec![column(TRUTH)], outcomes.clone()].concat();
                let all = judged.into_iter().chain(weighs).chain(behind(outcomes));
                let named = all.enumerate().map(|(at, expr)| {
                    let name: PlSmallStr = format!("__floe_judged{at}").into();
                    expr.alias(name)
                });
                frame.select(named.collect::<Vec<_>>())
            }
        })
    }

    /// The columns that the model adds, in the order in which a query has them at its end.
    pub(crate) fn outcomes(&self) -> Vec<PlSmallStr> {
        outcomes(&self.model.predictor)
    }

    /// Adds the next rows of a query, which may have columns behind those that are scored.
    pub(crate) fn update(&mut self, columns: &[Column]) -> Result<()> {
        let weighted = usize::from(self.weight().is_some());
        match &mut self.scorer {
            By::Numbers(scorer) => scorer.update(columns),
            By::Classes(classes, scorer) => {
                let mut judged: Vec<_> = columns
                    .iter()
                    .take(2 + classes.len() + weighted)
                    .cloned()
                    .collect();
                for column in judged.iter_mut().take(2) {
                    let codes = classes.codes(column)?;
                    *column = Column::new(column.name().clone(), codes);
                }
                scorer.update(&judged)
            }
        }
    }

    pub(crate) fn finish(self) -> Result<Scores> {
        let weight = self.weight();
        Ok(match self.scorer {
            By::Numbers(scorer) => {
                let mut metrics = scorer.finish()?.into_iter();
                let mut next = || metrics.next().unwrap_or_default().weighed_by(weight);
                Scores {
                    own: next(),
                    scaled: next(),
                }
            }
            By::Classes(_, scorer) => {
                let own = scorer.finish()?.weighed_by(weight);
                Scores {
                    scaled: own.clone(),
                    own,
                }
            }
        })
    }

    /// Scores rows in one scan.
    pub(crate) fn score(mut self, rows: LazyFrame, log: &mut ScanLog) -> Result<Scores> {
        let query = self.query(rows, None)?;
        log.stream(query, Purpose::Score, |batch| self.update(batch.columns()))?;
        self.finish()
    }

    fn weight(&self) -> Option<&'a str> {
        self.model.facts.weight.as_deref()
    }
}

/// The columns that a model adds: the prediction, and with classes the probability of each.
pub(super) fn outcomes(predictor: &impl Predict) -> Vec<PlSmallStr> {
    let probabilities = predictor.classes().map(Classes::probability_names);
    let mut names = vec![PlSmallStr::from(PREDICTION)];
    names.extend(probabilities.unwrap_or_default());
    names
}
