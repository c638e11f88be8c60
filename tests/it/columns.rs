//! Steps on the columns themselves: which there are, what they are called, of which dtype.

use floe::ErrorKind;
use floe::learn::FitOn;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::{Artifact, Saved};

use crate::support::{collect, data, frame, integer_dtypes, physical};

fn rows() -> DataFrame {
    let at = 0..40_i64;
    df![
        "id" => at.clone().map(|at| format!("row {at}")).collect::<Vec<_>>(),
        "a" => at.clone().map(|at| (at * 7 % 13) as f64).collect::<Vec<_>>(),
        "b" => at.clone().map(|at| at * at % 17).collect::<Vec<_>>(),
        "c" => at.clone().map(|at| (at % 3).to_string()).collect::<Vec<_>>(),
        "y" => at.map(|at| (at * 3 % 11) as f64).collect::<Vec<_>>(),
    ]
    .expect("a frame")
}

fn applied(step: &impl Apply, rows: DataFrame) -> floe::Result<DataFrame> {
    step.apply(rows.lazy()).and_then(collect)
}

fn names(frame: &DataFrame) -> Vec<&str> {
    frame
        .get_column_names()
        .into_iter()
        .map(|name| name.as_str())
        .collect()
}

#[test]
fn columns_are_kept_removed_and_renamed() {
    let found = applied(&Select::new(["b", "a"]), rows()).expect("rows");
    assert_eq!(names(&found), ["a", "b"]);
    assert!(found.equals(&rows().select(["a", "b"]).expect("rows")));
    let found = applied(
        &Select::new(all() - by_name(["a", "b", "y"], true, false)),
        rows(),
    )
    .expect("rows");
    assert_eq!(names(&found), ["id", "c"]);
    let found = applied(&DropColumns::new(["a", "y"]), rows()).expect("rows");
    assert_eq!(names(&found), ["id", "b", "c"]);
    let swap = Rename::new([("a", "b"), ("b", "a"), ("y", "z")]);
    let found = applied(&swap, rows()).expect("rows");
    assert_eq!(names(&found), ["id", "b", "a", "c", "z"]);
    assert_eq!(found.column("b").expect("b").dtype(), &DataType::Float64);
    assert!(found.column("a").expect("a").equals(&{
        let mut old = rows().column("b").expect("b").clone();
        old.rename("a".into());
        old
    }));
    // What looks like a pattern is a name.
    let odd = df!["^a.*$" => [1], "ab" => [2], "*" => [3]].expect("a frame");
    let found = applied(&DropColumns::new(["^a.*$"]), odd.clone()).expect("rows");
    assert_eq!(names(&found), ["ab", "*"]);
    let found = applied(&Select::new(["*"]), odd.clone()).expect("rows");
    assert_eq!(names(&found), ["*"]);
    let found = applied(&Rename::new([("*", "^a$")]), odd).expect("rows");
    assert_eq!(names(&found), ["^a.*$", "ab", "^a$"]);
}

#[test]
fn rows_are_split_by_their_numbers_whatever_columns_are_left() {
    let split = || TrainTestSplit::new(0.25).seed(3);
    let model = || LinearRegression::new(["a", "b"], "y");
    let plain = floe::from(InMemory::new(rows()))
        .split(split())
        .learn(model());
    let plain = plain.run().expect("a run");
    let before = floe::from(InMemory::new(rows()))
        .then(Select::new(["a", "b", "y", "c"]))
        .then(DropColumns::new(["c"]))
        .split(split())
        .learn(model());
    let before = before.run().expect("a run");
    assert_eq!(before.metrics(), plain.metrics());
    let after = floe::from(InMemory::new(rows()))
        .split(split())
        .then(Select::new(["a", "b", "c"]))
        .then(DropColumns::new(["c"]))
        .learn(model());
    let after = after.run().expect("a run");
    assert_eq!(after.metrics(), plain.metrics());
    let folds = || KFold::new(4).seed(9);
    let plain = floe::from(InMemory::new(rows())).split(folds());
    let plain = plain.learn(model()).run().expect("a run");
    let after = floe::from(InMemory::new(rows()))
        .split(folds())
        .then(Select::new(["a", "b"]))
        .learn(model());
    let after = after.run().expect("a run");
    assert_eq!(after.metrics(), plain.metrics());
    assert_eq!(
        after.predictions().and_then(collect).expect("rows"),
        plain.predictions().and_then(collect).expect("rows")
    );
}

#[test]
fn what_is_learned_of_a_column_is_learned_before_it_is_removed() {
    // In one scan: the column as it was is put aside.
    let flow = floe::from_train(InMemory::new(rows()))
        .then(StandardScaler::new(["a", "b"]))
        .then(DropColumns::new(["a"]))
        .then(Rename::new([("b", "a")]))
        .then(MinMaxScaler::new(["a"]));
    let pipeline = flow.fit().expect("a fit");
    let found = pipeline
        .apply(rows().lazy())
        .and_then(collect)
        .expect("rows");
    let stepwise = {
        let mut rows = rows();
        let scaler = StandardScaler::new(["a", "b"]);
        let train = floe::train_on(InMemory::new(rows.clone())).expect("a frame");
        rows = applied(&scaler.fit_on(&train).expect("a fit"), rows).expect("rows");
        rows = applied(&DropColumns::new(["a"]), rows).expect("rows");
        rows = applied(&Rename::new([("b", "a")]), rows).expect("rows");
        let train = floe::train_on(InMemory::new(rows.clone())).expect("a frame");
        let scaler = MinMaxScaler::new(["a"]).fit_on(&train).expect("a fit");
        applied(&scaler, rows).expect("rows")
    };
    assert_eq!(names(&found), ["id", "a", "c", "y"]);
    assert!(found.equals(&stepwise), "{found} {stepwise}");
}

#[test]
fn new_rows_need_not_have_what_is_removed() {
    let flow = floe::from_train(InMemory::new(rows()))
        .then(DropColumns::new(["c"]))
        .then(Select::new(["a", "b"]))
        .learn(LinearRegression::new(["a"], "y"));
    let model = flow.fit().expect("a fit");
    let whole = model
        .predict(rows().lazy())
        .and_then(collect)
        .expect("rows");
    // The rows come back as they were, with the prediction.
    assert_eq!(names(&whole), ["id", "a", "b", "c", "y", "prediction"]);
    let few = rows().select(["a"]).expect("rows");
    let few = model.predict(few.lazy()).and_then(collect).expect("rows");
    assert_eq!(few["prediction"], whole["prediction"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model.json");
    model.save(&path).expect("a file");
    for found in [
        flow.load(&path).expect("a model").predict(rows().lazy()),
        floe::Registry::new()
            .load(&path)
            .expect("a model")
            .predict(rows().lazy()),
    ] {
        assert!(found.and_then(collect).expect("rows").equals(&whole));
    }
}

macro_rules! refused {
    ($step:expr, $kind:ident, $column:expr, $says:expr) => {{
        let after = floe::from(InMemory::new(rows()))
            .role("id", Role::Id)
            .split(TrainTestSplit::new(0.25))
            .then($step)
            .learn(MeanRegressor::new("y"));
        let error = after.check().expect_err("refused");
        assert_eq!(
            (error.kind(), error.column()),
            (ErrorKind::$kind, $column),
            "{error}"
        );
        assert!(error.to_string().contains($says), "{error}");
        assert!(error.stage().is_some(), "{error}");
    }};
}

#[test]
fn what_cannot_be_done_to_the_columns_is_refused_by_name() {
    let target = "the column is the target";
    refused!(Select::new(["a", "y"]), Schema, Some("y"), target);
    refused!(DropColumns::new(["y"]), Schema, Some("y"), target);
    refused!(Rename::new([("y", "z")]), Schema, Some("y"), target);
    refused!(
        Cast::new(["y"], DataType::Float32),
        Schema,
        Some("y"),
        target
    );
    refused!(
        DropColumns::new(["id"]),
        Schema,
        Some("id"),
        "the column is an id"
    );
    refused!(
        DropColumns::new(["ghost"]),
        Schema,
        Some("ghost"),
        "no such column"
    );
    refused!(
        Select::new(["ghost"]),
        Schema,
        Some("ghost"),
        "no such column"
    );
    refused!(
        Rename::new([("ghost", "x")]),
        Schema,
        Some("ghost"),
        "no such column"
    );
    refused!(
        Rename::new([("a", "b")]),
        Schema,
        Some("a"),
        "another column is named `b`"
    );
    refused!(Rename::new([("a", "y")]), Schema, Some("y"), target);
    refused!(
        Rename::new([("a", "z"), ("b", "z")]),
        Schema,
        Some("b"),
        "named `z`"
    );
    refused!(
        Rename::new([("a", "x"), ("a", "z")]),
        Schema,
        Some("a"),
        "renamed twice"
    );
    refused!(
        Rename::new([("a", "__floe_row")]),
        Schema,
        Some("__floe_row"),
        "reserved"
    );
    refused!(
        Rename::new(Vec::<(String, String)>::new()),
        Schema,
        None,
        "no column is chosen"
    );
    let wide = DataType::List(Box::new(DataType::Int64));
    refused!(
        Cast::new(["a"], wide),
        Config,
        None,
        "nothing can be cast to this dtype"
    );
    // Before the split too, where a misspelt name would otherwise do nothing.
    let before = floe::from(InMemory::new(rows())).then(DropColumns::new(["ghost"]));
    let before = before
        .split(TrainTestSplit::new(0.25))
        .learn(MeanRegressor::new("y"));
    let error = before.run().expect_err("refused");
    assert_eq!(
        (error.kind(), error.column()),
        (ErrorKind::Schema, Some("ghost"))
    );
}

#[test]
fn a_selector_leaves_the_columns_with_a_role_alone() {
    let flow = floe::from(InMemory::new(rows()))
        .role("id", Role::Id)
        .split(TrainTestSplit::new(0.25))
        .then(DropColumns::new(all()));
    let pipeline = flow.fit().expect("a fit");
    let left = pipeline
        .apply(rows().lazy())
        .and_then(collect)
        .expect("rows");
    // Without an estimator no column is the target.
    assert_eq!(names(&left), ["id"]);
    let flow = floe::from(InMemory::new(rows()))
        .split(TrainTestSplit::new(0.25))
        .then(DropColumns::new(all()))
        .learn(MeanRegressor::new("y"));
    assert!(flow.run().expect("a run").metrics().rmse().is_some());
}

/// What a cast makes of a column, and whether it is refused with the first value that does not fit.
fn cast(x: Series, into: &DataType) -> Result<Series, String> {
    let from = x.dtype().to_string();
    match applied(&Cast::new(["x"], into.clone()), frame(x)) {
        Ok(rows) => Ok(rows
            .column("x")
            .expect("x")
            .as_materialized_series()
            .clone()),
        Err(error) => {
            assert_eq!(
                (error.kind(), error.column()),
                (ErrorKind::Apply, Some("x")),
                "{error}"
            );
            assert_eq!(error.dtype(), Some(from.as_str()));
            let text = error.to_string();
            let first = text.split("the first one ").nth(1).expect("a value");
            Err(first.split(" (column").next().expect("a value").to_owned())
        }
    }
}

#[test]
fn a_value_that_does_not_fit_is_an_error_and_never_a_null() {
    let (int, float, narrow) = (DataType::Int64, DataType::Float64, DataType::Float32);
    let texts = |values: &[Option<&str>]| Series::new("x".into(), values);
    let whole = |values: &[Option<i64>]| Series::new("x".into(), values);
    let floats = |values: &[Option<f64>]| Series::new("x".into(), values);

    let found = cast(texts(&[Some("22"), None, Some("-3")]), &int).expect("fits");
    assert!(found.equals_missing(&whole(&[Some(22), None, Some(-3)])));
    for bad in ["", "abc", "2.5", "9223372036854775808"] {
        assert_eq!(
            cast(texts(&[Some("1"), None, Some(bad)]), &int),
            Err(format!("{bad:?}"))
        );
    }
    assert!(cast(texts(&[Some("2.5"), Some("inf")]), &float).is_ok());
    assert_eq!(
        cast(texts(&[Some("1e400")]), &float),
        Err("\"1e400\"".to_owned())
    );
    assert_eq!(cast(texts(&[Some("")]), &float), Err("\"\"".to_owned()));

    let found = cast(floats(&[Some(2.0), None, Some(-0.0)]), &int).expect("fits");
    assert!(found.equals_missing(&whole(&[Some(2), None, Some(0)])));
    for bad in [2.5, f64::NAN, f64::INFINITY, 2_f64.powi(63)] {
        assert!(
            cast(floats(&[Some(1.0), Some(bad)]), &int).is_err(),
            "{bad}"
        );
    }
    assert_eq!(
        cast(whole(&[Some(127), Some(128)]), &DataType::Int8),
        Err("128".to_owned())
    );
    assert_eq!(
        cast(whole(&[Some(-1)]), &DataType::UInt64),
        Err("-1".to_owned())
    );
    assert_eq!(
        cast(whole(&[Some(0), Some(1), Some(2)]), &DataType::Boolean),
        Err("2".to_owned())
    );
    let flags = cast(whole(&[Some(0), None, Some(1)]), &DataType::Boolean).expect("fits");
    assert!(flags.equals_missing(&Series::new("x".into(), [Some(false), None, Some(true)])));

    assert!(
        cast(
            floats(&[Some(0.1), Some(f64::NAN), Some(f64::INFINITY)]),
            &narrow
        )
        .is_ok()
    );
    assert!(cast(floats(&[Some(1.0), Some(1e300)]), &narrow).is_err());
    assert!(cast(whole(&[Some((1 << 53) + 1)]), &float).is_ok());

    let decimal = DataType::Decimal(5, 2);
    let money = cast(floats(&[Some(7.25), None]), &decimal).expect("fits");
    assert_eq!((money.dtype(), money.null_count()), (&decimal, 1));
    assert!(cast(money, &int).is_err());
    assert!(cast(whole(&[Some(1000)]), &decimal).is_err());
    assert!(cast(whole(&[Some(999)]), &decimal).is_ok());
}

#[test]
fn every_pair_of_dtypes_is_cast_or_refused_by_kind() {
    let numbers = integer_dtypes()
        .into_iter()
        .map(|(dtype, low, high)| physical(&dtype, &[Some(low), None, Some(high), Some(1)]));
    let floats = Series::new("x".into(), [Some(-1.5), None, Some(f64::NAN), Some(1.0)]);
    let texts = Series::new("x".into(), [Some("-1.5"), None, Some(""), Some("1")]);
    let narrow = floats.cast(&DataType::Float32).expect("floats");
    let columns: Vec<Series> = numbers.chain([floats, narrow, texts]).collect();
    for from in &columns {
        for into in columns.iter().map(|column| column.dtype()) {
            let step = Cast::new(["x"], into.clone());
            for x in [from.clone(), from.slice(1, 1)] {
                match applied(&step, frame(x.clone())) {
                    Ok(rows) => {
                        let found = rows.column("x").expect("x");
                        assert_eq!((found.dtype(), found.null_count()), (into, 1));
                    }
                    Err(error) => {
                        assert!(x.len() > 1 || error.kind() == ErrorKind::Schema, "{error}");
                        let kinds = [ErrorKind::Schema, ErrorKind::Apply];
                        assert!(
                            kinds.contains(&error.kind()),
                            "{} to {into}: {error}",
                            x.dtype()
                        );
                        let dtype = x.dtype().to_string();
                        assert_eq!(
                            (error.column(), error.dtype()),
                            (Some("x"), Some(dtype.as_str()))
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_saved_step_belongs_to_its_flow() {
    let train = floe::train_on(InMemory::new(rows())).expect("a frame");
    let select = Select::new(["a", "b"]);
    let saved = Saved::of(&select.fit_on(&train).expect("a fit")).expect("saved");
    assert_eq!(saved.kind(), Select::KIND);
    assert_eq!(
        *saved.state(),
        serde_json::json!({"columns": ["a", "b"], "removed": ["id", "c", "y"]})
    );
    assert!(select.restore(&saved).is_ok());
    assert!(Select::new(all()).restore(&saved).is_ok());
    let kind = |error: floe::Error| error.kind();
    let refused = Select::new(["a"]).restore(&saved).map_err(kind);
    assert_eq!(refused, Err(ErrorKind::Model));

    let cast = Cast::new(["a"], DataType::Float32);
    let saved = Saved::of(&cast.fit_on(&train).expect("a fit")).expect("saved");
    assert_eq!(
        *saved.state(),
        serde_json::json!({"columns": ["a"], "dtype": "float32"})
    );
    assert!(cast.restore(&saved).is_ok());
    let refused = Cast::new(["a"], DataType::String)
        .restore(&saved)
        .map_err(kind);
    assert_eq!(refused, Err(ErrorKind::Model));

    let rename = Rename::new([("a", "z")]);
    let saved = Saved::of(&rename.fit_on(&train).expect("a fit")).expect("saved");
    assert!(rename.restore(&saved).is_ok());
    let refused = Rename::new([("a", "x")]).restore(&saved).map_err(kind);
    assert_eq!(refused, Err(ErrorKind::Model));

    let drop = DropColumns::new(["a"]);
    let saved = Saved::of(&drop.fit_on(&train).expect("a fit")).expect("saved");
    assert!(drop.restore(&saved).is_ok());
    let refused = DropColumns::new(["b"]).restore(&saved).map_err(kind);
    assert_eq!(refused, Err(ErrorKind::Model));
}

#[test]
fn titanic_is_cleaned_by_steps() {
    let Some(path) = data("titanic/train.csv") else {
        return;
    };
    let run = floe::from(Csv::new(path))
        .then(DropColumns::new(["PassengerId", "Name", "Ticket", "Cabin"]))
        .then(Rename::new([("SibSp", "siblings"), ("Parch", "parents")]))
        .then(Cast::new(["Survived"], DataType::Float64))
        .split(TrainTestSplit::new(0.2).seed(42))
        .then(MissingIndicator::new(["Age"]))
        .then(Imputer::median(["Age"]))
        .then(Select::new([
            "Age",
            "Age_missing",
            "siblings",
            "parents",
            "Fare",
        ]))
        .then(StandardScaler::new(["Age", "Fare"]))
        .learn(LinearRegression::new(
            ["Age", "Age_missing", "siblings", "parents", "Fare"],
            "Survived",
        ))
        .run()
        .expect("a run");
    let rmse = run.metrics().rmse().expect("a score");
    assert!((0.3..0.5).contains(&rmse), "{rmse}");
}
