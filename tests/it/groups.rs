//! Columns whose names are known after the fit, all the way through a flow.

use floe::estimator::LinearModel;
use floe::learn::FitOn;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::BoxTransform;
use floe::{Error, ErrorKind, Registry};

use crate::support::collect;

/// Texts, numbers with gaps and a target that follows from all of them.
fn rows(n: usize) -> DataFrame {
    let sex = |i: usize| ["male", "female"][i * 7 % 5 % 2];
    let port = |i: usize| [Some("S"), Some("C"), None, Some("Q")][i * 13 % 11 % 4];
    let age = |i: usize| (i % 6 != 1).then(|| (i * 31 % 47) as f64 + 0.5);
    let target = |i: usize| {
        let port = f64::from(i32::from(port(i) == Some("C")));
        10.0 + f64::from(i32::from(sex(i) == "male")) * 3.0 - 2.0 * port
            + 0.25 * age(i).unwrap_or(20.0)
    };
    let at = 0..n;
    df![
        "sex" => at.clone().map(sex).collect::<Vec<_>>(),
        "port" => at.clone().map(port).collect::<Vec<_>>(),
        "age" => at.clone().map(age).collect::<Vec<_>>(),
        "class" => at.clone().map(|i| (i % 3) as i64 + 1).collect::<Vec<_>>(),
        "fare" => at.clone().map(|i| (i * 17 % 29) as i32).collect::<Vec<_>>(),
        "y" => at.map(target).collect::<Vec<_>>(),
    ]
    .unwrap()
}

fn encoder() -> OneHotEncoder {
    OneHotEncoder::new(["sex", "port"]).drop_first()
}

macro_rules! steps {
    ($split:expr) => {
        floe::from(InMemory::new(rows(600)))
            .split($split)
            .then(encoder())
            .then(Imputer::mean(["age"]))
            .then(StandardScaler::new(["fare"]))
    };
}

const MADE: [&str; 4] = ["sex_male", "port_Q", "port_S", "port_None"];

fn split() -> TrainTestSplit {
    TrainTestSplit::new(0.3).seed(5)
}

fn bits(frame: LazyFrame) -> Vec<u64> {
    let frame = collect(frame).unwrap();
    let found = frame.column("prediction").unwrap().f64().unwrap().iter();
    found.map(|value| value.unwrap().to_bits()).collect()
}

/// What the same steps give by hand, one after the other.
fn by_hand(features: &[&str]) -> LinearModel {
    let run = steps!(split())
        .learn(MeanRegressor::new("y"))
        .run()
        .unwrap();
    let train = run.train();
    let chain = encoder()
        .then(Imputer::mean(["age"]))
        .then(StandardScaler::new(["fare"]));
    let fitted = chain.fit_on(train).unwrap();
    let encoded = fitted.apply(train.lazy()).unwrap().collect().unwrap();
    let flow = floe::from_train(InMemory::new(encoded));
    let model = flow
        .learn(LinearRegression::new(features, "y"))
        .fit()
        .unwrap();
    model.predictor().clone()
}

#[test]
fn an_estimator_takes_a_group_by_its_name_and_by_selectors() {
    let own = ["age", "fare"];
    let all_names = [
        "age",
        "class",
        "fare",
        "sex_male",
        "port_Q",
        "port_S",
        "port_None",
    ];
    let cases: [(Columns, Vec<&str>); 5] = [
        (
            ["sex", "age", "fare"].into(),
            vec!["sex_male", "age", "fare"],
        ),
        (
            ["age", "fare", "port", "sex"].into(),
            [&own[..], &MADE[1..], &MADE[..1]].concat(),
        ),
        (all().into(), all_names.to_vec()),
        (
            by_name(["port", "age"], true, false).into(),
            vec!["port_Q", "port_S", "port_None", "age"],
        ),
        (
            (all() - by_name(["sex", "class"], true, false)).into(),
            vec!["age", "fare", "port_Q", "port_S", "port_None"],
        ),
    ];
    for (columns, names) in cases {
        let flow = steps!(split()).learn(LinearRegression::new(columns.clone(), "y"));
        flow.check().unwrap();
        assert_eq!(flow.explain().unwrap().levels.len(), 2, "{columns:?}");
        let run = flow.run().unwrap();
        let model = run.model().predictor();
        let found: Vec<&str> = model.features().iter().map(String::as_str).collect();
        if format!("{columns:?}").starts_with('[') {
            assert_eq!(found, names);
        } else {
            // In which order a selector gives them is an affair of Polars.
            let (mut sorted, mut expected) = (found.clone(), names.clone());
            sorted.sort_unstable();
            expected.sort_unstable();
            assert_eq!(sorted, expected, "{columns:?}");
        }
        let hand = by_hand(&found);
        for (name, value) in found.iter().zip(model.coefficients()) {
            let expected = hand.coefficient(name).unwrap();
            assert!(
                (value - expected).abs() < 1e-9,
                "{name}: {value} {expected}"
            );
        }
    }
}

#[test]
fn a_run_finds_the_effects_and_tells_what_it_took() {
    let flow = steps!(split()).learn(LinearRegression::new(["age", "sex", "port", "fare"], "y"));
    let explain = flow.explain().unwrap();
    // The encoder, the imputer and the scaler learn together, then the model.
    assert_eq!(explain.levels.len(), 2);
    assert_eq!(explain.levels[0].columns, ["sex", "port", "age", "fare"]);
    assert_eq!(explain.levels[0].counted, ["sex", "port"]);
    assert_eq!(
        explain.levels[1].columns,
        ["age", "sex", "port", "fare", "y"]
    );
    let run = flow.run().unwrap();
    assert_eq!(run.scans().len(), explain.scans());
    let model = run.model().predictor();
    assert!((model.coefficient("sex_male").unwrap() - 3.0).abs() < 0.2);
    assert!((model.coefficient("port_S").unwrap() - 2.0).abs() < 0.2);
}

#[test]
fn each_fold_has_the_names_of_its_own_train_rows() {
    // One category is in one row only, so that the model of its fold does not know it.
    let mut sex: Vec<&str> = (0..600)
        .map(|i| ["male", "female"][i * 7 % 5 % 2])
        .collect();
    sex[17] = "other";
    let rows = rows(600)
        .lazy()
        .drop(by_name(["sex"], true, false))
        .collect()
        .unwrap();
    let rows = rows.hstack(&[Column::new("sex".into(), sex)]).unwrap();
    let folds = KFold::new(4).seed(2);
    let flow = |folds: KFold| {
        let flow = floe::from(InMemory::new(rows.clone())).split(folds);
        let flow = flow
            .then(encoder().unknown(Unknown::Zero))
            .then(Imputer::mean(["age"]));
        let scaled = flow.then(StandardScaler::new(["port", "fare"]));
        scaled.learn(LinearRegression::new(["age", "sex", "port", "fare"], "y"))
    };
    let run = flow(folds.clone()).run().unwrap();
    let mut widths = Vec::new();
    for (fold, model) in run.models().iter().enumerate() {
        let alone = floe::from(InMemory::new(rows.clone())).split(folds.clone().fold(fold));
        let alone = alone
            .then(encoder().unknown(Unknown::Zero))
            .then(Imputer::mean(["age"]));
        let alone = alone.then(StandardScaler::new(["port", "fare"]));
        let alone = alone.learn(LinearRegression::new(["age", "sex", "port", "fare"], "y"));
        let alone = alone.run().unwrap();
        assert_eq!(alone.model().predictor(), model.predictor());
        assert_eq!(alone.metrics(), &run.metrics()[fold]);
        widths.push(model.predictor().features().len());
    }
    widths.sort_unstable();
    assert_eq!(widths, [6, 7, 7, 7]);
    run.predictions().unwrap().collect().unwrap();
}

#[test]
fn a_saved_model_with_a_group_predicts_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let flow = || {
        let scaled = steps!(split()).then(StandardScaler::new(["port"]));
        let coded = scaled.then(OrdinalEncoder::new(["class"]));
        coded.learn(LinearRegression::new(["age", "sex", "class", "port"], "y"))
    };
    let run = flow().run().unwrap();
    run.model().save(&path).unwrap();
    let new = || rows(50).lazy();
    let expected = bits(run.model().predict(new()).unwrap());
    let loaded = flow().load(&path).unwrap();
    assert_eq!(bits(loaded.predict(new()).unwrap()), expected);
    let erased = Registry::new().load(&path).unwrap();
    assert_eq!(bits(erased.predict(new()).unwrap()), expected);
    let again = folder.path().join("again.json");
    loaded.save(&again).unwrap();
    assert_eq!(
        std::fs::read(&path).unwrap(),
        std::fs::read(&again).unwrap()
    );

    let refused = |error: Error| assert_eq!(error.kind(), ErrorKind::Model, "{error}");
    let other = steps!(split()).then(StandardScaler::new(["port"]));
    let other = other.then(OrdinalEncoder::new(["class"]));
    refused(
        other
            .learn(LinearRegression::new(["age", "port"], "y"))
            .load(&path)
            .unwrap_err(),
    );
    let other = steps!(split()).then(StandardScaler::new(["sex"]));
    let other = other.then(OrdinalEncoder::new(["class"]));
    let features = ["age", "sex", "class", "port"];
    refused(
        other
            .learn(LinearRegression::new(features, "y"))
            .load(&path)
            .unwrap_err(),
    );
}

#[test]
fn new_rows_that_are_not_as_at_the_fit_are_refused() {
    let flow = steps!(split()).learn(LinearRegression::new(["age", "sex", "port"], "y"));
    let run = flow.run().unwrap();
    let model = run.model();
    let absent = rows(9).lazy().drop(by_name(["port"], true, false));
    let error = model.predict(absent).err().unwrap();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Predict, Some("port"))
    );
    let other = rows(9).lazy().with_columns([lit(1).alias("sex")]);
    let error = model.predict(other).err().unwrap();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Predict, Some("sex"))
    );
    let unknown = rows(9).lazy().with_columns([lit("x").alias("sex")]);
    let error = collect(model.predict(unknown).unwrap()).unwrap_err();
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Apply, Some("sex"))
    );
    // What else there is stays as it is, also where it is named as an encoded column.
    let more = rows(9).lazy().with_columns([lit("kept").alias("sex_male")]);
    let found = collect(model.predict(more).unwrap()).unwrap();
    assert_eq!(
        found.column("sex_male").unwrap().str().unwrap().get(3),
        Some("kept")
    );
    assert_eq!(
        bits(found.lazy()),
        bits(model.predict(rows(9).lazy()).unwrap())
    );
}

#[test]
fn later_steps_take_a_group_as_a_whole() {
    let train = floe::train_on(InMemory::new(rows(60))).unwrap();
    let names = |frame: LazyFrame| {
        let frame = frame.collect().unwrap();
        frame
            .get_column_names_owned()
            .into_iter()
            .map(|name| name.to_string())
            .collect::<Vec<_>>()
    };
    // The steps that ask nothing wait for the names, too.
    let select = encoder()
        .then(Select::new(["age", "sex"]))
        .fit_on(&train)
        .unwrap();
    assert_eq!(
        names(select.apply(train.lazy()).unwrap()),
        ["age", "sex_male"]
    );
    let dropped = encoder()
        .then(DropColumns::new(["port"]))
        .fit_on(&train)
        .unwrap();
    let found = names(dropped.apply(train.lazy()).unwrap());
    assert_eq!(found, ["age", "class", "fare", "y", "sex_male"]);
    let cast = encoder()
        .then(Cast::new(["port"], DataType::Float32))
        .fit_on(&train)
        .unwrap();
    let found = cast.apply(train.lazy()).unwrap().collect().unwrap();
    for name in MADE {
        let expected = if name == "sex_male" {
            DataType::UInt8
        } else {
            DataType::Float32
        };
        assert_eq!(found.column(name).unwrap().dtype(), &expected);
    }
    let scaled = encoder().then(StandardScaler::new(
        dtype_col(&DataType::UInt8).as_selector(),
    ));
    let found = scaled
        .fit_on(&train)
        .unwrap()
        .apply(train.lazy())
        .unwrap()
        .collect()
        .unwrap();
    for name in MADE {
        let column = found.column(name).unwrap().f64().unwrap();
        assert!(column.mean().unwrap().abs() < 1e-12);
    }
    let again = encoder()
        .then(OrdinalEncoder::new(["sex"]))
        .fit_on(&train)
        .unwrap();
    assert_eq!(again.next().categories("sex_male").unwrap().len(), 2);
    // Erased, to the same columns.
    let boxed = vec![
        BoxTransform::new(encoder()),
        BoxTransform::new(Select::new(["age", "sex"])),
    ];
    let boxed = boxed.fit_on(&train).unwrap();
    assert_eq!(
        names(boxed.apply(train.lazy()).unwrap()),
        ["age", "sex_male"]
    );
}

#[test]
fn what_a_group_cannot_be_is_said_before_a_row_is_read() {
    let schema = floe::train_on(InMemory::new(rows(3))).unwrap();
    let schema = schema.schema();
    let refused = |error: Error, column: &str| {
        assert_eq!(error.column(), Some(column), "{error}");
        assert!(error.help().is_some(), "{error}");
    };
    let read = WithColumns::new([(col("sex") * lit(2)).alias("twice")]);
    refused(encoder().then(read).levels(schema).unwrap_err(), "sex");
    let write = WithColumns::new([lit(2).alias("sex")]);
    refused(encoder().then(write).levels(schema).unwrap_err(), "sex");
    let renamed = encoder().then(Rename::new([("sex", "gender")]));
    refused(renamed.levels(schema).unwrap_err(), "sex");
    let marked = encoder().then(MissingIndicator::new(["sex"]));
    refused(marked.levels(schema).unwrap_err(), "sex");
    let twice = encoder().then(OneHotEncoder::new(["sex"]));
    refused(twice.levels(schema).unwrap_err(), "sex");
    let one = encoder().then(StandardScaler::new(["sex_male"]));
    let error = one.levels(schema).unwrap_err();
    assert!(
        error.to_string().contains("as a whole: `sex`, `port`"),
        "{error}"
    );
}

#[test]
fn names_differ_also_from_a_group_of_a_later_level() {
    let rows = df![
        "a" => ["b_x", "b_y", "b_x", "b_y"],
        "a_b" => [Some("x"), None, Some("x"), None],
        "n" => [1.0, 2.0, 4.0, 8.0],
        "y" => [1.0, 3.0, 2.0, 5.0],
    ];
    let rows = rows.unwrap();
    let train = floe::train_on(InMemory::new(rows.clone())).unwrap();
    // `a_b` is filled first, so its names are known a level after those of `a` could be.
    let chain = Imputer::constant(["a_b"], "y")
        .then(OneHotEncoder::new(["a_b"]))
        .then(OneHotEncoder::new(["a"]))
        .then(StandardScaler::new(["a", "n"]));
    let fitted = chain.fit_on(&train).unwrap();
    let encoded = fitted.apply(train.lazy()).unwrap().collect().unwrap();
    let names: Vec<_> = encoded
        .columns()
        .iter()
        .map(|column| column.name().as_str())
        .collect();
    assert_eq!(names, ["n", "y", "a_b_x", "a_b_y", "a_b_x_2", "a_b_y_2"]);
    assert_eq!(encoded.column("a_b_x").unwrap().dtype(), &DataType::UInt8);
    assert_eq!(
        encoded.column("a_b_x_2").unwrap().dtype(),
        &DataType::Float64
    );
    let flow = floe::from_train(InMemory::new(rows)).then(chain);
    let model = flow
        .learn(Ridge::new(["a", "a_b", "n"], "y"))
        .fit()
        .unwrap();
    let features = ["a_b_x_2", "a_b_y_2", "a_b_x", "a_b_y", "n"];
    assert_eq!(model.predictor().features(), features);
}
