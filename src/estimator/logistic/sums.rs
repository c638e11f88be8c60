//! What a pass over the rows adds up: the loss, its gradient and its curvature.

use super::tiles::{Quad, Tile, WIDE};

/// The sizes of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) features: usize,
    pub(super) classes: usize,
    pub(super) intercept: bool,
}

impl Shape {
    /// Linear scores of a row: one tells two classes apart, otherwise there is one a class.
    pub(super) fn scores(self) -> usize {
        if self.classes == 2 { 1 } else { self.classes }
    }

    /// Unknowns of one score: the coefficients, then the intercept.
    pub(super) fn unknowns_of_score(self) -> usize {
        self.features + usize::from(self.intercept)
    }

    /// All unknowns, score by score.
    pub(super) fn unknowns(self) -> usize {
        self.scores() * self.unknowns_of_score()
    }

    pub(super) fn panels(self) -> usize {
        self.features.div_ceil(WIDE)
    }

    /// The tiles of the products of all panels, of which those below the diagonal are left out.
    pub(super) fn tiles(self) -> usize {
        self.panels() * (self.panels() + 1) / 2
    }

    /// Pairs of scores, in the order (0, 0), (0, 1), (1, 1), (0, 2), …
    pub(super) fn pairs(self) -> usize {
        self.scores() * (self.scores() + 1) / 2
    }
}

/// The unknowns as the inner loops take them.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// Panel by panel for each score.
    pub(super) coefficients: Vec<Vec<Quad>>,
    pub(super) intercepts: Vec<f64>,
}

impl Point {
    pub(super) fn new(shape: Shape, unknowns: &[f64]) -> Self {
        let scores = unknowns.chunks_exact(shape.unknowns_of_score());
        let coefficients = scores.clone().map(|of| {
            let quads = of[..shape.features].chunks(WIDE);
            let quads =
                quads.map(|some| std::array::from_fn(|at| some.get(at).map_or(0.0, |x| *x)));
            quads.collect()
        });
        Self {
            coefficients: coefficients.collect(),
            intercepts: scores
                .map(|of| of.get(shape.features).copied().unwrap_or(0.0))
                .collect(),
        }
    }
}

/// The sums over some rows.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    pub(super) shape: Shape,
    pub(super) loss: f64,
    /// Squared residuals: how large the terms of the gradient are.
    pub(super) square: f64,
    /// Panel by panel for each score.
    pub(super) gradient: Vec<Quad>,
    pub(super) residuals: Vec<f64>,
    pub(super) curvature: Option<Curvature>,
}

/// The second derivatives, for each pair of scores.
#[derive(Clone, Debug)]
pub(super) struct Curvature {
    pub(super) tiles: Vec<Tile>,
    /// Of the coefficients and the intercept.
    pub(super) cross: Vec<Quad>,
    pub(super) corner: Vec<f64>,
}

impl Sums {
    pub(super) fn new(shape: Shape, curvature: bool) -> Self {
        let pairs = shape.pairs();
        Self {
            shape,
            loss: 0.0,
            square: 0.0,
            gradient: vec![[0.0; WIDE]; shape.scores() * shape.panels()],
            residuals: vec![0.0; shape.scores()],
            curvature: curvature.then(|| Curvature {
                tiles: vec![[[0.0; WIDE]; WIDE]; pairs * shape.tiles()],
                cross: vec![[0.0; WIDE]; pairs * shape.panels()],
                corner: vec![0.0; pairs],
            }),
        }
    }

    /// Adds the sums of the rows that come next.
    pub(super) fn add(&mut self, next: &Self) {
        self.loss += next.loss;
        self.square += next.square;
        add(
            self.gradient.as_flattened_mut(),
            next.gradient.as_flattened(),
        );
        add(&mut self.residuals, &next.residuals);
        if let (Some(to), Some(from)) = (&mut self.curvature, &next.curvature) {
            let tiles = to.tiles.as_flattened_mut().as_flattened_mut();
            add(tiles, from.tiles.as_flattened().as_flattened());
            add(to.cross.as_flattened_mut(), from.cross.as_flattened());
            add(&mut to.corner, &from.corner);
        }
    }

    /// The gradient of the loss, in the order of the unknowns.
    pub(super) fn gradient(&self) -> Vec<f64> {
        let shape = self.shape;
        let mut gradient = Vec::with_capacity(shape.unknowns());
        let scores = self.gradient.chunks_exact(shape.panels());
        for (of, residual) in scores.zip(&self.residuals) {
            gradient.extend_from_slice(&of.as_flattened()[..shape.features]);
            if shape.intercept {
                gradient.push(*residual);
            }
        }
        gradient
    }
}

impl Curvature {
    /// The matrix of second derivatives row by row, of which the lower triangle is filled.
    pub(super) fn matrix(&self, shape: Shape) -> Vec<f64> {
        let (size, each, panels) = (shape.unknowns(), shape.unknowns_of_score(), shape.panels());
        let mut matrix = vec![0.0; size * size];
        let mut pair = 0;
        for right in 0..shape.scores() {
            for left in 0..=right {
                let tiles = &self.tiles[pair * shape.tiles()..];
                let cross = self.cross[pair * panels..].as_flattened();
                let cell = |row: usize, column: usize| {
                    if row == shape.features && column == shape.features {
                        return self.corner[pair];
                    }
                    let (low, high) = (row.min(column), row.max(column));
                    if high == shape.features {
                        return cross[low];
                    }
                    let (i, j) = (low / WIDE, high / WIDE);
                    tiles[j * (j + 1) / 2 + i][low % WIDE][high % WIDE]
                };
                for row in 0..each {
                    let start = (right * each + row) * size + left * each;
                    let until = if left == right { row + 1 } else { each };
                    for column in 0..until {
                        matrix[start + column] = cell(row, column);
                    }
                }
                pair += 1;
            }
        }
        matrix
    }

    /// The sum of the curvatures of the scores themselves.
    pub(super) fn total(&self, shape: Shape) -> f64 {
        let diagonal = (0..shape.scores()).map(|score| score * (score + 3) / 2);
        diagonal.map(|pair| self.corner[pair]).sum()
    }
}

fn add(to: &mut [f64], from: &[f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}
