use std::fmt;

use polars::prelude::{Column, DataFrame};
use serde::{Deserialize, Serialize};

use crate::error::Result;

/// How often each class was predicted for each class: truths down, predictions across.
///
/// Classes are named by their texts, in the order of the model's classes. Truths that are none of
/// them stand in a last row, where there are any.
///
/// # Examples
///
/// ```
/// use floe::polars::prelude::*;
/// use floe::prelude::*;
///
/// let train = df!["fed" => ["no", "yes", "yes"]]?;
/// let test = df!["fed" => ["yes", "no", "yes"]]?;
/// let run = floe::from_parts(InMemory::new(train), InMemory::new(test))
///     .learn(MostFrequentClassifier::new("fed"))
///     .run()?;
/// let confusion = run.metrics().confusion().expect("a classifier");
/// assert_eq!(confusion.rows("no", "yes"), Some(1));
/// assert_eq!(confusion.recall("yes"), Some(1.0));
/// assert_eq!(confusion.to_string(), "truth  no  yes\nno      0    1\nyes     0    2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confusion {
    labels: Vec<String>,
    /// One row a truth; one more for truths that are no class.
    counts: Vec<Vec<u64>>,
    /// The same in weights, where the rows have some.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    weights: Option<Vec<Vec<f64>>>,
}

impl Confusion {
    /// Of one row of cells a class, and a last one for truths that are no class.
    pub(super) fn new(
        labels: Vec<String>,
        counts: Vec<Vec<u64>>,
        weights: Option<Vec<Vec<f64>>>,
    ) -> Self {
        Self {
            labels,
            counts,
            weights,
        }
    }

    /// The classes in order, by their texts.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The rows of one class for which a class was predicted; `None` where one is no class.
    pub fn rows(&self, truth: &str, prediction: &str) -> Option<u64> {
        let row = self.counts.get(self.at(truth)?)?;
        row.get(self.at(prediction)?).copied()
    }

    /// The same rows by their weights; without weights a row weighs 1.
    pub fn weight(&self, truth: &str, prediction: &str) -> Option<f64> {
        Some(self.cell(self.at(truth)?, self.at(prediction)?))
    }

    /// Rows whose truth is no class of the model.
    pub fn unseen(&self) -> u64 {
        let last = self.counts.get(self.labels.len());
        last.map_or(0, |row| row.iter().sum())
    }

    /// Whether no row was scored.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.iter().flatten().all(|count| *count == 0)
    }

    /// The share of the rows predicted as this class that are of it; `None` where it was never
    /// predicted.
    pub fn precision(&self, class: &str) -> Option<f64> {
        self.of(self.at(class)?).precision()
    }

    /// The share of the rows of this class that were predicted as it; `None` where there are none.
    pub fn recall(&self, class: &str) -> Option<f64> {
        self.of(self.at(class)?).recall()
    }

    /// The harmonic mean of precision and recall; `None` where the class never occurs.
    pub fn f1(&self, class: &str) -> Option<f64> {
        self.of(self.at(class)?).f1()
    }

    /// One row a pair of classes: `truth` and `prediction` as text, `rows`, and `weight` where the
    /// rows have weights. The truth is null for truths that are no class.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Query`](crate::ErrorKind::Query) when Polars refuses the columns.
    pub fn to_frame(&self) -> Result<DataFrame> {
        let classes = self.labels.len();
        let pairs: Vec<_> = (0..self.shown())
            .flat_map(|truth| (0..classes).map(move |predicted| (truth, predicted)))
            .collect();
        let truths = pairs.iter().map(|(at, _)| self.labels.get(*at).cloned());
        let predictions = pairs.iter().map(|(_, at)| self.labels.get(*at).cloned());
        let rows = pairs.iter().map(|(truth, at)| self.count(*truth, *at));
        let mut columns = vec![
            Column::new("truth".into(), truths.collect::<Vec<_>>()),
            Column::new("prediction".into(), predictions.collect::<Vec<_>>()),
            Column::new("rows".into(), rows.collect::<Vec<_>>()),
        ];
        if self.weights.is_some() {
            let weights = pairs.iter().map(|(truth, at)| self.cell(*truth, *at));
            columns.push(Column::new("weight".into(), weights.collect::<Vec<_>>()));
        }
        Ok(DataFrame::new_infer_height(columns)?)
    }

    fn at(&self, class: &str) -> Option<usize> {
        self.labels.iter().position(|label| label == class)
    }

    /// The rows of the table: the last one only where there is something in it.
    fn shown(&self) -> usize {
        self.labels.len() + usize::from(self.unseen() > 0)
    }

    // A file may hold less than a square; what is not there is nothing.
    fn count(&self, truth: usize, predicted: usize) -> u64 {
        let row = self.counts.get(truth);
        row.and_then(|row| row.get(predicted))
            .copied()
            .unwrap_or_default()
    }

    pub(super) fn cell(&self, truth: usize, predicted: usize) -> f64 {
        match &self.weights {
            None => self.count(truth, predicted) as f64,
            Some(weights) => {
                let row = weights.get(truth);
                let cell = row.and_then(|row| row.get(predicted));
                cell.copied().unwrap_or_default()
            }
        }
    }

    /// The margins of one class.
    pub(super) fn of(&self, class: usize) -> Margins {
        let classes = self.labels.len();
        Margins {
            truth: (0..classes).map(|at| self.cell(class, at)).sum(),
            predicted: (0..=classes).map(|at| self.cell(at, class)).sum(),
            hit: self.cell(class, class),
        }
    }
}

/// One class among the rows: how much of them is of it, was predicted as it, and both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Margins {
    pub(super) truth: f64,
    pub(super) predicted: f64,
    pub(super) hit: f64,
}

impl Margins {
    pub(super) fn occurs(self) -> bool {
        self.truth + self.predicted > 0.0
    }

    pub(super) fn precision(self) -> Option<f64> {
        (self.predicted > 0.0).then(|| self.hit / self.predicted)
    }

    pub(super) fn recall(self) -> Option<f64> {
        (self.truth > 0.0).then(|| self.hit / self.truth)
    }

    pub(super) fn f1(self) -> Option<f64> {
        self.occurs()
            .then(|| 2.0 * self.hit / (self.truth + self.predicted))
    }
}

impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes = self.labels.len();
        let mut table = vec![vec!["truth".to_owned()]];
        table[0].extend(self.labels.iter().cloned());
        for truth in 0..self.shown() {
            let label = self.labels.get(truth);
            let mut row = vec![label.map_or("(no class)".to_owned(), Clone::clone)];
            row.extend((0..classes).map(|at| self.count(truth, at).to_string()));
            table.push(row);
        }
        let width = |at: usize| {
            let cells = table.iter().filter_map(|row| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..=classes).map(width).collect();
        for (line, row) in table.iter().enumerate() {
            if line > 0 {
                writeln!(f)?;
            }
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if at == 0 {
                    write!(f, "{cell:width$}")?;
                } else {
                    write!(f, "  {cell:>width$}")?;
                }
            }
        }
        Ok(())
    }
}
