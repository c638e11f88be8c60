//! The models of folds and of candidates share one reading of the rows, where these may be held.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use floe::estimator::LogisticModel;
use floe::flow::Candidates;
use floe::learn::Scan;
use floe::polars::prelude::*;
use floe::prelude::*;

const ROWS: usize = 9_000;

fn rows() -> DataFrame {
    let scattered = |at: usize, by: usize| ((at * by + at * at % 1_013) % 997) as f64;
    let a: Vec<f64> = (0..ROWS).map(|at| scattered(at, 7_919)).collect();
    let b: Vec<Option<f64>> = (0..ROWS)
        .map(|at| (at % 7 != 3).then(|| scattered(at, 104_729) * 0.01))
        .collect();
    let class: Vec<&str> = (0..ROWS)
        .map(|at| {
            if a[at] + scattered(at, 31) > 900.0 {
                "high"
            } else {
                "low"
            }
        })
        .collect();
    df!["a" => a, "b" => b, "class" => class].expect("columns")
}

/// The rows, and how many of them were read.
fn counted() -> (impl Source + Clone, Arc<AtomicU64>) {
    let read = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&read);
    let counting = col("a").map(
        move |column| {
            counter.fetch_add(column.len() as u64, Ordering::Relaxed);
            Ok(column)
        },
        |_, field| Ok(field.clone()),
    );
    let rows = rows().lazy().with_column(counting.alias("a"));
    (Lazy(rows), read)
}

#[derive(Clone)]
struct Lazy(LazyFrame);

impl std::fmt::Debug for Lazy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lazy")
    }
}

impl Source for Lazy {
    fn schema(&self) -> floe::Result<floe::Schema> {
        InMemory::new(rows().head(Some(1))).schema()
    }

    fn scan(&self) -> floe::Result<LazyFrame> {
        Ok(self.0.clone())
    }
}

fn learner(bytes: usize) -> LogisticRegression {
    LogisticRegression::new(["a", "b"], "class").memory_limit(bytes)
}

macro_rules! flow {
    ($source:expr, $split:expr, $bytes:expr) => {
        floe::from($source)
            .split($split)
            .then(Imputer::mean(["b"]))
            .then(StandardScaler::new(["a", "b"]))
            .learn(learner($bytes))
    };
}

fn bits(model: &LogisticModel) -> Vec<u64> {
    let coefficients = model.coefficients().iter().flatten();
    let all = coefficients.chain(model.intercepts());
    all.map(|value| value.to_bits()).collect()
}

const PLENTY: usize = 1 << 20;

/// The rows of each scan of one purpose.
fn of(purpose: &str, scans: &[Scan]) -> Vec<u64> {
    let scans = scans.iter().filter(|scan| scan.purpose == purpose);
    scans.map(|scan| scan.rows).collect()
}

#[test]
fn the_models_of_folds_read_the_source_once_together() {
    let (source, read) = counted();
    let flow = flow!(source, KFold::new(4).in_order(), PLENTY);
    let explain = flow.explain().unwrap();
    assert_eq!(explain.estimator_held, Some(PLENTY));
    assert_eq!(explain.estimator_scans, 4 * 50 + 1);
    let told = explain.to_string();
    assert!(
        told.contains("1 where the rows take up to 1.0 MiB"),
        "{told}"
    );
    let run = flow.run().unwrap();
    let rows = |purpose| of(purpose, run.scans());
    assert_eq!(rows("estimator"), [ROWS as u64]);
    assert_eq!(rows("estimator, in memory").len(), 4);
    // A count, the levels, one reading for all estimators, the score.
    let scans = explain.count_scans + explain.levels.len() + 2;
    let read = read.load(Ordering::Relaxed);
    // The count needs none of the columns.
    let least = (scans - explain.count_scans) * ROWS;
    assert!(
        (least as u64..=(scans * ROWS) as u64).contains(&read),
        "{read} {least}"
    );
}

#[test]
fn held_rows_give_the_bits_of_rows_that_are_read() {
    let fit = |bytes: usize| {
        let run = flow!(InMemory::new(rows()), KFold::new(4).seed(3), bytes)
            .run()
            .unwrap();
        let models: Vec<_> = run
            .models()
            .iter()
            .map(|model| bits(model.predictor()))
            .collect();
        (models, run.metrics().to_vec())
    };
    let (held, scores) = fit(PLENTY);
    for bytes in [0, 5_000] {
        assert!(
            fit(bytes) == (held.clone(), scores.clone()),
            "{bytes} bytes"
        );
    }
    for (fold, model) in held.iter().enumerate() {
        let split = KFold::new(4).seed(3).fold(fold);
        let alone = flow!(InMemory::new(rows()), split, PLENTY).run().unwrap();
        assert_eq!(&bits(alone.model().predictor()), model, "fold {fold}");
    }
}

#[test]
fn rows_that_are_too_many_to_be_held_are_read_by_each_model() {
    let (source, _) = counted();
    let flow = flow!(source, KFold::new(4).in_order(), 5_000);
    let most = flow.explain().unwrap().estimator_scans;
    let run = flow.run().unwrap();
    let rows = |purpose| of(purpose, run.scans());
    let made = rows("estimator").len();
    assert!((5..=most).contains(&made), "{made}");
    assert_eq!(rows("estimator, in memory").len(), 0);
}

#[test]
fn the_models_of_candidates_read_the_source_once_together() {
    let (source, read) = counted();
    let sweep = floe::from(source)
        .split(TrainTestSplit::new(0.25).seed(1))
        .then(Imputer::mean(["b"]))
        .sweep(
            KFold::new(3).seed(2),
            Candidates::axis("c", [0.1, 1.0, 10.0]),
            |flow, c| flow.learn(LogisticRegression::new(["a", "b"], "class").c(*c)),
        );
    let explain = sweep.explain().unwrap();
    assert!(explain.estimator_held.is_some());
    let study = sweep.run().unwrap();
    let rows = |purpose| of(purpose, study.scans());
    assert_eq!(rows("estimator, in memory").len(), 9);
    // One for the candidates, one for the best one again.
    assert_eq!(rows("estimator").len(), 2);
    let most = explain.count_scans + explain.levels.len() + 1 + 3 + 2 + explain.levels.len();
    let read = read.load(Ordering::Relaxed);
    assert!(read <= (most * ROWS) as u64, "{read} of {most} readings");
}
