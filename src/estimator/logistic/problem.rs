//! From sums over rows to the objective: the penalty, and what the rows leave undetermined.

use super::sums::{Shape, Sums};

/// What is minimised: the weighted losses of the rows and a penalty on the coefficients.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) shape: Shape,
    /// The weight of the square of each feature's coefficient, twice.
    pub(super) penalties: Vec<f64>,
    /// The sum of the weights of the rows.
    pub(super) weight: f64,
}

/// The objective at some point.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) loss: f64,
    pub(super) objective: f64,
    pub(super) gradient: Vec<f64>,
    /// What rounding may leave of an entry of the gradient.
    pub(super) noise: f64,
    pub(super) bend: Option<Bend>,
}

/// The second derivatives of the objective.
#[derive(Clone, Debug)]
pub(super) struct Bend {
    pub(super) matrix: Vec<f64>,
    /// The sum of the curvatures of the rows.
    pub(super) total: f64,
}

impl Problem {
    pub(super) fn value(&self, unknowns: &[f64], sums: &Sums) -> Value {
        let shape = self.shape;
        let each = shape.unknowns_of_score();
        let mut gradient = sums.gradient();
        let (mut penalty, mut pull) = (0.0, 0.0_f64);
        let scores = gradient.chunks_exact_mut(each);
        for (gradient, unknowns) in scores.zip(unknowns.chunks_exact(each)) {
            let terms = gradient.iter_mut().zip(unknowns).zip(&self.penalties);
            for ((gradient, unknown), weight) in terms {
                penalty += weight * unknown * unknown / 2.0;
                *gradient += weight * unknown;
                pull = pull.max((weight * unknown).abs());
            }
        }
        let bend = sums.curvature.as_ref().map(|curvature| {
            let mut matrix = curvature.matrix(shape);
            self.bend(&mut matrix);
            Bend {
                matrix,
                total: curvature.total(shape),
            }
        });
        Value {
            loss: sums.loss,
            objective: sums.loss + penalty,
            gradient,
            noise: 16.0 * f64::EPSILON * ((self.weight * sums.square).sqrt() + pull),
            bend,
        }
    }

    /// Adds the penalty to the second derivatives. Of several scores only their differences matter:
    /// their common part is held at zero by a bend of its own, which moves no step that keeps it.
    fn bend(&self, matrix: &mut [f64]) {
        let shape = self.shape;
        let (size, each, scores) = (shape.unknowns(), shape.unknowns_of_score(), shape.scores());
        for score in 0..scores {
            for (feature, penalty) in self.penalties.iter().enumerate() {
                let at = score * each + feature;
                matrix[at * size + at] += penalty;
            }
        }
        if scores == 1 {
            return;
        }
        let common = self.weight / (scores * scores) as f64;
        for right in 0..scores {
            for left in 0..=right {
                for at in 0..each {
                    matrix[(right * each + at) * size + left * each + at] += common;
                }
            }
        }
    }
}
