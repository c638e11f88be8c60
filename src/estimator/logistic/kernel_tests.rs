//! The sums against their definition, and a minimum against a gradient made from scratch.

use super::chunk::{CHUNK, Chunk};
use super::kernel::{plain_sums_of, sums_of};
use super::newton::{How, Limits, minimise};
use super::problem::Problem;
use super::sums::{Point, Shape, Sums};
use super::workers::Workers;

/// Rows of small numbers that look drawn.
fn rows(count: usize, features: usize, classes: usize) -> (Vec<Vec<f64>>, Vec<u32>) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let mut values = Vec::new();
    let mut codes = Vec::new();
    for _ in 0..count {
        let row: Vec<f64> = (0..features).map(|_| 4.0 * next()).collect();
        let score = row.iter().sum::<f64>() / 2.0 + 2.0 * next();
        let class = (score + classes as f64 / 2.0).clamp(0.0, classes as f64 - 0.5);
        codes.push(class.floor().to_string().parse().expect("a small number"));
        values.push(row);
    }
    (values, codes)
}

fn chunks(values: &[Vec<f64>], codes: &[u32], weights: &[f64]) -> Vec<Chunk> {
    let features = values[0].len();
    let starts = (0..codes.len()).step_by(CHUNK);
    let chunks = starts.map(|start| {
        let end = codes.len().min(start + CHUNK);
        let mut chunk = Chunk::new(features);
        for feature in 0..features {
            let rows = values[start..end].iter();
            chunk.extend(feature, rows.map(|row| row[feature]));
        }
        chunk.codes.extend_from_slice(&codes[start..end]);
        chunk
            .weights
            .extend(weights.get(start..end).unwrap_or_default());
        chunk
    });
    chunks.collect()
}

/// The objective by its definition.
fn naive(
    shape: Shape,
    penalties: &[f64],
    (values, codes): (&[Vec<f64>], &[u32]),
    weight: impl Fn(usize) -> f64,
    at: &[f64],
) -> f64 {
    let each = shape.unknowns_of_score();
    let mut objective = 0.0;
    for (row, (values, code)) in values.iter().zip(codes).enumerate() {
        let score = |of: &[f64]| {
            let terms = of.iter().zip(values).map(|(a, b)| a * b);
            terms.sum::<f64>() + of.get(shape.features).unwrap_or(&0.0)
        };
        let mut scores: Vec<f64> = at.chunks(each).map(score).collect();
        if shape.scores() == 1 {
            scores.insert(0, 0.0);
        }
        let top = scores.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = scores.iter().map(|score| (score - top).exp()).sum();
        objective += weight(row) * (total.ln() + top - scores[*code as usize]);
    }
    for of in at.chunks(each) {
        for (value, penalty) in of.iter().zip(penalties) {
            objective += penalty * value * value / 2.0;
        }
    }
    objective
}

fn weight_of(row: usize) -> f64 {
    (row % 5) as f64 / 2.0
}

const CLASS_WEIGHTS: [f64; 4] = [1.5, 0.5, 2.0, 1.0];

fn workers(shape: Shape, threads: usize) -> Workers {
    Workers {
        shape,
        class_weights: CLASS_WEIGHTS[..shape.classes].to_vec(),
        threads,
    }
}

#[test]
fn sums_are_the_derivatives_of_the_objective() {
    for (features, classes, intercept) in [
        (1, 2, true),
        (3, 2, false),
        (4, 2, true),
        (5, 3, true),
        (9, 4, false),
        (2, 4, true),
    ] {
        let shape = Shape {
            features,
            classes,
            intercept,
        };
        let (values, codes) = rows(333, features, classes);
        let weights: Vec<f64> = (0..333).map(weight_of).collect();
        let chunks = chunks(&values, &codes, &weights);
        let at: Vec<f64> = (0..shape.unknowns())
            .map(|at| (at % 7) as f64 / 9.0 - 0.3)
            .collect();
        let problem = Problem {
            shape,
            penalties: (0..features).map(|at| 0.1 + at as f64).collect(),
            weight: 1.0,
        };
        let value = |at: &[f64]| {
            let mut sums = Sums::new(shape, true);
            let point = Point::new(shape, at);
            workers(shape, 1)
                .add(&mut sums, &chunks, &point, true)
                .expect("sums");
            (problem.value(at, &sums), sums)
        };
        let weight = |row: usize| weights[row] * CLASS_WEIGHTS[codes[row] as usize];
        let naive = |at: &[f64]| naive(shape, &problem.penalties, (&values, &codes), weight, at);
        let (found, sums) = value(&at);
        assert!((found.objective - naive(&at)).abs() < 1e-12 * naive(&at));
        let bend = sums.curvature.expect("asked for").matrix(shape);
        let each = shape.unknowns_of_score();
        for one in 0..at.len() {
            let moved = |by: f64| {
                let mut at = at.clone();
                at[one] += by;
                at
            };
            let slope = (naive(&moved(1e-5)) - naive(&moved(-1e-5))) / 2e-5;
            let gradient = found.gradient[one];
            assert!(
                (gradient - slope).abs() < 1e-6 * (1.0 + slope.abs()),
                "{gradient} {slope}"
            );
            let (up, down) = (value(&moved(1e-5)).0, value(&moved(-1e-5)).0);
            for other in 0..=one {
                let mut second = (up.gradient[other] - down.gradient[other]) / 2e-5;
                if one == other && one % each < features {
                    second -= problem.penalties[one % each];
                }
                let found = bend[one * at.len() + other];
                assert!(
                    (found - second).abs() < 1e-6 * (1.0 + second.abs()),
                    "{found} {second}"
                );
            }
        }
    }
}

#[test]
fn threads_do_not_show_in_a_bit() {
    let shape = Shape {
        features: 6,
        classes: 3,
        intercept: true,
    };
    let (values, codes) = rows(3 * CHUNK + 77, 6, 3);
    let chunks = chunks(&values, &codes, &[]);
    let at = vec![0.1; shape.unknowns()];
    let sums = |threads: usize| {
        let mut sums = Sums::new(shape, true);
        let point = Point::new(shape, &at);
        workers(shape, threads)
            .add(&mut sums, &chunks, &point, true)
            .expect("sums");
        let curvature = sums.curvature.as_ref().expect("asked for").matrix(shape);
        let numbers = [sums.gradient(), curvature, vec![sums.loss]].concat();
        numbers
            .iter()
            .map(|number| number.to_bits())
            .collect::<Vec<_>>()
    };
    let one = sums(1);
    for threads in [2, 3, 4, 7] {
        assert_eq!(sums(threads), one, "{threads} threads");
    }
}

#[test]
fn a_search_ends_at_a_minimum_from_far_away() {
    for (classes, start) in [(2, 0.0), (2, 30.0), (3, 0.0), (4, -20.0)] {
        let shape = Shape {
            features: 3,
            classes,
            intercept: true,
        };
        let (values, codes) = rows(500, 3, classes);
        let chunks = chunks(&values, &codes, &[]);
        let problem = Problem {
            shape,
            penalties: vec![0.01; 3],
            weight: 500.0,
        };
        let evaluate = |at: &[f64], curvature: bool| -> Result<_, ()> {
            let mut sums = Sums::new(shape, curvature);
            let point = Point::new(shape, at);
            workers(shape, 1)
                .add(&mut sums, &chunks, &point, curvature)
                .ok_or(())?;
            Ok(problem.value(at, &sums))
        };
        let limits = Limits {
            tolerance: 1e-12,
            passes: 60,
            weight: 500.0,
            strict: false,
        };
        let mut at = vec![0.0; shape.unknowns()];
        at[0] = start;
        if classes > 2 {
            // The scores of a search sum to zero: what they have in common says nothing.
            at[shape.unknowns_of_score()] = -start;
        }
        let value = evaluate(&at, true).expect("a value");
        let end = minimise(at, value, 1, &limits, evaluate).expect("an end");
        assert_eq!(end.how, How::Converged, "{classes} {start} {}", end.passes);
        let weight = |row: usize| CLASS_WEIGHTS[codes[row] as usize];
        let objective =
            |at: &[f64]| naive(shape, &problem.penalties, (&values, &codes), weight, at);
        let least = objective(&end.unknowns);
        for one in 0..shape.unknowns() {
            for by in [1e-3, -1e-3] {
                let mut at = end.unknowns.clone();
                at[one] += by;
                assert!(objective(&at) > least);
            }
        }
    }
}

#[test]
fn the_registers_of_the_processor_show_in_no_bit() {
    for classes in [2, 3] {
        for (features, count) in [(1, 3), (5, 130), (20, 1000)] {
            let (values, codes) = rows(count, features, classes);
            let weights: Vec<f64> = (0..count).map(|row| 0.5 + row as f64 / 7.0).collect();
            let shape = Shape {
                features,
                classes,
                intercept: true,
            };
            let at = (0..shape.unknowns()).map(|at| (at as f64).sin());
            let point = Point::new(shape, &at.collect::<Vec<_>>());
            let class_weights = vec![1.25; classes];
            for chunk in chunks(&values, &codes, &weights) {
                let wide = sums_of(&chunk, shape, &point, &class_weights, true);
                let plain = plain_sums_of(&chunk, shape, &point, &class_weights);
                assert_eq!(told(&wide), told(&plain), "{classes} classes, {count} rows");
            }
        }
    }
}

/// Every bit of the sums.
fn told(sums: &Sums) -> Vec<u64> {
    let curvature = sums.curvature.as_ref().expect("it was asked for");
    let tiles = curvature.tiles.as_flattened().as_flattened();
    let gradient = sums.gradient.as_flattened().iter();
    let numbers = [&sums.loss, &sums.square].into_iter().chain(gradient);
    let numbers = numbers.chain(&sums.residuals).chain(tiles);
    let numbers = numbers.chain(curvature.cross.as_flattened());
    let bits = numbers.chain(&curvature.corner).map(|x| x.to_bits());
    bits.collect()
}
