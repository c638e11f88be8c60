use std::fmt;
use std::sync::Arc;

use polars::prelude::LazyFrame;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{Classes, Predict};
use super::forest_model::{by_feature, check_importances};
use super::inputs::Inputs;
use super::probabilities::{Judge, predict};
use super::tree::{Tree, mean};
use super::{damaged, shared};
use crate::error::{Error, Result};
use crate::transform::Artifact;

/// A fitted `RandomForestClassifier`: one forest a class, each saying how probable its class is; with
/// two classes one forest, of the second class.
///
/// The prediction has the dtype of the target; probabilities are Float64 from 0 to 1 and sum to 1. A
/// null feature makes all of them null; a NaN makes the probabilities NaN and the prediction null. An
/// infinite feature lies beyond every threshold.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Written")]
pub struct ForestClassifierModel {
    features: Vec<String>,
    classes: Classes,
    #[serde(serialize_with = "shared")]
    forests: Arc<Forests>,
    importances: Vec<f64>,
    rows: u64,
}

/// What the rows are judged by.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forests {
    pub(super) trees: Vec<Vec<Tree>>,
    /// The share of each class among the train rows, for a row that no forest takes for its own.
    pub(super) shares: Vec<f64>,
}

/// A model as a file has it, which may say what no fit does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    features: Vec<String>,
    classes: Classes,
    forests: Forests,
    importances: Vec<f64>,
    rows: u64,
}

impl TryFrom<Written> for ForestClassifierModel {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        written.classes.refuse_disorder()?;
        let features = written.features.len();
        check_importances(&written.importances, features)?;
        let Forests { trees, shares } = &written.forests;
        let classes = written.classes.len();
        let alike = trees.iter().all(|forest| forest.len() == trees[0].len());
        if trees.len() != forests_of(classes) || !alike || trees[0].is_empty() {
            return Err(damaged("it does not hold a forest of each class"));
        }
        let positive = shares.iter().all(|share| *share > 0.0 && *share < 1.0);
        if shares.len() != classes || !positive {
            return Err(damaged("it does not hold the share of each class"));
        }
        let mut trees = trees.iter().flatten();
        trees.try_for_each(|tree| tree.check(features))?;
        Ok(Self {
            features: written.features,
            classes: written.classes,
            forests: Arc::new(written.forests),
            importances: written.importances,
            rows: written.rows,
        })
    }
}

/// How many forests tell so many classes apart.
pub(super) fn forests_of(classes: usize) -> usize {
    if classes == 2 { 1 } else { classes }
}

impl ForestClassifierModel {
    pub(super) fn new(
        features: Vec<String>,
        classes: Classes,
        forests: Forests,
        importances: Vec<f64>,
        rows: u64,
    ) -> Self {
        Self {
            features,
            classes,
            forests: Arc::new(forests),
            importances,
            rows,
        }
    }

    /// The features in order.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// The trees of one class, by its place in the classes; with two classes those of the second one
    /// only.
    pub fn trees(&self, class: usize) -> Option<&[Tree]> {
        let forests = &self.forests.trees;
        let at = if self.classes.len() == 2 {
            class.checked_sub(1)?
        } else {
            class
        };
        forests.get(at).map(Vec::as_slice)
    }

    /// How many trees each forest has.
    pub(super) fn n_estimators(&self) -> usize {
        self.forests.trees.first().map_or(0, Vec::len)
    }

    /// How much each feature did for the fit, in the order of [`features`](Self::features): its share
    /// of what the splits took off the impurity, each tree counting alike. They sum to 1, or are all 0
    /// when no split took anything off.
    pub fn feature_importances(&self) -> &[f64] {
        &self.importances
    }

    /// The importance of one feature.
    pub fn feature_importance(&self, feature: &str) -> Option<f64> {
        let at = self.features.iter().position(|name| name == feature)?;
        self.importances.get(at).copied()
    }

    /// How many train rows there were.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl Judge for Forests {
    fn probabilities(&self, inputs: &Inputs) -> Vec<f64> {
        let rows = inputs.rows().len();
        let columns = inputs.columns();
        let forests = self.trees.iter();
        // Rounding may lift a mean of ones above 1.
        let said = forests.map(|trees| mean(trees, rows, &columns));
        let said: Vec<Vec<f64>> = said.collect();
        let said = |class: usize, row: usize| said[class][row].clamp(0.0, 1.0);
        let classes = self.shares.len();
        let mut probabilities = Vec::with_capacity(rows * classes);
        for row in 0..rows {
            if classes == 2 {
                let second = said(0, row);
                probabilities.extend([1.0 - second, second]);
                continue;
            }
            let sum: f64 = (0..classes).map(|class| said(class, row)).sum();
            if sum > 0.0 {
                probabilities.extend((0..classes).map(|class| said(class, row) / sum));
            } else {
                probabilities.extend_from_slice(&self.shares);
            }
        }
        probabilities
    }
}

// A model stands in labels; its trees would fill pages.
impl fmt::Debug for ForestClassifierModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (features, classes) = (&self.features, self.classes.len());
        let trees = self.n_estimators();
        write!(
            f,
            "ForestClassifierModel({features:?}, classes: {classes}, trees: {trees})"
        )
    }
}

impl Artifact for ForestClassifierModel {
    const KIND: &'static str = "forest_classifier_model";
}

impl Predict for ForestClassifierModel {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        Ok(predict(frame, &self.features, &self.classes, &self.forests))
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn report(&self) -> Value {
        let trees = || self.forests.trees.iter().flatten();
        let splits: usize = trees().map(Tree::splits).sum();
        json!({
            "rows": self.rows,
            "classes": self.classes.len(),
            "trees": trees().count(),
            "splits": splits,
            "depth": trees().map(Tree::depth).max(),
            "feature_importances": by_feature(&self.features, &self.importances),
        })
    }
}
