//! Quantiles with a stated error: on real like counts, in folds, in plans, and refused.

use floe::ErrorKind;
use floe::polars::prelude::*;
use floe::prelude::*;

use crate::support::data;

/// Like counts, which are heavily tied at the low end and far apart at the high one.
fn likes() -> Option<DataFrame> {
    let path = data("youtube_comments/kaggle_youtube_statistics_comments.csv")?;
    let scan = LazyCsvReader::new(PlRefPath::new(path.to_str()?))
        .finish()
        .expect("a file");
    let rows = scan
        .select([col("Likes").cast(DataType::Int64).alias("likes")])
        .collect();
    Some(rows.expect("like counts"))
}

/// By how many ranks the value of a quantile is off.
fn off(sorted: &[i64], found: f64, q: f64) -> u64 {
    let first = sorted.partition_point(|value| (*value as f64) < found);
    let end = sorted.partition_point(|value| *value as f64 <= found);
    assert!(first < end, "{found} is no like count");
    let wanted = ((sorted.len() - 1) as f64 * q).round() as usize;
    (first
        .saturating_sub(wanted)
        .max(wanted.saturating_sub(end - 1))) as u64
}

#[test]
fn real_like_counts_are_scaled_within_the_stated_error() {
    let Some(rows) = likes() else { return };
    let likes = rows.column("likes").expect("likes").i64().expect("i64");
    let mut sorted: Vec<i64> = likes.iter().flatten().collect();
    sorted.sort_unstable();
    assert!(sorted.len() > 10_000);
    let train = floe::train_on(InMemory::new(rows.clone())).expect("rows");
    // Ties make the lowest quantile exact, so that the scale is the upper one itself.
    let tied = sorted.partition_point(|value| *value == 0);
    let mut inexact = 0;
    for error in [0.07, 0.05, 0.02, 0.01] {
        let most = (error * sorted.len() as f64) as u64;
        assert!(most < tied as u64 && sorted[0] == 0);
        for high in [0.75, 0.9, 0.99] {
            let scaler = RobustScaler::new(["likes"])
                .quantile_range(0.0, high)
                .approximate(error);
            let fitted = scaler.fit_on(&train).expect("a fit");
            let center = fitted.center("likes").expect("a median");
            let scale = fitted.scale("likes").expect("a scale");
            for (found, q) in [(center, 0.5), (scale, high)] {
                let off = off(&sorted, found, q);
                inexact += u64::from(off > 0);
                assert!(off <= most, "{q}: {off} ranks off, {most} allowed");
            }
        }
    }
    assert!(inexact > 0, "the sketches dropped nothing");
}

/// Rows enough for an error of 0.05 to drop some, with gaps among them.
fn rows(n: i64) -> DataFrame {
    let scattered = |at: i64| (at * 7_919 + at * at % 1_013) % 30_011;
    let at = 0..n;
    df![
        "x" => at.clone().map(|at| scattered(at) as f64 * 0.25).collect::<Vec<_>>(),
        "gaps" => at.clone().map(|at| (at % 7 != 3).then(|| scattered(at * 3))).collect::<Vec<_>>(),
        "y" => at.map(|at| scattered(at) as f64 + (at % 11) as f64).collect::<Vec<_>>(),
    ]
    .expect("columns of one length")
}

macro_rules! flow {
    ($split:expr) => {
        floe::from(InMemory::new(rows(9_001)))
            .split($split)
            .then(RobustScaler::new(["x", "gaps"]).approximate(0.05))
            .learn(LinearRegression::new(["x"], "y"))
    };
}

/// The steps and the predictor of a model, as its file holds them.
macro_rules! saved {
    ($model:expr) => {{
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("model.json");
        $model.save(&path).expect("a model file");
        let text = std::fs::read_to_string(path).expect("a file");
        let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        ["steps", "predictor", "metrics"].map(|part| file["contents"][part].clone())
    }};
}

#[test]
fn folds_together_give_the_bits_of_each_alone() {
    let folds = KFold::new(5).seed(3);
    let run = flow!(folds.clone()).run().expect("a run");
    let mut models = Vec::new();
    for fold in 0..5 {
        let alone = flow!(folds.clone().fold(fold)).run().expect("a run");
        let model = saved!(run.models()[fold]);
        assert!(model[0].is_array(), "{model:?}");
        assert_eq!(model, saved!(alone.model()), "fold {fold}");
        models.push(model[0].clone());
    }
    assert!(
        models.iter().any(|model| *model != models[0]),
        "all folds learned the same"
    );
}

#[test]
fn explain_tells_how_much_is_held_at_most() {
    let explain = flow!(KFold::new(5)).explain().expect("a plan");
    let level = &explain.levels[0];
    assert_eq!(level.sketched, ["x", "gaps"]);
    assert!(level.buffered.is_empty());
    let text = explain.to_string();
    assert!(
        text.contains("holds at most 95 KiB a column and fold: x, gaps"),
        "{text}"
    );
    let likes = InMemory::new(rows(5));
    let flow = floe::from_parts(likes.clone(), likes);
    let explain = flow.then(RobustScaler::new(["x"]).approximate(0.01));
    let text = explain.explain().expect("a plan").to_string();
    assert!(
        text.contains("holds at most 362 KiB a column: x\n"),
        "{text}"
    );
}

#[test]
fn few_rows_give_values_of_the_column_exactly() {
    let rows = df!["x" => [9_i64, 1, 3, 7, 5], "none" => [None::<i64>; 5]].expect("a frame");
    let train = floe::train_on(InMemory::new(rows)).expect("rows");
    let scaler = RobustScaler::new(["x", "none"]).approximate(0.01);
    let fitted = scaler.fit_on(&train).expect("a fit");
    assert_eq!(
        (fitted.center("x"), fitted.scale("x")),
        (Some(5.0), Some(4.0))
    );
    assert_eq!(fitted.center("none"), None);
    let exact = RobustScaler::new(["x", "none"]).fit_on(&train);
    assert_eq!(fitted, exact.expect("a fit"));
}

#[test]
fn an_error_that_cannot_be_is_refused_before_a_row_is_read() {
    let nan = f64::NAN;
    for error in [0.0, -0.01, 0.51, nan, f64::INFINITY, 0.25, 0.3] {
        let source = InMemory::new(rows(5));
        let scaler = RobustScaler::new(["x"]).approximate(error);
        let flow = floe::from_parts(source.clone(), source).then(scaler);
        let refused = flow.check().expect_err("an error");
        assert_eq!(refused.kind(), ErrorKind::Config, "{refused}");
        assert!(refused.to_string().contains("error"), "{refused}");
    }
    let scaler = RobustScaler::new(["x"]).approximate(0.01);
    assert_eq!(
        format!("{scaler:?}"),
        r#"RobustScaler(["x"], approximate: 0.01)"#
    );
}
