use serde::{Deserialize, Serialize};

use super::inputs::{Inputs, Row};
use super::{config, damaged};
use crate::error::{Error, ErrorKind, Result};

/// How much each neighbour counts.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeighborWeights {
    /// All alike.
    #[default]
    Uniform,
    /// By one over the distance. Where neighbours are at the distance 0, they count alike and others
    /// not at all.
    Distance,
}

/// The train rows that neighbours are looked for in, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Neighborhood {
    pub(super) n_neighbors: usize,
    pub(super) weights: NeighborWeights,
    rows: usize,
    /// Column by column.
    matrix: Vec<f64>,
}

/// Distances of so many rows are computed at a time: they stay in the nearest cache.
const BLOCK: usize = 1024;

/// Squares of differences of numbers up to this size stay finite, and so do sums of many.
const LARGEST: f64 = 1e150;

/// The squared distance of a train row, or its weight, and its number.
pub(super) type Neighbor = (f64, u32);

impl Neighborhood {
    pub(super) fn new(
        n_neighbors: usize,
        weights: NeighborWeights,
        names: &[polars::prelude::PlSmallStr],
        rows: usize,
        matrix: Vec<f64>,
    ) -> Result<Self> {
        if n_neighbors > rows {
            let message = format!("{rows} train rows have no {n_neighbors} neighbours to offer");
            return Err(Error::new(ErrorKind::Fit, message)
                .with_help("choose a smaller `.n_neighbors(..)`"));
        }
        if u32::try_from(rows).is_err() {
            let message = format!("{rows} train rows are more than neighbours are looked for in");
            return Err(Error::new(ErrorKind::Fit, message).with_help("draw a sample of them"));
        }
        for (name, column) in names.iter().zip(matrix.chunks(rows)) {
            let large = column.iter().filter(|value| value.abs() > LARGEST).count();
            if large > 0 {
                let message = format!(
                    "{large} of the train rows are beyond {LARGEST:e}: no float holds their distances"
                );
                return Err(Error::new(ErrorKind::Fit, message)
                    .on_column(name.as_str())
                    .with_help("scale the features first"));
            }
        }
        Ok(Self {
            n_neighbors,
            weights,
            rows,
            matrix,
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Refuses what a changed file may hold; `targets` are its rows.
    pub(super) fn check(&self, features: usize, targets: usize) -> Result<()> {
        let cells = self.rows.checked_mul(features);
        let fits = features > 0 && cells == Some(self.matrix.len()) && targets == self.rows;
        let known = (1..=self.rows).contains(&self.n_neighbors) && u32::try_from(self.rows).is_ok();
        let mut values = self.matrix.iter();
        if fits && known && values.all(|value| value.abs() <= LARGEST) {
            return Ok(());
        }
        Err(damaged("its train rows are not a whole table"))
    }

    /// Gives `each` the neighbours of every whole row, nearest first, with their weights, and the sum
    /// of these. There are none where a distance is beyond the floats.
    pub(super) fn of_each(&self, inputs: &Inputs, mut each: impl FnMut(usize, &[Neighbor], f64)) {
        let columns = inputs.columns();
        let mut query = vec![0.0; columns.len()];
        let mut nearest = Vec::with_capacity(self.n_neighbors + 1);
        for (row, known) in inputs.rows().iter().enumerate() {
            if *known != Row::Whole {
                continue;
            }
            for (value, column) in query.iter_mut().zip(&columns) {
                *value = column[row];
            }
            self.search(&query, &mut nearest);
            self.weigh(&mut nearest);
            each(row, &nearest, nearest.iter().map(|near| near.0).sum());
        }
    }

    /// The nearest train rows; of rows at the same distance the first ones.
    fn search(&self, query: &[f64], nearest: &mut Vec<Neighbor>) {
        nearest.clear();
        let mut distances = [0.0; BLOCK];
        for start in (0..self.rows).step_by(BLOCK) {
            let end = self.rows.min(start + BLOCK);
            let distances = &mut distances[..end - start];
            distances.fill(0.0);
            // Feature by feature, so that each sum is in the order of the features.
            for (value, column) in query.iter().zip(self.matrix.chunks(self.rows)) {
                for (distance, other) in distances.iter_mut().zip(&column[start..end]) {
                    let difference = value - other;
                    *distance += difference * difference;
                }
            }
            for (row, distance) in (start..).zip(distances.iter()) {
                let full = nearest.len() == self.n_neighbors;
                if full && nearest.last().is_some_and(|last| *distance >= last.0) {
                    continue;
                }
                let at = nearest.partition_point(|near| near.0 <= *distance);
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "there are no more rows than that"
                )]
                nearest.insert(at, (*distance, row as u32));
                nearest.truncate(self.n_neighbors);
            }
        }
    }

    /// Turns squared distances into weights.
    fn weigh(&self, nearest: &mut Vec<Neighbor>) {
        if nearest.iter().any(|near| !near.0.is_finite()) {
            nearest.clear();
            return;
        }
        let same = nearest.iter().any(|near| near.0 == 0.0);
        for near in nearest.iter_mut() {
            near.0 = match self.weights {
                NeighborWeights::Uniform => 1.0,
                NeighborWeights::Distance if same => f64::from(near.0 == 0.0),
                NeighborWeights::Distance => 1.0 / near.0.sqrt(),
            };
        }
    }
}

/// Refuses a neighbourhood of nobody.
pub(super) fn refuse_none(n_neighbors: usize) -> Result<()> {
    if n_neighbors > 0 {
        return Ok(());
    }
    let help = "choose 1 or more, such as 5";
    Err(config("`n_neighbors` is 0".to_owned(), help))
}
