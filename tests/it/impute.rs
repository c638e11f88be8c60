//! Gaps: what fills them, what is no gap, what is refused, and the whole way on a table with gaps.

use floe::ErrorKind;
use floe::Nullable;
use floe::learn::FitOn;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::impute::{FillValue, Imputation};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy;

use crate::support::{collect, data, frame, integer_dtypes, physical};

fn fit(imputer: &Imputer, rows: &DataFrame) -> floe::Result<Imputation> {
    imputer.fit_on(&floe::train_on(InMemory::new(rows.clone()))?)
}

fn applied(imputer: &Imputer, rows: &DataFrame) -> floe::Result<DataFrame> {
    collect(fit(imputer, rows)?.apply(rows.clone().lazy())?)
}

/// The gaps of `x` filled.
fn filled(imputer: &Imputer, x: Series) -> Series {
    let rows = applied(imputer, &frame(x)).expect("a fit");
    let column = rows.column("x").expect("x");
    column.as_materialized_series().clone()
}

#[test]
fn numbers_of_every_dtype_are_filled_in_their_own_integers() {
    for (dtype, low, high) in integer_dtypes() {
        // At the far end, where a float has long lost count, and of a Boolean false, false, true.
        let (a, b, c) = match dtype {
            DataType::Boolean => (0, 0, 1),
            _ => (high - 9, high - 8, high - 2),
        };
        let column = |values: [Option<i128>; 5]| physical(&dtype, &values);
        let odd = column([Some(c), None, Some(a), None, Some(b)]);
        let median = filled(&Imputer::median(["x"]), odd.clone());
        let expected = column([Some(c), Some(b), Some(a), Some(b), Some(b)]);
        assert_eq!(median.dtype(), &dtype);
        assert!(median.equals(&expected), "{dtype}: {median} {expected}");

        // high - 19/3 rounds to high - 6, and a third to false.
        let mean = if dtype == DataType::Boolean {
            0
        } else {
            high - 6
        };
        let found = filled(&Imputer::mean(["x"]), odd.clone());
        let expected = column([Some(c), Some(mean), Some(a), Some(mean), Some(b)]);
        assert!(found.equals(&expected), "{dtype}: {found} {expected}");

        // Between two neighbours the even one, also where the smallest number is one of them.
        let pair = column([Some(low), None, Some(low + 1), None, None]);
        let even = low + (low & 1);
        let expected = column([Some(low), Some(even), Some(low + 1), Some(even), Some(even)]);
        for imputer in [Imputer::median(["x"]), Imputer::mean(["x"])] {
            let found = filled(&imputer, pair.clone());
            assert!(
                found.equals(&expected),
                "{imputer:?} {dtype}: {found} {expected}"
            );
        }

        let whole = dtype.is_integer() || dtype == DataType::Boolean;
        let float = filled(&Imputer::mean(["x"]).integers(Integers::Float), odd);
        let expected = if whole { &DataType::Float64 } else { &dtype };
        assert_eq!(float.dtype(), expected);
    }
}

#[test]
fn a_float_column_is_filled_as_it_was_learned() {
    let x = Series::new("x".into(), [Some(1_i64), None, Some(2)]);
    let float = Integers::Float;
    assert_eq!(
        filled(&Imputer::mean(["x"]).integers(float), x.clone()),
        Series::new("x".into(), [1.0, 1.5, 2.0])
    );
    let flags = Series::new("x".into(), [Some(true), None, Some(false), Some(true)]);
    assert_eq!(
        filled(&Imputer::median(["x"]).integers(float), flags.clone()),
        Series::new("x".into(), [1.0, 1.0, 0.0, 1.0])
    );
    assert_eq!(
        filled(&Imputer::mean(["x"]), flags),
        Series::new("x".into(), [true, true, false, true])
    );
    // To the bit what NumPy has; neither 0.1 + 0.4 / 2 nor a sum beyond the floats.
    for [low, high, middle] in [[0.1, 0.5, 0.3], [1.5e308, 1.7e308, 1.6e308]] {
        let pair = Series::new("x".into(), [Some(low), None, Some(high)]);
        let expected = Series::new("x".into(), [low, middle, high]);
        assert_eq!(filled(&Imputer::median(["x"]), pair), expected);
    }
    let narrow = x.cast(&DataType::Float32).expect("floats");
    assert_eq!(
        filled(&Imputer::mean(["x"]), narrow),
        Series::new("x".into(), [1.0_f32, 1.5, 2.0])
    );
}

#[test]
fn a_null_a_nan_and_an_empty_text_are_three_things() {
    let x = Series::new("x".into(), [Some(1.0), None, Some(f64::NAN), Some(3.0)]);
    let kept = filled(&Imputer::mean(["x"]), x.clone());
    let kept = kept.f64().expect("floats");
    assert_eq!((kept.get(1), kept.null_count()), (Some(2.0), 0));
    assert!(kept.get(2).expect("a value").is_nan());
    let missing = Imputer::mean(["x"]).nans(NanAs::Missing);
    assert_eq!(
        filled(&missing, x.clone()),
        Series::new("x".into(), [1.0, 2.0, 2.0, 3.0])
    );

    let texts = Series::new("x".into(), [Some(""), None, Some("a")]);
    assert_eq!(
        filled(
            &Imputer::constant(["x"], "?").nans(NanAs::Missing),
            texts.clone()
        ),
        Series::new("x".into(), ["", "?", "a"])
    );

    let marks = |step: MissingIndicator, x: Series| {
        let rows = step.apply(frame(x).lazy()).and_then(collect).expect("rows");
        let marks = rows.column("x_missing").expect("a column").bool().cloned();
        marks
            .expect("flags")
            .iter()
            .map(|mark| mark.expect("a mark"))
            .collect::<Vec<_>>()
    };
    let step = MissingIndicator::new(["x"]);
    assert_eq!(marks(step.clone(), x.clone()), [false, true, false, false]);
    assert_eq!(marks(step.clone(), texts.clone()), [false, true, false]);
    let step = step.nans(NanAs::Missing);
    assert_eq!(marks(step.clone(), x), [false, true, true, false]);
    assert_eq!(marks(step, texts), [false, true, false]);
}

#[test]
fn the_schema_says_that_no_null_is_left() {
    let rows = frame(Series::new("x".into(), [Some(1_i32), None]));
    let train = floe::train_on(InMemory::new(rows)).expect("a frame");
    for (integers, dtype) in [
        (Integers::Round, DataType::Int32),
        (Integers::Float, DataType::Float64),
    ] {
        let step = Imputer::median(["x"]).integers(integers);
        let planned = Transform::output(&step, train.schema()).expect("a plan");
        let promised = step.fit_on(&train).expect("a fit").output(train.schema());
        assert_eq!(planned, promised.expect("a schema"));
        let field = planned.field("x").expect("x");
        assert_eq!(
            (field.dtype(), field.is_nullable()),
            (&dtype, Nullable::Never)
        );
    }
}

#[test]
fn a_constant_must_be_a_value_of_the_dtype() {
    let takes = |value: FillValue, dtype: &DataType| {
        let column = Series::full_null("x".into(), 2, dtype);
        match applied(&Imputer::constant(["x"], value), &frame(column)) {
            Ok(rows) => {
                let column = rows.column("x").expect("x");
                assert_eq!((column.null_count(), column.dtype()), (0, dtype));
                true
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Config, "{error}");
                assert_eq!(error.column(), Some("x"));
                assert_eq!(error.dtype(), Some(dtype.to_string().as_str()));
                false
            }
        }
    };
    for (dtype, low, high) in integer_dtypes() {
        if dtype == DataType::Boolean {
            assert!(takes(true.into(), &dtype) && !takes(1.into(), &dtype));
            continue;
        }
        let scale = match dtype {
            DataType::Decimal(_, scale) => 10_i128.pow(u32::try_from(scale).expect("small")),
            _ => 1,
        };
        assert!(takes((low / scale).into(), &dtype) && takes((high / scale).into(), &dtype));
        assert!(!takes((low / scale - 1).into(), &dtype), "{dtype}");
        assert!(!takes((high / scale + 1).into(), &dtype), "{dtype}");
        assert!(!takes("1".into(), &dtype) && !takes(true.into(), &dtype));
        assert!(!takes(f64::NAN.into(), &dtype));
        assert_eq!(takes(0.25.into(), &dtype), scale >= 100, "{dtype}");
    }
    let (narrow, wide) = (DataType::Float32, DataType::Float64);
    assert!(takes(0.1.into(), &wide) && takes((1_i64 << 53).into(), &wide));
    assert!(!takes(((1_i64 << 53) + 1).into(), &wide));
    assert!(!takes(f64::NAN.into(), &wide) && !takes(f64::INFINITY.into(), &wide));
    assert!(takes(0.1_f32.into(), &narrow) && !takes(0.1.into(), &narrow));
    assert!(!takes(((1_i64 << 24) + 1).into(), &narrow));
    assert!(takes("".into(), &DataType::String) && !takes(0.into(), &DataType::String));
    assert!(takes(7.0.into(), &DataType::Int64) && !takes(1e300.into(), &DataType::Int64));
}

#[test]
fn what_cannot_be_filled_is_refused_by_name() {
    let rows = df![
        "empty" => [None::<f64>, None, None],
        "nan" => [Some(f64::NAN), None, None],
        "text" => ["1", "2", "3"],
        "infinite" => [Some(1.0), Some(f64::INFINITY), None],
    ]
    .expect("a frame");
    for (imputer, kind, says) in [
        (
            Imputer::median(["empty"]),
            ErrorKind::Fit,
            "none of the 3 train rows holds a value, so there is no median (column `empty`)",
        ),
        (
            Imputer::mean(["nan"]),
            ErrorKind::Fit,
            "there is no mean (column `nan`)",
        ),
        (
            Imputer::mean(["text"]),
            ErrorKind::Schema,
            "a text has no mean (column `text`, str); cast it to a number first",
        ),
        (
            Imputer::median(["infinite"]),
            ErrorKind::Fit,
            "1 of the train rows hold an infinity, the first in source row 1 (column `infinite`)",
        ),
        (
            Imputer::mean(["ghost"]),
            ErrorKind::Schema,
            "there is no such column (column `ghost`)",
        ),
        (
            Imputer::constant(["text"], 0),
            ErrorKind::Config,
            "0 is no value of the column's dtype (column `text`, str); give a text",
        ),
    ] {
        let error = fit(&imputer, &rows).expect_err("refused");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(
            error
                .stage()
                .is_some_and(|stage| stage.starts_with("Imputer(")),
            "{error}"
        );
    }
    // Before a row is read, where a constant cannot fit.
    let flow = floe::from_train(InMemory::new(rows.clone())).then(Imputer::constant(["text"], 0));
    let error = flow.explain().expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Config);
    // What was learned of one dtype means nothing for another.
    let fitted = fit(&Imputer::constant(["empty"], 0), &rows).expect("a fit");
    let error = fitted.apply(df!["empty" => [1_i64]].expect("a frame").lazy());
    let error = error.and_then(collect).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert_eq!(
        (error.column(), error.dtype()),
        (Some("empty"), Some("i64"))
    );

    let marked = df!["a" => [1], "a_missing" => [true]].expect("a frame");
    let flow = floe::from(InMemory::new(marked)).then(MissingIndicator::new(["a"]));
    let flow = flow.split(TrainTestSplit::new(0.5));
    let error = flow
        .learn(MeanRegressor::new("a"))
        .check()
        .expect_err("refused");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("a_missing"))
    );
}

#[test]
fn what_was_learned_is_data_and_belongs_to_its_flow() {
    let rows = df![
        "big" => [Some(i64::MAX), None, Some(i64::MAX - 4)],
        "age" => [Some(0.1), None, Some(0.5)],
        "y" => [1.0, 2.0, 3.0],
    ]
    .expect("a frame");
    let flow = |imputer: Imputer| floe::from_train(InMemory::new(rows.clone())).then(imputer);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("steps.json");
    let imputer = Imputer::median(["big", "age"]);
    flow(imputer.clone())
        .fit()
        .expect("a fit")
        .save(&path)
        .expect("a file");
    let text = std::fs::read_to_string(&path).expect("a file");
    let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        file["contents"]["steps"][0],
        serde_json::json!({
            "kind": "imputation",
            "state": {
                "columns": [
                    {"column": "big", "dtype": "int64", "value": {"int": "9223372036854775805"}},
                    {"column": "age", "dtype": "float64", "value": {"float": 0.3}},
                ],
                "strategy": "median",
                "nans": "value",
                "integers": "round",
            },
        })
    );
    let read = floe::Registry::new()
        .load_pipeline(&path)
        .expect("a pipeline");
    let again = read
        .apply(rows.clone().lazy())
        .and_then(collect)
        .expect("rows");
    assert!(again.equals(&applied(&imputer, &rows).expect("rows")));

    let train = floe::train_on(InMemory::new(rows.clone())).expect("a frame");
    let saved = floe::transform::Saved::of(&imputer.fit_on(&train).expect("a fit"));
    let saved = saved.expect("saved");
    assert!(imputer.restore(&saved).is_ok());
    for other in [
        Imputer::mean(["big", "age"]),
        Imputer::median(["age", "big"]),
        imputer.clone().nans(NanAs::Missing),
        imputer.integers(Integers::Float),
        Imputer::constant(["big", "age"], 0),
    ] {
        let error = other.restore(&saved).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Model, "{other:?}");
    }
    let zero = Imputer::constant(["big", "age"], 0);
    let saved = floe::transform::Saved::of(&zero.fit_on(&train).expect("a fit")).expect("saved");
    assert!(zero.restore(&saved).is_ok());
    assert!(
        Imputer::constant(["big", "age"], 1)
            .restore(&saved)
            .is_err()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_null_is_left_and_no_value_is_touched(
        first in any::<i64>(),
        whole in proptest::collection::vec(proptest::option::of(any::<i64>()), 0..40),
        parts in proptest::collection::vec(prop_oneof![
            1 => proptest::strategy::Just(None),
            3 => (-1e300..1e300).prop_map(Some),
        ], 40),
    ) {
        let whole: Vec<_> = std::iter::once(Some(first)).chain(whole).collect();
        let parts: Vec<_> = std::iter::once(Some(0.5)).chain(parts).take(whole.len()).collect();
        let rows = df!["x" => &whole, "y" => &parts].expect("a frame");
        for imputer in [Imputer::mean(["x", "y"]), Imputer::median(["x", "y"]), Imputer::constant(["x", "y"], 3)] {
            let filled = applied(&imputer, &rows).expect("a fit");
            for name in ["x", "y"] {
                let (before, after) = (rows.column(name).expect("was"), filled.column(name).expect("is"));
                prop_assert_eq!(after.null_count(), 0);
                prop_assert_eq!(before.dtype(), after.dtype());
                let kept = before.is_not_null();
                let kept = |column: &Column| column.filter(&kept).expect("rows");
                prop_assert!(kept(before).equals(&kept(after)));
            }
            let x = filled.column("x").expect("x").i64().expect("integers");
            let (min, max) = (whole.iter().flatten().min().copied(), whole.iter().flatten().max().copied());
            if !format!("{imputer:?}").contains("constant") {
                prop_assert_eq!((x.min(), x.max()), (min, max));
            }
        }
    }
}

macro_rules! titanic {
    ($path:expr, $split:expr) => {
        floe::from(Csv::new($path))
            .then(MissingIndicator::new(["Age"]))
            .split($split)
            .then(Imputer::median(["Age"]))
            .then(StandardScaler::new(["Age"]))
            .learn(LinearRegression::new(["Age", "Age_missing"], "Survived"))
    };
}

#[test]
fn titanic_goes_the_whole_way() {
    let Some(path) = data("titanic/train.csv") else {
        return;
    };
    let flow = titanic!(&path, TrainTestSplit::new(0.2).seed(42));
    let explain = flow.explain().expect("a plan");
    // The scaler waits for the imputer: its column is another one once gaps are filled.
    assert_eq!(explain.levels.len(), 2, "{explain}");
    let run = flow.run().expect("a run");
    let age = run.train().collect().expect("rows");
    let age = age
        .column("Age")
        .expect("a column")
        .f64()
        .cloned()
        .expect("floats");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("model.json");
    run.model().save(&file).expect("a file");
    let text = std::fs::read_to_string(&file).expect("a file");
    let saved: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let learned = &saved["contents"]["steps"][0]["state"]["columns"][0]["value"]["float"];
    // Of the train rows, as Polars says it.
    assert_eq!(learned.as_f64(), age.median());
    // A passenger of unknown age is one of that age, and known to be.
    let new = df!["Age" => [None, age.median()], "Age_missing" => [true, true]].expect("a frame");
    let predicted = run
        .model()
        .predict(new.lazy())
        .and_then(collect)
        .expect("rows");
    let predicted = predicted
        .column("prediction")
        .expect("a column")
        .f64()
        .cloned();
    let predicted = predicted.expect("floats");
    assert_eq!(predicted.null_count(), 0);
    assert_eq!(predicted.get(0), predicted.get(1));
    let again = flow.load(&file).expect("a model");
    assert_eq!(again.metrics(), run.model().metrics());
}

#[test]
fn folds_of_titanic_have_the_bits_of_each_alone() {
    let Some(path) = data("titanic/train.csv") else {
        return;
    };
    let contents = |save: &dyn Fn(&std::path::Path) -> floe::Result<()>| {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("model.json");
        save(&file).expect("a file");
        let text = std::fs::read_to_string(file).expect("a file");
        let file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        ["steps", "predictor", "metrics", "inputs"].map(|part| file["contents"][part].clone())
    };
    let folds = KFold::new(5).seed(7);
    let together = titanic!(&path, folds.clone()).run().expect("a run");
    let mut medians = Vec::new();
    for fold in 0..5 {
        let alone = titanic!(&path, folds.clone().fold(fold))
            .run()
            .expect("a run");
        let found = contents(&|path| together.models()[fold].save(path));
        assert_eq!(
            found,
            contents(&|path| alone.model().save(path)),
            "fold {fold}"
        );
        medians.push(found[0][0]["state"]["columns"][0]["value"].to_string());
    }
    medians.sort();
    medians.dedup();
    assert!(
        medians.len() > 1,
        "every fold learned the same: {medians:?}"
    );
}
