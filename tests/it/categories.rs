//! What is learned of categories and of groups: against a naive count, in folds, within limits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use floe::learn::{Category, Frequent, GroupStatistic, Learned, Need, Statistic, Value};
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::Artifact;
use floe::{ErrorKind, Schema};
use serde::{Deserialize, Serialize};

/// A step that only looks: what it learned, one entry a fit.
#[derive(Clone)]
struct Look {
    columns: Vec<PlSmallStr>,
    needs: Vec<Need>,
    seen: Arc<Mutex<Vec<Learned>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Looked;

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Look")
    }
}

impl Apply for Looked {
    fn apply(&self, frame: LazyFrame) -> floe::Result<LazyFrame> {
        Ok(frame)
    }

    fn output(&self, input: &Schema) -> floe::Result<Schema> {
        Ok(input.clone())
    }
}

impl Artifact for Looked {
    const KIND: &'static str = "looked";
}

impl Transform for Look {
    type Fitted = Looked;

    fn reads(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(Vec::new())
    }

    fn learns_from(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(self.columns.clone())
    }

    fn writes(&self, _: &Schema) -> floe::Result<Vec<PlSmallStr>> {
        Ok(Vec::new())
    }

    fn needs(&self, _: &Schema) -> floe::Result<Vec<Need>> {
        Ok(self.needs.clone())
    }

    fn fit(&self, _: &Schema, learned: &Learned) -> floe::Result<Looked> {
        self.seen.lock().unwrap().push(learned.clone());
        Ok(Looked)
    }

    fn output(&self, input: &Schema) -> floe::Result<Schema> {
        Ok(input.clone())
    }
}

impl Look {
    fn new(needs: Vec<Need>) -> Self {
        let columns = needs.iter().flat_map(Need::columns).collect();
        Self {
            columns,
            needs,
            seen: Arc::default(),
        }
    }

    fn at(self, rows: DataFrame) -> floe::Result<Learned> {
        self.fit_on(&floe::train_on(InMemory::new(rows))?)?;
        let learned = self.seen.lock().unwrap().pop();
        Ok(learned.unwrap())
    }
}

const MOST: usize = 1000;

fn text(value: &str) -> Category {
    Category::Text(value.to_owned())
}

/// `port` holds an empty text, which is no null; `age` holds gaps of both kinds.
fn rows(n: usize) -> DataFrame {
    let ports = [Some("S"), Some("C"), None, Some(""), Some("S"), Some("Q")];
    let at = 0..n;
    df![
        "port" => at.clone().map(|i| ports[i * 7 % 11 % 6]).collect::<Vec<_>>(),
        "class" => at.clone().map(|i| (i % 5 != 4).then_some((i * i % 3) as i8)).collect::<Vec<_>>(),
        "age" => at.clone().map(|i| match i % 9 {
            2 => None,
            5 => Some(f64::NAN),
            _ => Some(((i * 31 % 23) as f64 * 0.1).exp()),
        }).collect::<Vec<_>>(),
        "fare" => at.clone().map(|i| (i * 13 % 17) as i64 - 5).collect::<Vec<_>>(),
        "alive" => at.map(|i| i * 7 % 3 == 0).collect::<Vec<_>>(),
    ]
    .unwrap()
}

#[test]
fn categories_are_counted_with_nulls_apart_from_empty_texts() {
    let ask = |column: &str| Need::column(column, Statistic::Categories { most: MOST });
    let learned = Look::new(["port", "class", "alive", "fare"].map(ask).to_vec())
        .at(rows(1000))
        .unwrap();
    let frame = rows(1000);
    let ports = learned.categories("port", MOST).unwrap();
    let mut naive = BTreeMap::new();
    let mut nulls = 0;
    for port in frame.column("port").unwrap().str().unwrap().iter() {
        match port {
            Some(port) => *naive.entry(text(port)).or_insert(0_u64) += 1,
            None => nulls += 1,
        }
    }
    assert_eq!(ports.counts, naive.into_iter().collect::<Vec<_>>());
    assert_eq!((ports.nulls, ports.rows), (nulls, 1000));
    assert!(nulls > 0 && ports.counts[0].0 == text(""));
    let alive = learned.categories("alive", MOST).unwrap();
    assert_eq!(
        alive.counts,
        [(Category::Bool(false), 666), (Category::Bool(true), 334)]
    );
    let fares = learned.categories("fare", MOST).unwrap();
    assert_eq!(fares.counts.first().unwrap().0, Category::Int(-5));
    assert_eq!(fares.counts.len(), 17);
    assert_eq!(learned.rows("port").unwrap(), 1000);
    assert_eq!(learned.nulls("port").unwrap(), nulls);
}

#[test]
fn a_limit_of_distinct_values_is_an_error_and_not_memory() {
    let names = |n: usize| df!["name" => (0..n).map(|i| format!("n{i}")).collect::<Vec<_>>()];
    let look = |most| Look::new(vec![Need::column("name", Statistic::Categories { most })]);
    let learned = look(50_000).at(names(50_000).unwrap()).unwrap();
    assert_eq!(
        learned.categories("name", 50_000).unwrap().counts.len(),
        50_000
    );
    let learned = look(50_000).at(names(50_001).unwrap()).unwrap();
    let error = learned.categories("name", 50_000).unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Fit, Some("name"))
    );
    assert!(error.to_string().contains("more than 50000"), "{error}");
}

#[test]
fn the_most_frequent_value_is_the_smallest_of_several() {
    let frame = df![
        "x" => [Some(2.5), Some(-0.0), Some(0.0), Some(2.5), None, Some(f64::NAN)],
        "t" => [Some("b"), Some("a"), None, None, Some("a"), Some("b")],
    ]
    .unwrap();
    let ask = |column: &str| Need::column(column, Statistic::MostFrequent { most: MOST });
    let learned = Look::new(["x", "t"].map(ask).to_vec()).at(frame).unwrap();
    let x = learned.most_frequent("x", MOST).unwrap().unwrap();
    assert_eq!((x.value, x.rows), (Frequent::Number(Value::Float(0.0)), 2));
    let t = learned.most_frequent("t", MOST).unwrap().unwrap();
    assert_eq!((t.value, t.rows), (Frequent::Text("a".to_owned()), 2));
}

#[test]
fn what_is_no_category_is_refused_before_a_row_is_read() {
    for need in [
        Need::column("age", Statistic::Categories { most: MOST }),
        Need::column("port", Statistic::Mean),
        Need::grouped("fare", "age", GroupStatistic::Mean, MOST),
        Need::grouped("port", "class", GroupStatistic::Median, MOST),
    ] {
        let schema = floe::train_on(InMemory::new(rows(3))).unwrap();
        let error = Look::new(vec![need]).levels(schema.schema()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
    }
}

/// Rows and values of each group, by hand.
fn by_hand(frame: &DataFrame, of: &str, by: &str) -> BTreeMap<Option<String>, (u64, Vec<f64>)> {
    let of = frame.column(of).unwrap().cast(&DataType::Float64).unwrap();
    let by = frame.column(by).unwrap().cast(&DataType::String).unwrap();
    let mut groups = BTreeMap::new();
    for (value, key) in of.f64().unwrap().iter().zip(by.str().unwrap().iter()) {
        let group = groups
            .entry(key.map(ToOwned::to_owned))
            .or_insert((0, Vec::new()));
        group.0 += 1;
        group.1.extend(value.filter(|value| value.is_finite()));
    }
    groups
}

#[test]
fn groups_have_the_mean_median_and_mode_of_their_own_rows() {
    for (of, by) in [("age", "port"), ("fare", "class"), ("alive", "port")] {
        let ask = |statistic| Look::new(vec![Need::grouped(of, by, statistic, MOST)]).at(rows(997));
        let means = ask(GroupStatistic::Mean).unwrap();
        let medians = ask(GroupStatistic::Median).unwrap();
        let modes = ask(GroupStatistic::MostFrequent).unwrap();
        let naive = by_hand(&rows(997), of, by);
        let means = means.grouped(of, by, GroupStatistic::Mean).unwrap();
        assert_eq!(means.groups.len(), naive.len());
        assert!(naive.contains_key(&None), "a group of nulls");
        for (at, group) in means.groups.iter().enumerate() {
            let key = group.category.as_ref().map(ToString::to_string);
            let (rows, mut values) = naive[&key].clone();
            assert_eq!((group.rows, group.values), (rows, values.len() as u64));
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let found = group.mean.unwrap().to_f64();
            assert!((found - mean).abs() <= 1e-13 * mean.abs(), "{found} {mean}");
            values.sort_by(f64::total_cmp);
            let middle = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
            let median = &medians
                .grouped(of, by, GroupStatistic::Median)
                .unwrap()
                .groups[at];
            assert!((median.median.unwrap().to_f64() - middle).abs() < 1e-12);
            let most = values
                .iter()
                .map(|value| values.iter().filter(|other| *other == value).count())
                .max();
            let mode = modes
                .grouped(of, by, GroupStatistic::MostFrequent)
                .unwrap()
                .groups[at]
                .clone();
            assert_eq!(mode.most_frequent.unwrap().rows, most.unwrap() as u64);
        }
    }
}

#[test]
fn parts_of_a_group_add_up_and_do_not_depend_on_its_values() {
    let statistic = GroupStatistic::Parts { seed: 7, parts: 4 };
    let look = || Look::new(vec![Need::grouped("fare", "port", statistic, MOST)]);
    let learned = look().at(rows(2000)).unwrap();
    let groups = learned.grouped("fare", "port", statistic).unwrap();
    let naive = by_hand(&rows(2000), "fare", "port");
    for group in &groups.groups {
        let key = group.category.as_ref().map(ToString::to_string);
        let values = &naive[&key].1;
        assert_eq!(group.parts.len(), 4);
        let count: u64 = group.parts.iter().map(|part| part.values).sum();
        assert_eq!(count, values.len() as u64);
        let sum: f64 = group.parts.iter().map(|part| part.sum).sum();
        assert_eq!(sum, values.iter().sum::<f64>());
        let even = count as f64 / 4.0;
        for part in &group.parts {
            assert!((part.values as f64 - even).abs() < 6.0 * even.sqrt());
        }
    }
}

#[test]
fn folds_learn_what_each_would_alone_from_one_scan() {
    let n = 5_000;
    let needs = || {
        vec![
            Need::column("port", Statistic::Categories { most: MOST }),
            Need::column("age", Statistic::MostFrequent { most: MOST }),
            Need::grouped("age", "port", GroupStatistic::Mean, MOST),
            Need::grouped("fare", "class", GroupStatistic::Median, MOST),
            Need::grouped(
                "age",
                "class",
                GroupStatistic::Parts { seed: 1, parts: 3 },
                MOST,
            ),
        ]
    };
    let folds = KFold::new(4).seed(3);
    let together = Look::new(needs());
    let flow = floe::from(InMemory::new(rows(n)))
        .split(folds.clone())
        .then(together.clone())
        .learn(MeanRegressor::new("fare"));
    assert_eq!(flow.explain().unwrap().levels.len(), 1);
    flow.run().unwrap();
    let together = together.seen.lock().unwrap().clone();
    assert_eq!(together.len(), 4);
    for (fold, together) in together.iter().enumerate() {
        let alone = Look::new(needs());
        let flow = floe::from(InMemory::new(rows(n)))
            .split(folds.clone().fold(fold))
            .then(alone.clone())
            .learn(MeanRegressor::new("fare"));
        flow.run().unwrap();
        let alone = alone.seen.lock().unwrap().pop().unwrap();
        assert_eq!(
            alone.categories("port", MOST).unwrap(),
            together.categories("port", MOST).unwrap()
        );
        assert_eq!(
            alone.most_frequent("age", MOST).unwrap(),
            together.most_frequent("age", MOST).unwrap()
        );
        for (of, by, statistic) in [
            ("age", "port", GroupStatistic::Mean),
            ("fare", "class", GroupStatistic::Median),
            ("age", "class", GroupStatistic::Parts { seed: 1, parts: 3 }),
        ] {
            assert_eq!(
                alone.grouped(of, by, statistic).unwrap(),
                together.grouped(of, by, statistic).unwrap()
            );
        }
    }
}

#[test]
fn groups_are_read_by_their_statistic() {
    let need = |statistic| Need::grouped("fare", "port", statistic, MOST);
    let both = vec![need(GroupStatistic::Mean), need(GroupStatistic::Median)];
    let learned = Look::new(both).at(rows(500)).unwrap();
    let mean = learned
        .grouped("fare", "port", GroupStatistic::Mean)
        .unwrap();
    assert!(
        mean.groups
            .iter()
            .all(|group| group.mean.is_some() && group.median.is_none())
    );
    let median = learned
        .grouped("fare", "port", GroupStatistic::Median)
        .unwrap();
    assert!(
        median
            .groups
            .iter()
            .all(|group| group.mean.is_none() && group.median.is_some())
    );
    let error = learned
        .grouped("fare", "port", GroupStatistic::Spread)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn polars_own_categories_are_refused_by_what_they_are() {
    let own = DataType::from_categories(Categories::global());
    let rows = rows(50)
        .lazy()
        .with_column(col("port").cast(own))
        .collect()
        .unwrap();
    let flow = floe::from_train(InMemory::new(rows)).learn(MostFrequentClassifier::new("port"));
    let error = flow.fit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    let told = error.to_string();
    assert!(
        told.contains("own categories") && told.contains("String"),
        "{told}"
    );
}
