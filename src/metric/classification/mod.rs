//! Metrics of predicted classes.

mod confusion;
mod curve;
mod scorer;
#[cfg(test)]
mod scorer_tests;
mod scores;

use std::fmt;

pub use confusion::Confusion;
pub(crate) use scorer::{ClassScorer, Has};

/// Which classification metrics a run computes. All of them come from one scan of the test rows,
/// with the same bits every time, however the rows come in batches.
///
/// | metric | what it is |
/// |---|---|
/// | `accuracy` | the share of rows whose class was predicted |
/// | `balanced_accuracy` | the mean recall of the classes that occur among the truths |
/// | `precision`, `recall`, `f1` | of the positive class; with more than two classes only if one is named |
/// | `precision_macro`, `recall_macro`, `f1_macro` | the mean over the classes that occur among the truths or the predictions |
/// | `precision_weighted`, `recall_weighted`, `f1_weighted` | the same mean, each class weighing as its truths |
/// | `matthews_corrcoef` | the correlation of truth and prediction, −1 to 1 |
/// | `log_loss` | the mean of −ln p of the true class, in nats; p is clipped to ε..1 − ε of a 64-bit float |
/// | `brier_score` | two classes: the mean of (p − y)² of the positive class, 0 to 1; more: summed over the classes, 0 to 2 |
/// | `roc_auc` | the area under the ROC curve, ties half; more than two classes: the mean of each class against the rest |
/// | `average_precision` | Σ (Rₙ − Rₙ₋₁) Pₙ over falling probabilities; more than two classes: the mean as above |
///
/// The definitions are those of `sklearn.metrics` of scikit-learn 1.9, by the names of its
/// functions. Where it warns and answers 0 or NaN, the value is absent and the reason says why: a
/// class that was never predicted has no precision.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | [`positive`](Self::positive) | the last of two classes; none of more | the class that `precision`, `recall`, `f1` and the curves of two classes are of |
/// | [`without_ranking`](Self::without_ranking) | off | leaves `roc_auc` and `average_precision` out, which hold every scored row in memory: 12 bytes of two classes; 4, and 8 a class, of more; 8 more with weights, and 12 while one class is sorted |
///
/// Rows count by the column of [`Role::Weight`](crate::Role::Weight) where there is one. A weight
/// that is null, NaN, negative or infinite is an error of kind
/// [`Score`](crate::ErrorKind::Score).
///
/// A truth that is none of the model's classes is an error of the model: it counts against
/// accuracy and stands in a row of its own in the [`Confusion`]. It leaves undefined what asks for a
/// probability of the true class or for the number of classes: the losses, the curves, the macro
/// means, `precision_weighted`, `balanced_accuracy` and `matthews_corrcoef`.
///
/// # Examples
///
/// ```
/// use floe::metric::ClassificationMetrics;
///
/// let metrics = ClassificationMetrics::new().positive("yes").without_ranking();
/// assert_eq!(format!("{metrics:?}"), "ClassificationMetrics(positive: \"yes\", without ranking)");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClassificationMetrics {
    positive: Option<String>,
    unranked: bool,
}

impl ClassificationMetrics {
    /// All metrics.
    pub fn new() -> Self {
        Self::default()
    }

    /// The class that counts as positive: a text, a number or a Boolean, compared by its text.
    pub fn positive(mut self, class: impl ToString) -> Self {
        self.positive = Some(class.to_string());
        self
    }

    /// Leaves out what holds the rows in memory: `roc_auc` and `average_precision`.
    pub fn without_ranking(mut self) -> Self {
        self.unranked = true;
        self
    }

    /// What is held in memory, in words.
    pub(crate) fn held(&self, weighted: bool) -> Option<String> {
        let bytes = if weighted { 12 } else { 4 };
        let two = bytes + 8;
        let held = format!(
            "{two} bytes a row of two classes, or {bytes} and 8 a class of more, for the curves"
        );
        (!self.unranked).then_some(held)
    }
}

impl fmt::Debug for ClassificationMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let positive = self.positive.as_ref();
        let positive = positive.map(|class| format!("positive: {class:?}"));
        let unranked = self.unranked.then(|| "without ranking".to_owned());
        let told: Vec<_> = positive.into_iter().chain(unranked).collect();
        f.write_str("ClassificationMetrics")?;
        if !told.is_empty() {
            write!(f, "({})", told.join(", "))?;
        }
        Ok(())
    }
}
