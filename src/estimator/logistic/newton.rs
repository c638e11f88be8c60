//! Newton's method with a line search, which ends at a minimum or says that it did not.

use super::cholesky::{Cholesky, dot};
use super::problem::{Bend, Value};

/// The second derivatives of one step serve the next, where that moves the scores by less than this.
const NEAR: f64 = 3e-3;

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) tolerance: f64,
    /// Passes over the rows, those before the start included.
    pub(super) passes: usize,
    /// The sum of the weights of the rows.
    pub(super) weight: f64,
    /// Whether features that depend on each other are an error; a penalty tells them apart.
    pub(super) strict: bool,
}

/// Where the search ended.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) unknowns: Vec<f64>,
    pub(super) value: Value,
    pub(super) passes: usize,
    pub(super) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Converged,
    /// It took too many passes.
    Passes,
    /// No step lowers the objective.
    Stuck,
    /// This unknown follows from those before it.
    Dependent(usize),
    /// Something is no finite number.
    Overflow,
}

impl Value {
    /// The largest entry of the gradient.
    pub(super) fn steepest(&self) -> f64 {
        largest(&self.gradient)
    }

    fn is_finite(&self) -> bool {
        self.objective.is_finite() && self.gradient.iter().all(|entry| entry.is_finite())
    }
}

/// Minimises from a start whose value, with second derivatives, is known after some passes;
/// `evaluate` is one more.
pub(super) fn minimise<E>(
    unknowns: Vec<f64>,
    value: Value,
    passes: usize,
    limits: &Limits,
    mut evaluate: impl FnMut(&[f64], bool) -> Result<Value, E>,
) -> Result<End, E> {
    let mut at = End {
        unknowns,
        value,
        passes,
        how: How::Passes,
    };
    let mut factored = None;
    let mut total = 0.0;
    let mut before = f64::INFINITY;
    let mut reused = false;
    loop {
        if !at.value.is_finite() {
            return Ok(at.ended(How::Overflow));
        }
        if let Some(bend) = at.value.bend.take() {
            total = bend.total;
            factored = match factor(bend, limits.strict) {
                Ok(factor) => Some(factor),
                Err(How::Dependent(_)) if at.value.steepest() <= at.value.noise => {
                    return Ok(at.ended(How::Converged));
                }
                Err(how) => return Ok(at.ended(how)),
            };
        }
        let Some(factor) = &factored else {
            return Ok(at.ended(How::Stuck));
        };
        let step: Vec<f64> = factor
            .solve(&at.value.gradient)
            .iter()
            .map(|s| -s)
            .collect();
        let slope = dot(&step, &at.value.gradient);
        if is_converged(&at, &step, limits) {
            return Ok(at.ended(How::Converged));
        }
        if slope.is_nan() || slope >= 0.0 {
            return Ok(at.ended(How::Stuck));
        }
        // Second derivatives that are a little off still gain two digits a step.
        let gains = !reused || -slope <= 1e-4 * before;
        reused = (-slope / total).sqrt() <= NEAR && gains;
        before = -slope;
        let mut length = 1.0;
        let next = loop {
            if at.passes >= limits.passes {
                return Ok(at.ended(How::Passes));
            }
            if length < 1e-9 {
                return Ok(at.ended(How::Stuck));
            }
            let moved = at.unknowns.iter().zip(&step).map(|(x, s)| x + length * s);
            let moved: Vec<f64> = moved.collect();
            let value = evaluate(&moved, !reused)?;
            at.passes += 1;
            let end = dot(&step, &value.gradient);
            if lowers(&at.value, &value, length * slope, slope, end) {
                break (moved, value);
            }
            // Where the slope would be zero if it changed evenly, but not too near nor too far.
            let even = slope / (slope - end);
            let share = if even.is_finite() {
                even.clamp(0.1, 0.5)
            } else {
                0.1
            };
            length *= share;
        };
        (at.unknowns, at.value) = next;
    }
}

impl End {
    fn ended(self, how: How) -> Self {
        Self { how, ..self }
    }
}

/// Whether neither the gradient nor the step is of any size, or the gradient is nothing but rounding.
fn is_converged(at: &End, step: &[f64], limits: &Limits) -> bool {
    let steepest = at.value.steepest();
    if steepest <= at.value.noise {
        return true;
    }
    let moves = largest(step) <= limits.tolerance * largest(&at.unknowns);
    steepest <= limits.tolerance * limits.weight && moves
}

/// Whether a step lowers the objective enough. Close to the minimum its differences are lost in
/// rounding, and the slopes at both ends of the step tell.
fn lowers(from: &Value, to: &Value, expected: f64, slope: f64, end: f64) -> bool {
    if !to.is_finite() {
        return false;
    }
    let rounding = 1e-12 * from.objective.abs();
    to.objective <= from.objective + 1e-4 * expected
        || (end.abs() <= 0.5 * slope.abs() && to.objective <= from.objective + rounding)
}

/// The factor of the second derivatives. With a penalty they are definite, and where rounding hides
/// it a little is added to their diagonal: the steps become shorter, and the minimum is the same.
fn factor(bend: Bend, strict: bool) -> Result<Cholesky, How> {
    let size = bend.matrix.len().isqrt();
    if bend.matrix.iter().any(|entry| !entry.is_finite()) {
        return Err(How::Overflow);
    }
    let plain = match Cholesky::new(bend.matrix.clone(), size) {
        Ok(factor) => return Ok(factor),
        Err(at) => How::Dependent(at),
    };
    if strict {
        return Err(plain);
    }
    let diagonal = |matrix: &[f64]| {
        (0..size)
            .map(|at| matrix[at * size + at])
            .fold(0.0, f64::max)
    };
    let mut more = 1e-13 * size as f64 * diagonal(&bend.matrix);
    for _ in 0..8 {
        let mut matrix = bend.matrix.clone();
        for at in 0..size {
            matrix[at * size + at] += more;
        }
        if let Ok(factor) = Cholesky::new(matrix, size) {
            return Ok(factor);
        }
        more *= 10.0;
    }
    Err(plain)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}
