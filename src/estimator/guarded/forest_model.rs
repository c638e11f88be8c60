use std::fmt;
use std::sync::Arc;

use polars::prelude::{
    Column, DataType, Expr, Field, Float64Chunked, IntoColumn, LazyFrame, PolarsResult,
    map_multiple,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::{PREDICTION, Predict};
use super::inputs::{Inputs, Row};
use super::tree::{Tree, mean};
use super::{damaged, shared};
use crate::error::{Error, Result};
use crate::schema::column;
use crate::transform::Artifact;

/// Trees whose mean is the prediction: a fitted `RandomForestRegressor`, or a `DecisionTreeRegressor`
/// with its one tree.
///
/// The prediction is Float64: null where a feature is null, NaN where one is NaN and none null. An
/// infinite feature lies beyond every threshold. It is an element-wise kernel: each row by itself,
/// summed in the order of the trees.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Written")]
pub struct ForestModel {
    features: Vec<String>,
    #[serde(serialize_with = "shared")]
    trees: Arc<Vec<Tree>>,
    importances: Vec<f64>,
    rows: u64,
}

/// A model as a file has it, which may say what no fit does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    features: Vec<String>,
    trees: Vec<Tree>,
    importances: Vec<f64>,
    rows: u64,
}

impl TryFrom<Written> for ForestModel {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let features = written.features.len();
        if written.trees.is_empty() {
            return Err(damaged("it holds no tree"));
        }
        check_importances(&written.importances, features)?;
        let mut trees = written.trees.iter();
        trees.try_for_each(|tree| tree.check(features))?;
        Ok(Self::new(
            written.features,
            written.trees,
            written.importances,
            written.rows,
        ))
    }
}

pub(super) fn check_importances(importances: &[f64], features: usize) -> Result<()> {
    let shares = importances.iter().all(|share| (0.0..=1.0).contains(share));
    if features > 0 && importances.len() == features && shares {
        return Ok(());
    }
    Err(damaged("it does not hold the importance of each feature"))
}

pub(super) fn by_feature(features: &[String], values: &[f64]) -> Value {
    let pairs = features.iter().zip(values);
    let pairs = pairs.map(|(name, value)| (name.clone(), json!(value)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

impl ForestModel {
    pub(super) fn new(
        features: Vec<String>,
        trees: Vec<Tree>,
        importances: Vec<f64>,
        rows: u64,
    ) -> Self {
        Self {
            features,
            trees: Arc::new(trees),
            importances,
            rows,
        }
    }

    /// The features in order.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// The trees in the order in which they were grown.
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// How much each feature did for the fit, in the order of [`features`](Self::features): its share
    /// of what the splits took off the squared error, each tree counting alike. They sum to 1, or are
    /// all 0 when no split took anything off.
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

// A model stands in labels; its trees would fill pages.
impl fmt::Debug for ForestModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (features, trees) = (&self.features, self.trees.len());
        write!(f, "ForestModel({features:?}, trees: {trees})")
    }
}

impl Artifact for ForestModel {
    const KIND: &'static str = "forest_model";
}

impl Predict for ForestModel {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let features = self.features.iter();
        let read: Vec<Expr> = features.map(|name| column(name.as_str())).collect();
        let trees = Arc::clone(&self.trees);
        Ok(frame.with_columns([numbers(read, move |inputs| {
            mean(&trees, inputs.rows().len(), &inputs.columns())
        })]))
    }

    fn report(&self) -> Value {
        let splits: usize = self.trees.iter().map(Tree::splits).sum();
        json!({
            "rows": self.rows,
            "trees": self.trees.len(),
            "splits": splits,
            "depth": self.trees.iter().map(Tree::depth).max(),
            "feature_importances": by_feature(&self.features, &self.importances),
        })
    }
}

/// A prediction of numbers by a kernel that says one of each row.
pub(super) fn numbers(
    features: Vec<Expr>,
    kernel: impl Fn(&Inputs) -> Vec<f64> + Send + Sync + 'static,
) -> Expr {
    let predicted = move |columns: &mut [Column]| -> PolarsResult<Column> {
        let inputs = Inputs::read(columns)?;
        let values = kernel(&inputs);
        let values: Float64Chunked = inputs
            .rows()
            .iter()
            .zip(values)
            .map(|(row, value)| match row {
                Row::Whole => Some(value),
                Row::Nan => Some(f64::NAN),
                Row::Null => None,
            })
            .collect();
        Ok(values.with_name(PREDICTION.into()).into_column())
    };
    map_multiple(predicted, features, |_, _| {
        Ok(Field::new(PREDICTION.into(), DataType::Float64))
    })
    .alias(PREDICTION)
}
