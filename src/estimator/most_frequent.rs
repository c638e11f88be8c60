use polars::prelude::{Expr, LazyFrame, PlSmallStr, Scalar, lit};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Classes, Estimator, PREDICTION, Predict, Training};
use crate::error::{Error, ErrorKind, Result};
use crate::learn::Need;
use crate::schema::Schema;
use crate::transform::Artifact;

/// Predicts the class of most train rows, whatever the features: the baseline of classifiers.
///
/// The probability of a class is its share of the train rows. Of several classes with the most
/// rows, the first is predicted. It is scikit-learn's `DummyClassifier(strategy="prior")`.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `target` | – | the classes: texts, Booleans, integers, dates, times or decimals; at most [`Classes::MOST`] |
///
/// The prediction has the dtype of the target; a probability is Float64, from 0 to 1.
///
/// | error | when |
/// |---|---|
/// | [`Schema`](ErrorKind::Schema) | the target is absent, or of a dtype that has no classes, such as floats |
/// | [`Config`](ErrorKind::Config) | a step stands on the target |
/// | [`Fit`](ErrorKind::Fit) | the target has nulls, fewer than two classes, or more than [`Classes::MOST`] |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let train = df!["fed" => ["no", "yes", "yes", "yes"]]?;
/// let model = floe::from_train(InMemory::new(train))
///     .learn(MostFrequentClassifier::new("fed"))
///     .fit()?;
/// let new = model.predict(df!["day" => [1, 2]]?.lazy())?.collect()?;
/// assert_eq!(new.column("prediction")?.str()?.get(0), Some("yes"));
/// assert_eq!(new.column("probability_no")?.f64()?.get(1), Some(0.25));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct MostFrequentClassifier {
    target: PlSmallStr,
}

impl MostFrequentClassifier {
    /// A baseline for this target.
    pub fn new(target: impl Into<PlSmallStr>) -> Self {
        Self {
            target: target.into(),
        }
    }
}

impl Estimator for MostFrequentClassifier {
    type Model = MostFrequentModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(Vec::new())
    }

    fn needs(&self, _: &Schema) -> Result<Vec<Need>> {
        Ok(vec![Classes::need(&self.target)])
    }

    fn is_classifier(&self) -> bool {
        true
    }

    fn fit(&self, training: &Training<'_>) -> Result<MostFrequentModel> {
        let found = training.learned.categories(&self.target, Classes::MOST)?;
        let dtype = training.schema().field(&self.target)?.dtype();
        let rows = found.counts.iter().map(|(_, rows)| *rows);
        Ok(MostFrequentModel {
            classes: Classes::learned(&self.target, dtype, &found)?,
            rows: rows.collect(),
        })
    }
}

/// A fitted [`MostFrequentClassifier`]: the classes, and how many train rows are of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Written")]
pub struct MostFrequentModel {
    classes: Classes,
    rows: Vec<u64>,
}

/// A model as a file has it, which may say what no fit does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    classes: Classes,
    rows: Vec<u64>,
}

impl TryFrom<Written> for MostFrequentModel {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let Written { classes, rows } = written;
        classes.refuse_disorder()?;
        let all = rows
            .iter()
            .try_fold(0_u64, |all, rows| all.checked_add(*rows));
        if rows.len() != classes.len() || rows.contains(&0) || all.is_none() {
            let message = "it does not hold the train rows of each class";
            return Err(Error::new(ErrorKind::Model, message));
        }
        Ok(Self { classes, rows })
    }
}

impl MostFrequentModel {
    /// How many train rows are of each class, in the order of the classes.
    pub fn rows(&self) -> &[u64] {
        &self.rows
    }

    /// The share of the train rows that is of each class, in the order of the classes.
    pub fn shares(&self) -> Vec<f64> {
        let all: u64 = self.rows.iter().sum();
        let shares = self.rows.iter().map(|rows| *rows as f64 / all as f64);
        shares.collect()
    }

    /// The place of the class that is predicted.
    fn most_frequent(&self) -> usize {
        let most = self.rows.iter().max();
        let at = self.rows.iter().position(|rows| Some(rows) == most);
        at.unwrap_or_default()
    }

    /// The class that is predicted, as a value of the target's dtype.
    fn prediction(&self) -> Result<Expr> {
        let code = u32::try_from(self.most_frequent()).ok();
        let class = self.classes.column(PREDICTION.into(), &[code])?;
        let value = class.get(0)?.into_static();
        Ok(lit(Scalar::new(class.dtype().clone(), value)))
    }
}

impl Artifact for MostFrequentModel {
    const KIND: &'static str = "most_frequent_model";
}

impl Predict for MostFrequentModel {
    fn predict(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let mut columns = vec![self.prediction()?.alias(PREDICTION)];
        let names = self.classes.probability_names();
        let probabilities = names.into_iter().zip(self.shares());
        columns.extend(probabilities.map(|(name, share)| lit(share).alias(name)));
        Ok(frame.with_columns(columns))
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn report(&self) -> Value {
        let shares = self.classes.labels().iter().zip(self.shares());
        let shares: Map<_, _> = shares
            .map(|(label, share)| (label.to_string(), json!(share)))
            .collect();
        json!({ "shares": shares })
    }
}
