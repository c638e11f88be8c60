//! Coordinate descent (Friedman, Hastie and Tibshirani, Journal of Statistical Software 33(1), 2010), one coefficient
//! after the other, and an exact solution where the set of coefficients that are not zero stands still.

use super::householder::{Pivoted, dot, norm, pivoted};
use super::solve::{Unsolved, back_substitute};

/// When to end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stop {
    /// The largest duality gap, as a share of the squared length of the target.
    pub(crate) tol: f64,
    /// The most passes.
    pub(crate) max_iter: u64,
}

/// For columns and a target of length one: `½ ‖target − columns · u‖² + Σ l1 |u| + ½ Σ l2 u²` is to be smallest.
pub(super) struct Scaled {
    /// Those of a triangle, without the zeros below.
    pub(super) columns: Vec<Vec<f64>>,
    pub(super) target: Vec<f64>,
    pub(super) l1: Vec<f64>,
    pub(super) l2: Vec<f64>,
    /// What rounding can leave of nothing.
    pub(super) rounding: f64,
}

/// Where the descent ended.
pub(super) struct Found {
    pub(super) values: Vec<f64>,
    pub(super) iterations: u64,
    pub(super) gap: f64,
}

/// Where the exact solution of the coefficients that are not zero leads.
enum Face {
    /// It is the solution of the whole problem, as far as rounding lets it be seen.
    Optimal(Vec<f64>),
    /// Another place to go on from, and whether the objective is lower there by more than rounding.
    Better { values: Vec<f64>, lower: bool },
    /// Nothing is gained.
    Same,
}

/// A step within the coefficients that are not zero.
struct Step {
    to: Vec<f64>,
    /// Whether it led to the solution, and not to a coefficient that became zero.
    solved: bool,
}

impl Scaled {
    /// Passes over the coefficients until the duality gap is within the tolerance.
    ///
    /// The gap is that of scikit-learn, and bounds how far the objective is from the smallest one.
    pub(super) fn descend(&self, stop: Stop) -> Result<Found, Unsolved> {
        let mut values = vec![0.0; self.columns.len()];
        let mut residual = self.target.clone();
        let mut gap = f64::INFINITY;
        let mut signs = Vec::new();
        // An exact solution costs more than a pass: it waits until the signs stand still, and longer after each that gained nothing.
        let (mut still, mut patience) = (0, 2);
        for iterations in 1..=stop.max_iter {
            self.pass(&mut values, &mut residual);
            residual = self.residual(&values);
            gap = self.gap(&values, &residual);
            let now: Vec<i8> = values.iter().copied().map(sign).collect();
            still = if now == signs { still + 1 } else { 1 };
            signs = now;
            let done = gap <= stop.tol;
            if !done && still < patience {
                continue;
            }
            match self.face(&values, &residual) {
                Face::Optimal(values) => {
                    let gap = self.gap(&values, &self.residual(&values));
                    return Ok(Found {
                        values,
                        iterations,
                        gap,
                    });
                }
                _ if done => {
                    return Ok(Found {
                        values,
                        iterations,
                        gap,
                    });
                }
                Face::Better {
                    values: better,
                    lower,
                } => {
                    values = better;
                    residual = self.residual(&values);
                    patience = if lower { 2 } else { 2 * patience };
                }
                Face::Same => patience *= 2,
            }
            still = 0;
        }
        Err(Unsolved::Unconverged {
            iterations: stop.max_iter,
            gap,
        })
    }

    /// Each coefficient in turn becomes the best one beside the others.
    fn pass(&self, values: &mut [f64], residual: &mut [f64]) {
        for (at, column) in self.columns.iter().enumerate() {
            let residual = &mut residual[..column.len()];
            let old = values[at];
            let pull = dot(column, residual) + old;
            let beyond = (pull.abs() - self.l1[at]).max(0.0);
            let new = if beyond > 0.0 {
                beyond.copysign(pull) / (1.0 + self.l2[at])
            } else {
                0.0
            };
            values[at] = new;
            let by = new - old;
            if by != 0.0 {
                for (residual, entry) in residual.iter_mut().zip(column) {
                    *residual -= by * entry;
                }
            }
        }
    }

    fn residual(&self, values: &[f64]) -> Vec<f64> {
        let mut residual = self.target.clone();
        for (column, value) in self.columns.iter().zip(values) {
            if *value != 0.0 {
                for (residual, entry) in residual.iter_mut().zip(column) {
                    *residual -= value * entry;
                }
            }
        }
        residual
    }

    /// How strongly the residual pulls at each coefficient against the penalty of its square.
    fn pulls(&self, values: &[f64], residual: &[f64]) -> Vec<f64> {
        let columns = self.columns.iter().zip(values).zip(&self.l2);
        columns
            .map(|((column, value), l2)| dot(column, &residual[..column.len()]) - l2 * value)
            .collect()
    }

    /// The distance between the objective and what a dual point made of the residual proves to be below it.
    fn gap(&self, values: &[f64], residual: &[f64]) -> f64 {
        let pulls = self.pulls(values, residual);
        let shrink = pulls
            .iter()
            .zip(&self.l1)
            .filter(|(pull, l1)| pull.abs() > **l1)
            .fold(1.0_f64, |least, (pull, l1)| least.min(l1 / pull.abs()));
        let length = dot(residual, residual);
        let both = 0.5 * (1.0 + shrink * shrink);
        let gap = both * (length + self.squares(values)) + self.sizes(values)
            - shrink * dot(residual, &self.target);
        gap.max(0.0)
    }

    fn objective(&self, values: &[f64], residual: &[f64]) -> f64 {
        0.5 * (dot(residual, residual) + self.squares(values)) + self.sizes(values)
    }

    fn squares(&self, values: &[f64]) -> f64 {
        let terms = values.iter().zip(&self.l2);
        terms.map(|(value, l2)| l2 * value * value).sum()
    }

    fn sizes(&self, values: &[f64]) -> f64 {
        let terms = values.iter().zip(&self.l1);
        terms.map(|(value, l1)| l1 * value.abs()).sum()
    }

    /// Solves for the coefficients that are not zero, with the signs that they have, as far as the objective falls.
    ///
    /// A coefficient that would change its sign on the way becomes zero there, and the others are solved for anew.
    fn face(&self, values: &[f64], residual: &[f64]) -> Face {
        let (mut best, mut lowest) = (values.to_vec(), self.objective(values, residual));
        let before = lowest;
        while let Some(step) = self.step(&best) {
            let left = self.residual(&step.to);
            if step.solved && self.is_optimal(&step.to, &left) {
                return Face::Optimal(step.to);
            }
            let objective = self.objective(&step.to, &left);
            if objective > lowest + self.rounding * lowest {
                break;
            }
            (best, lowest) = (step.to, objective);
            if step.solved {
                break;
            }
        }
        if best == values {
            return Face::Same;
        }
        Face::Better {
            values: best,
            lower: lowest < before - self.rounding * before,
        }
    }

    /// One step to the least squares with a linear term, which the signs make of the problem.
    ///
    /// Where columns depend on each other, it leads along what changes no prediction, to smaller coefficients.
    fn step(&self, values: &[f64]) -> Option<Step> {
        let active: Vec<usize> = (0..values.len()).filter(|at| values[*at] != 0.0).collect();
        if active.is_empty() {
            return None;
        }
        let rows = self.target.len();
        let mut lengths = Vec::with_capacity(active.len());
        let mut columns = Vec::with_capacity(active.len());
        for (row, at) in active.iter().enumerate() {
            let mut column = self.columns[*at].clone();
            column.resize(rows + active.len(), 0.0);
            column[rows + row] = self.l2[*at].sqrt();
            let length = norm(&column);
            column.iter_mut().for_each(|entry| *entry /= length);
            columns.push(column);
            lengths.push(length);
        }
        let mut target = self.target.clone();
        target.resize(rows + active.len(), 0.0);
        let factored = pivoted(columns, target, self.rounding);
        let pairs = active.iter().zip(&lengths);
        let linear: Vec<f64> = pairs
            .map(|(at, length)| self.l1[*at].copysign(values[*at]) / length)
            .collect();
        let independent = factored.rank == active.len();
        let way = if independent {
            minimum(&factored, &linear)
        } else {
            dependence(&factored, &linear)
        };
        let mut direction = vec![0.0; values.len()];
        for ((at, length), entry) in active.iter().zip(&lengths).zip(way) {
            direction[*at] = entry / length;
            if independent {
                direction[*at] -= values[*at];
            }
        }
        let limit = if independent { 1.0 } else { f64::INFINITY };
        let (to, crossed) = walked(values, &direction, limit)?;
        Some(Step {
            to,
            solved: !crossed,
        })
    }

    /// Whether no coefficient is pulled away, as far as rounding lets it be seen.
    fn is_optimal(&self, values: &[f64], residual: &[f64]) -> bool {
        let size: f64 = values.iter().map(|value| value.abs()).sum();
        let rounding = self.rounding * (1.0 + size);
        let pulls = self.pulls(values, residual);
        let mut each = values.iter().zip(pulls).zip(&self.l1);
        each.all(|((value, pull), l1)| {
            if *value == 0.0 {
                pull.abs() <= l1 + rounding
            } else {
                (pull - l1.copysign(*value)).abs() <= rounding * (1.0 + l1)
            }
        })
    }
}

fn sign(value: f64) -> i8 {
    i8::from(value > 0.0) - i8::from(value < 0.0)
}

/// The smallest of `½ ‖target − columns · z‖² + linear · z`, of independent columns.
fn minimum(factored: &Pivoted, linear: &[f64]) -> Vec<f64> {
    let Pivoted {
        order,
        rank,
        upper,
        rotated,
    } = factored;
    let mut against: Vec<f64> = Vec::with_capacity(*rank);
    for (index, at) in order.iter().enumerate() {
        let known = dot(&against, &upper[index][..index]);
        against.push((linear[*at] - known) / upper[index][index]);
    }
    let right = rotated.iter().zip(&against).map(|(to, from)| to - from);
    let solved = back_substitute(|index| upper[index].as_slice(), right.collect());
    unordered(order, &solved)
}

/// A direction in which dependent columns change no prediction, and the linear term does not grow.
fn dependence(factored: &Pivoted, linear: &[f64]) -> Vec<f64> {
    let Pivoted {
        order, rank, upper, ..
    } = factored;
    let right = upper[*rank][..*rank].iter().map(|entry| -entry);
    let mut solved = back_substitute(|index| upper[index].as_slice(), right.collect());
    solved.push(1.0);
    solved.resize(order.len(), 0.0);
    let mut direction = unordered(order, &solved);
    if dot(&direction, linear) > 0.0 {
        direction.iter_mut().for_each(|entry| *entry = -*entry);
    }
    direction
}

fn unordered(order: &[usize], values: &[f64]) -> Vec<f64> {
    let mut result = vec![0.0; order.len()];
    for (at, value) in order.iter().zip(values) {
        result[*at] = *value;
    }
    result
}

/// Goes from `values` along `direction` up to `limit` times, or until a coefficient is zero; says which.
fn walked(values: &[f64], direction: &[f64], limit: f64) -> Option<(Vec<f64>, bool)> {
    let step = values
        .iter()
        .zip(direction)
        .filter(|(value, by)| *value * *by < 0.0)
        .fold(limit, |least, (value, by)| least.min(-value / by));
    let crossed = step < limit;
    let walked: Vec<f64> = values
        .iter()
        .zip(direction)
        .map(|(value, by)| {
            let to = value + step * by;
            // What crosses, or only rounding keeps from it.
            let crosses = value * by < 0.0 && (-value / by <= step || sign(to) != sign(*value));
            if crossed && crosses { 0.0 } else { to }
        })
        .collect();
    walked
        .iter()
        .all(|value| value.is_finite())
        .then_some((walked, crossed))
}
