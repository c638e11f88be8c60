#![expect(
    clippy::unreadable_literal,
    reason = "the numbers stand as scikit-learn prints them"
)]

use polars::prelude::{Column, DataFrame, PolarsResult};
use proptest::prelude::*;

use super::{ClassScorer, ClassificationMetrics, Has};
use crate::error::{ErrorKind, Result};
use crate::metric::Metrics;

/// Rows to score: the truth, the prediction, a probability a class, and a weight.
#[derive(Clone, Debug, Default)]
struct Rows {
    truths: Vec<Option<u32>>,
    predictions: Vec<Option<u32>>,
    probabilities: Vec<Vec<Option<f64>>>,
    weights: Option<Vec<Option<f64>>>,
}

impl Rows {
    /// The prediction is the first class of the largest probability.
    fn new(truths: &[u32], probabilities: &[Vec<f64>], weights: Option<&[f64]>) -> Self {
        let best = |row: &Vec<f64>| {
            let mut best = 0;
            for (at, found) in row.iter().enumerate() {
                best = if *found > row[best] { at } else { best };
            }
            u32::try_from(best).ok()
        };
        let classes = probabilities.first().map_or(0, Vec::len);
        let of = |class: usize| probabilities.iter().map(move |row| Some(row[class]));
        Self {
            truths: truths.iter().copied().map(Some).collect(),
            predictions: probabilities.iter().map(best).collect(),
            probabilities: (0..classes).map(|class| of(class).collect()).collect(),
            weights: weights.map(|weights| weights.iter().copied().map(Some).collect()),
        }
    }

    fn columns(&self) -> PolarsResult<DataFrame> {
        let mut columns = vec![
            Column::new("t".into(), &self.truths),
            Column::new("p".into(), &self.predictions),
        ];
        for (at, values) in self.probabilities.iter().enumerate() {
            columns.push(Column::new(format!("{at}").into(), values));
        }
        if let Some(weights) = &self.weights {
            columns.push(Column::new("w".into(), weights));
        }
        DataFrame::new_infer_height(columns)
    }

    /// In batches of these heights, and one of what is left.
    fn score(&self, metrics: &ClassificationMetrics, heights: &[usize]) -> Result<Metrics> {
        let labels = (0..self.probabilities.len()).map(|at| at.to_string());
        let has = Has {
            probabilities: true,
            weights: self.weights.is_some(),
        };
        let mut scorer = ClassScorer::new(metrics, labels.collect(), has)?;
        let all = self.columns()?;
        let mut from = 0;
        for height in heights.iter().chain([&self.truths.len()]) {
            let batch = all.slice(i64::try_from(from).unwrap_or(i64::MAX), *height);
            scorer.update(batch.columns())?;
            from = (from + height).min(self.truths.len());
        }
        scorer.finish()
    }
}

fn pair(positive: f64) -> Vec<f64> {
    vec![1.0 - positive, positive]
}

/// Ties, a certain hit and a certain miss.
fn two() -> (Vec<u32>, Vec<Vec<f64>>) {
    let positive = [0.1, 0.9, 0.4, 0.6, 0.8, 0.3, 0.6, 0.6, 1.0, 0.0];
    (
        vec![0, 1, 1, 0, 1, 0, 0, 1, 1, 0],
        positive.map(pair).to_vec(),
    )
}

fn three() -> (Vec<u32>, Vec<Vec<f64>>) {
    let rows = [
        [0.7, 0.2, 0.1],
        [0.1, 0.6, 0.3],
        [0.2, 0.2, 0.6],
        [0.5, 0.25, 0.25],
        [0.3, 0.4, 0.3],
        [0.25, 0.5, 0.25],
        [0.0, 0.0, 1.0],
        [0.2, 0.1, 0.7],
        [0.6, 0.3, 0.1],
        [0.1, 0.45, 0.45],
    ];
    (
        vec![0, 1, 2, 2, 1, 0, 2, 1, 0, 2],
        rows.map(|row| row.to_vec()).to_vec(),
    )
}

const WEIGHTS: [f64; 10] = [1.0, 2.0, 0.5, 1.0, 0.25, 3.0, 1.0, 1.5, 0.0, 2.0];

/// What scikit-learn 1.9.1 says of the same rows.
fn agrees(found: &Metrics, expected: &[(&str, f64)]) {
    let names: Vec<_> = found.iter().map(|metric| metric.name.as_str()).collect();
    let wanted: Vec<_> = expected.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, wanted);
    for (name, expected) in expected {
        let found = found.get(name).expect(name);
        assert!(
            (found - expected).abs() < 1e-12,
            "{name} {found} {expected}"
        );
    }
}

#[test]
fn two_classes_score_as_in_scikit_learn() {
    let (truths, probabilities) = two();
    let rows = Rows::new(&truths, &probabilities, None);
    let found = rows
        .score(&ClassificationMetrics::new(), &[])
        .expect("metrics");
    agrees(
        &found,
        &[
            ("accuracy", 0.7),
            ("balanced_accuracy", 0.7),
            ("precision", 0.6666666666666666),
            ("precision_macro", 0.7083333333333333),
            ("precision_weighted", 0.7083333333333333),
            ("recall", 0.8),
            ("recall_macro", 0.7),
            ("recall_weighted", 0.7),
            ("f1", 0.7272727272727273),
            ("f1_macro", 0.696969696969697),
            ("f1_weighted", 0.696969696969697),
            ("matthews_corrcoef", 0.408248290463863),
            ("log_loss", 0.40502373459570506),
            ("brier_score", 0.139),
            ("roc_auc", 0.8799999999999999),
            ("average_precision", 0.8761904761904762),
        ],
    );
    let confusion = found.confusion().expect("classes");
    assert_eq!(
        confusion.to_string(),
        "truth  0  1\n0      3  2\n1      1  4"
    );
    assert_eq!(confusion.precision("1"), found.get("precision"));
    assert_eq!(confusion.rows("2", "1"), None);
}

#[test]
fn weighted_rows_score_as_in_scikit_learn() {
    let (truths, probabilities) = two();
    let rows = Rows::new(&truths, &probabilities, Some(&WEIGHTS));
    let found = rows
        .score(&ClassificationMetrics::new(), &[])
        .expect("metrics");
    agrees(
        &found,
        &[
            ("accuracy", 0.7959183673469388),
            ("balanced_accuracy", 0.8161764705882353),
            ("precision", 0.6521739130434783),
            ("precision_macro", 0.7876254180602007),
            ("precision_weighted", 0.8290901644938913),
            ("recall", 0.8823529411764706),
            ("recall_macro", 0.8161764705882353),
            ("recall_weighted", 0.7959183673469388),
            ("f1", 0.75),
            ("f1_macro", 0.7887931034482758),
            ("f1_weighted", 0.8006685432793806),
            ("matthews_corrcoef", 0.6031264860167888),
            ("log_loss", 0.36725367607776344),
            ("brier_score", 0.11836734693877553),
            ("roc_auc", 0.9264705882352942),
            ("average_precision", 0.8395907928388747),
        ],
    );
    let confusion = found.confusion().expect("classes");
    assert_eq!(confusion.rows("1", "1"), Some(4));
    assert_eq!(confusion.weight("1", "1"), Some(3.75));
    let frame = confusion.to_frame().expect("a frame");
    assert_eq!(frame.shape(), (4, 4));
}

#[test]
fn three_classes_score_as_in_scikit_learn() {
    let (truths, probabilities) = three();
    let rows = Rows::new(&truths, &probabilities, None);
    let found = rows
        .score(&ClassificationMetrics::new(), &[])
        .expect("metrics");
    agrees(
        &found,
        &[
            ("accuracy", 0.6),
            ("balanced_accuracy", 0.611111111111111),
            ("precision_macro", 0.611111111111111),
            ("precision_weighted", 0.6166666666666666),
            ("recall_macro", 0.611111111111111),
            ("recall_weighted", 0.6),
            ("f1_macro", 0.6031746031746031),
            ("f1_weighted", 0.6),
            ("matthews_corrcoef", 0.4090909090909091),
            ("log_loss", 0.8679124058562457),
            ("brier_score", 0.5045),
            ("roc_auc", 0.7648809523809524),
            ("average_precision", 0.7356481481481482),
        ],
    );
    let rows = Rows::new(&truths, &probabilities, Some(&WEIGHTS));
    let found = rows
        .score(&ClassificationMetrics::new(), &[])
        .expect("metrics");
    agrees(
        &found,
        &[
            ("accuracy", 0.3877551020408163),
            ("balanced_accuracy", 0.39444444444444443),
            ("precision_macro", 0.43678160919540227),
            ("precision_weighted", 0.4419422941590429),
            ("recall_macro", 0.39444444444444443),
            ("recall_weighted", 0.3877551020408163),
            ("f1_macro", 0.3808080808080809),
            ("f1_weighted", 0.3810142238713667),
            ("matthews_corrcoef", 0.10347580140531527),
            ("log_loss", 1.0170516051206875),
            ("brier_score", 0.6085714285714285),
            ("roc_auc", 0.745380752496502),
            ("average_precision", 0.7288542236818097),
        ],
    );
}

#[test]
fn a_named_class_is_the_positive_one() {
    let (truths, probabilities) = two();
    let rows = Rows::new(&truths, &probabilities, None);
    let zero = ClassificationMetrics::new().positive(0);
    let found = rows.score(&zero, &[]).expect("metrics");
    assert_eq!(found.get("precision"), Some(0.75));
    assert_eq!(found.get("roc_auc"), Some(0.88));
    let (truths, probabilities) = three();
    let rows = Rows::new(&truths, &probabilities, None);
    let two = ClassificationMetrics::new().positive("2").without_ranking();
    let found = rows.score(&two, &[]).expect("metrics");
    assert_eq!((found.get("recall"), found.roc_auc()), (Some(0.5), None));
    let error = rows.score(&ClassificationMetrics::new().positive("no"), &[]);
    let error = error.expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("`0`, `1`, `2`"), "{error}");
}

fn reason<'a>(metrics: &'a Metrics, name: &str) -> &'a str {
    let metric = metrics.iter().find(|metric| metric.name == name);
    let metric = metric.expect(name);
    assert_eq!(metric.value, None, "{name}");
    metric.reason.as_deref().expect(name)
}

#[test]
fn what_has_no_answer_has_a_reason() {
    let one = Rows::new(&[0, 0], &[pair(0.1), pair(0.2)], None);
    let found = one
        .score(&ClassificationMetrics::new(), &[])
        .expect("metrics");
    assert_eq!(found.accuracy(), Some(1.0));
    assert_eq!(found.get("f1_macro"), Some(1.0));
    let never = "the class `1` was never predicted";
    assert_eq!(reason(&found, "precision"), never);
    assert_eq!(
        reason(&found, "recall"),
        "the class `1` is not among the truths"
    );
    assert_eq!(
        reason(&found, "roc_auc"),
        "the class `1` is not among the truths"
    );
    let truths = "the truths are all of one class";
    assert_eq!(reason(&found, "matthews_corrcoef"), truths);
    let constant = Rows::new(&[0, 1], &[pair(0.1), pair(0.1)], None);
    let found = constant.score(&ClassificationMetrics::new(), &[]);
    let found = found.expect("metrics");
    assert_eq!(reason(&found, "precision_macro"), never);
    assert_eq!(found.get("f1_macro"), Some(1.0 / 3.0));
    assert_eq!((found.f1(), found.roc_auc()), (Some(0.0), Some(0.5)));
    let only = Rows::new(&[1], &[pair(0.9)], None);
    let found = only
        .score(&ClassificationMetrics::new(), &[])
        .expect("metrics");
    let the_only = "the class `1` is the only one among the truths";
    assert_eq!(reason(&found, "roc_auc"), the_only);
    assert_eq!(found.get("average_precision"), Some(1.0));
    let none = Rows {
        probabilities: vec![Vec::new(), Vec::new()],
        ..Rows::default()
    };
    let found = none
        .score(&ClassificationMetrics::new(), &[])
        .expect("metrics");
    for metric in found.iter() {
        let why = "no row has both a truth and a prediction";
        assert_eq!(metric.reason.as_deref(), Some(why), "{}", metric.name);
    }
    let light = Rows::new(&[1], &[pair(0.9)], Some(&[0.0]));
    let found = light
        .score(&ClassificationMetrics::new(), &[])
        .expect("metrics");
    let weightless = "no scored row has a weight above 0";
    assert_eq!(reason(&found, "accuracy"), weightless);
}

#[test]
fn a_truth_that_is_no_class_counts_as_an_error() {
    let rows = Rows::new(&[0, 1, 7], &[pair(0.1), pair(0.9), pair(0.9)], None);
    let found = rows
        .score(&ClassificationMetrics::new(), &[])
        .expect("metrics");
    assert_eq!(found.rows(), 3);
    assert_eq!(found.accuracy(), Some(2.0 / 3.0));
    assert_eq!(
        (found.get("precision"), found.get("recall")),
        (Some(0.5), Some(1.0))
    );
    // 1 of the class 0, 2/3 of the class 1, and 0 of what is no class.
    let weighted = found.get("f1_weighted").expect("a value");
    assert!((weighted - (1.0 + 2.0 / 3.0) / 3.0).abs() < 1e-15);
    let undefined = [
        "balanced_accuracy",
        "precision_macro",
        "recall_macro",
        "f1_macro",
        "precision_weighted",
        "matthews_corrcoef",
        "log_loss",
        "brier_score",
        "roc_auc",
        "average_precision",
    ];
    for name in undefined {
        assert_eq!(
            reason(&found, name),
            "1 of the truths are no class of the model"
        );
    }
    let confusion = found.confusion().expect("classes");
    assert_eq!(confusion.unseen(), 1);
    let table = "truth       0  1\n0           1  0\n1           0  1\n(no class)  0  1";
    assert_eq!(confusion.to_string(), table);
    assert_eq!(confusion.to_frame().expect("a frame").height(), 6);
}

#[test]
fn rows_with_gaps_are_skipped_and_bad_numbers_are_errors() {
    let (truths, probabilities) = two();
    let whole = Rows::new(&truths, &probabilities, Some(&WEIGHTS));
    let metrics = ClassificationMetrics::new();
    let mut gaps = whole.clone();
    // Added rows that lack something; nothing is asked of their weights.
    for (truth, prediction, probability) in [
        (None, Some(1), Some(0.5)),
        (Some(1), None, Some(0.5)),
        (Some(1), Some(1), None),
        (Some(1), Some(1), Some(f64::NAN)),
    ] {
        gaps.truths.push(truth);
        gaps.predictions.push(prediction);
        gaps.probabilities[0].push(Some(0.5));
        gaps.probabilities[1].push(probability);
        gaps.weights.as_mut().expect("weights").push(None);
    }
    let (found, expected) = (gaps.score(&metrics, &[]), whole.score(&metrics, &[]));
    let (found, expected) = (found.expect("metrics"), expected.expect("metrics"));
    assert_eq!((found.rows(), found.skipped()), (10, 4));
    assert!(found.iter().eq(expected.iter()));
    for weight in [None, Some(f64::NAN), Some(-1.0), Some(f64::INFINITY)] {
        let mut wrong = whole.clone();
        wrong.weights.as_mut().expect("weights")[3] = weight;
        let error = wrong.score(&metrics, &[]).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Score);
        assert!(error.to_string().contains("weight"), "{error}");
    }
    let mut large = whole.clone();
    large.weights = Some(vec![Some(f64::MAX); 10]);
    assert!(large.score(&metrics, &[]).is_err());
    let mut wrong = whole;
    wrong.probabilities[1][0] = Some(1.5);
    let error = wrong.score(&metrics, &[]).expect_err("an error");
    assert!(
        error.to_string().contains("1.5 is no probability"),
        "{error}"
    );
    wrong.probabilities[1][0] = Some(0.5);
    wrong.predictions[0] = Some(2);
    assert!(wrong.score(&metrics, &[]).is_err());
}

#[test]
fn metrics_are_read_from_files_with_and_without_classes() {
    let (truths, probabilities) = three();
    let rows = Rows::new(&truths, &probabilities, Some(&WEIGHTS));
    let found = rows
        .score(&ClassificationMetrics::new(), &[])
        .expect("metrics");
    let text = serde_json::to_string(&found).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Metrics>(&text).expect("metrics"),
        found
    );
    let old = r#"{"rows":1,"skipped":0,"metrics":[{"name":"mae","value":2.0}]}"#;
    let old: Metrics = serde_json::from_str(old).expect("metrics");
    assert_eq!((old.mae(), old.confusion()), (Some(2.0), None));
    assert!(
        !serde_json::to_string(&old)
            .expect("JSON")
            .contains("confusion")
    );
}

/// The bits of every metric; absent ones stay so.
fn bits(metrics: &Metrics) -> Vec<(String, Option<u64>)> {
    let bits = metrics.iter().map(|metric| {
        let value = metric.value.map(f64::to_bits);
        (metric.name.clone(), value)
    });
    bits.collect()
}

proptest! {
    #[test]
    fn batches_do_not_show(
        rows in proptest::collection::vec((0_u32..4, 0_u32..9, 0_u32..9, 0.0_f64..3.0), 1..80),
        heights in proptest::collection::vec(0_usize..20, 0..8),
        weighted in any::<bool>(),
    ) {
        let truths: Vec<_> = rows.iter().map(|row| row.0.min(2)).collect();
        let probabilities: Vec<_> = rows.iter().map(|row| {
            let (a, b) = (f64::from(row.1) / 17.0, f64::from(row.2) / 17.0);
            vec![a, b, 1.0 - a - b]
        }).collect();
        let weights: Vec<_> = rows.iter().map(|row| row.3).collect();
        let rows = Rows::new(&truths, &probabilities, weighted.then_some(&weights));
        let metrics = ClassificationMetrics::new();
        let whole = rows.score(&metrics, &[]).expect("metrics");
        let cut = rows.score(&metrics, &heights).expect("metrics");
        prop_assert_eq!(bits(&whole), bits(&cut));
        let confusion = whole.confusion().expect("classes");
        let counted: u64 = ["0", "1", "2"]
            .iter()
            .flat_map(|truth| ["0", "1", "2"].map(|at| confusion.rows(truth, at)))
            .flatten()
            .sum();
        prop_assert_eq!(counted, whole.rows());
    }
}
