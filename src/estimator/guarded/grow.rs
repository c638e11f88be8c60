use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};
use smartcore::ensemble::random_forest_regressor::{
    RandomForestRegressor, RandomForestRegressorParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::tree::decision_tree_regressor::{
    DecisionTreeRegressor, DecisionTreeRegressorParameters,
};

use super::settings::Settings;
use super::table::Table;
use super::target::Target;
use super::tree::{Node, Split, Tree};
use crate::error::{Error, ErrorKind, Result};
use crate::threads;

type Matrix = DenseMatrix<f64>;

/// Grows trees by smartcore on rows that passed the guard.
pub(super) struct Grower<'a> {
    matrix: Matrix,
    rows: usize,
    weights: Option<Vec<f64>>,
    features: usize,
    settings: &'a Settings,
}

/// A tree, and how much each feature did for it: shares of what its splits gained.
pub(super) struct Grown {
    pub(super) tree: Tree,
    pub(super) importances: Vec<f64>,
}

impl<'a> Grower<'a> {
    pub(super) fn new(table: Table, features: usize, settings: &'a Settings) -> Result<Self> {
        let Table {
            matrix,
            rows,
            weights,
        } = table;
        // The grower numbers rows in 32 bits.
        if u32::try_from(rows).is_err() {
            let message = format!("{rows} train rows are more than a tree can be grown on");
            return Err(Error::new(ErrorKind::Fit, message).with_help("draw a sample of them"));
        }
        let matrix = DenseMatrix::new(rows, features, matrix, true).map_err(failed)?;
        Ok(Self {
            matrix,
            rows,
            weights,
            features,
            settings,
        })
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows as u64
    }

    /// One tree on all rows, among all features at every split.
    pub(super) fn tree(&self, target: &Target) -> Result<Grown> {
        let settings = DecisionTreeRegressorParameters {
            max_depth: levels(self.settings.max_depth),
            min_samples_leaf: self.settings.min_samples_leaf,
            min_samples_split: self.settings.min_samples_split,
            seed: Some(self.settings.seed),
        };
        let grown = caught(|| {
            let (x, y) = (&self.matrix, &target.values);
            match &self.weights {
                None => DecisionTreeRegressor::fit(x, y, settings),
                Some(weights) => DecisionTreeRegressor::fit_with_weights(x, y, weights, settings),
            }
        })?;
        let Alone { tree_regressor } = copied(&grown)?;
        self.grown(tree_regressor, target)
    }

    /// One tree of a forest, on rows that are drawn with replacement.
    ///
    /// Each is a forest of one to smartcore: so a tree depends on its own seed only, trees can be
    /// grown by several threads, and only a few lie in memory in the form in which they are copied.
    pub(super) fn tree_of_forest(
        &self,
        target: &Target,
        max_features: usize,
        number: u64,
    ) -> Result<Grown> {
        let settings = RandomForestRegressorParameters {
            max_depth: levels(self.settings.max_depth),
            min_samples_leaf: self.settings.min_samples_leaf,
            min_samples_split: self.settings.min_samples_split,
            n_trees: 1,
            m: Some(max_features),
            keep_samples: false,
            seed: seed_of(self.settings.seed, number),
        };
        let grown = caught(|| {
            let (x, y) = (&self.matrix, &target.values);
            match &self.weights {
                None => RandomForestRegressor::fit(x, y, settings),
                Some(weights) => RandomForestRegressor::fit_with_weights(x, y, weights, settings),
            }
        })?;
        let Forest { forest_regressor } = copied(&grown)?;
        let mut trees = forest_regressor.trees.into_iter();
        self.grown(trees.next().ok_or_else(unreadable)?, target)
    }

    fn grown(&self, grown: CopiedTree, target: &Target) -> Result<Grown> {
        let mut importances = vec![0.0; self.features];
        for node in &grown.nodes {
            let gain = node.split_score.unwrap_or(0.0);
            *importances
                .get_mut(node.split_feature)
                .ok_or_else(unreadable)? += gain;
        }
        normalise(&mut importances);
        let count = grown.nodes.len();
        let nodes = grown.nodes.into_iter().enumerate().map(|(at, node)| {
            let split = match (node.split_value, node.true_child, node.false_child) {
                (Some(threshold), Some(low), Some(high)) => {
                    // The copy counts on children behind their parents.
                    if [low, high]
                        .iter()
                        .any(|child| *child <= at || *child >= count)
                    {
                        return Err(unreadable());
                    }
                    let narrow = |wide: usize| u32::try_from(wide).map_err(|_| unreadable());
                    Some(Split {
                        feature: narrow(node.split_feature)?,
                        threshold,
                        children: [narrow(low)?, narrow(high)?],
                    })
                }
                _ => None,
            };
            let value = node.output;
            Ok(Node { value, split })
        });
        let nodes = nodes.collect::<Result<Vec<_>>>()?;
        if nodes.is_empty() {
            return Err(unreadable());
        }
        let tree = Tree::new(&nodes, |value| target.restore(value));
        Ok(Grown { tree, importances })
    }
}

/// Grows `count` trees, as many at a time as there are threads; `stop` is asked between them.
pub(super) fn in_parallel(
    count: usize,
    stop: impl Fn() -> Result<()>,
    grow: impl Fn(usize) -> Result<Grown> + Sync,
) -> Result<Vec<Grown>> {
    let most = threads::all();
    let mut grown = Vec::with_capacity(count);
    while grown.len() < count {
        stop()?;
        let first = grown.len();
        let group = threads::one_each(first..count.min(first + most), &grow);
        for tree in group {
            grown.push(tree.map_err(|_| panicked())??);
        }
    }
    Ok(grown)
}

/// The mean of the trees' importances, as shares.
pub(super) fn importances<'a>(
    trees: impl ExactSizeIterator<Item = &'a Grown>,
    features: usize,
) -> Vec<f64> {
    let mut sums = vec![0.0; features];
    let count = trees.len() as f64;
    for tree in trees {
        for (sum, share) in sums.iter_mut().zip(&tree.importances) {
            *sum += share;
        }
    }
    for sum in &mut sums {
        *sum /= count;
    }
    normalise(&mut sums);
    sums
}

fn normalise(shares: &mut [f64]) {
    let sum: f64 = shares.iter().sum();
    if sum > 0.0 {
        for share in shares {
            *share /= sum;
        }
    }
}

/// The seed of a tree: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), so that forests of
/// neighbouring seeds share no tree.
fn seed_of(seed: u64, number: u64) -> u64 {
    let mix = |state: u64| {
        let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    };
    let step = 0x9e37_79b9_7f4a_7c15_u64;
    let stream = mix(seed.wrapping_add(step));
    mix(stream.wrapping_add(step.wrapping_mul(number.wrapping_add(1))))
}

/// smartcore counts the levels of nodes, one more than there are splits on the way.
fn levels(depth: Option<usize>) -> Option<u16> {
    depth.map(|depth| u16::try_from(depth.saturating_add(1)).unwrap_or(u16::MAX))
}

/// What smartcore answers; a panic in it is an error like any other.
fn caught<T>(fit: impl FnOnce() -> std::result::Result<T, smartcore::error::Failed>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(fit)) {
        Ok(grown) => grown.map_err(failed),
        Err(_) => Err(panicked()),
    }
}

fn failed(error: smartcore::error::Failed) -> Error {
    Error::new(ErrorKind::Fit, "smartcore could not grow a tree").caused_by(error)
}

fn panicked() -> Error {
    Error::new(ErrorKind::Fit, "smartcore panicked while it grew a tree")
}

fn unreadable() -> Error {
    Error::new(
        ErrorKind::Fit,
        "a tree of smartcore is not of the form that floe reads",
    )
}

/// smartcore shows its nodes to serde only; its numbers come through JSON to the same bits.
fn copied<T: for<'de> Deserialize<'de>>(grown: &impl Serialize) -> Result<T> {
    let text = serde_json::to_vec(grown).map_err(|error| unreadable().caused_by(error))?;
    serde_json::from_slice(&text).map_err(|error| unreadable().caused_by(error))
}

#[derive(Deserialize)]
struct Forest {
    forest_regressor: CopiedForest,
}

#[derive(Deserialize)]
struct CopiedForest {
    trees: Vec<CopiedTree>,
}

#[derive(Deserialize)]
struct Alone {
    tree_regressor: CopiedTree,
}

#[derive(Deserialize)]
struct CopiedTree {
    nodes: Vec<CopiedNode>,
}

#[derive(Deserialize)]
struct CopiedNode {
    output: f64,
    split_feature: usize,
    split_value: Option<f64>,
    split_score: Option<f64>,
    true_child: Option<usize>,
    false_child: Option<usize>,
}

#[cfg(test)]
#[path = "grow_tests.rs"]
mod tests;
