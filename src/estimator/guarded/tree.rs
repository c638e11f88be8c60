use serde::{Deserialize, Serialize};

use super::damaged;
use crate::error::Result;

/// A grown tree: splits by one feature each, and the values of the leaves.
///
/// A row goes to the first child of a split when its feature is at most the threshold, and to the
/// second one otherwise. The splits come in the order in which they were made, the root first; a child
/// is the number of a later split, or the count of splits and the number of a leaf.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    features: Vec<u32>,
    thresholds: Vec<f64>,
    children: Vec<[u32; 2]>,
    leaves: Vec<f64>,
}

/// A node as it was grown; a child comes behind its parent.
pub(super) struct Node {
    pub(super) value: f64,
    pub(super) split: Option<Split>,
}

pub(super) struct Split {
    pub(super) feature: u32,
    pub(super) threshold: f64,
    pub(super) children: [u32; 2],
}

impl Tree {
    /// The tree of these nodes. Splits of which both sides say the same are left out: a grower
    /// without a floor for the gain splits rows of one value to the end.
    pub(super) fn new(nodes: &[Node], restore: impl Fn(f64) -> f64) -> Self {
        // The value of a node that is a leaf, or has come to be one.
        let mut leaf: Vec<Option<f64>> = vec![None; nodes.len()];
        for (at, node) in nodes.iter().enumerate().rev() {
            leaf[at] = match &node.split {
                None => Some(node.value),
                Some(split) => {
                    let [low, high] = split.children.map(|child| leaf[child as usize]);
                    low.filter(|low| high.is_some_and(|high| high.to_bits() == low.to_bits()))
                }
            };
        }
        let mut reached = vec![false; nodes.len()];
        reached[0] = true;
        let mut kept = Vec::new();
        for (at, node) in nodes.iter().enumerate() {
            if let (true, None, Some(split)) = (reached[at], leaf[at], &node.split) {
                kept.push(split);
                for child in split.children {
                    reached[child as usize] = true;
                }
            }
        }
        let (mut splits, mut leaves) = (0, Vec::new());
        let mut places = vec![0_u32; nodes.len()];
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        for (at, place) in places.iter_mut().enumerate() {
            match (reached[at], leaf[at]) {
                (false, _) => {}
                (true, None) => {
                    *place = splits;
                    splits += 1;
                }
                (true, Some(value)) => {
                    *place = count(kept.len() + leaves.len());
                    leaves.push(restore(value));
                }
            }
        }
        let children = kept.iter();
        Self {
            features: kept.iter().map(|split| split.feature).collect(),
            thresholds: kept.iter().map(|split| split.threshold).collect(),
            children: children
                .map(|split| split.children.map(|child| places[child as usize]))
                .collect(),
            leaves,
        }
    }

    /// How many splits there are; none in a tree that says the same of every row.
    pub fn splits(&self) -> usize {
        self.features.len()
    }

    /// How many leaves there are.
    pub fn leaves(&self) -> usize {
        self.leaves.len()
    }

    /// How many splits lie on the longest way to a leaf, as scikit-learn counts it.
    pub fn depth(&self) -> usize {
        let mut depths = vec![0; self.splits()];
        let mut deepest = usize::from(self.splits() > 0);
        for (at, children) in self.children.iter().enumerate() {
            for child in children {
                if let Some(depth) = depths.get(*child as usize) {
                    let depth: usize = depths[at].max(*depth) + 1;
                    depths[*child as usize] = depth;
                    deepest = deepest.max(depth + 1);
                }
            }
        }
        deepest
    }

    /// What the tree says of a row.
    pub(super) fn value(&self, row: usize, columns: &[&[f64]]) -> f64 {
        let splits = self.splits();
        let mut at = 0;
        while at < splits {
            let value = columns[self.features[at] as usize][row];
            let side = usize::from(value > self.thresholds[at]);
            at = self.children[at][side] as usize;
        }
        self.leaves[at - splits]
    }

    /// Refuses what would not end or not be found, as a changed file may hold.
    pub(super) fn check(&self, features: usize) -> Result<()> {
        let splits = self.splits();
        let nodes = splits + self.leaves.len();
        let lengths = self.thresholds.len() == splits && self.children.len() == splits;
        let known = self.features.iter().all(|at| (*at as usize) < features);
        let ends = self.children.iter().enumerate().all(|(at, children)| {
            let mut children = children.iter().map(|child| *child as usize);
            children.all(|child| child > at && child < nodes)
        });
        let mut numbers = self.thresholds.iter().chain(&self.leaves);
        if lengths && known && ends && nodes > splits && numbers.all(|value| value.is_finite()) {
            return Ok(());
        }
        Err(damaged("a tree in it does not lead every row to a leaf"))
    }
}

/// The mean of what trees say of each row, in the order of the trees.
pub(super) fn mean(trees: &[Tree], rows: usize, columns: &[&[f64]]) -> Vec<f64> {
    let mut sums = vec![0.0; rows];
    for tree in trees {
        for (row, sum) in sums.iter_mut().enumerate() {
            *sum += tree.value(row, columns);
        }
    }
    let count = trees.len() as f64;
    for sum in &mut sums {
        *sum /= count;
    }
    sums
}
