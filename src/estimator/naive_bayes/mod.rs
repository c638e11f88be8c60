//! Naive Bayes: what the rows of each class look like, one feature at a time.

mod model;
mod weighed;

use std::fmt;

use polars::prelude::PlSmallStr;

pub use model::GaussianNBModel;

use self::weighed::weighed;
use super::feature::{Spread, is_wide, numeric, refuse_gaps};
use super::{Classes, Estimator, Training, row_weights};
use crate::error::{Error, ErrorKind, Result, listed};
use crate::learn::{Category, GroupStatistic, Learned, Need, Statistic};
use crate::schema::{Columns, Schema, physical_unit};
use crate::transform::Saved;

/// Predicts classes as if each feature were drawn from a normal distribution of its own in each
/// class, and the features knew nothing of each other; the probabilities follow by Bayes' theorem.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `features` | – | names or a selector; numeric, without nulls, NaN or infinities |
/// | `target` | – | the classes: texts, Booleans, integers, dates, times or decimals; at most [`Classes::MOST`] |
/// | `priors` | the shares of the train rows | how likely each class is before a feature is looked at |
/// | `var_smoothing` | `1e-9` | this share of the largest variance of a feature is added to all variances |
/// | `weights` | the column with the role [`Weight`](crate::Role::Weight), if there is one | a column of weights, 0 or more; a row of weight 2 counts as two rows |
///
/// It is scikit-learn's `GaussianNB` (Chan, Golub and LeVeque, Updating formulae and a pairwise
/// algorithm for computing sample variances, 1979, for its moments). The largest variance is in
/// squared units of its feature: scale features of unlike units first.
///
/// The moments of the classes are learned in the scan of the last level, from blocks of the rows of
/// each class; with weights there is one scan more. Neither threads nor batches show in a bit.
///
/// # Errors
///
/// | error | when |
/// |---|---|
/// | [`Config`](ErrorKind::Config) | `var_smoothing` is below 0; priors are not above 0, or do not sum to 1; several columns are weights, or the weights are a feature |
/// | [`Schema`](ErrorKind::Schema) | a column is absent, a feature is not numeric, or the target is of floats |
/// | [`Fit`](ErrorKind::Fit) | gaps in a feature, in the target or in the weights; fewer than two classes; a class that weighs nothing; priors of other classes; a variance of 0 |
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let rows = df![
///     "length" => [1.4, 1.5, 1.3, 4.7, 4.5, 4.9],
///     "kind" => ["setosa", "setosa", "setosa", "versicolor", "versicolor", "versicolor"],
/// ]?;
/// let model = floe::from_train(InMemory::new(rows))
///     .learn(GaussianNB::new(["length"], "kind"))
///     .fit()?;
/// let new = model.predict(df!["length" => [1.6]]?.lazy())?.collect()?;
/// assert_eq!(new.column("prediction")?.str()?.get(0), Some("setosa"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "an estimator does nothing until `.learn(..)` ends a flow with it"]
pub struct GaussianNB {
    features: Columns,
    target: PlSmallStr,
    priors: Option<Vec<(Category, f64)>>,
    var_smoothing: f64,
    weights: Option<PlSmallStr>,
}

impl GaussianNB {
    /// Learns to tell the classes of `target` apart by `features`.
    pub fn new(features: impl Into<Columns>, target: impl Into<PlSmallStr>) -> Self {
        Self {
            features: features.into(),
            target: target.into(),
            priors: None,
            var_smoothing: 1e-9,
            weights: None,
        }
    }

    /// How likely each class is before a feature is looked at: one above 0 for every class, 1 in all.
    pub fn priors<C: Into<Category>>(mut self, priors: impl IntoIterator<Item = (C, f64)>) -> Self {
        let priors = priors.into_iter();
        self.priors = Some(priors.map(|(class, prior)| (class.into(), prior)).collect());
        self
    }

    /// Which share of the largest variance of a feature is added to all variances.
    pub fn var_smoothing(mut self, var_smoothing: f64) -> Self {
        self.var_smoothing = var_smoothing;
        self
    }

    /// The column of the weights of the rows.
    pub fn weights(mut self, column: impl Into<PlSmallStr>) -> Self {
        self.weights = Some(column.into());
        self
    }

    /// Refuses settings that cannot work.
    fn check(&self) -> Result<()> {
        if !self.var_smoothing.is_finite() || self.var_smoothing < 0.0 {
            let message = format!("var_smoothing is {}", self.var_smoothing);
            return Err(Error::new(ErrorKind::Config, message)
                .with_help("give a finite number that is at least 0, such as 1e-9"));
        }
        let Some(priors) = &self.priors else {
            return Ok(());
        };
        let sum: f64 = priors.iter().map(|(_, prior)| prior).sum();
        let likely = priors.iter().all(|(_, prior)| *prior > 0.0);
        if !likely || (sum - 1.0).abs() > 1e-8 {
            let message = format!("the priors are not numbers above 0 that sum to 1, but to {sum}");
            return Err(
                Error::new(ErrorKind::Config, message).with_help("divide them by their sum")
            );
        }
        Ok(())
    }

    fn weights_column(&self, input: &Schema) -> Result<Option<PlSmallStr>> {
        let features = self.features(input)?;
        row_weights::column_of(self.weights.as_ref(), &features, &self.target, input)
    }

    /// The priors in the order of the classes.
    fn priors_of(&self, classes: &Classes, rows: &[f64]) -> Result<Vec<f64>> {
        let Some(priors) = &self.priors else {
            let all: f64 = rows.iter().sum();
            return Ok(rows.iter().map(|rows| rows / all).collect());
        };
        let mut sorted = priors.clone();
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        if !sorted.iter().map(|(class, _)| class).eq(classes.labels()) {
            let given = listed(sorted.iter().map(|(class, _)| class));
            let message = format!("there are priors of the classes {given}");
            let found = listed(classes.labels());
            return Err(Error::new(ErrorKind::Fit, message)
                .on_column(self.target.as_str())
                .with_help(format!("the train rows hold the classes {found}")));
        }
        Ok(sorted.into_iter().map(|(_, prior)| prior).collect())
    }
}

impl fmt::Debug for GaussianNB {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (features, target) = (&self.features, self.target.as_str());
        write!(f, "GaussianNB({features:?} -> {target:?}")?;
        if let Some(priors) = &self.priors {
            let of = priors
                .iter()
                .map(|(class, prior)| format!("{class}: {prior}"));
            write!(f, ", priors: {{{}}}", of.collect::<Vec<_>>().join(", "))?;
        }
        if self.var_smoothing != 1e-9 {
            write!(f, ", var_smoothing: {:e}", self.var_smoothing)?;
        }
        if let Some(weights) = &self.weights {
            write!(f, ", weights: {:?}", weights.as_str())?;
        }
        f.write_str(")")
    }
}

/// The mean, counted from the origin of its feature, and the variance of a feature in one class.
#[derive(Clone, Copy, Debug)]
struct Moments {
    mean: f64,
    variance: f64,
}

/// The moments of a feature in each class, every row weighing one.
fn moments(
    (name, spread): (&PlSmallStr, &Spread),
    target: &str,
    classes: &Classes,
    learned: &Learned,
    schema: &Schema,
) -> Result<Vec<Moments>> {
    let dtype = schema.field(name)?.dtype();
    let (wide, unit) = (is_wide(name, dtype)?, physical_unit(dtype));
    let groups = learned.grouped(name, target, GroupStatistic::Spread)?;
    let each = classes.labels().iter().map(|class| {
        let group = groups.get(Some(class));
        let found = group.and_then(|group| Some((group.mean?, group.std?)));
        let (mean, std) = found.ok_or_else(|| {
            let message = format!("the class `{class}` has no train row (a bug in floe)");
            Error::new(ErrorKind::Fit, message).on_column(name.as_str())
        })?;
        let mean = if wide {
            (mean.origin - spread.origin) as f64 + mean.offset
        } else {
            mean.to_f64() / unit
        };
        let std = std / unit;
        let variance = std * std;
        Ok(Moments { mean, variance })
    });
    each.collect()
}

impl Estimator for GaussianNB {
    type Model = GaussianNBModel;

    fn target(&self) -> &str {
        &self.target
    }

    fn features(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        self.check()?;
        numeric(&self.features, input)
    }

    fn learns_from(&self, input: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(self.weights_column(input)?.into_iter().collect())
    }

    fn needs(&self, input: &Schema) -> Result<Vec<Need>> {
        let mut needs = vec![Classes::need(&self.target)];
        for name in self.features(input)? {
            let of_classes = GroupStatistic::Spread;
            needs.push(Need::grouped(
                name.clone(),
                self.target.clone(),
                of_classes,
                Classes::MOST,
            ));
            needs.push(Need::column(name.clone(), Statistic::Mean));
            needs.push(Need::column(name, Statistic::Std));
        }
        if let Some(weights) = self.weights_column(input)? {
            needs.extend(row_weights::needs(&weights, &self.target));
        }
        Ok(needs)
    }

    fn is_classifier(&self) -> bool {
        true
    }

    // A column with the role of a weight takes the scan too, which is not known here.
    fn scans(&self) -> usize {
        1
    }

    fn restore(&self, saved: &Saved) -> Result<GaussianNBModel> {
        GaussianNBModel::restore(saved, &self.features, self)
    }

    fn fit(&self, training: &Training<'_>) -> Result<GaussianNBModel> {
        let (schema, learned) = (training.schema(), training.learned);
        let names = self.features(schema)?;
        refuse_gaps(&names, learned)?;
        let found = learned.categories(&self.target, Classes::MOST)?;
        let dtype = schema.field(&self.target)?.dtype();
        let classes = Classes::learned(&self.target, dtype, &found)?;
        let spreads = names.iter().map(|name| Spread::of(name, learned, schema));
        let spreads: Vec<Spread> = spreads.collect::<Result<_>>()?;
        let features = names.iter().zip(&spreads);
        let found_of = features.map(|of| moments(of, &self.target, &classes, learned, schema));
        let mut features: Vec<Vec<Moments>> = found_of.collect::<Result<_>>()?;
        let rows: Vec<f64> = match self.weights_column(schema)? {
            None => found.counts.iter().map(|(_, rows)| *rows as f64).collect(),
            Some(weights) => {
                let of = (names.as_slice(), spreads.as_slice());
                weighed(
                    training,
                    of,
                    (&self.target, &classes),
                    &weights,
                    &mut features,
                )?;
                let labels = classes.labels();
                row_weights::of_classes(&weights, &self.target, labels, learned, schema)?
            }
        };
        let largest = spreads.iter().map(|spread| spread.std * spread.std);
        let epsilon = self.var_smoothing * largest.fold(0.0, f64::max);
        for (name, moments) in names.iter().zip(&mut features) {
            for (class, moments) in classes.labels().iter().zip(moments) {
                moments.variance += epsilon;
                if !moments.variance.is_finite() || moments.variance <= 0.0 {
                    let message = format!(
                        "the variance in the class `{class}` is {}",
                        moments.variance
                    );
                    return Err(Error::new(ErrorKind::Fit, message)
                        .on_column(name.as_str())
                        .with_help("leave the feature out, scale it, or choose a larger `.var_smoothing(..)`"));
                }
            }
        }
        let priors = self.priors_of(&classes, &rows)?;
        let origins = spreads.iter().map(|spread| spread.origin).collect();
        Ok(GaussianNBModel::new(
            names, classes, priors, origins, &features,
        ))
    }
}
