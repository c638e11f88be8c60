//! From the train rows to the model.

use polars::prelude::PlSmallStr;

use super::LogisticRegression;
use super::model::{LogisticModel, LogisticReport};
use super::newton::{End, How, Limits, minimise};
use super::problem::Problem;
use super::rows::{Rows, Scaled};
use super::sums::{Point, Shape, Sums};
use super::workers::Workers;
use crate::error::{Error, ErrorKind, Result};
use crate::estimator::feature::{Spread, refuse_gaps};
use crate::estimator::{Classes, Estimator, Training, row_weights};
use crate::threads;

/// The unknowns at most: their second derivatives are held as a square.
const MOST: usize = 4096;

/// The weight of all rows at most: its square is within the floats.
const HEAVIEST: f64 = 1e150;

/// Near enough for a start.
const ROUGH: f64 = 1e-2;

impl LogisticRegression {
    pub(super) fn fitted(&self, training: &Training<'_>) -> Result<LogisticModel> {
        let (schema, learned) = (training.schema(), training.learned);
        let names = self.features(schema)?;
        refuse_gaps(&names, learned)?;
        let found = learned.categories(&self.target, Classes::MOST)?;
        let dtype = schema.field(&self.target)?.dtype();
        let classes = Classes::learned(&self.target, dtype, &found)?;
        let weights = self.weights_column(schema)?;
        let of_classes = match &weights {
            None => found.counts.iter().map(|(_, rows)| *rows as f64).collect(),
            Some(weights) => {
                let labels = classes.labels();
                row_weights::of_classes(weights, &self.target, labels, learned, schema)?
            }
        };
        let class_weights = match &self.class_weight {
            None => vec![1.0; classes.len()],
            Some(weight) => weight.of(&classes, &of_classes)?,
        };
        let shape = Shape {
            features: names.len(),
            classes: classes.len(),
            intercept: self.intercept,
        };
        refuse_more_than_most(shape)?;
        let weighed = of_classes.iter().zip(&class_weights);
        let weight: f64 = weighed.map(|(rows, weight)| rows * weight).sum();
        refuse_heavy(weight)?;
        let spreads = names.iter().map(|name| Spread::of(name, learned, schema));
        let spreads: Vec<_> = spreads.collect::<Result<_>>()?;
        let (scaled, penalties) = self.scaled(&names, &spreads, weight);
        let problem = Problem {
            shape,
            penalties,
            weight,
        };
        let workers = Workers {
            shape,
            class_weights,
            threads: self.threads.unwrap_or_else(threads::all),
        };
        let mut rows = Rows::new(
            training,
            &scaled,
            &self.target,
            weights.as_ref(),
            &classes,
            &workers,
            self.memory_limit,
        );
        let end = self.search(&problem, &mut rows, found.rows)?;
        let end = self.converged(end, &names, shape, weight)?;
        let report = LogisticReport {
            rows: found.rows,
            weight,
            iterations: end.passes,
            gradient: end.value.steepest() / weight,
            log_likelihood: -end.value.loss,
            objective: end.value.objective,
        };
        LogisticModel::new(shape, names, classes, &scaled, &end.unknowns, report)
    }

    /// The features in their deviations, and the penalty on their coefficients there.
    ///
    /// A deviation so small that the penalty outweighs the rows counts as larger: what is searched
    /// then stays of one size.
    fn scaled(
        &self,
        names: &[PlSmallStr],
        spreads: &[Spread],
        weight: f64,
    ) -> (Vec<Scaled>, Vec<f64>) {
        let least = 1.0 / self.c.sqrt() / weight.sqrt();
        let each = names.iter().zip(spreads).map(|(name, spread)| {
            let (mut place, mut deviation) = (*spread, spread.std);
            if !self.intercept {
                let mean = place.origin as f64 + place.offset;
                (place.origin, place.offset) = (0, 0.0);
                deviation = deviation.hypot(mean);
            }
            let varies = deviation > 0.0;
            let deviation = deviation.max(least);
            let scaled = Scaled {
                name: name.clone(),
                origin: place.origin,
                offset: place.offset,
                factor: if varies { 1.0 / deviation } else { 0.0 },
            };
            let penalty = if varies {
                1.0 / deviation / deviation / self.c
            } else {
                weight
            };
            (scaled, penalty)
        });
        each.unzip()
    }

    fn search(&self, problem: &Problem, rows: &mut Rows<'_, '_>, count: u64) -> Result<End> {
        let shape = problem.shape;
        let nowhere = vec![0.0; shape.unknowns()];
        let workers = rows.workers;
        let (mut at, mut sums) = rows.first(|first| {
            let held: usize = first.iter().map(super::chunk::Chunk::rows).sum();
            let some = problem.some(held as f64 / count as f64);
            Ok(start(&some, workers, first).unwrap_or_else(|| nowhere.clone()))
        })?;
        let mut passes = 1;
        let mut value = problem.value(&at, &sums);
        // The first rows may be unlike all the others.
        let even = problem.weight * (shape.classes as f64).ln();
        let lost = value.objective.is_nan() || value.objective > even;
        if lost && at != nowhere && passes < self.max_iter {
            at = nowhere;
            sums = rows.pass(&at, true)?;
            value = problem.value(&at, &sums);
            passes += 1;
        }
        let limits = Limits {
            tolerance: self.tolerance,
            passes: self.max_iter,
            weight: problem.weight,
            strict: self.c.is_infinite(),
        };
        minimise(at, value, passes, &limits, |at, curvature| {
            let sums = rows.pass(at, curvature)?;
            Ok(problem.value(at, &sums))
        })
    }

    /// Refuses an end that is no minimum.
    fn converged(&self, end: End, names: &[PlSmallStr], shape: Shape, weight: f64) -> Result<End> {
        let fail = |message: String, help: &'static str| {
            Err(Error::new(ErrorKind::Fit, message).with_help(help))
        };
        let (passes, left) = (end.passes, end.value.steepest() / weight);
        let separable = "raise `.max_iter(..)` or `.tolerance(..)`, scale the features, or choose a smaller `.c(..)`: classes that the features tell apart without a fault need a penalty";
        match end.how {
            How::Converged => Ok(end),
            How::Passes => fail(
                format!(
                    "it did not converge in {passes} passes: the mean gradient is {left:.1e}, and {:.1e} or less is wanted",
                    self.tolerance
                ),
                separable,
            ),
            How::Stuck => fail(
                format!(
                    "it did not converge: after {passes} passes no step lowers the objective, and the mean gradient is {left:.1e}"
                ),
                separable,
            ),
            How::Dependent(at) => {
                let name = names.get(at % shape.unknowns_of_score());
                let help = "leave the feature out, or choose a finite `.c(..)`, which lets such features share their weight; so it is where the features tell the classes apart without a fault";
                let message = format!(
                    "after {passes} passes the train rows do not determine the coefficients: a feature follows from others, or a class is told apart without a fault"
                );
                let error = Error::new(ErrorKind::Fit, message).with_help(help);
                Err(match name {
                    Some(name) => error.on_column(name.as_str()),
                    None => error,
                })
            }
            How::Overflow => fail(
                "the sums over the train rows do not fit into floats".to_owned(),
                "scale the features and the weights first",
            ),
        }
    }
}

impl Problem {
    /// The same problem for a share of the rows.
    fn some(&self, share: f64) -> Self {
        Self {
            shape: self.shape,
            penalties: self.penalties.iter().map(|of| of * share).collect(),
            weight: self.weight * share,
        }
    }
}

/// The minimum for the first rows, if they have one: nothing depends on it but the count of passes.
fn start(problem: &Problem, workers: &Workers, first: &[super::chunk::Chunk]) -> Option<Vec<f64>> {
    let mut seen = vec![false; problem.shape.classes];
    for code in first.iter().flat_map(|chunk| &chunk.codes) {
        seen[*code as usize] = true;
    }
    if seen.contains(&false) {
        return None;
    }
    let evaluate = |at: &[f64], curvature: bool| {
        let mut sums = Sums::new(problem.shape, curvature);
        let point = Point::new(problem.shape, at);
        workers.add(&mut sums, first, &point, curvature)?;
        Some(problem.value(at, &sums))
    };
    let nowhere = vec![0.0; problem.shape.unknowns()];
    let limits = Limits {
        tolerance: ROUGH,
        passes: 12,
        weight: problem.weight,
        strict: true,
    };
    let value = evaluate(&nowhere, true)?;
    let end = minimise(nowhere, value, 1, &limits, |at, curvature| {
        evaluate(at, curvature).ok_or(())
    });
    let end = end.ok()?;
    (end.how == How::Converged).then_some(end.unknowns)
}

/// Refuses weights beside which the search would take any gradient for rounding.
fn refuse_heavy(weight: f64) -> Result<()> {
    if weight <= HEAVIEST {
        return Ok(());
    }
    let message = format!("the rows weigh {weight:e} in all, and may weigh {HEAVIEST:e}");
    Err(Error::new(ErrorKind::Fit, message)
        .with_help("divide the weights of the rows, or of the classes, by their largest"))
}

fn refuse_more_than_most(shape: Shape) -> Result<()> {
    let unknowns = shape.unknowns();
    if unknowns <= MOST {
        return Ok(());
    }
    let message = format!(
        "{} features and {} classes take {unknowns} coefficients, and Newton's method is made for {MOST} at most",
        shape.features, shape.classes
    );
    Err(Error::new(ErrorKind::Fit, message)
        .with_help("choose fewer features, or join rare classes"))
}
