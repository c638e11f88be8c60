//! Every step takes its columns by names, dtypes, patterns and all but some; and none where that is
//! allowed.

use floe::learn::FitOn;
use floe::polars::prelude::*;
use floe::prelude::*;
use floe::transform::BoxTransform;
use floe::{ErrorKind, Registry};

use crate::support::collect;

fn rows() -> DataFrame {
    df![
        "id" => [1_i64, 2, 3, 4, 5, 6],
        "f_1" => [Some(1.0), Some(2.0), None, Some(4.0), Some(5.0), Some(7.0)],
        "f_2" => [0.5, 0.25, 8.0, 1.0, 2.0, 3.0],
        "t_1" => ["a", "b", "a", "b", "a", "c"],
        "t_2" => ["x", "x", "y", "y", "x", "x"],
        "y" => [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    ]
    .expect("a frame")
}

type Made = fn(Columns) -> BoxTransform;

/// Each step that chooses columns, and whether it takes numbers.
fn steps() -> Vec<(&'static str, bool, Made)> {
    fn boxed<T: Transform + 'static>(step: T) -> BoxTransform {
        BoxTransform::new(step)
    }
    vec![
        ("mean", true, |columns| boxed(Imputer::mean(columns))),
        ("median", true, |columns| boxed(Imputer::median(columns))),
        ("mode", false, |columns| {
            boxed(Imputer::most_frequent(columns))
        }),
        ("constant", true, |columns| {
            boxed(Imputer::constant(columns, 1))
        }),
        ("group", true, |columns| {
            boxed(Imputer::mean(columns).by("t_1"))
        }),
        ("missing", true, |columns| {
            boxed(MissingIndicator::new(columns))
        }),
        ("min max", true, |columns| boxed(MinMaxScaler::new(columns))),
        ("max abs", true, |columns| boxed(MaxAbsScaler::new(columns))),
        ("standard", true, |columns| {
            boxed(StandardScaler::new(columns))
        }),
        ("robust", true, |columns| boxed(RobustScaler::new(columns))),
        ("norm", true, |columns| boxed(Normalizer::new(columns))),
        ("cast", true, |columns| {
            boxed(Cast::new(columns, DataType::Float32))
        }),
        ("select", true, |columns| boxed(Select::new(columns))),
        ("drop", true, |columns| boxed(DropColumns::new(columns))),
        ("one hot", false, |columns| {
            boxed(OneHotEncoder::new(columns))
        }),
        ("ordinal", false, |columns| {
            boxed(OrdinalEncoder::new(columns))
        }),
        ("target", false, |columns| {
            boxed(TargetEncoder::new(columns, "y"))
        }),
        ("winsorize", true, |columns| boxed(Winsorizer::new(columns))),
        ("filter", true, |columns| boxed(OutlierFilter::new(columns))),
        ("log", true, |columns| boxed(Log1p::new(columns))),
    ]
}

/// The rows after the step, fitted in a flow where the target is known.
fn applied(step: &BoxTransform) -> floe::Result<DataFrame> {
    let flow = floe::from_train(InMemory::new(rows()))
        .then(vec![step.clone()])
        .learn(MeanRegressor::new("y"));
    let model = flow.fit()?;
    collect(model.pipeline().apply(rows().lazy())?)
}

#[test]
fn every_step_takes_selectors() {
    for (name, numbers, made) in steps() {
        let prefix = if numbers { "f_" } else { "t_" };
        let names = [format!("{prefix}1"), format!("{prefix}2")];
        let dtypes = if numbers {
            DataTypeSelector::Float
        } else {
            DataTypeSelector::AnyOf([DataType::String].into())
        };
        let others = rows();
        let others = others.get_column_names_owned().into_iter();
        let others: Vec<_> = others
            .filter(|name| !name.starts_with(prefix) && *name != "y")
            .collect();
        let expected =
            applied(&made(names.clone().into())).unwrap_or_else(|error| panic!("{name}: {error}"));
        // The target is of the same dtype, and is never chosen.
        for selector in [
            by_name(names, true, false),
            dtypes.as_selector(),
            Selector::Matches(format!("^{prefix}[0-9]$").into()),
            all() - by_name(others, true, false),
        ] {
            let step = made(selector.clone().into());
            let found = applied(&step).unwrap_or_else(|error| panic!("{step:?}: {error}"));
            assert!(
                found.equals_missing(&expected),
                "{name} {selector}: {found} {expected}"
            );
        }
    }
}

#[test]
fn no_column_is_an_error_unless_it_is_allowed() {
    let dates = || Columns::from(DataTypeSelector::AnyOf([DataType::Date].into()).as_selector());
    let folder = tempfile::tempdir().expect("a folder");
    for (name, _, made) in steps() {
        for columns in [dates(), Columns::from(Vec::<String>::new())] {
            let error = applied(&made(columns.clone())).expect_err("nothing is chosen");
            assert_eq!(error.kind(), ErrorKind::Schema, "{name}: {error}");
            assert!(
                error.to_string().contains("no column is chosen"),
                "{name}: {error}"
            );
            let step = made(columns.or_none());
            assert!(format!("{step:?}").contains("or none"), "{step:?}");
            let found = applied(&step).unwrap_or_else(|error| panic!("{step:?}: {error}"));
            let expected = match name {
                "select" => rows().select(["y"]).expect("columns"),
                _ => rows(),
            };
            assert!(found.equals_missing(&expected), "{name}: {found}");
            // And so it is read back.
            let path = folder.path().join("model.json");
            let flow = floe::from_train(InMemory::new(rows()))
                .then(vec![step.clone()])
                .learn(MeanRegressor::new("y"));
            flow.fit()
                .and_then(|model| model.save(&path))
                .expect("a file");
            let again = Registry::new()
                .load(&path)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let again = again.pipeline().apply(rows().lazy()).and_then(collect);
            assert!(again.expect("rows").equals_missing(&expected), "{name}");
            assert!(flow.load(&path).is_ok(), "{name}");
        }
    }
    let ghost = MinMaxScaler::new(Columns::from("ghost").or_none());
    let train = floe::train_on(InMemory::new(rows())).expect("rows");
    let error = ghost.fit_on(&train).expect_err("a name must exist");
    assert_eq!(error.column(), Some("ghost"));
}
