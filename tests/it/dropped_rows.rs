//! Steps that drop train rows: what stands before them learns from all rows, what stands after them
//! from those that are left, however the levels fall.

use floe::estimator::LinearModel;
use floe::learn::FitOn;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::outlier::OutlierFiltering;
use floe::transform::scale::StandardScaling;
use floe::transform::{BoxApply, BoxTransform};
use floe::{ErrorKind, Frame, Schema, Train};
use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, proptest};

use crate::planner::minus_mean;
use crate::support::collect;

fn train(rows: DataFrame) -> Frame<Train> {
    floe::train_on(InMemory::new(rows)).expect("train rows")
}

/// Sixty rows, of which some are outliers by `a` and some by `b`.
fn rows() -> DataFrame {
    let value = |i: i32, by: i32| f64::from(i * by % 61);
    let far = |i: i32, every: i32| if i % every == 3 { 1000.0 } else { 0.0 };
    df![
        "a" => (0..60).map(|i| value(i, 17) + far(i, 13)).collect::<Vec<_>>(),
        "b" => (0..60).map(|i| value(i, 29) - far(i, 17)).collect::<Vec<_>>(),
        "c" => (0..60).map(|i| value(i, 7) + far(i, 13) + far(i, 17)).collect::<Vec<_>>(),
        "y" => (0..60).map(|i| 2.0 * value(i, 17) + value(i, 29) + far(i, 19)).collect::<Vec<_>>(),
    ]
    .expect("a frame")
}

fn filter(column: &str) -> OutlierFilter {
    OutlierFilter::new([column])
}

fn standard(column: &str) -> StandardScaler {
    StandardScaler::new([column])
}

/// Fits one step after the other, each on the rows that the ones before it leave.
fn by_hand(steps: &[BoxTransform], rows: DataFrame) -> (Vec<BoxApply>, DataFrame) {
    let mut left = rows;
    let fitted = steps.iter().map(|step| {
        let fitted = step.fit_on(&train(left.clone())).expect("a step");
        let applied = fitted.apply_to_train(left.clone().lazy()).and_then(collect);
        left = applied.expect("rows");
        fitted
    });
    (fitted.collect(), left)
}

fn new(step: impl Transform + 'static) -> BoxTransform {
    BoxTransform::new(step)
}

fn texts(fitted: &[BoxApply]) -> Vec<String> {
    fitted.iter().map(|step| format!("{step:?}")).collect()
}

fn levels(steps: &[BoxTransform]) -> usize {
    let schema = Schema::from_polars(rows().schema());
    steps.to_vec().levels(&schema).expect("levels").len()
}

#[test]
fn each_step_learns_from_the_rows_at_its_place() {
    let fixed = Fence::fixed(-100.0, 100.0);
    for (steps, expected) in [
        // The scaler behind the filter waits, though its column was never touched.
        (
            vec![new(standard("a")), new(filter("b")), new(standard("c"))],
            2,
        ),
        (vec![new(filter("a")), new(standard("a"))], 2),
        // Two in a row: the second has the fences of the rows that the first one leaves.
        (
            vec![new(filter("a")), new(filter("b")), new(standard("c"))],
            3,
        ),
        (
            vec![new(OutlierFilter::new(["a", "b"])), new(standard("c"))],
            2,
        ),
        // Nothing is asked before it, so it costs nothing.
        (vec![new(filter("a").fence(fixed)), new(standard("c"))], 1),
        (
            vec![
                new(filter("a").fence(fixed)),
                new(filter("b").fence(fixed)),
                new(standard("c")),
            ],
            1,
        ),
        (
            vec![
                new(standard("c")),
                new(filter("a").fence(fixed)),
                new(standard("b")),
            ],
            2,
        ),
        // It is fitted at the first level and must wait with its rows: at the second, a step before
        // it asks.
        (
            vec![
                new(minus_mean("a", "a", "a")),
                new(minus_mean("c", "a", "c")),
                new(filter("b")),
                new(standard("c")),
                new(standard("y")),
            ],
            3,
        ),
        // Its own column is written by a step that is not fitted.
        (
            vec![
                new(minus_mean("a", "b", "a")),
                new(filter("a")),
                new(standard("c")),
            ],
            3,
        ),
        // Order statistics follow through a scaler.
        (
            vec![
                new(MinMaxScaler::new(["a"])),
                new(filter("a")),
                new(standard("c")),
            ],
            2,
        ),
        // A step without needs between, one that makes the column, and one behind all.
        (
            vec![
                new(WithColumns::new([(col("a") - col("b")).alias("d")])),
                new(filter("d")),
                new(WithColumns::new([(col("c") * lit(2.0)).alias("e")])),
                new(standard("e")),
                new(filter("e")),
            ],
            2,
        ),
        (
            vec![
                new(Winsorizer::new(["a"])),
                new(filter("c")),
                new(Winsorizer::new(["a"])),
            ],
            2,
        ),
    ] {
        assert_eq!(levels(&steps), expected, "{steps:?}");
        let whole = steps.fit_on(&train(rows())).expect("a fit");
        let (alone, left) = by_hand(&steps, rows());
        for ((whole, alone), step) in whole.iter().zip(&alone).zip(&steps) {
            // What lies beyond a fence is not counted where its column was rewritten at the level.
            match whole.downcast_ref::<OutlierFiltering>() {
                Some(whole) if whole.dropped().is_none() => {
                    let alone: &OutlierFiltering = alone.downcast_ref().expect("a filter");
                    assert_eq!(whole.fence("a"), alone.fence("a"), "{step:?}");
                }
                _ => assert_eq!(format!("{whole:?}"), format!("{alone:?}"), "{step:?}"),
            }
        }
        assert!(left.height() < 60 && left.height() > 40, "{steps:?}");
        let found = whole.apply_to_train(rows().lazy()).and_then(collect);
        assert_eq!(found.expect("rows"), left, "{steps:?}");
        let kept = whole.apply(rows().lazy()).and_then(collect).expect("rows");
        assert_eq!(kept.height(), 60, "{steps:?}");
    }
}

#[test]
fn typed_and_erased_chains_learn_the_same() {
    let chain = standard("a")
        .then(filter("b"))
        .then(standard("c"))
        .then(filter("a"));
    let erased = vec![
        BoxTransform::new(standard("a")),
        BoxTransform::new(filter("b")),
        BoxTransform::new(standard("c")),
        BoxTransform::new(filter("a")),
    ];
    let typed = chain.fit_on(&train(rows())).expect("a fit");
    let erased = erased.fit_on(&train(rows())).expect("a fit");
    assert_eq!(format!("{typed:?}"), texts(&erased).join(" -> "));
    let left = |fitted: &dyn Apply| {
        let left = fitted.apply_to_train(rows().lazy()).and_then(collect);
        left.expect("rows")
    };
    assert_eq!(left(&typed), left(&erased));
    assert!(left(&typed).height() < 60);
}

#[test]
fn an_estimator_learns_from_the_rows_that_are_left() {
    let line = || LinearRegression::new(["a", "b"], "y");
    let with = floe::from_train(InMemory::new(rows()))
        .then(filter("a"))
        .learn(line());
    let model = with.fit().expect("a model");
    let (_, left) = by_hand(&[BoxTransform::new(filter("a"))], rows());
    let alone = floe::from_train(InMemory::new(left))
        .learn(line())
        .fit()
        .expect("a model");
    assert_eq!(model.predictor(), alone.predictor());
    assert_ne!(
        model.predictor(),
        floe::from_train(InMemory::new(rows()))
            .learn(line())
            .fit()
            .expect("a model")
            .predictor()
    );
}

#[test]
fn what_explain_says_is_what_is_read_and_test_rows_stay() {
    let flow = floe::from(InMemory::new(rows()))
        .split(TrainTestSplit::new(0.25).seed(4))
        .then(standard("b"))
        .then(filter("a"))
        .then(standard("c"))
        .learn(LinearRegression::new(["b", "c"], "y"));
    let explain = flow.explain().expect("a plan");
    let run = flow.run().expect("a run");
    assert_eq!(explain.scans(), run.scans().len());
    let read: Vec<u64> = run
        .scans()
        .iter()
        .filter(|scan| scan.purpose == "level")
        .map(|scan| scan.rows)
        .collect();
    assert_eq!(read.len(), explain.levels.len());
    // The least squares follow along the line of the second scaler, so there are two levels.
    let steps = run.model().pipeline().steps();
    let dropped = steps.first().next().dropped().expect("it was counted");
    assert!(dropped > 0);
    assert_eq!(read, [45, 45 - dropped]);
    let (scored, predicted) = (run.metrics().rows(), run.predictions().and_then(collect));
    assert_eq!((scored, predicted.expect("rows").height()), (15, 15));
    // New rows need not have the column of the filter.
    let new = rows()
        .drop("a")
        .and_then(|rows| rows.drop("y"))
        .expect("rows");
    let predicted = run
        .model()
        .predict(new.lazy())
        .and_then(collect)
        .expect("rows");
    assert_eq!(predicted.height(), 60);
    assert_eq!(
        predicted
            .column("prediction")
            .expect("predictions")
            .null_count(),
        0
    );
}

#[test]
fn a_filter_on_the_target_stands_behind_the_steps_on_features() {
    let flow = floe::from(InMemory::new(rows()))
        .split(TrainTestSplit::new(0.25).seed(4))
        .then(standard("a"))
        .on_target(filter("y"))
        .learn(LinearRegression::new(["a"], "y"));
    let run = flow.run().expect("a run");
    let frame = |frame: &Frame<Train>| collect(frame.lazy()).expect("rows");
    let rows = frame(run.train());
    let scaler: StandardScaling = standard("a").fit_on(&train(rows.clone())).expect("a fit");
    assert_eq!(run.model().pipeline().steps().next(), &scaler);
    let fence = filter("y").fit_on(&train(rows.clone())).expect("a fit");
    assert_eq!(run.model().pipeline().target_steps().next(), &fence);
    assert!(fence.dropped() > Some(0));
    let left = scaler
        .apply(rows.lazy())
        .and_then(|rows| fence.apply_to_train(rows));
    let left = left.and_then(collect).expect("rows");
    let alone = floe::from_train(InMemory::new(left)).learn(LinearRegression::new(["a"], "y"));
    let alone: LinearModel = alone.fit().expect("a model").predictor().clone();
    assert_eq!(run.model().predictor(), &alone);
    assert_eq!(run.metrics().rows(), 15);
}

#[test]
fn each_fold_has_fences_of_its_own() {
    macro_rules! flow {
        ($split:expr, $fence:expr) => {
            floe::from(InMemory::new(rows()))
                .split($split)
                .then(filter("a").fence($fence))
                .then(standard("b"))
                .then(filter("c"))
                .then(MinMaxScaler::new(["c"]))
                .learn(LinearRegression::new(["b", "c"], "y"))
        };
    }
    for fence in [Fence::iqr(1.5), Fence::fixed(-50.0, 50.0)] {
        let run = flow!(KFold::new(3).seed(5), fence).run().expect("a run");
        let mut fences = Vec::new();
        for (fold, model) in run.models().iter().enumerate() {
            let alone = flow!(KFold::new(3).seed(5).fold(fold), fence)
                .run()
                .expect("a run");
            assert_eq!(
                model.pipeline().steps(),
                alone.model().pipeline().steps(),
                "{fold}"
            );
            assert_eq!(model.predictor(), alone.model().predictor(), "{fold}");
            // As by hand, but for sums, which are those of the parts.
            let rows = collect(run.train(fold).lazy()).expect("rows");
            let first = filter("a")
                .fence(fence)
                .fit_on(&train(rows))
                .expect("a fit");
            let steps = model.pipeline().steps();
            assert_eq!(steps.first().first().first().next(), &first);
            fences.push(steps.first().next().fence("c"));
        }
        assert!(fences[0] != fences[1] || fences[1] != fences[2]);
        let predicted = run.predictions().and_then(collect).expect("rows");
        assert_eq!(predicted.height(), 60);
    }
}

#[test]
fn a_filter_sees_the_columns_of_a_group() {
    let sex = (0..60).map(|i| if i == 21 { "x" } else { ["f", "m"][i % 2] });
    let sex = Column::new("sex".into(), sex.collect::<Vec<_>>());
    let rows = rows().hstack(&[sex]).expect("rows");
    let steps = vec![
        new(OneHotEncoder::new(["sex"])),
        // One row of sixty is another: with it the others would be none.
        new(OutlierFilter::new(["sex"]).fence(Fence::quantiles(0.02, 0.98))),
        new(standard("c")),
    ];
    let schema = Schema::from_polars(rows.schema());
    assert_eq!(steps.levels(&schema).expect("levels").len(), 3);
    let whole = steps.fit_on(&train(rows.clone())).expect("a fit");
    let left = whole
        .apply_to_train(rows.clone().lazy())
        .and_then(collect)
        .expect("rows");
    let naive = rows.clone().lazy().filter(col("sex").neq(lit("x")));
    let naive = naive
        .drop(by_name(["sex"], true, false))
        .collect()
        .expect("rows");
    let alone = standard("c").fit_on(&train(naive.clone())).expect("a fit");
    let naive = alone.apply(naive.lazy()).and_then(collect).expect("rows");
    let left = left.select(["a", "b", "c", "y"]).expect("columns");
    assert_eq!((left.height(), left), (59, naive));
    let all = whole.apply(rows.lazy()).and_then(collect).expect("rows");
    assert_eq!(all.height(), 60);
}

#[test]
fn before_the_split_it_is_refused() {
    let flow = floe::from(InMemory::new(rows()))
        .fit_before_split(standard("a").then(filter("b")))
        .split(TrainTestSplit::new(0.25))
        .learn(LinearRegression::new(["a"], "y"));
    let error = flow.check().expect_err("no row is a train row");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("drops train rows"), "{error}");
}

const COLUMNS: [&str; 4] = ["a", "b", "c", "d"];

fn any_step() -> impl Strategy<Value = BoxTransform> {
    use proptest::prelude::prop_oneof;
    let at = || 0..COLUMNS.len();
    let name = |at: usize| COLUMNS[at];
    prop_oneof![
        1 => at().prop_map(move |a| BoxTransform::new(MinMaxScaler::new([name(a)]))),
        1 => at().prop_map(move |a| BoxTransform::new(StandardScaler::new([name(a)]))),
        1 => at().prop_map(move |a| BoxTransform::new(Winsorizer::new([name(a)]))),
        1 => (at(), at(), at()).prop_map(move |(a, b, c)| {
            BoxTransform::new(minus_mean(name(a), name(b), name(c)))
        }),
        1 => (at(), at()).prop_map(move |(a, b)| {
            BoxTransform::new(WithColumns::new([(col(name(a)) * lit(2.0)).alias(name(b))]))
        }),
        3 => at().prop_map(move |a| {
            BoxTransform::new(OutlierFilter::new([name(a)]).fence(Fence::quantiles(0.13, 0.91)))
        }),
        1 => at().prop_map(move |a| {
            BoxTransform::new(OutlierFilter::new([name(a)]).fence(Fence::fixed(-41.3, 1e9)))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn random_chains_equal_step_by_step_fitting(
        steps in prop::collection::vec(any_step(), 1..7),
        rows in prop::collection::vec([-50.0..50.0, -50.0..50.0, -50.0..50.0, -50.0..50.0f64], 30..60),
    ) {
        let columns = (0..4).map(|at| {
            Column::new(COLUMNS[at].into(), rows.iter().map(|row| row[at]).collect::<Vec<f64>>())
        });
        let frame = DataFrame::new(rows.len(), columns.collect()).unwrap();
        let (_, left) = by_hand(&steps, frame.clone());
        let whole = steps.fit_on(&train(frame.clone())).unwrap();
        let planned = whole.apply_to_train(frame.clone().lazy()).and_then(collect).unwrap();
        prop_assert_eq!(planned.height(), left.height());
        // Means and deviations that follow from those before a scaling are rounded elsewhere.
        for (planned, left) in planned.columns().iter().zip(left.columns()) {
            let pairs = planned.f64().unwrap().iter().zip(left.f64().unwrap().iter());
            for (planned, left) in pairs {
                let (planned, left) = (planned.unwrap(), left.unwrap());
                let size = left.abs().max(1.0);
                prop_assert!((planned - left).abs() <= 1e-9 * size, "{planned} {left}");
            }
        }
        // All rows are there for whom the step was not fitted on.
        prop_assert_eq!(whole.apply(frame.clone().lazy()).and_then(collect).unwrap().height(), rows.len());
        // What is planned is what is read.
        let flow = floe::from_train(InMemory::new(frame.clone())).then(steps.clone());
        let planned = flow.explain().unwrap().levels.len();
        prop_assert_eq!(planned, steps.levels(&Schema::from_polars(frame.schema())).unwrap().len());
        prop_assert!(planned <= steps.len());
    }
}
