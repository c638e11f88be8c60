use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::output::write_whole;

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
    /// A model by its name and its file, as [`Model::save`](crate::Model::save) writes it. What it
    /// takes and gives is read from the file.
    pub fn new(name: impl Into<String>, file: impl Into<String>) -> Self {
        let file = file.into();
        let told: Value = serde_json::from_str(&file).unwrap_or_default();
        let contents = &told["contents"];
        Self {
            id: format!("m-{:032x}", rand::random::<u128>()),
            name: name.into(),
            kind: text(&contents["predictor"]["kind"]),
            signature: Signature::told_by(contents),
            file,
            input_example: None,
        }
    }

    /// Writes it as a folder that MLflow reads, as trackers keep it: `MLmodel`, the model file, and
    /// a loader in Python.
    ///
    /// `mlflow.pyfunc.load_model(folder).predict(rows)` predicts what floe does, for the scalers, the
    /// steps on gaps, columns and categories, the linear models, logistic regression and the
    /// baselines; it needs numpy and pandas. Other kinds end in an error that names them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Output`] when a file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use floe::polars::prelude::*;
    /// use floe::prelude::*;
    /// use floe::tracker::LoggedModel;
    ///
    /// let rows = df!["hour" => [0_i64, 1, 2, 3], "likes" => [1498_i64, 1499, 1500, 1501]]?;
    /// let run = floe::from(InMemory::new(rows))
    ///     .split(TrainTestSplit::new(0.25))
    ///     .learn(LinearRegression::new(["hour"], "likes"))
    ///     .run()?;
    /// let folder = std::env::temp_dir().join(format!("floe-mlmodel-{}", std::process::id()));
    /// std::fs::create_dir_all(&folder)?;
    /// run.model().save(folder.join("saved.json"))?;
    ///
    /// let saved = std::fs::read_to_string(folder.join("saved.json"))?;
    /// LoggedModel::new("likes", saved).write(folder.join("model"))?;
    /// assert!(folder.join("model/MLmodel").exists());
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        let now = super::event::now();
        for (name, bytes) in super::model_files::files(self, "", &self.id, now) {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).map_err(|error| {
                let message = format!("`{}` was not made: {error}", parent.display());
                Error::new(ErrorKind::Output, message).with_help("check the folder above it")
            })?;
            write_whole(&path, |file| file.write_all(&bytes))?;
        }
        Ok(())
    }

    /// What it takes and gives.
    pub fn signature(mut self, signature: Signature) -> Self {
        self.signature = signature;
        self
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Signature {
    /// What the contents of a model file say: a number is predicted as a float, a class in the dtype
    /// of the classes and with a probability of each.
    fn told_by(contents: &Value) -> Self {
        let inputs = contents["inputs"].as_array().into_iter().flatten();
        let inputs =
            inputs.map(|input| SignatureColumn::new(text(&input["name"]), text(&input["dtype"])));
        let mut outputs = vec![SignatureColumn::new("prediction", "float64")];
        let classes = &contents["predictor"]["state"]["classes"];
        if let Some(labels) = classes["labels"].as_array() {
            outputs[0].dtype = text(&classes["dtype"]);
            for label in labels {
                // One key, the kind of the label, and its value.
                let label = label.as_object().and_then(|label| label.values().next());
                let name = match label {
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                    None => continue,
                };
                outputs.push(SignatureColumn::new(
                    format!("probability_{name}"),
                    "float64",
                ));
            }
        }
        if contents["predictor"].is_null() {
            outputs.clear();
        }
        Self::new(inputs, outputs)
    }

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
