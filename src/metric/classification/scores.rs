//! The metrics of counted and ranked rows.

use super::Confusion;
use super::confusion::Margins;
use super::curve::Areas;
use crate::learn::Double;
use crate::metric::Metric;

type Score = Result<f64, String>;

/// Summed over the scored rows.
#[derive(Clone, Copy)]
pub(super) struct Losses {
    pub(super) log_loss: Double,
    pub(super) brier: Double,
}

/// What the metrics are computed from.
struct Sheet<'a> {
    confusion: &'a Confusion,
    margins: Vec<Margins>,
    /// All that was scored, by weight.
    total: f64,
    hits: f64,
    /// What leaves everything that needs the true class undefined.
    unseen: Option<String>,
}

/// All metrics in order; without losses or areas those are left out.
pub(super) fn scores(
    confusion: &Confusion,
    positive: Option<usize>,
    losses: Option<Losses>,
    areas: Option<&[(usize, Areas)]>,
) -> Vec<Metric> {
    let sheet = Sheet::new(confusion);
    let mut metrics = vec![
        metric("accuracy", sheet.share(sheet.hits)),
        metric("balanced_accuracy", sheet.balanced_accuracy()),
    ];
    for (name, of) in MEASURES {
        if let Some(positive) = positive {
            metrics.push(metric(name, sheet.one(of, positive)));
        }
        metrics.push(metric(&format!("{name}_macro"), sheet.mean(of)));
        metrics.push(metric(&format!("{name}_weighted"), sheet.weighted(of)));
    }
    metrics.push(metric("matthews_corrcoef", sheet.matthews()));
    if let Some(losses) = losses {
        let mean = |sum: Double| {
            sheet.seen()?;
            sheet.scored()?;
            Ok((sum / sheet.total).value())
        };
        metrics.push(metric("log_loss", mean(losses.log_loss)));
        metrics.push(metric("brier_score", mean(losses.brier)));
    }
    if let Some(areas) = areas {
        metrics.push(metric("roc_auc", sheet.area(areas, |areas| areas.roc)));
        let precision = sheet.area(areas, |areas| areas.average_precision);
        metrics.push(metric("average_precision", precision));
    }
    metrics
}

#[derive(Clone, Copy, PartialEq)]
enum Measure {
    Precision,
    Recall,
    F1,
}

const MEASURES: [(&str, Measure); 3] = [
    ("precision", Measure::Precision),
    ("recall", Measure::Recall),
    ("f1", Measure::F1),
];

impl<'a> Sheet<'a> {
    fn new(confusion: &'a Confusion) -> Self {
        let classes = confusion.labels().len();
        let margins: Vec<_> = (0..classes).map(|class| confusion.of(class)).collect();
        let unseen = confusion.unseen();
        Self {
            confusion,
            total: margins.iter().map(|of| of.predicted).sum(),
            hits: margins.iter().map(|of| of.hit).sum(),
            unseen: (unseen > 0)
                .then(|| format!("{unseen} of the truths are no class of the model")),
            margins,
        }
    }

    fn scored(&self) -> Result<(), String> {
        if self.total > 0.0 {
            return Ok(());
        }
        Err(if self.confusion.is_empty() {
            "no row has both a truth and a prediction".to_owned()
        } else {
            "no scored row has a weight above 0".to_owned()
        })
    }

    fn seen(&self) -> Result<(), String> {
        self.unseen.clone().map_or(Ok(()), Err)
    }

    fn share(&self, of: f64) -> Score {
        self.scored()?;
        Ok(of / self.total)
    }

    fn label(&self, class: usize) -> &str {
        self.confusion
            .labels()
            .get(class)
            .map_or("", String::as_str)
    }

    /// A measure of one class.
    fn one(&self, measure: Measure, class: usize) -> Score {
        self.scored()?;
        let of = self.margins[class];
        let (found, missing) = match measure {
            Measure::Precision => (of.precision(), "was never predicted"),
            Measure::Recall => (of.recall(), "is not among the truths"),
            Measure::F1 => (of.f1(), "is neither among the truths nor predicted"),
        };
        found.ok_or_else(|| format!("the class `{}` {missing}", self.label(class)))
    }

    /// The mean over the classes that occur.
    fn mean(&self, measure: Measure) -> Score {
        self.scored()?;
        self.seen()?;
        let occur = (0..self.margins.len()).filter(|class| self.margins[*class].occurs());
        let found: Vec<f64> = occur
            .map(|at| self.one(measure, at))
            .collect::<Result<_, _>>()?;
        Ok(found.iter().sum::<f64>() / found.len() as f64)
    }

    /// The mean over the classes among the truths, by how much of the rows they are. What is no
    /// class was never predicted: its recall and F1 are 0 whatever it is.
    fn weighted(&self, measure: Measure) -> Score {
        self.scored()?;
        match measure {
            Measure::Recall => return self.share(self.hits),
            Measure::Precision => self.seen()?,
            Measure::F1 => {}
        }
        let mut sum = 0.0;
        for (class, of) in self.margins.iter().enumerate() {
            if of.truth > 0.0 {
                sum += self.one(measure, class)? * of.truth;
            }
        }
        Ok(sum / self.total)
    }

    fn balanced_accuracy(&self) -> Score {
        self.scored()?;
        self.seen()?;
        let recalls: Vec<f64> = self.margins.iter().filter_map(|of| of.recall()).collect();
        Ok(recalls.iter().sum::<f64>() / recalls.len() as f64)
    }

    fn matthews(&self) -> Score {
        self.scored()?;
        self.seen()?;
        // Of shares, so that counts of many rows do not lose digits when they are squared.
        let (mut both, mut truth, mut predicted) = (0.0, 0.0, 0.0);
        for of in &self.margins {
            let [of_truth, of_predicted] = [of.truth / self.total, of.predicted / self.total];
            both += of_truth * of_predicted;
            truth += of_truth * of_truth;
            predicted += of_predicted * of_predicted;
        }
        let one = |of: fn(&Margins) -> f64| self.margins.iter().any(|m| of(m) == self.total);
        if one(|of| of.truth) {
            return Err("the truths are all of one class".to_owned());
        }
        if one(|of| of.predicted) {
            return Err("one class was predicted for every row".to_owned());
        }
        let spread = ((1.0 - truth) * (1.0 - predicted)).sqrt();
        Ok((self.hits / self.total - both) / spread)
    }

    /// The mean of the areas over the classes that curves are of.
    fn area(&self, areas: &[(usize, Areas)], of: impl Fn(&Areas) -> Option<f64>) -> Score {
        self.scored()?;
        self.seen()?;
        let mut sum = 0.0;
        for (class, areas) in areas {
            sum += of(areas).ok_or_else(|| {
                let which = if self.margins[*class].truth > 0.0 {
                    "the only one"
                } else {
                    "not"
                };
                format!(
                    "the class `{}` is {which} among the truths",
                    self.label(*class)
                )
            })?;
        }
        Ok(sum / areas.len() as f64)
    }
}

fn metric(name: &str, score: Score) -> Metric {
    let (value, reason) = match score {
        Ok(value) => (Some(value), None),
        Err(reason) => (None, Some(reason)),
    };
    Metric {
        name: name.to_owned(),
        value,
        reason,
    }
}
