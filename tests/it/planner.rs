//! Levels, versions of columns, and scans: what `explain()` says is what happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use floe::learn::{FitOn, Learned, Need, Statistic};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::{Artifact, BoxTransform, Identity};
use floe::{Frame, Result, Schema, Train};
use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, proptest};
use serde::{Deserialize, Serialize};

/// `to = from - mean(by)`: reads two columns, so that it can be blocked by one and not the other.
#[derive(Clone, Debug)]
pub(crate) struct MinusMean {
    from: String,
    by: String,
    to: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MinusConstant {
    from: String,
    to: String,
    constant: f64,
}

impl Artifact for MinusConstant {
    const KIND: &'static str = "minus_constant";
}

impl Apply for MinusConstant {
    fn apply(&self, frame: LazyFrame) -> Result<LazyFrame> {
        let from = col(self.from.as_str()).cast(DataType::Float64);
        Ok(frame.with_columns([(from - lit(self.constant)).alias(self.to.as_str())]))
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        output.set(floe::Field::new(self.to.as_str(), DataType::Float64));
        Ok(output)
    }
}

impl Transform for MinusMean {
    type Fitted = MinusConstant;

    fn reads(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec![self.from.as_str().into(), self.by.as_str().into()])
    }

    fn writes(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec![self.to.as_str().into()])
    }

    fn needs(&self, _: &Schema) -> Result<Vec<Need>> {
        Ok(vec![Need::column(self.by.as_str(), Statistic::Mean)])
    }

    fn fit(&self, _: &Schema, learned: &Learned) -> Result<MinusConstant> {
        Ok(MinusConstant {
            from: self.from.clone(),
            to: self.to.clone(),
            constant: learned.mean(&self.by)?.map_or(0.0, |mean| mean.to_f64()),
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let mut output = input.clone();
        output.set(floe::Field::new(self.to.as_str(), DataType::Float64));
        Ok(output)
    }
}

pub(crate) fn minus_mean(from: &str, by: &str, to: &str) -> MinusMean {
    MinusMean {
        from: from.to_owned(),
        by: by.to_owned(),
        to: to.to_owned(),
    }
}

fn train(frame: DataFrame) -> Frame<Train> {
    floe::train_on(InMemory::new(frame)).unwrap()
}

fn abc() -> DataFrame {
    df!["a" => [1.0, 2.0, 6.0], "b" => [10.0, 20.0, 30.0], "c" => [5.0, 5.0, 8.0]].unwrap()
}

#[test]
fn a_need_is_answered_at_the_steps_own_place() {
    // `a` is written by the first step, so the second cannot be applied at the first level; it asks
    // for the mean of `b` all the same, which the third rewrites. It must be that before: 20.
    let chain = minus_mean("a", "a", "a")
        .then(minus_mean("a", "b", "c"))
        .then(MinMaxScaler::new(["b"]));
    let frame = train(abc());
    assert_eq!(chain.levels(frame.schema()).unwrap().len(), 1);
    let fitted = chain.fit_on(&frame).unwrap();
    assert_eq!(fitted.first().next().constant, 20.0);
    assert_eq!(fitted.first().first().constant, 3.0);
    let (min, max) = fitted.next().range("b").unwrap();
    assert_eq!((min.to_f64(), max.to_f64()), (10.0, 30.0));
}

#[test]
fn a_kept_version_answers_when_a_later_step_overwrites_the_column() {
    // At level 2 the scaler of `b` is fitted and applied in the same walk in which the second
    // step's need on `b` is still open.
    let chain = minus_mean("a", "a", "a")
        .then(minus_mean("b", "a", "c"))
        .then(minus_mean("c", "b", "d"))
        .then(StandardScaler::new(["b"]));
    let frame = train(abc());
    let fitted = chain.fit_on(&frame).unwrap();
    assert_eq!(fitted.first().next().constant, 20.0);
}

#[test]
fn disjoint_steps_are_one_level_however_many() {
    for count in [1, 10, 30] {
        let names: Vec<String> = (0..count).map(|i| format!("c{i}")).collect();
        let columns = names
            .iter()
            .enumerate()
            .map(|(i, name)| Column::new(name.as_str().into(), vec![i as f64, 2.0, 7.0]))
            .collect();
        let frame = train(DataFrame::new(3, columns).unwrap());
        let steps: Vec<BoxTransform> = names
            .iter()
            .enumerate()
            .map(|(i, name)| match i % 2 {
                0 => BoxTransform::new(MinMaxScaler::new([name.as_str()])),
                _ => BoxTransform::new(StandardScaler::new([name.as_str()])),
            })
            .collect();
        let levels = steps.levels(frame.schema()).unwrap();
        assert_eq!(levels.len(), 1);
        assert_eq!(levels[0].scans, 1);
        assert_eq!(levels[0].columns.len(), count);
        steps.fit_on(&frame).unwrap();
    }
}

#[test]
fn a_typed_chain_of_ten_disjoint_steps_is_one_level() {
    let names: Vec<String> = (0..10).map(|i| format!("c{i}")).collect();
    let columns = names
        .iter()
        .map(|name| Column::new(name.as_str().into(), vec![0.0, 2.0, 7.0]))
        .collect();
    let frame = train(DataFrame::new(3, columns).unwrap());
    let chain = MinMaxScaler::new(["c0"])
        .then(StandardScaler::new(["c1"]))
        .then(MinMaxScaler::new(["c2"]))
        .then(StandardScaler::new(["c3"]))
        .then(MinMaxScaler::new(["c4"]))
        .then(StandardScaler::new(["c5"]))
        .then(MinMaxScaler::new(["c6"]))
        .then(StandardScaler::new(["c7"]))
        .then(MinMaxScaler::new(["c8"]))
        .then(StandardScaler::new(["c9"]));
    assert_eq!(chain.levels(frame.schema()).unwrap().len(), 1);
    let fitted = chain.fit_on(&frame).unwrap();
    // The fitted types are kept.
    assert_eq!(fitted.next().mean("c9"), Some(3.0));
}

#[test]
fn steps_that_learn_nothing_cost_no_level() {
    let chain = WithColumns::new([(col("a") + lit(1.0)).alias("a")])
        .then(MinMaxScaler::new(["a"]))
        .then(WithColumns::new([(col("b") * lit(2.0)).alias("b")]))
        .then(StandardScaler::new(["b"]));
    let frame = train(abc());
    assert_eq!(chain.levels(frame.schema()).unwrap().len(), 1);
    let fitted = chain.fit_on(&frame).unwrap();
    assert_eq!(fitted.next().mean("b"), Some(40.0));
}

/// A source whose rows pass a counting map, so that rows read can be told by purpose.
#[derive(Debug)]
struct Counted {
    frame: DataFrame,
    rows: Arc<AtomicUsize>,
}

impl Source for Counted {
    fn scan(&self) -> Result<LazyFrame> {
        let rows = Arc::clone(&self.rows);
        let counted = col("x").map(
            move |column| {
                rows.fetch_add(column.len(), Ordering::Relaxed);
                Ok(column)
            },
            |_, field| Ok(field.clone()),
        );
        Ok(self.frame.clone().lazy().with_columns([counted]))
    }
}

#[test]
fn explain_says_the_scans_and_rows_through_a_counting_map_agree() {
    let n = 10_000_usize;
    let frame = df![
        "x" => (0..n).map(|i| i as f64).collect::<Vec<_>>(),
        "y" => (0..n).map(|i| (i % 7) as f64).collect::<Vec<_>>(),
    ]
    .unwrap();
    let rows = Arc::new(AtomicUsize::new(0));
    let source = Counted {
        frame,
        rows: Arc::clone(&rows),
    };
    let flow = floe::from(source)
        .split(TrainTestSplit::new(0.3).seed(7).stable())
        .then(StandardScaler::new(["x"]))
        .then(minus_mean("x", "x", "x"))
        .then(MinMaxScaler::new(["x"]))
        .then(WithColumns::new([(col("x") * col("x")).alias("square")]))
        .learn(LinearRegression::new(["square"], "y"));
    let explain = flow.explain().unwrap();
    assert_eq!((explain.levels.len(), explain.count_scans), (3, 0));
    assert_eq!(explain.scans(), 4);
    assert_eq!(rows.load(Ordering::Relaxed), 0, "explain read rows");
    let run = flow.run().unwrap();
    assert_eq!(run.scans().len(), explain.scans());
    // Each scan passes every row of the source through the map once, and the side is cut after it.
    assert_eq!(rows.load(Ordering::Relaxed), explain.scans() * n);
}

#[test]
fn an_exact_split_of_a_source_of_unknown_length_counts_once() {
    let frame = df!["x" => [1.0, 2.0, 3.0, 4.0, 5.0], "y" => [1.0, 3.0, 2.0, 5.0, 4.0]].unwrap();
    let source = Counted {
        frame,
        rows: Arc::default(),
    };
    let flow = floe::from(source)
        .split(TrainTestSplit::new(0.4))
        .learn(LinearRegression::new(["x"], "y"));
    assert_eq!(flow.explain().unwrap().count_scans, 1);
    let run = flow.run().unwrap();
    let purposes: Vec<&str> = run
        .scans()
        .iter()
        .map(|scan| scan.purpose.as_str())
        .collect();
    assert_eq!(purposes, ["count", "level", "score"]);
}

/// Learns by a query of its own what no statistic says: how many distinct values there are.
#[derive(Clone, Debug)]
struct DistinctCount(String);

impl Transform for DistinctCount {
    type Fitted = MinusConstant;

    fn reads(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec![self.0.as_str().into()])
    }

    fn writes(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec![self.0.as_str().into()])
    }

    fn needs(&self, _: &Schema) -> Result<Vec<Need>> {
        Ok(vec![Need::query("distinct", [self.0.as_str()], |frame| {
            Ok(frame.unique(None, UniqueKeepStrategy::Any).collect()?)
        })])
    }

    fn fit(&self, _: &Schema, learned: &Learned) -> Result<MinusConstant> {
        Ok(MinusConstant {
            from: self.0.clone(),
            to: self.0.clone(),
            constant: learned.query("distinct")?.height() as f64,
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        Ok(input.clone())
    }
}

#[test]
fn a_query_of_its_own_is_a_scan_of_its_own_at_the_steps_place() {
    let chain = WithColumns::new([(col("c") * lit(0.0)).alias("b")])
        .then(DistinctCount("c".to_owned()))
        .then(DistinctCount("b".to_owned()))
        .then(MinMaxScaler::new(["a"]));
    let frame = train(abc());
    let levels = chain.levels(frame.schema()).unwrap();
    assert_eq!((levels.len(), levels[0].scans), (1, 3));
    assert_eq!(levels[0].queries, ["distinct", "distinct"]);
    let fitted = chain.fit_on(&frame).unwrap();
    assert_eq!(fitted.first().first().next().constant, 2.0);
    assert_eq!(fitted.first().next().constant, 1.0);
}

#[derive(Clone, Debug)]
enum Step {
    MinMax(usize),
    Standard(usize),
    MinusMean(usize, usize, usize),
    Double(usize, usize),
}

const COLUMNS: [&str; 4] = ["a", "b", "c", "d"];

fn any_step() -> impl Strategy<Value = Step> {
    use proptest::prelude::prop_oneof;
    let at = 0..COLUMNS.len();
    prop_oneof![
        at.clone().prop_map(Step::MinMax),
        at.clone().prop_map(Step::Standard),
        (at.clone(), at.clone(), at.clone()).prop_map(|(a, b, c)| Step::MinusMean(a, b, c)),
        (at.clone(), at).prop_map(|(a, b)| Step::Double(a, b)),
    ]
}

fn boxed(step: &Step) -> BoxTransform {
    match *step {
        Step::MinMax(at) => BoxTransform::new(MinMaxScaler::new([COLUMNS[at]])),
        Step::Standard(at) => BoxTransform::new(StandardScaler::new([COLUMNS[at]])),
        Step::MinusMean(from, by, to) => {
            BoxTransform::new(minus_mean(COLUMNS[from], COLUMNS[by], COLUMNS[to]))
        }
        Step::Double(from, to) => BoxTransform::new(WithColumns::new([(col(COLUMNS[from])
            * lit(2.0))
        .alias(COLUMNS[to])])),
    }
}

/// How many levels a chain needs, by the rules and without the planner.
///
/// Of each column: after how many levels its values are there, and at which level its mean is known.
/// The mean of values that are there is known a level later; that of a scaled column, which follows
/// from the one before, as soon as the scaler is fitted.
fn depth(steps: &[Step]) -> usize {
    let mut there = [0; COLUMNS.len()];
    let mut known = [1; COLUMNS.len()];
    let mut deepest = 0;
    for step in steps {
        match *step {
            Step::MinMax(at) | Step::Standard(at) => {
                deepest = deepest.max(known[at]);
                there[at] = there[at].max(known[at]);
            }
            Step::MinusMean(from, by, to) => {
                deepest = deepest.max(known[by]);
                there[to] = there[from].max(there[by]).max(known[by]);
                known[to] = there[to] + 1;
            }
            Step::Double(from, to) => {
                there[to] = there[from];
                known[to] = there[to] + 1;
            }
        }
    }
    deepest
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn random_chains_equal_step_by_step_fitting(
        steps in prop::collection::vec(any_step(), 1..8),
        rows in prop::collection::vec([-50.0..50.0, -50.0..50.0, -50.0..50.0, -50.0..50.0f64], 2..30),
    ) {
        let columns = (0..4).map(|at| {
            Column::new(COLUMNS[at].into(), rows.iter().map(|row| row[at]).collect::<Vec<f64>>())
        });
        let frame = DataFrame::new(rows.len(), columns.collect()).unwrap();
        let chain: Vec<BoxTransform> = steps.iter().map(boxed).collect();
        let whole = chain.fit_on(&train(frame.clone())).unwrap();
        let planned = whole.apply(frame.clone().lazy()).unwrap().collect().unwrap();
        let mut by_hand = frame.clone();
        for step in &chain {
            let fitted = step.fit_on(&train(by_hand.clone())).unwrap();
            by_hand = fitted.apply(by_hand.lazy()).unwrap().collect().unwrap();
        }
        // Means and deviations that follow from those before a scaling are rounded elsewhere.
        for (planned, by_hand) in planned.columns().iter().zip(by_hand.columns()) {
            let pairs = planned.f64().unwrap().iter().zip(by_hand.f64().unwrap().iter());
            for (planned, by_hand) in pairs {
                let (planned, by_hand) = (planned.unwrap(), by_hand.unwrap());
                let size = by_hand.abs().max(1.0);
                prop_assert!((planned - by_hand).abs() <= 1e-9 * size, "{planned} {by_hand}");
            }
        }
        let schema = Schema::from_polars(frame.schema());
        prop_assert_eq!(chain.levels(&schema).unwrap().len(), depth(&steps));
        prop_assert_eq!(Identity.levels(&schema).unwrap().len(), 0);
    }
}

/// Learns the mean of `y` without saying that it reads `y`; builds its schema anew if asked.
#[derive(Clone, Debug)]
struct Careless {
    learns: bool,
}

impl Transform for Careless {
    type Fitted = MinusConstant;

    fn reads(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec!["x".into()])
    }

    fn writes(&self, _: &Schema) -> Result<Vec<PlSmallStr>> {
        Ok(vec!["z".into()])
    }

    fn needs(&self, _: &Schema) -> Result<Vec<Need>> {
        let need = self.learns.then(|| Need::column("y", Statistic::Mean));
        Ok(need.into_iter().collect())
    }

    fn fit(&self, _: &Schema, _: &Learned) -> Result<MinusConstant> {
        Ok(MinusConstant {
            from: "x".to_owned(),
            to: "z".to_owned(),
            constant: 0.0,
        })
    }

    fn output(&self, input: &Schema) -> Result<Schema> {
        let fields = input.fields().iter();
        let fields =
            fields.map(|field| floe::Field::new(field.name().clone(), field.dtype().clone()));
        Schema::new(fields.chain([floe::Field::new("z", DataType::Float64)]))
    }
}

fn xy() -> InMemory {
    InMemory::new(df!["x" => [1.0, 2.0, 4.0, 8.0], "y" => [1.0, 3.0, 5.0, 9.0]].unwrap())
}

#[test]
fn a_need_beyond_the_declared_reads_is_refused() {
    let flow = floe::from(xy())
        .split(TrainTestSplit::new(0.5))
        .then(Careless { learns: true })
        .learn(LinearRegression::new(["x"], "y"));
    let error = flow.check().unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (floe::ErrorKind::Config, Some("y"))
    );
}

#[test]
fn a_step_that_builds_its_schema_anew_does_not_make_the_target_a_feature() {
    let flow = floe::from(xy())
        .split(TrainTestSplit::new(0.5))
        .then(Careless { learns: false })
        .then(WithColumns::new([(col("y") * lit(2.0)).alias("cheat")]))
        .learn(LinearRegression::new(["cheat"], "y"));
    let error = flow.check().unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (floe::ErrorKind::Schema, Some("y"))
    );
}
