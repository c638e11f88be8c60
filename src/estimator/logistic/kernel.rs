//! The sums of one chunk of rows.

#![expect(clippy::inline_always, reason = "see `simd::Loop`")]

use super::chunk::Chunk;
use super::exp::{LANES, exp_of_negative, ln_1p_of_share};
use super::sums::{Curvature, Point, Shape, Sums};
use super::tiles::{Quad, WIDE, add_product, add_scores, add_weighted, weigh};
use crate::simd::{Loop, widest};

/// Rows that are worked on at a time, so that they stay in the processor's nearest memory.
const BLOCK: usize = 128;

/// What the rows of a block teach of one score or one pair of scores.
type Column = [f64; BLOCK];

const _: () = assert!(
    BLOCK.is_multiple_of(LANES),
    "a block holds whole runs of lanes"
);

/// The sums of a chunk; `class_weights` holds one weight a class.
pub(super) fn sums_of(
    chunk: &Chunk,
    shape: Shape,
    at: &Point,
    class_weights: &[f64],
    curvature: bool,
) -> Sums {
    widest(SumsOf {
        chunk,
        at,
        class_weights,
        sums: Sums::new(shape, curvature),
    })
}

/// The same, as it is compiled for every processor.
#[cfg(test)]
pub(super) fn plain_sums_of(
    chunk: &Chunk,
    shape: Shape,
    at: &Point,
    class_weights: &[f64],
) -> Sums {
    crate::simd::plainest(SumsOf {
        chunk,
        at,
        class_weights,
        sums: Sums::new(shape, true),
    })
}

struct SumsOf<'a> {
    chunk: &'a Chunk,
    at: &'a Point,
    class_weights: &'a [f64],
    sums: Sums,
}

impl Loop for SumsOf<'_> {
    type Output = Sums;

    #[inline(always)]
    fn run(self) -> Sums {
        let Self {
            chunk,
            at,
            class_weights,
            mut sums,
        } = self;
        let shape = sums.shape;
        let mut room = Room::new(shape);
        let rows = chunk.rows();
        for start in (0..rows).step_by(BLOCK) {
            let range = start..(start + BLOCK).min(rows);
            let codes = &chunk.codes[range.clone()];
            room.fill_weights(codes, chunk.weights.get(range.clone()), class_weights);
            let panels: Vec<&[Quad]> = chunk.panels.iter().map(|of| &of[range.clone()]).collect();
            room.score(&panels, at, codes.len());
            if shape.scores() == 1 {
                room.two_classes(codes, &mut sums);
            } else {
                room.many_classes(codes, &mut sums);
            }
            room.gather(&panels, codes.len(), &mut sums);
        }
        sums
    }
}

/// Room for the numbers of a block.
struct Room {
    weights: Column,
    scores: Vec<Column>,
    /// The derivative of the loss of each row by each score.
    residuals: Vec<Column>,
    /// The second derivative for a pair.
    curvature: Column,
    weighted: Vec<Quad>,
}

impl Room {
    fn new(shape: Shape) -> Self {
        Self {
            weights: [0.0; BLOCK],
            scores: vec![[0.0; BLOCK]; shape.scores()],
            residuals: vec![[0.0; BLOCK]; shape.scores()],
            curvature: [0.0; BLOCK],
            weighted: vec![[0.0; WIDE]; BLOCK],
        }
    }

    #[inline(always)]
    fn fill_weights(&mut self, codes: &[u32], weights: Option<&[f64]>, class_weights: &[f64]) {
        self.weights[codes.len()..].fill(0.0);
        for (weight, code) in self.weights.iter_mut().zip(codes) {
            *weight = class_weights[*code as usize];
        }
        for (weight, of_row) in self.weights.iter_mut().zip(weights.unwrap_or_default()) {
            *weight *= of_row;
        }
    }

    #[inline(always)]
    fn score(&mut self, panels: &[&[Quad]], at: &Point, rows: usize) {
        let points = at.coefficients.iter().zip(&at.intercepts);
        for (scores, (coefficients, intercept)) in self.scores.iter_mut().zip(points) {
            scores.fill(*intercept);
            let scores = &mut scores[..rows];
            for (panel, by) in panels.iter().zip(coefficients) {
                add_scores(scores, panel, by);
            }
        }
    }

    /// One score: its sign is the class. The margin is the score towards the class of the row.
    #[inline(always)]
    fn two_classes(&mut self, codes: &[u32], sums: &mut Sums) {
        let mut signs = [1.0; BLOCK];
        for (sign, code) in signs.iter_mut().zip(codes) {
            *sign = if *code == 0 { -1.0 } else { 1.0 };
        }
        let (mut losses, mut squares) = ([0.0; BLOCK], [0.0; BLOCK]);
        let (scores, residuals) = (&self.scores[0], &mut self.residuals[0]);
        // The whole block, of which rows beyond the last weigh nothing: a fixed count of rows is
        // what the compiler can do several at once.
        for start in (0..BLOCK).step_by(LANES) {
            let margins: [f64; LANES] =
                std::array::from_fn(|lane| scores[start + lane] * signs[start + lane]);
            let powers = exp_of_negative(&margins.map(|margin| -margin.abs()));
            let logarithms = ln_1p_of_share(&powers);
            for lane in 0..LANES {
                let row = start + lane;
                let (sign, weight) = (signs[row], self.weights[row]);
                let (margin, power) = (margins[lane], powers[lane]);
                let share = 1.0 / (1.0 + power);
                // The probability of the other class, to full precision where it is small.
                let missed = if margin >= 0.0 { power * share } else { share };
                let beyond = if margin >= 0.0 { 0.0 } else { -margin };
                residuals[row] = -sign * weight * missed;
                self.curvature[row] = weight * (power * share) * share;
                losses[row] = weight * (logarithms[lane] + beyond);
                squares[row] = weight * missed * missed;
            }
        }
        sums.loss += sum(&losses);
        sums.square += sum(&squares);
    }

    /// A score a class: they become probabilities in place.
    #[inline(always)]
    fn many_classes(&mut self, codes: &[u32], sums: &mut Sums) {
        let rows = codes.len();
        let mut top = self.scores[0];
        for scores in &self.scores[1..] {
            for (top, score) in top.iter_mut().zip(scores) {
                *top = if *score > *top { *score } else { *top };
            }
        }
        let (mut total, mut beyond) = ([0.0; BLOCK], [0.0; BLOCK]);
        for (row, code) in codes.iter().enumerate() {
            beyond[row] = top[row] - self.scores[*code as usize][row];
        }
        for scores in &mut self.scores {
            for start in (0..BLOCK).step_by(LANES) {
                let below = std::array::from_fn(|lane| scores[start + lane] - top[start + lane]);
                let powers = exp_of_negative(&below);
                scores[start..start + LANES].copy_from_slice(&powers);
            }
            for (total, score) in total.iter_mut().zip(&*scores) {
                *total += score;
            }
        }
        let (mut losses, mut squares) = ([0.0; BLOCK], [0.0; BLOCK]);
        let mut missed = [0.0; BLOCK];
        for (row, code) in codes.iter().enumerate() {
            let own = *code as usize;
            let others = self.scores.iter().enumerate();
            let rest: f64 = others
                .filter(|(class, _)| *class != own)
                .map(|(_, scores)| scores[row])
                .sum();
            let weight = self.weights[row];
            missed[row] = rest / total[row];
            let loss = if beyond[row] == 0.0 {
                rest.ln_1p()
            } else {
                total[row].ln() + beyond[row]
            };
            losses[row] = weight * loss;
            squares[row] = weight * missed[row] * missed[row];
        }
        sums.loss += sum(&losses[..rows]);
        sums.square += sum(&squares[..rows]);
        for (scores, residuals) in self.scores.iter_mut().zip(&mut self.residuals) {
            for row in 0..rows {
                scores[row] /= total[row];
                residuals[row] = self.weights[row] * scores[row];
            }
        }
        for (row, code) in codes.iter().enumerate() {
            self.residuals[*code as usize][row] = -self.weights[row] * missed[row];
        }
    }

    /// Adds the gradient and, where it is wanted, the curvature.
    #[inline(always)]
    fn gather(&mut self, panels: &[&[Quad]], rows: usize, sums: &mut Sums) {
        let of_scores = sums.gradient.chunks_exact_mut(panels.len());
        for ((gradient, total), residuals) in
            of_scores.zip(&mut sums.residuals).zip(&self.residuals)
        {
            let residuals = &residuals[..rows];
            *total += sum(residuals);
            for (gradient, panel) in gradient.iter_mut().zip(panels) {
                add_weighted(gradient, panel, residuals);
            }
        }
        let Some(curvature) = &mut sums.curvature else {
            return;
        };
        let scores = self.scores.len();
        let mut pair = 0;
        for right in 0..scores {
            for left in 0..=right {
                if scores > 1 {
                    self.curve(left, right);
                }
                self.gather_pair(panels, rows, pair, curvature);
                pair += 1;
            }
        }
    }

    /// The second derivative of the loss by two scores, out of the probabilities.
    #[inline(always)]
    fn curve(&mut self, left: usize, right: usize) {
        let (a, b) = (&self.scores[left], &self.scores[right]);
        let rows = self.curvature.iter_mut().zip(&self.weights);
        for ((curvature, weight), (a, b)) in rows.zip(a.iter().zip(b)) {
            *curvature = weight * a * if left == right { 1.0 - b } else { -b };
        }
    }

    #[inline(always)]
    fn gather_pair(&mut self, panels: &[&[Quad]], rows: usize, pair: usize, sums: &mut Curvature) {
        let factors = &self.curvature[..rows];
        let weighted = &mut self.weighted[..rows];
        let tiles = panels.len() * (panels.len() + 1) / 2;
        let mut tiles = sums.tiles[pair * tiles..].iter_mut();
        sums.corner[pair] += sum(factors);
        let cross = &mut sums.cross[pair * panels.len()..];
        for (at, (panel, cross)) in panels.iter().zip(cross).enumerate() {
            add_weighted(cross, panel, factors);
            weigh(weighted, panel, factors);
            for (other, tile) in panels[..=at].iter().zip(&mut tiles) {
                add_product(tile, other, weighted);
            }
        }
    }
}

/// In four lanes, so that several rows are summed at once, in a fixed order.
#[inline(always)]
fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let chunks = values.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}
