use polars::prelude::{Column, DataType};

use super::curve::{Areas, areas};
use super::scores::{Losses, scores};
use super::{ClassificationMetrics, Confusion};
use crate::error::{Error, ErrorKind, Result, listed};
use crate::learn::Double;
use crate::metric::Metrics;
use crate::metric::weighted::weighed;

/// Metrics of classes on their way: takes batches in row order.
///
/// A class is known by its place among the classes of the model. A truth at or beyond their number
/// is none of them.
pub(crate) struct ClassScorer {
    metrics: ClassificationMetrics,
    labels: Vec<String>,
    positive: Option<usize>,
    has: Has,
    rows: u64,
    skipped: u64,
    /// One row of cells a class, and one for truths that are no class.
    counts: Vec<Vec<u64>>,
    weights: Vec<Vec<Double>>,
    log_loss: Double,
    brier: Double,
    ranked: Ranked,
}

/// What the batches hold beside the truth and the prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Has {
    pub(crate) probabilities: bool,
    pub(crate) weights: bool,
}

/// What is kept of each scored row for the curves.
#[derive(Default)]
struct Ranked {
    /// The classes that curves are of.
    classes: Vec<usize>,
    /// The probabilities of each of them.
    scores: Vec<Vec<f64>>,
    truths: Vec<u32>,
    weights: Vec<f64>,
}

impl ClassScorer {
    pub(crate) fn new(
        metrics: &ClassificationMetrics,
        labels: Vec<String>,
        has: Has,
    ) -> Result<Self> {
        let count = labels.len();
        let positive = match &metrics.positive {
            None => (count == 2).then_some(1),
            Some(class) => {
                let at = labels.iter().position(|label| label == class);
                Some(at.ok_or_else(|| unknown(class, &labels).at(metrics))?)
            }
        };
        let classes = match positive {
            _ if metrics.unranked || !has.probabilities => Vec::new(),
            Some(positive) if count == 2 => vec![positive],
            _ => (0..count).collect(),
        };
        Ok(Self {
            metrics: metrics.clone(),
            positive,
            has,
            rows: 0,
            skipped: 0,
            counts: vec![vec![0; count]; count + 1],
            weights: vec![vec![Double::ZERO; count]; if has.weights { count + 1 } else { 0 }],
            log_loss: Double::ZERO,
            brier: Double::ZERO,
            ranked: Ranked {
                scores: vec![Vec::new(); classes.len()],
                classes,
                ..Ranked::default()
            },
            labels,
        })
    }

    /// Adds the next rows: the codes of the truth and of the prediction, then the probability of
    /// each class and the weight, where they are there. A row without a truth, a prediction or one
    /// of the probabilities is skipped.
    pub(crate) fn update(&mut self, columns: &[Column]) -> Result<()> {
        self.add(columns).map_err(|error| error.at(&self.metrics))
    }

    fn add(&mut self, columns: &[Column]) -> Result<()> {
        let wanted = if self.has.probabilities {
            self.labels.len()
        } else {
            0
        };
        let [truths, predictions, rest @ ..] = columns else {
            return Err(misfit());
        };
        if rest.len() != wanted + usize::from(self.has.weights) {
            return Err(misfit());
        }
        let codes = |column: &Column| -> Result<Vec<Option<u32>>> {
            let codes = column.cast(&DataType::UInt32)?;
            Ok(codes.u32()?.iter().collect())
        };
        let floats = rest
            .iter()
            .map(|column| -> Result<Vec<Option<f64>>> { Ok(column.f64()?.iter().collect()) });
        let floats = floats.collect::<Result<Vec<_>>>()?;
        let (probabilities, weights) = floats.split_at(wanted);
        let mut row = vec![0.0; wanted];
        let pairs = codes(truths)?.into_iter().zip(codes(predictions)?);
        for (at, pair) in pairs.enumerate() {
            let mut whole = true;
            for (slot, column) in row.iter_mut().zip(probabilities) {
                let found = column[at].filter(|found| !found.is_nan());
                whole &= found.is_some();
                // A zero has one sign, so that zeros are tied.
                *slot = found.unwrap_or_default() + 0.0;
            }
            let (Some(truth), Some(prediction), true) = (pair.0, pair.1, whole) else {
                self.skipped += 1;
                continue;
            };
            let weight = weights.first().map_or(Some(1.0), |weights| weights[at]);
            self.row(truth, prediction, &row, weight)?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        truth: u32,
        prediction: u32,
        probabilities: &[f64],
        weight: Option<f64>,
    ) -> Result<()> {
        let weight = weighed(weight)?;
        let count = self.labels.len();
        let (truth, prediction) = (place(truth).min(count), place(prediction));
        let cell = self.counts[truth].get_mut(prediction);
        *cell.ok_or_else(misfit)? += 1;
        self.rows += 1;
        if self.has.weights {
            let cell = &mut self.weights[truth][prediction];
            *cell = *cell + single(weight);
        }
        if !self.has.probabilities {
            return Ok(());
        }
        if let Some(wrong) = probabilities.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            let message = format!("{wrong} is no probability");
            return Err(Error::new(ErrorKind::Score, message)
                .with_help("a model of classes adds probabilities from 0 to 1"));
        }
        if truth < count {
            let likely = probabilities[truth].clamp(f64::EPSILON, 1.0 - f64::EPSILON);
            self.log_loss = self.log_loss + single(-likely.ln()) * weight;
            self.brier = self.brier + self.distance(truth, probabilities) * weight;
        }
        let ranked = &mut self.ranked;
        for (kept, class) in ranked.scores.iter_mut().zip(&ranked.classes) {
            kept.push(probabilities[*class]);
        }
        if !ranked.classes.is_empty() {
            ranked.truths.push(u32::try_from(truth).unwrap_or(u32::MAX));
            if self.has.weights {
                ranked.weights.push(weight);
            }
        }
        Ok(())
    }

    /// The squared distance of the probabilities from what they should be.
    fn distance(&self, truth: usize, probabilities: &[f64]) -> Double {
        let far = |class: usize| {
            let is = f64::from(u8::from(class == truth));
            let far = probabilities[class] - is;
            Double::product(far, far)
        };
        match self.positive {
            Some(positive) if self.labels.len() == 2 => far(positive),
            _ => (0..probabilities.len()).fold(Double::ZERO, |sum, class| sum + far(class)),
        }
    }

    pub(crate) fn finish(self) -> Result<Metrics> {
        let weights = self.weights.iter().map(|row| {
            let row = row.iter().map(|cell| cell.value());
            row.collect::<Vec<_>>()
        });
        let weights: Vec<_> = weights.collect();
        let total: f64 = weights.iter().flatten().sum();
        if !total.is_finite() {
            let message = "the weights add up beyond the largest number";
            return Err(Error::new(ErrorKind::Score, message).at(&self.metrics));
        }
        let areas = self.areas();
        let confusion = Confusion::new(
            self.labels,
            self.counts,
            self.has.weights.then_some(weights),
        );
        let losses = self.has.probabilities.then_some(Losses {
            log_loss: self.log_loss,
            brier: self.brier,
        });
        let metrics = scores(&confusion, self.positive, losses, areas.as_deref());
        Ok(Metrics {
            rows: self.rows,
            skipped: self.skipped,
            metrics,
            confusion: Some(confusion),
            weight: None,
        })
    }

    /// The areas of each class that curves are of; none where none are kept.
    fn areas(&self) -> Option<Vec<(usize, Areas)>> {
        let ranked = &self.ranked;
        if ranked.classes.is_empty() {
            return None;
        }
        let weight = |at: usize| ranked.weights.get(at).copied().unwrap_or(1.0);
        let of = ranked.classes.iter().zip(&ranked.scores);
        let of = of.map(|(class, scores)| {
            let is = |at: usize| place(ranked.truths[at]) == *class;
            (*class, areas(scores, is, weight))
        });
        Some(of.collect())
    }
}

fn single(value: f64) -> Double {
    Double::sum(value, 0.0)
}

fn place(code: u32) -> usize {
    usize::try_from(code).unwrap_or(usize::MAX)
}

fn unknown(class: &str, labels: &[String]) -> Error {
    let message = format!("`{class}` is to be the positive class, and the model does not know it");
    Error::new(ErrorKind::Config, message).with_help(format!("its classes are {}", listed(labels)))
}

fn misfit() -> Error {
    Error::new(
        ErrorKind::Score,
        "the columns to score are not those of the classes (a bug in floe or in the model)",
    )
}
