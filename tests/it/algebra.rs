//! What follows of a scaled column from the column before: every rule against the way of two scans.

use floe::learn::{FitOn, Learned, Need, Shape, Statistic};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::{Artifact, BoxTransform};
use floe::{ErrorKind, Frame, Schema, Train};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use serde::{Deserialize, Serialize};

use crate::support::{bits, physical};

fn train(frame: &DataFrame) -> Frame<Train> {
    floe::train_on(InMemory::new(frame.clone())).expect("rows")
}

/// Scalers by number; the first of them learn from the order of the values alone.
const SCALERS: usize = 6;
const ORDERED: usize = 4;
const MAX_ABS: usize = 1;
const STANDARD: usize = 4;

fn scaler(which: usize) -> BoxTransform {
    match which {
        0 => BoxTransform::new(MinMaxScaler::new(["x"])),
        1 => BoxTransform::new(MaxAbsScaler::new(["x"])),
        2 => BoxTransform::new(RobustScaler::new(["x"])),
        3 => BoxTransform::new(RobustScaler::new(["x"]).approximate(0.1)),
        4 => BoxTransform::new(StandardScaler::new(["x"])),
        _ => BoxTransform::new(
            MinMaxScaler::new(["x"])
                .range(-3.0, 5.0)
                .outside(Outside::Clip),
        ),
    }
}

fn chain(steps: &[usize]) -> Vec<BoxTransform> {
    steps.iter().copied().map(scaler).collect()
}

/// The rows after each step was fitted by itself on the rows that the ones before it made.
fn by_hand(steps: &[usize], frame: &DataFrame) -> DataFrame {
    chain(steps).iter().fold(frame.clone(), |frame, step| {
        let fitted = step.fit_on(&train(&frame)).expect("a fit");
        fitted
            .apply(frame.lazy())
            .expect("a query")
            .collect()
            .expect("rows")
    })
}

/// How many levels scalers of one column take, and at which level the mean behind them is known: it
/// does not follow through `MaxAbsScaler`.
fn depth(steps: &[usize]) -> (usize, usize) {
    let (mut there, mut mean, mut deepest) = (0, 1, 0);
    let mut ends = 1;
    for step in steps {
        let fitted = if *step == STANDARD { mean } else { ends };
        deepest = deepest.max(fitted);
        there = there.max(fitted);
        ends = fitted;
        mean = if *step == MAX_ABS || mean > fitted {
            there + 1
        } else {
            fitted
        };
    }
    (deepest, mean)
}

/// The rows after the chain was fitted as a whole, in as many levels as it must take.
fn planned(steps: &[usize], frame: &DataFrame) -> DataFrame {
    let train = train(frame);
    let chain = chain(steps);
    assert_eq!(
        chain.levels(train.schema()).expect("a plan").len(),
        depth(steps).0
    );
    let fitted = chain.fit_on(&train).expect("a fit");
    fitted
        .apply(frame.clone().lazy())
        .expect("a query")
        .collect()
        .expect("rows")
}

fn near(found: &DataFrame, expected: &DataFrame, within: f64) {
    let floats = |frame: &DataFrame| {
        frame
            .column("x")
            .expect("x")
            .cast(&DataType::Float64)
            .expect("floats")
    };
    let (found, expected) = (floats(found), floats(expected));
    for (found, expected) in found
        .f64()
        .expect("floats")
        .iter()
        .zip(expected.f64().expect("floats").iter())
    {
        match (found, expected) {
            (Some(found), Some(expected)) if !expected.is_nan() => {
                let size = expected.abs().max(1.0);
                assert!(
                    (found - expected).abs() <= within * size,
                    "{found} {expected}"
                );
            }
            (found, expected) => assert_eq!(found.map(f64::is_nan), expected.map(f64::is_nan)),
        }
    }
}

fn dtypes() -> Vec<DataType> {
    vec![
        DataType::Int8,
        DataType::Int64,
        DataType::UInt64,
        DataType::UInt16,
        DataType::Date,
        DataType::Datetime(TimeUnit::Microseconds, None),
        DataType::Decimal(38, 4),
    ]
}

fn floats() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = prop_oneof![
        6 => (-1e3..1e3).prop_map(Some),
        1 => Just(None),
        1 => Just(Some(f64::NAN)),
        1 => Just(Some(-0.0)),
        1 => Just(Some(12.5)),
    ];
    prop::collection::vec(value, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn order_statistics_follow_to_the_bit(values in floats(), steps in prop::collection::vec(0..ORDERED, 2..5)) {
        let frame = df!["x" => values].expect("a column");
        prop_assert_eq!(bits(&planned(&steps, &frame)), bits(&by_hand(&steps, &frame)));
    }

    #[test]
    fn order_statistics_of_single_floats_follow_to_the_bit(values in floats(), steps in prop::collection::vec(0..ORDERED, 2..5)) {
        let values: Vec<_> = values.into_iter().map(|value| value.map(|value| value as f32)).collect();
        let frame = df!["x" => values].expect("a column");
        prop_assert_eq!(bits(&planned(&steps, &frame)), bits(&by_hand(&steps, &frame)));
    }

    #[test]
    fn integers_and_times_follow(
        which in 0..7_usize,
        values in prop::collection::vec(prop_oneof![5 => (0..120_i128).prop_map(Some), 1 => Just(None)], 1..40),
        steps in prop::collection::vec(0..SCALERS, 2..5),
    ) {
        let frame = crate::support::frame(physical(&dtypes()[which], &values));
        let (found, expected) = (planned(&steps, &frame), by_hand(&steps, &frame));
        if steps.iter().all(|step| *step < ORDERED) {
            prop_assert_eq!(bits(&found), bits(&expected));
        }
        near(&found, &expected, 1e-9);
    }

    #[test]
    fn means_and_deviations_follow_closely(
        values in prop::collection::vec(-1e3..1e3, 2..60),
        offset in prop_oneof![Just(0.0), Just(1e9), Just(-1e12)],
        steps in prop::collection::vec(0..SCALERS, 2..5),
    ) {
        let values: Vec<f64> = values.into_iter().map(|value: f64| value + offset).collect();
        let frame = df!["x" => values].expect("a column");
        // The offset costs the input itself digits: what two roundings of it can differ by.
        near(&planned(&steps, &frame), &by_hand(&steps, &frame), 1e-11 * (1.0 + offset.abs() / 1e3));
    }

    #[test]
    fn least_squares_follows(
        rows in prop::collection::vec((-50.0..50.0, -50.0..50.0, -1.0..1.0), 8..60),
        first in 0..SCALERS,
        second in 0..SCALERS,
    ) {
        let column = |of: fn(&(f64, f64, f64)) -> f64| rows.iter().map(of).collect::<Vec<_>>();
        let frame = df![
            "x" => column(|row| row.0 + 1e4),
            "z" => column(|row| row.1 * 1e-3),
            "y" => column(|row| 3.0 * row.0 - 2.0 * row.1 + row.2 + 40.0),
        ].expect("columns");
        let on = |which: usize, name: &'static str| match which {
            0 => BoxTransform::new(MinMaxScaler::new([name])),
            1 => BoxTransform::new(MaxAbsScaler::new([name])),
            2 => BoxTransform::new(RobustScaler::new([name])),
            3 => BoxTransform::new(RobustScaler::new([name]).approximate(0.1)),
            4 => BoxTransform::new(StandardScaler::new([name])),
            _ => BoxTransform::new(MinMaxScaler::new([name]).range(-3.0, 5.0)),
        };
        let steps = vec![on(first, "x"), on(second, "x"), on(second, "z")];
        let flow = floe::from_parts(InMemory::new(frame.clone()), InMemory::new(frame.clone()))
            .then(steps.clone())
            .on_target(MinMaxScaler::new(["y"]))
            .learn(LinearRegression::new(["x", "z"], "y"));
        let ((x, mean_x), (z, mean_z)) = (depth(&[first, second]), depth(&[second]));
        let levels = x.max(z).max(mean_x).max(mean_z);
        prop_assert_eq!(flow.explain().expect("a plan").levels.len(), levels);
        let run = flow.run().expect("a run");
        let mut scaled = frame.clone();
        for step in &steps {
            let fitted = step.fit_on(&train(&scaled)).expect("a fit");
            scaled = fitted.apply(scaled.lazy()).expect("a query").collect().expect("rows");
        }
        let target = MinMaxScaler::new(["y"]).fit_on(&train(&scaled)).expect("a fit");
        let scaled = target.apply(scaled.lazy()).expect("a query").collect().expect("rows");
        let alone = floe::from_train(InMemory::new(scaled))
            .learn(LinearRegression::new(["x", "z"], "y"))
            .fit()
            .expect("a fit");
        let (found, expected) = (run.model().predictor(), alone.predictor());
        for (found, expected) in found.coefficients().iter().zip(expected.coefficients()) {
            prop_assert!((found - expected).abs() <= 1e-7 * expected.abs().max(1.0), "{found} {expected}");
        }
        let (found, expected) = (found.intercept(), expected.intercept());
        prop_assert!((found - expected).abs() <= 1e-7 * expected.abs().max(1.0), "{found} {expected}");
    }
}

#[test]
fn the_main_flow_learns_in_one_level() {
    let likes = df!["id" => [0i64, 1, 2, 3, 4, 5], "likes" => [747i64, 747, 727, 747, 801, 1626]];
    let flow = floe::from(InMemory::new(likes.expect("columns")))
        .split(TrainTestSplit::new(0.3).seed(42))
        .then(StandardScaler::new(["id"]))
        .on_target(MinMaxScaler::new(["likes"]))
        .learn(LinearRegression::new(["id"], "likes"));
    let explain = flow.explain().expect("a plan");
    assert_eq!((explain.levels.len(), explain.scans()), (1, 2), "{explain}");
    let run = flow.run().expect("a run");
    assert_eq!(run.scans().len(), 2);
}

#[test]
fn a_policy_that_makes_nulls_ends_the_rule() {
    let frame = df!["x" => [1.0, f64::NAN, 3.0]].expect("a column");
    let schema = Schema::from_polars(frame.schema());
    let levels = |first: BoxTransform| {
        vec![first, scaler(4)]
            .levels(&schema)
            .expect("a plan")
            .len()
    };
    assert_eq!(levels(scaler(0)), 1);
    let strict = MinMaxScaler::new(["x"]).nulls(Nulls::Error);
    assert_eq!(
        levels(BoxTransform::new(strict)),
        1,
        "any null ends its own fit"
    );
    for first in [
        MinMaxScaler::new(["x"]).nans(Nans::Null),
        MinMaxScaler::new(["x"]).infinities(Infinities::Keep),
        MinMaxScaler::new(["x"]).constant(Constant::Null),
    ] {
        assert_eq!(levels(BoxTransform::new(first.clone())), 2, "{first:?}");
    }
}

#[test]
fn a_narrow_range_far_from_zero_ends_the_rule() {
    // Values are rounded to whole numbers there, and the mean is that of the rounded ones.
    let frame = df!["x" => [0.0, 1.0, 3.0, 7.0]].expect("a column");
    let far = MinMaxScaler::new(["x"]).range(1e16, 1e16 + 4.0);
    let chain = vec![BoxTransform::new(far), scaler(STANDARD)];
    let schema = Schema::from_polars(frame.schema());
    assert_eq!(chain.levels(&schema).expect("a plan").len(), 2);
}

#[test]
fn means_follow_of_values_that_differ_in_their_last_digits() {
    // The mean, rounded to a float, is one of the values: what it lost is a third of their distance.
    for values in [
        [1.0, 1.0 + f64::EPSILON, 1.0],
        [1.7e9, 1.7e9 + 5e-7, 1.7e9 + 1e-6],
    ] {
        let frame = df!["x" => values].expect("a column");
        for first in [0, 2, STANDARD] {
            let steps = [first, STANDARD];
            near(&planned(&steps, &frame), &by_hand(&steps, &frame), 1e-12);
        }
    }
}

/// Says that it keeps the order of values, and does something else.
#[derive(Clone, Debug)]
enum Lie {
    Falls,
    MakesNan,
    MakesInfinite,
}

/// What `Lie` becomes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Times(f64);

impl Artifact for Times {
    const KIND: &'static str = "times";
}

impl Apply for Times {
    fn apply(&self, frame: LazyFrame) -> floe::Result<LazyFrame> {
        Ok(frame.with_columns([col("x") * lit(self.0)]))
    }

    fn output(&self, input: &Schema) -> floe::Result<Schema> {
        Ok(input.clone())
    }
}

impl Transform for Lie {
    type Fitted = Times;

    fn reads(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(vec!["x".into()])
    }

    fn writes(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(vec!["x".into()])
    }

    fn needs(&self, _: &Schema) -> floe::Result<Vec<Need>> {
        Ok(vec![Need::column("x", Statistic::Count)])
    }

    fn fit(&self, _: &Schema, _: &Learned) -> floe::Result<Times> {
        Ok(match self {
            Self::Falls => Times(-1.0),
            Self::MakesNan => Times(f64::NAN),
            Self::MakesInfinite => Times(f64::INFINITY),
        })
    }

    fn output(&self, input: &Schema) -> floe::Result<Schema> {
        Ok(input.clone())
    }

    fn shape(&self, _: &Schema, _: &str) -> Shape {
        Shape::Rising
    }
}

#[test]
fn a_step_that_lies_about_its_shape_is_refused() {
    let frame = df!["x" => [-3.0, 1.0, 7.0]].expect("a column");
    for lie in [Lie::Falls, Lie::MakesNan, Lie::MakesInfinite] {
        let chain = lie.clone().then(MinMaxScaler::new(["x"]));
        let error = chain.fit_on(&train(&frame)).expect_err("a lie");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Config, Some("x"))
        );
        assert!(error.to_string().contains("Shape::Any"), "{error}");
        let stage = error.stage().expect("a stage");
        assert!(stage.contains("Times"), "{lie:?}: {stage}");
    }
}

#[test]
fn ends_of_the_floats_follow() {
    let frame = df!["x" => [-f64::MAX, 0.0, f64::MAX, 1.0]].expect("a column");
    for steps in [vec![0, STANDARD], vec![0, 2, STANDARD], vec![MAX_ABS, 0]] {
        near(&planned(&steps, &frame), &by_hand(&steps, &frame), 1e-12);
    }
}

#[test]
fn what_stays_far_from_zero_is_learned_from_as_it_is_rounded() {
    let far = df!["x" => [u64::MAX, u64::MAX - 1, u64::MAX - 5]].expect("a column");
    let steps = [MAX_ABS, 0, STANDARD];
    let found = planned(&steps, &far);
    assert_eq!(found, df!["x" => [0.0, 0.0, 0.0]].expect("a column"));
    assert_eq!(found, by_hand(&steps, &far));
}
