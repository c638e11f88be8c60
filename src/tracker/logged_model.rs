use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The model of a run, whole: the text of its file, and what it takes and gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoggedModel {
    /// `m-` and 32 hexadecimal digits, made with the event: recorded twice it is one model.
    pub id: String,
    /// What it is called, such as `model`.
    pub name: String,
    /// The kind of its predictor, such as `linear_model`.
    pub kind: String,
    /// The model file, as [`Model::save`](crate::Model::save) writes it.
    pub file: String,
    /// What it takes and gives.
    pub signature: Signature,
    /// A few rows that it takes, where some are at hand: `{"columns": [..], "data": [[..], ..]}`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub input_example: Option<Value>,
}

/// The columns that a model takes and gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Signature {
    /// What it takes.
    pub inputs: Vec<SignatureColumn>,
    /// What it gives.
    pub outputs: Vec<SignatureColumn>,
}

/// A column of a [`Signature`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignatureColumn {
    /// Its name.
    pub name: String,
    /// Its dtype, as in a model file.
    pub dtype: String,
}

impl SignatureColumn {
    /// A column of a dtype.
    pub fn new(name: impl Into<String>, dtype: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            dtype: dtype.into(),
        }
    }
}

impl LoggedModel {
    /// A model by its name and its file, as [`Model::save`](crate::Model::save) writes it.
    pub fn new(name: impl Into<String>, file: impl Into<String>) -> Self {
        Self {
            id: format!("m-{:032x}", rand::random::<u128>()),
            name: name.into(),
            kind: String::new(),
            file: file.into(),
            signature: Signature::default(),
            input_example: None,
        }
    }

    /// What it takes and gives.
    pub fn signature(mut self, signature: Signature) -> Self {
        self.signature = signature;
        self
    }
}

impl Signature {
    /// Of columns that are taken, and columns that are given.
    pub fn new(
        inputs: impl IntoIterator<Item = SignatureColumn>,
        outputs: impl IntoIterator<Item = SignatureColumn>,
    ) -> Self {
        Self {
            inputs: inputs.into_iter().collect(),
            outputs: outputs.into_iter().collect(),
        }
    }
}
