//! What follows of a filled column from the column with its gaps: every rule against the way of two
//! scans.

use floe::learn::{FitOn, Learned, Need, Shape, Statistic};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::{Artifact, BoxTransform};
use floe::{ErrorKind, Frame, Schema, Train};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use serde::{Deserialize, Serialize};

use crate::support::{bits, data, integer_dtypes, physical};

fn train(frame: &DataFrame) -> Frame<Train> {
    floe::train_on(InMemory::new(frame.clone())).expect("rows")
}

fn imputers(which: usize) -> Imputer {
    match which {
        0 => Imputer::mean(["x"]),
        1 => Imputer::median(["x"]),
        2 => Imputer::most_frequent(["x"]),
        3 => Imputer::mean(["x"]).nans(NanAs::Missing),
        4 => Imputer::most_frequent(["x"]).nans(NanAs::Missing),
        _ => Imputer::median(["x"]).integers(Integers::Float),
    }
}

fn fitted(steps: &[BoxTransform], frame: &DataFrame) -> DataFrame {
    let fitted = steps.to_vec().fit_on(&train(frame)).expect("a fit");
    let rows = fitted.apply(frame.clone().lazy()).expect("a query");
    rows.collect().expect("rows")
}

/// Each step fitted by itself on the rows that the ones before it made.
fn by_hand(steps: &[BoxTransform], frame: &DataFrame) -> DataFrame {
    steps.iter().fold(frame.clone(), |frame, step| {
        let fitted = step.fit_on(&train(&frame)).expect("a fit");
        let rows = fitted.apply(frame.lazy()).expect("a query");
        rows.collect().expect("rows")
    })
}

fn levels(steps: &[BoxTransform], frame: &DataFrame) -> usize {
    let levels = steps.to_vec().levels(train(frame).schema());
    levels.expect("a plan").len()
}

fn near(found: &DataFrame, expected: &DataFrame, within: f64) {
    let floats = |frame: &DataFrame| {
        let x = frame.column("x").expect("x");
        x.cast(&DataType::Float64).expect("floats")
    };
    let (found, expected) = (floats(found), floats(expected));
    let pairs = found.f64().expect("floats").iter();
    for (found, expected) in pairs.zip(expected.f64().expect("floats").iter()) {
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

fn with_gaps() -> impl Strategy<Value = Vec<Option<f64>>> {
    let value = prop_oneof![
        5 => (-1e3..1e3).prop_map(Some),
        3 => Just(None),
        1 => Just(Some(f64::NAN)),
        2 => Just(Some(12.5)),
    ];
    (-1e3..1e3, prop::collection::vec(value, 0..40)).prop_map(|(first, mut values)| {
        values.push(Some(first));
        values
    })
}

fn min_max() -> BoxTransform {
    BoxTransform::new(MinMaxScaler::new(["x"]))
}

fn standard() -> BoxTransform {
    BoxTransform::new(StandardScaler::new(["x"]))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn ends_of_filled_floats_follow_to_the_bit(values in with_gaps(), which in 0..6_usize, narrow in proptest::bool::ANY) {
        let mut frame = df!["x" => values].expect("a column");
        if narrow {
            frame = frame.lazy().with_columns([col("x").cast(DataType::Float32)]).collect().expect("rows");
        }
        for last in [MinMaxScaler::new(["x"]), MinMaxScaler::new(["x"]).range(-3.0, 5.0)] {
            let steps = [BoxTransform::new(imputers(which)), BoxTransform::new(last)];
            prop_assert_eq!(levels(&steps, &frame), 1);
            prop_assert_eq!(bits(&fitted(&steps, &frame)), bits(&by_hand(&steps, &frame)));
        }
    }

    #[test]
    fn means_and_deviations_of_filled_floats_follow(
        values in with_gaps(),
        which in 0..6_usize,
        offset in prop_oneof![Just(0.0), Just(1e9), Just(-1e12)],
        scaled in proptest::bool::ANY,
        narrow in proptest::bool::ANY,
    ) {
        let values: Vec<_> = values.into_iter().map(|value| value.map(|value| value + offset)).collect();
        let mut frame = df!["x" => values].expect("a column");
        let mut steps = vec![BoxTransform::new(imputers(which)), standard()];
        // What lies on a line before it is filled follows too, of columns of 64 bits.
        if scaled && !narrow && which != 2 && which != 4 {
            steps.insert(0, min_max());
        }
        if narrow {
            frame = frame.lazy().with_columns([col("x").cast(DataType::Float32)]).collect().expect("rows");
        }
        let expected = by_hand(&steps, &frame);
        prop_assert_eq!(levels(&steps, &frame), 1);
        near(&fitted(&steps, &frame), &expected, 1e-11 * (1.0 + offset.abs() / 1e3));
    }

    #[test]
    fn filled_integers_and_times_follow(
        which in 0..20_usize,
        imputer in 0..3_usize,
        values in prop::collection::vec(prop_oneof![3 => (0..120_i128).prop_map(Some), 2 => Just(None)], 1..40),
        float in proptest::bool::ANY,
    ) {
        let dtypes = integer_dtypes();
        let (dtype, low, high) = &dtypes[which % dtypes.len()];
        // From the lowest value of the dtype, where a float has long lost count.
        let range = high.saturating_sub(*low).min(120);
        let mut values: Vec<_> = values.into_iter().map(|value| value.map(|value| low + value % (range + 1))).collect();
        values.push(Some(*low));
        let frame = crate::support::frame(physical(dtype, &values));
        let mut fill = imputers(imputer);
        let wide = matches!(dtype, DataType::Int64 | DataType::UInt64);
        if float && !wide {
            fill = fill.integers(Integers::Float);
        }
        for last in [min_max(), standard()] {
            let steps = [BoxTransform::new(fill.clone()), last];
            prop_assert_eq!(levels(&steps, &frame), 1);
            near(&fitted(&steps, &frame), &by_hand(&steps, &frame), 1e-9);
        }
        let steps = [BoxTransform::new(fill), min_max()];
        prop_assert_eq!(bits(&fitted(&steps, &frame)), bits(&by_hand(&steps, &frame)));
    }

    #[test]
    fn most_frequent_values_of_filled_columns_follow(
        texts in prop::collection::vec(prop_oneof![Just(None), Just(Some("")), Just(Some("a")), Just(Some("b"))], 1..30),
        empty in proptest::bool::ANY,
    ) {
        let mut texts = texts;
        texts.push(Some("b"));
        let frame = df!["x" => texts].expect("a column");
        let empty = if empty { EmptyAs::Missing } else { EmptyAs::Value };
        let steps = [
            BoxTransform::new(Imputer::most_frequent(["x"]).empty(empty)),
            BoxTransform::new(Count),
        ];
        prop_assert_eq!(levels(&steps, &frame), 1);
        let (found, expected) = (fitted(&steps, &frame), by_hand(&steps, &frame));
        prop_assert!(found.equals_missing(&expected), "{} {}", found, expected);
    }
}

/// Writes what it counted of the column `x` into a column of texts.
#[derive(Clone, Debug)]
struct Count;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Counted(String);

impl Artifact for Counted {
    const KIND: &'static str = "counted";
}

impl Apply for Counted {
    fn apply(&self, frame: LazyFrame) -> floe::Result<LazyFrame> {
        Ok(frame.with_columns([lit(self.0.as_str()).alias("counted")]))
    }

    fn output(&self, input: &Schema) -> floe::Result<Schema> {
        let mut output = input.clone();
        output.set(floe::Field::new("counted", DataType::String));
        Ok(output)
    }
}

impl Transform for Count {
    type Fitted = Counted;

    fn reads(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(vec!["x".into()])
    }

    fn writes(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(vec!["counted".into()])
    }

    fn needs(&self, _: &Schema) -> floe::Result<Vec<Need>> {
        let asked = [
            Statistic::Categories { most: 3 },
            Statistic::MostFrequent { most: 3 },
        ];
        Ok(asked.map(|asked| Need::column("x", asked)).into())
    }

    fn fit(&self, _: &Schema, learned: &Learned) -> floe::Result<Counted> {
        let categories = learned.categories("x", 3)?;
        let most = learned.most_frequent("x", 3)?;
        let nulls = learned.nulls("x")?;
        Ok(Counted(format!("{categories:?} {most:?} {nulls}")))
    }

    fn output(&self, input: &Schema) -> floe::Result<Schema> {
        Counted(String::new()).output(input)
    }
}

#[test]
fn a_limit_holds_of_the_filled_column() {
    let step = |empty| {
        [
            BoxTransform::new(Imputer::most_frequent(["x"]).empty(empty)),
            BoxTransform::new(Count),
        ]
    };
    let four = df!["x" => [Some("a"), Some("b"), Some("c"), Some(""), None]].expect("a frame");
    // Without the empty text three are left.
    let missing = step(EmptyAs::Missing);
    let (found, expected) = (fitted(&missing, &four), by_hand(&missing, &four));
    assert!(found.equals_missing(&expected), "{found} {expected}");
    let error = step(EmptyAs::Value)
        .to_vec()
        .fit_on(&train(&four))
        .expect_err("too many");
    assert_eq!((error.kind(), error.column()), (ErrorKind::Fit, Some("x")));
    assert!(error.to_string().contains("more than 3"), "{error}");
}

#[test]
fn a_column_of_gaps_and_ends_of_the_floats_follow() {
    let far = df!["x" => [Some(f64::MAX), Some(-f64::MAX), None, Some(f64::MAX), None]];
    let same = df!["x" => [Some(0.1), None, Some(0.1), Some(0.1), None]];
    let tiny = df!["x" => [Some(0.0), Some(1e-300), None, Some(3e-300), None]];
    for frame in [far, same, tiny].map(|frame| frame.expect("a frame")) {
        for which in 0..3 {
            let steps = [BoxTransform::new(imputers(which)), standard()];
            near(&fitted(&steps, &frame), &by_hand(&steps, &frame), 1e-12);
        }
    }
}

#[test]
fn what_does_not_follow_waits_a_level() {
    let frame = df![
        "x" => [Some(1_i64), None, Some(4), Some(5)],
        "group" => ["a", "a", "b", "b"],
        "y" => [1.0, 2.0, 3.0, 5.0],
    ]
    .expect("a frame");
    let robust = BoxTransform::new(RobustScaler::new(["x"]));
    let mean = || BoxTransform::new(Imputer::mean(["x"]));
    let grouped = BoxTransform::new(Imputer::mean(["x"]).by("group"));
    // 64-bit integers are rounded on their way to floats.
    let float = BoxTransform::new(Imputer::mean(["x"]).integers(Integers::Float));
    for steps in [[mean(), robust], [grouped, min_max()], [float, min_max()]] {
        assert_eq!(levels(&steps, &frame), 2, "{steps:?}");
        near(&fitted(&steps, &frame), &by_hand(&steps, &frame), 1e-12);
    }
    let flow = floe::from_train(InMemory::new(frame))
        .then(Imputer::mean(["x"]))
        .then(StandardScaler::new(["x"]))
        .learn(LinearRegression::new(["x"], "y"));
    let explain = flow.explain().expect("a plan");
    assert_eq!(explain.levels.len(), 2, "{explain}");
}

/// Says that it only fills, and does something else.
#[derive(Clone, Debug)]
enum Lie {
    Moves,
    FillsWithNan,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lied(bool);

impl Artifact for Lied {
    const KIND: &'static str = "lied";
}

impl Apply for Lied {
    fn apply(&self, frame: LazyFrame) -> floe::Result<LazyFrame> {
        let x = col("x").fill_null(lit(if self.0 { 1.0 } else { f64::NAN }));
        Ok(frame.with_columns([if self.0 { x + lit(1.0) } else { x }]))
    }

    fn output(&self, input: &Schema) -> floe::Result<Schema> {
        Ok(input.clone())
    }
}

impl Transform for Lie {
    type Fitted = Lied;

    fn reads(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(vec!["x".into()])
    }

    fn writes(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(vec!["x".into()])
    }

    fn needs(&self, _: &Schema) -> floe::Result<Vec<Need>> {
        Ok(vec![Need::column("x", Statistic::Count)])
    }

    fn fit(&self, _: &Schema, _: &Learned) -> floe::Result<Lied> {
        Ok(Lied(matches!(self, Self::Moves)))
    }

    fn output(&self, input: &Schema) -> floe::Result<Schema> {
        Ok(input.clone())
    }

    fn shape(&self, _: &Schema, _: &str) -> Shape {
        Shape::Filled
    }
}

#[test]
fn a_step_that_does_more_than_fill_is_refused() {
    let frame = df!["x" => [Some(-3.0), None, Some(7.0)]].expect("a column");
    for lie in [Lie::Moves, Lie::FillsWithNan] {
        let chain = lie.clone().then(MinMaxScaler::new(["x"]));
        let error = chain.fit_on(&train(&frame)).expect_err("a lie");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::Config, Some("x"))
        );
        assert!(error.to_string().contains("Shape::Any"), "{lie:?}: {error}");
        let broken = floe::testing::check_step(&lie, &frame);
        let told = lie_is_told(&lie, broken);
        assert!(told, "{lie:?}");
    }
}

/// The kit sees values that move; that a gap becomes NaN is a value like any other to it.
fn lie_is_told(lie: &Lie, checked: Result<(), floe::testing::Broken>) -> bool {
    matches!(lie, Lie::FillsWithNan) || checked.is_err()
}

#[test]
fn titanic_is_imputed_and_scaled_at_one_level_in_folds_too() {
    let Some(path) = data("titanic/train.csv") else {
        return;
    };
    let steps = || {
        vec![
            BoxTransform::new(MissingIndicator::new(["Age"])),
            BoxTransform::new(Imputer::median(["Age"])),
            BoxTransform::new(Imputer::mean(["Fare"])),
            BoxTransform::new(Imputer::most_frequent(["Embarked"])),
            BoxTransform::new(StandardScaler::new(["Age", "Fare"])),
            BoxTransform::new(MinMaxScaler::new(["SibSp", "Parch"])),
        ]
    };
    let flow = floe::from(Csv::new(&path))
        .split(KFold::new(5).seed(1))
        .then(steps())
        .learn(MeanRegressor::new("Survived"));
    let explain = flow.explain().expect("a plan");
    assert_eq!(explain.levels.len(), 1, "{explain}");
    let run = flow.run().expect("a run");
    let scans = run.scans().iter();
    let levels = scans.filter(|scan| scan.purpose == "level").count();
    assert_eq!(levels, 1, "one reading for all folds");
}
