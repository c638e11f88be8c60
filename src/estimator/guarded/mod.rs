//! Trees, forests and neighbours: models that need the train rows in memory at once.
//!
//! The trees are grown by smartcore, which takes whatever it is given: a NaN silently goes to one side
//! of every split. So all rows pass one guard first (`table`), every seed is set, a panic becomes an
//! error (`grow`), and what was grown is copied out into a form of our own (`tree`), which predicts
//! without smartcore and is what a model file holds.

mod decision_tree;
mod forest_classifier;
mod forest_classifier_model;
mod forest_model;
mod grow;
mod inputs;
mod nearest;
mod neighbors_classifier;
mod neighbors_regressor;
mod probabilities;
mod random_forest;
mod settings;
mod table;
mod target;
mod tree;

use std::fmt;
use std::sync::Arc;

use polars::prelude::PlSmallStr;
use serde::{Serialize, Serializer};

pub use decision_tree::DecisionTreeRegressor;
pub use forest_classifier::RandomForestClassifier;
pub use forest_classifier_model::ForestClassifierModel;
pub use forest_model::ForestModel;
pub use nearest::NeighborWeights;
pub use neighbors_classifier::{KNeighborsClassifier, NeighborsClassifierModel};
pub use neighbors_regressor::{KNeighborsRegressor, NeighborsModel};
pub use random_forest::RandomForestRegressor;
pub use settings::MaxFeatures;
pub use tree::Tree;

use super::feature::{numeric, refuse_other};
use crate::error::{Error, ErrorKind, Result};

fn owned(names: Vec<PlSmallStr>) -> Vec<String> {
    names.into_iter().map(PlSmallStr::into_string).collect()
}

/// Refuses a setting in a file that is not the estimator's.
fn refuse_setting<T: PartialEq + fmt::Debug>(name: &str, found: &T, wanted: &T) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    let message = format!("its `{name}` is {found:?}, and that of this flow is {wanted:?}");
    Err(Error::new(ErrorKind::Model, message)
        .with_help("load it with the flow that it was saved from"))
}

fn config(message: String, help: &'static str) -> Error {
    Error::new(ErrorKind::Config, message).with_help(help)
}

fn damaged(message: &'static str) -> Error {
    Error::new(ErrorKind::Model, message)
}

/// What a query holds beside the model is shared, not copied.
fn shared<T: Serialize, S: Serializer>(
    value: &Arc<T>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    value.as_ref().serialize(serializer)
}
